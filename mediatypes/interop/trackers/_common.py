"""What several trackers take: pictures, files and rows of a value."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..._core.errors import InputError

if TYPE_CHECKING:
    from ...types.image.value import Image

_ROWS = 100  # of a table that is shown as text


def drawn(value: Any) -> Image:
    """A value as one picture: an image with boxes and masks drawn in, a figure or plot as it looks."""
    from ...types.image.value import Image

    if isinstance(value, Image):
        return Image(value.to_pil(overlays=True), caption=value.caption) if value.boxes or value.masks else value
    if value._declaration.type == "figure" and not value.has_picture:
        hint = "Log mt.Image(...) of a picture of it, or mt.Html(figure.to_plotly().to_html())."
        raise InputError.of("", "a figure with a picture, such as matplotlib's", value, hint)
    return Image(value.to_png(), caption=value.caption)


def as_it_is(value: Any, key: str) -> Any:
    """For what the tracker takes as it is."""
    return value


def kept_file(value: Any) -> str:
    """The path of a new file with the bytes of a value, named by their format; whoever gets it moves or removes it."""
    handle, path = tempfile.mkstemp(value._file_type()[0], "mediatypes-")
    with os.fdopen(handle, "wb") as file:
        file.write(value.to_bytes())
    return path


@contextmanager
def passing_file(value: Any) -> Iterator[str]:
    """As `kept_file`, for what reads the file at once."""
    path = kept_file(value)
    try:
        yield path
    finally:
        os.unlink(path)


def as_json(value: Any) -> str:
    """Lists and dicts as text."""
    return json.dumps(value, ensure_ascii=False)


def table_texts(table: Any) -> list[list[str]]:
    """The head and the first 100 rows of a table, as texts."""
    rows = zip(*(table.get_column(name)[:_ROWS] for name in table.columns), strict=True)
    return [list(table.columns), *([str(cell) for cell in row] for row in rows)]


def plain_columns(table: Any) -> dict[str, list[Any]]:
    """The columns of a table; cells that are neither numbers nor texts as texts."""
    plain = (str, int, float, type(None))
    columns = {name: table.get_column(name) for name in table.columns}
    return {
        name: [cell if isinstance(cell, plain) else repr(cell) for cell in cells] for name, cells in columns.items()
    }


def plain_rows(table: Any) -> list[list[Any]]:
    """The rows of a table, with cells as of `plain_columns`."""
    return [list(row) for row in zip(*plain_columns(table).values(), strict=True)]


def has_picture(figure: Any) -> bool:
    """Whether a figure has a picture, as matplotlib's have."""
    return bool(figure.has_picture)


def is_cloud(scene: Any) -> bool:
    """Whether an `Object3D` is points without faces."""
    return scene.format == "ply" and scene.faces is None

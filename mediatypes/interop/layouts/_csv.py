"""`history.csv` and `media.csv`: a null is an empty field, an empty text is `""`, lists and documents are JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from ..._core import canonical
from ...columns.arrow import numbers, texts
from ...columns.cells import is_media_kind
from ...view import RunView
from ._content import Content
from ._report import Tally
from ._rows import media_columns, media_rows, shown


def write(view: RunView, folder: Path, tally: Tally) -> None:
    content = Content(view)
    fixed = content.read(content.fixed)
    names, columns = list(fixed.schema.names), list(fixed.columns)
    for spec in content.specs:
        names.append(spec.name)
        if is_media_kind(spec.kind):
            columns.append(texts([cell and _text(shown(cell)) for cell in content.media_cells(spec)]))
        else:
            column = content.read([spec.name]).column(spec.name)
            if pa.types.is_list(column.type):
                column = texts([None if cell is None else canonical.dumps(cell) for cell in column.to_pylist()])
            columns.append(column)
    pyarrow.csv.write_csv(pa.Table.from_arrays(columns, names=names), folder / "history.csv")
    tally.rows = fixed.num_rows
    rows = list(media_rows(content, tally))
    pyarrow.csv.write_csv(_media_table(rows, media_columns(content)), folder / "media.csv")
    content.write_description(folder)


def _media_table(rows: list[dict[str, Any]], columns: Sequence[str]) -> pa.Table:
    def column(name: str) -> pa.Array:
        values = [row[name] for row in rows]
        if name in ("step", "rank", "index", "size") and all(map(_fits, values)):
            return numbers(values, "int64")
        return texts([_text(value) for value in values])

    return pa.table({name: column(name) for name in columns})


def _fits(value: Any) -> bool:
    """Whether a column of int64 can hold it; the size that a document gives may be anything."""
    return value is None or (type(value) is int and abs(value) < 2**63)


def _text(cell: Any) -> str | None:
    return cell if cell is None or isinstance(cell, str) else canonical.dumps(cell)

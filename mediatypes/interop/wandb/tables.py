"""Tables of W&B: the copy in the run directory, completed by the one in the artifact's staging folder.

The copy of the run has the word "Image" where a cell was an image, times as text, and at most 10 000 rows; the artifact
has documents, milliseconds, and all rows, but null for NaN.
"""

from __future__ import annotations

import datetime
import io
import json
import math
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from ..._core.errors import DocumentError, MediaTypesError, Problem
from ..._core.wording import counted
from ...types.table.value import Table
from ..importing.names import free_name
from .context import Context, Rows

CLASSES = frozenset(  # what stands in a run's copy of a table instead of a media value
    ("Image", "Audio", "Video", "Html", "Molecule", "Object3D", "Plotly", "Bokeh", "Table", "JoinedTable", "Classes")
)
_MOST_UNPACKED = 1 << 30  # bytes of the arrays of one table
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def read(document: dict[str, Any], local: Any, context: Context, decode: Callable[..., Any]) -> Table:
    """The table of a document; of an incremental one with the rows of the increments before it.

    Args:
        local: the run's own copy, if there is one.
        context: of the document; what is lost is noted there.
        decode: reads the documents of cells.
    """
    url = str(document.get("artifact_path", ""))
    artifact = context.artifacts(url)
    if artifact is None and local is None:
        hint = "Import on the machine that logged it, or before its staging folder is emptied."
        raise DocumentError.of(document["_type"], "a table in the run or the staging folder", None, hint)
    content = json.loads(artifact.content) if artifact else local
    columns, rows = content["columns"], [list(row) for row in content["data"]]
    inside = context._replace(locate=artifact.locate) if artifact else context
    if artifact or "column_types" in content:
        _convert(columns, rows, content.get("column_types") or {}, inside)
    if artifact:
        _restore_nan(rows, (local or {}).get("data", []))
    else:
        _note_words(columns, rows, context)
    rows = _decoded(columns, rows, inside, decode)
    if document["_type"] == "incremental-table-file":
        context.increments[url] = rows
        earlier = [context.increments.get(one, []) for one in document.get("previous_increments_paths") or []]
        rows = [row for part in earlier for row in part] + rows
    total = document.get("nrows", len(rows))
    if isinstance(total, int) and total > len(rows):
        context.note(
            Problem("", f"expected {counted(total, 'row')}, got {len(rows)} in the files that are there", "rows")
        )
    return _table(_names(columns, context), rows)


def _table(names: list[str], rows: Rows) -> Table:
    try:
        return Table(names, rows)
    except MediaTypesError:  # columns of several types, which W&B takes on request
        return Table(names, rows, allow_mixed_types=True)


def _names(columns: list[Any], context: Context) -> list[str]:
    """The names of the columns: texts, and different."""
    names, taken = list[str](), set[str]()
    for column in map(str, columns):
        name = free_name(column, taken, "#")
        if name != column:
            context.note(Problem("", f"expected columns of different names, got {column!r} again", "column", name))
        names.append(name)
    return names


def _note_words(columns: list[Any], rows: Rows, context: Context) -> None:
    """Say how many cells were media of which only the name of the class is left."""
    counts = [0] * len(columns)
    for place in range(len(columns)):
        cells = [row[place] for row in rows if len(row) > place and row[place] is not None]
        if cells and all(isinstance(cell, str) and cell in CLASSES for cell in cells):
            counts[place] = len(cells)
    if sum(counts):
        named = ", ".join(f"{count} of {column}" for column, count in zip(columns, counts, strict=True) if count)
        text = f"expected the media of {counted(sum(counts), 'cell')} ({named}), got the name of their class"
        context.note(
            Problem("", text, "cells", "Their files were in the staging folder of the machine that logged them.")
        )


def _restore_nan(rows: Rows, local: list[Any]) -> None:
    """Cells that the artifact has as null and the run as NaN."""
    for row, own in zip(rows, local, strict=False):
        for place, cell in enumerate(row):
            if cell is None and place < len(own) and isinstance(own[place], float) and math.isnan(own[place]):
                row[place] = own[place]


def _convert(columns: list[Any], rows: Rows, types: dict[str, Any], context: Context) -> None:
    """Times and arrays as what they were; in place."""
    known = (types.get("params") or {}).get("type_map") or {}
    for place, column in enumerate(columns):
        for type in _alternatives(known.get(str(column))):
            if type.get("wb_type") == "timestamp":
                for row in rows:
                    if _is_finite(row[place]):
                        row[place] = _EPOCH + datetime.timedelta(microseconds=round(row[place] * 1000))
            packed = (type.get("params") or {}).get("serialization_path")
            if type.get("wb_type") == "ndarray" and packed:
                for row, array in zip(rows, _arrays(packed, context), strict=False):
                    row[place] = array


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _alternatives(type: Any) -> list[dict[str, Any]]:
    if not isinstance(type, dict):
        return []
    if type.get("wb_type") == "union":
        return [one for one in (type.get("params") or {}).get("allowed_types", []) if isinstance(one, dict)]
    return [type]


def _arrays(packed: dict[str, Any], context: Context) -> list[Any]:
    """The arrays of a column, which stand in a file of numpy beside the table."""
    place = context.locate(packed.get("path"), "table")
    with zipfile.ZipFile(place) as archive:
        if sum(member.file_size for member in archive.infolist()) > _MOST_UNPACKED:
            raise DocumentError.of("table", f"arrays of at most {_MOST_UNPACKED} bytes", place.name)
    with np.load(io.BytesIO(place.read_bytes()), allow_pickle=False) as arrays:
        listed: list[Any] = arrays[packed["key"]].tolist()
        return listed


def _decoded(columns: list[Any], rows: Rows, context: Context, decode: Callable[..., Any]) -> Rows:
    """Rows whose documents are values; a cell that cannot be read is None, and counted."""
    lost: dict[str, list[str]] = {}
    for row in rows:
        for place, cell in enumerate(row):
            if isinstance(cell, dict) and isinstance(cell.get("_type"), str):
                try:
                    row[place] = decode(cell, context=context)
                except MediaTypesError as error:
                    lost.setdefault(str(columns[place]), []).append(str(error).rstrip("."))
                    row[place] = None
    for column, errors in lost.items():
        text = f"expected {counted(len(errors), 'cell')} of {column} to be read, got {errors[0]}"
        context.note(Problem("", text, "cells", "They are None."))
    return rows

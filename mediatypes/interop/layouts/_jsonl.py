"""`history.jsonl` and `media.jsonl`: an object on each line.

A key that was not logged is absent. JSON has no NaN and no infinity: they are null, and counted as lost.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...columns.cells import is_media_kind
from ...runfolder.schema import FIXED, ColumnSpec
from ...view import RunView
from ._content import Content, dumps
from ._report import Tally
from ._rows import media_cells, media_rows

_PIECE = 1024  # rows that are Python objects at once


def write(view: RunView, folder: Path, tally: Tally) -> None:
    """Write the layout into a folder that is there."""
    content = Content(view)
    with open(folder / "history.jsonl", "w", encoding="utf-8", newline="\n") as file:
        for row in _rows(content, tally):
            file.write(dumps(row) + "\n")
            tally.rows += 1
    with open(folder / "media.jsonl", "w", encoding="utf-8", newline="\n") as file:
        for row in media_rows(content, tally):
            file.write(dumps({name: value for name, value in row.items() if value is not None}) + "\n")
    content.write_description(folder)


def _rows(content: Content, tally: Tally) -> Iterator[dict[str, Any]]:
    specs = content.specs
    media = {spec.name: media_cells(content, spec.name) for spec in specs if is_media_kind(spec.kind)}
    plain = [spec for spec in specs if spec.name not in media]
    table, position = content.read([*FIXED, *(spec.name for spec in plain)]), 0
    for batch in table.to_batches(max_chunksize=_PIECE):
        columns = {
            name: [
                _plain(cell, ColumnSpec(name, name, "number", False), tally) for cell in batch.column(name).to_pylist()
            ]
            for name in FIXED
        }
        for spec in plain:
            columns[spec.name] = [_plain(cell, spec, tally) for cell in batch.column(spec.name).to_pylist()]
        valid = {spec.name: batch.column(spec.name).is_valid().to_pylist() for spec in plain}
        for row in range(batch.num_rows):
            made = {name: columns[name][row] for name in FIXED}
            for spec in specs:
                if spec.name in media:
                    if (position + row) in media[spec.name]:
                        made[spec.name] = media[spec.name][position + row]
                elif valid[spec.name][row]:
                    made[spec.name] = columns[spec.name][row]
            yield made
        position += batch.num_rows


def _plain(cell: Any, spec: ColumnSpec, tally: Tally) -> Any:
    if isinstance(cell, float) and not math.isfinite(cell):
        tally.lose(spec.key, spec.kind, "not finite, null in JSON")
        return None
    if isinstance(cell, list):
        return [_plain(item, spec, tally) for item in cell]
    return json.loads(cell) if spec.kind == "json" and isinstance(cell, str) else cell

"""`history.jsonl` and `media.jsonl`: an object on each line.

A key that was not logged is absent. JSON has no NaN and no infinity: they are null, and counted as lost.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ...columns.cells import is_media_kind
from ...view import RunView
from ._content import Content, dumps
from ._report import Tally
from ._rows import media_rows, shown


def write(view: RunView, folder: Path, tally: Tally) -> None:
    content = Content(view)
    with open(folder / "history.jsonl", "w", encoding="utf-8", newline="\n") as file:
        for stamps, cells in content.rows():
            row = {name: _finite(stamp, name, "number", tally) for name, stamp in stamps.items()}
            for spec, cell in cells:
                if is_media_kind(spec.kind):
                    row[spec.name] = shown(cell)
                else:
                    plain = json.loads(cell) if spec.kind == "json" else cell
                    row[spec.name] = _finite(plain, spec.key, spec.kind, tally)
            file.write(dumps(row) + "\n")
            tally.rows += 1
    with open(folder / "media.jsonl", "w", encoding="utf-8", newline="\n") as file:
        for row in media_rows(content, tally):
            file.write(dumps({name: value for name, value in row.items() if value is not None}) + "\n")
    content.write_description(folder)


def _finite(cell: Any, key: str, kind: str, tally: Tally) -> Any:
    """A cell in which numbers that JSON does not have are null."""
    if isinstance(cell, float) and not math.isfinite(cell):
        tally.lose(key, kind, "not finite, null in JSON")
        return None
    return [_finite(item, key, kind, tally) for item in cell] if isinstance(cell, list) else cell

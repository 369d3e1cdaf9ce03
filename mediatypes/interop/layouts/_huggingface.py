"""A folder for each medium, as `imagefolder`, `audiofolder` and `videofolder` of `datasets` read them.

`metadata.parquet` has a row for each item: `file_name`, relative to its folder, becomes the column `image`, `audio` or
`video`. Masks become columns of their own, by `mask_<name>_file_name`; boxes are JSON.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..._core import canonical
from ..._core.codec import check
from ..._core.sidecar import content_path
from ...columns.arrow import numbers, texts
from ...columns.packed import write_whole
from ...view import RunView
from ._content import Content, Item
from ._report import Tally

FOLDERS = {"image": "images", "audio": "audio", "video": "video"}
_INTEGERS = ("step", "rank", "index", "width", "height", "sample_rate", "channels", "frames")
_FLOATS = ("timestamp", "duration", "fps")
_TEXTS = ("file_name", "key", "caption")
_OF = {
    "image": ("width", "height", "boxes", "document"),
    "audio": ("sample_rate", "channels", "duration", "document"),
    "video": ("width", "height", "frames", "fps", "duration", "document"),
}
_SUFFIX = re.compile(r"(\.[a-z0-9]{1,10}){1,2}$")
_UNFIT = "neither image, audio nor video"


def write(view: RunView, folder: Path, tally: Tally) -> None:
    content = Content(view)
    content.lose_plain(tally, _UNFIT)
    rows: dict[str, list[dict[str, Any]]] = {medium: [] for medium in FOLDERS}
    for item in content.items():
        medium = item.document.get("_type")
        if medium not in FOLDERS or not isinstance(item.document.get("path"), str):
            tally.lose(item.key, item.kind, _UNFIT)
        elif check(item.document):
            tally.lose(item.key, item.kind, "its document does not follow the format")
        elif row := _row(item, FOLDERS[medium], tally):
            rows[medium].append(row)
    for medium, medium_rows in rows.items():
        if medium_rows:
            table = _table(medium, medium_rows, content.rank is not None)
            write_whole(
                folder / FOLDERS[medium] / "metadata.parquet", table.schema, table.to_batches(), "write the rows"
            )
            tally.rows += table.num_rows


def _row(item: Item, folder: str, tally: Tally) -> dict[str, Any] | None:
    document = item.document
    name = _copy(document, folder, item, tally)
    if name is None:
        return None
    row: dict[str, Any] = {
        "file_name": name,
        "key": item.key,
        "step": item.step,
        "rank": item.rank,
        "index": item.index,
        "timestamp": item.timestamp,
    }
    row |= {name: document.get(name) for names in _OF.values() for name in names}
    boxes = {}
    for label, part in document.get("boxes", {}).items():
        if columns := tally.read(part, item.key, item.kind):
            boxes[label] = {"domain": part["domain"], **_boxes(columns)}
    row |= {"caption": document.get("caption"), "document": document, "boxes": boxes or None}
    for label, part in document.get("masks", {}).items():
        row[f"mask_{label}_file_name"] = _copy(part, folder, item, tally)
    return row


def _copy(reference: dict[str, Any], folder: str, item: Item, tally: Tally) -> str | None:
    """Copy a sidecar into the folder of its medium; its name there."""
    suffix = _SUFFIX.search(reference["path"])
    name = content_path(reference["sha256"], suffix[0] if suffix else ".bin")  # the hub wants few files in a folder
    return name if tally.copy(reference, f"{folder}/{name}", item.key, item.kind) else None


def _boxes(data: bytes) -> dict[str, Any]:
    columns = json.loads(data)
    return columns if isinstance(columns, dict) else {}


def _table(medium: str, rows: list[dict[str, Any]], has_ranks: bool) -> pa.Table:
    masks = dict.fromkeys(name for row in rows for name in row if name.startswith("mask_"))
    names = ["file_name", *masks, "key", "step", "index", "timestamp", "caption", *_OF[medium]]
    names += ["rank"] if has_ranks else []
    return pa.table({name: _array(name, [row.get(name) for row in rows]) for name in names})


def _array(name: str, values: list[Any]) -> pa.Array:
    if name in _INTEGERS:
        return numbers(values, np.int64)
    if name in _FLOATS:
        return numbers(values, np.float64)
    return texts([v if v is None or isinstance(v, str) else canonical.dumps(v) for v in values])

"""`history.jsonl`, `summary.json` and `config.json` in the JSON of W&B, and `media` named as W&B names its files.

A row is an object on a line. NaN and infinities are the bare words that W&B writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..._core import canonical
from ...columns.cells import is_media_kind
from ...runfolder.schema import FIXED
from ...view import RunView
from ._content import Content, dumps
from ._report import Tally
from ._wandb_documents import Documents, Place

_TAKEN = "a key that another value of the row has in W&B"
_OWN = "_wandb"  # member of the config


def write(view: RunView, folder: Path, tally: Tally) -> None:
    content, documents = Content(view), Documents(view.store, folder, tally)
    latest = dict[str, dict[str, Any]]()  # by key: the members that its last medium became
    row: dict[str, Any] = {}
    with open(folder / "history.jsonl", "w", encoding="utf-8", newline="\n") as file:
        for fixed, cells in content.rows():
            row = dict(fixed)
            for spec, cell in cells:
                members = {spec.key: canonical.loads(cell) if spec.kind == "json" else cell}
                if is_media_kind(spec.kind):
                    members = latest[spec.key] = documents.members(Place(spec.key, spec.kind, fixed["_step"]), cell)
                for name, value in members.items():
                    if row.setdefault(name, value) is not value:
                        tally.lose(spec.key, spec.kind, _TAKEN)
            file.write(dumps(row, allow_nan=True) + "\n")
            tally.rows += 1
    summary = {name: row[name] for name in FIXED if name in row}
    overrides = content.overrides()
    for key, value in content.described["summary"].items():
        kind = overrides[key][0] if key in overrides else ""
        if key in overrides and is_media_kind(kind):
            summary |= documents.members(Place(key, kind, "summary"), value)
        else:
            summary |= latest[key] if key in latest and _is_media(value) else {key: value}
    config = dict(content.described.get("config") or {})
    if _OWN in config and documents.config:
        tally.lose(_OWN, "config", "W&B has its own facts there")
    config |= {_OWN: documents.config} if documents.config else {}
    for name, members in (("summary.json", summary), ("config.json", config)):
        (folder / name).write_text(dumps(members, allow_nan=True) + "\n", "utf-8")


def _is_media(value: Any) -> bool:
    """Whether a value of the summary is a document, or a list of them."""
    one = next((item for item in value if item is not None), None) if isinstance(value, list) else value
    return isinstance(one, dict) and isinstance(one.get("_type"), str)

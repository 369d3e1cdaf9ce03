"""Charts as W&B's config has them: a table that one of its presets draws."""

from __future__ import annotations

from typing import Any

from ...plot._presets import WANDB_IDS

_IDS = {preset: id for id, preset in WANDB_IDS.items()} | dict.fromkeys(
    ("pr_curve", "roc_curve"), "wandb/area-under-curve/v0"
)


def panel(document: dict[str, Any], table_key: str) -> dict[str, Any] | None:
    """How W&B's config says that the table of a plot is drawn; None if the preset is none of W&B's."""
    if document["preset"] not in _IDS:
        return None
    named: list[dict[str, Any]] = [{"name": name, "fields": []} for name in ("id", "name", "_defaultColorIndex")]
    table = {"name": "summaryTable", "args": [{"name": "tableKey", "value": table_key}], "fields": []}
    query = {"name": "runSets", "args": [{"name": "runSets", "value": "${runSets}"}], "fields": [*named, table]}
    settings = {
        "panelDefId": _IDS[document["preset"]],
        "fieldSettings": document["fields"],
        "stringSettings": document.get("strings", {}),
        "transform": {"name": "tableWithLeafColNames"},
        "userQuery": {"queryFields": [query]},
    }
    return {"panel_type": "Vega2", "panel_config": settings}

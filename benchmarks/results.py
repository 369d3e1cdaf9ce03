"""Results as JSON: `benchmarks/results/<date>.json`, a file for each day on which something was measured."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from .harness import Result

FOLDER: Final = Path(__file__).with_name("results")


def write(machine: str, measured: Sequence[Result], folder: Path) -> Path:
    """Add what was measured to today's file; an entry that was measured before is replaced."""
    path = folder / time.strftime("%Y-%m-%d.json")
    entries = read(path)["entries"] if path.exists() else {}
    for result in measured:
        entries[result.entry.name] = {
            "title": result.entry.title,
            "machine": machine,
            "skipped": result.skipped,
            "ours": next(iter(result.series), ""),
            "series": {
                contender: {figure: [float(f"{value:.6g}") for value in numbers] for figure, numbers in figures.items()}
                for contender, figures in result.series.items()
            },
        }
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"entries": entries}, indent=1, sort_keys=True) + "\n", "utf-8")
    return path


def read(path: Path) -> dict[str, Any]:
    """The results of a day."""
    stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return stored


def latest(folder: Path = FOLDER) -> dict[str, Any]:
    """Each entry as it was measured last."""
    entries: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        entries |= read(path)["entries"]
    return entries

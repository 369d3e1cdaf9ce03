"""The end of a run: its journals become Parquet and JSON, once, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import Any

from . import files
from .build import arrow_schema, build_rows
from .content import RunContent
from .parquet import MediaRows, write_parquet

_KEPT = "damaged"  # where journals go that hold what no reader could use


def finish(root: Path, status: str) -> None:
    """Write the Parquet and JSON files of a run from its journal, then remove the journal.

    Every file appears under its name whole. Until `run.json` says the run is over, readers use the journal, without the
    calls that `history.parquet` already holds; so a crash at any moment of this leaves a run that can be read, resumed
    and finished again. The caller holds the run's lock.

    Raises:
        StoreError: the system refused; nothing is lost.
        DocumentError: a file of the run is none of ours.
    """
    run = files.read_run_json(root)
    content = RunContent(root, run)
    run = {name: item for name, item in run.items() if name not in ("writer", "problems", "explicit")}
    run |= {"config": content.config, "status": status, "finished": time.time()}
    summary, explicit = content.summary.values(), content.summary.explicit
    optional: dict[str, Any] = {
        "problems": [problem._asdict() for problem in content.problems],
        "explicit": {key: list(cell) for key, cell in explicit.items()},
    }
    run |= {name: item for name, item in optional.items() if item}
    specs, media = content.schema.specs(), MediaRows()
    batches = build_rows(content.batches(), specs, content.started, media)
    footer = {**run, "summary": summary, "calls": content.calls}
    write_parquet(root / files.HISTORY, arrow_schema(specs), batches, footer)
    for key, (kind, value) in explicit.items():
        for index, document in enumerate(value) if kind.endswith("_list") else [(None, value)]:
            if isinstance(document, dict) and "_type" in document:
                media.add(key, None, index, document)
    media.write(root / files.MEDIA, {"format": files.FORMAT, "id": run["id"]})
    files.write_json(root / files.SUMMARY, summary, durable=True)
    files.write_json(root / files.RUN, run, durable=True)
    with contextlib.suppress(OSError):  # run.json is the authority: what is left of the journal is not read again
        files.sync(root)
        if any(problem.code in ("frame", "checksum") for problem in content.notes.damage):
            _keep_journals(root)
        shutil.rmtree(root / files.JOURNAL)


def _keep_journals(root: Path) -> None:
    """Move the journals aside: what could not be read may still be worth something to somebody."""
    kept = root / _KEPT
    kept.mkdir(exist_ok=True)
    for path in files.journals(root / files.JOURNAL):
        os.replace(path, kept / f"{len(list(kept.iterdir())) + 1:04}.log")

"""Changing what a finished run says about itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .._core import atomic
from .._core.errors import InputError, Problem, StoreError, Verbatim
from ..columns import log_cells
from ..runfolder import files
from ..runfolder.lock import Lock


def edit(root: Path, described: dict[str, Any], summary: Mapping[str, Any]) -> None:
    """Replace texts and tags of `run.json`, and set or (None) remove values of the summary.

    Raises:
        InputError: a value that the summary cannot hold, with every problem.
        RunLocked: a process is writing the run.
        StoreError: it was killed and not recovered yet, or the system refused.
        DocumentError: a file of the run is damaged.
    """
    overrides = _overrides(summary)
    with writing(root) as run:
        atomic.remove_leftovers(root, is_locked=True)
        before = run.get("summary_overrides", {})
        run["summary_overrides"] = {key: cell for key, cell in (before | overrides).items() if cell is not None}
        if media := [key for key in overrides if _is_media(before.get(key))]:
            _drop_media(root / files.MEDIA, run["id"], media)
        files.write_json(root / files.RUN, run | described, durable=True)
        if overrides:
            files.write_json(root / files.SUMMARY, _summary(root, run, overrides), durable=True)


@contextlib.contextmanager
def writing(root: Path) -> Iterator[dict[str, Any]]:
    """Hold the lock of a run that is over; gives its `run.json`.

    Raises:
        RunLocked: a process is writing the run.
        StoreError: there is no run, or it was killed and not recovered yet.
    """
    files.read_run_json(root)  # where there is none, no lock is made
    lock = Lock(root)
    try:
        run = files.read_run_json(root)
        if run["status"] == "running":
            hint = "Finish it first: mediatypes.recover(path)."
            raise StoreError.of(str(root), "a run that is over", Verbatim(f"the {files.status_of(run)} run"), hint)
        yield run
    finally:
        lock.release()


def _summary(root: Path, run: dict[str, Any], overrides: dict[str, list[Any] | None]) -> dict[str, Any]:
    """The summary with what was set; where a value was removed, what the rows say of that key counts again."""
    if None in overrides.values():
        from ..runfolder.content import RunContent  # numpy and pyarrow are needed only for this

        return RunContent(root, run).summary_values()
    shown = {key: log_cells.plain_value(*cell) for key, cell in overrides.items() if cell is not None}
    return files.read_json(root / files.SUMMARY) | shown


def _is_media(cell: Any) -> bool:
    """Whether a cell of `summary_overrides` holds documents, which `media.parquet` lists too."""
    return isinstance(cell, list) and bool(cell) and cell[0] not in log_cells.PLAIN_KINDS


def _drop_media(path: Path, id: str, keys: list[str]) -> None:
    """Take what was set in the summary under these keys out of `media.parquet`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from ..columns.arrow import texts
    from ..runfolder.parquet_reader import StoredTable
    from ..runfolder.parquet_writer import parquet_file

    stored = StoredTable(path)
    schema = pa.schema([(field.name, field.type) for field in stored.schema])
    finite = {*schema.names} - stored.without_statistics()
    with parquet_file(path, schema, stored.columns, {"format": files.FORMAT, "id": id}, True, finite) as kept:
        for table in stored.pieces():
            is_set = pc.and_(pc.is_null(table.column("step")), pc.is_in(table.column("key"), texts(keys)))
            for batch in table.filter(pc.invert(is_set)).to_batches():
                kept.write(batch)


def _overrides(summary: Mapping[str, Any]) -> dict[str, list[Any] | None]:
    """The cells of the values, None where one is to be removed."""
    problems: list[Problem] = []
    if not isinstance(summary, Mapping):
        raise InputError.of("edit.summary", "a dict of keys to values", summary, "Name the value: {'best': best}.")
    cells, _ = log_cells.read_cells(summary, "edit.summary", log_cells.no_media, problems, keep_good=True)
    if problems:
        raise InputError(problems)
    return {key: None if kind == "null" else [kind, value] for key, kind, value in cells}

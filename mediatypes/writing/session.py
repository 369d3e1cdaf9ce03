"""Opening a run to write it: a new one, or one that is resumed."""

from __future__ import annotations

import contextlib
import os
import time
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

from .._core import atomic
from .._core.declaration import List, Text
from .._core.errors import InputError, Problem, RunExists, StoreError, Verbatim, os_error, problem
from .._core.processes import this_process
from ..journal import frames
from ..journal.append import Journal, first_frame_end
from ..journal.metrics import Metric
from ..journal.names import name_of, place_of, rank_of
from ..runfolder import files
from ..runfolder.lock import Lock
from ..runfolder.readme import write_readme

if TYPE_CHECKING:
    from ..runfolder.content import RunContent


_LOOKED_AT = 1000  # entries of a directory, to see whether it holds runs


class Session(NamedTuple):
    """A run that is open for writing, and what it holds already."""

    id: str
    started: float  # of its first session
    lock: Lock
    journal: Journal
    described: dict[str, Any]  # its run.json
    config: dict[str, Any]
    step: int = 0  # of the next row
    calls: int = 0  # so many were logged
    last: dict[str, Any] = {}  # noqa: RUF012 - the last value of every key; never changed
    overrides: dict[str, Any] = {}  # noqa: RUF012 - what was set in the summary
    metrics: tuple[Metric, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()  # keys and kinds that were logged
    rank: int = 0
    start: int = 0  # of the first row without a step, if `step` is below


def describe(where: str, texts: dict[str, Any], tags: Any) -> dict[str, Any]:
    """What the caller of `where` says about a run, checked; raises `InputError` with every problem."""
    problems: list[Problem] = []
    for name, value in texts.items():
        problems += [] if value is None else Text().check(value, f"{where}.{name}")
    if isinstance(tags, (list, tuple)):
        problems += List(Text()).check(list(tags), f"{where}.tags")
    elif tags is not None:
        problems.append(problem(f"{where}.tags", "a list of texts", tags, "Pass ['baseline']."))
    if problems:
        raise InputError(problems)
    return texts | {"tags": None if tags is None else list(tags)}


def open_session(
    root: Path,
    mode: str,
    described: dict[str, Any],
    config: dict[str, Any],
    durable: bool,
    from_step: int | None = None,
) -> Session:
    """Open the run in `root` for writing.

    Args:
        root: the run's directory; made if needed.
        mode: "create", "resume", or "allow": resume what is there, else create.
        described: `project`, `name`, `tags`..., None where the caller says nothing.
        config: plain data; of a resumed run it is merged into what is there.
        from_step: rows from there on are taken back, of a run that is resumed.
        durable: wait until the files of a new run are on the disk; with those of a resumed one that is always done.

    Raises:
        RunExists: there is a run, and `mode` is "create".
        RunLocked: another process writes it.
        StoreError: there is none, and `mode` is "resume"; or the system refused.
        DocumentError: the files of the run to be resumed are damaged or foreign.
    """
    run_json = root / files.RUN
    if mode == "resume" and not run_json.exists():
        hint = 'Pass mode="allow" to begin one where there is none.'
        raise StoreError.of(str(root), "a run to resume", Verbatim("none"), hint)
    if mode == "create":
        _require_free(root)
    if not run_json.exists() and (inside := _a_run_in(root)):
        got = Verbatim(f"one that holds runs, such as {inside}")
        raise RunExists.of(str(root), "a directory without a run", got, "Choose a new directory in it.")
    lock = Lock(root)
    try:
        files.remove_leftovers(root)
        if run_json.exists():
            if mode == "create":  # made by another process a moment ago
                _require_free(root)
            return resume_session(root, lock, described, config, from_step)
        return _begin(root, lock, described, config, durable)
    except BaseException:
        lock.release()
        raise


def _require_free(root: Path) -> None:
    if root.exists() and not root.is_dir():
        got, hint = "a file", "Choose another directory."
    elif any((root / name).exists() for name in (files.RUN, files.HISTORY)):
        got, hint = files.describe_run(root)
    else:
        return
    raise RunExists.of(str(root), "a directory without a run", Verbatim(got), hint)


def _a_run_in(root: Path) -> str:
    """The name of a run in a directory of runs, "" if there is none."""
    try:
        with os.scandir(root) as entries:
            names = (entry.name for entry in islice(entries, _LOOKED_AT) if entry.is_dir(follow_symlinks=False))
            return next((name for name in names if (root / name / files.RUN).is_file()), "")
    except OSError:  # it is not there, or whoever makes the run says what is wrong
        return ""


def _begin(root: Path, lock: Lock, described: dict[str, Any], config: dict[str, Any], durable: bool) -> Session:
    _remove_unborn(root)
    id, started = token_hex(4), time.time()
    journal = _new_journal(root, id, 0, started)
    start: dict[str, Any] = {"format": files.FORMAT, "id": id, "project": None, "name": root.name, "notes": None}
    start |= {"tags": []} | _given(described)
    start |= {"config": config, "environment": files.environment(), "status": "running", "started": started}
    _announce(root, journal, start | {"writer": this_process()}, durable)
    with contextlib.suppress(StoreError):  # no reader needs it
        write_readme(root)
    return Session(id, started, lock, journal, start, config)


def resume_session(
    root: Path, lock: Lock, described: dict[str, Any], config: dict[str, Any], from_step: int | None = None
) -> Session:
    """Open the run in `root`, whose lock is held, to go on with it; see `open_session`."""
    from ..runfolder.content import RunContent  # numpy and pyarrow are needed only for this

    run = files.read_run_json(root)
    content = RunContent(root, run)
    if from_step is not None:
        rewind: dict[str, Any] = {"from_step": from_step, "calls": content.calls, "time": time.time()}
        if content.rank_calls:
            rewind["ranks"] = {str(rank): calls for rank, calls in content.rank_calls.items()}
        run["rewinds"] = [*run.get("rewinds", []), rewind]
        content = RunContent(root, run)
    config = content.config | config
    if run["status"] != "running":  # what a crash left of a journal that is in the Parquet files
        files.remove_journals(root)
    journal = _new_journal(root, run["id"], content.calls, content.started)
    if files.FOLLOWS not in described:  # from now on it has rows that are in no logs
        run = {name: value for name, value in run.items() if name not in (files.IMPORT, files.FOLLOWS)}
    run |= _given(described) | {"status": "running", "config": config, "writer": this_process()}
    run = {name: value for name, value in run.items() if name not in ("finished", "exit")}
    # In the journal as well if an earlier one changes the config, which would be taken for the latest.
    changed = content.notes.config is not None or content.notes.config_changes
    frame = frames.json_frame(frames.CONFIG, config) if changed else b""
    _announce(root, journal, run, durable=True, frame=frame)  # the earlier sessions stay on the disk
    summary = content.summary
    return Session(
        id=run["id"],
        started=content.started,
        lock=lock,
        journal=journal,
        described=run,
        config=config,
        step=next_step(run, content),
        calls=content.calls,
        last=summary.last(),
        overrides=summary.overrides,
        metrics=content.metrics.all,
        columns=tuple((spec.key, spec.kind) for spec in content.specs),
    )


def next_step(run: dict[str, Any], content: RunContent, rank: int = 0) -> int:
    """The step after a rank's last row; after going back the one that was gone back to, until it logs something."""
    step = gone_back_to(run, content.rank_calls.get(rank, 0) if rank else content.calls, rank)
    return content.summary.step(rank) + 1 if step is None else step


def gone_back_to(run: dict[str, Any], calls: int, rank: int) -> int | None:
    """The step that was gone back to after so many calls of a rank, None if none was."""
    rewinds = [rewind for rewind in run.get("rewinds", []) if files.calls_before(rewind, rank) == calls]
    return int(rewinds[-1]["from_step"]) if rewinds else None


def _given(described: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in described.items() if value is not None}


def _new_journal(root: Path, id: str, sequence: int, started: float) -> Journal:
    folder = root / files.JOURNAL
    with contextlib.suppress(OSError):  # of a process that was killed while it finished the run
        (folder / files.CLOSED).unlink(missing_ok=True)
    place = 1 + max((place_of(path.name) for path in files.journals(folder) if not rank_of(path.name)), default=0)
    header = {"format": files.FORMAT, "run": id, "started": started}
    return Journal(folder / name_of(place, sequence), header | this_process())


def _announce(root: Path, journal: Journal, run: dict[str, Any], durable: bool, frame: bytes = b"") -> None:
    """Write the `run.json` by which a new journal begins to count; `frame` is put into the journal first.

    When that fails, or is interrupted, the run is as it was before.
    """
    run_json = root / files.RUN
    try:
        before = run_json.read_bytes() if run_json.exists() else None
    except OSError as error:
        journal.abandon()
        raise os_error(StoreError, str(run_json), "read the file", error, "Check permissions and the disk.") from error
    try:
        if frame:
            journal.append(frame)
        if durable:  # the journal is on the disk before a run.json that needs it
            journal.sync()
            atomic.sync_names(journal.path.parent)
            atomic.sync_names(root)
        files.write_json(run_json, run, durable)
        if durable:
            atomic.sync_names(root)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to report
            if before is None:
                run_json.unlink(missing_ok=True)
            elif run_json.read_bytes() != before:
                atomic.write(run_json, [before], "write the file")
            journal.abandon()
        raise
    if durable:
        for folder in root.parents:  # they may be new as well; not all can be opened
            with contextlib.suppress(OSError):
                atomic.sync(folder)


def _remove_unborn(root: Path) -> None:
    """Remove journals without a call, of a process that was killed while it made the run; others are kept."""
    for path in files.journals(root / files.JOURNAL):
        hint = f"Restore {files.RUN}, or choose another."
        try:
            if path.stat().st_size > first_frame_end(path):
                got = Verbatim(f"{path.name} with calls, but no {files.RUN}")
                raise RunExists.of(str(root), "a directory without a run", got, hint)
            path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise os_error(StoreError, str(path), "read the journal", error, hint) from error

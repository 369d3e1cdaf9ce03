"""Finish a run whose process is gone."""

from __future__ import annotations

import os
from pathlib import Path

from .._core.errors import DocumentError, Problem
from .._core.location import local_path
from ..runfolder import files
from ..runfolder.lock import Lock
from ..view import RunView

_MADE_AGAIN = "lost, and made again of the footer of history.parquet; later edits are gone"
_TOO_LARGE = "lost, and too large to be repeated in history.parquet"


def recover(path: str | os.PathLike[str], force: bool = False) -> RunView:
    """Write the Parquet files of a run that was killed, as `finish()` would have; its status is "crashed" then.

    A run that is over stays as it is; what a crash left of its journal is removed. A lost `run.json` or `summary.json`
    is made again of the snapshot in the footer of `history.parquet`, which a problem of the run then says.
    `RunView.problems` says what could not be read.

    Args:
        path: the run's directory.
        force: go on where the file system cannot tell whether a writer on another host still lives.

    Raises:
        RunLocked: a process is writing it, of whatever rank.
        StoreError: there is no run, or the system refused; nothing is lost then.
        DocumentError: `run.json` or a journal is none of ours.

    >>> import os, subprocess, sys, tempfile, mediatypes as mt
    >>> path = tempfile.mkdtemp() + "/run"
    >>> script = "import os, sys, mediatypes as mt; mt.Run(sys.argv[1]).log({'loss': 0.5}); os._exit(1)"
    >>> subprocess.run([sys.executable, "-c", script, path]).returncode
    1
    >>> mt.recover(path).status, os.path.exists(path + "/history.parquet")
    ('crashed', True)
    """
    root = local_path(path, "recover")
    if (root / files.HISTORY).is_file() and not (root / files.RUN).exists():
        _rebuild_run_json(root, force)
    if files.read_run_json(root)["status"] == "running" or (root / files.JOURNAL).exists():
        lock = Lock(root, force)
        try:
            if files.read_run_json(root)["status"] == "running":  # nobody else was faster
                from ..writing import finish, ranks  # numpy and pyarrow are needed only now

                files.remove_leftovers(root)
                with ranks.without_ranks(root, force=force):
                    finish.finish(root, "crashed")
            else:
                files.remove_journals(root)
        finally:
            lock.release()
    if (root / files.HISTORY).is_file() and not (root / files.SUMMARY).exists():
        _rebuild_summary(root, force)
    return RunView(root)


def _rebuild_summary(root: Path, force: bool) -> None:
    """Make `summary.json` of what the footer of `history.parquet` repeats."""
    from ..runfolder.parquet_reader import StoredHistory

    lock = Lock(root, force)
    try:
        run, footer = files.read_run_json(root), StoredHistory(root / files.HISTORY).footer
        lost = Problem(files.SUMMARY, _MADE_AGAIN if "summary" in footer else _TOO_LARGE, "rebuilt")
        run["problems"] = [*run.get("problems", []), lost._asdict()]
        files.write_json(root / files.RUN, run, durable=True)
        files.write_json(root / files.SUMMARY, footer.get("summary", {}), durable=True)
    finally:
        lock.release()


def _rebuild_run_json(root: Path, force: bool) -> None:
    """Make `run.json`, and `summary.json` if it is lost too, of what the footer of `history.parquet` repeats."""
    from ..runfolder.parquet_reader import StoredHistory

    run = dict(StoredHistory(root / files.HISTORY).footer)
    lacks = [name for name in ("config", "summary") if name not in run]  # that were too large for it
    run.setdefault("config", {})
    summary = run.pop("summary", {})
    for name in ("columns", "calls"):  # which are of the file
        run.pop(name, None)
    if files.journals(root / files.JOURNAL):  # rows that the file may not have yet
        run["status"] = "running"
    what = _MADE_AGAIN
    if "config" in lacks:
        what += ", and the config, which was too large for the footer"
    lost = [Problem(files.RUN, what, "rebuilt")]
    if "summary" in lacks and not (root / files.SUMMARY).exists():
        lost.append(Problem(files.SUMMARY, _TOO_LARGE, "rebuilt"))
    run["problems"] = [*run.get("problems", []), *(one._asdict() for one in lost)]
    if problems := list(files.RUN_JSON.check(run)):
        raise DocumentError(p._replace(path=f"{root / files.HISTORY}: {p.path}") for p in problems)
    lock = Lock(root, force)
    try:
        if not (root / files.SUMMARY).exists():
            files.write_json(root / files.SUMMARY, summary, durable=True)
        files.write_json(root / files.RUN, run, durable=True)
    finally:
        lock.release()

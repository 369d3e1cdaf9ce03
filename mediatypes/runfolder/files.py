"""The small files of a run folder: written whole, read with clear errors; and who is writing the run."""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .._core import atomic, canonical
from .._core.codec import require_readable
from .._core.declaration import Field, Integer, Json, List, Map, Number, Record, Text
from .._core.errors import (
    DocumentError,
    Problem,
    StoreError,
    UnsafePath,
    Verbatim,
    os_error,
)
from .._core.location import Location
from .._core.processes import is_alive, is_this_process, rank, runs_script_again
from .._core.sidecar import read_file
from ..journal.metrics import METRIC, Metric
from ..journal.names import is_journal, place_of, rank_of, rank_of_lock

_LARGEST = 2**30  # bytes of a JSON file
FORMAT = "1.0"  # of run folders: journal, Parquet and JSON files together
RUN, SUMMARY = "run.json", "summary.json"
HISTORY, MEDIA = "history.parquet", "media.parquet"
JOURNAL, SIDECARS = "journal", "media"
PACKED = "sidecars.parquet"  # sidecars in one file, beside or instead of their folder
_TRIES = 5  # elsewhere a file may be replaced between two requests for it, and then ends too early
ATTACHED, LISTED = "files", "files.json"  # files that are kept as they are, and the list of them with their hashes
COMPACTED = "compact.json"  # in a dataset that is made of many runs
ARTIFACTS, BLOBS = "artifacts", "blobs"  # beside runs: the directory of artifacts, and that of their content in it
LINEAGE = "artifacts.json"  # which artifacts the run made and used
EVENTS = "events.parquet"  # of imported runs: every event
SYSTEM, SYSTEM_LINES = "system.parquet", "system.jsonl"  # what the machine did; until the run is over a line each
IMPORT, FOLLOWS = "import", "follows"  # in run.json: made of logs; its journals hold nothing but what logs have
CLOSED = "closed"  # in the journal's folder
DAMAGED = "damaged"  # where journals go that hold what no reader could use
FOLDERS = (JOURNAL, SIDECARS, ATTACHED, DAMAGED)  # in which a run is written
_GUARD = (
    "This worker runs the script again, as spawned processes do before their work: "
    'make the run below `if __name__ == "__main__":`, and hand run.child() to workers.'
)
ENDS = ("finished", "failed", "interrupted", "crashed")  # how a run ended
_REWIND = Record(
    "A session that went back: of the calls before its first one, rows from a step on do not count any more.",
    (
        Field("from_step", Integer(minimum=0), "The first step that was taken back."),
        Field("calls", Integer(minimum=0), "Number of the session's first call."),
        Field("ranks", Map(Integer(minimum=0)), "The same of each rank but 0.", required=False),
        Field("time", Number(), "Seconds since the epoch."),
    ),
)
_EXIT = Record(
    "The end of a process.",
    (
        Field("code", Integer(), "Its exit code.", required=False),
        Field("exception", Text(), "The last line of what Python said.", required=False),
        Field("traceback", Text(), "All of it, or the end.", required=False),
    ),
)
RUN_JSON = Record(
    "What a run was started with, and how it ended.",
    (
        Field("format", Text(pattern=r"[0-9]+\.[0-9]+"), "Version of the run folder's format."),
        Field("id", Text(min_length=1), "The run's id."),
        Field("name", Text(), "The run's name."),
        Field("tags", List(Text()), "Texts to find it by."),
        Field("group", Text(), "Runs that belong together.", required=False),
        Field("job_type", Text(), "What the run did, such as train or eval.", required=False),
        Field("config", Map(Json()), "What the run was started with; of a live run the journal has the latest."),
        Field("environment", Map(Json()), "Versions and platform.", required=False),
        Field("status", Text(choices=("running", *ENDS)), "How it ended, if it did."),
        Field("summary_overrides", Map(Json()), "What was set in the summary, as `[kind, value]`.", required=False),
        Field("rewinds", List(_REWIND), "Sessions that went back to an earlier step.", required=False),
        Field("ranks", Map(Integer(minimum=0)), "Calls of each rank but 0 in the rows, if several.", required=False),
        Field("started", Number(), "Seconds since the epoch."),
        Field("finished", Number(), "Seconds since the epoch.", required=False),
        Field("exit", _EXIT, "What ended the process of a run that did not finish well.", required=False),
        Field("writer", Map(Json()), "Host and process of a live run.", required=False),
        Field("metrics", List(METRIC), "Definitions of metrics, the latest last.", required=False),
        Field("problems", List(Map(Json())), "What could not be logged, warnings, and damage.", required=False),
    ),
)


def write_json(path: Path, value: object, durable: bool = False) -> None:
    """Replace a JSON file at once: a reader sees the old or the new one, never a part.

    With `durable` the new content is on the disk before it takes the name, so that a power cut leaves one of the two.
    """
    atomic.write(path, [canonical.dump_pretty(value)], "write the file", durable=durable)


def read_json(path: Location) -> dict[str, Any]:
    """A JSON object; raises `DocumentError` if it is cut or something else, `StoreError` if it cannot be read.

    The errors do not quote the file: it may be a link to one that is none of a run.
    """
    tries = 1 if isinstance(path, Path) else _TRIES
    data: bytes = b""
    value: Any = None
    for left in reversed(range(tries)):
        data = _read_small(path)
        try:
            value = canonical.loads(data)
            break
        except ValueError as error:
            if not left:
                hint = "Restore the file, or remove it if the run does not matter."
                got = Verbatim(f"{len(data):,} bytes that are not JSON")
                raise DocumentError.of(str(path), "a JSON object", got, hint, "not-json") from error
    if not isinstance(value, dict):
        got = Verbatim(f"{len(data):,} bytes of other JSON")
        raise DocumentError.of(str(path), "a JSON object", got, "Restore the file.", "not-json")
    return value


def made_again(root: Path) -> str:
    """How a lost `run.json` or `summary.json` of a run comes back."""
    return f"It was lost: mediatypes recover {shlex.quote(str(root))} makes it again."


def _read_small(path: Location) -> bytes:
    try:
        data = read_file(path, _LARGEST + 1)
    except OSError as error:
        is_lost = isinstance(error, FileNotFoundError) and path.name == SUMMARY
        hint = made_again(path.parent) if is_lost and isinstance(path, Path) else "Is this a run folder?"
        raise os_error(StoreError, str(path), "read the file", error, hint) from error
    if len(data) > _LARGEST:
        raise DocumentError.of(str(path), f"at most {_LARGEST} bytes", Verbatim("more"), "Restore the file.", "size")
    return data


def read_run_json(root: Location) -> dict[str, Any]:
    """`run.json`, if its format is one we read."""
    path = root / RUN
    try:
        run = read_json(path)
    except StoreError as error:
        if not isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError, IsADirectoryError)):
            raise
        got = "a directory without it" if _is_dir(root) else "no such directory"
        hint = "Pass the folder given to Run(...)."
        if isinstance(root, Path) and root.is_file():
            got = "a file"
            inside = next((folder for folder in root.parents if (folder / RUN).is_file()), None)
            hint = f"Pass the run's folder: {inside}." if inside else hint
        elif isinstance(root, Path) and (root / COMPACTED).is_file():
            got, hint = "a dataset that mediatypes compact made", "Pass the runs that it was made of, or query it."
        elif isinstance(root, Path) and (root / HISTORY).is_file():
            hint = made_again(root)
        raise StoreError.of(str(root), "a run folder with run.json", Verbatim(got), hint) from error
    require_readable(str(path), run.get("format"), FORMAT)
    if problems := list(RUN_JSON.check(run)):
        raise DocumentError(p._replace(path=f"{path}: {p.path}") for p in problems)
    return run


def stamp_of(root: Location, name: str = RUN) -> tuple[int, ...] | None:
    """What is another one when the file was replaced; None if the run is elsewhere, or the file not there."""
    if not isinstance(root, Path):
        return None
    try:
        state = os.stat(root / name)
    except OSError:
        return None
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size


class SummaryFile:
    """The `summary.json` of a run, which is read anew only when it was replaced.

    Args:
        root: the run's directory.
    """

    def __init__(self, root: Location) -> None:
        self._root = root
        self._stamp: tuple[int, ...] | None = None  # of the file, when it was read
        self._values: dict[str, Any] = {}

    def read(self) -> dict[str, Any]:
        """What it says; raises as `read_json`."""
        stamp = stamp_of(self._root, SUMMARY)
        if stamp is None or stamp != self._stamp:
            self._values, self._stamp = read_json(self._root / SUMMARY), stamp
        return dict(self._values)


def _is_dir(root: Location) -> bool:
    try:
        return root.is_dir()
    except OSError:
        return False


def problems_of(run: dict[str, Any]) -> list[Problem]:
    """The problems that a `run.json` lists."""
    return [Problem(**{name: str(p.get(name, "")) for name in Problem._fields}) for p in run.get("problems", [])]


def taken_back(run: dict[str, Any], rank: int = 0) -> list[tuple[int, int]]:
    """What sessions took back that began at an earlier step: pairs (number, step), where a rank's calls before this
    number do not count from that step on."""
    return [(calls_before(rewind, rank), int(rewind["from_step"])) for rewind in run.get("rewinds", [])]


def end_of(run: dict[str, Any], calls: int, rank: int = 0) -> int | None:
    """The step from which none of a rank's first `calls` calls counts any more; None if there is no such step."""
    return min((step for number, step in taken_back(run, rank) if number >= calls), default=None)


def calls_before(rewind: dict[str, Any], rank: int) -> int:
    """So many calls of a rank there were when a session went back."""
    return int(rewind.get("ranks", {}).get(str(rank), 0) if rank else rewind["calls"])


def metrics_of(run: dict[str, Any]) -> list[Metric]:
    """The definitions of metrics that a `run.json` lists."""
    return [Metric.from_json(value) for value in run.get("metrics", [])]


def journals(folder: Any) -> list[Any]:
    """The journal files of a run by rank, each rank's in the order in which they were written; raises `StoreError`."""
    names = [name for name in names_in(folder) if is_journal(name)]
    return [folder / name for name in sorted(names, key=lambda name: (rank_of(name), place_of(name)))]


def rank_locks(folder: Path) -> dict[int, Path]:
    """The locks of ranks other than 0; raises `StoreError`."""
    locks = ((rank_of_lock(name), folder / name) for name in sorted(names_in(folder)))
    return {rank: path for rank, path in locks if rank is not None}


def names_in(folder: Location) -> list[str]:
    """The names in a folder, none if there is no folder; raises `StoreError`: a glob does not say what was refused."""
    try:
        return os.listdir(folder) if isinstance(folder, Path) else [*folder.entries()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise os_error(StoreError, str(folder), "list the folder", error, "Check permissions and the disk.") from error


def remove_journals(root: Path) -> None:
    """Remove the journals of a run that is over, and the locks of other ranks.

    Not their folder: it has the lock of whoever does this.

    Raises:
        StoreError: the system refused.
    """
    folder = root / JOURNAL
    for path in [*journals(folder), *rank_locks(folder).values(), folder / CLOSED]:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise os_error(StoreError, str(path), "remove the journal", error, "Check permissions.") from error


def require_no_links(root: Path, folders: Iterable[str] = FOLDERS) -> None:
    """Whoever writes or deletes in a run or a dataset calls this first, so that nothing outside it is touched.

    Args:
        root: the directory of the run or dataset, which may itself be reached through a link.
        folders: paths below it of the directories that are going to be changed.

    Raises:
        UnsafePath: one of them is a symbolic link.
    """
    for path in (root / name for name in folders):
        if os.path.islink(path):
            hint = "Put the directory itself there, or remove the link."
            raise UnsafePath.of(str(path), "a directory", Verbatim("a symbolic link"), hint)


def leftovers(root: Path) -> Iterator[Path]:
    """What killed processes left of files that they were writing in a run. The caller holds the run's lock."""
    for top in (root, root / SIDECARS, root / ATTACHED):
        for folder, folders, names in os.walk(top):
            if top == root:
                folders.clear()
            yield from (Path(folder, name) for name in names if atomic.is_leftover(name, is_locked=True))


def remove_leftovers(root: Path) -> None:
    """Remove what `leftovers` finds, as far as the system allows it."""
    for path in leftovers(root):
        with contextlib.suppress(OSError):
            path.unlink()


def describe_run(root: Path) -> tuple[str, str]:
    """What stands in a directory that holds a run, its status and who writes it; and what to do to begin another."""
    try:
        run = read_run_json(root)
    except (StoreError, DocumentError):
        return "what another process is just making, or damaged files of a run", way_out({})
    writer = run.get("writer", {})
    if run.get("status") == "running" and is_alive(writer) is not False:
        return f"a run that {writer_name(writer)} is writing", way_out(writer)
    hint = 'Choose another directory, a new one for each run, or pass mode="resume" to go on with it.'
    return f"the {status_of(run)} run {run.get('name')!r}", _GUARD if runs_script_again() else hint


def way_out(writer: dict[str, Any]) -> str:
    """What to do about a run that is open in a process."""
    if runs_script_again():
        return _GUARD
    if is_this_process(writer):
        return "Call finish() on the Run that is open, or choose another directory."
    if (number := rank()) is not None:
        return (
            f'This is rank {number}: pass rank="auto" on every rank to log to one run, or make one of its own on each.'
        )
    return "Wait until it ends, stop that process, or choose another directory."


def writer_name(writer: dict[str, Any]) -> str:
    """A writing process in words."""
    if is_this_process(writer):
        return "this process"
    return f"process {writer['pid']} on {writer.get('host')}" if "pid" in writer else "another process"


def status_of(run: dict[str, Any]) -> str:
    """ "running", one of `ENDS`, or "crashed" when its writer is gone without finishing."""
    status = str(run.get("status"))
    return "crashed" if status == "running" and is_alive(run.get("writer", {})) is False else status


def environment() -> dict[str, Any]:
    """Versions and platform, and the script that runs."""
    ours = sys.modules[__name__.partition(".")[0]].__version__  # the package is there before its modules are
    system = {"python": platform.python_version(), "platform": sys.platform}
    script = [os.fsencode(argument).decode("utf-8", "replace") for argument in sys.argv[:1]]  # it may be any bytes
    return {"mediatypes": ours, **system, "argv": script}

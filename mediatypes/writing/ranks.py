"""Several processes that log to one run: rank 0 owns it, every other rank has journals of its own in its folder.

A rank holds `journal/rank-0003.lock` as long as it may log. It appends under a shared flock(2) of its journal, and
looks whether that is still there; whoever ends the run takes the exclusive one first, so that no call which returned is
lost. `journal/closed` is there meanwhile: no rank may begin then.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .._core import atomic
from .._core.errors import InputError, Problem, RunClosed, RunLocked, StoreError, Verbatim, os_error
from .._core.processes import is_alive, job_size, rank, this_process, wrong_rank
from .._core.sidecar import open_regular
from ..journal.append import Journal
from ..journal.names import FIRST_CHILD, lock_name, name_of, place_of, rank_of
from ..runfolder import files
from ..runfolder.lock import RANK, Lock, holder_of
from .call_writer import CallWriter
from .session import Session, gone_back_to, next_step

if sys.platform != "win32":
    import fcntl

_TO_BEGIN = 300.0  # seconds that a rank waits for rank 0 to make the run
_TO_GO_BACK = 60.0  # seconds that a rank waits for rank 0 to go back, which may have been killed on another host before
_TO_END = 60.0  # seconds that rank 0 waits for ranks that are still logging, when it finishes
_TO_CLOSE = 10.0  # seconds for an append that has begun
_TOLD = 5.0  # seconds of waiting after which that is told
_LOOK = 0.02  # seconds between two looks
_TRIES = 5
_MOST_MISSED, _NAMED = 2**16, 8  # ranks of which it is said that they never came
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


Say = Callable[[str], None] | None  # shows a line


class Free(NamedTuple):
    """In place of a rank: the first number of those for children that is free."""

    start: int  # of the first row without a step
    step: int | None = None  # of the first row, if it has one: no number will do that has rows from there on


def number_of(given: Any) -> int | Free:
    """The rank that `Run.rank` means; "auto" is what torchrun, Slurm or MPI say, and 0 without them.

    Raises:
        InputError: it is none.
    """
    if isinstance(given, str) and given == "auto":
        if wrong := wrong_rank():
            name, expected, got = wrong
            raise InputError.of(f"${name}", expected, got, "Correct or unset it, or pass rank= a number.", "rank")
        given = rank()
    if given is None or isinstance(given, Free):
        return given or 0
    if type(given) is not int or not 0 <= given < FIRST_CHILD:
        hint = "Pass int(...) of it" if type(given) is not int else "Correct it"
        expected = f'an integer, 0 or more and below {FIRST_CHILD}, or "auto"'
        raise InputError.of("Run.rank", expected, given, f"{hint}, or leave it out.")
    return given


def open_rank(
    root: Path,
    wanted: int | Free,
    durable: bool,
    say: Say = None,
    *,
    is_new: bool = False,
    from_step: int | None = None,
) -> Session:
    """Open the run in `root`, which rank 0 writes, to log to it as another rank; `say` is told of waiting for it.

    With `is_new` the run is one that is not resumed; `from_step` is where rank 0 goes back to.

    Raises:
        StoreError: rank 0 does not make the run, or the system refused.
        RunLocked: another process is that rank.
        RunClosed: the run is over.
    """
    run = _wait_for_run(root, wanted, say, is_new, from_step)
    lock, number, calls, step = _take_rank(root, run, wanted)
    try:
        folder = root / files.JOURNAL
        own = [place_of(path.name) for path in files.journals(folder) if rank_of(path.name) == number]
        header = {"format": files.FORMAT, "run": run["id"], "started": run["started"], "rank": number}
        journal = Journal(folder / name_of(1 + max(own, default=0), calls, number), header | this_process())
        try:
            if (folder / files.CLOSED).exists() or files.read_run_json(root)["status"] != "running":
                raise _over(root)
            if durable:
                journal.sync()
                atomic.sync_names(folder)
        except BaseException:
            journal.abandon()
            raise
    except BaseException:
        lock.release()
        raise
    start = wanted.start if isinstance(wanted, Free) else 0
    return Session(run["id"], run["started"], lock, journal, run, run["config"], step, calls, rank=number, start=start)


def _wait_for_run(root: Path, wanted: int | Free, say: Say, is_new: bool, from_step: int | None) -> dict[str, Any]:
    """`run.json`, once a process that lives has the run; at once for a process that one has started."""
    begun = time.monotonic()
    until, calls = begun + (0 if isinstance(wanted, Free) else _TO_BEGIN), -1
    telling = _Telling(f"rank {wanted} waits for rank 0 to make {root}", say)
    while True:
        run: dict[str, Any] = {}
        with contextlib.suppress(StoreError):  # not there yet
            run = files.read_run_json(root)
        if run.get("status") == "running" and (alive := is_alive(run.get("writer", {}))) is not False:
            if alive or from_step is None or isinstance(wanted, Free) or time.monotonic() > begun + _TO_GO_BACK:
                return run
            calls = _position(root, run, wanted)[0] if calls < 0 else calls  # which nobody but this rank adds to
            if gone_back_to(run, calls, wanted) == from_step:
                return run
        if is_new and run.get("status", "running") != "running":  # rank 0 begins no run where there is one
            raise _over(root)
        if time.monotonic() > until:
            if isinstance(wanted, Free) and run:
                raise _over(root)
            got = Verbatim(f"the {files.status_of(run)} run" if run else "none")
            hint = "Make the Run with the same path on rank 0, too, or leave out rank=."
            raise StoreError.of(str(root), "a run that rank 0 is writing", got, hint)
        telling.sleep()


def _over(root: Path) -> RunClosed:
    hint = "Let rank 0, or the process that made the run, finish it last."
    return RunClosed.of("run", "a run that is open", Verbatim(f"{root.name}, which is over"), hint)


def _take_rank(root: Path, run: dict[str, Any], wanted: int | Free) -> tuple[Lock, int, int, int]:
    """The right to log as a rank, its number, how many calls it has logged, and the step that comes next."""
    number, tries = FIRST_CHILD if isinstance(wanted, Free) else wanted, 0
    while True:
        try:
            lock = Lock(root, name=lock_name(number))
        except RunLocked:
            tries += 1
            if isinstance(wanted, Free):
                number += 1
            elif tries == _TRIES:
                raise
            else:  # perhaps locked by somebody who looks whether it is free
                time.sleep(_LOOK)
            continue
        try:
            calls, step = _position(root, run, number)
        except BaseException:
            lock.release()
            raise
        if not isinstance(wanted, Free) or wanted.step is None or wanted.step >= step:
            return lock, number, calls, step
        lock.release()  # its rows are beyond the one that is to be logged
        number += 1


def _position(root: Path, run: dict[str, Any], number: int) -> tuple[int, int]:
    """How many calls a rank has logged, and the step that comes next."""
    had = any(rank_of(path.name) == number for path in files.journals(root / files.JOURNAL))
    if not had and (root / files.HISTORY).exists():
        from ..runfolder.parquet_reader import StoredHistory

        had = number in StoredHistory(root / files.HISTORY).ranks
    if not had:
        return 0, 0 if number >= FIRST_CHILD else gone_back_to(run, 0, number) or 0
    from ..runfolder.content import RunContent  # numpy and pyarrow are needed only for this

    content = RunContent(root, run, rank=number)
    return content.rank_calls.get(number, 0), next_step(run, content, number)


class RankWriter(CallWriter):
    """Appends calls to the journal of a rank, as long as nobody has ended the run."""

    def __init__(self, opened: Session, fsync: float | None) -> None:
        super().__init__(opened, fsync)
        self._name, self._identity = str(self.journal.path), _identity(os.fstat(self.journal.fd))

    def write(self, frame: bytes, row: int, commit: bool, calls: int = 1) -> None:
        self._begin()
        try:
            super().write(frame, row, commit, calls)
        finally:
            _unlock(self.journal.fd)

    def append(self, frame: bytes) -> None:
        self._begin()
        try:
            super().append(frame)
        finally:
            _unlock(self.journal.fd)

    def _begin(self) -> None:
        """Keep the run from ending until the append is over; raises `RunClosed` if it has."""
        _flock(self.journal.fd, exclusive=False)
        try:
            same = _identity(os.stat(self._name)) == self._identity
        except OSError:
            same = False
        if not same:
            _unlock(self.journal.fd)
            raise _over(self.journal.path.parents[1])


def _identity(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino


@contextlib.contextmanager
def without_ranks(root: Path, wait: bool = False, force: bool = True, say: Say = None) -> Iterator[None]:
    """Nobody but the caller, who holds the run's lock, logs to it in this block, and no other rank after it.

    Args:
        root: the run's directory.
        wait: whether to wait a while for ranks that are still logging; not for processes that these have started.
        force: end the run for those that are; else it is refused.
        say: is told of waiting.

    Raises:
        RunLocked: a rank is still logging.
    """
    folder, held = root / files.JOURNAL, list[int]()
    until = time.monotonic() + _TO_END * wait
    telling = _Telling(f"waits for ranks that still log to {root}", say)
    while time.monotonic() < until and any(number < FIRST_CHILD for number, _ in _living(folder)):
        telling.sleep()
    if not force and (living := list(_living(folder))):
        _, holder = living[0]
        got = Verbatim(f"a rank in {files.writer_name(holder)}, which still logs to it")
        raise RunLocked.of(str(root), "a run that nobody else writes", got, files.way_out(holder))
    closed = folder / files.CLOSED
    try:
        try:
            os.close(open_regular(closed, os.O_WRONLY | os.O_CREAT | _NO_LINK)[0])
            for path in files.journals(folder):
                if rank_of(path.name):
                    held.append(open_regular(path, os.O_RDONLY | _NO_LINK)[0])
                    _flock(held[-1], exclusive=True)
        except OSError as error:
            raise os_error(StoreError, str(folder), "close the journals", error, "Check permissions.") from error
        yield
    finally:
        for fd in held:
            os.close(fd)
        with contextlib.suppress(OSError):
            closed.unlink(missing_ok=True)


def missing_ranks(root: Path, run: dict[str, Any]) -> list[Problem]:
    """The ranks of the job that never logged to the run in `root`, as its journals and its `run.json` tell."""
    came = {rank_of(path.name) for path in files.journals(root / files.JOURNAL)}
    came.update(int(rank) for rank in run.get("ranks", {}) if rank.isdecimal())
    missing = [rank for rank in range(1, min(job_size(), _MOST_MISSED)) if rank not in came]
    if not missing:
        return []
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    which = f"rank{'s' * (len(missing) > 1)} {', '.join(map(str, missing[:_NAMED]))}{more}"
    got = "none of these processes" if len(missing) > 1 else "no such process"
    hint = "Make the Run with the same path and rank= in each process of the job, or leave out rank= in this one."
    return [Problem(which, f"expected to log to the run, got {got}", RANK, hint)]


class _Telling:
    """Waits some more, and tells once what for if it takes long."""

    def __init__(self, line: str, say: Say) -> None:
        self._line, self._say, self._since = line, say, time.monotonic()

    def sleep(self) -> None:
        time.sleep(_LOOK)
        if self._say and time.monotonic() - self._since > _TOLD:
            self._say(self._line)
            self._say = None


def _living(folder: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The ranks that a process logs as, with that."""
    for number, path in files.rank_locks(folder).items():
        holder, held = holder_of(path)
        if held:
            yield number, holder


def _flock(fd: int, exclusive: bool) -> None:
    """Lock a journal, waiting while somebody else has it; without locks here, or if it takes too long, go on."""
    if sys.platform == "win32":
        return None
    try:
        if not exclusive:  # an end of the run takes its time, and is certain to come
            fcntl.flock(fd, fcntl.LOCK_SH)
            return None
        until = time.monotonic() + _TO_CLOSE
        while time.monotonic() < until:
            try:
                return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOOK)
    except (OSError, ValueError):  # there are none, or the journal is closed
        pass


def _unlock(fd: int) -> None:
    if sys.platform != "win32":
        try:
            fcntl.flock(fd, fcntl.LOCK_UN)
        except (OSError, ValueError):
            pass

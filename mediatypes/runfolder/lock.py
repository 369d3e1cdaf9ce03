"""One writer for a run: a lock that ends with its process, and says who holds it.

`journal/lock` is locked with flock(2) while a process writes, and holds who that is. The system releases the lock when
the process ends, however it ends, on network file systems for all hosts; a process that finishes removes the file.
Where the file system or the platform has no such locks, the process that the file names is looked for.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._core import canonical
from .._core.errors import Problem, RunLocked, StoreError, Verbatim, os_error
from .._core.processes import is_alive, this_process
from .._core.sidecar import open_regular
from .._core.wording import counted
from ..journal.names import FIRST_CHILD, lock_name
from . import files

if sys.platform != "win32":
    import fcntl

RANK = "rank"  # the code of problems of ranks that did not come, or not to an end
_NAME = "lock"
_TRIES = 100  # the file may vanish between two looks at it, but not for ever
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | _NO_LINK
_FLAGS |= getattr(os, "O_NONBLOCK", 0)  # nobody waits at a pipe
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}


class Lock:
    """The right to write the run in `root`, from making this until `release()` or the end of the process.

    Args:
        root: the run's directory.
        force: where there are no such locks, take that of a process of which nobody can tell whether it lives.
        name: of the file; another than "lock" is the right to log as one rank.

    Raises:
        RunLocked: another process has it, or may have.
        UnsafePath: a directory in which the run is written is a link.
        StoreError: the system refused.
    """

    def __init__(self, root: Path, force: bool = False, name: str = _NAME) -> None:
        files.require_no_links(root)
        self.path = root / files.JOURNAL / name
        self.since = time.time()
        for left in reversed(range(_TRIES)):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._fd = os.open(self.path, _FLAGS, 0o666)
            except OSError as error:
                # A finishing writer removes the folder, also while mkdir looks whether it is there.
                if left and isinstance(error, (FileNotFoundError, FileExistsError)):
                    continue
                hint = "Choose a writable directory."
                raise os_error(StoreError, str(root), "make the run's directory", error, hint) from error
            try:
                if not stat.S_ISREG(os.fstat(self._fd).st_mode):
                    raise OSError(errno.EINVAL, "not a regular file")
                self._take(root, force)
                if is_same_file(self._fd, self.path):  # and not the one that such a writer has just removed
                    return
            except BaseException as error:
                self.forget()
                if not isinstance(error, OSError) or isinstance(error, StoreError):
                    raise
                hint = "Check the file system, or choose a directory on another one."
                raise os_error(StoreError, str(self.path), "lock the run", error, hint) from error
            self.forget()
        hint = "Try again."
        raise RunLocked.of(str(root), "a run that nobody else writes", Verbatim("others at each try"), hint)

    def _take(self, root: Path, force: bool) -> None:
        free, holder = _lock(self._fd), _holder(self._fd)
        if free is False or (free is None and holder and not force and is_alive(holder) is not False):
            got = Verbatim(files.writer_name(holder) + _since(holder))
            hint = files.way_out(holder)
            if free is None:
                hint += " If it is gone already, run `mediatypes recover --force` on the run."
            what = "a run that nobody else writes" if self.path.name == _NAME else f"one process for {self.path.stem}"
            raise RunLocked.of(str(root), what, got, hint)
        with contextlib.suppress(OSError):  # on a full disk: who holds it stays unsaid
            os.ftruncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)
            os.write(self._fd, canonical.dump_bytes({**this_process(), "since": self.since}))

    def release(self) -> None:
        """Let go of the run, and take away the file and, if nothing else is in it, the journal's folder."""
        if self._fd >= 0 and is_same_file(self._fd, self.path):  # never that of another writer
            try:
                self.path.unlink()
                self.path.parent.rmdir()
            except OSError:  # Windows keeps the name of an open file; without content it locks nothing
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, 0)
        self.forget()

    def forget(self) -> None:
        """Close the file without taking it away: in a forked child, whose parent has the lock."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):  # nothing that was written matters any more
                os.close(self._fd)
            self._fd = -1


def _lock(fd: int) -> bool | None:
    """Whether the lock was free and is ours now; None if there are no locks here."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return None
        if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES):
            raise
        return False
    return True


def _holder(fd: int) -> dict[str, Any]:
    """Who wrote the file last."""
    try:
        holder = canonical.loads(os.read(fd, 4096))
    except (ValueError, OSError):
        return {}
    return holder if isinstance(holder, dict) and isinstance(holder.get("since"), float) else {}


def _since(holder: dict[str, Any]) -> str:
    """Since when somebody has the lock, as far as it is known."""
    try:
        return time.strftime(", writing since %Y-%m-%d %H:%M:%S", time.localtime(holder["since"]))
    except (KeyError, OverflowError, ValueError, OSError):
        return ""


def holder_of(path: Path) -> tuple[dict[str, Any], bool]:
    """Who wrote a file of a lock last, nothing if nobody did or there is none; and whether that process still holds it.

    The file is not locked for this.
    """
    try:
        fd, _ = open_regular(path, os.O_RDONLY | _NO_LINK)
    except OSError:
        return {}, False
    try:
        holder = _holder(fd)
        alive = is_alive(holder) if holder else None
        if alive is not False and sys.platform != "win32":  # on another host, or made by a thread that is gone
            with contextlib.suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                alive = False
        return holder, alive is not False
    finally:
        os.close(fd)


def killed_ranks(folder: Path, calls: dict[int, int]) -> Iterator[Problem]:
    """The ranks of the job that did not stop logging before their process was gone; of children nobody asks.

    Args:
        folder: of the journals.
        calls: of each rank but 0.
    """
    for rank, count in calls.items():
        holder, held = holder_of(folder / lock_name(rank))
        if holder and not held and rank < FIRST_CHILD:
            kept = f"Its {counted(count, 'call')} of log {'is' if count == 1 else 'are'} kept."
            yield Problem(f"rank {rank}", "expected to finish, got a process that is gone", RANK, kept)


def is_same_file(fd: int, path: Path) -> bool:
    """Whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False

"""Files and folders that appear whole: made under a temporary name beside their place, then renamed.

A temporary name is `.<name>.<host>-<pid>-<began>-<random>.tmp`. It says which process made it, so that what a killed
process left can be told from what another one is just writing, and is removed by whoever comes next.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from secrets import token_hex

from .errors import StoreError, os_error
from .processes import is_alive, this_process

_LONGEST = 100  # bytes of the target's name in a temporary one; file systems allow 255 in all
_TEMPORARY = re.compile(r"\..+\.([0-9a-f]{8})-([0-9]+)-([0-9]+)-[0-9a-f]{8}\.tmp")


def temporary_name(name: str) -> str:
    """A new name beside a file or folder called `name`, under which it is made."""
    return f"{_start(name)}{_mark(os.getpid())}-{token_hex(4)}.tmp"


def _start(name: str) -> str:
    return f".{os.fsencode(name)[:_LONGEST].decode(errors='ignore')}."


@cache
def _mark(pid: int) -> str:
    process = this_process()
    return f"{_short(process['host'])}-{pid}-{process['began'] or 0}"


def _short(host: str) -> str:
    return hashlib.sha256(host.encode()).hexdigest()[:8]


@contextlib.contextmanager
def replacing(
    target: Path, doing: str, hint: str = "Free some space or choose a writable directory.", *, durable: bool = False
) -> Iterator[Path]:
    """The temporary path at which to make `target`, a file or new folder, which takes its name when the block ends.

    Whatever `OSError` the system raises is a `StoreError` that names `target`, what was being done ("write the table")
    and what to do. With `durable` the content is on the disk first; `sync_names` of its folder makes the name last too.
    """
    temporary = target.parent / temporary_name(target.name)  # of "/", too, which the system refuses
    try:
        yield temporary
        if durable:
            sync(temporary)
        os.replace(temporary, target)
    except BaseException as error:
        _remove(temporary)
        if not isinstance(error, OSError) or (isinstance(error, StoreError) and str(temporary) not in str(error)):
            raise
        raise os_error(StoreError, str(target), doing, error, hint) from error


def write(target: Path, pieces: Iterable[bytes], doing: str, *, durable: bool = False) -> None:
    """Replace a file by these bytes at once: a reader sees the old or the new one. Raises as `replacing` does."""
    with replacing(target, doing, durable=durable) as temporary, open(temporary, "xb", buffering=0) as file:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]


def sync(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk; raises OSError."""
    if sys.platform == "win32" and path.is_dir():  # which has no such call
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_names(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; raises `StoreError`."""
    try:
        sync(folder)
    except OSError as error:
        raise os_error(StoreError, str(folder), "sync the directory", error, "Check the disk.") from error


def is_temporary(name: str) -> bool:
    """Whether a name is one that `temporary_name` gives."""
    return _TEMPORARY.fullmatch(name) is not None


def remove_leftovers(folder: Path, name: str = "", *, is_locked: bool = False) -> None:
    """Remove what killed processes left in a folder (only what was to become `name`), as far as it can be removed.

    With `is_locked` nobody else writes there now: what a process of another host left is removed too.
    """
    start = _start(name) if name else "."
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.name.startswith(start) and is_leftover(entry.name, is_locked=is_locked):
                _remove(Path(entry))


def is_leftover(name: str, *, is_locked: bool = False) -> bool:
    """Whether a name is a temporary one of a process that is gone; `is_locked` as in `remove_leftovers`."""
    matched = _TEMPORARY.fullmatch(name)
    if not matched:
        return False
    process, (host, pid, began) = this_process(), matched.groups()
    if host != _short(process["host"]):
        return is_locked
    return not is_alive({**process, "pid": int(pid), "began": began if began != "0" else None})


def _remove(path: Path) -> None:
    """Remove a file or folder; that the system refuses is no error here."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

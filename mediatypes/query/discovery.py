"""Finding run folders below a directory."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .._core.errors import StoreError, os_error
from ..history import files
from ..store.location import RemotePath
from .bulk import in_threads

_INSIDE = {files.JOURNAL, files.SIDECARS, files.DAMAGED}  # of a run folder: no runs there
_DEEPEST = 32  # directories below the one that was asked for


def find_runs(root: Path | RemotePath) -> Iterator[Path | RemotePath]:
    """Every directory at or below `root` that holds a `run.json`, in the order of their names.

    Links to directories are not followed.

    Raises:
        StoreError: `root` is no directory, or cannot be listed; directories below it that cannot be are left out.
    """
    try:
        if isinstance(root, RemotePath):
            yield from _find_remote(root)
            return
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError as error:
        raise os_error(StoreError, str(root), "list the runs", error, "Pass the directory that holds them.") from error
    yield from _walk(root, entries, _DEEPEST)


def _walk(folder: Path, entries: list[os.DirEntry[str]], depth: int) -> Iterator[Path]:
    is_run = any(entry.name == files.RUN for entry in entries)
    if is_run:
        yield folder
    for entry in entries:
        skipped = entry.name.startswith(".") or (is_run and entry.name in _INSIDE)
        if depth and not skipped and entry.is_dir(follow_symlinks=False):
            try:
                inside = sorted(os.scandir(entry), key=lambda entry: entry.name)
            except OSError:
                continue
            yield from _walk(folder / entry.name, inside, depth - 1)


def _find_remote(root: RemotePath) -> list[RemotePath]:
    """As `_walk`; all directories of one depth are listed at once."""
    found, level = list[RemotePath](), [root]
    for depth in range(_DEEPEST + 1):
        if not level:
            break
        listed = in_threads(_entries if depth else RemotePath.entries, level)
        below = []
        for folder, entries in zip(level, listed, strict=True):
            is_run = files.RUN in entries
            if is_run:
                found.append(folder)
            for name, size in entries.items():
                if size is None and not name.startswith(".") and not (is_run and name in _INSIDE):
                    below.append(folder / name)
        level = below
    if not found and not root.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return sorted(found, key=lambda path: PurePosixPath(path.path).parts)


def _entries(folder: RemotePath) -> dict[str, int | None]:
    try:
        return folder.entries()
    except OSError:  # as on this machine: what cannot be listed is left out
        return {}

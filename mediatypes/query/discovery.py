"""Finding run folders below a directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .._core.errors import StoreError, os_error
from ..history import files

_INSIDE = {files.JOURNAL, files.SIDECARS, files.DAMAGED}  # of a run folder: no runs there
_DEEPEST = 32  # directories below the one that was asked for


def find_runs(root: Path) -> Iterator[Path]:
    """Every directory at or below `root` that holds a `run.json`, in the order of their names.

    Links to directories are not followed.

    Raises:
        StoreError: `root` is no directory, or cannot be listed; directories below it that cannot be are left out.
    """
    try:
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

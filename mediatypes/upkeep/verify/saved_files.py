"""Checking the files that are kept with a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..._core.errors import Problem, problem
from ..._core.sidecar import hash_stream, open_file
from ..._core.wording import counted
from ...runfolder.saved_files import SavedFile, list_files, read_listed

_COPY = "Restore it from a copy of the run."


def check_files(root: Path, deep: bool) -> list[Problem]:
    """What is wrong with the files in `files/`, compared with `files.json`; places are names of files.

    Raises:
        DocumentError: `files.json` is damaged.
        StoreError: the system refused.
    """
    listed, present = read_listed(root), list_files(root)
    return [one for name in listed for one in _check_file(listed[name], name in present, deep)]


def _check_file(file: SavedFile, is_there: bool, deep: bool) -> Iterator[Problem]:
    if not is_there:
        yield Problem(file.name, "expected the file, got none", "missing", _COPY)
        return
    try:
        with open_file(file.path) as opened:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(0)
            sha256 = hash_stream(opened)[0] if deep and size == file.size else file.sha256
    except OSError as error:
        yield Problem(file.name, f"expected to read the file, got {error.strerror!r}", "unreadable", _COPY)
        return
    if size != file.size:
        yield problem(file.name, counted(file.size, "byte"), size, _COPY, "size")
    elif sha256 != file.sha256:
        yield problem(file.name, f"bytes of SHA-256 {file.sha256}", sha256, _COPY, "hash")

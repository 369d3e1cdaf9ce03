"""Artifacts checked byte by byte, and what nobody needs removed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .._core import atomic
from .._core.errors import MediaTypesError, Problem, StoreError, Verbatim, describe, os_error, problem
from .._core.parallel import in_threads
from ..runfolder import files
from ..upkeep.packing import Moved
from .blobs import Blobs
from .folder import COLLECTING, Folder


class Verified(NamedTuple):
    """What checking artifacts found: `.problems`, and how many `.versions`, stored `.files` and `.bytes` were read."""

    problems: list[Problem]
    versions: int
    files: int
    bytes: int


def verify(folder: Folder) -> Verified:
    """See `Artifacts.verify`."""
    problems, versions, wanted = list[Problem](), 0, dict[str, tuple[int, str]]()
    for name in folder.names():
        numbers = folder.numbers(name)
        for number in numbers:
            try:
                manifest = folder.read(name, number)
            except MediaTypesError as error:
                problems += describe(error)
                continue
            versions += 1
            for entry in manifest.entries.values():
                if entry.is_stored:
                    place = f"{name}:v{number}/{entry.path}"
                    wanted.setdefault(str(entry.sha256), (int(entry.size or 0), place))
        for alias, number in folder.aliases(name, problems).items():
            if number not in numbers:
                got = Verbatim(f"v{number}")
                problems.append(problem(f"{name}:{alias}", "a version that is there", got, "Move it.", "missing"))
    blobs = Blobs(folder.root)

    def read(sha256: str) -> int | tuple[Problem, ...]:
        size, place = wanted[sha256]
        try:
            return sum(map(len, blobs.pieces(sha256, size, place)))
        except MediaTypesError as error:
            return tuple(one._replace(path=one.path or place) for one in describe(error))

    results = in_threads(read, wanted, elsewhere=not isinstance(folder.root, Path))
    sizes = [result for result in results if isinstance(result, int)]
    problems += [one for result in results if not isinstance(result, int) for one in result]
    return Verified(problems, versions, len(sizes), sum(sizes))


def collect_garbage(folder: Folder, dry_run: bool) -> Moved:
    """See `Artifacts.gc`."""
    root = folder.local("gc")
    if not root.is_dir():
        return Moved(0, 0)
    files.require_no_links(root, [files.BLOBS])
    with folder.doing(COLLECTING):
        named = set[str]()
        for name in folder.names():
            for number in folder.numbers(name):
                named |= {str(entry.sha256) for entry in folder.read(name, number).entries.values()}
        unused, kept = [(path, _size(path)) for path in _leftovers(root)], 0
        for path in (root / files.BLOBS).glob("??/*"):
            if path.name in named:
                kept += 1
            elif re.fullmatch("[0-9a-f]{64}", path.name) and path.is_file() and not path.parent.is_symlink():
                unused.append((path, path.lstat().st_size))
        if not dry_run:
            for path, _ in unused:
                _remove(path)
        return Moved(len(unused), sum(size for _, size in unused), kept)


def _leftovers(root: Path) -> Iterator[Path]:
    """What killed processes left of files and directories that they were making."""
    for folder in [
        root,
        *root.glob("*"),
        *(root / files.BLOBS).glob("??"),
        *root.glob("*/v*"),
        *root.glob("*/aliases"),
    ]:
        if folder.is_dir() and not folder.is_symlink() and not folder.parent.is_symlink():
            yield from (path for path in folder.iterdir() if atomic.is_leftover(path.name))


def _size(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        return sum(map(_size, path.iterdir()))
    return path.lstat().st_size


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise os_error(StoreError, str(path), "remove the file", error, "Check permissions.") from error

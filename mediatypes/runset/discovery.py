"""Finding run folders below a directory."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from glob import glob
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from .._core.errors import InputError, Problem, StoreError, Verbatim, os_error
from .._core.parallel import in_threads
from ..runfolder import files
from ..store.location import RemotePath
from ..store.remote import RemoteStore
from ..store.urls import is_url, locate

Source = str | os.PathLike[str] | RemoteStore
Place = Path | RemotePath
_INSIDE = {files.JOURNAL, files.SIDECARS, files.DAMAGED}  # of a run folder: no runs there
_DEEPEST = 32  # directories below the one that was asked for


def listed(source: Source | Iterable[Source]) -> list[Source]:
    """One source or several as a list."""
    return [*source] if isinstance(source, Iterable) and not isinstance(source, (str, bytes)) else [source]


def find_roots(source: Source | Iterable[Source]) -> list[Place]:
    """The directories that paths, patterns, URLs and stores mean; raises `StoreError` if a pattern matches none."""
    roots: list[Place] = []
    for one in listed(source):
        if isinstance(one, RemoteStore):
            roots.append(one.root)
            continue
        place = locate(one, "open_runs")
        if isinstance(place, RemotePath):
            roots.append(place)
            continue
        text = os.path.expanduser(one)
        paths = [text]
        if any(letter in text for letter in "*?[") and not os.path.lexists(text):  # a name that exists is no pattern
            paths = [path for path in sorted(glob(text, recursive=True)) if os.path.isdir(path)]
        if not paths:
            raise StoreError.of(text, "a pattern that directories match", "none", "Look at it with ls.")
        roots += [Path(path).absolute() for path in paths]
    return roots


def find_all(roots: Iterable[Place], problems: list[Problem] | None = None) -> list[Place]:
    """The runs at or below several directories, each once; raises `StoreError`. `problems` as in `find_runs`."""
    told = [] if problems is None else problems
    runs = list[list[Any]]()
    for root in roots:
        runs.append(_find_remote(root, told) if isinstance(root, RemotePath) else list(find_runs(root, told)))
        if not runs[-1] and is_file(root / files.COMPACTED):
            message = "expected a directory of runs, got a dataset that mediatypes compact made"
            told.append(Problem(str(root), message, "dataset", "Open it by itself, or the runs that it was made of."))
    return [*runs[0]] if len(runs) == 1 else list(dict.fromkeys(chain.from_iterable(runs)))


def find_base(roots: Iterable[Place], sources: Iterable[Source]) -> Any:
    """The directory below which runs are named, whichever runs come to be there; raises `InputError` if there is none.

    Args:
        roots: what `find_roots` made of the sources.
        sources: directories, patterns, URLs and stores.
    """
    tops = [root.parent if is_file(root / files.RUN) else root for root in roots]
    for source in sources:
        if isinstance(source, (str, os.PathLike)) and not is_url(source) and Path(source).absolute() not in roots:
            text = os.path.expanduser(source)
            if cut := re.search(r"[*?\[]", text):  # later more directories may match
                tops.append(Path(os.path.dirname(text[: cut.start()])).absolute())
    tops = list(dict.fromkeys(tops))
    return tops[0] if len(tops) == 1 else _common_base(tops)


def _common_base(paths: Sequence[Place]) -> Any:
    if not any(isinstance(path, RemotePath) for path in paths):
        return Path(os.path.commonpath([str(path) for path in paths])) if paths else Path()
    above: Any = paths[0]
    while not all(isinstance(path, RemotePath) and path.is_relative_to(above) for path in paths):
        if above == above.parent:
            got = Verbatim("none")
            raise InputError.of("open_runs", "one directory above all runs", got, "Open them one by one.")
        above = above.parent
    return above


def name_below(base: Any, path: Place) -> str:
    """The way from a directory to a run, with "/"; the run's name there."""
    if isinstance(path, RemotePath):
        return str(path.relative_to(base))
    return str(path)[len(str(base)) :].strip(os.sep).replace(os.sep, "/") or "."  # relative_to takes ten times as long


def is_file(path: Place) -> bool:
    """Whether there is a file; raises `StoreError`."""
    try:
        return path.is_file()
    except OSError as error:
        raise os_error(StoreError, str(path), "look for the file", error, "Check the URL and the network.") from error


def find_runs(root: Path, problems: list[Problem] | None = None) -> Iterator[Path]:
    """Every directory at or below `root` that holds a `run.json`, in the order of their names; links are not followed.

    Raises StoreError if `root` cannot be listed; directories below it that cannot be are left out, and `problems` grows
    by one for each.
    """
    try:
        entries = list(os.scandir(root))
    except (FileNotFoundError, NotADirectoryError) as error:
        got = "a file" if os.path.lexists(root) else "nothing of that name"
        hint = "Pass the directory that holds them."
        raise StoreError.of(str(root), "a directory of runs", Verbatim(got), hint) from error
    except OSError as error:
        raise os_error(StoreError, str(root), "list the runs", error, "Pass the directory that holds them.") from error
    yield from _walk(str(root), entries, _DEEPEST, [] if problems is None else problems)


def _is_run(names: Collection[str]) -> bool:
    """Whether a directory of these names is a run, though it lost some; an export has the JSON files of one alone."""
    kept = (files.HISTORY, files.MEDIA, files.JOURNAL)
    return files.RUN in names and (files.SUMMARY not in names or any(name in names for name in kept))


def _is_artifacts(name: str, names: Collection[str]) -> bool:
    """Whether a directory of this name, with these names in it, is that of artifacts: what looks like a run is none."""
    return name == files.ARTIFACTS and files.BLOBS in names and files.RUN not in names


def _walk(folder: str, entries: list[os.DirEntry[str]], depth: int, problems: list[Problem]) -> Iterator[Path]:
    is_run = _is_run({entry.name for entry in entries})
    if is_run:
        yield Path(folder)
    folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)] if depth else []
    for name in sorted(folders):
        if name.startswith(".") or (is_run and name in _INSIDE):
            continue
        below = os.path.join(folder, name)
        try:
            inside = list(os.scandir(below))
        except OSError as error:
            _note(below, error, problems)
            continue
        if _is_artifacts(name, {entry.name for entry in inside}):
            continue
        yield from _walk(below, inside, depth - 1, problems)


def _note(folder: object, error: OSError, problems: list[Problem]) -> None:
    """Tell of a directory that cannot be listed, unless it was removed meanwhile."""
    if not isinstance(error, FileNotFoundError):
        message = f"expected a directory that can be listed, got {error.strerror!r}"
        problems.append(Problem(str(folder), message, "unlisted", "Check permissions."))


def _find_remote(root: RemotePath, problems: list[Problem]) -> list[RemotePath]:
    """As `find_runs`; all directories of one depth are listed at once."""
    try:
        return _walk_remote(root, problems)
    except OSError as error:
        hint = "Pass the URL of the directory that holds them; check the credentials and the network."
        raise os_error(StoreError, str(root), "list the runs", error, hint) from error


def _walk_remote(root: RemotePath, problems: list[Problem]) -> list[RemotePath]:
    runs, level = list[RemotePath](), [root]
    for depth in range(_DEEPEST + 1):
        if not level:
            break
        entries_of = partial(_entries, problems=problems) if depth else RemotePath.entries
        listed = in_threads(entries_of, level)
        below = []
        for folder, entries in zip(level, listed, strict=True):
            is_run = _is_run(entries)
            if is_run:
                runs.append(folder)
            elif depth and _is_artifacts(folder.name, entries):
                continue
            for name, size in entries.items():
                if size is None and not name.startswith(".") and not (is_run and name in _INSIDE):
                    below.append(folder / name)
        level = below
    if not runs and not root.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return sorted(runs, key=lambda path: PurePosixPath(path.path).parts)


def _entries(folder: RemotePath, problems: list[Problem]) -> dict[str, int | None]:
    try:
        return folder.entries()
    except OSError as error:  # as on this machine: what cannot be listed is left out
        _note(folder, error, problems)
        return {}

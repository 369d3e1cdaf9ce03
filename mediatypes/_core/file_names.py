"""Names of files that people choose: below a directory, on every file system."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from .errors import Problem, UnsafePath, Verbatim, problem
from .sidecar import safe_parts

_RENAME = "Rename it."


def check_names(names: Iterable[str], where: str) -> dict[str, Problem]:
    """What is wrong with relative paths that shall stand in one directory, wherever it is copied to, by path.

    Each is safe by itself (no `..`, nothing that Windows reserves), no two differ only in case or in how letters are
    composed, and none is both a file and the directory of another. Of two that collide the later one is wrong.
    """
    wrong: dict[str, Problem] = {}
    files: dict[str, str] = {}  # by what a file system may take for the same
    folders: dict[str, str] = {}
    for name in names:
        try:
            parts = safe_parts(name)
        except UnsafePath:
            wrong[name] = problem(where, "a relative path that is safe on every system", name, _RENAME, "unsafe")
            continue
        key = fold(name)
        above = [fold("/".join(parts[:end])) for end in range(1, len(parts))]
        others = [files.get(key), folders.get(key), *(files.get(folder) for folder in above)]
        if other := next((other for other in others if other not in (None, name)), None):
            got = Verbatim(f"{name!r} beside {other!r}")
            wrong[name] = problem(where, "names that differ in more than case", got, _RENAME, "twins")
            continue
        files[key] = name
        folders |= dict.fromkeys(above, name)
    return wrong


def fold(name: str) -> str:
    """What a name is to a file system that distinguishes least."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

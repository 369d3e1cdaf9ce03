"""Which files a path or pattern means, and what each is called."""

from __future__ import annotations

import os
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any

from .._core.errors import InputError, Problem, Verbatim, problem

_MAGIC = "*?["


def select_files(pattern: Any, base_path: Any, own: Path) -> tuple[dict[str, Path], list[Problem]]:
    """The files that a path or pattern means, by their names below `base_path`; and what is wrong with others.

    Args:
        pattern: a file, a directory (all below it), or a pattern of them as in `glob`, in which `**` means all
            directories; `~` is expanded. Hidden files are meant only by their names, as in a shell.
        base_path: where names begin. Default: the current directory, and of an absolute pattern the directory above
            that of the files, so that the name of one is kept.
        own: a directory of which nothing is meant, unless by its name.
    """
    where = "save"
    given = [path for path in (pattern, base_path) if path is not None]
    if not all(isinstance(path, (str, os.PathLike)) and isinstance(os.fspath(path), str) for path in given):
        got = next(path for path in given if not isinstance(path, (str, os.PathLike)))
        raise InputError.of(where, "a path or a pattern of paths", got, "Pass 'checkpoints/*.pt'.")
    text = os.path.expanduser(pattern)
    if not text or "\0" in text or "://" in text:
        raise InputError.of(where, "a path or a pattern of paths of this machine", text, "Pass 'checkpoints/*.pt'.")
    if base_path is not None:
        base = os.path.abspath(os.path.expanduser(base_path))
    else:
        base = os.path.dirname(os.path.dirname(text)) if os.path.isabs(text) else os.getcwd()
    is_literal = os.path.lexists(text)
    matches = [text] if is_literal else sorted(glob(text, recursive=True))
    selected, problems = dict[str, Path](), list[Problem]()
    for match in map(os.path.abspath, matches):
        inside = os.path.isdir(match)
        for path in _below(match, problems) if inside else [match]:
            if (inside or not is_literal) and Path(path).is_relative_to(own):
                continue
            name = Path(os.path.relpath(path, base)).as_posix()
            if name.startswith("../"):
                hint = f"Pass base_path={os.path.dirname(path)!r}."
                problems.append(problem(where, f"a file below {base}", path, hint, "outside"))
            elif leaves(path, base, ignore_last=is_literal and not inside):
                problems.append(problem(where, f"no link that leaves {base}", path, "Save what it leads to.", "link"))
            elif not os.path.isfile(path):
                kind = "a link to nothing" if os.path.islink(path) else "a pipe or device"
                problems.append(problem(where, "a file", Verbatim(f"{kind}, {path!r}"), "Leave it out.", "no-file"))
            else:
                selected[name] = Path(path)
    if not selected and not problems:
        hint = "Check the path." if not any(letter in text for letter in _MAGIC) else "Check the pattern."
        problems.append(problem(where, "files", Verbatim(f"none that {text!r} means"), hint, "no-file"))
    return selected, problems


def leaves(path: str, base: str, *, ignore_last: bool = False) -> bool:
    """Whether links lead a path that is below `base` by its name out of it; `ignore_last`: not the last part of it."""
    checked = os.path.dirname(path) if ignore_last else path
    return not Path(os.path.realpath(checked)).is_relative_to(os.path.realpath(base))


def _below(folder: str, problems: list[Problem]) -> Iterator[str]:
    """The files below a directory in the order of their names, but for hidden ones."""

    def refused(error: OSError) -> None:
        got = Verbatim(f"{error.strerror}, {error.filename!r}")
        problems.append(problem("save", "a directory that can be listed", got, "Check permissions.", "unlisted"))

    for top, folders, names in os.walk(folder, onerror=refused):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(top, name) for name in sorted(names) if not name.startswith("."))

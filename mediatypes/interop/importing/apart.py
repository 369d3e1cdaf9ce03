"""What an import makes stands apart from what it reads."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..._core.errors import InputError, Verbatim, problem


def require_apart(sources: Iterable[str | os.PathLike[str]], dest: Path, folders: Iterable[str] = ()) -> None:
    """Raise InputError if an import would write into what it reads: a second one would then read what the first made.

    Args:
        sources: directories and files that are read.
        dest: the directory of the run folders.
        folders: these, by their paths below `dest`.
    """
    target, names, problems = Path(os.path.realpath(dest)), list(folders), []
    for source in dict.fromkeys(map(Path, sources)):
        real = Path(os.path.realpath(source))
        made = [(dest, target), *((dest / name, target / name) for name in names)]
        for shown, place in made:
            is_around = place != target and place in real.parents  # `dest` itself may well hold what is read
            if place == real or real in place.parents or is_around:
                got = Verbatim(f"{dest}" if shown == dest else f"{dest}, where the run folder would be {shown}")
                apart = real.with_name(f"{real.name}-runs")
                hint = f"Choose another folder, such as {apart}."
                problems.append(problem("dest", f"a folder apart from {source}, which is read", got, hint, "not-apart"))
                break
    if problems:
        raise InputError(problems)

"""Files of a run directory that are kept as they are: console, requirements, diff, what was saved."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ...._core.errors import Problem
from ....runfolder import files
from ....runfolder.saved_files import put_files, wrong_names
from ...importing.losses import Losses
from ...importing.names import folder_of
from ...importing.sources import IRREGULAR, OUTSIDE, unlisted

MAX_ATTACHED = 1 << 32  # bytes of one file
_MEDIA = "media"  # whose files are values


class Attached:
    """Gathers files that are copied into a run folder."""

    def __init__(self) -> None:
        self._wanted: dict[str, Path] = {}

    def add(self, source: Path, name: str) -> str:
        """Want one file, by its path below the run directory's `files`; returns its path in the run folder."""
        safe = folder_of(name)
        self._wanted[safe] = source
        return f"{files.ATTACHED}/{safe}"

    def add_all(self, root: Path, losses: Losses) -> None:
        """Want what is in `root`, without the media; links that lead out of it and what is no file are said."""
        real = os.path.realpath(root)
        for folder, below, names in os.walk(root, onerror=unlisted(root, losses.add)):
            if Path(folder) == root:
                below[:] = [name for name in below if name != _MEDIA]
            below.sort()
            for name in sorted(names):
                path = Path(folder) / name
                refusal = _refusal(path, real)
                shown = path.relative_to(root).as_posix()
                if refusal:
                    text = f"expected a regular file in the run directory, got {refusal}"
                    losses.add(Problem(f"{files.ATTACHED}/{shown}", text, "not-read", "It is not copied."))
                else:
                    self.add(path, shown)

    def copy(self, root: Path, losses: Losses) -> list[str]:
        """Copy them to a run folder, and list them there; returns their paths in it."""
        for name, problem in wrong_names(root, self._wanted).items():
            losses.add(problem._replace(path=f"{files.ATTACHED}/{name}"))
            self._wanted.pop(name, None)
        if self._wanted:
            put_files(root, self._wanted)
        return sorted(f"{files.ATTACHED}/{name}" for name in self._wanted)


def _refusal(path: Path, real: str) -> str:
    """Why a file is not copied; empty if it is."""
    try:
        status = os.stat(path)
    except OSError:  # a link, or removed meanwhile
        return "a link to nowhere"
    if not os.path.realpath(path).startswith(real + os.sep):
        return OUTSIDE
    if not stat.S_ISREG(status.st_mode):
        return IRREGULAR
    return f"{status.st_size} bytes" if status.st_size > MAX_ATTACHED else ""

"""Which logs there are, and the names that their runs get.

A run directory (`run-20240131_120000-<id>`, `offline-run-...`) is a run, named as it is; directories called `wandb`, in
which W&B puts them, are left out of the name. A run that was resumed has several directories, and is a run for each.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ...._core.errors import InputError, Problem
from ...importing.names import folder_of
from ...importing.sources import HEAD_BYTES, IRREGULAR, OUTSIDE, unlisted

SUFFIX = ".wandb"
FILES = "files"  # of a run directory: media, and what was saved
_OWN = (FILES, "logs", "tmp")  # in a run directory


class Options(NamedTuple):
    """What the caller of an import says about its runs."""

    project: str | None = None
    tags: tuple[str, ...] = ()


class LogPlan(NamedTuple):
    name: str
    folder: str  # of the run below the destination, with /
    path: Path  # of the log
    size: int

    @property
    def root(self) -> Path:
        """Where the files of the run are."""
        return self.path.parent / FILES

    def head(self, size: int = HEAD_BYTES) -> dict[str, Any]:
        """The first bytes of the log, by size and hash, by which it is known again."""
        with open(self.path, "rb") as file:
            data = file.read(min(size, self.size))
        return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def is_wandb(source: str) -> bool:
    """Whether a path is a log of W&B, a run directory, or a directory with run directories or with `wandb/`; one that
    is not there yet by its name."""
    path = Path(source)
    if not path.is_dir():
        return path.suffix == SUFFIX or (path.name == "wandb" and not path.exists())
    return any(next(path.glob(f"{below}*{SUFFIX}"), None) for below in ("", "*/", "wandb/*/"))


def read_folder(source: Path) -> Path:
    """What is read of a source: of a project's directory, the `wandb` in it."""
    below = source / "wandb"
    return below if below.is_dir() else source


def make_plan(source: Path) -> tuple[list[LogPlan], list[Problem]]:
    """The logs of a file or directory, in the order of their names; and those that are not read.

    Raises:
        InputError: there is no such file or directory.
    """
    source, problems = source.absolute(), list[Problem]()
    if source.is_file():
        logs = [source] if source.suffix == SUFFIX else []
        base = source.parent
    elif source.is_dir():
        logs, base = list(_logs(source, problems)), source
    else:
        raise InputError.of("source", "an existing file or directory", str(source), "Check the path.", "no-directory")
    plans: dict[str, LogPlan] = {}
    real = os.path.realpath(base)
    for path in logs:
        refusal = OUTSIDE if not os.path.realpath(path).startswith(real.rstrip(os.sep) + os.sep) else ""
        refusal = refusal or ("" if path.is_file() else IRREGULAR)
        if refusal:
            text = f"expected a regular file below the directory, got {refusal}"
            problems.append(Problem(str(path.relative_to(base)), text, "not-read", "It is not imported."))
            continue
        folder = path.parent.relative_to(base).as_posix()
        whole = base.resolve().name if folder == "." else folder
        name = "/".join(part for part in whole.split("/") if part != "wandb") or path.stem
        if name in plans or len(list(path.parent.glob(f"*{SUFFIX}"))) > 1:
            name = f"{whole}/{path.stem}"
        plans[name] = LogPlan(name, folder_of(name), path, path.stat().st_size)
    return [plans[name] for name in sorted(plans)], problems


def _logs(root: Path, problems: list[Problem]) -> Iterator[Path]:
    """The logs below a directory, without following links to directories."""
    for folder, below, names in os.walk(root, onerror=unlisted(root, problems.append)):
        own = sorted(name for name in names if name.endswith(SUFFIX))
        below[:] = sorted(name for name in below if not (own and name in _OWN))
        yield from (Path(folder) / name for name in own)

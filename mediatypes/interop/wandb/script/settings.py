"""Settings of the module: arguments of `init`, and the environment variables that wandb reads."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from ...._core.errors import InputError
from ...._core.location import local_path

_MODES = ("online", "offline", "shared", "disabled", "dryrun")


class Settings:
    """Settings as wandb takes them: `init(settings=Settings(console="off"))`.

    Of them `console` ("off" captures nothing), `silent`, `mode` and the texts of a run have an effect; the others are
    about a server, and are kept without one.
    """

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)

    def get(self, name: str) -> Any:
        """What was set, else the environment's, else None."""
        value = self.__dict__.get(name)
        return value if value is not None else from_environment(name)

    def update(self, settings: Any = None, **named: Any) -> None:
        self.__dict__.update({**as_dict(settings), **named})

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


_VARIABLES = {
    "project": "WANDB_PROJECT",
    "entity": "WANDB_ENTITY",
    "name": "WANDB_NAME",
    "notes": "WANDB_NOTES",
    "tags": "WANDB_TAGS",
    "group": "WANDB_RUN_GROUP",
    "job_type": "WANDB_JOB_TYPE",
    "dir": "WANDB_DIR",
    "id": "WANDB_RUN_ID",
    "resume": "WANDB_RESUME",
    "mode": "WANDB_MODE",
    "console": "WANDB_CONSOLE",
    "silent": "WANDB_SILENT",
}


def from_environment(name: str) -> Any:
    """A setting that an environment variable of wandb gives, or None."""
    text = os.environ.get(_VARIABLES.get(name, ""), "")
    if name == "tags":
        return [tag.strip() for tag in text.split(",") if tag.strip()] or None
    if name == "silent":
        return text.lower() in ("1", "true") or None
    return text or None


_last_root: Path | None = None


def remember_root(root: Path) -> None:
    """A run was begun here: `wandb.Api()` of this process looks there."""
    global _last_root
    _last_root = root


def last_root() -> Path:
    """Where the last run of this process was begun, else where the next one would be."""
    return _last_root or root_of_runs()


def root_of_runs(dir: Any = None) -> Path:
    """Where runs are begun: `dir`, WANDB_DIR, MEDIATYPES_DIR, or `./runs`."""
    chosen = dir or from_environment("dir") or os.environ.get("MEDIATYPES_DIR") or "runs"
    return local_path(chosen, "wandb.init.dir")


def id_of(folder: str) -> str | None:
    """The id of the run whose folder is called so, `run-<date>_<time>-<id>`; None of another name."""
    match = re.fullmatch(r"run-\d{8}_\d{6}-(.+)", folder)
    return match[1] if match else None


def as_dict(settings: Any) -> dict[str, Any]:
    """Settings as a dict: of a `Settings`, a dict, or None."""
    if settings is None:
        return {}
    return dict(settings if isinstance(settings, dict) else vars(settings))


def checked_mode(mode: Any) -> str:
    """A mode that wandb has; without a server "online" and "shared" are the same as "offline".

    Raises:
        InputError: another one.
    """
    if mode not in _MODES:
        raise InputError.of("wandb.init.mode", f"one of {', '.join(_MODES)}", mode, 'Pass "offline" or "disabled".')
    return "disabled" if mode == "disabled" else "offline"

"""The run of a script: `init`, and the functions of the module that go to the run that is open."""

from __future__ import annotations

import os
import re
import secrets
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ...._core.errors import InputError, Verbatim
from ....run import Run as MediatypesRun
from ....writing.config import plain_config
from . import lenient
from .run import Run
from .settings import Settings, as_dict, checked_mode, id_of, remember_root, root_of_runs

_open: list[Run] = []  # the newest last
_defaults = Settings()


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: Any = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Any = None,
    config: Any = None,
    config_exclude_keys: Any = None,
    config_include_keys: Any = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    reinit: Any = None,
    resume: Any = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Any = None,
    strict: bool = False,
    anonymous: Any = None,
    magic: Any = None,
) -> Run:
    """Begin a run, as `wandb.init` does, in a folder of its own: `<dir>/run-<date-time>-<id>`.

    Args:
        dir: the folder of all runs. Default: WANDB_DIR, MEDIATYPES_DIR, or `runs`.
        id, resume, resume_from: "allow", "must", "never" or "auto" with an id; `resume_from="<id>?_step=400"` goes back
            to a checkpoint.
        mode: "offline" and "online" are the same here; with "disabled" nothing is kept.
        reinit: of a run that is open: None or "return_previous" returns it, True or "finish_previous" finishes it,
            "create_new" leaves it open.
        strict: True: what is wrong with a value is raised where it is, as mediatypes does elsewhere. Default: it is a
            problem of the run, so that a training stops nowhere where wandb's did not.
        entity, save_code, monitor_gym, force, anonymous, magic, settings: taken; without a server most means nothing.

    Raises:
        InputError: with what is wrong with the arguments.
    """
    chosen = Settings(**{**vars(_defaults), **as_dict(settings)})
    given = {"project": project, "name": name, "notes": notes, "tags": tags, "group": group, "job_type": job_type}
    texts = {key: value if value is not None else chosen.get(key) for key, value in given.items()}
    texts["tags"] = [texts["tags"]] if isinstance(texts["tags"], str) else texts["tags"]
    if _open and reinit in (None, False, "default", "return_previous"):
        return _open[-1]
    if _open and reinit in (True, "finish_previous"):
        _open[-1].finish()
    if fork_from is not None:
        hint = "Copy the run's folder, and pass resume_from= with the id of the copy."
        raise InputError.of("wandb.init.fork_from", "a call that needs no server", fork_from, hint)
    lenient.strict = bool(strict)
    is_disabled = checked_mode(mode or chosen.get("mode") or "offline") == "disabled"
    root = Path(tempfile.mkdtemp(prefix="wandb-disabled-")) if is_disabled else root_of_runs(dir or chosen.get("dir"))
    if not is_disabled:
        remember_root(root)
    id, step = _resumed(chosen.get("id") if id is None else id, resume_from)
    folder, resumed = _folder(root, id, resume if resume is not None else chosen.get("resume"), step)
    id = id or str(id_of(folder.name))
    run = MediatypesRun(
        folder,
        mode="resume" if resumed else "create",
        from_step=step,
        on_error="raise" if strict else "record",
        config=_selected(config, config_include_keys, config_exclude_keys),
        sync_tensorboard=bool(sync_tensorboard or tensorboard),
        capture=[] if is_disabled else _captured(chosen),
        quiet=True if is_disabled or chosen.get("silent") else None,
        **{**texts, "name": texts["name"] or (None if resumed else id)},
    )
    made = Run(
        run,
        id,
        _open.remove,
        entity=entity or chosen.get("entity"),
        allow_val_change=bool(allow_val_change),
        is_disabled=is_disabled,
        resumed=resumed,
    )
    _open.append(made)
    return made


def current() -> Run | None:
    """The run that was begun last, of those that are open."""
    return _open[-1] if _open else None


def need(what: str) -> Run:
    """The open run.

    Raises:
        InputError: there is none.
    """
    if not _open:
        raise InputError.of(f"wandb.{what}", "a run that is open", Verbatim("none"), "Call wandb.init() first.")
    return _open[-1]


def setup(settings: Any = None) -> Settings:
    """Settings for the runs that begin later."""
    _defaults.update(settings)
    return _defaults


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the run that is open; does nothing without one."""
    if _open:
        _open[-1].finish(exit_code)


def teardown(exit_code: int | None = None) -> None:
    """End all runs that are open."""
    while _open:
        _open[-1].finish(exit_code)


def _resumed(id: Any, resume_from: str | None) -> tuple[str | None, int | None]:
    """Id and step of `resume_from`, `<id>?_step=<n>`; else the id that was given."""
    if resume_from is None:
        return (None, None) if id is None else (_checked_id(id), None)
    name, _, query = resume_from.partition("?")
    steps = parse_qs(query).get("_step", [])
    if not name or len(steps) != 1 or not steps[0].isdecimal():
        raise InputError.of("wandb.init.resume_from", "<id>?_step=<number>", resume_from, "Pass 'abc123?_step=400'.")
    return _checked_id(name), int(steps[0]) + 1  # W&B keeps the row of this step


def _checked_id(id: Any) -> str:
    if not isinstance(id, str) or not re.fullmatch(r"[\w.][\w .-]{0,127}", id) or id.strip(". ") != id:
        hint = "Pass letters, digits, '-' and '_'."
        raise InputError.of("wandb.init.id", "a name of at most 128 letters", id, hint)
    return id


def _folder(root: Path, id: str | None, resume: Any, step: int | None) -> tuple[Path, bool]:
    """The folder of a run, and whether it holds one that is to be resumed."""
    if resume not in (None, False, True, "allow", "auto", "must", "never"):
        raise InputError.of("wandb.init.resume", "allow, must, never, auto or a boolean", resume, "Leave it out.")
    named = sorted(root.glob(f"run-*-{id}")) if id else []
    there = [path for path in named if id_of(path.name) == id and (path / "run.json").is_file()]
    if there and resume == "never":
        hint = "Pass another id, or resume='allow'."
        raise InputError.of("wandb.init.id", "one that no run has", id, hint)
    if not there and (resume == "must" or step is not None):
        raise InputError.of("wandb.init.id", f"that of a run in {root}", id, "Pass resume='allow' to begin one.")
    if there and (resume or step is not None):
        return there[-1], True
    return root / f"run-{time.strftime('%Y%m%d_%H%M%S')}-{id or secrets.token_hex(4)}", False


def _selected(config: Any, include: Any, exclude: Any) -> Any:
    if not include and not exclude:
        return config
    plain = plain_config(config, lambda problems: None)
    return {
        key: value for key, value in plain.items() if (not include or key in include) and key not in (exclude or ())
    }


def _captured(settings: Settings) -> list[str] | None:
    """What wandb records by itself, unless MEDIATYPES_CAPTURE says what to record."""
    if os.environ.get("MEDIATYPES_CAPTURE"):
        return None
    console = [] if settings.get("console") == "off" else ["console"]
    system = ["system"] if find_spec("psutil") and not settings.get("x_disable_stats") else []
    return ["environment", "git", *console, *system]


def termlog(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a line to stderr."""
    print(f"wandb: {string}" if prefix else string, end="\n" if newline else "", file=sys.stderr)


termwarn = termerror = termlog


def login(*arguments: Any, **options: Any) -> bool:
    """True: there is no server, so nobody needs to log in."""
    termlog("no login is needed: runs are folders on this machine")
    return True

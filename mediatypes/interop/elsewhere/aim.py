"""Aim: a repository (`.aim`), of which a copy of one run at a time is read by the package itself."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..._core.codec import decode
from ..._core.deps import need
from ..._core.errors import InputError, Verbatim
from ...store.memory import MemoryStore
from ...types.audio.value import Audio
from ...types.figure.value import Figure
from ...types.histogram.value import Histogram
from ...types.image.value import Image
from ._logged import Later, Logged, Planned, of_type, plain_name
from ._sources import database

_FOLDER, _DATABASE, _VERSION = ".aim", "run_metadata.sqlite", "VERSION"
_PARTS = ("meta", "seqs")
_METRIC, _LOGS, _SYSTEM, _SYSTEM_PARAMS = "metric", "logs", "__system__", "__system_params"


def find(path: Path) -> Iterator[Path]:
    """A directory that is a repository of Aim, or the one that it has."""
    return (one for one in (path, path / _FOLDER) if (one / "meta" / "chunks").is_dir())


def plan(root: Path, stack: contextlib.ExitStack) -> Iterator[Planned]:
    """The runs that were not deleted, by the names of experiment and run and the begin of the hash."""
    aim = need("aim", needed_for="reading a repository of Aim")
    query = "select r.hash, r.name, e.name from run r left join experiment e on r.experiment_id = e.id order by r.id"
    with database(root / _DATABASE) as ask:
        for hash, name, experiment in ask(query):
            if str(hash).isalnum() and all((root / part / "chunks" / hash).is_dir() for part in _PARTS):
                name = plain_name(experiment or "default", f"{name or 'run'}-{hash[:8]}")
                yield Planned(name, partial(_copy, aim, root, hash))


def _copy(aim: Any, root: Path, hash: str) -> Logged:
    """A run, read from a copy, for opening a repository writes; the copy stays until the media were read."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            for part in _PARTS:
                below = Path(part, "chunks", hash)
                shutil.copytree(root / below, folder / _FOLDER / below, symlinks=True)
            for name in (_VERSION, _DATABASE, f"{_DATABASE}-wal"):
                if (root / name).is_file():
                    shutil.copyfile(root / name, folder / _FOLDER / name)
        except (OSError, shutil.Error) as error:
            raise InputError.of(str(root), "a repository that can be read", Verbatim(str(error)), "", "aim") from error
        repository = aim.Repo(str(folder))
        stack.callback(repository.close)
        try:
            registry = need("aim.sdk.sequence", needed_for="reading a repository of Aim").Sequence.registry
            read = _read(aim.Run(hash, repo=repository, read_only=True), sorted(registry))
        except Exception as error:
            said = Verbatim(f"{type(error).__name__}: {error}")
            raise InputError.of(hash, "a run that Aim can read", said, "Run `aim storage reindex`.", "aim") from error
        read.close = stack.pop_all().close
    return read


def _read(run: Any, kinds: list[str]) -> Logged:
    read = Logged(
        run.name,
        project=run.experiment,
        notes=run.description or None,
        tags=list(run.tags),
        started=run.creation_time,
        status="failed" if run.active else "finished",
    )
    params = run.get(..., {}) or {}
    read.lost["parameters of the system"] += len(params.pop(_SYSTEM_PARAMS, ()))
    read.config = json.loads(json.dumps(params, default=str))
    context = need("aim.sdk.run", needed_for="reading a repository of Aim").Context
    for kind, listed in run.collect_sequence_info(tuple(kinds), skip_last_value=True).items():
        for info in listed:
            sequence = run._get_sequence(kind, info["name"], context(info["context"]))
            for step, (value, _, time) in () if sequence is None else sequence.data.items():
                _add(read, kind, info, step, value, time)
    return read


def _add(run: Logged, kind: str, info: dict[str, Any], step: int, value: Any, time: float) -> None:
    is_list = isinstance(value, (list, tuple))
    values: list[Any] = [*value] if is_list else [value]
    if kind == _METRIC and info["name"].startswith(_SYSTEM):
        run.sample(time, info["name"].removeprefix(_SYSTEM), values[0])
    elif kind == _LOGS:
        for one in values:
            run.print(time, str(one.data))
    elif kind == _METRIC:
        run.add(_key(info), step, value, time)
    elif all(type(one).__name__ in _MAKERS for one in values):
        laters = [Later(partial(_make, one), of_type(kind)) for one in values]
        run.add(_key(info), step, laters if is_list else laters[0], time)
    else:
        run.lost[of_type(kind)] += len(values)


def _key(info: dict[str, Any]) -> str:
    """The name, behind its context: of `subset`, which nearly all use, the value is enough."""
    context = sorted(info["context"].items())
    return "/".join([*(str(value) if name == "subset" else f"{name}={value}" for name, value in context), info["name"]])


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "Image": lambda one: Image(bytes(one.storage["data"]), caption=one.caption or None),
    "Audio": lambda one: Audio(bytes(one.storage["data"]), caption=one.storage.get("caption") or None),
    "Text": lambda one: str(one.data),
    "Distribution": lambda one: Histogram(np_histogram=(one.weights, one.ranges)),
    "Figure": lambda one: Figure(str(one.data)),
}


def _make(one: Any) -> Any:
    """A value; the one that was logged, where `mt.interop.log` carried it."""
    if "mediatypes" in dict(one.storage.items()):
        store = MemoryStore()
        store.files.update({path: bytes(data) for path, data in one.storage["mediatypes_files"].items()})
        return decode(json.loads(one.storage["mediatypes"]), store)
    return _MAKERS[type(one).__name__](one)

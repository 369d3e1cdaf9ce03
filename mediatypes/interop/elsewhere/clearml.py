"""ClearML: the folder or archive of an offline session, `task.json`, `metrics.jsonl`, `log.jsonl` and `data/`."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..._core.errors import InputError, MediaTypesError, Verbatim
from ..._core.sidecar import safe_parts
from ...types.figure.value import Figure
from ._logged import Later, Logged, Planned, media, plain_name
from ._sources import as_dict, below, loads, mapping, number, regular_files, seconds

_TASK, _METRICS, _LOG, _DATA = "task.json", "metrics.jsonl", "log.jsonl", "data"
_SINGLE = -(2**31)  # the iteration of a value that has none
_LARGEST_LINE = 256 * 1024 * 1024
_LARGEST_ARCHIVE = 2**28  # bytes that are unpacked, beside some for each byte of the archive
_MOST_SAID = 100
_OURS = ("name", "texttemplate")  # in a layout, where Plotly has none
_SCALAR, _IMAGE, _PLOT = "training_stats_scalar", "training_debug_image", "plot"


def find(path: Path) -> Iterator[Path]:
    """The offline sessions: a folder, its archive, or those in a directory; where there are both the folder."""
    if path.is_file():
        if zipfile.is_zipfile(path) and _TASK in _names(path):
            yield path
        return
    folders = [one for one in (path, *sorted(path.glob("offline-*"))) if one == path or not one.is_symlink()]
    for folder in folders:
        if below(folder, _TASK) and (below(folder, _METRICS) or below(folder, _LOG) or (folder / _DATA).is_dir()):
            yield folder
        elif folder != path and folder.suffix == ".zip" and not folder.with_suffix("").is_dir():
            yield from find(folder)


def _names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return []


def plan(session: Path, stack: contextlib.ExitStack) -> Iterator[Planned]:
    """The session, by the names of project and task and the begin of the identifier."""
    task = _task(session)
    name = f"{task.get('name')}-{str(task.get('id')).removeprefix('offline-')[:8]}"
    yield Planned(plain_name(task.get("project_name") or "ClearML", name), partial(_open, session))


def _task(session: Path) -> dict[str, Any]:
    if session.is_dir():
        return mapping(session / _TASK)
    with _refused_if_damaged(session), zipfile.ZipFile(session) as archive, archive.open(_TASK) as file:
        return loads(file.read(_LARGEST_LINE))


def _open(session: Path) -> Logged:
    if session.is_dir():
        return _read(session)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with _refused_if_damaged(session), zipfile.ZipFile(session) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            most = _LARGEST_ARCHIVE + _MOST_SAID * session.stat().st_size
            if sum(one.file_size for one in members) > most:
                hint = "Unpack it yourself."
                raise InputError.of(str(session), f"at most {most} bytes in it", Verbatim("more"), hint, "too-large")
            for member in members:
                place = folder.joinpath(*safe_parts(member.filename))
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as file, open(place, "xb") as copy:
                    shutil.copyfileobj(file, copy)
        run = _read(folder)
        run.close = stack.pop_all().close
    return run


@contextlib.contextmanager
def _refused_if_damaged(session: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, RuntimeError, EOFError, zlib.error) as error:
        if isinstance(error, MediaTypesError):
            raise
        raise InputError.of(str(session), "a sound archive", Verbatim(str(error)), "Copy it again.", "zip") from error


def _read(folder: Path) -> Logged:
    task = mapping(folder / _TASK)
    run = Logged(
        _str(task.get("name")),
        project=_str(task.get("project_name")),
        notes=_str(task.get("comment")),
        tags=[str(tag) for tag in task.get("tags") or []],
        status="finished",
    )
    run.config = _config(task)
    used = _add_events(run, folder, task)
    for line in _lines(folder / _LOG, run):
        run.print(seconds(line.get("timestamp")), str(line.get("msg", "")))
    run.started = min((time for time, _ in run.console), default=None)
    run.keep(folder / _DATA, (name for name in regular_files(folder / _DATA) if name not in used))
    run.keep(folder, [_TASK])
    return run


def _config(task: dict[str, Any]) -> dict[str, Any]:
    """Parameters by section and name, those of "General" by name, and the texts of configurations."""
    config: dict[str, Any] = {}
    for section, parameters in as_dict(task.get("hyperparams")).items():
        for name, item in as_dict(parameters).items():
            one = as_dict(item)
            config[name if section == "General" else f"{section}/{name}"] = _typed(one.get("value"), one.get("type"))
    for name, item in as_dict(task.get("configuration")).items():
        config[f"configuration/{name}"] = as_dict(item).get("value")
    return config


def _typed(value: Any, type: Any) -> Any:
    """A parameter, which ClearML keeps as text."""
    if type == "bool" and value in ("True", "False"):
        return value == "True"
    return number(value) if type in ("int", "float") and isinstance(value, str) else value


def _add_events(run: Logged, folder: Path, task: dict[str, Any]) -> set[str]:
    """Add what was reported; returns the files in `data` that became values."""
    used = set[str]()
    for event in _lines(folder / _METRICS, run):
        metric, variant, step = str(event.get("metric")), str(event.get("variant")), event.get("iter")
        key = metric if variant in (metric, "") else f"{metric}/{variant}"
        type, value = event.get("type"), None
        if event.get("task") != task.get("id"):
            run.lost["events of models"] += 1
        elif type == _SCALAR and isinstance(event.get("value"), (int, float)):
            value = event["value"]
        elif type == _IMAGE:
            used.add(str(event.get("key")))
            value = media(below(folder / _DATA, event.get("key")), "media")
        elif type == _PLOT:
            value = _plot(event, folder, task, used)
        else:
            run.lost[f"events of the type {str(type)[:40]}"] += 1
        if value is None:
            continue
        if step == _SINGLE:
            run.summary[variant] = value
        elif isinstance(step, int):
            run.add(key, step, value, seconds(event.get("timestamp")))
        else:
            run.lost["events without an iteration"] += 1
    return used


def _plot(event: dict[str, Any], folder: Path, task: dict[str, Any], used: set[str]) -> Later:
    """A figure; or the picture that is all it holds."""
    content = loads(event.get("plot_str"))
    content["layout"] = {name: one for name, one in as_dict(content.get("layout")).items() if name not in _OURS}
    pictures = content["layout"].get("images")
    if isinstance(pictures, list) and len(pictures) == 1 and not any(map(_is_drawn, content.get("data") or [])):
        name = str(as_dict(pictures[0]).get("source")).removeprefix(f"{task.get('offline_folder')}/{_DATA}/")
        used.add(name)
        return media(below(folder / _DATA, name), "pictures")
    return Later(partial(Figure, content), "plots")


def _is_drawn(trace: Any) -> bool:
    return bool(as_dict(trace).get("x") or as_dict(trace).get("y") or as_dict(trace).get("z"))


def _lines(path: Path, run: Logged) -> Iterator[dict[str, Any]]:
    """The objects in a file whose lines are lists of them."""
    if not below(path.parent, path.name):
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        while line := file.readline(_LARGEST_LINE):
            try:
                listed = json.loads(line)
            except (ValueError, RecursionError):
                listed = None
            for one in listed if isinstance(listed, list) else [None]:
                if isinstance(one, dict):
                    yield one
                else:
                    run.lost["lines that cannot be read"] += 1


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None

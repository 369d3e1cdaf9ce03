"""SwanLab: `run-<time>-<id>/run-<id>.swanlab`, framed as W&B's log is, with media and config beside it.

A record is a protobuf message; its fields here are those of `swanlab/record/v1/record.proto` in SwanLab 0.10.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..._core.errors import InputError, Verbatim
from ...formats.protobuf import BYTES, DOUBLE, INT, TEXT, UINT, Malformed, Message, fields, texts
from ...types.audio.value import Audio
from ...types.html.value import Html
from ...types.image.value import Image
from ...types.molecule.value import Molecule
from ...types.object3d.value import Object3D
from ...types.video.value import Video
from ..wandb.run_log.framing import RecordReader
from ._logged import Later, Logged, Planned, media, of_type, plain_name
from ._sources import as_dict, below, mapping, regular_files, text

_MAGIC = b":SWL\xd6\xe1\x02"  # version 2
_STATUS = {1: "finished", 2: "failed", 3: "interrupted"}
_SYSTEM, _SYSTEM_PREFIX = 2, "__swanlab__."
_ECHARTS, _TEXT, _OBJECT3D = 6, 4, 7
_FOLDERS = {2: "image", 3: "audio", 4: "text", 5: "video", 6: "echarts", 7: "object3d", 8: "molecule", 9: "html"}
_TYPES: dict[int, Any] = {2: Image, 3: Audio, 5: Video, 7: Object3D, 8: Molecule, 9: Html}
_POINTS = ".swanlab.pts.json"
_LARGEST = 8 * 1024 * 1024  # bytes of a record
_TIME = Message(seconds=(1, INT), nanos=(2, UINT))
_NUMBER = Message(number=(1, DOUBLE))
_ITEMS = Message(items=(1, [Message(**texts(path=1, caption=4))]))
_RECORDS = {  # by field of a record: what it is, and its message
    10: ("start", Message(**texts(project=1, title=4, notes=5, group=7), tags=(6, [TEXT]), time=(12, _TIME))),
    11: ("finish", Message(status=(1, UINT))),
    12: ("column", Message(group=(1, UINT), key=(3, TEXT))),
    13: ("scalar", Message(key=(1, TEXT), step=(2, INT), time=(4, _TIME), value=(5, _NUMBER))),
    14: ("media", Message(key=(1, TEXT), step=(2, INT), kind=(3, UINT), time=(4, _TIME), value=(5, _ITEMS))),
    16: ("log", Message(text=(1, TEXT), time=(3, _TIME))),
}


def find(path: Path) -> Iterator[Path]:
    """The logs of runs: a file, or those of a directory that is a run or has some; none that a link leads to."""
    named = [path] if path.is_file() else sorted([*path.glob("run-*.swanlab"), *path.glob("run-*/run-*.swanlab")])
    for log in named:
        if log.suffix == ".swanlab" and log.is_file() and not log.is_symlink() and not log.parent.is_symlink():
            yield log


def plan(log: Path, stack: contextlib.ExitStack) -> Iterator[Planned]:
    """The run, by the name of its folder."""
    yield Planned(plain_name(log.absolute().parent.name), partial(_read, log))


def _read(log: Path) -> Logged:
    run, folder, system = Logged(status="failed"), log.parent, set[str]()
    with open(log, "rb") as file:
        reader = RecordReader(file, log.stat().st_size, magic=_MAGIC)
        for records in reader:
            for start, end in zip(records.starts.tolist(), records.ends.tolist(), strict=True):
                try:
                    _add(run, folder, system, records.data[start : min(end, start + _LARGEST)])
                except (Malformed, KeyError, IndexError, TypeError, OverflowError):
                    run.lost["records that cannot be read"] += 1
    if reader.damage and reader.damage[0].kind == "foreign":
        raise InputError.of(str(log), "a log of SwanLab 0.8 or later", Verbatim("another"), "Sync it there.", "version")
    run.lost["damaged ranges of the log"] += len(reader.damage)
    if config := below(folder, "files/config.yaml"):
        values = mapping(config)
        are_settings = {name: as_dict(one).keys() == {"desc", "sort", "value"} for name, one in values.items()}
        run.config = {name: one["value"] if are_settings[name] else one for name, one in values.items()}
    for kept in (f"media/{_FOLDERS[_ECHARTS]}", "files"):
        run.keep(folder, (f"{kept}/{name}" for name in regular_files(folder / kept)))
    return run


def _add(run: Logged, folder: Path, system: set[str], data: bytes) -> None:
    """What one record says."""
    what, record = "", dict[str, Any]()
    for number, wire, begin, end in fields(data, 0, len(data)):
        if number in _RECORDS and wire != BYTES:
            raise Malformed("a number in place of a message")
        if number in _RECORDS:
            what, message = _RECORDS[number]
            record = message.read(data, begin, end)
    key, time = record.get("key", ""), _seconds(record)
    if what == "start":
        run.project, run.title, run.notes, run.group = (
            record.get(name) or None for name in ("project", "title", "notes", "group")
        )
        run.tags, run.started = record.get("tags", []), time
    elif what == "finish":
        run.status = _STATUS.get(record.get("status", 0), "failed")
    elif what == "column" and record.get("group") == _SYSTEM:
        system.add(key)
    elif what == "scalar":
        number = record["value"].get("number", 0.0)
        if key in system or key.startswith(_SYSTEM_PREFIX):
            run.sample(time, key.removeprefix(_SYSTEM_PREFIX), number)
        else:
            run.add(key, record.get("step", 0), number, time)
    elif what == "media":
        kind = record.get("kind", 0)
        values = [_value(run, folder, kind, item) for item in record["value"].get("items", ())]
        values = [value for value in values if value is not None]
        if values:
            run.add(key, record.get("step", 0), values if len(values) > 1 else values[0], time)
    elif what == "log":
        run.print(time, record.get("text", ""))


def _value(run: Logged, folder: Path, kind: int, item: dict[str, str]) -> Later | None:
    """One item of a medium; None of a chart, of which the file is kept."""
    path = below(folder, f"media/{_FOLDERS.get(kind, '')}/{item.get('path')}")
    caption, what = item.get("caption") or None, of_type(_FOLDERS.get(kind, kind))
    if kind == _ECHARTS:
        run.lost["charts of ECharts, whose files are kept,"] += 1
        return None
    if kind == _TEXT:
        run.lost["captions of texts"] += bool(caption)
        return Later(partial(_content, path), what)
    if kind == _OBJECT3D and path is not None and path.name.endswith(_POINTS):
        return Later(partial(_points, path, caption), what)
    return media(path, what, _TYPES.get(kind), caption)


def _content(path: Path | None) -> str:
    return text(path or Path())


def _points(path: Path, caption: str | None) -> Object3D:
    """A point cloud: rows of x, y, z, red, green, blue; one with boxes, which are shaped else, is not made."""
    content = mapping(path)
    if content.get("boxes"):
        raise InputError.of(path.name, "no boxes", content["boxes"], "")
    return Object3D(np.array(content["points"], float), caption)


def _seconds(record: dict[str, Any]) -> float | None:
    """The time of a record, in seconds since the epoch."""
    time = record.get("time")
    return None if time is None else float(time.get("seconds", 0) + time.get("nanos", 0) / 1e9)

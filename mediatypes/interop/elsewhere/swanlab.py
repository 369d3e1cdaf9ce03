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
from ...formats.protobuf import BYTES, FIXED64, Malformed, double, fields, signed
from ...types.audio.value import Audio
from ...types.html.value import Html
from ...types.image.value import Image
from ...types.molecule.value import Molecule
from ...types.object3d.value import Object3D
from ...types.video.value import Video
from ..wandb.run_log.framing import RecordReader
from ._logged import Later, Logged, Planned, media, plain_name
from ._sources import below, mapping, regular_files, text

_MAGIC = b":SWL\xd6\xe1\x02"  # version 2
_START, _FINISH, _COLUMN, _SCALAR, _MEDIA, _LOG = 10, 11, 12, 13, 14, 16
_STATUS = {1: "finished", 2: "failed", 3: "interrupted"}
_SYSTEM, _SYSTEM_PREFIX = 2, "__swanlab__."
_ECHARTS, _TEXT, _OBJECT3D = 6, 4, 7
_FOLDERS = {2: "image", 3: "audio", 4: "text", 5: "video", 6: "echarts", 7: "object3d", 8: "molecule", 9: "html"}
_TYPES: dict[int, Any] = {2: Image, 3: Audio, 5: Video, 7: Object3D, 8: Molecule, 9: Html}
_POINTS = ".swanlab.pts.json"
_LARGEST = 8 * 1024 * 1024  # bytes of a record


def is_one(path: Path) -> bool:
    """Whether a directory is a run of SwanLab, or has some, or a file is its log."""
    return next(_logs(path), None) is not None


def _logs(path: Path) -> Iterator[Path]:
    """The logs of the runs; none that a link leads to."""
    named = [path] if path.is_file() else sorted([*path.glob("run-*.swanlab"), *path.glob("run-*/run-*.swanlab")])
    for log in named:
        if log.suffix == ".swanlab" and log.is_file() and not log.is_symlink() and not log.parent.is_symlink():
            yield log


@contextlib.contextmanager
def opened(path: Path) -> Iterator[list[Planned]]:
    """The runs, by the names of their folders."""
    yield [Planned(plain_name(log.absolute().parent.name), partial(_read, log)) for log in _logs(path)]


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
        run.config = {name: one["value"] if _is_setting(one) else one for name, one in values.items()}
    charts = {f"media/{_FOLDERS[_ECHARTS]}/{name}" for name in regular_files(folder / "media" / _FOLDERS[_ECHARTS])}
    run.kept = dict.fromkeys([*sorted(charts), *(f"files/{name}" for name in regular_files(folder / "files"))], folder)
    return run


def _is_setting(one: Any) -> bool:
    return isinstance(one, dict) and one.keys() == {"desc", "sort", "value"}


def _add(run: Logged, folder: Path, system: set[str], data: bytes) -> None:
    """What one record says."""
    record = _message(data)
    if _START in record:
        told = _message(record[_START][-1])
        run.project, run.title, run.notes, run.group = (_text(told, number) for number in (1, 4, 5, 7))
        run.tags = [one.decode("utf-8", "replace") for one in told.get(6, [])]
        run.started = _time(told, 12)
    elif _FINISH in record:
        run.status = _STATUS.get(_message(record[_FINISH][-1]).get(1, [0])[-1], "failed")
    elif _COLUMN in record:
        column = _message(record[_COLUMN][-1])
        if column.get(1, [0])[-1] == _SYSTEM:
            system.add(_text(column, 3) or "")
    elif _SCALAR in record:
        told = _message(record[_SCALAR][-1])
        key, value, time = _text(told, 1) or "", _message(told[5][-1]).get(1, [bytes(8)])[-1], _time(told, 4)
        if key in system or key.startswith(_SYSTEM_PREFIX):
            run.sample(time, key.removeprefix(_SYSTEM_PREFIX), double(value, 0))
        else:
            run.add(key, signed(told.get(2, [0])[-1]), double(value, 0), time)
    elif _MEDIA in record:
        _add_media(run, folder, _message(record[_MEDIA][-1]))
    elif _LOG in record:
        told = _message(record[_LOG][-1])
        run.print(_time(told, 3), _text(told, 1) or "")


def _add_media(run: Logged, folder: Path, told: dict[int, list[Any]]) -> None:
    kind = told.get(3, [0])[-1]
    values: list[Any] = []
    for item in map(_message, _message(told[5][-1]).get(1, [])):
        path = below(folder, f"media/{_FOLDERS.get(kind, '')}/{_text(item, 1)}")
        caption, what = _text(item, 4), f"values of the type {_FOLDERS.get(kind, kind)}"
        if kind == _TEXT:
            run.lost["captions of texts"] += bool(caption)
            values.append(Later(partial(_content, path), what))
        elif kind == _OBJECT3D and path is not None and path.name.endswith(_POINTS):
            values.append(Later(partial(_points, path, caption), what))
        elif kind == _ECHARTS:
            run.lost["charts of ECharts, whose files are kept,"] += 1
        else:
            values.append(media(path, what, _TYPES.get(kind), caption))
    if values:
        value = values if len(values) > 1 else values[0]
        run.add(_text(told, 1) or "", signed(told.get(2, [0])[-1]), value, _time(told, 4))


def _content(path: Path | None) -> str:
    return text(path or Path())


def _points(path: Path, caption: str | None) -> Object3D:
    """A point cloud: rows of x, y, z, red, green, blue; one with boxes, which are shaped else, is not made."""
    content = mapping(path)
    if content.get("boxes"):
        raise InputError.of(path.name, "no boxes", content["boxes"], "")
    return Object3D(np.array(content["points"], float), caption)


def _message(data: bytes) -> dict[int, list[Any]]:
    """The fields of a message by number: bytes, and integers."""
    members: dict[int, list[Any]] = {}
    for number, wire, begin, end in fields(data, 0, len(data)):
        value = data[begin:end] if wire == BYTES else data[begin : begin + 8] if wire == FIXED64 else begin
        members.setdefault(number, []).append(value)
    return members


def _text(message: dict[int, list[Any]], number: int) -> str | None:
    data = message.get(number, [b""])[-1]
    return data.decode("utf-8", "replace") if isinstance(data, bytes) and data else None


def _time(message: dict[int, list[Any]], number: int) -> float | None:
    if number not in message:
        return None
    told = _message(message[number][-1])
    return float(signed(told.get(1, [0])[-1]) + told.get(2, [0])[-1] / 1e9)

"""Journals that cost a reader more than they are long, each made in memory by a few lines."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

from mediatypes.journal.frames import CALL, HEADER, LAYOUT, MAGIC, METRIC, ROW

RUN = {
    "format": "1.0",
    "id": "hostile",
    "name": "hostile",
    "status": "running",
    "started": 1e9,
    "tags": [],
    "config": {},
}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def frame(kind: int, payload: bytes) -> bytes:
    """A frame, as large as it may be."""
    body = struct.pack("<IB", len(payload) + 9, kind) + payload
    return body + struct.pack("<I", crc32(body))


def call(step: int, cells: list[tuple[str, str, object]]) -> bytes:
    """A frame CALL."""
    return frame(CALL, struct.pack("<qd", step, 1e9 + step) + _json(cells))


def layout(id: int, keys: list[str]) -> bytes:
    """A frame LAYOUT of doubles."""
    return frame(LAYOUT, struct.pack("<I", id) + _json([[key, "d"] for key in keys]))


def row(id: int, step: int, values: list[float]) -> bytes:
    """A frame ROW."""
    return frame(ROW, struct.pack(f"<Iqd{len(values)}d", id, step, 1e9 + step, *values))


def metric(name: str) -> bytes:
    """A frame METRIC that asks for a statistic."""
    return frame(METRIC, _json({"name": name, "summary": ["min"]}))


def many_kinds(count: int) -> Iterator[bytes]:
    """One key with as many kinds."""
    for i in range(count):
        yield call(i, [("key", f"kind{i}", {"_type": f"kind{i}"})])


def wide_call(count: int) -> Iterator[bytes]:
    """One call of so many keys."""
    yield call(0, [(f"key{i}", "number", 1.5) for i in range(count)])


def wide_layout(count: int) -> Iterator[bytes]:
    """A layout of so many keys, and a row of it."""
    yield layout(0, [f"key{i}" for i in range(count)])
    yield row(0, 0, [0.5] * count)


def many_patterns(count: int, keys: int) -> Iterator[bytes]:
    """Patterns of metrics, none of which fits one of the keys."""
    for i in range(count):
        yield metric(f"*a*{i}*b*")
    yield call(0, [(f"{'a' * 50}{i}", "number", 1.5) for i in range(keys)])


def many_layouts(count: int) -> Iterator[bytes]:
    """Layouts of one key, with a row each."""
    for i in range(count):
        yield layout(i, ["key"]) + row(i, i, [0.5])


def sparse(keys: int) -> Iterator[bytes]:
    """Every row has a key of its own."""
    for i in range(keys):
        yield call(i, [(f"key{i}", "number", 1.5)])


def long_text(size: int) -> Iterator[bytes]:
    """A text of so many bytes."""
    yield call(0, [("key", "string", "x" * size)])


HOSTILE: dict[str, Callable[[], Iterator[bytes]]] = {
    "2000 kinds of one key": lambda: many_kinds(2000),
    "a call of 10^5 keys": lambda: wide_call(10**5),
    "a layout of 10^6 keys": lambda: wide_layout(10**6),
    "10^4 patterns, 100 keys": lambda: many_patterns(10**4, 100),
    "10^5 layouts": lambda: many_layouts(10**5),
    "20 000 keys in 20 000 rows": lambda: sparse(20_000),
    "a text of 200 MB": lambda: long_text(200_000_000),
}
LEGITIMATE: dict[str, Callable[[], Iterator[bytes]]] = {
    "10 000 columns, 100 rows": lambda: (
        [layout(0, [f"key{i}" for i in range(10_000)])] + [row(0, step, [0.5] * 10_000) for step in range(100)]
    ).__iter__(),
}


def write_run(folder: Path, pieces: Iterator[bytes]) -> Path:
    """A run that was killed, whose journal holds these frames."""
    (folder / "journal").mkdir(parents=True)
    (folder / "run.json").write_bytes(_json(RUN))
    with open(folder / "journal" / "0001-0.log", "wb") as file:
        file.write(MAGIC + frame(HEADER, _json({"format": "1.0", "run": "hostile"})))
        file.writelines(pieces)
    return folder

"""Importing W&B's runs: logs made by hand, as wandb-core writes them."""

from __future__ import annotations

import atexit
import json
import random
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from tests.interop.wandb.wandb_log import Log, append, field, frame, go_json, varint

from .harness import Contender, Figures, at_most, benchmark, fresh, load, peak_memory

_ROWS = 1_000_000
_TAIL = field(200, field(1, "abc123"))


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-wandb-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _log(*names: str) -> Path:
    """The log of a run that logged so many rows of these keys; each is followed by its summary, in another order."""
    chance = random.Random(0)
    path = _folder() / f"run-{len(names)}.wandb"
    heads = {name: field(2, name) + varint(16 << 3 | 2) for name in (*names, "_timestamp", "_runtime", "_step")}
    log = bytearray(frame(Log().records))
    with open(path, "wb") as file:
        for step in range(_ROWS):
            values: dict[str, Any] = {name: chance.random() for name in names}
            values |= {"_timestamp": 1.7e9 + step / 1000, "_runtime": step / 1000, "_step": step}
            texts = [(name, go_json(value).encode()) for name, value in values.items()]
            for number, end in ((2, field(2, field(1, step)) if step else field(2, b"")), (3, b"")):
                chance.shuffle(texts)
                items = b"".join(field(1, heads[name] + varint(len(text)) + text) for name, text in texts)
                append(log, field(1, 2 * step + number) + field(number, items + end) + _TAIL)
            if len(log) > 1 << 24:
                whole = len(log) // 32768 * 32768
                file.write(log[:whole])
                del log[:whole]
        file.write(log)
    return path


def import_fresh(log: str, scratch: str) -> Figures:
    """The CPU of a process that imports one run and does nothing else."""
    from mediatypes.interop.wandb import import_runs

    out = Path(tempfile.mkdtemp(dir=scratch))
    report = import_runs(log, out)
    cpu = time.process_time()
    if report.runs[0].rows != _ROWS:
        raise RuntimeError(str(report))
    parquet = sum(path.stat().st_size for path in out.rglob("*.parquet"))
    shutil.rmtree(out)
    return {"CPU s": cpu, "Parquet/log": parquet / Path(log).stat().st_size, **peak_memory()}


def parse_alone(log: str) -> Figures:
    """What protobuf's own parser (in C) takes for the same records, and nothing is done with them."""
    from mediatypes.interop.wandb.run_log.framing import RecordReader

    parts = ("descriptor_pb2", "descriptor_pool", "message_factory")
    descriptor_pb2, descriptor_pool, message_factory = (load(f"google.protobuf.{part}") for part in parts)
    file = descriptor_pb2.FileDescriptorProto(name="record.proto", package="w", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field_name, type_name, label) in fields.items():
            one = message.field.add(name=field_name, number=number, label=label)
            one.type = 11 if type_name else 9  # a message, a string
            if type_name:
                one.type_name = f".w.{type_name}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    record: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("w.Record"))
    with open(log, "rb") as source:
        records = [
            piece.data[start:end]
            for piece in RecordReader(source, Path(log).stat().st_size)
            for start, end in zip(piece.starts.tolist(), piece.ends.tolist(), strict=True)
        ]
    began = time.process_time()
    count = sum(bool(record.FromString(data).history.item) for data in records)
    cpu = time.process_time() - began
    if count != _ROWS:
        raise RuntimeError(f"{count} rows")
    return {"CPU s": cpu}


def json_alone(values: int) -> Figures:
    """What json takes for so many numbers, each by itself, as a row has them."""
    texts = [repr(number / 7) for number in range(1000)] * (values // 1000)
    began = time.process_time()
    for text in texts:
        json.loads(text)
    return {"CPU s": time.process_time() - began}


_MESSAGES: dict[str, dict[int, tuple[str, str, int]]] = {  # by number: name, type, 1 for one and 3 for several
    "Record": {2: ("history", "Rows", 1), 3: ("summary", "Rows", 1)},
    "Rows": {1: ("item", "Item", 3)},
    "Item": {2: ("nested_key", "", 3), 16: ("value_json", "", 1)},
}


@benchmark(
    "wandb-rows",
    "a W&B log of 1M rows, in a fresh process; of 1 value a row also what its parts take",
    at_most("CPU s", 3.0),
    rounds=3,
)
def _wandb_rows(scratch: Path) -> list[Contender]:
    logs = {"1 value a row": _log("loss"), "3 values a row": _log("loss", "acc", "lr")}
    imports = [
        Contender(name, fresh(__name__, import_fresh.__name__, str(log), str(scratch))) for name, log in logs.items()
    ]
    parse = fresh(__name__, parse_alone.__name__, str(_log("loss")))
    return [
        *imports,
        Contender("protobuf alone", parse, needs="google"),
        Contender("json.loads alone", fresh(__name__, json_alone.__name__, 4 * _ROWS)),
    ]

"""Valid files made hostile: the bytes, the records, the JSON or the tables of one file changed, by a seeded generator.

Where a format has checksums they are made anew after a change, so that what is behind them is reached as well.
"""

from __future__ import annotations

import io
import json
import re
import sqlite3
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mediatypes.journal import frames
from tests.hostile.journals import frame
from tests.interop.elsewhere.written import swanlab_frames
from tests.interop.tensorboard.event_files import record
from tests.interop.wandb import wandb_log

Files = dict[str, bytes]
_INTEGERS = (0, 1, 2, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)
_NUMBERS = (b"0", b"-1", b"1e999", b"-1e308", b"nan", b"4294967296", b"9" * 30, b"9" * 5000, b"0.0000001")
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**53, 2**63, 2**64, 10**400, 1e308, float("nan"), float("-inf"), -0.0),
    *("", "x", "x" * 5000, "../../x", "/etc/hostname", "a\0b", "\ud800", "\x1b[2J", "0" * 64, "1.0", "2.0", "9.9"),
    *([], {}, [None], [[]], {"": None}, {"_type": "image"}, {"_type": "table", "_version": "1.0"}, [1, "x", None]),
)
_COLUMNS: tuple[Callable[[int], pa.Array], ...] = (
    lambda n: pa.nulls(n),
    lambda n: pa.array([-1] * n, pa.int64()),
    lambda n: pa.array([float("nan")] * n, pa.float64()),
    lambda n: pa.array(["{"] * n),
    lambda n: pa.array(["x" * 300] * n),
    lambda n: pa.array([b"\xff\xfe"] * n, pa.binary()),
    lambda n: pa.Array.from_buffers(pa.string(), n, pa.array([b"\xff\xfe"] * n, pa.binary()).buffers()),
    lambda n: pa.array([True] * n),
    lambda n: pa.array([[]] * n, pa.list_(pa.int64())),
    lambda n: pa.array([{"a": 1}] * n),
    lambda n: pa.array([2**62] * n, pa.timestamp("us")),
    lambda n: pa.array(["a"] * n).dictionary_encode(),
)


_QUERIES = (
    "with recursive n(i) as (select 1 union all select i + 1 from n) select i as run_uuid from n",
    "select hex(zeroblob(400000000)) as run_uuid",
    "select load_extension('x') as run_uuid",
    "select * from hidden",
)
_CELLS: tuple[Any, ...] = (
    None,
    0,
    -1,
    2**63 - 1,
    1e308,
    float("inf"),
    "",
    "x" * 5000,
    "nan",
    "../../x",
    "a\0b",
    b"\xff",
)


def mutate(files: Files, chance: Random) -> Files:
    """A copy of these files with one of them changed, seldom gone."""
    name = chance.choice(sorted(files))
    made = dict(files)
    if chance.random() < 0.02 and len(made) > 1:
        del made[name]
    else:
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            made[name] = _changed(name, made[name], chance)
    return made


def _changed(name: str, data: bytes, chance: Random) -> bytes:
    if chance.random() < 0.25:
        return change_bytes(data, chance)
    if name.endswith(".parquet"):
        return _change_table(data, chance)
    if name.endswith(".db"):
        return _change_database(data, chance)
    for container in CONTAINERS:
        if name.endswith(container.suffixes) or (".tfevents." in name and container is EVENTS):
            return _change_records(data, container, chance)
    return _change_payload(data, chance)


def change_bytes(data: bytes, chance: Random) -> bytes:
    """Bytes with bits, numbers or stretches of them changed."""
    if not data:
        return chance.randbytes(chance.randrange(1, 40))
    made, at = bytearray(data), min(chance.randrange(len(data)), chance.randrange(len(data)))  # headers more often
    size = min(chance.choice((1, 2, 4, 8, 32, 1000)), len(data) - at)
    match chance.randrange(9):
        case 0:
            made[at] ^= 1 << chance.randrange(8)
        case 1:
            made[at] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
        case 2 | 3:
            order = chance.choice(("<", ">"))
            made[at : at + 4] = struct.pack(order + "I", chance.choice(_INTEGERS))
        case 4:
            del made[at : at + size]
        case 5:
            made[at:at] = made[at : at + size] * chance.choice((1, 2, 100))
        case 6:
            made[at : at + size] = chance.randbytes(size)
        case 7:
            del made[at:]
        case _:
            numbers = list(re.finditer(rb"\d[\d.]*", data))
            if numbers:
                number = chance.choice(numbers)
                made[number.start() : number.end()] = chance.choice(_NUMBERS)
    return bytes(made)


def change_json(value: Any, chance: Random) -> Any:
    """A JSON value with one place dropped, added, moved or replaced."""
    if not isinstance(value, (dict, list)) or not value or chance.random() < 0.1:
        return _hostile(value, chance)
    keys = sorted(value) if isinstance(value, dict) else range(len(value))
    key = chance.choice(keys)
    made = value.copy()
    match chance.randrange(12):
        case 0:
            del made[key]
        case 1:
            made[key] = made[chance.choice(keys)]
        case 2 if isinstance(made, dict):
            made[chance.choice(("", "new", "_type", "path", "x" * 300, "../x", "\ud800"))] = made.pop(key)
        case 2 if isinstance(made, list):
            made = made * chance.choice((2, 1000))
        case 3:
            made[key] = _hostile(made[key], chance)
        case _:
            made[key] = change_json(made[key], chance)
    return made


def _hostile(value: Any, chance: Random) -> Any:
    if isinstance(value, int) and chance.random() < 0.3:
        return chance.choice(
            (value - 1, value + 1, value + 2**31, f"{value}.0", value / 2 if abs(value) < 2**53 else -value)
        )
    if isinstance(value, str) and chance.random() < 0.3:
        return value + chance.choice(("/", "/..", "x", " ", "\n", "\0"))
    if chance.random() < 0.03:
        return json.loads("[" * 300 + "]" * 300)
    return chance.choice(_VALUES)


def _change_payload(data: bytes, chance: Random) -> bytes:
    """Data whose JSON is changed as such, where there is some behind a head; else the bytes."""
    start = re.search(rb"[\[{]", data[:64])
    if start and chance.random() < 0.8:
        try:
            value = json.loads(data[start.start() :])
        except ValueError:
            pass
        else:
            return data[: start.start()] + json.dumps(change_json(value, chance)).encode()
    return change_bytes(data, chance)


def _change_table(data: bytes, chance: Random) -> bytes:
    """A Parquet file whose columns are of other types, gone or there twice, or whose metadata lie."""
    try:
        table = pq.read_table(io.BytesIO(data))
        _ = table.column_names  # which may be no UTF-8
    except Exception:  # it is damaged already
        return change_bytes(data, chance)
    i = chance.randrange(table.num_columns) if table.num_columns else 0
    match chance.randrange(8):
        case 0 if table.num_columns:
            table = table.remove_column(i)
        case 1:
            table = table.slice(0, chance.choice((0, 1)))
        case 2 if table.num_columns:
            table = table.append_column(chance.choice((table.column_names[i], "x", "")), table.column(i))
        case 3 | 4:
            metadata = dict(table.schema.metadata or {})
            key = chance.choice(sorted(metadata)) if metadata else b"x"
            table = table.replace_schema_metadata({**metadata, key: _change_payload(metadata.get(key, b"{}"), chance)})
        case _ if table.num_columns:
            field = table.schema.field(i).with_type(pa.null())
            column = chance.choice(_COLUMNS)(table.num_rows)
            table = table.set_column(i, field.with_type(column.type).with_nullable(True), column)
    made = io.BytesIO()
    pq.write_table(table, made)
    return made.getvalue()


def _change_database(data: bytes, chance: Random) -> bytes:
    """A SQLite file with a value, or a table, changed; or with a schema that would run on its own."""
    made = sqlite3.connect(":memory:")
    try:
        made.deserialize(data)
        names = [name for (name,) in made.execute("select name from sqlite_master where type = 'table'")]
        table = chance.choice(names)
        columns = [row[1] for row in made.execute(f"pragma table_info('{table}')")]
        column = chance.choice(columns)
        match chance.randrange(10):
            case 0:
                made.execute(f"delete from {table} where rowid % 2")
            case 1:
                made.execute(f"alter table {table} rename column {column} to {chance.choice(('x', 'id', 'key'))}")
            case 2:
                made.execute(f"alter table {table} rename to hidden")
                made.execute(f"create view {table} as {chance.choice(_QUERIES)}")
            case 3:
                made.execute(f"insert into {table} select * from {table}")
            case _:
                value: Any = chance.choice(_CELLS)
                (told,) = made.execute(f"select {column} from {table} order by random() limit 1").fetchone()
                if isinstance(told, str) and chance.random() < 0.7:
                    value = _change_payload(told.encode(), chance).decode("utf-8", "replace")
                made.execute(f"update {table} set {column} = ?", (value,))
        made.commit()
        return made.serialize()
    except sqlite3.Error:  # it is damaged already
        return change_bytes(data, chance)
    finally:
        made.close()


class Container(NamedTuple):
    """A format of records with checksums: how records are taken out, and put together again."""

    suffixes: tuple[str, ...]
    split: Callable[[bytes], list[bytes]]
    join: Callable[[list[bytes]], bytes]


def _change_records(data: bytes, container: Container, chance: Random) -> bytes:
    records = container.split(data)
    if not records:
        return change_bytes(data, chance)
    i = chance.randrange(len(records))
    match chance.randrange(8):
        case 0:
            del records[i]
        case 1:
            records.insert(i, chance.choice(records))
        case 2:
            records[i:i] = records[i : i + 1] * 50
        case _:
            records[i] = _change_payload(records[i], chance)
    return container.join(records)


def _split_png(data: bytes) -> list[bytes]:
    records, at = [], 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        records.append(data[at + 4 : at + 8 + size])
        at += size + 12
    return records


def _join_png(records: list[bytes]) -> bytes:
    chunks = (struct.pack(">I", max(len(one) - 4, 0)) + one + struct.pack(">I", zlib.crc32(one)) for one in records)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _split_journal(data: bytes) -> list[bytes]:
    records, at = [], len(frames.MAGIC)
    while at + 9 <= len(data):
        size = max(int.from_bytes(data[at : at + 4], "little"), 9)
        records.append(data[at + 4 : at + size - 4])
        at += size
    return records


def _split_events(data: bytes) -> list[bytes]:
    records, at = [], 0
    while at + 16 <= len(data):
        size = int.from_bytes(data[at : at + 8], "little")
        records.append(data[at + 12 : at + 12 + size])
        at += size + 16
    return records


def _split_wandb(data: bytes) -> list[bytes]:
    """The records of a log that is shorter than a block."""
    records, at = [], len(wandb_log.MAGIC)
    while at + wandb_log.HEADER <= min(len(data), wandb_log.BLOCK):
        size = int.from_bytes(data[at + 4 : at + 6], "little")
        records.append(data[at + 7 : at + 7 + size])
        at += size + 7
    return records


def _split_zip(data: bytes) -> list[bytes]:
    """The members, each behind its name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [name.encode() + b"\0" + archive.read(name) for name in archive.namelist()]
    except Exception:  # it is damaged already
        return []


def _join_zip(records: list[bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        for record in records:
            name, _, content = record.partition(b"\0")
            archive.writestr(name.decode("utf-8", "replace") or "x", content)
    return made.getvalue()


EVENTS = Container((".tfevents",), _split_events, lambda records: b"".join(map(record, records)))
CONTAINERS = (
    EVENTS,
    Container((".png", ".apng"), _split_png, _join_png),
    Container(
        (".log",),
        _split_journal,
        lambda records: frames.MAGIC + b"".join(frame(one[0] if one else 0, one[1:]) for one in records),
    ),
    Container((".wandb",), _split_wandb, wandb_log.frame),
    Container((".swanlab",), _split_wandb, swanlab_frames),
    Container((".zip",), _split_zip, _join_zip),
    Container((".jsonl", ".tsv", ".yaml"), bytes.splitlines, b"\n".join),
)

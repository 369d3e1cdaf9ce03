"""W&B logs made by hand, byte by byte, as wandb-core writes them; shares nothing with the package."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from pathlib import Path
from typing import Any

BLOCK, HEADER = 32768, 7
MAGIC = b":W&B\xe1\xbe\x00"
Paths = dict[tuple[str, ...], Any]


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def field(number: int, content: bytes | str | int) -> bytes:
    """A field of a message: bytes and texts with their length, integers as varints."""
    if isinstance(content, str):
        content = content.encode()
    if isinstance(content, bytes):
        return varint(number << 3 | 2) + varint(len(content)) + content
    return varint(number << 3) + varint(content)


def frame(records: list[bytes]) -> bytes:
    """A whole log of these records."""
    log = bytearray(MAGIC)
    for record in records:
        append(log, record)
    return bytes(log)


def append(log: bytearray, record: bytes) -> None:
    """Put one record behind a log, in as many chunks as it takes."""
    first = True
    while True:
        left = BLOCK - len(log) % BLOCK
        if left < HEADER:
            log += bytes(left)
            left = BLOCK
        part, record = record[: left - HEADER], record[left - HEADER :]
        kind = (1 if not record else 2) if first else (4 if not record else 3)
        log += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
        first = False
        if not record:
            return


def timestamp(seconds: float) -> bytes:
    whole = int(seconds)
    nanos = round((seconds - whole) * 1e9)
    return (field(1, whole) if whole else b"") + (field(2, nanos) if nanos else b"")


def go_json(value: Any) -> str:
    """JSON as wandb-core writes it: whole floats without a point, large ones with an exponent, bare NaN."""
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        if value == int(value) and abs(value) < 1e21:
            return str(int(value)) if abs(value) < 1e9 or value != value else _exponent(value)
        return repr(value) if abs(value) < 1e9 else _exponent(value)
    if isinstance(value, list):
        return f"[{','.join(map(go_json, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{go_json(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def _exponent(value: float) -> str:
    digits = format(value, ".17e") if float(format(value, ".16e")) != value else format(value, ".16e")
    for precision in range(17):
        if float(text := format(value, f".{precision}e")) == value:
            digits = text
            break
    return digits


def leaves(value: dict[str, Any], path: tuple[str, ...] = ()) -> Paths:
    """Nested dicts as wandb-core has them: a leaf for each path."""
    joined: Paths = {}
    for key, item in value.items():
        joined |= leaves(item, (*path, key)) if isinstance(item, dict) and item else {(*path, key): item}
    return joined


def items(number: int, paths: Paths) -> bytes:
    return b"".join(
        field(number, b"".join(field(2, part) for part in path) + field(16, go_json(value)))
        for path, value in paths.items()
    )


def key_items(number: int, values: dict[str, Any]) -> bytes:
    return b"".join(field(number, field(1, key) + field(16, go_json(value))) for key, value in values.items())


class Log:
    """Gathers records as a run makes them; `bytes()` is the file."""

    def __init__(self, run_id: str = "abc123", started: float = 1.7e9, **run: Any) -> None:
        self.run_id, self.started, self.records = run_id, started, list[bytes]()
        self.add(21, field(1, field(1, "0.31.0") + field(2, "0.70.0")))
        config = {"_wandb": {}, **run.pop("config", {})}
        message = field(1, run_id) + field(3, run.pop("project", "proj")) + field(4, key_items(1, config))
        for number, name in ((6, "group"), (7, "job_type"), (8, "name"), (9, "notes")):
            message += field(number, run.pop(name)) if name in run else b""
        message += b"".join(field(10, tag) for tag in run.pop("tags", []))
        message += field(13, "host") + field(17, timestamp(started))
        assert not run, run
        self.add(17, message)

    def add(self, number: int, message: bytes) -> None:
        """A record of one kind; control and stream id stand behind it."""
        info = field(200, field(1, self.run_id))
        self.records.append(field(1, len(self.records) + 1) + field(number, message) + info)

    def log(self, values: dict[str, Any], step: int, seconds: float = 0.0, summary: bool = True) -> None:
        """A row, and the summary that follows it."""
        paths = leaves(values)
        stamps: Paths = {("_timestamp",): self.started + seconds, ("_runtime",): seconds, ("_step",): step}
        self.add(2, items(1, paths | stamps) + field(2, field(1, step) if step else b""))
        if summary:
            self.add(3, items(1, paths | stamps))

    def config(self, values: dict[str, Any]) -> None:
        self.add(5, key_items(1, values))

    def summary(self, values: dict[str, Any]) -> None:
        self.add(3, key_items(1, values))

    def exit(self, code: int = 0, runtime: int = 5) -> None:
        self.add(18, (field(1, code) if code else b"") + field(2, runtime))

    def artifact(
        self,
        client_id: str,
        entries: dict[str, tuple[bytes, Path] | str],
        name: str = "t",
        kind: str = "run_table",
        aliases: tuple[str, ...] = (),
        metadata: str = "",
    ) -> None:
        """An artifact of files in the staging folder, by what they hold and where they are; or elsewhere, by URL."""
        contents = b""
        for path, entry in entries.items():
            if isinstance(entry, str):
                contents += field(4, field(1, path) + field(2, "etag") + field(3, entry))
                continue
            data, place = entry
            digest = base64.b64encode(hashlib.md5(data).digest()).decode()
            contents += field(4, field(1, path) + field(2, digest) + field(4, len(data)) + field(6, str(place)))
        said = b"".join(field(11, alias) for alias in (*aliases, "latest")) + (field(8, metadata) if metadata else b"")
        self.add(8, field(4, kind) + field(5, name) + said + field(12, contents) + field(15, client_id))

    def bytes(self) -> bytes:
        return frame(self.records)

    def write(self, folder: Path) -> Path:
        """Write the log of a run directory; `files/` is where its media are."""
        (folder / "files").mkdir(parents=True, exist_ok=True)
        path = folder / f"run-{self.run_id}.wandb"
        path.write_bytes(self.bytes())
        return path

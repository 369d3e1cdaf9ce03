"""Event files made by hand, byte by byte, with a CRC-32C of their own, which shares nothing with the package."""

from __future__ import annotations

import struct
from pathlib import Path


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return length + masked(length) + payload + masked(payload)


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def field(number: int, content: bytes | int | float, *, wide: bool = False) -> bytes:
    """A field of a message: bytes, a varint, a float (or, wide, a double)."""
    if isinstance(content, bytes):
        return varint(number << 3 | 2) + varint(len(content)) + content
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | (1 if wide else 5)) + struct.pack("<d" if wide else "<f", content)


def event(*parts: bytes, step: int = 0, wall_time: float = 1.5e9) -> bytes:
    """An event; a step of 0 is left out, as every writer does."""
    return field(1, wall_time, wide=True) + (field(2, step) if step else b"") + b"".join(parts)


def summary(*values: bytes) -> bytes:
    return field(5, b"".join(field(1, value) for value in values))


def metadata(plugin: str, content: bytes = b"", description: str = "") -> bytes:
    inner = field(1, plugin.encode()) + (field(2, content) if content else b"")
    return field(9, field(1, inner) + (field(3, description.encode()) if description else b""))


def tensor(code: int, shape: tuple[int, ...], *lists: bytes) -> bytes:
    """A TensorProto of a dtype by its number."""
    sizes = b"".join(field(2, field(1, size) if size else b"") for size in shape)
    return field(8, field(1, code) + field(2, sizes) + b"".join(lists))


def strings(*items: bytes, shape: tuple[int, ...] | None = None) -> bytes:
    return tensor(7, (len(items),) if shape is None else shape, *(field(8, item) for item in items))


def scalar(tag: str, value: float, step: int = 0, wall_time: float = 1.5e9) -> bytes:
    """A record as torch and tensorboardX write it."""
    return record(event(summary(field(1, tag.encode()) + field(2, float(value))), step=step, wall_time=wall_time))


VERSION = record(event(field(3, b"brain.Event:2")))


def write(folder: Path, *records: bytes, name: str = "events.out.tfevents.1500000000.host") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(b"".join([VERSION, *records]))
    return path

"""A checksum for the footer of a Parquet file. Parquet has one for pages only, and a damaged footer gives wrong values.

It stands in front of the footer, where readers of Parquet do not look: `MTFC`, then the CRC-32 of the footer.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

_MARK = b"MTFC"
_SEAL = struct.Struct("<4sI")
_END = struct.Struct("<I4s")  # the footer's length, and Parquet's magic


def seal(path: Path) -> None:
    """Put the checksum into a Parquet file that was just written; raises OSError."""
    with open(path, "r+b") as file:
        start = _footer_start(file)
        tail = file.read()
        file.seek(start)
        file.write(_SEAL.pack(_MARK, crc32(tail[: -_END.size])) + tail)


def is_damaged(file: BinaryIO) -> bool:
    """Whether the footer differs from its checksum, if it has one; raises OSError."""
    start = _footer_start(file) - _SEAL.size
    if start < 0:
        return False  # not Parquet, or cut; whoever reads it finds out
    file.seek(start)
    tail = memoryview(file.read())
    mark, written = _SEAL.unpack(tail[: _SEAL.size])
    return bool(mark == _MARK and written != crc32(tail[_SEAL.size : -_END.size]))


def _footer_start(file: BinaryIO) -> int:
    """Go to where the footer begins, and return that; below 0 if the file cannot have one."""
    size = file.seek(0, os.SEEK_END)
    if size < _END.size:
        return -1
    file.seek(size - _END.size)
    length, magic = _END.unpack(file.read(_END.size))
    start: int = size - _END.size - length
    if magic != b"PAR1" or start < 0:
        return -1
    return file.seek(start)

"""Many records of an event file at once: columns of scalars as rows of bytes, put in the order of their steps.

The records of one tag whose steps take the same number of bytes differ in time, step, value and checksum only. They are
the rows of one matrix; matrices are then dealt into one buffer, a row at a time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....columns.arrays import Array
from ....formats import crc32c
from ....formats.protobuf import encode_varint
from ....formats.tfrecord import FOOTER, HEADER
from . import encode

_U64 = np.uint64
_FIRST_STEP = 10  # where the step begins in an event: after the tag and 8 bytes of the time, and its own tag
SPELLINGS = {  # what stands before the value, in a Summary.Value
    "simple_value": (b"\x15", "<f4"),  # = 2
    "float32": (b"\x42\x08\x08\x01\x2a\x04", "<f4"),  # tensor = 8 of rank 0 {dtype = 1, float_val = 5}
    "float64": (b"\x42\x0c\x08\x02\x32\x08", "<f8"),  # double_val = 6
}


class Block(NamedTuple):
    """Records of one size."""

    rows: Array  # (n,) int64: where they belong among those of other blocks
    records: Array  # (n, size) uint8: whole records


class Form(NamedTuple):
    """How a scalar is written between its step and the end of its event: the value stands in the middle."""

    before: bytes
    after: bytes
    dtype: str  # "<f4" or "<f8"


def scalar_form(tag: str, spelling: str = "simple_value", metadata: bytes = b"") -> Form:
    """The form of a tag; `spelling` is one of SPELLINGS."""
    lead, dtype = SPELLINGS[spelling]
    named, size = encode.field(1, tag) + lead, np.dtype(dtype).itemsize
    value = encode_varint(len(named) + size + len(metadata))
    inner = b"\x0a" + value + named
    return Form(b"\x2a" + encode_varint(len(inner) + size + len(metadata)) + inner, metadata, dtype)


def scalar_blocks(form: Form, rows: Array, steps: Array, times: Array, values: Array) -> list[Block]:
    """Records of one tag, by its form: (n,) ascending rows, steps, times in seconds since the epoch, and values.

    What float32 cannot hold is rounded, or infinite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = values.astype(form.dtype)
    sizes = _varint_sizes(steps)
    smallest, largest = (int(sizes.min()), int(sizes.max())) if len(sizes) else (0, -1)
    blocks = []
    for size in range(smallest, largest + 1):
        chosen = slice(None) if smallest == largest else np.flatnonzero(sizes == size)
        if len(rows[chosen]):
            records = _scalars(form, size, steps[chosen], times[chosen], rounded[chosen])
            blocks.append(Block(rows[chosen], records))
    return blocks


def _scalars(form: Form, size: int, steps: Array, times: Array, values: Array) -> Array:
    """Records of one tag whose steps take `size` bytes; none for a step of 0, which is left out."""
    count, width = len(steps), values.itemsize
    begin = HEADER + 9 + (size and size + 1)
    at = begin + len(form.before)
    length = at + width + len(form.after) - HEADER
    buffer = np.empty(crc32c.HEADROOM + count * (HEADER + length + FOOTER), np.uint8)
    records = buffer[crc32c.HEADROOM :].reshape(count, -1)
    records[:, :HEADER] = np.frombuffer(header(length), np.uint8)
    records[:, HEADER] = 0x09
    records[:, HEADER + 1 : HEADER + 9] = _bytes(times.astype("<f8"))
    if size:
        records[:, HEADER + 9] = 0x10
        records[:, HEADER + _FIRST_STEP : begin] = _varints(steps, size)
    records[:, begin:at] = np.frombuffer(form.before, np.uint8)
    records[:, at : at + width] = _bytes(values)
    records[:, at + width : HEADER + length] = np.frombuffer(form.after, np.uint8)
    starts = crc32c.HEADROOM + HEADER + np.arange(count) * records.shape[1]
    sums = crc32c.mask(crc32c.checksums(buffer.data, starts, starts + length))
    records[:, HEADER + length :] = _bytes(sums.astype("<u4"))
    return records


def header(length: int) -> bytes:
    """The twelve bytes before a payload of so many bytes."""
    sums: Array = crc32c.length_checksums(np.array([length], np.uint64))
    return length.to_bytes(8, "little") + int(sums[0]).to_bytes(4, "little")


def frame(payloads: list[bytes]) -> list[bytes]:
    sizes = np.array([len(payload) for payload in payloads], np.int64)
    buffer = b"".join([bytes(crc32c.HEADROOM), *payloads])
    ends = crc32c.HEADROOM + np.cumsum(sizes)
    feet = crc32c.mask(crc32c.checksums(buffer, ends - sizes, ends)).astype("<u4")
    heads = np.empty(len(payloads), [("length", "<u8"), ("sum", "<u4")])
    heads["length"], heads["sum"] = sizes, crc32c.length_checksums(sizes.astype(np.uint64))
    parts = zip(_split(heads), payloads, _split(feet), strict=True)
    return [head + payload + foot for head, payload, foot in parts]


def _split(numbers: Array) -> list[bytes]:
    data, size = numbers.tobytes(), numbers.dtype.itemsize
    return [data[i : i + size] for i in range(0, len(data), size)]


def interleave(blocks: list[Block]) -> tuple[Array, Array, Array]:
    """The bytes of the records of all blocks by row, in a row by block; and the row and end of each record."""
    rows = np.concatenate([np.zeros(0, np.int64), *(block.rows for block in blocks)])
    sizes = np.repeat([block.records.shape[1] for block in blocks], [len(block.rows) for block in blocks])
    if len(blocks) == 1:
        return blocks[0].records.reshape(-1), rows, np.cumsum(sizes)
    order = np.argsort(rows, kind="stable")
    ends = np.cumsum(sizes[order])
    starts = np.empty(len(rows), np.int64)
    starts[order] = ends - sizes[order]
    buffer, first = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8), 0
    for block in blocks:
        kind = f"V{block.records.shape[1]}"  # so that numpy moves a record at a time
        places = np.ndarray((len(buffer) - block.records.shape[1] + 1,), kind, buffer, strides=(1,))
        places[starts[first : first + len(block.rows)]] = block.records.view(kind).reshape(-1)
        first += len(block.rows)
    return buffer, rows[order], ends


def _bytes(numbers: Array) -> Array:
    return np.ascontiguousarray(numbers).view(np.uint8).reshape(len(numbers), -1)


def _varint_sizes(steps: Array) -> Array:
    """(n,) bytes that each step takes: 0 for 0, 10 for a negative one."""
    numbers = steps.astype(np.int64).view(np.uint64)
    bounds = _U64(1) << (_U64(7) * np.arange(10, dtype=np.uint64))
    return np.searchsorted(bounds, numbers, "right")


def _varints(steps: Array, size: int) -> Array:
    """(n, size) uint8: the steps as varints of that size."""
    shifts = _U64(7) * np.arange(size, dtype=np.uint64)
    digits = (steps.astype(np.int64).view(np.uint64)[:, None] >> shifts).astype(np.uint8) & 0x7F
    digits[:, :-1] |= 0x80
    return digits

"""CRC-32C of many ranges of a buffer at once.

A CRC is linear over GF(2): the register after some bytes is the XOR of what each byte contributes, and a contribution
depends only on the byte and on how many bytes follow it. So ranges are read from their ends in words of 8 bytes, and
tables by distance to the end serve ranges of every length. Longer ranges are blocks that are combined in pairs, and
long ones are shortened first: bytes are moved towards the end, to several places each, where they contribute the same.
Where the extra `crc32c` is installed, it takes the ranges that are longer than a block.

CRC-32C: RFC 3720, appendix B.4 (reflected polynomial 0x82F63B78, register preset and inverted at the end).
Masking: TensorFlow, core/lib/hash/crc32c.h, `Mask`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from ..columns.arrays import Array

_POLYNOMIAL = 0x82F63B78
_MASK_DELTA = 0xA282EAD8
_BLOCK = HEADROOM = 64  # bytes; the tables of a block, 256 KiB for each pair of bytes, still fit a cache
_SLICE = 4 << 20  # bytes of a range that are shortened at once
_LONG = 2048  # bytes from which on a range is shortened
_BATCH = 512 << 10  # bytes of ranges that are shortened together: they stay in a cache
# A byte with 290 bytes behind it contributes what it does with each of these numbers behind it, all taken together:
# the polynomial divides x**(8 * 290) + x**(8 * 136) + ... + 1, and so it does when all exponents are doubled.
_FAR, _NEAR = 290, (136, 113, 107, 32, 0)
_ROWS = 1 << 15  # blocks looked up at once
_SHORT = 4096  # lengths whose preset is looked up
_ONES = np.uint32(0xFFFFFFFF)
_U32 = np.uint32
Buffer = bytes | bytearray | memoryview


def words(data: Buffer, dtype: str) -> Array:
    """The values of a little-endian type at every byte of a buffer, aligned or not; no copy."""
    size = np.dtype(dtype).itemsize
    return np.ndarray((max(len(data) - size + 1, 0),), dtype, data, strides=(1,))


def mask(crc: Array) -> Array:
    """A checksum as a record stores it."""
    masked: Array = ((crc >> _U32(15)) | (crc << _U32(17))) + _U32(_MASK_DELTA)
    return masked


def checksums(data: Buffer, starts: Array, ends: Array) -> Array:
    """(n,) uint32: CRC-32C of data[starts[i]:ends[i]]; each begins at byte HEADROOM or later."""
    lengths = ends - starts
    if not len(lengths):
        return np.zeros(0, np.uint32)
    longest = int(lengths.max())
    if longest > _BLOCK and type(data) is bytes and (native := _native()):
        return _checksums_natively(native, data, starts, ends, lengths)
    if longest <= _BLOCK:
        linear = _short(data, ends, lengths)
    else:
        linear = np.empty(len(lengths), np.uint32)
        size = np.searchsorted((_BLOCK, _LONG, _SLICE), lengths)
        for i, compute in enumerate((_short, _blocks, _long, _sliced)):
            if len(chosen := np.flatnonzero(size == i)):
                linear[chosen] = compute(data, ends[chosen], lengths[chosen])
    sums: Array = linear ^ _preset(lengths) ^ _ONES
    return sums


@cache
def _native() -> Callable[[bytes], int] | None:
    """The checksum of bytes by google-crc32c, where it is installed with its C code."""
    try:
        import google_crc32c
    except (ImportError, Warning):  # it warns that its C code is missing
        return None
    return google_crc32c.value if google_crc32c.implementation == "c" else None


def _checksums_natively(
    native: Callable[[bytes], int], data: bytes, starts: Array, ends: Array, lengths: Array
) -> Array:
    """Of ranges longer than a block one by one, which for shorter ones would cost more than all of them at once."""
    sums = np.empty(len(lengths), np.uint32)
    is_short = lengths <= _BLOCK
    sums[is_short] = checksums(data, starts[is_short], ends[is_short])
    places = zip(starts[~is_short].tolist(), ends[~is_short].tolist(), strict=True)
    sums[~is_short] = [native(data[start:end]) for start, end in places]  # it takes no views
    return sums


def length_checksums(lengths: Array) -> Array:
    """(n,) uint32: masked CRC-32C of the 8 little-endian bytes of each length, (n,) uint64."""
    result = np.full(len(lengths), _preset(np.array([8]))[0] ^ _ONES, np.uint32)
    pairs = 2 if int(lengths.max(initial=0)) < 2**32 else 4  # two bytes of zeros contribute nothing
    for position in range(pairs):
        pair = (lengths >> np.uint64(16 * position)) & np.uint64(0xFFFF)
        result ^= _pairs(6 - 2 * position)[pair.astype(np.intp)]
    return mask(result)


def _short(data: Buffer, ends: Array, lengths: Array) -> Array:
    """Contributions of ranges of at most a block."""
    width = -(-int(lengths.max(initial=1)) // 8) * 8
    rows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(data, np.uint8), width)[ends - width]
    for i, word in enumerate(rows.view("<u8").T):
        distance = width - 8 - 8 * i
        if int(lengths.min(initial=width)) < distance + 8:  # bytes before the range count as zeros
            word &= _LAST[np.clip(lengths - distance, 0, 8)]
    pairs = rows.view("<u2").T
    result: Array = _pairs(width - 2).take(pairs[0], mode="clip")
    for i in range(1, width // 2):
        result ^= _pairs(width - 2 - 2 * i).take(pairs[i], mode="clip")
    return result


def _blocks(data: Buffer, ends: Array, lengths: Array) -> Array:
    """Contributions of ranges of several blocks: of their blocks, counted from the end, combined in pairs."""
    counts = np.maximum((lengths + _BLOCK - 1) // _BLOCK, 1)
    owner, place = _enumerate(counts)
    until = ends[owner] - _BLOCK * place
    inside = np.minimum(lengths[owner] - _BLOCK * place, _BLOCK)
    parts = np.empty(len(owner), np.uint32)
    for first in range(0, len(owner), _ROWS):
        some = slice(first, first + _ROWS)
        parts[some] = _short(data, until[some], inside[some])
    span = _BLOCK
    while len(parts) > len(counts):
        halves = (counts + 1) // 2
        before = np.cumsum(halves) - halves
        paired = np.zeros(2 * int(halves.sum()), np.uint32)
        paired[2 * before[owner] + place] = parts
        parts = paired[0::2] ^ _shift(paired[1::2], span)
        counts, span = halves, 2 * span
        owner, place = _enumerate(counts)
    return parts


def _long(data: Buffer, ends: Array, lengths: Array) -> Array:
    """Contributions of ranges of up to a slice, which are shortened before their blocks are looked up."""
    order = np.argsort(lengths)[::-1]
    starts: list[int] = []  # of batches of ranges that differ by a quarter at most
    longest = total = 0
    for i, length in enumerate(lengths[order].tolist()):
        if not starts or 4 * length < 3 * longest or total + longest > _BATCH:
            starts.append(i)
            longest, total = length, 0
        total += longest
    source = np.frombuffer(data, np.uint8)
    pieces, sizes = [bytes(HEADROOM)], []
    for chosen in np.split(order, starts[1:]):
        width = int(lengths[chosen[0]])
        rows = np.zeros((len(chosen), width), np.uint8)
        for row, end, length in zip(rows, ends[chosen].tolist(), lengths[chosen].tolist(), strict=True):
            row[width - length :] = source[end - length : end]
        rows = _shortened(rows)
        pieces.append(rows.tobytes())
        sizes += [rows.shape[1]] * len(rows)
    result = np.empty(len(ends), np.uint32)
    result[order] = _blocks(b"".join(pieces), HEADROOM + np.cumsum(sizes), np.array(sizes))
    return result


def _shortened(rows: Array) -> Array:
    """Ranges of one length as shorter ones that contribute the same; overwrites them."""
    while (width := rows.shape[1]) > 2 * _FAR:
        scale = 1 << ((width - 1) // _FAR).bit_length() - 1
        count = min(width - _FAR * scale, (_FAR - _NEAR[0]) * scale)
        for near in _NEAR:
            place = rows[:, (_FAR - near) * scale :][:, :count]
            np.bitwise_xor(place, rows[:, :count], out=place)
        rows = rows[:, count:]
    return rows


def _sliced(data: Buffer, ends: Array, lengths: Array) -> Array:
    """Contributions of ranges so long that they are read slice by slice."""
    registers = np.zeros(len(ends), np.uint32)
    for i, (end, left) in enumerate(zip(ends.tolist(), lengths.tolist(), strict=True)):
        while left:
            size = min(_SLICE, left)
            left -= size
            advanced = _advance(registers[i : i + 1], np.array([size]))
            registers[i : i + 1] = advanced ^ _long(data, np.array([end - left]), np.array([size]))
    return registers


def _enumerate(counts: Array) -> tuple[Array, Array]:
    """For groups of these sizes: the group of each member, and its number in it."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]


def _preset(lengths: Array) -> Array:
    """What the preset of the register contributes to checksums of these lengths."""
    if int(lengths.max(initial=0)) < _SHORT:
        return _short_presets()[lengths]
    return _advance(np.full(len(lengths), _ONES, np.uint32), lengths)


@cache
def _short_presets() -> Array:
    return _advance(np.full(_SHORT, _ONES, np.uint32), np.arange(_SHORT))


def _advance(registers: Array, sizes: Array) -> Array:
    """Registers after `sizes` zero bytes, each its own number."""
    result = registers.copy()
    for bit in range(int(sizes.max(initial=0)).bit_length()):
        chosen = np.flatnonzero((sizes >> bit) & 1)
        result[chosen] = _shift(result[chosen], 1 << bit)
    return result


def _shift(registers: Array, size: int) -> Array:
    """Registers after `size` zero bytes, a power of two."""
    table = _shift_table(size)
    shifted: Array = table[0][registers & _U32(0xFF)]
    for i in (1, 2):
        shifted ^= table[i][(registers >> _U32(8 * i)) & _U32(0xFF)]
    shifted ^= table[3][registers >> _U32(24)]
    return shifted


@cache
def _shift_table(size: int) -> Array:
    """(4, 256): what each byte of the register becomes after `size` zero bytes."""
    each = np.arange(256, dtype=np.uint32)
    registers = np.stack([each << _U32(8 * i) for i in range(4)])
    if size == 1:
        return _zero_byte(registers)
    return _shift(_shift(registers, size // 2), size // 2)


def _zero_byte(registers: Array) -> Array:
    """Registers after one zero byte."""
    shifted: Array = _bytes(0)[registers & _U32(0xFF)] ^ (registers >> _U32(8))
    return shifted


@cache
def _bytes(distance: int) -> Array:
    """(256,): what a byte contributes when `distance` bytes follow it."""
    if distance:
        nearer = _bytes(distance - 1)
        return _zero_byte(nearer)
    table: Array = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> _U32(1)) ^ (_U32(_POLYNOMIAL) * (table & _U32(1)))
    return table


@cache
def _pairs(distance: int) -> Array:
    """(65536,): what two bytes contribute, the earlier one low, when `distance` bytes follow them."""
    table: Array = (_bytes(distance)[:, None] ^ _bytes(distance + 1)[None, :]).reshape(-1)
    return table


_LAST = np.array([2**64 - 2 ** (64 - 8 * n) for n in range(9)], np.uint64)  # masks of the last n bytes of a word

"""npy files of version 1.0, and floats of 16 and 8 bits that numpy does not have, kept as their bits."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from .._core.errors import DocumentError
from ..columns.arrays import Array

_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNMENT = 64  # of the values, so that a memory-mapped file can be used as it is


def write(array: Array) -> bytes:
    """A C-contiguous, little-endian array as the bytes of an npy file; equal arrays give equal bytes."""
    header = _header(array.dtype, array.shape)
    padding = -(len(_MAGIC) + 2 + len(header) + 1) % _ALIGNMENT
    header += b" " * padding + b"\n"
    values = array.reshape(-1).view(np.uint8).data
    return b"".join([_MAGIC, len(header).to_bytes(2, "little"), header, values])


def read(data: bytes, dtype: str, shape: tuple[int, ...], where: str) -> Array:
    """The values of an npy file that must hold this dtype and shape, as a read-only view; raises DocumentError.

    The header is compared and not parsed: nothing it claims is believed, evaluated or allocated.
    """
    stored = np.dtype(dtype).newbyteorder("<")
    start = len(_MAGIC) + 2
    end = start + int.from_bytes(data[start - 2 : start], "little")
    expected = _header(stored, shape)
    header = data[start:end].rstrip(b" \n")
    if data[: len(_MAGIC)] != _MAGIC or header != expected:
        hint = "Restore the sidecar or the document."
        raise DocumentError.of(where, f"an npy file of version 1.0 with {expected.decode()}", header, hint, "npy")
    size = end + stored.itemsize * math.prod(shape)
    if len(data) != size:
        raise DocumentError.of(where, f"an npy file of {size} bytes", len(data), "Restore the sidecar.", "size")
    return np.frombuffer(data, stored, offset=end).reshape(shape)


def _header(dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> bytes:
    return f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': {shape}, }}".encode()


class _Float8(NamedTuple):
    exponent_bits: int  # of seven; the others are the mantissa's
    bias: int
    specials: str  # "ieee": infinities and NaN; "fn": NaN in the last code; "fnuz": NaN instead of -0


_FLOAT8 = {
    "float8_e3m4": _Float8(3, 3, "ieee"),
    "float8_e4m3": _Float8(4, 7, "ieee"),
    "float8_e4m3b11fnuz": _Float8(4, 11, "fnuz"),
    "float8_e4m3fn": _Float8(4, 7, "fn"),
    "float8_e4m3fnuz": _Float8(4, 8, "fnuz"),
    "float8_e5m2": _Float8(5, 15, "ieee"),
    "float8_e5m2fnuz": _Float8(5, 16, "fnuz"),
}
BITS = {"bfloat16": "uint16", "float8_e8m0fnu": "uint8", **dict.fromkeys(_FLOAT8, "uint8")}  # name: dtype of the bits


def to_float32(bits: Array, dtype: str) -> Array:
    """The float32 array whose values these bits are, of the same shape."""
    if dtype == "bfloat16":
        wide = bits.astype(np.uint32)
        wide <<= np.uint32(16)
        return wide.view(np.float32)
    return np.asarray(_table(dtype)[bits])


@cache
def _table(dtype: str) -> Array:
    """(256,) float32: the value of each code."""
    codes = np.arange(256)
    if dtype == "float8_e8m0fnu":  # a power of two, without a sign
        return np.where(codes == 255, np.nan, np.ldexp(1.0, codes - 127)).astype(np.float32)
    exponent_bits, bias, specials = _FLOAT8[dtype]
    mantissa_bits = 7 - exponent_bits
    exponent = (codes & 0x7F) >> mantissa_bits
    mantissa = (codes & ((1 << mantissa_bits) - 1)) / (1 << mantissa_bits)
    values = np.where(exponent, np.ldexp(1 + mantissa, exponent - bias), np.ldexp(mantissa, 1 - bias))
    if specials == "ieee":
        top = exponent == (1 << exponent_bits) - 1
        values[top] = np.where(mantissa[top], np.nan, np.inf)
    values *= np.where(codes & 0x80, -1, 1)
    if specials == "fn":
        values[[0x7F, 0xFF]] = np.nan
    elif specials == "fnuz":
        values[0x80] = np.nan
    return values.astype(np.float32)

"""Floats that numpy has no dtype for, kept as their bits: bfloat16 and the 8-bit floats of torch and JAX.

Formats: bfloat16 is the upper half of a float32; for the others see the OCP 8-bit Floating Point Specification 1.0
and the list of https://github.com/jax-ml/ml_dtypes. Every value of each is exact as float32.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from ..columns.arrays import Array


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
        wide <<= 16
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

"""The npy format, version 1.0, in the one form that tensors are stored in: C order, little-endian, numbers only.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. numpy writes the same dictionary, and
only pads it otherwise, so either can read what the other wrote.
"""

from __future__ import annotations

import math

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
    """The values of an npy file that must hold this dtype and shape, as a read-only view of its bytes.

    The header is compared and not parsed: nothing it claims is believed, evaluated or allocated.

    Raises:
        DocumentError: it is another file, or holds another dtype, shape, order or number of bytes.
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

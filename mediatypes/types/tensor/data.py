"""Arrays and tensors of any framework as the values that an npy file keeps, bit for bit."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..._core.errors import InputError
from ...columns.arrays import Array, is_torch, refuse_masked
from ...formats.small_floats import BITS

_NUMPY = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
DTYPES = (*_NUMPY, *sorted(BITS))


def stored_dtype(dtype: str) -> str:
    """The dtype that an npy file has for a tensor of this dtype."""
    return BITS.get(dtype, dtype)


def read_data(data: Any, where: str) -> tuple[Array, str]:
    """The values, in C order and little-endian, perhaps sharing memory with `data`; and the name of their dtype.

    Of a dtype that numpy does not have these are its bits.

    Raises:
        InputError: it cannot be made an array, has masked values, or holds something else than numbers and bools.
    """
    refuse_masked(data, where)
    try:
        array, dtype = _from_torch(data) if is_torch(data) else _from_protocol(data)
    except Exception as error:  # any framework may raise anything here (a sparse or meta tensor, ragged lists)
        hint = f"Converting it failed: {str(error).rstrip('.')}."
        raise InputError.of(where, "an array", data, hint) from error
    if dtype not in DTYPES:
        raise InputError.of(where, "numbers or bools", _shown(data, array), _hint(array), "dtype")
    return array.astype(array.dtype.newbyteorder("<"), order="C", copy=False), dtype


def _from_torch(tensor: Any) -> tuple[Array, str]:
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype in BITS:
        torch = sys.modules["torch"]
        signed = torch.int16 if BITS[dtype] == "uint16" else torch.uint8  # older versions have no uint16
        return tensor.view(signed).numpy().view(BITS[dtype]), dtype
    array = np.asarray(tensor.numpy())
    return array, array.dtype.name


def _from_protocol(data: Any) -> tuple[Array, str]:
    by_dlpack = hasattr(data, "__dlpack__") and not hasattr(data, "__array__")
    array = np.from_dlpack(data) if by_dlpack else np.asarray(data)
    name = array.dtype.name
    return (array.view(BITS[name]) if name in BITS else array), name


def _shown(data: Any, array: Array) -> Any:
    return array if array.ndim else data


def _hint(array: Array) -> str:
    if array.dtype.kind in "fc":
        return f"Pass array.astype(np.{'float64' if array.dtype.kind == 'f' else 'complex128'})."
    if array.dtype.kind in "mM":
        return "Pass seconds as floats, or array.astype(np.int64)."
    if array.dtype.kind == "V" and array.dtype.names:
        return "Log each field as a Tensor of its own."
    return "Convert it to numbers first."

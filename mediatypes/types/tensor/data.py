"""Arrays and tensors of any framework as the values that an npy file keeps, bit for bit; and their statistics."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..._core.errors import InputError
from ...columns.arrays import Array, is_torch, refuse_masked, refuse_masked_items
from ...formats.npy import BITS

_NUMPY = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
DTYPES = (*_NUMPY, *sorted(BITS))


def stored_dtype(dtype: str) -> str:
    """The dtype that an npy file has for a tensor of this dtype."""
    return BITS.get(dtype, dtype)


def read_data(data: Any, where: str) -> tuple[Array, str]:
    """The values in C order and little-endian, perhaps sharing memory with `data`, and their dtype; raises InputError.

    Of a dtype that numpy does not have these are its bits.
    """
    refuse_masked(data, where)
    try:
        array, dtype = _from_torch(data) if is_torch(data) else _from_protocol(data)
    except Exception as error:  # any framework may raise anything here (a sparse or meta tensor, ragged lists)
        hint = f"Converting it failed: {str(error).rstrip('.')}."
        raise InputError.of(where, "an array", data, hint) from error
    refuse_masked_items(data, array, where)
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


PERCENTILES = (5, 25, 50, 75, 95)
_CHUNK = 1 << 20  # values that are widened to float64 at a time


class Statistics(NamedTuple):
    """Of the finite values; None where there are none, or where a float64 cannot hold the result."""

    min: int | float | None = None
    max: int | float | None = None
    mean: float | None = None
    variance: float | None = None
    percentiles: dict[str, float] | None = None
    nan_count: int = 0
    positive_infinity_count: int = 0
    negative_infinity_count: int = 0


def describe(values: Array) -> Statistics:
    """Statistics of real or complex values of any shape; of complex ones only the NaN are counted.

    The variance is the population's (divided by n), the percentiles are interpolated linearly, both as numpy's
    defaults. Sums are made in float64 and in the order of the values. Needs one copy of the values in their own dtype.
    """
    flat = values.reshape(-1)
    if flat.dtype.kind == "c":
        return Statistics(nan_count=int(np.count_nonzero(np.isnan(flat))))
    if flat.dtype.kind == "f":
        finite = flat[np.isfinite(flat)]
        infinite = flat[np.isinf(flat)] if finite.size < flat.size else flat[:0]
        positive = int(np.count_nonzero(infinite > 0))
        counts = (flat.size - finite.size - infinite.size, positive, infinite.size - positive)
    else:
        finite = flat.astype(np.uint8 if flat.dtype.kind == "b" else flat.dtype)
        counts = (0, 0, 0)
    if not finite.size:
        return Statistics(None, None, None, None, None, *counts)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = _sum(finite, lambda chunk: chunk) / finite.size
        variance = _sum(finite, lambda chunk: np.square(chunk - mean)) / finite.size
    return Statistics(
        _number(finite.min()),
        _number(finite.max()),
        mean if math.isfinite(mean) else None,
        variance if math.isfinite(variance) else None,
        _percentiles(finite),  # last, since it reorders the values
        *counts,
    )


def _sum(values: Array, of: Callable[[Array], Array]) -> float:
    chunks = (values[start : start + _CHUNK] for start in range(0, values.size, _CHUNK))
    return sum(float(of(chunk.astype(np.float64)).sum()) for chunk in chunks) + 0.0


def _percentiles(values: Array) -> dict[str, float]:
    """Percentiles of n >= 1 values, which are put into another order."""
    places = {percent: divmod((values.size - 1) * percent, 100) for percent in PERCENTILES}
    values.partition(sorted({min(low + step, values.size - 1) for low, _ in places.values() for step in (0, 1)}))
    percentiles = {}
    for percent, (place, rest) in places.items():
        low, high = float(values[place]), float(values[min(place + 1, values.size - 1)])
        between = low * ((100 - rest) / 100) + high * (rest / 100)  # high - low might overflow
        percentiles[str(percent)] = min(max(between, low), high) + 0.0
    return percentiles


def _number(value: np.generic) -> int | float:
    """The same number as Python's; of the two zeros, which an order does not tell apart, the positive one."""
    number: int | float = value.item()
    return number + 0

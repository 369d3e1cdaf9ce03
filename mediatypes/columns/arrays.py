"""Arrays and tensors of any framework as numpy arrays, recognised without importing the framework."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from .._core.deps import is_instance
from .._core.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]


def is_torch(data: Any) -> bool:
    return is_instance(data, "torch", "Tensor")


def is_array(data: Any) -> bool:
    """Whether `data` is a numpy array or speaks an array protocol (torch, TensorFlow, JAX, CuPy...)."""
    return isinstance(data, (np.ndarray, np.generic)) or is_torch(data) or hasattr(data, "__array__")


def refuse_masked(data: Any, where: str) -> None:
    """Raise InputError for a numpy array with masked values, or a list of them: what a mask hides is no value."""
    if isinstance(data, (list, tuple)) and data and isinstance(data[0], np.ndarray):
        for part in data:
            refuse_masked(part, where)
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        hint = "Pass array.filled(value), with a value that may stand for them."
        raise InputError.of(where, "an array without masked values", data, hint, "masked")


def refuse_masked_items(data: Any, array: Array, where: str) -> None:
    """Raise InputError for a list with `np.ma.masked` in it, which became NaN in the array made of the list."""
    if isinstance(data, (list, tuple)) and array.dtype.kind == "f" and np.isnan(array).any():
        for item in data:
            refuse_masked(item, where)
            refuse_masked_items(item, np.asarray(np.nan), where)


def as_array(data: Any, where: str) -> Array:
    """A numpy array of real numbers, perhaps sharing memory with the data; bfloat16 and 8-bit floats become float32.

    Raises InputError for what cannot be made one: ragged lists, objects, texts, masked values.
    """
    refuse_masked(data, where)
    try:
        if is_torch(data):
            tensor = data.detach().cpu().resolve_conj().resolve_neg()
            if tensor.is_floating_point() and str(tensor.dtype) not in (
                "torch.float16",
                "torch.float32",
                "torch.float64",
            ):
                tensor = tensor.float()
            array = np.asarray(tensor.numpy())
        else:
            array = np.asarray(data)
            array = array if isinstance(data, np.ndarray) else array.view()  # of memory that may be the object's own
    except Exception as error:  # any framework may raise anything here (a sparse or meta tensor, ragged lists)
        hint = f"Converting it failed: {str(error).rstrip('.')}."
        raise InputError.of(where, "an array", data, hint) from error
    refuse_masked_items(data, array, where)
    if array.dtype.isbuiltin != 1 and array.dtype.name.startswith(("bfloat16", "float8")):  # ml_dtypes, used by JAX
        array = array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        raise InputError.of(where, "real numbers", array, "Convert the array to numbers first.", "dtype")
    return array


def as_integer(data: Any) -> int | None:
    """The int in a Python or NumPy integer, or in an array or tensor of one element; None for anything else."""
    number = as_number(data)
    try:
        return None if isinstance(number, (bool, np.bool_)) else index(number)
    except TypeError:
        return None


def as_number(data: Any) -> Any:
    """The Python number in an array or tensor of one element; anything else as it is."""
    if not is_array(data) or isinstance(data, np.generic):
        return data
    try:
        array = as_array(data, "")
    except InputError:
        return data
    return array.item() if array.size == 1 else data

"""Tensor: an array of any shape with its statistics."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from ..._core.declaration import Document, Field, Integer, List, Map, Number, Rule, Text, reference
from ..._core.errors import InputError, Problem, collect, problem, raise_all
from ..._core.inputs import is_path, text
from ..._core.sidecar import Blob
from ..._core.value import FileValue
from ...columns.arrays import Array
from ...formats import npy
from ...formats.npy import BITS, to_float32
from .data import DTYPES, PERCENTILES, describe, read_data, stored_dtype


def _size_fits(document: dict[str, Any], where: str) -> Iterator[Problem]:
    needed = np.dtype(stored_dtype(document["dtype"])).itemsize * math.prod(map(int, document["shape"]))
    if document["size"] <= needed:
        expected = f"more than the {needed} bytes of the values"
        yield problem(f"{where}size", expected, document["size"], "Restore the document.", "size")


TENSOR = Document(
    "tensor",
    "1.0",
    "An array of numbers, with statistics over its finite values. The sidecar is an npy file of version 1.0, in C "
    "order and little-endian; of a dtype that numpy does not have it holds the bits, as uint16 (bfloat16) or uint8 "
    "(float8_*). Statistics are absent of empty and complex arrays, and where a float64 cannot hold them.",
    (
        *reference("the npy file"),
        Field("dtype", Text(choices=DTYPES), "dtype of the values.", column=True),
        Field("shape", List(Integer(0), 0, 64), "Length of each axis."),
        Field("min", Number(), "Smallest value; an integer is exact, false is 0.", False, True),
        Field("max", Number(), "Largest value; an integer is exact, true is 1.", False, True),
        Field("mean", Number(), "Arithmetic mean, summed in float64.", False, True),
        Field("variance", Number(0), "Variance of the population: divided by n.", False, True),
        Field(
            "percentiles",
            Map(Number(), "|".join(map(str, PERCENTILES))),
            "Values below which 5, 25, 50, 75 and 95 % of the values lie, interpolated linearly; named `5` to `95`.",
            required=False,
        ),
        Field(
            "nan_count", Integer(1), "NaN values, if any; of a complex one either part is NaN.", False, True, default=0
        ),
        Field(
            "positive_infinity_count",
            Integer(1),
            "+inf values, if any; none are counted of complex ones.",
            False,
            default=0,
        ),
        Field(
            "negative_infinity_count",
            Integer(1),
            "-inf values, if any; none are counted of complex ones.",
            False,
            default=0,
        ),
        Field("caption", Text(), "Text shown with the tensor.", required=False),
    ),
    (Rule("the sidecar is longer than the values of that dtype and shape", _size_fits),),
)


class Tensor(FileValue):
    """An array of any shape, kept bit for bit, with its statistics.

    Args:
        data: numbers or bools: a numpy array, a tensor of torch, TensorFlow, JAX or anything else that speaks
            `__array__` or DLPack, a (nested) list, a number, or another `Tensor`, whose caption is kept where no new
            one is given. dtypes: bool, int8..int64, uint8..uint64, float16/32/64, complex64/128, bfloat16, and the
            8-bit floats of torch and JAX.
        caption: text shown with the tensor.

    The data is copied. Statistics are exact, over all finite values, however many there are; they take one more copy
    of them for the time of the call. bfloat16 and 8-bit floats are stored as their bits.

    Raises:
        InputError: text, dates, objects, long doubles, masked values, ragged lists.

    >>> import numpy as np
    >>> tensor = Tensor(np.array([[1.0, 2.0], [6.0, np.nan]], np.float32))
    >>> tensor.dtype, tensor.shape, tensor.mean, tensor.max, tensor.nan_count
    ('float32', (2, 2), 3.0, 6.0, 1)
    """

    _declaration = TENSOR
    dtype: str
    shape: tuple[int, ...]
    min: int | float | None
    max: int | float | None
    mean: float | None
    variance: float | None
    percentiles: dict[str, float] | None
    nan_count: int
    positive_infinity_count: int
    negative_infinity_count: int

    def __init__(self, data: Any, *, caption: str | None = None) -> None:
        problems: list[Problem] = []
        caption = collect(problems, text, caption, "Tensor.caption")
        made: Any = None if isinstance(data, Tensor) else collect(problems, read_data, data, "Tensor")
        raise_all(problems)
        if isinstance(data, Tensor):
            self._set(**data.__dict__)
            self._set(_caption=data.caption if caption is None else caption)
            return
        array, dtype = made
        values = to_float32(array, dtype) if dtype in BITS else array
        self._set(_blob=Blob(npy.write(array)), _dtype=dtype, _shape=array.shape, _caption=caption)
        self._set(**{f"_{name}": statistic for name, statistic in describe(values)._asdict().items()})

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], **options: Any) -> Self:
        """The array in an npy file, as `numpy.save` writes it; `options` and errors are those of the constructor."""
        where = "Tensor.from_path"
        if not is_path(path):
            raise InputError.of(where, "the path of an npy file", path, "Use Tensor(data) for other data.")
        try:
            with np.errstate(all="raise"):
                array = np.lib.format.open_memmap(path, mode="r")  # which allocates nothing that a header claims
        except Exception as error:  # a header is a Python literal, whose parser raises all kinds
            hint = f"numpy says: {str(error).rstrip('.')}."
            raise InputError.of(where, "an npy file of numbers", os.fspath(path), hint) from error
        return cls(array, **options)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    def to_numpy(self) -> Array:
        """The values, read-only and not copied; bfloat16 and 8-bit floats as float32, which holds them exactly."""
        array = npy.read(self.to_bytes(), stored_dtype(self.dtype), self.shape, "tensor")
        if self.dtype in BITS:
            array = to_float32(array, self.dtype)
            array.setflags(write=False)
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """`np.asarray(tensor)` is `tensor.to_numpy()`."""
        array = self.to_numpy()
        return np.asarray(array, dtype) if copy is None else np.array(array, dtype, copy=copy)

    def _facts(self) -> list[str]:
        return [f"{self.dtype} of shape {self.shape}"]

    def _file_type(self) -> tuple[str, str]:
        return ".npy", "application/x-npy"

    def _check(self) -> None:
        npy.read(self.to_bytes(), stored_dtype(self.dtype), self.shape, "tensor")

"""Tensor: an array of any shape with its statistics."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from ..._core.declaration import Document, Field, Integer, List, Map, Number, Rule, Text, reference
from ..._core.errors import Problem, problem
from ..._core.inputs import text
from ..._core.sidecar import Blob, Sink, Source, fetch
from ..._core.value import Value
from ...columns.arrays import Array
from ...formats import npy
from ...formats.small_floats import BITS, to_float32
from .data import DTYPES, read_data, stored_dtype
from .statistics import PERCENTILES, Statistics, describe


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
            "Values below which that share of the values lies, interpolated linearly.",
            required=False,
        ),
        Field("nan_count", Integer(1), "NaN values, if any; of a complex one either part is NaN.", False, True),
        Field("positive_infinity_count", Integer(1), "+inf values, if any.", required=False),
        Field("negative_infinity_count", Integer(1), "-inf values, if any.", required=False),
        Field("caption", Text(), "Text shown with the tensor.", required=False),
    ),
    (Rule("the sidecar is longer than the values of that dtype and shape", _size_fits),),
)
_COUNTS = ("nan_count", "positive_infinity_count", "negative_infinity_count")


class Tensor(Value):
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

    declaration = TENSOR
    _blob: Blob
    _dtype: str
    _shape: tuple[int, ...]
    _statistics: Statistics

    def __init__(self, data: Any, *, caption: str | None = None) -> None:
        caption = text(caption, "Tensor.caption")
        if isinstance(data, Tensor):
            self._set(**data.__dict__)
            self.__dict__.pop("_identity_", None)
            self._set(_caption=data.caption if caption is None else caption)
            return
        array, dtype = read_data(data, "Tensor")
        values = to_float32(array, dtype) if dtype in BITS else array
        self._set(
            _blob=Blob(npy.write(array)),
            _dtype=dtype,
            _shape=array.shape,
            _statistics=describe(values),
            _caption=caption,
        )

    @property
    def dtype(self) -> str:
        """Name of the dtype: float32, int64, bfloat16..."""
        return self._dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis; empty of a scalar."""
        return self._shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self._shape)

    @property
    def min(self) -> int | float | None:
        """Smallest finite value; an integer is exact. None of empty and complex tensors, as all statistics."""
        return self._statistics.min

    @property
    def max(self) -> int | float | None:
        """Largest finite value; an integer is exact."""
        return self._statistics.max

    @property
    def mean(self) -> float | None:
        """Mean of the finite values; None also where it overflows float64."""
        return self._statistics.mean

    @property
    def variance(self) -> float | None:
        """Variance of the finite values, of the population; None also where it overflows float64."""
        return self._statistics.variance

    @property
    def percentiles(self) -> dict[str, float] | None:
        """5th, 25th, 50th, 75th and 95th percentile of the finite values, as `np.percentile` has them."""
        found = self._statistics.percentiles
        return None if found is None else dict(found)

    @property
    def nan_count(self) -> int:
        """NaN values; of complex ones those with a NaN in either part."""
        return self._statistics.nan_count

    @property
    def positive_infinity_count(self) -> int:
        """+inf values; 0 of complex tensors, whose infinities have no sign."""
        return self._statistics.positive_infinity_count

    @property
    def negative_infinity_count(self) -> int:
        """-inf values; 0 of complex tensors, whose infinities have no sign."""
        return self._statistics.negative_infinity_count

    def to_numpy(self) -> Array:
        """The values, read-only and not copied; bfloat16 and 8-bit floats as float32, which holds them exactly."""
        array = npy.read(self._blob.read(), stored_dtype(self._dtype), self._shape, "tensor")
        if self._dtype in BITS:
            array = to_float32(array, self._dtype)
            array.setflags(write=False)
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """`np.asarray(tensor)` is `tensor.to_numpy()`."""
        return np.array(self.to_numpy(), dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        caption = "" if self._caption is None else f", caption={self._caption!r}"
        return f"Tensor({self._dtype} of shape {self._shape}{caption})"

    def _encode(self, sink: Sink) -> dict[str, Any]:
        document: dict[str, Any] = self._blob.place(sink, ".npy", "application/x-npy")
        document |= {"dtype": self._dtype, "shape": list(self._shape)}
        optional = {
            **{name: getattr(self, name) for name in ("min", "max", "mean", "variance", "percentiles")},
            **{name: getattr(self, name) or None for name in _COUNTS},
            "caption": self._caption,
        }
        return document | {name: item for name, item in optional.items() if item is not None}

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        data = fetch(source, document, "tensor")
        shape = tuple(map(int, document["shape"]))
        npy.read(data, stored_dtype(document["dtype"]), shape, "tensor")
        made = cls.__new__(cls)
        made._set(
            _blob=Blob(data, document["sha256"]),
            _dtype=document["dtype"],
            _shape=shape,
            _statistics=_read_statistics(document),
            _caption=document.get("caption"),
        )
        return made


def _read_statistics(document: dict[str, Any]) -> Statistics:
    found: dict[str, Any] = {name: document[name] for name in Statistics._fields if name in document}
    found |= {name: int(found[name]) for name in _COUNTS if name in found}
    if "percentiles" in found:
        found["percentiles"] = dict(found["percentiles"])
    return Statistics(**found)

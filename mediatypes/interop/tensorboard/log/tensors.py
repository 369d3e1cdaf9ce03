"""TensorProto messages as numpy arrays.

Fields: tensorflow/core/framework/tensor.proto and types.proto. As `tensor_util.MakeNdarray` reads them: tensor_content
wins; else a list of one value stands for every element, and a shorter list is filled up with its last value.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ....columns.arrays import Array
from ....formats import protobuf
from ....formats.protobuf import BOOL, INT, Message


class _Type(NamedTuple):
    name: str
    dtype: str  # numpy's of the elements; of those numpy does not have, that of their bits
    field: int  # of the list of values
    listed: str  # how that list is written


_TYPES = {  # DataType: types.proto
    1: _Type("float32", "<f4", 5, "<f4"),
    2: _Type("float64", "<f8", 6, "<f8"),
    3: _Type("int32", "<i4", 7, "varint"),
    4: _Type("uint8", "|u1", 7, "varint"),
    5: _Type("int16", "<i2", 7, "varint"),
    6: _Type("int8", "|i1", 7, "varint"),
    8: _Type("complex64", "<c8", 9, "<f4"),
    9: _Type("int64", "<i8", 10, "varint"),
    10: _Type("bool", "|b1", 11, "varint"),
    14: _Type("bfloat16", "<u2", 13, "varint"),
    17: _Type("uint16", "<u2", 7, "varint"),
    18: _Type("complex128", "<c16", 12, "<f8"),
    19: _Type("float16", "<f2", 13, "varint"),
    22: _Type("uint32", "<u4", 16, "varint"),
    23: _Type("uint64", "<u8", 17, "varint"),
    24: _Type("float8_e5m2", "|u1", 18, "bytes"),
    25: _Type("float8_e4m3fn", "|u1", 18, "bytes"),
}
_SHAPE = Message(dimensions=(2, [Message(size=(1, INT))]), is_unknown=(3, BOOL))
_STRING = 7
_MAX_FILLED = 2**18  # elements that one number may stand for
_MAX_FILLED_STRINGS = 2**10  # a tensor of strings is written out
_BITS = ("float16", "bfloat16")  # half_val holds their bits


class TensorValue(NamedTuple):
    """A tensor's elements; those of strings are bytes, in C order."""

    dtype: str  # as numpy or ml_dtypes names it; "string"
    shape: tuple[int, ...]
    array: Array | None  # bits of bfloat16 and 8-bit floats; None of strings
    strings: list[bytes]

    def require_numbers(self) -> Array:
        """The elements; raises `protobuf.Malformed` if they are no real numbers."""
        if self.array is None or self.array.dtype.kind not in "biuf":
            raise protobuf.Malformed(f"a tensor of dtype {self.dtype}")
        return self.array

    def require_strings(self, *ranks: int) -> None:
        """Raise `protobuf.Malformed` if the elements are no strings, or the rank is another."""
        if self.array is not None or len(self.shape) not in ranks:
            raise protobuf.Malformed(f"a tensor of dtype {self.dtype} and shape {self.shape}")


def read_tensor(data: bytes, start: int, end: int) -> TensorValue | None:
    """The tensor in data[start:end], None of TensorFlow's own types; raises Malformed if it does not fill its shape."""
    code, content = 0, None
    shape: tuple[int, ...] = ()
    lists: dict[int, list[protobuf.Field]] = {}
    for field in protobuf.fields(data, start, end):
        number, kind, at, until = field
        if number == 1 and kind == protobuf.VARINT:
            code = at
        elif number == 2 and kind == protobuf.BYTES:
            shape = _shape(data, at, until)
        elif number == 4 and kind == protobuf.BYTES:
            content = (at, until)
        else:
            lists.setdefault(number, []).append(field)
    if code == _STRING:
        strings = [data[at:until] for _, kind, at, until in lists.get(8, []) if kind == protobuf.BYTES]
        return TensorValue("string", shape, None, _filled(strings, math.prod(shape)))
    if code not in _TYPES:
        return None
    type = _TYPES[code]
    return TensorValue(type.name, shape, _elements(data, type, content, lists.get(type.field, []), shape), [])


def _shape(data: bytes, start: int, end: int) -> tuple[int, ...]:
    """A TensorShapeProto; a size of 0 is left out, as every number that is 0."""
    shape = _SHAPE.read(data, start, end)
    if shape.get("is_unknown"):
        raise protobuf.Malformed("a tensor of unknown rank")
    sizes = tuple(one.get("size", 0) for one in shape.get("dimensions", ()))
    if min(sizes, default=0) < 0 or len(sizes) > 64:
        raise protobuf.Malformed(f"a tensor of shape {sizes[:8]}")
    return sizes


def _elements(
    data: bytes, type: _Type, content: tuple[int, int] | None, listed: list[protobuf.Field], shape: tuple[int, ...]
) -> Array:
    dtype, count = np.dtype(type.dtype), math.prod(shape)
    if content and content[0] < content[1]:
        size = content[1] - content[0]
        if size != count * dtype.itemsize:
            raise protobuf.Malformed(f"{size} bytes for a tensor of shape {shape} and dtype {type.name}")
        return np.frombuffer(data, dtype, count, content[0]).reshape(shape)
    if type.listed == "bytes":
        values = np.frombuffer(b"".join(data[at:until] for _, _, at, until in listed), np.uint8)
    elif type.listed == "varint":
        values = protobuf.numbers(data, listed, "varint")
        values = values.astype(np.uint16).view(dtype) if type.name in _BITS else values.astype(dtype)
    else:
        values = protobuf.numbers(data, listed, type.listed)
        if dtype.kind == "c":
            values = values[: len(values) // 2 * 2].view(dtype)
    filled: Array = np.asarray(_filled(values, count), dtype).reshape(shape)
    return filled


def _filled(values: Any, count: int) -> Any:
    """The values of a list, or, where it is shorter than the tensor, its last one again and again."""
    given = len(values)
    if given == count:
        return values
    if given > count or count > (_MAX_FILLED_STRINGS if isinstance(values, list) else _MAX_FILLED):
        raise protobuf.Malformed(f"{given} values for a tensor of {count}")
    if isinstance(values, list):
        return [*values, *[values[-1] if values else b""] * (count - given)]
    last = values[-1] if given else values.dtype.type(0)
    return np.concatenate([values, np.full(count - given, last, values.dtype)])

"""Columns of Arrow data: kept as they were given where a cast stores them, else read by value."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..._core.errors import InputError
from .column import Column, cast_to
from .storage import storage_type

_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
_BINARY = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
_KINDS: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_null, "null"),
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_floating, "number"),
    (pa.types.is_date, "date"),
    (pa.types.is_decimal, "decimal"),
    (pa.types.is_duration, "duration"),
    (lambda type_: any(is_(type_) for is_ in _BINARY), "binary"),
    (lambda type_: type_ in (pa.utf8(), pa.large_utf8(), pa.string_view()), "string"),
    (lambda type_: pa.types.is_timestamp(type_) and type_.tz is None, "datetime"),
    (pa.types.is_timestamp, "timestamp"),
    (lambda type_: pa.types.is_struct(type_) or pa.types.is_map(type_), "json"),
)
_ITEMS = ("null", "boolean", "integer", "number", "string")  # kinds of items of which lists are a kind
_CHECKED = ("integer", "datetime", "timestamp", "date", "duration", "json", "integer_list")  # whose values may not fit
_HINT = "Cast the column to text or numbers."


def from_arrow(field: pa.Field, data: pa.ChunkedArray, where: str) -> Column:
    """A column of Arrow data; whether it can be stored is looked at chunk by chunk.

    Raises:
        InputError: its type has no kind, or a value does not fit its kind.
    """
    kind = _kind_of(data.type)
    try:
        if pa.types.is_run_end_encoded(data.type) and not pa.types.is_dictionary(data.type.value_type):
            decoded = pa.chunked_array([pc.run_end_decode(chunk) for chunk in data.chunks], data.type.value_type)
            return from_arrow(field.with_type(decoded.type), decoded, where)
        if kind is None or not _casts(data, kind):
            return Column.of(field.name, _values(data), False)
        for chunk in data.chunks if kind in _CHECKED else ():
            cast_to(pa.chunked_array([chunk], data.type), kind, kind, where)
    except pa.ArrowNotImplementedError as error:
        raise InputError.of(where, "a column type that a table can hold", str(field.type), _HINT, "type") from error
    except pa.ArrowInvalid as error:
        hint = "Cast the column first; times need whole microseconds, integers 64 bits."
        expected = f"values that fit {storage_type(kind)}" if kind else "times in whole microseconds"
        raise InputError.of(where, expected, str(error), hint, "range") from error
    return Column(field.name, kind, data)


def _kind_of(type_: pa.DataType) -> str | None:
    """The kind that a column of an Arrow type is stored as by a cast; None if it has to be read by value."""
    if pa.types.is_dictionary(type_):
        return _kind_of(type_.value_type)
    if any(is_list(type_) for is_list in _LISTS):
        kind = _kind_of(type_.value_type)
        return "json" if kind == "json" or kind in _LISTS_OF_ITEMS else f"{kind}_list" if kind in _ITEMS else None
    return next((kind for check, kind in _KINDS if check(type_)), None)


_LISTS_OF_ITEMS = frozenset(f"{kind}_list" for kind in _ITEMS)


def _casts(data: pa.ChunkedArray, kind: str) -> bool:
    """Whether Arrow knows the cast."""
    try:
        cast_to(data.slice(0, 0), kind, kind, "")
    except pa.ArrowNotImplementedError:
        return False
    return True


def _values(data: pa.ChunkedArray) -> list[Any]:
    """Python values of data that no cast stores."""
    if isinstance(data.type, pa.BaseExtensionType):
        name = data.type.extension_name
        if name == "arrow.json":
            return [None if text is None else json.loads(text) for text in data.to_pylist()]
        if name == "arrow.fixed_shape_tensor" and not data.null_count:
            return [array for chunk in data.chunks for array in chunk.to_numpy_ndarray()]
        if name not in ("arrow.uuid", "arrow.bool8"):
            raise pa.ArrowNotImplementedError("what its storage means only its owner knows")
    if pa.types.is_interval(data.type):
        raise pa.ArrowNotImplementedError("months, days and nanoseconds are no one value")
    if pa.types.is_time(data.type):
        data = data.cast(pa.time64("us"))  # raises where nanoseconds would be lost
    return data.to_pylist()  # type: ignore[no-any-return]

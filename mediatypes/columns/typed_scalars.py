"""Times, durations, decimals and bytes: scalars that a column of a table keeps with their type.

In a log, a config or a list they are plain data: text, or a number of seconds. A further type is one entry of `_TYPED`.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from .._core.deps import is_class
from .._core.errors import InputError, Verbatim

_MICROSECOND: Final = timedelta(microseconds=1)


class TypedScalar(NamedTuple):
    """A class of scalars: what they are in plain data, and the kind and value that a typed column keeps."""

    cls: type
    numpy_name: str  # of numpy's class of the same, "" if it has none
    to_plain: Callable[[Any], Any] | None  # None if plain data cannot hold it
    keep: Callable[[Any, str], tuple[str, Any]]


class JsonForm(NamedTuple):
    """How the cells of a kind stand in JSON."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


JSON_FORMS: Final = {
    "datetime": JsonForm(datetime.isoformat, datetime.fromisoformat),
    "timestamp": JsonForm(datetime.isoformat, datetime.fromisoformat),
    "date": JsonForm(date.isoformat, date.fromisoformat),
    "duration": JsonForm(lambda value: value // _MICROSECOND, lambda cell: int(cell) * _MICROSECOND),
    "decimal": JsonForm(str, Decimal),
    "binary": JsonForm(
        lambda value: base64.b64encode(value).decode(), lambda cell: base64.b64decode(cell, validate=True)
    ),
}


@lru_cache(maxsize=4096)
def typed_scalar(cls: Any) -> TypedScalar | None:
    """The entry of a class; None if its values have no type of their own in a column."""
    if is_class(cls, "pandas._libs.tslibs.nattype", "NaTType"):  # a datetime to Python, and to us nothing
        return None
    for entry in _TYPED:
        if issubclass(cls, entry.cls) or (entry.numpy_name and is_class(cls, "numpy", entry.numpy_name)):
            return entry
    return None


def _keep_time(value: Any, where: str) -> tuple[str, datetime | None]:
    moment, exact = value, not getattr(value, "nanosecond", 0)  # of a pandas Timestamp
    if not isinstance(value, datetime):
        moment, exact = _microseconds(value, "datetime64[us]")
        if moment is None:
            return "null", None
    elif type(value) is not datetime:
        moment = datetime.combine(value.date(), value.time(), value.tzinfo)
    if not exact or not isinstance(moment, datetime):
        hint = "Round it to microseconds, or keep the nanoseconds in a column of integers."
        expected = "a time in whole microseconds" if isinstance(moment, datetime) else "a time of the years 1 to 9999"
        raise InputError.of(where, expected, Verbatim(str(value)), hint, "nanoseconds")
    if moment.utcoffset() is None:
        return "datetime", moment if moment.tzinfo is None else moment.replace(tzinfo=None)
    try:
        return "timestamp", moment.astimezone(UTC)
    except OverflowError:
        hint = "Pass it without its zone, or as text."
        raise InputError.of(
            where, "a time of the years 1 to 9999 in UTC", Verbatim(str(value)), hint, "range"
        ) from None


def _keep_duration(value: Any, where: str) -> tuple[str, timedelta | None]:
    made, exact = value, not getattr(value, "nanoseconds", 0)  # of a pandas Timedelta
    if not isinstance(value, timedelta):
        made, exact = _microseconds(value, "timedelta64[us]")
        if made is None:
            return "null", None
    if not exact or not isinstance(made, timedelta):
        hint = "Round it to microseconds, or keep it in a column of numbers."
        raise InputError.of(where, "a duration in whole microseconds", Verbatim(str(value)), hint, "nanoseconds")
    plain = timedelta(made.days, made.seconds, made.microseconds)
    if not -(2**63) < plain // _MICROSECOND < 2**63:
        raise InputError.of(where, "microseconds of 64 bits", plain, "Keep it in a column of numbers.", "range")
    return "duration", plain


def _microseconds(value: Any, dtype: str) -> tuple[Any, bool]:
    """Numpy's time or duration as Python's (None if it is no time), and whether it is exactly that."""
    numpy: Any = sys.modules["numpy"]
    if numpy.isnat(value):
        return None, True
    if dtype == "timedelta64[us]" and numpy.datetime_data(value)[0] in ("Y", "M", "generic"):  # of no length
        return value, False
    made = value.astype(dtype)
    return made.item(), bool(made == value)


_TYPED: Final = (
    TypedScalar(datetime, "datetime64", lambda value: value.isoformat(), _keep_time),
    TypedScalar(date, "", lambda value: value.isoformat(), lambda value, where: ("date", value)),
    TypedScalar(timedelta, "timedelta64", timedelta.total_seconds, _keep_duration),
    TypedScalar(Decimal, "", str, lambda value, where: ("decimal", value)),
    *(
        TypedScalar(cls, "", None, lambda value, where: ("binary", bytes(value)))
        for cls in (bytes, bytearray, memoryview)
    ),
)

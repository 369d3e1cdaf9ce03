"""The kinds of table columns, and which Python values they hold.

null      only None                       datetime   time without zone, microseconds
integer   int of 64 bits                  timestamp  time with zone, microseconds, kept in UTC
number    float, perhaps with ints        date       day
boolean   bool                            duration   timedelta, microseconds
string    text                            decimal    Decimal, kept as its text
binary    bytes                           json       dicts, and lists of several things, kept as JSON text
mixed     values of several kinds: JSON text, or a media value, or a list of media values
<type>    a media value                   <type>_list, media_list   a list of media values, perhaps with None
integer_list, number_list, boolean_list, string_list, null_list     a list of such values, perhaps with None

Every kind holds None as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from ..._core import canonical
from ..._core.canonical import is_utf8_encodable
from ..._core.codec import encode
from ..._core.declaration import Json
from ..._core.deps import is_instance
from ..._core.errors import InputError, Problem, Verbatim, problem, show
from ..._core.sidecar import HashingSink
from ..._core.value import Value, is_media
from ..._core.wrapping import tag_of, wrap
from .cells import SCALAR_LISTS, is_media_list, tag

EXACT = 2**53  # whole numbers up to here are exact as doubles
_AS_THEY_ARE = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    bytes: "binary",
    date: "date",
    Decimal: "decimal",
}
_SCALARS: tuple[tuple[Any, str], ...] = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"))
Where = Callable[[int], str]


def common_kind(first: str, second: str, mixed: bool) -> str | None:
    """The kind that holds values of both kinds; None if there is none."""
    if first == second or second == "null" or (second == "null_list" and _is_list(first)):
        return first
    if first == "null" or (first == "null_list" and _is_list(second)):
        return second
    pair = {first, second}
    if pair == {"integer", "number"}:
        return "number"
    if pair == {"integer_list", "number_list"}:
        return "number_list"
    if all(map(is_media_list, pair)):
        return "media_list"
    if pair <= SCALAR_LISTS | {"json"}:
        return "json"
    return "mixed" if mixed or "mixed" in pair else None


def _is_list(kind: str) -> bool:
    return kind.endswith("_list") or kind in ("json", "mixed")


def convert(value: Any, old: str, new: str) -> Any:
    """A kept value of one kind as a kept value of a kind that includes it."""
    if value is None:
        return None
    if new == "number":
        return float(value)
    if new == "number_list":
        return [None if item is None else float(item) for item in value]
    if new == "json" and old != "json":
        return canonical.dumps(value)
    return tag(value, old) if new == "mixed" and old != "mixed" else value


def read_values(values: list[Any], kind: str, where: Where, mixed: bool) -> tuple[str, list[Any]]:
    """Check the values that a column of a kind gets, and answer its new kind and the values as they are kept.

    Args:
        values: of any type; the list is not changed.
        kind: what the column holds already; "null" if nothing.
        where: names the place of a value in messages.
        mixed: whether kinds may differ; the column is of kind "mixed" then.

    Raises:
        InputError: with every value that does not fit.
    """
    types = set(map(type, values))
    if not types <= _AS_THEY_ARE.keys():
        return _read_each(values, kind, where, mixed)
    joined: str | None = kind
    for type_ in types:
        joined = joined and common_kind(joined, _AS_THEY_ARE[type_], False)
    if joined is None or joined == "mixed" or (joined == "string" and not _are_texts(values)):
        return _read_each(values, kind, where, mixed)
    if int in types and not _are_exact(values, types, joined):
        return _read_each(values, kind, where, mixed)
    is_widened = joined == "number" and int in types
    return joined, [convert(value, "integer", joined) for value in values] if is_widened else list(values)


def _are_texts(values: list[Any]) -> bool:
    joined = "".join(filter(None, values))
    return joined.isascii() or is_utf8_encodable(joined)


def _are_exact(values: list[Any], types: set[type], kind: str) -> bool:
    whole = values if types == {int} else [value for value in values if type(value) is int]
    limit = EXACT if kind == "number" else 2**63 - 1
    return -limit - (kind == "integer") <= min(whole) and max(whole) <= limit


def _read_each(values: list[Any], kind: str, where: Where, mixed: bool) -> tuple[str, list[Any]]:
    """The general way: every value is looked at, and all problems are found."""
    problems: list[Problem] = []
    found: list[tuple[str, Any]] = []
    held, seen = kind, "the column"  # what the column holds, and since where
    for row, value in enumerate(values):
        try:
            one = _read(value, where(row))
        except InputError as error:
            problems += error.problems
            continue
        joined = common_kind(held, one[0], mixed)
        if joined is None:
            problems.append(_clash(where(row), held, seen, one[0], value))
            continue
        if joined != held:
            held, seen = joined, where(row)
        found.append(one)
    if held in ("number", "number_list"):
        problems += [
            problem(where(row), "an integer within 2**53 in a column of floats", value, "Pass text.", "range")
            for row, value in enumerate(values)
            for item in (value if isinstance(value, (list, tuple)) else [value])
            if isinstance(item, int) and not -EXACT <= item <= EXACT
        ]
    if problems:
        raise InputError(problems)
    return held, [convert(value, of, held) for of, value in found]


def _clash(where: str, held: str, seen: str, kind: str, value: Any) -> Problem:
    got = Verbatim(f"{kind} {show(value)}")
    hint = "Make the column one type, or pass allow_mixed_types=True."
    return problem(where, f"{held} as in {seen}", got, hint, "mixed")


def _read(value: Any, where: str) -> tuple[str, Any]:
    """Kind of a value, and the value as it is kept."""
    if type(value) is datetime:
        return _read_time(value, where)
    if type(value) in (list, tuple):
        return _read_list(value, where)
    value = _plain_scalar(value)
    if value is None:
        return "null", None
    for cls, kind in _SCALARS:
        if isinstance(value, cls):
            return kind, _checked(str.__str__(value) if cls is str else cls(value), where)
    if isinstance(value, (datetime, np.datetime64)):
        return _read_time(value, where)
    if isinstance(value, (timedelta, np.timedelta64)):
        return "duration", _read_duration(value, where)
    if isinstance(value, date):
        return "date", value
    if isinstance(value, Decimal):
        return "decimal", value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "binary", bytes(value)
    if is_media(value) or tag_of(value) is not None:
        return _read_media(wrap(value))
    if isinstance(value, Mapping):
        return "json", _read_json(value, where)
    if isinstance(value, (list, tuple)) or hasattr(value, "__array__"):
        plain = _make_plain(value)
        return _read_list(plain, where) if isinstance(plain, list) else ("json", _read_json(plain, where))
    raise InputError.of(where, "a value that a table can hold", value, _hint(value))


def _plain_scalar(value: Any) -> Any:
    """A scalar of numpy, torch or pandas as Python's; what means "missing" as None."""
    if is_instance(value, "pandas._libs.missing", "NAType") or is_instance(
        value, "pandas._libs.tslibs.nattype", "NaTType"
    ):
        return None
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return None if np.isnat(value) else value
    if isinstance(value, np.generic) or (hasattr(value, "__array__") and getattr(value, "shape", None) == ()):
        item = value.item()
        return float(item) if isinstance(item, np.floating) else item  # a long double is its own item
    return value


def _checked(value: Any, where: str) -> Any:
    if type(value) is int and not -(2**63) <= value < 2**63:
        raise InputError.of(where, "an integer of 64 bits", value, "Pass a Decimal or text.", "range")
    if type(value) is str and not is_utf8_encodable(value):
        raise InputError.of(where, "text that UTF-8 can hold", value, "Remove the lone surrogates.")
    return value


def _read_time(value: Any, where: str) -> tuple[str, datetime]:
    if isinstance(value, np.datetime64):
        made = value.astype("datetime64[us]")
        exact = bool(made == value)
        moment = made.item()
    else:
        exact = not getattr(value, "nanosecond", 0)  # of a pandas Timestamp
        moment = value if type(value) is datetime else datetime.combine(value.date(), value.time(), value.tzinfo)
    if not exact or not isinstance(moment, datetime):
        hint = "Round it to microseconds, or keep the nanoseconds in a column of integers."
        raise InputError.of(where, "a time in whole microseconds", Verbatim(str(value)), hint, "nanoseconds")
    if moment.utcoffset() is None:
        return "datetime", moment if moment.tzinfo is None else moment.replace(tzinfo=None)
    return "timestamp", moment.astimezone(UTC)


def _read_duration(value: Any, where: str) -> timedelta:
    made, exact = value, not getattr(value, "nanoseconds", 0)  # of a pandas Timedelta
    if isinstance(value, np.timedelta64):
        exact = np.datetime_data(value)[0] not in ("Y", "M", "generic")
        micro = value.astype("timedelta64[us]") if exact else value
        made, exact = micro.item(), exact and bool(micro == value)
    if not exact or not isinstance(made, timedelta):
        hint = "Round it to microseconds, or keep it in a column of numbers."
        raise InputError.of(where, "a duration in whole microseconds", Verbatim(str(value)), hint, "nanoseconds")
    plain = timedelta(made.days, made.seconds, made.microseconds)
    if not -(2**63) < plain // timedelta(microseconds=1) < 2**63:
        raise InputError.of(where, "microseconds of 64 bits", plain, "Keep it in a column of numbers.", "range")
    return plain


def _read_list(value: Any, where: str) -> tuple[str, Any]:
    """Kind of a list by what it holds, and the list as it is kept."""
    held = frozenset(map(type, value))
    types = held - {type(None)}
    if not types:
        return "null_list", list(value)
    if types <= {int, float}:
        low, high = (-EXACT, EXACT) if float in types else (-(2**63), 2**63 - 1)
        whole = [item for item in value if type(item) is int]
        if not whole or (low <= min(whole) and max(whole) <= high):
            return "number_list" if float in types else "integer_list", list(value)
    elif types == {bool}:
        return "boolean_list", list(value)
    elif types == {str} and _are_texts(value):
        return "string_list", list(value)
    elif any(map(_is_media_item, value)):
        return _read_media_list(value, where)
    plain = _make_plain(value)
    if frozenset(map(type, plain)) != held:  # it held scalars or arrays of other packages
        return _read_list(plain, where)
    return "json", _read_json(plain, where)


def _is_media_item(value: Any) -> bool:
    """Whether a value is an item of a list of media; an array in a list stays a list."""
    return is_media(value) or tag_of(value) not in (None, "tensor")


def _read_media_list(value: list[Any] | tuple[Any, ...], where: str) -> tuple[str, list[Any]]:
    made: list[Any] = []
    tags = set()
    for position, item in enumerate(value):
        if item is not None and not _is_media_item(item):
            hint = "Put media values into a list or column of their own."
            raise InputError.of(f"{where}[{position}]", "a media value like others of the list", item, hint, "mixed")
        tag, kept = (None, None) if item is None else _read_media(wrap(item))
        tags |= {tag} - {None}
        made.append(kept)
    return f"{tags.pop() if len(tags) == 1 else 'media'}_list", made


def _read_media(value: Any) -> tuple[str, Any]:
    tag = value.declaration.type if isinstance(value, Value) else encode(value, HashingSink())["_type"]
    return tag, value.snapshot() if hasattr(value, "snapshot") else value  # a table may grow later


def _read_json(value: Any, where: str) -> str:
    plain = _make_plain(value)
    if problems := tuple(Json().check(plain, where)):
        raise InputError(problems)
    return canonical.dumps(plain)


def _make_plain(value: Any, depth: int = 70) -> Any:
    """Lists, dicts, arrays and their scalars as plain data; what has no plain form stays, and is refused later."""
    if depth and isinstance(value, Mapping):
        return {key: _make_plain(item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, (list, tuple)):
        return [_make_plain(item, depth - 1) for item in value]
    if hasattr(value, "__array__") and hasattr(value, "tolist"):
        return _make_plain(value.tolist(), depth)
    return value


def _hint(value: Any) -> str:
    if isinstance(value, (set, frozenset)):
        return "Use sorted(...): a set has no order."
    if isinstance(value, complex):
        return "Use two columns, .real and .imag."
    if isinstance(value, time):
        return "Use a datetime, text, or a timedelta since midnight."
    return "Convert it, or give its class a __media__(sink) method."

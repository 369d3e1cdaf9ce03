"""The kinds of table columns, and which Python values they hold.

null      only None                       datetime   time without zone, microseconds
integer   int of 64 bits                  timestamp  time with zone, microseconds, kept in UTC
number    float, perhaps with ints        date       day
boolean   bool                            duration   timedelta, microseconds
string    text                            decimal    Decimal, kept as its text
binary    bytes                           json       dicts, and lists of several things, kept as JSON text
mixed     values of several kinds: JSON text, or a media value, or a list of media values
<type>    a media value                   media_list   a list of media values, perhaps with None
integer_list, number_list, boolean_list, string_list, null_list     a list of such values, perhaps with None

Every kind holds None as well.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from ..._core import canonical
from ..._core.canonical import is_utf8_encodable
from ..._core.codec import encode
from ..._core.errors import InputError, Problem, Verbatim, problem, show
from ..._core.sidecar import HashingSink
from ..._core.value import Value
from ..._core.wrapping import GivenDocument, array_shape, is_array
from ...columns.classify import EXACT, MEDIA, MEDIA_LIST, classify
from ...columns.simplify import array_elements, located
from .storage import SCALAR_LISTS, tag

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
    """Check values for a column of a kind ("null" if it is empty); returns its new kind, and values as they are kept.

    `where` names the place of a value in messages; with `mixed` kinds may differ. Raises InputError with all values
    that do not fit.
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
    read: list[tuple[str, Any]] = []
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
        read.append(one)
    if held in ("number", "number_list"):
        problems += [
            problem(where(row), "an integer within 2**53 in a column of floats", value, "Pass text.", "range")
            for row, value in enumerate(values)
            for item in (value if isinstance(value, (list, tuple)) else [value])
            if isinstance(item, int) and not -EXACT <= item <= EXACT
        ]
    if problems:
        if any(map(_is_list_of_one, values)):
            listed = [[array_elements(value, "")] if _is_list_of_one(value) else value for value in values]
            return _read_each(listed, kind, where, mixed)
        raise InputError(problems)
    return held, [convert(value, of, held) for of, value in read]


def _is_list_of_one(value: Any) -> bool:
    """Whether a value is an array of one axis and element: a scalar, but a list in a column of lists."""
    return type(value) not in _AS_THEY_ARE and is_array(value) and array_shape(value) == (1,)


def _clash(where: str, held: str, seen: str, kind: str, value: Any) -> Problem:
    got = Verbatim(f"{kind} {show(value)}")
    hint = "Make the column one type, or pass allow_mixed_types=True."
    return problem(where, f"{held} as in {seen}", got, hint, "mixed")


def _read(value: Any, where: str) -> tuple[str, Any]:
    """Kind of a value, and the value as it is kept."""
    try:
        kind, kept = classify(value, where, typed=True)
    except InputError as error:
        raise InputError(located(error.problems, where)) from None
    if kind == "json":
        return kind, canonical.dumps(kept)
    if kind == MEDIA:
        return _read_media(kept, where)
    if kind == MEDIA_LIST:
        return kind, [None if v is None else _read_media(v, f"{where}[{i}]")[1] for i, v in enumerate(kept)]
    return kind, kept


def _read_media(value: Any, where: str) -> tuple[str, Any]:
    if isinstance(value, GivenDocument):
        raise InputError.of(where, "a media value", value.document, "Decode it: mt.decode(document, store).")
    tag = value._declaration.type if isinstance(value, Value) else encode(value, HashingSink())["_type"]
    snapshot = getattr(value, "snapshot", None)  # a table may grow later
    return tag, snapshot() if snapshot else value

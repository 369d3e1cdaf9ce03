"""The one classifier: the kind of any value, and the value as that kind keeps it.

Runs, configs, summaries and tables all ask it; what each of them makes of a kind stands with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, Final

from .._core.canonical import is_utf8_encodable
from .._core.errors import InputError, Problem, problem, raise_all
from .._core.value import is_media
from .._core.wrapping import tag_of, wrap
from .plain_data import make_plain, not_utf8, refused, too_large
from .simplify import SCALARS, simplified
from .typed_scalars import typed_scalar

EXACT: Final = 2**53  # whole numbers up to here are exact as doubles
MEDIA, MEDIA_LIST = "media", "media_list"  # kinds of values that are not encoded yet
ONE_KIND: Final[Mapping[type, str]] = {float: "number", bool: "boolean", NoneType: "null"}  # of all values of a class
_CELL_BITS: Final = 1024  # of integers inside of a cell of JSON in a table, as in a config


def classify(value: Any, where: str, *, typed: bool = False) -> tuple[str, Any]:
    """The kind of a value, and the value as it is kept; raises InputError for a value that has no kind.

    Args:
        value: anything.
        where: names it in messages.
        typed: as a column of a table holds it: times, durations, decimals and bytes stay what they are, and None may
            stand among media.

    Returns:
        "null", "boolean", "number" (a float), "integer" (of 64 bits), "string"; with `typed` a kind of `typed_scalars`;
        "number_list" (floats, and integers within 2**53), "integer_list", "boolean_list", "string_list", "null_list",
        of items that may be None; "json", lists and dicts of plain data; "media" or "media_list", media values.
    """
    cls: Any = type(value)
    if cls not in SCALARS and not (typed and typed_scalar(cls)):
        value = simplified(value, where, typed=typed)
        cls = type(value)
    kind = ONE_KIND.get(cls)
    if kind is not None:
        return kind, value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise InputError(too_large(value, where))
        return "integer", value
    if isinstance(value, str):
        if not value.isascii() and not is_utf8_encodable(value):
            raise InputError(not_utf8(value, where))
        return "string", value
    if isinstance(value, (list, tuple)):
        return _classify_list(value, where, typed)
    if typed and (scalar := typed_scalar(cls)):
        return scalar.keep(value, where)
    wrapped = wrap(value)
    if is_media(wrapped):
        return MEDIA, wrapped
    if isinstance(value, Mapping):
        return "json", _plain(value, where, typed)
    raise refused(value, where)


def kind_of_list(plain: Sequence[Any]) -> str:
    """The kind of a list of plain data."""
    kinds = set(map(type, plain)) - {NoneType}
    if len(kinds) < 2 and int not in kinds:
        return _LISTS.get(kinds.pop(), "json") if kinds else "null_list"
    if not kinds <= {int, float}:
        return "json"
    whole = [item for item in plain if type(item) is int]
    limit = EXACT if float in kinds else 2**63 - 1
    if not -limit - (float not in kinds) <= min(whole) <= max(whole) <= limit:
        return "json"
    return "number_list" if float in kinds else "integer_list"


_NUMBERS: Final = frozenset((float, int, bool, NoneType))
_LISTS: Final[Mapping[type, str]] = {float: "number_list", bool: "boolean_list", str: "string_list"}


def has_media(value: Any) -> bool:
    """Whether encoding this value places sidecars."""
    if isinstance(value, (list, tuple)):
        return any(map(is_media_item, value))
    return is_media(value) or tag_of(value) is not None


def is_media_item(value: Any) -> bool:
    """Whether a value is an item of a list of media; an array in a list stays a list."""
    if type(value) in SCALARS:
        return False
    return is_media(value) or tag_of(value) not in (None, "tensor")


def _classify_list(values: Sequence[Any], where: str, typed: bool) -> tuple[str, Any]:
    kinds = set(map(type, values))
    if kinds <= _NUMBERS and (kind := kind_of_list(values)) != "json":
        return kind, list(values)
    if not kinds <= SCALARS:
        fits = [is_media_item(value) or (typed and value is None) for value in values]
        if all(fits):
            return MEDIA_LIST, [None if value is None else wrap(value) for value in values]
        if problems := _misplaced(values, fits, where):
            raise InputError(problems)
    plain = _plain(values, where, typed)
    return kind_of_list(plain), plain


def _plain(value: Any, where: str, typed: bool) -> Any:
    problems: list[Problem] = []
    plain = make_plain(value, where, problems, _CELL_BITS if typed else 64)
    raise_all(problems)
    return plain


def _misplaced(values: Sequence[Any], fits: list[bool], where: str) -> list[Problem]:
    """What cannot stand in a list of plain data: a media value beside others, and an array that is a Tensor alone."""
    if any(map(is_media_item, values)):
        hint = "Leave it out, or log it under its own key."
        rest = [i for i, is_item in enumerate(fits) if not is_item]
        expected = "only media values in a list of media"
        return [problem(f"{where}[{i}]", expected, values[i], hint, "mixed") for i in rest[:100]]
    hint = "Wrap each: [mt.Image(a) for a in arrays], or mt.Tensor(a)."
    expected = "a number, text or media value in a list"
    return [
        problem(f"{where}[{i}]", expected, value, hint, "array")
        for i, value in enumerate(values)
        if tag_of(value) == "tensor"
    ][:100]

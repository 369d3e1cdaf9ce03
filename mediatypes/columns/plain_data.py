"""Plain data: numbers, texts, bools, None, and lists and dicts of these; and what is said of everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Final

from .._core.canonical import MAX_DEPTH, is_utf8_encodable
from .._core.errors import InputError, Problem, Verbatim, problem, show
from .._core.value import is_media
from .._core.wrapping import DOCUMENT, DOCUMENT_HINT, MAX_LIST, array_shape, is_array, tag_of
from .simplify import MAX_ITEMS, SCALARS, array_elements, key_text, named, read_items, simplified

BAD: Final = object()  # in place of a value that is no plain data
LOGGED: Final = "a number, text, bool, None, a media value or a list of these"
_PLAIN: Final = "a number, text, bool, None, or a list or dict of these"
_MOST_PROBLEMS: Final = 100  # of one value; nobody reads more


def make_plain(value: Any, where: str, problems: list[Problem], bits: int = 64) -> Any:
    """Plain JSON data. What is none becomes problems: a dict is made without it, a list that holds it is `BAD`.

    `bits` says which integers are accepted: signed, of so many bits.
    """
    reader = _Reader(problems, bits)
    try:
        return reader.read(value, where, MAX_DEPTH)
    except _TooManyItems:
        hint = "Log it in parts, or as a media value such as Tensor or Table."
        return reader.refuse(Problem(where, f"expected at most {MAX_ITEMS} items, got more", "many", hint))


class _TooManyItems(Exception):
    """The value is left as it is, whatever else it holds."""


class _Reader:
    """Walks one value."""

    def __init__(self, problems: list[Problem], bits: int) -> None:
        self.problems, self.bits, self.limit = problems, bits, 1 << (bits - 1)
        self.most = len(problems) + _MOST_PROBLEMS
        self.left = MAX_ITEMS

    def read(self, value: Any, where: str, depth: int) -> Any:
        if type(value) not in SCALARS:
            try:
                value = self.expanded(value, where)
            except InputError as error:
                return self.refuse(*error.problems)
        if value is None or isinstance(value, (float, bool)):
            return value
        if isinstance(value, int):
            return value if -self.limit <= value < self.limit else self.refuse(too_large(value, where, self.bits))
        if isinstance(value, str):
            return value if value.isascii() or is_utf8_encodable(value) else self.refuse(not_utf8(value, where))
        if not depth:
            return self.refuse(too_deep(where, f"data nested at most {MAX_DEPTH} deep"))
        self.left -= len(value)
        if self.left < 0:
            raise _TooManyItems
        if isinstance(value, Mapping):
            return self.read_dict(value, where, depth)
        return self.read_list(value, where, depth)

    def expanded(self, value: Any, where: str) -> Any:
        """A scalar, list or mapping; anything else is refused."""
        value = simplified(value, where)
        if is_array(value):
            if prod(array_shape(value) or ()) > MAX_LIST:
                hint = "Log it as a Tensor under its own key, or pass value.tolist()."
                raise InputError.of(where, f"an array of at most {MAX_LIST} values here", value, hint, "array")
            value = array_elements(value, where)
        tag = None if type(value) in SCALARS else tag_of(value)
        if tag == DOCUMENT:
            raise InputError.of(where, "plain data", value, DOCUMENT_HINT, "document")
        if is_media(value) or tag is not None:
            raise InputError.of(where, "plain data", value, "Log a media value under its own key.")
        if type(value) in SCALARS or isinstance(value, (Mapping, list, tuple)):
            return value
        raise refused(value, where, _PLAIN)

    def read_dict(self, value: Mapping[Any, Any], where: str, depth: int) -> Any:
        plain: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, item in named_items(value, where, problems):
            read = self.read(item, f'{where}["{name}"]', depth - 1)
            if read is not BAD:
                plain[name] = read
        self.refuse(*problems)
        return plain

    def read_list(self, value: Sequence[Any], where: str, depth: int) -> Any:
        kinds = set(map(type, value))
        if kinds <= SCALARS and self.are_good(value, kinds):
            return list(value)
        plain = [self.read(item, f"{where}[{i}]", depth - 1) for i, item in enumerate(value)]
        return BAD if any(item is BAD for item in plain) else plain

    def are_good(self, values: Sequence[Any], kinds: set[type]) -> bool:
        """Whether no scalar is refused; of many this is known faster than of each."""
        if int in kinds and not all(-self.limit <= v < self.limit for v in values if type(v) is int):
            return False
        return str not in kinds or all(v.isascii() or is_utf8_encodable(v) for v in values if type(v) is str)

    def refuse(self, *problems: Problem) -> Any:
        self.problems += problems[: max(self.most - len(self.problems), 0)]
        return BAD


def named_items(value: Mapping[Any, Any], where: str, problems: list[Problem]) -> list[tuple[str, Any]]:
    """The items of a mapping, their keys as text; keys that are none become problems, and so do two of one text."""
    try:
        items = read_items(value, where)
    except InputError as error:
        problems += error.problems
        return []
    if set(map(type, names := [key for key, _ in items])) <= {str} and "".join(names).isascii():  # as nearly always
        return items
    by_name: dict[str, tuple[Any, Any]] = {}  # the key as it was, and the item
    for key, item in items:
        name = key_text(key)
        if name is None:
            problems.append(problem(where, "keys that are text", key, "Use str(key).", "key"))
        elif not is_utf8_encodable(name):
            problems.append(problem(where, "keys that UTF-8 can hold", key, "Remove the lone surrogates.", "key"))
        elif name in by_name:
            twins = Verbatim(f"{show(by_name[name][0])} and {show(key)}")
            problems.append(problem(where, "keys that differ as text", twins, "Rename one of them.", "key"))
        else:
            by_name[name] = key, item
    return [(name, item) for name, (_, item) in by_name.items()]


def too_large(value: int, where: str, bits: int = 64) -> Problem:
    hint = "Pass it as text or as a float." if bits == 64 else "Pass it as text."
    return problem(where, f"an integer of {bits} bits", value, hint, "range")


def not_utf8(value: str, where: str) -> Problem:
    return problem(where, "text that UTF-8 can hold", value, "Remove the lone surrogates.")


def too_deep(where: str, expected: str) -> Problem:
    return Problem(where, f"expected {expected}, got more", "depth", "Flatten it.")


def refused(value: Any, where: str, expected: str = LOGGED) -> InputError:
    """The error of a value that has no plain form."""
    return InputError.of(where, expected, named(value), _hint(value, expected))


# Messages --------------------------------------------------------------------------------------------------------


def _hint(value: Any, expected: str) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "Decode it to text, or wrap it in a media value such as Image(data)."
    if isinstance(value, complex):
        return "Pass .real and .imag."
    if isinstance(value, Mapping):
        return "Pass its items."
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return "Pass its name, or what it returns when called."
    if hasattr(value, "__next__"):
        return "Use list(value): it can be read only once."
    return "Convert it, or give its class a __media__(sink) method." if expected == LOGGED else "Convert it."

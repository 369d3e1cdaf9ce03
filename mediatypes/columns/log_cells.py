"""The cells of a call to `log`, or of a change to the summary: key, kind and plain JSON data of each value.

number      int within 2**53, float         null         None
integer     int beyond that                 number_list  list of numbers, perhaps with None
boolean     bool                            string_list  list of texts, perhaps with None
string      text                            json         other lists, empty dicts
<type>      a media document                media_list   a list of documents, of one type or of several
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from inspect import signature
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from .._core import canonical
from .._core.canonical import MAX_DEPTH
from .._core.errors import InputError, Problem, describe, problem
from .._core.registry import is_tag
from .._core.value import MediaValue, is_media
from .._core.wrapping import is_mapping, tag_of
from .classify import EXACT, MEDIA, MEDIA_LIST, ONE_KIND, classify, has_media
from .plain_data import named_items, too_deep
from .simplify import SCALARS, located, simplify

Cell = tuple[str, Any]  # kind, plain value
Named = tuple[str, str, Any]  # key, kind, plain value
Path = tuple[str, ...]  # the nested keys that were joined to make a key
Leaf = tuple[str, Any, Path]  # key, value, and how the key was nested
Encoder = Callable[[MediaValue], dict[str, Any]]

_FUNCTIONS = (FunctionType, MethodType, BuiltinFunctionType, partial)
PLAIN_KINDS = ("number", "integer", "boolean", "string", "number_list", "string_list", "json", "null")
EMPTY_LIST: Cell = ("json", "[]")  # which the rows put into the column of the key's other lists
RESERVED = ("_step", "_runtime", "_timestamp", "_rank")


def read_cells(
    data: Mapping[Any, Any],
    where: str,
    encode: Encoder,
    problems: list[Problem],
    *,
    keep_good: bool = False,
    paths: Mapping[str, Path] | None = None,
    stamped: bool = False,
) -> tuple[list[Named], dict[str, Path]]:
    """The cells of nested data, and how their joined keys were nested.

    Args:
        data: keys to values.
        where: names it in problems.
        encode: places the sidecars of a media value. What a foreign one raises gets a note that names the key.
        problems: gets everything that is wrong.
        keep_good: log the good cells when others are bad. Otherwise no sidecar is placed once something is bad.
        paths: how keys were nested before; a key that is nested otherwise is bad.
        stamped: whether a number called `_timestamp` is taken, as the time of the call.
    """
    joined: dict[str, Path] = {}
    cells: list[Named] = []
    media: list[Leaf] = []  # last: whether other keys are bad is known before a sidecar is placed
    for leaf in flatten(data, where, problems, stamped=stamped):
        key, value, path = leaf
        if "." in key:
            before = (paths or {}).get(key, path)
            if before != path or joined.setdefault(key, path) != path:
                message = "expected one way to write this key, got it both literally and nested in a dict"
                problems.append(Problem(f'{where}["{key}"]', message, "key", "Rename one of them."))
                continue
        kind = ONE_KIND.get(type(value))
        if kind is not None:
            cells.append((key, kind, value))
        elif type(value) is int and -EXACT <= value <= EXACT:
            cells.append((key, "number", value))
        elif type(value) not in SCALARS and (_is_made_when_logged(value) or has_media(value)):
            media.append(leaf)
        else:
            _read_cell(cells, key, value, where, encode, problems, keep_good)
    for key, value, _ in media:
        if keep_good or not problems:
            _read_cell(cells, key, value, where, encode, problems, keep_good)
    return cells, joined


def _read_cell(
    cells: list[Named], key: str, value: Any, where: str, encode: Encoder, problems: list[Problem], keep_good: bool
) -> None:
    place = f'{where}["{key}"]'
    try:
        made = value() if _is_made_when_logged(value) else value
        cells.append((key, *make_cell(made, place, encode)))
    except Exception as error:  # a tracker's own media class may raise anything
        if not (keep_good or isinstance(error, InputError)):
            error.add_note(f"While logging {place}.")
            raise
        problems += located(describe(error), place)


def _is_made_when_logged(value: Any) -> bool:
    """Whether a value is a function without arguments, which is called for what is logged."""
    if not isinstance(value, _FUNCTIONS):
        return False
    try:
        signature(value).bind()
    except (TypeError, ValueError):  # it needs some, or nobody knows
        return False
    return True


def flatten(
    data: Mapping[Any, Any], where: str, problems: list[Problem], path: Path = (), *, stamped: bool = False
) -> Iterator[Leaf]:
    """The leaves of nested dicts, their keys joined with "."; bad keys become problems."""
    if len(path) >= MAX_DEPTH:
        problems.append(too_deep(where, f"dicts nested at most {MAX_DEPTH} deep"))
        return
    for key, value in named_items(data, where, problems):
        if not key:
            problems.append(problem(where, "keys that are not empty", key, "Name the value.", "key"))
            continue
        if not path and key[0] == "_" and not _is_own(key, value, where, problems, stamped):
            continue
        if type(value) not in SCALARS:
            try:
                value = simplify(value)
            except Exception:  # make_cell will say what is wrong, as it does for values in lists
                pass
            cls: Any = type(value)
            if is_mapping(cls) and value and not is_media(value) and tag_of(value) is None:
                yield from flatten(value, f'{where}["{key}"]', problems, (*path, key))
                continue
        here = (*path, key)
        yield ".".join(here) if path else key, value, here


def _is_own(key: str, value: Any, where: str, problems: list[Problem], stamped: bool) -> bool:
    """Whether a key is free to use, or a valid time stamp."""
    if key not in RESERVED:
        return True
    place = f'{where}["{key}"]'
    if not stamped:
        problems.append(problem(place, "a key of your own", key, "Every row and summary has it.", "key"))
    elif key != "_timestamp":
        problems.append(problem(place, "a key of your own", key, "Use log(..., step=).", "key"))
    elif type(value) in (int, float) and abs(value) < EXACT:  # not NaN either
        return True
    else:
        hint = "Use datetime.timestamp(), or leave it out."
        problems.append(problem(place, "finite seconds since 1970", value, hint, "key"))
    return False


def number_kind(value: float) -> str:
    """The kind of a number: whole ones that a double cannot hold are a kind of their own."""
    return "integer" if type(value) is int and abs(value) > EXACT else "number"


def fits(kind: Any, value: Any) -> bool:
    """Whether plain data is what a cell of this kind holds; a journal may be damaged, or made by others."""
    if kind in _CHECKS:
        return _CHECKS[kind](value)
    return _is_document(value) and value["_type"] == kind


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and -EXACT <= value <= EXACT)


def _is_document(value: Any) -> bool:
    return isinstance(value, dict) and is_tag(value.get("_type"))


def _is_json(value: Any) -> bool:
    try:
        return isinstance(value, str) and canonical.loads_encodable(value, MAX_DEPTH) is not Ellipsis
    except ValueError:
        return False


def _is_list_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(item is None or check(item) for item in value)


_CHECKS: dict[Any, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: type(value) is int and -(2**63) <= value < 2**63,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "number_list": _is_list_of(_is_number),
    "string_list": _is_list_of(lambda value: isinstance(value, str)),
    "json": _is_json,
    "media_list": lambda value: isinstance(value, list) and bool(value) and all(map(_is_document, value)),
}


@lru_cache(maxsize=4096)
def scalar_code(kind: Any) -> str | None:
    """The journal's code for a class of numbers that pack exactly (Python's, numpy's); None for others."""
    code = {float: "d", int: "q", bool: "?"}.get(kind)
    numpy = sys.modules.get("numpy")
    if code is None and numpy is not None and issubclass(kind, numpy.generic):
        if issubclass(kind, (numpy.float64, numpy.float32, numpy.float16)):
            return "d"
        if issubclass(kind, numpy.integer):
            return None if issubclass(kind, numpy.timedelta64) else "q"  # its number is of any unit
        return "?" if issubclass(kind, numpy.bool_) else None
    return code


def make_cell(value: Any, where: str, encode: Encoder) -> Cell:
    """Kind and plain data of a value, media encoded by `encode`; raises InputError for what cannot be logged."""
    kind, plain = classify(value, where)
    if kind == MEDIA:
        document = encode(plain)
        return document["_type"], document
    if kind == MEDIA_LIST:
        return kind, [encode(item) for item in plain]
    if kind in PLAIN_KINDS and kind != "json":
        return (number_kind(plain) if kind == "integer" else kind), plain
    if kind == "null_list" and not plain:
        return EMPTY_LIST
    if kind == "null_list" or (kind == "integer_list" and all(v is None or -EXACT <= v <= EXACT for v in plain)):
        return "number_list", plain
    return "json", canonical.dumps(plain)


def plain_value(kind: str, value: Any) -> Any:
    """What a cell's plain data stands for: JSON text is parsed, everything else is itself."""
    return canonical.loads(value, MAX_DEPTH) if kind == "json" else value


def no_media(value: MediaValue) -> dict[str, Any]:
    """An encoder for places that hold none."""
    raise InputError.of("", "plain data", value, "Log media while the run is written.")

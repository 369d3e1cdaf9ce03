"""What a logged value becomes: a kind, and plain JSON data.

number      int within 2**53, float         null         None
integer     int beyond that                 number_list  list of numbers, perhaps with None
boolean     bool                            string_list  list of texts, perhaps with None
string      text                            json         other lists, empty dicts
<type>      a media document                <type>_list  a list of documents of one type; media_list of several
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._core import canonical
from .._core.canonical import is_unicode
from .._core.errors import InputError, Problem, problem
from .._core.value import MediaValue, is_media

Cell = tuple[str, Any]  # kind, plain value
Leaf = tuple[str, Any, bool]  # key, value, whether it stood in a nested dict
Encoder = Callable[[MediaValue], dict[str, Any]]

EXACT = 2**53  # whole numbers up to here are exact as doubles
MAX_LIST = 256  # an array up to this length is a list
RESERVED = ("_step", "_runtime")


def flatten(data: Mapping[Any, Any], where: str, problems: list[Problem], prefix: str = "") -> list[Leaf]:
    """The leaves of nested dicts as (key joined with ".", value, whether it was nested); bad keys become problems."""
    leaves: list[Leaf] = []
    for key, value in data.items():
        if not isinstance(key, str) or not key:
            problems.append(problem(where, "keys that are text and not empty", key, "Use str(key).", "key"))
        elif not prefix and (key in RESERVED or (key == "_timestamp" and type(value) not in (int, float))):
            problems.append(problem(f'{where}["{key}"]', "a key of your own", key, "Use log(..., step=).", "key"))
        elif not key.isascii() and not is_unicode(key):
            problems.append(problem(where, "keys that UTF-8 can hold", key, "Remove the lone surrogates.", "key"))
        elif isinstance(value, Mapping) and value:
            leaves += flatten(value, f'{where}["{key}"]', problems, f"{prefix}{key}.")
        else:
            leaves.append((f"{prefix}{key}", value, bool(prefix)))
    return leaves


def has_media(value: Any) -> bool:
    """Whether encoding this value places sidecars."""
    return is_media(value) or (isinstance(value, (list, tuple)) and any(map(is_media, value)))


def located(problems: Iterable[Problem], where: str) -> list[Problem]:
    """Problems that name the key they belong to."""
    return [
        p if p.path.startswith(where) else p._replace(path=": ".join(filter(None, (where, p.path)))) for p in problems
    ]


def make_plain(value: Any, where: str) -> Any:
    """Plain JSON data: numbers, texts, bools, None, lists, and dicts with text keys. Raises InputError."""
    if isinstance(value, Mapping):
        if bad := [key for key in value if not isinstance(key, str)]:
            raise InputError.of(where, "keys that are text", bad[0], "Use str(key).", "key")
        return {_text(key, where): make_plain(item, f'{where}["{key}"]') for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [make_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if is_media(value):
        raise InputError.of(where, "plain data", value, "Log a media value under its own key.")
    if hasattr(value, "__array__") and hasattr(value, "tolist"):
        return make_plain(value.tolist(), where)
    return make_cell(value, where, _no_media)[1]


def scalar_code(kind: type) -> str | None:
    """The journal's code for a class of numbers that pack exactly (Python's, numpy's); None for others."""
    code = {float: "d", int: "q", bool: "?"}.get(kind)
    numpy = sys.modules.get("numpy")
    if code is None and numpy is not None and issubclass(kind, numpy.generic):
        if issubclass(kind, (numpy.float64, numpy.float32, numpy.float16)):
            return "d"
        return "q" if issubclass(kind, numpy.integer) else "?" if issubclass(kind, numpy.bool) else None
    return code


def make_cell(value: Any, where: str, encode: Encoder) -> Cell:
    """Kind and plain data of a value; media are encoded by `encode`.

    Raises:
        InputError: the value cannot be logged; the message says what to do instead.
    """
    if value is None:
        return "null", None
    if isinstance(value, bool):
        return "boolean", bool(value)
    if isinstance(value, int):
        return _integer(int(value), where)
    if isinstance(value, float):
        return "number", float(value)
    if isinstance(value, str):
        return "string", _text(value, where)
    if isinstance(value, (list, tuple)):
        return _list(value, where, encode)
    if isinstance(value, Mapping):
        return "json", "{}"  # flatten() leaves only empty ones
    if is_media(value):
        document = encode(value)
        return document["_type"], document
    if hasattr(value, "__array__"):
        return _array(value, where, encode)
    raise InputError.of(where, "a number, text, bool, None, a media value or a list of these", value, _hint(value))


def _integer(value: int, where: str) -> Cell:
    if not -(2**63) <= value < 2**63:
        raise InputError.of(where, "an integer of 64 bits", value, "Log it as text or as a float.", "range")
    return ("number" if -EXACT <= value <= EXACT else "integer"), value


def _text(value: str, where: str) -> str:
    if not value.isascii() and not is_unicode(value):
        raise InputError.of(where, "text that UTF-8 can hold", value, "Remove the lone surrogates.")
    return str(value)


def _array(value: Any, where: str, encode: Encoder) -> Cell:
    """A numpy or torch scalar, or a short one-dimensional array."""
    shape = tuple(getattr(value, "shape", ()))
    if shape == ():
        return make_cell(value.item(), where, encode) if hasattr(value, "item") else _unknown(value, where)
    if len(shape) == 1 and shape[0] <= MAX_LIST and hasattr(value, "tolist"):
        return _list(value.tolist(), where, encode)
    hint = "Log mt.Histogram(array) or mt.Image(array), or .tolist() for a list."
    raise InputError.of(where, f"an array with one dimension and at most {MAX_LIST} values", value, hint, "array")


def _list(values: list[Any] | tuple[Any, ...], where: str, encode: Encoder) -> Cell:
    if values and all(is_media(value) for value in values):
        documents = [encode(value) for value in values]
        tags = {document["_type"] for document in documents}
        return f"{tags.pop() if len(tags) == 1 else 'media'}_list", documents
    plain = [make_plain(value, f"{where}[{i}]") for i, value in enumerate(values)]
    kinds = {type(value) for value in plain} - {type(None)}
    if kinds <= {int, float} and all(type(v) is not int or -EXACT <= v <= EXACT for v in plain):
        return "number_list", plain
    if kinds == {str}:
        return "string_list", plain
    return "json", canonical.dumps(plain)


def _no_media(value: MediaValue) -> dict[str, Any]:
    raise InputError.of("log", "no media value here", value, "Log it under its own key.")


def _unknown(value: Any, where: str) -> Cell:
    raise InputError([problem(where, "a value that can be logged", value, _hint(value))])


def _hint(value: Any) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "Decode it to text, or wrap it in a media value such as Image(data)."
    if isinstance(value, complex):
        return "Log .real and .imag."
    module = type(value).__module__.partition(".")[0]
    if module in ("PIL", "matplotlib"):
        return "Wrap it: mt.Image(value)."
    return "Convert it, or give its class a __media__(sink) method."

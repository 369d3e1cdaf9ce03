"""What a logged value becomes: a kind, and plain JSON data.

number      int within 2**53, float         null         None
integer     int beyond that                 number_list  list of numbers, perhaps with None
boolean     bool                            string_list  list of texts, perhaps with None
string      text                            json         other lists, empty dicts
<type>      a media document                <type>_list  a list of documents of one type; media_list of several
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from typing import Any

from .._core import canonical
from .._core.canonical import is_unicode
from .._core.errors import InputError, Problem, problem
from .._core.value import MediaValue, is_media
from .._core.wrapping import tag_of, wrap

Cell = tuple[str, Any]  # kind, plain value
KeyCell = tuple[str, str, Any]  # key, kind, plain value
Leaf = tuple[str, Any, tuple[str, ...]]  # key, value, and the nested keys that were joined to make the key
Encoder = Callable[[MediaValue], dict[str, Any]]

PLAIN_KINDS = ("number", "integer", "boolean", "string", "number_list", "string_list", "json", "null")
EXACT = 2**53  # whole numbers up to here are exact as doubles
MAX_DEPTH = 200  # of nested dicts and lists
_MANY = {"image": 50, "audio": 100}  # in a step, the guidance of the W&B docs
RESERVED = ("_step", "_runtime")


def flatten(data: Mapping[Any, Any], where: str, problems: list[Problem], path: tuple[str, ...] = ()) -> list[Leaf]:
    """The leaves of nested dicts, their keys joined with "."; bad keys become problems."""
    leaves: list[Leaf] = []
    if len(path) >= MAX_DEPTH:
        problems.append(
            Problem(where, f"expected dicts nested at most {MAX_DEPTH} deep, got more", "depth", "Flatten it.")
        )
        return leaves
    for name, value in data.items():
        if not isinstance(name, str) or not name:
            problems.append(problem(where, "keys that are text and not empty", name, "Use str(key).", "key"))
            continue
        key = str.__str__(name)  # of an Enum of texts the text
        if not path and (key in RESERVED or (key == "_timestamp" and type(value) not in (int, float))):
            problems.append(problem(f'{where}["{key}"]', "a key of your own", key, "Use log(..., step=).", "key"))
        elif not key.isascii() and not is_unicode(key):
            problems.append(problem(where, "keys that UTF-8 can hold", key, "Remove the lone surrogates.", "key"))
        elif isinstance(value, Mapping) and value:
            leaves += flatten(value, f'{where}["{key}"]', problems, (*path, key))
        else:
            leaves.append((".".join((*path, key)), value, (*path, key)))
    return leaves


def has_media(value: Any) -> bool:
    """Whether encoding this value places sidecars."""
    if type(value) in (float, int, str):  # nearly all; recognising what is wrapped takes microseconds
        return False
    if isinstance(value, (list, tuple)):
        return any(map(_is_item, value))
    return is_media(value) or tag_of(value) is not None


def _is_item(value: Any) -> bool:
    """Whether a value is an item of a list of media; an array in a list stays a list."""
    return is_media(value) or tag_of(value) not in (None, "tensor")


def located(problems: Iterable[Problem], where: str) -> list[Problem]:
    """Problems that name the key they belong to."""
    return [
        p if p.path.startswith(where) else p._replace(path=": ".join(filter(None, (where, p.path)))) for p in problems
    ]


def make_plain(value: Any, where: str, depth: int = MAX_DEPTH) -> Any:
    """Plain JSON data: numbers, texts, bools, None, lists, and dicts with text keys. Raises InputError."""
    if not depth:
        raise InputError.of(where, f"data nested at most {MAX_DEPTH} deep", type(value), "Flatten it.", "depth")
    if isinstance(value, Mapping):
        if bad := [key for key in value if not isinstance(key, str)]:
            raise InputError.of(where, "keys that are text", bad[0], "Use str(key).", "key")
        return {_text(key, where): make_plain(item, f'{where}["{key}"]', depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [make_plain(item, f"{where}[{i}]", depth - 1) for i, item in enumerate(value)]
    if is_media(value):
        raise InputError.of(where, "plain data", value, "Log a media value under its own key.")
    if hasattr(value, "__array__") and hasattr(value, "tolist"):
        return make_plain(value.tolist(), where, depth - 1)
    return make_cell(value, where, no_media)[1]


def fits(kind: Any, value: Any) -> bool:
    """Whether plain data is what a cell of this kind holds; a journal may be damaged, or made by others."""
    if kind in _CHECKS:
        return _CHECKS[kind](value)
    if not isinstance(kind, str) or not kind:
        return False
    if kind.endswith("_list"):
        return isinstance(value, list) and all(map(_is_document, value))
    return _is_document(value)


def _is_integer(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and -EXACT <= value <= EXACT)


def _is_document(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("_type"), str)


def _is_json(value: Any) -> bool:
    try:
        return isinstance(value, str) and canonical.loads(value) is not Ellipsis
    except ValueError:
        return False


def _is_list_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(item is None or check(item) for item in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_CHECKS: dict[Any, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "string": _is_text,
    "number_list": _is_list_of(_is_number),
    "string_list": _is_list_of(_is_text),
    "json": _is_json,
}


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
    value = wrap(value)
    if is_media(value):
        document = encode(value)
        return document["_type"], document
    if isinstance(value, (date, time)):
        return "string", value.isoformat()
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
    return str.__str__(value)  # of an Enum of texts the text


def _array(value: Any, where: str, encode: Encoder) -> Cell:
    """A numpy or torch scalar, or a short one-dimensional array."""
    shape, kind = tuple(getattr(value, "shape", ())), getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "m" or not hasattr(value, "item"):
        raise InputError.of(where, "a value that can be logged", value, _hint(value))
    if kind == "M":
        value = value.astype(str)  # ISO 8601, at its own precision
    try:
        plain = value.item() if shape == () else value.tolist()
    except Exception as error:  # a tensor without data, or one that is not on this machine
        hint = f"Converting it failed: {error}."
        raise InputError.of(where, "a value that can be logged", type(value), hint) from error
    if shape == ():
        return make_cell(float(plain) if type(plain) is type(value) else plain, where, encode)  # of a long double
    return _list(plain, where, encode)


def _list(values: list[Any] | tuple[Any, ...], where: str, encode: Encoder) -> Cell:
    if values and all(map(_is_item, values)):
        documents = [encode(wrap(value)) for value in values]
        tags = {document["_type"] for document in documents}
        return f"{tags.pop() if len(tags) == 1 else 'media'}_list", documents
    for i, value in enumerate(values):
        if tag_of(value) == "tensor":
            hint = "Wrap each: [mt.Image(a) for a in arrays], or mt.Tensor(a)."
            raise InputError.of(f"{where}[{i}]", "a number, text or media value in a list", value, hint, "array")
    plain = [make_plain(value, f"{where}[{i}]") for i, value in enumerate(values)]
    kinds = {type(value) for value in plain} - {type(None)}
    if kinds <= {int, float} and all(type(v) is not int or -EXACT <= v <= EXACT for v in plain):
        return "number_list", plain
    if kinds == {str}:
        return "string_list", plain
    return "json", canonical.dumps(plain)


def plain_value(kind: str, value: Any) -> Any:
    """What a cell's plain data stands for: JSON text is parsed, everything else is itself."""
    return canonical.loads(value) if kind == "json" else value


def no_media(value: MediaValue) -> dict[str, Any]:
    raise InputError.of("log", "no media value here", value, "Log it under its own key.")


def too_many(found: list[KeyCell]) -> list[Problem]:
    """A warning for each type of which a call holds more than the W&B docs advise; nothing is cut."""
    counts = Counter(
        kind.removesuffix("_list") for _, kind, value in found for _ in (value if kind.endswith("_list") else [0])
    )
    message = "expected at most {} values of type {} in a step, got {}"
    return [
        Problem("log", message.format(most, type, counts[type]), "many", "All were kept.")
        for type, most in _MANY.items()
        if counts[type] > most
    ]


def _hint(value: Any) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "Decode it to text, or wrap it in a media value such as Image(data)."
    if hasattr(value, "total_seconds") or getattr(getattr(value, "dtype", None), "kind", "") == "m":
        return "Log seconds: value.total_seconds(), or value / np.timedelta64(1, 's')."
    if isinstance(value, complex):
        return "Log .real and .imag."
    return "Convert it, or give its class a __media__(sink) method."

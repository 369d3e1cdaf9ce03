"""Canonical JSON: what documents are hashed, compared and stored as.

Keys sorted, no white space, UTF-8, always valid JSON. A number that JSON cannot say is the object
`{"_type": "float", "value": "nan" | "inf" | "-inf"}`.
"""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 64  # of objects and lists in each other, in all data that we take or read
_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode  # what contains itself ends in a RecursionError
_encode_pretty = json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=1).encode


class PreEncodedJson(dict[str, Any]):
    """An object whose canonical JSON is known already; it must not be changed, and may have arrays for lists."""

    __slots__ = ("text",)

    def __init__(self, members: dict[str, Any], text: str) -> None:
        super().__init__(members)
        self.text = text


def dumps(value: object) -> str:
    """Canonical JSON of plain data; raises ValueError for data nested too deeply, TypeError for what is not plain."""
    if type(value) is PreEncodedJson:
        return value.text
    try:
        return _encode(value)
    except (ValueError, RecursionError):  # a non-finite number, rare: only then is the value walked
        return _encode(tag_floats(value))


def dump_bytes(value: object) -> bytes:
    """Canonical JSON as UTF-8 bytes; raises UnicodeEncodeError for a lone surrogate."""
    return dumps(value).encode()


def dump_pretty(value: object) -> bytes:
    """Readable JSON for the files a person opens (`run.json`, `summary.json`, schemas)."""
    return (_encode_pretty(tag_floats(value)) + "\n").encode()


def loads(text: str | bytes, depth: int | None = None) -> Any:
    """Parse canonical JSON, nested at most `depth` deep; tagged floats become floats again.

    Raises:
        ValueError: it is anything else.
    """
    text = text if isinstance(text, str) else text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        value = _decode(text)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    if depth is not None and text.count("[") + text.count("{") > depth:  # of few it cannot be
        bounded(value, depth)
    return value


def loads_encodable(text: str, depth: int | None = None) -> Any:
    """As `loads`, of text from a file: UTF-8 can hold what is parsed; raises ValueError for a lone surrogate, too."""
    value = loads(text, depth)
    if "\\ud" in text or "\\uD" in text:  # an escaped surrogate; two of them may be one character
        dump_bytes(value)
    return value


def bounded(value: Any, depth: int = MAX_DEPTH) -> Any:
    """The value, of parsed JSON; raises ValueError where it is nested more than `depth` deep."""
    if isinstance(value, (dict, list)):
        if not depth:
            raise ValueError("JSON nested too deeply")
        for item in value.values() if isinstance(value, dict) else value:
            bounded(item, depth - 1)
    return value


def tag_floats(value: object, depth: int = 256) -> object:
    """A copy of plain data in which non-finite floats are tagged objects."""
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return {"_type": "float", "value": "nan" if value != value else "inf" if value > 0 else "-inf"}
    if isinstance(value, (dict, list, tuple)) and not depth:
        raise ValueError("nested too deeply for JSON")
    if isinstance(value, dict):
        return {key: tag_floats(item, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [tag_floats(item, depth - 1) for item in value]
    return value


def _object(pairs: list[tuple[str, Any]]) -> Any:
    item = dict(pairs)
    if len(item) != len(pairs):
        raise ValueError("an object names a member twice")
    if len(item) == 2 and item.get("_type") == "float" and isinstance(item.get("value"), str):
        return _NON_FINITE.get(item["value"], item)
    return item


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_object).decode


def is_utf8_encodable(text: str) -> bool:
    """Whether UTF-8 can hold a text: a lone surrogate it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

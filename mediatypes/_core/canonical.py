"""Canonical JSON: what documents are hashed, compared and stored as.

Keys sorted, no white space, UTF-8, always valid JSON. A number that JSON cannot say is the object
`{"_type": "float", "value": "nan" | "inf" | "-inf"}`.
"""

from __future__ import annotations

import json
import math
from typing import Any

_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode
_encode_pretty = json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=1).encode


def dumps(value: object) -> str:
    """Canonical JSON text of plain data (dicts with str keys, lists, str, int, float, bool, None)."""
    try:
        return _encode(value)
    except ValueError:  # a non-finite number; rare, so only then is the value walked
        return _encode(tag_floats(value))


def dump_bytes(value: object) -> bytes:
    """Canonical JSON as UTF-8 bytes; raises UnicodeEncodeError for a lone surrogate."""
    return dumps(value).encode()


def dump_pretty(value: object) -> bytes:
    """Readable JSON for the files a person opens (`run.json`, `summary.json`, schemas)."""
    return (_encode_pretty(tag_floats(value)) + "\n").encode()


def loads(text: str | bytes) -> Any:
    """Parse canonical JSON; tagged floats become floats again. Raises ValueError for anything else."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_hook=_untag)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None


def tag_floats(value: object) -> object:
    """A copy of plain data in which non-finite floats are tagged objects."""
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return {"_type": "float", "value": "nan" if value != value else "inf" if value > 0 else "-inf"}
    if isinstance(value, dict):
        return {key: tag_floats(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [tag_floats(item) for item in value]
    return value


def _untag(item: dict[str, Any]) -> Any:
    if item.get("_type") == "float" and len(item) == 2 and item.get("value") in _NON_FINITE:
        return _NON_FINITE[item["value"]]
    return item


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold a text: a lone surrogate it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

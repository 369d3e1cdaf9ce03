"""Vega-Lite specs with placeholders: `${field:x}` stands for a column, `${string:title}` for a text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from .._core.errors import Problem, Verbatim, problem

TABLE = "table"  # how a drawn spec calls its data
DATA_NAMES = (TABLE, "wandb")  # what a preset may call it
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"  # the name of the grammar; nothing is fetched

NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
_ANY = re.compile(r"\$\{[^{}]*\}")
_SLOT = re.compile(r"\$\{(field|string):([^{}:]+)\}")
_VIEWS = ("mark", "layer", "facet", "repeat", "concat", "hconcat", "vconcat")
_EXPRESSIONS = ("calculate", "expr", "filter", "test", "update")
_WORDS = ("as", "description", "name", "text", "title", "subtitle")
_MISREAD = re.compile(r"[\\\n\r\u2028\u2029]")  # in names, by Vega's own writers of expressions and paths
_ALIKE = {"\\": "\u2216"}  # set minus
_INHERITED = frozenset(  # names that every object of JavaScript has, and Vega looks up in some
    ("__proto__", "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString")
) | {"toString", "valueOf"}
Slot = tuple[str, str]  # ("field" or "string", name)


def slots(spec: Any) -> tuple[Slot, ...]:
    """The placeholders of a spec, in the order they are met, each once."""
    return tuple(dict.fromkeys((match[1], match[2]) for _, _, text in _texts(spec) for match in _SLOT.finditer(text)))


def check(spec: Any, where: str) -> Iterator[Problem]:
    """What keeps a spec from being drawn from a table alone, without a network."""
    if not isinstance(spec, dict) or not any(view in spec for view in (*_VIEWS, "spec")):
        yield problem(where, f"a Vega-Lite spec with one of {', '.join(_VIEWS)}", spec, "See the Vega-Lite docs.")
        return
    if "/vega/" in str(spec.get("$schema", "")):
        yield problem(f"{where}.$schema", "Vega-Lite", spec["$schema"], "Write the chart in Vega-Lite.", "schema")
    data = spec.get("data", {"name": TABLE})
    if not any(data == {"name": name} for name in DATA_NAMES) and not (isinstance(data, dict) and "url" in data):
        yield problem(f"{where}.data", "nothing or {'name': 'table'}", data, "The data of a plot is its table.", "data")
    for place, name, item in _members(spec, where):
        if name == "url":
            yield problem(place, "no url", item, "Put the data into the table.", "url")
        elif name == "embedOptions":
            yield problem(place, "no options of the page", Verbatim(type(item).__name__), "Leave them out.", "url")
    for place, _, text in _texts(spec, where):
        for placeholder in _ANY.findall(text):
            if not _SLOT.fullmatch(placeholder):
                yield problem(
                    place, "${field:name} or ${string:name}", placeholder, "Rename the placeholder.", "placeholder"
                )


def drawn_title(text: str) -> str:
    """A title of a channel that looks the same, and that Vega does not misread: it is a name in its tooltips."""
    return f"{text}\u200b" if text in _INHERITED else _MISREAD.sub(lambda sign: _ALIKE.get(sign[0], " "), text)


def drawn_names(columns: list[str]) -> dict[str, str]:
    """By column, another name for each whose own Vega would not find in its data."""
    misread = [name for name in columns if drawn_title(name) != name]
    free = (name for number in itertools.count(1) if (name := f"column_{number}") not in columns)
    return dict(zip(misread, free, strict=False))


def fill(
    spec: dict[str, Any], fields: Mapping[str, str], strings: Mapping[str, str], names: Mapping[str, str] = NO_NAMES
) -> dict[str, Any]:
    """The spec with columns and texts in place of its placeholders, and its data called "table".

    `names` are those of columns that are called otherwise in the data.

    An object (or item of a list) that names a field without a column is left out: the encoding channel of an optional
    column, for example. A text without a value is empty.
    """
    absent = {name for kind, name in slots(spec) if kind == "field"} - fields.keys()

    def is_left_out(item: Any) -> bool:
        texts = item.values() if isinstance(item, dict) else (item,)
        return any(slot[0] == "field" and slot[1] in absent for text in texts for slot in _slots_of(text))

    def filled(item: Any, key: str) -> Any:
        if isinstance(item, str):
            return _SLOT.sub(lambda match: _replacement(match, key, fields, strings, names), item)
        if isinstance(item, dict):
            if key == "data" and item.get("name") in DATA_NAMES:
                return {"name": TABLE}
            return {filled(name, "name"): filled(part, name) for name, part in item.items() if not is_left_out(part)}
        if isinstance(item, list):
            return [filled(part, key) for part in item if not is_left_out(part)]
        return item

    return {"$schema": SCHEMA, "data": {"name": TABLE}, **filled(spec, "")}


def channels(spec: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """The encoding channels of a spec that name a field, and the field; they are the spec's own dicts."""
    for _, name, item in _members(spec, ""):
        if name == "encoding" and isinstance(item, dict):
            for channel in item.values():
                for one in channel if isinstance(channel, list) else [channel]:
                    if isinstance(one, dict) and isinstance(one.get("field"), str):
                        yield one, one["field"]


def slot_of(text: str) -> str | None:
    """The field that a text is the placeholder of."""
    match = _SLOT.fullmatch(text)
    return match[2] if match and match[1] == "field" else None


def as_path(column: str) -> str:
    """A column's name where Vega-Lite expects a path into a record: `val.loss` means `loss` of `val` there."""
    return re.sub(r"""([\\.\[\]'"])""", r"\\\1", column)


def _replacement(
    match: re.Match[str], key: str, fields: Mapping[str, str], strings: Mapping[str, str], names: Mapping[str, str]
) -> str:
    text = fields[match[2]] if match[1] == "field" else strings.get(match[2], "")
    if match[1] == "field" and key not in _WORDS:
        text = names.get(text, text)
    if key in _EXPRESSIONS:
        return re.sub(r"""([\\'"])""", r"\\\1", text)
    return as_path(text) if match[1] == "field" and key not in _WORDS else text


def _slots_of(text: Any) -> list[Slot]:
    return [(match[1], match[2]) for match in _SLOT.finditer(text)] if isinstance(text, str) else []


def _members(item: Any, where: str) -> Iterator[tuple[str, str, Any]]:
    """(path, name, value) of every member of every object, from the outside in."""
    if isinstance(item, dict):
        for name, part in item.items():
            place = f"{where}.{name}" if where else str(name)
            yield place, name, part
            yield from _members(part, place)
    elif isinstance(item, list):
        for i, part in enumerate(item):
            yield from _members(part, f"{where}[{i}]")


def _texts(item: Any, where: str = "", key: str = "") -> Iterator[tuple[str, str, str]]:
    """(path, key, text) of every text, names of members too."""
    if isinstance(item, str):
        yield where, key, item
    elif isinstance(item, dict):
        for name, part in item.items():
            place = f"{where}.{name}" if where else str(name)
            yield place, "name", name
            yield from _texts(part, place, name)
    elif isinstance(item, list):
        for i, part in enumerate(item):
            yield from _texts(part, f"{where}[{i}]", key)

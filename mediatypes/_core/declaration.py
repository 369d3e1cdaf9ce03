"""Declare a document once; derive its checker, its JSON Schema, its Arrow columns and its reference table.

Example:

    HISTOGRAM = Document("histogram", "1.0", "Counts over contiguous bins.", (
        Field("values", List(Number(minimum=0), 1, 512), "Count of each bin.", column=True),
        Field("bins", List(Number(), 2, 513), "Edges, ascending.", column=True),
    ))
    HISTOGRAM.check({"_type": "histogram", ...})   -> list of all problems, with paths
    HISTOGRAM.json_schema()                        -> draft 2020-12
    HISTOGRAM.columns()                            -> {"values": "list<double>", ...}
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .canonical import is_utf8_encodable
from .errors import Problem, problem

_LARGEST = sys.float_info.max
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Shape:
    """What a JSON value may look like. Subclasses check one value and describe themselves as JSON Schema."""

    column: str = "json"  # the Arrow type of a column of such values, as the format text names it

    def accepts(self, value: object) -> bool:
        """Whether a value is right, told without the cost of a path; False where only `check` tells."""
        return False

    def check(self, value: object, where: str) -> Iterator[Problem]:
        raise TypeError(f"{type(self).__name__} does not implement check()")

    def json_schema(self) -> dict[str, Any]:
        raise TypeError(f"{type(self).__name__} does not implement json_schema()")

    def words(self) -> str:
        """How an error message and the reference table name this shape."""
        return type(self).__name__.lower()


_PLAIN = frozenset((bool, int, float, type(None)))


class Json(Shape):
    """Any JSON value, nested at most 64 deep. A non-finite float is one: it is written tagged."""

    def accepts(self, value: object, depth: int = 64) -> bool:
        if isinstance(value, str):
            return value.isascii()
        if isinstance(value, dict) and depth:
            ascii_names = all(isinstance(name, str) and name.isascii() for name in value)
            return ascii_names and all(self.accepts(item, depth - 1) for item in value.values())
        if isinstance(value, list) and depth:
            return all(self.accepts(item, depth - 1) for item in value)
        return type(value) in _PLAIN

    def check(self, value: object, where: str, depth: int = 64) -> Iterator[Problem]:
        if isinstance(value, dict) and depth:
            for name, item in value.items():
                if not isinstance(name, str) or not is_utf8_encodable(name):
                    yield problem(where, "names that are text", name, "Use str(...).")
                else:
                    yield from self.check(item, f"{where}.{name}" if where else name, depth - 1)
        elif isinstance(value, list) and depth:
            for position, item in enumerate(value):
                yield from self.check(item, f"{where}[{position}]", depth - 1)
        elif isinstance(value, str):
            yield from _ANY_TEXT.check(value, where)
        elif value is not None and type(value) not in (bool, int, float):
            yield problem(where, "JSON data" + ("" if depth else " nested at most 64 deep"), value, "Make it plain.")

    def json_schema(self) -> dict[str, Any]:
        return {}

    def words(self) -> str:
        return "any JSON"


_ANY = Json()


class Boolean(Shape):
    column = "bool"

    def check(self, value: object, where: str) -> Iterator[Problem]:
        if not isinstance(value, bool):
            yield problem(where, "true or false", value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Text(Shape):
    """A string; `pattern` must match the whole of it, `choices` lists the allowed ones."""

    column = "utf8"

    def __init__(self, *, pattern: str = "", choices: tuple[str, ...] = (), min_length: int = 0) -> None:
        self.pattern, self.choices, self.min_length = pattern, choices, min_length
        self._match = re.compile(pattern).fullmatch if pattern else None
        self._any = not (pattern or choices or min_length)

    def accepts(self, value: object) -> bool:
        if self._any and type(value) is str and value.isascii():
            return True
        return (
            isinstance(value, str)
            and (not self.choices or value in self.choices)
            and len(value) >= self.min_length
            and (not self._match or self._match(value) is not None)
            and (value.isascii() or is_utf8_encodable(value))
        )

    def check(self, value: object, where: str) -> Iterator[Problem]:
        if not self.accepts(value):
            if isinstance(value, str) and not is_utf8_encodable(value):
                yield problem(where, "text that UTF-8 can hold", value, "Remove the lone surrogates.")
            else:
                yield problem(where, self.words(), value)

    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string"}
        if self.pattern:
            schema["pattern"] = f"^(?:{self.pattern})$"
        if self.choices:
            schema["enum"] = list(self.choices)
        if self.min_length:
            schema["minLength"] = self.min_length
        return schema

    def words(self) -> str:
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.pattern:
            return f"text matching {self.pattern}"
        return "text that is not empty" if self.min_length else "text"


class Number(Shape):
    """A finite JSON number within bounds, both inclusive."""

    column = "double"
    _name, _words = "number", "a finite number"

    def __init__(self, minimum: float | None = None, maximum: float | None = None) -> None:
        self.minimum, self.maximum = minimum, maximum

    def accepts(self, value: object) -> bool:
        return (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and -_LARGEST <= value <= _LARGEST  # false for NaN, and unlike isfinite() no error for huge integers
            and (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
        )

    def check(self, value: object, where: str) -> Iterator[Problem]:
        if not self.accepts(value):
            yield problem(where, self.words(), value)

    def accepts_all(self, values: list[Any]) -> bool:
        """Whether a list holds only such numbers, without a Python step for each."""
        if not set(map(type, values)) <= {int, float}:
            return False
        try:
            if not math.isfinite(sum(values)):  # NaN and infinities survive a sum; then each value is looked at
                return False
        except OverflowError:
            return False
        low, high = (min(values), max(values)) if values else (0, 0)
        return (
            max(-_LARGEST, -_LARGEST if self.minimum is None else self.minimum) <= low
            and high <= min(_LARGEST, _LARGEST if self.maximum is None else self.maximum)
        ) or not values

    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": self._name}
        if self.minimum is not None:
            schema["minimum"] = self.minimum
        if self.maximum is not None:
            schema["maximum"] = self.maximum
        return schema

    def words(self) -> str:
        bounds = [f">= {self.minimum}"] if self.minimum is not None else []
        bounds += [f"<= {self.maximum}"] if self.maximum is not None else []
        return " ".join([self._words, " and ".join(bounds)]).strip()


class Integer(Number):
    """A whole number; as in JSON Schema, `2.0` is one."""

    column = "int64"
    _name, _words = "integer", "an integer"

    def accepts(self, value: object) -> bool:
        return super().accepts(value) and (isinstance(value, int) or float(value).is_integer())  # type: ignore[arg-type]

    def accepts_all(self, values: list[Any]) -> bool:
        return set(map(type, values)) <= {int} and super().accepts_all(values)


_ANY_TEXT = Text()


class List(Shape):
    """A JSON array of one shape."""

    def __init__(self, item: Shape, minimum: int = 0, maximum: int | None = None) -> None:
        self.item, self.minimum, self.maximum = item, minimum, maximum
        self.column = "list<double>" if isinstance(item, Number) else "json"

    def check(self, value: object, where: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield problem(where, self.words(), value)
            return
        if len(value) < self.minimum or (self.maximum is not None and len(value) > self.maximum):
            yield Problem(where, f"expected {self.words()}, got {len(value)} of them", "length")
        if isinstance(self.item, Number) and self.item.accepts_all(value):
            return
        for position, item in enumerate(value):
            if not self.item.accepts(item):
                yield from self.item.check(item, f"{where}[{position}]")

    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "array", "items": self.item.json_schema()}
        if self.minimum:
            schema["minItems"] = self.minimum
        if self.maximum is not None:
            schema["maxItems"] = self.maximum
        return schema

    def words(self) -> str:
        bounds = [f"at least {self.minimum}"] if self.minimum else []
        bounds += [f"at most {self.maximum}"] if self.maximum is not None else []
        return " ".join(["a list of", " and ".join(bounds), self.item.words()]).replace("  ", " ")


class Map(Shape):
    """A JSON object whose names are free (or match `names`) and whose values share one shape."""

    def __init__(self, item: Shape, names: str = "") -> None:
        self.item, self.names = item, names
        self._match = re.compile(names).fullmatch if names else None

    def accepts(self, value: object) -> bool:
        return (
            isinstance(value, dict)
            and all(isinstance(name, str) and (not self._match or self._match(name)) for name in value)
            and all(map(self.item.accepts, value.values()))
        )

    def check(self, value: object, where: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield problem(where, "an object", value)
            return
        numbers = isinstance(self.item, Number) and self.item.accepts_all([*value.values()])
        for name, item in value.items():
            if not isinstance(name, str) or (self._match and not self._match(name)):
                yield problem(f"{where}[{name!r}]", f"a name matching {self.names or 'text'}", name)
            if not numbers and not self.item.accepts(item):
                yield from self.item.check(item, f"{where}[{name!r}]")

    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object", "additionalProperties": self.item.json_schema()}
        if self.names:
            schema["propertyNames"] = {"pattern": f"^(?:{self.names})$"}
        return schema

    def words(self) -> str:
        return f"an object of {self.item.words()}"


class Field(NamedTuple):
    """One member of a record. `column=True` gives it a column of its own in `history.parquet`."""

    name: str
    shape: Shape
    doc: str
    required: bool = True
    column: bool = False


class Rule(NamedTuple):
    """A rule between fields that JSON Schema cannot say: its text, and a check that yields problems."""

    text: str
    check: Callable[[dict[str, Any], str], Iterator[Problem]]


class Record(Shape):
    """A JSON object with named fields. Unknown fields are allowed: a later minor version may add some."""

    def __init__(self, doc: str, fields: tuple[Field, ...], rules: tuple[Rule, ...] = ()) -> None:
        self.doc, self.fields, self.rules = doc, fields, rules
        self.names = frozenset(field.name for field in fields)

    def check(self, value: object, where: str = "", *, rules: bool = True) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield problem(where, "an object", value)
            return
        clean = True
        if not self.names.issuperset(value) and not _ANY.accepts(unknown := self.unknown(value)):
            for found in _ANY.check(unknown, where):  # unknown members are kept, so they must be JSON
                clean = False
                yield found
        for name, shape, _doc, required, _column in self.fields:
            if name in value:
                if shape.accepts(value[name]):
                    continue
                for found in shape.check(value[name], f"{where}.{name}" if where else name):
                    clean = False
                    yield found
            elif required:
                clean = False
                yield Problem(where or name, f"expected the field {name!r}, got none", "missing")
        if clean and rules:  # a rule may rely on every field having its declared shape
            for rule in self.rules:
                yield from rule.check(value, where)

    def json_schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "description": "\n".join([self.doc, *(f"Rule: {rule.text}" for rule in self.rules)]),
            "properties": {f.name: {**f.shape.json_schema(), "description": f.doc} for f in self.fields},
            "required": [f.name for f in self.fields if f.required],
        }

    def words(self) -> str:
        return "an object"

    def unknown(self, document: dict[str, Any]) -> dict[str, Any]:
        """The members of a document that this version does not know; they are kept."""
        return {name: item for name, item in document.items() if name not in self.names}


class Document(Record):
    """The declaration of one media type: `_type`, `_version` and its fields."""

    def __init__(
        self, type: str, version: str, doc: str, fields: tuple[Field, ...], rules: tuple[Rule, ...] = ()
    ) -> None:
        self.type, self.version = type, version
        self.major = version.partition(".")[0]
        tag = Field("_type", Text(choices=(type,)), "The media type.", column=True)
        versioned = Field("_version", Text(pattern=rf"{self.major}\.[0-9]+"), "Version of this document's format.")
        super().__init__(doc, (tag, versioned, *fields), rules)

    def json_schema(self) -> dict[str, Any]:
        return {
            "$schema": DIALECT,
            "$id": f"urn:mediatypes:{self.type}-{self.version}",
            "title": self.type,
            **super().json_schema(),
        }

    def columns(self) -> dict[str, str]:
        """Arrow columns of a cell: the common ones, this type's own, and the whole document as JSON."""
        own = {f.name: f.shape.column for f in self.fields if f.column}
        return {"_type": "utf8", **COMMON_COLUMNS, **own, "_doc": "utf8"}


def reference(doc: str = "the sidecar") -> tuple[Field, ...]:
    """The four fields by which a document or a nested part refers to its sidecar."""
    return (
        Field("path", Text(min_length=1), f"Where {doc} is: a path relative to the store, or a URL."),
        Field("sha256", Text(pattern="[0-9a-f]{64}"), "SHA-256 of the sidecar's bytes, in hexadecimal."),
        Field("size", Integer(0), "Length of the sidecar in bytes."),
        Field("media_type", Text(min_length=1), "Media type of the sidecar, such as image/png."),
    )


COMMON_COLUMNS = {"path": "utf8", "sha256": "utf8", "size": "int64", "media_type": "utf8", "caption": "utf8"}

"""Shapes: what a JSON value may look like, and what Python holds for it. Each checks, describes and converts itself."""

from __future__ import annotations

import copy
import math
import re
import sys
from collections.abc import Iterator
from typing import Any

from .canonical import MAX_DEPTH, is_utf8_encodable
from .errors import Problem, problem
from .sidecar import Sink, Source

_LARGEST = sys.float_info.max


class Shape:
    """What a JSON value may look like. Subclasses check one value and describe themselves as JSON Schema.

    A value in memory is the JSON value itself, unless a shape says otherwise: a list is a tuple, and a record that
    has a class of its own is an instance of it.
    """

    column: str = "json"  # the Arrow type of a column of such values, as the format text names it

    def encode(self, value: Any, sink: Sink) -> Any:
        """The JSON value of what `decode` returns; the sidecars of parts are placed into `sink`."""
        return value

    def decode(self, value: Any, source: Source) -> Any:
        """What a checked JSON value is in memory; the sidecars of parts are read from `source`."""
        return value

    def share(self, value: Any) -> Any:
        """A value in memory as callers get it: what they do to it does not reach the original."""
        return value

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
    """Any JSON value, nested at most `MAX_DEPTH` deep. A non-finite float is one: it is written tagged."""

    def encode(self, value: Any, sink: Sink) -> Any:
        return copy.deepcopy(value)

    def decode(self, value: Any, source: Source) -> Any:
        return copy.deepcopy(value)

    def share(self, value: Any) -> Any:
        return copy.deepcopy(value)

    def accepts(self, value: object, depth: int = MAX_DEPTH) -> bool:
        if isinstance(value, str):
            return value.isascii()
        if isinstance(value, dict) and depth:
            ascii_names = all(isinstance(name, str) and name.isascii() for name in value)
            return ascii_names and all(self.accepts(item, depth - 1) for item in value.values())
        if isinstance(value, list) and depth:
            return all(self.accepts(item, depth - 1) for item in value)
        return type(value) in _PLAIN

    def check(self, value: object, where: str, depth: int = MAX_DEPTH) -> Iterator[Problem]:
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
            yield problem(
                where, "JSON data" + ("" if depth else f" nested at most {MAX_DEPTH} deep"), value, "Make it plain."
            )

    def json_schema(self) -> dict[str, Any]:
        return {}

    def words(self) -> str:
        return "any JSON"


ANY = Json()


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

    def decode(self, value: Any, source: Source) -> int:
        return int(value)

    def accepts(self, value: object) -> bool:
        return super().accepts(value) and (isinstance(value, int) or float(value).is_integer())  # type: ignore[arg-type]

    def accepts_all(self, values: list[Any]) -> bool:
        return set(map(type, values)) <= {int} and super().accepts_all(values)


_ANY_TEXT = Text()


class List(Shape):
    """A JSON array of one shape; a tuple in memory, or anything else that is iterable."""

    def __init__(self, item: Shape, minimum: int = 0, maximum: int | None = None) -> None:
        self.item, self.minimum, self.maximum = item, minimum, maximum
        self.column = "list<double>" if isinstance(item, Number) else "json"

    def encode(self, value: Any, sink: Sink) -> list[Any]:
        if hasattr(value, "tolist"):  # an array
            return value.tolist()  # type: ignore[no-any-return]
        return [self.item.encode(item, sink) for item in value]

    def decode(self, value: Any, source: Source) -> tuple[Any, ...]:
        return tuple(self.item.decode(item, source) for item in value)

    def share(self, value: Any) -> Any:
        return tuple(map(self.item.share, value)) if isinstance(value, tuple) else value

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

    def encode(self, value: Any, sink: Sink) -> dict[str, Any]:
        return {name: self.item.encode(item, sink) for name, item in value.items()}

    def decode(self, value: Any, source: Source) -> dict[str, Any]:
        return {name: self.item.decode(item, source) for name, item in value.items()}

    def share(self, value: Any) -> Any:
        return {name: self.item.share(item) for name, item in value.items()}

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

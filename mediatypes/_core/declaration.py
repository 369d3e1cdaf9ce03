"""Declare a document once; derive its checker, its JSON Schema, its Arrow columns and its reference table.

Example:

    HISTOGRAM = Document("histogram", "1.0", "Counts over contiguous bins.", (
        Field("values", List(Number(minimum=0), 1, 512), "Count of each bin."),
        Field("bins", List(Number(), 2, 513), "Edges, ascending."),
        Field("nan_count", Integer(1), "NaN values in the data.", required=False, column=True),
    ))
    HISTOGRAM.check({"_type": "histogram", ...})   -> list of all problems, with paths
    HISTOGRAM.json_schema()                        -> draft 2020-12
    HISTOGRAM.columns()                            -> {"nan_count": "int64"}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .errors import Problem, problem
from .shapes import ANY, Boolean, Integer, Json, List, Map, Number, Shape, Text
from .sidecar import Sink, Source

__all__ = [
    "Boolean",
    "Document",
    "Field",
    "Integer",
    "Json",
    "List",
    "Map",
    "Number",
    "Record",
    "Rule",
    "Shape",
    "Text",
    "reference",
]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = ("path", "sha256", "size", "media_type")


class Field(NamedTuple):
    """One member of a record. `column=True` gives it a column of its own in `media.parquet`.

    A member that is not required is left out of the document where the value has the default.
    """

    name: str
    shape: Shape
    doc: str
    required: bool = True
    column: bool = False
    default: Any = None


class Rule(NamedTuple):
    """A rule between fields that JSON Schema cannot say: its text, and a check that yields problems."""

    text: str
    check: Callable[[dict[str, Any], str], Iterator[Problem]]


class Record(Shape):
    """A JSON object with named fields. Unknown fields are allowed: a later minor version may add some.

    `part` is the class whose instances stand for such objects in memory; that class sets it.
    """

    part: Any = None

    def __init__(self, doc: str, fields: tuple[Field, ...], rules: tuple[Rule, ...] = ()) -> None:
        self.doc, self.fields, self.rules = doc, fields, rules
        self.names = frozenset(field.name for field in fields)
        self.has_sidecar = self.names.issuperset(_REFERENCE)
        self.members = tuple(field for field in fields if field.name not in ("_type", "_version", *_REFERENCE))

    def encode(self, value: Any, sink: Sink) -> Any:
        return ANY.encode(value, sink) if self.part is None else value._to_part(sink)

    def decode(self, value: Any, source: Source) -> Any:
        return ANY.decode(value, source) if self.part is None else self.part._from_part(value, source)

    def share(self, value: Any) -> Any:
        return ANY.share(value) if self.part is None else value

    def check(self, value: object, where: str = "", *, rules: bool = True) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield problem(where, "an object", value)
            return
        clean = True
        if not self.names.issuperset(value) and not ANY.accepts(unknown := self.unknown(value)):
            for fault in ANY.check(unknown, where):  # unknown members are kept, so they must be JSON
                clean = False
                yield fault
        for name, shape, _doc, required, _column, _default in self.fields:
            if name in value:
                if shape.accepts(value[name]):
                    continue
                for fault in shape.check(value[name], f"{where}.{name}" if where else name):
                    clean = False
                    yield fault
            elif required:
                clean = False
                yield Problem(where or name, f"expected the field {name!r}, got none", "missing")
        if clean and rules:  # a rule may rely on every field having its declared shape
            for rule in self.rules:
                yield from rule.check(value, f"{where}." if where else "")

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
        tag = Field("_type", Text(choices=(type,)), "The media type.")
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
        """The columns of this type in an index of media, beside those of all types: names and Arrow types."""
        return {f.name: f.shape.column for f in self.fields if f.column}


class Nested(Record):
    """A whole document inside another one; in memory it is its value."""

    def __init__(self, document: Document) -> None:
        super().__init__(document.doc, document.fields)
        self.document = document

    def encode(self, value: Any, sink: Sink) -> Any:
        return value.__media__(sink)

    def decode(self, value: Any, source: Source) -> Any:
        return self.document.part.__from_media__(value, source)


def reference(doc: str = "the sidecar") -> tuple[Field, ...]:
    """The four fields by which a document or a nested part refers to its sidecar."""
    return (
        Field("path", Text(min_length=1), f"Where {doc} is: a path relative to the store, or a URL."),
        Field("sha256", Text(pattern="[0-9a-f]{64}"), "SHA-256 of the sidecar's bytes, in hexadecimal."),
        Field("size", Integer(0), "Length of the sidecar in bytes."),
        Field("media_type", Text(min_length=1), "Media type of the sidecar, such as image/png."),
    )

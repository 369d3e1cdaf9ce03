"""The vocabulary for declaring a document of your own type, to be registered with `mediatypes.register`.

A declaration gives the checker, the JSON Schema and the Arrow columns of a type. See `mediatypes/types/` for examples.
"""

from ._core.declaration import (
    Boolean,
    Document,
    Field,
    Integer,
    Json,
    List,
    Map,
    Number,
    Record,
    Rule,
    Text,
    reference,
)

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
    "Text",
    "reference",
]

"""The vocabulary for declaring a document of your own type, to be registered with `mediatypes.register`.

A declaration gives the checker, the JSON Schema and the Arrow columns of a type. A class that derives from `Value` (or
from `FileValue`, if its content is one file) and names its declaration has everything else that a media value promises;
`help(mediatypes.register)` shows one, CONTRIBUTING.md another. A class of another kind reads its sidecars with
`read_sidecar(source, reference, where)`, which gives the bytes behind a reference, checked for size and hash.
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
from ._core.sidecar import fetch as read_sidecar
from ._core.value import FileValue, Value

__all__ = [
    "Boolean",
    "Document",
    "Field",
    "FileValue",
    "Integer",
    "Json",
    "List",
    "Map",
    "Number",
    "Record",
    "Rule",
    "Text",
    "Value",
    "read_sidecar",
    "reference",
]

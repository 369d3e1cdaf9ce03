"""The vocabulary for declaring a document of your own type, to be registered with `mediatypes.register`.

A declaration gives the checker, the JSON Schema and the Arrow columns of a type. See `mediatypes/types/` for examples.
`read_sidecar(source, reference, where)` answers the bytes behind a reference, checked for size and hash: use it in
`__from_media__`.
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
    "read_sidecar",
    "reference",
]

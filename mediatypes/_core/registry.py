"""Which class and declaration stand behind a `_type`. One line for each of our own types."""

from __future__ import annotations

import importlib
import re
from typing import Any

from .declaration import Document
from .errors import InputError, UnknownTypeError

_BUILTIN = {
    "audio": "mediatypes.types.audio.value:Audio",
    "figure": "mediatypes.types.figure.value:Figure",
    "histogram": "mediatypes.types.histogram.value:Histogram",
    "html": "mediatypes.types.html.value:Html",
    "image": "mediatypes.types.image.value:Image",
    "molecule": "mediatypes.types.molecule.value:Molecule",
    "object3d": "mediatypes.types.object3d.value:Object3D",
    "plot": "mediatypes.plot:Plot",
    "table": "mediatypes.types.table.value:Table",
    "tensor": "mediatypes.types.tensor.value:Tensor",
    "video": "mediatypes.types.video.value:Video",
}
# Names of the kinds that are no media, and of what documents use themselves: see schemas/README.md.
_RESERVED = frozenset(
    {"float", "media", "null", "number", "integer", "boolean", "string", "json", "datetime"}
    | {"timestamp", "date", "duration", "decimal", "binary", "mixed"}  # of tables only
)
_TAG = re.compile("[a-z][a-z0-9_]{0,62}")
_registered: dict[str, tuple[type[Any], Document]] = {}


def register(type: str, cls: type[Any], schema: Document) -> None:
    """Make documents with this `_type` known to `encode`, `decode`, `validate` and runs.

    Args:
        type: the tag, such as "acme_hologram": lower-case letters, digits and `_`, at most 63.
        cls: has `__media__(sink)` and a class method `__from_media__(document, source)`.
        schema: the declaration of the document, made with `mediatypes.declare`.

    Raises:
        InputError: the tag is taken, malformed or not the schema's, or the class lacks a method.

    The base class `mediatypes.declare.Value` makes both methods, equality, copies and properties of the declaration:

    >>> import mediatypes as mt
    >>> from mediatypes.declare import Document, Field, Text, Value
    >>> NOTE = Document("acme_note", "1.0", "A note.", (Field("text", Text(), "What it says."),))
    >>> class Note(Value, declaration=NOTE):
    ...     text: str  # a property: the member `text` of the document
    ...     def __init__(self, text):
    ...         self._set(_text=str(text))
    >>> mt.register("acme_note", Note, NOTE)
    >>> store = mt.MemoryStore()
    >>> mt.decode(mt.encode(Note("hello"), store), store).text
    'hello'
    """
    if not isinstance(type, str) or not _TAG.fullmatch(type):
        raise InputError.of("register.type", "lower-case letters, digits and _", type, "Rename the type.")
    if not isinstance(schema, Document) or schema.type != type:
        raise InputError.of("register.schema", f"a Document for {type!r}", schema, "See mediatypes.declare.")
    for method in ("__media__", "__from_media__"):
        if not callable(getattr(cls, method, None)):
            raise InputError.of("register.cls", f"a class with {method}", cls, f"Define {method}.")
    if not is_tag(type) or type in _BUILTIN or _registered.get(type, (cls,))[0] is not cls:
        raise InputError.of("register.type", "a tag that is free", type, "Choose another tag.", "taken")
    _registered[type] = (cls, schema)


def is_tag(type: object) -> bool:
    """Whether something can name a media type: well formed, and not the name of a kind of column."""
    return isinstance(type, str) and bool(_TAG.fullmatch(type)) and type not in _RESERVED and not type.endswith("_list")


def builtin_types() -> tuple[str, ...]:
    """The tags of our own types, sorted."""
    return tuple(sorted(_BUILTIN))


def known_types() -> tuple[str, ...]:
    """All registered tags, sorted."""
    return tuple(sorted({*_BUILTIN, *_registered}))


def lookup(type: str) -> tuple[type[Any], Document]:
    """Class and declaration of a tag; a built-in room is imported now. Raises `UnknownTypeError`."""
    entry = _registered.get(type)
    if entry is None:
        if type not in _BUILTIN:
            raise UnknownTypeError(type, known_types())
        module, _, name = _BUILTIN[type].partition(":")
        cls = getattr(importlib.import_module(module), name)
        entry = _registered[type] = (cls, cls._declaration)
    return entry

"""`encode`, `decode`, `validate` and `schema`: the four verbs on documents."""

from __future__ import annotations

from os import PathLike
from typing import Any

from . import canonical
from .declaration import Document, Json
from .errors import DocumentError, InputError, Problem, UnknownTypeError, UnsupportedVersionError, problem, show
from .registry import is_tag, lookup
from .sidecar import Sink, Source
from .value import MediaValue, is_media
from .wording import with_article


def encode(value: MediaValue, sink: Sink) -> dict[str, Any]:
    """Write a value's sidecars into `sink` and return its document (plain JSON data, schema-valid).

    Raises:
        InputError: `value` has no `__media__`, or what that returns is not a document; `sink` is no store.
        StoreError: the sink could not keep the bytes.

    >>> import mediatypes as mt
    >>> mt.encode(mt.Histogram([1, 2, 2], num_bins=2), mt.MemoryStore())["values"]
    [1, 2]
    """
    if not is_media(value):
        raise InputError.of("encode", "a media value with __media__(sink)", value, "Wrap it, say in Image(...).")
    _require(sink, "put", "encode.sink")
    document = value.__media__(sink)
    problems = check(document)
    if problems:
        name = type(value).__name__
        raise InputError(Problem(f"{name}.{p.path}" if p.path else name, p.message, p.code, p.hint) for p in problems)
    return document


def decode(document: dict[str, Any], source: Source) -> Any:
    """The value behind a document; its sidecars are read from `source`, our types check their size and hash.

    Raises:
        DocumentError: the document does not follow its schema, or its sidecar's content does not fit it.
        InputError: `source` is no store.
        UnknownTypeError: nobody registered its `_type`.
        SidecarMissing, HashMismatch, UnsafePath: the sidecar is gone, changed, or outside the store.

    >>> import mediatypes as mt
    >>> store, value = mt.MemoryStore(), mt.Histogram([1, 2, 2], num_bins=2)
    >>> mt.decode(mt.encode(value, store), store) == value
    True
    """
    validate(document)
    _require(source, "open", "decode.source")
    cls, _ = lookup(document["_type"])
    return cls.__from_media__(document, source)


def _require(store: object, method: str, where: str) -> None:
    if not callable(getattr(store, method, None)):
        path = show(str(store)) if isinstance(store, (str, PathLike)) else "path"
        raise InputError.of(where, f"a store with {method}()", store, f"Pass DirectoryStore({path}).")


def validate(document: object) -> None:
    """Check a document against the schema of its `_type`.

    Raises:
        DocumentError: with every problem and its path.
        UnknownTypeError: nobody registered its `_type`.
        UnsupportedVersionError: it was written by a newer major version.

    >>> import mediatypes as mt
    >>> mt.validate({"_type": "histogram", "_version": "1.0", "values": [1, -2], "bins": [0, 1, 2]})
    Traceback (most recent call last):
    mediatypes.DocumentError: values[1]: expected a finite number >= 0, got -2.
    """
    declaration = declaration_of(document)
    problems = tuple(declaration.check(document))
    if problems:
        raise DocumentError(problems)


def check(document: object) -> tuple[Problem, ...]:
    """All problems of a document. One of a type that nobody registered has to be tagged JSON data."""
    if not isinstance(document, dict):
        return (problem("", "a document (a dict)", document),)
    tag = document.get("_type")
    if not is_tag(tag):
        hint = "Use at most 63 lower-case letters, digits and _, such as acme_hologram."
        return (problem("_type", "the name of a media type", tag, hint),)
    try:
        return tuple(declaration_of(document).check(document))
    except UnsupportedVersionError as error:
        return error.problems
    except UnknownTypeError:
        return tuple(Json().check(document, ""))


def read_document(text: str | None) -> dict[str, Any]:
    """The document that a cell holds as JSON; raises `DocumentError` if it is damaged or something else."""
    try:
        document = canonical.loads(text or "", canonical.MAX_DEPTH)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not is_tag(document.get("_type")):
        hint = "Restore the file from a copy."
        raise DocumentError.of("_doc", "a media document as JSON", text, hint, "not-json")
    return document


def schema(type: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a registered type, as published in `schemas/`.

    >>> import mediatypes as mt
    >>> mt.schema("image")["$id"]
    'urn:mediatypes:image-1.0'
    """
    return lookup(type)[1].json_schema()


def declaration_of(document: object) -> Document:
    """The declaration behind a document's `_type`, if its major version is one we read."""
    if not isinstance(document, dict) or not isinstance(document.get("_type"), str):
        got = document.get("_type") if isinstance(document, dict) else document
        raise DocumentError.of("_type", "a document with a _type", got, "Pass a document written by encode().")
    declaration = lookup(document["_type"])[1]
    what = f"{with_article(declaration.type)} document of major version {declaration.major}"
    require_readable("_version", document.get("_version"), declaration.major, what)
    return declaration


def require_readable(where: str, version: object, ours: str, what: str = "") -> None:
    """Raise `UnsupportedVersionError` if a newer major version wrote it; what is no version is found elsewhere."""
    major = version.partition(".")[0] if isinstance(version, str) else ""
    known = ours.partition(".")[0]
    if major.isascii() and major.isdigit() and int(major[:9]) > int(known):
        message = f"expected {what or f'format {known}'}, got {show(version)}"
        raise UnsupportedVersionError(Problem(where, message, "version", "Upgrade mediatypes to read it."))

"""The value protocol, and the base class of our own values."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, NoReturn, Protocol, Self, runtime_checkable

from . import canonical
from .declaration import Document, Record
from .sidecar import HashingSink, Sink, Source


@runtime_checkable
class MediaValue(Protocol):
    """Anything that can be logged: give it a sink, get a JSON document. No import of mediatypes is needed."""

    def __media__(self, sink: Sink) -> dict[str, Any]:
        """Put sidecars into `sink` and answer the document. No other input or output."""


def is_media(value: object) -> bool:
    """Whether a value can be encoded; looked up on the class, since some instances claim every attribute."""
    return callable(getattr(type(value), "__media__", None))


class Frozen:
    """Immutable data, equal and hashed by its encoded content; the base of values and of their parts.

    A subclass sets its attributes once with `_set()` and implements `_encode` and `_decode`.
    """

    declaration: ClassVar[Record]
    _unknown: dict[str, Any]  # members of a document from a later minor version, kept for writing it again

    def _set(self, **attributes: Any) -> None:
        for value in attributes.values():
            for part in value if hasattr(value, "_fields") else (value,):  # a named tuple holds some
                if hasattr(part, "setflags"):  # an array: the subclass made it its own copy
                    part.setflags(write=False)
        self.__dict__.update(attributes)

    def _encode(self, sink: Sink) -> dict[str, Any]:
        """The declared fields of this value, its bytes placed into `sink`."""
        raise TypeError(f"{type(self).__name__} does not implement _encode()")

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        """The value of a document that was checked against `declaration`."""
        raise TypeError(f"{cls.__name__} does not implement _decode()")

    def _to_part(self, sink: Sink) -> dict[str, Any]:
        return {**self._encode(sink), **copy.deepcopy(self.__dict__.get("_unknown", {}))}

    @classmethod
    def _from_part(cls, document: dict[str, Any], source: Source) -> Self:
        value = cls._decode(document, source)
        if unknown := cls.declaration.unknown(document):
            value._set(_unknown=copy.deepcopy(unknown))
        return value

    def _replace(self, **attributes: Any) -> Self:
        """A copy with some attributes changed; nothing is checked again."""
        made = type(self).__new__(type(self))
        made._set(**{**self.__dict__, **attributes})
        made.__dict__.pop("_identity_", None)
        return made

    def _identity(self) -> str:
        identity: str | None = self.__dict__.get("_identity_")
        if identity is None:
            identity = canonical.dumps(self._to_part(HashingSink()))
            self._set(_identity_=identity)
        return identity

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash((type(self), self._identity()))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set(**state)  # a pickled array comes back writable

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise _frozen(self, name)

    def __delattr__(self, name: str) -> NoReturn:
        raise _frozen(self, name)


def _frozen(value: Frozen, name: str) -> AttributeError:
    where = f"{type(value).__name__}.{name}"
    return AttributeError(f"{where}: expected no change, a value stays as it was made. Make a new one.")


class Value(Frozen):
    """A media value: frozen, hashable, picklable data that encodes to a document and sidecars."""

    declaration: ClassVar[Document]
    _caption: str | None

    @property
    def caption(self) -> str | None:
        """Text shown with the value, if it has one."""
        caption: str | None = self.__dict__.get("_caption")
        return caption

    def __media__(self, sink: Sink) -> dict[str, Any]:
        return {"_type": self.declaration.type, "_version": self.declaration.version, **self._to_part(sink)}

    @classmethod
    def __from_media__(cls, document: dict[str, Any], source: Source) -> Self:
        """The value of a checked document; its sidecars are read from `source` and verified."""
        value = cls._from_part(document, source)
        if document["_version"] != cls.declaration.version:  # a later minor: written back as it was
            value._set(_unknown={**value.__dict__.get("_unknown", {}), "_version": document["_version"]})
        return value

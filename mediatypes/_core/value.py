"""The value protocol, and the base classes of our own values."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Protocol, Self, runtime_checkable

from . import canonical
from .declaration import Document, Field, Record
from .errors import InputError, StoreError, os_error
from .hooks import hook
from .inputs import is_path
from .location import path_text
from .sidecar import Blob, HashingSink, Sink, Source, fetch, holds

_IDENTITY, _REFERENCE = "_identity_", "_reference_"  # made of the other attributes when needed


@runtime_checkable
class MediaValue(Protocol):
    """Anything that can be logged: give it a sink, get a JSON document. No import of mediatypes is needed."""

    def __media__(self, sink: Sink) -> dict[str, Any]:
        """Put sidecars into `sink` and return the document. No other input or output."""
        ...


def is_media(value: object) -> bool:
    """Whether a value can be encoded; looked up on the class, since some instances claim every attribute."""
    return callable(getattr(type(value), "__media__", None))


class Frozen:
    """Immutable data, equal and hashed by its encoded content; the base of values and of their parts.

    The declaration says what a value holds: the attribute `_width` is the member `width` of its document, and `_blob`
    the content of its main sidecar. A subclass that annotates a member (`width: int`) has it as a property, with the
    text of the declaration. `_encode` and `_decode` follow from the declaration; a subclass overrides what differs:
    `_sidecar` (bytes that are made when they are needed), `_file_type`, `_check` (does the content fit the document?).
    """

    _declaration: ClassVar[Record]
    _blob: Blob | None
    _unknown: dict[str, Any]  # members of a document from a later minor version, kept for writing it again

    def __init_subclass__(cls, declaration: Record | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if declaration is not None:
            cls._declaration = declaration
        if isinstance(declaration := cls.__dict__.get("_declaration"), Record):
            declaration.part = cls
            for field in declaration.members:
                if field.name in cls.__annotations__ and field.name not in cls.__dict__:
                    setattr(cls, field.name, _member(field))

    @classmethod
    def _of(cls, blob: Blob | None = None, **members: Any) -> Self:
        """The value of content and members that are known to be right: read from a document, imported, probed."""
        value = cls.__new__(cls)
        value._set(_blob=blob, **{f"_{name}": member for name, member in members.items()})
        return value

    def _set(self, **attributes: Any) -> None:
        for value in attributes.values():
            for part in value if hasattr(value, "_fields") else (value,):  # a named tuple holds some
                if hasattr(part, "setflags"):  # an array: the subclass made it its own copy
                    part.setflags(write=False)
        self.__dict__.update(attributes)
        for name in (_IDENTITY, _REFERENCE):
            self.__dict__.pop(name, None)

    def _sidecar(self) -> Blob:
        """The bytes of the main sidecar."""
        blob: Blob | None = self.__dict__.get("_blob")
        if blob is None:
            raise TypeError(f"{type(self).__name__} has no bytes, and does not implement _sidecar()")
        return blob

    def _place(self, sink: Sink) -> dict[str, Any]:
        """The reference of the main sidecar, which is not made again for a sink that has kept it."""
        reference: dict[str, Any] | None = self.__dict__.get(_REFERENCE)
        if reference is None or not holds(sink, reference):
            reference = self.__dict__[_REFERENCE] = self._sidecar().place(sink, *self._file_type())
        return dict(reference)

    def _file_type(self) -> tuple[str, str]:
        """Suffix and media type of the main sidecar."""
        raise TypeError(f"{type(self).__name__} does not implement _file_type()")

    def _check(self) -> None:
        """Raise `DocumentError` if the content is not what the document says; called after decoding."""

    def _encode(self, sink: Sink) -> dict[str, Any]:
        """The declared members of this value, its bytes placed into `sink`."""
        declaration, state = self._declaration, self.__dict__
        document = self._place(sink) if declaration.has_sidecar else {}
        for field in declaration.members:
            member = state.get(f"_{field.name}", field.default)
            if field.required or _is_told(member, field.default):
                document[field.name] = field.shape.encode(member, sink)
        return document

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        """The value of a document that was checked against `declaration`."""
        declaration = cls._declaration
        blob = Blob(fetch(source, document, cls._noun()), document["sha256"]) if declaration.has_sidecar else None
        members = {
            field.name: field.shape.decode(document[field.name], source)
            for field in declaration.members
            if field.name in document
        }
        value = cls._of(blob, **members)
        value._check()
        return value

    @classmethod
    def _noun(cls) -> str:
        """How messages about a stored value name it."""
        return getattr(cls._declaration, "type", cls.__name__)

    def _to_part(self, sink: Sink) -> dict[str, Any]:
        return {**self._encode(sink), **copy.deepcopy(self.__dict__.get("_unknown", {}))}

    @classmethod
    def _from_part(cls, document: dict[str, Any], source: Source) -> Self:
        value = cls._decode(document, source)
        if unknown := cls._declaration.unknown(document):
            value._set(_unknown=copy.deepcopy(unknown))
        return value

    def _replace(self, **attributes: Any) -> Self:
        """A copy with some attributes changed; nothing is checked again."""
        made = type(self).__new__(type(self))
        made._set(**{**self.__dict__, **attributes})
        return made

    def _identity(self) -> str:
        identity: str | None = self.__dict__.get(_IDENTITY)
        if identity is None:
            identity = self.__dict__[_IDENTITY] = canonical.dumps(self._to_part(HashingSink()))
        return identity

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash((type(self), self._identity()))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)  # made at once: another thread may keep what it makes of the value
        return {name: member for name, member in state.items() if name not in (_IDENTITY, _REFERENCE)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set(**state)  # a pickled array comes back writable

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What a notebook shows: HTML without scripts, and the `repr`."""
        return hook("show_value")(self)  # type: ignore[no-any-return]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise _frozen(self, name)

    def __delattr__(self, name: str) -> NoReturn:
        raise _frozen(self, name)


def _member(field: Field) -> property:
    """A read-only property of a declared member; one that is not set has the field's default."""
    attribute, share, default = f"_{field.name}", field.shape.share, field.default

    def get(self: Frozen) -> Any:
        member = self.__dict__.get(attribute, default)
        return member if member is None else share(member)

    return property(get, doc=field.doc)


def _is_told(member: Any, default: Any) -> bool:
    """Whether a member that may be absent stands in the document: not the default, and no empty list or object."""
    if member is None or member is default:
        return False
    if isinstance(member, (str, int, float)):
        return bool(member != default)
    return isinstance(member, Frozen) or len(member) > 0


def _frozen(value: Frozen, name: str) -> AttributeError:
    where = f"{type(value).__name__}.{name}"
    return AttributeError(f"{where}: expected no change, a value stays as it was made. Make a new one.")


class Value(Frozen):
    """A media value: frozen, hashable, picklable data that encodes to a document and sidecars."""

    _declaration: ClassVar[Document]
    _caption: str | None

    @property
    def caption(self) -> str | None:
        """Text shown with the value, if it has one."""
        caption: str | None = self.__dict__.get("_caption")
        return caption

    def _facts(self) -> list[str]:
        """What `repr` tells of the value beside its caption."""
        return []

    def __repr__(self) -> str:
        caption = [f"caption={self.caption!r}"] if self.caption is not None else []
        return f"{type(self).__name__}({', '.join([*self._facts(), *caption])})"

    def __media__(self, sink: Sink) -> dict[str, Any]:
        return {"_type": self._declaration.type, "_version": self._declaration.version, **self._to_part(sink)}

    @classmethod
    def __from_media__(cls, document: dict[str, Any], source: Source) -> Self:
        """The value of a checked document; its sidecars are read from `source` and verified."""
        value = cls._from_part(document, source)
        if document["_version"] != cls._declaration.version:  # a later minor: written back as it was
            value._set(_unknown={**value.__dict__.get("_unknown", {}), "_version": document["_version"]})
        return value


class HasFile(Frozen):
    """A value of one file, which other programs open."""

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], **options: Any) -> Self:
        """The value of a file; `options` and errors are those of the constructor.

        Raises:
            InputError: `path` is no path, or what the constructor finds wrong with the file.
        """
        if not is_path(path):
            name = cls.__name__
            raise InputError.of(f"{name}.from_path", "a path", path, f"Use {name}(data) for other data.")
        make: Any = cls  # each type has a constructor of its own, whose first argument may be a path
        return make(Path(os.fsdecode(path)), **options)  # type: ignore[no-any-return]

    def to_bytes(self) -> bytes:
        """The file as it is stored."""
        return self._sidecar().read()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file as it is stored, and return its path.

        Args:
            path: where to; the suffix must be the format's own, since nothing is converted. A file that is there is
                replaced.

        Raises:
            InputError: no path, or its suffix is that of another format.
            StoreError: the system cannot write there.
        """
        where, suffix = f"{type(self).__name__}.save", self._file_type()[0]
        file = Path(path_text(path, where, "the path of a file", f"Pass a text such as 'name{suffix}'."))
        if not file.name.lower().endswith(suffix):
            is_folder = not file.name.strip(".")
            better = file / f"{type(self).__name__.lower()}{suffix}" if is_folder else file.with_suffix(suffix)
            raise InputError.of(where, f"a name that ends in {suffix}", str(path), f"Use {better}.")
        try:
            file.write_bytes(self.to_bytes())
        except OSError as error:
            raise os_error(StoreError, str(file), "write the file", error, "Check the folder.") from error
        return file


class FileValue(HasFile, Value):
    """A media value whose main sidecar is one file, as other programs open it."""

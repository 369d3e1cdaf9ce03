"""What is logged as an artifact: paths, URLs, media values, and mappings of them, as entries."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from .._core import canonical
from .._core.canonical import is_utf8_encodable
from .._core.codec import encode
from .._core.errors import InputError, Problem, StoreError, Verbatim, collect, os_error, problem
from .._core.file_names import check_names
from .._core.sidecar import changed, content_path, hash_file
from .._core.value import is_media
from .._core.wrapping import tag_of, wrap
from ..store.location import RemotePath
from ..store.urls import locate
from .blobs import Blobs
from .manifest import Entry
from .selecting import leaves

MEDIA = "media"  # in an artifact: the sidecars of its values
_ASKED = ("s3", "gs", "gcs", "az", "abfs", "abfss")  # schemes whose servers say what they have
_WHERE = "log_artifact"
_SOURCES = "a path, a URL, bytes, a media value, or a dict of names to these"


class Reference(NamedTuple):
    """A file elsewhere that an artifact refers to, with what is known of it; nothing is asked.

    `url`; `size` in bytes; `sha256` in hexadecimal; `etag` as its server says it; `modified`, seconds since the epoch.
    """

    url: str
    size: int | None = None
    sha256: str | None = None
    etag: str | None = None
    modified: float | None = None


def _wrong_reference(reference: Reference) -> tuple[str, str] | None:
    """The member of a reference that cannot be, and what it should be."""
    size, modified = reference.size, reference.modified
    if not isinstance(reference.url, str) or "://" not in reference.url or not is_utf8_encodable(reference.url):
        return "url", "a URL"
    if size is not None and not (type(size) is int and 0 <= size < 2**63):
        return "size", "a number of bytes"
    if reference.sha256 is not None and not re.fullmatch("[0-9a-f]{64}", str(reference.sha256)):
        return "sha256", "64 hexadecimal digits"
    if reference.etag is not None and not (isinstance(reference.etag, str) and is_utf8_encodable(reference.etag)):
        return "etag", "a text"
    if modified is not None and not (type(modified) in (int, float) and abs(modified) < 1e15):
        return "modified", "seconds since 1970-01-01 UTC"
    return None


class Gathered(NamedTuple):
    """What an artifact is going to hold, by path: entries that are known, and the content of others."""

    entries: dict[str, Entry]
    contents: dict[str, tuple[Path | bytes, bool]]  # and whether it is executable
    main: str | None  # the path of the one file that it is


def gather(source: Any, blobs: Blobs, own: Path, problems: list[Problem]) -> Gathered:
    """Look at all that is to be logged; of it only the parts of media values are stored yet.

    Args:
        source: a path, a URL, a `Reference`, bytes or a media value, or a mapping of names to these.
        blobs: get what media values consist of.
        own: the directory of artifacts, which no directory may hold.
        problems: gets everything that is wrong.

    Raises:
        StoreError: the system refused, or a server does not answer.
    """
    gathering = _Gathering(blobs, own, problems)
    main = None
    if isinstance(source, Mapping) and not is_media(source) and "_type" not in source:
        for name, item in source.items():
            if isinstance(name, str) and name:
                gathering.add(name, item)
            else:
                problems.append(problem(_WHERE, "names that are text", name, "Use str(...)."))
    else:
        main = gathering.add("", source)
    gathered = Gathered(gathering.entries, gathering.contents, main)
    problems += check_names([*gathered.entries, *gathered.contents], _WHERE).values()
    if not (gathered.entries or gathered.contents or problems):
        problems.append(problem(_WHERE, "something to log", Verbatim("nothing"), "Check the path."))
    return gathered


class _Gathering:
    """Gathers entries; a problem does not keep it from looking at the rest."""

    def __init__(self, blobs: Blobs, own: Path, problems: list[Problem]) -> None:
        self._blobs, self._own, self._problems = blobs, own, problems
        self.entries: dict[str, Entry] = {}
        self.contents: dict[str, tuple[Path | bytes, bool]] = {}

    def add(self, name: str, item: Any) -> str | None:
        """Add something under a name, "" for its own; returns the path of the file that it is, if it is one."""
        if isinstance(item, Reference):
            if wrong := _wrong_reference(item):
                hint = "Leave out what is not known."
                self._problems.append(
                    problem(f"artifact[{name!r}].{wrong[0]}", wrong[1], getattr(item, wrong[0]), hint)
                )
                return None
            self._put(Entry(name or _last(item.url), **item._asdict()))
        elif isinstance(item, str) and "://" in item:
            for entry in collect(self._problems, _look_at, item, name) or ():
                self._put(entry)
        elif isinstance(item, (str, os.PathLike)):
            return self._add_path(name, os.path.abspath(os.path.expanduser(item)))
        elif isinstance(item, (bytes, bytearray, memoryview)) and name:
            self._put_content(name, bytes(item), False)
            return name
        elif is_media(item) or tag_of(item) is not None:
            self._add_value(name, item)
        else:
            self._refuse(_SOURCES, item, "See help(mediatypes.Run.log_artifact).")
        return None

    def _add_path(self, name: str, path: str) -> str | None:
        if os.path.isfile(path):
            name = name or os.path.basename(path)
            self._put_content(name, Path(path), os.access(path, os.X_OK))
            return name
        if not os.path.isdir(path):
            self._refuse("an existing file or directory", path, "Check the path.", "no-file")
        elif self._own.is_relative_to(os.path.realpath(path)):
            self._refuse(f"a directory without {self._own}", path, "Log a directory in it.", "own")
        else:
            for entry in _walk(path):
                below = f"{name}/{entry.name}" if name else entry.name
                if entry.directory:
                    self._put(Entry(below, directory=True))
                elif entry.reason:
                    self._refuse(entry.reason, entry.path, "Replace it, or leave it out.", "link")
                else:
                    self._put_content(below, Path(entry.path), entry.executable)
        return None

    def _add_value(self, name: str, value: Any) -> None:
        sink = _Sink(self._blobs)
        value = collect(self._problems, wrap, value)
        document = None if value is None else collect(self._problems, encode, value, sink)
        if document is not None:
            path = name or str(document["_type"])
            path = path if path.endswith(".json") else f"{path}.json"
            sha256, size = self._blobs.put(canonical.dump_pretty(document))
            self._put(Entry(path, sha256, size, value=str(document["_type"])))
            self.entries |= sink.entries

    def _put(self, entry: Entry) -> None:
        self._require_new(entry.path)
        self.entries[entry.path] = entry

    def _put_content(self, path: str, content: Path | bytes, executable: bool) -> None:
        self._require_new(path)
        self.contents[path] = content, executable and os.name == "posix"

    def _require_new(self, path: str) -> None:
        if path in self.entries or path in self.contents:
            self._refuse("each path once", path, "Rename one of them.", "twins")

    def _refuse(self, expected: str, got: Any, hint: str, code: str = "invalid") -> None:
        self._problems.append(problem(_WHERE, expected, got, hint, code))


class _Found(NamedTuple):
    """What was found in a directory: its name below it, and why it cannot be logged, if it cannot."""

    name: str
    path: str
    executable: bool = False
    directory: bool = False
    reason: str = ""


def _walk(top: str) -> Iterator[_Found]:
    """The files and empty directories below a directory, in the order of their names.

    Raises:
        StoreError: the system refused.
    """
    waiting = [(top, "")]
    while waiting:
        folder, below = waiting.pop()
        try:
            with os.scandir(folder) as opened:
                entries = sorted(opened, key=lambda entry: entry.name)
            for entry in entries:
                name = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, f"{name}/"))
                    continue
                if entry.is_symlink() and leaves(entry.path, top):
                    yield _Found(name, entry.path, reason=f"no link that leaves {top}")
                elif not (
                    os.path.isfile(entry.path) if entry.is_symlink() else entry.is_file()
                ):  # links may lead nowhere
                    yield _Found(name, entry.path, reason="a file, or a link to one")
                else:
                    yield _Found(name, entry.path, executable=bool(entry.stat().st_mode & stat.S_IXUSR))
            if not entries and below:
                yield _Found(below.rstrip("/"), folder, directory=True)
        except OSError as error:
            raise os_error(StoreError, folder, "read the directory", error, "Check permissions.") from error


def _look_at(url: str, name: str) -> Iterator[Entry]:
    """References to what a URL means, with what can be known of it: all files below it, if it is a directory."""
    parts = urlsplit(url)
    if parts.password:
        shown = f"{parts.scheme}://...@{parts.hostname}"
        raise InputError.of(_WHERE, "a URL without a password", shown, "Set it in the environment; a URL is stored.")
    scheme = parts.scheme.lower()
    if scheme not in ("file", *_ASKED):
        return iter([Entry(name or _last(url), url=url)])
    place = locate(url, _WHERE)
    return iter(_local(place, name) if isinstance(place, Path) else _elsewhere(place, url, name))


def _local(path: Path, name: str) -> list[Entry]:
    """References to files of this machine, hashed."""
    if not path.exists():
        raise InputError.of(_WHERE, "an existing file or directory", str(path), "Check the URL.", "no-file")
    try:
        if path.is_file():
            sha256, size = hash_file(path)
            return [Entry(name or path.name, sha256, size, url=path.as_uri())]
        entries = []
        for file in _walk(str(path)):
            if not file.reason and not file.directory:
                sha256, size = hash_file(Path(file.path))
                below = f"{name}/{file.name}" if name else file.name
                entries.append(Entry(below, sha256, size, url=Path(file.path).as_uri()))
        return entries
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise os_error(StoreError, str(path), "read the file", error, "Check permissions.") from error


def _elsewhere(place: RemotePath, url: str, name: str) -> list[Entry]:
    """References to objects of a server, with size and time."""
    hint = f"Check the URL, the credentials and the network; mediatypes.Reference({url!r}) asks nothing."
    base, query = url.partition("?")[::2]
    query = f"?{query}" if query else ""
    try:
        states = place.states()
    except OSError as error:
        raise os_error(StoreError, url, "ask for the file", error, hint) from error
    if not states:
        raise InputError.of(_WHERE, "an existing file or directory", url, "Check the URL.", "no-file")
    return [
        Entry(
            "/".join(filter(None, (name or (_last(base) if not below else ""), below))),
            size=state.size,
            url=f"{base.rstrip('/')}/{below}".rstrip("/") + query,
            modified=state.modified,
        )
        for below, state in sorted(states.items())
    ]


def _last(url: str) -> str:
    """The name of the file behind a URL."""
    parts = urlsplit(url)
    return PurePosixPath(unquote(parts.path)).name or parts.netloc


class _Sink:
    """Stores the sidecars of a value as files of the artifact."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.entries: dict[str, Entry] = {}

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        path = f"{MEDIA}/{content_path(sha256, suffix)}"
        stored = self._blobs.put(data)
        if stored != (sha256, size):
            raise changed(data)
        self.entries[path] = Entry(path, sha256, size)
        return path

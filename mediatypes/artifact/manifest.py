"""Manifests: what a version of an artifact holds, as its `manifest.json` says it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from .._core import canonical
from .._core.codec import require_readable
from .._core.declaration import Boolean, Field, Integer, Json, List, Map, Number, Record, Rule, Text
from .._core.errors import (
    DocumentError,
    Problem,
    StoreError,
    Verbatim,
    os_error,
    problem,
)
from .._core.file_names import check_names
from .._core.location import Location
from .._core.sidecar import read_file

FORMAT = "1.0"
MANIFEST = "manifest.json"
LARGEST = 2**28  # bytes of a manifest
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"  # of artifacts and aliases
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,8})")
_RESTORE = "Restore it from a copy."


class Entry(NamedTuple):
    """What stands under a path: a stored file, an empty directory, or a reference to a file elsewhere."""

    path: str
    sha256: str | None = None
    size: int | None = None
    executable: bool = False
    value: str | None = None
    directory: bool = False
    url: str | None = None
    etag: str | None = None
    modified: float | None = None

    @property
    def is_stored(self) -> bool:
        """Whether it is a file whose bytes are kept."""
        return self.url is None and not self.directory

    def to_json(self) -> dict[str, Any]:
        """Without members that say nothing."""
        return {name: item for name, item in self._asdict().items() if item is not None and item is not False}


def _check_form(entry: dict[str, Any], where: str) -> Iterator[Problem]:
    forms = [entry.get("directory") is True, "url" in entry, "url" not in entry and entry.keys() >= {"sha256", "size"}]
    if sum(forms) != 1:
        expected = "a file (sha256 and size), a reference (url) or a directory"
        yield problem(where, expected, Verbatim(", ".join(sorted(entry))), _RESTORE)


_ENTRY = Record(
    "A stored file, an empty directory, or a reference to a file elsewhere.",
    (
        Field("path", Text(min_length=1), "Its path in the artifact, with `/`."),
        Field("sha256", Text(pattern="[0-9a-f]{64}"), "SHA-256 of its bytes, in hexadecimal.", required=False),
        Field("size", Integer(0), "Its length in bytes.", required=False),
        Field("executable", Boolean(), "True when the file may be run as a program.", required=False),
        Field("value", Text(min_length=1), "Present when the file is a document: its `_type`.", required=False),
        Field("directory", Boolean(), "True for a directory without anything in it.", required=False),
        Field("url", Text(min_length=1), "Present when the file is not stored: where it is.", required=False),
        Field("etag", Text(), "Of a reference: what its server calls its content.", required=False),
        Field("modified", Number(), "Of a reference: when it was modified, seconds since the epoch.", required=False),
    ),
    (Rule("it is a file with sha256 and size, a reference with url, or a directory", _check_form),),
)
_MAKER = Record(
    "The run that logged it.",
    (
        Field("id", Text(min_length=1), "Its id."),
        Field("name", Text(), "Its name."),
        Field("path", Text(min_length=1), "Its way from the directory that holds `artifacts/`.", required=False),
    ),
)


def _check_entries(value: dict[str, Any], where: str) -> Iterator[Problem]:
    place = f"{where}.entries".lstrip(".")
    paths = [entry["path"] for entry in value["entries"]]
    yield from check_names(paths, place).values()
    if paths != sorted(set(paths)):
        yield problem(place, "entries sorted by path, each path once", Verbatim("others"), _RESTORE)
    if "main" in value and not any(e["path"] == value["main"] and "sha256" in e for e in value["entries"]):
        yield problem(f"{where}.main".lstrip("."), "the path of a file", value["main"], _RESTORE)
    if value["digest"] != digest_of(value["entries"]):
        yield problem(f"{where}.digest".lstrip("."), "the SHA-256 of the entries", value["digest"], _RESTORE)


ARTIFACT_JSON = Record(
    "A version of an artifact: what it holds, and where it came from. It never changes.",
    (
        Field("format", Text(pattern=r"[0-9]+\.[0-9]+"), "Version of the format of artifacts."),
        Field("name", Text(pattern=NAME), "Name of the artifact."),
        Field("version", Integer(0), "Number of the version."),
        Field("type", Text(min_length=1), "What sort of thing it is, such as dataset or model."),
        Field("description", Text(), "What its author says about it.", required=False),
        Field("digest", Text(pattern="[0-9a-f]{64}"), "SHA-256 of `entries` as canonical JSON, in hexadecimal."),
        Field("created", Number(), "Seconds since the epoch."),
        Field("run", _MAKER, "The run that logged it.", required=False),
        Field("metadata", Map(Json()), "Plain data about it.", required=False),
        Field("main", Text(min_length=1), "Present when it is one file: the path of that.", required=False),
        Field("entries", List(_ENTRY), "What it holds, sorted by path."),
    ),
    (Rule("paths are safe and differ in more than case, main is one, and the digest is right", _check_entries),),
)


def digest_of(entries: Iterable[dict[str, Any]]) -> str:
    """What stands for the content of a version."""
    return hashlib.sha256(canonical.dump_bytes([*entries])).hexdigest()


class Manifest:
    """A version of an artifact, checked."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        self.name, self.number, self.type = str(value["name"]), int(value["version"]), str(value["type"])
        self.digest, self.metadata = str(value["digest"]), dict(value.get("metadata", {}))

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """What it holds, by path."""
        known = Entry._fields
        return {
            entry["path"]: Entry(**{name: item for name, item in entry.items() if name in known})
            for entry in self.value["entries"]
        }

    def says(self, other: dict[str, Any]) -> bool:
        """Whether it says of itself what another says that was not written yet; metadata that is not there differs
        from none."""
        members = ("digest", "main", *(name for name in ("metadata", "description") if name in other))
        return all(canonical.dumps(self.value.get(name)) == canonical.dumps(other.get(name)) for name in members)


def read_manifest(root: Location, name: str, number: int) -> Manifest:
    """The manifest of a version.

    Raises:
        StoreError: there is none, or the system refused.
        DocumentError: it is damaged, or hostile: with every problem.
        UnsupportedVersionError: a newer major version wrote it.
    """
    path = root / f"{name}/v{number}/{MANIFEST}"
    try:
        data = read_file(path, LARGEST + 1)
    except OSError as error:
        raise os_error(StoreError, str(path), "read the manifest", error, "mediatypes artifacts ls.") from error
    if len(data) > LARGEST:
        raise DocumentError.of(str(path), f"at most {LARGEST} bytes", Verbatim("more"), _RESTORE, "size")
    try:
        value = canonical.loads(data)
    except ValueError as error:
        got = Verbatim(f"{len(data):,} bytes that are not JSON")
        raise DocumentError.of(str(path), "a manifest", got, _RESTORE, "not-json") from error
    require_readable(str(path), value.get("format") if isinstance(value, dict) else None, FORMAT)
    problems = list(ARTIFACT_JSON.check(value))
    if not problems and (value["name"], value["version"]) != (name, number):
        problems.append(
            problem("name", f"{name}:v{number}, as its directory", f"{value['name']}:v{value['version']}", _RESTORE)
        )
    if problems:
        raise DocumentError(one._replace(path=f"{path}: {one.path}") for one in problems)
    return Manifest(value)


def number_of(name: str) -> int | None:
    """The number of a version by its name: 3 of "v3"; None if it is none."""
    matched = _VERSION.fullmatch(name)
    return int(matched[1]) if matched else None

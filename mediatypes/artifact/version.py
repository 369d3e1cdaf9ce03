"""Artifact: a version of one, to be read."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .._core import atomic, canonical
from .._core.codec import decode
from .._core.errors import (
    DocumentError,
    HashMismatch,
    InputError,
    MediaTypesError,
    Problem,
    SidecarMissing,
    StoreError,
    Verbatim,
    describe,
    os_error,
)
from .._core.hooks import hook
from .._core.location import Location, local_path
from .._core.sidecar import hash_file, safe_parts
from .._core.wording import counted
from ..runfolder import files, lineage
from ..store.urls import locate
from .blobs import Blobs
from .gathering import Reference
from .manifest import Entry, Manifest

if TYPE_CHECKING:
    from ..runset.runset import RunSet

FILES = "files"  # of a version: its files by name
_PIECE = 1024 * 1024
_LARGEST = 2**28  # bytes of a document
_AGAIN = "Remove that directory: it is made again of the blobs."


class Artifact:
    """A version of an artifact. `mt.artifacts(root).use("name:best")` gives it.

    `name`, `version` ("v3", of which 3 is the `number`), `aliases`, `type`, `description`, `metadata`, `digest` (which
    tells its content from any other), `created` (seconds since the epoch), `size` (bytes of what is stored), `run` (id,
    name and path of the run that logged it, or None), `entries` (by path).

    Args:
        root: the directory of artifacts.
        manifest: what it holds.
        aliases: that mean it.

    >>> import tempfile, mediatypes as mt
    >>> store = mt.artifacts(tempfile.mkdtemp())
    >>> artifact = store.log("cats", "dataset", {"a.txt": b"meow"}, aliases=["best"])
    >>> (artifact.path / "a.txt").read_bytes(), store.use("cats:best").version
    (b'meow', 'v0')
    """

    def __init__(self, root: Location, manifest: Manifest, aliases: tuple[str, ...]) -> None:
        self._root, self._manifest, self.aliases = root, manifest, aliases
        self._blobs = Blobs(root)
        self._path: Path | None = None  # once it was checked
        value = manifest.value
        self.name, self.number, self.type = manifest.name, manifest.number, manifest.type
        self.version = f"v{self.number}"
        self.digest, self.metadata = manifest.digest, manifest.metadata
        self.description: str | None = value.get("description")
        self.created = float(value["created"])
        self.run: dict[str, str] | None = value.get("run")
        self.entries: dict[str, Entry] = manifest.entries
        self.size = sum(int(entry.size or 0) for entry in self.entries.values() if entry.is_stored)

    @property
    def path(self) -> Path:
        """Its folder, or the file that it is, to be read: every byte has been compared with its hash.

        The files are read-only, since other versions share their content: `download` makes copies that may be changed.
        References are not in it.

        Raises:
            HashMismatch: something was changed.
            StoreError: it is elsewhere, has nothing but references, or the system refused.
        """
        if self._path is None:
            self._path = self._checked_path()
        return self._path

    @property
    def references(self) -> dict[str, Reference]:
        """What it refers to and does not hold, by path."""
        return {
            path: Reference(entry.url, entry.size, entry.sha256, entry.etag, entry.modified)
            for path, entry in self.entries.items()
            if entry.url is not None
        }

    def get(self, name: str) -> Any:
        """The media value of a name, or the path of a file; checked as `path` is.

        Raises:
            InputError: there is none of that name.
            DocumentError, StoreError: it is damaged.

        >>> import tempfile, mediatypes as mt
        >>> artifact = mt.artifacts(tempfile.mkdtemp()).log("counts", "result", {"hist": mt.Histogram([1, 2, 2])})
        >>> artifact.get("hist") == mt.Histogram([1, 2, 2])
        True
        """
        for path in (name, f"{name}.json"):
            entry = self.entries.get(path)
            if entry and entry.value is not None and entry.is_stored:
                return decode(self._document(entry), self)
            if entry and entry.is_stored:
                return self.path if self._manifest.value.get("main") == path else self.path / path
        hint = "Look at .references." if name in self.entries else "Look at .entries."
        raise InputError.of(f"{self.name}:{self.version}", "the name of a file or value in it", name, hint)

    def open(self, path: str) -> BinaryIO:
        """A file of it by its path, to be read; raises `SidecarMissing`."""
        entry = self.entries.get(path) if isinstance(path, str) else None
        if not entry or not entry.is_stored:
            raise SidecarMissing.of(f"{self.name}:{self.version}", "a file in it", path, "Look at .entries.")
        return self._blobs.open(str(entry.sha256))

    def download(self, dest: str | os.PathLike[str], references: bool = False) -> Path:
        """Copy it to a folder that is not there yet; returns that. The copies may be changed.

        Args:
            dest: the folder to be made.
            references: fetch what it refers to as well, from wherever the URLs say.

        Raises:
            HashMismatch: something has other bytes than it had.
            StoreError: `dest` is there, a URL cannot be fetched, or the system refused. Nothing is left then.
        """
        target = local_path(dest, "download")
        if os.path.lexists(target):
            raise StoreError.of(str(target), "a folder to be made", Verbatim("one that is there"), "Choose another.")
        with atomic.replacing(target, "copy the artifact") as temporary:
            temporary.mkdir(parents=True)
            for entry in self.entries.values():
                file = temporary.joinpath(*safe_parts(entry.path))
                if entry.directory:
                    file.mkdir(parents=True, exist_ok=True)
                elif entry.is_stored or references:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    with open(file, "xb") as written:
                        for piece in self._pieces(entry) if entry.is_stored else _fetched(entry):
                            written.write(piece)
                    if entry.executable:
                        file.chmod(file.stat().st_mode | 0o111)
        return target

    def used_by(self) -> RunSet:
        """The runs beside it that used it; those that are elsewhere nobody knows.

        Whether a run whose files are damaged did nobody knows: it is left out, and among the `problems` of the result.
        """
        from ..runset.discovery import find_runs
        from ..runset.runset import RunSet
        from ..view import RunView

        mine, base = (self.name, self.version, self.digest, lineage.USED), self._local().parent
        users, problems = list[RunView](), list[Problem]()
        for run in find_runs(base, problems=problems):
            try:
                if any((one.name, one.version, one.digest, one.role) == mine for one in lineage.read_lineage(run)):
                    users.append(RunView(run))
            except MediaTypesError as error:
                problems += [one._replace(path=one.path or str(run)) for one in describe(error)]
        return RunSet(users, base, problems)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: its files in a table, and the `repr`."""
        return hook("show_artifacts")(self)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        count = f"{len(self.entries)} {'entry' if len(self.entries) == 1 else 'entries'}"
        return f"Artifact({self.name}:{self.version}, {self.type}, {count})"

    def _local(self) -> Path:
        if not isinstance(self._root, Path):
            hint = "Use .download(folder)."
            raise StoreError.of(str(self._root), "artifacts of this machine", Verbatim("some elsewhere"), hint)
        return self._root

    def _checked_path(self) -> Path:
        root = self._local()
        if not any(entry.url is None for entry in self.entries.values()):
            hint = "Look at .references, or use .download(folder, references=True)."
            raise StoreError.of(f"{self.name}:{self.version}", "files that are stored", Verbatim("references"), hint)
        name = f"{self.name}/{self.version}"
        files.require_no_links(root.parent, [root.name])
        files.require_no_links(root, [self.name, name, f"{name}/{FILES}"])
        folder = root / name / FILES
        if not folder.is_dir():
            try:
                temporary = folder.with_name(atomic.temporary_name(FILES))
                lay_out(self._blobs, self.entries, temporary, may_copy=True)
                try:
                    os.rename(temporary, folder)
                except OSError:
                    shutil.rmtree(temporary, ignore_errors=True)
                    if not folder.is_dir():  # else another process was faster
                        raise
            except OSError as error:
                if isinstance(error, StoreError):
                    raise
                raise os_error(StoreError, str(folder), "make the folder", error, "Use .download(folder).") from error
        _require_same(folder, self.entries)
        main = self._manifest.value.get("main")
        return folder / main if main else folder

    def _document(self, entry: Entry) -> Any:
        if int(entry.size or 0) > _LARGEST:
            raise DocumentError.of(entry.path, f"at most {_LARGEST} bytes", entry.size, "Restore it.", "size")
        try:
            return canonical.loads(b"".join(self._pieces(entry)))
        except ValueError as error:
            raise DocumentError.of(entry.path, "a document", str(error), "Restore it.", "not-json") from error

    def _pieces(self, entry: Entry) -> Iterator[bytes]:
        where = f"{self.name}:{self.version}/{entry.path}"
        return self._blobs.pieces(str(entry.sha256), int(entry.size or 0), where)


def lay_out(blobs: Blobs, entries: dict[str, Entry], folder: Path, *, may_copy: bool) -> None:
    """Make a new folder of an artifact's files by name: hard links to their blobs, or copies.

    Args:
        blobs: where the content is.
        entries: all of it.
        folder: to be made.
        may_copy: whether to copy all where there are no hard links; else that raises OSError.

    Raises:
        OSError: the system refused.
    """
    os.makedirs(folder)
    made = {str(folder)}
    linked = may_copy
    for entry in entries.values():
        if entry.url is not None:
            continue
        file = os.path.join(folder, *safe_parts(entry.path))
        parent = file if entry.directory else os.path.dirname(file)
        if parent not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        if entry.directory:
            continue
        sha256 = str(entry.sha256)
        try:
            if not entry.executable:
                os.link(blobs.place(sha256), file, follow_symlinks=False)  # type: ignore[arg-type]
                linked = True
                continue
        except OSError:  # none here, or too many of this one
            if not linked:
                raise
        with open(file, "xb") as copied:
            for piece in blobs.pieces(sha256, int(entry.size or 0), entry.path):
                copied.write(piece)
        os.chmod(file, 0o555 if entry.executable else 0o444)


def _require_same(folder: Path, entries: dict[str, Entry]) -> None:
    """Compare a folder with what an artifact holds; raises `HashMismatch` or `StoreError`."""
    wanted = {path: entry for path, entry in entries.items() if entry.is_stored}
    present = dict[str, bool]()  # whether it is a file
    try:
        for top, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(top, name)
                is_file = stat.S_ISREG(os.lstat(path).st_mode)
                present[Path(os.path.relpath(path, folder)).as_posix()] = is_file
        others = [path for path in sorted(wanted.keys() | present.keys()) if not (path in wanted and present.get(path))]
        if others:
            got = Verbatim(f"{len(others)} more or fewer, such as {others[0]!r}")
            raise StoreError.of(str(folder), f"the {counted(len(wanted), 'file')} of the artifact", got, _AGAIN)
        wrong = [p for p, entry in wanted.items() if hash_file(folder / p) != (entry.sha256, entry.size)]
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise os_error(StoreError, str(folder), "read the folder", error, "Use .download(folder).") from error
    if wrong:
        got = Verbatim(f"others in {len(wrong)}, such as {wrong[0]!r}")
        hint = f"Restore what {folder} and the blobs hold from a copy."
        raise HashMismatch.of(str(folder), "the bytes that were logged", got, hint)


def _fetched(entry: Entry) -> Iterator[bytes]:
    """The content of a reference, compared with what is known of it."""
    place, digest, size = locate(str(entry.url), "download"), hashlib.sha256(), 0
    try:
        with place.open("rb") as file:
            while piece := file.read(_PIECE):
                size += len(piece)
                digest.update(piece)
                yield piece
    except OSError as error:
        hint = "Check the URL, the credentials and the network."
        raise os_error(StoreError, str(entry.url), "fetch the file", error, hint) from error
    if size != (size if entry.size is None else entry.size) or entry.sha256 not in (None, digest.hexdigest()):
        raise HashMismatch.of(str(entry.url), "the file as it was logged", Verbatim("another"), "Log it again.")

"""Files that are kept with a run: `files/<name>` as they were, and `files.json`, which lists them with their hashes.

The directory says which files there are; the list is made of it, after it. So a process that is killed in between loses
nothing: who finishes or recovers the run looks again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from .._core import atomic
from .._core.declaration import Field, Integer, List, Number, Record, Rule, Text
from .._core.errors import (
    DocumentError,
    HashMismatch,
    InputError,
    MediaTypesError,
    Problem,
    StoreError,
    UnsafePath,
    Verbatim,
    os_error,
    problem,
)
from .._core.file_names import check_names
from .._core.location import Location
from .._core.processes import ForkSafeLock
from .._core.sidecar import content_pieces, hash_file, safe_parts
from . import files

_lock = ForkSafeLock()  # the list is read, changed and written


def _check_listed(value: dict[str, Any], where: str) -> Iterator[Problem]:
    names = [file["name"] for file in value["files"]]
    yield from check_names(names, f"{where}.files".lstrip(".")).values()
    if len(set(names)) < len(names):
        yield problem(f"{where}.files".lstrip("."), "each name once", Verbatim("some twice"))


FILES_JSON = Record(
    "Files that are kept with a run, in `files/`.",
    (
        Field("format", Text(pattern=r"[0-9]+\.[0-9]+"), "Version of the run folder's format."),
        Field(
            "files",
            List(
                Record(
                    "A file.",
                    (
                        Field("name", Text(min_length=1), "Its path below `files/`, with `/`."),
                        Field("sha256", Text(pattern="[0-9a-f]{64}"), "SHA-256 of its bytes, in hexadecimal."),
                        Field("size", Integer(0), "Its length in bytes."),
                        Field("time", Number(), "When it was written there, in seconds since the epoch."),
                    ),
                )
            ),
            "The files, each once, by name.",
        ),
    ),
    (Rule("names are safe paths, and differ in more than case", _check_listed),),
)


class SavedFile(NamedTuple):
    """A file that is kept with a run.

    `name` is its path below `files/`, `path` where it is, here or elsewhere, `time` seconds since the epoch; `sha256`
    is None, and `time` may be, of a file that nobody has listed.
    """

    name: str
    path: Location
    size: int
    sha256: str | None
    time: float | None

    def open(self) -> BinaryIO:
        """The file, to be read, as it is."""
        try:
            return self.path.open("rb")
        except OSError as error:
            raise os_error(StoreError, str(self.path), "read the file", error, "Restore it from a copy.") from error

    def read_bytes(self) -> bytes:
        """The content, compared with its hash; raises `HashMismatch`."""
        try:
            with self.open() as file:
                data = file.read()
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise os_error(StoreError, str(self.path), "read the file", error, "Restore it from a copy.") from error
        if self.sha256 is not None and hashlib.sha256(data).hexdigest() != self.sha256:
            raise HashMismatch.of(
                str(self.path), f"the bytes that {files.LISTED} lists", Verbatim("others"), "Restore it."
            )
        return data

    def __fspath__(self) -> str:
        if not isinstance(self.path, Path):
            raise StoreError.of(
                str(self.path), "a file of this machine", Verbatim("one elsewhere"), "Use read_bytes()."
            )
        return str(self.path)


def put_files(root: Path, contents: Mapping[str, bytes | Path], *, durable: bool = False) -> list[SavedFile]:
    """Keep files with a run, and list them. One of a name that is there is replaced, at once.

    Equal content is stored once where the file system has hard links.

    Args:
        root: the run's directory, whose lock this process holds.
        contents: by name, bytes or the file to be copied.
        durable: wait until they are on the disk.

    Raises:
        InputError: with every name that is not safe; nothing is kept then.
        UnsafePath: a directory on the way is a link.
        StoreError: the system refused; those that were kept before are listed.
    """
    with _lock:
        files.require_no_links(root, [files.ATTACHED])
        listed = _read_listed_or_none(root)
        if wrong := _wrong_names(listed, contents):
            raise InputError(wrong.values())
        try:
            for name, content in contents.items():
                listed[name] = _put(root, name, content, listed, durable)
        finally:
            _write_listed(root, listed, durable)
        return [listed[name] for name in contents]


def wrong_names(root: Path, names: Iterable[str]) -> dict[str, Problem]:
    """What is wrong with names that shall be put into a run, by name."""
    return _wrong_names(_read_listed_or_none(root), names)


def _wrong_names(listed: Iterable[str], names: Iterable[str]) -> dict[str, Problem]:
    wrong = check_names(dict.fromkeys([*listed, *names]), "save")
    for name in names:
        if name not in wrong and not _is_visible(name):
            expected = "a name without parts that begin with a dot"
            wrong[name] = problem("save", expected, name, "Rename it.", "unsafe")
    return wrong


def list_files(root: Location) -> dict[str, SavedFile]:
    """The files in `files/` of a run, by name, with what `files.json` says of them. Links are left out.

    Raises:
        DocumentError: `files.json` is damaged.
        StoreError: the system refused.
    """
    listed = read_listed(root)
    try:
        present = dict(_walk(root / files.ATTACHED))
    except OSError as error:
        raise os_error(StoreError, str(root), "list the files of the run", error, "Check permissions.") from error
    return {
        name: SavedFile(name, root / files.ATTACHED / name, size, listed[name].sha256, listed[name].time)
        if name in listed and listed[name].size == size
        else SavedFile(name, root / files.ATTACHED / name, size, None, time)
        for name, (size, time) in sorted(present.items())
    }


def read_listed(root: Location) -> dict[str, SavedFile]:
    """What `files.json` says, by name; empty without it. Raises `DocumentError`, `StoreError`."""
    path = root / files.LISTED
    try:
        if not path.is_file():
            return {}
    except OSError as error:
        raise os_error(StoreError, str(path), "look for the file", error, "Check permissions.") from error
    value = files.read_json(path)
    if problems := list(FILES_JSON.check(value)):
        raise DocumentError(one._replace(path=f"{path}: {one.path}") for one in problems)
    return {
        file["name"]: SavedFile(
            file["name"], root / files.ATTACHED / file["name"], int(file["size"]), file["sha256"], file["time"]
        )
        for file in value["files"]
    }


def update_listed(root: Path) -> None:
    """Make `files.json`, if there is one, say what is in `files/`: a process may have been killed before it could.

    Raises:
        StoreError: the system refused.
    """
    with _lock:
        if not (root / files.LISTED).exists():
            return
        before = _read_listed_or_none(root)
        listed = dict[str, SavedFile]()
        for name, (size, time) in _walk(root / files.ATTACHED):
            known, path = before.get(name), root / files.ATTACHED / name
            if known and (known.size, known.time) == (size, time):
                listed[name] = known
            else:
                with contextlib.suppress(OSError):  # one that nobody can read stays, and is not listed
                    listed[name] = SavedFile(name, path, size, hash_file(path)[0], time)
        if listed != before and not check_names(listed, "files"):
            _write_listed(root, listed, durable=True)


def _put(root: Path, name: str, content: bytes | Path, listed: dict[str, SavedFile], durable: bool) -> SavedFile:
    """Keep one file."""
    target = _resolve(root, name)
    known = listed.get(name)
    if known and _is_there(known) and _is_content(known, content):
        return known
    doing = "keep the file"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise os_error(StoreError, str(target), doing, error, "Choose another name, or free some space.") from error
    with atomic.replacing(target, doing, durable=durable) as temporary:
        digest = hashlib.sha256()
        with open(temporary, "xb") as file:
            for piece in content_pieces(content):
                digest.update(piece)
                file.write(piece)
        sha256 = digest.hexdigest()
        twin = next((one for one in listed.values() if one.sha256 == sha256 and one.name != name), None)
        if twin and _is_there(twin) and not _is_inside(root, content):
            with contextlib.suppress(OSError):  # a file system without hard links: it is stored twice
                linked = target.with_name(atomic.temporary_name(target.name))
                os.link(twin.path, linked)  # type: ignore[arg-type]
                os.replace(linked, temporary)
        status = temporary.stat()
    return SavedFile(name, target, status.st_size, sha256, status.st_mtime)


def _is_inside(root: Path, content: bytes | Path) -> bool:
    """Whether a file stands in `files/` already: who has written it there may do so again, and means this one only."""
    return isinstance(content, Path) and Path(os.path.realpath(content)).is_relative_to(
        os.path.realpath(root / files.ATTACHED)
    )


def _is_there(file: SavedFile) -> bool:
    """Whether a file is as it was listed, as far as the directory tells."""
    try:
        status = os.lstat(file.path)  # type: ignore[arg-type]
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and (status.st_size, status.st_mtime) == (file.size, file.time)


def _is_content(file: SavedFile, content: bytes | Path) -> bool:
    """Whether a listed file has this content."""
    if isinstance(content, bytes):
        return len(content) == file.size and hashlib.sha256(content).hexdigest() == file.sha256
    try:
        return content.stat().st_size == file.size and hash_file(content) == (file.sha256, file.size)
    except OSError as error:
        raise os_error(StoreError, str(content), "read the file", error, "Keep it until it is saved.") from error


def _resolve(root: Path, name: str) -> Path:
    target = root / files.ATTACHED
    for part in safe_parts(name):
        target = target / part
        if os.path.islink(target):
            raise UnsafePath.of(str(target), "no symbolic link in the run", Verbatim("one"), "Remove the link.")
    return target


def _walk(folder: Location) -> Iterable[tuple[str, tuple[int, float | None]]]:
    """Name, size and time of every file below a directory; raises OSError."""
    if not isinstance(folder, Path):
        for name, size in folder.entries(recursive=True).items():
            if size is not None and _is_visible(name):
                yield name, (size, None)
        return
    if folder.is_symlink():
        return
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for entry in names:
            path = Path(top, entry)
            name, status = path.relative_to(folder).as_posix(), _state_of(path)
            if status and stat.S_ISREG(status.st_mode) and _is_visible(name):
                yield name, (status.st_size, status.st_mtime)


def _state_of(path: Path) -> os.stat_result | None:
    """What `lstat` says; None of a file that was removed just now."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _is_visible(name: str) -> bool:
    """Whether a name is one of a reader's: those that begin with a dot are being written."""
    try:
        return not any(part.startswith(".") for part in safe_parts(name))
    except UnsafePath:
        return False


def _read_listed_or_none(root: Path) -> dict[str, SavedFile]:
    """What the list says; nothing if it is damaged, since it can be made again."""
    try:
        return read_listed(root)
    except MediaTypesError:
        return {}


def _write_listed(root: Path, listed: dict[str, SavedFile], durable: bool) -> None:
    members = ("name", "sha256", "size", "time")
    value = {
        "format": files.FORMAT,
        "files": [{member: getattr(listed[name], member) for member in members} for name in sorted(listed)],
    }
    files.write_json(root / files.LISTED, value, durable)

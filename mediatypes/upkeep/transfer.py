"""Copying runs to and from places elsewhere: only what is missing, and so that what is read there is whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .._core import canonical
from .._core.atomic import is_leftover
from .._core.errors import (
    HashMismatch,
    InputError,
    MediaTypesError,
    Problem,
    RunExists,
    StoreError,
    Verbatim,
    describe,
    os_error,
)
from .._core.location import local_path
from .._core.parallel import Progress, in_threads
from .._core.sidecar import open_file, safe_parts
from .._core.wording import counted
from ..runfolder import files
from ..runfolder.saved_files import read_listed
from ..runfolder.segments import Segment, Segments
from ..runset.discovery import find_roots
from ..store.location import RemotePath
from ..store.remote import RemoteStore, writable
from ..store.urls import is_url

_PIECE = 8 * 1024 * 1024
_TRIES = 5  # a run may be finished, resumed or edited while it is copied
_HEAD = 1024  # of a journal: its header
_COMPARED = 64 * 1024  # bytes at the end of a file: of Parquet the footer, which names what is in it and when
_SIDECAR = re.compile(rf"{files.SIDECARS}/[0-9a-f]{{2}}/([0-9a-f]{{64}})(\.[a-z0-9]+)+")
_HINT = "Check the URL, the credentials and the network; what is there already is not sent again."


class Copied(NamedTuple):
    """What copying did."""

    runs: list[str]  # that are there now, by their names
    files: int  # that were sent
    bytes: int
    problems: list[Problem]  # of runs that could not be copied, or not be read


def copy(source: Any, dest: str | os.PathLike[str] | RemoteStore, progress: Progress | None = None) -> Copied:
    """Copy runs to `dest`/<name>, such as from a directory to `s3://bucket/runs`, or back.

    What is there already is not sent again, so that it can be interrupted and repeated. A run appears there whole:
    `run.json` comes last. A run that is still written is copied as it stands, and can be read there as such.

    Args:
        source: runs, as `open_runs` takes them.
        dest: a URL, a directory, or what `open_store` made.
        progress: is called with (runs done, runs in all, name of the run) as runs are done.

    Returns:
        The names of the runs that are there now, how many `.files` and `.bytes` were sent, and the `.problems`.

    Raises:
        StoreError: a source directory is not there.
        InputError: a URL that names nothing.

    >>> import tempfile, mediatypes as mt
    >>> root = tempfile.mkdtemp()
    >>> with mt.Run(f"{root}/runs/demo") as run:
    ...     run.log({"loss": 0.5})
    >>> mt.copy(f"{root}/runs", f"file://{root}/copies").runs, mt.copy(f"{root}/runs", f"{root}/copies").files
    (['demo'], 0)
    >>> list(mt.open_run(f"{root}/copies/demo").values("loss"))
    [(0, 0.5)]
    """
    from ..runset.runset import open_runs

    runs, target = open_runs(source), writable(dest, "copy")
    if isinstance(dest, (str, os.PathLike)) and not is_url(dest):
        _require_outside(Path(os.path.realpath(local_path(dest, "copy"))), source)
    done, problems, sent, size = list[str](), list(runs.problems), 0, 0
    for number, (name, view) in enumerate(zip(runs.names, runs, strict=True), 1):
        try:
            one = RunCopy(view.path, target / name).update()
            done, sent, size = [*done, name], sent + one.files, size + one.bytes
        except (MediaTypesError, OSError) as error:
            problems += [problem._replace(path=problem.path or name) for problem in describe(error)]
        if progress:
            progress(number, len(runs), name)
    return Copied(done, sent, size, problems)


def _require_outside(dest: Path, source: Any) -> None:
    """Raise InputError if runs are to be copied into a run, or into the directory from which they come."""
    roots = [Path(os.path.realpath(root)) for root in find_roots(source) if isinstance(root, Path)]
    for root in (root for root in roots if dest.is_relative_to(root)):
        raise InputError.of("copy.dest", f"a directory outside of {root}", str(dest), "Pass another one.")
    for folder in (dest, *dest.parents):
        if (folder / files.RUN).is_file():
            got = Verbatim(f"{dest}, which is part of the run {folder.name}")
            raise InputError.of("copy.dest", "a directory for runs", got, "Pass a directory that is no run.")


class Sent(NamedTuple):
    """What one update has sent."""

    files: int
    bytes: int


class RunCopy:
    """A run and its copy, which follows it: sidecars first, then what mentions them, then `run.json`.

    Args:
        source: the run's directory, here or elsewhere.
        target: the directory of the copy.
    """

    def __init__(self, source: Path | RemotePath, target: RemotePath) -> None:
        if isinstance(source, Path) and not target.root.name and Path(target.path) == source:
            raise StoreError.of("copy", "another place than the run's own", str(source), "Choose another destination.")
        self.source, self.target = source, target
        self._there: dict[str, int] = {}  # sizes of what is there, once we have looked
        self._looked = False
        self._same: set[str] = set()  # journals that were compared, or sent by us
        self._stamps: dict[str, int] = {}  # of other files that were: when they were modified
        self._run = b""  # `run.json` as it was sent
        self._segments: Segments | None = None
        self._lock = threading.Lock()

    def update(self) -> Sent:
        """Send what is new.

        Raises:
            StoreError: the system refused, or does not answer; what was sent stays, and `run.json` is as it was.
            RunExists: another run is there.
            HashMismatch: a sidecar is damaged.
            DocumentError: the run is damaged.
        """
        with self._lock:
            sizes = list[int | None]()
            for left in reversed(range(_TRIES)):
                text = b""
                try:
                    files.read_run_json(self.source)
                    text = (self.source / files.RUN).read_bytes()  # of a run.json that is one
                    self._update(text, sizes)
                    break
                except (MediaTypesError, OSError) as error:
                    self._looked = False  # what was refused may be there all the same
                    if left and text and self._is_other(text):  # finished, resumed or edited just now
                        continue
                    if not isinstance(error, OSError) or isinstance(error, StoreError):
                        raise
                    raise os_error(StoreError, str(self.target), "copy the run", error, _HINT) from error
            return Sent(sum(size is not None for size in sizes), sum(size or 0 for size in sizes))

    def _is_other(self, text: bytes) -> bool:
        """Whether `run.json` is not this one any more."""
        with contextlib.suppress(OSError):
            return bool((self.source / files.RUN).read_bytes() != text)
        return False

    def _update(self, text: bytes, sizes: list[int | None]) -> None:
        """Send what is new of the run with this `run.json`; `sizes` gets the bytes of each file, None of others."""
        run = canonical.loads(text)
        if not self._looked:
            self._there, self._looked = self._look(run), True
        live = run["status"] == "running"
        segments = self._read_segments() if live else []
        names = _list(self.source)  # after the journals: what they mention is there
        sidecars = [name for name in names if _SIDECAR.fullmatch(name)]
        sizes += in_threads(lambda name: self._send_sidecar(name, names[name]), sidecars)
        sizes += self._send_rest({name: names[name] for name in names.keys() - sidecars}, live)
        if live:
            sizes += self._send_segments({f"{files.JOURNAL}/{segment.name}": segment for segment in segments})
        elif any(sizes):
            self._require_all(names)
        if any(size is not None for size in sizes) and self._is_other(text):  # what was sent may be of either
            raise StoreError.of(str(self.source), "a run that stays as it is", Verbatim("another"), "Copy it again.")
        if text != self._run:
            sizes.append(self._send(files.RUN, [text]))
            self._run = text
        if not live:
            self._remove([name for name in self._there if name.startswith(f"{files.JOURNAL}/")])

    def _look(self, run: dict[str, Any]) -> dict[str, int]:
        """What is there; raises `RunExists` if it is another run, `UnsafePath` if a part of it stands elsewhere."""
        entries = self.target.entries(recursive=True)
        there = {name: size for name, size in entries.items() if size is not None}
        if self.target.filesystem.type_name == "local":
            files.require_no_links(Path(self.target.path), [*files.FOLDERS, *(entries.keys() - there.keys())])
        for name in [name for name in there if is_leftover(name.rpartition("/")[2])]:  # of a copy that was killed
            with contextlib.suppress(OSError):
                (self.target / name).unlink()
                del there[name]
        if files.RUN in there:
            self._run = (self.target / files.RUN).read_bytes()
            with contextlib.suppress(ValueError):
                other = canonical.loads(self._run)
                if isinstance(other, dict) and other.get("id") != run["id"]:
                    got = Verbatim(f"the run {other.get('name')!r} with id {other.get('id')!r}")
                    hint = "Choose another place."
                    raise RunExists.of(str(self.target), "no other run there", got, hint)
        return there

    def _read_segments(self) -> list[Segment]:
        folder = self.source / files.JOURNAL
        if isinstance(folder, Path):
            self._segments = self._segments or Segments(folder)
            return self._segments.read()
        return [Segment(path.name, path, b"", 0, path.size() or 0) for path in files.journals(folder)]

    def _send_sidecar(self, name: str, size: int) -> int | None:
        """Named by what is in it: the name and the size say that it is there."""
        return None if self._is_there(name, size) else self._send(name, _checked(self.source / name))

    def _send_rest(self, rest: dict[str, int], live: bool) -> list[int | None]:
        """Files that change when a run is finished, resumed or edited."""
        sizes, again = list[int | None](), False
        hashes = _hashes(self.source)
        there = _hashes(self.target) if hashes and files.LISTED in self._there else {}
        for name in sorted(rest, key=lambda name: (name != files.HISTORY, name == files.LISTED, name)):
            stamp = _modified(self.source / name)
            known = live and name in self._stamps and self._stamps[name] == stamp
            same = self._is_there(name, rest[name]) and (known or self._compare(name, hashes, there))
            is_kept = name in hashes  # for good: no part of what is written anew
            if (again and not is_kept) or not same:
                sizes.append(self._send(name, _pieces(self.source / name)))
                again |= name == files.HISTORY  # written anew, as all others then are
            self._stamps[name] = stamp
        return sizes

    def _compare(self, name: str, hashes: dict[str, str], there: dict[str, str]) -> bool:
        """Whether two files of equal size are the same: by the hashes that are listed here and there, else JSON is
        compared, and of others the end."""
        if name in hashes:
            return hashes[name] == there.get(name)
        size = None if name.endswith(".json") else _COMPARED
        return _end(self.source / name, size) == _end(self.target / name, size)

    def _send_segments(self, segments: dict[str, Segment]) -> list[int | None]:
        """The journals; those of an earlier session go first, which would be read as calls of this one."""
        self._remove([name for name in self._there if name.startswith(f"{files.JOURNAL}/") and name not in segments])
        sizes = list[int | None]()
        for name, segment in segments.items():
            known = self._is_there(name, segment.size)
            if not (known and (name in self._same or self._begins(name, segment))):
                sizes.append(self._send(name, segment.pieces()))
            self._same.add(name)
        return sizes

    def _begins(self, name: str, segment: Segment) -> bool:
        """Whether a segment that is there is of this session: its header says which process wrote it."""
        with (self.target / name).open() as file:
            return file.read(_HEAD) == segment.head(_HEAD)

    def _require_all(self, names: dict[str, int]) -> None:
        """Look whether all is there before `run.json` says so; raises `StoreError`."""
        there = self.target.entries(recursive=True)
        if missing := [name for name, size in names.items() if there.get(name) != size]:
            got = Verbatim(f"{len(missing)} missing or of another size, such as {missing[0]}")
            raise StoreError.of(
                str(self.target), f"all {counted(len(names), 'file')} of the run", got, "Copy it again."
            )

    def _is_there(self, name: str, size: int) -> bool:
        return self._there.get(name) == size

    def _send(self, name: str, pieces: Iterable[bytes]) -> int:
        size = (self.target / name).write(pieces)
        self._there[name] = size
        return size

    def _remove(self, names: list[str]) -> None:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                (self.target / name).unlink()
            del self._there[name]


def _list(root: Path | RemotePath) -> dict[str, int]:
    """The files of a run by path, without `run.json` and the journal; raises OSError.

    Links are not followed, and names that begin with a dot are no part of a run.
    """
    if isinstance(root, RemotePath):
        sizes = {name: size for name, size in root.entries(recursive=True).items() if size is not None}
        for name in sizes:
            safe_parts(name)
    else:
        sizes = {}
        for folder, folders, names in os.walk(root, onerror=_refuse):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):  # one that was being written has its name now
                    if not name.startswith(".") and not path.is_symlink():
                        sizes[path.relative_to(root).as_posix()] = path.stat().st_size
    return {
        name: size
        for name, size in sizes.items()
        if name != files.RUN
        and not any(part.startswith(".") for part in name.split("/"))
        and name.split("/")[0] != files.JOURNAL
    }


def _refuse(error: OSError) -> None:
    raise error


def _modified(path: Path | RemotePath) -> int:
    """When a file was modified; 0 of one elsewhere."""
    return path.stat().st_mtime_ns if isinstance(path, Path) else 0


def _hashes(root: Path | RemotePath) -> dict[str, str]:
    """The hashes of files that are kept with a run, by path, as they are listed."""
    with contextlib.suppress(MediaTypesError):  # whoever verifies the run says what is wrong with the list
        return {f"{files.ATTACHED}/{name}": str(file.sha256) for name, file in read_listed(root).items()}
    return {}


def _pieces(path: Path | RemotePath) -> Iterator[bytes]:
    with open_file(path) as file:
        while piece := file.read(_PIECE):
            yield piece


def _checked(path: Path | RemotePath) -> Iterator[bytes]:
    """The content of a sidecar; raises `HashMismatch` after it, if it is not what its name says."""
    digest = hashlib.sha256()
    for piece in _pieces(path):
        digest.update(piece)
        yield piece
    if digest.hexdigest() != path.name.partition(".")[0]:
        hint = "Restore it, and copy the run again."
        raise HashMismatch.of(str(path), "the bytes that its name says", Verbatim("others"), hint)


def _end(path: Path | RemotePath, size: int | None) -> bytes:
    """The last bytes of a file, all of them if `size` is None."""
    with open_file(path) as file:
        if size is not None:
            file.seek(max(file.seek(0, os.SEEK_END) - size, 0))
        return file.read()

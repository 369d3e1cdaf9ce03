"""Move the sidecars of a run into one Parquet file, and back; remove those that nothing refers to.

All three work on runs that are over, under the run's lock. A crash at any moment leaves a run that can be read: nothing
is removed before its copy was read again, compared, and is on the disk.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .._core import atomic, canonical
from .._core.errors import StoreError, UnsafePath, Verbatim, os_error
from .._core.location import local_path
from .._core.references import LIST_TYPE, references
from .._core.sidecar import hash_file, safe_parts
from ..runfolder import files
from ..store.directory import DirectoryStore
from ..view import RunView
from ..writing.editing import writing

if TYPE_CHECKING:
    from ..store._packed_file import PackedFile

_OURS = re.compile(r"media/[0-9a-f]{2}/[0-9a-f]{64}(?:\.[a-z0-9]{1,10}){1,2}")  # names that our stores give
_PATH = f"{files.SIDECARS}/"


class Moved(NamedTuple):
    """Sidecars that were moved or removed: how many, and their bytes; `kept` is how many stayed where they were."""

    files: int
    size: int
    kept: int = 0


def pack(path: str | os.PathLike[str]) -> Moved:
    """Move the sidecars of a run from `media/` into one file, `sidecars.parquet`; a packed run is read as any other.

    Sidecars of more than 64 MiB stay as files. A run that was resumed since it was packed can be packed again.

    Raises:
        RunLocked: a process is writing the run.
        StoreError: there is no run, it was killed and not recovered yet, or the system refused.

    >>> import tempfile, numpy as np, mediatypes as mt
    >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
    ...     run.log({"photo": mt.Image(np.zeros((2, 3), np.uint8))})
    >>> mt.pack(run.path).files
    1
    >>> [image.width for _, image in mt.open_run(run.path).values("photo")]
    [3]
    """
    root = local_path(path, "pack")
    with writing(root):
        return pack_sidecars(root)


def pack_sidecars(root: Path) -> Moved:
    """`pack`, of a run that is over and whose lock the caller holds."""
    sidecars, types = dict(_sidecars(root)), _media_types(RunView(root))
    order = {name: position for position, name in enumerate(types)}
    names = sorted(sidecars, key=lambda name: (order.get(name, len(order)), name))
    return _pack(root, {name: (sidecars[name], types.get(name)) for name in names})


def unpack(path: str | os.PathLike[str]) -> Moved:
    """Move the sidecars of a packed run back into `media/`, byte for byte as they were.

    Raises:
        RunLocked: a process is writing the run.
        StoreError: there is no run, it was killed and not recovered yet, the packed file is damaged, or the system
            refused. The packed file stays then.

    >>> import tempfile, numpy as np, mediatypes as mt
    >>> with mt.Run(tempfile.mkdtemp() + "/run", packed=True) as run:
    ...     run.log({"photo": mt.Image(np.zeros((2, 3), np.uint8))})
    >>> mt.unpack(run.path).files
    1
    """
    root = local_path(path, "unpack")
    with writing(root):
        files.remove_leftovers(root)
        packed = _open_packed(root)
        if packed is None:
            return Moved(0, 0)
        store = DirectoryStore(root)
        for name, place in packed.places.items():
            if not name.startswith(_PATH):
                raise UnsafePath.of(str(packed.path), f"paths in {_PATH}", name, "Do not trust this run.")
            if not store._resolve(name).exists():
                store._put_at(name, [packed.checked(name)], place.size)
            _require_equal(root / name, place.sha256, place.size)
        _sync(root, packed.places)
        moved = Moved(len(packed.places), sum(place.size for place in packed.places.values()))
        packed.close()
        _remove(packed.path)
        return moved


def gc(path: str | os.PathLike[str], dry_run: bool = False) -> Moved:
    """Remove the sidecars of a run that no row and nothing in its summary refers to.

    They come from values that were logged again in the same step, calls that were refused, and processes that were
    killed. Only files that our stores have named are removed, and what is left of files that were being written.

    Args:
        path: the run's directory.
        dry_run: only say what would be removed.

    Raises:
        RunLocked: a process is writing the run.
        StoreError: there is no run, it was killed and not recovered yet, or the system refused.
        DocumentError: a file of the run is damaged, so that nobody can tell. Nothing is removed then.

    >>> import tempfile, numpy as np, mediatypes as mt
    >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
    ...     for pixel in (0, 255):
    ...         run.log({"photo": mt.Image(np.full((2, 3), pixel, np.uint8))}, step=0)
    >>> mt.gc(run.path).files
    1
    """
    root = local_path(path, "gc")
    with writing(root):
        view = RunView(root)
        named = {name for text in _texts(view) for name in _named(text, view)} | _in_files(root)
        present = dict(_sidecars(root))
        unused = [(name, size) for name, size in present.items() if _OURS.fullmatch(name) and name not in named]
        leftover = [(file, file.stat().st_size) for file in files.leftovers(root)]
        packed = _open_packed(root)
        places = packed.places if packed else {}
        dropped = {name for name in places if _OURS.fullmatch(name) and name not in named}
        sizes = [size for _, size in [*unused, *leftover]] + [places[name].size for name in dropped]
        if not dry_run:
            if packed and dropped:
                _write_packed(packed, dropped)
            for name, _ in unused:
                _remove(root / name)
            for file, _ in leftover:
                _remove(file)
            _remove_empty(root / files.SIDECARS)
        return Moved(len(sizes), sum(sizes), len(present) - len(unused) + len(places) - len(dropped))


def _pack(root: Path, wanted: dict[str, tuple[int, str | None]]) -> Moved:
    """Pack files, given by their paths with size and media type. The caller holds the run's lock."""
    from ..store._packed_file import LARGEST, Entry, write

    files.remove_leftovers(root)
    packed = _open_packed(root)
    places = packed.places if packed else {}
    new, old = [], []
    for name, (size, media_type) in wanted.items():
        if name in places:
            _require_equal(root / name, places[name].sha256, places[name].size)
            old.append(name)
        elif size <= LARGEST:
            new.append(Entry(name, media_type, size, partial(_read, root / name)))
    if new:
        write(root / files.PACKED, [*(packed.entries() if packed else ()), *new])
    for name in [*old, *(entry.path for entry in new)]:
        _remove(root / name)
    _remove_empty(root / files.SIDECARS)
    moved = len(old) + len(new)
    return Moved(moved, sum(wanted[name][0] for name in old) + sum(e.size for e in new), len(wanted) - moved)


def _write_packed(packed: PackedFile, dropped: set[str]) -> None:
    """Write a packed file again without some of its sidecars."""
    from ..store._packed_file import write

    kept = [entry for entry in packed.entries() if entry.path not in dropped]
    if kept:
        write(packed.path, kept)
    else:
        packed.close()
        _remove(packed.path)


def _open_packed(root: Path) -> PackedFile | None:
    from ..store._packed_file import PackedFile

    with contextlib.suppress(FileNotFoundError):
        return PackedFile(root / files.PACKED)
    return None


def _sidecars(root: Path) -> Iterator[tuple[str, int]]:
    """Path in the run and size of every file in `media/` that a reader may open: no links, no names that are unsafe."""
    waiting = [root / files.SIDECARS]
    while waiting:
        folder = waiting.pop()
        if folder.is_symlink():
            continue
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise os_error(StoreError, str(folder), "list the sidecars", error, "Check permissions.") from error
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry))
            elif entry.is_file(follow_symlinks=False):
                path = Path(entry).relative_to(root).as_posix()
                with contextlib.suppress(UnsafePath):
                    safe_parts(path)
                    yield path, entry.stat().st_size


def _media_types(view: RunView) -> dict[str, str]:
    """Media type by the path of each sidecar, in the order in which the documents name them."""
    types: dict[str, str] = {}
    for text in _texts(view):
        with contextlib.suppress(ValueError):  # not JSON, or damaged: its sidecars are packed as others
            for _, reference in references(canonical.loads(text), source=view.store):
                types.setdefault(reference["path"], str(reference["media_type"]))
    return types


def _named(text: str, view: RunView) -> Iterator[str]:
    """Our sidecars that some JSON names, and those that its lists of references name.

    Raises:
        DocumentError, StoreError: a list is damaged, so that nobody can tell what it names.
    """
    yield from _OURS.findall(text)
    if LIST_TYPE in text:
        for _, reference in references(canonical.loads(text), source=view.store):
            yield str(reference["path"])


def _texts(view: RunView) -> Iterator[str]:
    """All JSON of a run that can name sidecars: documents of the rows and other nested data, summary, `run.json`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from ..columns.cells import is_media_kind
    from ..runfolder.parquet_reader import read_texts

    for spec in view._history().specs:
        if spec.kind == "json" or is_media_kind(spec.kind):
            column = view.history([spec.name]).column(spec.name)
            if pa.types.is_list(column.type):
                column = pc.list_flatten(column)
            texts = pc.struct_field(column, "_doc") if pa.types.is_struct(column.type) else column
            for chunk in texts.chunks:
                yield from filter(None, chunk.to_pylist())
    root = view.path
    if isinstance(root, Path) and (root / files.EVENTS).exists():  # imported: also what a later event of the step hides
        yield from filter(None, read_texts(root / files.EVENTS, "content"))
    yield canonical.dumps(view.describe())


def _in_files(root: Path) -> set[str]:
    """Sidecars that a damaged journal, or a file that was imported, names: somebody may still want to read it."""
    names: set[str] = set()
    pattern = re.compile(_OURS.pattern.encode())
    for file in [*(root / files.DAMAGED).glob("*.log"), *(root / files.ATTACHED).rglob("*")]:
        try:
            if file.is_file() and file.stat().st_size:
                with open(file, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    names |= {match.group().decode() for match in pattern.finditer(data)}
        except OSError as error:
            raise os_error(StoreError, str(file), "read the file", error, "Check permissions.") from error
    return names


def _sync(root: Path, names: Iterable[str]) -> None:
    """Wait until files and their names are on the disk: after all were written, which is three times faster."""
    try:
        for file in (root / name for name in names):
            atomic.sync(file)
        for folder in {folder for name in names for folder in (root / name).parents if folder.is_relative_to(root)}:
            atomic.sync(folder)
    except OSError as error:
        raise os_error(StoreError, str(root), "write the sidecars to the disk", error, "Try again.") from error


def _require_equal(file: Path, sha256: str, size: int) -> None:
    """A file and its packed copy are the same; if not, one of them is damaged, and both stay."""
    try:
        held = hash_file(file)
    except OSError as error:
        raise os_error(StoreError, str(file), "read the sidecar", error, "Check permissions.") from error
    if held != (sha256, size):
        raise StoreError.of(
            str(file), "the bytes of its packed copy", Verbatim("others"), "Remove the one that is wrong."
        )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise os_error(StoreError, str(file), "read the sidecar", error, "Check permissions.") from error


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise os_error(
            StoreError, str(file), "remove the file", error, "Check permissions; nothing is lost."
        ) from error


def _remove_empty(folder: Path) -> None:
    """Remove directories in which nothing is left."""
    for inside, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(inside)

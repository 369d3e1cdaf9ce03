"""A report: runs in one HTML file, or in a folder with their large media beside the page."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from .._core.atomic import replacing
from .._core.codec import read_document
from .._core.errors import DocumentError, InputError, MediaTypesError, Problem, StoreError, Verbatim, os_error
from .._core.references import references
from ..runfolder import files
from ..types.image.drawing import opaque_rgb
from . import bundle, still
from .page import page
from .shelf import BESIDE, Shelf

MAX_SIZE = 100 * 10**6  # bytes of a report, unless it is told otherwise
_PREVIEWS = {480: 30_000, 240: 10_000, 120: 3_500}  # by pixels of the longer side: bytes that one takes, about
_SUFFIXES = (".html", ".htm")
_MADE_SMALLER = ("L", "LA", "RGB", "RGBA")  # modes of Pillow that become smaller as they are
_BASE64 = 4 / 3
_MARKUP = 0.99  # of the file that is content
_SMALL = 2**20  # bytes of a file that is no medium, such as console.log
_OUTSIDE = ("image", "video", "audio")  # what a page opened from disk can show from beside it, without reading it
# What draws the types, and the kinds of a table's cells; a list may hold any of them, of which figures are rare.
_DRAWN_BY = {
    "molecule": ("molecule",),
    "object3d": ("cloud", "mesh"),
    "plot": ("vega",),
    "figure": ("plotly",),
    "media_list": ("cloud", "mesh", "molecule"),
}


class Report(NamedTuple):
    """What was written."""

    path: Path
    size: int  # bytes of the page
    runs: int
    files: int  # media in it, or beside it
    previews: int  # pictures that are there in a smaller version
    left_out: int  # media that are not there, because the report would be larger than allowed
    problems: list[Problem]  # directories, runs and rows that cannot be read, and media that are gone
    without: tuple[str, ...] = ()  # scripts that are not there, because the report would be larger than allowed
    missing: tuple[str, ...] = ()  # why further scripts are not there, and what to install


class _Medium(NamedTuple):
    run: str
    path: str
    media_type: str
    size: int
    type: str  # of the document it belongs to; of parts such as masks and boxes "part"


def write_report(
    sources: Iterable[Any], path: str | os.PathLike[str], *, max_size: int = MAX_SIZE, folder: bool = False
) -> Report:
    """Write runs as a page that needs no server, no Python and no network.

    Args:
        sources: run folders, folders of runs or patterns, as `open_runs` takes them.
        path: the HTML file; with `folder` a directory, in which the page is `index.html`.
        max_size: bytes that the file may have. Where the media are larger, pictures become previews of 480, 240 or 120
            pixels, as there is room, and the largest others are left out, as are scripts that alone would take more,
            such as Plotly's; the page says so. The page itself, rows and numbers are always in it.
        folder: write pictures, videos and sounds as files beside the page instead of into it.

    Raises:
        InputError: there is no run, or `path` is no name of an HTML file (of a folder).
        DocumentError: no run can be read. One beside others that cannot is left out, and told in `problems`.
        StoreError: the system cannot write.

    >>> import tempfile, mediatypes as mt
    >>> root = tempfile.mkdtemp()
    >>> with mt.Run(f"{root}/run") as run:
    ...     run.log({"loss": 0.5})
    >>> write_report([root], f"{root}/report.html").runs
    1
    """
    target = _target(Path(path), folder)
    shelf = Shelf(sources)
    try:
        if not shelf.names():
            if shelf.problems:
                raise DocumentError(shelf.problems)
            raise InputError.of("report", "at least one run", "none", "Pass a folder that holds runs.")
        if not bundle.is_built():
            return _write_still(shelf, target)
        return _Writer(shelf, target, max_size, folder).write()
    finally:
        shelf.close()


def _target(path: Path, folder: bool) -> Path:
    """The page's file; raises InputError for a name that is not that of one, or of a folder."""
    if folder:
        if path.exists() and not path.is_dir():
            raise InputError.of(str(path), "a folder", Verbatim("a file"), "Choose another name.")
        return path / "index.html"
    if path.is_dir():
        hint = f"Write {path / 'report.html'}, or a folder: --folder, folder=True."
        raise InputError.of(str(path), "a file to write", Verbatim("a folder"), hint)
    if path.suffix.lower() not in _SUFFIXES:
        hint = f"A report is a page: {path.with_suffix('.html').name}. A browser prints it, to PDF too."
        raise InputError.of("report", "a name that ends with .html", path.name, hint)
    return path


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise os_error(StoreError, str(folder), "make the folder", error, "Choose a writable directory.") from error


def _write_still(shelf: Shelf, target: Path) -> Report:
    """Without the page's script: everything as plain HTML."""
    _make_folder(target.parent)
    with replacing(target, "write the report") as temporary:
        temporary.write_text(still.report([shelf[name] for name in shelf.names()]), "utf-8")
    return Report(target, target.stat().st_size, len(shelf.names()), 0, 0, 0, shelf.problems)


class _Writer:
    def __init__(self, shelf: Shelf, target: Path, max_size: int, folder: bool) -> None:
        self._shelf, self._folder, self._target = shelf, folder, target
        self._wanted: set[str] = set()  # libraries
        self._problems = [*shelf.problems]
        self._media = [medium for name in shelf.names() for medium in self._media_of(name)]
        rows = sum(self._size_of(name, made) for name in shelf.names() for made in (files.HISTORY, files.MEDIA))
        small = [self._size_of(name, path) for name in shelf.names() for path in (*BESIDE, *self._kept(name))]
        told = rows + sum(size for size in small if size <= _SMALL)
        room = _MARKUP * max_size - _BASE64 * told - sum(len(bundle.part(name)) for name in ("page.js", "page.css"))
        self._libraries, self._omitted = list[str](), list[str]()
        for name in sorted(self._wanted.intersection(bundle.available()), key=lambda name: len(bundle.library(name))):
            if (size := len(bundle.library(name))) <= room:
                self._libraries.append(name)
                room -= size
            else:
                self._omitted.append(name)
        self._left = int(room / _BASE64)
        self._inside = [m for m in self._media if not (folder and m.type in _OUTSIDE)]
        self._full = sum(medium.size for medium in self._inside) <= self._left
        pictures = sum(medium.type == "image" for medium in self._inside)
        each = self._left / max(pictures, 1)
        self._side = next((side for side, size in _PREVIEWS.items() if each >= size), min(_PREVIEWS))
        self._previews = self._left_out = 0

    def write(self) -> Report:
        _make_folder(self._target.parent)
        runs = [{name: told for name, told in run.items() if name != "has"} for run in self._shelf.describe()]
        settings: dict[str, Any] = {"source": "inlined", "runs": runs}
        if self._folder:
            settings["beside"] = "files/"
            self._copy_beside()
        if self._omitted or not self._full:
            kept = "" if self._full else " Pictures are previews, and large media may be missing."
            drawn = f" What {', '.join(self._omitted)} would draw is not shown." if self._omitted else ""
            settings["note"] = f"This report was kept small.{kept}{drawn} The exact files are in the run folders."
        title = ", ".join(self._shelf.names()[:3]) + ("..." if len(self._shelf.names()) > 3 else "")
        with replacing(self._target, "write the report") as temporary, open(temporary, "wb") as file:
            for piece in page(settings, title, self._files(), self._libraries):
                file.write(piece)
        size = self._target.stat().st_size
        counts = len(self._shelf.names()), len(self._media), self._previews, self._left_out
        missing = tuple(bundle.why_missing(name) for name in sorted(self._wanted.difference(bundle.available())))
        return Report(self._target, size, *counts, list(dict.fromkeys(self._problems)), tuple(self._omitted), missing)

    def _files(self) -> Iterator[tuple[str, str, bytes]]:
        for name in self._shelf.names():
            for made in (files.HISTORY, files.MEDIA):
                try:
                    with self._shelf.open(name, made) as file:
                        yield f"{name}/{made}", "application/vnd.apache.parquet", file.read()
                except MediaTypesError:
                    continue
            for path in [*BESIDE, *self._kept(name)]:
                if small := self._small(name, path):
                    yield f"{name}/{path}", *small
        for medium in sorted(self._inside, key=lambda medium: (medium.type not in ("image", "part"), medium.size)):
            if content := self._content(medium):
                yield f"{medium.run}/{medium.path}", *content

    def _size_of(self, name: str, path: str) -> int:
        try:
            with self._shelf.open(name, path) as file:
                return file.seek(0, 2)
        except MediaTypesError:
            return 0

    def _kept(self, name: str) -> list[str]:
        """The files that a run keeps as they are."""
        if not (listed := self._small(name, "files.json")):
            return []
        with suppress(ValueError, LookupError, TypeError):
            return [f"files/{file['name']}" for file in json.loads(listed[1])["files"]]
        return []

    def _small(self, name: str, path: str) -> tuple[str, bytes] | None:
        """Media type and bytes of a file beside the media, if the run has it and it is small."""
        try:
            with self._shelf.open(name, path) as file:
                data = file.read(_SMALL + 1)
        except MediaTypesError:
            return None
        return ("application/octet-stream", data) if len(data) <= _SMALL else None

    def _content(self, medium: _Medium) -> tuple[str, bytes] | None:
        """Media type and bytes of what stands for a file; None if there is no room for it."""
        if not self._full and medium.type != "image" and medium.size > self._left:
            self._left_out += 1
            return None
        try:
            with self._shelf.open(medium.run, medium.path) as file:
                data = file.read()
        except MediaTypesError as error:
            self._problems.append(Problem("", str(error), "sidecar"))
            return None
        media_type = medium.media_type
        if not self._full and medium.type == "image" and (preview := _preview(data, self._side)):
            media_type, data = "image/jpeg", preview
        else:
            preview = None
        if len(data) > self._left:
            self._left_out += 1
            return None
        self._previews += preview is not None
        self._left -= len(data)
        return media_type, data

    def _media_of(self, name: str) -> Iterator[_Medium]:
        """Every sidecar of a run's logged media, each once."""
        seen: set[str] = set()
        try:
            with self._shelf.open(name, files.MEDIA) as file:
                table = pq.read_table(file, columns=["type", "step", "_doc"])
        except MediaTypesError:
            return
        except (pa.ArrowException, OSError, ValueError):
            hint = "Restore the file, or recover the run from its journal."
            self._problems.append(Problem(f"{name}/{files.MEDIA}", "expected a whole Parquet file", "parquet", hint))
            return
        for type, step, text in zip(*(table.column(i).to_pylist() for i in range(3)), strict=True):
            if step is None:
                continue
            try:
                document = read_document(text)
            except MediaTypesError as error:
                self._problems.append(Problem("", f"{name}/{files.MEDIA}: {error}", "sidecar"))
                continue
            self._wanted.update(_libraries(document))
            main = document.get("path")
            try:
                parts = list(references(document, source=self._shelf[name].store))
            except MediaTypesError as error:  # a list of further references is gone
                self._problems.append(Problem("", str(error), "sidecar"))
                parts = list(references(document))
            for _, reference in parts:
                path, media_type, size = (reference[member] for member in ("path", "media_type", "size"))
                if path in seen or "://" in path or not isinstance(media_type, str) or not isinstance(size, int):
                    continue
                seen.add(path)
                yield _Medium(name, path, media_type, size, type if path == main else "part")

    def _copy_beside(self) -> None:
        for medium in self._media:
            if medium.type in _OUTSIDE:
                try:
                    with self._shelf.open(
                        medium.run, medium.path
                    ) as source:  # which refuses a path that leads elsewhere
                        target = self._target.parent / "files" / medium.run / medium.path
                        target.parent.mkdir(parents=True, exist_ok=True)
                        with open(target, "wb") as copy:
                            shutil.copyfileobj(source, copy)
                except MediaTypesError as error:
                    self._problems.append(Problem("", str(error), "sidecar"))


def _libraries(document: dict[str, Any]) -> Iterator[str]:
    """The scripts that draw a value, and those that its cells may need."""
    if document["_type"] == "object3d":
        yield "mesh" if document.get("points") is None else "cloud"
        return
    kinds = document.get("kinds")
    for kind in (document["_type"], *(kinds if isinstance(kinds, list) else ())):
        if isinstance(kind, str):
            yield from _DRAWN_BY.get(kind, ())


def _preview(data: bytes, side: int) -> bytes | None:
    """A JPEG of at most so many pixels a side; None for what Pillow does not read, or where it would not be smaller."""
    import PIL.Image
    import PIL.ImageOps

    try:
        with PIL.Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (side, side))
            small = image if image.mode in _MADE_SMALLER else opaque_rgb(PIL.ImageOps.exif_transpose(image))
            small.thumbnail((side, side), PIL.Image.Resampling.BILINEAR, reducing_gap=2.0)
            buffer = io.BytesIO()
            opaque_rgb(PIL.ImageOps.exif_transpose(small)).save(buffer, "JPEG", quality=80)
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError):
        return None
    return buffer.getvalue() if buffer.tell() < len(data) else None

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

import pyarrow.parquet as pq

from .._core import canonical
from .._core.atomic import replacing
from .._core.errors import InputError, MediaTypesError, Problem
from .._core.references import references
from ..runfolder import files
from . import bundle, still
from .page import page
from .shelf import BESIDE, Shelf

MAX_SIZE = 100 * 10**6  # bytes of a report, unless it is told otherwise
_PREVIEW = 480  # pixels of the longer side
_BASE64 = 4 / 3
_SMALL = 2**20  # bytes of a file that is no medium, such as console.log
_OUTSIDE = ("image", "video", "audio")  # what a page opened from disk can show from beside it, without reading it
_DRAWN_BY = {"molecule": "molecule", "object3d": "mesh", "plot": "vega", "figure": "plotly"}


class Report(NamedTuple):
    """What was written."""

    path: Path
    size: int  # bytes of the page
    runs: int
    files: int  # media in it, or beside it
    previews: int  # pictures that are there in a smaller version
    left_out: int  # media that are not there, because the report would be larger than allowed
    problems: list[Problem]  # of directories that cannot be listed


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
        max_size: bytes that the file may have. Where the media are larger, pictures become previews and the largest
            others are left out; the page says so.
        folder: write pictures, videos and sounds as files beside the page instead of into it.

    Raises:
        InputError: there is no run.
        StoreError: a run cannot be read, or the system cannot write.

    >>> import tempfile, mediatypes as mt
    >>> root = tempfile.mkdtemp()
    >>> with mt.Run(f"{root}/run") as run:
    ...     run.log({"loss": 0.5})
    >>> write_report([root], f"{root}/report.html").runs
    1
    """
    shelf = Shelf(sources)
    try:
        if not shelf.names():
            raise InputError.of("report", "at least one run", "none", "Pass a folder that holds runs.")
        if not bundle.is_built():
            return _write_still(shelf, Path(path) / "index.html" if folder else Path(path))
        return _Writer(shelf, Path(path), max_size, folder).write()
    finally:
        shelf.close()


def _write_still(shelf: Shelf, target: Path) -> Report:
    """Without the page's script: everything as plain HTML."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target, "write the report") as temporary:
        temporary.write_text(still.report([shelf[name] for name in shelf.names()]), "utf-8")
    return Report(target, target.stat().st_size, len(shelf.names()), 0, 0, 0, shelf.problems)


class _Writer:
    def __init__(self, shelf: Shelf, path: Path, max_size: int, folder: bool) -> None:
        self._shelf, self._folder = shelf, folder
        self._target = path / "index.html" if folder else path
        self._types: set[str] = set()
        self._media = [medium for name in shelf.names() for medium in self._media_of(name)]
        wanted = {_DRAWN_BY[type] for type in self._types if type in _DRAWN_BY}
        self._libraries = [name for name in bundle.available() if name in wanted]
        fixed = len(bundle.part("page.js")) + sum(len(bundle.library(name)) for name in self._libraries)
        self._left = int((max_size - fixed) / _BASE64)
        self._inside = [m for m in self._media if not (folder and m.type in _OUTSIDE)]
        self._full = sum(medium.size for medium in self._inside) <= self._left
        self._previews = self._left_out = 0

    def write(self) -> Report:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        runs = [{name: told for name, told in run.items() if name != "has"} for run in self._shelf.describe()]
        settings: dict[str, Any] = {"source": "inlined", "runs": runs}
        if self._folder:
            settings["beside"] = "files/"
            self._copy_beside()
        if not self._full:
            settings["note"] = (
                "This report was kept small: pictures are previews, and large media may be missing. "
                "The exact files are in the run folders."
            )
        title = ", ".join(self._shelf.names()[:3]) + ("..." if len(self._shelf.names()) > 3 else "")
        with replacing(self._target, "write the report") as temporary, open(temporary, "wb") as file:
            for piece in page(settings, title, self._files(), self._libraries):
                file.write(piece)
        size = self._target.stat().st_size
        counts = len(self._shelf.names()), len(self._media), self._previews, self._left_out
        return Report(self._target, size, *counts, self._shelf.problems)

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
        for medium in sorted(self._inside, key=lambda medium: medium.size):
            if content := self._content(medium):
                yield f"{medium.run}/{medium.path}", *content

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
        with self._shelf.open(medium.run, medium.path) as file:
            data = file.read()
        media_type = medium.media_type
        if not self._full and medium.type == "image" and (preview := _preview(data)):
            media_type, data = "image/jpeg", preview
            self._previews += 1
        if len(data) > self._left:
            self._left_out += 1
            return None
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
        for type, step, text in zip(*(table.column(i).to_pylist() for i in range(3)), strict=True):
            if step is None:
                continue
            self._types.add(type)
            document = canonical.loads(text)
            main = document.get("path")
            for _, reference in references(document, source=self._shelf[name].store):
                if reference["path"] not in seen and "://" not in reference["path"]:
                    seen.add(reference["path"])
                    kind = type if reference["path"] == main else "part"
                    yield _Medium(name, reference["path"], reference["media_type"], int(reference["size"]), kind)

    def _copy_beside(self) -> None:
        for medium in self._media:
            if medium.type in _OUTSIDE:
                target = self._target.parent / "files" / medium.run / medium.path
                target.parent.mkdir(parents=True, exist_ok=True)
                with self._shelf.open(medium.run, medium.path) as source, open(target, "wb") as copy:
                    shutil.copyfileobj(source, copy)


def _preview(data: bytes) -> bytes | None:
    """A JPEG of at most 480 pixels; None for what Pillow does not read, or where it would not be smaller."""
    import PIL.Image

    try:
        with PIL.Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (_PREVIEW, _PREVIEW))
            image.thumbnail((_PREVIEW, _PREVIEW), PIL.Image.Resampling.BILINEAR, reducing_gap=2.0)
            buffer = io.BytesIO()
            image.convert("RGB").save(buffer, "JPEG", quality=80)
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError):
        return None
    return buffer.getvalue() if buffer.tell() < len(data) else None

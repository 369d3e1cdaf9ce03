"""What a sink promises, as tests that the test class of a tracker's storage inherits."""

# ruff: noqa: S101 - asserts are what this module is made of

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt

from .._core.references import references

_PIXELS = np.arange(20 * 30 * 3, dtype=np.uint32).astype(np.uint8).reshape(20, 30, 3)
_BOXES = mt.BoundingBoxes2D.from_xyxy([[1, 1, 9, 9]], domain="pixel", class_ids=[1], class_labels={1: "face"})
_MASK = {"mask_data": _PIXELS[..., 0] % 3, "class_labels": {1: "road"}}

VALUES: Mapping[str, Callable[[], Any]] = {
    "image": lambda: mt.Image(_PIXELS, boxes={"truth": _BOXES}, masks={"truth": _MASK}, caption="fünf"),
    "histogram": lambda: mt.Histogram([1, 2, 3], num_bins=4),
    "tensor": lambda: mt.Tensor(_PIXELS),
    "html": lambda: mt.Html("<p>text</p>"),
    "empty html": lambda: mt.Html(""),
    "audio": lambda: mt.Audio(np.sin(np.arange(800) / 9), sample_rate=8000),
    "point cloud": lambda: mt.Object3D(_PIXELS[0].astype(np.float32)),
    "table of pictures": lambda: mt.Table(columns=["n", "picture"], data=[[1, mt.Image(_PIXELS)], [2, None]]),
    "plot": lambda: mt.plot.line(mt.Table(columns=["x", "y"], data=[[0, 1], [1, 4]]), "x", "y"),
}
"""One value of every way to have sidecars: none, one, several, nested ones, lists of them."""


class SinkContract:
    """Tests that a sink passes; subclass it, name the class `Test...`, and say how one is made.

        class TestBucket(SinkContract):
            def sink(self, folder):          # an empty directory for this test, which you need not use
                return Bucket(folder)

    A sink has `put(data, *, suffix, media_type, sha256, size)`, which stores `data` (bytes, or the `Path` of a file
    above 64 MiB) and returns the path or URL to write down. A sink that is read from has `open(path)`, too, which
    returns an open binary file, and raises `FileNotFoundError` or `SidecarMissing`; `readable = False` leaves out
    its tests.
    """

    readable: bool = True
    """Whether the sink has `open(path)`."""

    def sink(self, folder: Path) -> Any:
        """A sink without content."""
        raise TypeError(f"{type(self).__name__} does not implement sink()")

    def reopened(self, folder: Path, sink: Any) -> Any:
        """The same storage, as another process sees it; by default what `sink` gives for the same folder."""
        return self.sink(folder)

    def _source(self, sink: Any) -> Any:
        if not self.readable:
            pytest.skip("the sink is not read from")
        return sink

    def test_put_returns_text_to_write_down(self, tmp_path: Path) -> None:
        path = _put(self.sink(tmp_path), b"content")
        assert isinstance(path, str)
        assert path
        assert json.loads(json.dumps(path)) == path

    @pytest.mark.parametrize("data", [b"", b"content", bytes(range(256)) * 5000], ids=["nothing", "text", "1.3 MB"])
    def test_bytes_come_back(self, tmp_path: Path, data: bytes) -> None:
        source = self._source(self.sink(tmp_path))
        assert _read(source, _put(source, data)) == data

    def test_a_file_given_by_its_path_comes_back(self, tmp_path: Path) -> None:
        """As files above 64 MiB are given. It is the user's: it must stay as it is."""
        source, file = self._source(self.sink(tmp_path / "store")), tmp_path / "film.mp4"
        file.write_bytes(b"frames")
        path = _put(source, b"frames", file)
        assert file.read_bytes() == b"frames"
        file.unlink()
        assert _read(source, path) == b"frames"

    def test_equal_bytes_may_be_put_again(self, tmp_path: Path) -> None:
        source = self._source(self.sink(tmp_path))
        first, second = _put(source, b"content"), _put(source, b"content")
        assert _read(source, first) == _read(source, second) == b"content"

    def test_other_bytes_and_other_suffixes_do_not_replace_each_other(self, tmp_path: Path) -> None:
        source = self._source(self.sink(tmp_path))
        paths = {_put(source, bytes([i])): bytes([i]) for i in range(20)}
        paths[_put(source, b"\0", suffix=".other")] = b"\0"
        assert len(paths) >= 20
        assert {path: _read(source, path) for path in paths} == paths

    def test_threads_may_put_at_once(self, tmp_path: Path) -> None:
        source = self._source(self.sink(tmp_path))
        contents = [b"%d" % (i // 2) * 1000 for i in range(40)]  # each twice, so that equal ones meet
        with ThreadPoolExecutor(8) as executor:
            paths = list(executor.map(lambda data: _put(source, data), contents))
        assert [_read(source, path) for path in paths] == contents

    def test_what_was_put_is_there_for_another_process(self, tmp_path: Path) -> None:
        sink = self._source(self.sink(tmp_path))
        path = _put(sink, b"content")
        assert _read(self.reopened(tmp_path, sink), path) == b"content"

    def test_what_was_never_put_is_missing(self, tmp_path: Path) -> None:
        source = self._source(self.sink(tmp_path))
        path = _put(source, b"content")
        with pytest.raises((FileNotFoundError, mt.SidecarMissing)):
            source.open(f"{path[:-1]}{'1' if path[-1] != '1' else '2'}").close()

    @pytest.mark.parametrize("name", VALUES)
    def test_values_come_back(self, tmp_path: Path, name: str) -> None:
        sink, value = self.sink(tmp_path), VALUES[name]()
        document = json.loads(json.dumps(value.__media__(sink), allow_nan=False))
        mt.validate(document)
        source = self._source(sink)
        for _, reference in references(document, source=source):
            data = _read(source, reference["path"])
            assert (len(data), hashlib.sha256(data).hexdigest()) == (reference["size"], reference["sha256"])
        assert mt.decode(document, source) == value


def _put(sink: Any, data: bytes, content: bytes | Path | None = None, suffix: str = ".bin") -> str:
    path: str = sink.put(
        data if content is None else content,
        suffix=suffix,
        media_type="application/octet-stream",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )
    return path


def _read(source: Any, path: str) -> bytes:
    with source.open(path) as file:
        data: bytes = file.read()
    return data

"""The table of an adapter, held against the real package: what its own reader gives back of a value of each type."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import mediatypes as mt
from mediatypes._core.registry import builtin_types
from mediatypes.interop import trackers
from mediatypes.interop.trackers._adapter import PLAIN
from mediatypes.types.figure.value import Picture

STEP = 3
MESH = """\
ply
format ascii 1.0
element vertex 3
property float x
property float y
property float z
element face 1
property list uchar int vertex_indices
end_header
0 0 0
1 0 0
0 1 0
3 0 1 2
"""
MOLECULE = "2\noxide\nO 0 0 0\nH 0 0 1\n"


@cache
def samples() -> dict[str, Any]:
    """A value of each type with all that it can have, and of each plain kind."""
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (24, 32, 3), np.uint8)
    boxes = mt.BoundingBoxes2D.from_xyxy(
        [[4, 5, 20, 15]], domain="pixel", class_ids=[1], scores=[0.5], labels=["one"], class_labels={1: "cat"}
    )
    mask = mt.ImageMask(np.repeat(np.array([[0, 1]], np.uint8), 24, 0).repeat(16, 1), class_labels={0: "a", 1: "b"})
    table = mt.Table(columns=["x", "y", "name"], data=[[1, 2.5, "a"], [2, 0.25, "b"]])
    figure = mt.Figure({"data": [{"type": "bar", "x": ["a", "b"], "y": [3, 1]}], "layout": {}}, caption="pets")
    sine = mt.Audio(np.sin(np.arange(800) / 9).astype(np.float32), sample_rate=8000)
    made = {
        "audio": mt.Audio(sine.to_bytes(), caption="a sine"),
        "figure": figure._replace(_image=Picture.make(mt.Image(photo).to_bytes())),  # as a matplotlib figure has one
        "histogram": mt.Histogram(np_histogram=(np.array([1, 5, 2]), np.array([-1.0, 0.25, 0.5, 3.0]))),
        "html": mt.Html("<p>Hello <b>you</b></p>", caption="a page"),
        "image": mt.Image(photo, caption="noise", boxes={"truth": boxes}, masks={"parts": mask}),
        "json": [1, None, "a"],
        "molecule": mt.Molecule(MOLECULE.encode(), file_type="xyz", caption="oxide"),
        "number": 0.1,
        "object3d": mt.Object3D.from_point_cloud(
            rng.normal(size=(5, 3)).astype(np.float32),
            boxes=[mt.Box3D(center=(0, 0, 0), size=(1, 1, 1), orientation=(1, 0, 0, 0))],
            caption="a cloud",
        ),
        "plot": mt.plot.line(table, "x", "y"),
        "string": "a text, with ünicode",
        "table": table,
        "tensor": mt.Tensor(rng.normal(size=(2, 3, 4)).astype(np.float32)),
        "video": mt.Video(rng.integers(0, 256, (3, 3, 16, 24), np.uint8), fps=4, format="gif", caption="three"),
    }
    assert made.keys() == {*builtin_types(), *PLAIN}
    return made


def need(module: str) -> Any:
    """A module of the real package; the tests of its adapter skip where it is not installed."""
    return pytest.importorskip(module, reason=f"{module} is not installed; make interop makes an environment for it")


class AdapterContract:
    """Tests of an adapter. Subclass it, name the class `Test...`, and say how the tracker is opened and read."""

    tracker: ClassVar[str]
    refused: ClassVar[tuple[str, ...]] = ()  # of the uncommon values, though their type is kept

    @classmethod
    def log(cls, folder: Path, values: Mapping[str, Any]) -> None:
        """Log values at STEP, each under its own call or all in one, into a run of the tracker in `folder`."""
        raise NotImplementedError

    @classmethod
    def read(cls, folder: Path) -> Mapping[str, Any]:
        """What the tracker's own reader gives back, by key: values of mediatypes where they can be made of it."""
        raise NotImplementedError

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """A value of each type."""
        return samples()

    @classmethod
    def changed(cls) -> Mapping[str, Any]:
        """What is given back of the types that change."""
        return {}

    @pytest.fixture(scope="class")
    @classmethod
    def back(cls, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
        ways = trackers.adapter(cls.tracker).ways
        folder = tmp_path_factory.mktemp(cls.tracker)
        taken = {kind: value for kind, value in cls.examples().items() if ways[kind].fate != "dropped"}
        cls.log(folder, taken)
        return cls.read(folder)

    def test_the_table_has_every_type(self) -> None:
        ways = trackers.adapter(self.tracker).ways
        assert ways.keys() == samples().keys()
        assert all(way.how and (way.make is None) == (way.fate == "dropped") for way in ways.values())

    @pytest.mark.parametrize("kind", sorted(samples()))
    def test_what_the_tracker_gives_back(self, kind: str, back: Mapping[str, Any]) -> None:
        way, sample = trackers.adapter(self.tracker).ways[kind], self.examples()[kind]
        if way.fate == "dropped":
            with pytest.raises(mt.InputError, match="expected a type that") as error:
                trackers.to(self.tracker, sample)
            assert [one.code for one in error.value.problems] == ["dropped"]
        elif way.fate == "kept":
            assert same(back[kind], sample)
        else:
            assert same(back[kind], self.changed()[kind])
            assert not same(back[kind], sample)

    def test_uncommon_values_are_taken_or_refused(self, tmp_path: Path) -> None:
        """By errors of ours, before anything is sent; and what is kept is kept of these too."""
        ways, taken = trackers.adapter(self.tracker).ways, {}
        for key, value in uncommon().items():
            try:
                trackers.to(self.tracker, value, key)
                taken[key] = value
            except mt.InputError:
                assert ways[key.partition("_")[0]].fate != "kept" or key in self.refused
        self.log(tmp_path, taken)
        back = self.read(tmp_path)
        for key, value in taken.items():
            if ways[key.partition("_")[0]].fate == "kept" and not key.startswith("number_"):
                assert same(back[key], value), key

    def test_images_in_a_list(self, tmp_path: Path) -> None:
        images = [mt.Image(np.full((4, 6, 3), 9 * i, np.uint8)) for i in range(2)]
        self.log(tmp_path, {"photos": images})
        given = self.read(tmp_path)
        assert (given["photos"] if "photos" in given else [given["photos/0"], given["photos/1"]]) == images


def uncommon() -> dict[str, Any]:
    """Values that a tracker's own classes may stumble over, each with the type that it is of."""
    figure = {"data": [{"type": "bar", "x": ["a"], "y": [1]}], "layout": {}}
    return {
        "number_nan": float("nan"),
        "number_inf": float("inf"),
        "number_bool": True,
        "number_integer": 2**53,
        "string_empty": "",
        "json_empty": [],
        "image_gray16": mt.Image(np.arange(24, dtype=np.uint16).reshape(4, 6) * 2000),
        "image_alpha": mt.Image(np.arange(96, dtype=np.uint8).reshape(4, 6, 4)),
        "audio_stereo": mt.Audio(mt.Audio(np.zeros((80, 2), np.float32), sample_rate=8000).to_bytes()),
        "molecule_gzip": mt.Molecule(gzip.compress(MOLECULE.encode(), mtime=0), file_type="xyz"),
        "object3d_mesh": mt.Object3D(MESH.encode(), file_type="ply"),
        "table_empty": mt.Table(columns=["a"], data=[]),
        "table_image": mt.Table(columns=["a"], data=[[mt.Image(np.zeros((2, 3), np.uint8))]]),
        "histogram_empty": mt.Histogram(np_histogram=(np.zeros(2, int), np.array([0.0, 1.0, 2.0]))),
        "tensor_scalar": mt.Tensor(np.array(3.0)),
        "figure_plotly": mt.Figure(figure),
    }


def read_stored(folder: Path) -> dict[str, Any]:
    """The values in the folder `mediatypes` of a tracker that keeps files, logged at STEP."""
    back = {}
    for file in folder.rglob(f"{STEP}.json"):
        plain = json.loads(file.read_text("utf-8"))
        is_document = isinstance(plain, dict) and "_type" in plain
        key = file.parent.relative_to(folder).as_posix()
        back[key] = mt.decode(plain, mt.DirectoryStore(folder, "media")) if is_document else plain
    return back


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, arrays included."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return type(one) is type(other) and np.array_equal(one, other)
    return bool(type(one) is type(other) and one == other)

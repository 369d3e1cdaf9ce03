"""One wrong thing does not hide another: a call tells all that is wrong with it, each once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mediatypes as mt

NAN = float("nan")
CAPTION: Any = 3
CAPTION_TOLD = "text"
CASES: dict[str, tuple[Callable[[], Any], list[tuple[str, str]]]] = {  # what is made; place and what was expected
    "image": (
        lambda: mt.Image(np.full((2, 3, 7), NAN), caption=CAPTION, mode="X", grouping="a"),  # type: ignore[arg-type]
        [
            ("Image.mode", "one of L, LA, RGB, RGBA"),
            ("Image", "an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"),
            ("Image", "finite values"),
            ("Image.caption", CAPTION_TOLD),
            ("Image.grouping", "an integer"),
        ],
    ),
    "image, values out of range": (
        lambda: mt.Image(np.full((2, 3, 4, 3), 300)),
        [("Image", "an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"), ("Image", "values from 0 to 255")],
    ),
    "mask": (
        lambda: mt.ImageMask(np.full((2, 3, 1), 0.5), class_labels=3),  # type: ignore[arg-type]
        [
            ("ImageMask", "an array (H, W)"),
            ("ImageMask", "integers or bools"),
            ("ImageMask.class_labels", "a mapping of class ids to names"),
        ],
    ),
    "mask, ids out of range": (
        lambda: mt.ImageMask(np.full((2, 3, 1), -1)),
        [("ImageMask", "an array (H, W)"), ("ImageMask", "class ids from 0 to 65535")],
    ),
    "video": (
        lambda: mt.Video(np.full((2, 3, 7), NAN), fps=-1, caption=CAPTION),
        [
            ("Video.caption", CAPTION_TOLD),
            ("Video.fps", "frames per second from 0.01 to 50"),
            ("Video", "an array (T, C, H, W) or (B, T, C, H, W) with 1, 3 or 4 channels"),
            ("Video", "finite values"),
        ],
    ),
    "video of 16 bits": (
        lambda: mt.Video(np.zeros((2, 3, 7), np.uint16)),
        [("Video", "an array (T, C, H, W) or (B, T, C, H, W) with 1, 3 or 4 channels"), ("Video", "8-bit values")],
    ),
    "audio": (
        lambda: mt.Audio(np.full((2, 300), NAN), -1, caption=CAPTION),
        [
            ("Audio.caption", CAPTION_TOLD),
            ("Audio.sample_rate", "a whole number of Hz, at least 1"),
            ("Audio", "an array (n,) or (n, channels)"),
            ("Audio", "finite samples"),
        ],
    ),
    "audio of another dtype": (
        lambda: mt.Audio(np.zeros((2, 300), np.int8), 8000),
        [
            ("Audio", "an array (n,) or (n, channels)"),
            ("Audio", "floats in [-1, 1], or uint8, int16 or int32 samples"),
        ],
    ),
    "histogram": (
        lambda: mt.Histogram(["a"], num_bins=-1, caption=CAPTION),
        [
            ("Histogram.caption", CAPTION_TOLD),
            ("Histogram.sequence", "real numbers"),
            ("Histogram.num_bins", "1 to 512 bins"),
        ],
    ),
    "histogram of counts": (
        lambda: mt.Histogram(np_histogram=([1, NAN], [3, 2, 1]), caption=CAPTION),
        [
            ("Histogram.caption", CAPTION_TOLD),
            ("Histogram.np_histogram[1]", "finite edges, strictly ascending"),
            ("Histogram.np_histogram[0]", "finite counts >= 0"),
        ],
    ),
    "points": (
        lambda: mt.Object3D(np.full((9, 5), NAN), caption=CAPTION),
        [("Object3D", "(n, 3) of x, y, z;"), ("Object3D", "finite numbers"), ("Object3D.caption", CAPTION_TOLD)],
    ),
    "tensor": (
        lambda: mt.Tensor([object()], caption=CAPTION),
        [("Tensor.caption", CAPTION_TOLD), ("Tensor", "numbers or bools")],
    ),
    "html": (
        lambda: mt.Html("<p>", inject=3, caption=CAPTION),  # type: ignore[arg-type]
        [("Html.inject", "True or False"), ("Html.caption", CAPTION_TOLD)],
    ),
    "molecule": (
        lambda: mt.Molecule(b"", caption=CAPTION, file_type="xyz"),
        [("Molecule", "content in xyz format"), ("Molecule.caption", CAPTION_TOLD)],
    ),
    "figure": (
        lambda: mt.Figure({"data": 3}, caption=CAPTION),
        [("Figure.caption", CAPTION_TOLD), ("Figure", "a figure with a list of traces")],
    ),
    "table": (
        lambda: mt.Table(columns=["a", "a", ""], data=[[1], [1, 2, 3], ["x", 2, 3]], format="x", sample="y"),  # type: ignore[arg-type]
        [
            ("Table.format", "'parquet' or 'json'"),
            ("Table.sample", "None, 'first' or 'random'"),
            ("Table.columns", "names that differ"),
            ("Table.columns", "names that are text and not empty"),
            ("Table.data[0]", "3 cells"),
            ("Table.data[2]['a']", "integer as in Table.data[1]['a']"),
        ],
    ),
    "curves of a classifier": (
        lambda: mt.plot.pr_curve([0, 1], [0.1], labels=["a", "a"], interp_size=1),
        [
            ("pr_curve.interp_size", "2 to 1048576 points"),
            ("pr_curve.labels", "names that differ"),
            ("pr_curve.y_probas", "scores for 2 examples"),
        ],
    ),
    "confusion matrix": (
        lambda: mt.plot.confusion_matrix(y_true=[[0, 1]], preds=[0.5, 1], class_names="ab"),
        [
            ("confusion_matrix.y_true", "one label for each example"),
            ("confusion_matrix.preds", "whole numbers as labels"),
            ("confusion_matrix.class_names", "a list of names"),
        ],
    ),
    "lines": (
        lambda: mt.plot.line_series([1, 2], [[1, 2], [1, 2, 3], ["a"]], keys=["a", "a"]),
        [
            ("line_series.ys[2]", "real numbers"),
            ("line_series.ys[1]", "2 numbers, one for each x"),
            ("line_series.keys", "3 names"),
            ("line_series.keys", "names that differ"),
        ],
    ),
}


@pytest.mark.parametrize(("make", "expected"), CASES.values(), ids=CASES)
def test_all_is_told(make: Callable[[], Any], expected: list[tuple[str, str]]) -> None:
    with pytest.raises(mt.InputError) as raised:
        make()
    told = [(one.path, one.message.removeprefix("expected ").partition(", got ")[0]) for one in raised.value.problems]
    assert len(told) == len(set(told)) == len(expected), told
    for (path, what), (place, start) in zip(told, expected, strict=True):
        assert (path, what[: len(start)]) == (place, start), told


def test_columns_of_a_table_that_is_there() -> None:
    table = mt.Table(columns=["a"], data=[[1], [2]])
    with pytest.raises(mt.InputError) as raised:
        table.add_column("a", [1, 2, 3])
    assert [problem.path for problem in raised.value.problems] == ["Table.add_column.name", "Table.add_column['a']"]
    assert table.columns == ["a"]

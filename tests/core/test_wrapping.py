from __future__ import annotations

import subprocess
import sys
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
import PIL.Image
import plotly.graph_objects as go
import polars as pl
import pyarrow as pa
import pytest

import mediatypes as mt
from mediatypes._core.wrapping import tag_of, wrap
from tests.samples import FakeTensor, photograph

WRAPPED: dict[str, tuple[Any, type[Any]]] = {
    "a PIL image": (PIL.Image.fromarray(photograph("coffee")), mt.Image),
    "a matplotlib figure": (matplotlib.figure.Figure(), mt.Figure),
    "matplotlib axes": (matplotlib.figure.Figure().add_subplot(), mt.Figure),
    "a Plotly figure": (go.Figure(go.Scatter(y=[1, 2])), mt.Figure),
    "two axes": (np.zeros((1, 2)), mt.Tensor),
    "a photograph": (photograph("coffee"), mt.Tensor),
    "257 values": (np.zeros(257), mt.Tensor),
    "a pandas DataFrame": (pd.DataFrame({"a": [1]}), mt.Table),
    "a polars DataFrame": (pl.DataFrame({"a": [1]}), mt.Table),
    "an Arrow table": (pa.table({"a": [1]}), mt.Table),
    "an Arrow batch": (pa.record_batch({"a": [1]}), mt.Table),
    "a long Series": (pd.Series(range(300)), mt.Tensor),
}


@pytest.mark.parametrize(("value", "cls"), WRAPPED.values(), ids=WRAPPED)
def test_bare_objects_become_values(value: Any, cls: type[Any]) -> None:
    assert type(wrap(value)) is cls
    assert wrap(value) == cls(value)


@pytest.mark.parametrize(
    "value",
    [1, 1.5, "text", None, True, [1, 2], {"a": 1}, b"x", np.float32(1), np.zeros(()), np.zeros(0), np.zeros(256)],
    ids=repr,
)
def test_scalars_lists_and_short_arrays_are_not_wrapped(value: Any) -> None:
    assert tag_of(value) is None
    assert wrap(value) is value


def test_values_are_not_wrapped_again() -> None:
    values = [mt.Image(photograph("coffee")), mt.Histogram([1]), mt.Tensor(np.zeros((2, 2))), mt.Figure({"data": []})]
    assert all(wrap(value) is value for value in values)


@pytest.mark.usefixtures("fake_torch")
@pytest.mark.parametrize(("shape", "tag"), [((), None), ((256,), None), ((257,), "tensor"), ((2, 2), "tensor")])
def test_torch_tensors_follow_the_rule_of_arrays(shape: tuple[int, ...], tag: str | None) -> None:
    assert tag_of(FakeTensor(np.zeros(shape))) == tag


def test_recognising_imports_nothing() -> None:
    code = """
import sys
from mediatypes._core.wrapping import tag_of, wrap
class Other:
    shape = None
    __array__ = None
before = set(sys.modules)
assert [wrap(value) for value in (1, "x", [1])] == [1, "x", [1]] and tag_of(Other()) is None
assert set(sys.modules) == before, set(sys.modules) - before
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr

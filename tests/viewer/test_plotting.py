"""`RunView.plot` and `RunSet.plot`: what stands in the figures, as their own libraries read it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

import mediatypes as mt


@pytest.fixture
def runs(tmp_path: Path) -> mt.RunSet:
    for name, factor in (("a", 1.0), ("b", 2.0)):
        with mt.Run(tmp_path / "runs" / name) as run:
            run.define_metric("val.acc", step_metric="epoch")
            for step in range(6):
                run.log({"loss": factor / (step + 1), "text": "x"}, step=step)
                if step % 2:
                    run.log({"val": {"acc": factor * step}, "epoch": step // 2}, step=step)
            run.log({"loss": float("nan")}, step=9)
    return mt.open_runs(tmp_path / "runs")


def test_a_chart_for_each_key_of_numbers_and_a_line_for_each_run(runs: mt.RunSet) -> None:
    figure = runs["a"].plot()
    assert [axes.get_title() for axes in figure.axes] == ["loss", "val.acc", "epoch"]
    (line,) = figure.axes[0].lines
    assert line.get_xdata().tolist() == [0, 1, 2, 3, 4, 5, 9]
    assert line.get_ydata()[:6].tolist() == [1 / (step + 1) for step in range(6)]
    assert np.isnan(line.get_ydata()[6])
    assert (figure.axes[1].get_xlabel(), figure.axes[1].lines[0].get_xdata().tolist()) == ("epoch", [0, 1, 2])
    both = runs.plot("val.*", x="_step")
    assert [line.get_label() for line in both.axes[0].lines] == ["a", "b"]
    assert both.axes[0].lines[1].get_xydata().tolist() == [[1, 2], [3, 6], [5, 10]]


def test_the_same_with_plotly(runs: mt.RunSet) -> None:
    figure = runs.plot(["loss", "val.acc"], backend="plotly")
    assert [(trace.name, len(trace.x)) for trace in figure.data] == [("a", 7), ("b", 7), ("a", 3), ("b", 3)]
    assert [trace.xaxis for trace in figure.data] == ["x", "x", "x2", "x2"]
    assert [trace.showlegend for trace in figure.data] == [True, True, False, False]


def test_each_rank_is_a_line(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        for rank in range(2):
            with mt.Run(run.path, rank=rank) if rank else contextlib.nullcontext(run) as worker:
                for step in range(3):
                    worker.log({"loss": 10 * rank + step})
    (axes,) = mt.open_run(run.path).plot().axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert lines == {
        "run, rank 0": [[0, 0], [1, 1], [2, 2]],
        "run, rank 1": [[0, 10], [1, 11], [2, 12]],
    }


def test_a_run_has_one_colour_in_all_charts(tmp_path: Path) -> None:
    for name, keys in (("a", ["x"]), ("b", ["x", "y"]), ("c/b", ["y"])):
        with mt.Run(tmp_path / name) as run:
            run.log(dict.fromkeys(keys, 1))
    runs = mt.open_runs(tmp_path)
    third = f"b ({runs['c/b'].id})"
    figure = runs.plot(["x", "y"])
    colors = [{line.get_label(): line.get_color() for line in axes.lines} for axes in figure.axes]
    second = f"b ({runs['b'].id})"
    assert [list(one) for one in colors] == [["a", second], [second, third]]
    assert colors[0][second] == colors[1][second]
    assert len({*colors[0].values(), *colors[1].values()}) == 3
    data = runs.plot(["x", "y"], backend="plotly").data
    assert [(trace.name, trace.showlegend) for trace in data] == [
        ("a", True),
        (second, True),
        (second, False),
        (third, True),
    ]


def test_what_cannot_be_plotted_is_named(runs: mt.RunSet) -> None:
    with pytest.raises(mt.InputError, match=r"plot\.keys: expected a key of numbers, or a pattern of some, got 'text'"):
        runs["a"].plot("text")
    with pytest.raises(mt.InputError, match=r"plot\.x: expected a key of numbers, got 'text'"):
        runs["a"].plot("loss", x="text")
    with pytest.raises(mt.InputError, match=r"plot\.backend: expected 'matplotlib' or 'plotly', got 'bokeh'"):
        runs["a"].plot("loss", backend="bokeh")


def test_a_run_has_one_colour_in_all_charts_and_stands_in_the_legend_once(tmp_path: Path) -> None:
    for name, keys in (("a", "x"), ("b", "y"), ("c", "xy")):
        with mt.Run(tmp_path / "runs" / name, quiet=True, capture=False) as run:
            run.log(dict.fromkeys(keys, 1.0))
    runs = mt.open_runs(tmp_path / "runs")
    lines = [(line.get_label(), line.get_color()) for axes in runs.plot(["x", "y"]).axes for line in axes.lines]
    assert [name for name, _ in lines] == ["a", "c", "b", "c"]
    assert len(dict(lines)) == len(set(lines)) == len({color for _, color in lines}) == 3
    pytest.importorskip("plotly")
    drawn = runs.plot(["x", "y"], backend="plotly").data
    assert [(one.name, one.line.color) for one in drawn] == lines
    assert [one.showlegend for one in drawn] == [True, True, True, False]

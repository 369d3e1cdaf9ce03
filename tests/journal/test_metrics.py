"""`define_metric`: which definition applies, what it says about the summary and the x-axis, and what is refused."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.journal import frames
from mediatypes.journal.metrics import Metric, Metrics


@pytest.fixture
def run(tmp_path: Path) -> mt.Run:
    return mt.Run(tmp_path / "run")


def without_head(summary: Any) -> dict[str, Any]:
    return {key: value for key, value in summary.items() if not key.startswith("_")}


def summary_everywhere(run: mt.Run) -> dict[str, Any]:
    """The summary, which must be the same from the run and from a view, before and after it is finished."""
    live = without_head(run.summary)
    view = mt.open_run(run.path)
    assert repr(without_head(view.summary)) == repr(live)
    run.finish()
    assert repr(without_head(run.summary)) == repr(live)
    assert repr(without_head(mt.open_run(run.path).summary)) == repr(live)
    return live


# What stands in the summary -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("summary", "goal", "values", "expected"),
    [
        (None, None, [1, 3, 2], 2),
        ("last", None, [1, 3, 2], 2),
        ("max", None, [1, 3, 2], {"max": 3}),
        ("min,max,mean,first,last", None, [1, 3, 2], {"min": 1, "max": 3, "mean": 2.0, "first": 1, "last": 2}),
        ([" mean", "min , max"], None, [1, 0.5, 3], {"min": 0.5, "max": 3.0, "mean": 1.5}),
        ({"max", "last"}, None, [1, 3, 2], {"max": 3, "last": 2}),
        ("best", "maximize", [1, 3, 3, 2], {"best": 3, "best_step": 1}),
        ("best", "minimize", [1, 3, 1], {"best": 1, "best_step": 0}),
        ("min,max,mean", None, [math.nan, 3.5, math.nan], {"min": 3.5, "max": 3.5, "mean": 3.5}),
        ("first,last", None, [math.nan, 3.5, math.nan], {"first": math.nan, "last": math.nan}),
        ("min,max,mean", None, [math.nan, math.nan], {"min": math.nan, "max": math.nan, "mean": math.nan}),
        ("best", "maximize", [math.nan], {"best": math.nan}),
        ("min,max,mean", None, [1.5, math.inf], {"min": 1.5, "max": math.inf, "mean": math.inf}),
        ("min,max,mean", None, [math.inf, -math.inf], {"min": -math.inf, "max": math.inf, "mean": math.nan}),
        ("best", "maximize", [-math.inf, 2.5, math.nan], {"best": 2.5, "best_step": 1}),
        ("min,max", None, [2**60 + 1, 1, -(2**62)], {"min": -(2**62), "max": 2**60 + 1}),
        ("max", None, [2**60, float(2**60), 2**60 + 1], {"max": 2**60 + 1}),
        ("mean", None, [2**60 + 1, 2**60 + 3], {"mean": float(2**60 + 2)}),
        ("mean", None, [0.1] * 10, {"mean": 0.1}),
        ("mean", None, [1e16, 1.0, -1e16], {"mean": 1 / 3}),
        ("mean", None, [1.7976931348623157e308] * 3, {"mean": 1.7976931348623157e308}),
        ("mean", None, [5e-324, 5e-324], {"mean": 5e-324}),
        ("min,max,mean", None, ["a", 2, True, [7, 8], None], {"min": 2, "max": 2, "mean": 2.0}),
        ("first,last,min", None, ["a", 2, [7, 8]], {"min": 2, "first": "a", "last": [7, 8]}),
        ("first,max", None, ["a", "b"], {"first": "a"}),
        ("min,max", None, ["a", "b"], "b"),
        ("mean", None, [True, False], False),
        ("first,last", None, [[1, {"b": 2}], {}], {"first": [1, {"b": 2}], "last": {}}),
    ],
)
def test_the_summary_of_a_key(run: mt.Run, summary: Any, goal: Any, values: list[Any], expected: Any) -> None:
    run.define_metric("k", summary=summary, goal=goal)
    for value in values:
        run.log({"k": value})
    assert repr(summary_everywhere(run)) == repr({"k": expected})


def test_none_leaves_a_key_out_and_what_is_set_wins(run: mt.Run) -> None:
    run.define_metric("*", summary="none")
    run.define_metric("shown", summary="max")
    run.define_metric("set*", summary="max")
    for i in range(3):
        run.log({"hidden": i, "shown": i, "set": i, "set back": i, "also hidden": i})
    run.summary["set"] = "by hand"
    run.summary["set back"] = "by hand"
    run.summary["also hidden"] = 5
    assert run.summary["set back"] == "by hand"
    del run.summary["set back"]
    assert "hidden" not in run.summary
    assert summary_everywhere(run) == {
        "shown": {"max": 2},
        "set": "by hand",
        "set back": {"max": 2},
        "also hidden": 5,
    }


def test_an_array_of_the_first_row_is_its_document(run: mt.Run) -> None:
    run.define_metric("k", summary="first,max")
    run.log({"k": np.zeros((3, 400))})
    run.log({"k": 1.5})
    found = summary_everywhere(run)["k"]
    assert (found["max"], found["first"]["_type"], found["first"]["shape"]) == (1.5, "tensor", [3, 400])


def test_statistics_count_rows_and_not_calls(run: mt.Run) -> None:
    run.define_metric("k", summary="min,max,mean,first,last")
    run.log({"k": 1000}, commit=False)
    assert run.summary["k"] == {"min": 1000, "max": 1000, "mean": 1000.0, "first": 1000, "last": 1000}
    run.log({"k": -1000}, commit=False)
    run.log({"other": 1}, commit=False)
    run.log({"k": 4})
    run.log({"k": 7}, commit=False)
    run.log({"k": "text"})  # replaces the number of its row
    run.log({"k": 8}, commit=False)
    run.log({"k": None})  # replaces nothing
    run.log({"other": 2})
    assert summary_everywhere(run)["k"] == {"min": 4, "max": 8, "mean": 6.0, "first": 4, "last": 8}


def test_a_definition_that_comes_late_counts_from_the_start(run: mt.Run) -> None:
    for i in range(100):
        run.log({"k": i})
    assert run.summary["k"] == 99
    run.define_metric("k", summary="min")
    assert run.summary["k"] == {"min": 0}
    run.log({"k": -5})
    assert run.summary["k"] == {"min": -5}
    run.define_metric("k", summary="max,mean")
    assert summary_everywhere(run)["k"] == {"min": -5, "max": 99, "mean": 4945 / 101}


def test_whole_numbers_stay_integers_only_if_all_of_the_key_were(run: mt.Run) -> None:
    run.define_metric("*", summary="min,first,last")
    run.log({"ints": 1, "mixed": 1})
    run.log({"ints": 2, "mixed": 0.5})
    run.log({"ints": 3, "mixed": 3})
    assert repr(summary_everywhere(run)) == repr(
        {"ints": {"min": 1, "first": 1, "last": 3}, "mixed": {"min": 0.5, "first": 1.0, "last": 3.0}}
    )


# Which definition applies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "key", "expected"),
    [
        (["*"], "loss", "*"),
        (["*"], "", "*"),
        (["*"], "_hidden", None),
        (["_*"], "_hidden", None),
        (["_hidden"], "_hidden", "_hidden"),
        (["val/*"], "val/acc", "val/*"),
        (["val/*"], "val/deep/acc", "val/*"),
        (["val/*"], "val/", "val/*"),
        (["val/*"], "train/val/acc", None),
        (["*/acc"], "val/acc", "*/acc"),
        (["*/acc"], "val/acc2", None),
        (["*", "val/*", "val/acc"], "val/acc", "val/acc"),
        (["val/acc", "val/*", "*"], "val/acc", "val/acc"),
        (["val/*", "*"], "val/acc", "val/*"),
        (["val/*", "v*l/a*"], "val/acc", "v*l/a*"),
        (["*ab", "ab*"], "abab", "ab*"),
        (["ab*", "*ab"], "abab", "*ab"),
        (["Loss"], "loss", None),
        (["LO*"], "loss", None),
        (["loss[0]"], "loss[0]", "loss[0]"),
        (["loss[*]"], "loss[12]", "loss[*]"),
        (["loss[*]"], "loss1", None),
        (["lo?s*"], "loss", None),
        (["lo?s*"], "lo?s", "lo?s*"),
        (["a*\n"], "a b\n", "a*\n"),
        (["a.c*"], "abc", None),
        (["a*"], "a\nb", "a*"),
        (["été*"], "été 1", "été*"),
    ],
)
def test_which_definition_applies_to_a_key(names: list[str], key: str, expected: str | None) -> None:
    found = Metrics(map(Metric, names)).of(key)
    assert (found and found.name) == expected


def test_a_pattern_of_many_stars_is_matched_at_once() -> None:
    assert Metrics([Metric("*a" * 200 + "b")]).of("a" * 20_000) is None


def test_one_definition_applies_as_a_whole(run: mt.Run) -> None:
    run.define_metric("*", "epoch", summary="max")
    run.define_metric("loss", summary="min")
    view = mt.open_run(run.path)
    assert [view.x_axis(key) for key in ("acc", "loss", "epoch", "_private")] == ["epoch", "_step", "_step", "_step"]


def test_definitions_of_one_name_are_united_unless_overwritten(run: mt.Run) -> None:
    assert run.define_metric("k", "epoch") == Metric("k", "epoch")
    assert run.define_metric("k", summary="max,min") == Metric("k", "epoch", ("min", "max"))
    assert run.define_metric("k", step_sync=False) == Metric("k", "epoch", ("min", "max"), None, False)
    best = run.define_metric("k", "sample", summary="best", goal="minimize")
    assert best == Metric("k", "sample", ("min", "max", "best"), "minimize", False)
    assert run.define_metric("k", summary="none").summary == ("none",)
    assert run.define_metric("k", summary="mean").summary == ("mean",)
    assert run.define_metric("k", summary="best").goal == "minimize"
    assert run.define_metric("k", goal="maximize", overwrite=True) == Metric("k", goal="maximize")
    other = run.define_metric("other", run.define_metric("epoch"))  # as W&B allows
    assert other.step_metric == "epoch"
    assert [metric.name for metric in mt.open_run(run.path).metrics] == ["k", "epoch", "other"]


def test_saying_the_same_again_writes_nothing(run: mt.Run) -> None:
    run.define_metric("k", "epoch", summary="max")
    size = os.path.getsize(run.path / "journal" / "0001-0.log")
    for _ in range(10):
        run.define_metric("k", "epoch", summary="max")
        run.define_metric("k")
    assert os.path.getsize(run.path / "journal" / "0001-0.log") == size


# What is refused ----------------------------------------------------------------------------------------------------

NAME = "Pass a key of your own, or a pattern such as 'val/*'."
STEP = "Pass the key of a number that is logged, such as 'epoch'."
KNOWN = "expected min, max, mean, first, last, best or none"
SEVERAL = 'Separate several by commas: "min,max".'


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        ({"name": ""}, [f"define_metric.name: expected a key that is logged, got ''. {NAME}"]),
        ({"name": 3}, [f"define_metric.name: expected a key that is logged, got 3. {NAME}"]),
        ({"name": "_step"}, [f"define_metric.name: expected a key that is logged, got '_step'. {NAME}"]),
        ({"name": "\ud800"}, [f"define_metric.name: expected a key that is logged, got '\\ud800'. {NAME}"]),
        ({"step_metric": "a*"}, [f"define_metric.step_metric: expected one key without '*', got 'a*'. {STEP}"]),
        ({"step_metric": ""}, [f"define_metric.step_metric: expected one key without '*', got ''. {STEP}"]),
        ({"step_metric": 1}, [f"define_metric.step_metric: expected one key without '*', got 1. {STEP}"]),
        ({"summary": "maxx"}, [f"define_metric.summary: {KNOWN}, got 'maxx'. Did you mean 'max'?"]),
        ({"summary": "Min"}, [f"define_metric.summary: {KNOWN}, got 'Min'. Did you mean 'min'?"]),
        ({"summary": "copy"}, [f"define_metric.summary: {KNOWN}, got 'copy'. {SEVERAL}"]),
        ({"summary": ""}, [f"define_metric.summary: {KNOWN}, got ''. {SEVERAL}"]),
        ({"summary": []}, [f"define_metric.summary: {KNOWN}, got []. {SEVERAL}"]),
        ({"summary": "min,"}, [f"define_metric.summary: {KNOWN}, got ''. {SEVERAL}"]),
        ({"summary": 5}, [f"define_metric.summary: {KNOWN}, got 5. {SEVERAL}"]),
        (
            {"summary": np.array(["min", "max"])},
            [f"define_metric.summary: {KNOWN}, got ndarray of shape (2,) and dtype <U3. {SEVERAL}"],
        ),
        (
            {"summary": "min,none"},
            ["define_metric.summary: expected none alone, got 'min,none'. Leave out none, or all the others."],
        ),
        (
            {"goal": "max"},
            ["define_metric.goal: expected minimize or maximize, got 'max'. Did you mean 'maximize'?"],
        ),
        (
            {"goal": "up"},
            ["define_metric.goal: expected minimize or maximize, got 'up'. Leave it out if neither is better."],
        ),
        (
            {"summary": "best"},
            ['define_metric.goal: expected a goal for best, got None. Add goal="minimize" or goal="maximize".'],
        ),
        ({"step_sync": 1}, ["define_metric.step_sync: expected True or False, got 1. Leave it out."]),
        ({"overwrite": None}, ["define_metric.overwrite: expected True or False, got None. Leave it out."]),
        (
            {"name": None, "step_metric": "*", "summary": "maximum,avg", "goal": "min"},
            [
                f"define_metric.name: expected a key that is logged, got None. {NAME}",
                f"define_metric.step_metric: expected one key without '*', got '*'. {STEP}",
                f"define_metric.summary: {KNOWN}, got 'maximum'. Did you mean 'max'?",
                f"define_metric.summary: {KNOWN}, got 'avg'. {SEVERAL}",
                "define_metric.goal: expected minimize or maximize, got 'min'. Did you mean 'minimize'?",
            ],
        ),
    ],
)
def test_a_bad_definition_is_refused_with_every_problem(
    run: mt.Run, arguments: dict[str, Any], messages: list[str]
) -> None:
    with pytest.raises(mt.InputError) as caught:
        run.define_metric(**{"name": "k", **arguments})
    assert [str(problem) for problem in caught.value.problems] == messages
    assert mt.open_run(run.path).metrics == ()


def test_best_without_a_goal_is_refused_only_where_no_goal_is_known(run: mt.Run) -> None:
    run.define_metric("k", goal="maximize")
    run.define_metric("k", summary="best")
    with pytest.raises(mt.InputError, match="a goal for best"):
        run.define_metric("k", summary="best", overwrite=True)


def test_a_finished_run_is_defined_no_more(run: mt.Run) -> None:
    run.finish()
    with pytest.raises(mt.RunClosed):
        run.define_metric("k", summary="max")


# What is written ----------------------------------------------------------------------------------------------------


def test_a_definition_is_a_frame_and_stands_in_run_json(run: mt.Run) -> None:
    run.define_metric("val/*", "epoch", summary="max,best", goal="maximize", step_sync=False)
    run.define_metric("epoch")
    expected = [
        {
            "name": "val/*",
            "step_metric": "epoch",
            "goal": "maximize",
            "summary": ["max", "best"],
            "step_sync": False,
        },
        {"name": "epoch"},
    ]
    data = (run.path / "journal" / "0001-0.log").read_bytes()
    assert [frames.json_frame(frames.METRIC, value) in data for value in expected] == [True, True]
    live = mt.open_run(run.path).metrics
    run.finish()
    assert json.loads((run.path / "run.json").read_text())["metrics"] == expected
    footer = json.loads(pq.read_schema(run.path / "history.parquet").metadata[b"mediatypes"])
    assert footer["metrics"] == expected
    assert mt.open_run(run.path).metrics == live == (
        Metric("val/*", "epoch", ("max", "best"), "maximize", False),
        Metric("epoch"),
    )  # fmt: skip


def test_histories_stay_what_was_logged(run: mt.Run) -> None:
    """W&B inserts the step metric's last value, or 0.0, into each row (`step_sync`)."""
    run.define_metric("loss", "epoch")
    run.log({"loss": 3})
    run.log({"epoch": 1})
    run.log({"loss": 2})
    assert mt.open_run(run.path).history(["epoch"]).column("epoch").to_pylist() == [None, 1, None]


@pytest.mark.parametrize(
    "payload",
    [5, [], {}, {"name": ""}, {"name": "k", "summary": "max"}, {"name": "k", "step_sync": "no"}, {"name": None}],
)
def test_a_malformed_definition_is_damage_that_costs_nothing(run: mt.Run, payload: Any) -> None:
    run.define_metric("k", summary="max")
    run.log({"k": 3})
    run._append(frames.json_frame(frames.METRIC, payload))
    run.log({"k": 1})
    view = mt.open_run(run.path)
    assert (view.metrics, view.summary["k"]) == ((Metric("k", None, ("max",)),), {"max": 3})
    assert [problem.code for problem in view.problems] == ["frame"]
    run.finish()
    assert mt.open_run(run.path).summary["k"] == {"max": 3}


def test_statistics_of_a_later_minor_version_are_left_out(run: mt.Run) -> None:
    run._append(frames.json_frame(frames.METRIC, {"name": "k", "summary": ["max", "median"], "goal": "steady"}))
    run._append(frames.json_frame(frames.METRIC, {"name": "other", "summary": ["best"], "goal": "steady", "more": 1}))
    run.log({"k": 3, "other": 1})
    view = mt.open_run(run.path)
    assert (view.summary["k"], view.summary["other"]) == ({"max": 3}, 1)
    run.finish()
    assert mt.open_run(run.path).summary["k"] == {"max": 3}


def test_a_run_json_with_malformed_metrics_is_refused(run: mt.Run) -> None:
    run.finish()
    path = run.path / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metrics": [{"name": 3}]}))
    with pytest.raises(
        mt.DocumentError, match=r"run\.json: metrics\[0\]\.name: expected text that is not empty, got 3"
    ):
        mt.open_run(run.path)


@pytest.mark.parametrize("killed", [False, True])
def test_a_resumed_run_keeps_its_definitions_and_counts_all_rows(tmp_path: Path, killed: bool) -> None:
    path = tmp_path / "run"
    run = mt.Run(path)
    run.define_metric("k", summary="min,max,mean,first,last")
    run.define_metric("h", "k", summary="first")
    for value in (1, 2**60, "text", math.nan, 4):
        run.log({"k": value, "h": [1, None], "l": [value]})
    if killed:
        run._writer.journal.close()
        run._lock_file.release()
        run._closed = run._finished = True  # as after SIGKILL
    else:
        run.finish()
    resumed = mt.Run(path, mode="resume")
    assert resumed.define_metric("k", goal="maximize").summary == ("min", "max", "mean", "first", "last")
    resumed.define_metric("k", summary="best")
    assert resumed.summary["h"] == {"first": [1, None]}
    resumed.log({"k": 2**61}, commit=False)
    resumed.log({"k": -7})
    mean = (1 + 2**60 + 4 - 7) / 4
    assert summary_everywhere(resumed)["k"] == {
        "min": -7,
        "max": 2**60,
        "mean": mean,
        "first": 1,
        "last": -7,
        "best": 2**60,
        "best_step": 1,
    }
    names = [metric.name for metric in mt.open_run(path).metrics]
    assert names == ["h", "k"]


def test_a_forked_child_reads_the_statistics_for_itself(run: mt.Run) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("no fork")
    run.define_metric("k", summary="max")
    run.log({"k": 1})
    assert run.summary["k"] == {"max": 1}
    child = os.fork()
    if not child:
        os._exit(0 if run.summary["k"] == {"max": 1} else 1)
    assert os.waitpid(child, 0)[1] == 0
    run.log({"k": 2})
    assert run.summary["k"] == {"max": 2}

"""Statistics against a brute-force model: exactly equal, however calls are cut, and wherever they are read from."""

from __future__ import annotations

import math
import tempfile
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mediatypes as mt
from mediatypes.journal import reader
from mediatypes.journal.metrics import STATISTICS, Metric, Metrics
from mediatypes.runfolder import content, merge_rows
from mediatypes.runfolder.content import RunContent
from mediatypes.runfolder.files import read_run_json
from mediatypes.runfolder.parquet_reader import StoredHistory
from mediatypes.runfolder.statistics import Statistics

NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from([2.0**60, 2**60, -0.0, 0.0, math.nan, math.inf, 5e-324, 1.7e308]),
)
VALUES = st.one_of(NUMBERS, NUMBERS, st.booleans(), st.none(), st.sampled_from(["a", "b"]), st.just([1, None, 0.5]))
CALLS = st.lists(
    st.tuples(
        st.one_of(
            st.dictionaries(st.sampled_from("ab"), NUMBERS, max_size=2),
            st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3),
        ),
        st.sampled_from([None, True, False, False]),
    ),
    max_size=25,
)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def model(rows: list[dict[str, Any]], logged: list[Any], key: str, goal: str) -> Any:
    """The statistics of a key by their definitions, over the last value in each row."""
    found = [(step, row[key]) for step, row in enumerate(rows) if key in row]
    if not found:
        return None
    doubles = [value for value in logged if is_number(value) and not (type(value) is int and abs(value) > 2**53)]
    whole = all(type(value) is int for value in doubles)  # of all that were logged, also those that were replaced

    def shown(value: Any) -> Any:
        return float(value) if is_number(value) and not whole and abs(value) <= 2**53 else value

    numbers = [(step, value) for step, value in found if is_number(value)]
    real = [(step, value) for step, value in numbers if value == value]
    result: dict[str, Any] = {}
    if real:
        finite = [value for _, value in real if abs(value) != math.inf]
        low, high = (pick(value for _, value in real) for pick in (min, max))
        result = {"min": shown(low), "max": shown(high)}
        if len(finite) == len(real):
            result["mean"] = float(sum(map(Fraction, finite)) / len(finite))
        else:
            result["mean"] = sum({value for _, value in real if abs(value) == math.inf})
    elif numbers:
        result = {"min": math.nan, "max": math.nan, "mean": math.nan}
    result |= {"first": shown(found[0][1]), "last": shown(found[-1][1])}
    if real:
        best = (min if goal == "minimize" else max)(value for _, value in real)
        result |= {"best": shown(best), "best_step": next(step for step, value in real if value == best)}
    elif numbers:
        result["best"] = math.nan
    return result


def same(one: Any, other: Any) -> bool:
    """Equal in value and type, NaN equal to itself; -0.0 and 0.0 may stand for each other, and 2**60 and 2.0**60."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return one == other
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return (one != one and other != other) or (one == other and (type(one) is type(other) or abs(one) > 2**53))
    return bool(one == other)


def check(summary: Any, expected: dict[str, Any]) -> None:
    found = {key: value for key, value in summary.items() if not key.startswith("_")}
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert same(found[key], value), (key, found[key], value)


@settings(max_examples=40, deadline=None)
@given(
    CALLS,
    st.sampled_from(["minimize", "maximize"]),
    st.sampled_from([64, 300, 8 * 1024 * 1024]),
    st.sampled_from([1, 3, 128 * 1024]),
    st.integers(0, 25),
    st.booleans(),
    st.booleans(),
)
def test_statistics_are_those_of_the_model(
    calls: Any, goal: Literal["minimize", "maximize"], piece: int, group: int, cut: int, late: bool, keep: bool
) -> None:
    def define() -> None:
        run.define_metric("*", summary=",".join(STATISTICS), goal=goal)

    rows: list[dict[str, Any]] = []
    logged: dict[str, list[Any]] = {}
    is_open = False

    def log(data: dict[str, Any], commit: bool | None) -> None:
        nonlocal is_open
        run.log(data, commit=commit)
        if not is_open:
            rows.append({})
        is_open = commit is False
        values = {key: value for key, value in data.items() if value is not None}
        rows[-1].update(values)
        for key, value in values.items():
            logged.setdefault(key, []).append(value)

    def expected() -> dict[str, Any]:
        return {key: model(rows, values, key, goal) for key, values in logged.items()}

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("mediatypes._core.atomic.sync", lambda path: None)  # this is not about power cuts
        patch.setattr(reader, "_PIECE", piece)
        patch.setattr(merge_rows, "GROUP_ROWS", group)
        patch.setattr(content, "_HOLD", 2**30 if keep else 0)
        patch.setattr("mediatypes.view._HOLD", 2**30 if keep else 0)
        path = Path(folder) / "run"
        run = mt.Run(path)
        if not late:
            define()
        for data, commit in calls[:cut]:
            log(data, commit)
            if not late and len(rows) % 4 == 0:
                check(run.summary, expected())
        if late:
            define()
        check(run.summary, expected())
        check(mt.open_run(path).summary, expected())
        run.finish()
        check(mt.open_run(path).summary, expected())
        check(run.summary, expected())
        run, is_open = mt.Run(path, mode="resume"), False
        for data, commit in calls[cut:]:
            log(data, commit)
        check(run.summary, expected())
        run.finish()
        check(mt.open_run(path).summary, expected())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=200), st.data())
def test_the_mean_is_exact_and_does_not_depend_on_batches(values: list[float], data: Any) -> None:
    found = Statistics(Metrics([Metric("k", summary=("mean",))]))
    start = 0
    while start < len(values):
        stop = data.draw(st.integers(start + 1, len(values)))
        part = np.array(values[start:stop])
        column = {("k", "number"): reader.Values(np.arange(len(part)), part, False)}
        found.add(reader.Batch(start, np.arange(start, stop), np.zeros(len(part)), column))
        start = stop
    assert found.values()["k"]["mean"] == float(sum(map(Fraction, values)) / len(values))


def test_a_long_run_is_as_numpy_says(tmp_path: Path) -> None:
    values = np.random.default_rng(5).normal(size=50_000)
    run = mt.Run(tmp_path / "run")
    run.define_metric("k", summary="min,max,mean,best", goal="maximize")
    for value in values.tolist():
        run.log({"k": value, "other": 1})
    expected = {
        "min": values.min(),
        "max": values.max(),
        "mean": math.fsum(values) / len(values),
        "best": values.max(),
        "best_step": int(values.argmax()),
    }
    assert run.summary["k"] == expected
    assert run.summary["other"] == 1
    run.finish()
    assert mt.open_run(run.path).summary["k"] == expected


def test_a_reading_goes_on_where_the_last_one_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mt.Run(tmp_path / "run")
    run.define_metric("k", summary="mean")
    for i in range(10_000):
        run.log({"k": i})
    assert run.summary["k"] == {"mean": 4999.5}
    read: list[int] = []
    real = reader.JournalReader._parse

    def parse(self: Any, data: Any, calls: Any) -> int:
        read.append(len(data))
        return real(self, data, calls)

    monkeypatch.setattr(reader.JournalReader, "_parse", parse)
    run.log({"k": 10_000})
    assert run.summary["k"] == {"mean": 5000.0}
    assert dict(run.summary) == {"k": {"mean": 5000.0}}
    assert 0 < sum(read) < 100
    run.define_metric("k", summary="max")  # another definition begins anew
    assert run.summary["k"] == {"max": 10_000, "mean": 5000.0}


@pytest.mark.parametrize("cut", [False, True], ids=["one session", "resumed"])
@pytest.mark.parametrize(
    ("calls", "columns", "last", "mean"),
    [
        ([{"k": 0.5}, {"k": 2}, {"k": 3}], {"number": False}, 3.0, 2.5),
        ([{"k": 0.5}, {"k": "a"}, {"k": 3}], {"number": False, "string": False}, 3.0, 3.0),
        ([{"k": 5}, {"k": "a"}, {"k": 3}], {"number": True, "string": False}, 3, 3.0),
        ([{"k": 5}, {"k": 0}, {"k": 0}], {"number": True}, 0, 0.0),
        ([{"k": 0.5}, {"k": 2**60}, {"k": 3}], {"number": False, "integer": False}, 3.0, (2**60 + 3) / 2),
        ([{"k": [0.5]}, {"k": [2, None]}, {"k": [3]}], {"number_list": False}, [3.0], None),
        ([{"k": [0.5]}, {"k": "a"}, {"k": [3]}], {"number_list": False, "string": False}, [3.0], None),
    ],
)
def test_replaced_values_count_for_integral_alone(
    tmp_path: Path, calls: list[dict[str, Any]], columns: dict[str, bool], last: Any, mean: float | None, cut: bool
) -> None:
    """The first value is replaced in its row; the third has a row of its own, perhaps in another session."""

    def is_right(value: Any) -> None:
        expected = [mean, last] if mean is not None else [last]
        found = [value[name] for name in ("mean", "last") if name in value]
        assert repr(found) == repr(expected)  # 0.0 is not 0
        assert mean is None or type(value["min"]) is type(last)

    run = mt.Run(tmp_path / "run")
    run.define_metric("k", summary="min,mean,last")
    run.log(calls[0], commit=False)
    run.log(calls[1])
    if cut:
        run.finish()
        run = mt.Run(run.path, mode="resume")
    run.log(calls[2])
    is_right(run.summary["k"])
    is_right(mt.open_run(run.path).summary["k"])
    run.finish()
    is_right(mt.open_run(run.path).summary["k"])
    is_right(run.summary["k"])
    stored = StoredHistory(run.path / "history.parquet")
    assert {spec.kind: spec.integral for spec in stored.specs} == columns
    is_right(mt.Run(run.path, mode="resume").summary["k"])


def test_logging_does_nothing_for_statistics(tmp_path: Path) -> None:
    """Not even their module is loaded while nobody asks."""
    run = mt.Run(tmp_path / "run")
    run.define_metric("*", summary="min,max,mean")
    run.log({"k": 1})
    assert run._metrics._reader is None
    assert run._writer._quick


def test_threads_may_log_while_statistics_are_read(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.define_metric("k*", summary="max")
    failures: list[BaseException] = []

    def work(key: str) -> None:
        try:
            for i in range(300):
                run.log({key: i})
                if i % 50 == 0:
                    assert run.summary[key]["max"] >= i
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"k{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert {key: run.summary[key] for key in sorted(run.summary)} == {f"k{n}": {"max": 299} for n in range(4)}


def test_a_killed_and_resumed_run_counts_calls_once(tmp_path: Path) -> None:
    """A crash between writing history.parquet and run.json leaves rows that stand in both."""
    path = tmp_path / "run"
    run = mt.Run(path)
    run.define_metric("k", summary="mean,first")
    for i in range(5):
        run.log({"k": i}, commit=False)
        run.log({"k": i + 1})
    journal = (path / "journal" / "0001-0.log").read_bytes()
    started = (path / "run.json").read_bytes()
    run.finish()
    (path / "journal").mkdir()
    (path / "journal" / "0001-0.log").write_bytes(journal)
    (path / "run.json").write_bytes(started)
    made = RunContent(path, read_run_json(path))
    assert made.calls == 10
    assert mt.open_run(path).summary["k"] == {"mean": 3.0, "first": 1}

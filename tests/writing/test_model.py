"""Random sequences of calls against the rule of rows in a few lines of Python, live and finished."""

from __future__ import annotations

import itertools
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mediatypes as mt
from mediatypes.journal import reader
from mediatypes.runfolder import content as run_content
from mediatypes.runfolder import files, merge_rows
from mediatypes.runfolder.content import RunContent

HISTOGRAM = mt.Histogram([1, 2], num_bins=2)

NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-3, 3), st.floats(), st.booleans())
VALUES = st.one_of(
    NUMBERS,
    st.none(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    st.lists(st.one_of(st.none(), st.integers(-5, 5), st.floats()), max_size=3),
    st.lists(st.sampled_from(["a", 1, True, None, 2**60]), max_size=3),
    st.just(HISTOGRAM),
    st.just([HISTOGRAM, HISTOGRAM]),
)
KEYS = st.sampled_from(["a", "A", "b", "a#string", "é"])
CALLS = st.lists(
    st.tuples(
        st.one_of(st.dictionaries(KEYS, NUMBERS, max_size=3), st.dictionaries(KEYS, VALUES, max_size=4)),
        st.one_of(st.none(), st.integers(-1, 12)),
        st.sampled_from([None, True, False]),
    ),
    max_size=30,
)


class Model:
    """What the docstring of `Run.log` says, row by row."""

    def __init__(self) -> None:
        self.next = 0
        self.rows: dict[int, dict[str, Any]] = {}

    def log(self, data: dict[str, Any], step: int | None, commit: bool | None) -> bool:
        row = self.next if step is None else step
        if row < self.next:
            return False
        cells = self.rows.setdefault(row, {})
        cells.update({key: value for key, value in data.items() if value is not None})
        self.next = row + 1 if (commit if commit is not None else step is None) else row
        return True


def same(one: Any, other: Any) -> bool:
    """Equal, with NaN equal to itself, and the sign of zero; 2 and 2.0 may stand for each other."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return repr(one) == repr(other)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def read(view: mt.RunView) -> list[tuple[int, dict[str, Any]]]:
    found: dict[int, dict[str, Any]] = {step: {} for step in view.history(["_step"]).column("_step").to_pylist()}
    for key in view.keys():  # noqa: SIM118
        for step, value in view.values(key):
            assert key not in found[step], "two kinds of one key in one row"
            found[step][key] = value
    return list(found.items())


def check(view: mt.RunView, expected: list[tuple[int, dict[str, Any]]]) -> None:
    found = read(view)
    assert [step for step, _ in found] == [step for step, _ in expected]
    for (step, cells), (_, wanted) in zip(found, expected, strict=True):
        assert cells.keys() == wanted.keys(), step
        for key in wanted:
            assert same(cells[key], wanted[key]), (step, key, cells[key], wanted[key])


@settings(max_examples=60, deadline=None)
@given(CALLS, st.sampled_from([64, 300, 8 * 1024 * 1024]), st.sampled_from([1, 3, 128 * 1024]), st.booleans())
def test_any_calls_read_back_as_the_model_says(calls: Any, piece: int, group: int, keep: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_PIECE", piece)
        patch.setattr(merge_rows, "GROUP_ROWS", group)
        patch.setattr(run_content, "_HOLD", 2**30 if keep else 0)
        patch.setattr("mediatypes.view._HOLD", 2**30 if keep else 0)
        run, model, last = mt.Run(Path(folder) / "run"), Model(), {}
        for data, step, commit in calls:
            if model.log(data, step, commit):
                run.log(data, step, commit)
                last.update({key: value for key, value in data.items() if value is not None})
            else:
                with pytest.raises(mt.InputError, match="step"):
                    run.log(data, step, commit)
        view = mt.open_run(run.path)
        check(view, list(model.rows.items()))
        live, live_summary = repr(view.history().to_pydict()), view.summary
        schema = view.history().schema
        for key, value in last.items():
            if not isinstance(value, mt.Histogram) and value != [HISTOGRAM, HISTOGRAM]:
                assert same(run.summary[key], value), key
                assert same(live_summary[key], value), key
        run.finish()
        view = mt.open_run(run.path)
        check(view, list(model.rows.items()))
        assert repr(view.history().to_pydict()) == live
        assert view.history().schema.equals(schema.with_metadata(view.history().schema.metadata), check_metadata=True)
        assert repr(view.summary) == repr(live_summary)


def _varied(run: mt.Run) -> list[dict[str, Any]]:
    """Rows made of several calls, kinds and layouts."""
    for i in range(40):
        run.log({"i": i, "x": i / 2}, commit=False)
        if i % 3 == 0:
            run.log({"x": "text", "h": HISTOGRAM}, commit=False)
        if i % 5 == 0:
            run.log({"x": 2**60, "z": math.nan}, commit=False)
        run.log({"i": i})
    return list(mt.open_run(run.path).history().to_pylist())


@pytest.mark.parametrize("group", [1, 7, 128 * 1024])
def test_pieces_and_row_groups_of_any_size_give_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    run = mt.Run(tmp_path / "run")
    whole = repr(_varied(run))
    monkeypatch.setattr(merge_rows, "GROUP_ROWS", group)
    for piece in itertools.chain(range(1, 200, 13), [1000, 4000]):
        monkeypatch.setattr(reader, "_PIECE", piece)
        assert repr(mt.open_run(run.path).history().to_pylist()) == whole, piece
    monkeypatch.setattr(reader, "_PIECE", 61)
    run.finish()
    assert repr(mt.open_run(run.path).history().to_pylist()) == whole


def test_more_key_sets_than_layouts_are_cached_lose_nothing(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        for i in range(1100):
            run.log({f"k{i}": i})
        for i in range(1100):
            run.log({f"k{i}": i + 0.5})
        assert len({key: value for key, value in run.summary.items() if key[0] == "k"}) == 1100
    table = mt.open_run(run.path).history()
    assert [table.column(f"k{i}").drop_null().to_pylist() for i in (0, 511, 1023, 1024, 1099)] == [
        [i, i + 0.5] for i in (0, 511, 1023, 1024, 1099)
    ]


def test_a_reading_that_is_taken_twice_shows_what_the_first_one_saw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_content, "_HOLD", 0)  # as for a journal of more than 32 MiB
    run = mt.Run(tmp_path / "run")
    run.log({"a": 1})
    content = RunContent(run.path, files.read_run_json(run.path))
    run.log({"a": 0.5, "b": 1})
    run.log({"a": "text"})
    batches = list(merge_rows.build_rows(content.batches(), content.schema.specs(), 0.0))
    assert [row["a"] for batch in batches for row in batch.to_pylist()] == [1.0]

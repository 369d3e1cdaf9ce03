"""Journals that cost more than they are long: read in linear time and little memory, or left out and reported."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.journal import frames
from mediatypes.journal.metrics import MAX_PATTERNS
from tests.hostile import journals
from tests.hostile.journals import write_run

SECONDS = 10  # of CPU; what was superlinear took minutes


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """A test that takes more CPU than SECONDS fails."""
    begin = time.process_time()
    yield
    assert time.process_time() - begin < SECONDS


def problems(view: mt.RunView) -> list[str]:
    return [problem.message for problem in view.problems]


def test_many_kinds_of_one_key(tmp_path: Path) -> None:
    view = mt.open_run(write_run(tmp_path / "run", journals.many_kinds(1000)))
    assert len(view.keys()["key"]) == len(view.history()) == 1000
    last = view.history()["key#kind999"].combine_chunks()
    assert last.null_count == 999
    assert last[999].as_py()["_type"] == "kind999"
    assert not view.problems


def test_many_keys_in_a_call(tmp_path: Path) -> None:
    view = mt.open_run(write_run(tmp_path / "run", journals.wide_call(20_000)))
    table = view.history()
    assert table.num_columns == 20_003
    assert table["key19999"].to_pylist() == [1.5] == [view.summary["key19999"]]
    assert main(["show", str(view.path)]) == 0


def test_keys_that_differ_in_case_only(tmp_path: Path) -> None:
    keys = ["".join(c.upper() if i >> n & 1 else c for n, c in enumerate("abcdefghijklm")) for i in range(2**13)]
    cells: list[tuple[str, str, object]] = [(key, "number", i) for i, key in enumerate(keys)]
    view = mt.open_run(write_run(tmp_path / "run", iter([journals.call(0, cells)])))
    names = view.history().column_names
    assert names[3:6] == ["abcdefghijklm", "Abcdefghijklm#2", "aBcdefghijklm#3"]
    assert len({name.lower() for name in names}) == len(keys) + 3


@pytest.mark.parametrize("make", [journals.wide_call, journals.wide_layout])
def test_more_columns_than_there_may_be_are_left_out(tmp_path: Path, make: Callable[[int], Iterator[bytes]]) -> None:
    frames_of = [journals.call(0, [("loss", "number", 0.5)]), *make(frames.MAX_COLUMNS)]
    view = mt.open_run(write_run(tmp_path / "run", iter(frames_of)))
    assert view.keys() == {"loss": ("number",)}
    assert any(f"more than {frames.MAX_COLUMNS} columns" in message for message in problems(view))


def test_the_writer_refuses_what_readers_leave_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_COLUMNS", 3)
    with mt.Run(tmp_path / "run") as run:
        run.log({"a": 1.5, "b": 2.5})
        run.log({"a": "text"})
        for data in ({"c": 1.5}, {"c": "text"}):
            with pytest.raises(mt.InputError, match=r"^log: expected at most 3 keys of a run, got 1 more\. "):
                run.log(data)
        run.log({"b": 3.5})
    assert list(mt.open_run(run.path).values("b")) == [(0, 2.5), (2, 3.5)]
    assert [problem.code for problem in mt.open_run(run.path).problems] == ["kinds"]


def test_many_layouts(tmp_path: Path) -> None:
    view = mt.open_run(write_run(tmp_path / "run", journals.many_layouts(5000)))
    assert len(view.history()) == frames.MAX_LAYOUTS
    found = problems(view)
    assert any(f"more than {frames.MAX_LAYOUTS} layouts" in message for message in found)
    assert len(found) == 1001, "one for each, but not without end"
    assert found[-1] == "expected at most 1000 problems, got more"


def test_many_patterns(tmp_path: Path) -> None:
    view = mt.open_run(write_run(tmp_path / "run", journals.many_patterns(5000, 50)))
    assert len(view.summary) == 53
    assert problems(view) == [f"expected at most {MAX_PATTERNS} patterns with *, got 5000"]


def test_a_pattern_more_than_readers_apply_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.journal.metrics.MAX_PATTERNS", 1)
    with mt.Run(tmp_path / "run") as run:
        run.define_metric("a/*", summary="min")
        run.define_metric("a/*", summary="max")
        run.define_metric("b", summary="max")
        with pytest.raises(mt.InputError, match=r"^define_metric\.name: expected at most 1 patterns with \*, got one"):
            run.define_metric("b/*", summary="min")


def test_keys_that_stand_in_a_row_each_take_no_memory_elsewhere(tmp_path: Path) -> None:
    count = 4000  # dense: 128 MB
    view = mt.open_run(write_run(tmp_path / "run", journals.sparse(count)))
    view.keys()
    assert view.history(["key7"])["key7"].to_pylist() == [None] * 7 + [1.5] + [None] * (count - 8)

    def peak(work: Callable[[], Any]) -> int:
        tracemalloc.start()
        try:
            work()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(lambda: mt.recover(view.path)) < 200e6
    assert mt.open_run(view.path).history(["key7"])["key7"].null_count == count - 1


def test_a_table_far_larger_than_its_journal_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.runfolder.content._MOST_CELLS", 1000)
    view = mt.open_run(write_run(tmp_path / "run", journals.sparse(1000)))
    monkeypatch.setattr("mediatypes.cli.show._CELLS", 50_000)
    hint = r"^history: expected columns of at most \d+ cells, got more\. Read some: history\(keys=\.\.\.\)\."
    with pytest.raises(mt.InputError, match=hint):
        view.history()
    assert len(view.history(["key1", "key2"])) == 1000
    assert main(["show", str(view.path)]) == 0


def test_a_frame_beyond_the_limit(tmp_path: Path) -> None:
    good = journals.call(0, [("loss", "number", 0.5)])
    view = mt.open_run(write_run(tmp_path / "run", iter([good, (2**27 + 1).to_bytes(4, "little"), bytes(1000)])))
    assert list(view.values("loss")) == [(0, 0.5)]
    assert problems(view) == ["expected a frame, got a claimed size of 134217729"]


def test_json_that_takes_far_more_memory_than_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_VALUES", 10_000)
    with mt.Run(tmp_path / "refused") as run:
        with pytest.raises(mt.InputError, match=r"^log: expected at most 10000 commas and brackets at once"):
            run.log({"list": [1.5] * 10_000})
        run.log({"list": [1.5] * 9_000})
    assert [len(value) for _, value in mt.open_run(run.path).values("list")] == [9_000]
    hostile = journals.call(0, [("list", "number_list", [None] * 10_000)])
    view = mt.open_run(write_run(tmp_path / "run", iter([hostile, journals.call(1, [("loss", "number", 0.5)])])))
    assert view.keys() == {"loss": ("number",)}
    assert "more than 10000 commas and brackets" in problems(view)[0]

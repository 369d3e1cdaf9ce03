"""A view of a live run that is asked again and again reads what is new, and gives what a new view gives."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
import pytest

import mediatypes as mt
from mediatypes.journal.reader import JournalReader
from mediatypes.runfolder.follower import Follower
from mediatypes.runfolder.segments import Segments
from tests.writing.crashes import abandon


def state(view: mt.RunView) -> list[Any]:
    table = view.history()
    return [table.column_names, table.to_pydict(), view.summary, view.config, view.status, view.problems, view.keys()]


@pytest.fixture
def count_bytes(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many bytes of journals were read since it was last asked."""
    pieces: list[int] = []
    piece = JournalReader._piece

    def counted(self: JournalReader, rest: bytes, size: int) -> bytes:
        found = piece(self, rest, size)
        pieces.append(len(found))
        return found

    def taken() -> int:
        total = sum(pieces)
        pieces.clear()
        return total

    monkeypatch.setattr(JournalReader, "_piece", counted)
    return taken


def test_polls_read_little_more_than_the_journal(tmp_path: Path, count_bytes: Callable[[], int]) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"loss": 1.0})
        view = mt.open_run(run.path)
        polls = 50
        for i in range(polls):
            for j in range(20):
                run.log({"loss": i + j / 20})
            assert view.history(["loss"]).num_rows == 1 + 20 * (i + 1)
        (journal,) = (run.path / "journal").glob("*.log")
        assert journal.stat().st_size <= count_bytes() + 100 <= 3 * journal.stat().st_size
        view.history()
        assert view.summary["_step"] == 20 * polls
        assert count_bytes() == 0


def test_polls_of_a_run_that_was_resumed_read_what_is_new(tmp_path: Path, count_bytes: Callable[[], int]) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"loss": 1.0, "page": mt.Html("a")})
    with mt.Run(tmp_path / "run", mode="resume") as run:
        view = mt.open_run(run.path)
        for i in range(50):
            for j in range(20):
                run.log({"loss": i + j / 20})
            assert view.history(["loss"]).num_rows == 1 + 20 * (i + 1)
        (journal,) = (run.path / "journal").glob("*.log")
        assert count_bytes() <= 3 * journal.stat().st_size
        assert state(view) == state(mt.open_run(run.path))


def test_a_view_of_a_run_that_is_over_sees_that_it_was_resumed(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", config={"lr": 1}) as run:
        run.log({"loss": 1.0})
    view = mt.open_run(run.path)
    assert state(view)[4] == "finished"
    run = mt.Run(tmp_path / "run", mode="resume", config={"lr": 2})
    assert state(view) == state(mt.open_run(run.path))
    assert view.status == "running"
    run.log({"loss": 2.0, "acc": 1})
    assert state(view) == state(mt.open_run(run.path))
    run.finish()
    assert state(view) == state(mt.open_run(run.path))
    view.edit(tags=["a"])
    assert mt.open_run(run.path).tags == view.tags == ["a"]


def _log(opened: list[mt.Run], number: int) -> None:
    for run in opened:
        for j in range(20):
            run.log({"loss": number + j / 20, **({} if j else {"page": mt.Html(f"{number}"), "text": "x"})})


@pytest.mark.parametrize("many", [False, True])
def test_polls_of_several_ranks_read_what_is_new(tmp_path: Path, many: bool, count_bytes: Callable[[], int]) -> None:
    """Also where one of them logs nothing, another comes later, and all end."""
    opened = [mt.Run(tmp_path / "run", rank=rank) for rank in range(4 if many else 2)]
    view = mt.open_run(tmp_path / "run")
    late: list[mt.Run] = []
    for i in range(40):
        _log([*opened[1:], *opened[: i % 2], *late], i)
        assert view.history(["_rank", "loss", "page"]).equals(mt.open_run(view.path).history(["_rank", "loss", "page"]))
        if i == 10:
            late.append(mt.Run(tmp_path / "run", rank=7))
        if i == 15:
            count_bytes()
    size = sum(journal.stat().st_size for journal in (tmp_path / "run" / "journal").glob("*.log"))
    fresh = 24 * size  # of the other view, at least half of it each time
    assert fresh / 2 < count_bytes() < fresh + 3 * size
    assert state(view) == state(mt.open_run(view.path))
    for run in [*late, *reversed(opened)]:
        run.finish()
        assert state(view) == state(mt.open_run(view.path))


def test_polls_of_a_crashed_run_read_it_once(tmp_path: Path, count_bytes: Callable[[], int]) -> None:
    opened = [mt.Run(tmp_path / "run", rank=rank) for rank in range(2)]
    _log(opened, 0)
    for run in opened:
        abandon(run)
    (journal,) = (tmp_path / "run" / "journal").glob("rank-*.log")
    data = bytearray(journal.read_bytes())
    for damaged in (False, True):
        data[-5] ^= damaged  # a whole frame with another checksum
        journal.write_bytes(data if damaged else data[:-2])
        view = mt.open_run(tmp_path / "run")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mediatypes.runfolder.files.is_alive", lambda writer: False)
            first = state(view)
            count_bytes()
            assert state(view) == first
            assert count_bytes() == 0
            assert first[4] == "crashed"
            assert [problem.code for problem in view.problems] == ["checksum" if damaged else "torn", "rank"]


def test_a_follower_reads_each_byte_once(tmp_path: Path, count_bytes: Callable[[], int]) -> None:
    """Of a run with several ranks, also once it is killed."""
    opened = [mt.Run(tmp_path / "run", rank=rank) for rank in range(2)]
    calls = 0
    with Follower(tmp_path / "run") as follower:
        for i in range(20):
            _log(opened, i)
            calls += sum(len(batch.steps) for batch in follower.poll())
            assert calls == 40 * (i + 1)
        for run in opened:
            abandon(run)
        assert not follower.poll()
    size = sum(journal.stat().st_size for journal in (tmp_path / "run" / "journal").glob("*.log"))
    assert size - 50 <= count_bytes() <= size


@pytest.mark.parametrize("ranks", [1, 2])
def test_of_more_than_is_held_only_the_history_is_read_again(
    tmp_path: Path, ranks: int, count_bytes: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediatypes.view._HOLD", 0)
    opened = [mt.Run(tmp_path / "run", rank=rank) for rank in range(ranks)]
    view = mt.open_run(tmp_path / "run")
    for i in range(40):
        _log(opened, i)
        assert (view.summary["loss"], view.config, view.problems, len(view.keys())) == (i + 0.95, {}, [], 3)
    size = sum(journal.stat().st_size for journal in (tmp_path / "run" / "journal").glob("*.log"))
    assert size <= count_bytes() + 200 * ranks <= 3 * size
    assert state(view) == state(mt.open_run(view.path))
    _log(opened, 40)
    assert state(view) == state(mt.open_run(view.path))
    for run in reversed(opened):
        run.finish()
    assert state(view) == state(mt.open_run(view.path))


def test_polls_of_a_run_elsewhere_read_what_is_new(tmp_path: Path, count_bytes: Callable[[], int]) -> None:
    elsewhere = fsspec.filesystem("memory")
    url = f"memory://polls/{tmp_path.name}"
    run = mt.Run(tmp_path / "run")
    view, journals, size = None, Segments(run.path / "journal", 6000), 0
    for i in range(30):
        _log([run], i)
        segments = journals.read()
        for segment in segments:
            elsewhere.pipe(f"{url}/journal/{segment.name}", b"".join(segment.pieces()))
        elsewhere.pipe(f"{url}/run.json", (run.path / "run.json").read_bytes())
        view = view or mt.open_run(url)
        assert view.history(["loss"]).num_rows == 20 * (i + 1)
        assert view.summary["loss"] == i + 0.95
        size = sum(segment.size for segment in segments)
    assert len(journals.read()) > 2
    read = count_bytes()
    assert read < 4 * size  # where they are cut something is read twice, not at each of 60 looks
    assert view is not None
    assert state(view)[:4] == state(mt.open_run(run.path))[:4]
    run.finish()


def test_many_polls_are_merged_now_and_then(tmp_path: Path, count_bytes: Callable[[], int]) -> None:
    with mt.Run(tmp_path / "run") as run:
        view = mt.open_run(run.path)
        for i in range(200):
            run.log({"loss": i / 2})
            assert view.history().num_rows == i + 1
        (journal,) = (run.path / "journal").glob("*.log")
        assert count_bytes() < 3 * journal.stat().st_size  # by 100 if each poll read all
        assert state(view) == state(mt.open_run(run.path))


def test_every_poll_gives_what_a_new_view_gives(tmp_path: Path) -> None:
    path = tmp_path / "run"
    run = mt.Run(path, config={"lr": 1})
    view = mt.open_run(path)

    def check() -> None:
        assert state(view) == state(mt.open_run(path))

    check()
    for change in (
        lambda: run.log({"b": 1, "s": "text", "a": 2}),
        lambda: run.log({"b": 1, "a": 2}),
        lambda: run.log({"B": 0.5, "a": [], "b": "text"}),
        lambda: run.log({"a": [1, 2], "late": mt.Histogram([1, 2])}),
        lambda: run.define_metric("b", summary="max,mean"),
        lambda: run.log({"b": 7}),
        lambda: run.summary.update({"best": 3}),
        lambda: run.config.update({"lr": 2}),
        lambda: run.log({"a": 2**60}),
    ):
        change()
        check()
    run.finish()
    run = mt.Run(path, mode="resume")
    check()
    run.log({"b": 9})
    check()
    run.finish()
    run = mt.Run(path, mode="resume", from_step=2)
    check()
    run.log({"b": 100})
    check()
    run.finish()
    check()


def test_another_run_in_its_place_is_read_anew(tmp_path: Path) -> None:
    runs = [mt.Run(tmp_path / name) for name in ("one", "two")]
    for number, run in enumerate(runs):
        run.log({"loss": number})
    view = mt.open_run(runs[0].path)
    assert view.history()["loss"].to_pylist() == [0]
    (tmp_path / "one").rename(tmp_path / "before")
    (tmp_path / "two").rename(tmp_path / "one")
    assert view.history()["loss"].to_pylist() == [1]
    (tmp_path / "one").rename(tmp_path / "two")
    (tmp_path / "before").rename(tmp_path / "one")
    for run in runs:
        run.finish()


def test_a_frame_that_was_half_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    for i in range(3):
        run.log({"loss": i})
    (journal,) = (run.path / "journal").glob("*.log")
    whole = journal.read_bytes()
    copy = tmp_path / "copy"
    (copy / "journal").mkdir(parents=True)
    (copy / "run.json").write_bytes((run.path / "run.json").read_bytes())
    file: BinaryIO
    with (copy / "journal" / journal.name).open("wb", buffering=0) as file:
        file.write(whole[:-5])
        view = mt.open_run(copy)
        assert view.history().num_rows == 2
        assert [problem.code for problem in view.problems] == ["torn"]
        file.write(whole[-5:])
        assert view.history().num_rows == 3
        assert list(view.problems) == []
    run.finish()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no list of open files")
def test_a_view_that_is_kept_holds_no_file_open(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"loss": 1})
        before = len(os.listdir("/proc/self/fd"))
        views = [mt.open_run(run.path) for _ in range(10)]
        assert [view.history().num_rows for view in views] == [1] * 10
        assert len(os.listdir("/proc/self/fd")) == before
        run.log({"loss": 2})
        assert copy.deepcopy(views[0]).history().num_rows == views[0].history().num_rows == 2

"""Following a log directory in this process: what is seen at once, and that the end is what an import makes."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.interop.importing.sources import OUTSIDE, LocalDir, open_logdir
from mediatypes.interop.tensorboard import follow_logdir, import_logdir
from mediatypes.interop.tensorboard.follow import LogFollower, tail
from mediatypes.interop.tensorboard.follow import run as followed
from mediatypes.interop.tensorboard.importing import plan, write_folder
from mediatypes.interop.tensorboard.importing.write_folder import Options
from mediatypes.runfolder.follower import Follower
from tests.interop.tensorboard.event_files import VERSION, field, metadata, scalar, strings, write
from tests.interop.tensorboard.importing.test_growing import (
    LATER,
    NAME,
    content,
    histogram,
    hparams,
    mesh,
    same,
    tree,
    value,
)


def add(path: Path, *records: bytes) -> None:
    """Append to an event file, as a writer does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as file:
        file.write(b"".join(records))


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A log directory with one run, `a`, of one value."""
    write(tmp_path / "logs" / "a", scalar("loss", 0, 0), name=NAME)
    return tmp_path / "logs"


@pytest.fixture
def follower(logs: Path) -> Iterator[LogFollower]:
    """Follows it; the first look was taken."""
    made = LogFollower(open_logdir(logs), logs.parent / "runs", "auto", Options())
    made.poll()
    yield made
    made.finish()


def check_end(follower: LogFollower) -> None:
    """The follower ends, and has made what one import makes."""
    assert follower.finish().is_complete
    out = follower.dest
    import_logdir(out.parent / "logs", out.parent / "whole")
    same(out.parent / "whole", out)


def values(follower: LogFollower, run: str, *keys: str) -> dict[str, list[Any]]:
    view = mt.open_run(follower.dest / run)
    return {key: list(view.values(key)) for key in keys or view.keys()}


def test_a_new_value_is_seen_after_the_next_look_and_the_run_goes_on(logs: Path, follower: LogFollower) -> None:
    assert mt.open_run(follower.dest / "a").status == "finished"
    add(logs / "a" / NAME, scalar("loss", 0.5, 1), scalar("acc", 3, 1), scalar("loss", 0.25, 2))
    assert follower.poll()
    assert values(follower, "a") == {"loss": [(0, 0), (1, 0.5), (2, 0.25)], "acc": [(1, 3)]}
    assert mt.open_run(follower.dest / "a").status == "running"
    assert not follower.poll()
    check_end(follower)
    assert mt.open_run(follower.dest / "a").status == "finished"


def test_values_of_all_kinds_are_seen_at_once(logs: Path, follower: LogFollower) -> None:
    note = value("note/text_summary", strings(b"hello") + metadata("text"), step=1)
    start = hparams(experiment=b"", start=field(1, field(1, b"lr") + field(2, field(2, 0.5, wide=True))))
    limits, counts = np.array([0.5, 1.5], "<f8").tobytes(), np.array([2, 3], "<f8").tobytes()
    older = value("old", field(5, field(6, limits) + field(7, counts)), step=1)
    add(logs / "a" / NAME, histogram(1), older, note, start, *mesh(1), b"", value("bad", metadata("text"), step=1))
    follower.poll()
    view = mt.open_run(follower.dest / "a")
    assert view.config == {"lr": 0.5}
    assert [step for step, found in view.values("h") if isinstance(found, mt.Histogram)] == [1]
    assert [found.values.tolist() for _, found in view.values("old")] == [[2, 3]]
    assert list(view.values("note")) == [(1, "hello")]
    check_end(follower)
    assert [step for step, _ in mt.open_run(follower.dest / "a").values("cube")] == [1]  # meshes come with the import


def test_a_half_written_record_is_waited_for(logs: Path, follower: LogFollower) -> None:
    record = scalar("loss", 1, 1)
    for cut in (record[:5], record[5:20], record[20:-1]):
        add(logs / "a" / NAME, cut)
        follower.poll()
        assert values(follower, "a") == {"loss": [(0, 0)]}
    add(logs / "a" / NAME, record[-1:])
    follower.poll()
    assert values(follower, "a") == {"loss": [(0, 0), (1, 1)]}
    check_end(follower)


def test_new_files_and_directories_are_found(logs: Path, follower: LogFollower) -> None:
    add(logs / "a" / LATER, VERSION, scalar("loss", 1, 1))
    add(logs / "a" / "train" / NAME, VERSION, scalar("acc", 2, 1))
    add(logs / "b" / NAME, VERSION, scalar("loss", 3, 1))
    follower.poll()
    assert values(follower, "a") == {"loss": [(0, 0), (1, 1)], "train/acc": [(1, 2)]}
    assert values(follower, "b") == {"loss": [(1, 3)]}
    assert follower.state().runs == 2
    check_end(follower)


def test_a_directory_is_waited_for_until_it_says_whose_it_is(logs: Path, follower: LogFollower) -> None:
    """`add_hparams` and `add_scalars` begin with an empty file in a new directory."""
    add(logs / "a" / "150.5" / NAME, VERSION)
    add(logs / "a" / "loss_x" / NAME, VERSION)
    add(logs / "a" / "other" / NAME, VERSION)
    follower.poll()
    assert {path.name for path in (follower.dest / "a").iterdir() if path.is_dir()} <= {"journal"}
    add(logs / "a" / "150.5" / NAME, hparams(experiment=b""))
    add(logs / "a" / "loss_x" / NAME, scalar("loss", 5, 1))
    follower.poll()
    start = field(1, field(1, b"lr") + field(2, field(2, 0.5, wide=True)))
    add(logs / "a" / "150.5" / NAME, hparams(start=start), scalar("metric", 7, 1))
    follower.poll()
    assert follower.state().runs == 1
    assert values(follower, "a") == {"loss": [(0, 0)], "loss_x/loss": [(1, 5)], "metric": [(1, 7)]}
    assert mt.open_run(follower.dest / "a").config == {"lr": 0.5}
    check_end(follower)  # which makes a run of a/other, of which nobody knows more
    assert (follower.dest / "a" / "other" / "run.json").exists()


def test_a_directory_that_was_taken_for_another_one_is_put_right_in_the_end(tmp_path: Path) -> None:
    """One whose parent begins later, and is its run; and one with a second tag, which is a run of its own."""
    logs = tmp_path / "logs"
    write(logs / "a" / "loss_x", scalar("loss", 1, 1), name=NAME)
    follower = LogFollower(open_logdir(logs), tmp_path / "runs", "auto", Options())
    follower.poll()
    assert (tmp_path / "runs" / "a" / "loss_x" / "run.json").exists()
    write(logs / "a" / "loss_x" / "own", scalar("z", 1, 1), name=NAME)
    write(logs / "a", scalar("acc", 1, 1), name=NAME)
    write(logs / "a" / "acc_y", scalar("acc", 1, 1), name=NAME)
    follower.poll()
    add(logs / "a" / "acc_y" / NAME, scalar("loss", 2, 2), histogram(2))
    follower.poll()
    assert values(follower, "a")["acc_y/loss"] == [(2, 2)]
    check_end(follower)
    assert set(mt.open_run(tmp_path / "runs" / "a").keys()) == {"acc", "loss_x/loss"}
    assert set(mt.open_run(tmp_path / "runs" / "a" / "loss_x" / "own").keys()) == {"z"}
    assert set(mt.open_run(tmp_path / "runs" / "a" / "acc_y").keys()) == {"acc", "loss", "h"}


def test_steps_that_go_back_are_seen_after_the_last_row_and_put_in_their_place(
    logs: Path, follower: LogFollower
) -> None:
    add(logs / "a" / NAME, *(scalar("loss", step, step) for step in range(1, 4)))
    follower.poll()
    add(logs / "a" / LATER, VERSION, *(scalar("loss", 10 + step, step) for step in range(3)))  # training began again
    add(logs / "a" / "train" / NAME, VERSION, scalar("acc", 5, 2))  # a file that is behind
    follower.poll()
    assert values(follower, "a", "loss")["loss"] == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 10), (5, 11), (6, 12)]
    assert [found for _, found in values(follower, "a")["train/acc"]] == [5]
    check_end(follower)
    assert values(follower, "a") == {"loss": [(0, 10), (1, 11), (2, 12), (3, 3)], "train/acc": [(2, 5)]}


def test_what_is_followed_is_imported_now_and_then_and_readers_go_on(
    logs: Path, follower: LogFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "_MAX_EVENTS", 30)
    seen: list[float] = []
    run = follower.runs["a"]
    reader = None
    for step in range(1, 200):
        add(logs / "a" / NAME, scalar("loss", step, step))
        follower.poll()
        reader = reader or Follower(follower.dest / "a")
        for batch in reader.poll():
            seen += list(batch.columns["loss", "number"].values)
        assert reader.status == "running"
        if run._renewal is not None:
            run._renewal.result()
    assert reader is not None
    reader.close()
    assert run.report is not None
    assert run.report.rows > 100
    assert set(seen) == set(range(200))
    assert len(list((follower.dest / "a" / "journal").glob("*.log"))) == 1
    assert values(follower, "a")["loss"] == [(step, step) for step in range(200)]
    check_end(follower)


def test_an_import_that_fails_meanwhile_is_told_and_made_again(
    logs: Path, follower: LogFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "_MAX_EVENTS", 5)
    monkeypatch.setattr(followed, "_RETRY_SECONDS", 0.0)
    run = follower.runs["a"]

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(write_folder, "write_rows", fail)
        for step in range(1, 20):
            add(logs / "a" / NAME, scalar("loss", step, step))
            follower.poll()
            if run._renewal is not None:
                run._renewal.result()
    assert [problem.code for _, problem in follower.state().problems] == ["StoreError"]
    assert values(follower, "a")["loss"][0] == (0, 0)
    add(logs / "a" / NAME, scalar("loss", 20, 20))
    follower.poll()
    assert values(follower, "a")["loss"] == [(step, step) for step in range(21)]
    check_end(follower)


def test_much_at_once_is_imported(logs: Path, follower: LogFollower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "_MAX_BYTES_READ", 1000)
    add(logs / "a" / NAME, *(scalar("loss", step, step) for step in range(1, 100)))
    follower.poll()
    run = follower.runs["a"]
    assert run._renewal is not None
    run._renewal.result()
    assert len(values(follower, "a")["loss"]) == 100
    add(logs / "a" / NAME, scalar("loss", 100, 100))
    follower.poll()
    assert len(values(follower, "a")["loss"]) == 101
    check_end(follower)


def test_a_run_that_rests_is_closed_until_there_is_more(
    logs: Path, follower: LogFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed, "_IDLE_SECONDS", 0.0)
    for step in (1, 2):
        add(logs / "a" / NAME, scalar("loss", step, step))
        follower.poll()
        assert mt.open_run(follower.dest / "a").status == "running"
        follower.poll()
        assert mt.open_run(follower.dest / "a").status == "finished"
        assert len(values(follower, "a")["loss"]) == step + 1
    check_end(follower)


@pytest.mark.parametrize("seed", range(4))
def test_any_growth_gives_what_one_import_gives(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of all kinds, damage, several files in turn, new directories; imports between, and several sessions."""
    monkeypatch.setattr(tail, "_MAX_EVENTS", 20)
    chosen, files = random.Random(seed), {path: (b"".join(r), len(r[0])) for path, r in tree(7 * seed).items()}
    logs, sizes = tmp_path / "logs", dict.fromkeys(files, 0)
    logs.mkdir()
    follower = LogFollower(open_logdir(logs), tmp_path / "runs", "auto", Options())
    while sizes != {path: len(data) for path, (data, _) in files.items()}:
        path = chosen.choice([path for path, (data, _) in files.items() if sizes[path] != len(data)])
        data, least = files[path]
        size = min(max(sizes[path] + chosen.choice([7, 60, 700]), least), len(data))
        add(logs / path, data[sizes[path] : size])
        sizes[path] = size
        if chosen.random() < 0.7:
            follower.poll()
        if chosen.random() < 0.05:
            follower.finish()
            follower = LogFollower(open_logdir(logs), tmp_path / "runs", "auto", Options())
    check_end(follower)


def test_what_is_wrong_with_one_file_or_run_is_said_once_and_the_others_go_on(
    logs: Path, follower: LogFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed, "_RETRY_SECONDS", 0.0)
    for name in ("cut", "replaced", "gone", "fine"):
        write(logs / name, scalar("loss", 1, 1), name=NAME)
    with mt.Run(follower.dest / "taken") as run:
        run.log({"x": 1})
    write(logs / "taken", scalar("loss", 1, 1), name=NAME)
    follower.poll()
    (logs / "cut" / NAME).write_bytes(VERSION[:-3])
    write(logs / "replaced", *(scalar("other", i, i) for i in range(9)), name=NAME)
    add(logs / "gone" / NAME, scalar("loss", 2, 2))
    follower.poll()
    (logs / "gone" / NAME).unlink()
    (logs / "gone").rmdir()
    add(logs / "fine" / NAME, scalar("loss", 2, 2))
    for _ in range(3):
        follower.poll()
    assert {(run, problem.code) for run, problem in follower.state().problems} == {
        ("taken", "RunExists"),
        ("cut", "shorter"),
        ("replaced", "replaced"),
        ("gone", "gone"),
    }
    assert values(follower, "fine") == {"loss": [(1, 1), (2, 2)]}
    found = follower.finish()
    assert [run.name for run in found.runs if run.status == "failed"] == ["taken"]
    assert list(mt.open_run(follower.dest / "taken").values("x")) == [(0, 1)]
    assert values(follower, "replaced") == {"loss": [(1, 1)], "other": [(i, i) for i in range(9)]}
    assert values(follower, "cut") == values(follower, "gone") == {"loss": [(1, 1)]}


def test_a_file_that_may_not_be_read(logs: Path, follower: LogFollower, monkeypatch: pytest.MonkeyPatch) -> None:
    write(logs / "b", scalar("loss", 1, 1), name=NAME)
    opened = LocalDir.open

    def refuse(self: LocalDir, path: str) -> BinaryIO:
        if path.startswith("b/"):
            raise mt.StoreError("logs/b: expected to read the file, got: Permission denied.")
        return opened(self, path)

    monkeypatch.setattr(LocalDir, "open", refuse)
    add(logs / "a" / NAME, scalar("loss", 1, 1))
    follower.poll()
    follower.poll()
    assert [(run, problem.code) for run, problem in follower.state().problems] == [("b", "StoreError")]
    assert len(values(follower, "a")["loss"]) == 2
    assert {run.name: run.status for run in follower.finish().runs} == {"a": "new", "b": "failed"}


def test_a_run_that_is_followed_is_not_imported_by_others(logs: Path, follower: LogFollower) -> None:
    add(logs / "a" / NAME, scalar("loss", 1, 1))
    follower.poll()
    before = content(follower.dest / "a")
    report = import_logdir(logs, follower.dest)
    assert [problem.code for problem in report.runs[0].problems] == ["RunLocked"]
    assert content(follower.dest / "a") == before
    check_end(follower)


def test_profiler_traces_and_event_files_are_attached(logs: Path) -> None:
    follower = LogFollower(open_logdir(logs), logs.parent / "runs", "auto", Options(keep_events=True))
    follower.poll()
    (logs / "a" / "host_1.2.pt.trace.json").write_text('{"traceEvents": []}')
    add(logs / "a" / NAME, scalar("loss", 1, 1))
    follower.poll()
    found = follower.finish().runs[0]
    assert found.attached == [f"files/{NAME}", "files/host_1.2.pt.trace.json"]
    assert (follower.dest / "a" / "files" / NAME).read_bytes() == (logs / "a" / NAME).read_bytes()
    import_logdir(logs, logs.parent / "whole", keep_events=True)
    same(logs.parent / "whole", follower.dest)


def test_directories_are_looked_into_once(logs: Path, follower: LogFollower, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    peek = plan._peek
    monkeypatch.setattr(plan, "_peek", lambda logdir, file: looks.append(file.path) or peek(logdir, file))
    for i in range(3):
        add(logs / "a" / f"sub{i}" / NAME, VERSION, scalar("x", 1, 1))
        add(logs / "a" / NAME, scalar("loss", i, i + 1))
        follower.poll()
        follower.poll()
    assert looks == [f"a/sub{i}/{NAME}" for i in range(3)]


def test_many_keys_share_and_repeat_steps(logs: Path, follower: LogFollower) -> None:
    """Integral values, and the same key twice in a step: the later one counts."""
    from tests.interop.tensorboard.event_files import tensor

    whole = tensor(9, (), field(10, 12)) + metadata("scalars")
    add(
        logs / "a" / NAME, value("n", whole, step=1), scalar("loss", 1, 1), scalar("loss", 2, 1), scalar("x", np.nan, 1)
    )
    follower.poll()
    found = values(follower, "a")
    assert found["loss"] == [(0, 0), (1, 2)]
    assert found["n"] == [(1, 12)]
    assert type(found["n"][0][1]) is int
    check_end(follower)


def test_it_waits_for_the_directory_and_ends_when_idle_or_asked(tmp_path: Path) -> None:
    assert follow_logdir(tmp_path / "logs", tmp_path / "runs", idle=0).runs == []
    looks = iter(range(100))

    def stop() -> bool:
        look = next(looks)
        if look == 1:
            write(tmp_path / "logs" / "a", scalar("loss", 1, 1), name=NAME)
        return look == 4

    states = []
    report = follow_logdir(tmp_path / "logs", tmp_path / "runs", stop=stop, interval=0.01, on_change=states.append)
    assert [(run.name, run.status, run.added) for run in report.runs] == [("a", "new", 1)]
    assert [(state.runs, state.events) for state in states] == [(1, 1)]
    began = time.monotonic()
    report = follow_logdir(tmp_path / "logs", tmp_path / "runs", idle=0.2, interval=0.01)
    assert time.monotonic() - began >= 0.2
    assert [(run.status, run.added) for run in report.runs] == [("unchanged", 0)]


def test_an_interrupt_ends_it_when_all_is_imported(logs: Path, tmp_path: Path) -> None:
    def interrupt() -> bool:
        add(logs / "a" / NAME, scalar("loss", 1, 1))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow_logdir(logs, tmp_path / "runs", stop=interrupt)
    assert json.loads((tmp_path / "runs" / "a" / "run.json").read_text())["status"] == "finished"
    assert list(mt.open_run(tmp_path / "runs" / "a").values("loss")) == [(0, 0), (1, 1)]


@pytest.mark.parametrize(("name", "given"), [("nested", "x"), ("interval", -1), ("idle", float("nan"))])
def test_what_is_refused(name: str, given: Any, tmp_path: Path) -> None:
    with pytest.raises(mt.InputError, match=name):
        follow_logdir(tmp_path, tmp_path / "runs", **{name: given})


def test_a_directory_that_links_lead_to_has_its_own_place(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "z" / "deep", scalar("loss", 1, 1), name=NAME)
    write(tmp_path / "elsewhere", scalar("loss", 1, 1), name=NAME)
    (tmp_path / "logs" / "a").symlink_to(tmp_path / "logs" / "z")
    (tmp_path / "logs" / "b").symlink_to(tmp_path / "elsewhere")
    listed = open_logdir(tmp_path / "logs").list()
    assert [(file.path, file.refusal) for file in listed] == [("b", OUTSIDE), (f"z/deep/{NAME}", "")]


def test_what_a_killed_follower_left_can_be_recovered(logs: Path, follower: LogFollower) -> None:
    """What it left is a run like any other: it can be finished, and is imported again then."""
    add(logs / "a" / NAME, scalar("loss", 1, 1))
    follower.poll()
    run = follower.runs["a"]
    lock = run._release_journal()  # as if it had been killed
    assert lock is not None
    lock.forget()
    view = mt.recover(follower.dest / "a")
    assert view.status == "crashed"
    assert list(view.values("loss")) == [(0, 0), (1, 1)]
    add(logs / "a" / NAME, scalar("loss", 2, 2))
    follower.poll()
    assert values(follower, "a") == {"loss": [(0, 0), (1, 1), (2, 2)]}
    check_end(follower)

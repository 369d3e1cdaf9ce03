"""Importing a log directory while it grows: the run folders are, byte for byte, those of one import of all of it."""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.interop.tensorboard import import_logdir
from mediatypes.interop.tensorboard.importing import events_parquet, importer, step_order
from mediatypes.runfolder.lock import Lock
from tests.interop.tensorboard.event_files import (
    VERSION,
    event,
    field,
    metadata,
    record,
    scalar,
    strings,
    summary,
    tensor,
)

NAME = "events.out.tfevents.1500000000.host"
LATER = "events.out.tfevents.1500000007.host"


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def same(one: Path, other: Path) -> None:
    """Two folders hold the same files, and no other ones."""
    first, second = content(one), content(other)
    assert sorted(first) == sorted(second)
    for path, data in first.items():
        assert second[path] == data, path


def value(tag: str, *parts: bytes, step: int = 0) -> bytes:
    return record(event(summary(field(1, tag.encode()) + b"".join(parts)), step=step))


def histogram(step: int) -> bytes:
    rows = np.array([[0, 1, step + 1], [1, 2.5, 3]], "<f8")
    return value("h", tensor(2, rows.shape, field(4, rows.tobytes())) + metadata("histograms"), step=step)


def mesh(step: int) -> list[bytes]:
    """Vertices, faces and colors, one after another."""
    points, faces = np.eye(3, dtype="<f4") * (step + 1), np.array([[0, 1, 2]], "<i4")
    found = []
    for part, (array, code) in enumerate(((points, 1), (faces, 3), (np.full((3, 3), 9, "<u1"), 4)), 1):
        plugin = metadata("mesh", field(2, b"cube") + field(3, part))
        made = tensor(code, (1, *array.shape), field(4, array.tobytes()))
        found.append(value(f"cube_{('VERTEX', 'FACE', 'COLOR')[part - 1]}", made + plugin, step=step))
    return found


def hparams(**sections: bytes) -> bytes:
    names = {"experiment": 2, "start": 3, "end": 4}
    return b"".join(
        value(f"_hparams_/{name}", metadata("hparams", field(names[name], inner))) for name, inner in sections.items()
    )


def records(seed: int, count: int = 60) -> list[bytes]:
    """Values of every kind, steps that go back, and some damage."""
    chosen = random.Random(seed)
    found, step = [], 0
    for _ in range(count):
        step = chosen.choice([step, step + 1, step + 1, step + 1, max(step - 3, 0)])
        kind = chosen.randrange(14)
        if kind < 7:
            found.append(scalar(chosen.choice(["loss", "acc", "lr", "a/b"]), chosen.random(), step, 1.5e9 + step))
        elif kind == 7:
            found.append(histogram(step))
        elif kind == 8:
            found += mesh(step)
        elif kind == 9:
            found.append(value("note/text_summary", strings(b"step %d" % step) + metadata("text"), step=step))
        elif kind == 10:
            found.append(record(b"\x09" + chosen.randbytes(3)))  # no event
        elif kind == 11:
            found.append(value("bad", metadata("text"), step=step))  # a value that is missing
        elif kind == 12:
            found.append(bytes(chosen.randbytes(chosen.choice([5, 40]))))  # lost bytes
        else:
            cut = scalar("loss", 1, step)
            found.append(cut[: chosen.randrange(1, len(cut))])  # a record without its end
    return found


def tree(seed: int) -> dict[str, list[bytes]]:
    """The files of a log directory, each in the records that its writer puts there."""
    names = random.Random(seed).sample([b"lr", b"bs", b"a"], 3)  # a protobuf map, whose order is nobody's intent
    start = b"".join(field(1, field(1, name) + field(2, field(2, 0.5, wide=True))) for name in names)
    return {
        f"a/{NAME}": [VERSION, *records(seed)],
        f"a/train/{NAME}": [VERSION, *records(seed + 1)],
        f"a/loss_x/{NAME}": [VERSION + scalar("loss", 0, 0), *(scalar("loss", i / 3, i) for i in range(20))],
        f"a/1500.5/{NAME}": [VERSION + hparams(experiment=b"", start=start), hparams(end=field(1, 1)), *records(5, 9)],
        f"a/{LATER}": [VERSION, *records(seed + 2)],
        f"b/{NAME}": [VERSION, *records(seed + 3)],
    }


@pytest.mark.parametrize("seed", range(5))
def test_what_grows_gives_what_one_import_gives(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several files, in turn, cut anywhere; directories that come later; also as if they did not fit into memory."""
    if seed % 2:
        for module, name, limit in (
            (events_parquet, "GROUP_ROWS", 13),
            (step_order, "_EVENTS_AT_ONCE", 40),
            (step_order, "_EVENTS_PER_SAMPLE", 4),
        ):
            monkeypatch.setattr(module, name, limit)
        monkeypatch.setattr(importer, "_KEPT_EVENTS", 20)
    chosen, files = random.Random(seed), {path: (b"".join(r), len(r[0])) for path, r in tree(10 * seed).items()}
    for path, (data, _) in files.items():
        (tmp_path / "logs" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "logs" / path).write_bytes(data)
    import_logdir(tmp_path / "logs", tmp_path / "whole")
    growing = tmp_path / "growing" / "logs"
    sizes = {f"a/{NAME}": 100}
    while any(sizes.get(path) != len(data) for path, (data, _) in files.items()):
        path = chosen.choice([path for path, (data, _) in files.items() if sizes.get(path) != len(data)])
        data, least = files[path]
        sizes[path] = min(max(sizes.get(path, 0) + chosen.choice([7, 60, 700, len(data)]), least), len(data))
        for grown in sizes:
            (growing / grown).parent.mkdir(parents=True, exist_ok=True)
            (growing / grown).write_bytes(files[grown][0][: sizes[grown]])
        if chosen.random() < 0.4:
            assert import_logdir(growing, tmp_path / "parts").is_complete
    assert import_logdir(growing, tmp_path / "parts").is_complete
    same(tmp_path / "whole", tmp_path / "parts")


def test_what_was_said_of_earlier_parts_is_still_said(tmp_path: Path) -> None:
    bad = [value(f"bad{i}", metadata("text"), step=i) for i in range(130)]
    path = tmp_path / "logs" / NAME
    path.parent.mkdir()
    for part in (bad[:70], bad[70:110], bad[110:], [scalar("loss", 1, 1)]):
        path.write_bytes((path.read_bytes() if path.exists() else VERSION) + b"".join(part))
        report = import_logdir(tmp_path / "logs", tmp_path / "parts").runs[0]
    assert len(report.problems) == 101
    assert report.problems[-1].message == "expected no more than 100 problems, got 30 more"
    import_logdir(tmp_path / "logs", tmp_path / "whole")
    same(tmp_path / "whole", tmp_path / "parts")


def test_a_directory_that_turns_out_to_be_a_run_of_its_own(tmp_path: Path) -> None:
    """One tag of the right name, as `add_scalars` writes it; then another one."""
    for folder, data in (("a", [scalar("acc", 1, 1)]), ("a/loss_x", [scalar("loss", 1, 1), histogram(3)])):
        (tmp_path / "logs" / folder).mkdir(parents=True)
        (tmp_path / "logs" / folder / NAME).write_bytes(VERSION + data[0])
    import_logdir(tmp_path / "logs", tmp_path / "parts")
    assert set(mt.open_run(tmp_path / "parts" / "a").keys()) == {"acc", "loss_x/loss"}
    (tmp_path / "logs" / "a" / "loss_x" / NAME).write_bytes(VERSION + data[0] + data[1])
    report = import_logdir(tmp_path / "logs", tmp_path / "parts")
    assert [(run.name, run.status) for run in report.runs] == [("a", "updated"), ("a/loss_x", "new")]
    import_logdir(tmp_path / "logs", tmp_path / "whole")
    same(tmp_path / "whole", tmp_path / "parts")


def test_a_run_that_cannot_be_read_anew_keeps_what_it_has(tmp_path: Path) -> None:
    """A directory that is a run of its own now, but another file of the run is gone meanwhile."""
    gone = tmp_path / "logs" / "a" / NAME
    for path, data in ((gone, scalar("acc", 1, 1)), (gone.parent / LATER, scalar("acc", 2, 2))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(VERSION + data)
    sub = tmp_path / "logs" / "a" / "loss_x" / NAME
    sub.parent.mkdir()
    sub.write_bytes(VERSION + scalar("loss", 1, 1))
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    gone.unlink()
    sub.write_bytes(sub.read_bytes() + scalar("acc", 1, 1))
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    assert [problem.code for problem in report.runs[0].problems] == ["moved"]
    view = mt.open_run(tmp_path / "runs" / "a")
    keys = view.keys()
    assert {key: list(view.values(key)) for key in keys} == {"acc": [(1, 1), (2, 2)], "loss_x/loss": [(1, 1)]}


def test_a_file_that_is_attached_later_is_attached(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / NAME).write_bytes(VERSION + scalar("loss", 1, 1))
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    (tmp_path / "logs" / "host_1.2.pt.trace.json").write_text("{}")
    assert import_logdir(tmp_path / "logs", tmp_path / "runs").runs[0].attached == ["files/host_1.2.pt.trace.json"]
    assert import_logdir(tmp_path / "logs", tmp_path / "runs").runs[0].status == "unchanged"


def test_a_run_that_another_process_writes_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "logs" / NAME
    path.parent.mkdir()
    path.write_bytes(VERSION + scalar("loss", 1, 1))
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    before = content(tmp_path / "runs")
    path.write_bytes(path.read_bytes() + scalar("loss", 2, 2))
    lock = Lock(tmp_path / "runs" / "logs")
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    lock.release()
    assert [problem.code for problem in report.runs[0].problems] == ["RunLocked"]
    assert content(tmp_path / "runs") == before
    assert import_logdir(tmp_path / "logs", tmp_path / "runs").runs[0].status == "updated"


@pytest.mark.parametrize("follows", [True, False])
def test_the_journal_of_a_killed_process(follows: bool, tmp_path: Path) -> None:
    """Of one that followed the logs it is removed; the rows that somebody logged himself are not."""
    path = tmp_path / "logs" / NAME
    path.parent.mkdir()
    path.write_bytes(VERSION + scalar("loss", 1, 1))
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    folder = tmp_path / "runs" / "logs"
    before = content(folder)
    journal = folder / "journal" / "0001-0.log"
    journal.parent.mkdir()
    journal.write_bytes(b"MTJRNL1\n")
    run = json.loads(before["run.json"])
    run |= {"status": "running", "writer": {"host": socket.gethostname(), "pid": 2**22 + 1, "began": "1"}}
    (folder / "run.json").write_text(json.dumps(run | ({"follows": True} if follows else {})))
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    assert report.is_complete == follows
    assert (content(folder) == before) == follows
    assert journal.exists() != follows


def test_a_run_that_somebody_has_logged_to_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "logs" / NAME
    path.parent.mkdir()
    path.write_bytes(VERSION + scalar("loss", 1, 1))
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    with mt.Run(tmp_path / "runs" / "logs", mode="resume") as run:
        run.log({"verdict": "fine"})
    path.write_bytes(path.read_bytes() + scalar("loss", 2, 2))
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    assert [problem.code for problem in report.runs[0].problems] == ["RunExists"]
    assert list(mt.open_run(tmp_path / "runs" / "logs").values("verdict")) == [(2, "fine")]


def test_what_a_reader_changed_stays_when_the_log_grows(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "a" / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(VERSION + scalar("loss", 0.5, 0))
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    changed = {"name": "best", "notes": "kept", "tags": ["x"], "group": "g", "job_type": "eval"}
    mt.open_run(tmp_path / "runs" / "a").edit(**changed, summary={"verdict": "good", "loss": 7})  # type: ignore[arg-type]
    path.write_bytes(path.read_bytes() + scalar("loss", 0.25, 1))
    assert [run.status for run in import_logdir(tmp_path / "logs", tmp_path / "runs").runs] == ["updated"]
    view = mt.open_run(tmp_path / "runs" / "a")
    assert {name: getattr(view, name) for name in changed} == changed
    assert (view.summary["verdict"], view.summary["loss"], view.summary["_step"]) == ("good", 7, 1)
    assert main(["verify", str(view.path)]) == 0

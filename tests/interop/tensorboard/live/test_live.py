"""What TensorBoard writers log is in the run at once, under the names that an import gives."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.interop import tensorboard
from mediatypes.interop.tensorboard import live
from mediatypes.interop.tensorboard.live.namespaces import Namespaces
from mediatypes.run import writer_hook
from tests.interop.tensorboard.live.test_writers import accumulate, need_tensorflow, open_writer
from tests.processes import Start
from tests.samples import photograph

HIDDEN = ("_timestamp", "_runtime")
WRITERS = ("tensorboardX", "torch")


@pytest.fixture(autouse=True)
def nothing_is_left_patched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("mediatypes.run._live", weakref.WeakValueDictionary())  # other tests leave runs open
    yield
    tensorboard.unpatch()
    left, live._active[:] = list(live._active), []
    live._apply()
    assert not left


@pytest.fixture(params=WRITERS)
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Makes writers of a log directory below `logs`; they are closed at the end."""
    opened: list[Any] = []
    open_writer(request.param, tmp_path / "imported").close()  # the package is there, and imported before any patch

    def make(folder: str = "", **options: Any) -> Any:
        opened.append(open_writer(request.param, tmp_path / "logs" / folder, **options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def rows(path: Path) -> list[dict[str, Any]]:
    table = mt.open_run(path).history()
    return [{k: v for k, v in row.items() if v is not None and k not in HIDDEN} for row in table.to_pylist()]


def points(path: Path, key: str) -> list[tuple[int, Any]]:
    """Global steps and values of a key."""
    table = mt.open_run(path).history(["global_step", key])
    return [(row["global_step"], row[key]) for row in table.sort_by("global_step").to_pylist() if row[key] is not None]


def log_everything(writer: Any) -> None:
    generator = np.random.default_rng(0)
    for step in (0, 5, 10):
        writer.add_scalar("loss", 1 / (step + 1), step)
        writer.add_scalar("acc/top 1", step / 16, step)
        writer.add_histogram("weights", generator.normal(size=1000), step)
    writer.add_image("photo", photograph("astronaut")[:64, :64].transpose(2, 0, 1), 10)
    writer.add_text("note", "it **learns**", 10)
    writer.add_mesh("cloud", generator.random((1, 20, 3)), global_step=10)
    writer.add_pr_curve("pr", np.array([0, 1, 1, 0]), np.array([0.1, 0.8, 0.7, 0.4]), 10)
    writer.add_scalars("both", {"train": 1.0, "val": 2.0}, 10)
    writer.add_hparams({"lr": 0.1, "batch": 4}, {"hparam/acc": 0.5})


def test_rows_are_there_at_once(tmp_path: Path, writer: Any) -> None:
    run = mt.Run(tmp_path / "run", sync_tensorboard=True)
    board = writer()
    board.add_scalar("loss", 0.5, 7)
    assert rows(run.path) == [{"_step": 7, "global_step": 7, "loss": 0.5}]
    board.add_text("note", "hello", 7)
    assert rows(run.path) == [{"_step": 7, "global_step": 7, "loss": 0.5, "note": "hello"}]
    run.finish()


def test_it_is_what_an_import_makes(tmp_path: Path, writer: Any) -> None:
    with mt.Run(tmp_path / "run", sync_tensorboard=True) as run:
        board = writer()
        log_everything(board)
    board.close()
    tensorboard.import_logdir(tmp_path / "logs", tmp_path / "imported runs")
    caught, imported = mt.open_run(run.path), mt.open_run(tmp_path / "imported runs" / "logs")
    assert caught.problems == []
    kinds = caught.keys()
    assert kinds.pop("global_step") == ("number",)
    assert kinds == imported.keys()
    assert caught.config == imported.config == {"lr": 0.1, "batch": 4}
    for key, (kind,) in imported.keys().items():
        expected = list(imported.values(key))
        columns = caught.history(["global_step", key]).to_pylist()
        steps = {i: row["global_step"] for i, row in enumerate(columns)}
        found = [(step, value) for step, value in zip(steps.values(), (row[key] for row in columns), strict=True)]
        assert sorted(step for step, value in found if value is not None) == [step for step, _ in expected], key
        assert [value for _, value in caught.values(key)] == [value for _, value in expected], (key, kind)


def test_metrics_beside_it_line_up_by_global_step(tmp_path: Path, writer: Any) -> None:
    with mt.Run(tmp_path / "run", sync_tensorboard=True) as run:
        board = writer()
        for step in range(0, 30, 10):
            board.add_scalar("loss", step / 2, step)
            run.log({"custom": step + 1, "global_step": step})
            board.add_scalar("acc", step / 4, step)
    assert rows(run.path) == [
        {"_step": step, "global_step": step, "loss": step / 2, "custom": step + 1, "acc": step / 4}
        for step in range(0, 30, 10)
    ]


def test_step_of_log_is_ignored_and_that_is_said_once(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run", sync_tensorboard=True)
    with pytest.warns(UserWarning, match=r"ignored: rows are lined up by global_step\. Log it beside"):
        run.log({"a": 1}, step=5)
    run.log({"a": 2}, step=3)
    run.finish()
    assert rows(run.path) == [{"_step": 0, "a": 1}, {"_step": 1, "a": 2}]
    assert [problem.code for problem in mt.open_run(run.path).problems] == ["step-ignored"]


def test_a_second_trial_in_one_run_is_told(tmp_path: Path, writer: Any) -> None:
    run = mt.Run(tmp_path / "run", sync_tensorboard=True)
    board = writer()
    board.add_hparams({"lr": 0.1, "batch": 4}, {"acc": 0.5})
    assert run.problems == []
    with pytest.warns(UserWarning, match="lr changed"):
        board.add_hparams({"lr": 0.2, "batch": 4}, {"acc": 0.75})
    run.finish()
    view = mt.open_run(run.path)
    assert view.config == {"lr": 0.2, "batch": 4}
    assert [problem.code for problem in view.problems] == ["trials"]
    assert [acc for _, acc in view.values("acc")] == [0.5, 0.75]


def test_a_counter_that_restarts_or_stands_still_loses_nothing(tmp_path: Path, writer: Any) -> None:
    with mt.Run(tmp_path / "run", sync_tensorboard=True) as run:
        board = writer()
        for step in (0, 1, 2, 0, 1, 1):
            board.add_scalar("loss", step + 0.5, step)
        board.add_scalar("never", 1.0)
        board.add_scalar("never", 2.0)
        board.add_scalar("big", 1.0, 2**53 + 1)
    assert [row["_step"] for row in rows(run.path)] == [0, 1, 2, 3, 4, 5, 6, 7, 2**53 + 1]
    assert [row["loss"] for row in rows(run.path)[:6]] == [0.5, 1.5, 2.5, 0.5, 1.5, 1.5]
    assert [row["global_step"] for row in rows(run.path)[:6]] == [0, 1, 2, 0, 1, 1]
    assert [row["never"] for row in rows(run.path)[6:8]] == [1.0, 2.0]
    assert rows(run.path)[8]["global_step#integer"] == 2**53 + 1


def test_several_writers_and_threads(tmp_path: Path, writer: Any) -> None:
    with mt.Run(tmp_path / "run", sync_tensorboard=True) as run:
        boards = [writer("train"), writer("val")]

        def work(board: Any, thread: int) -> None:
            for step in range(200):
                board.add_scalar(f"loss{thread}", step + thread / 8, step)

        threads = [threading.Thread(target=work, args=(boards[i % 2], i)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for i in range(4):
        expected = [(step, step + i / 8) for step in range(200)]
        assert points(run.path, f"{('train', 'val')[i % 2]}/loss{i}") == expected


def test_a_directory_elsewhere_is_named_from_what_both_have_in_common(tmp_path: Path, writer: Any) -> None:
    with mt.Run(tmp_path / "run", sync_tensorboard=True) as run:
        writer("a").add_scalar("loss", 1.0, 0)
        with pytest.warns(UserWarning, match=r"logs/b: expected log directories below .*logs/a, got .* Pass root"):
            board = writer("b")
        board.add_scalar("loss", 2.0, 0)
    assert rows(run.path) == [{"_step": 0, "global_step": 0, "loss": 1.0, "b/loss": 2.0}]


def test_root_logdir_names_keys_and_leaves_others_alone(tmp_path: Path, writer: Any) -> None:
    tensorboard.patch(root_logdir=str(tmp_path / "logs" / "mine"))
    with mt.Run(tmp_path / "run") as run:
        writer("mine/a/b").add_scalar("loss", 1.0, 0)
        writer("others").add_scalar("loss", 2.0, 0)
    assert rows(run.path) == [{"_step": 0, "global_step": 0, "a/b/loss": 1.0}]


def test_two_runs_at_once_have_their_own_directories(tmp_path: Path, writer: Any) -> None:
    first, second = mt.Run(tmp_path / "first"), mt.Run(tmp_path / "second", sync_tensorboard=True)
    tensorboard.patch(first, root_logdir=str(tmp_path / "logs" / "a"))
    writer("a").add_scalar("loss", 1.0, 0)
    writer("b").add_scalar("loss", 2.0, 0)
    for run in (first, second):
        run.finish()
    assert rows(first.path) == [{"_step": 0, "global_step": 0, "loss": 1.0}]
    assert rows(second.path) == [{"_step": 0, "global_step": 0, "loss": 2.0}]


def test_a_writer_that_was_made_before_is_explained_and_captured_from_then_on(tmp_path: Path, writer: Any) -> None:
    board = writer()
    board.add_scalar("loss", 1.0, 0)
    run = mt.Run(tmp_path / "run", sync_tensorboard=True)
    with pytest.warns(UserWarning, match=r"before the writer was made, got them after\. What it logged before is only"):
        board.add_scalar("loss", 2.0, 1)
    board.add_scalar("loss", 3.0, 2)
    run.finish()
    assert points(run.path, "loss") == [(1, 2.0), (2, 3.0)]
    assert [problem.code for problem in mt.open_run(run.path).problems] == ["order"]


def test_a_writer_that_outlives_its_run_goes_on_without_it(tmp_path: Path, writer: Any) -> None:
    run = mt.Run(tmp_path / "run", sync_tensorboard=True)
    board = writer()
    board.add_scalar("loss", 1.0, 0)
    run.finish()
    board.add_scalar("loss", 2.0, 1)
    later = mt.Run(tmp_path / "later", sync_tensorboard=True)
    with pytest.warns(UserWarning, match="run: expected TensorBoard writers to end with the run, got an"):
        board.add_scalar("loss", 3.0, 2)
    board.add_scalar("loss", 4.0, 3)
    later.finish()
    board.close()
    assert points(run.path, "loss") == [(0, 1.0)]
    assert rows(later.path) == []
    assert [event.value for event in accumulate(tmp_path / "logs").Scalars("loss")] == [1.0, 2.0, 3.0, 4.0]


def test_patch_waits_for_a_run(tmp_path: Path, writer: Any) -> None:
    tensorboard.patch(root_logdir=str(tmp_path / "logs"))
    board = writer()
    board.add_scalar("loss", 1.0, 0)
    run = mt.Run(tmp_path / "run")
    writer("b").add_scalar("loss", 2.0, 0)
    assert points(run.path, "b/loss") == [(0, 2.0)]
    with pytest.warns(UserWarning, match="before the writer was made"):
        board.add_scalar("loss", 3.0, 1)
    assert points(run.path, "loss") == [(1, 3.0)]
    run.finish()


def test_unpatch_undoes_everything(tmp_path: Path, writer: Any) -> None:
    from tensorboardX.event_file_writer import EventFileWriter

    before, finders = (EventFileWriter.__init__, EventFileWriter.add_event), list(sys.meta_path)
    tensorboard.patch()
    assert (EventFileWriter.__init__, EventFileWriter.add_event) != before
    run = mt.Run(tmp_path / "run")
    board = writer()
    board.add_scalar("loss", 1.0, 0)
    tensorboard.unpatch()
    tensorboard.unpatch()
    board.add_scalar("loss", 2.0, 1)
    run.finish()
    assert (EventFileWriter.__init__, EventFileWriter.add_event) == before
    assert sys.meta_path == finders
    assert points(run.path, "loss") == [(0, 1.0)]


def test_patching_twice_is_refused() -> None:
    tensorboard.patch()
    with pytest.raises(mt.InputError, match=r"patch: expected to be called once, got a second call\. Call unpatch"):
        tensorboard.patch()


@pytest.mark.parametrize("option", ["tensorboard_x", "tensorboardX"])
def test_tensorboardx_can_be_left_alone_in_both_spellings(tmp_path: Path, option: str) -> None:
    options: dict[str, Any] = {option: False}
    tensorboard.patch(**options)
    with mt.Run(tmp_path / "run") as run:
        board = open_writer("tensorboardX", tmp_path / "logs")
        board.add_scalar("loss", 1.0, 0)
        board.close()
    assert rows(run.path) == []


def test_pytorch_can_be_left_alone(tmp_path: Path) -> None:
    tensorboard.patch(pytorch=False)
    with mt.Run(tmp_path / "run") as run:
        board = open_writer("torch", tmp_path / "logs")
        board.add_scalar("loss", 1.0, 0)
        board.close()
    assert rows(run.path) == []


def test_options_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(mt.InputError, match=r"expected the same as tensorboardX, got True\. Pass one"):
        tensorboard.patch(tensorboard_x=True, tensorboardX=False)
    monkeypatch.setattr(live, "find_spec", lambda name: None)
    with pytest.raises(mt.InputError, match="expected tensorboardX to be installed, got no such package"):
        tensorboard.patch(tensorboard_x=True)


@pytest.mark.parametrize("save", [True, False])
def test_event_files_are_kept_or_not(tmp_path: Path, writer: Any, save: bool) -> None:
    (tmp_path / "logs").mkdir()
    old = tmp_path / "logs" / "events.out.tfevents.1000000000.old"
    old.write_bytes(b"")
    os.utime(old, (1e9, 1e9))
    tensorboard.patch(save=save)
    with mt.Run(tmp_path / "run") as run:
        board = writer()
        board.add_scalar("loss", 1.0, 3)
        board.add_scalars("both", {"a": 1.0}, 3)
        board_of_both = next(path for path in board.all_writers if "both" in path).partition("/logs/")[2]
        trace = tmp_path / "logs" / "host_1.1700000000000.pt.trace.json.gz"
        trace.write_bytes(gzip.compress(b"{}"))
        (tmp_path / "logs" / "graph.pbtxt").write_text("node {}")
        (tmp_path / "logs" / "notes.txt").write_text("mine")
    kept = {
        path.relative_to(run.path / "files").as_posix() for path in (run.path / "files").rglob("*") if path.is_file()
    }
    events = {name for name in kept if "tfevents" in name}
    assert kept - events == ({trace.name, "graph.pbtxt"} if save else {trace.name})
    assert {name.rpartition("/")[0] for name in events} == ({"", board_of_both} if save else set())
    assert not any("old" in name for name in kept)
    if save:
        assert [(e.step, e.value) for e in accumulate(run.path / "files").Scalars("loss")] == [(3, 1.0)]
    assert main("verify", run.path) == 0
    assert main("gc", run.path) == 0
    assert all((run.path / "files" / name).is_file() for name in kept)


def main(*arguments: Any) -> int:
    from mediatypes.cli import main as command

    return command([str(argument) for argument in arguments])


def test_a_log_directory_inside_the_run_is_not_copied(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", sync_tensorboard=True) as run:
        board = open_writer("tensorboardX", run.path / "files" / "board")
        board.add_scalar("loss", 1.0, 0)
        board.close()
    assert len(list(run.path.rglob("*tfevents*"))) == 1
    assert points(run.path, "loss") == [(0, 1.0)]


def test_what_cannot_be_captured_does_not_reach_the_training(
    tmp_path: Path, writer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mt.Run(tmp_path / "run", sync_tensorboard=True)
    board = writer()

    def fail(*arguments: Any) -> None:
        raise RuntimeError("no such luck")

    with monkeypatch.context() as patch:
        patch.setattr("mediatypes.interop.tensorboard.live.capture.read_event", fail)
        with pytest.warns(UserWarning, match="got RuntimeError: no such luck"):
            board.add_scalar("loss", 1.0, 0)
    board.add_scalar("loss", 2.0, 1)
    run.finish()
    board.close()
    assert points(run.path, "loss") == [(1, 2.0)]
    assert len(accumulate(tmp_path / "logs").Scalars("loss")) == 2
    assert [problem.code for problem in mt.open_run(run.path).problems] == ["capture"]


KILLED = """
    import os, signal, sys, warnings
    import mediatypes as mt
    warnings.simplefilter("ignore")
    run = mt.Run(sys.argv[1] + "/run", sync_tensorboard=True)
    if sys.argv[2] == "torch":
        from torch.utils.tensorboard import SummaryWriter
    else:
        from tensorboardX import SummaryWriter
    writer = SummaryWriter(sys.argv[1] + "/logs")
    for step in range(1000):
        writer.add_scalar("loss", step / 2, step)
    writer.add_text("end", "near", 1000)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_what_waits_when_the_disk_is_full_is_there_once_the_run_could_be_finished(tmp_path: Path, writer: Any) -> None:
    run = mt.Run(tmp_path / "run", sync_tensorboard=True)
    board, journal = writer(), run._writer.journal.fd
    for tag in ("loss", "acc"):
        board.add_scalar(tag, 1.0, 0)
    writer_hook(run).align().flush()
    saved, full = os.dup(journal), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal)
    for step in (1, 2):
        for tag in ("loss", "acc"):
            board.add_scalar(tag, float(step), step)
    board.add_text("note", "lost", 2)
    for _ in range(2):
        with pytest.raises(mt.StoreError, match="free some space"):
            run.finish()
    os.dup2(saved, journal)
    board.add_scalar("loss", 3.0, 3)
    with pytest.warns(UserWarning, match="note|event"):
        run.finish()
    os.close(saved), os.close(full)
    assert [problem.code for problem in mt.open_run(run.path).problems] == ["capture"]  # of the text
    assert points(run.path, "loss") == [(0, 1.0), (1, 1.0), (2, 2.0), (3, 3.0)]
    assert points(run.path, "acc") == [(0, 1.0), (1, 1.0), (2, 2.0)]


@pytest.mark.parametrize("package", WRITERS)
def test_a_killed_process_leaves_its_rows(tmp_path: Path, start: Start, package: str) -> None:
    """The package is imported after the run was made, too."""
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    process = start(KILLED, tmp_path, package)
    assert process.wait(60) == -9, process.communicate()[1]
    assert mt.open_run(tmp_path / "run").status == "crashed"
    assert points(tmp_path / "run", "loss") == [(step, step / 2) for step in range(1000)]
    assert points(tmp_path / "run", "end") == [(1000, "near")]
    mt.recover(tmp_path / "run")
    assert points(tmp_path / "run", "loss") == [(step, step / 2) for step in range(1000)]


def test_nothing_is_imported_for_it(tmp_path: Path) -> None:
    code = """
        import sys, mediatypes as mt
        with mt.Run(sys.argv[1] + "/run", sync_tensorboard=True):
            pass
        print([name for name in ("tensorboard", "tensorboardX", "torch", "tensorflow") if name in sys.modules])
    """
    import textwrap

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), tmp_path], check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_leaves_the_run_alone(tmp_path: Path, writer: Any) -> None:
    run = mt.Run(tmp_path / "run", sync_tensorboard=True)
    board = writer()
    board.add_scalar("loss", 1.0, 0)
    writer_hook(run).align().flush()
    capture = next(value for value in vars(board._get_file_writer().event_writer).values() if hasattr(value, "take"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork in a process with threads
        child = os.fork()
    if not child:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                capture.take(_event())
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    board.add_scalar("loss", 2.0, 1)
    run.finish()
    assert points(run.path, "loss") == [(0, 1.0), (1, 2.0)]


def _event() -> Any:
    from tensorboardX.proto import event_pb2
    from tensorboardX.summary import scalar

    make: Any = event_pb2
    return make.Event(summary=scalar("loss", 9.0), step=9, wall_time=time.time())


def test_namespaces() -> None:
    names = Namespaces("/logs")
    assert [names.of(path) for path in ("/logs", "/logs/a", "/logs/a/train", "/logs/")] == ["", "a", "a/train", ""]
    assert not names.contains("/logs2")
    first = Namespaces()
    assert [first.of(path) for path in ("s3://bucket/logs/train", "s3://bucket/logs/val", "s3://bucket/logs")] == [
        "train",
        "val",
        "",
    ]
    alike = Namespaces()
    assert [alike.of(path) for path in ("/x/a", "/x/a/b", "/x/b")] == ["", "b", "b-2"]


def test_keras_and_tf_summary_are_followed(tmp_path: Path) -> None:
    tensorflow = need_tensorflow()
    run = mt.Run(tmp_path / "run", sync_tensorboard=True)
    inputs = np.random.default_rng(0).random((64, 4)).astype("f4")
    model = tensorflow.keras.Sequential([tensorflow.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = tensorflow.keras.callbacks.TensorBoard(str(tmp_path / "logs"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Keras, with a new NumPy
        found = model.fit(inputs, inputs.sum(1), epochs=3, validation_split=0.25, verbose=0, callbacks=[callback])
    board = tensorflow.summary.create_file_writer(str(tmp_path / "logs" / "extra"))
    with board.as_default():
        for step in range(3):
            tensorflow.summary.scalar("loss", step / 2, step=step)
            tensorflow.summary.text("note", f"step {step}", step=step)
    run.finish()  # which flushes what TensorFlow still holds
    view = mt.open_run(run.path)
    assert view.problems == []
    losses = [value for _, value in points(run.path, "train/epoch_loss")]
    assert losses == pytest.approx(found.history["loss"])
    assert [value for _, value in points(run.path, "validation/epoch_loss")] == pytest.approx(found.history["val_loss"])
    assert points(run.path, "extra/loss") == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert points(run.path, "extra/note") == [(0, "step 0"), (1, "step 1"), (2, "step 2")]
    kept = {path.parent.name for path in (run.path / "files").rglob("*tfevents*")}
    assert kept == {"train", "validation", "extra"}


def test_what_tensorflow_writes_is_seen_while_it_runs(tmp_path: Path) -> None:
    tensorflow = need_tensorflow()
    run = mt.Run(tmp_path / "run", sync_tensorboard=True)
    board = tensorflow.summary.create_file_writer(str(tmp_path / "logs"))
    with board.as_default():
        tensorflow.summary.scalar("loss", 1.0, step=3)
    board.flush()
    end = time.monotonic() + 10
    while time.monotonic() < end and not rows(run.path):
        time.sleep(0.02)
    assert rows(run.path) == [{"_step": 3, "global_step": 3, "loss": 1.0}]
    run.finish()


def test_a_profile_without_a_writer_beside_it_is_kept_below_the_root(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        tensorboard.patch(root_logdir=str(tmp_path / "logs"))
        for name in ("profile/host_1.1700000000000.pt.trace.json", "plugins/profile/now/host.xplane.pb"):
            path = tmp_path / "logs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}")
        (tmp_path / "logs" / "events.out.tfevents.1.of.somebody.else").write_bytes(b"")
    kept = {
        path.relative_to(run.path / "files").as_posix() for path in (run.path / "files").rglob("*") if path.is_file()
    }
    assert kept == {"profile/host_1.1700000000000.pt.trace.json", "plugins/profile/now/host.xplane.pb"}


NOTEBOOK = """
    import os, signal, sys
    from IPython.core.interactiveshell import InteractiveShell
    os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    shell = InteractiveShell.instance()
    cells = [
        f"run_path, logs = {sys.argv[1] + '/run'!r}, {sys.argv[1] + '/logs'!r}",
        "import mediatypes as mt",
        "run = mt.Run(run_path, sync_tensorboard=True)",
        "from tensorboardX import SummaryWriter",
        "writer = SummaryWriter(logs)",
        "%load_ext tensorboard",
        "%tensorboard --logdir {logs} --port 0 --load_fast false",
        "for step in range(30): writer.add_scalar('loss', step / 4, step)",
        "1 / 0",
        "writer.add_scalar('loss', 30 / 4, 30)",
        "run.finish()",
    ]
    failed = [cell for cell in cells if not shell.run_cell(cell).success]
    from tensorboard import manager
    for info in manager.get_all():
        if info.logdir == sys.argv[1] + "/logs":
            os.kill(info.pid, signal.SIGTERM)
            print("served")
    print(failed)
"""


def test_in_a_notebook_beside_tensorboard(tmp_path: Path, start: Start) -> None:
    for package in ("IPython", "tensorboard"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    process = start(NOTEBOOK, tmp_path)
    said, complaints = process.communicate(timeout=90)
    assert said.splitlines()[-2:] == ["served", "['1 / 0']"], said + complaints
    view = mt.open_run(tmp_path / "run")
    assert view.status == "finished"
    assert points(view.path, "loss") == [(step, step / 4) for step in range(31)]  # type: ignore[arg-type]
    assert len(accumulate(tmp_path / "run" / "files").Scalars("loss")) == 31


def test_histograms_of_a_followed_file_are_plain_documents(tmp_path: Path) -> None:
    """Files of the older form, which another part of this process may write."""
    run = mt.Run(tmp_path / "run")
    capture = live.RunCapture(writer_hook(run), "", save=False)
    logs = tmp_path / "logs"
    board = open_writer("tensorboardX", logs)
    board.add_histogram("weights", np.random.default_rng(0).normal(size=1000), 3)
    board.add_scalar("loss", 0.5, 3)
    board.close()
    (file,) = logs.iterdir()
    file.rename(file.with_name(f"{file.name}.{os.getpid()}.v2"))
    capture.follow(str(logs), lambda: None)
    run.finish()
    ((step, histogram),) = mt.open_run(run.path).values("weights")
    assert step == 3
    assert histogram.values.sum() == 1000
    assert points(run.path, "loss") == [(3, 0.5)]


def test_what_is_logged_of_a_followed_file_is_not_logged_again_after_a_failure(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run", quiet=True)
    capture = live.RunCapture(writer_hook(run), "", save=False)
    logs = tmp_path / "logs"
    board = open_writer("tensorboardX", logs)
    for step in range(4):
        board.add_text("note", f"note {step}", step)
        board.add_scalar("loss", step / 4, step)
    board.close()
    (file,) = logs.iterdir()
    file.rename(file.with_name(f"{file.name}.{os.getpid()}.v2"))
    capture._followed[str(logs)] = ""
    cells, failed = capture.rows.cells, list[int]()

    def fails_once(keyed: Any, step: int, time: float) -> None:
        if step == 2 and not failed:
            failed.append(step)
            raise mt.StoreError("the disk: expected some space, got none")
        cells(keyed, step, time)

    capture.rows.cells = fails_once  # type: ignore[method-assign]
    with pytest.warns(UserWarning, match="expected some space"):
        capture._read_tails()
    capture._read_tails()
    run.finish()
    assert failed == [2]
    assert [(step, note) for step, note in mt.open_run(run.path).values("note")] == [(i, f"note {i}") for i in range(4)]
    assert points(run.path, "loss") == [(step, step / 4) for step in range(4)]

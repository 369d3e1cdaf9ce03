"""Run(forward_to=): the tracker gets what the run got, and nothing of the tracker reaches the training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.interop import tensorboard, trackers
from mediatypes.interop.trackers import forwarding
from mediatypes.interop.trackers._adapter import Adapter, Way
from mediatypes.run import writer_hook

IMAGE = mt.Image(np.zeros((2, 3), np.uint8), caption="black")


class Tracker:
    """Keeps what it is given, and fails when it is told to."""

    def __init__(self) -> None:
        self.given: list[Any] = []
        self.error: Exception | None = None

    def take(self, objects: dict[str, Any], step: int | None) -> None:
        if self.error:
            raise self.error
        self.given.append((step, objects))


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> Tracker:
    ways = {"number": Way("kept", "itself", lambda v, key: v), "image": Way("kept", "itself", lambda v, key: v)}
    made = Adapter("Mine", "mine", (__name__.partition(".")[0],), ways, Tracker.take, "", lambda: None)
    monkeypatch.setattr(forwarding, "TRACKERS", ("mine", *trackers.TRACKERS))
    monkeypatch.setattr(forwarding, "adapter", lambda name: made if name == "mine" else trackers.adapter(name))
    return Tracker()


def test_the_tracker_gets_what_the_run_got(tracker: Tracker, tmp_path: Path) -> None:
    made: list[int] = []

    def image() -> mt.Image:
        made.append(1)
        return IMAGE

    with mt.Run(tmp_path / "run", forward_to=[tracker]) as run:
        run.log({"loss": 0.5, "photo": image})
        run.log({"loss": 0.25})
        run.log({"loss": 0.125}, step=7)
    assert tracker.given == [(0, {"loss": 0.5, "photo": IMAGE}), (1, {"loss": 0.25}), (7, {"loss": 0.125})]
    assert made == [1]  # a function is called once
    assert not run.problems
    assert mt.open_run(run.path).history(["loss"]).column("loss").to_pylist() == [0.5, 0.25, 0.125]


def test_what_it_cannot_take_is_a_problem_once_and_the_rest_arrives(tracker: Tracker, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", forward_to=[tracker]) as run:
        for step in range(3):
            run.log({"loss": step, "page": mt.Html("x")})
    assert [objects for _, objects in tracker.given] == [{"loss": 0}, {"loss": 1}, {"loss": 2}]
    [told] = mt.open_run(run.path).problems
    assert told.path == 'forward_to Mine: log["page"]'
    assert "expected a type that Mine has a place for" in told.message


def test_an_exception_of_the_tracker_is_a_problem_and_training_goes_on(tracker: Tracker, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", forward_to=[tracker]) as run:
        tracker.error = RuntimeError("no network")
        run.log({"loss": 1.0})
        run.log({"loss": 2.0})
        tracker.error = None
        run.log({"loss": 3.0})
    assert tracker.given == [(2, {"loss": 3.0})]
    view = mt.open_run(run.path)
    assert [problem.path for problem in view.problems] == ["forward_to Mine"]
    assert "RuntimeError: no network" in view.problems[0].message
    assert view.history(["loss"]).column("loss").to_pylist() == [1.0, 2.0, 3.0]


def test_what_the_run_refuses_is_not_forwarded(tracker: Tracker, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", forward_to=[tracker]) as run:
        with pytest.raises(mt.InputError):
            run.log({"loss": 1.0, "bad": object()})
        run.log({"loss": 2.0})
    assert tracker.given == [(0, {"loss": 2.0})]


def test_an_unknown_target_is_refused_before_a_run_is_made(tmp_path: Path) -> None:
    with pytest.raises(mt.InputError) as error:
        mt.Run(tmp_path / "run", forward_to=["wandbb", 3])
    assert [problem.path for problem in error.value.problems] == ["Run.forward_to"] * 2
    with pytest.raises(mt.InputError, match=r"Run.forward_to: expected a list of trackers, got 'wandb'\."):
        mt.Run(tmp_path / "run", forward_to="wandb")
    with pytest.raises(mt.InputError, match=r"expected a run of TensorBoard, got 'tensorboard'. Pass target="):
        mt.Run(tmp_path / "run", forward_to=["tensorboard"])  # has no run that is open, which could be asked for
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", [name for name in trackers.TRACKERS if trackers.adapter(name).current])
def test_a_tracker_that_is_not_installed_is_told_before_a_run_is_made(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [module], package = trackers.adapter(name).modules, trackers.adapter(name).package
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(mt.MissingDependencyError) as error:
        mt.Run(tmp_path / "run", forward_to=[name])
    assert str(error.value) == (
        f"Run.forward_to: expected the package {package!r}, got none. Install it with: pip install {package}"
    )
    assert not (tmp_path / "run").exists()


def test_a_missing_target_is_a_problem(tracker: Tracker, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", forward_to=["mine"]) as run:  # none is open
        run.log({"loss": 1.0})
    assert "expected a run of Mine, got None" in str(run.problems[0])


def test_the_step_is_that_of_the_row_where_rows_are_lined_up(tracker: Tracker, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", forward_to=[tracker], sync_tensorboard=True) as run:
        writer_hook(run).align()
        for step in (10, 20):
            run.log({"loss": 0.5, "global_step": step})
            run.log({"acc": 0.25, "global_step": step})
    assert [step for step, _ in tracker.given] == [10, 10, 20, 20]
    assert mt.open_run(run.path).history(["acc"]).column("_step").to_pylist() == [10, 20]


def test_what_the_journal_does_not_take_of_a_failed_tracker_stops_no_other(
    tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Tracker()
    with mt.Run(tmp_path / "run", forward_to=[tracker, other]) as run:
        append, tracker.error = run._writer.append, RuntimeError("no network")

        def refuses(frame: bytes) -> None:
            raise mt.StoreError("the disk: expected some space, got none")

        monkeypatch.setattr(run._writer, "append", refuses)
        run.log({"loss": 1.0})
        monkeypatch.setattr(run._writer, "append", append)
    assert other.given == [(0, {"loss": 1.0})]
    assert "RuntimeError: no network" in mt.open_run(run.path).problems[0].message


@pytest.mark.parametrize("order", ["patch before", "patch after", "sync"])
@pytest.mark.filterwarnings("ignore:.*before the writer was made:UserWarning")
def test_what_a_captured_writer_is_forwarded_is_logged_once(
    order: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers = pytest.importorskip("tensorboardX")
    monkeypatch.setattr("mediatypes.run._live", {})  # a run that another test left open would have the writer
    if order == "patch before":
        tensorboard.patch(save=False)
    try:
        with (
            writers.SummaryWriter(str(tmp_path / "tb")) as writer,
            mt.Run(tmp_path / "run", forward_to=[writer], sync_tensorboard=order == "sync", capture=False) as run,
        ):
            if order == "patch after":
                tensorboard.patch(save=False)
            run.log({"loss": 0.5})
            writer.add_scalar("own", 2.0, 7)
    finally:
        tensorboard.unpatch()
    view = mt.open_run(run.path)
    assert [value for _, value in view.values("loss")] == [0.5]
    assert [value for _, value in view.values("own")] == [2.0]

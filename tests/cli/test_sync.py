"""`mediatypes sync`: real writers and followers in processes of their own, which may be killed."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.interop.tensorboard import import_logdir
from tests.interop.tensorboard.event_files import VERSION, scalar, write
from tests.interop.tensorboard.importing.test_growing import NAME, same

ROOT = Path(__file__).parents[2]
Start = Callable[..., "subprocess.Popen[str]"]

# Follows as the command does, but imports what is in a journal much sooner.
SYNC = """
import sys
from mediatypes.cli import main
from mediatypes.interop.tensorboard.follow import tail
tail._MAX_EVENTS = int(sys.argv[1])
sys.exit(main(["sync", *sys.argv[2:], "--follow", "--interval", "0.05"]))
"""

# Writes what a training writes: values every 5 ms, media now and then, sub-writers and sub-runs.
TRAIN = """
import sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
module, logs, begin, end = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
SummaryWriter = __import__(module, fromlist=["SummaryWriter"]).SummaryWriter
numbers = np.random.default_rng(begin)
with SummaryWriter(logs + "/run") as writer, SummaryWriter(logs + "/run/val", flush_secs=1) as val:
    for step in range(begin, end):
        writer.add_scalar("loss", 1 / (step + 1), step)
        writer.add_scalar("lr", 0.1, step)
        if step % 7 == 0:
            val.add_scalar("loss", 2 / (step + 1), step)
            writer.add_histogram("weights", numbers.standard_normal(100), step)
        if step % 20 == 0:
            writer.add_scalars("both", {"a": step, "b": -step}, step)
            writer.add_image("noise", numbers.integers(0, 255, (3, 8, 8), dtype=np.uint8), step)
            writer.add_text("note", f"step {step}", step)
            writer.add_mesh("cube", numbers.random((1, 4, 3)), faces=np.array([[[0, 1, 2]]]), global_step=step)
            writer.flush()
        if step == end - 10:
            writer.add_hparams({"lr": 0.1, "bs": step}, {"hparam/acc": 0.5})
        time.sleep(0.005)
"""
KERAS = """
import sys, numpy as np, tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])
model.compile("sgd", "mse")
numbers = np.random.default_rng(0)
board = tf.keras.callbacks.TensorBoard(sys.argv[1], histogram_freq=1, update_freq=1)
data = numbers.random((40, 3)), numbers.random((40, 1))
model.fit(*data, epochs=4, batch_size=4, validation_split=0.5, verbose=0, callbacks=[board])
"""
WRITERS = {"torch": "torch.utils.tensorboard", "tensorboardX": "tensorboardX"}


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python with a script; what still runs in the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def wait_until(is_so: Callable[[], Any], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def end(process: subprocess.Popen[str], number: int = signal.SIGINT) -> str:
    """End a process that follows, by a signal; what it printed."""
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, ""), err
    return out


@pytest.mark.parametrize("name", WRITERS)
def test_real_writers_and_followers_that_are_killed(name: str, tmp_path: Path, start: Start) -> None:
    """The writer is killed and begins again; so does the follower, some times, whatever it does just then."""
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    chosen, logs, runs = random.Random(name), tmp_path / "logs", tmp_path / "runs"
    sync = start(SYNC, 50, logs, "-o", runs)
    for session in range(2):
        train = start(TRAIN, WRITERS[name], logs, 100 * session, 100 * session + (2000 if session < 1 else 60))
        for _ in range(3 if session < 1 else 0):
            assert sync.stdout is not None
            assert "1 run" in sync.stdout.readline()  # it found something
            time.sleep(chosen.uniform(0, 0.5))
            assert mt.open_run(runs / "run").history(["loss"]).num_rows
            sync.kill()
            sync.communicate()
            sync = start(SYNC, 50, logs, "-o", runs)
        if session < 1:
            train.kill()
        _, said = train.communicate(timeout=60)
        assert train.returncode == (-signal.SIGKILL if session < 1 else 0), said
    assert sync.stdout is not None
    assert "1 run" in sync.stdout.readline()  # it has begun: Ctrl-C before that ends it at once
    assert re.search(r"^run +(new|updated|unchanged) ", end(sync), re.MULTILINE)
    assert import_logdir(logs, tmp_path / "whole").is_complete
    same(tmp_path / "whole", runs)
    view = mt.open_run(runs / "run")
    assert {"loss", "lr", "val/loss", "weights", "noise", "note", "cube"} <= set(view.keys())
    assert view.config["bs"] == 150
    assert [path.name for path in runs.iterdir()] == ["run"]


def test_keras_writes_train_and_validation(tmp_path: Path, start: Start) -> None:
    if find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed")
    logs, runs = tmp_path / "logs" / "fit", tmp_path / "runs"
    sync = start(SYNC, 10, logs, "-o", runs)
    fit = start(KERAS, logs)
    _, said = fit.communicate(timeout=120)
    assert fit.returncode == 0, said
    assert sync.stdout is not None
    assert "run" in sync.stdout.readline()  # it has begun
    assert re.search(r"^fit +new ", end(sync), re.MULTILINE)
    import_logdir(logs, tmp_path / "whole")
    same(tmp_path / "whole", runs)
    assert {"train/epoch_loss", "validation/epoch_loss"} <= set(mt.open_run(runs / "fit").keys())


def test_a_value_is_in_the_run_within_a_second(tmp_path: Path, start: Start) -> None:
    path = write(tmp_path / "logs" / "a", scalar("loss", 0, 0), name=NAME)
    sync = start(
        "import sys; from mediatypes.cli import main; sys.exit(main(sys.argv[1:]))",
        "sync",
        tmp_path / "logs",
        "-o",
        tmp_path / "runs",
        "--follow",
    )
    wait_until(lambda: (tmp_path / "runs" / "a" / "run.json").exists())
    delays = []
    for step in range(1, 10):
        with open(path, "ab") as file:
            file.write(scalar("loss", step, step))
        began = time.monotonic()
        wait_until(lambda: len(list(mt.open_run(tmp_path / "runs" / "a").values("loss"))) == len(delays) + 2)
        delays.append(time.monotonic() - began)
    assert statistics.median(delays) < 1, delays
    out = end(sync, signal.SIGTERM).splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d 1 run, 0 live, 1 events, 0/s", out[0])
    assert re.fullmatch(r"\d\d:\d\d:\d\d 1 run, 1 live, 10 events, \d+/s, a at step 9", out[-3])
    assert out[-2:] == [
        "run  status  files  events  added  rows  problems",
        "a    new         1      10     10    10         0",
    ]
    assert mt.open_run(tmp_path / "runs" / "a").status == "finished"


def test_without_follow_it_is_an_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        write(tmp_path / "logs" / name, scalar("loss", 1, 1))
    assert main(["sync", str(tmp_path / "logs"), "-o", str(tmp_path / "runs"), "--project", "p"]) == 0
    assert "a    new" in capsys.readouterr().out
    assert main(["import", str(tmp_path / "logs"), "-o", str(tmp_path / "whole"), "--project", "p"]) == 0
    same(tmp_path / "whole", tmp_path / "runs")


def test_what_cannot_be_read_is_said_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "logs" / "a", scalar("loss", 1, 1))
    write(tmp_path / "logs" / "b", scalar("loss", 1, 1))
    with mt.Run(tmp_path / "runs" / "a") as run:
        run.log({"x": 1})
    report = tmp_path / "report.json"
    command = ["sync", str(tmp_path / "logs"), "-o", str(tmp_path / "runs"), "--follow", "--idle", "0"]
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert main([*command, "--report", str(report)]) == 2
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    out, err = capsys.readouterr()
    assert "a    failed" in out
    assert err.startswith("mediatypes: a: ")
    assert "expected no run or an imported one, got the finished run 'a'" in err
    assert not json.loads(report.read_text())["sources"][0]["complete"]
    assert list(mt.open_run(tmp_path / "runs" / "b").values("loss")) == [(1, 1)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--jobs", "2"], "mediatypes: --jobs: expected 1 with --follow, got 2. Leave it out.\n"),
        (["x"], "mediatypes: LOGDIR: expected one log directory to follow, got 2. Start one process for each.\n"),
    ],
)
def test_what_is_refused(more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sync", str(tmp_path), *more, "-o", str(tmp_path / "runs"), "--follow"]) == 2
    assert capsys.readouterr().err == said


@pytest.mark.skipif(os.name == "nt", reason="terminals are other ones there")
def test_on_a_terminal_it_is_one_line(tmp_path: Path) -> None:
    import pty

    write(tmp_path / "logs" / "a", VERSION, scalar("loss", 1, 1))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "mediatypes", "sync", str(tmp_path / "logs"), "-o", str(tmp_path / "runs")]
    done = subprocess.run([*command, "--follow", "--idle", "0.1"], stdout=theirs, cwd=ROOT, timeout=60, check=False)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 0
    line = r"\d\d:\d\d:\d\d 1 run, 0 live, 1 events, 0/s"
    assert re.match(rf"\r\x1b\[J\x1b\[\?7l{line}\x1b\[\?7h\r\x1b\[Jrun  status", shown)

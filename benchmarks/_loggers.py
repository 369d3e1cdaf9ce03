"""Ways to log a row of scalars, each opened in a new directory. Only the standard library is imported at the top,
so that a fresh process pays for what its logger imports."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from functools import cache, partial
from itertools import count
from pathlib import Path
from random import Random

from .harness import load

Row = dict[str, float]
Log = Callable[[Row], object]
Opener = Callable[[Path], AbstractContextManager[Log]]

OURS, JSON_LINES, BUFFERED, IN_MEMORY = "mediatypes", "json lines", "json lines, buffered", "list of dicts"


def make_rows(count: int, scalars: int) -> list[Row]:
    """Rows of random doubles under the keys metric_0, metric_1..."""
    random = Random(0)
    return [{f"metric_{i}": random.random() for i in range(scalars)} for _ in range(count)]


@contextmanager
def mediatypes_run(directory: Path) -> Iterator[Log]:
    import mediatypes as mt

    with mt.Run(directory / "run") as run:
        yield run.log


@contextmanager
def json_lines(directory: Path) -> Iterator[Log]:
    """One write for each row, so that nothing is lost either when the process is killed."""
    file = os.open(directory / "log.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        yield lambda row: os.write(file, json.dumps(row).encode() + b"\n")
    finally:
        os.close(file)


@contextmanager
def buffered_json_lines(directory: Path) -> Iterator[Log]:
    """As a file object does it by default."""
    with open(directory / "log.jsonl", "w") as file:
        yield lambda row: file.write(json.dumps(row) + "\n")


@contextmanager
def list_of_dicts(directory: Path) -> Iterator[Log]:
    """In memory only, as trackers that write at the end keep rows."""
    rows: list[Row] = []
    yield lambda row: rows.append(row.copy())


@contextmanager
def wandb_offline(directory: Path) -> Iterator[Log]:
    wandb = load("wandb")
    with _silence():
        settings = wandb.Settings(silent=True, console="off", x_disable_stats=True)
        run = wandb.init(mode="offline", project="benchmarks", dir=str(directory), settings=settings)
        try:
            yield run.log
        finally:
            run.finish()


@contextmanager
def trackio_local(directory: Path) -> Iterator[Log]:
    os.environ["TRACKIO_DIR"] = _trackio_home().name
    trackio = load("trackio")
    with _silence():
        trackio.init(project="benchmarks", name=directory.name, embed=False)
        try:
            yield trackio.log
        finally:
            trackio.finish()


@cache
def _trackio_home() -> tempfile.TemporaryDirectory[str]:
    """trackio reads its directory once, when it is imported, so it has to last as long as the process."""
    return tempfile.TemporaryDirectory(prefix="benchmarks-", ignore_cleanup_errors=True)


@contextmanager
def summary_writer(module: str, directory: Path) -> Iterator[Log]:
    writer = load(module).SummaryWriter(str(directory))
    steps = count()

    def log(row: Row) -> None:
        step = next(steps)
        for key, value in row.items():
            writer.add_scalar(key, value, step)

    try:
        yield log
    finally:
        writer.close()


@contextmanager
def mlflow_store(directory: Path) -> Iterator[Log]:
    mlflow = load("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{directory / 'mlflow.db'}")
    steps = count()
    with _silence(), mlflow.start_run():
        yield lambda row: mlflow.log_metrics(row, step=next(steps))


@contextmanager
def aim_repository(directory: Path) -> Iterator[Log]:
    run = load("aim").Run(repo=str(directory), system_tracking_interval=None, log_system_params=False)
    steps = count()
    try:
        yield lambda row: run.track(row, step=next(steps))
    finally:
        run.close()


@contextmanager
def rerun_file(directory: Path) -> Iterator[Log]:
    rerun = load("rerun")
    stream = rerun.RecordingStream("benchmarks")
    stream.save(directory / "log.rrd")
    steps = count()

    def log(row: Row) -> None:
        stream.set_time("step", sequence=next(steps))
        for key, value in row.items():
            stream.log(key, rerun.Scalars(value))

    try:
        yield log
    finally:
        stream.disconnect()


@contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w") as sink, redirect_stdout(sink), redirect_stderr(sink):
        yield


LOGGERS: dict[str, Opener] = {
    OURS: mediatypes_run,
    JSON_LINES: json_lines,
    BUFFERED: buffered_json_lines,
    IN_MEMORY: list_of_dicts,
    "wandb offline": wandb_offline,
    "trackio": trackio_local,
    "tensorboardX": partial(summary_writer, "tensorboardX"),
    "torch's writer": partial(summary_writer, "torch.utils.tensorboard"),
    "MLflow": mlflow_store,
    "Aim": aim_repository,
    "rerun": rerun_file,
}
NEEDS = {
    "wandb offline": "wandb",
    "trackio": "trackio",
    "tensorboardX": "tensorboardX",
    "torch's writer": "torch",
    "MLflow": "mlflow",
    "Aim": "aim",
    "rerun": "rerun",
}
COMPARED = (OURS, JSON_LINES, *NEEDS)


def open_logger(name: str, scratch: Path) -> AbstractContextManager[Log]:
    """A logger in a new directory below `scratch`."""
    return LOGGERS[name](Path(tempfile.mkdtemp(dir=scratch)))

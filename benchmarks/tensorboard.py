"""Importing TensorBoard logs, written by tensorboardX and by TensorBoard's own writer."""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from .harness import Contender, Figures, at_most, benchmark, faster_than, fresh, load, peak_memory

_KEPT = "BENCHMARK_LOGS"  # names a directory in which the logs stay for the next time; writing them takes minutes
_TAGS = [f"{part}/{name}" for part in ("train", "val", "opt", "sys") for name in ("loss", "acc", "lr", "norm", "fps")]
_STEPS = 50_000
_ACCUMULATOR, _TBPARSE, _SERVER = "EventAccumulator", "tbparse", "data server"
_NEEDS = ("tensorboardX",)


@cache
def _folder() -> Path:
    if os.environ.get(_KEPT):
        return Path(os.environ[_KEPT])
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-logs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _logs(name: str, write: Callable[[Path], None]) -> Path:
    """A log directory, written once."""
    folder = _folder() / name
    if not folder.is_dir():
        partial_folder = folder.with_suffix(".partial")
        shutil.rmtree(partial_folder, ignore_errors=True)
        write(partial_folder)
        partial_folder.rename(folder)
    return folder


def _write_scalars(folder: Path) -> None:
    writer = load("tensorboardX").SummaryWriter(str(folder))
    values = np.random.default_rng(1).standard_normal((_STEPS, len(_TAGS)))
    for step, row in enumerate(values.tolist()):
        for tag, value in zip(_TAGS, row, strict=True):
            writer.add_scalar(tag, value, step)
    writer.close()


def _write_tensors(folder: Path) -> None:
    """Scalars as rank-0 tensors with metadata, as tf.summary writes them, by the writer of the tensorboard package."""
    folder.mkdir(parents=True)
    scalar_pb = load("tensorboard.plugins.scalar.summary_v2").scalar_pb
    events = load("tensorboard.compat.proto.event_pb2")
    writer = load("tensorboard.summary.writer.event_file_writer").EventFileWriter(str(folder))
    for step in range(10_000):
        for tag in _TAGS:
            event = events.Event(wall_time=time.time(), step=step)
            event.summary.ParseFromString(scalar_pb(tag, step * 0.5).SerializeToString())
            writer.add_event(event)
    writer.close()


def _write_histograms(folder: Path) -> None:
    writer = load("tensorboardX").SummaryWriter(str(folder))
    values = np.random.default_rng(1).standard_normal((50, 1000)).astype(np.float32)
    for step in range(1000):
        for layer in range(10):
            writer.add_histogram(f"w/layer{layer}", values[(step + layer) % 50] * (1 + layer), step)
    writer.close()


def _write_images(folder: Path) -> None:
    photo = np.asarray(load("skimage.data").astronaut())
    crops = [photo[i * 6 : i * 6 + 128, i * 5 : i * 5 + 128] for i in range(64)]
    writer = load("tensorboardX").SummaryWriter(str(folder))
    for i in range(2000):
        writer.add_image(f"img/{i % 4}", crops[i % 64], i // 4, dataformats="HWC")
    writer.close()


def _write_runs(folder: Path) -> None:
    for run in range(40):
        writer = load("tensorboardX").SummaryWriter(str(folder / f"run{run:02}"))
        for step in range(2000):
            for name in ("loss", "acc", "lr", "f1", "fps"):
                writer.add_scalar(name, step * 0.001 + run, step)
        writer.close()


def import_fresh(logs: str, scratch: str) -> Figures:
    """The CPU of a process that imports a log directory and does nothing else; and how large the Parquet is."""
    from mediatypes.interop.tensorboard import import_logdir

    out = Path(tempfile.mkdtemp(dir=scratch))
    import_logdir(logs, out)
    cpu = time.process_time()
    parquet = sum(path.stat().st_size for path in out.rglob("*.parquet"))
    size = sum(path.stat().st_size for path in Path(logs).rglob("*tfevents*"))
    shutil.rmtree(out)
    return {"CPU s": cpu, "Parquet/log": parquet / size, **peak_memory()}


def accumulate_fresh(logs: str) -> Figures:
    """The same with TensorBoard's reader, everything kept in memory."""
    accumulators = load("tensorboard.backend.event_processing.event_accumulator")
    sizes = dict.fromkeys(("scalars", "images", "audio", "histograms", "compressedHistograms", "tensors"), 0)
    accumulator = accumulators.EventAccumulator(logs, size_guidance=sizes).Reload()
    [accumulator.Scalars(tag) for tag in accumulator.Tags()["scalars"]]
    return {"CPU s": time.process_time()}


def parse_fresh(logs: str) -> Figures:
    """The same with tbparse, a DataFrame."""
    reader = load("tbparse").SummaryReader(logs)
    if not len(reader.scalars):
        raise RuntimeError("tbparse found nothing")
    return {"CPU s": time.process_time()}


def _serve(logs: Path) -> Figures:
    """TensorBoard's data server, in Rust, told to keep everything and to verify checksums, until it has loaded."""
    server = load("tensorboard_data_server").server_binary()
    options = ["--reload", "once", "--checksum", "--samples-per-plugin", "scalars=all", "--port", "0", "-v"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen([server, "--logdir", str(logs), *options], stderr=subprocess.PIPE, text=True)
    if process.stderr is None:
        raise RuntimeError("the server's log is needed")
    try:
        if not any("Finished load cycle" in line for line in process.stderr):
            raise RuntimeError("the server ended before it had loaded")
    finally:
        process.terminate()
        process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"CPU s": after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime}


def _import_warm(logs: Path, scratch: Path, count: int) -> Figures:
    from mediatypes.interop.tensorboard import import_logdir

    out = Path(tempfile.mkdtemp(dir=scratch))
    begin = time.process_time()
    import_logdir(logs, out)
    cpu = time.process_time() - begin
    shutil.rmtree(out)
    return {"CPU us each": cpu / count * 1e6}


def _rebin_warm(logs: Path, count: int) -> Figures:
    """Read, verified, parsed and rebinned; nothing written."""
    from mediatypes.formats.tfrecord import RecordReader
    from mediatypes.interop.tensorboard.log.events import read_event
    from mediatypes.interop.tensorboard.plugins.histogram_bins import read_protos

    (path,) = logs.glob("*tfevents*")
    begin = time.process_time()
    with open(path, "rb") as file:
        for records in RecordReader(file, path.stat().st_size):
            spans = zip(records.starts.tolist(), records.ends.tolist(), strict=True)
            read_protos(records.data, [v.span for span in spans for v in read_event(records.data, *span).values])
    return {"CPU us each": (time.process_time() - begin) / count * 1e6}


def _check_records(native: bool) -> Figures:
    """The checksums of 2000 records of 20 kB, as images have."""
    from mediatypes.formats import crc32c

    data, ends = _records()
    before, crc32c._native = crc32c._native, crc32c._native if native else lambda: None  # type: ignore[assignment]
    begin = time.process_time()
    crc32c.checksums(data, ends - 20_000, ends)
    took = time.process_time() - begin
    crc32c._native = before
    return {"CPU us each": took / len(ends) * 1e6}


@cache
def _records() -> tuple[bytes, np.ndarray[Any, Any]]:
    return np.random.default_rng(0).bytes(64 + 2000 * 20_000), 64 + 20_000 * np.arange(1, 2001)


_SCALARS = (
    at_most("CPU s", 1.0),
    at_most("Parquet/log", 0.25),
    faster_than(_ACCUMULATOR, "CPU s", 10),
    faster_than(_TBPARSE, "CPU s", 10),
    faster_than(_SERVER, "CPU s", 1),
)


@benchmark("tb-scalars", "a log of 1M scalars, in a fresh process", *_SCALARS, rounds=3, needs=_NEEDS)
def _tb_scalars(scratch: Path) -> list[Contender]:
    logs = _logs("scalars", _write_scalars)
    return [
        Contender("mediatypes, to a run folder", fresh(__name__, import_fresh.__name__, str(logs), str(scratch))),
        Contender(_ACCUMULATOR, fresh(__name__, accumulate_fresh.__name__, str(logs)), "tensorboard"),
        Contender(_TBPARSE, fresh(__name__, parse_fresh.__name__, str(logs)), "tbparse"),
        Contender(_SERVER, partial(_serve, logs), "tensorboard_data_server"),
    ]


@benchmark("tb-warm", "a log of 1M scalars, everything imported", at_most("CPU us each", 0.4), needs=_NEEDS)
def _tb_warm(scratch: Path) -> list[Contender]:
    logs = _logs("scalars", _write_scalars)
    return [Contender("mediatypes", partial(_import_warm, logs, scratch, _STEPS * len(_TAGS)))]


@benchmark("tb-tensors", "200k scalars as tensors", at_most("CPU us each", 1 / 1.5), needs=("tensorboard",))
def _tb_tensors(scratch: Path) -> list[Contender]:
    return [Contender("mediatypes", partial(_import_warm, _logs("tensors", _write_tensors), scratch, 200_000))]


@benchmark("tb-histograms", "10k histograms of about 650 bins", at_most("CPU us each", 50), rounds=5, needs=_NEEDS)
def _tb_histograms(scratch: Path) -> list[Contender]:
    logs = _logs("histograms", _write_histograms)
    return [
        Contender("mediatypes, verified and rebinned", partial(_rebin_warm, logs, 10_000)),
        Contender("mediatypes, to a run folder", partial(_import_warm, logs, scratch, 10_000)),
    ]


@benchmark("tb-images", "2000 PNG images to sidecars", at_most("CPU us each", 125), needs=(*_NEEDS, "skimage"))
def _tb_images(scratch: Path) -> list[Contender]:
    return [Contender("mediatypes", partial(_import_warm, _logs("images", _write_images), scratch, 2000))]


@benchmark("tb-runs", "40 runs of 10k scalars, in a fresh process", at_most("CPU s", 0.6), rounds=5, needs=_NEEDS)
def _tb_runs(scratch: Path) -> list[Contender]:
    logs = _logs("runs", _write_runs)
    return [
        Contender("mediatypes, to run folders", fresh(__name__, import_fresh.__name__, str(logs), str(scratch))),
        Contender(_TBPARSE, fresh(__name__, parse_fresh.__name__, str(logs)), "tbparse"),
    ]


@benchmark(
    "tb-checksums",
    "checksums of 2000 records of 20 kB, with the extra crc32c",
    faster_than("without it", "CPU us each", 3),
    needs=("google_crc32c",),
)
def _tb_checksums(scratch: Path) -> list[Contender]:
    return [
        Contender("google-crc32c", partial(_check_records, True)),
        Contender("without it", partial(_check_records, False)),
    ]

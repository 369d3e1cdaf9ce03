"""Load: processes and threads that log media for minutes beside a reader, many sidecars, many bytes.

`python -m tests.writing.load --seconds 600`, part of `make soak`. What grows, is lost, or is read without need, is an
error; the figures are printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import mediatypes as mt
from mediatypes.runfolder.follower import Follower

PROCESSES, THREADS = 4, 8
_FEW = 24  # frames: what a process has besides its runs
_GROWTH = 96  # MiB that a process may need more at the end than after the first third


def picture(process: int, thread: int, n: int) -> mt.Image:
    return mt.Image(np.random.default_rng([process, thread, n]).integers(0, 256, (24, 32, 3), np.uint8))


def memory(pid: int) -> float:
    """MiB that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def handles(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


# Logging beside a reader -------------------------------------------------------------------------------------------


def write(root: str, process: int, seconds: float) -> None:
    """Log from several threads to a run, and say how many calls of each returned."""
    run, counts, end = mt.Run(Path(root) / f"run{process}", quiet=True), [0] * THREADS, time.monotonic() + seconds

    def log(thread: int) -> None:
        while time.monotonic() < end:
            n = counts[thread]
            run.log({f"n{thread}": n, f"image{thread}": picture(process, thread, n), "loss": n / 3})
            counts[thread] += 1
            time.sleep(0.05)

    threads = [threading.Thread(target=log, args=(thread,)) for thread in range(THREADS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    print(json.dumps(counts), flush=True)
    sys.stdin.readline()
    run.finish()


def many_writers(root: Path, seconds: float) -> str:
    """Writers and a reader at 20 Hz; what they hold stays, and nothing is lost."""
    command = [sys.executable, "-m", "tests.writing.load", "--write", str(root), "--seconds", str(seconds)]
    writers = [
        subprocess.Popen([*command, "--process", str(i)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for i in range(PROCESSES)
    ]
    samples: list[tuple[float, list[float], list[int]]] = []
    begin, polls, late, rows = time.monotonic(), 0, 0.0, [0] * PROCESSES
    followers: dict[int, Follower] = {}
    pids = [*(writer.pid for writer in writers), os.getpid()]
    while (now := time.monotonic() - begin) < seconds + 2:
        for i in range(PROCESSES):
            if i not in followers and (root / f"run{i}" / "run.json").exists():
                followers[i] = Follower(root / f"run{i}")
        for i, follower in followers.items():
            asked = time.monotonic()
            rows[i] += sum(len(batch.steps) for batch in follower.poll())
            late = max(late, time.monotonic() - asked)
        polls += 1
        if not samples or now - samples[-1][0] > seconds / 60:
            samples.append((now, [memory(pid) for pid in pids], [handles(pid) for pid in pids]))
        time.sleep(0.05)
    counts = [json.loads(writer.stdout.readline()) for writer in writers if writer.stdout]
    for writer in writers:
        writer.communicate("finish\n", timeout=300)
        assert writer.returncode == 0
    for follower in followers.values():
        follower.close()
    for process, own in enumerate(counts):
        view = mt.open_run(root / f"run{process}")
        assert view.status == "finished"
        assert not view.problems
        for thread, count in enumerate(own):
            assert [n for _, n in view.values(f"n{thread}")] == list(range(count))
            for n, (_, image) in enumerate(view.values(f"image{thread}")):
                assert n % 50 or image == picture(process, thread, n)
    settled = [sample for sample in samples if sample[0] > seconds / 3] or samples
    growth = [last - first for first, last in zip(settled[0][1], settled[-1][1], strict=True)]
    assert max(growth) < _GROWTH, growth
    most = [max(sample[2][i] for sample in settled) - min(sample[2][i] for sample in settled) for i in range(len(pids))]
    assert max(most) <= _FEW, most
    calls = sum(map(sum, counts))
    return (
        f"{PROCESSES} processes x {THREADS} threads, {seconds:g} s: {calls} calls with a picture each, none lost; "
        f"memory at the end {max(settled[-1][1][:-1]):.0f} MiB, {max(growth):+.1f} MiB since the first third (reader "
        f"{growth[-1]:+.1f}); handles +{max(most)}; {polls / seconds:.1f} polls a second, the slowest {late:.2f} s"
    )


# Many files, many bytes --------------------------------------------------------------------------------------------


def many_sidecars(root: Path, count: int) -> str:
    """A run with very many sidecars is logged, read, checked and packed."""
    begin = time.monotonic()
    with mt.Run(root / "many", quiet=True) as run:
        for n in range(count):
            run.log({"page": mt.Html(f"<p>{n}")})
    logged = time.monotonic()
    view = mt.open_run(root / "many")
    assert sum(1 for _ in view.values("page")) == count
    read = time.monotonic()
    assert mt.gc(root / "many").files == 0
    collected = time.monotonic()
    assert mt.pack(root / "many").files == count
    packed = time.monotonic()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{count} sidecars: logged in {logged - begin:.1f} s, read in {read - logged:.1f} s, "
        f"gc {collected - read:.1f} s, packed in {packed - collected:.1f} s; {most:.0f} MiB"
    )


def many_bytes(root: Path, size: int) -> str:
    """Runs with very large sidecars are listed without reading them."""
    for name in ("a", "b"):
        with mt.Run(root / "large" / name, quiet=True) as run:
            run.log({"page": mt.Html("<p>"), "loss": 1})
        big = root / "large" / name / "media" / "00" / f"{hashlib.sha256(name.encode()).hexdigest()}.bin"
        big.parent.mkdir(parents=True)
        with open(big, "wb") as file:
            file.truncate(size // 2)  # a hole: it has the size, and takes no room
    before, begin = _read_bytes(), time.monotonic()
    runs = mt.open_runs(root / "large")
    assert runs.table().num_rows == 2
    assert runs.history(["loss"]).num_rows == 2
    taken, read = time.monotonic() - begin, _read_bytes() - before
    assert read < 2**24, read
    return f"{size / 1e9:g} GB of sidecars: listed and read in {taken:.2f} s, {read / 1e3:.0f} kB read"


def _read_bytes() -> int:
    return int(dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())["rchar"])


def load(root: Path, seconds: float, sidecars: int, size: int, say: Any = print) -> None:
    """All of it."""
    for act in (
        lambda: many_bytes(root, size),
        lambda: many_sidecars(root, sidecars),
        lambda: many_writers(root, seconds),
    ):
        say(act())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--sidecars", type=int, default=100_000)
    parser.add_argument("--bytes", type=float, default=1e10)
    parser.add_argument("--write", help="be a writer of runs in this directory")
    parser.add_argument("--process", type=int, default=0)
    given = parser.parse_args()
    if given.write:
        write(given.write, given.process, given.seconds)
        return
    root = Path(tempfile.mkdtemp(prefix="load-"))
    try:
        load(root, given.seconds, given.sidecars, int(given.bytes), lambda text: print(text, flush=True))
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()

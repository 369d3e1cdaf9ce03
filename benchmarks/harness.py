"""Interleaved rounds: what an entry is, and how it is measured.

An entry is a function that prepares its data and returns its contenders, ours first. A contender measures itself
once whenever it is called, and returns figures: a name with its unit, and a number of which less is better.

    @benchmark("sort-1k", "sorted() of 1000 floats", faster_than("list.sort", "CPU us", 2.0))
    def sort(scratch: Path) -> list[Contender]:
        values = [random.random() for _ in range(1000)]
        return [
            Contender("sorted", timed(lambda: sorted(values))),
            Contender("list.sort", timed(lambda: values.copy().sort())),
        ]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from .peers import PeerError, Peers

Figures = Mapping[str, float]
Measure = Callable[[], Figures]
Series = list[float]  # one figure of one contender, a number for each round
Progress = Callable[[str], None]

ROOT = Path(__file__).resolve().parents[1]
_CALL = """
import importlib, json, sys
module, function, arguments = sys.argv[1:]
print(json.dumps(getattr(importlib.import_module(module), function)(*json.loads(arguments))))
"""


class Contender(NamedTuple):
    """One of those compared; `needs` is a module without which it is measured in another environment, or skipped."""

    name: str
    measure: Measure
    needs: str = ""


Prepare = Callable[[Path], list[Contender]]


class Target(NamedTuple):
    """What a figure of ours should reach, alone or against a baseline."""

    figure: str
    text: str
    is_met: Callable[[Series, Series], bool]
    baseline: str = ""


class Entry(NamedTuple):
    name: str
    title: str
    prepare: Prepare
    targets: tuple[Target, ...]
    rounds: int
    needs: tuple[str, ...]


class Result(NamedTuple):
    """What was measured: by contender, by figure, a number for each round; the numbers of one round belong together."""

    entry: Entry
    series: dict[str, dict[str, Series]]
    skipped: dict[str, str]  # contender (or "" for the whole entry): why


ENTRIES: dict[str, Entry] = {}


def benchmark(
    name: str, title: str, *targets: Target, rounds: int = 7, needs: tuple[str, ...] = ()
) -> Callable[[Prepare], Prepare]:
    """Register a function as an entry; it gets an empty directory and returns the contenders, ours first.

    Args:
        name: lower-case words joined with "-".
        title: what is compared, in one line.
        targets: what ours should reach.
        rounds: how often each contender is measured, unless the command line says otherwise.
        needs: modules without which the entry is skipped.
    """

    def register(prepare: Prepare) -> Prepare:
        if name in ENTRIES:
            raise ValueError(f"two benchmarks are called {name!r}")
        ENTRIES[name] = Entry(name, title, prepare, targets, rounds, needs)
        return prepare

    return register


def at_most(figure: str, limit: float, *, worst: bool = False) -> Target:
    """Ours is at most `limit`: in the least disturbed round, or in every one (`worst`)."""
    judged = max if worst else min
    return Target(figure, f"<= {limit:g}", lambda ours, _: judged(ours) <= limit)


def faster_than(baseline: str, figure: str, times: float) -> Target:
    """The baseline's minimum is at least `times` ours."""
    return Target(figure, f">= {times:g}x", lambda ours, base: min(base) >= times * min(ours), baseline)


def no_larger_than(baseline: str, figure: str, times: float) -> Target:
    """Ours is at most `times` the baseline's, as for sizes that may grow a little."""
    return Target(figure, f"<= {times:g}x its", lambda ours, base: min(ours) <= times * min(base), baseline)


def timed(call: Callable[[], object], calls: int = 1, unit: str = "ms") -> Measure:
    """Measure a function: CPU time of the process and wall time, of one call as the mean of `calls`."""
    scale = {"ms": 1e3, "us": 1e6}[unit] / calls

    def measure() -> Figures:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(calls):
            call()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return {f"CPU {unit}": cpu * scale, f"wall {unit}": wall * scale}

    return measure


def command(module: str, function: str, *arguments: object) -> list[str]:
    """What starts a new interpreter that calls a function and prints its answer as JSON; its directory is `ROOT`."""
    return [sys.executable, "-c", _CALL, module, function, json.dumps(arguments)]


def fresh(module: str, function: str, *arguments: object) -> Measure:
    """Measure in a new interpreter: `module.function(*arguments)` returns the figures there."""

    def measure() -> Figures:
        done = subprocess.run(
            command(module, function, *arguments), cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = done.stderr.splitlines() or [f"exit code {done.returncode}"]
            raise RuntimeError(f"{module}.{function} failed: {said[-1]}")
        figures: Figures = json.loads(done.stdout.splitlines()[-1])
        return figures

    return measure


def peak_memory() -> Figures:
    """The most memory this process had; `getrusage` would answer that of its parent if it was more."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # another system
        return {}
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return {"peak RSS MB": int(kilobytes) / 1024}


def run(entry: Entry, rounds: int | None, progress: Progress, *, peers: bool = False) -> Result:
    """Measure an entry: one warm-up that is thrown away, then rounds in which every contender has its turn.

    Args:
        entry: what is measured.
        rounds: how often, or None for the entry's own number.
        progress: gets a line for each thing that begins.
        peers: measure contenders whose package is missing in environments of their own, which are made for them.
    """
    if missing := [module for module in entry.needs if not is_installed(module)]:
        return Result(entry, {}, {"": f"{missing[0]} is not installed"})
    with (
        tempfile.TemporaryDirectory(prefix="benchmarks-", ignore_cleanup_errors=True) as scratch,
        Peers(progress) as others,
    ):
        progress(f"{entry.name}: preparing")
        ready, skipped = _warm_up(entry, Path(scratch), progress, others if peers else None)
        series: dict[str, dict[str, Series]] = {contender.name: {} for contender in ready}
        count = rounds or entry.rounds
        for round in range(count):
            first = round % len(ready)  # whoever goes first meets a machine in another state
            for contender in ready[first:] + ready[:first]:
                progress(f"{entry.name}: round {round + 1} of {count}: {contender.name}")
                for figure, value in contender.measure().items():
                    series[contender.name].setdefault(figure, []).append(value)
    return Result(entry, series, skipped)


def _warm_up(
    entry: Entry, scratch: Path, progress: Progress, peers: Peers | None
) -> tuple[list[Contender], dict[str, str]]:
    ready: list[Contender] = []
    skipped: dict[str, str] = {}
    for contender in entry.prepare(scratch):
        progress(f"{entry.name}: warming up: {contender.name}")
        try:
            if contender.needs and not is_installed(contender.needs):
                if peers is None:
                    raise PeerError(f"{contender.needs} is not installed")
                measure = peers.measure(entry.name, contender.name, contender.needs, scratch)
                contender = contender._replace(measure=measure)
            contender.measure()
        except PeerError as error:
            skipped[contender.name] = str(error)
            continue
        except Exception as error:
            if not contender.needs:
                raise
            skipped[contender.name] = f"it failed: {type(error).__name__}: {error}"  # other people's package
            continue
        ready.append(contender)
    return ready, skipped


def is_installed(module: str) -> bool:
    """Whether a top-level module could be imported; it is not."""
    return find_spec(module) is not None


def load(module: str) -> Any:
    """An optional package, of which nothing is known to the type checker."""
    __import__(module)
    return sys.modules[module]

"""Kill writers at random moments, many times: `make soak`, or `python -m tests.writing.soak --kills 200`.

After each kill the run is read and compared with what the writer had said; then somebody goes on with it, and is killed
as well. A failure leaves the run where it is, and says how to repeat it.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import random
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

import mediatypes as mt

from .crashes import NEVER, Left, Nursery

# What a writer does, after which word it may be killed, and for how many seconds from then on.
MOMENTS = [
    ("create", "ready", 0.03),
    ("resume", "ready", 0.1),
    ("write", "opened", 0.25),
    ("write", "opened", 0.05),
    ("finish", "finishing", 0.06),
    ("recover", "ready", 0.1),
    ("edit", "ready", 0.08),
]
_MOST_CALLS = 150  # of a run, so that reading it after each kill stays quick


def soak(root: Path, kills: int, seed: int, say: bool = False) -> Counter[str]:
    """Kill so many writers below `root`; answers how many doing what."""
    chance, done = random.Random(seed), Counter[str]()
    with Nursery() as nursery:
        for number in itertools.count(1):
            left = Left(root / f"run{number}", threads=chance.choice([1, 1, 3]))
            for _ in range(20):
                done += _kill(nursery, left, chance)
                if sum(left.calls) > _MOST_CALLS or done.total() >= kills:
                    break
            left.recover()
            if left.born:
                _go_on(left)
            shutil.rmtree(left.root, ignore_errors=True)
            if say:
                print(f"{done.total()} kills in {number} runs: {dict(done)}", flush=True)
            if done.total() >= kills:
                break
    return done


def _kill(nursery: Nursery, left: Left, chance: random.Random) -> Counter[str]:
    name, after, most = chance.choice(MOMENTS)
    if (name == "create") == left.born and name in ("create", "resume"):
        return Counter()
    if name in ("recover", "edit") and not left.born:
        return Counter()
    if name == "edit":
        left.recover()
    what = {"create": "write", "resume": "write"}.get(name, name)
    dead = nursery.kill_after(left.root, what, most * chance.random(), after, list(left.calls))
    left.check(dead)
    return Counter({name: 1}) if dead.killed else Counter()


# What a writer does, in a run that others left so.
ACTS = [
    ("once", []),
    ("once", ["leave"]),
    ("once", ["once"]),
    ("recover", ["leave"]),
    ("recover", ["once", "leave"]),
    ("edit_once", ["once"]),
]


def every_moment(root: Path, stride: int = 1, first: int = 0) -> Counter[str]:
    """Kill writers at each call of the system that changes a file, or at every so-manieth; answers how many."""
    done = Counter[str]()
    with Nursery() as nursery:
        for what, before in ACTS:
            name, made = "-".join([*before, what]), Left(root / "made")
            for act in before:
                made.check(nursery.kill_at(made.root, act, NEVER, starts=made.calls))
            for point in itertools.count(first, stride):
                left = copy.deepcopy(made)
                left.root = root / f"{name}-{point}"
                if made.born:
                    shutil.copytree(made.root, left.root)
                dead = nursery.kill_at(left.root, what, point // 2, part=bool(point % 2), starts=left.calls)
                left.check(dead)
                if point % 4 < 2:
                    left.recover()
                elif left.born:
                    _go_on(left)
                shutil.rmtree(left.root, ignore_errors=True)
                if not dead.killed:
                    break
                done[name] += 1
            shutil.rmtree(made.root, ignore_errors=True)
    return done


def _go_on(left: Left) -> None:
    """After all of it the run is one like any other."""
    with mt.Run(left.root, mode="resume") as run:
        run.log({"after": True})
    assert [value for _, value in mt.open_run(left.root).values("after")] == [True]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    root, begin = Path(tempfile.mkdtemp(prefix="soak-")), time.monotonic()
    print(f"{given.kills} kills with --seed {given.seed}, below {root}", flush=True)
    soak(root, given.kills, given.seed, say=True)
    print(f"Nothing was lost, {time.monotonic() - begin:.0f} s. Now at each call of the system ...", flush=True)
    done = every_moment(root)
    print(f"Nothing was lost in {done.total()} kills: {dict(done)}, {time.monotonic() - begin:.0f} s in all")
    print("Now in files of at most each size ...", flush=True)
    with Nursery() as nursery:
        nursery.kill_at(root / "run", "fit", NEVER, starts=[1])
    print(f"Nothing was lost, {time.monotonic() - begin:.0f} s in all")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()

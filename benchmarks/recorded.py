"""What a run records by itself: the time that its begin takes, system metrics, and watching a model."""

from __future__ import annotations

import importlib
import time
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import mediatypes as mt

from .harness import Contender, Figures, at_most, benchmark, fresh, no_larger_than

_SAMPLES, _EVERY = 200, 10  # seconds between two samples, unless a run says otherwise
_STEPS = 200


def begin(captures: list[str], scratch: str) -> Figures:
    """How long `Run(...)` holds up a script that has imported us, and how long the end takes then."""
    import mediatypes.run  # noqa: F401 - what that costs is measured elsewhere

    begun = time.perf_counter()
    run = mt.Run(_new(Path(scratch)), capture=captures, quiet=True)
    logged = time.perf_counter()
    run.log({"loss": 1.0})
    run.finish()
    return {"begin ms": (logged - begun) * 1e3, "log and finish ms": (time.perf_counter() - logged) * 1e3}


@benchmark("run-begin", "Run(...) in a process that has imported us", at_most("begin ms", 10))
def _begin(scratch: Path) -> list[Contender]:
    chosen = {"environment, git": ["environment", "git"], "nothing": [], "console as well": ["console"]}
    return [Contender(name, fresh(__name__, begin.__name__, names, str(scratch))) for name, names in chosen.items()]


@benchmark("system", "system metrics every 10 s", at_most("% of a core", 0.2), needs=("psutil",))
def _system(scratch: Path) -> list[Contender]:
    from mediatypes.capture.system import Sampler

    sampler = Sampler(scratch)

    def measure() -> Figures:
        cpu = time.thread_time()
        for _ in range(_SAMPLES):
            sampler.sample()
        cpu = (time.thread_time() - cpu) / _SAMPLES
        return {"CPU ms/sample": cpu * 1e3, "% of a core": cpu / _EVERY * 100}

    return [Contender("mediatypes", measure)]


@benchmark(
    "watch",
    "a step of a small CNN that is watched every 100 steps",
    no_larger_than("not watched", "CPU us/step", 1.1),
    rounds=3,
    needs=("torch",),
)
def _watch(scratch: Path) -> list[Contender]:
    return [
        Contender("gradients", partial(_train, scratch, "gradients")),
        Contender("not watched", partial(_train, scratch, None)),
        Contender("all", partial(_train, scratch, "all")),
    ]


def _train(scratch: Path, watched: Any) -> Figures:
    torch: Any = importlib.import_module("torch")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    layers = [torch.nn.Conv2d(3, 16, 3), torch.nn.ReLU(), torch.nn.Conv2d(16, 32, 3, stride=2), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(32 * 14 * 14, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    images, labels = torch.randn(8, 3, 32, 32), torch.randint(10, (8,))
    with mt.Run(_new(scratch), capture=False, quiet=True) as run:
        if watched:
            run.watch(model, log=watched)
        begun = time.process_time()
        for _ in range(_STEPS):
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log({"loss": loss.item()})
        return {"CPU us/step": (time.process_time() - begun) / _STEPS * 1e6}


def _new(scratch: Path) -> Path:
    return next(path for number in count() if not (path := scratch / f"run-{number}").exists())

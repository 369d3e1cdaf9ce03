"""Capturing TensorBoard writers while they log."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from .harness import Contender, Figures, at_most, benchmark, load

_CALLS, _BATCHES = 2000, 16
_PACKAGES = {"torch": "torch.utils.tensorboard", "tensorboardX": "tensorboardX"}


def _added(package: str, scratch: Path) -> Figures:
    """What a captured `add_scalar` costs more than a plain one: batches of both take turns, the quickest ones count.

    The writers' own threads are part of the process's time, and of the noise.
    """
    import tempfile

    import mediatypes as mt
    from mediatypes.interop import tensorboard

    folder = Path(tempfile.mkdtemp(dir=scratch))
    open_writer = load(_PACKAGES[package]).SummaryWriter
    run = mt.Run(folder / "run")
    plain = open_writer(str(folder / "plain"))
    tensorboard.patch(root_logdir=str(folder / "captured"), save=False)
    captured = open_writer(str(folder / "captured"))
    costs: dict[str, list[tuple[float, float]]] = {"plain": [], "captured": []}
    try:
        for batch in range(_BATCHES):
            costs["captured"].append(_cost(captured, batch * _CALLS))
            tensorboard.unpatch()
            costs["plain"].append(_cost(plain, batch * _CALLS))
            tensorboard.patch(root_logdir=str(folder / "captured"), save=False)
    finally:
        tensorboard.unpatch()
        plain.close()
        captured.close()
        run.finish()
    rows = mt.open_run(run.path).history(["loss"]).num_rows
    if rows != _CALLS * _BATCHES:
        raise RuntimeError(f"expected {_CALLS * _BATCHES} rows, got {rows}")
    thread, process = ([min(cost[i] for cost in costs[name]) for name in ("plain", "captured")] for i in (0, 1))
    return {
        "added thread CPU us": thread[1] - thread[0],
        "added process CPU us": process[1] - process[0],
        "plain thread CPU us": thread[0],
        "plain process CPU us": process[0],
    }


def _cost(writer: Any, first: int) -> tuple[float, float]:
    """Of one call: CPU time of this thread, and of the process until the file has it."""
    writer.flush()
    thread, process = time.thread_time(), time.process_time()
    for step in range(first, first + _CALLS):
        writer.add_scalar("loss", 0.5, step)
    thread = time.thread_time() - thread
    writer.flush()
    process = time.process_time() - process
    return thread / _CALLS * 1e6, process / _CALLS * 1e6


def _compare(package: str, scratch: Path) -> list[Contender]:
    return [Contender(f"captured {package}", partial(_added, package, scratch))]


for _package in _PACKAGES:
    benchmark(
        f"tb-live-{_package.lower()}",
        f"add_scalar of {_package}, captured",
        at_most("added thread CPU us", 5),
        rounds=5,
        needs=(_package,),
    )(partial(_compare, _package))

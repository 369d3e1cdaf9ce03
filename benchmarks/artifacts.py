"""Artifacts: folders logged and used, against a plain copy of them.

Logging reads, hashes, writes and names what it holds; a plain copy reads and writes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import mediatypes as mt

from .harness import Contender, benchmark, no_larger_than, timed

_FILES, _SMALL, _LARGE = 1000, 10_000, int(os.environ.get("ARTIFACT_BYTES", str(10**9)))


def _contenders(data: Path, scratch: Path) -> list[Contender]:
    kept = mt.artifacts(scratch / "kept")
    kept.log("data", "dataset", data)

    def anew(do: Callable[[Path], object]) -> Callable[[], None]:
        numbers = count()

        def call() -> None:
            place = scratch / f"{do.__name__}{next(numbers)}"
            do(place)
            shutil.rmtree(place)

        return call

    def log(place: Path) -> None:
        mt.artifacts(place).log("data", "dataset", data)

    def copy(place: Path) -> None:
        shutil.copytree(data, place)

    return [
        Contender("log_artifact", timed(anew(log))),
        Contender("the same again", timed(lambda: kept.log("data", "dataset", data))),
        Contender("use", timed(lambda: kept.use("data").path)),
        Contender("shutil.copytree", timed(anew(copy))),
    ]


@benchmark(
    "artifact-small",
    f"{_FILES} files of {_SMALL} bytes logged, used and copied",
    no_larger_than("shutil.copytree", "wall ms", 3),
)
def _small(scratch: Path) -> list[Contender]:
    (data := scratch / "data").mkdir()
    for number in range(_FILES):
        (data / f"{number:04}.bin").write_bytes(os.urandom(_SMALL))
    return _contenders(data, scratch)


@benchmark(
    "artifact-large",
    f"one file of {_LARGE / 1e9:g} GB logged, used and copied",
    no_larger_than("shutil.copytree", "wall ms", 3),
    rounds=3,
)
def _large(scratch: Path) -> list[Contender]:
    (data := scratch / "data").mkdir()
    piece = os.urandom(10**6)
    with open(data / "weights.bin", "wb") as file:
        for _ in range(_LARGE // len(piece)):
            file.write(piece)
    return _contenders(data, scratch)

"""Packages of others in environments of their own, made once: contenders that cannot live beside us are measured there.

    with Peers(progress) as peers:
        measure = peers.measure(entry, "wandb", needs="wandb", scratch)

The environment's Python prepares the entry for itself and then measures that contender whenever it is told to, so
that rounds stay interleaved. `BENCHMARKS_PEERS` is the folder of the environments (default: `.venv-peers`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from subprocess import DEVNULL, PIPE
from types import TracebackType
from typing import IO, Any, Final, Self, cast

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = Path(os.environ.get("BENCHMARKS_PEERS", ROOT / ".venv-peers"))
_BASE: Final = ("numpy", "pyarrow", "pillow", "pandas")  # what it takes to import us and to prepare entries
PACKAGES: Final[dict[str, tuple[str, ...]]] = {  # by module: what is installed for it
    "aim": ("aim",),
    "mlflow": ("mlflow-skinny", "sqlalchemy", "alembic"),
    "moviepy": ("moviepy", "scikit-image", "av"),
    "rerun": ("rerun-sdk",),
    "swanlab": ("swanlab",),
    "tbparse": ("tbparse", "tensorboardX"),  # which writes the log that is read
    "tensorboardX": ("tensorboardX",),
    "torch": ("torch", "tensorboard"),  # PIP_EXTRA_INDEX_URL may name where one without CUDA is
    "trackio": ("trackio",),
    "wandb": ("wandb",),
}


class PeerError(Exception):
    """A contender cannot be measured, and why."""


class Peers:
    """The processes of one entry, which end with it."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress, self._processes = progress, ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._processes.close()

    def measure(self, entry: str, contender: str, needs: str, scratch: Path) -> Callable[[], dict[str, float]]:
        """What measures a contender in the environment of the module that it needs; raises `PeerError`."""
        if needs not in PACKAGES:
            raise PeerError(f"{needs} is not installed")
        python = self._make(needs)
        scratch = scratch / f"peer-{needs}-{contender}".replace(os.sep, "-")
        scratch.mkdir(parents=True)
        command = [str(python), "-m", f"{__package__}._peer", entry, contender, str(scratch)]
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = self._processes.enter_context(
            subprocess.Popen(command, cwd=ROOT, env=variables, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True)
        )
        requests, replies = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        self._processes.callback(requests.close)  # which ends it
        return lambda: _ask(requests, replies)

    def _make(self, module: str) -> Path:
        """The Python of an environment, which is made, or made anew when its packages change."""
        folder, packages = FOLDER / module, (*_BASE, *PACKAGES[module])
        python, stamp = folder / "bin" / "python", folder / "packages.json"
        if not stamp.exists() or json.loads(stamp.read_text("utf-8")) != list(packages):
            self._progress(f"making the environment of {module}")
            try:
                subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True, text=True)
                command = [str(python), "-m", "pip", "install", "--quiet", *packages]
                subprocess.run(command, check=True, capture_output=True, text=True, timeout=1200)
            except (OSError, subprocess.SubprocessError) as error:
                said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
                raise PeerError(f"its environment could not be made: {said[-1]}") from error
            stamp.write_text(json.dumps(packages), "utf-8")
        return python


def _ask(requests: IO[str], replies: IO[str]) -> dict[str, float]:
    try:
        requests.write("measure\n")
        requests.flush()
        reply: dict[str, Any] = json.loads(replies.readline())
    except (OSError, ValueError) as error:
        raise PeerError("its process ended") from error
    if "error" in reply:
        raise PeerError(reply["error"])
    figures: dict[str, float] = reply["figures"]
    return figures

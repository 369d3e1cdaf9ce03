"""The first ten minutes of a user, from the wheel: `python -m tests.newcomer [JOB...]`, or `make newcomer`.

Builds the wheel, makes a fresh environment and installs the wheel with its extras; then runs the README's Python blocks
in order, the demo, and each job of `jobs.py` in a directory of its own. Takes some minutes and needs a package index;
everything is in a temporary directory that is removed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path

from tests.newcomer.jobs import JOBS
from tests.test_docs import blocks

ROOT = Path(__file__).parents[2]
JOBS_FILE = Path(__file__).with_name("jobs.py")
BESIDE = ("tensorboardX>=2.6.2",)  # which the README says to bring along
TIMEOUT = 300  # seconds of one job


def make_environment(folder: Path) -> Path:
    """A fresh environment with the wheel and all extras; returns its Python."""
    say("the wheel")
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)])
    (wheel,) = folder.glob("mediatypes_ml-*.whl")
    say("a fresh environment with mediatypes-ml[all]")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    run([str(python), "-m", "pip", "install", "--quiet", f"{wheel}[all]", *BESIDE])
    return python


def stages(python: Path, wanted: Sequence[str]) -> dict[str, list[str]]:
    """Commands by name: the README, the demo, the jobs."""
    readme = "\n".join(block.code for block in blocks("README.md", "python") if block.skip is None)
    found = {"readme": [str(python), "-c", readme], "demo": [str(python), "-m", "mediatypes", "demo"]}
    found |= {name: [str(python), str(JOBS_FILE), name] for name in JOBS}
    return {name: line for name, line in found.items() if not wanted or name in wanted}


def run(line: Sequence[str], folder: Path | None = None) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run(line, cwd=folder, env=environment, check=True, timeout=1800 if folder is None else TIMEOUT)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main(wanted: Sequence[str]) -> int:
    """Run everything, or the stages that are named; returns how many failed."""
    failed = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = make_environment(folder)
        for stage, line in stages(python, wanted).items():
            (place := folder / stage).mkdir()
            began = time.monotonic()
            try:
                run(line, place)
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
                failed.append(stage)
            say(f"{stage}: {'FAILED' if stage in failed else 'fine'}, {time.monotonic() - began:.1f} s")
    say(f"failed: {', '.join(failed)}" if failed else "All is well for a newcomer.")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Running Python code in processes of its own, as the crash tests and commands need."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
Start = Callable[..., "subprocess.Popen[str]"]


def left_by_a_killed_process(name: str) -> str:
    """The name of a file that a process was writing which is gone now."""
    code = f"from mediatypes._core.atomic import temporary_name; print(temporary_name({name!r}), end='')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start Python code with arguments in `sys.argv`; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def begin(code: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},
            cwd=tmp_path,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()

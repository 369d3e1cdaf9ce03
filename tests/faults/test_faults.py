"""Calls of the system that fail, some in each command that writes; `make faults` has all of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from . import shim

pytestmark = pytest.mark.skipif(bool(shim.missing()), reason=shim.missing() or "it can")


def test_what_the_system_refuses_costs_nothing_and_is_told(tmp_path: Path) -> None:
    environment = shim.environment(shim.build(tmp_path))
    command = [sys.executable, "-m", "tests.faults", "--most", "2", "--seed", "7"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines()[2:-1]]
    assert len(rows) == 18
    assert sum(int(row[2]) for row in rows) > 15  # so many of the 36 cases were refused something

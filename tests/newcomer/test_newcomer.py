"""The jobs of a first user, in the environment of the tests; `make newcomer` runs them in one made from the wheel."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.newcomer.__main__ import JOBS_FILE, ROOT
from tests.newcomer.jobs import JOBS

TIMEOUT = 60  # seconds


def test_there_are_twelve_jobs() -> None:
    assert len(JOBS) == 12
    assert all(job.__doc__ for job in JOBS.values())


@pytest.mark.parametrize("name", JOBS)
def test_a_job(name: str, tmp_path: Path) -> None:
    for package in ("duckdb", "pandas", "plotly", "polars", "rdkit"):  # which the process needs
        importlib.import_module(package)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    line = [sys.executable, "-W", "error::UserWarning", str(JOBS_FILE), name]
    done = subprocess.run(
        line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]

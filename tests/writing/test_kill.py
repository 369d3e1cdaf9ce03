"""Writers that are really killed; `make soak` does the same some hundred times."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from . import soak

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and fork are POSIX")


def test_a_run_whose_writers_are_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    done = soak.soak(tmp_path, kills=8, seed=7)
    assert done.total() == 8


def test_a_writer_may_die_at_any_call_of_the_system(tmp_path: Path) -> None:
    done = soak.every_moment(tmp_path, stride=31, first=3)
    assert done.total() >= 8

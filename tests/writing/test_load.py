"""A little of the load that `make soak` puts on runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import load

pytestmark = pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="looks at processes in /proc")


def test_many_bytes_are_listed_without_reading_them(tmp_path: Path) -> None:
    assert load.many_bytes(tmp_path, 10**10).startswith("10 GB of sidecars: listed and read in ")


def test_many_sidecars_are_read_and_packed(tmp_path: Path) -> None:
    assert load.many_sidecars(tmp_path, 300).startswith("300 sidecars: ")

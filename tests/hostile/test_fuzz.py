"""A few mutated files of every reader, the same each time, and the ones that once broke one. `make fuzz` runs more."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from mediatypes.viewer.drawings import plane
from tests.hostile import fuzz
from tests.hostile.targets import TARGETS

for _package in ("av", "pandas", "soundfile", "trimesh", "yaml"):
    pytest.importorskip(_package)

CASES = {"journal": 4, "run-folder": 4}  # of the rest, 8
SECONDS = 60  # of CPU, on any machine
pytestmark = pytest.mark.skipif(os.name == "nt", reason="there are no timers of CPU")
KNOWN = sorted(path for path in fuzz.CORPUS.glob("*/*") if path.is_dir())


@pytest.mark.parametrize("target", TARGETS)
def test_every_reader_refuses_or_reads(target: str) -> None:
    """Time is judged by `make fuzz`; here only what never ends fails."""
    valid = fuzz.warm(target)
    assert (valid[0].broken, valid[0].refused) == ("", False)
    outcomes = [fuzz.run(target, fuzz.case_of(target, number), SECONDS) for number in range(1, CASES.get(target, 8))]
    assert not [one.broken for one in (*valid, *outcomes) if one.broken]


@pytest.mark.parametrize("folder", KNOWN, ids=lambda path: f"{path.parent.name} {path.name}")
def test_what_once_broke_a_reader(folder: Path) -> None:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert not fuzz.run(folder.parent.name, files, SECONDS).broken


def test_cases_are_the_same_each_time() -> None:
    assert all(fuzz.case_of(target, 7) == fuzz.case_of(target, 7) for target in TARGETS)
    assert fuzz.case_of("audio", 7) != fuzz.case_of("audio", 8)


def test_the_rule_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(read: object) -> str:
        monkeypatch.setitem(TARGETS, "bad", TARGETS["boxes"]._replace(read=read))
        return fuzz.run("bad", {"a": b"one"}).broken

    assert broken(lambda source, dest: (dest / "a").write_bytes(b"two")) == ""
    assert broken(lambda source, dest: {}["x"]).startswith("raised KeyError")
    assert broken(lambda source, dest: (tmp_path / "a").write_bytes(b"")).startswith("did outside its folder: open ")
    assert broken(lambda source, dest: os.system("true")) == "did outside its folder: os.system"
    assert broken(lambda source, dest: (source / "a").write_bytes(b"two")) == "changed its source"
    assert broken(lambda source, dest: (source.parent / "b").mkdir()) == "left a file beside its folder"
    if fuzz._memory():
        assert re.fullmatch(r"needed (29|30)\d MB", broken(lambda source, dest: b"x" * 300_000_000))
    monkeypatch.setattr(fuzz, "HANG", 0.1)

    def endless(source: Path, dest: Path) -> None:
        while True:
            pass

    assert broken(endless) == "hung at the target itself"


@pytest.mark.parametrize("shape", [(1, 0), (0,), (2, 3, 0), ()])
def test_an_empty_tensor_is_drawn(shape: tuple[int, ...]) -> None:
    assert plane(np.zeros(shape))[0].startswith("data:image/png;base64,")


def test_a_tensor_of_the_largest_numbers_is_drawn() -> None:
    assert plane(np.array([[-1.7e308, 1.7e308]]))[0].startswith("data:image/png;base64,")

"""Every file of a run cut and changed at its bytes: fewer rows or an error of ours, never a wrong row.

Files are sampled: SAMPLES in the environment says at how many bytes; `make soak` takes many.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from tests.writing.crashes import NEVER, Nursery, call

SAMPLES = int(os.environ.get("SAMPLES", "7"))
MANY = SAMPLES > 100
CALLS = 7  # one of each sort
STATES = ["finished", "killed", "resumed", "finishing"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run in each state, by state; `finishing` died between history.parquet and run.json."""
    folder = tmp_path_factory.mktemp("runs")
    with mt.Run(folder / "finished", config={"seed": 1}, notes="x") as run:
        for n in range(CALLS):
            run.log(call(0, n))
        run.define_metric("train.*", summary="mean")
        run.summary["best"] = 1
    shutil.copytree(run.path, folder / "resumed")
    with Nursery() as nursery:
        nursery.kill_at(folder / "resumed", "leave", NEVER, starts=[CALLS])
        nursery.kill_at(folder / "killed", "leave", NEVER, starts=[0])
    shutil.copytree(folder / "killed", folder / "finishing")
    mt.recover(folder / "finishing")
    for name in ("run.json", "journal"):
        shutil.rmtree(folder / "finishing" / name, ignore_errors=True)
        (folder / "finishing" / name).unlink(missing_ok=True)
    shutil.copytree(folder / "killed", folder / "finishing", dirs_exist_ok=True)
    return {state: folder / state for state in STATES}


def positions(size: int) -> list[int]:
    """All bytes, or some and the last few."""
    step = max(size // SAMPLES, 1)
    return sorted({*range(step // 2, size, step), *range(max(size - min(SAMPLES, 8), 0), size)})


def files_of(root: Path) -> list[str]:
    sidecars = sorted(path.relative_to(root).as_posix() for path in root.glob("media/*/*"))
    chosen = sidecars if MANY else sidecars[:1]
    return [path.relative_to(root).as_posix() for path in sorted(root.glob("*.*")) if path.is_file()] + [
        *(f"journal/{path.name}" for path in sorted(root.glob("journal/*.log"))),
        *chosen,
    ]


def changed(data: bytes) -> Iterator[tuple[str, bytes]]:
    for at in positions(len(data)):
        yield f"cut at {at}", data[:at]
    for at in positions(len(data)):
        for bits in (1, 0xFF) if MANY else ((1, 0xFF)[at % 2],):
            yield f"byte {at} ^ {bits}", data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]


def read(root: Path) -> dict[int, Any]:
    """The rows of a run by step, after everything else was read as well."""
    view = mt.open_run(root)
    try:
        assert view.describe()["summary"] is not None
    except mt.MediaTypesError:
        pass
    rows: dict[int, Any] = {}
    for row in view.history().drop(["_timestamp", "_runtime"]).to_pylist():
        rows[row["_step"]] = {key: value for key, value in row.items() if value is not None}
    for step, image in view.values("img") if any("img" in row for row in rows.values()) else ():
        rows[step]["img"] = image
    return rows


@pytest.mark.parametrize("state", STATES)
def test_damage_costs_rows_or_is_refused(runs: dict[str, Path], tmp_path: Path, state: str) -> None:
    root = shutil.copytree(runs[state], tmp_path / "run")
    whole = read(root)
    assert len(whole) == CALLS * (2 if state == "resumed" else 1)
    refused = 0
    for name in files_of(root):
        data = (root / name).read_bytes()
        for what, content in changed(data):
            (root / name).write_bytes(content)
            try:
                found = read(root)
            except mt.MediaTypesError:
                refused += 1
                continue
            except Exception as error:
                error.add_note(f"{state}: {name} {what}")
                raise
            for step, row in found.items():  # of the calls that made a row one may be lost
                assert all(whole[step][key] == row[key] for key in row), (name, what)
            if not name.startswith("journal/"):
                assert len(found) == len(whole), (name, what)
        (root / name).write_bytes(data)
    assert refused > 10
    assert repr(read(root)) == repr(whole)


@pytest.mark.parametrize("state", STATES[1:])
def test_a_damaged_run_is_finished_as_it_is_read(runs: dict[str, Path], tmp_path: Path, state: str) -> None:
    root = tmp_path / "run"
    for name in [name for name in files_of(runs[state]) if not name.startswith("media/")]:
        data = (runs[state] / name).read_bytes()
        for what, content in list(changed(data))[:: 1 if MANY else 7]:
            shutil.copytree(runs[state], root)
            (root / name).write_bytes(content)
            try:
                before = read(root)
            except mt.MediaTypesError:
                before = None
            try:
                mt.recover(root)
            except mt.MediaTypesError:
                assert before is None or name == "summary.json", (name, what)
            else:
                assert before is not None, (name, what)
                assert repr(read(root)) == repr(before), (name, what)
            shutil.rmtree(root)

"""`mediatypes ls`, and how the other commands take a folder of runs."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.cli._terminal import InPlace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two runs of a grid, and one that has another name than its folder."""
    for rate in (0.1, 0.01):
        with mt.Run(tmp_path / "runs" / "grid" / f"lr-{rate}", config={"lr": rate}) as run:
            run.log({"loss": rate, "best": "yes", "val": {"acc": 0.5}})
            run.log({"loss": rate / 2, "steps": [1, 2]})
    with mt.Run(tmp_path / "runs" / "other", name="My experiment") as run:
        run.log({"a": 1})
    return tmp_path / "runs"


def test_every_run_is_a_line_with_status_age_and_last_values(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", str(root)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["run", "name", "status", "age", "step", "last", "values"]
    assert [line.split()[0] for line in lines] == ["grid/lr-0.01", "grid/lr-0.1", "other"]
    name, status, _, unit, *values = lines[1].split()
    assert (name, status, unit, *values) == (
        "grid/lr-0.1",
        "finished",
        "s",
        "1",
        "loss=0.05",
        "best=yes",
        "val.acc=0.5",
    )
    assert "My experiment finished" in lines[2]


def test_keys_are_chosen_by_patterns(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", str(root / "grid"), "--keys", "v*"]) == 0
    head, first, _ = capsys.readouterr().out.splitlines()
    assert "name" not in head.split()
    assert first.endswith(" 1    val.acc=0.5")


AGES = [(5, "5 s"), (150, "2 min"), (3 * 3600, "3 h"), (5 * 86400, "5 d"), (9e7, "2 y"), (1.7e9, ""), (-9e5, "")]


@pytest.mark.parametrize(("seconds", "age"), AGES)
def test_the_age_counts_from_the_start(
    seconds: float, age: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"a": 1})
    now = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: now)
    main(["ls", str(tmp_path)])
    assert f"finished {age} " in capsys.readouterr().out


def test_a_run_that_does_not_know_when_it_began_has_no_age(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"a": 1})
    path = run.path / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"started": 0.0}))
    main(["ls", str(tmp_path)])
    assert capsys.readouterr().out.splitlines()[1].split() == ["run", "finished", "0", "a=1"]


def test_a_copied_run_is_said_to_be_the_same(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(root / "other", root / "copy")
    main(["ls", str(root)])
    id = mt.open_run(root / "other").id
    assert capsys.readouterr().out.splitlines()[-1] == f"the same run (id {id}) 2 times: copy, other"


def test_show_names_the_folder_of_a_run_that_is_called_otherwise(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(root / "other")]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "  folder: other"
    assert main(["show", str(root / "grid" / "lr-0.1")]) == 0
    assert "folder:" not in capsys.readouterr().out


def test_a_place_without_runs_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}: no runs. Pass the directory that holds them.\n"
    assert main(["ls", str(tmp_path / "nothing")]) == 2
    assert "expected a directory of runs, got nothing of that name" in capsys.readouterr().err


def test_a_damaged_run_is_left_out_and_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "other" / "run.json").write_text("{")
    assert main(["ls", str(root)]) == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err.startswith("mediatypes: left out: ")


@pytest.mark.parametrize("place", ["{root}", "{root}/*"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show"], "lr-0.1: finished"),
        (["recover"], "lr-0.1: over already"),
        (["validate"], "lr-0.1: fine"),
        (["verify"], "3 runs verified"),
        (["pack"], "lr-0.1: 0 files"),
        (["unpack"], "lr-0.1: 0 files"),
        (["gc", "--dry-run"], "lr-0.1: would remove"),
        (["export", "--layout", "csv", "-o", "{out}"], "{out}/grid/lr-0.1: 2 rows"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_a_folder_and_a_pattern_mean_the_runs_below(
    arguments: list[str], said: str, place: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *options = [one.format(out=tmp_path / "out") for one in arguments]
    assert main([name, place.format(root=root), *options]) == 0
    assert said.format(out=tmp_path / "out") in capsys.readouterr().out


def test_one_run_is_exported_to_the_folder_itself(root: Path, tmp_path: Path) -> None:
    assert main(["export", str(root / "other"), "--layout", "jsonl", "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "history.jsonl").is_file()


def test_a_pattern_that_matches_nothing_is_an_error(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", f"{root}/x*"]) == 2
    assert "expected a pattern that directories match, got " in capsys.readouterr().err


def test_the_next_drawing_replaces_the_lines_of_the_last(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    screen = InPlace(sys.stdout)
    screen.draw(["a", "b"])
    screen.draw(["c"])
    screen.clear()
    screen.clear()
    screen.draw(["d"])
    screen.keep()
    erase, off, on = "\x1b[J", "\x1b[?7l", "\x1b[?7h"  # of what is below the cursor; wrapping
    drawn = [f"\r{erase}{off}a\nb{on}", f"\x1b[1F{erase}{off}c{on}", f"\r{erase}", f"\r{erase}{off}d{on}\n"]
    assert capsys.readouterr().out == "".join(drawn)


def test_keys_that_no_run_has_are_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", str(root), "--keys", "loss", "los", "zz*"]) == 0
    told = capsys.readouterr()
    assert "loss=0.05" in told.out
    assert told.err == "mediatypes: --keys los: no such key. Did you mean loss?\nmediatypes: --keys zz*: no such key\n"


def test_the_directory_may_stand_behind_the_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "runs" / "one", quiet=True, capture=False) as run:
        run.log({"loss": 0.5, "acc": 0.25})
    assert main(["ls", "--keys", "loss", str(tmp_path / "runs")]) == 0
    out = capsys.readouterr().out
    assert "loss=0.5" in out
    assert "acc" not in out

"""`mediatypes recover`: what it says of runs that were killed, are over, or are written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.cli import main
from tests.processes import Start


def test_it_says_what_was_recovered(killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recover", str(killed)]) == 0
    out = capsys.readouterr().out
    what = "recovered, crashed: 4 rows (steps 0 to 3), 10 keys, 7 media values ("
    assert out.startswith(f"{killed}: {what}")
    assert out.endswith(" kB).\n")
    assert mt.open_run(killed).history().num_rows == 4
    assert (killed / "history.parquet").exists()
    assert main(["recover", str(killed)]) == 0
    assert capsys.readouterr().out.startswith(f"{killed}: over already, crashed: 4 rows (steps 0 to 3), 10 keys, ")


def test_it_says_what_could_not_be_read_and_where_that_is_kept(
    killed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = killed / "journal" / "0001-0.log"
    data = bytearray(journal.read_bytes())
    data[data.index(b'"note"')] ^= 1
    journal.write_bytes(data + b"\x50\0\0\0\4torn")
    assert main(["recover", str(killed)]) == 0
    said, damaged, torn, kept = capsys.readouterr().out.splitlines()
    assert said.startswith(f"{killed}: recovered, crashed: 3 rows (steps 1 to 3), ")
    assert damaged.startswith("  could not be read: 0001-0.log@")
    assert "expected a sound frame, got " in damaged
    assert torn.endswith("expected whole frames, got 9 bytes of one more. Rows before it are whole.")
    assert kept == f"  damaged journal kept: {killed / 'damaged' / '0001-0.log'}"
    assert Path(kept.partition(": ")[2]).read_bytes() == data + b"\x50\0\0\0\4torn"


def test_problems_that_the_run_recorded_are_not_called_lost(tmp_path: Path, start: Any, capsys: Any) -> None:
    code = """
        import os, sys, mediatypes as mt
        run = mt.Run(sys.argv[1], on_error="record")
        run.log({"a": 1, "b": object()})
        os._exit(9)
    """
    start(code, tmp_path / "run").wait()
    assert main(["recover", str(tmp_path / "run")]) == 0
    said, problems = capsys.readouterr().out.splitlines()
    assert said == f"{tmp_path / 'run'}: recovered, crashed: 1 row (steps 0 to 0), 1 key, 0 media values."
    assert problems == "  1 problem recorded while it was written; mediatypes show lists them"


def test_a_run_that_is_written_is_refused_and_the_others_recovered(
    killed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = mt.Run(tmp_path / "live")
    run.log({"a": 1})
    assert main(["recover", str(run.path), str(tmp_path / "nothing"), str(killed)]) == 2
    out, err = capsys.readouterr()
    assert out.startswith(f"{killed}: recovered, crashed: 4 rows ")
    refused, missing = err.splitlines()
    assert refused.startswith(f"mediatypes: {run.path}: expected a run that nobody else writes, got this process")
    assert missing.startswith(f"mediatypes: {tmp_path / 'nothing'}: expected a run folder with run.json, got ")
    run.log({"a": 2})
    run.finish()
    assert mt.open_run(run.path).history().num_rows == 2


def test_force_is_for_a_process_on_another_host(killed: Path, monkeypatch: Any, capsys: Any) -> None:
    """Where the file system has no locks, nobody can tell whether that process lives."""
    monkeypatch.setattr("mediatypes.runfolder.lock._lock", lambda descriptor: None)
    run = json.loads((killed / "run.json").read_text())
    run["writer"]["host"] = "elsewhere"
    (killed / "run.json").write_text(json.dumps(run))
    lock = killed / "journal" / "lock"
    lock.write_text(json.dumps({**run["writer"], "since": 1.5}))
    assert main(["recover", str(killed)]) == 2
    assert "`mediatypes recover --force`" in capsys.readouterr().err
    assert main(["recover", str(killed), "--force"]) == 0
    assert capsys.readouterr().out.startswith(f"{killed}: recovered, crashed: 4 rows ")


def test_a_foreign_journal_is_refused_in_one_line(killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(killed / "run.json", killed / "journal" / "0002-4.log")
    assert main(["recover", str(killed)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "expected a journal of mediatypes" in err


def test_a_lost_run_json_is_made_again_of_the_footer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    was, summary = json.loads((folder / "run.json").read_text()), json.loads((folder / "summary.json").read_text())
    (folder / "run.json").unlink()
    (folder / "summary.json").unlink()
    with pytest.raises(mt.StoreError, match=f"It was lost: mediatypes recover {folder} makes it again"):
        mt.open_run(folder)
    assert main(["recover", str(folder)]) == 0
    what = "run.json was lost, and is made again of history.parquet; finished: 4 rows"
    assert capsys.readouterr().out.startswith(f"{folder}: {what}")
    now = json.loads((folder / "run.json").read_text())
    (problem,) = now.pop("problems")
    assert problem["code"] == "rebuilt"
    assert now == was
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert main(["verify", str(folder)]) == 0


def test_a_lost_summary_is_made_again_of_the_footer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").unlink()
    with pytest.raises(mt.StoreError, match=f"It was lost: mediatypes recover {folder} makes it again"):
        _ = mt.open_run(folder).summary
    assert main(["recover", str(folder)]) == 0
    what = "summary.json was lost, and is made again of history.parquet; finished: 4 rows"
    assert capsys.readouterr().out.startswith(f"{folder}: {what}")
    assert json.loads((folder / "summary.json").read_text()) == summary
    (problem,) = mt.open_run(folder).problems
    assert (problem.path, problem.code) == ("summary.json", "rebuilt")
    assert main(["verify", str(folder)]) == 0


def test_a_config_that_the_footer_had_no_room_for_is_said_to_be_lost(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", name="large", config={"prompt": "x" * 1_100_000}) as run:
        run.log({"loss": 0.5, "note": "y" * 1_100_000})
    (run.path / "run.json").unlink()
    (run.path / "summary.json").unlink()
    view = mt.recover(run.path)
    assert (view.name, view.config, view.status) == ("large", {}, "finished")
    assert view.history(["loss"]).column("loss").to_pylist() == [0.5]
    first, second = view.problems
    assert first.message.endswith("later edits are gone, and the config, which was too large for the footer")
    assert (second.path, second.message) == ("summary.json", "lost, and too large to be repeated in history.parquet")


def test_rows_of_a_journal_beside_a_lost_run_json_are_not_lost(tmp_path: Path, start: Start) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"a": 1})
    code = """
        import os, sys, mediatypes as mt
        mt.Run(sys.argv[1], mode="resume").log({"a": 2})
        os._exit(1)
    """
    start(code, tmp_path / "run").wait()
    (tmp_path / "run" / "run.json").unlink()
    assert list(mt.recover(tmp_path / "run").values("a")) == [(0, 1), (1, 2)]


def test_a_root_means_the_runs_below_it(folder: Path, killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recover", str(folder.parent)]) == 0
    over, recovered = sorted(capsys.readouterr().out.splitlines(), reverse=True)
    assert over.startswith(f"{folder}: over already, finished: ")
    assert recovered.startswith(f"{killed}: recovered, ")


def test_what_a_crash_left_of_a_journal_is_removed_from_a_run_that_is_over(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", quiet=True, capture=False) as run:
        run.log({"loss": 1.0})
        shutil.copytree(run.path / "journal", tmp_path / "journal")
    shutil.copytree(tmp_path / "journal", run.path / "journal")
    assert main(["recover", str(run.path)]) == 0
    assert not list((run.path / "journal").glob("*.log"))
    assert list(mt.open_run(run.path).values("loss")) == [(0, 1.0)]

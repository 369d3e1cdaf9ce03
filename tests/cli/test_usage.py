"""Wrong usage: arguments that would do nothing beside others are said, not ignored."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.cli._text import columns, cut, table_of
from tests.interop.tensorboard.event_files import scalar, write

IGNORED = {
    "view -o p.html": "view: error: -o: only with --page. Add --page, or leave -o out.",
    "view --page --port 80": "view: error: --port: not with --page. Leave --port out.",
    "view --page runs --host 0.0.0.0": "view: error: RUNS, --host: not with --page. Leave RUNS, --host out.",
    "view --page --no-browser": "view: error: --no-browser: not with --page. Leave --no-browser out.",
    "watch run --once --interval 2": "watch: error: --interval: not with --once. Leave --interval out.",
    "sync logs -o runs --idle 3": "sync: error: --idle: only with --follow. Add --follow, or leave --idle out.",
    "sync logs -o r --interval 3": (
        "sync: error: --interval: only with --follow. Add --follow, or leave --interval out."
    ),
}


@pytest.mark.parametrize("line", IGNORED)
def test_arguments_that_would_be_ignored_are_refused(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"mediatypes {IGNORED[line]}\n")


@pytest.mark.parametrize(
    ("line", "said"),
    {
        "shwo run": "mediatypes: error: .*Did you mean show\\?",
        "zzz": "mediatypes: error: .*'artifacts'\\)",
        "export run --layout cvs -o x": "mediatypes export: error: .*Did you mean csv\\?",
        "show run --konsole": "mediatypes show: error: unrecognized arguments: --konsole. Did you mean --console\\?",
        "artifacts gc runs --dry-runn": "mediatypes artifacts gc: error: .*--dry-runn. Did you mean --dry-run\\?",
        "verify run --deep": "mediatypes verify: error: unrecognized arguments: --deep$",  # --help is not close
        "show run --zzz": "mediatypes show: error: unrecognized arguments: --zzz",
    }.items(),
)
def test_a_word_that_is_nearly_right_is_told(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert re.fullmatch(said, capsys.readouterr().err.splitlines()[-1])


def test_an_output_that_takes_nothing_more_is_said(tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "mediatypes", "ls", str(tmp_path)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "mediatypes: output: expected to be written, got 'No space left on device'. "
        "Free some space, or write elsewhere.\n"
    )


def test_a_closed_output_is_no_failure(tmp_path: Path) -> None:
    script = (
        "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-m', 'mediatypes', 'ls', sys.argv[1]])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_letters_that_are_wide_or_none_are_lined_up() -> None:
    rows = [("日本", "1"), ("e\u0301te\u0301", "22"), ("abcdef", "3")]
    assert list(table_of(rows, (6, 3), left=1)) == ["日本    1", "e\u0301te\u0301    22", "abcdef  3"]
    assert [cut("日本語ラン", width) for width in (10, 9, 8, 3, 2, 0)] == [
        "日本語ラン",
        "日本語...",
        "日本...",
        "...",
        "..",
        "",
    ]
    assert cut("abcdef", 5) == "ab..."


def dvclive(root: Path) -> Path:
    (root / "plots/metrics").mkdir(parents=True)
    (root / "plots/metrics/loss.tsv").write_text("step\tloss\n0\t0.5\n")
    return root


@pytest.mark.parametrize("option", ["--purge", "--keep-events", "--step-metric=loss", "--nested=runs", "--jobs=2"])
def test_options_of_event_files_are_refused_for_others(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = dvclive(tmp_path / "dv")
    assert main(["import", str(source), "-o", str(tmp_path / "runs"), option]) == 2
    name = option.partition("=")[0]
    known = "event files of TensorBoard" + (" or runs of W&B" if name == "--jobs" else "")
    assert capsys.readouterr().err == (
        f"mediatypes: {name}: expected {known}, got runs of another tracker. Leave it out.\n"
    )
    assert not (tmp_path / "runs").exists()


def test_an_option_that_one_of_the_sources_knows_is_taken(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a", scalar("loss", 1, 1))
    source = dvclive(tmp_path / "dv")
    assert main(["import", str(source), str(tmp_path / "logs"), "-o", str(tmp_path / "runs"), "--keep-events"]) == 0
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"dv", "a"}


def test_what_cannot_be_followed_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, dest = dvclive(tmp_path / "dv"), tmp_path / "runs"
    assert main(["sync", str(source), "-o", str(dest), "--follow", "--idle", "0"]) == 2
    assert capsys.readouterr().err == (
        "mediatypes: --follow: expected logs of TensorBoard or W&B, got runs of another tracker. "
        f"Type: mediatypes import {source} -o {dest}\n"
    )


def test_a_run_without_a_console_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run", quiet=True) as run:
        run.log({"loss": 1})
    assert main(["show", "--console", str(run.path)]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"mediatypes: {run.path}: no console is recorded. ")


@pytest.mark.parametrize("command", ["copy", "compact"])
def test_a_folder_without_runs_is_said(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main([command, str(tmp_path / "empty"), str(tmp_path / "dest")]) == 0
    assert "no runs were found" in capsys.readouterr().err


def test_artifacts_of_no_directory_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("gc", "ls", "verify"):
        assert main(["artifacts", action, str(tmp_path / "typo")]) == 2
        assert "typo: expected a directory of runs, got nothing of that name." in capsys.readouterr().err
        assert main(["artifacts", action, str(tmp_path)]) == 0
    assert "no artifacts" in capsys.readouterr().out


@pytest.mark.parametrize("jobs", ["0", "-3", "x", "1.5", "\N{SUPERSCRIPT TWO}"])
@pytest.mark.parametrize("command", ["verify run", "import logs -o runs"])
def test_numbers_of_processes_are_whole_and_above_0(
    command: str, jobs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), "--jobs", jobs])
    assert f"--jobs: expected a whole number, at least 1, got {jobs}." in capsys.readouterr().err


def test_a_narrow_terminal_has_no_line_too_wide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with mt.Run(tmp_path / "run", quiet=True, config={"text": "x" * 200}, notes="日本語" * 50) as run:
        run.log({"a key with quite a long name": 1.5, "loss": 0.25})
    monkeypatch.setenv("COLUMNS", "40")
    for command in ("show", "ls"):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        assert main([command, str(tmp_path if command == "ls" else run.path)]) == 0
        lines = terminal.getvalue().splitlines()
        assert max(map(columns, lines[1:])) <= 40
        assert len(lines) > 1


def test_a_run_inside_a_run_is_exported_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "a/b", "a-b", "my run"):
        with mt.Run(name, quiet=True, capture=False) as run:
            run.log({"loss": 1.0})
    assert main(["export", "a", "a/b", "./a", "a-b", "my run", "--layout", "csv", "-o", "out"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["a", "a-b", "a-b-2", "my run"]
    assert {path.name for path in Path("out/a").iterdir()} >= {"history.csv"}
    assert not Path("out/a/b").exists()


@pytest.mark.parametrize("command", ["pack", "unpack", "gc", "watch", "verify"])
def test_a_url_is_no_folder_of_this_machine(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "s3://bucket/run"]) == 2
    assert f"{command}: expected a path of this machine, got 's3://bucket/run'" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["watch run --interval 1e300", "sync logs -o r --follow --idle soon"])
def test_seconds_that_nobody_can_wait_are_refused(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(line.split())
    assert "expected seconds, 0 or more, got " in capsys.readouterr().err


def test_a_compacted_dataset_is_told_from_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "runs" / "a", quiet=True, capture=False) as run:
        run.log({"loss": 1.0})
    mt.compact(tmp_path / "runs", tmp_path / "set")
    assert main(["verify", str(tmp_path / "set")]) == 2
    assert "got a dataset that mediatypes compact made. Pass the runs" in capsys.readouterr().err


@pytest.mark.parametrize(
    "query",
    ["select cast(run as int) from runs", "select 'x'::json from runs", "select union_value(a := 1) as u from runs"],
)
def test_a_query_that_fails_when_it_is_computed_is_one_line(
    query: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("duckdb")
    mt.Run(tmp_path / "runs" / "a", quiet=True, capture=False).finish()
    options = ["--format", "parquet", "-o", str(tmp_path / "answer")] if "union" in query else []
    assert main(["query", str(tmp_path / "runs"), query, *options]) == 2
    assert capsys.readouterr().err.startswith("mediatypes: sql: expected a query that can be answered, got ")
    assert not (tmp_path / "answer").exists()


def test_columns_of_one_name_are_all_in_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb")
    mt.Run(tmp_path / "runs" / "a", quiet=True, capture=False).finish()
    (tmp_path / "runs" / "b").mkdir()
    (tmp_path / "runs" / "b" / "run.json").write_text("{}")
    query = ["query", str(tmp_path / "runs"), "select run, upper(run) as run from runs", "--format", "json"]
    assert main(query) == 2  # one of the runs cannot be read
    out, err = capsys.readouterr()
    assert json.loads(out) == [{"run": "a", "run_2": "A"}]
    assert "left out: " in err


@pytest.mark.parametrize("name", ["run.json", "history.parquet"])
def test_a_file_of_a_run_is_told_from_a_document(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run", quiet=True, capture=False) as run:
        run.log({"loss": 1.0})
    assert main(["validate", str(run.path / name)]) == 2
    assert f"got a file. Pass the run's folder: {run.path}." in capsys.readouterr().err

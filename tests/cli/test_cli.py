"""The command line: exit codes, texts, and what `show` and `validate` say of good and damaged runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.cli import COMMANDS, main
from mediatypes.cli._text import duration
from tests.samples import photograph
from tests.writing.crashes import abandon

COMMAND_NAMES = [command.name for command in COMMANDS]


class Hologram:
    """A media value of another tracker, whose type is not registered here."""

    def __media__(self, sink: mt.Sink) -> dict[str, Any]:
        return {"_type": "acme_hologram", "_version": "1.0"}


def log_photographs(path: Path, **options: Any) -> mt.Run:
    """A run with two photographs among its scalars; not finished."""
    photo = photograph("astronaut")[:120, 100:260]
    boxes = mt.BoundingBoxes2D.from_xyxy([[10, 20, 90, 110]], domain="pixel", scores=[0.9])
    mask = mt.ImageMask(photo[..., 0] > 128, class_labels={1: "bright"})
    run = mt.Run(path, **options)
    run.log({"loss": 0.75, "epoch": 0, "note": "begins"})
    run.log({"loss": 0.5, "photo": mt.Image(photo, boxes={"pred": boxes}, masks={"pred": mask})})
    run.log({"loss": 0.25, "gallery": [mt.Image(photo), mt.Image(photo[::2])], "pixels": mt.Histogram(photo)})
    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished run."""
    log_photographs(tmp_path / "run").finish()
    return tmp_path / "run"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[mt.Run]:
    run = log_photographs(tmp_path / "live")
    yield run
    run.finish()


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A run whose process ended without finishing it."""
    code = (
        "import mediatypes as mt, os, sys\n"
        "run = mt.Run(sys.argv[1])\n"
        "for i in range(9): run.log({'n': i, 's': 'x'})\n"
        "os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "killed")], check=False)
    return tmp_path / "killed"


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    table = change(pq.read_table(path))
    pq.write_table(table, path)


def with_document(key: str, **changes: Any) -> Callable[[pa.Table], pa.Table]:
    """Change the documents of a column."""

    def change(table: pa.Table) -> pa.Table:
        cells = table.column(key).to_pylist()
        for cell in filter(None, cells):
            cell["_doc"] = json.dumps({**json.loads(cell["_doc"]), **changes})
        position = table.schema.get_field_index(key)
        return table.set_column(position, table.schema.field(position), pa.array(cells, table.schema.field(key).type))

    return change


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def sidecars(folder: Path) -> list[Path]:
    return sorted((folder / "media").rglob("*.*"))


def test_help_lists_every_command_with_an_example_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["--help"])
    out = capsys.readouterr().out
    assert exit.value.code == 0
    assert all(command.example in out and command.summary in out for command in COMMANDS)
    assert "exit codes:" in out
    assert "130" in out


@pytest.mark.parametrize("name", COMMAND_NAMES)
def test_help_of_a_command_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main([name, "--help"])
    assert exit.value.code == 0
    assert f"example:\n  mediatypes {name} " in capsys.readouterr().out


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"mediatypes {mt.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["show"], ["validate"], ["ls", "a", "b"]])
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    assert exit.value.code == 2
    assert "usage: mediatypes" in capsys.readouterr().err


def test_help_imports_no_third_party_module() -> None:
    code = (
        "import sys, runpy; sys.argv = ['mediatypes', '--help']\n"
        "try: runpy.run_module('mediatypes', run_name='__main__')\n"
        "except SystemExit: print(sorted({'numpy', 'pyarrow', 'PIL', 'pandas', 'skimage'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_error_of_ours_is_one_line_without_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mediatypes", "show", str(tmp_path / "nothing")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"mediatypes: {tmp_path / 'nothing'}: expected a run folder with run.json, got ")
    assert done.stderr.count("\n") == 1


def test_an_interrupt_exits_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(path: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mediatypes.view.open_run", interrupted)
    assert main(["show", "run"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(os.name != "posix", reason="a closed pipe raises another error on Windows")
def test_a_closed_pipe_is_quiet(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "mediatypes", "show", str(folder)]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_show_has_a_line_for_every_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("run: finished, 3 rows, steps 0 to 2, ")
    rows = {line.split()[0]: line.split() for line in lines[lines.index("") + 1 :]}
    assert rows["loss"] == ["loss", "number", "3", "0.25", "0.75", "0.25"]
    assert rows["epoch"] == ["epoch", "number", "1", "0", "0", "0"]
    assert rows["note"] == ["note", "string", "1", "begins"]
    assert rows["photo"][:6] == ["photo", "image", "1", "160", "x", "120"]
    assert rows["gallery"][:5] == ["gallery", "media_list", "1", "2", "items"]
    assert rows["pixels"] == ["pixels", "histogram", "1", "64", "bins"]


def test_show_adds_up_the_sidecars_of_an_image_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = mt.Image(photograph("coins"), masks={"m": mt.ImageMask(photograph("coins") > 100)})
    with mt.Run(tmp_path / "run") as run:
        run.log({"photo": photo})
        run.log({"photo": photo})
    main(["show", str(tmp_path / "run")])
    size = sum(file.stat().st_size for file in sidecars(tmp_path / "run"))
    assert len(sidecars(tmp_path / "run")) == 2
    assert capsys.readouterr().out.rstrip().endswith(f" {size / 1000:.4g} kB")


def test_show_aligns_numbers_at_the_right_within_100_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mt.Run(tmp_path / "run", notes="n" * 300) as run:
        for step in range(12):
            run.log({"a" * 200: step, "b": -1.23456789e-100, "text": "word " * 50, "flags": [True] * 3, "c": 2**62})
    assert main(["show", str(tmp_path / "run")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    head, *rows = lines[lines.index("") + 1 :]
    end = head.index("count") + len("count")
    assert [row[:end].rsplit(maxsplit=1)[-1] for row in rows] == ["12"] * 5
    assert "4.6117e+18" in lines[-1]


def test_show_ignores_nan_in_ranges_and_shows_infinity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run") as run:
        for value in (1.0, float("nan"), float("inf")):
            run.log({"x": value})
    main(["show", str(tmp_path / "run")])
    assert capsys.readouterr().out.splitlines()[-1].split() == ["x", "number", "3", "1", "inf", "inf"]


def test_show_writes_no_control_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run", config={"k": "\x1b[2J"}) as run:
        run.log({"a\nb\x1b[31m": "c\x07"})
    main(["show", str(tmp_path / "run")])
    out = capsys.readouterr().out
    assert not set(out) & {"\x1b", "\x07"}
    assert "a\\nb\\x1b[31m" in out


def test_show_survives_a_terminal_that_cannot_say_a_key(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"Größe 🙂": 1})
    command = [sys.executable, "-m", "mediatypes", "show", str(tmp_path / "run")]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "Gr\\xf6\\xdfe" in done.stdout


def test_show_reads_a_live_run(live: mt.Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(live.path)]) == 0
    assert capsys.readouterr().out.startswith("live: running, 3 rows, steps 0 to 2, ")


def test_show_reads_a_killed_run(killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(killed)]) == 0
    assert capsys.readouterr().out.startswith("killed: crashed, 9 rows, steps 0 to 8, ")


@pytest.mark.parametrize("status", ["finished", "running", "crashed"])
def test_show_says_how_long_a_run_took(
    tmp_path: Path, status: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From its start to its end or till now, not to its last row; that is all that is known of a killed one."""
    run = mt.Run(tmp_path / "run", capture=False)
    started = json.loads((run.path / "run.json").read_bytes())["started"]
    run.log({"loss": 1, "_timestamp": started + 754.6})
    later = started + 5 * 3600 + 125
    monkeypatch.setattr("time.time", lambda: later)
    if status == "finished":
        run.finish()
    elif status == "crashed":
        abandon(run)
        monkeypatch.setattr("mediatypes.runfolder.files.is_alive", lambda writer: False)
    later += 0 if status == "running" else 10**6
    main(["show", str(run.path)])
    took = "12 min 34 s" if status == "crashed" else "5 h 2 min"
    assert capsys.readouterr().out.splitlines()[0] == f"run: {status}, 1 row, steps 0 to 0, {took}"
    run.finish()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.0 s"), (0.26, "0.3 s"), (59.9, "59.9 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (200_000, "2 d 7 h")],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_place_elsewhere_is_named_before_it_is_asked(
    is_terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)
    place = "nowhere://bucket/runs"
    assert main(["copy", str(tmp_path), place]) == 2
    first = capsys.readouterr().err.splitlines()[0]
    assert (first == f"mediatypes: asking {place} ...") == is_terminal


def test_ranks_and_the_workers_that_they_started_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mt.Run(tmp_path / "run", quiet=True) as run:
        run.log({"loss": 1.0}, step=0)
        workers = [run.child(), run.child()]
        for step, worker in enumerate(workers, 1):
            worker.log({"loss": 1.0}, step=step)
        for worker in workers:
            worker.finish()
    main(["show", str(run.path)])
    assert ", 3 rows of 1 rank and 2 workers, steps 0 to 2, " in capsys.readouterr().out


def test_the_rank_of_a_row_is_no_key_of_the_users(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ranks = [mt.Run(tmp_path / "run", rank=rank) for rank in range(2)]
    for run in (*ranks, ranks[1]):
        run.log({"loss": 1})
    for run in reversed(ranks):
        run.finish()
    main(["show", str(tmp_path / "run")])
    shown = capsys.readouterr().out
    assert shown.startswith("run: finished, 3 rows of 2 ranks, steps 0 to 1, ")
    main(["ls", str(tmp_path)])
    assert "_rank" not in shown + capsys.readouterr().out
    view = mt.open_run(tmp_path / "run")
    assert view.keys() == {"loss": ("number",)}
    assert view.history(["_rank"]).column("_rank").to_pylist() == [0, 1, 1]


def test_show_says_that_a_run_is_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mt.Run(tmp_path / "run").finish()
    assert main(["show", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out.startswith("run: finished, no rows, ")


def test_show_lists_what_could_not_be_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run", on_error="record") as run:
        for _ in range(25):
            run.log({"loss": 1.0, "bad": object()})
    main(["show", str(tmp_path / "run")])
    out = capsys.readouterr().out
    assert "problems: 25\n" in out
    assert '- log["bad"]: expected a number, text, bool' in out
    assert out.endswith("- and 5 more\n")


def test_validate_accepts_a_document_and_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = mt.encode(mt.Histogram(photograph("camera")), mt.MemoryStore())
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    one.write_text(json.dumps(document))
    two.write_text(json.dumps([document, mt.encode(mt.Image(photograph("camera")), mt.MemoryStore())]))
    assert main(["validate", str(one), str(two)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{one}: fine, 1 document and 0 sidecars."
    assert lines[1] == f"{two}: fine, 2 documents and 0 sidecars."


def test_validate_prints_every_problem_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = mt.encode(mt.Image(photograph("camera")), mt.MemoryStore())
    path = tmp_path / "documents.json"
    path.write_text(json.dumps([document, {**document, "width": "wide", "sha256": "abc"}, {"_type": "unheard_of"}, 7]))
    assert main(["validate", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert f"{path}: [1].width: expected an integer >= 1, got 'wide'." in lines
    assert any(line.startswith(f"{path}: [1].sha256: expected text matching") for line in lines)
    assert any(
        line.startswith(f"{path}: [2]: _type: expected one of audio, ") and ", got 'unheard_of'." in line
        for line in lines
    )
    assert any(line.startswith(f"{path}: [3]._type: expected a document with a _type, got 7.") for line in lines)


@pytest.mark.parametrize("content", [b'{"_type": "image", ', b"\xff\xfe\x00", b"NaN", b"", b"[" * 5000])
def test_validate_calls_a_file_that_is_not_json_a_problem(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    assert main(["validate", str(path)]) == 1
    assert capsys.readouterr().out.startswith(f"{path}: expected JSON, got ")


def test_validate_refuses_a_document_of_a_newer_major_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.json"
    document = mt.encode(mt.Histogram([1.0, 2.0]), mt.MemoryStore())
    path.write_text(json.dumps({**document, "_version": "2.0"}))
    assert main(["validate", str(path)]) == 1
    assert "_version: expected a histogram document of major version 1, got '2.0'." in capsys.readouterr().out


def test_validate_goes_on_after_a_path_that_cannot_be_read(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["validate", str(tmp_path / "no.json"), str(tmp_path / "empty"), str(folder)]) == 2
    out, err = capsys.readouterr()
    assert out == f"{folder}: fine, 4 documents and 4 sidecars.\n"
    assert err.splitlines()[0].startswith(f"mediatypes: {tmp_path / 'no.json'}: expected to read the file, got ")
    assert err.splitlines()[1].startswith(
        f"mediatypes: {tmp_path / 'empty'}: expected a run folder with run.json, got "
    )


def test_validate_accepts_live_and_killed_runs(live: mt.Run, killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(live.path), str(killed)]) == 0
    assert ": fine, 4 documents and 4 sidecars." in capsys.readouterr().out


def test_validate_accepts_the_torn_end_of_a_killed_run(killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = killed / "journal" / "0001-0.log"
    journal.write_bytes(journal.read_bytes()[:-5])
    assert main(["validate", str(killed)]) == 0


def test_validate_finds_damage_inside_a_journal(killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = killed / "journal" / "0001-0.log"
    data = bytearray(journal.read_bytes())
    data[-80] ^= 1
    journal.write_bytes(data)
    assert main(["validate", str(killed)]) == 1
    out = capsys.readouterr().out
    assert "journal.0001-0.log@" in out
    assert "expected a sound frame, got " in out


def test_validate_says_once_that_a_journal_is_foreign(killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (killed / "journal" / "0001-0.log").write_bytes(b"something else entirely")
    assert main(["validate", str(killed)]) == 1
    out = capsys.readouterr().out
    assert "expected a journal of mediatypes" in out
    assert out.count("\n") == 1


def test_validate_names_types_that_it_could_not_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"hologram": Hologram()})
    assert main(["validate", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out.endswith("fine, 1 document and 0 sidecars; not checked: types acme_hologram.\n")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "2.0"}, "expected format 1, got '2.0'"),
        ({"format": 1}, "run.json: format: expected text matching [0-9]+\\.[0-9]+, got 1"),
        (
            {"status": "done"},
            "run.json: status: expected one of running, finished, failed, interrupted, crashed, got 'done'",
        ),
        ({"started": "today"}, "run.json: started: expected a finite number, got 'today'"),
        ({"config": [], "tags": "a"}, "run.json: tags: expected a list of text, got 'a'"),
    ],
)
def test_validate_checks_run_json(
    changes: dict[str, Any], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_json(folder / "run.json", **changes)
    assert main(["validate", str(folder)]) == 1
    out = capsys.readouterr().out
    assert message in out
    assert out.count("\n") == len(changes)


@pytest.mark.parametrize("name", ["run.json", "summary.json", "history.parquet", "media.parquet"])
def test_validate_finds_a_file_that_is_cut(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert main(["validate", str(folder)]) == 1
    assert f"{name}: expected " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["summary.json", "history.parquet", "media.parquet"])
def test_validate_finds_a_file_that_is_missing(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / name).unlink()
    assert main(["validate", str(folder)]) == 1
    assert f"{name}: expected to read the file, got " in capsys.readouterr().out


def test_validate_finds_every_missing_sidecar_and_says_where_it_belongs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = sidecars(folder)
    for path in missing:
        path.unlink()
    assert main(["validate", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(missing)
    for part in ("photo[step 1]", "photo[step 1].boxes.pred", "photo[step 1].masks.pred", "gallery[step 2][1]"):
        assert any(line.startswith(f"{folder}: {part}: expected the sidecar media/") for line in lines)


def test_validate_finds_a_sidecar_of_another_size(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sidecars(folder)[0]
    path.write_bytes(path.read_bytes()[:-1])
    assert main(["validate", str(folder)]) == 1
    assert f"{path.name}, got {path.stat().st_size}." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "photo[step 1].width: expected an integer >= 1, got 0."),
        ({"_version": "3.1"}, "photo[step 1]._version: expected an image document of major version 1, got '3.1'."),
        ({"path": "../../secret"}, "photo[step 1]: path: expected a relative path inside the store, got "),
    ],
)
def test_validate_checks_the_documents_of_the_history(
    changes: dict[str, Any], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(folder / "history.parquet", with_document("photo", **changes))
    assert main(["validate", str(folder)]) == 1
    assert f"{folder}: {message}" in capsys.readouterr().out


def test_validate_does_not_look_for_what_is_behind_a_url(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(folder / "history.parquet", with_document("photo", path="https://example.org/photo.png"))
    assert main(["validate", str(folder)]) == 0


def test_validate_finds_steps_out_of_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(folder / "history.parquet", lambda table: table.take(np.array([0, 2, 1])))
    assert main(["validate", str(folder)]) == 1
    assert "history.parquet._step: expected steps in order, got 1 after 2." in capsys.readouterr().out


def test_validate_checks_the_documents_of_the_summary(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = json.loads((folder / "summary.json").read_text())["photo"]
    edit_json(folder / "summary.json", photo={**photo, "height": -3})
    assert main(["validate", str(folder)]) == 1
    assert f"{folder}: summary.photo.height: expected an integer >= 1, got -3." in capsys.readouterr().out

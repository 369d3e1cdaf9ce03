"""`mediatypes verify`: what it reads, what it finds, and that no folder gets the better of it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes._core.references import references
from mediatypes.cli import main
from mediatypes.upkeep.verify import check, check_all


def verify(path: Path) -> list[tuple[str, str, str]]:
    """(code, where, message) of what is wrong."""
    report = check(path, deep=True)
    assert report.error == ""
    return [(problem.code, problem.path, problem.message) for problem in report.problems]


def sidecars(folder: Path) -> list[Path]:
    return sorted((folder / "media").rglob("*.*"))


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path)), path)


def replaced(name: str, change: Callable[[Any], Any]) -> Callable[[pa.Table], pa.Table]:
    """Change the cells of a column."""

    def changed(table: pa.Table) -> pa.Table:
        position = table.schema.get_field_index(name)
        field = table.schema.field(position)
        return table.set_column(
            position, field, pa.array([change(c) for c in table.column(name).to_pylist()], field.type)
        )

    return changed


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_run_with_everything_is_fine(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder)]) == 0
    size = sum(path.stat().st_size for path in sidecars(folder))
    counted = f"4 rows, 7 documents, {len(sidecars(folder))} sidecars of {size / 1000:.4g} kB"
    assert capsys.readouterr().out == f"1 run verified, nothing is wrong: {counted}.\n"


def test_every_byte_of_every_sidecar_counts(folder: Path) -> None:
    for path in sidecars(folder):
        data = path.read_bytes()
        path.write_bytes(bytes([*data[:-1], data[-1] ^ 1]))
        ((code, where, message),) = verify(folder)
        assert code == "hash"
        assert where
        other = hashlib.sha256(path.read_bytes()).hexdigest()
        assert message == f"expected other bytes in {path.relative_to(folder).as_posix()}, got some of SHA-256 {other}"
        path.write_bytes(data)
    assert verify(folder) == []


def test_sidecars_within_are_found_where_they_belong(folder: Path) -> None:
    shutil.rmtree(folder / "media")
    found = {where for code, where, _ in verify(folder) if code == "missing"}
    assert found == {
        "table[step 1].parts[0]",
        "table[step 1].parts[0].refs",
        "curve[step 1].table.parts[0]",
        "photo[step 2]",
        "photo[step 2].boxes.pred",
        "photo[step 2].masks.pred",
        "both[step 2][1]",
        "summary.thumb",
    }


def test_all_problems_stand_in_one_table(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(folder, tmp_path / "good")
    shutil.copytree(folder, tmp_path / "other")
    sidecars(folder)[0].unlink()
    edit_json(tmp_path / "other" / "summary.json", loss=3)
    assert main(["verify", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert lines[0].split() == ["run", "code", "where", "problem"]
    assert lines[1].split()[:2] == [str(tmp_path / "other"), "differs"]
    assert lines[2].split()[:2] == [str(folder), "missing"]
    assert lines[2].endswith("got no such file. Restore it from a copy of the run.")
    assert [line.index("  ") for line in lines[:1]]
    assert lines[-1].startswith("2 problems in 2 of 3 runs: 12 rows, ")


@pytest.mark.parametrize("executor", ["here", "threads", "processes"])
def test_many_runs_are_verified_by_any_executor(folder: Path, tmp_path: Path, executor: str, capsys: Any) -> None:
    paths = [tmp_path / name for name in "abcd"]
    for path in paths:
        shutil.copytree(folder, path)
    sidecars(paths[2])[0].unlink()
    if executor == "processes":
        assert main(["verify", *map(str, paths), "--jobs", "2"]) == 1
        assert capsys.readouterr().out.splitlines()[-1].startswith("1 problem in 1 of 4 runs: 16 rows, 28 documents, ")
        return
    with ThreadPoolExecutor(2) as threads:
        reports = list(check_all(paths, deep=True, executor=threads if executor == "threads" else None))
    assert [report.path for report in reports] == list(map(str, paths))
    assert [report.code for report in reports] == [0, 0, 1, 0]


def test_a_path_without_a_run_is_no_success(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["verify", str(folder), str(tmp_path / "empty"), str(tmp_path / "nothing")]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("1 run verified, nothing is wrong: ")
    empty, nothing = err.splitlines()
    assert empty.startswith(f"mediatypes: {tmp_path / 'empty'}: expected a run folder with run.json, got ")
    assert nothing.startswith(f"mediatypes: {tmp_path / 'nothing'}: expected to read the file, got ")


REBUILD = 'Write it again: mediatypes.Run(path, mode="resume").finish().'


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"note": "ends"}, ("summary.json.note", "expected 'begins', as the rows say, got 'ends'")),
        ({"more": 1}, ("summary.json.more", "expected no such key, as no row has it, got 1")),
        (
            {"loss": {"min": 0.5}},
            ("summary.json.loss", "expected {'min': 0.25, 'mean': 0.375}, as the rows say, got {'min': 0.5}"),
        ),
        ({"_step": 7}, ("summary.json._step", "expected 3, as the rows say, got 7")),
    ],
)
def test_the_summary_is_that_of_the_rows(folder: Path, changes: Any, expected: Any) -> None:
    edit_json(folder / "summary.json", **changes)
    assert verify(folder) == [("differs", *expected)]
    mt.Run(folder, mode="resume").finish()  # as the hint says
    assert verify(folder) == []


def test_a_key_that_the_summary_lacks_is_found(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    del summary["epoch"]
    (folder / "summary.json").write_text(json.dumps(summary))
    assert verify(folder) == [("differs", "summary.json.epoch", "expected 1, as the rows say, got no such key")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t: t.slice(1), ("media.parquet.table", "expected the 1 media that the rows hold, got 0")),
        (
            lambda t: pa.concat_tables([t, t.slice(3, 1)]),
            ("media.parquet.both", "expected the 2 media that the rows hold, got 3"),
        ),
        (
            replaced("width", lambda width: width and width + 1),
            ("media.parquet.photo", "expected the 1 media that the rows hold, got others"),
        ),
        (
            replaced("key", lambda key: "x" if key == "pixels" else key),
            ("media.parquet.key", "expected keys of media in the rows, got 1 row of others"),
        ),
        (lambda t: t.drop(["caption"]), ("media.parquet.caption", "expected a column of string, got no such column")),
    ],
)
def test_media_parquet_is_that_of_the_rows(folder: Path, change: Any, expected: Any) -> None:
    rewrite(folder / "media.parquet", change)
    assert expected in [(where, message) for _, where, message in verify(folder)]
    mt.Run(folder, mode="resume").finish()
    assert verify(folder) == []


def test_the_order_of_media_parquet_does_not_matter(folder: Path) -> None:
    rewrite(folder / "media.parquet", lambda table: table.take(list(range(table.num_rows))[::-1]))
    assert verify(folder) == []


def of_footer(**changes: Any) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        footer = {**json.loads(table.schema.metadata[b"mediatypes"]), **changes}
        return table.replace_schema_metadata({b"mediatypes": json.dumps(footer)})

    return change


@pytest.mark.parametrize(
    ("file", "changes", "expected"),
    [
        ("history", {"id": "x"}, ("differs", "history.parquet.id", "expected {id}, as run.json says, got 'x'")),
        (
            "history",
            {"calls": 3},
            ("rows", "history.parquet.calls", "expected an integer of at least 4, the number of rows, got 3"),
        ),
        ("media", {"id": "x"}, ("differs", "media.parquet.id", "expected {id}, as run.json says, got 'x'")),
    ],
)
def test_footers_agree(folder: Path, file: str, changes: Any, expected: Any) -> None:
    rewrite(folder / f"{file}.parquet", of_footer(**changes))
    code, where, message = expected
    assert verify(folder) == [(code, where, message.format(id=json.loads((folder / "run.json").read_text())["id"]))]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            replaced("_runtime", lambda value: value + 1),
            ("differs", "history.parquet._runtime", "expected _timestamp - "),
        ),
        (
            replaced("epoch", lambda value: value and value + 0.5),
            ("integer", "history.parquet.epoch", "expected whole numbers"),
        ),
        (
            replaced("options", lambda text: text and "{"),
            ("not-json", "history.parquet.options", "expected JSON, got '{'"),
        ),
        (
            replaced("photo", lambda cell: cell and {**cell, "size": 3}),
            ("differs", "photo[step 2]", "expected the members that its document has, got "),
        ),
        (
            replaced("photo", lambda cell: cell and {**cell, "_doc": None}),
            ("not-json", "photo[step 2]._doc", "expected a "),
        ),
        (
            replaced("photo", lambda cell: cell and {**cell, "_doc": "[1]"}),
            ("invalid", "photo[step 2]._type", "expected "),
        ),
    ],
)
def test_rows_agree_with_themselves(folder: Path, change: Any, expected: Any) -> None:
    rewrite(folder / "history.parquet", change)
    code, where, message = verify(folder)[0]
    assert (code, where, message[: len(expected[2])]) == expected


def test_a_row_has_one_value_of_a_key(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        for value in (0.5, "text", [1], 2.5):
            run.log({"loss": value, "other": value})
    assert verify(run.path) == []
    rewrite(run.path / "history.parquet", replaced("loss#string", lambda text: text or "more"))
    message = "expected a value in at most one column of the key, got values in 'loss', 'loss#string'"
    assert [found for found in verify(run.path) if found[0] == "kinds"] == [
        ("kinds", "history.parquet.loss[step 0]", message)
    ]


def other_numbers(text: str | None) -> str | None:
    """A document as another writer may write it: 0.0000001 for 1e-07."""
    return text and text.replace("1e-07", "0.00000010").replace("1e+16", "10000000000000000.0")


def test_numbers_are_compared_as_values(tmp_path: Path) -> None:
    numbers = [1e-7, 1e16, 0.5]
    with mt.Run(tmp_path / "run") as run:
        run.define_metric("loss", summary="min,last")
        histogram = mt.Histogram(np_histogram=([1, 2], [1e-7, 0.5, 1e16]))
        run.log({"loss": 1e-7, "big": 1e16, "json": {"a": numbers}, "h": histogram, "both": [histogram, histogram]})
        run.summary["set"] = {"a": numbers}
    for name in ("history", "media"):
        for column in pq.read_schema(run.path / f"{name}.parquet").names:
            rewrite(run.path / f"{name}.parquet", replaced(column, in_cells(other_numbers)))
    summary = other_numbers((run.path / "summary.json").read_text())
    assert summary
    assert "0.00000010" in summary
    (run.path / "summary.json").write_text(summary)
    texts = str(pq.read_table(run.path / "media.parquet").column("_doc").to_pylist())
    assert "1e-07" not in texts
    assert "0.00000010" in texts
    assert verify(run.path) == []
    rewrite(run.path / "media.parquet", replaced("_doc", lambda text: text and text.replace("0.00000010", "2e-07")))
    assert {where for _, where, _ in verify(run.path)} == {"media.parquet.h", "media.parquet.both"}


def in_cells(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Change every text, in cells and lists of them."""

    def changed(cell: Any) -> Any:
        if isinstance(cell, dict):
            return {name: changed(value) for name, value in cell.items()}
        return (
            [changed(item) for item in cell] if isinstance(cell, list) else change(cell) if type(cell) is str else cell
        )

    return changed


def of_columns(change: Callable[[Any], Any]) -> Callable[[pa.Table], pa.Table]:
    """Change what the footer says of the first column."""

    def changed(table: pa.Table) -> pa.Table:
        columns = json.loads(table.schema.metadata[b"mediatypes"])["columns"]
        return of_footer(columns=[change(columns[0]), *columns[1:]])(table)

    return changed


def abandon(run: mt.Run) -> None:
    """Close its files without finishing it."""
    run._writer.journal.close()
    run._lock_file.forget()
    run._closed = run._finished = True


def as_type(name: str, kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        position = table.schema.get_field_index(name)
        field = table.schema.field(position).with_type(kind).with_nullable(True)
        return table.set_column(position, field, pa.nulls(table.num_rows, kind))

    return change


@pytest.mark.parametrize(
    ("change", "where", "message"),
    [
        (as_type("_step", pa.utf8()), "_step", "expected int64 in every row, got string"),
        (as_type("_step", pa.int64()), "_step", "expected int64 in every row, got int64, which may be null"),
        (as_type("_timestamp", pa.int64()), "_timestamp", "expected double in every row, got int64"),
        (as_type("loss", pa.utf8()), "columns['loss']", "expected a column of double for the kind number, got string"),
        (as_type("note", pa.int64()), "columns['note']", "expected a column of string for the kind string, got int64"),
        (lambda t: t.drop(["_runtime"]), "_runtime", "expected double in every row, got 0 columns"),
        (lambda t: t.drop(["loss"]), "columns['loss']", "expected a column of double for the kind number, got no such"),
        (
            lambda t: t.append_column(t.schema.field("loss"), t.column("loss")),
            "columns",
            "expected columns of different names, got ",
        ),
        (of_columns(lambda one: {**one, "kind": "A b"}), "columns['loss']", "expected a kind, got 'A b'"),
        (of_columns(lambda one: {**one, "kind": "complex"}), "columns['loss']", "expected a column of struct<"),
        (of_columns(lambda one: {**one, "key": 5}), "columns[0].key", "expected text, got 5"),
        (of_columns(lambda one: {**one, "key": "\ud800"}), "columns[0].key", "expected text that UTF-8 can hold"),
        (of_columns(lambda one: "epoch"), "columns[0]", "expected an object, got 'epoch'"),
        (of_footer(columns={"epoch": 1}), "columns", "expected a list of an object, got {'epoch': 1}"),
        (of_footer(columns=None), "columns", "expected a list of an object, got None"),
    ],
)
@pytest.mark.parametrize("is_over", [True, False])
def test_columns_of_other_types_are_found(folder: Path, is_over: bool, change: Any, where: str, message: str) -> None:
    run = None if is_over else mt.Run(folder, mode="resume")
    if run:
        run.log({"loss": 1})
    rewrite(folder / "history.parquet", change)
    try:
        _, place, said = verify(folder)[0]
        assert (place, said[: len(message)]) == (f"{folder / 'history.parquet'}: {where}", message)
        for read in (lambda view: view.history(), lambda view: view.keys(), lambda view: list(view.values("loss"))):
            with pytest.raises(mt.DocumentError, match=re.escape(message)):
                read(mt.open_run(folder))
    finally:
        if run:
            abandon(run)


def test_text_that_is_not_utf8_is_found(folder: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        wrong = pa.array([b"\xff\xfe"] * table.num_rows).view(pa.utf8())
        return table.set_column(table.schema.get_field_index("note"), table.schema.field("note"), wrong)

    rewrite(folder / "history.parquet", change)
    assert any("Invalid UTF8" in message for _, _, message in verify(folder))


def test_a_live_run_is_verified_while_it_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.cli.conftest import log

    with log(mt.Run(tmp_path / "run")) as run:
        before = sorted(path for path in run.path.rglob("*"))
        assert main(["verify", str(run.path)]) == 0
        assert sorted(path for path in run.path.rglob("*")) == before
        sidecars(run.path)[0].unlink()
        assert [code for code, _, _ in verify(run.path)] == ["missing"]
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{run.path}: still written by this process"
    assert out[1].startswith("1 run verified, nothing is wrong: 4 rows, 7 documents, 9 sidecars of ")


def test_a_killed_run_is_fine_and_said_to_be_killed(killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = killed / "journal" / "0001-0.log"
    journal.write_bytes(journal.read_bytes() + b"\x50\0\0\0\4torn")
    assert main(["verify", str(killed)]) == 0
    torn, said, _ = capsys.readouterr().out.splitlines()
    assert torn.startswith(f"{killed}: journal.0001-0.log@")
    assert torn.endswith("expected whole frames, got 9 bytes of one more. Rows before it are whole.")
    what = "killed and not recovered yet: 4 rows and 7 documents can be read; finish it with mediatypes recover"
    assert said == f"{killed}: {what}"


def test_damage_inside_a_journal_is_a_problem_until_the_run_is_recovered(killed: Path, capsys: Any) -> None:
    journal = killed / "journal" / "0001-0.log"
    data = bytearray(journal.read_bytes())
    data[data.index(b'"note"')] ^= 1
    journal.write_bytes(data)
    ((code, where, message),) = verify(killed)
    assert (code, where[:19], message[:26]) == ("checksum", "journal.0001-0.log@", "expected a sound frame, go")
    mt.recover(killed)
    assert main(["verify", str(killed)]) == 0
    assert f"{killed}: journals that were damaged when it ended: 1 in damaged/" in capsys.readouterr().out


def test_resumed_and_edited_runs_are_fine(folder: Path) -> None:
    for value in (1.5, "text", 2**60, None, [1, 2], float("inf")):
        with mt.Run(folder, mode="resume") as run:
            run.log({"loss": value, "Epoch": 3})
        assert verify(folder) == []
    mt.open_run(folder).edit(notes="n", tags=["t"], summary={"verdict": "good", "note": "set"})
    assert verify(folder) == []
    mt.open_run(folder).edit(summary={"verdict": None, "note": None})
    assert verify(folder) == []


def test_a_picture_that_is_taken_out_of_the_summary_is_out_of_the_index(folder: Path) -> None:
    with mt.Run(folder, mode="resume") as run:
        for number, key in enumerate(("best", "worst", "kept")):
            run.summary[key] = mt.Image(np.full((2, 3), number, np.uint8))
    assert verify(folder) == []
    before = pq.read_table(folder / "media.parquet").to_pylist()
    mt.open_run(folder).edit(summary={"best": None, "worst": "a text", "new": 1})
    assert verify(folder) == []
    after = pq.read_table(folder / "media.parquet").to_pylist()
    gone = [row for row in before if row["key"] in ("best", "worst")]
    assert (len(gone), after) == (2, [row for row in before if row not in gone])


# What somebody hostile may put into a folder.


@pytest.mark.skipif(os.name != "posix", reason="making links takes rights there")
@pytest.mark.parametrize("name", ["run.json", "summary.json", "history.parquet", "media.parquet", "media"])
@pytest.mark.parametrize("command", ["validate", "verify"])
def test_nothing_is_read_through_a_link(folder: Path, tmp_path: Path, name: str, command: str, capsys: Any) -> None:
    (folder / name).rename(tmp_path / "outside")
    (folder / name).symlink_to(tmp_path / "outside")
    assert main([command, str(folder)]) == 1
    assert "expected a part of the run's folder, got a symbolic link. Copy it here." in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("name", ["summary.json", "history.parquet", "media.parquet", "sidecar", "journal/0001-0.log"])
def test_a_pipe_is_not_waited_for(folder: Path, killed: Path, name: str) -> None:
    root = killed if name.startswith("journal") else folder
    path = sidecars(folder)[0] if name == "sidecar" else root / name
    path.unlink()
    os.mkfifo(path)
    assert "not a regular file" in str(verify(root))


@pytest.mark.parametrize("name", ["summary.json", "history.parquet", "media.parquet"])
def test_a_directory_in_the_place_of_a_file_is_a_problem(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()
    assert verify(folder)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "", "a\0b", "media/" + "x" * 5000, "CON", "media"])
def test_a_sidecar_outside_is_not_opened(folder: Path, path: str) -> None:
    def change(cell: Any) -> Any:
        return cell and {**cell, "_doc": json.dumps({**json.loads(cell["_doc"]), "path": path})}

    rewrite(folder / "history.parquet", replaced("photo", change))
    assert any(where.startswith("photo[step 2]") for _, where, _ in verify(folder))


@pytest.mark.parametrize(
    "document",
    [
        {"_type": "acme", "a": {"path": "x", "sha256": 5, "size": "big", "media_type": None}},
        {"_type": "acme", "a": {"path": "media", "sha256": [], "size": 1e300, "media_type": {}}},
        {"_type": 5},
        {"_type": "image"},
        [],
        {"_type": "acme", "deep": json.loads("[" * 500 + "]" * 500)},
    ],
)
def test_no_document_of_a_foreign_type_ends_in_a_traceback(folder: Path, document: Any) -> None:
    rewrite(folder / "history.parquet", replaced("photo", lambda cell: cell and {**cell, "_doc": json.dumps(document)}))
    assert verify(folder)
    edit_json(folder / "summary.json", photo=document)
    assert verify(folder)


def test_problems_without_end_are_counted(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("mediatypes.upkeep.verify.report._KEPT", 3)
    shutil.rmtree(folder / "media")
    assert main(["verify", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[4].endswith("and 5 problems more")
    assert lines[-1].startswith("8 problems in 1 of 1 run: ")


def test_every_file_cut_anywhere_ends_in_a_verdict(folder: Path) -> None:
    for path in [folder / name for name in ("run.json", "summary.json", "history.parquet", "media.parquet")]:
        data = path.read_bytes()
        for end in range(0, len(data) - 1, max(len(data) // 12, 1)):  # JSON is whole without its last byte
            path.write_bytes(data[:end])
            assert check(folder, deep=True).problems
        path.write_bytes(data)


def test_flipped_bytes_end_in_a_verdict(folder: Path) -> None:
    for path in [folder / name for name in ("run.json", "summary.json", "history.parquet", "media.parquet")]:
        data = path.read_bytes()
        for at in range(3, len(data), max(len(data) // 25, 1)):
            path.write_bytes(data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :])
            check(folder, deep=True)
        path.write_bytes(data)


def test_references_are_found_however_deep_they_are() -> None:
    part = {"path": "p", "sha256": "s", "size": 1, "media_type": "m"}
    deep: Any = part
    for _ in range(100_000):
        deep = [deep]
    assert [found for _, found in references({"x": deep, "parts": [part, 3]})] == [part, part]

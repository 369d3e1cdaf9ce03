"""Damaged journals: fewer rows or a clear error, never wrong rows and never another library's exception."""

from __future__ import annotations

import json
import re
import shutil
import struct
from pathlib import Path
from typing import Any
from zlib import crc32

import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.journal import frames, reader
from mediatypes.upkeep.verify import check


def _small_run(path: Path) -> mt.Run:
    run = mt.Run(path, config={"lr": 0.1})
    for i in range(3):
        run.log({"i": i, "x": i / 2})
    run.log({"text": "höhe", "n": 5})
    run.config["lr"] = 0.2
    run.summary["best"] = 1
    run.log({"i": 9, "x": 9.0})
    run.log({"h": mt.Histogram([1, 2], num_bins=1)})
    run.log({"i": 10, "x": 10.0})
    return run


def _rows(path: Path) -> list[dict[str, Any]]:
    table = mt.open_run(path).history().drop_columns(["_runtime"])
    return [{name: cell for name, cell in row.items() if cell is not None} for row in table.to_pylist()]


@pytest.fixture
def copy(tmp_path: Path) -> tuple[Path, bytes, list[dict[str, Any]]]:
    """A live run whose journal can be overwritten: its folder, the journal's bytes, its rows."""
    run = _small_run(tmp_path / "run")
    shutil.copytree(run.path, tmp_path / "copy")
    rows = _rows(run.path)
    run.finish()
    return tmp_path / "copy", (tmp_path / "copy" / "journal" / "0001-0.log").read_bytes(), rows


def test_a_journal_cut_at_any_byte_shows_the_rows_before_the_cut(copy: Any) -> None:
    path, data, rows = copy
    lengths = set()
    for cut in range(len(data)):
        (path / "journal" / "0001-0.log").write_bytes(data[:cut])
        view = mt.open_run(path)
        found = _rows(path)
        assert found == rows[: len(found)]
        assert all(problem.code == "torn" for problem in view.problems)
        assert view.summary == {} or view.summary["_step"] == len(found) - 1
        assert view.config["lr"] in (0.1, 0.2)
        lengths.add(len(found))
    assert lengths == set(range(len(rows) + 1)) - {len(rows)}


def test_a_torn_tail_is_reported(copy: Any) -> None:
    path, data, rows = copy
    (path / "journal" / "0001-0.log").write_bytes(data[:-1])
    (problem,) = mt.open_run(path).problems
    assert problem.code == "torn"
    assert problem.path.startswith("0001-0.log@")
    assert _rows(path) == rows[:-1]


def test_a_flipped_byte_loses_rows_but_never_changes_one(copy: Any) -> None:
    path, data, rows = copy
    journal, whole = path / "journal" / "0001-0.log", {row["_step"]: row for row in rows}
    for at in range(len(data)):
        journal.write_bytes(data[:at] + bytes([data[at] ^ (1, 0xFF)[at % 2]]) + data[at + 1 :])
        if at < len(frames.MAGIC):
            with pytest.raises(mt.DocumentError, match=r"0001-0\.log: expected a journal"):
                _rows(path)
            continue
        found = _rows(path)
        assert mt.open_run(path).problems, at
        assert all(whole[row["_step"]] == row for row in found), at


def test_a_run_of_rows_with_one_damaged_loses_that_one(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    for i in range(1000):
        run.log({"i": i})
    journal = run.path / "journal" / "0001-0.log"
    data = bytearray(journal.read_bytes())
    data[-500 * 37 - 10] ^= 1
    journal.write_bytes(data)
    view = mt.open_run(run.path)
    values = [value for _, value in view.values("i")]
    assert len(values) == 999
    assert sorted(set(range(1000)) - set(values)) == [499]
    assert [problem.code for problem in view.problems] == ["checksum"]
    run.finish()
    assert [problem.code for problem in mt.open_run(run.path).problems] == ["checksum"]


def test_losing_a_layout_is_one_problem_not_one_for_every_row(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    for i in range(1000):
        run.log({"i": i})
    journal = run.path / "journal" / "0001-0.log"
    data = journal.read_bytes()
    at = data.index(b'[["i"')
    journal.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    assert _rows(run.path) == []
    assert 1 <= len(mt.open_run(run.path).problems) <= 3
    journal.write_bytes(data)
    run.finish()


@pytest.mark.parametrize("content", [b"PAR1", b"{}", b"\0" * 100, b"MTJRNL9\n" + b"\0" * 40])
def test_a_foreign_journal_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    run = mt.Run(tmp_path / "run")
    journal = run.path / "journal" / "0001-0.log"
    whole = journal.read_bytes()
    journal.write_bytes(content)
    for read in (mt.open_run(run.path).history, lambda: mt.open_run(run.path).summary, run.finish):
        with pytest.raises(mt.DocumentError, match=r"0001-0\.log: expected a journal of mediatypes"):
            read()
    journal.write_bytes(whole)
    run.finish()


def test_a_run_whose_journal_is_gone_is_not_an_empty_run(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"a": 1})
    (run.path / "journal" / "0001-0.log").rename(tmp_path / "0001.log")
    with pytest.raises(mt.StoreError, match="journal"):
        mt.open_run(run.path).history()
    with pytest.raises(mt.StoreError, match="journal"):
        run.finish()
    (tmp_path / "0001.log").rename(run.path / "journal" / "0001-0.log")
    run.finish()
    assert mt.open_run(run.path).history(["a"]).column("a").to_pylist() == [1]


def _row(layout: int, step: int, value: float) -> bytes:
    body = struct.pack("<IBIqdd", 37, frames.ROW, layout, step, 1.0, value)
    return body + struct.pack("<I", crc32(body))


def _layout(id: int, *pairs: Any) -> bytes:
    return frames.frame(frames.LAYOUT, struct.pack("<I", id) + json.dumps(pairs).encode())


def _call(step: int, cells: Any) -> bytes:
    return frames.frame(frames.CALL, struct.pack("<qd", step, 1.0) + json.dumps(cells).encode())


HOSTILE = {
    "number that is text": _call(0, [["a", "number", "x"]]),
    "number that is a list": _call(0, [["a", "number", [1]]]),
    "integer beyond 64 bits": _call(0, [["a", "integer", 2**70]]),
    "boolean that is text": _call(0, [["a", "boolean", "x"]]),
    "string that is a number": _call(0, [["a", "string", 5]]),
    "list that is a number": _call(0, [["a", "number_list", 5]]),
    "list of texts as numbers": _call(0, [["a", "number_list", ["x"]]]),
    "json that is none": _call(0, [["a", "json", "{"]]),
    "media that is text": _call(0, [["a", "histogram", "x"]]),
    "media list that is a document": _call(0, [["a", "media_list", {"_type": "histogram"}]]),
    "media list of numbers": _call(0, [["a", "media_list", [1]]]),
    "media without a type": _call(0, [["a", "image", {}]]),
    "cells that are none": _call(0, {"a": 1}),
    "problem that is a list": frames.json_frame(frames.PROBLEM, [1]),
    "config that is a number": frames.json_frame(frames.CONFIG, 5),
    "change of the config that is a number": frames.json_frame(frames.CONFIG_CHANGE, 5),
    "change of the config to bare values": frames.json_frame(frames.CONFIG_CHANGE, {"a": 5}),
    "change of the config to two values": frames.json_frame(frames.CONFIG_CHANGE, {"a": [5, 6], "b": [1]}),
    "summary that is a number": frames.json_frame(frames.SUMMARY, 5),
    "summary of bare values": frames.json_frame(frames.SUMMARY, {"a": 5}),
    "summary of short cells": frames.json_frame(frames.SUMMARY, {"a": ["number"]}),
    "summary with broken json": frames.json_frame(frames.SUMMARY, {"a": ["json", "{"]}),
    "header that is a list": frames.json_frame(frames.HEADER, [1]),
    "layout code": _layout(5, ["a", "Z"]),
    "layout without a code": _layout(5, ["a"]),
    "layout with a list for a code": _layout(5, ["a", []]),
    "rows of no layout": _row(77, 0, 1.0) * 3,
    "layout twice": _layout(5, ["a", "d"]) + _row(5, 0, 1.0) + _layout(5, ["b", "d"]) + _row(5, 1, 2.0),
    "layout twice of two sizes": _layout(5, ["a", "d"]) + _row(5, 0, 1.0) + _layout(5, ["a", "d"], ["b", "d"]),
    "key named twice": _call(0, [["a", "number", 1], ["a", "string", "x"]]),
    "layout that names a key twice": _layout(5, ["a", "d"], ["a", "q"]) + _row(5, 0, 1.0),
    "document of another type": _call(0, [["a", "image", {"_type": "video"}]]),
    "unknown kind": _call(0, [["a", "image_list", [{"_type": "image"}]]]),
    "media list that is empty": _call(0, [["a", "media_list", [5]]]),
    "lone surrogate": _call(0, [["a", "string", "\ud800"]]),
    "lone surrogate in a key": _call(0, [["\udfff", "number", 1]]),
    "lone surrogate in json": _call(0, [["a", "json", '["\\ud800"]']]),
    "lone surrogate in a config": frames.frame(frames.CONFIG, b'{"a": "\\uD83d"}'),
    "second header": frames.json_frame(frames.HEADER, {"format": "1.0"}),
    "steps backwards": _call(7, [["a", "number", 1]]) + _call(3, [["a", "number", 2]]),
    "negative step": _call(-4, [["a", "number", 1]]),
    "unknown kind of frame": frames.json_frame(200, {}),
    "not UTF-8": frames.frame(frames.CALL, struct.pack("<qd", 0, 1.0) + b'[["a","string","\xff"]]'),
    "config that is a list of pairs": frames.json_frame(frames.CONFIG, [["a", 5]]),
    "problem of numbers": frames.json_frame(frames.PROBLEM, {"path": 1, "message": 2}),
    "config deeper than any": frames.frame(frames.CONFIG, b'{"a":' + b"[" * 64 + b"]" * 64 + b"}"),
    "change deeper than any": frames.frame(frames.CONFIG_CHANGE, b'{"a":[' + b"[" * 64 + b"]" * 64 + b"]}"),
    "summary deeper than any": frames.json_frame(frames.SUMMARY, {"a": ["json", "[" * 65 + "]" * 65]}),
    "json deeper than any": _call(0, [["a", "json", "[" * 65 + "]" * 65]]),
    "metric deeper than any": frames.frame(frames.METRIC, b'{"name":"a","b":' + b"[" * 64 + b"]" * 64 + b"}"),
    "deep JSON": frames.frame(frames.CONFIG, b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
}


@pytest.mark.parametrize("frame", HOSTILE.values(), ids=HOSTILE)
def test_a_sound_frame_that_lies_harms_nothing_else(tmp_path: Path, frame: bytes) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"good": 1})
    journal = run.path / "journal" / "0001-0.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole + frame)
    view = mt.open_run(run.path)
    assert view.history().column("good").to_pylist()[0] == 1
    assert isinstance(view.summary, dict)
    assert view.config == {}
    run.finish()
    view = mt.open_run(run.path)
    assert view.history().column("good").to_pylist()[0] == 1
    assert (view.config, view.summary["good"]) == ({}, 1)


def test_what_is_skipped_is_reported_and_what_is_unknown_is_not(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"good": 1})
    journal = run.path / "journal" / "0001-0.log"
    whole = journal.read_bytes()
    silent = ("unknown kind of frame", "no JSON in a frame of an unknown kind")
    quiet = {**HOSTILE, silent[1]: frames.frame(201, b"\xff{")}
    for name, frame in quiet.items():
        journal.write_bytes(whole + frame + _call(9, [["good", "number", 2]]))
        view = mt.open_run(run.path)
        assert [value for _, value in view.values("good")] == [1, 2], name
        assert bool(view.problems) == (name not in silent), name
        for problem in view.problems:  # no words of Python
            assert not re.search("codec|dictionary|unpack|subscript|line 1 column", problem.message), name
    journal.write_bytes(whole)
    run.finish()


def test_a_hidden_file_is_no_journal(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"good": 1})
    folder = run.path / "journal"
    data = (folder / "0001-0.log").read_bytes()
    other = tmp_path / "other"
    (other / "journal").mkdir(parents=True)
    (other / "run.json").write_bytes((run.path / "run.json").read_bytes())
    (other / "journal" / ".0001-0.log").write_bytes(data)
    with pytest.raises(mt.StoreError, match="expected a journal of the run, got no file"):
        mt.open_run(other).history()
    run.finish()
    with pytest.raises(mt.StoreError):
        mt.recover(other, force=True)
    assert (other / "journal" / ".0001-0.log").read_bytes() == data


def test_steps_fall_between_journals(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"a": 1}, step=5)
    folder = run.path / "journal"
    later = frames.MAGIC + _call(3, [["a", "number", 2]]) + _call(6, [["a", "number", 3]])
    (folder / "0002-1.log").write_bytes(later)
    view = mt.open_run(run.path)
    assert list(view.values("a")) == [(5, 1), (6, 3)]
    assert [(problem.code, problem.path) for problem in view.problems] == [("order", "0002-1.log")]
    (folder / "0002-1.log").unlink()
    run.finish()


@pytest.mark.parametrize(
    ("calls", "kinds", "rows"),
    [
        ([[]], {"e": ("json",)}, [[]]),
        ([[], [1.5]], {"e": ("number_list",)}, [[], [1.5]]),
        ([[], ["a"], [2]], {"e": ("number_list", "string_list")}, [[], ["a"], [2]]),
        ([["a"], []], {"e": ("string_list",)}, [["a"], []]),
        ([[], [True]], {"e": ("json",)}, [[], [True]]),
        ([[], 3], {"e": ("number", "json")}, [[], 3]),
        ([[], mt.Histogram([1])], {"e": ("json", "histogram")}, [[], mt.Histogram([1])]),
        ([[], [mt.Histogram([1])]], {"e": ("media_list",)}, [[], [mt.Histogram([1])]]),
    ],
)
@pytest.mark.parametrize("sessions", [1, 9])
def test_an_empty_list_has_the_kind_of_the_other_lists_of_its_key(
    tmp_path: Path, sessions: int, calls: list[Any], kinds: dict[str, Any], rows: list[Any]
) -> None:
    run = mt.Run(tmp_path / "run")
    for value in calls:
        run.log({"e": value})
        if sessions > 1:
            run.finish()
            run = mt.Run(tmp_path / "run", mode="resume")
    for _ in ("live", "over"):
        view = mt.open_run(run.path)
        assert view.keys() == kinds
        assert [value for _, value in view.values("e")] == rows
        assert view.history().column_names[3:] == ["e", *(f"e#{kind}" for kind in kinds["e"][1:])]
        run.finish()


def test_a_last_value_too_large_for_a_footer_is_left_out_of_it(tmp_path: Path) -> None:
    text = "x" * 2_000_000
    with mt.Run(tmp_path / "run", config={"large": text}) as run:
        run.log({"k": text, "n": 1})
    footer = json.loads(pq.read_metadata(run.path / "history.parquet").metadata[b"mediatypes"])
    assert footer.keys() >= {"format", "id", "calls", "columns", "status"}
    assert not footer.keys() & {"summary", "config"}
    view = mt.open_run(run.path)
    assert (view.summary["k"], view.config["large"]) == (text, text)
    assert check(run.path, deep=True).problems == ()


def test_a_claimed_size_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_PIECE", 100)
    run = mt.Run(tmp_path / "run")
    run.log({"a": 1})
    with open(run.path / "journal" / "0001-0.log", "ab") as file:
        file.write(struct.pack("<IB", 2**31, frames.CALL) + b"x" * 50)
    assert _rows(run.path)[0]["a"] == 1
    assert [problem.code for problem in mt.open_run(run.path).problems] == ["frame"]
    run.finish()


@pytest.mark.parametrize("piece", [1, 8 * 1024 * 1024])
def test_columns_come_in_the_order_of_the_call_that_was_first(
    tmp_path: Path, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_PIECE", piece)
    with mt.Run(tmp_path / "run") as run:
        run.log({"words": ["x"], "A": 0, "a": 1.0})
        run.log({"a": 0.5})  # packed, and so read before the call above
        names = ["_step", "_timestamp", "_runtime", "words", "A", "a#2"]
        assert mt.open_run(run.path).history().column_names == names
    assert mt.open_run(run.path).history().column_names == names

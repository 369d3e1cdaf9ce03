from __future__ import annotations

import hashlib
import json
import pickle
import sys
from collections import namedtuple
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from threading import Thread
from typing import Any
from uuid import UUID

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mediatypes as mt
from mediatypes import InputError, Table
from mediatypes._core import canonical
from mediatypes._core.sidecar import Blob
from mediatypes.testing import ValueContract
from mediatypes.types.table.storage import document_texts
from tests.columns import test_values as values
from tests.samples import FakeTensor, decoded, encode, photograph
from tests.strategies import texts

NAN, INF = float("nan"), float("inf")
NOW = datetime(2026, 11, 21, 12, 0, 1, 250)


def picture(shift: int = 0) -> mt.Image:
    crop = photograph("coffee")[100 + shift : 116 + shift, 250:270]
    return mt.Image(crop, caption=f"Löffel {shift}", masks={"dark": mt.ImageMask(crop[:, :, 0] < 99)})


def every_kind() -> Table:
    columns = ["int", "float", "bool", "text", "none", "naive", "aware", "day", "money", "json", "picture", "counts"]
    berlin = timezone(timedelta(hours=1))
    rows: list[Any] = [
        [
            2**63 - 1,
            NAN,
            True,
            "Löffel",
            None,
            NOW,
            NOW.replace(tzinfo=berlin),
            NOW.date(),
            Decimal("1.10"),
            [1, [NAN]],
        ],
        [-(2**63), -INF, None, "", None, None, None, None, Decimal("NaN"), {"a": {"b": [None, "x"]}}],
        [None] * 10,
    ]
    media = [[picture(), mt.Histogram([1, 2, 2])], [picture(), None], [None, mt.Histogram([])]]
    return Table(columns, [[*row, *cells] for row, cells in zip(rows, media, strict=True)])


def nested() -> Table:
    return Table(["inner", "sound"], [[Table(["img"], [[picture(1)]]), mt.Audio(np.zeros(80), sample_rate=8000)]])


def more_kinds() -> Table:
    """Kinds that are lists of one thing, durations, bytes, and lists of media."""
    columns = ["ints", "floats", "bools", "texts", "nothing", "took", "raw", "pictures", "several"]
    rows: list[list[Any]] = [
        [[1, None, -(2**63)], [NAN, -INF, None, 1], [True], ["ö", ""], [], timedelta(-2, 1), b"\0\xff"],
        [[], [], [None], None, [None], timedelta(microseconds=1), b""],
        [None] * 7,
    ]
    media = [[[picture(), None, picture(1)], [picture(), mt.Histogram([1])]], [[], [None]], [None, None]]
    return Table(columns, [row + cells for row, cells in zip(rows, media, strict=True)])


Point = namedtuple("Point", "x y")


def mixed_cells() -> list[Any]:
    return [
        *(1, "x", None, True, 0.5, [1, {"a": -INF}], 2**60, [], {"a": 1}),
        *(NOW, NOW.replace(tzinfo=UTC), NOW.date(), timedelta(1), Decimal("1.10"), b"\xff", [0.5, 1], "2020-01-01"),
        *(picture(), [picture(), mt.Histogram([])], mt.Histogram([2]), [None, picture()]),
    ]


def mixed_media() -> Table:
    return Table(["any"], [[cell] for cell in mixed_cells()], allow_mixed_types=True)


def of_format(table: Table, format: Any) -> Table:
    return Table(table.columns, list(table), format=format, allow_mixed_types="mixed" in table.kinds)


class TestTableContract(ValueContract):
    frozen = False
    packages = frozenset({"mediatypes", "numpy", "PIL", "pyarrow"})

    def examples(self) -> dict[str, Table]:
        return {
            "every kind": every_kind(),
            "nested": nested(),
            "numbers": Table(["a"], [[1], [2.5]]),
            "mixed": Table(["a"], [[1], ["x"], [[2, None]]], allow_mixed_types=True),
            "more kinds": more_kinds(),
            "mixed media": mixed_media(),
            "json": of_format(every_kind(), "json"),
            "json of more": of_format(more_kinds(), "json"),
            "json mixed": of_format(mixed_media(), "json"),
            "json of two parts": Table(["i"], [[i] for i in range(8193)], format="json"),
            "json without rows": Table(format="json"),
            "no rows": Table(),
            "no columns": Table([]),
            "two parts": Table(["i"], [[i] for i in range(8193)]),
            "sample": Table(["i"], [[i] for i in range(9)], max_rows=3, sample="random"),
        }

    def bad_documents(self) -> dict[str, tuple[dict[str, Any], str]]:
        return {
            "parts": ({"parts": []}, "parts: expected 1 parts for 3 rows, got 0. Restore it."),
            "columns": (
                {"num_columns": 3},
                "num_columns: expected as many as columns, 12, got 3. Restore the document.",
            ),
        }


@pytest.mark.parametrize("names", [("b", "a"), {"b": 0, "a": 0}.keys(), np.array(["b", "a"]), pd.Index(["b", "a"])])
def test_names_are_texts_in_their_order(names: Any) -> None:
    table = Table(names, [[1, 2]])
    assert [(type(name), name) for name in table.columns] == [(str, "b"), (str, "a")]


def test_default_columns_are_those_of_the_wandb_docs() -> None:
    assert Table().columns == ["Input", "Output", "Expected"]


def test_cells_come_back_as_they_were() -> None:
    table = every_kind()
    made = list(decoded(table))
    berlin = NOW.replace(tzinfo=timezone(timedelta(hours=1)))
    assert made[0][0] == 2**63 - 1
    assert np.isnan(made[0][1])
    assert made[0][2:9] == [True, "Löffel", None, NOW, berlin.astimezone(UTC), NOW.date(), Decimal("1.10")]
    assert made[0][10:] == [picture(), mt.Histogram([1, 2, 2])]
    assert made[1][1:8] == [-INF, None, "", None, None, None, None]
    assert made[1][8].is_nan()
    assert made[1][9] == {"a": {"b": [None, "x"]}}
    assert made[2] == [None] * 11 + [mt.Histogram([])]


KINDS: dict[str, tuple[list[Any], str, list[Any]]] = {
    "ints": ([1, np.int32(2), None], "number", [1, 2, None]),
    "ints beyond doubles": ([1, 2**53 + 1], "integer", [1, 2**53 + 1]),
    "lists of ints beyond doubles": ([[1, 2**53 + 1]], "integer_list", [[1, 2**53 + 1]]),
    "ints and floats": ([1, 2.5], "number", [1.0, 2.5]),
    "float32": ([np.float32(0.5), np.float64(1)], "number", [0.5, 1.0]),
    "bools": ([True, np.False_], "boolean", [True, False]),
    "texts": (["a", np.str_("b")], "string", ["a", "b"]),
    "datetime64": (
        [np.datetime64("2020-01-01T00:00:01"), np.datetime64("NaT", "s")],
        "datetime",
        [datetime(2020, 1, 1, 0, 0, 1), None],
    ),
    "pandas times": ([pd.Timestamp("2020-01-01"), pd.NaT, pd.NA], "datetime", [datetime(2020, 1, 1), None, None]),
    "days": ([date(2020, 1, 2)], "date", [date(2020, 1, 2)]),
    "short arrays": ([np.arange(2), (1, 2)], "number_list", [[0, 1], [1, 2]]),
    "lists of floats": ([[0.5, None], [1, 2], [], None], "number_list", [[0.5, None], [1.0, 2.0], [], None]),
    "float32 arrays": ([np.array([0.5, 1], np.float32), [np.float32(2)]], "number_list", [[0.5, 1.0], [2.0]]),
    "lists of bools": ([[True], [np.False_]], "boolean_list", [[True], [False]]),
    "lists of texts": ([["a", None], []], "string_list", [["a", None], []]),
    "empty lists": ([[], [None], None], "null_list", [[], [None], None]),
    "lists of several things": ([[1], ["a"], [[2**60, 0.5]]], "json", [[1], ["a"], [[2**60, 0.5]]]),
    "lists of large integers": ([[-(2**63)], [2**64]], "json", [[-(2**63)], [2**64]]),
    "lists of dicts": ([[{"a": 1}], []], "json", [[{"a": 1}], []]),
    "durations": (
        [
            timedelta(days=-1, microseconds=1),
            np.timedelta64(2, "s"),
            pd.Timedelta("1h"),
            np.timedelta64("NaT", "s"),
            pd.NaT,
        ],
        "duration",
        [timedelta(days=-1, microseconds=1), timedelta(seconds=2), timedelta(hours=1), None, None],
    ),
    "bytes": ([b"\x00\xff", bytearray(b"x"), b"", None], "binary", [b"\x00\xff", b"x", b"", None]),
    "dicts": ([{"a": np.float32(0.5)}, {}], "json", [{"a": 0.5}, {}]),
    "paths": ([PurePosixPath("a/b"), "c", None], "string", ["a/b", "c", None]),
    "enums": ([Enum("E", {"A": "x"}).A, IntEnum("I", {"B": 2}).B.name], "string", ["x", "B"]),
    "uuids, times, fractions": (
        [UUID(int=1), time(1, 2), Fraction(1, 3)],
        "string",
        ["00000000-0000-0000-0000-000000000001", "01:02:00", "1/3"],
    ),
    "dataclasses": (
        [Point(1, 0.5), {"x": 2, "y": date(2020, 1, 2)}],
        "json",
        [{"x": 1, "y": 0.5}, {"x": 2, "y": "2020-01-02"}],
    ),
    "sets and ranges": ([{3, 1}, range(2), frozenset()], "number_list", [[1, 3], [0, 1], []]),
    "dates in a list": ([[date(2020, 1, 2), None]], "string_list", [["2020-01-02", None]]),
    "scalars of Arrow": ([pa.scalar(NOW), NOW, pa.scalar(None)], "datetime", [NOW, NOW, None]),
    "keys that are no text": ([{1: "a", False: "b"}], "json", [{"1": "a", "false": "b"}]),
    "arrays of one element": ([np.array([0.5]), np.array([[1.5]]), 2.5], "number", [0.5, 1.5, 2.5]),
    "times in arrays of one element": ([np.array([NOW], "datetime64[us]"), NOW], "datetime", [NOW, NOW]),
    "an array of one element among lists": ([np.array([1, 2]), np.array([3])], "number_list", [[1, 2], [3]]),
    "masked": ([np.ma.masked, np.ma.array([[1]], mask=[[True]]), 1], "number", [None, None, 1]),
    "masked lists": (
        [np.ma.array([1, -9999], mask=[False, True]), np.ma.array([7, 8])],
        "number_list",
        [[1, None], [7, 8]],
    ),
    "only None": ([None, None], "null", [None, None]),
}


@pytest.mark.parametrize(("values", "kind", "kept"), KINDS.values(), ids=KINDS)
def test_the_kind_of_a_column_follows_its_values(values: list[Any], kind: str, kept: list[Any]) -> None:
    table = Table(["a"], [[value] for value in values])
    assert table.kinds == [kind]
    assert table.get_column("a") == kept
    assert [type(value) for value in table.get_column("a")] == [type(value) for value in kept]
    assert decoded(table).get_column("a") == kept


@pytest.mark.parametrize(
    ("cell", "tag"),
    [
        (np.zeros((2, 2)), "tensor"),
        (np.zeros(257), "tensor"),
        (pd.DataFrame({"a": [1]}), "table"),
        (mt.Html("<p>x</p>"), "html"),
    ],
)
def test_bare_objects_of_other_packages_become_values(cell: Any, tag: str) -> None:
    assert Table(["a"], [[cell]]).kinds == [tag]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "types": (
        {"columns": ["a", "b"], "data": [[1, 2], [2, "x"]]},
        "Table.data[1]['b']: expected integer as in Table.data[0]['b'], got string 'x'. Make the column one "
        "type, or pass "
        "allow_mixed_types=True.",
    ),
    "bool among ints": (
        {"columns": ["a"], "data": [[1], [True]]},
        "Table.data[1]['a']: expected integer as in Table.data[0]['a'], got boolean True. Make the column "
        "one type, or pass "
        "allow_mixed_types=True.",
    ),
    "zones": (
        {"columns": ["a"], "data": [[NOW], [NOW.replace(tzinfo=UTC)]]},
        "Table.data[1]['a']: expected datetime as in Table.data[0]['a'], got timestamp "
        "datetime.datetime(2026, 11, 21, 12, "
        "0, 1, 250, tzinfo=dat... Make the column one type, or pass allow_mixed_types=True.",
    ),
    "all problems": (
        {"columns": ["a", "b"], "data": [[1 + 2j, {1, "a"}], [object, {"_type": "float", "value": "nan"}]]},
        "4 problems:\n"
        "- Table.data[0]['a']: expected a number, text, bool, None, a media value or a list of these, got (1+2j). Pass "
        ".real and .imag.\n"
        "- Table.data[1]['a']: expected a number, text, bool, None, a media value or a list of these, got the class "
        "builtins.object. Pass its name, or what it returns when called.\n"
        f"- Table.data[0]['b']: expected a set whose items can be sorted, got { {1, 'a'}!r}. Pass a list.\n"
        "- Table.data[1]['b']: expected a media document, as its _type says, got {'_type': 'float', 'value': 'nan'}: "
        "_type: expected the name of a media type, got 'float'. A member _type marks a media document: rename it if "
        "this is none.",
    ),
    "long duration": (
        {"columns": ["a"], "data": [[timedelta.max]]},
        "Table.data[0]['a']: expected microseconds of 64 bits, got datetime.timedelta(days=999999999, "
        "seconds=86399, microse... Keep it in a column of numbers.",
    ),
    "duration of nanoseconds": (
        {"columns": ["a"], "data": [[pd.Timedelta(1, "ns")], [np.timedelta64(1, "M")]]},
        "2 problems:\n"
        "- Table.data[0]['a']: expected a duration in whole microseconds, got 0 days 00:00:00.000000001. Round it to "
        "microseconds, or keep it in a column of numbers.\n"
        "- Table.data[1]['a']: expected a duration in whole microseconds, got 1 months. Round it to microseconds, or "
        "keep it in a column of numbers.",
    ),
    "large among lists of floats": (
        {"columns": ["a"], "data": [[[0.5]], [[2**53 + 1]]]},
        "Table.data[1]['a']: expected an integer within 2**53 in a column of floats, got [9007199254740993]. Pass "
        "text.",
    ),
    "large": (
        {"columns": ["a"], "data": [[2**63]]},
        "Table.data[0]['a']: expected an integer of 64 bits, got 9223372036854775808. Pass it as text or as a float.",
    ),
    "large among floats": (
        {"columns": ["a"], "data": [[0.5], [2**53 + 1]]},
        "Table.data[1]['a']: expected an integer within 2**53 in a column of floats, got 9007199254740993. Pass text.",
    ),
    "nanoseconds": (
        {"columns": ["a"], "data": [[np.datetime64("2020-01-01T00:00:00.000000001")]]},
        "Table.data[0]['a']: expected a time in whole microseconds, got 2020-01-01T00:00:00.000000001. Round it to "
        "microseconds, or keep the nanoseconds in a column of integers.",
    ),
    "surrogate": (
        {"columns": ["a"], "data": [["\ud800"]]},
        "Table.data[0]['a']: expected text that UTF-8 can hold, got '\\ud800'. Remove the lone surrogates.",
    ),
    "media and numbers in a list": (
        {"columns": ["a"], "data": [[[mt.Histogram([1]), 2]]]},
        "Table.data[0]['a'][1]: expected only media values in a list of media, got 2. Leave it out, or log it under "
        "its own key.",
    ),
    "media in a dict": (
        {"columns": ["a"], "data": [[{"h": mt.Histogram([1])}]]},
        "Table.data[0]['a'][\"h\"]: expected plain data, got Histogram(64 bins from 0.5 to 1.5). Log a media value "
        "under its own key.",
    ),
    "format": (
        {"columns": ["a"], "format": "csv"},
        "Table.format: expected 'parquet' or 'json', got 'csv'. Leave it out.",
    ),
    "short row": (
        {"columns": ["a", "b"], "data": [[1, 2], [1]]},
        "Table.data[1]: expected 2 cells, got 1. The columns are ['a', 'b'].",
    ),
    "no row": (
        {"columns": ["a"], "data": [1]},
        "Table.data[0]: expected a list of cells, got 1. Pass one list for each row.",
    ),
    "text": (
        {"columns": "ab"},
        "Table.columns: expected a list of names, got 'ab'. Pass ['a', 'b'].",
    ),
    "columns with their values": (
        {"columns": {"a": [1, 2]}},
        "Table.columns: expected a list of names, got {'a': [1, 2]}. "
        "Pass a DataFrame, or names and rows: Table(['a', 'b'], [[1, 2]]).",
    ),
    "names without an order": (
        {"columns": {"a"}},
        "Table.columns: expected a list of names, got {'a'}. Pass ['a', 'b'].",
    ),
    "rows as columns": (
        {"columns": [{"a": 1}, {"a": 2}]},
        "Table.columns: expected a list of names, got [{'a': 1}, {'a': 2}]. Pass rows as data=, each a list of cells.",
    ),
    "names": (
        {"columns": ["a", "a", ""]},
        "2 problems:\n- Table.columns: expected names that differ, got 'a'. Rename one of the columns.\n"
        "- Table.columns: expected names that are text and not empty, got ''. Use str(name).",
    ),
    "both": (
        {"columns": ["a"], "dataframe": pd.DataFrame()},
        "Table: expected either rows or a DataFrame, got both. Select columns of the DataFrame first.",
    ),
    "max_rows": (
        {"columns": ["a"], "data": [[1], [2]], "max_rows": 1},
        "Table: expected at most max_rows=1 rows, got 2. Raise it, or keep some rows with sample='first' or "
        "sample='random'.",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_explained(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Table(**arguments)
    assert str(caught.value) == message


def test_mixed_types_are_kept_when_asked_for() -> None:
    cells = [1, "x", None, True, [1, {"a": NAN}], 2**60]
    table = Table(["a"], [[cell] for cell in cells], allow_mixed_types=True)
    assert table.kinds == ["mixed"]
    assert repr(decoded(table).get_column("a")) == repr(cells)


def test_mixed_columns_hold_every_kind_of_cell() -> None:
    table = mixed_media()
    assert table.get_column("any") == mixed_cells()
    for format in ("parquet", "json"):
        document, store = encode(of_format(table, format))
        made = mt.decode(document, store).get_column("any")
        assert made == mixed_cells()
        assert list(map(type, made)) == list(map(type, mixed_cells()))
        (part,) = document["parts"]
        assert listed(part, store) == set(store.files) - {part["path"], part["refs"]["path"]}
    again = decoded(table)
    again.add_data(3)
    assert again.get_column("any") == [*mixed_cells(), 3]


def test_a_table_of_json_is_read_without_us() -> None:
    rows = [[1, NAN, None, "Löffel", [0.5], NOW, Decimal("1.10"), b"\xff", timedelta(seconds=1), {"a": 1}]]
    names = ["i", "f", "n", "s", "l", "t", "d", "b", "took", "j"]
    table = Table(names, rows, format="json")
    document, store = encode(table)
    (part,) = document["parts"]
    assert (document["format"], document["num_rows"], part["media_type"]) == ("json", 1, "application/json")
    assert json.loads(store.files[part["path"]]) == {
        "columns": names,
        "data": [
            [
                *(1, {"_type": "float", "value": "nan"}, None, "Löffel", [0.5]),
                *("2026-11-21T12:00:01.000250", "1.10", "/w==", 1_000_000, {"a": 1}),
            ]
        ],
    }
    assert decoded(table).format == "json"
    assert "format" not in encode(Table(names, rows))[0]


def test_a_table_of_json_refers_to_its_pictures() -> None:
    document, store = encode(Table(["img"], [[picture()]] * 3, format="json"))
    cells = json.loads(store.files[document["parts"][0]["path"]])["data"]
    assert [cell["caption"] for (cell,) in cells] == ["Löffel 0"] * 3
    assert document["parts"][0]["refs"]["count"] == 2  # the picture and its mask


BAD_JSON: dict[str, tuple[Any, str]] = {
    "no object": (
        [],
        ": expected 2 rows of 2 columns, got none. Restore the part from a copy. The columns are ['a', 'b'].",
    ),
    "few rows": (
        {"columns": ["a", "b"], "data": [[1, "x"]]},
        ": expected 2 rows of 2 columns, got 1. Restore the part from a copy. The columns are ['a', 'b'].",
    ),
    "short row": (
        {"columns": ["a", "b"], "data": [[1, "x"], [1]]},
        ".data[1]: expected 2 cells, got [1]. Restore the part from a copy.",
    ),
    "kind": (
        {"columns": ["a", "b"], "data": [[1, "2020-01-01"], ["x", "2020-01-01"]]},
        ".data[1]['a']: expected integer as in Table.parts[0].data[0]['a'], got string 'x'. Make the column one type, "
        "or pass allow_mixed_types=True.",
    ),
    "lists": (
        {"columns": ["a", "b"], "data": [[[1], "2020-01-01"], [None, "2020-01-01"]]},
        ".data[0]['a']: expected number as in the column, got integer_list [1]. Make the column one type, or pass "
        "allow_mixed_types=True.",
    ),
    "date": (
        {"columns": ["a", "b"], "data": [[1, "2020-01-01"], [2, "gestern"]]},
        ".data[1]['b']: expected a cell of date, got 'gestern'. Restore the part from a copy.",
    ),
}


@pytest.mark.parametrize(("part", "message"), BAD_JSON.values(), ids=BAD_JSON)
def test_a_part_of_json_that_does_not_fit_is_refused(part: Any, message: str) -> None:
    document, store = encode(Table(["a", "b"], [[1, date(2020, 1, 1)]] * 2, format="json"))
    with pytest.raises(mt.DocumentError) as caught:
        mt.decode({**document, "parts": [place(store, json.dumps(part).encode(), "json")]}, store)
    assert str(caught.value) == f"Table.parts[0]{message}"


@pytest.mark.parametrize("mixed", [False, True])
def test_cells_of_json_that_could_not_be_written_again_are_refused(mixed: bool) -> None:
    values = [[{"a": 1}, 1], ["x" if mixed else {"a": 2}, 2]]
    document, store = encode(Table(["a", "b"], values, format="json", allow_mixed_types=mixed))
    deep = '{"a":' * 300 + "1" + "}" * 300
    part = f'{{"columns": ["a", "b"], "data": [[{deep}, 1], [{json.dumps(values[1][0])}, 2]]}}'.encode()
    with pytest.raises(mt.DocumentError, match=r"data\[0\]\['a'\]: expected (a cell of json|cells of mixed), got "):
        mt.decode({**document, "parts": [place(store, part, "json")]}, store)


def place(store: mt.MemoryStore, data: bytes, format: str) -> dict[str, Any]:
    """A part with other bytes."""
    return Blob(data).place(store, f".{format}", "application/x")


def hostile_parquet(columns: dict[str, pa.Array], **options: Any) -> bytes:
    table = pa.table(columns)
    file = pa.BufferOutputStream()
    with pq.ParquetWriter(file, table.schema, compression="zstd", **options) as writer:
        writer.write_table(table)
    return bytes(file.getvalue())


def buffers(kind: pa.DataType, length: int, *data: Any) -> pa.Array:
    return pa.Array.from_buffers(kind, length, [None, *map(pa.py_buffer, data)])


HOSTILE = {
    "a page of zeros": lambda: hostile_parquet(
        {"a": buffers(pa.utf8(), 1, np.array([0, 2**24 + 1], np.int32), bytes(2**24 + 1))},
        use_dictionary=False,
        data_page_size=2**30,
        write_statistics=False,
    ),
    "a text that a dictionary repeats": lambda: hostile_parquet(
        {
            "a": pa.DictionaryArray.from_arrays(
                buffers(pa.int32(), 8192, np.zeros(8192, np.int32)),
                buffers(pa.utf8(), 1, np.array([0, 2**20], np.int32), b"a" * 2**20),
            )
        },
        dictionary_pagesize_limit=2**24,
        store_schema=False,
    ),
    "a text that shares its beginning": lambda: hostile_parquet(
        {"a": buffers(pa.utf8(), 200, np.arange(201, dtype=np.int32) * 2**17, b"a" * 2**17 * 200)},
        use_dictionary=False,
        column_encoding={"a": "DELTA_BYTE_ARRAY"},
    ),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_part_that_unpacks_to_more_than_allowed_is_refused_early(make: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("mediatypes.types.table.parts.PART_BYTES", 2**24)
    data = make()
    rows = pq.ParquetFile(pa.BufferReader(data)).metadata.num_rows
    assert len(data) < 2**18
    store = mt.MemoryStore()
    document, _ = encode(Table(["a"], [["x"]] * rows))
    pool = pa.system_memory_pool()
    before = pool.max_memory() or 0
    with pytest.raises(mt.DocumentError) as caught:
        mt.decode({**document, "parts": [place(store, data, "parquet")]}, store)
    assert str(caught.value).startswith("Table.parts[0]: expected a part of at most 16777216 bytes unpacked, got ")
    assert (pool.max_memory() or 0) - before <= 2**24


def test_a_damaged_part_is_refused_or_read(monkeypatch: Any) -> None:
    monkeypatch.setattr("mediatypes.types.table.parts.PART_BYTES", 2**24)
    document, store = encode(Table(["a", "b"], [[i, "text" * (i % 9)] for i in range(50)]))
    data = bytearray(store.files[document["parts"][0]["path"]])
    refused = 0
    draw = np.random.default_rng(0)
    for at, value in zip(draw.integers(0, len(data), 300), draw.integers(0, 256, 300), strict=True):
        changed = bytes(data[:at]) + bytes([value]) + bytes(data[at + 1 :])
        try:
            mt.decode({**document, "parts": [place(store, changed, "parquet")]}, store)
        except mt.DocumentError:
            refused += 1
    assert refused > 100


def test_a_part_larger_than_readers_take_is_not_written(monkeypatch: Any) -> None:
    monkeypatch.setattr("mediatypes.types.table.parts.PART_BYTES", 2**20)
    monkeypatch.setattr("mediatypes.types.table.parts.JSON_BYTES", 2**19)
    rows = [["x" * 1024]] * 1025
    with pytest.raises(InputError) as caught:
        encode(Table(["a"], rows))
    assert str(caught.value) == (
        "Table[0:1025]: expected at most 1048576 bytes in 8192 rows, got 1053700 bytes. Store long texts and bytes as "
        "files, in media values such as mt.Html."
    )
    with pytest.raises(InputError) as caught:
        encode(Table(["a"], rows, format="json"))
    assert str(caught.value) == (
        'Table[0:1025]: expected at most 524288 bytes of JSON, got 1054751 bytes. Leave format="json" out.'
    )
    document, store = encode(Table(["a"], [["x" * 1024]] * 9, format="json"))
    monkeypatch.setattr("mediatypes.types.table.parts.JSON_BYTES", 2**10)
    with pytest.raises(mt.DocumentError) as refused:
        mt.decode(document, store)
    assert str(refused.value) == (
        "Table.parts[0]: expected at most 1024 bytes of JSON, got 9287. Restore the part from a copy."
    )


def test_lists_are_native_in_arrow_and_other_tools() -> None:
    table = more_kinds()
    arrow = table.to_arrow()
    assert [str(kind) for kind in arrow.schema.types][:7] == [
        "list<element: int64>",
        "list<element: double>",
        "list<element: bool>",
        "list<element: string>",
        "list<element: double>",
        "duration[us]",
        "binary",
    ]
    frame = pl.DataFrame(table)
    assert frame["ints"].to_list() == [[1, None, -(2**63)], [], None]
    assert frame["took"].to_list() == [timedelta(-2, 1), timedelta(microseconds=1), None]
    assert frame["pictures"][0][2]["caption"] == "Löffel 1"
    found: Any = duckdb.sql("select list_sum(ints[2:]), took from arrow limit 1")
    assert found.fetchall() == [(-(2**63), timedelta(-2, 1))]


def test_frames_with_lists_durations_and_bytes() -> None:
    frame = pd.DataFrame({"l": [np.array([0.5, 1]), None], "t": [pd.Timedelta("1s"), pd.NaT], "b": [b"x", None]})
    table = Table(frame)
    assert table.kinds == ["number_list", "duration", "binary"]
    assert list(table) == [[[0.5, 1.0], timedelta(seconds=1), b"x"], [None, None, None]]
    assert str(table.get_dataframe().dtypes["t"]).startswith("timedelta64")
    assert table.get_column("t", convert_to="numpy").tolist() == [timedelta(seconds=1), None]
    arrow = pa.table(
        {"l": pa.array([[1], []], pa.large_list(pa.int8())), "b": pa.array([b"x", None], pa.large_binary())}
    )
    assert list(decoded(Table.from_arrow(arrow))) == [[[1], b"x"], [[], None]]


def test_columns_of_lists_widen() -> None:
    table = decoded(Table(["a", "b", "c", "d"], [[[], [1], [1], None]]))
    table.add_data([mt.Histogram([1])], [0.5], ["x"], [picture()])
    table.add_data([picture()], None, [], None)
    assert table.kinds == ["media_list", "number_list", "json", "media_list"]
    assert list(decoded(table)) == [
        [[], [1.0], [1], None],
        [[mt.Histogram([1])], [0.5], ["x"], [picture()]],
        [[picture()], None, [], None],
    ]
    large = decoded(Table(["a"], [[[2**53 + 1]]]))
    with pytest.raises(
        InputError, match=r"expected integers, as in the column, got \[0.5\]. The column holds integers"
    ):
        large.add_data([0.5])


def test_a_column_of_lists_cannot_be_changed_from_outside() -> None:
    cells = [[1, 2]]
    table = Table(["a"], [[cells[0]]])
    cells[0].append(3)
    table.get_column("a")[0].append(4)
    assert table.get_column("a") == [[1, 2]]


def test_a_row_that_does_not_fit_changes_nothing() -> None:
    table = Table(["a", "b"], [[1, "x"]])
    with pytest.raises(InputError) as caught:
        table.add_data(0.5, 2)
    assert str(caught.value) == (
        "Table.data[1]['b']: expected string as in the column, got integer 2. Make the column one type, or pass "
        "allow_mixed_types=True."
    )
    with pytest.raises(InputError) as caught:
        table.add_data(1)
    assert str(caught.value) == "Table.add_data: expected 2 cells, got 1. The columns are ['a', 'b']."
    assert (list(table), table.kinds) == ([[1, "x"]], ["number", "string"])


def test_columns_are_added_and_read() -> None:
    table = Table(["a"], [[1], [2]])
    table.add_column("b", np.array([0.5, NAN]))
    assert table.get_column("b", convert_to="numpy").tolist()[0] == 0.5
    assert table.get_column("a", convert_to="numpy").dtype == np.int64
    with pytest.raises(InputError, match=r"^Table.add_column\['c'\]: expected 2 values, got 1. Match the rows.$"):
        table.add_column("c", [1])
    with pytest.raises(InputError, match=r"^Table.get_column: expected one of \['a', 'b'\], got 'c'. Check the name.$"):
        table.get_column("c")


def test_growing_stores_only_new_parts() -> None:
    store = mt.MemoryStore()
    table = Table(["i"], [[i] for i in range(10_000)])
    first = mt.encode(table, store)
    for i in range(10_000, 20_000):
        table.add_data(i)
    second = mt.encode(table, store)
    assert (first["num_rows"], second["num_rows"]) == (10_000, 20_000)
    assert [len(document["parts"]) for document in (first, second)] == [2, 3]
    assert second["parts"][0] == first["parts"][0]
    assert second["parts"][1] != first["parts"][1]
    assert mt.decode(first, store).get_column("i") == list(range(10_000))
    assert mt.decode(second, store).get_column("i") == list(range(20_000))


def test_logging_a_grown_table_of_pictures_rewrites_the_last_part_only() -> None:
    table = Table(["i", "img"], [[i, picture() if i % 4000 == 0 else None] for i in range(8192)])
    document, store = encode(table)
    before = set(store.files)
    table.add_data(8192, picture())
    again = mt.encode(table, store)
    assert again["parts"][0] == document["parts"][0]
    assert set(store.files) - before == {again["parts"][1]["path"]}
    assert mt.decode(again, store) == table


@pytest.mark.parametrize("durable", [False, True])
def test_pictures_of_a_table_are_encoded_once_for_a_store(tmp_path: Path, monkeypatch: Any, durable: bool) -> None:
    from mediatypes.formats import png

    encoded: list[int] = []
    real = png.encode
    monkeypatch.setattr(png, "encode", lambda *of, **options: encoded.append(1) or real(*of, **options))
    table = Table(["id", "photo", "pair"], [[i, mt.Image(picture(i).to_numpy()), [picture(i)]] for i in range(3)])
    store = mt.DirectoryStore(tmp_path, "media", durable=durable)
    first, count = mt.encode(table, store), len(encoded)
    assert (mt.encode(table, store), len(encoded)) == (first, count)
    listed = json.loads((tmp_path / first["parts"][0]["refs"]["path"]).read_bytes())
    (tmp_path / listed[1]["path"]).unlink()  # what is gone is stored again
    assert mt.encode(table, store) == first
    assert {reference["path"] for reference in listed} <= {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")
    }
    again, elsewhere = mt.encode(table, mt.MemoryStore()), mt.encode(table, mt.DirectoryStore(tmp_path / "other"))
    assert again == elsewhere != first  # paths are those of the store
    table.add_data(3, picture(9), None)
    assert mt.decode(mt.encode(table, store), store) == table


def test_a_table_in_a_cell_that_has_grown_is_stored_anew() -> None:
    table, store = Table(["inner"], [[Table(["a"], [[1]])]]), mt.MemoryStore()
    first = mt.encode(table, store)
    table.get_column("inner")[0].add_data(2)
    assert mt.decode(mt.encode(table, store), store).get_column("inner")[0].num_rows == 2
    assert mt.decode(first, store).get_column("inner")[0].num_rows == 1


def test_a_decoded_table_grows_and_kinds_widen() -> None:
    table = decoded(Table(["a", "b", "c"], [[1, None, "x"]]))
    table.add_data(0.5, picture(), None)
    assert table.kinds == ["number", "image", "string"]
    assert list(decoded(table)) == [[1.0, None, "x"], [0.5, picture(), None]]


def test_encoding_takes_a_snapshot_and_nested_tables_too() -> None:
    inner = Table(["a"], [[1]])
    outer = Table(["t"], [[inner]])
    inner.add_data(2)
    assert outer.get_column("t")[0].num_rows == 1


def listed(part: dict[str, Any], store: mt.MemoryStore) -> set[str]:
    """The paths in a part's list of references."""
    references = json.loads(store.files[part["refs"]["path"]])
    assert len(references) == part["refs"]["count"]
    for reference in references:
        data = store.files[reference["path"]]
        assert (reference["size"], reference["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    return {reference["path"] for reference in references}


def test_media_are_stored_once_and_listed_in_refs() -> None:
    document, store = encode(Table(["a", "b"], [[picture(), picture()]] * 50))
    (part,) = document["parts"]
    assert listed(part, store) == set(store.files) - {part["path"], part["refs"]["path"]}
    assert len(store.files) == 4  # the part, its list, the picture and its mask
    assert "refs" not in encode(Table(["a"], [[1]]))[0]["parts"][0]


def test_nested_tables_list_what_they_refer_to() -> None:
    document, store = encode(nested())
    (part,) = document["parts"]
    assert listed(part, store) | {part["path"], part["refs"]["path"]} == set(store.files)


def test_a_growing_table_of_pictures_stores_only_what_is_new() -> None:
    table = Table(["i", "img"], [[i, picture(i % 9) if i % 99 == 0 else None] for i in range(8192)])
    document, store = encode(table)
    small = len(canonical.dumps(document))
    again = document
    for i in range(3):
        before = set(store.files)
        table.add_data(i, picture(10 + i))
        again = mt.encode(table, store)
        assert again["parts"][0] == document["parts"][0]
        new = set(store.files) - before
        assert len(new) in (3, 4)  # the last part, its list, the picture, and its mask if it is another one
        assert sum(len(store.files[path]) for path in new) < 9000
    assert len(canonical.dumps(again)) < small + 1000


def test_cells_are_read_when_they_are_asked_for() -> None:
    document, store = encode(Table(["i", "img", "any"], [[i, picture(i), mt.Histogram([i])] for i in range(3)]))
    opened: list[str] = []

    class Counting:
        def open(self, path: str) -> Any:
            opened.append(path)
            return store.open(path)

    (part,) = document["parts"]
    table = mt.decode(document, Counting())
    assert table.get_column("i") == [0, 1, 2]
    assert opened == [part["path"]]
    assert next(iter(table))[1] == picture(0)
    assert set(opened[1:]) == set(store.files) - {part["path"]}
    assert pickle.loads(pickle.dumps(mt.decode(document, store))) == table
    opened.clear()
    grown = mt.decode(document, Counting())
    grown.add_data(3, picture(3), None)
    assert opened == [part["path"]]
    assert grown.get_column("img") == [picture(i) for i in range(4)]


def test_a_cell_opens_nothing_that_its_part_does_not_list() -> None:
    document, store = encode(Table(["img"], [[picture()]]))
    (part,) = document["parts"]
    part["refs"] = {**Blob(b"[]").place(store, ".json", part["refs"]["media_type"]), "count": 1}
    with pytest.raises(mt.SidecarMissing, match="expected a sidecar that the refs of a part list, got 'none'"):
        list(mt.decode(document, store))
    part["refs"] = {**Blob(b"[1]").place(store, ".json", part["refs"]["media_type"]), "count": 1}
    with pytest.raises(mt.DocumentError, match=r"^Table.parts\[0\].refs\[0\]: expected an object, got 1"):
        list(mt.decode(document, store))


def test_tables_of_other_packages_are_read_and_written() -> None:
    frame = pd.DataFrame({"i": [1, 2], "f": [0.5, NAN], "s": ["a", None], "t": [pd.Timestamp("2020-01-01"), pd.NaT]})
    table = Table.from_pandas(frame)
    assert table.kinds == ["number", "number", "string", "datetime"]
    assert np.isnan(table.get_column("f")[1])
    assert table.get_column("t") == [datetime(2020, 1, 1), None]
    polars = Table.from_polars(
        pl.DataFrame({"i": [1, None], "l": [[1.5], []], "c": pl.Series(["a", "b"], dtype=pl.Categorical)})
    )
    assert list(polars) == [[1, [1.5], "a"], [None, [], "b"]]
    assert decoded(polars) == polars
    assert pl.DataFrame(polars)["i"].to_list() == [1, None]
    assert pa.table(polars).column("c").to_pylist() == ["a", "b"]
    found: Any = duckdb.sql("select sum(i) from polars")
    assert found.fetchall() == [(1,)]


def test_a_table_of_an_arrow_table_equals_one_of_rows() -> None:
    data = pa.table({"a": pa.array([1, 2], pa.int16()), "b": pa.array(["x", None], pa.large_utf8())})
    assert Table.from_arrow(data) == Table(["a", "b"], [[1, "x"], [2, None]])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            pa.array([1], pa.timestamp("ns")),
            "Table['a']: expected values that fit timestamp[us], got 'Casting from timestamp[ns] to "
            "timestamp[us] would lose d... "
            "Cast the column first; times need whole microseconds, integers 64 bits.",
        ),
        (
            pa.array([pa.MonthDayNano([1, 2, 3])]),
            "Table['a']: expected a column type that a table can hold, got 'month_day_nano_interval'. Cast the "
            "column to text or numbers.",
        ),
    ],
)
def test_arrow_columns_that_cannot_be_stored_are_refused(array: pa.Array, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Table.from_arrow(pa.table({"a": array}))
    assert str(caught.value) == message


def test_a_sample_is_recorded() -> None:
    rows = [[i] for i in range(100)]
    document, _ = encode(Table(["i"], rows, max_rows=10, sample="random"))
    assert {name: document.get(name) for name in ("num_rows", "sample", "sampled_from", "sample_seed")} == {
        "num_rows": 10,
        "sample": "random",
        "sampled_from": 100,
        "sample_seed": 0,
    }
    first = Table(["i"], rows, max_rows=3, sample="first")
    assert first.get_column("i") == [0, 1, 2]
    with pytest.raises(InputError, match=r"^Table\.add_data: expected at most max_rows=3 rows, got 4"):
        first.add_data(1)


def test_a_dataframe_comes_back() -> None:
    frame = every_kind().get_dataframe()
    assert list(frame.columns) == every_kind().columns
    assert frame["int"].tolist() == [2**63 - 1, -(2**63), None]
    assert frame["picture"][0] == picture()


def test_a_bare_dataframe_is_logged_as_a_table(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"t": pd.DataFrame({"a": [1, 2]})})
    assert list(mt.open_run(run.path).values("t")) == [(0, Table(["a"], [[1], [2]]))]


def test_a_plain_parquet_file_has_the_columns(tmp_path: Path) -> None:
    store = mt.MemoryStore()
    every_kind().to_parquet(tmp_path / "t.parquet", sink=store)
    read = pq.read_table(tmp_path / "t.parquet")
    assert read.column_names == every_kind().columns
    assert read["picture"][0].as_py()["path"] in store.files
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_a_packed_file_holds_the_pictures(tmp_path: Path) -> None:
    every_kind().to_parquet(tmp_path / "t.parquet", packed=True)
    read = pq.read_table(tmp_path / "t.parquet")
    assert read.schema.field("picture").type == pa.struct([("bytes", pa.binary()), ("path", pa.utf8())])
    assert json.loads(read.schema.metadata[b"huggingface"]) == {"info": {"features": {"picture": {"_type": "Image"}}}}
    assert mt.Image(read["picture"][0].as_py()["bytes"]).width == 20
    assert json.loads(read["picture_document"][0].as_py())["caption"] == "Löffel 0"
    assert json.loads(read["counts"][0].as_py())["_type"] == "histogram"


def test_datasets_decodes_lists_of_pictures(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    more_kinds().to_parquet(tmp_path / "t.parquet", packed=True)
    loaded = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "t.parquet"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert [item and item.size for item in loaded[0]["pictures"]] == [(20, 16), None, (20, 16)]
    assert (loaded[1]["pictures"], loaded[2]["pictures"]) == ([], None)
    assert [item["_type"] for item in json.loads(loaded[0]["several"])] == ["image", "histogram"]
    assert (loaded[0]["ints"], loaded[0]["raw"]) == ([1, None, -(2**63)], b"\0\xff")


def test_datasets_decodes_the_pictures_of_a_packed_file(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    every_kind().to_parquet(tmp_path / "t.parquet", packed=True)
    loaded = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "t.parquet"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert np.array_equal(np.asarray(loaded[0]["picture"]), picture().to_numpy())
    assert loaded[2]["picture"] is None
    assert loaded[0]["int"] == 2**63 - 1


cells = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | texts


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.none() | st.integers(-(2**63), 2**63 - 1), st.none() | st.floats(), st.none() | texts, cells))
)
def test_any_rows_survive(rows: list[tuple[Any, ...]]) -> None:
    table = Table(["i", "f", "s", "m"], rows, allow_mixed_types=True)
    again = decoded(table)
    assert again == table
    assert repr([row[:3] for row in again]) == repr([list(row[:3]) for row in rows])


def test_rows_are_iterated_across_parts() -> None:
    rows = [[i, str(i)] for i in range(8200)]
    assert list(Table(["a", "b"], rows)) == rows


def test_hidden_values_of_masked_arrays_are_none() -> None:
    hidden = np.ma.array([[1, -9999], [-9999, 4]], mask=np.array([[0, 1], [1, 0]], bool))
    times = np.ma.array(["2020-01-02", "1900-01-01"], "M8[D]", mask=np.array([0, 1], bool))
    table = Table(["a", "b"], hidden)
    table.add_column("c", times)
    table.add_column("d", hidden[:, 0])
    table.add_column("e", [hidden[0], times])
    expected = [[1, None, datetime(2020, 1, 2), 1, [1, None]], [None, 4, None, None, ["2020-01-02", None]]]
    assert list(decoded(table)) == expected
    assert list(Table(["t", "u"], np.ma.vstack([times, times[::-1]]))) == [
        [datetime(2020, 1, 2), None],
        [None, datetime(2020, 1, 2)],
    ]


def test_a_moment_before_year_1_in_utc_is_refused() -> None:
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    with pytest.raises(InputError, match="expected a time of the years 1 to 9999 in UTC, got 0001-01-01 00:00:00"):
        Table(["a"], [[first]])
    with pytest.raises(InputError, match="expected a time of the years 1 to 9999, got 20000-01-01"):
        Table(["a"], [[np.datetime64("20000-01-01")]])


@pytest.mark.parametrize("row", [row for row in values.KEPT if "_type" not in row.example], ids=lambda row: row.example)
def test_a_table_takes_what_a_run_takes(row: values.Row) -> None:
    """The table "What a logged value becomes", as cells: times and decimals keep their type, all else is the same."""
    table = Table(["a"], [[values.value(row.example)]])
    (cell,) = decoded(table).get_column("a")
    if table.kinds[0] not in ("datetime", "timestamp", "date", "duration", "decimal"):
        expected = values.value(row.config if row.kind in ("number_list", "leaves") else row.result)
        assert values.same(cell, expected) or cell == [1.0, 2.5, None]  # integers among floats of a column


def test_a_document_in_a_cell_is_decoded_first() -> None:
    with pytest.raises(InputError, match=r"expected a media value, got .* Decode it: mt.decode\(document, store\)"):
        Table(["a"], [[mt.encode(mt.Histogram([1]), mt.MemoryStore())]])


AB = pa.array(["a", "b", None])


def made(array: Any) -> Any:
    """An array, or what makes it; older versions of Arrow cannot make all of them."""
    try:
        return array() if callable(array) else array
    except (AttributeError, pa.ArrowNotImplementedError) as error:
        if int(pa.__version__.partition(".")[0]) >= 21:
            raise
        pytest.skip(f"pyarrow {pa.__version__}: {error}")


ENCODED: dict[str, tuple[Any, str, list[Any]]] = {
    "run ends": (pa.RunEndEncodedArray.from_arrays([2, 4, 5], AB), "string", ["a", "a", "b", "b", None]),
    "run ends of floats": (pa.RunEndEncodedArray.from_arrays([2, 3], [0.5, NAN]), "number", [0.5, 0.5, NAN]),
    "run ends of a dictionary": (
        pa.RunEndEncodedArray.from_arrays([1, 3], AB.slice(0, 2).dictionary_encode()),
        "string",
        ["a", "b", "b"],
    ),
    "run ends in a struct": (
        pa.StructArray.from_arrays([pa.RunEndEncodedArray.from_arrays([2], ["a"])], ["x"]),
        "json",
        [{"x": "a"}, {"x": "a"}],
    ),
    "run ends in a list": (
        pa.ListArray.from_arrays([0, 2, 3], pa.RunEndEncodedArray.from_arrays([2, 3], AB.slice(0, 2))),
        "string_list",
        [["a", "a"], ["b"]],
    ),
    "dictionary": (AB.dictionary_encode(), "string", ["a", "b", None]),
    "dictionary of numbers": (pa.array([7, 8, 7]).dictionary_encode(), "number", [7, 8, 7]),
    "view of text": (lambda: AB.cast(pa.string_view()), "string", ["a", "b", None]),
    "dictionary of views": (lambda: AB.cast(pa.string_view()).dictionary_encode(), "string", ["a", "b", None]),
    "view of bytes": (lambda: pa.array([b"a", None], pa.binary_view()), "binary", [b"a", None]),
    "lists of views of text": (lambda: pa.array([["a"], []], pa.list_(pa.string_view())), "string_list", [["a"], []]),
    "lists of a dictionary": (
        pa.array([["a", "b"], None], pa.list_(pa.dictionary(pa.int32(), pa.utf8()))),
        "string_list",
        [["a", "b"], None],
    ),
    "list views": (lambda: pa.array([[1], None, [2, 3]], pa.list_view(pa.int64())), "number_list", [[1], None, [2, 3]]),
    "large list views": (lambda: pa.array([["a"], []], pa.large_list_view(pa.utf8())), "string_list", [["a"], []]),
    "lists of fixed size": (
        pa.array([[np.float16(0.5), np.float16(1)]], pa.list_(pa.float16(), 2)),
        "number_list",
        [[0.5, 1.0]],
    ),
    "lists of lists": (pa.array([[[1], []], None]), "json", [[[1], []], None]),
    "lists of dates": (pa.array([[date(2020, 1, 2)]]), "string_list", [["2020-01-02"]]),
    "maps": (pa.array([[("a", 1)]], pa.map_(pa.utf8(), pa.int64())), "json", [[["a", 1]]]),
    "unions": (
        pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [pa.array([1, 2]), AB.slice(0, 2)]),
        "number",
        [1, 2],
    ),
    "times of day": (pa.array([time(1, 2), None], pa.time64("us")), "string", ["01:02:00", None]),
    "decimals": (pa.array([Decimal("1.50")]), "decimal", [Decimal("1.50")]),
    "UUIDs": (
        lambda: pa.ExtensionArray.from_storage(pa.uuid(), pa.array([UUID(int=1).bytes], pa.binary(16))),
        "string",
        [str(UUID(int=1))],
    ),
    "JSON": (
        lambda: pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":[1]}', None])),
        "json",
        [{"a": [1]}, None],
    ),
    "bools of 8 bits": (
        lambda: pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None], pa.int8())),
        "boolean",
        [True, False, None],
    ),
    "tensors": (
        pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(4).reshape(1, 2, 2)),
        "tensor",
        [mt.Tensor(np.arange(4).reshape(2, 2))],
    ),
}


@pytest.mark.parametrize("format", ["parquet", "json"])
@pytest.mark.parametrize(("array", "kind", "expected"), ENCODED.values(), ids=ENCODED)
def test_arrow_columns_of_every_encoding_are_read(array: Any, kind: str, expected: list[Any], format: Any) -> None:
    table = decoded(Table.from_arrow(pa.table({"a": made(array)}), format=format))
    assert table.kinds == [kind]
    assert repr(table.get_column("a")) == repr(expected)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (pa.array([1], pa.time64("ns")), "Table['a']: expected times in whole microseconds, got 'Casting from time64"),
        (
            lambda: pa.ExtensionArray.from_storage(pa.opaque(pa.int64(), "thing", "acme"), pa.array([1])),
            "Table['a']: expected a column type that a table can hold, got 'extension<arrow.opaque",
        ),
        (
            pa.StructArray.from_arrays([pa.array(["image"])], ["_type"]),
            "Table['a']: expected a media document, as its _type says, got {'_type': 'image'}: ",
        ),
    ],
)
def test_arrow_columns_whose_values_are_not_known_are_refused(array: Any, message: str) -> None:
    array = made(array)
    with pytest.raises(InputError) as caught:
        Table.from_arrow(pa.table({"a": array}))
    assert str(caught.value).startswith(message)


def test_objects_of_polars_are_read_by_value() -> None:
    objects = pl.Series([PurePosixPath("/a"), PurePosixPath("/b")], dtype=pl.Object)
    frame = pl.DataFrame({"i": [1, 2], "p": objects, "s": ["x", "y"]})
    table = decoded(Table(dataframe=frame))
    assert (table.columns, table.kinds) == (["i", "p", "s"], ["number", "string", "string"])
    assert list(table) == [[1, "/a", "x"], [2, "/b", "y"]]
    assert decoded(Table(dataframe=frame.select("p"))).get_column("p") == ["/a", "/b"]
    with pytest.raises(InputError, match=r"Table.data\[0\]\['p'\]: expected a number, text"):
        Table(dataframe=pl.DataFrame({"p": pl.Series([object()], dtype=pl.Object)}))
    with pytest.raises(InputError, match="expected a stream of Arrow data"):
        Table(dataframe=pl.DataFrame({"a": pl.Series([1], dtype=pl.Int128)}))


def test_a_table_becomes_a_frame_of_each_package() -> None:
    table = decoded(Table(["i", "s", "t"], [[1, "a", NOW], [None, None, None]]))
    frame: Any = table.to_polars()
    assert frame.rows() == [(1, "a", NOW), (None, None, None)]
    assert table.to_pandas().equals(table.get_dataframe())
    assert table.to_arrow().to_pylist() == [{"i": 1, "s": "a", "t": NOW}, {"i": None, "s": None, "t": None}]


def test_a_document_in_a_part_that_is_no_utf8_is_refused() -> None:
    text = pa.Array.from_buffers(pa.utf8(), 1, pa.array([b"\xff"], pa.binary()).buffers())
    with pytest.raises(mt.DocumentError, match=r"^Table\.parts: expected texts of mixed in UTF-8, got "):
        document_texts("mixed", text)
    with pytest.raises(mt.DocumentError, match=r"^Table\.parts: expected texts of image in UTF-8, got "):
        document_texts("image", pa.StructArray.from_arrays([text], ["_doc"]))


def test_texts_are_arrays_of_numpy_where_that_keeps_them() -> None:
    table = Table(["plain", "ended", "long"], [["a", "a\0", "x" * 2**20]] + [["bc", "b", "y"]] * 40)
    assert table.get_column("plain", "numpy").dtype == "<U2"
    for name in ("ended", "long"):  # of which numpy would cut the end, and make 160 MiB
        made = table.get_column(name, "numpy")
        assert (made.dtype, made.tolist()) == (object, table.get_column(name))


def test_packed_documents_take_no_name_that_is_there(tmp_path: Path) -> None:
    image = mt.Image(photograph("coffee")[:8, :8])
    table = Table(["img_document", "img", "img_document2"], [["a", image, "b"]])
    table.to_parquet(tmp_path / "a.parquet", packed=True)
    read = pq.read_table(tmp_path / "a.parquet").to_pylist()[0]
    assert list(read) == ["img_document", "img", "img_document3", "img_document2"]
    assert (read["img_document"], read["img_document2"], read["img"]["bytes"]) == ("a", "b", image.to_bytes())
    assert json.loads(read["img_document3"])["_type"] == "image"


@pytest.mark.parametrize("dtype", [">i2", ">f4", ">f8", np.longdouble, np.float16], ids=str)
def test_series_of_any_numbers_are_columns(dtype: Any) -> None:
    table = Table(pd.DataFrame({"a": pd.Series(np.array([1, 2], dtype))}))
    assert (table.get_column("a"), table.kinds) == ([1, 2], ["number"])


def test_a_table_grows_in_several_threads_while_it_is_read() -> None:
    table, rows, broken = Table(["number", "text", "half"]), 400, list[Any]()

    def add(first: int) -> None:
        for number in range(first, first + rows):
            table.add_data(number, str(number), number / 2)

    def read() -> None:
        while any(thread.is_alive() for thread in adding):
            made = [decoded(table), table.snapshot(), pickle.loads(pickle.dumps(table))]
            read = [list(table), *map(list, made), *(list(map(list, table.to_pandas().itertuples(index=False))),)]
            broken.extend(row for rows in read for row in rows if row != [row[0], str(row[0]), row[0] / 2])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # every thread is interrupted everywhere
    try:
        adding = [Thread(target=add, args=(first * rows,)) for first in range(3)]
        reading = Thread(target=read)
        for thread in (*adding, reading):
            thread.start()
        for thread in (*adding, reading):
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not broken
    assert sorted(row[0] for row in decoded(table)) == list(range(3 * rows))


@pytest.mark.usefixtures("fake_torch")
def test_rows_of_any_array_of_two_axes() -> None:
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    for data in (rows, FakeTensor(rows), mt.Tensor(rows)):
        assert list(Table(["a", "b"], data)) == rows.tolist()
    with pytest.raises(InputError, match="expected an array with two axes"):
        Table(["a", "b"], FakeTensor(rows[0]))

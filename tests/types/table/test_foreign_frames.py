"""Columns as pandas and Arrow have them, where they are not what Python has."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mediatypes as mt
from mediatypes import Table
from tests.samples import decoded

BEFORE_YEAR_1, YEAR_10000 = -62_135_596_801, 253_402_300_800  # seconds
DAYS_BEFORE_YEAR_1, DAYS_OF_YEAR_10000 = -719_163, 2_932_897


def objects(*values: Any) -> Table:
    return Table(dataframe=pd.DataFrame({"a": pd.Series(values, dtype=object)}))


@pytest.mark.parametrize("value", ["x", True, {"a": 1}, [1], b"x", date(2020, 1, 1)])
@pytest.mark.parametrize("missing", [float("nan"), np.float32("nan")])
def test_nan_among_objects_of_pandas_is_a_missing_value(value: Any, missing: Any) -> None:
    assert decoded(objects(value, missing, None)).get_column("a") == [value, None, None]


def test_nan_among_numbers_stays_nan() -> None:
    np.testing.assert_array_equal(objects(1, float("nan"), 2.5).get_column("a"), [1, float("nan"), 2.5])
    assert objects(float("nan"), None).kinds == ["number"]


@pytest.mark.parametrize("values", [[0.0, 1.5, 0.0], [0, 1, 0], [True, False, True]])
def test_sparse_columns_are_read(values: list[Any]) -> None:
    frame = pd.DataFrame({"a": pd.Series(pd.arrays.SparseArray(values))})
    assert decoded(Table(dataframe=frame)).get_column("a") == values


def test_integers_beyond_doubles_beside_none_are_exact_as_an_array() -> None:
    table = Table(columns=["a", "b"], data=[[2**53 + 1, 1], [None, None]])
    assert table.get_column("a", convert_to="numpy").tolist() == [2**53 + 1, None]
    np.testing.assert_array_equal(table.get_column("b", convert_to="numpy"), [1, float("nan")])


def arrow_times() -> dict[str, pa.Array]:
    times = {
        f"{type} {seconds}": pa.array([None, seconds * 10 ** {"s": 0, "ms": 3, "us": 6}[type.unit]], type)
        for type in (pa.timestamp("us"), pa.timestamp("ms", "+02:00"), pa.timestamp("s", "UTC"))
        for seconds in (BEFORE_YEAR_1, YEAR_10000)
    }
    days = [
        pa.array([day], pa.int32()).view(pa.date32()) for day in (DAYS_BEFORE_YEAR_1, DAYS_OF_YEAR_10000, 2**31 - 1)
    ]
    times |= {f"day {index}": each for index, each in enumerate(days)}
    times["in a list"] = pa.ListArray.from_arrays([0, 1], days[0])
    times["in a struct"] = pa.StructArray.from_arrays([times[f"{pa.timestamp('us')} {YEAR_10000}"]], ["t"])
    return times


@pytest.mark.parametrize("name", arrow_times())
@pytest.mark.parametrize("format", ["parquet", "json"])
def test_times_that_python_has_not_are_refused(name: str, format: str) -> None:
    with pytest.raises(
        mt.InputError, match=r"^Table\['a'\]: expected times from year 1 to 9999, got .*Cast the column"
    ):
        Table.from_arrow(pa.table({"a": arrow_times()[name]}), format=format)


def test_the_first_and_the_last_times_are_kept() -> None:
    table = pa.table({"a": pa.array([datetime.min, datetime.max]), "b": pa.array([date.min, date.max])})
    rows = [list(row) for row in decoded(Table.from_arrow(table))]
    assert rows == [[datetime.min, date.min], [datetime.max, date.max]]

"""The Plot value: its document, its columns, what logging it keeps."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mediatypes as mt
from mediatypes import DocumentError, InputError, Plot, Table
from mediatypes.testing import ValueContract
from tests.samples import decoded, encode, photograph


def losses() -> Table:
    rows = [[step, split, 1 / (step + 1)] for step in range(3) for split in ("train", "val")]
    return Table(columns=["step", "split", "loss"], data=rows)


def preset(name: str, *channels: str, **parts: Any) -> str:
    """A registered preset of the test whose channels are fields of the same names."""
    encoding = {channel: {"field": f"${{field:{channel}}}"} for channel in channels}
    mt.plot.register_preset(name, {"mark": "point", "encoding": encoding, **parts})
    return name


class TestPlotContract(ValueContract):
    packages: ClassVar[frozenset[str]] = frozenset({"mediatypes", "numpy", "PIL", "pyarrow", "cloudpickle"})

    def examples(self) -> dict[str, Plot]:
        pictures = Table(columns=["picture", "score"], data=[[mt.Image(photograph("coins")[:8, :8]), 0.5]])
        return {
            "line": mt.plot.line(losses(), "step", "loss", stroke="split", title="Verlust ☀"),
            "one line": mt.plot.line(losses(), "step", "loss"),
            "in a section of its own": mt.plot.line(losses(), "step", "loss", split_table=True),
            "table with media": mt.plot.histogram(pictures, "score"),
            "curve": mt.plot.roc_curve([0, 1, 0, 1], [0.1, 0.4, 0.5, 0.8]),
            "confusion": mt.plot.confusion_matrix(y_true=["a", "b"], preds=["b", "b"]),
        }

    def bad_documents(self) -> dict[str, tuple[dict[str, Any], str]]:
        return {
            "a column that is not there": (
                {"fields": {"x": "epoch", "y": "loss"}},
                "plot.fields['x']: expected a column of the table, got 'epoch'. Restore the document.",
            ),
            "a spec that loads data": (
                {"spec": {"mark": "bar", "data": {"url": "http://example.org"}}},
                "spec.data.url: expected no url, got 'http://example.org'. Put the data into the table.",
            ),
            "no spec": (
                {"spec": {}},
                "spec: expected a Vega-Lite spec with one of mark, layer, facet, repeat, concat, hconcat, vconcat, "
                "got {}. See the Vega-Lite docs.",
            ),
        }


def test_the_document_holds_all_that_a_reader_needs() -> None:
    document, store = encode(mt.plot.line(losses(), "step", "loss", title="Loss"))
    assert document["preset"] == "line"
    assert document["fields"] == {"x": "step", "y": "loss"}
    assert document["strings"] == {"title": "Loss"}
    assert document["spec"]["encoding"]["x"]["field"] == "${field:x}"
    assert mt.decode(document["table"], store) == losses()


def test_a_reader_needs_no_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    name = preset("test/foreign", "x", "y")
    plot = mt.plot_table(name, losses(), {"x": "step", "y": "loss"})
    document, store = encode(plot)
    monkeypatch.setattr("mediatypes.plot._presets._registered", {})
    assert mt.decode(document, store).to_vega_lite() == plot.to_vega_lite()


def test_a_plot_keeps_its_table_as_it_was() -> None:
    table = losses()
    plot = mt.plot.line(table, "step", "loss")
    before = hash(plot)
    table.add_data(9, "train", 0.0)
    plot.table.add_data(9, "train", 0.0)
    assert plot.table == losses()
    assert hash(copy.copy(plot)) == before
    assert len(plot.to_vega_lite()["datasets"]["table"]) == 6


def test_a_run_keeps_one_cell_for_the_key(tmp_path: Path) -> None:
    plots = [mt.plot.line(losses(), "step", "loss", title=str(i)) for i in range(2)]
    with mt.Run(tmp_path / "run") as run:
        for plot in plots:
            run.log({"curve": plot})
    view = mt.open_run(tmp_path / "run")
    assert view.keys() == {"curve": ("plot",)}
    assert list(view.values("curve")) == list(enumerate(plots))
    (_, first), _ = view.values("curve")
    assert pa.table(first.table).column("loss").to_pylist() == losses().get_column("loss")


@pytest.mark.parametrize("make", [lambda t: t, Table.to_arrow, Table.get_dataframe], ids=["Table", "Arrow", "pandas"])
def test_every_kind_of_table_gives_the_same_plot(make: Any) -> None:
    assert mt.plot.line(make(losses()), "step", "loss") == mt.plot.line(losses(), "step", "loss")


def test_only_columns_that_are_drawn_are_inlined() -> None:
    made = mt.plot.line(losses(), "step", "loss").to_vega_lite()
    assert made["datasets"]["table"][0] == {"step": 0, "loss": 1.0}


def test_a_column_that_the_spec_names_itself_is_inlined() -> None:
    name = preset("test/literal", "x", transform=[{"filter": "datum.split === 'val'"}])
    rows = mt.plot_table(name, losses(), {"x": "loss"}).to_vega_lite()["datasets"]["table"]
    assert rows[1] == {"split": "val", "loss": 1.0}


def test_a_picture_is_not_inlined() -> None:
    table = Table(columns=["x", "picture"], data=[[1.5, mt.Image(photograph("coins"))]])
    name = preset("test/picture", "x", description="picture")
    assert mt.plot_table(name, table, {"x": "x"}).to_vega_lite()["datasets"]["table"] == [{"x": 1.5}]


VALUES: list[tuple[str, Any, Any, str]] = [
    ("integer", 3, 3, "quantitative"),
    ("float", 0.5, 0.5, "quantitative"),
    ("Decimal", Decimal("0.25"), 0.25, "quantitative"),
    ("text", "a", "a", "nominal"),
    ("bool", True, True, "nominal"),
    ("time", datetime(2024, 5, 1, 12), "2024-05-01T12:00:00", "temporal"),
    ("time with zone", datetime(2024, 5, 1, 12, tzinfo=UTC), "2024-05-01T12:00:00+00:00", "temporal"),
    ("day", date(2024, 5, 1), "2024-05-01T00:00:00", "temporal"),
]


@pytest.mark.parametrize(("value", "shown", "type"), [v[1:] for v in VALUES], ids=[v[0] for v in VALUES])
def test_a_channel_without_a_type_gets_that_of_its_column(value: Any, shown: Any, type: str) -> None:
    name = preset("test/x", "x")
    made = mt.plot_table(name, Table(columns=["c"], data=[[value], [None]]), {"x": "c"}).to_vega_lite()
    assert made["datasets"]["table"] == [{"c": shown}, {"c": None}]
    assert made["encoding"]["x"]["type"] == type


def test_numbers_that_are_not_finite_are_null() -> None:
    table = Table(columns=["v"], data=[[1.0], [np.nan], [np.inf], [None]])
    rows = mt.plot.histogram(table, "v").to_vega_lite()["datasets"]["table"]
    assert [row["v"] for row in rows] == [1.0, None, None, None]


def test_times_can_stand_on_an_axis_of_numbers() -> None:
    table = Table(columns=["when", "loss"], data=[[datetime(2024, 1, 1), 1.0]])
    assert mt.plot.scatter(table, "when", "loss").to_vega_lite()["encoding"]["x"]["type"] == "temporal"


def test_a_dot_in_a_name_is_no_path() -> None:
    made = mt.plot.line(Table(columns=["step", "val.loss"], data=[[1, 0.5]]), "step", "val.loss").to_vega_lite()
    assert made["encoding"]["y"]["field"] == r"val\.loss"
    assert made["encoding"]["y"]["title"] == "val.loss"


EMPTY = Table(columns=["step", "loss"], data=[])
MIXED = Table(
    columns=["step", "name", "when", "nan", "picture"],
    data=[[1, "a", datetime(2024, 1, 1), np.nan, mt.Image(photograph("coins")[:4, :4])]],
)
REFUSED: dict[str, tuple[Any, str]] = {
    "columns that do not exist": (
        lambda: mt.plot.line(losses(), "epoch", "acc"),
        "2 problems:\n"
        "- plot.line.x: expected one of the columns 'step', 'split', 'loss', got 'epoch'. Name a column of the table.\n"
        "- plot.line.y: expected one of the columns 'step', 'split', 'loss', got 'acc'. Name a column of the table.",
    ),
    "text on an axis of numbers": (
        lambda: mt.plot.scatter(MIXED, "name", "step"),
        "plot.scatter.x: expected a column of numbers, got 'name' of texts. Convert the column, or choose another one.",
    ),
    "times in bins": (
        lambda: mt.plot.histogram(MIXED, "when"),
        "plot.histogram.value: expected a column of numbers, got 'when' of times. "
        "Convert the column, or choose another one.",
    ),
    "pictures": (
        lambda: mt.plot.line(MIXED, "step", "picture"),
        "plot.line.y: expected a column of numbers, texts, bools or times, got 'picture' of kind image. "
        "Choose another one.",
    ),
    "nothing but NaN": (
        lambda: mt.plot.histogram(MIXED, "nan"),
        "plot.histogram.value: expected at least one finite number, got none in 'nan'. There is nothing to draw.",
    ),
    "an empty table and a column that does not exist": (
        lambda: mt.plot.line(EMPTY, "step", "acc"),
        "2 problems:\n"
        "- plot.line.table: expected at least one row, got none. Make the chart once there is data.\n"
        "- plot.line.y: expected one of the columns 'step', 'loss', got 'acc'. Name a column of the table.",
    ),
    "no table": (
        lambda: mt.plot.bar([["a", 1]], "label", "value"),
        "plot.bar.table: expected a Table, got [['a', 1]]. Pass mt.Table(columns=..., data=...).",
    ),
    "a column that is no name": (
        lambda: mt.plot.bar(losses(), 0, "loss"),  # pyright: ignore[reportArgumentType]
        "plot.bar.fields['label']: expected a column, as text, got 0. Use str(...).",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_drawn_is_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message


def test_a_frame_of_pandas_is_a_table() -> None:
    plot = mt.plot.bar(pd.DataFrame({"pet": ["cat", "dog"], "count": [3, 1]}), "pet", "count")
    assert decoded(plot).table.get_column("count") == [3, 1]


def test_a_document_with_a_broken_table_is_refused() -> None:
    document, store = encode(mt.plot.line(losses(), "step", "loss"))
    document["table"]["num_rows"] = 7
    with pytest.raises(DocumentError):
        mt.decode(document, store)


def test_lines_of_long_doubles_are_drawn() -> None:
    plot = mt.plot.line_series(np.array([0, 1], np.longdouble), [np.array([0.5, 2], np.longdouble)])
    assert plot.table.get_column("lineVal") == [0.5, 2.0]

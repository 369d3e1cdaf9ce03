"""Charts of a table's columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._core.errors import InputError, Problem, Verbatim, collect, problem, raise_all
from .._core.inputs import is_iterable
from .._core.wording import counted
from ..columns.arrays import Array, as_array
from ._checks import make_table
from ._labels import read_names
from ._value import Plot


def plot_table(
    vega_spec_name: str,
    data_table: Any,
    fields: Mapping[str, str | None],
    string_fields: Mapping[str, str] | None = None,
    split_table: bool = False,
) -> Plot:
    """A chart of your own: a registered preset over the columns of a table.

    Args:
        vega_spec_name: name given to `mt.plot.register_preset`, or that of a built-in preset.
        data_table: a `Table`, a pandas DataFrame, or anything with an Arrow stream.
        fields: which column stands for each `${field:...}`; None leaves an optional one out.
        string_fields: text for each `${string:...}`.
        split_table: W&B shows the table in a section of its own.

    Raises:
        InputError: an unknown preset, or with every problem of the mapping and the columns.

    >>> import mediatypes as mt
    >>> table = mt.Table(columns=["step", "loss"], data=[[1, 0.5], [2, 0.25]])
    >>> mt.plot_table("line", table, {"x": "step", "y": "loss"}, {"title": "Loss"})
    Plot('line', x='step', y='loss')
    """
    return Plot(vega_spec_name, data_table, fields, string_fields, split_table)


def line(table: Any, x: str, y: str, stroke: str | None = None, title: str = "", split_table: bool = False) -> Plot:
    """Lines through the rows, from the smallest x to the largest.

    Args:
        table: a `Table`, a pandas DataFrame, or anything with an Arrow stream.
        x: column of numbers, times or texts.
        y: column of numbers.
        stroke: column whose values make lines of their own; None (default) for one line.
        title: text above the chart.
        split_table: W&B shows the table in a section of its own.

    Raises:
        InputError: with every problem of the columns.

    >>> import mediatypes as mt
    >>> table = mt.Table(columns=["step", "loss"], data=[[1, 0.5], [2, 0.25]])
    >>> mt.plot.line(table, x="step", y="loss", title="Loss")
    Plot('line', x='step', y='loss')
    """
    return Plot("line", table, {"x": x, "y": y, "stroke": stroke}, {"title": title}, split_table)


def scatter(table: Any, x: str, y: str, title: str = "", split_table: bool = False) -> Plot:
    """A point for each row.

    Args:
        table: a `Table`, a pandas DataFrame, or anything with an Arrow stream.
        x: column of numbers or times.
        y: column of numbers or times.
        title: text above the chart.
        split_table: W&B shows the table in a section of its own.

    Raises:
        InputError: with every problem of the columns.

    >>> import mediatypes as mt
    >>> mt.plot.scatter(mt.Table(columns=["a", "b"], data=[[1, 2], [3, 5]]), x="a", y="b")
    Plot('scatter', x='a', y='b')
    """
    return Plot("scatter", table, {"x": x, "y": y}, {"title": title}, split_table)


def bar(table: Any, label: str, value: str, title: str = "", split_table: bool = False) -> Plot:
    """A bar for each row, in the order of the table.

    Args:
        table: a `Table`, a pandas DataFrame, or anything with an Arrow stream.
        label: column of names.
        value: column of numbers: the lengths of the bars.
        title: text above the chart.
        split_table: W&B shows the table in a section of its own.

    Raises:
        InputError: with every problem of the columns.

    >>> import mediatypes as mt
    >>> mt.plot.bar(mt.Table(columns=["pet", "count"], data=[["cat", 3], ["dog", 1]]), "pet", "count")
    Plot('bar', label='pet', value='count')
    """
    return Plot("bar", table, {"label": label, "value": value}, {"title": title}, split_table)


def histogram(table: Any, value: str, title: str = "", split_table: bool = False) -> Plot:
    """How often the values of a column fall into each of at most 40 bins, which the reader may change.

    For counts that are made once and stored instead of the values, log a `Histogram`.

    Args:
        table: a `Table`, a pandas DataFrame, or anything with an Arrow stream.
        value: column of numbers.
        title: text above the chart.
        split_table: W&B shows the table in a section of its own.

    Raises:
        InputError: with every problem of the columns.

    >>> import mediatypes as mt
    >>> mt.plot.histogram(mt.Table(columns=["score"], data=[[0.1], [0.5], [0.6]]), "score")
    Plot('histogram', value='score')
    """
    return Plot("histogram", table, {"value": value}, {"title": title}, split_table)


def line_series(
    xs: Any,
    ys: Any,
    keys: Any = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> Plot:
    """Several lines over a shared x or an x of their own; the table has the columns step, lineKey and lineVal.

    Args:
        xs: numbers (n,) for all lines, or a list of such for each line.
        ys: a list of k lines, each numbers (n,).
        keys: (k,) names of the lines, in their order; `line_0`, `line_1`... by default.
        title: text above the chart.
        xname: name of the x axis.
        split_table: W&B shows the table in a section of its own.

    Raises:
        InputError: with every problem: no lines, lengths that differ, another number of keys, not numbers.

    >>> import mediatypes as mt
    >>> plot = mt.plot.line_series([0, 1], [[3, 4], [5, 6]], keys=["train", "val"])
    >>> plot.table.num_rows, plot.fields
    (4, {'step': 'step', 'lineKey': 'lineKey', 'lineVal': 'lineVal'})
    """
    problems: list[Problem] = []
    lines = _read_lines(xs, ys, problems)
    count = len(lines) or None  # of lines that are wrong nobody knows it
    names = [f"line_{i}" for i in range(len(lines))]
    if keys is not None:
        names = collect(problems, read_names, keys, count, "line_series.keys", "line")
    raise_all(problems)
    columns = {
        "step": np.concatenate([x for x, _ in lines]),
        "lineKey": [name for name, (x, _) in zip(names, lines, strict=True) for _ in x],
        "lineVal": np.concatenate([y for _, y in lines]),
    }
    strings = {"title": title, "xname": xname}
    return Plot("line_series", make_table(columns), {name: name for name in columns}, strings, split_table)


def _read_lines(xs: Any, ys: Any, problems: list[Problem]) -> list[tuple[Array, Array]]:
    """x and y of each line; what is wrong with them is added to `problems`."""
    where = "line_series"
    xs, ys = collect(problems, _items, xs, f"{where}.xs"), collect(problems, _lines, ys, f"{where}.ys")
    if xs is None or ys is None:
        return []
    shared = not _is_nested(xs)
    if not shared and len(xs) != len(ys):
        hint = "Pass one for each line, or one for all."
        problems.append(
            problem(f"{where}.xs", f"x of {counted(len(ys), 'line')}", Verbatim(str(len(xs))), hint, "length")
        )
        return []
    arrays = [collect(problems, _numbers, x, f"{where}.xs[{i}]") for i, x in enumerate([] if shared else xs)]
    arrays = arrays or [collect(problems, _numbers, xs, f"{where}.xs")] * len(ys)
    lines = [
        (x, collect(problems, _numbers, y, f"{where}.ys[{i}]")) for i, (x, y) in enumerate(zip(arrays, ys, strict=True))
    ]
    for i, (x, y) in enumerate(lines):
        if x is not None and y is not None and len(x) != len(y):
            expected, got = f"{counted(len(x), 'number')}, one for each x", Verbatim(str(len(y)))
            problems.append(problem(f"{where}.ys[{i}]", expected, got, "Pass as many x as y.", "length"))
    return lines


def _lines(data: Any, where: str) -> list[Any]:
    lines = _items(data, where)
    if not lines:
        raise InputError.of(where, "at least one line", Verbatim("none"), "Pass a list of lines.", "empty")
    if not _is_nested(lines):
        raise InputError.of(where, "a list of lines", data, "Wrap the line: [ys].", "shape")
    return lines


def _numbers(data: Any, where: str) -> Array:
    array = as_array(data, where).reshape(-1)
    return array.astype(np.float64) if array.dtype.itemsize > 8 else array  # a long double, which Arrow does not have


def _items(data: Any, where: str) -> list[Any]:
    if isinstance(data, (str, bytes, Mapping)) or not is_iterable(data):
        raise InputError.of(where, "a list of numbers or of lines", data, "Pass [[1, 2], [3, 4]], for example.")
    return list(data)


def _is_nested(items: list[Any]) -> bool:
    return bool(items) and all(np.ndim(item) == 1 for item in items)

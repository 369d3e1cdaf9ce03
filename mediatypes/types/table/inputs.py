"""What a Table is made from, as columns."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, KeysView, Mapping, Set
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..._core.canonical import is_utf8_encodable
from ..._core.deps import is_instance
from ..._core.errors import InputError, Problem, Verbatim, collect, problem, raise_all
from ..._core.inputs import is_iterable
from ..._core.wording import counted
from ...columns.arrays import as_array, as_integer, is_array
from ...columns.classify import EXACT
from .column import Column, cast_to
from .storage import storage_type

DEFAULT_COLUMNS = ("Input", "Output", "Expected")
SEED = 0  # of a random sample
_BLOCK = 256
_PADDED = 2**24  # characters of an array of texts, however unlike their lengths are


def read(columns: Any, data: Any, dataframe: Any, mixed: bool) -> list[Column]:
    """The columns of a new table."""
    if dataframe is None and data is None and is_frame(columns):
        dataframe, columns = columns, None
    if dataframe is None and is_frame(data):
        dataframe, data = data, None
    if dataframe is not None:
        if columns is not None or data is not None:
            hint = "Select columns of the DataFrame first."
            raise InputError.of("Table", "either rows or a DataFrame", Verbatim("both"), hint)
        return read_frame(dataframe, mixed)
    problems: list[Problem] = []
    names = _read_names(DEFAULT_COLUMNS if columns is None else columns)
    collect(problems, check_names, names, "Table.columns")
    made: list[Column] = collect(problems, _read_rows, names, data, mixed)
    raise_all(problems)
    return made


def is_frame(data: Any) -> bool:
    """Whether data are a DataFrame or another table that speaks Arrow."""
    return hasattr(data, "__arrow_c_stream__") or isinstance(data, pa.RecordBatch)


def _read_names(columns: Any) -> list[Any]:
    is_unordered = isinstance(columns, Set) and not isinstance(columns, KeysView)
    if isinstance(columns, (str, bytes, Mapping)) or is_unordered or not is_iterable(columns):
        hint = "Pass ['a', 'b']."
        if isinstance(columns, Mapping):  # a name is all that its keys are
            hint = "Pass a DataFrame, or names and rows: Table(['a', 'b'], [[1, 2]])."
        raise InputError.of("Table.columns", "a list of names", columns, hint)
    names = [str(name) if type(name) is int else name for name in columns]
    names = [str.__str__(name) if isinstance(name, str) else name for name in names]
    if any(isinstance(name, (list, Mapping, np.ndarray)) for name in names):
        raise InputError.of("Table.columns", "a list of names", columns, "Pass rows as data=, each a list of cells.")
    return names


def check_names(names: list[Any], where: str) -> None:
    """Refuse names that are no text, empty, or there twice."""
    problems: list[Problem] = []
    counts = Counter(name for name in names if isinstance(name, str))
    for name in names:
        if isinstance(name, str) and not is_utf8_encodable(name):
            problems.append(problem(where, "names that UTF-8 can hold", name, "Remove the lone surrogates."))
        elif not isinstance(name, str) or not name:
            problems.append(problem(where, "names that are text and not empty", name, "Use str(name)."))
        elif counts[name] > 1:
            problems.append(problem(where, "names that differ", name, "Rename one of the columns.", "columns"))
    if problems:
        raise InputError(dict.fromkeys(problems))


def _read_rows(names: list[str], data: Any, mixed: bool) -> list[Column]:
    if is_array(data):
        data = data if isinstance(data, np.ndarray) else as_array(data, "Table.data")  # of any framework
        if data.ndim != 2:
            hint = "Pass one row for each item of the first axis."
            raise InputError.of("Table.data", "an array with two axes", data, hint, "shape")
        data = list(map(list, data)) if data.dtype.kind in "mM" else data.tolist()
    if data is None:
        data = ()
    if not isinstance(data, (list, tuple)):
        raise InputError.of("Table.data", "a list of rows", data, "Pass [[1, 'a'], [2, 'b']].")
    if data and not names:
        raise InputError.of("Table.columns", "a name for each cell of a row", names, "Name the columns.", "columns")
    problems: list[Problem] = []
    if not (set(map(type, data)) <= {list, tuple} and set(map(len, data)) <= {len(names)}):
        rows = [_row_problem(row, cells, names) for row, cells in enumerate(data)]
        problems = [bad for bad in rows if bad]
        data = [[None] * len(names) if bad else cells for bad, cells in zip(rows, data, strict=True)]
    columns = zip(names, _transposed(data, len(names)), strict=True)
    made: list[Column] = [collect(problems, Column.of, name, values, mixed) for name, values in columns]
    raise_all(problems)
    return made


def _transposed(rows: list[Any] | tuple[Any, ...], count: int) -> list[list[Any]]:
    """The cells of rows by column; few rows at once, which a processor's cache holds."""
    columns: list[list[Any]] = [[] for _ in range(count)]
    for start in range(0, len(rows), _BLOCK):
        for column, cells in zip(columns, zip(*rows[start : start + _BLOCK], strict=True), strict=True):
            column += cells
    return columns


def _row_problem(row: int, cells: Any, names: list[str]) -> Problem | None:
    if not isinstance(cells, (list, tuple)):
        return problem(f"Table.data[{row}]", "a list of cells", cells, "Pass one list for each row.", "row")
    if len(cells) != len(names):
        return problem(
            f"Table.data[{row}]",
            counted(len(names), "cell"),
            Verbatim(str(len(cells))),
            f"The columns are {names}.",
            "row",
        )
    return None


def read_frame(frame: Any, mixed: bool) -> list[Column]:
    """The columns of a DataFrame or of anything that speaks Arrow."""
    if is_instance(frame, "pandas", "DataFrame"):
        return _read_pandas(frame, mixed)
    if not is_frame(frame):
        hint = "Pass a pandas or polars DataFrame, or an Arrow table."
        raise InputError.of("Table.dataframe", "an object with __arrow_c_stream__", frame, hint)
    by_value: dict[str, Column] = {}
    names: list[str] = []  # in their order, if some columns are not Arrow's
    if is_instance(frame, "polars", "DataFrame"):  # its Object columns are pointers to Arrow
        objects = [name for name, dtype in frame.schema.items() if str(dtype) == "Object"]
        by_value = {name: read_column(name, frame[name].to_list(), mixed) for name in objects}
        names, frame = frame.columns, frame.drop(objects)
    try:
        is_batch = isinstance(frame, pa.RecordBatch)
        table = pa.Table.from_batches([frame]) if is_batch else pa.RecordBatchReader.from_stream(frame).read_all()
    except pa.ArrowException as error:
        hint = f"Cast or drop what Arrow does not know: {error}"
        raise InputError.of("Table.dataframe", "a stream of Arrow data", Verbatim(type(frame)), hint) from error
    check_names([*table.column_names, *by_value], "Table.columns")
    columns = by_value | {
        field.name: from_arrow(field, data, f"Table[{field.name!r}]")
        for field, data in zip(table.schema, table.columns, strict=True)
    }
    return [columns[name] for name in names or table.column_names]


def _read_pandas(frame: Any, mixed: bool) -> list[Column]:
    """Columns of objects are read by value, since pandas guesses their Arrow type; all others as Arrow."""
    if getattr(frame.columns, "nlevels", 1) > 1:
        hint = "Join the levels: df.columns = ['_'.join(c) for c in df.columns]."
        raise InputError.of("Table.dataframe", "columns with one level", frame.columns, hint)
    names = [str(name) for name in frame.columns]
    check_names(names, "Table.columns")
    return [read_column(name, frame.iloc[:, i], mixed) for i, name in enumerate(names)]


def read_column(name: str, data: Any, mixed: bool) -> Column:
    """A column of a list, tuple, array or Series."""

    if is_instance(data, "pandas", "Series"):
        if str(data.dtype).startswith("Sparse["):
            data = data.sparse.to_dense()
        if str(data.dtype) != "object":
            return _read_series(name, data)
        return Column.of(name, _without_missing(list(data)), mixed)
    if hasattr(data, "__array__") and is_iterable(data):
        is_plain = getattr(data, "ndim", 0) == 1 and getattr(data.dtype, "kind", "") in ("b", "i", "u", "f", "U")
        data = data.tolist() if is_plain else list(data)
    if isinstance(data, (str, bytes)) or not isinstance(data, (list, tuple)):
        raise InputError.of(f"Table[{name!r}]", "a list of values", data, "Pass one value for each row.")
    return Column.of(name, list(data), mixed)


def _without_missing(values: list[Any]) -> list[Any]:
    """Objects of pandas with None for NaN, which stands for a missing one where the others are no numbers."""
    is_nan = [isinstance(value, (float, np.floating)) and bool(value != value) for value in values]
    others = (value for value, missing in zip(values, is_nan, strict=True) if not missing)
    if not any(is_nan) or all(
        value is None or as_integer(value) is not None or isinstance(value, (float, np.floating)) for value in others
    ):
        return values
    return [None if missing else value for value, missing in zip(values, is_nan, strict=True)]


def _read_series(name: str, series: Any) -> Column:
    """A typed column of pandas; it is copied, and NaN in a column of numpy's floats stays NaN."""
    where = f"Table[{name!r}]"
    try:
        if isinstance(series.dtype, np.dtype):
            values = series.to_numpy()
            dtype = np.dtype(np.float64) if values.dtype == np.longdouble else values.dtype
            array = pa.array(values.astype(dtype.newbyteorder("=")))  # a copy
        else:
            array = pa.Array.from_pandas(series.copy())
    except pa.ArrowException as error:
        hint = f"Arrow says: {error}"
        raise InputError.of(where, "a column type that a table can hold", str(series.dtype), hint, "type") from error
    data = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    return from_arrow(pa.field(name, data.type), data, where)


def read_most(rows: Any) -> int | None:
    """The most rows that a table may have; None for no limit. Raises InputError."""
    most = None if rows is None else as_integer(rows)
    if rows is not None and (most is None or most < 0):
        raise InputError.of("Table.max_rows", "None or a number of rows", rows, "Leave it out for all.")
    return most


def sample_rows(count: int, most: int, sample: str) -> list[int]:
    """Ascending positions of the rows to keep."""
    return list(range(most)) if sample == "first" else sorted(random.Random(SEED).sample(range(count), most))


def to_numpy(values: list[Any], kind: str) -> Any:
    """Values of a column as an array: numbers with NaN for None, times as datetime64, everything else as objects.

    So are integers beyond 2^53 beside None, which float64 would round, and texts that numpy would cut at the end, or of
    which the longest would take many times the memory of all, since it gives each the same.
    """
    if kind in ("number", "null") or (kind == "integer" and None in values and _are_exact_floats(values)):
        return np.array(values, np.float64)
    if kind in ("integer", "boolean") and None not in values:
        return np.array(values)
    if kind in ("datetime", "timestamp"):
        return np.array([v if v is None else v.replace(tzinfo=None) for v in values], "datetime64[us]")
    if kind == "duration":
        return np.array(values, "timedelta64[us]")
    if kind == "string" and None not in values and _are_alike(values):
        return np.array(values, dtype=str)
    made = np.empty(len(values), object)
    made[:] = values
    return made


def _are_alike(texts: list[str]) -> bool:
    """Whether numpy's array of texts of one width holds them as they are, in little more memory."""
    lengths = list(map(len, texts))
    is_narrow = max(lengths, default=0) * len(texts) <= max(_PADDED, 16 * sum(lengths))
    return is_narrow and not any(text.endswith("\0") for text in texts)


def _are_exact_floats(values: list[Any]) -> bool:
    return all(value is None or -EXACT <= value <= EXACT for value in values)


def to_series(pandas: Any, values: list[Any], kind: str) -> Any:
    """Values of a column as a Series: typed where that keeps them as they are, else of objects."""
    exact = kind in ("number", "datetime", "timestamp", "duration") or (
        kind in ("integer", "boolean") and None not in values
    )
    return pandas.Series(values, dtype=None if exact else object)


_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
_BINARY = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
_KINDS: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_null, "null"),
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_floating, "number"),
    (pa.types.is_date, "date"),
    (pa.types.is_decimal, "decimal"),
    (pa.types.is_duration, "duration"),
    (lambda type_: any(is_(type_) for is_ in _BINARY), "binary"),
    (lambda type_: type_ in (pa.utf8(), pa.large_utf8(), pa.string_view()), "string"),
    (lambda type_: pa.types.is_timestamp(type_) and type_.tz is None, "datetime"),
    (pa.types.is_timestamp, "timestamp"),
    (lambda type_: pa.types.is_struct(type_) or pa.types.is_map(type_), "json"),
)
_ITEMS = ("null", "boolean", "integer", "number", "string")  # kinds of items of which lists are a kind
_CHECKED = ("integer", "datetime", "timestamp", "date", "duration", "json", "integer_list")  # whose values may not fit
_HINT = "Cast the column to text or numbers."
_YEARS = "times from year 1 to 9999"
_FIRST_AND_LAST = {
    "date": (pa.scalar(date.min, pa.date32()), pa.scalar(date.max, pa.date32())),
    **dict.fromkeys(
        ("datetime", "timestamp"),
        (pa.scalar(datetime.min, pa.timestamp("us")), pa.scalar(datetime.max, pa.timestamp("us"))),
    ),
}


def from_arrow(field: pa.Field, data: pa.ChunkedArray, where: str) -> Column:
    """A column of Arrow data; whether it can be stored is looked at chunk by chunk. Raises InputError."""
    kind = _kind_of(data.type)
    try:
        if pa.types.is_run_end_encoded(data.type) and not pa.types.is_dictionary(data.type.value_type):
            decoded = pa.chunked_array([pc.run_end_decode(chunk) for chunk in data.chunks], data.type.value_type)
            return from_arrow(field.with_type(decoded.type), decoded, where)
        if kind is None or not _casts(data, kind):
            return Column.of(field.name, _values(data), False)
        for chunk in data.chunks if kind in _CHECKED else ():
            _check_years(cast_to(pa.chunked_array([chunk], data.type), kind, kind, where), kind, where)
    except pa.ArrowNotImplementedError as error:
        raise InputError.of(where, "a column type that a table can hold", str(field.type), _HINT, "type") from error
    except OverflowError as error:  # times in lists and structs, which become Python's
        raise InputError.of(where, _YEARS, str(error), _HINT, "range") from error
    except pa.ArrowInvalid as error:
        hint = "Cast the column first; times need whole microseconds, integers 64 bits."
        expected = f"values that fit {storage_type(kind)}" if kind else "times in whole microseconds"
        raise InputError.of(where, expected, str(error), hint, "range") from error
    return Column(field.name, kind, data)


def _check_years(data: pa.ChunkedArray, kind: str, where: str) -> None:
    """Refuse times that Python's cannot be; Arrow's reach 300 000 years."""
    if kind not in _FIRST_AND_LAST:
        return
    first, last = _FIRST_AND_LAST[kind]
    limits = pc.min_max(data.cast(first.type, safe=False).cast(pa.int64() if kind != "date" else pa.int32()))
    lowest, highest = limits["min"].as_py(), limits["max"].as_py()
    if lowest is not None and not first.value <= lowest <= highest <= last.value:
        beyond = lowest if lowest < first.value else highest
        raise InputError.of(
            where, _YEARS, Verbatim(f"{beyond} {'days' if kind == 'date' else 'us'} since 1970"), _HINT, "range"
        )


def _kind_of(type_: pa.DataType) -> str | None:
    """The kind that a column of an Arrow type is stored as by a cast; None if it has to be read by value."""
    if pa.types.is_dictionary(type_):
        return _kind_of(type_.value_type)
    if any(is_list(type_) for is_list in _LISTS):
        kind = _kind_of(type_.value_type)
        return "json" if kind == "json" or kind in _LISTS_OF_ITEMS else f"{kind}_list" if kind in _ITEMS else None
    return next((kind for check, kind in _KINDS if check(type_)), None)


_LISTS_OF_ITEMS = frozenset(f"{kind}_list" for kind in _ITEMS)


def _casts(data: pa.ChunkedArray, kind: str) -> bool:
    """Whether Arrow knows the cast; of lists it looks at their items only where there is a list."""
    try:
        cast_to(pa.chunked_array([pa.nulls(1, data.type)]), kind, kind, "")
    except pa.ArrowNotImplementedError:
        return False
    return True


def _values(data: pa.ChunkedArray) -> list[Any]:
    """Python values of data that no cast stores."""
    if isinstance(data.type, pa.BaseExtensionType):
        name = data.type.extension_name
        if name == "arrow.json":
            return [None if text is None else json.loads(text) for text in data.to_pylist()]
        if name == "arrow.fixed_shape_tensor" and not data.null_count:
            return [array for chunk in data.chunks for array in chunk.to_numpy_ndarray()]
        if name not in ("arrow.uuid", "arrow.bool8"):
            raise pa.ArrowNotImplementedError("what its storage means only its owner knows")
    if pa.types.is_interval(data.type):
        raise pa.ArrowNotImplementedError("months, days and nanoseconds are no one value")
    if pa.types.is_time(data.type):
        data = data.cast(pa.time64("us"))  # raises where nanoseconds would be lost
    return data.to_pylist()  # type: ignore[no-any-return]

"""Table: rows of typed columns, whose cells may be media values."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from ..._core import canonical
from ..._core.declaration import Document, Field, Integer, List, Record, Rule, Text, reference
from ..._core.deps import need
from ..._core.errors import InputError, Problem, Verbatim, collect, problem, raise_all
from ..._core.inputs import flag, is_among
from ..._core.references import place_list
from ..._core.sidecar import Blob, HashingSink, Sink, Source
from ..._core.value import Value
from ..._core.wording import counted
from . import inputs
from .column import Column, add_row, at_once, growing
from .parts import (
    FILES,
    PART_ROWS,
    KeptPart,
    References,
    batch,
    batches,
    media_digest,
    read_columns,
    schema_of,
    write_json_part,
    write_packed,
    write_part,
    write_plain,
)

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


def _parts_fit(document: dict[str, Any], where: str) -> Iterator[Problem]:
    expected = -(-int(document["num_rows"]) // PART_ROWS) if document["columns"] else 0
    if len(document["parts"]) != expected:
        got = len(document["parts"])
        yield problem(f"{where}parts", f"{expected} parts for {document['num_rows']} rows", got, "Restore it.", "parts")


def _columns_fit(document: dict[str, Any], where: str) -> Iterator[Problem]:
    count = len(document["columns"])
    if len(set(document["columns"])) != count:
        yield problem(f"{where}columns", "names that differ", document["columns"], "Restore the document.", "columns")
    for name, number in (("kinds", len(document["kinds"])), ("num_columns", document["num_columns"])):
        if number != count:
            yield problem(f"{where}{name}", f"as many as columns, {count}", number, "Restore the document.", "columns")


_MEDIA_ROWS = 64  # that are read at once: pictures are large
_KEPT_PARTS = 16  # of given data; more would be a second copy of it
_LIST = Record(
    "Every sidecar of the cells, and theirs, by path: the list is a JSON array of references.",
    (*reference("the list"), Field("count", Integer(1), "How many they are.")),
)
_PART = Record(
    "Rows of the table.",
    (*reference("the part"), Field("refs", _LIST, "Present when its cells refer to sidecars.", required=False)),
)
TABLE = Document(
    "table",
    "1.0",
    "Rows of typed columns. The parts are Parquet files, or JSON, of 8192 rows each, the last one of the rest; they "
    "hold the columns in order.",
    (
        Field("num_rows", Integer(0), "Rows.", column=True),
        Field("num_columns", Integer(0), "Columns.", column=True),
        Field("columns", List(Text(min_length=1)), "Name of each column."),
        Field("kinds", List(Text(pattern="[a-z][a-z0-9_]{0,62}")), "Kind of each column."),
        Field("format", Text(choices=("json",)), "Present when the parts are JSON; else they are Parquet.", False),
        Field("parts", List(_PART), "The rows."),
        Field("sample", Text(choices=("first", "random")), "How rows were chosen, if some were left out.", False),
        Field("sampled_from", Integer(0), "Rows before some were left out.", required=False),
        Field("sample_seed", Integer(), "Seed of a random sample.", required=False),
    ),
    (Rule("there is one part for each 8192 rows", _parts_fit), Rule("each column has a name and a kind", _columns_fit)),
)


class Table(Value):
    """Rows of typed columns; it grows, so it cannot be hashed. Encoding takes a snapshot.

    Args:
        columns: names of the columns, ("Input", "Output", "Expected") by default; or a DataFrame, as `dataframe`.
        data: rows, each a list or tuple with a cell for every column; a two-dimensional array; or a DataFrame, as
            `dataframe`.
        dataframe: a pandas DataFrame, a polars one, or any object with `__arrow_c_stream__`. The index is left out.
        allow_mixed_types: keep a column of several types as JSON text instead of refusing it.
        max_rows: the most rows; None for no limit.
        sample: which rows to keep where there are more: "first" or "random" (seed 0, in their order). It is recorded
            in the document. Without it more rows are an error.
        format: "parquet" (default), or "json" for a small table that people read and other programs parse without
            Arrow; it is stored as rows of JSON, and is the same table when read.

    A column holds one kind of value, and None: int (of 64 bits), float (with ints up to 2**53), bool, str, bytes,
    datetime without zone, datetime with zone (kept in UTC), date, timedelta, Decimal, lists of one of the first four,
    other lists and dicts of JSON data, media values, or lists of media values. Everything else that `Run.log` takes is
    taken, and becomes what it becomes there: an Enum its value, a path text, a set a list, a dataclass a dict, an array
    with one element a number, a PIL image an `Image`. NaN and None stay different; hidden values of masked arrays are
    None. Times have microseconds. Arrow data is kept as it was given.

    The media of a table that was read are decoded when they are asked for.

    Raises:
        InputError: with every cell that does not fit, or whose row is too short or too long.

    >>> table = Table(columns=["name", "score"], data=[["a", 0.5], ["b", None]])
    >>> table.add_data("c", 1)
    >>> table.num_rows, table.get_column("score")
    (3, [0.5, None, 1.0])
    """

    _declaration = TABLE
    __hash__ = None  # type: ignore[assignment]
    _columns: list[Column]
    _format: str
    _mixed: bool
    _max_rows: int | None
    _sample: dict[str, Any]
    _blobs: dict[int, KeptPart]  # by position
    _unknown_parts: list[tuple[dict[str, Any], dict[str, Any]]]  # unknown members of each part, and of its refs

    def __init__(
        self,
        columns: Any = None,
        data: Any = None,
        *,
        dataframe: Any = None,
        allow_mixed_types: bool = False,
        max_rows: int | None = None,
        sample: Literal["first", "random"] | None = None,
        format: Literal["parquet", "json"] = "parquet",
    ) -> None:
        problems: list[Problem] = []
        if not is_among(format, FILES):
            problems.append(problem("Table.format", "'parquet' or 'json'", format, "Leave it out."))
        if sample is not None and not is_among(sample, ("first", "random")):
            problems.append(problem("Table.sample", "None, 'first' or 'random'", sample, "Pass sample='random'."))
        most = collect(problems, inputs.read_most, max_rows)
        mixed = collect(problems, flag, allow_mixed_types, "Table.allow_mixed_types")
        made = collect(problems, inputs.read, columns, data, dataframe, mixed)
        raise_all(problems)
        self._fill(made, format, allow_mixed_types=mixed, max_rows=most)
        self._limit(sample)

    def _fill(
        self, columns: list[Column], format: str, *, allow_mixed_types: bool = False, max_rows: int | None = None
    ) -> None:
        self._set(_columns=columns, _format=format, _mixed=allow_mixed_types, _max_rows=max_rows)
        self._set(_sample={}, _blobs={}, _unknown_parts=[])

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self._columns]

    @property
    def kinds(self) -> list[str]:
        """Kind of each column, by the names that kinds have in a run: "number", "string", "image", "datetime"..."""
        return [column.public_kind for column in self._columns]

    @property
    def format(self) -> str:
        """How rows are stored: "parquet" or "json"."""
        return self._format

    @property
    def num_rows(self) -> int:
        """How many rows the table has now."""
        return len(self._columns[0]) if self._columns else 0

    @property
    def num_columns(self) -> int:
        """How many columns the table has now."""
        return len(self._columns)

    def __len__(self) -> int:
        return self.num_rows

    def __repr__(self) -> str:
        return f"Table({counted(self.num_rows, 'row')}, columns={self.columns})"

    def add_data(self, *row: Any) -> None:
        """Add a row: a cell for every column. Nothing is added if one of them does not fit."""
        with growing():
            if len(row) != len(self._columns):
                expected, hint = counted(len(self._columns), "cell"), f"The columns are {self.columns}."
                raise InputError.of("Table.add_data", expected, Verbatim(f"{len(row)}"), hint, "row")
            if self._max_rows is not None and (at := self.num_rows) >= self._max_rows:
                expected, hint = f"at most max_rows={self._max_rows} rows", "Raise max_rows, or begin a new table."
                raise InputError.of("Table.add_data", expected, at + 1, hint, "max-rows")
            if add_row(self._columns, row, self._mixed):
                self._set(_blobs={})  # earlier rows are stored in another way now

    def add_column(self, name: str, data: Any) -> None:
        """Add a column: a list, tuple, array or Series with a value for every row.

        Raises:
            InputError: the name is taken, the length differs, or values do not fit one kind.
        """
        problems: list[Problem] = []
        collect(problems, inputs.check_names, [*self.columns, name], "Table.add_column.name")
        column = collect(problems, inputs.read_column, name, data, self._mixed)
        with growing():
            if column is not None and self._columns and len(column) != self.num_rows:
                where, got = f"Table.add_column[{name!r}]", Verbatim(str(len(column)))
                problems.append(problem(where, counted(self.num_rows, "value"), got, "Match the rows.", "row"))
            raise_all(problems)
            self._set(_columns=[*self._columns, cast(Column, column)], _blobs={})

    def get_column(self, name: str, convert_to: Literal["numpy"] | None = None) -> Any:
        """The values of a column as a list; with `convert_to="numpy"` as an array, of which None in numbers is NaN.

        Raises:
            InputError: there is no such column.
        """
        column = next((each for each in at_once(self._columns)[0] if is_among(name, (each.name,))), None)
        if column is None:
            raise InputError.of("Table.get_column", f"one of {self.columns}", name, "Check the name.", "columns")
        if convert_to is not None and not is_among(convert_to, ("numpy",)):
            raise InputError.of("Table.get_column.convert_to", "None or 'numpy'", convert_to, "Leave it out.")
        values = column.values()
        return values if convert_to is None else inputs.to_numpy(values, column.kind)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas DataFrame of the Python values; needs pandas."""
        pandas = need("pandas", extra="pandas", needed_for="Table.to_pandas()")
        columns, rows = at_once(self._columns)
        series = {each.name: inputs.to_series(pandas, each.values(0, rows), each.kind) for each in columns}
        frame: pd.DataFrame = pandas.DataFrame(series, columns=list(series))
        return frame

    def get_dataframe(self) -> pd.DataFrame:
        """`to_pandas()`, by the name that it has in W&B."""
        return self.to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """A polars DataFrame of the table as it is stored; media cells are structs. Needs polars."""
        polars = need("polars", extra="polars", needed_for="Table.to_polars()")
        return polars.from_arrow(self.to_arrow())  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[list[Any]]:
        """The rows, each a list of Python values."""
        columns, rows = at_once(self._columns)
        size = _MEDIA_ROWS if any(column.may_hold_media for column in columns) else PART_ROWS
        for start in range(0, rows, size):
            stop = min(rows, start + size)
            yield from map(list, zip(*(column.values(start, stop) for column in columns), strict=True))

    @classmethod
    def from_arrow(cls, data: Any, **options: Any) -> Self:
        """A table of an Arrow table, record batch or reader, or of any object with `__arrow_c_stream__`.

        The Arrow memory is shared, not copied, and stays as it is: each part is made when it is stored. `options` are
        those of `Table(...)`.
        """
        return cls(dataframe=data, **options)

    @classmethod
    def from_pandas(cls, data: pd.DataFrame, **options: Any) -> Self:
        """A table of a pandas DataFrame, which is copied; the index is left out."""
        return cls(dataframe=data, **options)

    @classmethod
    def from_polars(cls, data: Any, **options: Any) -> Self:
        """A table of a polars DataFrame, whose memory is shared."""
        return cls(dataframe=data, **options)

    def to_arrow(self) -> pa.Table:
        """A pyarrow Table as it is stored; media cells are structs."""
        import pyarrow as pa

        columns, rows = at_once(self._columns)
        return pa.Table.from_batches(batches(columns, rows, HashingSink()), schema_of(columns))

    def to_parquet(self, path: str | os.PathLike[str], *, packed: bool = False, sink: Sink | None = None) -> None:
        """Write one Parquet file that other tools read.

        Args:
            path: the file to write; one that is there is replaced when the new one is complete.
            packed: in the shape of Hugging Face: a media cell that has a file of its own is
                `struct<bytes: binary, path: string>`, which `datasets.load_dataset("parquet", data_files=path)` decodes
                for images and leaves as bytes for audio and video, also in lists. A column `<name>_document` beside it
                (with a number behind it where that name is taken) keeps the document, with caption and overlays. Media
                without a file (histograms, tables) are their documents.
            sink: where the sidecars of media cells go. Without it their cells name them by content only.

        Raises:
            InputError: both a packed file and a sink are asked for.
            StoreError: the system refused.
        """
        if (packed := flag(packed, "Table.to_parquet.packed")) and sink is not None:
            raise InputError.of(
                "Table.to_parquet.sink", "None with packed=True", sink, "A packed file holds all bytes."
            )
        if packed:
            write_packed(path, *at_once(self._columns))
        else:
            write_plain(path, *at_once(self._columns), HashingSink() if sink is None else sink)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The Arrow PyCapsule protocol: `polars.DataFrame(table)`, `duckdb.sql("from table")`, `pa.table(table)`."""
        import pyarrow as pa

        columns, rows = at_once(self._columns)
        reader = pa.RecordBatchReader.from_batches(schema_of(columns), batches(columns, rows, HashingSink()))
        return reader.__arrow_c_stream__(requested_schema)

    def snapshot(self) -> Self:
        """A copy that grows on its own; values are shared."""
        with growing():
            return self._replace(_columns=[column.copy() for column in self._columns], _blobs=dict(self._blobs))

    def __getstate__(self) -> dict[str, Any]:
        state = self.snapshot().__dict__
        return {**state, "_columns": [column.detached() for column in state["_columns"]]}

    def _identity(self) -> str:
        fresh = self.snapshot()  # not kept: the table may grow
        fresh._blobs.clear()  # another version of Arrow may have written them
        return canonical.dumps(fresh._to_part(HashingSink()))

    def _limit(self, sample: str | None) -> None:
        if self._max_rows is None or self.num_rows <= self._max_rows:
            return
        if sample is None:
            hint = "Raise it, or keep some rows with sample='first' or sample='random'."
            raise InputError.of("Table", f"at most max_rows={self._max_rows} rows", self.num_rows, hint, "max-rows")
        rows = inputs.sample_rows(self.num_rows, self._max_rows, sample)
        record = {"sample": sample, "sampled_from": self.num_rows}
        record |= {"sample_seed": inputs.SEED} if sample == "random" else {}
        self._set(_columns=[column.take(rows) for column in self._columns], _sample=record)

    def _encode(self, sink: Sink) -> dict[str, Any]:
        columns, rows = at_once(self._columns)
        now = self._replace(_columns=columns)  # with the same parts that are kept
        document = {
            "num_rows": rows,
            "num_columns": now.num_columns,
            "columns": now.columns,
            "kinds": now.kinds,
            **({"format": self._format} if self._format != "parquet" else {}),
            "parts": [now._place_part(position, rows, sink) for position in range(-(-rows // PART_ROWS))],
            **self._sample,
        }
        for part, (unknown, unknown_refs) in zip(document["parts"], self._unknown_parts, strict=False):
            part.update(copy.deepcopy(unknown))
            part.get("refs", {}).update(copy.deepcopy(unknown_refs))
        return document

    def _place_part(self, position: int, rows: int, sink: Sink) -> dict[str, Any]:
        """The document of a part, whose file and whose list of references are placed into `sink`."""
        references = References(sink)
        part = self._part(position, rows, references).place(sink, *FILES[self._format])
        if references.by_path:
            part["refs"] = place_list(references.by_path.values(), sink)
        return part

    def _part(self, position: int, rows: int, references: References) -> Blob:
        """The file of a part; one of Parquet is written once if its rows and their sidecars stay the same."""
        start, stop = position * PART_ROWS, min(rows, (position + 1) * PART_ROWS)
        if self._format == "json":
            return write_json_part(self._columns, start, stop, references)
        kept = self._blobs.get(position)
        kept = kept if kept and kept.rows == stop - start else None
        media = [column for column in self._columns if column.may_hold_media]
        if kept and (not media or (all(map(Column.is_unchanging, media)) and references.take(kept.references))):
            return kept.blob
        part = batch(self._columns, start, stop, references)
        digest = media_digest(self._columns, part)
        blob = kept.blob if kept and kept.media == digest else write_part(part)
        if position < _KEPT_PARTS or all(start >= column.head_length for column in self._columns):
            self._blobs[position] = KeptPart(blob, stop - start, digest, references.by_path)
        return blob

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        made = cls.__new__(cls)
        columns, blobs = read_columns(document, source)
        made._fill(columns, document.get("format", "parquet"))
        made._blobs.update(enumerate(blobs))
        unknown = [(_PART.unknown(part), _LIST.unknown(part.get("refs", {}))) for part in document["parts"]]
        made._set(
            _sample={name: document[name] for name in ("sample", "sampled_from", "sample_seed") if name in document},
            _unknown_parts=copy.deepcopy(unknown),
        )
        return made

"""Reading the Parquet files of a run; damage is our error, never a traceback of pyarrow."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .._core import canonical
from .._core.codec import read_document
from .._core.errors import DocumentError, Problem, StoreError, Verbatim, os_error, problem
from .._core.location import Location
from .._core.registry import is_tag
from .._core.sidecar import open_file, read_file
from ..columns.arrays import Array
from ..columns.arrow import fixed, to_numpy
from ..columns.batch import RANK, Batch, Column, Values
from ..columns.cells import MEDIA_LIST, arrow_type, is_media_kind
from .footer_checksum import is_damaged
from .merge_rows import arrow_schema
from .schema import COLUMNS, ColumnSpec

FOOTER = b"mediatypes"
_PROBLEMS = 20  # of one footer that are told
_SMALL = 256 * 1024  # bytes of a file that is read as a whole: less work than ranges of it
_READ_ROWS = 4096  # read at once: how many bytes they take is known only then
_PIECE_ROWS, _PIECE_BYTES = 64 * 1024, 32 * 1024 * 1024  # whichever comes first is handed on at once
Steps = tuple[int, int]  # first and end


class _Checked:
    """What was right when it was checked last: files of a sweep are alike, and comparing is quicker than checking."""

    columns: tuple[pa.Schema, Any, list[ColumnSpec]] | None = None  # with what the footer lists, which may be anything
    history: pa.Schema | None = None


class StoredTable:
    """A Parquet file of a run, open: it stays the same file when another is renamed over it.

    Raises:
        StoreError: there is no such file.
        DocumentError: it is cut, damaged or foreign.
    """

    def __init__(self, path: Location, dictionaries: Iterable[str] = ()) -> None:
        self.path = path
        try:
            self._dictionaries, many = list(dictionaries) or None, False
            if isinstance(path, Path):
                source = _open_local(path)
                damaged = is_damaged(source)
            else:
                with path.open("rb") as file:
                    damaged = is_damaged(file)
                source, many = path.native(), True  # ranges that are close are read at once
            if damaged:
                raise pa.ArrowInvalid("a footer that differs from its checksum")
            self._source, self._pre_buffer = source, many
            self.file = pq.ParquetFile(
                source, pre_buffer=many, page_checksum_verification=True, read_dictionary=self._dictionaries
            )
        except (pa.ArrowException, OSError, ValueError) as error:  # names may be no UTF-8
            if isinstance(error, FileNotFoundError):
                raise os_error(StoreError, str(path), "read the file", error, "Is this a run folder?") from error
            _require_reachable(path, error)
            hint = "Restore the file, or recover the run from its journal."
            raise DocumentError.of(str(path), "a whole Parquet file", _said(error), hint, "parquet") from error
        with _our_errors(path, "a readable schema"):
            self.schema: pa.Schema = self.file.schema_arrow
        if FOOTER not in (self.schema.metadata or {}):
            raise self._foreign()

    @cached_property
    def columns(self) -> list[ColumnSpec]:
        """The columns that stand for a key and kind, as the footer lists them; raises `DocumentError`."""
        listed = self.footer.get("columns")
        if (last := _Checked.columns) and last[1] == listed and last[0].equals(self.schema):
            return list(last[2])
        problems = list(COLUMNS.check(listed, "columns"))
        specs = [] if problems else [ColumnSpec.from_json(column) for column in listed or ()]
        problems += misfits(self.schema, specs)
        if problems:
            hint = "Restore the file, or recover the run from its journal."
            named = [p._replace(path=f"{self.path}: {p.path}", hint=p.hint or hint) for p in problems[:_PROBLEMS]]
            raise DocumentError(named)
        _Checked.columns = self.schema, listed, specs
        return list(specs)

    def without_statistics(self) -> set[str]:
        """The columns of which some row group has no statistics, as those of floats that hold NaN."""
        with _our_errors(self.path, "a readable footer"):
            groups = [self.file.metadata.row_group(i) for i in range(self.file.num_row_groups)]
            chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
            return {chunk.path_in_schema for chunk in chunks if not chunk.is_stats_set}

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Some columns, in this order; all by default. Damaged pages are refused."""
        with _our_errors(self.path, "readable columns"):
            table = (
                self._read_groups(columns) if self._is_large(columns) else self.file.read(columns, use_threads=False)
            )
            return table if columns is None else table.select(columns)

    def _read_groups(self, columns: list[str] | None) -> pa.Table:
        """Some columns, row groups in parallel: of few columns that is faster than columns in parallel."""
        import pyarrow.dataset as ds

        options = ds.ParquetFragmentScanOptions(pre_buffer=self._pre_buffer, page_checksum_verification=True)
        format = ds.ParquetFileFormat(
            dictionary_columns=self._dictionaries or [], default_fragment_scan_options=options
        )
        return format.make_fragment(self._source).to_table(columns=columns)

    def read_where(self, column: str, text: str) -> pa.Table:
        """The rows in which a column has this text; row groups without such a row are not read."""
        import pyarrow.compute as pc

        with _our_errors(self.path, "readable columns"):
            return self.dataset().to_table(filter=pc.field(column) == text)

    def pieces(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """Some columns, in this order, some rows at a time, however large the file's row groups are."""
        if self.file.metadata.num_rows <= _READ_ROWS:  # at once: iterators cost a thread
            with _our_errors(self.path, "readable columns"):
                table = self.file.read(columns=columns, use_threads=False)
                table.validate(full=True)
                whole = table if columns is None else table.select(columns)
            if whole.num_rows:
                yield whole.combine_chunks()
            return
        waiting: list[pa.RecordBatch] = []
        for batch in self._batches(columns):
            waiting.append(batch)
            if len(waiting) * _READ_ROWS >= _PIECE_ROWS or sum(one.nbytes for one in waiting) >= _PIECE_BYTES:
                yield self._joined(waiting, columns)
                waiting = []
        if waiting:
            yield self._joined(waiting, columns)

    def _batches(self, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        with _our_errors(self.path, "readable columns"):
            batches = self.file.iter_batches(_READ_ROWS, columns=columns)
        while True:
            with _our_errors(self.path, "readable columns"):
                batch = next(batches, None)
                if batch is None:
                    return
                batch.validate(full=True)  # text that is not UTF-8, lists that reach beyond their items
            yield batch

    def _joined(self, batches: list[pa.RecordBatch], columns: list[str] | None) -> pa.Table:
        with _our_errors(self.path, "readable columns"):
            table = pa.Table.from_batches(batches).combine_chunks()
            return table if columns is None else table.select(columns)

    def dataset(self) -> Any:
        """The file as a pyarrow dataset."""
        return parts_dataset([self.path])

    def _is_large(self, columns: list[str] | None) -> bool:
        """Whether threads are worth their start."""
        cells: int = self.file.metadata.num_rows * len(self.schema if columns is None else columns)
        return cells > 500_000

    @cached_property
    def footer(self) -> dict[str, Any]:
        """The JSON object that we write into every file."""
        try:
            footer = canonical.loads(self.schema.metadata[FOOTER])
        except ValueError:
            footer = None
        if not isinstance(footer, dict):
            raise self._foreign()
        return footer

    def _foreign(self) -> DocumentError:
        hint = "Read it with pandas; it is not part of a run."
        got = self.path.name
        return DocumentError.of(str(self.path), "a Parquet file written by mediatypes", got, hint, "foreign")


def _open_local(path: Path) -> pa.NativeFile:
    """A file of this machine, a small one in memory; raises OSError, also for a pipe or device."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    if status.st_size <= _SMALL and len(data := read_file(path, _SMALL + 1)) <= _SMALL:
        return pa.BufferReader(data)
    return pa.OSFile(str(path))


def misfits(schema: pa.Schema, specs: Iterable[ColumnSpec]) -> Iterator[Problem]:
    """Where the columns that a footer lists are not those of the file."""
    types: dict[str, pa.DataType] = dict(zip(schema.names, schema.types, strict=True))
    if len(types) < len(schema.names):
        yield problem("columns", "columns of different names", Verbatim("equal ones"), "", "columns")
    for spec in specs:
        expected = arrow_type(spec.kind)
        if types.pop(spec.name, None) != expected:
            where = f"columns[{spec.name!r}]"
            if is_media_kind(spec.kind) and spec.kind != MEDIA_LIST and not is_tag(spec.kind):
                yield problem(where, "a kind", spec.kind, "", "columns")
            else:
                got = schema.field(spec.name).type if spec.name in schema.names else "no such column"
                message = f"expected a column of {expected} for the kind {spec.kind}, got {got}"
                yield Problem(where, message, "columns")


def _wrong_fixed(schema: pa.Schema) -> Iterator[Problem]:
    """Which of the columns that every history has are not there, or others."""
    for expected in arrow_schema([]):
        number = schema.names.count(expected.name)
        field = schema.field(expected.name) if number == 1 else None
        if field is None or field.type != expected.type or field.nullable:
            got = f"{field.type}{', which may be null' * field.nullable}" if field else f"{number} columns"
            message = f"expected {expected.type} in every row, got {got}"
            yield Problem(expected.name, message, "columns", "Restore the file from a copy.")


class StoredHistory(StoredTable):
    """`history.parquet`: its columns, and its rows as calls, for a run that is resumed."""

    def __init__(self, path: Location) -> None:
        super().__init__(path)
        if _Checked.history is not None and _Checked.history.equals(self.schema):
            return
        problems = list(_wrong_fixed(self.schema))
        if problems:
            raise DocumentError(p._replace(path=f"{path}: {p.path}") for p in problems)
        _Checked.history = self.schema

    @property
    def specs(self) -> list[ColumnSpec]:
        """The columns beside the fixed ones."""
        return self.columns

    @property
    def calls(self) -> int:
        """How many calls were made into the rows."""
        calls, rows = self.footer.get("calls"), int(self.file.metadata.num_rows)
        return (calls if self.ranks else max(calls, rows)) if type(calls) is int else rows

    @cached_property
    def ranks(self) -> dict[int, int]:
        """Of a run with several ranks how many calls of each other than 0 were made into the rows."""
        ranks = self.footer.get("ranks")
        if not isinstance(ranks, dict) or RANK not in [(spec.key, spec.kind) for spec in self.specs]:
            return {}
        return {int(rank): calls for rank, calls in ranks.items() if rank.isdecimal() and type(calls) is int}

    def rows_by_rank(self) -> dict[int, int]:
        """How many rows each rank has logged."""
        if not self.ranks:
            return {0: int(self.file.metadata.num_rows)}
        name = next(spec.name for spec in self.specs if (spec.key, spec.kind) == RANK)
        ranks, counts = np.unique(to_numpy(self.read(["_step", name]).column(name)), return_counts=True)
        return dict(zip(ranks.astype(int).tolist(), counts.tolist(), strict=True))

    def read(self, columns: list[str], steps: Steps | None = None) -> pa.Table:  # type: ignore[override]
        """Some columns of the rows, in this order; with `steps` only rows with first <= _step < end.

        Row groups without such a row are not read.
        """
        if steps is None:
            return super().read(columns)
        wanted = list(dict.fromkeys(["_step", *columns]))
        with _our_errors(self.path, "readable columns"):
            groups = [i for i in range(self.file.num_row_groups) if self._has_step(i, steps)]
            table = self.file.read_row_groups(groups, wanted, use_threads=self._is_large(wanted))
        return slice_steps(table, steps).select(columns)

    def _has_step(self, group: int, steps: Steps) -> bool:
        """Whether a row group may hold a row of these steps."""
        statistics = self.file.metadata.row_group(group).column(self.schema.get_field_index("_step")).statistics
        if statistics is None or not statistics.has_min_max:
            return True
        return bool(statistics.max >= steps[0] and statistics.min < steps[1])

    def batches(self) -> Iterator[Batch]:
        """The rows in order, each as one call. They are numbered from 0: not beyond the calls they were made of."""
        first = 0
        for table in self.pieces():
            with _our_errors(self.path, "readable columns"):
                batch = self._batch(first, table)
            if table.num_rows:
                yield batch
            first += table.num_rows

    def _batch(self, sequence: int, table: pa.Table) -> Batch:
        columns: dict[Column, Values] = {}
        for spec in self.specs:
            column = table.column(spec.name)
            calls = np.flatnonzero(column.is_valid().to_numpy())
            if len(calls):
                columns[spec.key, spec.kind] = Values(calls, _values(spec.kind, column.drop_null()), spec.integral)
        steps, stamps = (to_numpy(table.column(name)) for name in ("_step", "_timestamp"))
        ranks = _whole(columns[RANK].values, table.num_rows) if self.ranks else None
        return Batch(sequence, steps, stamps, columns, ranks)


def _whole(values: Array | list[Any], count: int) -> Array:
    """Doubles as the integers that they are; raises ValueError unless there are so many."""
    numbers = np.asarray(values)
    if len(numbers) != count or not ((numbers >= 0) & (numbers < 2**31) & (numbers == np.floor(numbers))).all():
        raise ValueError("a rank for each row expected")
    return numbers.astype(np.int64)


def parts_dataset(paths: Sequence[Location]) -> Any:
    """Parquet files of one place as a pyarrow dataset with the columns of the first."""
    import pyarrow.dataset as ds

    elsewhere = [path for path in paths if not isinstance(path, Path)]
    if not elsewhere:
        return ds.dataset([str(path) for path in paths], format="parquet")
    return ds.dataset([path.path for path in elsewhere], format="parquet", filesystem=elsewhere[0].filesystem)


def slice_steps(table: pa.Table, steps: Steps | None) -> pa.Table:
    """The rows with first <= _step < end; steps ascend."""
    if steps is None or not table.num_rows:
        return table
    first, end = np.searchsorted(to_numpy(table.column("_step")), steps).tolist()
    return table.slice(first, max(end - first, 0))


def read_texts(path: Path, column: str) -> Iterator[str | None]:
    """A column of texts of any Parquet file; raises `DocumentError` if it is damaged or has no such column."""
    with _our_errors(path, f"a readable column {column}"), open_file(path) as file:
        for batch in pq.ParquetFile(file, page_checksum_verification=True).iter_batches(_READ_ROWS, columns=[column]):
            yield from batch.column(column).to_pylist()


def filter_steps(table: pa.Table, steps: Steps | None) -> pa.Table:
    """The rows with first <= _step < end, of several runs."""
    if steps is None:
        return table
    step = to_numpy(table.column("_step"))
    return table.filter(fixed((step >= steps[0]) & (step < steps[1])))


def _values(kind: str, column: pa.ChunkedArray) -> Array | list[Any]:
    """The cells of a column without nulls, as the journal has them."""
    if kind in ("number", "integer", "boolean"):
        return to_numpy(column)
    if not is_media_kind(kind):
        return column.to_pylist()  # type: ignore[no-any-return]
    if kind == MEDIA_LIST:
        return [[read_document((item or {}).get("_doc")) for item in cell] for cell in column.to_pylist()]
    return [read_document(text) for chunk in column.chunks for text in chunk.field("_doc").to_pylist()]


@contextlib.contextmanager
def _our_errors(path: Location, expected: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, LookupError, ValueError) as error:
        if isinstance(error, (StoreError, DocumentError)):
            raise
        _require_reachable(path, error)
        hint = "Restore the file from a copy."
        raise DocumentError.of(str(path), expected, _said(error), hint, "parquet") from error


def _require_reachable(path: Location, error: Exception) -> None:
    """Raise `StoreError` if the system refused. What pyarrow says of damage and of a lost connection looks alike."""
    if isinstance(error, OSError) and error.errno:
        raise os_error(StoreError, str(path), "read the file", error, "Check permissions and the disk.") from error
    try:
        path.exists()
    except OSError as error:
        hint = "Check the credentials and the network."
        raise os_error(StoreError, str(path), "read the file", error, hint) from error


def _said(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__

"""Many run folders as one Parquet dataset, so that analysis opens a few files instead of one for each run.

    history/part-00001.parquet   the rows of some runs, whole runs one after another, the run's name in `run`
    media/part-00001.parquet     the rows of their media.parquet
    runs/part-00001.parquet      a row for each of them
    .../part-00000.parquet       no rows, but the columns of all parts: readers that look at the first file know them
    compact.json                 which run stands in which part, as it was when it was read

A part is written aside and renamed, and `compact.json` comes last: what a reader sees is whole, and work that was
interrupted is done again under the same names. A column keeps its name once it has one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .._core.errors import DocumentError, MediaTypesError, Problem, describe
from .._core.parallel import Progress, map_runs
from ..columns.arrow import TYPES, fixed, texts
from ..columns.cells import arrow_type, is_media_kind
from ..runfolder import files
from ..runfolder.media_index import all_columns as media_columns
from ..runfolder.merge_rows import GROUP_ROWS, arrow_schema
from ..runfolder.parquet_reader import StoredHistory, StoredTable
from ..runfolder.parquet_writer import write_parquet
from ..runfolder.schema import FIXED as ROW_FIXED
from ..runfolder.schema import ColumnSpec, Schema
from .listing import FIXED as RUN_FIXED
from .listing import Listing
from .manifest import TABLES, Manifest, Part, Stamp
from .union import RUN

_RUNS = 500  # in a part, at most
_BYTES = 64 * 1024 * 1024  # of their Parquet files in a part, about: all are open at once, small ones in memory


class Compacted(NamedTuple):
    """What compacting did."""

    added: list[str]  # runs that were not there
    replaced: list[str]  # runs that had changed
    unchanged: int
    waiting: list[str]  # runs that are not over yet
    problems: list[Problem]  # runs that could not be read


class _Found(NamedTuple):
    """A run that is over: its name, its folder, and how it stands. What changes it later is seen the next time."""

    name: str
    path: str
    stamp: Stamp


class _Job(NamedTuple):
    """A part to be written."""

    number: int
    had: tuple[str, ...]  # runs that it holds; those that are not read, or cannot be, stay as they are
    read: tuple[_Found, ...]  # runs to be read


class _Written(NamedTuple):
    """A part that was written aside."""

    columns: dict[str, list[ColumnSpec]]  # by table, as they stand in the part
    stamps: dict[str, Stamp]
    problems: list[Problem]


def compact(
    runs: Iterable[tuple[str, Path]],
    dest: Path,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Compacted:
    """Add runs that are over to the dataset in `dest`, which is made if needed.

    Args:
        runs: names and folders.
        executor: writes parts at the same time; by default a pool of processes.
        progress: as in `mediatypes.compact`.

    Raises:
        StoreError: the system refused; the dataset is as it was, or has some more parts.
        DocumentError: `dest` holds something else.
    """
    with Manifest.open(dest) as manifest:
        known = {run: (number, stamp) for number, part in manifest.parts.items() for run, stamp in part.items()}
        changed: dict[int, list[_Found]] = {}
        new: list[_Found] = []
        waiting, unchanged, problems = [], 0, list[Problem]()
        for name, path in runs:
            try:
                stamp = Stamp.of(folder := str(path))  # before reading
            except OSError as error:
                message = f"expected the files of a run, got {error.strerror!r}"
                is_lost = isinstance(error, FileNotFoundError) and Path(error.filename).name == files.SUMMARY
                hint = files.made_again(path) if is_lost else "Restore the file, or the folder."
                problems.append(Problem(str(error.filename or path), message, "run", hint))
                continue
            if stamp is None:
                waiting.append(name)
            elif name not in known:
                new.append(_Found(name, folder, stamp))
            elif known[name][1] != stamp:
                changed.setdefault(known[name][0], []).append(_Found(name, folder, stamp))
            else:
                unchanged += 1
        jobs = _plan(manifest, changed, new)
        total, done = sum(len(job.read) for job in jobs), 0
        columns = manifest.columns
        written: dict[int, _Written] = {}
        write = partial(_write_part, dest=dest, given=columns)
        for job, result in map_runs(write, jobs, executor):
            written[job.number] = result
            done += len(job.read)
            if progress:
                progress(done, total, job.read[-1].name)
        columns = _all_columns(columns, [written[number].columns for number in sorted(written)])
        again = [job for job in jobs if not _agree(written[job.number].columns, columns)]
        write = partial(_write_part, dest=dest, given=columns)
        for job, result in map_runs(write, again, executor):
            written[job.number] = result
        manifest.commit(
            {number: Part(result.stamps) for number, result in written.items()},
            columns,
            {table: _schema(table, columns[table]) for table in TABLES},
        )
    problems += [problem for result in written.values() for problem in result.problems]
    stamped = {run for result in written.values() for run in result.stamps}
    return Compacted(
        added=[run.name for run in new if run.name in stamped],
        replaced=[run.name for part in changed.values() for run in part if run.name in stamped],
        unchanged=unchanged,
        waiting=waiting,
        problems=problems,
    )


def _plan(manifest: Manifest, changed: dict[int, list[_Found]], new: Sequence[_Found]) -> list[_Job]:
    """Parts with changed runs are written again, the last one is filled up, and the rest makes new ones."""
    last = max(manifest.parts, default=0)
    chunks = _chunks(new, _RUNS - len(manifest.parts.get(last, ())) if last else 0)
    first = next(chunks, [])
    numbers: list[int] = sorted({*changed, *([last] if last and first else [])})
    jobs = []
    for number in numbers:
        read = [*changed.get(number, ()), *(first if number == last else ())]
        jobs.append(_Job(number, tuple(manifest.parts[number]), tuple(read)))
    if not last and first:
        jobs.append(_Job(last := 1, (), tuple(first)))
    jobs += [_Job(number, (), tuple(chunk)) for number, chunk in enumerate(chunks, last + 1)]
    return jobs


def _chunks(runs: Sequence[_Found], room: int) -> Iterator[list[_Found]]:
    """Runs by parts, the first of at most `room` runs (0: as any other)."""
    chunk: list[_Found] = []
    size, most = 0, room if room > 0 else _RUNS
    if room < 0:
        yield []
    for run in runs:
        chunk.append(run)
        for name in (files.HISTORY, files.MEDIA):
            with contextlib.suppress(OSError):
                size += os.stat(os.path.join(run.path, name)).st_size
        if len(chunk) >= most or size >= _BYTES:
            yield chunk
            chunk, size, most = [], 0, _RUNS
    if chunk:
        yield chunk


class _Run:
    """A run as the listing wants it, and its open files."""

    def __init__(self, path: Path) -> None:
        self.path, self.run = path, files.read_run_json(path)
        summary = self.run["summary"] = files.read_json(path / files.SUMMARY)
        self.history = StoredHistory(path / files.HISTORY)
        # media.parquet has the documents of the rows and of the summary: most runs of a sweep have none
        has_media = any(is_media_kind(spec.kind) for spec in self.history.specs)
        has_media = has_media or any(isinstance(value, (dict, list)) for value in summary.values())
        self.media = StoredTable(path / files.MEDIA) if has_media else None
        self.columns = [table.columns for table in (self.history, self.media) if table]  # damage is found now

    def describe(self) -> dict[str, Any]:
        return self.run


class _SoundRun(_Run):
    """One whose files were read to their ends."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        for table in filter(None, (self.history, self.media)):
            for _ in table.pieces():
                pass


def _write_part(job: _Job, dest: Path, given: dict[str, list[ColumnSpec]]) -> _Written:
    """Write the three files of a part aside; runs that cannot be read are left out."""
    try:
        return _write_tables(job, dest, given, _Run)
    except DocumentError:  # a page of some run is damaged, which is found when it is read
        return _write_tables(job, dest, given, _SoundRun)


def _write_tables(job: _Job, dest: Path, given: dict[str, list[ColumnSpec]], opened: type[_Run]) -> _Written:
    runs: dict[str, _Run] = {}
    stamps: dict[str, Stamp] = {}
    problems: list[Problem] = []
    for name, path, stamp in job.read:
        try:
            runs[name] = opened(Path(path))
            stamps[name] = stamp
        except (MediaTypesError, OSError) as error:
            problems += [problem._replace(path=problem.path or path) for problem in describe(error)]
    listing = Listing(runs.items())
    kept = [name for name in job.had if name not in stamps]
    old = _Old(dest, job.number, kept) if kept else None
    sources: dict[str, list[_Source]] = {
        "history": [_Source(name, run.history) for name, run in runs.items()],
        "media": [_Source(name, run.media) for name, run in runs.items() if run.media],
        "runs": [],
    }
    own = {table: old.columns(table) if old else [] for table in TABLES}
    columns = {
        table: _named(table, given[table], [own[table], *(source.specs for source in sources[table])])
        for table in ("history", "media")
    }
    columns["runs"] = _named("runs", given["runs"], [own["runs"], listing.columns])
    for table in TABLES:
        schema = _schema(table, columns[table])
        new = (
            _conform(schema, columns[table], sources[table])
            if table != "runs"
            else [_fill(listing.table(columns["runs"]), schema)]
        )
        tables = chain(old.rows(table, schema) if old else (), new)
        path = Manifest.part_path(dest, table, job.number, aside=True)
        footer = {"format": files.FORMAT, "table": table}
        finite = {*schema.names} - (
            _doubtful(columns[table], sources[table], old, table) if table != "runs" else {*schema.names}
        )
        write_parquet(path, schema, _grouped(tables), columns[table], footer, finite=finite)
    return _Written(columns, stamps, problems)


def _doubtful(columns: list[ColumnSpec], sources: Iterable[_Source], old: _Old | None, table: str) -> set[str]:
    """The columns of a part that may hold NaN, as they have no statistics in some file."""
    tables = [source.table for source in sources] + ([old.tables[table]] if old else [])
    in_part = {(spec.key, spec.kind): spec.name for spec in columns}
    doubtful: set[str] = set()
    for one in tables:
        names = {spec.name: in_part.get((spec.key, spec.kind), "") for spec in one.columns}
        doubtful |= {names.get(name, name) for name in one.without_statistics()}
    return doubtful


class _Source:
    """A table of one run."""

    def __init__(self, run: str, table: StoredTable) -> None:
        self.run, self.table, self.specs = run, table, table.columns
        self.like = (self.specs, table.schema)  # equal where all columns agree


class _Old:
    """The rows of a part that stay."""

    def __init__(self, dest: Path, number: int, kept: list[str]) -> None:
        self.kept = texts(kept)
        self.tables = {table: StoredTable(Manifest.part_path(dest, table, number)) for table in TABLES}

    def columns(self, table: str) -> list[ColumnSpec]:
        return self.tables[table].columns

    def rows(self, name: str, schema: pa.Schema) -> Iterator[pa.Table]:
        import pyarrow.compute as pc

        for table in self.tables[name].pieces():
            yield _fill(table.filter(pc.is_in(table.column(RUN), self.kept)), schema)


def _fixed(table: str) -> tuple[str, ...]:
    if table == "media":
        return RUN, *media_columns()
    return {"history": (RUN, *ROW_FIXED), "runs": RUN_FIXED}[table]


def _named(table: str, given: list[ColumnSpec], present: list[list[ColumnSpec]]) -> list[ColumnSpec]:
    """The columns that a part has, with the names that the dataset gives them as far as is known."""
    schema, own = Schema(_fixed(table), given), set[tuple[str, str]]()
    for specs in present:
        for spec in specs:
            schema.add_column(spec.key, spec.kind, spec.integral)
            own.add((spec.key, spec.kind))
    return [spec for spec in schema.specs() if (spec.key, spec.kind) in own and spec.kind != "null"]


def _all_columns(
    given: dict[str, list[ColumnSpec]], parts: list[dict[str, list[ColumnSpec]]]
) -> dict[str, list[ColumnSpec]]:
    """The columns of the dataset once these parts are in it."""
    columns = {}
    for table in TABLES:
        schema = Schema(_fixed(table), given[table])
        for part in parts:
            for spec in part[table]:
                schema.add_column(spec.key, spec.kind, spec.integral)
        columns[table] = schema.specs()
    return columns


def _agree(part: dict[str, list[ColumnSpec]], columns: dict[str, list[ColumnSpec]]) -> bool:
    """Whether a part gave every column the name that it has in the dataset."""
    names = {table: {(spec.key, spec.kind): spec.name for spec in specs} for table, specs in columns.items()}
    return all(names[table][spec.key, spec.kind] == spec.name for table, specs in part.items() for spec in specs)


def _schema(table: str, columns: list[ColumnSpec]) -> pa.Schema:
    if table == "runs":
        fixed = Listing([]).table([]).schema
    elif table == "media":
        fixed = pa.schema([(RUN, pa.utf8()), *((name, TYPES[kind]) for name, kind in media_columns().items())])
    else:
        fixed = pa.schema([(RUN, pa.utf8()), *arrow_schema([])])
    return pa.schema([*fixed, *((spec.name, arrow_type(spec.kind)) for spec in columns)])


def _conform(schema: pa.Schema, columns: list[ColumnSpec], sources: Iterable[_Source]) -> Iterator[pa.Table]:
    """The rows of runs with the columns of a part: those of runs that are alike, as in a sweep, all at once."""
    in_part = {(spec.key, spec.kind): spec.name for spec in columns}
    for (specs, _), alike in groupby(sources, lambda source: source.like):
        names = {spec.name: in_part.get((spec.key, spec.kind), "") for spec in specs}
        pieces = ((source.run, table) for source in alike for table in source.table.pieces())
        for runs, table in _joined(pieces):
            yield _fill(_renamed(table, names, runs), schema)


def _joined(pieces: Iterable[tuple[str, pa.Table]]) -> Iterator[tuple[pa.Array, pa.Table]]:
    """Tables of equal columns as few large ones, of one row group each, and for each row the name of its piece."""
    runs: list[str] = []
    waiting: list[pa.Table] = []
    rows = size = 0
    for run, table in chain(pieces, [("", None)]):
        if waiting and (table is None or rows + table.num_rows > GROUP_ROWS or size >= _BYTES):
            which = np.repeat(np.arange(len(runs)), [piece.num_rows for piece in waiting])
            yield texts(runs).take(fixed(which)), pa.concat_tables(waiting)
            runs, waiting, rows, size = [], [], 0, 0
        if table is not None:
            runs.append(run)
            waiting.append(table)
            rows, size = rows + table.num_rows, size + table.get_total_buffer_size()


def _renamed(table: pa.Table, names: Mapping[str, str], runs: pa.Array) -> pa.Table:
    """The columns of runs' tables under the names of a part; those that `names` does not have keep theirs."""
    columns = {names.get(name, name): column for name, column in zip(table.column_names, table.columns, strict=True)}
    return pa.table({**columns, RUN: runs})


def _fill(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """All columns of a schema; null where the table has none of that name and type."""
    types = dict(zip(table.schema.names, table.schema.types, strict=True))
    arrays = [
        table.column(field.name) if types.get(field.name) == field.type else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _grouped(tables: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
    """Record batches of many runs: each becomes a row group."""
    for _, table in _joined(("", table) for table in tables):
        yield from table.combine_chunks().to_batches()

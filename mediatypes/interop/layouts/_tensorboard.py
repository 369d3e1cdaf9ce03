"""Event files for TensorBoard: `events.out.tfevents.<when the run started>.<its id>`, or those it was imported from.

Of a run with several ranks each has a folder, `rank-0`, `worker-0`..., which TensorBoard shows as a run. What
describes the run as a whole is in that of rank 0.

A number is a scalar of float32, the one that TensorBoard shows: what is rounded is said. Texts, media and arrays become
what its plugins show, at the row's step and time. The config are hyperparameters, if there is one. What was set in the
summary, and the statistics of metrics, are values of `summary/<key>` at the last step. The step of a row is its
`global_step`, if it has one: rows that were captured from TensorBoard's writers have.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..._core.errors import MediaTypesError
from ..._core.sidecar import open_file, safe_parts
from ...columns.arrays import Array
from ...columns.cells import is_media_kind
from ...runfolder import files
from ...runfolder.content import RunContent
from ...runfolder.parquet_reader import StoredHistory
from ...runfolder.schema import ColumnSpec
from ...view import RunView
from ...writing.aligned import GLOBAL_STEP
from ..importing.names import free_name
from ..tensorboard.export import encode, records, sessions
from ..tensorboard.export.file import EventFile
from ..tensorboard.export.from_documents import TOO_LARGE, Converter
from ..tensorboard.export.write_events import write_events
from ..tensorboard.importing.plan import is_event_file
from ._content import NUMBERS, PIECE, Content, cells_of, folder_of_rank
from ._report import Tally

ROUNDED = "rounded to float32, all that TensorBoard shows"
BEYOND = "infinite: beyond float32, all that TensorBoard shows"
FAILS = "in the file, but TensorBoard's table of hyperparameters fails on steps from 2**31 on"


def write(view: RunView, folder: Path, tally: Tally) -> None:
    content = Content(view)
    report = _import_of(view, content)
    if report is None:
        _History(content, view.id, tally).write(folder)
    else:
        log = view.path / files.EVENTS
        with open_file(log) as file:
            tally.rows = write_events(log if isinstance(log, Path) else file, folder, tally)
        for key, (kind, _) in content.overrides().items():
            tally.lose(key, kind, "set in the summary of an imported run")
        _copy_attached(report, view, folder, tally)
    content.write_description(folder)


def _import_of(view: RunView, content: Content) -> dict[str, Any] | None:
    """The report of the import that made the run; None if it was logged, or went on since."""
    path = view.path / "import.json"
    history = content.history
    if not isinstance(history, StoredHistory) or not path.exists() or not (view.path / files.EVENTS).exists():
        return None
    report = files.read_json(path)
    return report if report.get("rows") == history.file.metadata.num_rows else None


def _copy_attached(report: dict[str, Any], view: RunView, folder: Path, tally: Tally) -> None:
    """What lay beside the event files: the projector's, and traces of profilers."""
    names = report.get("attached")
    for name in names if isinstance(names, list) else []:
        below = str(name).removeprefix(f"{files.ATTACHED}/")
        if is_event_file(below):
            continue
        try:
            target = folder.joinpath(*safe_parts(below))
            with view.store.open(str(name)) as source:
                target.parent.mkdir(parents=True, exist_ok=True)
                with open(target, "wb") as copied:
                    shutil.copyfileobj(source, copied)
        except MediaTypesError:
            tally.lose(below, "file", "it cannot be read")


class _Tags:
    """A tag for each column, and for what stands behind it: TensorBoard takes all values of one for the same kind."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, ...], str] = {}
        self._taken: set[str] = set()

    def give(self, owner: tuple[str, ...], *names: str) -> str:
        """The tag of an owner: the first of these names that is free, or the last with a number."""
        if owner not in self._given:
            name = next((name for name in names if name not in self._taken), names[-1])
            self._given[owner] = free_name(name, self._taken, "#")
        return self._given[owner]


class _History:
    def __init__(self, content: Content, id: str, tally: Tally) -> None:
        self._content, self._tally, self._tags = content, tally, _Tags()
        self._converter = Converter(tally)
        started = float(content.described.get("started", 0.0))
        self._started = started if np.isfinite(started) else 0.0
        plain_id = re.sub(r"[^\w-]", "_", id)[:64] or "run"
        self._name = f"events.out.tfevents.{min(max(int(self._started), 0), 10**10 - 1):010d}.{plain_id}"
        self._last = 0, self._started  # step and time of the last row, of rank 0
        self._largest = 0  # step
        self._steps = [
            spec
            for spec in content.specs
            if spec.key == GLOBAL_STEP and (spec.kind == "integer" or (spec.kind == "number" and spec.integral))
        ]
        self._specs = [spec for spec in content.specs if spec not in self._steps]
        for spec in self._specs:
            self._tag(spec.key, spec.kind)

    def write(self, folder: Path) -> None:
        with ExitStack() as stack:
            opened: dict[int | None, EventFile] = {}
            main = self._open(folder, None if self._content.rank is None else 0, stack, opened)
            self._write_config(main)
            for table in self._tables():
                for rank, rows in self._content.by_rank(table):
                    self._write_rows(self._open(folder, rank, stack, opened), rows, is_main=not rank)
            self._write_summary(main)
            self._write_end(main)

    def _open(self, folder: Path, rank: int | None, stack: ExitStack, opened: dict[int | None, EventFile]) -> EventFile:
        """The file of a rank, below a folder of its own, which is a run of TensorBoard."""
        if rank not in opened:
            place = folder if rank is None else folder / folder_of_rank(rank)
            place.mkdir(exist_ok=True)
            opened[rank] = stack.enter_context(EventFile(place / self._name, self._started))
        return opened[rank]

    def _tag(self, key: str, kind: str) -> str:
        return self._tags.give((key, kind), key, f"{key}#{kind}")

    def _tables(self) -> Iterator[pa.Table]:
        """The rows, some at a time."""
        history = self._content.history
        if isinstance(history, RunContent):
            yield from (pa.Table.from_batches([batch]) for batch in history.rows())
        elif isinstance(history, StoredHistory):
            yield from history.pieces()
        else:
            yield history.read([*self._content.fixed, *(spec.name for spec in self._content.specs)])

    def _write_rows(self, file: EventFile, table: pa.Table, is_main: bool) -> None:
        if not table.num_rows:
            return
        steps = table.column("_step").to_numpy().astype(np.int64)
        for spec in self._steps:
            column = table.column(spec.name)
            steps[column.is_valid().to_numpy()] = column.drop_null().to_numpy()
        times = table.column("_timestamp").to_numpy().astype(np.float64)
        if is_main:
            self._last = int(steps[-1]), float(times[-1])
        self._largest = max(self._largest, int(steps.max()))
        blocks = []
        others = []
        for spec in self._specs:
            column = table.column(spec.name)
            if spec.kind in NUMBERS:
                rows = np.flatnonzero(column.is_valid().to_numpy())
                values = self._floats(spec.key, spec.kind, column.drop_null().to_numpy())
                form = records.scalar_form(self._tag(spec.key, spec.kind))
                blocks += records.scalar_blocks(form, rows, steps[rows], times[rows], values)
                self._tally.rows += len(rows)
            elif spec.kind != "null" and column.null_count < len(column):
                others.append((spec, column))
        file.add_rows(blocks, self._events(others, steps, times))

    def _events(
        self, columns: list[tuple[ColumnSpec, pa.ChunkedArray]], steps: Array, times: Array
    ) -> Iterator[tuple[int, bytes]]:
        """What is no number, by row."""
        for first in range(0, len(steps) if columns else 0, PIECE):
            cells = [_cells(spec, column.slice(first, PIECE)) for spec, column in columns]
            for row, row_cells in enumerate(zip(*cells, strict=True), first):
                for (spec, _), cell in zip(columns, row_cells, strict=True):
                    if cell is not None:
                        tag, at = self._tag(spec.key, spec.kind), (int(steps[row]), float(times[row]))
                        for payload in self._payloads(tag, spec.key, spec.kind, cell, *at):
                            yield row, payload

    def _payloads(self, tag: str, key: str, kind: str, cell: Any, step: int, time: float) -> Iterator[bytes]:
        for suffix, value in self._converter.convert(key, kind, tag, cell):
            if not encode.fits(len(value)):
                self._tally.lose(key, kind, TOO_LARGE)
                continue
            self._tally.rows += 1
            full = self._tags.give((tag, suffix), tag + suffix) if suffix else tag
            yield encode.event(time, step, encode.summary(full, value))

    def _floats(self, key: str, kind: str, values: Array) -> Array:
        """Numbers as they are shown; those that are not what they were are counted."""
        with np.errstate(over="ignore"):
            shown = values.astype(np.float32)
        if kind == "integer":
            wrong = np.array([int(a) != b for a, b in zip(shown.tolist(), values.tolist(), strict=True)], bool)
        else:
            wrong = (shown != values) & ~np.isnan(shown)
        beyond = wrong & np.isinf(shown)
        self._tally.lose(key, kind, BEYOND, int(beyond.sum()))
        self._tally.lose(key, kind, ROUNDED, int(wrong.sum() - beyond.sum()))
        return values.astype(np.float64)

    def _write_config(self, file: EventFile) -> None:
        config, changed = sessions.flat(self._content.described.get("config", {}))
        for name in changed:
            self._tally.lose(name, "config", "as JSON: a hyperparameter is a number, text or boolean")
        if config:
            session = sessions.start(config, self._started)
            file.add(encode.event(self._started, 0, encode.summary(sessions.START, session)))

    def _write_end(self, file: EventFile) -> None:
        described = self._content.described
        if described.get("config") and self._largest >= 2**31:
            self._tally.lose("config", "config", FAILS)
        if described.get("config") and described.get("status") != "running":
            finished = float(described.get("finished", self._last[1]))
            status = "success" if described.get("status") == "finished" else "failure"
            file.add(encode.event(finished, 0, encode.summary(sessions.END, sessions.end(status, finished))))

    def _write_summary(self, file: EventFile) -> None:
        """What was set, and statistics; the last values of keys are scalars already."""
        overrides = self._content.overrides()
        summary = {f"summary/{key}": cell for key, cell in overrides.items()}
        for key, value in self._content.described.get("summary", {}).items():
            if key not in overrides and isinstance(value, dict) and "_type" not in value:
                numbers = {name: item for name, item in value.items() if type(item) in (int, float)}
                summary |= {f"summary/{key}.{name}": ("number", item) for name, item in numbers.items()}
        step, time = self._last
        for key, (kind, value) in summary.items():
            tag = self._tags.give(("summary", key, kind), key, f"{key}#{kind}")
            if kind in NUMBERS and type(value) in (int, float, bool):
                (shown,) = self._floats(key, kind, np.array([value])).tolist()
                file.add(encode.event(time, step, encode.summary(tag, encode.single(2, shown))))
                self._tally.rows += 1
            elif kind != "null" and value is not None:
                for payload in self._payloads(tag, key, str(kind), value, step, time):
                    file.add(payload)


def _cells(spec: ColumnSpec, column: pa.ChunkedArray) -> list[Any]:
    """The cells of a column as Python values; None where there is none."""
    whole = column.combine_chunks()
    whole = whole if isinstance(whole, pa.Array) else whole.chunk(0)
    if is_media_kind(spec.kind):
        return cells_of(whole, spec.key)
    cells: list[Any] = whole.to_pylist()
    if spec.kind == "number_list" and spec.integral:
        return [cell and [item if item is None else int(item) for item in cell] for cell in cells]
    return cells

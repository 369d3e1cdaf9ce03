"""RunView: read a run that is live, finished or was killed. Reading never writes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._core.codec import decode, read_document
from ._core.errors import Problem, StoreError, Verbatim
from ._core.hooks import hook
from .columns.log_cells import PLAIN_KINDS, plain_value
from .journal.metrics import Metric, Metrics
from .runfolder import files
from .runfolder.kept import KeptFiles
from .runfolder.media_tables import MediaTables
from .runfolder.recorded import Recorded
from .store.location import RemotePath
from .store.remote import RemoteStore, run_store
from .store.urls import locate

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import pyarrow.dataset as ds

    from .runfolder.content import RunContent
    from .runfolder.opening import History
    from .store.packed import RunStore
    from .store.remote import RemoteRunStore

_CHUNK = 1024  # rows whose cells are held as Python objects at once
_HOLD = 2**27  # bytes of a run that is not over, about: so much is not read again


def open_run(path: str | os.PathLike[str] | RemoteStore) -> RunView:
    """Open a run's directory for reading, also while it is written or after a crash.

    Args:
        path: the directory; a URL such as `s3://bucket/runs/demo`, of which only what is asked for is read; or what
            `open_store(url, filesystem)` made.

    Raises:
        StoreError: there is no run.
        DocumentError: `run.json` is cut or foreign.
        UnsupportedVersionError: a newer major version wrote it.

    >>> import tempfile, mediatypes as mt
    >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
    ...     run.log({"loss": 0.5, "epoch": 1})
    >>> mt.open_run(run.path).keys()
    {'loss': ('number',), 'epoch': ('number',)}
    """
    return RunView(path)


class RunView(MediaTables, Recorded, KeptFiles):
    """A run as it stands on disk. Of a run that is not over each call reads what is new.

    Args:
        path: the run's directory, or where it is elsewhere, as in `open_run`.

    >>> import tempfile, mediatypes as mt
    >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
    ...     run.log({"loss": 0.5})
    >>> list(mt.open_run(run.path).values("loss"))
    [(0, 0.5)]
    """

    def __init__(self, path: str | os.PathLike[str] | RemotePath | RemoteStore) -> None:
        self.path = path.root if isinstance(path, RemoteStore) else locate(path, "open_run")
        self._seen = files.stamp_of(self.path)
        self._run = files.read_run_json(self.path)
        self._summary_file = files.SummaryFile(self.path)  # of a run that is over

    _seen: tuple[int, ...] | None = None  # run.json, when it was read; None if nobody can tell
    _live: RunContent | None = None  # of a run that is not over, as it stood at the last call

    @cached_property
    def store(self) -> RunStore | RemoteRunStore:
        """Where the run's sidecars are."""
        return run_store(self.path, files.PACKED)

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self._run.get("id", ""))

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self._run.get("name", ""))

    @property
    def project(self) -> str | None:
        """The project it belongs to."""
        return self._run.get("project")

    @property
    def notes(self) -> str | None:
        """What its author says about it."""
        return self._run.get("notes")

    @property
    def group(self) -> str | None:
        """The runs it belongs to."""
        return self._run.get("group")

    @property
    def job_type(self) -> str | None:
        """What it does, such as train or eval."""
        return self._run.get("job_type")

    @property
    def tags(self) -> list[str]:
        """Texts to find it by."""
        return list(self._run.get("tags", []))

    @property
    def status(self) -> str:
        """How the run ended, if it did.

        "running", "finished", "failed" (an exception or an exit code ended it), "interrupted" (Ctrl-C did), or
        "crashed" (its process is gone without finishing).
        """
        return files.status_of(self._read_run())

    @property
    def exit(self) -> dict[str, Any]:
        """What ended a run that failed or was interrupted, as far as it is known: code, exception, traceback."""
        return dict(self._read_run().get("exit", {}))

    @property
    def config(self) -> dict[str, Any]:
        """What the run was started with, as last updated."""
        content = self._content()
        return content.config if content else dict(self._run.get("config", {}))

    @property
    def summary(self) -> dict[str, Any]:
        """The last value of every key, what `define_metric` asks for, or what was set; documents of media."""
        content = self._content()
        return content.summary_values() if content else self._summary()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What `Run.define_metric` defined, the latest last: name, step_metric, summary, goal, step_sync."""
        return self._metrics().all

    def x_axis(self, key: str) -> str:
        """The key that `define_metric` made the x-axis of a key, or "_step"."""
        return self._metrics().x_axis(key)

    @property
    def problems(self) -> list[Problem]:
        """What could not be logged, warnings, and damage found while reading."""
        content = self._content()
        if content:
            return content.problems
        return files.problems_of(self._run)

    def describe(self) -> dict[str, Any]:
        """All that `run.json` says, and the summary under "summary"."""
        content = self._content()
        if content:
            shown = {"config": content.config, "status": self.status, "summary": content.summary_values()}
            return self._run | content.told() | shown
        return self._run | {"summary": self._summary()}

    def keys(self) -> dict[str, tuple[str, ...]]:
        """The logged keys, each with its kinds: number, string, image... (several if its values differed).

        The column `_rank` of a run with several ranks is none of them.
        """
        from .columns.batch import RANK

        kinds: dict[str, list[str]] = {}
        for spec in self._history().specs:
            if (spec.key, spec.kind) != RANK:
                kinds.setdefault(spec.key, []).append(spec.kind)
        return {key: tuple(names) for key, names in kinds.items()}

    def history(self, keys: Iterable[str] | None = None, steps: tuple[int, int] | None = None) -> pa.Table:
        """The rows, ordered by step.

        Args:
            keys: those to read beside `_step`, all by default. A key means all its columns, one for each kind; the
                name of a column means that one. `_timestamp` and `_runtime` count.
            steps: `(first, end)`: only rows with first <= _step < end.

        Returns:
            A table with `_step` int64 and the columns; integers come back as int64, media as structs.

        Raises:
            InputError: a column that the run does not have.
            DocumentError: a file is cut or damaged.
        """
        from .runfolder.select import checked_steps, select, with_integers

        steps = checked_steps(steps)
        history = self._history()
        specs = history.specs
        return with_integers(history.read(select(specs, keys), steps), specs)

    def to_arrow(self, keys: Iterable[str] | None = None, steps: tuple[int, int] | None = None) -> pa.Table:
        """`history()`, by the name that goes with `to_pandas()` and `to_polars()`."""
        return self.history(keys, steps)

    def to_pandas(self, keys: Iterable[str] | None = None, steps: tuple[int, int] | None = None) -> pd.DataFrame:
        """`history()` as a pandas DataFrame; needs pandas."""
        from .runfolder.select import to_pandas

        return to_pandas(self.history(keys, steps), "RunView.to_pandas()")  # type: ignore[no-any-return]

    def to_polars(self, keys: Iterable[str] | None = None, steps: tuple[int, int] | None = None) -> pl.DataFrame:
        """`history()` as a polars DataFrame; needs polars."""
        from ._core.deps import need

        polars = need("polars", extra="polars", needed_for="RunView.to_polars()")
        return polars.from_arrow(self.history(keys, steps))  # type: ignore[no-any-return]

    def scan(self) -> ds.Dataset:
        """The rows as a pyarrow dataset, of which `to_table(columns=, filter=)` reads only what it needs.

        Columns have the types and names they are stored with: numbers are doubles. Of a run that is not over it is
        what was logged by now.

        >>> import tempfile, mediatypes as mt, pyarrow.compute as pc
        >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
        ...     for i in range(4):
        ...         run.log({"loss": i / 2})
        >>> mt.open_run(run.path).scan().to_table(columns=["loss"], filter=pc.field("_step") > 1).to_pydict()
        {'loss': [1.0, 1.5]}
        """
        import pyarrow.dataset as ds

        from .runfolder.parquet_reader import StoredHistory
        from .runfolder.schema import FIXED

        history = self._history()
        if isinstance(history, StoredHistory):
            return history.dataset()
        return ds.dataset(history.read([*FIXED, *(spec.name for spec in history.specs)]))

    def values(self, key: str) -> Iterator[tuple[int, Any]]:
        """The values of a key as (step, value) pairs, media as the values that were logged (`Image`, ...).

        Raises:
            InputError: the run has no such key.
            SidecarMissing, HashMismatch: a sidecar is gone or changed.
        """
        for step, kind, cell in self._cells(key):
            yield step, self._value(kind, cell)

    def _last(self, key: str) -> Any:
        """The last value of a key, for which no other is read; raises as `values` does."""
        return self._value(*deque(self._cells(key), maxlen=1)[0][1:])

    def _cells(self, key: str) -> Iterator[tuple[int, str, Any]]:
        """Step, kind and cell of the values of a key."""
        from .runfolder.select import no_column, with_integers

        history = self._history()
        specs = [spec for spec in history.specs if spec.key == key]
        if not specs:
            raise no_column(key, [spec.key for spec in history.specs])
        table = with_integers(history.read(["_step", *(spec.name for spec in specs)]), specs)
        for batch in table.to_batches(max_chunksize=_CHUNK):
            columns = [_plain_cells(spec.kind, batch.column(spec.name)) for spec in specs]
            for step, *cells in zip(batch.column("_step").to_pylist(), *columns, strict=True):
                for spec, cell in zip(specs, cells, strict=True):
                    if cell is not None:
                        yield step, spec.kind, cell

    def _rows_inside(self, what: str, key: str | None) -> pa.Table:
        from .runfolder.media_columns import READERS

        return READERS[what](self._history(), self.store, key)

    def plot(
        self, keys: Iterable[str] | str | None = None, *, x: str | None = None, backend: str = "matplotlib"
    ) -> Any:
        """A figure of matplotlib, or of Plotly with `backend="plotly"`, with a chart for each key; needs that package.

        Args:
            keys: of numbers; `*` and `?` stand for others. All by default.
            x: a key, "_step", "_runtime" or "_timestamp"; by default what `define_metric` says, else steps.

        Raises:
            InputError: there are no such numbers.
        """
        return hook("plot_runs")([self], keys, x, backend)

    def edit(
        self,
        *,
        name: str | None = None,
        notes: str | None = None,
        tags: list[str] | tuple[str, ...] | None = None,
        group: str | None = None,
        job_type: str | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> None:
        """Change what a run that is over says about itself; what is left out stays.

        Args:
            name, notes, group, job_type: texts, "" for none.
            tags: instead of the earlier ones.
            summary: keys to plain values, None to take back what was set; further keys stay.

        Raises:
            InputError: with every problem; nothing is changed then.
            RunLocked: a process is writing the run.
            StoreError: it was killed and not recovered yet, it is elsewhere, or the system refused.

        >>> import tempfile, mediatypes as mt
        >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
        ...     run.log({"acc": 0.9})
        >>> view = mt.open_run(run.path)
        >>> view.edit(tags=["paper"], summary={"verdict": "best so far"})
        >>> view.tags, view.summary["verdict"]
        (['paper'], 'best so far')
        """
        from .writing.editing import edit
        from .writing.session import describe

        if not isinstance(self.path, Path):
            hint = "Edit the run where it was written, and copy it again."
            raise StoreError.of(str(self.path), "a run on this machine", Verbatim("one elsewhere"), hint)
        texts = {"name": name, "notes": notes, "group": group, "job_type": job_type}
        described = {key: value for key, value in describe("edit", texts, tags).items() if value is not None}
        edit(self.path, described, summary or {})
        self._run = files.read_run_json(self.path)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_live"}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the viewer's page in a frame, and plain HTML below it."""
        return hook("show_runs")(self)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"RunView({str(self.path)!r}, {self.status})"

    def _value(self, kind: str, cell: Any) -> Any:
        """The value of a cell: plain data, or a media value decoded from its document."""
        if kind in PLAIN_KINDS:
            return plain_value(kind, cell)
        if kind == "media_list":
            return [decode(read_document(text), self.store) for text in cell]
        return decode(read_document(cell), self.store)

    def _read_run(self) -> dict[str, Any]:
        seen = files.stamp_of(self.path) if self._seen else None
        if self._run.get("status") == "running" or (seen and seen != self._seen):  # it may have been resumed
            self._seen, self._run = seen, files.read_run_json(self.path)
        return self._run

    def _summary(self) -> dict[str, Any]:
        """The summary of a run that is over."""
        return self._summary_file.read()

    def _history(self) -> History:
        from .runfolder.opening import open_history
        from .runfolder.parquet_reader import StoredHistory

        self._run, history = open_history(self.path, self._read_run(), self._live, hold=_HOLD)
        self._live = None
        if not isinstance(history, StoredHistory):
            history.close_kept()  # of many views not all can have open files
            self._live = history
        return history

    def _content(self) -> RunContent | None:
        """What a run that is not over holds; None when the JSON and Parquet files say it."""
        if self._read_run().get("status") != "running":
            return None
        from .runfolder.content import RunContent

        history = self._history()
        return history if isinstance(history, RunContent) else None

    def _metrics(self) -> Metrics:
        content = self._content()
        return content.metrics if content else Metrics(files.metrics_of(self._run))


def _plain_cells(kind: str, column: pa.Array) -> list[Any]:
    """A column as Python values; of media only the documents, as JSON."""
    import pyarrow.compute as pc

    if kind in PLAIN_KINDS:
        return column.to_pylist()  # type: ignore[no-any-return]
    if kind != "media_list":
        return pc.struct_field(column, "_doc").to_pylist()  # type: ignore[no-any-return]
    return [None if cell is None else [(item or {}).get("_doc") for item in cell] for cell in column.to_pylist()]

"""RunView: read a run that is live, finished or was killed. Reading never writes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._core import canonical
from ._core.codec import decode
from ._core.errors import InputError, Problem, StoreError
from .history import files
from .history.cells import PLAIN_KINDS, plain_value
from .store.directory import DirectoryStore

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .history.content import RunContent
    from .history.schema import ColumnSpec
    from .history.stored import StoredHistory

_CHUNK = 1024  # rows whose cells are held as Python objects at once


def open_run(path: str | os.PathLike[str]) -> RunView:
    """Open a run's directory for reading, also while it is written or after a crash.

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


class RunView:
    """A run as it stands on disk. A live run is read anew at each call.

    Args:
        path: the run's directory.

    >>> import tempfile, mediatypes as mt
    >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
    ...     run.log({"loss": 0.5})
    >>> list(mt.open_run(run.path).values("loss"))
    [(0, 0.5)]
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self._run = files.read_run_json(self.path)
        self.store = DirectoryStore(self.path)

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
        """ "running", "finished", "failed" (an exception ended it), or "killed" (its process is gone)."""
        return files.status_of(self._read_run())

    @property
    def config(self) -> dict[str, Any]:
        """What the run was started with, as last updated."""
        journal = self._journal()
        return journal.config if journal else dict(self._run.get("config", {}))

    @property
    def summary(self) -> dict[str, Any]:
        """The last value of every key, or the one that was set; media as documents."""
        journal = self._journal()
        return journal.summary.values() if journal else files.read_json(self.path / files.SUMMARY)

    @property
    def problems(self) -> list[Problem]:
        """What could not be logged, warnings, and damage found while reading."""
        journal = self._journal()
        if journal:
            return journal.problems
        return files.problems_of(self._run)

    def keys(self) -> dict[str, tuple[str, ...]]:
        """The logged keys, each with its kinds: number, string, image... (several if its values differed)."""
        found: dict[str, tuple[str, ...]] = {}
        for spec in self._specs(self._journal()):
            found[spec.key] = (*found.get(spec.key, ()), spec.kind)
        return found

    def history(self, columns: Iterable[str] | None = None, steps: tuple[int, int] | None = None) -> pa.Table:
        """The rows, ordered by step.

        Args:
            columns: keys or column names to read beside `_step`; all by default. `_timestamp` and `_runtime` count.
            steps: `(first, end)`: only rows with first <= _step < end.

        Returns:
            A table with `_step` int64 and the columns; integers come back as int64, media as structs.

        Raises:
            InputError: a column that the run does not have.
            DocumentError: a file is cut or damaged.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if steps is not None and not (isinstance(steps, tuple) and [type(step) for step in steps] == [int, int]):
            raise InputError.of("history.steps", "a pair of integers (first, end)", steps, "Pass (0, 1000).")
        journal = self._journal()
        specs = self._specs(journal)
        wanted = _select(specs, columns)
        if journal:
            from .history.build import arrow_schema, build_rows

            chosen = [spec for spec in specs if spec.name in wanted]
            batches = list(build_rows(journal.batches(), specs, journal.started, chosen=chosen))
            table = pa.Table.from_batches(batches, arrow_schema(chosen)).select(wanted)
        else:
            table = self._stored().read(wanted)
        if steps is not None:
            step = table.column("_step")
            table = table.filter(pc.and_(pc.greater_equal(step, steps[0]), pc.less(step, steps[1])))
        return _with_integers(table)

    def to_pandas(self, columns: Iterable[str] | None = None, steps: tuple[int, int] | None = None) -> pd.DataFrame:
        """`history()` as a pandas DataFrame; needs pandas."""
        from ._core.deps import need

        need("pandas", extra="pandas", needed_for="RunView.to_pandas()")
        return self.history(columns, steps).to_pandas()  # type: ignore[no-any-return]

    def values(self, key: str) -> Iterator[tuple[int, Any]]:
        """The values of a key as (step, value) pairs, media as the values that were logged (`Image`, ...).

        Raises:
            InputError: the run has no such key.
            SidecarMissing, HashMismatch: a sidecar is gone or changed.
        """
        specs = [spec for spec in self._specs(self._journal()) if spec.key == key]
        if not specs:
            raise _no_column(key, self.keys())
        for batch in self.history([spec.name for spec in specs]).to_batches(max_chunksize=_CHUNK):
            columns = [_plain_cells(spec.kind, batch.column(spec.name)) for spec in specs]
            for step, *cells in zip(batch.column("_step").to_pylist(), *columns, strict=True):
                for spec, cell in zip(specs, cells, strict=True):
                    if cell is not None:
                        yield step, self._value(spec.kind, cell)

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
            summary: keys to plain values, None to remove one; further keys stay.

        Raises:
            InputError: with every problem; nothing is changed then.
            RunLocked: a process is writing the run.
            StoreError: it was killed and not recovered yet, or the system refused.

        >>> import tempfile, mediatypes as mt
        >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
        ...     run.log({"acc": 0.9})
        >>> view = mt.open_run(run.path)
        >>> view.edit(tags=["paper"], summary={"verdict": "best so far"})
        >>> view.tags, view.summary["verdict"]
        (['paper'], 'best so far')
        """
        from .history.editing import edit
        from .history.session import describe

        texts = {"name": name, "notes": notes, "group": group, "job_type": job_type}
        described = {key: value for key, value in describe("edit", texts, tags).items() if value is not None}
        edit(self.path, described, summary or {})
        self._run = files.read_run_json(self.path)

    def __repr__(self) -> str:
        return f"RunView({str(self.path)!r}, {self.status})"

    def _value(self, kind: str, cell: Any) -> Any:
        """The value of a cell: plain data, or a media value decoded from its document."""
        if kind in PLAIN_KINDS:
            return plain_value(kind, cell)
        if kind.endswith("_list"):
            return [decode(canonical.loads(text), self.store) for text in cell]
        return decode(canonical.loads(cell), self.store)

    def _read_run(self) -> dict[str, Any]:
        if self._run.get("status") == "running":
            self._run = files.read_run_json(self.path)
        return self._run

    def _journal(self) -> RunContent | None:
        """The journal of a run that is not finished; None when the Parquet files hold it."""
        from .history.content import RunContent

        for attempt in range(2):
            run = self._read_run()
            if run.get("status") != "running":
                return None
            try:
                return RunContent(self.path, run)
            except StoreError:
                if attempt:  # not a run that finished between reading run.json and its journal
                    raise
        return None

    def _specs(self, journal: RunContent | None) -> list[ColumnSpec]:
        if journal:
            return journal.schema.specs()
        return self._stored().specs

    def _stored(self) -> StoredHistory:
        from .history.stored import StoredHistory

        return StoredHistory(self.path / files.HISTORY)


def _plain_cells(kind: str, column: pa.Array) -> list[Any]:
    """A column as Python values; of media only the documents, as JSON."""
    import pyarrow.compute as pc

    if kind in PLAIN_KINDS:
        return column.to_pylist()  # type: ignore[no-any-return]
    if not kind.endswith("_list"):
        return pc.struct_field(column, "_doc").to_pylist()  # type: ignore[no-any-return]
    return [None if cell is None else [item["_doc"] for item in cell] for cell in column.to_pylist()]


def _select(specs: list[ColumnSpec], columns: Iterable[str] | None) -> list[str]:
    from .history.schema import FIXED

    if columns is None:
        return [*FIXED, *(spec.name for spec in specs)]
    if isinstance(columns, str):
        raise InputError.of("history.columns", "a list of keys", columns, f"Pass [{columns!r}].")
    wanted = ["_step"]
    for column in columns:
        names = [spec.name for spec in specs if spec.name == column] or [s.name for s in specs if s.key == column]
        if column in FIXED:
            names = [column]
        if not names:
            raise _no_column(column, [spec.key for spec in specs])
        wanted += [name for name in names if name not in wanted]
    return wanted


def _no_column(column: str, known: Iterable[str]) -> InputError:
    from difflib import get_close_matches

    close = get_close_matches(str(column), list(known), 1)
    hint = f"Did you mean {close[0]!r}?" if close else "view.keys() lists them."
    return InputError.of("history", "a key of this run", column, hint, "key")


def _with_integers(table: pa.Table) -> pa.Table:
    """Columns whose values were all integers, as int64 instead of the double they are stored as."""
    import pyarrow as pa

    from .history.build import INTEGER
    from .types._arrow import list_of

    for i, field in enumerate(table.schema):
        if (field.metadata or {}).get(INTEGER) == b"true":
            kind = list_of(pa.int64()) if pa.types.is_list(field.type) else pa.int64()
            table = table.set_column(i, field.with_type(kind), table.column(i).cast(kind))
    return table

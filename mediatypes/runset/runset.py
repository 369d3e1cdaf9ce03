"""RunSet: many runs as one table, one history, one database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._core.errors import InputError, MediaTypesError, Problem, StoreError, Verbatim, describe
from .._core.hooks import hook
from .._core.location import local_path
from .._core.parallel import Progress, in_threads
from .._core.wording import counted
from ..runfolder import files
from ..runfolder.media_tables import MediaTables
from ..store.location import RemotePath
from ..store.remote import RemoteStore
from ..store.urls import is_url
from ..view import RunView
from .discovery import Source as Root
from .discovery import find_all, find_base, find_roots, is_file, listed, name_below

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

    from .compact_write import Compacted


def open_runs(source: Root | Iterable[Root]) -> RunSet:
    """Open many runs for reading.

    Args:
        source: a directory, of which every run at or below it is taken; a pattern such as "runs/2026-*/**"; a list
            of these; or the dataset that `compact()` has made. A URL such as `s3://bucket/runs`, or what
            `open_store(url, filesystem)` made, is a directory elsewhere.

    Returns:
        The runs in the order of their paths. A folder that cannot be read or listed is left out,
        and named in `.problems`.

    Raises:
        StoreError: a directory is not there, or a pattern matches nothing.

    >>> import tempfile, mediatypes as mt
    >>> root = tempfile.mkdtemp()
    >>> for lr in (0.1, 0.2):
    ...     with mt.Run(f"{root}/lr{lr}", config={"lr": lr}) as run:
    ...         run.log({"acc": 1 - lr})
    >>> mt.open_runs(root).history(["acc"]).select(["run", "acc"]).to_pylist()
    [{'run': 'lr0.1', 'acc': 0.9}, {'run': 'lr0.2', 'acc': 0.8}]
    """
    roots = find_roots(sources := listed(source))
    if len(roots) == 1 and is_file(roots[0] / files.COMPACTED):
        return CompactedRuns(roots[0])
    problems = list[Problem]()
    paths = find_all(roots, problems)
    opened = in_threads(_try_open, paths) if any(isinstance(p, RemotePath) for p in paths) else map(_try_open, paths)
    views = []
    for path, view in zip(paths, opened, strict=True):
        if isinstance(view, RunView):
            views.append(view)
        else:
            problems += [problem._replace(path=problem.path or str(path)) for problem in describe(view)]
    return RunSet(views, find_base(roots, sources), problems)


def _try_open(path: Path | RemotePath) -> RunView | MediaTypesError:
    try:
        return RunView(path)
    except MediaTypesError as error:
        return error


class RunSet(MediaTables, Sequence[RunView]):
    """Runs, read together. Each is named by its path below the directory that was opened.

    Args:
        views: the runs.
        base: names are relative to this directory.
        problems: of folders that could not be opened.

    >>> import tempfile, mediatypes as mt
    >>> root = tempfile.mkdtemp()
    >>> for depth in (4, 8):
    ...     mt.Run(f"{root}/net{depth}", config={"depth": depth}).finish()
    >>> runs = mt.open_runs(root)
    >>> len(runs), runs["net8"].config, runs.table().column("config.depth").to_pylist()
    (2, {'depth': 8}, [4, 8])
    """

    def __init__(self, views: Iterable[RunView], base: Path | RemotePath, problems: Iterable[Problem] = ()) -> None:
        self.problems = list(problems)
        self._base = base
        self._views = {name_below(base, view.path): view for view in views}

    @property
    def _is_elsewhere(self) -> bool:
        return isinstance(self._base, RemotePath)

    @property
    def names(self) -> list[str]:
        """The runs' names in this set: their paths below the directory that was opened."""
        return list(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[RunView]:
        return iter(self._views.values())

    def __getitem__(self, run: Any) -> Any:
        """A run by its name in this set, its id, or its position; a slice is a set."""
        if isinstance(run, str):
            matches = [view for name, view in self._views.items() if run in (name, view.id)]
            if not matches:
                raise KeyError(f"{run}: expected the name or id of one of {counted(len(self), 'run')}, got {run!r}.")
            return matches[0]
        if isinstance(run, slice):
            return self._subset(list(self._views.items())[run])
        return list(self._views.values())[run]

    def _subset(self, views: Iterable[tuple[str, RunView]]) -> RunSet:
        """Some of the runs, under the names that they have here."""
        subset = RunSet((), self._base, self.problems)
        subset._views = dict(views)
        return subset

    def filter(
        self,
        where: Callable[[RunView], bool] | None = None,
        *,
        project: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        status: str | None = None,
        tags: str | Iterable[str] = (),
        config: Mapping[str, Any] | None = None,
    ) -> RunSet:
        """The runs for which everything that is given holds.

        Args:
            where: a function of a run.
            project, group, job_type, status: equal to these.
            tags: all of these are among its tags.
            config: keys to values that its config has; "model.depth" looks into a nested one.

        >>> import tempfile, mediatypes as mt
        >>> root = tempfile.mkdtemp()
        >>> for depth in (4, 8):
        ...     mt.Run(f"{root}/{depth}", tags=["net"], config={"model": {"depth": depth}}).finish()
        >>> mt.open_runs(root).filter(tags="net", config={"model.depth": 8}).names
        ['8']
        """
        texts = {"project": project, "group": group, "job_type": job_type, "status": status}
        wanted = {name: value for name, value in texts.items() if value is not None}
        labels = {tags} if isinstance(tags, str) else set(tags)

        def holds(view: RunView) -> bool:
            return (
                all(getattr(view, name) == value for name, value in wanted.items())
                and labels <= set(view.tags)
                and (not config or _has(view.config, config))
                and (where is None or bool(where(view)))
            )

        return self._subset((name, view) for name, view in self._views.items() if holds(view))

    def table(self) -> pa.Table:
        """One row for each run: run, id, name, project, ... status, started, finished, then config and summary.

        The last two have a column for each key, `config.lr`, `summary.acc`, named by the rule of a history's columns.
        A run whose `summary.json` cannot be read is left out, and named in `.problems`.
        """
        from .listing import list_runs

        return list_runs(self._views.items(), self._is_elsewhere, self.problems)

    def to_pandas(self) -> pd.DataFrame:
        """`table()` as a pandas DataFrame; needs pandas."""
        from ..runfolder.select import to_pandas

        return to_pandas(self.table(), "RunSet.to_pandas()")  # type: ignore[no-any-return]

    def history(self, keys: Iterable[str] | None = None, steps: tuple[int, int] | None = None) -> pa.Table:
        """The rows of all runs, one run after another.

        Args:
            keys: those to read, of the rows that have a value for one of them. By default everything.
            steps: `(first, end)`: only rows with first <= _step < end.

        Returns:
            A table with `run` (a dictionary column), `_step`, without `keys` also `_timestamp` and `_runtime`, and a
            column for each key and kind that any of the runs has, named by the rule of one history's columns over all
            of them; null where a run has no value.

        Raises:
            InputError: no run has such a key.
            DocumentError, StoreError: a file of a run is damaged or gone.
        """
        from ..runfolder.select import checked_steps, listed
        from .union import read_part, unite

        wanted, steps = listed(keys), checked_steps(steps)
        parts = in_threads(lambda view: read_part(view._history(), wanted, steps), self, self._is_elsewhere)
        return unite(self.names, parts, wanted)

    def _rows_inside(self, what: str, key: str | None) -> pa.Table:
        from ..runfolder.media_columns import SCHEMAS
        from .union import stack

        tables, errors = dict[str, Any](), list[InputError]()
        for name, view in self._views.items():
            try:
                tables[name] = view._rows_inside(what, key)
            except InputError as error:  # it has no such key
                errors.append(error)
        if errors and not tables:
            raise errors[0]
        return stack(tables, SCHEMAS[what])

    @property
    def _inside(self) -> dict[str, Callable[[], pa.Table]]:
        """The views of SQL that are made of sidecars, when a query needs them."""
        return {"boxes": self.boxes, "histograms": self.histograms}

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """Ask with SQL; needs duckdb.

        The views are `runs` (as `table()`), `history` (as `history()`; only the columns and files that the query
        needs are read), `media` (a row for each logged item: run, key, step, type, caption, sha256, path...), and
        `boxes` and `histograms` (as `boxes()` and `histograms()`).

        Args:
            query: one statement.

        Returns:
            A DuckDB relation: print it, or `.df()`, `.pl()`, `.arrow()`, `.fetchall()`.

        Raises:
            InputError: DuckDB does not take the query; the message is its own.

        >>> import tempfile, mediatypes as mt
        >>> root = tempfile.mkdtemp()
        >>> for run in ("a", "b"):
        ...     with mt.Run(f"{root}/{run}") as one:
        ...         for i in range(3):
        ...             one.log({"acc": i / 2})
        >>> mt.open_runs(root).sql("select run, max(acc) from history group by run order by run").fetchall()
        [('a', 1.0), ('b', 1.0)]
        """
        from .database import Source, ask, closed

        def sources() -> dict[str, Source]:
            histories = in_threads(lambda view: closed(view._history()), self, self._is_elsewhere)
            return dict(zip(self._views, histories, strict=True))

        return ask(self.table, sources, query, self._inside)

    def plot(
        self, keys: Iterable[str] | str | None = None, *, x: str | None = None, backend: str = "matplotlib"
    ) -> Any:
        """As `RunView.plot()`, with a line for each run."""
        return hook("plot_runs")(list(self), keys, x, backend)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the viewer's page in a frame, and plain HTML below it."""
        return hook("show_runs")(self)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"RunSet({counted(len(self), 'run')} in {str(self._base)!r})"


class CompactedRuns(RunSet):
    """A dataset made by `compact()`: table, history and sql read its few files; a run itself is opened where it was.

    A run whose folder is gone or damaged is a view of what the dataset has of it.
    """

    def __init__(self, root: Path | RemotePath) -> None:
        from .compact_read import Compacted

        self.problems = []
        self._base = root
        self._data = Compacted(root)

    @property
    def _views(self) -> dict[str, RunView]:  # type: ignore[override]
        from .compact_read import CompactedRun

        table, views = self.table(), dict[str, RunView]()
        names, paths = (table.column(name).to_pylist() for name in ("run", "path"))
        for number, (run, path) in enumerate(zip(names, paths, strict=True)):
            view = _try_open(Path(path))
            if isinstance(view, MediaTypesError):
                view = CompactedRun(self._data, run, table.slice(number, 1).to_pylist()[0], view)
            views[run] = view
        return views

    @property
    def names(self) -> list[str]:
        """The runs' names: their paths below the directory that was compacted."""
        return list(self._data.runs)

    def __len__(self) -> int:
        return len(self._data.runs)

    def table(self) -> pa.Table:
        """One row for each run, as `RunSet.table()` has them."""
        return self._data.table("runs")

    def history(self, keys: Iterable[str] | None = None, steps: tuple[int, int] | None = None) -> pa.Table:
        """The rows of all runs, as `RunSet.history()` has them; columns keep the names they were first given."""
        from ..runfolder.select import checked_steps, listed

        return self._data.table("history", listed(keys), checked_steps(steps))

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """Ask with SQL, as `RunSet.sql()`."""
        from .database import ask_files

        return ask_files(self._data.parts, query, self._inside)


def compact(
    source: Root | Iterable[Root],
    dest: Root,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Compacted:
    """Add the runs that are over to a Parquet dataset of a few files, in which 100 000 runs are read at once.

    Runs that are in it already and have not changed are not read again; changed ones are replaced. Runs whose folder is
    gone stay. `open_runs(dest)`, and every reader of Parquet, opens the result.

    Args:
        source: as in `open_runs`.
        dest: a directory; made if needed.
        executor: where the work is done: any `concurrent.futures.Executor`; by default processes on this machine.
        progress: is called with (runs done, runs in all, name of the run) as runs are done.

    Returns:
        The names of the runs that were `.added`, `.replaced`, are `.waiting` to be over, how many are `.unchanged`,
        and the `.problems` of those that could not be read, and of directories that could not be listed.

    Raises:
        StoreError: the system refused; the dataset stays whole.
        DocumentError: `dest` holds something else.
        RunLocked: another process compacts into it.

    >>> import tempfile, mediatypes as mt
    >>> root = tempfile.mkdtemp()
    >>> for lr in (0.1, 0.2):
    ...     with mt.Run(f"{root}/runs/lr{lr}") as run:
    ...         run.log({"acc": 1 - lr})
    >>> mt.compact(f"{root}/runs", f"{root}/all").added
    ['lr0.1', 'lr0.2']
    >>> mt.open_runs(f"{root}/all").history(["acc"]).column("acc").to_pylist()
    [0.9, 0.8]
    """
    from .compact_write import compact as add

    problems = list[Problem]()
    paths = find_all(roots := find_roots(sources := listed(source)), problems)
    here = [path for path in paths if isinstance(path, Path)]
    if len(here) < len(paths) or isinstance(dest, RemoteStore) or is_url(dest):
        hint = "Compact on this machine, and copy the result; copy runs that are elsewhere first."
        raise StoreError.of("compact", "runs and a destination on this machine", Verbatim("some elsewhere"), hint)
    base = find_base(roots, sources)
    named = [(name_below(base, path), path) for path in here]
    done = add(named, local_path(dest, "compact.dest"), executor, progress)
    return done._replace(problems=problems + done.problems)


def _has(config: dict[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a config has these values, a key with dots looking into nested ones."""
    for key, value in wanted.items():
        item: Any = config
        for part in [key] if key in config else key.split("."):
            if not isinstance(item, Mapping) or part not in item:
                return False
            item = item[part]
        if item != value:
            return False
    return True

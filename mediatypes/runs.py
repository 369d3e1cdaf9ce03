"""RunSet: many runs as one table, one history, one database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._core.errors import Described, InputError, MediaTypesError, Problem, StoreError, describe
from .query.bulk import in_threads
from .query.discovery import find_runs
from .store.location import RemotePath
from .store.remote import RemoteStore
from .store.urls import is_url, locate
from .view import RunView, open_run

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

    from .history.opening import History
    from .query.compaction import Compacted

Root = str | os.PathLike[str] | RemoteStore
COMPACTED = "compact.json"  # what a compacted dataset is recognised by


def open_runs(source: Root | Iterable[Root]) -> RunSet:
    """Open many runs for reading.

    Args:
        source: a directory, of which every run at or below it is taken; a pattern such as "runs/2026-*/**"; a list
            of these; or the dataset that `compact()` has made. A URL such as `s3://bucket/runs`, or what
            `open_store(url, filesystem)` made, is a directory elsewhere.

    Returns:
        The runs in the order of their paths. A folder that cannot be read is left out, and named in `.problems`.

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
    sources = [source] if isinstance(source, (str, os.PathLike, RemoteStore)) else list(source)
    roots = [root for one in sources for root in _roots(one)]
    if len(roots) == 1 and (roots[0] / COMPACTED).is_file():
        return CompactedRuns(roots[0])
    found = dict.fromkeys(path for root in roots for path in find_runs(root))
    remote = any(isinstance(path, RemotePath) for path in found)
    opened = in_threads(_try_open, found) if remote else map(_try_open, found)
    views, problems = [], []
    for path, view in zip(found, opened, strict=True):
        if isinstance(view, RunView):
            views.append(view)
        else:
            problems += [problem._replace(path=problem.path or str(path)) for problem in describe(view)]
    base = _common([view.path for view in views]) if views else Path()
    return RunSet(views, base.parent if len(views) == 1 else base, problems)


def _try_open(path: Path | RemotePath) -> RunView | MediaTypesError:
    try:
        return RunView(path)
    except MediaTypesError as error:
        return error


def _common(paths: list[Any]) -> Any:
    """The directory that all these are in or below."""
    if not any(isinstance(path, RemotePath) for path in paths):
        return Path(os.path.commonpath(paths))
    base = paths[0]
    while not all(isinstance(path, RemotePath) and path.is_relative_to(base) for path in paths):
        if base == base.parent:
            found = Described("none")
            raise InputError.of("open_runs", "one directory above all runs", found, "Open them one by one.")
        base = base.parent
    return base


def _roots(source: Root) -> Sequence[Path | RemotePath]:
    if isinstance(source, RemoteStore):
        return [source.root]
    source = os.fspath(source)
    if is_url(source):
        return [locate(source, "open_runs")]
    if not any(letter in source for letter in "*?["):
        return [Path(source).absolute()]
    found = [Path(path).absolute() for path in sorted(glob(source, recursive=True)) if os.path.isdir(path)]
    if not found:
        raise StoreError.of(source, "a pattern that directories match", "none", "Look at it with ls.")
    return found


class RunSet(Sequence[RunView]):
    """Runs, read together. Each is named by its path below the directory that they share.

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
        self._views = {self._name(view): view for view in views}

    def _name(self, view: RunView) -> str:
        base: Any = self._base  # which is as the path
        return str(view.path.relative_to(base).as_posix())

    @property
    def names(self) -> list[str]:
        """The runs' names in this set: their paths below the directory that they share."""
        return list(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[RunView]:
        return iter(self._views.values())

    def __getitem__(self, run: Any) -> Any:
        """A run by its name in this set, its id, or its position; a slice is a set."""
        if isinstance(run, str):
            found = [view for name, view in self._views.items() if run in (name, view.id)]
            if not found:
                raise KeyError(f"{run}: expected the name or id of one of {len(self)} runs, got {run!r}.")
            return found[0]
        chosen = list(self._views.values())[run]
        return RunSet(chosen, self._base, self.problems) if isinstance(chosen, list) else chosen

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

        return RunSet(filter(holds, self), self._base, self.problems)

    def table(self) -> pa.Table:
        """One row for each run: run, id, name, project, ... status, started, finished, then config and summary.

        The last two have a column for each key, `config.lr`, `summary.acc`, named by the rule of a history's columns.
        """
        from .query.listing import list_runs

        return list_runs(self._views.items(), at_once=isinstance(self._base, RemotePath))

    def to_pandas(self) -> pd.DataFrame:
        """`table()` as a pandas DataFrame; needs pandas."""
        from ._core.deps import need

        need("pandas", extra="pandas", needed_for="RunSet.to_pandas()")
        return self.table().to_pandas()  # type: ignore[no-any-return]

    def history(self, keys: Iterable[str] | None = None, steps: tuple[int, int] | None = None) -> pa.Table:
        """The rows of all runs, one run after another.

        Args:
            keys: those to read, of the rows that have a value for one of them; all by default.
            steps: `(first, end)`: only rows with first <= _step < end.

        Returns:
            A table with `run`, `_step`, `_timestamp`, `_runtime`, and a column for each key and kind that any of the
            runs has, named by the rule of one history's columns over all of them; null where a run has no value.

        Raises:
            InputError: no run has such a key.
            DocumentError, StoreError: a file of a run is damaged or gone.
        """
        from .history.reading import no_column, with_integers
        from .query.union import Union

        if isinstance(keys, str):
            raise InputError.of("history.keys", "a list of keys", keys, f"Pass [{keys!r}].")
        wanted = None if keys is None else list(keys)
        histories = self._histories()
        union = Union([history.specs for history in histories], wanted)
        for key in wanted or ():
            if key not in {spec.key for spec in union.specs}:
                raise no_column(key, {spec.key for history in histories for spec in history.specs})
        tables = in_threads(lambda named: union.read(*named, steps), zip(self._views, histories, strict=True))
        return with_integers(union.concat([table for table in tables if table is not None]))

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """Ask with SQL; needs duckdb.

        The views are `runs` (as `table()`), `history` (as `history()`; only the columns and files that the query
        needs are read) and `media` (a row for each logged item: run, key, step, type, caption, sha256, path...).

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
        from .query.database import ask

        return ask(self.table(), dict(zip(self._views, self._histories(), strict=True)), query)

    def _histories(self) -> list[History]:
        return in_threads(lambda view: view._history(), self)

    def __repr__(self) -> str:
        return f"RunSet({len(self)} runs in {str(self._base)!r})"


class CompactedRuns(RunSet):
    """A dataset made by `compact()`: table, history and sql read its few files; a run itself is opened where it was.

    Args:
        root: the dataset's directory.
    """

    def __init__(self, root: Path | RemotePath) -> None:
        from .query.compacted import Compacted

        self.problems = []
        self._base = root
        self._data = Compacted(root)

    @property
    def _views(self) -> dict[str, RunView]:  # type: ignore[override]
        table = self.table()
        return {
            run: open_run(path)
            for run, path in zip(table.column("run").to_pylist(), table.column("path").to_pylist(), strict=True)
        }

    @property
    def names(self) -> list[str]:
        """The runs' names: their paths below the directory that was compacted."""
        return list(self._data.runs)

    def __len__(self) -> int:
        return len(self._data.runs)

    def table(self) -> pa.Table:
        """One row for each run, as `RunSet.table()` has them."""
        from .history.reading import with_integers

        return with_integers(self._data.table("runs"))

    def history(self, keys: Iterable[str] | None = None, steps: tuple[int, int] | None = None) -> pa.Table:
        """The rows of all runs, as `RunSet.history()` has them; columns keep the names they were first given."""
        from .history.reading import with_integers

        return with_integers(self._data.table("history", keys, steps))

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """Ask with SQL, as `RunSet.sql()`."""
        from .query.database import ask_files

        return ask_files(self._data.parts, query)


def compact(
    source: Root | Iterable[Root],
    destination: Root,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Compacted:
    """Add the runs that are over to a Parquet dataset of a few files, in which 100 000 runs are read at once.

    Runs that are in it already and have not changed are not read again; changed ones are replaced. Runs whose folder is
    gone stay. `open_runs(destination)`, and every reader of Parquet, opens the result.

    Args:
        source: as in `open_runs`.
        destination: a directory; made if needed.
        executor: where the work is done: any `concurrent.futures.Executor`; by default processes on this machine.
        progress: called with how many of how many runs are done.

    Returns:
        The names of the runs that were `.added`, `.replaced`, are `.waiting` to be over, how many are `.unchanged`,
        and the `.problems` of those that could not be read.

    Raises:
        StoreError: the system refused; the dataset stays whole.
        DocumentError: the destination holds something else.
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
    from .query.compaction import compact as add

    runs = open_runs(source)
    places = [(name, view.path) for name, view in runs._views.items()]
    here = [(name, path) for name, path in places if isinstance(path, Path)]
    if len(here) < len(places) or isinstance(destination, RemoteStore) or is_url(destination):
        hint = "Compact on this machine, and copy the result; copy runs that are elsewhere first."
        raise StoreError.of("compact", "runs and a destination on this machine", Described("some elsewhere"), hint)
    result = add(here, Path(destination), executor, progress)
    return result._replace(problems=[*runs.problems, *result.problems])


def _has(config: dict[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a config has these values, a key with dots looking into nested ones."""
    for key, value in wanted.items():
        found: Any = config
        for part in [key] if key in config else key.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return False
            found = found[part]
        if found != value:
            return False
    return True

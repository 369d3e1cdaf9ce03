"""What another tracker's run holds, and the run folder that is made of it."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..._core.atomic import remove_leftovers, replacing
from ..._core.errors import InputError, MediaTypesError, StoreError, UnsafePath, Verbatim, describe, os_error
from ..._core.sidecar import safe_parts
from ...run import Run
from ...runfolder import files
from ..importing.report import RunReport

_SQLITE = b"SQLite format 3\0"
_LATER = "values that share key and step with a later one"


@dataclass
class Logged:
    """A run. `add` what it logged in any order."""

    name: str  # of its folder
    title: str | None = None  # by default the last part of that
    project: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    notes: str | None = None
    group: str | None = None
    started: float | None = None  # seconds since the epoch
    status: str = "finished"
    kept: dict[str, Path] = field(default_factory=dict)  # files to keep with the run, by the directory they are below
    lost: Counter[str] = field(default_factory=Counter)
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)  # by step
    times: dict[int, float] = field(default_factory=dict)

    def add(self, key: str, step: int, value: Any, time: float | None) -> None:
        """Note a value; a later one of the same key and step takes its place."""
        row = self.rows.setdefault(step, {})
        self.lost[_LATER] += key in row
        row[key] = value
        if time is not None and math.isfinite(time):
            self.times[step] = max(time, self.times.get(step, time))


def make_run(run: Logged, dest: Path, project: str | None, tags: list[str]) -> RunReport:
    """The run folder, made beside its place and moved there when it is whole."""
    target, report = dest / run.name, RunReport(run.name, run.name, "failed", {}, 0, 0, [], [], [], [])
    if os.path.lexists(target):
        return report._replace(status="unchanged", notes=["it is there already: remove it to import it again"])
    try:
        _make_parent(target)
        with replacing(target, "import the run") as temporary:
            made = Run(
                temporary,
                name=run.title or run.name.rpartition("/")[2],
                project=project or run.project,
                notes=run.notes,
                group=run.group,
                tags=list(dict.fromkeys([*run.tags, *tags])),
                config=run.config,
                on_error="record",
                quiet=True,
                capture=False,
            )
            with made:
                _begin(made.path, run)
                problems = _log(made, run)
                made.finish(run.status)
    except MediaTypesError as error:
        return report._replace(problems=list(describe(error)))
    values = sum(map(len, run.rows.values()))
    notes = [f"{count:,} {what} could not be carried" for what, count in sorted(run.lost.items()) if count]
    counts = {"value": values}
    return report._replace(
        status="new", events=counts, added=values, rows=len(run.rows), problems=problems, notes=notes,
        attached=sorted(run.kept),
    )  # fmt: skip


def _log(made: Run, run: Logged) -> list[Any]:
    last = run.started or 0.0
    for step in sorted(run.rows):
        if step < 0:
            run.lost["values at a step below 0"] += len(run.rows[step])
            continue
        last = max(run.times.get(step, last), last)
        made.log({**run.rows[step], "_timestamp": last}, step=step)
    made.summary.update(run.summary)
    for name, base in run.kept.items():
        made.save(base / name, base_path=base)
    return list(made.problems)


def _begin(folder: Path, run: Logged) -> None:
    """The time at which it began there, of which run times are counted."""
    began = min([*run.times.values(), *([] if run.started is None else [run.started])], default=None)
    if began is not None:
        files.write_json(folder / files.RUN, {**files.read_json(folder / files.RUN), "started": began})


def _make_parent(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "Choose a directory that can be written."
        raise os_error(StoreError, str(target), "make the run's folder", error, hint) from error
    remove_leftovers(target.parent, target.name)


def plain_name(*parts: object) -> str:
    """The name of a run folder, of texts that may hold anything."""
    letters = ("".join(c if c.isalnum() or c in "-_." else "_" for c in str(part)) for part in parts)
    return "/".join(part.strip(".")[:100] or "_" for part in letters)


def below(base: Path, name: Any) -> Path | None:
    """A file that the source names, if it is below its directory and there, and no part of the way is a link."""
    try:
        parts = safe_parts(name) if isinstance(name, str) else ()
    except UnsafePath:
        return None
    path = base
    for part in parts:
        path = path / part
        if path.is_symlink():
            return None
    return path if parts and path.is_file() else None


def regular_files(base: Path) -> Iterator[str]:
    """The files below a directory by their names there, without links."""
    for folder, names, own in os.walk(base):
        names[:] = sorted(name for name in names if not os.path.islink(os.path.join(folder, name)))
        for name in sorted(own):
            path = Path(folder) / name
            if not path.is_symlink() and path.is_file():
                yield path.relative_to(base).as_posix()


def number(text: str) -> Any:
    """What a text says: a number, where it is one."""
    with contextlib.suppress(ValueError):
        return int(text)
    with contextlib.suppress(ValueError):
        return float(text)
    return text


def tables_of(path: Path) -> set[str]:
    """The names of the tables of a SQLite file, `table.column` of their columns; empty of another file."""
    try:
        with open(path, "rb") as file:
            if not path.is_file() or file.read(len(_SQLITE)) != _SQLITE:
                return set()
        with database(path) as asked:
            names = [str(row[0]) for row in asked("select name from sqlite_master where type = 'table'")]
            columns = [(name, str(row[1])) for name in names for row in asked(f"pragma table_info({_quoted(name)})")]
            return {*names, *(f"{name}.{column}" for name, column in columns)}
    except (OSError, MediaTypesError):
        return set()


@contextlib.contextmanager
def database(path: Path) -> Iterator[Any]:
    """A function that asks a copy of a SQLite file: reading never writes, and a writer is not disturbed."""
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "copy.db"
        try:
            shutil.copyfile(path, copied)
            if (log := path.with_name(f"{path.name}-wal")).is_file():
                shutil.copyfile(log, copied.with_name("copy.db-wal"))
            connection = sqlite3.connect(f"file:{quote(str(copied))}", uri=True)
        except (OSError, sqlite3.Error) as error:
            raise InputError.of(str(path), "a database that can be read", Verbatim(str(error)), "", "sqlite") from error

        def ask(query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
            try:
                yield from connection.execute(query, values)
            except sqlite3.Error as error:
                raise InputError.of(str(path), "a sound database", Verbatim(str(error)), "", "sqlite") from error

        try:
            yield ask
        finally:
            connection.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def nested(texts: Mapping[str, str]) -> dict[str, Any]:
    """A config of texts, numbers as such."""
    return {name: number(text) for name, text in texts.items()}

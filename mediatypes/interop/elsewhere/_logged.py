"""What another tracker's run holds, and the run folder that is made of it."""

from __future__ import annotations

import contextlib
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import pyarrow as pa

from ..._core import canonical
from ..._core.atomic import temporary_name
from ..._core.errors import InputError, MediaTypesError, UnsafePath, Verbatim
from ..._core.sidecar import safe_parts
from ...capture.tee import ConsoleLog
from ...run import Run
from ...runfolder import files
from ...runfolder.console import CONSOLE
from ...runfolder.saved_files import put_files, wrong_names
from ...runfolder.system import TIME
from ...types.audio.value import Audio
from ...types.html.value import Html
from ...types.image.value import Image
from ...types.molecule.value import Molecule
from ...types.object3d.value import Object3D
from ...types.video.value import Video
from ...writing.kinds import KINDS
from ..importing.names import free_name
from ..importing.new_runs import make_once, new_run
from ..importing.report import RunReport

_GONE = object()
_END = 253_370_764_800  # seconds since the epoch: the year 9999
_PLAIN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_ODD = (*_PLAIN, pa.ArrowException)  # what is raised of data that are shaped otherwise
_LATER = "values that share key and step with a later one"
_SUFFIXES: dict[Callable[..., Any], str] = {
    Image: ".bmp .jpeg .jpg .png .tif .tiff .webp",
    Video: ".gif .mp4 .mov .ogv .webm",
    Audio: ".flac .mp3 .oga .ogg .wav",
    Html: ".htm .html",
    Molecule: ".cif .mol .mol2 .pdb .sdf .xyz",
    Object3D: ".glb .gltf .obj .ply .stl",
}
_KINDS = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}


class Planned(NamedTuple):
    """A run that another tracker kept, which is read when its turn comes."""

    name: str  # of its folder
    read: Callable[[], Logged]


class Later(NamedTuple):
    """A value that is made when it is written: there is one in memory at a time."""

    make: Callable[[], Any]
    what: str  # they are, of which one is lost where it cannot be made


@dataclass
class Logged:
    """A run. `add` what it logged in any order."""

    title: str | None = None  # by default the last part of the folder's name
    project: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    notes: str | None = None
    group: str | None = None
    started: float | None = None  # seconds since the epoch
    status: str = "finished"
    kept: dict[str, Path] = field(default_factory=dict)  # files to keep with the run, by the directory they are below
    lost: Counter[str] = field(default_factory=Counter)  # what could not be carried
    said: list[str] = field(default_factory=list)  # what else is to be known
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)  # by step; values, `Later` ones, lists of these
    times: dict[int, float] = field(default_factory=dict)
    console: list[tuple[float, str]] = field(default_factory=list)  # when, and a line
    samples: dict[float, dict[str, float]] = field(default_factory=dict)  # what the machine did, by time
    close: Callable[[], None] = lambda: None  # is called when all was read

    def add(self, key: str, step: int, value: Any, time: float | None) -> None:
        """Note a value; a later one of the same key and step takes its place."""
        row = self.rows.setdefault(step, {})
        self.lost[_LATER] += key in row
        row[key] = value
        if is_time(time):
            self.times[step] = max(time, self.times.get(step, time))

    @property
    def began(self) -> float | None:
        """The first time that is known of it, of which run times are counted."""
        return min([*self.times.values(), *([self.started] if is_time(self.started) else [])], default=None)

    def summarize(self, values: dict[str, Any]) -> None:
        """Put what was not logged into the summary."""
        logged = {key for row in self.rows.values() for key in row}
        self.summary |= {key: value for key, value in values.items() if key not in logged}

    def keep(self, folder: Path, names: Iterable[str]) -> None:
        """Keep files below a folder, by their names there."""
        self.kept |= dict.fromkeys(names, folder)

    def print(self, time: float | None, text: str) -> None:
        self.console += [(time if is_time(time) else 0.0, line) for line in text.splitlines()]

    def sample(self, time: float | None, name: str, value: Any) -> None:
        """Note what was measured of the machine; what is no finite number, or has no time, is not."""
        if is_time(time) and isinstance(value, (int, float)) and math.isfinite(value):
            self.samples.setdefault(time, {})[name] = float(value)


def is_time(time: float | None) -> TypeGuard[float]:
    """Whether a number can be seconds since the epoch: not below 0, and before the year 9999."""
    return time is not None and 0 <= time < _END


def of_type(type: object) -> str:
    """What values of a tracker's type are, where they are counted as lost."""
    return f"values of the type {str(type)[:40]}"


def kind_of(name: str) -> Callable[..., Any] | None:
    """The media type of a file by the end of its name."""
    return _KINDS.get(os.path.splitext(name)[1].lower())


def media(path: Path | None, what: str, kind: Callable[..., Any] | None = None, caption: str | None = None) -> Later:
    """The value of a file, None where there is none, which is then lost; of the type that its name says by default."""
    if kind is None and path is not None:
        kind = kind_of(path.name)
    return Later(partial(_read, path, kind, caption or None), what)


def _read(path: Path | None, kind: Callable[..., Any] | None, caption: str | None) -> Any:
    if path is None or kind is None:
        raise InputError.of("media", "a file", path, "")
    return kind(str(path), caption=caption)


def make_run(plan: Planned, dest: Path, project: str | None, tags: list[str]) -> RunReport:

    def make(target: Path, report: RunReport) -> RunReport:
        with expected(plan.name):
            run = plan.read()
        with contextlib.closing(run):
            return _write(run, target, report, project, tags)

    return make_once(plan.name, dest, make)


def _write(run: Logged, target: Path, report: RunReport, project: str | None, tags: list[str]) -> RunReport:
    described = {
        "name": run.title or target.name,
        "project": project or run.project,
        "notes": run.notes,
        "group": run.group,
        "tags": list(dict.fromkeys([*run.tags, *tags])),
        "config": run.config,
    }
    with new_run(target, on_error="record", **described) as made:
        if run.began is not None:
            files.write_json(made.path / files.RUN, {**files.read_json(made.path / files.RUN), "started": run.began})
        written = _log(made, run)
        attached = _keep(made.path, run)
        _record(made.path, run)
        problems = list(made.problems)
        made.finish(run.status)
    notes = [f"{what} could not be carried: {count:,}" for what, count in sorted(run.lost.items()) if count]
    return report._replace(
        status="new",
        events={"value": written},
        added=written,
        rows=len(run.rows),
        problems=problems,
        notes=run.said + notes,
        attached=attached,
    )


@contextlib.contextmanager
def expected(where: str) -> Iterator[None]:
    """Data that is shaped otherwise than its tracker shapes it is an error that says so."""
    try:
        yield
    except MediaTypesError:
        raise
    except _ODD as error:
        said = Verbatim(f"{type(error).__name__}: {error}")
        raise InputError.of(where, "what the tracker writes", said, "Make it anew there.", "shape") from error


def _log(made: Run, run: Logged) -> int:
    """Log everything; returns how many values."""
    last, written = run.began, 0  # where no time is known, rows have that of the import
    for step in sorted(run.rows):
        if step < 0:
            run.lost["values at a step below 0"] += len(run.rows[step])
            continue
        stamp = {} if last is None else {"_timestamp": (last := max(run.times.get(step, last), last))}
        row = _made(run.rows[step], run.lost)
        calls, told = made._writer.calls, len(made.problems)
        made.log({**row, **stamp}, step=step)
        if made._writer.calls > calls:  # else all of it was refused
            wrong = [one.path for one in made.problems[told:] if one.code != KINDS]  # which are kept
            refused = (key for key in row if any(path.startswith(f'log["{key}"]') for path in wrong))
            written += len(row) - (len(list(refused)) if wrong else 0)
    made.summary.update(_made(run.summary, run.lost))
    return written


def _keep(folder: Path, run: Logged) -> list[str]:
    """Copy the files to keep, under names that are safe on every system; returns these."""
    named = {}
    for name, base in run.kept.items():
        try:
            safe_parts(name)
            named[name] = base / name
        except UnsafePath:
            named[plain_name(*name.split("/"))] = base / name
    for name in wrong_names(folder, named):
        run.lost["files whose names are not safe on every system"] += 1
        del named[name]
    put_files(folder, named)
    return sorted(named)


def _made(value: Any, lost: Counter[str]) -> Any:
    """A value in which those for later are made now; without those that cannot be."""
    if isinstance(value, Later):
        try:
            return value.make()
        except (MediaTypesError, *_ODD):
            lost[value.what] += 1
            return _GONE
    if isinstance(value, dict):
        return {key: made for key, one in value.items() if (made := _made(one, lost)) is not _GONE}
    if isinstance(value, list) and any(isinstance(one, Later) for one in value):
        return [made for one in value if (made := _made(one, lost)) is not _GONE] or _GONE
    return value


def _record(folder: Path, run: Logged) -> None:
    """What was printed, and what the machine did."""
    if run.console:
        log = ConsoleLog(str(folder / CONSOLE), temporary_name(CONSOLE))
        try:
            for time, line in run.console:
                log.write([("out", line)], time)
        finally:
            log.close()
    if run.samples:
        lines = [canonical.dump_bytes({TIME: time, **values}) for time, values in sorted(run.samples.items())]
        (folder / files.SYSTEM_LINES).write_bytes(b"\n".join([*lines, b""]))


def plain_name(*parts: object) -> str:
    """The name of a run folder, of texts that may hold anything."""
    letters = ("".join(c if c.isalnum() or c in "-_." else "_" for c in str(part)) for part in parts)
    return "/".join(part.strip(".")[:100] or "_" for part in letters)


def distinct(plans: Iterable[Planned]) -> list[Planned]:
    """The same with names of which no two are one on any file system."""
    taken = set[str]()
    return [plan._replace(name=free_name(plan.name, taken, ignore_case=True)) for plan in plans]

"""Which event files make a run, and the names that runs and keys get.

1. A directory that holds event files is a run, named by its path below the log directory; the log directory itself is
   named as it is.
2. A directory called train, val, valid, validation, eval or test is a namespace of the directory above it, as Keras
   writes them: its keys are `train/loss`, as `sync_tensorboard` names them.
3. A directory that `add_scalars` made is a namespace of the run it was called for: `loss_train/loss` of torch,
   `loss/train/loss` of tensorboardX.
4. A directory that `add_hparams` made is part of the run it was called for: its values have the names they would have
   there, and its hyperparameters are that run's config. Several of them below one directory are trials, and a run each,
   as TensorBoard shows them; the directory above is then a run only if it holds anything else.

The last two are tried before the second. `nested="runs"` makes every directory a run, `nested="namespaces"` the whole
log directory one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from ...._core.errors import MediaTypesError, Problem
from ....formats import protobuf, tfrecord
from ...importing.names import folder_of
from ...importing.sources import LogDir, LogFile
from ..log.events import read_event
from ..plugins.hparams import read_hparams

Nested = Literal["auto", "runs", "namespaces"]
SPLITS = ("train", "val", "valid", "validation", "eval", "test")
_ENDINGS = (".profile-empty", ".sagemaker-uploaded")
_ATTACHED = re.compile(  # files beside the events that belong to a run: torch's profiler, the projector, TF's profiler
    r"(^|/)([^/]*\.pbtxt|[^/]*\.pt\.trace\.json(\.gz)?|plugins/.+|\d{5}/(.+/)?(tensors\.tsv|metadata\.tsv|sprite\.png))$"
)
MAX_ATTACHED = 1 << 32  # bytes of a file that is kept as it is
_PEEK_BYTES = 1 << 18  # bytes of a file read to see what made its directory


class EventFile(NamedTuple):
    name: str  # below the run's directory
    folder: str  # namespace of its keys
    path: str  # below the log directory
    size: int


class RunPlan(NamedTuple):
    name: str
    folder: str  # of the run below the destination, with /
    files: tuple[EventFile, ...]  # in the order of their names
    attached: tuple[tuple[str, LogFile], ...]  # files kept as they are, by their name below the run's directory
    path: str  # of the run's directory below the log directory
    is_empty: bool = False  # it has trials below it, and no values


class Plan(NamedTuple):
    """All runs of a log directory, and the files that are of none."""

    runs: tuple[RunPlan, ...]
    ignored: tuple[str, ...]
    problems: tuple[Problem, ...]  # why some of them are
    unsure: frozenset[str]  # event files that hold too little yet to tell which run they are of

    def without_empty(self, is_kept: Callable[[RunPlan], bool]) -> Plan:
        """The plan without the runs that are empty, but for those that are kept."""
        kept = tuple(run for run in self.runs if not run.is_empty or is_kept(run))
        left = [file.path for run in self.runs if run not in kept for file in run.files]
        return self._replace(runs=kept, ignored=tuple(sorted([*self.ignored, *left])))


class Peek(NamedTuple):
    """How an event file begins."""

    tags: frozenset[str]
    is_session: bool  # `add_hparams` wrote it: experiment and session together
    is_empty: bool  # it holds nothing at all

    @property
    def is_telling(self) -> bool:
        """Whether it says what made its directory."""
        return bool(self.tags) or self.is_session


class _Peeks:
    """How event files begin, each read once, and again as long as that is not telling."""

    def __init__(self, logdir: LogDir, known: dict[str, Peek]) -> None:
        self._logdir, self.known = logdir, known

    def of(self, file: LogFile | EventFile) -> Peek:
        known = self.known.get(file.path)
        if known is None or not known.is_telling:
            known = self.known[file.path] = _peek(self._logdir, file)
        return known


def is_event_file(path: str) -> bool:
    """Whether TensorBoard takes a file for one of events: by its name."""
    name = path.rpartition("/")[2]
    return "tfevents" in name and not name.endswith(_ENDINGS)


def is_attached(name: str) -> bool:
    """Whether a file below a run's directory belongs to the run, though it holds no events."""
    return bool(_ATTACHED.search(name))


def make_plan(
    logdir: LogDir, nested: Nested, listed: list[LogFile] | None = None, peeks: dict[str, Peek] | None = None
) -> Plan:
    """The runs of a log directory by the rules above; `peeks`, how event files begin by path, grows."""
    listed = logdir.list() if listed is None else listed
    problems = [
        _unread(file, "a regular file below the log directory", file.refusal) for file in listed if file.refusal
    ]
    ignored = [file.path for file in listed if file.refusal]
    listed = [file for file in listed if not file.refusal]
    peek = _Peeks(logdir, {} if peeks is None else peeks)
    events = [file for file in listed if is_event_file(file.path)]
    folders = sorted({_parent(file.path) for file in events}, key=lambda path: (path.count("/"), path))
    first = {_parent(file.path): file for file in reversed(events)}
    trials = _trials(folders, first, peek) if nested == "auto" else {}
    are_trials = {folder for below in trials.values() for folder in below}
    homes: dict[str, tuple[str, str]] = {}  # directory: its run, and its namespace there
    for folder in folders:
        homes[folder] = (folder, "") if folder in are_trials else _home(folder, first[folder], homes, nested, peek)
    runs: dict[str, list[EventFile]] = {}
    for file in events:
        run, namespace = homes[_parent(file.path)]
        runs.setdefault(run, []).append(EventFile(_below(file.path, run), namespace, file.path, file.size))
    attached: dict[str, list[tuple[str, LogFile]]] = {}
    for file in listed:
        owner = next((run for run in _ancestors(file.path) if run in runs), None)
        if is_event_file(file.path):
            continue
        if owner is not None and is_attached(_below(file.path, owner)) and file.size > MAX_ATTACHED:
            problems.append(_unread(file, f"at most {MAX_ATTACHED} bytes", f"{file.size} bytes"))
            ignored.append(file.path)
        elif owner is not None and is_attached(_below(file.path, owner)):
            attached.setdefault(owner, []).append((_below(file.path, owner), file))
        else:
            ignored.append(file.path)
    plans = [
        RunPlan(
            run or logdir.name,
            folder_of(run or logdir.name),
            tuple(sorted(files)),
            tuple(attached.get(run, ())),
            run,
            run in trials and run not in attached and all(peek.of(file).is_empty for file in files),
        )
        for run, files in sorted(runs.items())
    ]
    unsure = {
        folder
        for folder, file in first.items()
        if folder not in trials and file.path in peek.known and not peek.known[file.path].is_telling
    }
    return Plan(
        tuple(plans),
        tuple(sorted(ignored)),
        tuple(problems),
        frozenset(file.path for file in events if _parent(file.path) in unsure),
    )


def _unread(file: LogFile, expected: str, got: str) -> Problem:
    return Problem(file.path, f"expected {expected}, got {got}", "not-read", "It is not part of the run.")


def _trials(folders: list[str], first: dict[str, LogFile], peek: _Peeks) -> dict[str, list[str]]:
    """Directories below which `add_hparams` made several, and these."""
    made: dict[str, list[str]] = {}
    for folder in folders:
        above = next((one for one in _ancestors(folder) if one in first), None)
        if above is not None and peek.of(first[folder]).is_session:
            made.setdefault(above, []).append(folder)
    return {above: below for above, below in made.items() if len(below) > 1}


def _home(
    folder: str, file: LogFile, homes: dict[str, tuple[str, str]], nested: Nested, peek: _Peeks
) -> tuple[str, str]:
    if nested == "namespaces":
        return "", folder
    if nested == "runs" or not folder:
        return folder, ""
    above = next((one for one in _ancestors(folder) if one in homes), None)
    if above is not None:
        run, namespace = homes[above]
        tags, is_session, _ = peek.of(file)
        if is_session:
            return run, namespace
        below = _below(folder, above)
        if len(tags) == 1 and below.replace("/", "_").startswith(f"{min(tags).replace('/', '_')}_"):
            return run, _join(namespace, below)
    if folder.rpartition("/")[2] in SPLITS:
        run, namespace = homes.get(_parent(folder), (_parent(folder), ""))
        return run, _join(namespace, folder.rpartition("/")[2])
    return folder, ""


def _peek(logdir: LogDir, file: LogFile | EventFile) -> Peek:
    """How a file begins."""
    tags, sections = set(), set()
    is_empty = file.size <= _PEEK_BYTES
    try:
        with logdir.open(file.path) as opened:
            reader = tfrecord.RecordReader(opened, min(file.size, _PEEK_BYTES))
            for records in reader:
                for start, end in zip(records.starts.tolist(), records.ends.tolist(), strict=True):
                    event = read_event(records.data, start, end)
                    is_empty &= event.what in ("", "file_version")
                    for value in event.values:
                        if value.metadata is not None and value.metadata.plugin == "hparams":
                            sections |= set(read_hparams(value.metadata.content))
                        else:
                            tags.add(value.tag)
            is_empty &= not reader.damage
    except (MediaTypesError, protobuf.Malformed, OSError):
        is_empty = False  # whoever imports it says what is wrong
    return Peek(frozenset(tags), {"experiment", "start"} <= sections, is_empty)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _ancestors(path: str) -> list[str]:
    """The directories above a path, the nearest first, the log directory ("") last."""
    ancestors = []
    while path:
        path = _parent(path)
        ancestors.append(path)
    return ancestors


def _below(path: str, folder: str) -> str:
    return path.removeprefix(f"{folder}/") if folder else path


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name

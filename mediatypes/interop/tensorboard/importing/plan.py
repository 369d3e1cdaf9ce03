"""Which event files make a run, and the names that runs and keys get.

1. A directory that holds event files is a run, named by its path below the log directory; the log directory itself is
   named as it is.
2. A directory called train, val, valid, validation, eval or test is a namespace of the directory above it, as Keras
   writes them: its keys are `train/loss`, as `sync_tensorboard` names them.
3. A directory that `add_scalars` made is a namespace of the run it was called for: `loss_train/loss` of torch,
   `loss/train/loss` of tensorboardX.
4. A directory that `add_hparams` made is part of the run it was called for: its values have the names they would have
   there, and its hyperparameters are that run's config.

The last two are tried before the second. `nested="runs"` makes every directory a run, `nested="namespaces"` the whole
log directory one.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from ...._core.errors import MediaTypesError
from ...._core.sidecar import safe_parts
from ....formats import protobuf, tfrecord
from ..log.events import read_event
from ..log.sources import LogDir, LogFile
from ..plugins.hparams import read_hparams

Nested = Literal["auto", "runs", "namespaces"]
SPLITS = ("train", "val", "valid", "validation", "eval", "test")
RESERVED = ("media", "journal", "files", "damaged")
_ENDINGS = (".profile-empty", ".sagemaker-uploaded")
_ATTACHED = re.compile(  # files beside the events that belong to a run: torch's profiler, the projector, TF's profiler
    r"(^|/)([^/]*\.pbtxt|[^/]*\.pt\.trace\.json(\.gz)?|plugins/.+|\d{5}/(.+/)?(tensors\.tsv|metadata\.tsv|sprite\.png))$"
)
_PEEK = 1 << 18  # bytes of a file read to see what made its directory


class EventFile(NamedTuple):
    """An event file of a run."""

    name: str  # below the run's directory
    folder: str  # namespace of its keys
    path: str  # below the log directory
    size: int


class RunPlan(NamedTuple):
    """One run to import."""

    name: str
    folder: str  # of the run below the destination, with /
    files: tuple[EventFile, ...]  # in the order of their names
    attached: tuple[tuple[str, LogFile], ...]  # files kept as they are, by their name below the run's directory
    path: str  # of the run's directory below the log directory


class Plan(NamedTuple):
    """All runs of a log directory, and the files that are of none."""

    runs: tuple[RunPlan, ...]
    ignored: tuple[str, ...]
    unsure: frozenset[str]  # event files that hold too little yet to tell which run they are of


class Peek(NamedTuple):
    """How an event file begins."""

    tags: frozenset[str]
    is_session: bool  # `add_hparams` wrote it: experiment and session together


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
    """The runs of a log directory by the rules above.

    Args:
        listed: its files, if they are known.
        peeks: how event files begin, by path, as far as it is known; grows.
    """
    listed = logdir.list() if listed is None else listed
    peeks = {} if peeks is None else peeks
    events = [file for file in listed if is_event_file(file.path)]
    folders = sorted({_parent(file.path) for file in events}, key=lambda path: (path.count("/"), path))
    first = {_parent(file.path): file for file in reversed(events)}
    homes: dict[str, tuple[str, str]] = {}  # directory: its run, and its namespace there
    for folder in folders:
        homes[folder] = _home(folder, first[folder], homes, logdir, nested, peeks)
    runs: dict[str, list[EventFile]] = {}
    for file in events:
        run, namespace = homes[_parent(file.path)]
        runs.setdefault(run, []).append(EventFile(_below(file.path, run), namespace, file.path, file.size))
    attached: dict[str, list[tuple[str, LogFile]]] = {}
    ignored = []
    for file in listed:
        owner = next((run for run in _ancestors(file.path) if run in runs), None)
        if is_event_file(file.path):
            continue
        if owner is not None and is_attached(_below(file.path, owner)):
            attached.setdefault(owner, []).append((_below(file.path, owner), file))
        else:
            ignored.append(file.path)
    plans = [
        RunPlan(
            run or logdir.name, folder_of(run or logdir.name), tuple(sorted(files)), tuple(attached.get(run, ())), run
        )
        for run, files in sorted(runs.items())
    ]
    unsure = {folder for folder, file in first.items() if file.path in peeks and not any(peeks[file.path])}
    return Plan(tuple(plans), tuple(ignored), frozenset(file.path for file in events if _parent(file.path) in unsure))


def _home(
    folder: str,
    file: LogFile,
    homes: dict[str, tuple[str, str]],
    logdir: LogDir,
    nested: Nested,
    peeks: dict[str, Peek],
) -> tuple[str, str]:
    if nested == "namespaces":
        return "", folder
    if nested == "runs" or not folder:
        return folder, ""
    above = next((one for one in _ancestors(folder) if one in homes), None)
    if above is not None:
        run, namespace = homes[above]
        if not any(peeks.get(file.path, ())):
            peeks[file.path] = _peek(logdir, file)
        tags, is_session = peeks[file.path]
        if is_session:
            return run, namespace
        below = _below(folder, above)
        if len(tags) == 1 and below.replace("/", "_").startswith(f"{min(tags).replace('/', '_')}_"):
            return run, _join(namespace, below)
    if folder.rpartition("/")[2] in SPLITS:
        run, namespace = homes.get(_parent(folder), (_parent(folder), ""))
        return run, _join(namespace, folder.rpartition("/")[2])
    return folder, ""


def _peek(logdir: LogDir, file: LogFile) -> Peek:
    """How a file begins."""
    tags, sections = set(), set()
    try:
        with logdir.open(file.path) as opened:
            for records in tfrecord.RecordReader(opened, min(file.size, _PEEK)):
                for start, end in zip(records.starts.tolist(), records.ends.tolist(), strict=True):
                    for value in read_event(records.data, start, end).values:
                        if value.metadata is not None and value.metadata.plugin == "hparams":
                            sections |= set(read_hparams(value.metadata.content))
                        else:
                            tags.add(value.tag)
    except (MediaTypesError, protobuf.Malformed, OSError):
        pass  # whoever imports it says what is wrong
    return Peek(frozenset(tags), {"experiment", "start"} <= sections)


def folder_of(name: str) -> str:
    """A path that is safe on every system; a part that has to be changed gets some digits of its hash."""
    return "/".join(_safe(part) for part in PurePosixPath(name).parts) or "run"


def safe_name(name: str) -> str:
    """The name of a file below a run's directory, changed only where it is not safe: a bucket may hold any."""
    try:
        safe_parts(name)
    except MediaTypesError:
        return folder_of(name)
    return name


def _safe(part: str) -> str:
    try:
        safe_parts(part)
        if part.lower() not in RESERVED and not part.startswith("."):
            return part
    except MediaTypesError:
        pass
    kept = re.sub(r"[^\w .=+-]", "_", part).strip(" .")[:80] or "run"
    return f"{kept}-{hashlib.sha256(part.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _ancestors(path: str) -> list[str]:
    """The directories above a path, the nearest first, the log directory ("") last."""
    found = []
    while path:
        path = _parent(path)
        found.append(path)
    return found


def _below(path: str, folder: str) -> str:
    return path.removeprefix(f"{folder}/") if folder else path


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name

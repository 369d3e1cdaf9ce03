"""`mediatypes import`"""

from __future__ import annotations

import contextlib
from argparse import Namespace
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ._command import Command, Parser, at_least_1, complain
from ._progress import Progress
from ._text import command

if TYPE_CHECKING:
    from .._core.errors import InputError
    from ..interop.importing.report import ImportReport

_HEAD = 65536  # bytes that say what a JSON file is
_FORMATS = ("coco", "yolo", "voc")  # of data sets, which may be said before them
_SOME = {  # options that not every importer knows: their defaults
    "nested": "auto",
    "purge": False,
    "step_metric": None,
    "keep_events": False,
    "jobs": 1,
    "images": None,
    "results": None,
}
_OF_EVENTS = ("nested", "purge", "step_metric", "keep_events", "jobs")


def _add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "sources",
        metavar="SOURCE",
        nargs="+",
        help="a directory or file of a tracker, or a URL of event files (s3, gs, az); a data set of coco, yolo or voc",
    )
    parser.add_argument(
        "-o", dest="dest", metavar="DEST", type=Path, required=True, help="the run folders are made below this one"
    )
    parser.add_argument(
        "--nested",
        choices=("auto", "runs", "namespaces"),
        default=_SOME["nested"],
        help="which directories are runs of their own (default: auto)",
    )
    parser.add_argument("--project", help="the project that the runs belong to")
    parser.add_argument("--tag", dest="tags", action="append", default=[], help="a tag of the runs; may be repeated")
    parser.add_argument("--purge", action="store_true", help="leave out what a restart logged again, as TensorBoard")
    parser.add_argument("--step-metric", metavar="KEY", help="the scalar whose values are the steps of the rows")
    parser.add_argument("--keep-events", action="store_true", help="copy the event files into the run folders")
    parser.add_argument(
        "--jobs", metavar="N", type=at_least_1, default=_SOME["jobs"], help="processes that import runs (default: 1)"
    )
    parser.add_argument("--images", metavar="DIR", type=Path, help="the pictures of COCO, or the data set of YOLO")
    parser.add_argument("--results", metavar="FILE", type=Path, help="results of COCO, which become predictions")
    parser.add_argument("--report", metavar="FILE", type=Path, help="write the report as JSON as well")


def options(arguments: Namespace) -> dict[str, Any]:
    """How the runs are made, as `import_logdir` takes it."""
    names = ("nested", "purge", "step_metric", "keep_events", "project", "tags")
    return {name: getattr(arguments, name) for name in names}


def say(reports: list[tuple[str, ImportReport]], arguments: Namespace) -> int:
    """Write the reports, by source, if that was asked for; returns the exit code."""
    from ..runfolder.files import write_json

    if arguments.report:
        sources = [{"source": source, **report.to_json(), "complete": report.is_complete} for source, report in reports]
        write_json(arguments.report, {"sources": sources})
    return 0 if all(report.is_complete for _, report in reports) else 2


def _import_events(source: str, arguments: Namespace, progress: Progress) -> ImportReport:
    from .._core.errors import InputError
    from ..interop.tensorboard import import_logdir

    try:
        return import_logdir(source, arguments.dest, **options(arguments), jobs=arguments.jobs, progress=progress.show)
    except InputError as error:
        if error.problems[0].code == "no-events" and "://" not in source:
            raise _unknown(source) from None
        raise


def import_wandb(source: str, arguments: Namespace, progress: Progress) -> ImportReport:
    """Import what W&B left."""
    from ..interop.wandb import import_runs

    named = {"project": arguments.project, "tags": arguments.tags}
    return import_runs(source, arguments.dest, **named, jobs=arguments.jobs, progress=progress.show)


def _is_wandb(source: str) -> bool:
    from ..interop.wandb.importing.plan import is_wandb

    return is_wandb(source)


def _import_annotations(source: str, arguments: Namespace, progress: Progress) -> ImportReport:
    from ..interop.annotations.importing import import_annotations

    takes = importer_of(source, arguments.format).takes  # of several sources not every one takes all
    named = {name: getattr(arguments, name) for name in ("format", "project", "tags", *takes)}
    return import_annotations(source, arguments.dest, **named, progress=progress.show)


def _import_elsewhere(source: str, arguments: Namespace, progress: Progress) -> ImportReport:
    from ..interop.elsewhere import import_runs

    return import_runs(source, arguments.dest, project=arguments.project, tags=arguments.tags, progress=progress.show)


def _annotated(source: str) -> str | None:
    """The format of a data set; None of something else."""
    from ..interop.annotations.importing import recognise

    return None if "://" in source else recognise(source)


def _is_elsewhere(source: str) -> bool:
    from ..interop.elsewhere import recognise

    return "://" not in source and recognise(source) is not None


class Importer(NamedTuple):
    """Who imports a source."""

    what: str  # it imports
    run: Callable[[str, Namespace, Progress], ImportReport]
    takes: tuple[str, ...] = ()  # options of `_SOME`


EVENTS = Importer("event files of TensorBoard", _import_events, _OF_EVENTS)
WANDB = Importer("runs of W&B", import_wandb, ("jobs",))
_ELSEWHERE = Importer("runs of another tracker", _import_elsewhere)
_ANNOTATED = {
    "coco": Importer("a data set of COCO", _import_annotations, ("images", "results")),
    "yolo": Importer("a data set of YOLO", _import_annotations, ("images",)),
    "voc": Importer("a data set of Pascal VOC", _import_annotations),
}
_ALL = (EVENTS, WANDB, *_ANNOTATED.values(), _ELSEWHERE)


def _unknown(source: str) -> InputError:
    """What is said of a place that has nothing to import, with what to type where that can be seen."""
    from .._core.errors import InputError, Verbatim

    path = Path(source)
    annotated = next((file for file in sorted(path.glob("*.json")) if _may_be_coco(file)), None)
    hint = (
        "See `mediatypes import --help`."
        if annotated is None
        else f"Type: {command('import', 'coco', annotated, '-o', 'DEST')}"
    )
    got = Verbatim("a file of something else" if path.is_file() else "a directory without these")
    return InputError.of(source, "event files, runs of a tracker, or a data set", got, hint, "unknown")


def _may_be_coco(file: Path) -> bool:
    with contextlib.suppress(OSError), open(file, "rb") as opened:
        head = opened.read(_HEAD)
        return b'"images"' in head or b'"annotations"' in head
    return False


def importer_of(source: str, format: str | None = None) -> Importer:
    """Who imports a source: the first that recognises it, else it is a log directory of TensorBoard."""
    if format is None and _is_wandb(source):
        return WANDB
    if annotated := format or _annotated(source):
        return _ANNOTATED[annotated]
    return _ELSEWHERE if _is_elsewhere(source) else EVENTS


def require_known_options(importers: Collection[Importer], arguments: Namespace) -> None:
    """Raise InputError if an option was given that none of the importers knows."""
    from .._core.errors import InputError, Verbatim, problem

    got = Verbatim(" and ".join(dict.fromkeys(importer.what for importer in importers)))
    known = {name for importer in importers for name in importer.takes}
    problems = []
    for name, default in _SOME.items():
        if getattr(arguments, name) != default and name not in known:
            expected = " or ".join(importer.what for importer in _ALL if name in importer.takes)
            problems.append(problem(f"--{name.replace('_', '-')}", expected, got, "Leave it out.", "ignored"))
    if problems:
        raise InputError(problems)


def _run(arguments: Namespace) -> int:
    from .._core.errors import InputError, MediaTypesError, Verbatim, problem

    arguments.format = None
    if arguments.sources[0] in _FORMATS and len(arguments.sources) > 1 and not Path(arguments.sources[0]).exists():
        arguments.format, *arguments.sources = arguments.sources
    nothing = [source for source in arguments.sources if "://" not in source and not Path(source).exists()]
    if nothing:
        expected, got, hint = "a file or directory", Verbatim("nothing"), "Check the path."
        raise InputError([problem(source, expected, got, hint, "no-file") for source in nothing])
    importers = [importer_of(source, arguments.format) for source in arguments.sources]
    require_known_options(importers, arguments)
    reports, code = [], 0
    for source, importer in zip(arguments.sources, importers, strict=True):
        try:
            with Progress("import") as bar:
                report = importer.run(source, arguments, bar)
        except MediaTypesError as error:  # the others are imported
            complain(error)
            code = 2
            continue
        print(report)
        print(report.summary)
        reports.append((source, report))
    return max(say(reports, arguments), code)


COMMAND = Command(
    "import",
    "make runs of logs, trackers and data sets",
    "What is given is recognised: event files of TensorBoard; the directories that W&B leaves (wandb/), DVCLive or\n"
    "SwanLab; the file stores and SQLite databases of MLflow; databases of trackio; a repository of Aim (.aim, for\n"
    "which aim is needed); the folder or archive of an offline session of ClearML; exports of neptune-exporter,\n"
    "of pluto.migrate and of W&B's histories. Each run becomes a run folder. Or a data set of COCO\n"
    "(annotations.json), YOLO (data.yaml) or Pascal VOC: a run for each file or split. What cannot be carried\n"
    "is said in numbers. Importing again goes on where an import was interrupted: event files and what W&B left add\n"
    "what is new to their runs; of the others runs that are there stay as they are, and new ones are added.",
    "mediatypes import logs -o runs",
    _add_arguments,
    _run,
)

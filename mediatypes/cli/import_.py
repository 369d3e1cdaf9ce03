"""`mediatypes import`"""

from __future__ import annotations

import contextlib
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._command import Command
from ._progress import Progress

if TYPE_CHECKING:
    from .._core.errors import InputError
    from ..interop.importing.report import ImportReport

_HEAD = 65536  # bytes that say what a JSON file is
_FORMATS = ("coco", "yolo", "voc")  # of data sets, which may be said before them


def _add_arguments(parser: ArgumentParser) -> None:
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
        default="auto",
        help="which directories are runs of their own (default: auto)",
    )
    parser.add_argument("--project", help="the project that the runs belong to")
    parser.add_argument("--tag", dest="tags", action="append", default=[], help="a tag of the runs; may be repeated")
    parser.add_argument("--purge", action="store_true", help="leave out what a restart logged again, as TensorBoard")
    parser.add_argument("--step-metric", metavar="KEY", help="the scalar whose values are the steps of the rows")
    parser.add_argument("--keep-events", action="store_true", help="copy the event files into the run folders")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="processes that import runs (default: 1)")
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

    named = {name: getattr(arguments, name) for name in ("format", "images", "results", "project", "tags")}
    return import_annotations(source, arguments.dest, **named, progress=progress.show)


def _import_elsewhere(source: str, arguments: Namespace, progress: Progress) -> ImportReport:
    from ..interop.elsewhere import import_runs

    return import_runs(source, arguments.dest, project=arguments.project, tags=arguments.tags, progress=progress.show)


def _is_annotated(source: str) -> bool:
    from ..interop.annotations.importing import recognise

    return "://" not in source and recognise(source) is not None


def _is_elsewhere(source: str) -> bool:
    from ..interop.elsewhere import recognise

    return "://" not in source and recognise(source) is not None


_Importer = Callable[[str, Namespace, Progress], "ImportReport"]
_RECOGNISED: tuple[tuple[Callable[[str], bool], _Importer], ...] = (
    (_is_wandb, import_wandb),
    (_is_annotated, _import_annotations),
    (_is_elsewhere, _import_elsewhere),
)


def _unknown(source: str) -> InputError:
    """What is said of a place that has nothing to import, with what to type where that can be seen."""
    from .._core.errors import InputError, Verbatim

    path = Path(source)
    annotated = next((file for file in sorted(path.glob("*.json")) if _may_be_coco(file)), None)
    hint = (
        "See `mediatypes import --help`." if annotated is None else f"Type: mediatypes import coco {annotated} -o DEST"
    )
    got = Verbatim("a file of something else" if path.is_file() else "a directory without these")
    return InputError.of(source, "event files, runs of a tracker, or a data set", got, hint, "unknown")


def _may_be_coco(file: Path) -> bool:
    with contextlib.suppress(OSError), open(file, "rb") as opened:
        head = opened.read(_HEAD)
        return b'"images"' in head or b'"annotations"' in head
    return False


def importer_of(source: str) -> _Importer:
    """Who imports a source: the first that recognises it, else it is a log directory of TensorBoard."""
    return next((importer for recognises, importer in _RECOGNISED if recognises(source)), _import_events)


def _run(arguments: Namespace) -> int:
    from .._core.errors import InputError, Verbatim, problem

    if arguments.jobs < 1:
        raise InputError.of("--jobs", "at least 1", arguments.jobs, "Leave it out for 1.")
    arguments.format = None
    if arguments.sources[0] in _FORMATS and len(arguments.sources) > 1 and not Path(arguments.sources[0]).exists():
        arguments.format, *arguments.sources = arguments.sources
    nothing = [source for source in arguments.sources if "://" not in source and not Path(source).exists()]
    if nothing:
        expected, got, hint = "a file or directory", Verbatim("nothing"), "Check the path."
        raise InputError([problem(source, expected, got, hint, "no-file") for source in nothing])
    reports = []
    for source in arguments.sources:
        with Progress("import") as bar:
            importer = _import_annotations if arguments.format else importer_of(source)
            report = importer(source, arguments, bar)
        print(report)
        print(report.summary)
        reports.append((source, report))
    return say(reports, arguments)


COMMAND = Command(
    "import",
    "make runs of logs, trackers and data sets",
    "What is given is recognised: event files of TensorBoard; the directories that W&B leaves (wandb/), DVCLive or\n"
    "SwanLab; the file stores and SQLite databases of MLflow; databases of trackio; a repository of Aim (.aim, for\n"
    "which aim is needed); the folder or archive of an offline session of ClearML; exports of neptune-exporter,\n"
    "of pluto.migrate and of W&B's histories. Each run becomes a run folder. Or a data set of COCO\n"
    "(annotations.json), YOLO (data.yaml) or Pascal VOC: a run for each file or split. What cannot be carried\n"
    "is said in numbers. Importing again adds what is new, and goes on where an import was interrupted.",
    "mediatypes import logs -o runs",
    _add_arguments,
    _run,
)

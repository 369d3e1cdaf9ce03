"""`mediatypes export`"""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from .._core.errors import MediaTypesError
from .._core.wording import counted
from ..interop.importing.names import free_name
from ..interop.layouts import LAYOUTS, export
from ._command import Command, Parser, complain
from ._runs import add_runs, find
from ._text import clean, in_bytes


def _add_arguments(parser: Parser) -> None:
    add_runs(parser)
    layouts = "; ".join(f"{name}: {what}" for name, what in LAYOUTS.items())
    parser.add_argument("--layout", required=True, choices=LAYOUTS, help=layouts)
    where = "the folder to be made; of several runs each has its own below it"
    parser.add_argument("-o", dest="dest", metavar="DEST", type=Path, required=True, help=where)


def _run(arguments: Namespace) -> int:
    paths = find(arguments.runs)
    if len(paths) == 1:
        _export(paths[0], arguments.layout, arguments.dest)
        return 0
    code = 0
    for path, name in zip(paths, _names(paths), strict=True):
        try:
            _export(path, arguments.layout, arguments.dest / name)
        except MediaTypesError as error:
            complain(error)
            code = 2
    return code


def _names(paths: list[str]) -> list[str]:
    """A name for each run, as they stand in the folder that holds them; of one inside of another run beside that."""
    places = [Path(os.path.abspath(path)) for path in paths]
    base = Path(os.path.commonpath(places))
    base = base.parent if base in places else base
    names, taken = [], {str(place.relative_to(base)) for place in places}
    for place in places:
        name = str(place.relative_to(base))
        if not {*places}.isdisjoint(place.parents):
            name = free_name(name.replace(os.sep, "-"), taken)
        names.append(name)
    return names


def _export(path: str, layout: str, dest: Path) -> None:
    report = export(path, layout, dest)
    rows, media = counted(report.rows, "row"), counted(report.files, "media file")
    print(clean(f"{dest}: {rows} and {media}, {in_bytes(report.size)}"))
    for line in report.lost_lines():
        print(clean(line))


COMMAND = Command(
    "export",
    "write a run for other tools",
    "Write a run as a new folder: csv and jsonl with a row for each step, long with a row for each value,\n"
    "huggingface for datasets.load_dataset, tensorboard with event files, wandb-json with W&B's JSON and file\n"
    "names, mlflow and rerun where these are installed, or coco, yolo and voc with the images and their boxes.\n"
    "Media files are verified and copied.\n"
    "What the layout does not carry, or not as it was, is counted by key and kind.",
    "mediatypes export runs/demo --layout huggingface -o dataset",
    _add_arguments,
    _run,
)

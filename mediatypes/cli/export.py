"""`mediatypes export`"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..interop.layouts import LAYOUTS, export
from ._command import Command
from ._text import clean, count, in_bytes


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="RUN", help="the folder of a run, finished or not")
    layouts = "; ".join(f"{name}: {what}" for name, what in LAYOUTS.items())
    parser.add_argument("--layout", required=True, choices=LAYOUTS, help=layouts)
    parser.add_argument("-o", dest="dest", metavar="DEST", type=Path, required=True, help="the folder to be made")


def _run(arguments: Namespace) -> int:
    report = export(arguments.path, arguments.layout, arguments.dest)
    rows, media = count(report.rows, "row"), count(report.files, "media file")
    print(f"{arguments.dest}: {rows} and {media}, {in_bytes(report.size)}")
    if report.lost:
        print(f"{arguments.layout} did not carry:")
    for lost in report.lost:
        print(f"- {clean(lost.key)} ({lost.kind}): {count(lost.count, 'value')}, {lost.reason}")
    return 0


COMMAND = Command(
    "export",
    "write a run for other tools",
    "Write a run as a new folder: csv and jsonl with a row for each step, long with a row for each value,\n"
    "huggingface for datasets.load_dataset, or tensorboard with event files. Media files are verified and copied.\n"
    "What the layout does not carry, or not as it was, is counted by key and kind.",
    "mediatypes export runs/demo --layout huggingface -o dataset",
    _add_arguments,
    _run,
)

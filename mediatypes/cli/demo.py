"""`mediatypes demo`"""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ._command import Command


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        dest="folder",
        metavar="DIR",
        type=Path,
        default=Path("demo-runs"),
        help="the run is made in a new folder below this one (default: demo-runs)",
    )


def _run(arguments: Namespace) -> int:
    from .._core.deps import need
    from ..demo import train

    need("pandas", extra="demo", needed_for="mediatypes demo")
    path = train(arguments.folder)
    code = (
        "import pandas as pd",
        f"history = pd.read_parquet({str(path / 'history.parquet')!r})",
        'print(history[["_step", "coins.loss", "coins.iou", "tissue.iou"]].iloc[::40])',
    )
    print(f"\nThe run is in {path}. Three lines of pandas show it back:\n")
    print(*(f"    {line}" for line in code), "", sep="\n")
    exec("\n".join(code), {})  # the very lines that were printed
    print(f"\nEverything it holds:\n\n    {shlex.join(['mediatypes', 'show', str(path)])}")
    return 0


COMMAND = Command(
    "demo",
    "log a real training on photographs",
    "Train two small pixel classifiers on photographs for 200 steps, and log losses, histograms, and the\n"
    "photographs with the predicted and the reference mask and boxes. Takes seconds; needs mediatypes[demo].",
    "mediatypes demo -o demo-runs",
    _add_arguments,
    _run,
)

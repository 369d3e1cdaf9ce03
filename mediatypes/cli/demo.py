"""`mediatypes demo`"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from ._command import Command, Parser
from ._text import command


def _add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "-o",
        dest="dest",
        metavar="DEST",
        type=Path,
        default=Path("demo-runs"),
        help="the run is made in a new folder below this one (default: demo-runs)",
    )


def _run(arguments: Namespace) -> int:
    from .._core.deps import need
    from ..demo import train

    need("pandas", extra="demo", needed_for="mediatypes demo")
    path = train(arguments.dest)
    history = (
        "import pandas as pd",
        f"history = pd.read_parquet({str(path / 'history.parquet')!r})",
        'print(history[["_step", "coins.loss", "coins.iou", "tissue.iou"]].iloc[::40])',
    )
    media = (
        f"media = pd.read_parquet({str(path / 'media.parquet')!r})",
        'columns = {"items": ("key", "size"), "files": ("path", "nunique"), "logged_bytes": ("size", "sum")}',
        'print(media.groupby("type").agg(**columns).astype(int))',
    )
    print(f"\nThe run is in {path}. Three lines of pandas show it back:\n")
    names: dict[str, Any] = {}
    _show_and_run(history, names)
    print("\nThree more count its media:\n")
    _show_and_run(media, names)
    for what, name in (("Everything it holds", "show"), ("The same in a browser", "view")):
        print(f"\n{what}:\n\n    {command(name, path)}")
    return 0


def _show_and_run(code: tuple[str, ...], names: dict[str, Any]) -> None:
    """Print lines of Python and what they print; `names` holds their variables."""
    print(*(f"    {line}" for line in code), "", sep="\n")
    exec("\n".join(code), names)  # the very lines that were printed


COMMAND = Command(
    "demo",
    "log a real training on photographs",
    "Train two small pixel classifiers on photographs for 200 steps, and log losses, histograms, the photographs\n"
    "with the predicted and the reference mask and boxes, and what came out as video, sound, mesh, tensor, figure\n"
    "and report; beside them a point cloud and a molecule. Takes seconds; needs the extra demo.",
    "mediatypes demo -o demo-runs",
    _add_arguments,
    _run,
)

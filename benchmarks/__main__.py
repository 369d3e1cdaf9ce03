"""The command: choose entries, run them, print the table."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time

from . import report
from .harness import ENTRIES, Entry, run

os.environ.setdefault("MEDIATYPES_QUIET", "1")  # what runs tell belongs to nobody here
_SUBJECTS = (
    "imports",
    "scalars",
    "recorded",
    "memory",
    "crash",
    "png",
    "boxes",
    "histogram",
    "validation",
    "reading",
    "runs",
    "video",
    "audio",
    "molecule",
    "object3d",
    "table",
    "tensor",
    "figure",
    "plots",
    "tensorboard",
    "wandb",
    "follow",
    "capture",
    "viewer",
    "artifacts",
)


def main(arguments: list[str] | None = None) -> int:
    """Run the entries that were named, or all of them."""
    for subject in _SUBJECTS:
        importlib.import_module(f"{__package__}.{subject}")
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="an entry, or the beginning of several; all by default"
    )
    parser.add_argument("--rounds", type=int, help="rounds of each entry; by default its own number")
    parser.add_argument("--list", action="store_true", help="print the entries and stop")
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds: expected at least 1, got {options.rounds}")
    if unknown := [name for name in options.names if not _chosen([name])]:
        parser.error(f"NAME: expected an entry or the beginning of its name, got {unknown[0]}. --list prints them.")
    entries = _chosen(options.names)
    if options.list:
        print("\n".join(f"{entry.name:<20} {entry.title}" for entry in entries))
        return 0
    print(report.machine())
    print(report.LEGEND)
    for entry in entries:
        result = run(entry, options.rounds, _progress)
        _progress("")
        print(report.table(result), flush=True)
    return 0


def _chosen(names: list[str]) -> list[Entry]:
    """Entries of that name; where there is none, those whose names begin with it."""
    exact = {name for name in names if name in ENTRIES}
    begins = tuple(name for name in names if name not in ENTRIES)
    return [entry for entry in ENTRIES.values() if not names or entry.name in exact or entry.name.startswith(begins)]


def _progress(text: str) -> None:
    """On a terminal one line that is written over; in a log, a line each."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

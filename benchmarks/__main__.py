"""The command: choose entries, run them, print the table."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from . import readme, report, results, subjects
from .harness import ENTRIES, Entry, run

QUICK = frozenset(
    [
        *("import", "log-5", "log-50", "run-warm", "png-zlib", "boxes-100", "histogram", "validate"),
        *("slice", "runs-list", "audio-wav", "table-10k", "tensor-1m"),
    ]
)

os.environ.setdefault("MEDIATYPES_QUIET", "1")  # what runs tell belongs to nobody here


def main(arguments: list[str] | None = None) -> int:
    """Run the entries that were named, or all of them."""
    subjects.load()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="an entry, or the beginning of several; all by default"
    )
    parser.add_argument("--rounds", type=int, help="rounds of each entry; by default its own number")
    parser.add_argument("--quick", action="store_true", help="2 minutes: what needs no peer, 2 rounds each")
    parser.add_argument("--no-peers", action="store_true", help="make no environments for packages that are missing")
    parser.add_argument("--results", type=Path, default=results.FOLDER, metavar="DIR", help="where results are kept")
    parser.add_argument("--readme", action="store_true", help="write the table of README.md from the newest results")
    parser.add_argument("--list", action="store_true", help="print the entries and stop")
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds: expected at least 1, got {options.rounds}")
    if unknown := [name for name in options.names if not _chosen([name])]:
        parser.error(f"NAME: expected an entry or the beginning of its name, got {unknown[0]}. --list prints them.")
    entries = _chosen(options.names)
    if options.readme:
        readme.write()
        return 0
    if options.quick:
        entries = [entry for entry in entries if entry.name in QUICK]
    if options.list:
        print("\n".join(f"{entry.name:<20} {entry.title}" for entry in entries))
        return 0
    print(machine := report.machine())
    print(report.LEGEND)
    written: Path | None = None
    for entry in entries:
        rounds = options.rounds or (2 if options.quick else None)
        result = run(entry, rounds, _progress, peers=not (options.no_peers or options.quick))
        _progress("")
        print(report.table(result), flush=True)
        if not options.quick:  # after each, so that a run that is interrupted keeps what it measured
            written = results.write(machine, [result], options.results)
    if written:
        print(f"\nWritten to {written}")
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

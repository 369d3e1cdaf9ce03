"""The process in a peer's environment: `python -m benchmarks._peer ENTRY CONTENDER SCRATCH` measures on demand."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from . import subjects
from .harness import ENTRIES, Measure


def main(entry: str, contender: str, scratch: str) -> None:
    """Reply to each line with the figures, or with an error; whatever else is printed goes nowhere."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    measure: Measure | None = None
    for _ in sys.stdin:
        try:
            if measure is None:
                subjects.load(entry)
                measure = {c.name: c.measure for c in ENTRIES[entry].prepare(Path(scratch))}[contender]
            reply: dict[str, object] = {"figures": measure()}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Figure: a Plotly figure of two points, whose template is most of its JSON."""

from __future__ import annotations

from pathlib import Path

import mediatypes as mt

from .harness import Contender, Figures, benchmark, load, no_larger_than, timed


@benchmark("figure-2", "Figure of 2 points", no_larger_than("to_json", "bytes", 0.02), needs=("plotly",))
def figure(scratch: Path) -> list[Contender]:
    made = load("plotly.graph_objects").Figure({"data": [{"type": "scatter", "x": [1, 2], "y": [3, 4]}]})

    def ours() -> Figures:
        size = mt.encode(mt.Figure(made), mt.MemoryStore())["size"]
        return {"bytes": size, **timed(lambda: mt.encode(mt.Figure(made), mt.MemoryStore()), 50)()}

    def to_json() -> Figures:
        return {"bytes": len(made.to_json()), **timed(made.to_json, 50)()}

    return [Contender("Figure", ours), Contender("to_json", to_json)]

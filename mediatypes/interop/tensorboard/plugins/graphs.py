"""Graphs of models, and what was measured of them: messages, kept as files of the run."""

from __future__ import annotations

from . import text
from .base import Cell, Given, Plugin, files_of

NAMES = (
    "graphs",
    "graph_run_metadata",
    "graph_run_metadata_graph",
    "graph_keras_model",
    "graph_tagged_run_metadata",
)


def convert(given: Given) -> list[Cell]:
    """Each message is a file."""
    return files_of(given) if given.tensor.array is None else text.convert(given)


PLUGIN = Plugin(convert, holds_messages=True)

"""What is known beside a document of W&B: where its files are, labels, and what the run's artifacts hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..._core.errors import Problem

Labels = Callable[[str, str], Mapping[int, str] | None]  # of "mask" or "boxes", and the name of the overlay
Locate = Callable[[Any, str], Path]  # the file of a path, for a document of this name
Rows = list[list[Any]]


class Entry(NamedTuple):
    """A file of an artifact as its manifest has it: where it was staged, and what it held."""

    place: str
    digest: str  # MD5, base 64
    size: int
    reference: str = ""  # a URL, of a file that is elsewhere


class Artifact(NamedTuple):
    """A file of an artifact, and how the files beside it are found."""

    content: bytes
    locate: Locate


Artifacts = Callable[[str], Artifact | None]  # by `wandb-client-artifact://<id>/<path>`; None if it is not there


class Context(NamedTuple):
    """How the files of documents are found, and what is known beside them."""

    locate: Locate  # finds the file of a path
    labels: Labels = lambda kind, name: None  # of overlays: W&B keeps them in the config of the run
    artifacts: Artifacts = lambda url: None  # of the run
    increments: dict[str, Rows] = {}  # noqa: RUF012 - of tables that grow, by URL; each context has its own
    note: Callable[[Problem], None] = lambda problem: None  # takes what is lost of a value that is read all the same

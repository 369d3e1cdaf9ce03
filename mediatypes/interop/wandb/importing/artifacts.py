"""The artifacts that a run of W&B logged, as versions of artifacts beside the imported runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ...._core.errors import MediaTypesError, Problem, Verbatim, problem
from ....artifact.gathering import Reference
from ....artifact.store import artifacts
from ..context import Entry

OWN_TYPES = ("run_table", "wandb-run-incremental-table", "job")  # that W&B makes itself: tables are in the history


class Logged(NamedTuple):
    """One version as the log has it."""

    id: str
    name: str
    type: str
    description: str | None
    metadata: Mapping[str, Any]
    aliases: tuple[str, ...]


@dataclass
class Maker:
    """The run that made it."""

    id: str
    name: str
    path: Path


def import_artifacts(
    logged: Iterable[Logged],
    entries: Mapping[str, Mapping[str, Entry]],
    staged: Callable[[Entry, str], Path],
    maker: Maker,
    root: Path,
    known: Mapping[str, str],
) -> tuple[dict[str, str], list[Problem]]:
    """Log what a run logged, in its order.

    Args:
        entries: the files of each, by its id.
        staged: finds the content of one that was a file.
        maker: the imported run.
        root: the directory of runs.
        known: what earlier imports logged, by id.

    Returns:
        All that is logged now, by id: "name:v0"; and what could not be. An artifact is there whole or not at all.
    """
    made, problems = dict(known), list[Problem]()
    store = artifacts(root)
    for one in logged:
        if one.id in made:
            continue
        where = f"artifact {one.name}"
        try:
            contents: dict[str, Any] = {}
            for path, entry in entries.get(one.id, {}).items():
                is_elsewhere = bool(entry.reference)
                contents[path] = Reference(entry.reference, entry.size or None) if is_elsewhere else staged(entry, path)
            if not contents:
                problems.append(problem(where, "files", Verbatim("none in the log"), "", "artifact"))
                continue
            own = [alias for alias in one.aliases if alias != "latest"]
            version = store.log(one.name, one.type, contents, own, one.metadata, description=one.description, run=maker)
            made[one.id] = f"{version.name}:{version.version}"
        except (MediaTypesError, OSError) as error:
            message = str(error).rstrip(".")
            problems.append(Problem(where, f"expected all of it, got {message}", "artifact", "It is not imported."))
    return made, problems

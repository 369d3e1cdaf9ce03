"""Which artifacts a run made and used: `artifacts.json`, which names versions and what they held."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from .._core.declaration import Field, Integer, List, Number, Record, Text
from .._core.errors import DocumentError, StoreError, os_error
from .._core.location import Location
from .._core.processes import ForkSafeLock
from . import files

MADE, USED = "made", "used"
_lock = ForkSafeLock()  # the file is read, changed and written

ARTIFACTS_JSON = Record(
    "The artifacts that a run made and used.",
    (
        Field("format", Text(pattern=r"[0-9]+\.[0-9]+"), "Version of the run folder's format."),
        Field(
            "artifacts",
            List(
                Record(
                    "A version of an artifact.",
                    (
                        Field("name", Text(min_length=1), "Name of the artifact."),
                        Field("version", Integer(0), "Number of the version."),
                        Field("type", Text(min_length=1), "What sort of thing it is."),
                        Field("digest", Text(pattern="[0-9a-f]{64}"), "What its manifest has as `digest`."),
                        Field("role", Text(choices=(MADE, USED)), "Whether the run logged or used it."),
                        Field("time", Number(), "When it first did, in seconds since the epoch."),
                    ),
                )
            ),
            "Each once for a role, in the order in which they were logged and used.",
        ),
    ),
)


class RunArtifact(NamedTuple):
    """A version of an artifact that a run made or used.

    `name`; `version`, such as "v3"; `type`; `digest`, which tells its content from that of any other; `role`, "made" or
    "used"; `time`, seconds since the epoch.
    """

    name: str
    version: str
    type: str
    digest: str
    role: str
    time: float


def read_lineage(root: Location) -> list[RunArtifact]:
    """What a run made and used; raises `DocumentError`, `StoreError`."""
    path = root / files.LINEAGE
    try:
        if not path.is_file():
            return []
    except OSError as error:
        raise os_error(StoreError, str(path), "look for the file", error, "Check permissions.") from error
    value = files.read_json(path)
    if problems := list(ARTIFACTS_JSON.check(value)):
        raise DocumentError(one._replace(path=f"{path}: {one.path}") for one in problems)
    return [
        RunArtifact(one["name"], f"v{int(one['version'])}", one["type"], one["digest"], one["role"], float(one["time"]))
        for one in value["artifacts"]
    ]


def add_lineage(root: Path, name: str, number: int, type: str, digest: str, role: str) -> None:
    """Write down that a run made or used a version; once for each role. Raises as `read_lineage`."""
    entry = {"name": name, "version": number, "type": type, "digest": digest, "role": role}
    with _lock:
        files.require_no_links(root, [files.LINEAGE])
        value = {"format": files.FORMAT, "artifacts": []}
        if os.path.exists(root / files.LINEAGE):
            read_lineage(root)
            value = files.read_json(root / files.LINEAGE)
        listed = value["artifacts"]
        if not any(one.items() >= entry.items() for one in listed):  # type: ignore[attr-defined]
            listed.append(entry | {"time": time.time()})  # type: ignore[attr-defined]
            files.write_json(root / files.LINEAGE, value)

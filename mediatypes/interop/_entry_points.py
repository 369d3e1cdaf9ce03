"""What frameworks call by themselves where this package is installed: it does nothing unless it is asked for."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from .._core.deps import need
from .._core.errors import MediaTypesError


def lightning_callbacks() -> list[Any]:
    """For each Trainer of Lightning: a callback that logs where MEDIATYPES_RUN names the directory of a run."""
    if not os.environ.get("MEDIATYPES_RUN"):
        return []
    from .lightning import RunCallback

    return [RunCallback()]


def rerun_importer() -> int:
    """The program `rerun-importer-mediatypes`, which `rerun RUN` finds: writes a run to its output as rerun has it.

    Numbers, texts, images with boxes and masks, clouds, meshes and whatever else the adapter of rerun takes, on the
    timeline `step`. What it has no place for is said on stderr.
    """
    parser = argparse.ArgumentParser(prog="rerun-importer-mediatypes")
    parser.add_argument("path", type=Path)
    for name in ("--application-id", "--opened-application-id", "--recording-id", "--opened-recording-id"):
        parser.add_argument(name)
    given, _ = parser.parse_known_args()  # later versions of rerun pass more
    rerun = need("rerun", package="rerun-sdk", needed_for="rerun-importer-mediatypes")
    if not (given.path / "run.json").is_file():
        return int(rerun.EXTERNAL_IMPORTER_INCOMPATIBLE_EXIT_CODE)
    from ..view import open_run
    from .layouts._content import Content
    from .layouts._report import Tally
    from .layouts._rerun import record

    try:
        view = open_run(given.path)
        recording = rerun.RecordingStream(given.application_id or view.name, recording_id=given.recording_id)
        recording.stdout()
        tally = Tally(view.store, Path(), Path())
        record(Content(view), recording, tally)
        recording.flush()
        for lost in tally.report(Path(), "rerun").lost:
            print(f"mediatypes: {lost.key} ({lost.kind}): {lost.count} not shown: {lost.reason}", file=sys.stderr)
    except MediaTypesError as error:
        print(f"mediatypes: {error}", file=sys.stderr)
        return 1
    return 0

"""`run.rrd`, a recording of rerun: what its adapter makes of a run, on the timeline `step`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..._core.deps import need
from ..._core.errors import MediaTypesError, describe
from ...columns.log_cells import plain_value
from ...view import RunView
from ..trackers import log
from ..trackers._rerun import entity_path
from ._content import NUMBERS, Content
from ._report import Tally


def write(view: RunView, folder: Path, tally: Tally) -> None:
    rerun = need("rerun", package="rerun-sdk", needed_for="the layout rerun")
    content = Content(view)
    with rerun.RecordingStream(view.name, recording_id=content.described["id"]) as recording:
        recording.save(str(folder / "run.rrd"))
        record(content, recording, tally)


def record(content: Content, recording: Any, tally: Tally) -> None:
    rerun = need("rerun", package="rerun-sdk", needed_for="a recording of rerun")
    for spec, key, table in content.plain_cells():
        steps, cells = table.column("_step").to_pylist(), table.column(spec.name).to_pylist()
        if spec.kind in NUMBERS:
            columns = rerun.Scalars.columns(scalars=[float(cell) for cell in cells])
            recording.send_columns(entity_path(key), [rerun.TimeColumn("step", sequence=steps)], columns)
            continue
        for step, cell in zip(steps, cells, strict=True):
            _log(recording, key, spec.key, spec.kind, step, plain_value(spec.kind, cell), tally)
    for item in content.items():
        value = tally.value_of(item.document, item.key, item.kind, is_embedded=True)
        if value is not None:
            _log(recording, item.name, item.key, item.kind, item.step, value, tally)
    tally.rows = content.read(["_step"]).num_rows


def _log(recording: Any, name: str, key: str, kind: str, step: int | None, value: Any, tally: Tally) -> None:
    try:
        if step is None:
            recording.reset_time()
        log("rerun", {name: value}, step=step, target=recording)
    except MediaTypesError as error:
        tally.lose(key, kind, describe(error)[0].message.partition(", got ")[0])

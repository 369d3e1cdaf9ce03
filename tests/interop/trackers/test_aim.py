"""Values through Aim, into a local repository; read by Aim's own Repo."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mediatypes as mt

from .contract import STEP, AdapterContract, need

aim = need("aim")
Context = need("aim.storage.context").Context


class TestAim(AdapterContract):
    tracker = "aim"

    @classmethod
    def log(cls, folder: Path, values: Mapping[str, Any]) -> None:
        run = aim.Run(repo=str(folder), system_tracking_interval=None, capture_terminal_logs=False)
        mt.interop.log("aim", values, step=STEP, target=run)
        (folder / "id").write_text(run.hash)
        (folder / "names").write_text(json.dumps(list(values)))
        run.close()

    @classmethod
    def read(cls, folder: Path) -> dict[str, Any]:
        run = aim.Run((folder / "id").read_text(), repo=str(folder), system_tracking_interval=None)
        names = json.loads((folder / "names").read_text())
        back = {name: _first(run, name) for name in names}
        run.close()
        return back

    @classmethod
    def changed(cls) -> Mapping[str, Any]:
        return {"json": '[1, null, "a"]'}


def _first(run: Any, name: str) -> Any:
    kinds = (run.get_image_sequence, run.get_audio_sequence, run.get_figure_sequence, run.get_text_sequence)
    sequences = [found for find in kinds if (found := find(name, Context({}))) is not None]
    if not sequences:
        return run.get_metric(name, Context({})).values.sparse_list()[1][0]
    steps, [tracked] = sequences[0].values.sparse_list()
    assert steps == [STEP]
    return [_value(one) for one in tracked] if isinstance(tracked, list) else _value(tracked)


def _value(tracked: Any) -> Any:
    if "mediatypes" not in list(tracked.storage.keys()):
        return tracked.data
    store = mt.MemoryStore()
    store.files = {path: bytes(blob) for path, blob in tracked.storage["mediatypes_files"].items()}
    return mt.decode(json.loads(tracked.storage["mediatypes"]), store)

"""Values through DVCLive, into a folder; numbers read by DVCLive's own functions, images from where it puts them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mediatypes as mt
from mediatypes.interop.trackers._common import drawn

from .contract import STEP, AdapterContract, need, samples

os.environ["DVC_NO_ANALYTICS"] = "1"
dvclive = need("dvclive")
parse_metrics = need("dvclive.utils").parse_metrics


class TestDvclive(AdapterContract):
    tracker = "dvclive"

    @classmethod
    def log(cls, folder: Path, values: Mapping[str, Any]) -> None:
        with dvclive.Live(str(folder / "live"), save_dvc_exp=False, dvcyaml=None) as live:
            mt.interop.log("dvclive", values, step=STEP, target=live)

    @classmethod
    def read(cls, folder: Path) -> dict[str, Any]:
        live = dvclive.Live(str(folder / "live"), resume=True, save_dvc_exp=False, dvcyaml=None)
        files, latest = parse_metrics(live)
        back: dict[str, Any] = {key: value for key, value in latest.items() if key != "step"}
        for path, [row] in files.items():
            assert int(row["step"]) == STEP
            assert str(back[Path(path).stem]) == row[Path(path).stem]
        images = Path(live.plots_dir, "images")
        for file in images.rglob(f"{STEP}.png"):
            back[file.parent.relative_to(images).as_posix()] = mt.Image(mt.Image(file).to_numpy())
        return back

    @classmethod
    def changed(cls) -> Mapping[str, Any]:
        return {kind: mt.Image(drawn(samples()[kind]).to_numpy()) for kind in ("image", "figure", "plot")}

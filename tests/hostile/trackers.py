"""What is imported, as targets: runs that other trackers kept, event files, data sets; and pictures for a terminal."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import mediatypes as mt
from mediatypes.cli import _graphics, _pictures
from mediatypes.interop.elsewhere import import_runs
from mediatypes.upkeep.verify import check
from tests.hostile.mutation import Files
from tests.interop.elsewhere.test_elsewhere import MAKERS
from tests.interop.elsewhere.test_wandb_export import picture, write

Maker = Callable[[Path], Path]
Read = Callable[[Path, Path], object]


def files_in(folder: Path) -> Files:
    """The files below a folder."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "README.txt")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _wandb_export(root: Path) -> Path:
    image = picture(root / "files")
    bins = {"_type": "histogram", "values": [1, 2], "packedBins": {"min": 0.0, "size": 0.5, "count": 2}}
    first = {"_step": 0.0, "_timestamp": 1.7e9, "loss": 0.5, "nest": {"a": 1, "b": None}, "text": "x", "hist": bins}
    second = {"_step": 3.0, "_timestamp": 1.7e9 + 1, "img": image, "imgs": [image, image], "json": b'{"deep": [1]}'}
    write(root / "me_proj_abc_0.runhistory.parquet", [first])
    write(root / "me_proj_abc_1.runhistory.parquet", [second])
    return root


def tracker(make: Maker) -> tuple[Callable[[], list[Files]], Read]:
    """Seeds and reader of a tracker's runs."""

    @cache
    def made() -> tuple[Files, str]:
        with tempfile.TemporaryDirectory() as name:
            place = make(Path(name)).relative_to(name).as_posix()
            return files_in(Path(name)), place

    return lambda: [made()[0]], lambda source, dest: imported(import_runs(source / made()[1], dest), dest)


def imported(report: Any, dest: Path) -> None:
    """Refuse an import of which nothing came; what came is a sound run."""
    told = [problem for run in report.runs if run.status == "failed" for problem in run.problems]
    assert len(told) >= sum(run.status == "failed" for run in report.runs), "nothing is said of a run that failed"
    for run in report.runs:
        if run.status != "failed":
            checked = check(dest / run.folder)
            assert checked.code == 0, f"an import made what verify refuses: {checked}"
            mt.open_run(dest / run.folder).history()
    if told:
        raise mt.DocumentError(told)


def draw(source: Path, _: Path) -> None:
    """Show a picture in every way of a terminal: none sends more than it has letters for."""
    (path,) = source.iterdir()
    image = mt.Image(path).to_pil()
    size = _pictures._size(image)
    texts = [_graphics._kitty(image, *size), _graphics._sixel(image, *size), "".join(_pictures._lines(image))]
    assert max(map(len, texts)) < 2_000_000


TRACKERS = {**MAKERS, "W&B export": _wandb_export}

"""Runs as other tools like them: each layout is a module here, and a line in LAYOUTS.

Its `write(view, folder, tally)` writes the files of a run into a folder that is there, and counts what is not carried.
"""

from __future__ import annotations

import importlib
import os

from ..._core.atomic import remove_leftovers, replacing
from ..._core.errors import InputError, StoreError, Verbatim
from ..._core.location import local_path
from ...view import RunView, open_run
from ._report import ExportReport, Lost, Tally

__all__ = ["LAYOUTS", "ExportReport", "Lost", "export"]

_RECORDED = {"requirements.txt", "diff.patch"}  # files that a run has by itself
LAYOUTS = {
    "csv": "history.csv and media.csv, the media beside them",
    "jsonl": "history.jsonl and media.jsonl, the media beside them",
    "long": "values.parquet with a row for each value, the media beside it",
    "huggingface": "a folder of images, audio and video each, as datasets.load_dataset reads them",
    "tensorboard": "event files that TensorBoard shows",
    "wandb-json": "history.jsonl, summary.json, config.json and media as W&B writes them",
    "mlflow": "mlflow.db and artifacts, as MLflow has them; it must be installed",
    "rerun": "a recording of rerun, which must be installed",
    "coco": "images, and a JSON file of COCO for each set of boxes",
    "yolo": "images, labels and data.yaml, of one set of boxes",
    "voc": "JPEGImages, Annotations and masks of Pascal VOC, of one set of boxes",
}


def export(run: RunView | str | os.PathLike[str], layout: str, dest: str | os.PathLike[str]) -> ExportReport:
    """Write a run as a folder of another layout: all of it or nothing, and nothing outside that folder.

    Args:
        run: the run, or its directory; it may still be written.
        layout: "csv" and "jsonl": a row for each step in `history`, columns named as in `history.parquet`; a medium is
            its path below the folder, or its document if it has no file; `media` has a row with the document of each.
            "long": a Parquet file with a row for each value: run, step, timestamp, key, kind, index in a list, and the
            value in the column of its type: number, integer, boolean, text, json (lists, documents) and path.
            "huggingface": `images`, `audio` and `video`, each with `metadata.parquet`: file_name, caption, key, step,
            masks and boxes...; `load_dataset("imagefolder", data_dir=dest + "/images")` of `datasets` decodes them.
            "tensorboard": event files, for `tensorboard --logdir dest`: scalars, histograms, images, GIF videos,
            sounds, texts, meshes, pr curves, hyperparameters. An imported run gives the events it was made from.
            "wandb-json": `history.jsonl`, a row of W&B's JSON for each step (NaN is a bare word there), `summary.json`,
            `config.json` with labels and charts under `_wandb`, and files as W&B names them;
            `mediatypes.interop.wandb.decode(document, dest)` reads a document.
            "mlflow": `mlflow.db`, and `artifacts` where the folder was made: metrics, parameters and tags as MLflow has
            them, pictures and tables shown by it, and each value itself as an artifact, so that `mediatypes import
            mlflow.db` gives equal ones. "rerun": `run.rrd`, on the timeline `step`; see docs/integrations.md for types.
            Both are written by the package of that name, which must be installed.
            "coco", "yolo" and "voc": the images with their boxes and masks, a file named as its caption where that is
            one; the last two have one set of boxes, "ground_truth" or that which most images have.
            Of a run with several ranks, rows and media say whose they are (`_rank`, `rank`); "tensorboard" has a run
            for each, `rank-0`, `rank-1`...; "mlflow" and "rerun" have what other ranks than 0 logged as `rank-1/<key>`.
        dest: the folder to be made.

    Returns:
        What was written, and in `.lost` what the layout could not carry, counted by key and kind. A sidecar that is
        missing, changed or behind a URL is not carried either.

    Raises:
        InputError: no such layout.
        StoreError: `dest` is there already, there is no such run, or the system refused.
        DocumentError: a file of the run is damaged.
        MissingDependencyError: the package that writes the layout is not installed.

    >>> import tempfile, numpy as np, mediatypes as mt
    >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
    ...     run.log({"loss": 0.5, "photo": mt.Image(np.zeros((2, 3), np.uint8), caption="black")})
    >>> report = mt.export(run.path, "huggingface", run.path / "dataset")
    >>> report.files, report.lost
    (1, (Lost(key='loss', kind='number', count=1, reason='neither image, audio nor video'),))
    """
    if layout not in LAYOUTS:
        raise InputError.of("export.layout", f"one of {', '.join(LAYOUTS)}", layout, "Pass 'csv' for spreadsheets.")
    view, target = run if isinstance(run, RunView) else open_run(run), local_path(dest, "export")
    if os.path.lexists(target):
        raise StoreError.of(str(target), "a folder to be made", Verbatim("one that is there"), "Choose another name.")
    remove_leftovers(target.parent, target.name)
    with replacing(target, "write the export") as temporary:
        temporary.mkdir(parents=True)
        tally = Tally(view.store, temporary, target)
        importlib.import_module(f"{__name__}._{layout.replace('-', '_')}").write(view, temporary, tally)
        if layout != "tensorboard":  # it copies those that an import has attached
            tally.lose("files", "file", "saved with the run", len(view.files().keys() - _RECORDED))
    return tally.report(target, layout)

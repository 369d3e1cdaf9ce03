"""Values into a file of Hugging Face datasets, and read by it, each column with its feature."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import mediatypes as mt
from mediatypes.interop.trackers._common import drawn

from .contract import STEP, AdapterContract, need, samples

datasets = need("datasets")
WATER = b"ATOM      1  O   HOH A   1       0.000   0.000   0.000  1.00  0.00           O  \nEND\n"


def features() -> dict[str, Any]:
    row = {"x": datasets.Value("int64"), "y": datasets.Value("float64"), "name": datasets.Value("string")}
    return {
        "audio": datasets.Audio(decode=False),
        "figure": datasets.Image(decode=False),
        "html": datasets.Value("string"),
        "image": datasets.Image(decode=False),
        "json": datasets.Value("string"),
        "molecule": datasets.BioStructure(decode=False),
        "number": datasets.Value("float64"),
        "object3d": datasets.Mesh(decode=False),
        "photos": datasets.List(datasets.Image(decode=False)),
        "plot": datasets.Image(decode=False),
        "string": datasets.Value("string"),
        "table": datasets.List(row),
        "tensor": datasets.Array3D((2, 3, 4), "float32"),
        "video": datasets.Video(decode=False),
    }


def feature(key: str) -> Any:
    if key in ("table_empty", "table_image"):
        return datasets.List({"a": datasets.Value("string")})
    return features()[key.partition("_")[0]]


class TestDatasets(AdapterContract):
    tracker = "datasets"
    refused = ("tensor_scalar",)

    @classmethod
    def log(cls, folder: Path, values: Mapping[str, Any]) -> None:
        columns = {key: feature(key) for key in values} | {"_step": datasets.Value("int64")}
        with datasets.arrow_writer.ArrowWriter(
            features=datasets.Features(columns), path=str(folder / "rows.arrow")
        ) as writer:
            mt.interop.log("datasets", values, step=STEP, target=writer)
            writer.finalize()

    @classmethod
    def read(cls, folder: Path) -> Mapping[str, Any]:
        read = datasets.Dataset.from_file(str(folder / "rows.arrow"))
        [row] = read
        assert row.pop("_step") == STEP
        if "tensor" in row:
            row["tensor"] = mt.Tensor(read.with_format("numpy")[0]["tensor"])
        return {key: _value(key.partition("_")[0], cell) for key, cell in row.items()}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        return {**samples(), "molecule": mt.Molecule(WATER, file_type="pdb", caption="water")}

    @classmethod
    def changed(cls) -> Mapping[str, Any]:
        value = samples()
        return {
            "audio": mt.Audio(value["audio"].to_bytes()),
            "figure": drawn(value["figure"])._replace(_caption=None),
            "html": value["html"].text,
            "image": mt.Image(value["image"].to_bytes()),
            "json": '[1, null, "a"]',
            "molecule": mt.Molecule(WATER, file_type="pdb"),
            "object3d": mt.Object3D(value["object3d"].to_bytes(), file_type="ply"),
            "plot": drawn(value["plot"])._replace(_caption=None),
            "table": [{"x": 1, "y": 2.5, "name": "a"}, {"x": 2, "y": 0.25, "name": "b"}],
            "video": mt.Video(value["video"].to_bytes()),
        }


def _value(key: str, cell: Any) -> Any:
    made = {"audio": mt.Audio, "video": mt.Video, "molecule": mt.Molecule, "object3d": mt.Object3D}
    if isinstance(cell, list) and key == "photos":
        return [_value("image", one) for one in cell]
    if not isinstance(cell, dict):
        return cell
    options = {"file_type": Path(cell["path"]).suffix[1:]} if key in ("molecule", "object3d") else {}
    return made.get(key, mt.Image)(cell["bytes"], **options)


def test_datasets_decodes_what_it_was_given(tmp_path: Path) -> None:
    image = samples()["image"]
    made = mt.interop.to("datasets", image)
    read = datasets.Dataset.from_dict({"photo": [made]}, features=datasets.Features({"photo": datasets.Image()}))
    assert np.array_equal(np.asarray(read[0]["photo"]), image.to_numpy())

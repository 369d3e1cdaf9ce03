"""Hugging Face datasets: what its features Image, Audio, Video, Mesh and BioStructure hold, a file and its name.

features = datasets.Features({"loss": datasets.Value("float64"), "photo": datasets.Image()})
with datasets.arrow_writer.ArrowWriter(features=features, path="rows.arrow") as writer:
    mt.interop.log("datasets", {"loss": 0.5, "photo": image}, target=writer)
    writer.finalize()
"""

from __future__ import annotations

from typing import Any

from ..._core.errors import InputError
from ._adapter import Adapter, Way, dropped, ways
from ._common import as_it_is, as_json, drawn, plain_rows

_MESHES, _STRUCTURES = (".glb", ".gltf", ".ply", ".stl"), (".pdb", ".cif", ".mmcif")


def _file(value: Any, key: str) -> dict[str, Any]:
    return {"bytes": value.to_bytes(), "path": key.replace("/", "_") + value._file_type()[0]}


def _picture(value: Any, key: str) -> dict[str, Any]:
    return _file(drawn(value), key)


def _one_of(suffixes: tuple[str, ...]) -> Any:
    def make(value: Any, key: str) -> dict[str, Any]:
        if value._file_type()[0] not in suffixes:
            raise InputError.of("", f"a file of one of the types {', '.join(suffixes)}", value)
        return _file(value, key)

    return make


def _tensor(value: Any, key: str) -> Any:
    if not value.shape:
        raise InputError.of("", "a tensor of at least one dimension", value, "Log it as a number.")
    return value.to_numpy()


def _table(value: Any, key: str) -> list[dict[str, Any]]:
    return [dict(zip(value.columns, row, strict=True)) for row in plain_rows(value)]


ADAPTER = Adapter(
    title="HF datasets",
    package="datasets",
    modules=("datasets",),
    ways=ways(
        dropped("datasets has no feature for it"),
        number=Way("kept", "Value", as_it_is),
        string=Way("kept", "Value", as_it_is),
        json=Way("changed", "Value, as JSON", lambda value, key: as_json(value)),
        image=Way("changed", "Image of the same file; no caption, boxes and masks", _file),
        video=Way("changed", "Video of the same file, no caption", _file),
        audio=Way("changed", "Audio of the same file, no caption", _file),
        html=Way("changed", "Value of the source, no caption", lambda value, key: value.text),
        table=Way("changed", "List of rows, other cells than numbers and texts as texts", _table),
        tensor=Way("kept", "Array2D to Array5D, or a list", _tensor),
        figure=Way("changed", "Image of matplotlib's; Plotly's are refused", _picture),
        plot=Way("changed", "Image of the chart", _picture),
        object3d=Way("changed", f"Mesh of the same file ({', '.join(_MESHES)}), no boxes", _one_of(_MESHES)),
        molecule=Way(
            "changed", f"BioStructure of the same file ({', '.join(_STRUCTURES)}), no caption", _one_of(_STRUCTURES)
        ),
    ),
    send=lambda writer, objects, step: writer.write(objects if step is None else {**objects, "_step": step}),
    hint="Pass target=datasets.arrow_writer.ArrowWriter(features=..., path=...), or it in forward_to=[...].",
    lists=True,
)

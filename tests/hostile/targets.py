"""What is fuzzed: a reader, with the valid files that its input is made of."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import struct
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import PIL.Image

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.formats import ogg
from mediatypes.interop.annotations import import_annotations
from mediatypes.interop.tensorboard import import_logdir
from mediatypes.interop.wandb import import_runs
from mediatypes.upkeep.verify import check
from tests.hostile.mutation import Files
from tests.hostile.trackers import TRACKERS, draw, files_in, imported, tracker
from tests.interop.tensorboard import event_files as tb
from tests.interop.wandb.wandb_log import Log

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
CONFORMANCE = ROOT / "schemas" / "conformance"
_SHOWN = ("to_numpy", "to_pandas", "to_xyxy", "read_text", "to_image", "_repr_html_", "_repr_mimebundle_")
_MOLECULES = {
    "a.pdb": b"HEADER    X\nATOM      1  N   ALA A   1      11.104   6.134  -6.504  1.00  0.00           N\nEND\n",
    "a.xyz": b"3\nwater\nO 0.0 0.0 0.1\nH 0.0 0.7 -0.5\nH 0.0 -0.7 -0.5\n",
    "a.mol2": b"@<TRIPOS>MOLECULE\nm\n 1 0 0 0 0\nSMALL\nNO_CHARGES\n@<TRIPOS>ATOM\n 1 C1 0.0 0.0 0.0 C.3 1 M 0.0\n",
    "a.sdf": b"m\n  x\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n"
    b"    0.0000    0.0000    0.0000 C   0  0\nM  END\n$$$$\n",
}
_COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 6}],
    "categories": [{"id": 3, "name": "dog", "supercategory": "animal"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 3.5], "area": 10, "iscrowd": 0}
        | {"segmentation": [[1, 2, 4, 2, 4, 5]], "score": 0.5},
        {"id": 2, "image_id": 1, "category_id": 3, "bbox": [0, 0, 8, 6], "area": 48, "iscrowd": 1}
        | {"segmentation": {"size": [6, 8], "counts": [0, 20, 28]}},
    ],
}
_VOC = b"""<annotation><filename>a.png</filename><size><width>8</width><height>6</height><depth>3</depth></size>
<object><name>dog</name><difficult>1</difficult>
<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>6</ymax></bndbox></object></annotation>"""


class Target(NamedTuple):
    """A reader: valid inputs, and what reads the folder that holds one; what it makes goes into a second folder."""

    seeds: Callable[[], list[Files]]
    read: Callable[[Path, Path], object]


def _golden(tag: str, *suffixes: str) -> list[Files]:
    """The sidecars of golden documents with these suffixes, a file each."""
    contents = {path.read_bytes(): path.suffix for path in sorted((GOLDEN / tag).rglob("*")) if path.suffix in suffixes}
    return [{f"a{suffix}": data} for data, suffix in contents.items()]


@cache
def _png() -> bytes:
    made = io.BytesIO()
    PIL.Image.fromarray((np.arange(144) % 251).astype(np.uint8).reshape(6, 8, 3)).save(made, "png")
    return made.getvalue()


def _pillow() -> list[Files]:
    """Animations and palettes, as Pillow writes them."""
    frames = [PIL.Image.fromarray(np.full((5, 7), shade, np.uint8)) for shade in (0, 90, 200)]
    found: list[Files] = [{"a.png": _png()}]
    for format in ("gif", "webp", "png", "tiff"):
        made = io.BytesIO()
        frames[0].save(made, format, save_all=True, append_images=frames[1:])
        found.append({f"a.{format}": made.getvalue()})
    return found


def _ogg() -> list[Files]:
    import soundfile

    found: list[Files] = []
    for codec in ("VORBIS", "OPUS"):
        made = io.BytesIO()
        soundfile.write(made, np.sin(np.arange(800) / 9) / 2, 8000, format="OGG", subtype=codec)
        found.append({"a.ogg": ogg.with_serial(made.getvalue(), 1)})
    return found


def _glb() -> bytes:
    positions = struct.pack("<9f3I", 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 2)
    accessors = [
        {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]},
        {"bufferView": 1, "componentType": 5125, "count": 3, "type": "SCALAR"},
    ]
    views = [{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 12}]
    scene = {"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}]}
    scene |= {"meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}]}
    scene |= {"accessors": accessors, "bufferViews": views, "buffers": [{"byteLength": len(positions)}]}
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(positions), b"BIN\0") + positions
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def _documents(tag: str) -> list[Files]:
    return [files_in(path) for path in sorted((GOLDEN / tag).glob("1.*/*"))]


def _boxes() -> list[Files]:
    flat = {"position": {"minX": 1, "minY": 2, "maxX": 3, "maxY": 4}, "domain": "pixel", "class_id": 1}
    flat |= {"scores": {"a": 0.5}, "box_caption": "dog"}
    middle = {"position": {"middle": [0.5, 0.5], "width": 0.2, "height": 0.1}, "class_id": 1}
    cube = [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    solid = {"corners": cube, "label": "car", "score": 0.5, "color": [1, 2, 3]}
    return [
        {"2d.json": json.dumps({"box_data": [flat, flat | {"class_id": 2}], "class_labels": {"1": "a"}}).encode()},
        {"2d.json": json.dumps({"box_data": [middle]}).encode()},
        {"3d.json": json.dumps({"points": [[0, 0, 0], [1, 1, 1]], "boxes": [solid], "vectors": []}).encode()},
    ]


def _runs() -> list[Files]:
    saved = {"name": "a.txt", "sha256": hashlib.sha256(b"one").hexdigest(), "size": 3, "time": 1.7e9}
    listed = {"files.json": json.dumps({"format": "1.0", "files": [saved]}).encode(), "files/a.txt": b"one"}
    return [files_in(CONFORMANCE / name) | listed for name in ("finished", "evil", "packed", "resumed", "types")]


def _artifact() -> list[Files]:
    contents = {"a.txt": b"one", "d/b.txt": b"two"}
    blobs = {hashlib.sha256(data).hexdigest(): data for data in contents.values()}
    entries = [
        {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for path, data in contents.items()
    ]
    digest = "97fb2d5e56052f1439e066476d0282b905e0255e22829dd8468d6ddf961f7a3d"
    manifest = {"format": "1.0", "name": "words", "version": 0, "type": "dataset", "digest": digest}
    manifest |= {"entries": entries, "created": 1.7e9}
    alias = {"format": "1.0", "version": 0, "time": 1.7e9}
    return [
        {f"artifacts/blobs/{name[:2]}/{name}": data for name, data in blobs.items()}
        | {f"artifacts/words/v0/files/{path}": data for path, data in contents.items()}
        | {"artifacts/words/v0/manifest.json": json.dumps(manifest).encode()}
        | {"artifacts/words/aliases/best.json": json.dumps(alias).encode()}
    ]


def _events() -> list[Files]:
    picture = tb.field(2, 6) + tb.field(1, 6) + tb.field(2, 8) + tb.field(3, 3) + tb.field(4, _png())
    histogram = tb.field(1, 0.0, wide=True) + tb.field(2, 1.0, wide=True) + tb.field(3, 2.0, wide=True)
    histogram += tb.field(6, struct.pack("<2d", 0.5, 1.0)) + tb.field(7, struct.pack("<2d", 1, 1))
    values = (
        tb.field(1, b"picture") + tb.field(4, picture),
        tb.field(1, b"histogram") + tb.field(5, histogram),
        tb.field(1, b"text") + tb.strings(b"hello") + tb.metadata("text"),
        tb.field(1, b"tensor") + tb.tensor(1, (2,), tb.field(4, struct.pack("<2f", 1, 2))) + tb.metadata("scalars"),
    )
    records = [tb.scalar("loss", 0.5 / step, step) for step in range(1, 5)]
    records += [tb.record(tb.event(tb.summary(one), step=2)) for one in values]
    return [{"run/events.out.tfevents.1500000000.host": b"".join([tb.VERSION, *records])}]


def _wandb() -> list[Files]:
    log = Log(project="p", name="n", notes="notes", tags=["a"], config={"lr": 0.1})
    reference = {"_type": "image-file", "path": "media/images/a.png", "format": "png", "width": 8, "height": 6}
    reference |= {"sha256": hashlib.sha256(_png()).hexdigest(), "size": len(_png())}
    for step in range(3):
        log.log({"v": step / 2, "nest": {"deep": step}, "text": "t", "picture": reference}, step, step)
    log.log({"h": {"_type": "histogram", "values": [1, 2], "bins": [0, 1, 2]}, "list": [1, "a"]}, 5, 9)
    log.exit(0)
    run = "wandb/offline-run-20240101_120000-abc123"
    return [{f"{run}/run-abc123.wandb": log.bytes(), f"{run}/files/media/images/a.png": _png()}]


def _only_file(source: Path) -> Path:
    (path,) = source.iterdir()
    return path


def _show(value: Any) -> None:
    """Ask a value for everything."""
    for name in _SHOWN:
        if hasattr(value, name):
            with contextlib.suppress(mt.InputError):  # points of a mesh
                getattr(value, name)()
    repr(value)


def _read_media(construct: Callable[[Path], Any], source: Path, dest: Path) -> None:
    value = construct(_only_file(source))
    store = mt.DirectoryStore(dest)
    document = mt.encode(value, store)
    assert mt.encode(mt.decode(document, store), mt.MemoryStore()) == document, "what is read is not what was written"
    _show(value)


def _read_document(source: Path, dest: Path) -> None:
    document = _json(source / "document.json")
    for reference in _references(document):  # what a forger would do
        if isinstance(name := reference["path"], str) and _is_inside(source, name):
            file = source / name
            reference |= {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "size": file.stat().st_size}
    value = mt.decode(document, mt.DirectoryStore(source))
    mt.encode(value, mt.DirectoryStore(dest))
    _show(value)


def _is_inside(source: Path, name: str) -> bool:
    return "\0" not in name and ".." not in name and len(name) < 200 and name.isascii() and (source / name).is_file()


def _references(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [one for item in value for one in _references(item)]
    if not isinstance(value, dict):
        return []
    own = [value] if {"path", "sha256", "size"} <= set(value) else []
    return own + [one for item in value.values() for one in _references(item)]


def _read_boxes(source: Path, dest: Path) -> None:
    path = _only_file(source)
    value = made if isinstance(made := _json(path), dict) else {}
    if path.name == "2d.json":
        boxes = mt.BoundingBoxes2D(value)
        _show(boxes)
        mt.encode(mt.Image(np.zeros((4, 4), np.uint8), boxes={"a": boxes}), mt.DirectoryStore(dest))
    else:
        _show(mt.Object3D.from_point_cloud(value.get("points"), value.get("boxes"), value.get("vectors")))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, OSError):  # which is not ours to read
        return {}


def _read_run(source: Path, dest: Path) -> None:
    """Everything that is done with a run, each although the one before refuses."""
    view = mt.open_run(source)
    steps: list[Callable[[], object]] = [
        lambda: check(source),
        lambda: main(["show", str(source)]),
        lambda: (view.config, view.tags, view.exit, view.describe(), view.metrics, view.problems),
        lambda: view.summary,
        view.history,
        view.to_pandas,
        lambda: [[_show(value) for _, value in view.values(key)] for key in view.keys()],  # noqa: SIM118
        lambda: mt.copy(source, dest),
        lambda: mt.recover(dest / source.name),
    ]
    refusal: mt.MediaTypesError | None = None
    for step in steps:
        try:
            step()
        except mt.MediaTypesError as error:
            refusal = error
    if refusal:
        raise refusal


def _read_artifact(source: Path, dest: Path) -> None:
    store = mt.artifacts(source)
    for name in store.names():
        store.versions(name)
    store.verify()
    artifact = store.use("words:best")
    artifact.get("a.txt")
    artifact.download(dest / "files")


def _media(construct: Callable[[Path], Any], seeds: Callable[[], list[Files]]) -> Target:
    return Target(cache(seeds), partial(_read_media, construct))


def _imported(format: str, files: Files) -> Target:
    def read(source: Path, dest: Path) -> None:
        imported(import_annotations(source / next(iter(files)).partition("/")[0], dest, format=format), dest)

    return Target(lambda: [files], read)


_TYPES = sorted(path.name for path in GOLDEN.iterdir() if (path / "1.0").is_dir())
TARGETS: dict[str, Target] = {
    "picture": _media(mt.Image, lambda: _golden("image", ".png", ".jpg", ".webp", ".ppm", ".tiff") + _pillow()),
    "animation": _media(mt.Video, lambda: _golden("video", ".gif", ".apng", ".tiff") + _pillow()),
    "video": _media(mt.Video, lambda: _golden("video", ".mp4", ".webm")),
    "audio": _media(mt.Audio, lambda: _golden("audio", ".wav", ".flac") + _ogg()),
    "object3d": _media(mt.Object3D, lambda: [*_golden("object3d", ".ply", ".stl"), {"a.glb": _glb()}]),
    "tensor": _media(mt.Tensor.from_path, lambda: _golden("tensor", ".npy")),
    "molecule": _media(
        mt.Molecule,
        lambda: [*({name: data} for name, data in _MOLECULES.items()), *_golden("molecule", ".gro", ".xyz")],
    ),
    **{f"document-{tag}": Target(cache(partial(_documents, tag)), _read_document) for tag in _TYPES},
    "boxes": Target(_boxes, _read_boxes),
    "journal": Target(cache(lambda: [files_in(CONFORMANCE / name) for name in ("live", "damaged")]), _read_run),
    "run-folder": Target(cache(_runs), _read_run),
    "terminal": Target(cache(lambda: _golden("image", ".png", ".jpg", ".webp")), draw),
    "artifacts": Target(_artifact, _read_artifact),
    "event-file": Target(_events, lambda source, dest: imported(import_logdir(source, dest), dest)),
    "wandb-log": Target(_wandb, lambda source, dest: imported(import_runs(source / "wandb", dest), dest)),
    **{name: Target(*tracker(make)) for name, make in TRACKERS.items()},
    "COCO": _imported("coco", {"instances.json": json.dumps(_COCO).encode(), "a.png": _png()}),
    "YOLO": _imported(
        "yolo",
        {"set/data.yaml": b"train: images/train\nnames:\n  0: person\n  2: dog\n", "set/images/train/a.png": _png()}
        | {"set/labels/train/a.txt": b"0 0.5 0.5 0.25 0.5\n2 0.1 0.25 0.2 0.5 0.875\n"},
    ),
    "VOC": _imported("voc", {"VOC/Annotations/a.xml": _VOC, "VOC/JPEGImages/a.png": _png()}),
}

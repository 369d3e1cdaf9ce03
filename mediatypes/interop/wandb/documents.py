"""W&B's own JSON: every shape that its SDK, its server and its exports write, as values.

{"_type": "image-file", "path": "media/images/x_0_ab.png", "sha256": ..., "size": ...}    one value
{"_type": "images/separated", "filenames": [...], "captions": [...], ...}                 several
{"_type": "histogram", "values": [...], "bins": [...] or "packedBins": {...}}             in the row itself
{"_type": "table-file", "path": ..., "artifact_path": ...}                                a table; see `tables`
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..._core.canonical import is_utf8_encodable
from ..._core.errors import (
    DocumentError,
    HashMismatch,
    InputError,
    MediaTypesError,
    Problem,
    SidecarMissing,
    UnknownTypeError,
    UnsafePath,
    Verbatim,
)
from ..._core.sidecar import READ_WHOLE, hash_file
from ..._core.wording import counted
from ...types.audio.value import Audio
from ...types.figure.value import Figure
from ...types.histogram.value import Histogram
from ...types.html.value import Html
from ...types.image.boxes import BoundingBoxes2D
from ...types.image.masks import ImageMask
from ...types.image.value import Image
from ...types.molecule.value import Molecule
from ...types.object3d.value import Object3D
from ...types.video.value import Video
from . import tables
from .context import Context

_MAX_JSON = 256 << 20  # bytes of a file of JSON
BOXES, MASKS = "boxes", "masks"


def is_document(value: Any) -> bool:
    """Whether a dict is a document that W&B writes."""
    return isinstance(value, dict) and value.get("_type") in _READERS


def decode(document: Any, root: str | os.PathLike[str] | None = None, context: Context | None = None) -> Any:
    """The value of a document of W&B; a list of values for the documents that hold several.

    Args:
        document: a dict as W&B writes it, its JSON as text or bytes, or a cell of an exported history, in which the
            members of other types are None. A list gives a list.
        root: the directory that its paths are relative to: `files` of a run directory, or that of an artifact.
            Histograms need none.
        context: instead of `root`, with what else is known.

    Raises:
        UnknownTypeError: no type of W&B, or one without a counterpart.
        DocumentError: a document without what its type needs, or a file that is not what it says.
        SidecarMissing, HashMismatch, UnsafePath: the file is gone, changed, or not below `root`.
        InputError, MissingDependencyError: what the type of the value says of its content.

    >>> decode({"_type": "histogram", "values": [1, 2], "packedBins": {"min": 0, "size": 0.5, "count": 2}}).bins
    array([0. , 0.5, 1. ])
    """
    if isinstance(document, (str, bytes)):
        document = _load(document, "document")
    context = context or Context(partial(locate, None if root is None else Path(root)), increments={})
    if isinstance(document, list):
        return [decode(one, context=context) for one in document]
    if not isinstance(document, dict) or not isinstance(document.get("_type"), str):
        raise DocumentError.of("document", "a document of W&B with a _type", document, "Pass a value of its history.")
    document = {name: value for name, value in document.items() if value is not None}
    type = document["_type"]
    reader = _READERS.get(type)
    if reader is None:
        raise UnknownTypeError.of(type, "a type of W&B", type, f"Known are {', '.join(_READERS)}.")
    try:
        return reader(document, context)
    except MediaTypesError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        got = Verbatim(f"{error.__class__.__name__}: {error}")
        raise DocumentError.of(type, "the members that W&B writes", got, "Restore the document.") from error


def locate(root: Path | None, path: Any, where: str) -> Path:
    """The file of a path below `root`; nothing outside is reached, not through links either."""
    hint = "Paths of W&B are below the files of the run."
    if root is None:
        raise SidecarMissing.of(where, "the directory of its file", Verbatim("none"), "Pass root.")
    if not isinstance(path, str) or not path or "\0" in path or not is_utf8_encodable(path):
        raise UnsafePath.of(where, "a relative path", path, hint)
    parts = path.split("/")
    if os.path.isabs(path) or any(part in ("", ".", "..") for part in parts) or (os.name == "nt" and "\\" in path):
        raise UnsafePath.of(where, "a path below the directory", path, hint)
    try:
        real = os.path.realpath(root / path)
        if not real.startswith(os.path.realpath(root).rstrip(os.sep) + os.sep):
            raise UnsafePath.of(where, "a file below the directory", Verbatim(f"{path}, a link out of it"), hint)
        status = os.stat(real)
    except (OSError, ValueError) as error:
        if isinstance(error, MediaTypesError):
            raise
        raise SidecarMissing.of(
            where, "the file", Verbatim(f"none at {path}"), "Copy the whole run directory."
        ) from None
    if not stat.S_ISREG(status.st_mode):
        raise UnsafePath.of(where, "a regular file", Verbatim(f"something else at {path}"), hint)
    return Path(real)


def read_reference(document: Mapping[str, Any], context: Context) -> bytes | Path:
    """The content of a document's file, or its path if it is large; size and hash are checked where they are given."""
    where = str(document["_type"])
    place = context.locate(document.get("path"), where)
    sha256, size = hash_file(place)
    expected = document.get("sha256", sha256), int(document.get("size", size))
    if (sha256, size) != expected:
        text = f"{expected[1]} bytes of SHA-256 {expected[0]}"
        raise HashMismatch.of(where, text, Verbatim(f"{size} of {sha256} in {document['path']}"), "Restore the file.")
    return place.read_bytes() if size <= READ_WHOLE else place


def read_json(document: Mapping[str, Any], context: Context) -> Any:
    content = read_reference(document, context)
    if isinstance(content, Path) and content.stat().st_size > _MAX_JSON:
        raise DocumentError.of(document["path"], f"at most {_MAX_JSON} bytes of JSON", content.stat().st_size)
    return _load(content if isinstance(content, bytes) else content.read_bytes(), document["path"])


def _load(text: str | bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DocumentError.of(where, "JSON", Verbatim(str(error)), "Restore it.") from None


# Images --------------------------------------------------------------------------------------------------------------


def _image(document: dict[str, Any], context: Context) -> Image:
    return Image(
        read_reference(document, context),
        caption=document.get("caption"),
        grouping=document.get("grouping"),
        boxes=_overlays(document, BOXES, _boxes, context),
        masks=_overlays(document, MASKS, _mask, context),
    )


def _overlays(
    document: dict[str, Any], kind: str, make: Callable[[dict[str, Any], str, Context], Any], context: Context
) -> dict[str, Any] | None:
    """The overlays that can be read; the others are noted."""
    made = {}
    for name, overlay in (document.get(kind) or {}).items():
        if overlay is None:
            continue
        try:
            made[name] = make(overlay, name, context)
        except MediaTypesError as error:
            context.note(
                Problem(f"{kind}[{name!r}]", str(error).rstrip("."), "overlay", "The image is kept without it.")
            )
    return made or None


def _mask(document: dict[str, Any], name: str, context: Context) -> ImageMask:
    labels = context.labels(MASKS, name) or document.get("class_labels")
    return ImageMask(read_reference({**document, "_type": "mask"}, context), labels)


def _boxes(document: dict[str, Any], name: str, context: Context) -> BoundingBoxes2D:
    content = read_json({**document, "_type": "boxes2D"}, context) if "path" in document else document
    labels = content.get("class_labels") or context.labels(BOXES, name)
    own = {"class_labels": {int(id): text for id, text in labels.items()}} if labels else {}
    boxes = content["box_data"]
    try:
        return BoundingBoxes2D({"box_data": boxes, **own})
    except InputError as error:  # W&B takes inverted boxes and NaN
        good = [box for box in boxes if _is_box(box)]
        first, expected = error.problems[0], counted(len(boxes), "box", "boxes")
        text = f"expected {expected}, got {len(good)} that can be drawn ({first.path}: {first.message})"
        context.note(Problem(f"{BOXES}[{name!r}]", text, "boxes", "The others are left out."))
        return BoundingBoxes2D({"box_data": good, **own})


def _is_box(box: Any) -> bool:
    try:
        BoundingBoxes2D({"box_data": [box]})
    except InputError:
        return False
    return True


def _images(document: dict[str, Any], context: Context) -> list[Any]:
    masks, boxes = document.get("all_masks") or [], document.get("all_boxes") or []
    singles = []
    for i, path in enumerate(document["filenames"]):
        single = {"_type": "image-file", "path": path, "caption": _at(document.get("captions"), i)}
        single |= {MASKS: _at(masks, i), BOXES: _at(boxes, i)}
        singles.append(single)
    return _each(singles, context)


# Other files ---------------------------------------------------------------------------------------------------------


def _of_file(cls: Callable[..., Any], document: dict[str, Any], context: Context) -> Any:
    return cls(read_reference(document, context), caption=document.get("caption"))


def _html(document: dict[str, Any], context: Context) -> Html:
    content = read_reference(document, context)
    return Html(content, inject=False, data_is_not_path=not isinstance(content, Path), caption=document.get("caption"))


def _molecule(document: dict[str, Any], context: Context) -> Molecule:
    file_type = str(document["path"]).rpartition(".")[2].lower()
    return Molecule(read_reference(document, context), document.get("caption"), file_type)


def _object3d(document: dict[str, Any], context: Context) -> Object3D:
    path = str(document["path"])
    file_type = "pts.json" if path.endswith(".pts.json") else path.rpartition(".")[2].lower()
    return Object3D(read_reference(document, context), document.get("caption"), file_type=file_type)


def _plotly(document: dict[str, Any], context: Context) -> Figure:
    return Figure(json.dumps(read_json(document, context)))


def _histogram(document: dict[str, Any], context: Context) -> Histogram:
    bins = document.get("bins")
    if bins is None:
        packed = document["packedBins"]
        count = len(document["values"])
        if packed.get("count", count) != count:
            raise ValueError(f"{packed['count']} bins of {count} values")
        bins = [packed["min"] + packed["size"] * i for i in range(count + 1)]
    return Histogram(np_histogram=(document["values"], bins))


def _at(values: Any, place: int) -> Any:
    """One of a list of captions or overlays; W&B writes False for a list without any."""
    return (values[place] or None) if isinstance(values, list) and place < len(values) else None


def _each(singles: list[dict[str, Any]], context: Context) -> list[Any]:
    """The values of several; those that cannot be read are noted, and it is an error if none can."""
    made, errors = [], list[MediaTypesError]()
    for i, single in enumerate(singles):
        try:
            made.append(decode(single, context=context))
        except MediaTypesError as error:
            errors.append(error)
            context.note(Problem(f"[{i}]", str(error).rstrip("."), "item", "The others are kept."))
    if errors and not made:
        raise errors[0]
    return made


def _batch(type: str, members: str) -> Callable[[dict[str, Any], Context], list[Any]]:
    """The reader of a batch that lists its values as documents or as paths."""

    def read(document: dict[str, Any], context: Context) -> list[Any]:
        singles = []
        for i, item in enumerate(document[members]):
            single = {"path": item} if isinstance(item, str) else dict(item)
            caption = single.get("caption") or _at(document.get("captions"), i)
            singles.append({**single, "_type": type, "caption": caption})
        return _each(singles, context)

    return read


def _table(document: dict[str, Any], context: Context) -> Any:
    local = read_json(document, context) if "path" in document else document if "data" in document else None
    return tables.read(document, local, context, decode)


_READERS: dict[str, Callable[[dict[str, Any], Context], Any]] = {
    "image-file": _image,
    "images/separated": _images,
    "images": _images,
    "video-file": partial(_of_file, Video),
    "videos": _batch("video-file", "videos"),
    "audio-file": partial(_of_file, Audio),
    "audio": _batch("audio-file", "audio"),
    "html-file": _html,
    "html": _batch("html-file", "html"),
    "molecule-file": _molecule,
    "molecule": _batch("molecule-file", "filenames"),
    "object3D-file": _object3d,
    "object3D": _batch("object3D-file", "objects"),
    "plotly-file": _plotly,
    "histogram": _histogram,
    "table-file": _table,
    "incremental-table-file": _table,
    "table": _table,
}

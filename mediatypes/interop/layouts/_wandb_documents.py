"""Media as the documents of W&B's own JSON, and their files under the names that W&B gives them."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..._core.codec import decode, encode, validate
from ..._core.errors import CodecError, MediaTypesError, UnknownTypeError, UnsafePath
from ..._core.sidecar import Source, safe_parts
from ..._core.value import is_media
from ...formats import png
from ...store.memory import MemoryStore
from ...types.image.boxes import BoundingBoxes2D
from ...types.molecule.files import unpack
from ...types.video.value import Video
from ._report import Tally
from ._wandb_batches import BATCHES
from ._wandb_charts import panel

_NO_TYPE = "W&B has no type for it"
_UNREADABLE = "its document or a file is damaged or missing"
_VIDEOS = ("gif", "mp4", "webm", "ogg")
_MOLECULES = ("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf")
# Members of our documents that W&B's do not have and that do not follow from the file.
_NOT_CARRIED = {
    "image": ("classes", "source", "quality"),
    "audio": ("source", "clipped_count"),
    "video": ("source", "lossless", "clip_count"),
    "html": ("inject",),
    "molecule": ("smiles",),
    "object3d": ("resources",),
    "histogram": ("nan_count", "positive_infinity_count", "negative_infinity_count", "caption"),
    "table": ("sample",),
    "figure": ("template", "nulled_count", "source", "lost", "image", "caption"),
}
_WB_TYPES = {"integer": "number", "datetime": "timestamp", "date": "timestamp"} | {
    name: name for name in ("number", "boolean", "string", "timestamp")
}
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_LONGEST = 150  # characters of a key in a path, and bytes of each of its parts


class Place(NamedTuple):
    """Where a medium was logged; its step is "summary" if it was set there."""

    key: str
    kind: str
    step: int | str


class Documents:
    """Makes documents of W&B.

    Args:
        source: where the sidecars are.
        folder: of the export.
        tally: counts what is lost.

    Attributes:
        config: what W&B keeps of media in the config of a run: labels of boxes and masks, and charts of tables.
    """

    def __init__(self, source: Source, folder: Path, tally: Tally) -> None:
        self._source, self._folder, self._tally = source, folder, tally
        self._paths = dict[tuple[str, str], str]()  # of files, by their folder and hash with suffix
        self.config: dict[str, dict[str, Any]] = {}
        self._makers: dict[str, Callable[[Place, dict[str, Any]], dict[str, Any] | None]] = {
            "image": self._image,
            "video": self._video,
            "audio": self._as_it_is,
            "html": self._as_it_is,
            "molecule": self._molecule,
            "object3d": self._object3d,
            "histogram": self._histogram,
            "table": self._table,
            "figure": self._figure,
        }

    def members(self, place: Place, cell: Any) -> dict[str, Any]:
        """What a row of W&B has for a medium or a list of media; nothing if that is lost."""
        if isinstance(cell, list):
            batch = self._list(place, cell)
            return {place.key: batch} if batch or not cell else {}
        if cell["_type"] == "plot":
            return self._chart(place, cell)
        made = self._make(place, cell)
        return {} if made is None else {place.key: made}

    def _make(self, place: Place, document: dict[str, Any]) -> dict[str, Any] | None:
        """The document of one medium; None if it is lost."""
        type = document["_type"]
        if type not in self._makers:
            self._lose(place, _NO_TYPE)
            return None
        try:
            validate(document)
            made = self._makers[type](place, document)
        except UnknownTypeError:
            self._lose(place, _NO_TYPE)
        except MediaTypesError:
            self._lose(place, _UNREADABLE)
        else:
            for member in _NOT_CARRIED[type] if made is not None else ():
                self._lose(place, f"its {member}: W&B has none", bool(document.get(member)))
            return made
        return None

    def _lose(self, place: Place, reason: str, count: int = 1) -> None:
        self._tally.lose(place.key, place.kind, reason, count)

    # Lists ----------------------------------------------------------------------------------------------------------

    def _list(self, place: Place, cells: list[dict[str, Any] | None]) -> Any:
        """A batch where W&B has one for the type that all have, else a list of documents."""
        kept, made = list[dict[str, Any]](), list[dict[str, Any]]()
        for cell in cells:
            one = None if cell is None else self._make(place, cell)
            if cell is None:
                self._lose(place, "None in a list of media")
            elif one is not None:
                kept.append(cell)
                made.append(one)
        types = {one["_type"] for one in made}
        batch = BATCHES.get(types.pop()) if len(types) == 1 else None
        if batch is None:
            return made
        captions = [one.get("caption") for one in made]
        self._lose(place, "an empty caption in a list", captions.count(""))
        if made[0]["_type"] == "image-file":
            self._lose(place, "a grouping in a list", sum("grouping" in one for one in made))
        return batch(made, captions if any(captions) else None, kept)

    # Files ----------------------------------------------------------------------------------------------------------

    def _path(self, place: Place, folder: str, sha256: str, suffix: str) -> str:
        """Where a file stands; one of the same content stands there already."""
        name = folder, sha256 + suffix
        if name not in self._paths:
            self._paths[name] = f"media/{folder}/{_file_key(place.key)}_{place.step}_{sha256[:20]}{suffix}"
        return self._paths[name]

    def _copied(
        self, place: Place, type: str, folder: str, reference: dict[str, Any], suffix: str
    ) -> dict[str, Any] | None:
        """The document of a file that is copied; None if that is not possible."""
        path = self._path(place, folder, reference["sha256"], suffix)
        if not self._tally.copy(reference, path, place.key, place.kind, self._source):
            return None
        made = {"_type": type, "sha256": reference["sha256"], "size": reference["size"], "path": path}
        return made if reference.get("caption") is None else {**made, "caption": reference["caption"]}

    def _written(self, place: Place, type: str, folder: str, pieces: Iterable[bytes], suffix: str) -> dict[str, Any]:
        """The document of a file of new content."""
        digest, size = hashlib.sha256(), 0
        handle, temporary = tempfile.mkstemp(dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    file.write(piece)
            path = self._path(place, folder, digest.hexdigest(), suffix)
            target = self._folder.joinpath(*safe_parts(path))
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.chmod(temporary, 0o644)
                os.replace(temporary, target)
                self._tally.add(size)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)
        return {"_type": type, "sha256": digest.hexdigest(), "size": size, "path": path}

    # Types ----------------------------------------------------------------------------------------------------------

    def _image(self, place: Place, document: dict[str, Any]) -> dict[str, Any] | None:
        made = self._copied(place, "image-file", "images", document, f".{document['format'][:16]}")
        if made is None:
            return None
        made |= {name: document[name] for name in ("format", "width", "height", "grouping") if name in document}
        if not document.get("boxes") and not document.get("masks"):
            return made
        try:
            image = decode(document, self._source)
            boxes = {name: self._boxes(place, name, layer, document) for name, layer in image.boxes.items()}
            masks = {name: self._mask(place, name, mask, document) for name, mask in image.masks.items()}
        except MediaTypesError:
            self._lose(place, "its boxes and masks: a file is damaged or missing")
            return made
        overlays = {"boxes": boxes, "masks": {name: mask for name, mask in masks.items() if mask}}
        return made | {name: layers for name, layers in overlays.items() if layers}

    def _boxes(self, place: Place, name: str, layer: BoundingBoxes2D, document: dict[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = {"box_data": [_box(layer, i) for i in range(len(layer))]}
        given = document["boxes"][name].get("class_labels")
        content |= {"class_labels": given} if given else {}
        self._keep_labels(place, "bounding_box/class_labels", name, layer.class_labels)
        data = _dump(content)
        return self._written(place, "boxes2D", "metadata/boxes2D", [data], ".boxes2D.json")

    def _mask(self, place: Place, name: str, mask: Any, document: dict[str, Any]) -> dict[str, Any] | None:
        ids = mask.to_numpy()
        if ids.max() > 255:
            self._lose(place, "a mask with class ids beyond 255")
            return None
        self._keep_labels(place, "mask/class_labels", name, mask.class_labels)
        data = png.encode_indexed(ids.astype(np.uint8))
        made = self._written(place, "mask", "images/mask", [data], ".mask.png")
        given = document["masks"][name].get("class_labels")  # W&B has them in the config alone
        return made | ({"class_labels": given} if given else {})

    def _keep_labels(self, place: Place, section: str, name: str, labels: dict[int, str]) -> None:
        """Put labels into the config, where W&B has them once for all rows."""
        key = f"{place.key}_wandb_delimeter_{name}"
        kept = self.config.setdefault(section, {}).setdefault(key, {"type": section, "key": key, "value": {}})["value"]
        texts = {str(id): label for id, label in labels.items()}
        self._lose(
            place, "labels that change: W&B's config has the last", any(kept.get(i, t) != t for i, t in texts.items())
        )
        kept |= texts

    def _video(self, place: Place, document: dict[str, Any]) -> dict[str, Any] | None:
        if document["format"] not in _VIDEOS:
            self._lose(place, f"W&B takes no {document['format']} video")
            return None
        made = self._copied(place, "video-file", "videos", document, f".{document['format']}")
        size = document["width"], document["height"]
        if made and (size[0] % 2 or size[1] % 2):  # the file may have an even size
            alone = Video(decode(document, self._source).to_bytes())
            self._lose(place, "its size: that of the file is even", (alone.width, alone.height) != size)
        return made and made | {"width": size[0], "height": size[1]}

    def _as_it_is(self, place: Place, document: dict[str, Any]) -> dict[str, Any] | None:
        """Of a type whose file W&B takes whatever it is."""
        type = document["_type"]
        suffix = type if type == "html" else document["format"]
        return self._copied(place, f"{type}-file", type, document, f".{suffix}")

    def _molecule(self, place: Place, document: dict[str, Any]) -> dict[str, Any] | None:
        suffix = f".{document['format']}"
        if document["format"] not in _MOLECULES:
            self._lose(place, f"W&B takes no {document['format']} file")
            return None
        if document["media_type"] != "application/gzip":
            return self._copied(place, "molecule-file", "molecule", document, suffix)
        data = unpack(decode(document, self._source)._sidecar(), CodecError)
        self._lose(place, "the gzip compression of its file")
        return _with_caption(self._written(place, "molecule-file", "molecule", [data], suffix), document)

    def _object3d(self, place: Place, document: dict[str, Any]) -> dict[str, Any] | None:
        if document["format"] != "ply":
            return self._copied(place, "object3D-file", "object3D", document, f".{document['format']}")
        if document.get("points") is None:
            self._lose(place, "W&B takes no mesh in a PLY file")
            return None
        cloud = decode(document, self._source)
        self._lose(place, "its intensity: W&B has none", cloud.intensity is not None)
        self._lose(
            place,
            "how boxes are placed: W&B has corners",
            any(box.get("placement") for box in document.get("boxes", ())),
        )
        made = self._written(place, "object3D-file", "object3D", [cloud.to_pts_json()], ".pts.json")
        return _with_caption(made, document)

    def _histogram(self, place: Place, document: dict[str, Any]) -> dict[str, Any]:
        return {name: document[name] for name in ("_type", "values", "bins")}

    def _figure(self, place: Place, document: dict[str, Any]) -> dict[str, Any] | None:
        if document["format"] == "plotly":
            reference = {name: member for name, member in document.items() if name != "caption"}
            return self._copied(place, "plotly-file", "plotly", reference, ".plotly.json")
        self._lose(place, "a figure without traces is an image in W&B")
        made = self._copied(place, "image-file", "images", document, ".png")
        return made and made | {"format": "png", "width": document["width"], "height": document["height"]}

    # Tables ---------------------------------------------------------------------------------------------------------

    def _table(self, place: Place, document: dict[str, Any]) -> dict[str, Any]:
        table = decode(document, self._source)
        made = self._written(place, "table-file", "table", self._table_pieces(place, table), ".table.json")
        return {**made, "ncols": table.num_columns, "nrows": table.num_rows, "log_mode": "IMMUTABLE"}

    def _table_pieces(self, place: Place, table: Any) -> Iterator[bytes]:
        """The file of a table as W&B has it in an artifact: with documents of media, and times in milliseconds."""
        yield b'{"columns":%s,"data":[' % _dump(table.columns)
        for number, row in enumerate(table):
            yield (b"," if number else b"") + _dump([self._cell(place, cell) for cell in row])
        known = {
            name: {
                "wb_type": "union",
                "params": {"allowed_types": [{"wb_type": "none"}, {"wb_type": _WB_TYPES.get(kind, "any")}]},
            }
            for name, kind in zip(table.columns, table.kinds, strict=True)
        }
        yield b'],"column_types":%s}' % _dump({"wb_type": "typedDict", "params": {"type_map": known}})

    def _cell(self, place: Place, cell: Any) -> Any:
        """A cell as JSON; what W&B's tables do not have is counted."""
        if is_media(cell):
            store = MemoryStore()
            outer, self._source = self._source, store
            try:
                return self._make(place, encode(cell, store))
            finally:
                self._source = outer
        if isinstance(cell, datetime.datetime):
            self._lose(place, "a time without zone is UTC in W&B", cell.tzinfo is None)
            return _milliseconds(cell if cell.tzinfo else cell.replace(tzinfo=datetime.UTC))
        if isinstance(cell, datetime.date):
            self._lose(place, "a day is its midnight, UTC, in W&B")
            return _milliseconds(datetime.datetime(cell.year, cell.month, cell.day, tzinfo=datetime.UTC))
        if isinstance(cell, (Decimal, datetime.timedelta)):
            self._lose(place, "a decimal or duration is text")
            return str(cell)
        if isinstance(cell, bytes) or (isinstance(cell, list) and any(map(is_media, cell))):
            self._lose(place, "bytes, or media in a list, in a cell of a table")
            return None
        return cell

    def _chart(self, place: Place, document: dict[str, Any]) -> dict[str, Any]:
        """The table of a chart under W&B's name for it; how it is drawn stands in the config."""
        try:
            validate(document)
            key = f"{'Custom Chart Tables/' if document.get('split_table') else ''}{place.key}_table"
            made = self._table(place._replace(key=key), document["table"])
        except MediaTypesError:
            self._lose(place, _UNREADABLE)
            return {}
        drawn = panel(document, key)
        if drawn is None:
            self._lose(place, "how it is drawn, by a preset of your own: W&B has its table alone")
        else:
            charts = self.config.setdefault("visualize", {})
            self._lose(place, "a chart that changes: W&B's config has the last", charts.get(place.key, drawn) != drawn)
            charts[place.key] = drawn
        return {key: made}


def _box(layer: BoundingBoxes2D, i: int) -> dict[str, Any]:
    left, top, right, bottom = layer.to_xyxy()[i].tolist()
    box: dict[str, Any] = {"position": {"minX": left, "maxX": right, "minY": top, "maxY": bottom}}
    scores = {name: column[i] for name, column in layer.scores.items() if column[i] is not None}
    given = {"class_id": layer.class_ids[i], "box_caption": layer.captions[i], "scores": scores or None}
    box |= {name: value for name, value in given.items() if value is not None}
    return {**box, "domain": "pixel" if layer.is_pixel[i] else "percentage"}


def _milliseconds(when: datetime.datetime) -> float:
    whole, rest = divmod((when - _EPOCH) // datetime.timedelta(microseconds=1), 1000)
    return whole + rest / 1000 if rest else whole


def _with_caption(made: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    return made if document.get("caption") is None else {**made, "caption": document["caption"]}


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _file_key(key: str) -> str:
    """A key as part of a path, its slashes kept; what no file may be called everywhere becomes `_`."""
    parts = []
    for part in filter(None, key[:_LONGEST].split("/")):
        part = "".join(c if c.isprintable() and c not in '\\:<>"|?*' else "_" for c in part)
        part = part.encode()[:_LONGEST].decode(errors="ignore")
        part = part.replace(".", "_") if part in (".", "..") else part
        try:
            safe_parts(part)
        except UnsafePath:
            part = f"_{part}_"
        parts.append(part)
    return "/".join(parts)

"""What stands inside logged media, as columns: a row for each box of an image, and for each bin of a histogram."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._core import canonical
from .._core.codec import decode
from .._core.errors import DocumentError
from .._core.parallel import in_threads
from .._core.sidecar import Source
from ..columns.arrays import Array
from ..columns.arrow import fixed, numbers, texts
from ..types.image.boxes import BOXES as BOX_SET
from ..types.image.boxes import BoundingBoxes2D
from . import files
from .opening import History
from .parquet_reader import StoredHistory, StoredTable
from .select import no_column

_ITEM = {"key": pa.utf8(), "step": pa.int64(), "item": pa.int64()}  # which logged value a row belongs to
_READ = ["key", "step", "index", "type", "path", "_doc"]
_EDGES = ("xmin", "ymin", "xmax", "ymax")

BOXES = pa.schema(
    {
        **_ITEM,
        "path": pa.utf8(),
        "set": pa.utf8(),
        "box": pa.int64(),
        "class_id": pa.int64(),
        "label": pa.utf8(),
        "caption": pa.utf8(),
        "score": pa.float64(),
        "scores": pa.map_(pa.utf8(), pa.float64()),
        **dict.fromkeys(_EDGES, pa.float64()),
        **{f"{edge}_fraction": pa.float64() for edge in _EDGES},
        "area": pa.float64(),
    }
)
HISTOGRAMS = pa.schema(
    {**_ITEM, "bin": pa.int64(), "low": pa.float64(), "high": pa.float64(), "count": pa.float64()},
)


class _Item(NamedTuple):
    """A logged media document, and which one it is."""

    key: str
    step: int | None
    position: int | None  # in a list of images
    path: str | None
    document: dict[str, Any]

    @property
    def place(self) -> str:
        """How messages name it."""
        at = "" if self.position is None else f"[{self.position}]"
        return f"{self.key}[{'summary' if self.step is None else f'step {self.step}'}]{at}"


def read_boxes(history: History, source: Source, key: str | None = None) -> pa.Table:
    """A row of `BOXES` for each box of the images of a run, or of one key; only the sets of boxes are read.

    Raises:
        InputError: the run has no such key.
        DocumentError, SidecarMissing, HashMismatch: a set of boxes is damaged, gone or changed.
    """
    items = [item for item in _items(history, "image", key) if isinstance(item.document.get("boxes"), dict)]
    parts = [(item, name, part) for item in items for name, part in item.document["boxes"].items()]
    if isinstance(getattr(history, "path", Path()), Path):
        sets = [_read_set(*part, source) for part in parts]
    else:
        sets = in_threads(lambda part: _read_set(*part, source), parts)
    counts = np.array([len(boxes) for boxes in sets], np.int64)
    owners = [item for item, _, _ in parts]
    edges = np.concatenate([np.zeros((0, 4)), *(boxes.to_xyxy() for boxes in sets)])
    is_pixel = np.concatenate([np.zeros(0, bool), *(boxes.is_pixel for boxes in sets)])[:, None]
    sizes = [(item.document["width"], item.document["height"]) * 2 for item in owners]
    size = np.repeat(np.array(sizes, np.float64).reshape(-1, 4), counts, axis=0)
    pixels, fractions = np.where(is_pixel, edges, edges * size), np.where(is_pixel, edges / size, edges)
    columns = [
        *_owner_columns(owners, counts),
        _repeated(texts([item.path for item in owners]), counts),
        _repeated(texts([name for _, name, _ in parts]), counts),
        _dense(_positions(counts)),
        numbers([id for boxes in sets for id in boxes.class_ids], np.int64),
        texts([label for boxes in sets for label in _labels(boxes)]),
        texts([caption for boxes in sets for caption in boxes.captions]),
        numbers([score for boxes in sets for score in _single_score(boxes)], np.float64),
        _score_maps(sets),
        *map(_dense, pixels.T),
        *map(_dense, fractions.T),
        _dense((pixels[:, 2] - pixels[:, 0]) * (pixels[:, 3] - pixels[:, 1])),
    ]
    return pa.Table.from_arrays(columns, schema=BOXES)


def read_histograms(history: History, source: Source, key: str | None = None) -> pa.Table:
    """A row of `HISTOGRAMS` for each bin of the histograms of a run, or of one key.

    Raises:
        InputError: the run has no such key.
        DocumentError: a histogram is damaged.
    """
    items = list(_items(history, "histogram", key))
    values = [decode(item.document, source) for item in items]
    counts = np.array([len(histogram.values) for histogram in values], np.int64)
    empty = [np.zeros(0)]
    columns = [
        *_owner_columns(items, counts),
        _dense(_positions(counts)),
        _dense(np.concatenate(empty + [histogram.bins[:-1] for histogram in values])),
        _dense(np.concatenate(empty + [histogram.bins[1:] for histogram in values])),
        _dense(np.concatenate(empty + [histogram.values.astype(np.float64) for histogram in values])),
    ]
    return pa.Table.from_arrays(columns, schema=HISTOGRAMS)


def _items(history: History, tag: str, key: str | None) -> Iterator[_Item]:
    """The logged items of a type, in the order of `media.parquet`."""
    if isinstance(history, StoredHistory):
        rows = StoredTable(history.path.with_name(files.MEDIA)).read(_READ)
    else:
        rows = history.media().table().select(_READ)
    if key is not None:
        rows = rows.filter(pc.equal(rows.column("key"), key))
        if not rows.num_rows and all(spec.key != key for spec in history.specs):
            raise no_column(key, [spec.key for spec in history.specs])
    rows = rows.filter(pc.equal(rows.column("type"), tag))
    for item_key, step, index, _, path, text in zip(*(rows.column(name).to_pylist() for name in _READ), strict=True):
        try:
            document = canonical.loads(text or "", canonical.MAX_DEPTH)
        except ValueError:
            document = None
        item = _Item(item_key, step, index, path, document if isinstance(document, dict) else {})
        if not item.document:
            raise DocumentError.of(item.place, "a document", text, "Restore media.parquet from a copy.", "not-json")
        yield item


def _read_set(item: _Item, name: str, part: Any, source: Source) -> BoundingBoxes2D:
    """A set of boxes from its own sidecar; the image is not read."""
    where, document = f"{item.place}.boxes[{name!r}]", item.document
    problems = list(BOX_SET.check(part, where))
    if problems:
        raise DocumentError(problems)
    if not all(type(document.get(side)) is int and document[side] > 0 for side in ("width", "height")):
        size = [document.get("width"), document.get("height")]
        raise DocumentError.of(item.place, "width and height of the image", size, "Restore the document.", "size")
    return BoundingBoxes2D._from_part(part, source)


def _owner_columns(items: list[_Item], counts: Array) -> list[pa.Array]:
    """The columns of `_ITEM`: each item as often as it has rows."""
    steps, indexes = (
        numbers([item.step for item in items], np.int64),
        numbers([item.position for item in items], np.int64),
    )
    return [_repeated(column, counts) for column in (texts([item.key for item in items]), steps, indexes)]


def _repeated(values: pa.Array, counts: Array) -> pa.Array:
    return values.take(_dense(np.repeat(np.arange(len(counts)), counts)))


def _positions(counts: Array) -> Array:
    """0, 1, 2... in each group."""
    positions: Array = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return positions


def _dense(values: Array) -> pa.Array:
    return fixed(np.ascontiguousarray(values))


def _labels(boxes: BoundingBoxes2D) -> list[str | None]:
    names = boxes.class_labels
    return [None if id is None else names[id] for id in boxes.class_ids]


def _single_score(boxes: BoundingBoxes2D) -> list[float | None]:
    """The scores that are called "score", or the only ones; of several others none is meant."""
    scores = boxes.scores
    only = next(iter(scores.values())) if len(scores) == 1 else None
    return scores.get("score") or only or [None] * len(boxes)


def _score_maps(sets: list[BoundingBoxes2D]) -> pa.Array:
    """All scores of each box by name; an empty map where it has none."""
    names, values, counts = list[str](), [np.zeros(0)], [np.zeros(0, np.int64)]
    for scores, count in ((boxes.scores, len(boxes)) for boxes in sets):
        table = (
            np.array([*scores.values()], np.float64).reshape(len(scores), count).T
        )  # None becomes NaN: scores are finite
        given = ~np.isnan(table)
        names += (
            list(scores) * count
            if given.all()
            else [n for row in given for n, ok in zip(scores, row, strict=True) if ok]
        )
        values.append(table[given])
        counts.append(given.sum(axis=1))
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int32)
    starts = pa.Array.from_buffers(pa.int32(), len(offsets), [None, pa.py_buffer(offsets)])
    return pa.MapArray.from_arrays(starts, texts(names), _dense(np.concatenate(values)))


SCHEMAS = {"boxes": BOXES, "histograms": HISTOGRAMS}
READERS: dict[str, Callable[[History, Source, str | None], pa.Table]] = {
    "boxes": read_boxes,
    "histograms": read_histograms,
}

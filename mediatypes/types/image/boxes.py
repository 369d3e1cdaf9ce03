"""Sets of 2-D bounding boxes, held and stored by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import NoneType
from typing import Any, Self, TypeVar

import numpy as np

from ..._core import canonical
from ..._core.declaration import Boolean, Field, Integer, Map, Record, Text, reference
from ..._core.errors import DocumentError, InputError, Problem, collect, problem, raise_all
from ..._core.inputs import flag, is_among
from ..._core.sidecar import Blob
from ..._core.value import Frozen
from ...columns.arrays import Array, as_array
from . import box_checks as check
from .classes import ID, LABELS, Classes, complete_labels, read_labels

DOMAINS = check.DOMAINS
_SET_MEMBERS = frozenset({"box_data", "class_labels"})  # of W&B's form
_BOX_MEMBERS = frozenset({"position", "class_id", "box_caption", "scores", "domain"})
_EDGES = ("xmin", "ymin", "xmax", "ymax")

BOXES = Record(
    "A set of bounding boxes. The sidecar is a JSON object of columns: xmin, ymin, xmax, ymax; and where given "
    "class_id, caption, scores (an object of columns) and, when boxes differ, domain.",
    (
        *reference("the boxes"),
        Field("count", Integer(0), "Number of boxes."),
        Field(
            "domain", Text(choices=(*DOMAINS, "mixed")), "Unit of the edges: percentage (0 to 1 of the image) or pixel."
        ),
        Field("class_counts", Map(Integer(1), names=ID), "Number of boxes of each class id.", required=False),
        Field("class_labels", LABELS, "Names by class id; an id without one is shown as class_<id>.", required=False),
        Field("outside_count", Integer(1), "Boxes that reach over the image's edge, if any.", False, default=0),
        Field("clipped", Boolean(), "True when the boxes were trimmed to the image.", False, default=False),
    ),
)


_B = TypeVar("_B", bound="BoundingBoxes2D")


class BoundingBoxes2D(Frozen):
    """A set of 2-D boxes: edges, and optionally class ids, captions and scores of each.

    Args:
        val: W&B's form `{"box_data": [{"position": {...}, "class_id": 1, "box_caption": "cat", "scores": {"p": 0.9},
            "domain": "pixel"}, ...], "class_labels": {1: "cat"}}`. A position is `minX, minY, maxX, maxY` or
            `middle: [x, y], width, height`; the domain is "percentage" (fractions of the image; default) or "pixel".
        clip: trim boxes to the image they are attached to. Otherwise boxes that reach outside are kept and counted.

    Raises:
        InputError: with every problem: a non-finite or inverted box, an unknown domain, a wrong type or shape; boxes
            without a domain whose edges are integers beyond 1, which are pixels.

    For arrays use `from_xyxy`, `from_xywh` or `from_cxcywh`.

    >>> boxes = BoundingBoxes2D.from_xyxy([[10, 20, 50, 80]], domain="pixel", class_ids=[1], class_labels={1: "cat"})
    >>> len(boxes), boxes.class_labels
    (1, {1: 'cat'})
    """

    _declaration = BOXES
    domain: str
    outside_count: int
    _count: int
    _xyxy: Array  # (n, 4) float64
    _is_pixel: Array  # (n,) bool
    _class_ids: tuple[int | None, ...] | None
    _captions: tuple[str | None, ...] | None
    _scores: dict[str, tuple[float | None, ...]]
    _class_counts: dict[str, int] | None = None
    _class_labels: dict[int, str] | None = None
    _clipped: bool = False  # or to be clipped, while the set is not attached to an image

    def __init__(self, val: Mapping[str, Any], clip: bool = False) -> None:
        members = _from_dicts(val, "BoundingBoxes2D", clip)
        self._set(_blob=None, **{f"_{name}": member for name, member in members.items()})

    @classmethod
    def from_xyxy(
        cls,
        array: Any,
        *,
        domain: str,
        class_ids: Any = None,
        scores: Any = None,
        labels: Sequence[str | None] | None = None,
        class_labels: Mapping[Any, str] | Classes | None = None,
        clip: bool = False,
    ) -> Self:
        """Boxes from an (n, 4) array of minX, minY, maxX, maxY.

        Args:
            array: (n, 4) real numbers, stored as float64.
            domain: "pixel", or "percentage" for fractions of the image's width and height.
            class_ids: (n,) integers.
            scores: (n,) numbers, or a mapping of names to (n,) numbers.
            labels: n captions, one for each box.
            class_labels: names by class id.
            clip: trim to the image when attached to one.
        """
        return _from_arrays(cls, array, lambda edges: edges, domain, class_ids, scores, labels, class_labels, clip)

    @classmethod
    def from_xywh(
        cls,
        array: Any,
        *,
        domain: str,
        class_ids: Any = None,
        scores: Any = None,
        labels: Sequence[str | None] | None = None,
        class_labels: Mapping[Any, str] | Classes | None = None,
        clip: bool = False,
    ) -> Self:
        """Boxes from an (n, 4) array of minX, minY, width, height (COCO's form); the rest as in `from_xyxy`."""
        return _from_arrays(cls, array, _xywh_to_xyxy, domain, class_ids, scores, labels, class_labels, clip)

    @classmethod
    def from_cxcywh(
        cls,
        array: Any,
        *,
        domain: str,
        class_ids: Any = None,
        scores: Any = None,
        labels: Sequence[str | None] | None = None,
        class_labels: Mapping[Any, str] | Classes | None = None,
        clip: bool = False,
    ) -> Self:
        """Boxes from an (n, 4) array of centre x, centre y, width, height (YOLO's form); the rest as in `from_xyxy`."""
        return _from_arrays(cls, array, _cxcywh_to_xyxy, domain, class_ids, scores, labels, class_labels, clip)

    def __len__(self) -> int:
        return len(self._xyxy)

    def __repr__(self) -> str:
        return f"BoundingBoxes2D({len(self)} {'box' if len(self) == 1 else 'boxes'}, domain={self.domain!r})"

    @property
    def is_pixel(self) -> Array:
        """(n,) bool: which boxes are in pixels and not in fractions of the image; read-only."""
        return self._is_pixel

    @property
    def class_ids(self) -> list[int | None]:
        """The class id of each box, None where it has none."""
        return list(self._class_ids) if self._class_ids else [None] * len(self)

    @property
    def captions(self) -> list[str | None]:
        """The caption of each box, None where it has none."""
        return list(self._captions) if self._captions else [None] * len(self)

    @property
    def scores(self) -> dict[str, list[float | None]]:
        """By name, the score of each box, None where it has none."""
        return {name: list(column) for name, column in self._scores.items()}

    @property
    def class_labels(self) -> dict[int, str]:
        """Names by class id: those given, and `class_<id>` for the other ids in use."""
        return complete_labels(self._class_labels, map(int, self._class_counts or ()))

    def to_xyxy(self) -> Array:
        """(n, 4) float64 of minX, minY, maxX, maxY, each box in its own domain; read-only."""
        return self._xyxy

    def _attached(self, width: int, height: int, labels: dict[int, str] | None) -> Self:
        """This set on an image of known size: trimmed if asked for, boxes over the edge counted, labels filled in."""
        limits = np.where(self._is_pixel[:, None], np.array([width, height] * 2, np.float64), 1.0)
        edges = np.clip(self._xyxy, 0.0, limits) if self._clipped else self._xyxy
        outside = int(((edges[:, :2] < 0) | (edges[:, 2:] > limits[:, 2:])).any(axis=1).sum())
        attached = self._replace(_xyxy=edges, _outside_count=outside, _blob=None if self._clipped else self._blob)
        return attached if labels is None or self._class_labels is not None else attached._replace(_class_labels=labels)

    def _sidecar(self) -> Blob:
        if self._blob is not None:
            return self._blob
        columns: dict[str, Any] = dict(zip(_EDGES, self._xyxy.T.tolist(), strict=True))
        if self._class_ids is not None:
            columns["class_id"] = self.class_ids
        if self._captions is not None:
            columns["caption"] = self.captions
        if self._scores:
            columns["scores"] = self.scores
        if self.domain == "mixed":
            columns["domain"] = [DOMAINS[flag] for flag in self._is_pixel.tolist()]
        return Blob(canonical.dump_bytes(columns))

    def _file_type(self) -> tuple[str, str]:
        return ".json", "application/json"

    def _check(self) -> None:
        count = self._count
        columns = _parse(self._sidecar().read(), count)
        try:
            members = _checked(
                "boxes",
                check.floats(list(zip(*(columns[name] for name in _EDGES), strict=True))).reshape(-1, 4),
                columns.get("domain", [self.domain] * count) if self.domain == "mixed" else [self.domain] * count,
                class_ids=columns.get("class_id"),
                captions=columns.get("caption"),
                scores=columns.get("scores", {}),
                labels=None,
                clip=False,
            )
        except InputError as error:
            raise DocumentError(error.problems) from error
        counts = self._class_counts
        if counts is not None and counts != members["class_counts"]:
            hint = "Restore the document."
            raise DocumentError.of("boxes.class_counts", f"{members['class_counts']}, as in the file", counts, hint)
        self._set(**{f"_{name}": members[name] for name in ("xyxy", "is_pixel", "class_ids", "captions", "scores")})


def read_boxes(value: Any, where: str) -> BoundingBoxes2D:
    """A set of boxes as `Image(boxes={name: ...})` takes it."""
    if isinstance(value, BoundingBoxes2D):
        return value
    return BoundingBoxes2D._of(**_from_dicts(value, where, clip=False))


def _from_dicts(value: Any, where: str, clip: bool) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not isinstance(value.get("box_data"), (list, tuple)):
        hint = "For arrays use BoundingBoxes2D.from_xyxy(array, domain='pixel')."
        raise InputError.of(where, "a dict with a list 'box_data'", value, hint, "shape")
    problems: list[Problem] = []
    _refuse_unknown(value, _SET_MEMBERS, where, problems)
    boxes = [_readable(box, where, i, problems) for i, box in enumerate(value["box_data"])]
    scores = [box.get("scores") or {} for box in boxes]
    positions = [box.get("position") for box in boxes]
    edges = check.edges_of_positions(positions, where, problems)
    if not problems and all("domain" not in box for box in boxes):
        check.check_domain(positions, edges, where, problems)
    return _checked(
        where,
        edges,
        [box.get("domain", DOMAINS[0]) for box in boxes],
        class_ids=[box.get("class_id") for box in boxes],
        captions=[box.get("box_caption") for box in boxes],
        scores={name: [score.get(name) for score in scores] for name in dict.fromkeys(n for s in scores for n in s)},
        labels=value.get("class_labels"),
        clip=clip,
        member=".position",
        problems=problems,
    )


def _readable(box: Any, of: str, index: int, problems: list[Problem]) -> Mapping[str, Any]:
    """One of W&B's boxes; a sound stand-in for what is none, so that the other problems are found too."""
    if type(box) is dict and _BOX_MEMBERS.issuperset(box) and type(box.get("scores")) in (dict, NoneType):
        return box  # nearly all are
    where = f"{of}[{index}]"
    if not isinstance(box, Mapping):
        problems.append(problem(where, "a dict with a position", box, "See BoundingBoxes2D."))
        return {"position": dict.fromkeys(check.SIDES, 0)}
    _refuse_unknown(box, _BOX_MEMBERS, where, problems)
    if isinstance(box.get("scores"), (Mapping, NoneType)):
        return box
    problems.append(problem(f"{where}.scores", "a dict of names to numbers", box["scores"], "Name each."))
    return {**box, "scores": None}


def _refuse_unknown(given: Mapping[Any, Any], known: frozenset[str], where: str, problems: list[Problem]) -> None:
    names = sorted(known)
    for name in (name for name in given if name not in known):
        near = get_close_matches(str(name), names, 1, 0.5)
        hint = f"Did you mean {near[0]!r}?" if near else "Leave it out."
        problems.append(problem(where, f"only {', '.join(names)}", name, hint, "unknown-member"))


def _from_arrays(
    cls: type[_B],
    array: Any,
    to_xyxy: Callable[[Array], Array],
    domain: str,
    class_ids: Any,
    scores: Any,
    labels: Any,
    class_labels: Any,
    clip: bool,
) -> _B:
    where, problems = cls.__name__, list[Problem]()
    if not is_among(domain, DOMAINS):
        hint = "Say which unit the edges are in."
        problems.append(problem(f"{where}.domain", "percentage or pixel", domain, hint))
    edges = collect(problems, _edges, array, to_xyxy, where)
    if edges is None:
        raise InputError(problems)
    columns = scores if isinstance(scores, Mapping) else {} if scores is None else {"score": scores}
    members = _checked(
        where,
        edges,
        [domain if is_among(domain, DOMAINS) else DOMAINS[0]] * len(edges),
        class_ids=None if class_ids is None else _plain(class_ids, f"{where}.class_ids"),
        captions=labels,
        scores={name: _plain(column, f"{where}.scores[{name!r}]") for name, column in columns.items()},
        labels=class_labels,
        clip=clip,
        names=("class_ids", "labels"),
        problems=problems,
    )
    return cls._of(**(members if len(edges) else {**members, "domain": domain}))


def _edges(array: Any, to_xyxy: Callable[[Array], Array], where: str) -> Array:
    """(n, 4) float64 of minX, minY, maxX, maxY."""
    edges = as_array(array, where)
    if edges.size == 0 and edges.ndim <= 2:
        edges = edges.reshape(0, 4)
    if edges.ndim != 2 or edges.shape[1] != 4:
        hint = "Pass array[None, :] for a single box." if edges.shape == (4,) else "Give four columns."
        raise InputError.of(where, "an array (n, 4)", edges, hint, "shape")
    with np.errstate(over="ignore", invalid="ignore"):  # a sum beyond float64 is infinite, and refused as that
        return to_xyxy(edges.astype(np.float64))


def _plain(column: Any, where: str) -> Any:
    return column if isinstance(column, (list, tuple)) else as_array(column, where)


def _checked(
    where: str,
    edges: Array,
    domains: Sequence[Any],
    *,
    class_ids: Any,
    captions: Any,
    scores: Mapping[Any, Any],
    labels: Any,
    clip: bool,
    member: str = "",
    names: tuple[str, str] = ("class_id", "box_caption"),
    problems: Sequence[Problem] = (),
) -> dict[str, Any]:
    """The members of a set of boxes, or an `InputError` with everything that is wrong."""
    problems = list(problems)
    check.check_edges(edges, where, problems, member)
    is_pixel = check.domains(domains, where, problems)
    ids = check.class_ids(class_ids, len(edges), where, names[0], problems)
    counts = {str(id): count for id, count in sorted(Counter(ids or ()).items(), key=str) if id is not None}
    members: dict[str, Any] = {
        "xyxy": edges,
        "is_pixel": is_pixel,
        "class_ids": ids,
        "captions": check.captions(captions, len(edges), where, names[1], problems),
        "scores": check.scores(scores, len(edges), where, problems),
        "count": len(edges),
        "domain": "mixed" if 0 < is_pixel.sum() < len(edges) else DOMAINS[bool(is_pixel.any())],
        "class_counts": counts or None,
        "clipped": collect(problems, flag, clip, f"{where}.clip"),
    }
    members["class_labels"] = collect(problems, read_labels, labels, f"{where}.class_labels")
    raise_all(problems)
    return members


def _parse(data: bytes, count: int) -> dict[str, Any]:
    """The columns of a sidecar, each as long as the document says."""
    try:
        columns = canonical.loads(data)
    except ValueError as error:
        raise DocumentError.of("boxes", "a JSON sidecar", data[:20], "Restore the file.") from error
    if not isinstance(columns, dict) or not isinstance(columns.get("scores", {}), dict):
        raise DocumentError.of("boxes", "an object of columns", columns, "Restore the file.")
    for name, column in {**columns, **columns.get("scores", {})}.items():
        if name != "scores" and (not isinstance(column, list) or len(column) != count):
            raise DocumentError.of(f"boxes.{name}", f"a column of {count} boxes", column, "Restore the file.")
    if missing := [name for name in _EDGES if name not in columns or not check.all_numbers(columns[name])]:
        raise DocumentError.of("boxes", f"number columns {', '.join(_EDGES)}", missing, "Restore the file.")
    return columns


def _xywh_to_xyxy(edges: Array) -> Array:
    edges[:, 2:] += edges[:, :2]
    return edges


def _cxcywh_to_xyxy(edges: Array) -> Array:
    half = edges[:, 2:] / 2
    return np.concatenate([edges[:, :2] - half, edges[:, :2] + half], axis=1)

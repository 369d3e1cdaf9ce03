"""What a point cloud scene shows beside its points: boxes and vectors."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from ..._core.declaration import Field, List, Number, Record, Text
from ..._core.errors import InputError, Problem, collect, problem, raise_all
from ..._core.inputs import text
from ..._core.sidecar import Source
from ..._core.value import Frozen
from ...columns.arrays import Array, as_array

_TRIPLE = List(Number(), 3, 3)
_UNIT_CORNERS = np.array(list(itertools.product((-1, 1), repeat=3)), np.float64)


_PLACEMENT = Record(
    "How a box was placed.",
    (
        Field("center", _TRIPLE, "The middle: [x, y, z]."),
        Field("size", List(Number(0), 3, 3), "Extent along the box's own x, y, z."),
        Field("orientation", List(Number(), 4, 4), "Unit quaternion [w, x, y, z]."),
    ),
)

BOX3D = Record(
    "A box in space.",
    (
        Field(
            "corners",
            List(_TRIPLE, 8, 8),
            "The eight corners [x, y, z]. With a placement they are, in the box's own axes, -x-y-z, -x-y+z, -x+y-z, "
            "-x+y+z, +x-y-z, +x-y+z, +x+y-z, +x+y+z; without one they stand as they were given.",
        ),
        Field("color", _TRIPLE, "Red, green, blue, as given.", required=False),
        Field("label", Text(), "Name drawn at the box.", required=False),
        Field("score", Number(), "Confidence.", required=False),
        Field("placement", _PLACEMENT, "Where the box was made from centre, size and orientation.", required=False),
    ),
)

VECTOR3D = Record(
    "An arrow in space.",
    (
        Field("start", _TRIPLE, "Where it starts: [x, y, z]."),
        Field("end", _TRIPLE, "Where it points: [x, y, z]."),
        Field("color", _TRIPLE, "Red, green, blue, as given.", required=False),
        Field("label", Text(), "Name drawn at the vector.", required=False),
    ),
)


class Box3D(Frozen):
    """A box in space, turned by a quaternion; shown in a scene of `Object3D.from_point_cloud`.

    Args:
        center: [x, y, z] of the middle.
        size: extent along the box's own x, y and z, each > 0.
        orientation: quaternion (w, x, y, z) that turns the box's axes into those of the scene; it need not have
            length 1. Default: not turned.
        color: (red, green, blue), kept as given.
        label: name drawn at the box.
        score: confidence, a finite number.

    Raises:
        InputError: with every problem found: a wrong length, NaN, infinity, a size that is not positive, a quaternion
            of zeros.

    >>> box = Box3D(center=(0, 0, 0), size=(2, 4, 6), color=(255, 0, 0), label="car")
    >>> box.corners[0].tolist(), box.corners[-1].tolist()
    ([-1.0, -2.0, -3.0], [1.0, 2.0, 3.0])
    """

    _declaration = BOX3D
    color: tuple[float, ...] | None
    label: str | None
    score: float | None
    _corners: Array  # (8, 3) float64
    _placement: dict[str, Any] | None

    def __init__(
        self,
        *,
        center: Any,
        size: Any,
        orientation: Any = (1, 0, 0, 0),
        color: Any = None,
        label: str | None = None,
        score: float | None = None,
    ) -> None:
        problems: list[Problem] = []
        middle = _numbers(center, (3,), "Box3D.center", problems)
        extent = _numbers(size, (3,), "Box3D.size", problems)
        turn = _numbers(orientation, (4,), "Box3D.orientation", problems)
        if not (extent > 0).all():
            problems.append(problem("Box3D.size", "sizes > 0", size, "Give the full extent, not half of it.", "range"))
        if not turn.any():
            problems.append(
                problem("Box3D.orientation", "a quaternion other than zero", orientation, "Use 1, 0, 0, 0.")
            )
        self._finish("Box3D", {"color": color, "label": label, "score": score}, problems)
        unit = _unit(turn)
        with np.errstate(over="ignore", invalid="ignore"):
            corners = middle + (0.5 * extent * _UNIT_CORNERS) @ rotation(unit).T
        if not np.isfinite(corners).all():
            raise InputError.of("Box3D.size", "corners within float64", size, "Use another unit.", "range")
        placement = {"center": middle.tolist(), "size": extent.tolist(), "orientation": unit.tolist()}
        self._set(_corners=corners, _placement=placement)

    @classmethod
    def from_corners(
        cls, corners: Any, color: Any = None, label: str | None = None, score: float | None = None
    ) -> Self:
        """A box given by its eight corners, an (8, 3) array kept in its order; raises InputError.

        >>> import numpy as np
        >>> Box3D.from_corners(np.eye(8, 3), label="odd").center
        (0.125, 0.125, 0.125)
        """
        return cls._from_corners(corners, {"color": color, "label": label, "score": score}, "Box3D")

    @classmethod
    def _from_corners(cls, corners: Any, style: dict[str, Any], where: str) -> Self:
        box, problems = cls.__new__(cls), list[Problem]()
        array = _numbers(corners, (8, 3), f"{where}.corners", problems)
        box._finish(where, style, problems)
        box._set(_corners=array, _placement=None)
        return box

    def _finish(self, where: str, style: dict[str, Any], problems: list[Problem]) -> None:
        """Check what every box has, and raise all problems."""
        self._set(_label=collect(problems, text, style["label"], f"{where}.label"))
        self._set(_color=_color(style["color"], f"{where}.color", problems))
        self._set(_score=_score(style["score"], f"{where}.score", problems))
        raise_all(problems)

    @property
    def corners(self) -> Array:
        """(8, 3) float64, read-only: the last axis of the box changes fastest, as in `itertools.product((-1, 1), ...)`.

        A box made from corners keeps their order.
        """
        return self._corners

    @property
    def center(self) -> tuple[float, float, float]:
        """The centre given, or the mean of the corners."""
        x, y, z = self._placement["center"] if self._placement else (self._corners / 8).sum(axis=0).tolist()
        return x, y, z

    @property
    def size(self) -> tuple[float, ...] | None:
        """Extent along the box's own axes; None for a box made from corners."""
        return tuple(self._placement["size"]) if self._placement else None

    @property
    def orientation(self) -> tuple[float, ...] | None:
        """Unit quaternion (w, x, y, z); None for a box made from corners."""
        return tuple(self._placement["orientation"]) if self._placement else None

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label is not None else ""
        size = f", size={self.size}" if self.size is not None else ""
        return f"Box3D(center={self.center}{size}{label})"

    def _to_wandb(self) -> dict[str, Any]:
        """The box as `pts.json` holds it."""
        style = {"color": self.color and list(self.color), "label": self.label, "score": self.score}
        return {"corners": self._corners.tolist(), **{n: item for n, item in style.items() if item is not None}}

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        box = super()._decode(document, source)
        box._set(_corners=np.array(document["corners"], np.float64))
        return box


def read_boxes(boxes: Any, where: str) -> tuple[Box3D, ...]:
    """The boxes of a scene: `Box3D`, or W&B's dicts with `corners`, perhaps color, label, score; raises InputError."""
    return tuple(_read_all(boxes, where, _read_box))


def read_vectors(vectors: Any, where: str) -> tuple[dict[str, Any], ...]:
    """The vectors of a scene as plain dicts: `start`, `end` and perhaps color and label; raises InputError."""
    return tuple(_read_all(vectors, where, _read_vector))


def _read_all(items: Any, where: str, read: Any) -> Iterator[Any]:
    if items is None:
        return
    items = items.tolist() if isinstance(items, np.ndarray) else items
    if not isinstance(items, (list, tuple)):
        raise InputError.of(where, "a list", items, "Put it into a list.")
    problems: list[Problem] = []
    made = [collect(problems, read, item, f"{where}[{i}]") for i, item in enumerate(items)]
    raise_all(problems)
    yield from made


def _read_box(box: Any, where: str) -> Box3D:
    if isinstance(box, Box3D):
        return box
    style = _members(box, where, ("corners",), ("color", "label", "score"))
    return Box3D._from_corners(style.pop("corners"), style, where)


def _read_vector(vector: Any, where: str) -> dict[str, Any]:
    members = _members(vector, where, ("start", "end"), ("color", "label"))
    problems: list[Problem] = []
    read = {name: _numbers(members[name], (3,), f"{where}.{name}", problems).tolist() for name in ("start", "end")}
    style = {
        "color": _color(members["color"], f"{where}.color", problems),
        "label": collect(problems, text, members["label"], f"{where}.label"),
    }
    raise_all(problems)
    plain = {name: list(item) if isinstance(item, tuple) else item for name, item in style.items() if item is not None}
    return read | plain


def _members(item: Any, where: str, required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Any]:
    """The members of a dict; optional ones that are missing become None."""
    if not isinstance(item, Mapping):
        raise InputError.of(where, f"a dict with {' and '.join(required)}", item, "See Object3D.from_point_cloud.")
    problems = [problem(where, f"the member {name!r}", sorted(map(str, item)), "Add it.") for name in required
                if name not in item]  # fmt: skip
    for name in item:
        if name not in required + optional:
            expected = f"only {', '.join(required + optional)}"
            problems.append(problem(where, expected, name, "Leave it out, or put it into the label."))
    raise_all(problems)
    return {name: item.get(name) for name in required + optional}


def _numbers(value: Any, shape: tuple[int, ...], where: str, problems: list[Problem]) -> Array:
    """A float64 array of the shape; ones (and a problem) instead of anything else."""
    array: Array | None = collect(problems, as_array, value, where)
    if array is None:
        return np.ones(shape)
    if array.shape != shape or array.dtype.kind == "b":
        expected = f"{shape[0]} numbers" if len(shape) == 1 else f"numbers of shape {shape}"
        problems.append(problem(where, expected, value, "Check their count.", "shape"))
        return np.ones(shape)
    array = np.array(array, np.float64)
    if not np.isfinite(array).all():
        problems.append(problem(where, "finite numbers", array.tolist(), "Drop NaN and infinities.", "nan"))
        return np.ones(shape)
    return array


def _color(color: Any, where: str, problems: list[Problem]) -> tuple[float, ...] | None:
    """Three numbers kept as given: integers stay integers, and no range is asked for."""
    if color is None:
        return None
    known = len(problems)
    _numbers(color, (3,), where, problems)
    return None if len(problems) > known else tuple(as_array(color, where).tolist())


def _score(score: Any, where: str, problems: list[Problem]) -> float | None:
    if score is None:
        return None
    known = len(problems)
    _numbers(score, (), where, problems)
    return None if len(problems) > known else as_array(score, where).item()


def _unit(quaternion: Array) -> Array:
    scaled = quaternion / np.abs(quaternion).max()  # the square of a very small or large component is not exact
    unit: Array = scaled / np.linalg.norm(scaled)
    return unit


def rotation(unit: Array) -> Array:
    """The matrix R of a unit quaternion: `R @ v` turns a column vector (Shoemake 1985)."""
    w, x, y, z = unit.tolist()
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )

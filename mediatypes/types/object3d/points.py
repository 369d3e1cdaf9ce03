"""Point clouds: coordinates with a category or a colour, checked and packed a record for each point."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._core.errors import Problem, ValidationError, problem
from ...columns.arrays import Array, as_array

Bounds = tuple[tuple[float, ...], tuple[float, ...]]
AXES = ("x", "y", "z")
CATEGORY = ("category",)
COLOR = ("red", "green", "blue")
CATEGORIES = 14
_EXTRAS: dict[int, tuple[str, ...]] = {3: (), 4: CATEGORY, 6: COLOR}
_LAYOUTS = "(n, 3) of x, y, z; (n, 4) with a category 1..14; or (n, 6) with red, green, blue 0..255"


def record_dtype(coordinate: np.dtype[Any], extras: tuple[str, ...]) -> np.dtype[Any]:
    """The packed little-endian record of a point: three coordinates, then one byte for each extra."""
    kind = coordinate.newbyteorder("<")
    return np.dtype([*((axis, kind) for axis in AXES), *((name, "u1") for name in extras)])


def pack(data: Any, where: str, error: type[ValidationError]) -> Array:
    """(n,) records of an (n, 3), (n, 4) or (n, 6) array or list of lists; see `Object3D` for what is accepted.

    float32 and float64 coordinates are kept, float16 becomes float32, integers become int32, or float64 where
    they need more bits. Categories and colours become one byte each.

    Raises:
        InputError or DocumentError (as `error` says): another shape, NaN, infinity, a category or colour out of range.
    """
    array = as_array(data, where)
    if isinstance(data, (list, tuple)) and not data:
        array = np.empty((0, 3))
    if array.ndim != 2 or array.shape[1] not in _EXTRAS or array.dtype.kind == "b":
        raise error.of(where, _LAYOUTS, array, _shape_hint(array), "shape")
    extras = _EXTRAS[array.shape[1]]
    records = np.empty(len(array), record_dtype(_coordinate_dtype(array), extras))
    problems: list[Problem] = []
    for column, name in enumerate(AXES + extras):
        values = np.ascontiguousarray(array[:, column])  # several passes over it follow
        place = f"{where}[:, {column}]"
        if name in AXES:
            _fill_axis(records[name], values, place, problems)
        else:
            _fill_byte(records[name], values, place, extras == CATEGORY, problems)
    if problems:
        raise error(problems)
    return records


def unpack(records: Array) -> Array:
    """(n, 3), (n, 4) or (n, 6) array of the coordinates' dtype, categories and colours in the last columns."""
    extras = extras_of(records)
    names = (*AXES, *extras)
    coordinate = np.result_type(*(records.dtype[axis] for axis in AXES)).newbyteorder("=")
    array = np.empty((len(records), len(names)), np.result_type(coordinate, np.uint8) if extras else coordinate)
    for column, name in enumerate(names):
        array[:, column] = records[name]
    return array


def extras_of(records: Array) -> tuple[str, ...]:
    """The names of the colour or category bytes of the points, if they have any."""
    single = {name for name in records.dtype.names or () if records.dtype[name] == np.uint8}
    return next((names for names in (COLOR, CATEGORY) if set(names) <= single), ())


def bounds(records: Array) -> Bounds | None:
    """Smallest and largest (x, y, z), or None without points."""
    if not len(records):
        return None
    axes = [np.ascontiguousarray(records[axis]) for axis in AXES]  # two passes over each follow
    return tuple(float(axis.min()) for axis in axes), tuple(float(axis.max()) for axis in axes)


def _coordinate_dtype(array: Array) -> np.dtype[Any]:
    if array.dtype.kind == "f":
        return np.dtype("<f8" if array.dtype.itemsize > 4 else "<f4")
    limits = np.iinfo(np.int32)
    fits = not array.size or (array.min() >= limits.min and array.max() <= limits.max)
    return np.dtype("<i4" if fits else "<f8")


def _fill_axis(target: Array, values: Array, where: str, problems: list[Problem]) -> None:
    target[:] = values
    if not len(values) or target.dtype == np.int32:
        return
    if values.dtype.kind != "f":  # wider than 32 bits
        with np.errstate(invalid="ignore"):
            exact = (target.astype(values.dtype) == values).all()
        if not exact:
            hint = "Subtract an origin first."
            problems.append(problem(where, "integers that float64 can hold", int(values.max()), hint, "range"))
    elif not (np.isfinite(values.min()) and np.isfinite(values.max())):
        bad = np.flatnonzero(~np.isfinite(values))
        hint = "Drop such points: points[np.isfinite(points).all(axis=1)]."
        got = f"{bad.size} of {len(values)} that are not, the first at index {bad[0]}"
        problems.append(Problem(where, f"expected finite coordinates, got {got}", "nan", hint))


def _fill_byte(target: Array, values: Array, where: str, category: bool, problems: list[Problem]) -> None:
    low, high = (1, CATEGORIES) if category else (0, 255)
    if not len(values):
        return
    smallest, largest = values.min(), values.max()
    if not (smallest >= low and largest <= high):  # also for NaN
        expected = f"a {'category' if category else 'colour'} from {low} to {high}"
        found = f"values from {smallest:g} to {largest:g}"
        hint = "Renumber the categories." if category else "Clip them with np.clip(colours, 0, 255)."
        problems.append(Problem(where, f"expected {expected}, got {found}", "range", hint))
        return
    whole = values.astype(np.uint8)
    target[:] = whole
    if values.dtype.kind == "f" and (whole != values).any():
        found = values[whole != values][0]
        hint = "Use whole numbers." if category or largest > 1 else "Scale 0..1 colours: np.rint(255 * colours)."
        problems.append(problem(where, "whole numbers", float(found), hint, "fraction"))


def _shape_hint(array: Array) -> str:
    if array.ndim == 2 and array.shape[0] in _EXTRAS and array.shape[1] not in _EXTRAS:
        return "It looks like one row for each coordinate: pass points.T."
    if array.ndim == 3:
        return "Flatten it: points.reshape(-1, points.shape[-1])."
    return "Choose these columns."

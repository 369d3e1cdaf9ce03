"""Point clouds: coordinates with a category or a colour, checked and packed a record for each point."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._core.errors import Problem, ValidationError, problem
from ..._core.wording import counted
from ...columns.arrays import Array, as_array

Bounds = tuple[tuple[float, ...], tuple[float, ...]]
AXES = ("x", "y", "z")
CATEGORY = ("category",)
COLOR = ("red", "green", "blue")
CATEGORIES = 14
INTENSITY = "intensity"
_EXTRAS: dict[int, tuple[str, ...]] = {3: (), 4: CATEGORY, 6: COLOR}
_VIRIDIS = [  # the colour map of matplotlib, at every sixteenth of its length
    *((68, 1, 84), (72, 24, 106), (71, 45, 123), (66, 64, 134), (59, 82, 139), (51, 99, 141)),
    *((44, 114, 142), (38, 130, 142), (33, 145, 140), (31, 160, 136), (40, 174, 128), (63, 188, 115)),
    *((94, 201, 98), (132, 212, 75), (173, 220, 48), (216, 226, 25), (253, 231, 37)),
]
_LAYOUTS = "(n, 3) of x, y, z; (n, 4) with a category 1..14; or (n, 6) with red, green, blue 0..255"
_INTENSITY_HINT = "An intensity goes beside x, y, z: Object3D(points[:, :3], intensity=points[:, 3]); or leave it out."


def pack(data: Any, where: str, error: type[ValidationError], intensity: Any = None) -> Array:
    """(n,) records of an (n, 3), (n, 4) or (n, 6) array or list of lists; see `Object3D` for what is accepted.

    float32 and float64 coordinates are kept, float16 becomes float32, integers become int32, or float64 where
    they need more bits. Categories and colours become one byte each. An intensity of each point is kept like a
    coordinate behind colours that show it.

    Raises:
        InputError or DocumentError (as `error` says): another shape, NaN, infinity, a category or colour out of range.
    """
    array, problems = as_array(data, where), list[Problem]()
    if isinstance(data, (list, tuple)) and not data:
        array = np.empty((0, 3))
    if array.ndim != 2 or array.shape[1] not in _EXTRAS or array.dtype.kind == "b":
        problems += [problem(where, _LAYOUTS, array, _shape_hint(array), "shape")]
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            problems.append(problem(where, "finite numbers", array, "Drop what is not.", "nan"))
        raise error(problems)
    extras = _EXTRAS[array.shape[1]]
    columns = {name: np.ascontiguousarray(array[:, column]) for column, name in enumerate(AXES + extras)}
    fields: list[Any] = [(axis, _number_dtype(array)) for axis in AXES]
    fields += [(name, "u1") for name in extras]
    if intensity is not None:
        values = _read_intensity(intensity, array, error)
        fields += [*((name, "u1") for name in COLOR), (INTENSITY, _number_dtype(values))]
        columns |= {INTENSITY: values, **dict(zip(COLOR, colors_of(values).T, strict=True))}
    records = np.empty(len(array), fields)
    for column, (name, values) in enumerate(columns.items()):
        place = f"{where}[:, {column}]" if column < array.shape[1] else f"{where}.{name}"
        if name in extras:
            _fill_byte(records[name], values, place, extras == CATEGORY, problems)
        elif name in COLOR:
            records[name] = values
        else:
            _fill_number(records[name], values, place, problems)
    if problems:
        raise error(problems)
    return records


def colors_of(intensity: Array) -> Array:
    """(n, 3) uint8: the colour map viridis from the smallest to the largest value, linear between 17 colours."""
    with np.errstate(all="ignore"):  # what is not finite is refused later
        values = intensity.astype(np.float64)
        low = values.min(initial=np.inf)
        share = np.nan_to_num((values - low) / max(values.max(initial=-np.inf) - low, np.finfo(np.float64).tiny))
    steps = np.linspace(0, 1, len(_VIRIDIS))
    channels = [np.interp(share, steps, channel) for channel in zip(*_VIRIDIS, strict=True)]
    colors: Array = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return colors


def _read_intensity(intensity: Any, points: Array, error: type[ValidationError]) -> Array:
    values = as_array(intensity, "Object3D.intensity")
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if points.shape[1] != 3:
        hint = "Pass points[:, :3]."
        raise error.of("Object3D.intensity", "points of x, y, z beside it", points, hint, "shape")
    if values.shape != (len(points),) or values.dtype.kind == "b":
        hint = "Pass a number for each point."
        raise error.of("Object3D.intensity", counted(len(points), "number"), values, hint, "shape")
    return values


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


def _number_dtype(array: Array) -> np.dtype[Any]:
    if array.dtype.kind == "f":
        return np.dtype("<f8" if array.dtype.itemsize > 4 else "<f4")
    limits = np.iinfo(np.int32)
    fits = not array.size or (array.min() >= limits.min and array.max() <= limits.max)
    return np.dtype("<i4" if fits else "<f8")


def _fill_number(target: Array, values: Array, where: str, problems: list[Problem]) -> None:
    if values.dtype.itemsize > target.dtype.itemsize:  # a long double
        with np.errstate(over="ignore"):
            values = values.astype(target.dtype)
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
        what = "numbers" if where.endswith(INTENSITY) else "coordinates"
        hint = "Drop such points: points[np.isfinite(points).all(axis=1)]."
        got = f"{bad.size} of {len(values)} that are not, the first at index {bad[0]}"
        problems.append(Problem(where, f"expected finite {what}, got {got}", "nan", hint))


def _fill_byte(target: Array, values: Array, where: str, category: bool, problems: list[Problem]) -> None:
    low, high = (1, CATEGORIES) if category else (0, 255)
    if not len(values):
        return
    smallest, largest = values.min(), values.max()
    if not (smallest >= low and largest <= high):  # also for NaN
        expected = f"a {'category' if category else 'colour'} from {low} to {high}"
        hint = f"Renumber the categories. {_INTENSITY_HINT}" if category else "Clip them with np.clip(colours, 0, 255)."
        problems.append(
            Problem(where, f"expected {expected}, got values from {smallest:g} to {largest:g}", "range", hint)
        )
        return
    whole = values.astype(np.uint8)
    target[:] = whole
    if values.dtype.kind == "f" and (whole != values).any():
        fraction = values[whole != values][0]
        hint = "Use whole numbers." if largest > 1 else "Scale 0..1 colours: np.rint(255 * colours)."
        hint = _INTENSITY_HINT if category else hint
        problems.append(problem(where, "whole numbers", float(fraction), hint, "fraction"))


def _shape_hint(array: Array) -> str:
    if array.ndim == 2 and array.shape[0] in _EXTRAS and array.shape[1] not in _EXTRAS:
        return "It looks like one row for each coordinate: pass points.T."
    if array.ndim == 3:
        return "Flatten it: points.reshape(-1, points.shape[-1])."
    return (
        f"Choose these columns. {_INTENSITY_HINT}"
        if array.ndim == 2 and array.shape[1] == 5
        else "Choose these columns."
    )

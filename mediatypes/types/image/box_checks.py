"""Checks of a set of boxes, a column at a time. Each appends every problem it finds to `problems`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from numbers import Integral, Real
from operator import itemgetter
from typing import Any

import numpy as np

from ..._core.canonical import is_utf8_encodable
from ..._core.errors import Problem, Verbatim, problem
from ...columns.arrays import Array, as_number

DOMAINS = ("percentage", "pixel")
SIDES = ("minX", "minY", "maxX", "maxY")


def edges_of_positions(positions: Sequence[Any], where: str, problems: list[Problem]) -> Array:
    """(n, 4) float64 of W&B positions: `minX, minY, maxX, maxY`, or `middle: [x, y], width, height`."""
    rows: list[tuple[Any, ...] | None]
    try:
        rows = list(map(itemgetter(*SIDES), positions))  # the usual form without a Python step for each box
    except (KeyError, TypeError):
        rows = [_row(position) for position in positions]
    if not all_numbers(chain.from_iterable(row or (None,) for row in rows)):
        rows = [row and tuple(map(as_number, row)) for row in rows]
        expected = "numbers minX, minY, maxX, maxY, or middle: [x, y], width and height"
        for i, row in enumerate(rows):
            if row is None or not all_numbers(row):
                problems.append(problem(f"{where}[{i}].position", expected, positions[i], "Give all of them."))
                rows[i] = (0, 0, 0, 0)
    return floats(rows).reshape(-1, 4)


def floats(numbers: Sequence[Any]) -> Array:
    """Numbers, or rows of them, as float64; an integer beyond float64 becomes infinite, and is refused as that."""
    try:
        return np.array(numbers, np.float64)
    except OverflowError:
        table = np.array(numbers, object)
        table[table > sys.float_info.max], table[table < -sys.float_info.max] = np.inf, -np.inf
        return table.astype(np.float64)


def _row(position: Any) -> tuple[Any, ...] | None:
    """The edges of one position; None if it is none."""
    if not isinstance(position, Mapping):
        return None
    numbers = _numbers(position)
    if all(side in position for side in SIDES):
        return numbers
    if len(numbers) != 4 or not all_numbers(numbers):
        return None
    x, y, width, height = floats(numbers).tolist()
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _numbers(position: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a position says: its four edges, or middle and size; empty where it says neither."""
    if all(side in position for side in SIDES):
        return tuple(as_number(position[side]) for side in SIDES)
    middle = position.get("middle")
    if not isinstance(middle, Iterable) or isinstance(middle, (str, Mapping)):
        return ()
    return tuple(map(as_number, (*middle, position.get("width"), position.get("height"))))


def check_domain(positions: Sequence[Any], edges: Array, where: str, problems: list[Problem]) -> None:
    """Boxes that say no domain, and are fractions by default, are not plainly pixels: integers, and some beyond 1."""
    if not (edges > 1).any() or not np.isfinite(edges).all() or (edges[:, :2] > edges[:, 2:]).any():
        return
    if all(number % 1 == 0 for position in positions for number in _numbers(position)):
        i, side = divmod(int(np.argmax(edges)), 4)
        got = Verbatim(f"{SIDES[side]}={edges[i, side]:g}")
        hint = 'Say domain="pixel": {"position": ..., "domain": "pixel"}; or divide by width and height.'
        problems.append(problem(f"{where}[{i}].position", "fractions of the image, 0 to 1", got, hint, "domain"))


def check_edges(edges: Array, where: str, problems: list[Problem], member: str = "") -> None:
    """Edges are finite and in order."""
    for i in np.flatnonzero(~np.isfinite(edges).all(axis=1)):
        problems.append(problem(f"{where}[{i}]{member}", "finite numbers", edges[i].tolist(), "Drop the box."))
    for low, high, axis in ((0, 2, "X"), (1, 3, "Y")):
        for i in np.flatnonzero(edges[:, low] > edges[:, high]):
            message = f"expected min{axis} <= max{axis}, got min{axis}={edges[i, low]:g}, max{axis}={edges[i, high]:g}"
            problems.append(Problem(f"{where}[{i}]{member}", message, "inverted", "Swap them."))


def domains(values: Sequence[Any], where: str, problems: list[Problem]) -> Array:
    """(n,) bool: whether each box is in pixels."""
    for i, value in enumerate(values) if set(map(str, values)) - set(DOMAINS) else ():
        if value not in DOMAINS:
            problems.append(problem(f"{where}[{i}].domain", "percentage or pixel", value, "Choose one of them."))
    return np.array([value == "pixel" for value in values], bool)


def class_ids(values: Any, count: int, where: str, name: str, problems: list[Problem]) -> tuple[int | None, ...] | None:
    """n integers or None each; None when no box has one."""
    column = _column(values, count, where, name, problems)
    if column is None:
        return None
    if not _all_integers(column) and not _all_integers(column := list(map(as_number, column))):
        for i, value in enumerate(column):
            if value is not None and (isinstance(value, bool) or not isinstance(value, Integral)):
                problems.append(problem(f"{where}[{i}].class_id", "an integer", value, "Use int(...)."))
        return None
    ids = tuple(None if value is None else int(value) for value in column)
    for i, id in enumerate(ids) if any(id is not None and abs(id) >= 2**63 for id in ids) else ():
        if id is not None and abs(id) >= 2**63:
            problems.append(problem(f"{where}[{i}].class_id", "an integer of 64 bits", id, "Renumber the classes."))
    return ids


def captions(values: Any, count: int, where: str, name: str, problems: list[Problem]) -> tuple[str | None, ...] | None:
    """n captions or None each; None when no box has one."""
    column = _column(values, count, where, name, problems)
    if column is None:
        return None
    texts = [value for value in column if isinstance(value, str)]
    if len(texts) + column.count(None) < len(column) or not is_utf8_encodable("".join(texts)):
        for i, value in enumerate(column):
            at = f"{where}[{i}].box_caption"
            if value is not None and not isinstance(value, str):
                problems.append(problem(at, "text", value, "Use str(...)."))
            elif value and not is_utf8_encodable(value):
                problems.append(problem(at, "text that UTF-8 can hold", value, "Remove the lone surrogates."))
    return tuple(str.__str__(value) if isinstance(value, str) else None for value in column)


def scores(
    columns: Mapping[Any, Any], count: int, where: str, problems: list[Problem]
) -> dict[str, tuple[float | None, ...]]:
    """By name, n finite numbers or None each."""
    checked: dict[str, tuple[float | None, ...]] = {}
    for name, values in columns.items():
        column = _column(values, count, where, f"scores[{name!r}]", problems)
        if not isinstance(name, str):
            problems.append(problem(f"{where}.scores", "names (text)", name, "Use str(...)."))
        elif not is_utf8_encodable(name):
            hint = "Remove the lone surrogates."
            problems.append(problem(f"{where}.scores", "names that UTF-8 can hold", name, hint))
        if column is None:
            continue
        if not all_numbers(value for value in column if value is not None):
            column = list(map(as_number, column))
        if not all_numbers(value for value in column if value is not None):
            for i, value in enumerate(column):
                if value is not None and not all_numbers((value,)):
                    problems.append(problem(f"{where}[{i}].scores[{name!r}]", "a number", value, "Use float(...)."))
            continue
        numbers = floats([0.0 if value is None else value for value in column])
        for i in np.flatnonzero(~np.isfinite(numbers)).tolist():
            at, value = f"{where}[{i}].scores[{name!r}]", float(numbers[i])
            problems.append(problem(at, "a finite number", value, "Leave it out."))
        plain = str.__str__(name) if isinstance(name, str) else ""
        checked[plain] = tuple(None if raw is None else x for raw, x in zip(column, numbers.tolist(), strict=True))
    return checked


def all_numbers(values: Iterable[Any]) -> bool:
    """Whether every value is a real number and no bool, looking once at each class and not at each value."""
    return all(issubclass(kind, Real) and not issubclass(kind, bool) for kind in set(map(type, values)))


def _all_integers(values: Iterable[Any]) -> bool:
    """Whether every value is an integer or None."""
    kinds = set(map(type, values)) - {type(None)}
    return all(issubclass(kind, Integral) and not issubclass(kind, bool) for kind in kinds)


def _column(values: Any, count: int, where: str, name: str, problems: list[Problem]) -> list[Any] | None:
    if values is None:
        return None
    column = values.tolist() if hasattr(values, "tolist") else values
    if not isinstance(column, (list, tuple)) or len(column) != count:
        problems.append(problem(f"{where}.{name}", f"one for each of the {count} boxes", values, "Match the lengths."))
        return None
    return list(column) if any(value is not None for value in column) else None

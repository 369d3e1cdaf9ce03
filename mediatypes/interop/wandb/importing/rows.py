"""Rows of a log as the calls that a history is made of: numbers many at once, everything else one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from ...._core.errors import MediaTypesError, Problem, StoreError
from ....columns.arrays import Array
from ....columns.batch import Batch, Column, Values, merged
from ....columns.classify import EXACT
from ....columns.log_cells import RESERVED, Named, number_kind, read_cells
from ....formats.protobuf import Malformed
from ..run_log.items import Items, KeyTable, Path, read_items

_DIGITS = np.zeros(256, bool)
_DIGITS[list(b"-0123456789NI")] = True  # how JSON's numbers begin, and Go's NaN and Infinity
_NO_INTEGER = np.zeros(256, bool)
_NO_INTEGER[list(b".eENI")] = True
_TOKENS = {b"true": True, b"false": False, b"null": None}
_DEPTH = 64  # of dicts in each other
_LAST_STEP = 2**63 - 1
_MAX_JSON = 64 << 20  # bytes of one value; as Python objects it takes several times as much


class Decode(Protocol):
    """Makes media values of W&B's documents in nested data; what is none stays as it is."""

    def __call__(self, row: dict[str, Any], step: int) -> dict[str, Any]: ...


class Losses:
    """What could not be taken: the first of them in full, all of them counted."""

    def __init__(self, most: int = 100) -> None:
        self.problems: list[Problem] = []
        self.unlisted_count = 0
        self._most = most

    def add(self, *problems: Problem) -> None:
        """Note some."""
        free = max(self._most - len(self.problems), 0)
        self.problems += problems[:free]
        self.unlisted_count += len(problems[free:])

    def all(self) -> list[Problem]:
        """Those in full, and how many there are beyond."""
        if not self.unlisted_count:
            return list(self.problems)
        text = f"expected no more than {self._most} problems, got {self.unlisted_count} more"
        return [*self.problems, Problem("", text, "many")]


class RowReader:
    """Makes batches of history records.

    Args:
        keys: of the log.
        decode: makes media values.
        encode: places the sidecars of a media value, and returns its document.
        losses: gets what is wrong.
    """

    def __init__(self, keys: KeyTable, decode: Decode, encode: Callable[[Any], dict[str, Any]], losses: Losses) -> None:
        self.keys, self.decode, self.encode, self.losses = keys, decode, encode, losses
        self.calls, self.step = 0, -1  # so many were made; the last one's step
        self._names: list[str] = []  # joined, by the number of the key
        self._paths: dict[str, Path] = {}  # of joined keys
        self._documents: set[Path] = set()  # keys of values that are documents of W&B
        self._special: list[bool] = []  # keys of which rows are read one by one: a part of a document, or reserved
        self._step, self._time, self._runtime = (
            keys.number_of((name,)) for name in ("_step", "_timestamp", "_runtime")
        )

    def read(self, items: Items, starts: Array, ends: Array, slow: Array) -> Batch | None:
        """The batch of these history messages.

        Args:
            items: of those that are not `slow`.
            starts, ends: where the messages stand in the items' data.
            slow: (n,) bool: those that have to be read by themselves.
        """
        count = len(starts)
        if not count:
            return None
        self._name_keys()
        special = np.array(self._special, bool)[items.keys]
        single = slow.copy()
        single[items.rows[special]] = True
        steps, times = np.full(count, -1, np.int64), np.full(count, np.nan)
        columns: dict[Column, list[Values]] = {}
        plain = items
        if single.any():
            plain = items.where(~single[items.rows])
        self._read_plain(plain, steps, times, columns)
        for row in np.flatnonzero(single | (steps < 0)).tolist():
            before = int(steps[row - 1]) if row else self.step
            if single[row]:
                message = (items.data, int(starts[row]), int(ends[row]))
                steps[row], times[row] = self._read_singly(message, row, before, columns)
            steps[row] = steps[row] if steps[row] >= 0 else min(before + 1, _LAST_STEP)  # a row that names no step
        self.step = int(steps[-1])
        batch = Batch(self.calls, steps, times, {column: merged(pieces) for column, pieces in columns.items()})
        self.calls += count
        return batch

    # Many at once ---------------------------------------------------------------------------------------------------

    def _read_plain(self, items: Items, steps: Array, times: Array, columns: dict[Column, list[Values]]) -> None:
        if not len(items.rows):
            return
        is_number = _DIGITS[np.frombuffer(items.data, np.uint8)[items.starts]]
        numbers = items.where(is_number & (items.keys != self._runtime)).by_key()
        values = _numbers(items.data, numbers.starts, numbers.ends)
        edges = np.flatnonzero(np.diff(numbers.keys, prepend=-1, append=-1)).tolist()
        for first, last in pairwise(edges):
            own, group = values[first:last], numbers.where(slice(first, last))
            if (key := int(group.keys[0])) == self._step:
                inside = np.abs(own) < EXACT
                steps[group.rows[inside]] = own[inside].astype(np.int64)
                for i in np.flatnonzero(~inside).tolist():
                    steps[group.rows[i]] = _step_of(load(group.text(i)))
            elif key == self._time:
                times[group.rows] = own
            else:
                self._add_numbers(group, own, columns)
        others = items.where(~is_number)
        for i in np.argsort(others.starts).tolist():
            row = int(others.rows[i])
            self._add_other(int(others.keys[i]), row, others.text(i), int(steps[row]), columns)

    def _add_numbers(self, items: Items, values: Array, columns: dict[Column, list[Values]]) -> None:
        """Take the numbers of one key."""
        rows, key = items.rows, int(items.keys[0])
        is_whole = bool((values == np.rint(values)).all())  # perhaps all are written as integers
        is_large = np.abs(values) >= EXACT
        looked_at = np.arange(len(rows)) if is_whole else np.flatnonzero(is_large)
        are_integers = _are_integers(items.data, items.starts[looked_at], items.ends[looked_at])
        large = looked_at[are_integers & is_large[looked_at]]
        for i in large.tolist():
            self._add_other(key, int(rows[i]), items.text(i), -1, columns)
        if len(large):
            rows, values = np.delete(rows, large), np.delete(values, large)
        if len(rows):
            integral = is_whole and bool(are_integers.all())
            _add(columns, self._names[key], "number", Values(rows, values, integral))

    # One by one -----------------------------------------------------------------------------------------------------

    def _add_other(self, key: int, row: int, text: bytes, step: int, columns: dict[Column, list[Values]]) -> None:
        name = self._names[key]
        if text in _TOKENS:
            value = _TOKENS[text]
            kind = "null" if value is None else "boolean"
            _add(columns, name, kind, _single(row, kind, value))
            return
        if (value := self._load(text, name, step)) is not BAD:
            values: dict[str, Any] = {}
            put(values, self.keys.paths[key], value)
            self._add_cells(values, row, step, columns)

    def _load(self, text: bytes, name: str, step: int) -> Any:
        value = load(text)
        if value is BAD:
            self.losses.add(Problem(f"step {step}: {name}", f"expected JSON, got {text[:40]!r}", "json"))
        return value

    def _add_cells(self, values: dict[str, Any], row: int, step: int, columns: dict[Column, list[Values]]) -> None:
        problems: list[Problem] = []
        where = f"step {step}"
        try:
            cells, paths = read_cells(
                self.decode(values, step), where, self.encode, problems, keep_good=True, paths=self._paths
            )
        except (StoreError, OSError):
            raise
        except MediaTypesError as error:
            cells, paths = [], {}
            problems.append(Problem(where, str(error).rstrip("."), "row"))
        self._paths |= paths
        self.losses.add(*problems)
        self._add_named(cells, row, columns)

    def _add_named(self, cells: list[Named], row: int, columns: dict[Column, list[Values]]) -> None:
        for name, kind, value in cells:
            if kind == "number":
                kind = number_kind(value)
            _add(columns, name, kind, _single(row, kind, value))

    def _read_singly(
        self, message: tuple[bytes, int, int], row: int, before: int, columns: dict[Column, list[Values]]
    ) -> tuple[int, float]:
        """Read one row; returns its step, -1 if it names none, and its time."""
        values = self._nested(*message, before)
        step, time = _step_of(values.pop("_step", None)), values.pop("_timestamp", None)
        values.pop("_runtime", None)
        if values:
            self._add_cells(values, row, step if step >= 0 else before + 1, columns)
        return step, float(time) if type(time) in (int, float) else np.nan

    def _nested(self, data: bytes, start: int, end: int, step: int) -> dict[str, Any]:
        """The values of one row as the caller of `log` nested them."""
        values: dict[str, Any] = {}
        try:
            for item in read_items(data, start, end):
                value = item.typed if item.json is None else load(item.json)
                if value is BAD:
                    text = f"expected JSON, got {(item.json or b'')[:40]!r}"
                    self.losses.add(Problem(f"row after step {step}: {'.'.join(item.path)}", text, "json"))
                elif not put(values, item.path, value):
                    text = f"expected keys nested at most {_DEPTH} deep and of one form, got {len(item.path)} parts"
                    self.losses.add(Problem(f"row after step {step}: {'.'.join(item.path[:3])}", text, "key"))
        except Malformed as error:
            self.losses.add(Problem(f"row after step {step}", f"expected a row, got {error}", "malformed"))
        return values

    def _name_keys(self) -> None:
        for path in self.keys.paths[len(self._names) :]:
            name = ".".join(path)
            known = self._paths.setdefault(name, path) if "." in name else path
            is_odd = not all(path) or known != path or (len(path) > 1 and path[0] in RESERVED)
            if "_type" in path[1:]:
                document = path[: path.index("_type", 1)]
                self._documents.add(document)
                for number, other in enumerate(self.keys.paths[: len(self._special)]):
                    self._special[number] |= other[: len(document)] == document
            is_part = any(path[:length] in self._documents for length in range(1, len(path)))
            self._names.append(name)
            self._special.append(is_odd or is_part)


BAD: Any = object()


def put(values: dict[str, Any], path: Path, value: Any) -> bool:
    """Set a nested value; False where that cannot be: a key is both a value and a dict, or nested too deep."""
    if len(path) > _DEPTH:
        return False
    *above, last = path
    for part in above:
        inner = values.setdefault(part, {})
        if not isinstance(inner, dict):
            return False
        values = inner
    values[last] = value
    return True


def load(text: bytes) -> Any:
    """A value from JSON; `BAD` if it is none, or too large."""
    try:
        return json.loads(text) if len(text) <= _MAX_JSON else BAD
    except (ValueError, RecursionError):
        return BAD


def _numbers(data: bytes, starts: Array, ends: Array) -> Array:
    """The numbers that stand there as text; NaN for what is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from ....columns.arrow import fixed

    values = np.empty(len(starts))
    if not len(starts):
        return values
    order = np.argsort(starts)
    bounds = np.empty(2 * len(starts), np.int64)  # texts, and between them what is skipped
    bounds[0::2], bounds[1::2] = starts[order], ends[order]
    every = pa.LargeStringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(data))
    texts = every.take(fixed(np.arange(0, len(bounds) - 1, 2)))
    try:
        values[order] = np.frombuffer(pc.cast(texts, pa.float64()).buffers()[1], np.float64, len(starts))
    except pa.ArrowInvalid:  # one of them is none
        values[order] = [_number(text) for text in texts.cast(pa.large_binary()).to_pylist()]
    return values


def _number(text: bytes) -> float:
    value = load(text)
    return float(value) if type(value) in (int, float) and value is not BAD else float("nan")


def _are_integers(data: bytes, starts: Array, ends: Array) -> Array:
    """Whether numbers are written without a point and an exponent."""
    sizes = ends - starts
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    places = np.repeat(starts - bounds[:-1], sizes) + np.arange(bounds[-1])
    marks = np.concatenate([[0], np.cumsum(_NO_INTEGER[np.frombuffer(data, np.uint8)[places]], dtype=np.int64)])
    plain: Array = marks[bounds[1:]] == marks[bounds[:-1]]
    return plain


def _step_of(value: Any) -> int:
    """A step; -1 for what is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= _LAST_STEP else -1


def _add(columns: dict[Column, list[Values]], name: str, kind: str, values: Values) -> None:
    columns.setdefault((name, kind), []).append(values)


def _single(row: int, kind: str, value: Any) -> Values:
    types: dict[str, Any] = {"number": np.float64, "integer": np.int64, "boolean": np.bool_}
    calls = np.array([row], np.int64)
    if kind in types:
        return Values(calls, np.array([value], types[kind]), type(value) is int)
    integral = kind == "number_list" and all(item is None or type(item) is int for item in value)
    return Values(calls, [value], integral)

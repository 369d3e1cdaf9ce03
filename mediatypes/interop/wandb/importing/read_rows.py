"""Rows of a log as the calls that a history is made of: numbers many at once, everything else one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import Any, Protocol

import numpy as np

from ...._core.errors import MediaTypesError, Problem, StoreError
from ....columns.arrays import Array
from ....columns.batch import Batch, Column, Values, merged
from ....columns.classify import EXACT, ONE_KIND
from ....columns.log_cells import RESERVED, Named, number_kind, read_cells
from ....formats.protobuf import Malformed
from ...importing.losses import Losses
from ..run_log.items import Items, KeyTable, Path, read_items

_DIGITS = np.zeros(256, bool)
_DIGITS[list(b"-0123456789NI")] = True  # how JSON's numbers begin, and Go's NaN and Infinity
_NO_INTEGER = np.zeros(256, bool)
_NO_INTEGER[list(b".eENI")] = True
_STAMPS = (("_step",), ("_timestamp",), ("_runtime",))
_DEPTH = 64  # of dicts in each other
_LAST_STEP = 2**63 - 1
_MAX_JSON = 64 << 20  # bytes of one value; as Python objects it takes several times as much
Part = tuple[Path, Any, bytes | None]  # of a row: key, value or `BAD`, and what it was read from


class Decode(Protocol):
    """Makes media values of W&B's documents in nested data; what is none stays as it is."""

    def __call__(self, row: dict[str, Any], step: int) -> dict[str, Any]: ...


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
        is_plain = ~single[items.rows]
        self._read_plain(items.where(is_plain), steps, times, columns)
        own = items.where(np.flatnonzero(~is_plain)).in_order()
        for row in np.flatnonzero(single | (steps < 0)).tolist():
            before = int(steps[row - 1]) if row else self.step
            if single[row]:
                first, last = np.searchsorted(own.rows, (row, row + 1)).tolist()
                message = (items.data, int(starts[row]), int(ends[row]))
                parts = _read_alone(*message) if slow[row] else self._parsed(own.where(slice(first, last)))
                steps[row], times[row] = self._read_singly(parts, row, before, columns)
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
        for group, own in _numbers(items.where(is_number & (items.keys != self._runtime))):
            if (key := int(group.keys[0])) == self._step:
                inside = np.abs(own) < EXACT
                steps[group.rows[inside]] = own[inside].astype(np.int64)
                for i in np.flatnonzero(~inside).tolist():
                    steps[group.rows[i]] = _step_of(load(group.text(i)))
            elif key == self._time:
                times[group.rows] = own
            else:
                self._add_numbers(group, own, steps, columns)
        self._read_others(items.where(~is_number), steps, columns)

    def _add_numbers(self, items: Items, values: Array, steps: Array, columns: dict[Column, list[Values]]) -> None:
        """Take the numbers of one key."""
        rows, key = items.rows, int(items.keys[0])
        is_whole = bool((values == np.rint(values)).all())  # perhaps all are written as integers
        is_large = np.abs(values) >= EXACT
        looked_at = np.arange(len(rows)) if is_whole else np.flatnonzero(is_large)
        are_integers = _are_integers(items.data, items.starts[looked_at], items.ends[looked_at])
        large = looked_at[are_integers & is_large[looked_at]]
        if len(large):
            self._read_others(items.where(large), steps, columns)
            rows, values = np.delete(rows, large), np.delete(values, large)
        if len(rows):
            integral = is_whole and bool(are_integers.all())
            _add(columns, self._names[key], "number", Values(rows, values, integral))

    def _read_others(self, items: Items, steps: Array, columns: dict[Column, list[Values]]) -> None:
        items, rest = items.in_order(), list[tuple[int, int, Any]]()  # what has to be looked at one by one
        rows, texts = items.rows.tolist(), items.texts()
        for places in items.by_key():
            key, chosen = int(items.keys[places[0]]), places.tolist()
            values = load_all([texts[i] for i in chosen])
            kinds = [_kind(value) for value in values]
            for kind in filter(None, dict.fromkeys(kinds)):
                own = [i for i, one in enumerate(kinds) if one == kind]
                _add(columns, self._names[key], kind, _values(items.rows[places[own]], kind, [values[i] for i in own]))
            rest += ((i, key, value) for i, kind, value in zip(chosen, kinds, values, strict=True) if not kind)
        for i, key, value in sorted(rest, key=itemgetter(0)):
            step, path = int(steps[rows[i]]), self.keys.paths[key]
            if value is BAD:
                self.losses.add(_no_json(f"step {step}", path, texts[i]))
            else:
                nested: dict[str, Any] = {}
                put(nested, path, value)
                self._add_cells(nested, rows[i], step, columns)

    # One by one -----------------------------------------------------------------------------------------------------

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
            _add(columns, name, kind, _values(np.array([row], np.int64), kind, [value]))

    def _read_singly(
        self, parts: Iterable[Part], row: int, before: int, columns: dict[Column, list[Values]]
    ) -> tuple[int, float]:
        """Read one row; returns its step, -1 if it names none, and its time."""
        values = self._nested(parts, before)
        step, time = _step_of(values.pop("_step", None)), values.pop("_timestamp", None)
        values.pop("_runtime", None)
        if values:
            self._add_cells(values, row, step if step >= 0 else before + 1, columns)
        return step, float(time) if type(time) in (int, float) else np.nan

    def _nested(self, parts: Iterable[Part], step: int) -> dict[str, Any]:
        """The values of one row as the caller of `log` nested them."""
        values: dict[str, Any] = {}
        where = f"row after step {step}"
        try:
            for path, value, text in parts:
                if value is BAD:
                    self.losses.add(_no_json(where, path, text or b""))
                elif not put(values, path, value):
                    message = f"expected keys nested at most {_DEPTH} deep and of one form, got {len(path)} parts"
                    self.losses.add(Problem(f"{where}: {'.'.join(path[:3])}", message, "key"))
        except Malformed as error:
            self.losses.add(Problem(where, f"expected a row, got {error}", "malformed"))
        return values

    def _parsed(self, items: Items) -> Iterable[Part]:
        texts = items.texts()
        return zip(map(self.keys.paths.__getitem__, items.keys.tolist()), load_all(texts), texts, strict=True)

    def _name_keys(self) -> None:
        for path in self.keys.paths[len(self._names) :]:
            name = ".".join(path)
            known = self._paths.setdefault(name, path) if "." in name else path
            is_odd = not all(path) or known != path or (path[0] in RESERVED and path not in _STAMPS)
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


def load_all(texts: list[bytes]) -> list[Any]:
    """What `load` returns for each."""
    values = load(b"[%b]" % b",".join(texts))
    return values if values is not BAD and len(values) == len(texts) else [load(text) for text in texts]


def _read_alone(data: bytes, start: int, end: int) -> Iterator[Part]:
    """The items of one message; raises `Malformed`."""
    for item in read_items(data, start, end):
        yield item.path, item.typed if item.json is None else load(item.json), item.json


def _no_json(where: str, path: Path, text: bytes) -> Problem:
    return Problem(f"{where}: {'.'.join(path)}", f"expected JSON, got {text[:40]!r}", "json")


def _kind(value: Any) -> str:
    """The kind of a plain value, as `classify` has it; "" for what it has to look at."""
    cls = type(value)
    if cls is str:
        return "string" if value.isascii() else ""
    if cls is list:
        return "number_list" if value and set(map(type, value)) == {float} else ""
    return ONE_KIND.get(cls, "")


def _numbers(items: Items) -> Iterator[tuple[Items, Array]]:
    """Items that are numbers key by key, and these; NaN for what is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from ....columns.arrow import fixed

    items = items.in_order()
    bounds = np.empty(2 * len(items.rows), np.int64)  # texts, and between them what is skipped
    bounds[0::2], bounds[1::2] = items.starts, items.ends
    every = pa.LargeStringArray.from_buffers(max(len(bounds) - 1, 0), pa.py_buffer(bounds), pa.py_buffer(items.data))
    texts = every.take(fixed(np.arange(0, len(bounds), 2)))
    try:
        values = np.frombuffer(pc.cast(texts, pa.float64()).buffers()[1], np.float64, len(texts))
    except pa.ArrowInvalid:  # one of them is none
        values = np.array([_number(text) for text in texts.cast(pa.large_binary()).to_pylist()])
    for places in items.by_key():
        yield items.where(places), values[places]


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


def _values(rows: Array, kind: str, values: list[Any]) -> Values:
    types: dict[str, Any] = {"number": np.float64, "integer": np.int64, "boolean": np.bool_}
    if kind in types:
        return Values(rows, np.array(values, types[kind]), all(type(value) is int for value in values))
    is_whole = kind == "number_list" and all(item is None or type(item) is int for one in values for item in one)
    return Values(rows, values, is_whole)

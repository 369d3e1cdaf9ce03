"""Which columns a history has: the rule that turns keys and kinds into column names, the same for every reader.

One kind owns the bare name of a key: the first in the order of `PLAIN_KINDS`, then media by name. Further kinds get
`key#kind`. A name that differs from an earlier one only in case, or spells a field inside an earlier column (`img.path`
beside an image `img`), gets `#2`, `#3`..., because some readers cannot tell them apart. An empty list has the kind of
the key's other lists, of several the first; without any it is `json`.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any, NamedTuple

import numpy as np

from .._core.declaration import Boolean, Field, List, Record, Text
from ..columns.batch import Batch, Column, Values, merged
from ..columns.cells import inner_paths
from ..columns.log_cells import PLAIN_KINDS

FIXED = ("_step", "_timestamp", "_runtime")
LIST_KINDS = ("number_list", "string_list", "media_list", "json")  # that an empty list may have
INTEGRAL_KINDS = ("number", "number_list")  # whose integers are stored as doubles


class ColumnSpec(NamedTuple):
    """One column of `history.parquet` beside the fixed three, as the footer lists it."""

    name: str
    key: str
    kind: str
    integral: bool  # a column of numbers: all of them were integers, and are given back as such

    @classmethod
    def from_json(cls, column: dict[str, Any]) -> ColumnSpec:
        """The column that a checked object of `COLUMNS` describes, which may have members of a later version."""
        return cls(*(column[name] for name in cls._fields))


COLUMNS = List(
    Record(
        "A column: its name, key and kind.",
        (
            Field("name", Text(), "Name in the file."),
            Field("key", Text(), "The exact key."),
            Field("kind", Text(), "The kind."),
            Field("integral", Boolean(), "Whether all numbers were integers."),
        ),
    )
)


class Schema:
    """Keys and kinds in the order they were first logged.

    Args:
        taken: names that no column may have, beside the fixed three.
        given: columns that keep the name they have, as in a dataset that grows.
    """

    def __init__(self, taken: Iterable[str] = (), given: Iterable[ColumnSpec] = ()) -> None:
        self._taken = (*FIXED, *taken)  # names that no column may have
        self._given = {(spec.key, spec.kind): spec.name for spec in given}  # columns that have their name already
        self._integral: dict[Column, bool] = {(spec.key, spec.kind): spec.integral for spec in given}
        self._nan: set[Column] = set()  # columns of numbers of which some are NaN
        self._has_all_times = True
        self._empty: dict[str, set[str]] = {}  # of keys with empty lists, the kinds under which they were logged
        self._lists: dict[str, set[str]] = {}  # of keys with other lists, the kinds of these

    def copy(self) -> Schema:
        """The same, to go on with."""
        other = copy(self)
        other._integral, other._nan = dict(self._integral), set(self._nan)
        other._empty, other._lists = (
            {key: set(kinds) for key, kinds in one.items()} for one in (self._empty, self._lists)
        )
        return other

    @property
    def count(self) -> int:
        """How many keys and kinds were noted, null among these."""
        return len(self._integral)

    def add(self, batch: Batch) -> None:
        """Note the columns of a batch in the order of their first value."""
        new = [column for column in batch.columns if column not in self._integral]
        for column in sorted(new, key=lambda column: int(batch.columns[column].calls[0])):
            self._integral[column] = True
        self._has_all_times &= not np.isnan(batch.timestamps).any()
        for column, values in batch.columns.items():
            self._integral[column] &= values.integral
            if column[1] == "number" and column not in self._nan and np.isnan(values.values).any():
                self._nan.add(column)
            if column[1] in LIST_KINDS:
                self._add_lists(*column, values.values)

    def _add_lists(self, key: str, kind: str, values: Any) -> None:
        empty = sum(map(_is_empty, values))
        if empty:
            self._empty.setdefault(key, set()).add(kind)
        if empty < len(values):
            self._lists.setdefault(key, set()).add(kind)

    def add_column(self, key: str, kind: str, integral: bool) -> None:
        """Note one column, as an earlier file has it."""
        self._integral[key, kind] = self._integral.get((key, kind), True) and integral

    def finite(self, specs: Iterable[ColumnSpec]) -> set[str]:
        """The names of those columns that hold no NaN, and of the fixed ones."""
        return {spec.name for spec in specs if (spec.key, spec.kind) not in self._nan} | (
            set(FIXED) if self._has_all_times else set()
        )

    def _kind_of_empty(self, key: str) -> str:
        """The kind that empty lists of a key have."""
        kinds = self._lists.get(key, ())
        return next((kind for kind in LIST_KINDS if kind in kinds), "json")

    def settled(self, batch: Batch) -> Batch:
        """A batch, of those that were added, with its empty lists in the columns that they belong to."""
        columns = dict(batch.columns)
        for key, kinds in self._empty.items():
            target = self._kind_of_empty(key)
            pieces = [columns.pop((key, target))] if (key, target) in columns else []
            for kind in kinds - {target}:
                if values := columns.pop((key, kind), None):
                    empty = [i for i, value in enumerate(values.values) if _is_empty(value)]
                    moved = Values(values.calls[empty], ["[]" if target == "json" else [] for _ in empty], True)
                    pieces += [moved] if empty else []
                    kept = [i for i, value in enumerate(values.values) if not _is_empty(value)]
                    if kept:
                        columns[key, kind] = Values(
                            values.calls[kept], [values.values[i] for i in kept], values.integral
                        )
            if pieces:
                columns[key, target] = merged(pieces)
        return batch._replace(columns=columns)

    def _kinds(self) -> dict[str, list[str]]:
        """The kinds of each key, in the order in which they first appeared."""
        kinds: dict[str, list[str]] = {}
        for key, kind in self._integral:
            kinds.setdefault(key, []).append(kind)
        for key, empty in self._empty.items():
            target = self._kind_of_empty(key)
            gone = empty - self._lists.get(key, set()) - {target}
            kinds[key] = [kind for kind in dict.fromkeys([*kinds[key], target]) if kind not in gone]
        return kinds

    def specs(self, keys: Iterable[str] | None = None) -> list[ColumnSpec]:
        """The columns in order of their keys' first appearance; `keys` selects after names are given."""
        names = Names(self._taken)
        for (_, kind), name in self._given.items():
            names.take(name, kind)
        specs = []
        for key, kinds in self._kinds().items():
            real = [kind for kind in kinds if kind != "null"] or ["null"]
            ranked = sorted(real, key=_rank)
            bare = None if any((key, kind) in self._given for kind in real) else ranked[0]
            for kind in ranked:
                name = self._given.get((key, kind)) or names.free(key if kind == bare else f"{key}#{kind}", kind)
                integral = kind in INTEGRAL_KINDS and self._integral.get((key, kind), True)
                specs.append(ColumnSpec(name, key, kind, integral))
        if keys is None:
            return specs
        wanted = set(keys)
        return [spec for spec in specs if spec.key in wanted or spec.name in wanted]


def _is_empty(value: Any) -> bool:
    """Whether a value of a kind of lists is an empty one."""
    return value == "[]" if isinstance(value, str) else isinstance(value, (list, np.ndarray)) and not len(value)


def _rank(kind: str) -> tuple[int, str]:
    return (PLAIN_KINDS.index(kind) if kind in PLAIN_KINDS else len(PLAIN_KINDS)), kind


class Names:
    """The names that columns of a file have, whatever their case, and what is inside them; some are taken at once."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {name.lower() for name in taken}
        self._next: dict[tuple[str, tuple[str, ...]], int] = {}  # by name and what is inside: no lower number is free

    def take(self, name: str, kind: str) -> None:
        """Note a column that has this name."""
        self._taken |= {f"{name}{path}".lower() for path in inner_paths(kind)}

    def free(self, name: str, kind: str) -> str:
        """The name, or the first of name#2, name#3... that no column has, nor anything inside one; it is taken then."""
        like = (name.lower(), inner_paths(kind))
        number = self._next.get(like, 1)
        free = name if number == 1 else f"{name}#{number}"
        while not self._taken.isdisjoint(f"{free}{path}".lower() for path in like[1]):
            number += 1
            free = f"{name}#{number}"
        self._next[like] = number + 1
        self.take(free, kind)
        return free

"""Which columns a history has: the rule that turns keys and kinds into column names, the same for every reader.

One kind owns the bare name of a key: the first in the order of `PLAIN_KINDS`, then media by name; lists of numbers of
which all are empty come last, since an empty list may stand for a list of anything. Further kinds get
`key#kind`. A name that differs from an earlier one only in case, or spells a field inside an earlier column (`img.path`
beside an image `img`), gets `#2`, `#3`..., because some readers cannot tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .._core.declaration import Boolean, Field, List, Record, Text
from ..columns.batch import Batch, Column
from ..columns.cells import inner_paths
from ..columns.log_cells import PLAIN_KINDS

FIXED = ("_step", "_timestamp", "_runtime")
INTEGRAL_KINDS = ("number", "number_list")  # whose integers are stored as doubles


class ColumnSpec(NamedTuple):
    """One column of `history.parquet` beside the fixed three, as the footer lists it."""

    name: str
    key: str
    kind: str
    integral: bool  # a column of numbers: all of them were integers, and are given back as such


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
        self._filled: set[Column] = set()  # that hold more than empty lists

    def add(self, batch: Batch) -> None:
        """Note the columns of a batch in the order of their first value."""
        new = [column for column in batch.columns if column not in self._integral]
        for column in sorted(new, key=lambda column: int(batch.columns[column].calls[0])):
            self._integral[column] = True
        for column, values in batch.columns.items():
            self._integral[column] &= values.integral
            if column not in self._filled and (column[1] != "number_list" or any(values.values)):
                self._filled.add(column)

    def add_column(self, key: str, kind: str, integral: bool) -> None:
        """Note one column, as an earlier file has it."""
        self._integral[key, kind] = self._integral.get((key, kind), True) and integral

    def specs(self, keys: Iterable[str] | None = None) -> list[ColumnSpec]:
        """The columns in order of their keys' first appearance; `keys` selects after names are given."""
        kinds: dict[str, list[str]] = {}
        for key, kind in self._integral:
            kinds.setdefault(key, []).append(kind)
        taken = {name.lower() for name in self._taken}
        for (_, kind), name in self._given.items():
            taken |= {f"{name}{path}".lower() for path in inner_paths(kind)}
        specs = []
        for key, found in kinds.items():
            real = [kind for kind in found if kind != "null"] or ["null"]
            ranked = sorted(real, key=lambda kind: ((key, kind) not in self._filled, *_rank(kind)))
            bare = None if any((key, kind) in self._given for kind in real) else ranked[0]
            for kind in ranked:
                name = self._given.get((key, kind)) or free_name(key if kind == bare else f"{key}#{kind}", kind, taken)
                specs.append(ColumnSpec(name, key, kind, self._integral[key, kind] and kind in INTEGRAL_KINDS))
        if keys is None:
            return specs
        wanted = set(keys)
        return [spec for spec in specs if spec.key in wanted or spec.name in wanted]


def _rank(kind: str) -> tuple[int, str]:
    return (PLAIN_KINDS.index(kind) if kind in PLAIN_KINDS else len(PLAIN_KINDS)), kind


def free_name(name: str, kind: str, taken: set[str]) -> str:
    """The name, or the first of name#2, name#3... that no other column has, nor anything inside one."""
    inside, found, number = inner_paths(kind), name, 1
    while taken & (paths := {f"{found}{path}".lower() for path in inside}):
        number += 1
        found = f"{name}#{number}"
    taken |= paths
    return found

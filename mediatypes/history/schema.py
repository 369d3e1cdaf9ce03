"""Which columns a history has: the rule that turns keys and kinds into column names, the same for every reader.

One kind owns the bare name of a key, in the order below; further kinds get `key#kind`. A name that differs from an
earlier one only in case gets `#2`, `#3`..., because some readers cannot open such a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .scan import Batch, Column

_FIRST = ("number", "integer", "boolean", "string", "number_list", "string_list", "json")
FIXED = ("_step", "_timestamp", "_runtime")


class ColumnSpec(NamedTuple):
    """One column of `history.parquet` beside the fixed three."""

    name: str
    key: str
    kind: str
    integral: bool  # all values were integers, and are given back as such


class Schema:
    """Keys and kinds in the order they were first logged."""

    def __init__(self) -> None:
        self._integral: dict[Column, bool] = {}

    def add(self, batch: Batch) -> None:
        """Note the columns of a batch in the order of their first value."""
        new = [column for column in batch.columns if column not in self._integral]
        for column in sorted(new, key=lambda column: int(batch.columns[column].calls[0])):
            self._integral[column] = True
        for column, values in batch.columns.items():
            self._integral[column] &= values.integral

    def add_column(self, key: str, kind: str, integral: bool) -> None:
        """Note one column, as an earlier file has it."""
        self._integral[key, kind] = self._integral.get((key, kind), True) and integral

    def specs(self, keys: Iterable[str] | None = None) -> list[ColumnSpec]:
        """The columns in order of their keys' first appearance; `keys` selects after names are given."""
        kinds: dict[str, list[str]] = {}
        for key, kind in self._integral:
            kinds.setdefault(key, []).append(kind)
        taken = {name.lower() for name in FIXED}
        specs = []
        for key, found in kinds.items():
            real = [kind for kind in found if kind != "null"] or ["null"]
            for i, kind in enumerate(sorted(real, key=_rank)):
                name = _free(key if i == 0 else f"{key}#{kind}", taken)
                specs.append(ColumnSpec(name, key, kind, self._integral[key, kind]))
        if keys is None:
            return specs
        wanted = set(keys)
        return [spec for spec in specs if spec.key in wanted or spec.name in wanted]


def _rank(kind: str) -> tuple[int, str]:
    return (_FIRST.index(kind) if kind in _FIRST else len(_FIRST)), kind


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 1
    while found.lower() in taken:
        number += 1
        found = f"{name}#{number}"
    taken.add(found.lower())
    return found

"""Constructors that never stop a training: what they refuse becomes a problem of the run when it is logged."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from typing import Any

from ...._core.canonical import MAX_DEPTH
from ...._core.errors import MediaTypesError
from ....types.table.value import Table

strict = False
"""Whether values raise what is wrong with them at once; `wandb.init(strict=True)` sets it."""


class Lenient:
    """A class of values, or a function that makes one, which gives a `Refused` instead of raising.

    Args:
        make: the class or function.
        adapt: turns wandb's arguments into those of `make`.
        keep: the name of an argument that is logged instead of a value that cannot be made: the data of a chart.
    """

    def __init__(
        self, make: Any, adapt: Callable[..., tuple[tuple[Any, ...], dict[str, Any]]] | None = None, keep: str = ""
    ) -> None:
        self._make, self._adapt, self._keep = make, adapt, keep
        self.__doc__, self.__name__, self.__wrapped__ = make.__doc__, make.__name__, make

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        try:
            if self._adapt:
                arguments, options = self._adapt(*arguments, **options)
            return self._make(*map(_bytes_of, arguments), **options)
        except MediaTypesError as error:
            if strict:
                raise
            refused = Refused(error)
            if self._keep:
                kept = signature(self._make).bind(*arguments, **options).arguments.get(self._keep)
                refused.kept = kept if isinstance(kept, Table) else None
            return refused

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(self._make, type) and isinstance(value, self._make)

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._make, name)
        return Lenient(member) if callable(member) else member

    def __repr__(self) -> str:
        return repr(self._make)


class Refused(partial[Any]):
    """What a constructor refused: a function that raises its error, so that `log` records that and logs the rest."""

    error: MediaTypesError
    kept: Table | None  # what is logged all the same

    def __new__(cls, error: MediaTypesError) -> Refused:
        refused = super().__new__(cls, _fail, error)
        refused.error, refused.kept = error, None
        return refused

    def __repr__(self) -> str:
        return f"Refused({self.error})"


def _fail(error: MediaTypesError) -> Any:
    raise error


def settled(value: Any, errors: list[MediaTypesError], depth: int = MAX_DEPTH) -> Any:
    """A logged value without what was refused in lists, or kept as something else; `errors` gets why.

    Dicts below `depth` stay as they are: `log` refuses them.
    """
    if isinstance(value, Refused) and value.kept is not None:
        errors.append(value.error)
        return value.kept
    if isinstance(value, Mapping) and depth >= 0:
        return {key: settled(item, errors, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and any(isinstance(item, Refused) for item in value):
        errors += [item.error for item in value if isinstance(item, Refused)]
        return [item for item in value if not isinstance(item, Refused)]
    return value


def _bytes_of(data: Any) -> Any:
    """A file that was opened as text, as wandb's documentation does with meshes and proteins, as its bytes."""
    if isinstance(data, io.TextIOWrapper) and not str(getattr(data, "name", "")).lower().endswith((".html", ".htm")):
        return data.buffer
    return data

"""Keys under which values of several kinds are logged: they become several columns, which few people want."""

from __future__ import annotations

from collections.abc import Iterable

from .._core.errors import Problem

KINDS = "kinds"  # the code of their problems
_FAMILIES = {"integer": "number"} | dict.fromkeys(["number_list", "string_list", "media_list", "json"], "list")


class KindsOfKeys:
    """The kinds under which each key was logged; kinds that one curve or column may have count as one.

    Args:
        columns: keys and kinds that are there already.
    """

    def __init__(self, columns: Iterable[tuple[str, str]] = ()) -> None:
        self._of: dict[str, tuple[str, ...]] = {}
        self.add(columns)

    def add(self, columns: Iterable[tuple[str, str]]) -> list[Problem]:
        """Note columns; returns a problem for each key that has got a further kind."""
        split: dict[str, None] = {}
        for key, kind in columns:
            family, known = _FAMILIES.get(kind, kind), self._of.get(key, ())
            if kind != "null" and family not in known:
                self._of[key] = (*known, family)
                if known:
                    split[key] = None
        return [self._problem(key) for key in split]

    @property
    def problems(self) -> list[Problem]:
        """A problem for each key that has several kinds."""
        return [self._problem(key) for key, kinds in self._of.items() if len(kinds) > 1]

    def _problem(self, key: str) -> Problem:
        kinds = " and ".join(", ".join(sorted(self._of[key])).rsplit(", ", 1))
        hint = "All are kept, as columns of their own: log one kind under a key to have one curve."
        return Problem(f'log["{key}"]', f"expected values of one kind, got {kinds}", KINDS, hint)

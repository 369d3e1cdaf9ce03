"""What a tracker's adapter is: how each type goes into the tracker, as data, and how values are sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ..._core.registry import builtin_types

Fate = Literal["kept", "changed", "dropped"]
PLAIN = ("number", "string", "json")  # rows of the table beside the media types; json: lists and dicts


class Way(NamedTuple):
    """How a type goes into a tracker.

    `fate` is what the tracker's own reader gives back of a value with all that it can have: "kept" is an equal value,
    "changed" something of it, "dropped" nothing, which is refused. `how` says it in words. `make(value, key)` makes the
    tracker's object.
    """

    fate: Fate
    how: str
    make: Callable[[Any, str], Any] | None = None


@dataclass(frozen=True)
class Adapter:
    """A tracker: what it is called, what it takes, and how it is given.

    Attributes:
        title: the tracker's name, as people write it.
        package: what is installed with pip.
        modules: the top-level modules whose objects are targets of this tracker: `type(target).__module__`.
        ways: of every media type, and of PLAIN.
        send: is called with the target, the tracker's objects by key, and the step or None.
        hint: how to get a target.
        current: the target that the tracker has open now, None if there is none; itself None where it never has one.
        lists: whether `send` takes lists of objects; if not, each item is a key of its own: `photos/0`.
    """

    title: str
    package: str
    modules: tuple[str, ...]
    ways: Mapping[str, Way]
    send: Callable[[Any, dict[str, Any], int | None], None]
    hint: str
    current: Callable[[], Any] | None = None
    lists: bool = False


def ways(other: Way, **special: Way) -> dict[str, Way]:
    """A table of every type, in which those that are not named go the way `other`."""
    return {kind: special.get(kind, other) for kind in (*PLAIN, *builtin_types())}


def dropped(how: str) -> Way:
    """A type that the tracker has no place for."""
    return Way("dropped", how)

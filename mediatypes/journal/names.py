"""Names of journal files: `<place>-<sequence>.log`, of ranks other than 0 `rank-<rank>.<place>-<sequence>.log`."""

from __future__ import annotations

import re
from typing import Final

FIRST_CHILD: Final = 1_000_000  # from here on the ranks of processes that those of the job have started
_LOCK = re.compile(r"rank-([0-9]{4,9})\.lock")
_NAME = re.compile(r"(?:rank-([0-9]{4,9})\.)?([0-9]{4,18})-([0-9]{1,18})\.log")


def is_journal(name: str) -> bool:
    """Whether a file of this name is a journal of its folder."""
    return _NAME.fullmatch(name) is not None


def rank_of(name: str) -> int:
    """The rank that wrote a journal; 0 for a file that is none."""
    return _number(name, 1)


def place_of(name: str) -> int:
    """The place of a journal among the others of its rank; 0 for a file that is none."""
    return _number(name, 2)


def sequence_of(name: str) -> int:
    """The number of a journal's first call; 0 for a file that is none."""
    return _number(name, 3)


def _number(name: str, group: int) -> int:
    match = _NAME.fullmatch(name)
    return int(match[group] or 0) if match else 0


def name_of(place: int, sequence: int, rank: int = 0) -> str:
    """The name of a journal file."""
    return f"{rank_name(rank)}.{place:04}-{sequence}.log" if rank else f"{place:04}-{sequence}.log"


def rank_name(rank: int) -> str:
    """What names of files of a rank other than 0 begin with."""
    return f"rank-{rank:04}"


def lock_name(rank: int) -> str:
    """The name of the lock of a rank other than 0."""
    return f"{rank_name(rank)}.lock"


def rank_of_lock(name: str) -> int | None:
    """The rank whose lock has this name; None if it is another file."""
    match = _LOCK.fullmatch(name)
    return int(match[1]) if match else None

"""Names of journal files: `<place>-<sequence>.log`, say which comes first and what number its first call has."""

from __future__ import annotations

import re

_NAME = re.compile(r"([0-9]{4,18})-([0-9]{1,18})\.log")


def is_journal(name: str) -> bool:
    """Whether a file of this name is a journal of its folder."""
    return _NAME.fullmatch(name) is not None


def place_of(name: str) -> int:
    """The place of a journal among the others; 0 for a file that is none."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else 0


def sequence_of(name: str) -> int:
    """The number of a journal's first call; 0 for a file that is none."""
    found = _NAME.fullmatch(name)
    return int(found[2]) if found else 0


def name_of(place: int, sequence: int) -> str:
    """The name of a journal file."""
    return f"{place:04}-{sequence}.log"

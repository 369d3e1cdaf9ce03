"""Texts that hold a number of things."""

from __future__ import annotations


def counted(number: int, thing: str, things: str = "") -> str:
    """So many of a thing: 1 row, 2,500 rows; `things` is its plural, where that is not `thing` with an s."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"

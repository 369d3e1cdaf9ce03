"""Texts whose words depend on what they name: a number of things, the article of a name."""

from __future__ import annotations


def counted(number: int, thing: str, things: str = "") -> str:
    """So many of a thing: 1 row, 2,500 rows; `things` is its plural, where that is not `thing` with an s."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def with_article(name: str) -> str:
    """A name behind its indefinite article, by its first letter: a video, an image."""
    return f"{'an' if name[:1].lower() in tuple('aeiou') else 'a'} {name}"

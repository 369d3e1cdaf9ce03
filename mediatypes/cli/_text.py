"""Text for a terminal: values in short, and aligned tables."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any
from unicodedata import combining, east_asian_width


def clean(text: str) -> str:
    """One line that cannot move the cursor, whatever a key or a text holds."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def command(*words: object) -> str:
    """A command of ours as it is typed, also with paths that hold spaces."""
    return shlex.join(["mediatypes", *map(str, words)])


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: wide letters and pictures take two, marks none."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(letter: str) -> int:
    return 2 if east_asian_width(letter) in "WF" else int(not combining(letter) and letter != "\u200d")


def cut(text: str, width: int) -> str:
    """The text in so many columns, its end replaced by "..." if it is longer."""
    text = clean(text)
    if columns(text) <= width:
        return text
    end = "..."[: max(width, 0)]
    ends = accumulate(map(_width, text))  # columns up to each letter
    return "".join(letter for letter, reach in zip(text, ends, strict=True) if reach <= width - len(end)) + end


def pad(text: str, width: int, *, left: bool) -> str:
    """The text in so many columns, at their left or right."""
    blank = " " * (width - columns(text))
    return text + blank if left else blank + text


def shorten(value: Any) -> str:
    """A value in few letters: numbers with five digits."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.5g}" if isinstance(value, int) and abs(value) >= 10**9 else clean(str(value))


def in_bytes(size: int) -> str:
    """A number of bytes: 999 B, 12.3 kB, 4 GB."""
    unit = min(len(str(size)) - 1, 12) // 3
    return f"{size / 1000**unit:.4g} {('B', 'kB', 'MB', 'GB', 'TB')[unit]}"


def duration(seconds: float) -> str:
    """A time in two units: 0.3 s, 12.5 s, 2 min 5 s, 3 h 20 min, 2 d 5 h."""
    if seconds < 60:
        return f"{max(seconds, 0):.1f} s"
    rest = int(seconds)
    for large, length, small, unit in (("d", 86400, 3600, "h"), ("h", 3600, 60, "min"), ("min", 60, 1, "s")):
        if rest >= length:
            return f"{rest // length} {large} {rest % length // small} {unit}"
    return f"{rest} s"


def table_of(rows: Sequence[Sequence[str]], widest: Sequence[int], left: int) -> Iterator[str]:
    """Lines of a table, no column wider than `widest` allows; the first `left` columns stand at the left."""
    short = [[cut(text, width) for text, width in zip(row, widest, strict=True)] for row in rows]
    widths = [max(map(columns, column)) for column in zip(*short, strict=True)]
    for row in short:
        cells = (pad(text, width, left=i < left) for i, (text, width) in enumerate(zip(row, widths, strict=True)))
        yield " ".join(cells).rstrip()


def note(text: str) -> None:
    """Say something on stderr, in one line."""
    print("mediatypes:", clean(" ".join(text.splitlines())), file=sys.stderr)

"""Pictures of pixels in terminals that show them: kitty's protocol, and sixels.

What a terminal can is told by its environment alone: one that is asked may not answer.
"""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

_SHARP = 16  # pixels in the width of a letter, for kitty, which fits them to its letters
_CELL = (8, 16)  # pixels of a letter, where the system does not say
_CHUNK = 4096  # letters of base64 in one piece of kitty's protocol
_BAND = 6  # rows of pixels that a line of sixels has
_COLORS = 255
_KITTY, _SIXEL = ("kitty", "ghostty", "wezterm"), ("foot", "mlterm", "contour", "mintty", "sixel")


def writer() -> Callable[[Any, int, int], str] | None:
    """What writes a picture for this terminal; None if it shows no pixels.

    The function takes a PIL image and the letters that it covers, in width and height; the cursor stays where it was.
    """
    names = f"{os.environ.get('TERM', '')} {os.environ.get('TERM_PROGRAM', '')}".lower()
    if os.environ.get("TMUX") or os.environ.get("STY"):  # they pass nothing on
        return None
    if any(name in names for name in _KITTY):
        return _kitty
    return _sixel if any(name in names for name in _SIXEL) else None


def _kitty(image: Any, columns: int, rows: int) -> str:
    """As kitty's graphics protocol has it: a=T shows a PNG (f=100), C=1 leaves the cursor, q=2 is quiet."""
    small, buffer = image.convert("RGB"), io.BytesIO()
    small.thumbnail((columns * _SHARP, rows * 2 * _SHARP))
    small.save(buffer, "PNG")
    text = base64.b64encode(buffer.getvalue()).decode()
    pieces = [text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK)]
    heads = [f"a=T,f=100,C=1,q=2,c={columns},r={rows},", *[""] * (len(pieces) - 1)]
    parts = enumerate(zip(heads, pieces, strict=True), 1)
    return "".join(f"\x1b_G{head}m={int(i < len(pieces))};{piece}\x1b\\" for i, (head, piece) in parts)


def _sixel(image: Any, columns: int, rows: int) -> str:
    """As chapter 14 of the VT330/VT340 manual has it: a palette, then bands of six rows, each colour by colour."""
    import numpy as np

    wide, high = _cell()
    small = image.convert("RGB").resize((columns * wide, rows * high))
    coded = small.quantize(_COLORS)
    palette, pixels = np.array(coded.getpalette()).reshape(-1, 3), np.asarray(coded)
    used = np.unique(pixels).tolist()
    parts = [f'\x1b7\x1bP0;1q"1;1;{small.width};{small.height}']
    parts += ["#{};2;{};{};{}".format(i, *(palette[i] * 100 // 255).tolist()) for i in used]
    weights = 1 << np.arange(_BAND)[:, None]
    for top in range(0, len(pixels), _BAND):
        band = pixels[top : top + _BAND]
        lines = (
            f"#{i}" + "".join(_runs(((band == i) * weights[: len(band)]).sum(axis=0).tolist()))
            for i in np.unique(band).tolist()
        )
        parts.append("$".join(lines) + "-")
    return "".join(parts) + "\x1b\\\x1b8"


def _runs(bits: list[int]) -> Iterator[str]:
    """Columns of six pixels as letters, those that repeat with their number."""
    for value, same in groupby(bits):
        count, letter = len(list(same)), chr(63 + value)
        yield f"!{count}{letter}" if count > 3 else letter * count


def _cell() -> tuple[int, int]:
    """Pixels of a letter, as the system knows them without asking the terminal."""
    try:
        import fcntl
        import struct
        import termios

        rows, columns, wide, high = struct.unpack(
            "HHHH", fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
        )
        return max(1, wide // columns) if wide else _CELL[0], max(1, high // rows) if high else _CELL[1]
    except (ImportError, OSError, ValueError, ZeroDivisionError):
        return _CELL

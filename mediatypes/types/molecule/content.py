"""What every molecule parser returns, and the few rules they share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO, TextIOWrapper
from typing import NamedTuple

from ..._core.errors import InputError

MAX_LINES = 10_000_000  # of a file, each of which takes its time, also an empty one
ELEMENTS = tuple(  # by atomic number, from 1
    re.findall(
        "[A-Z][a-z]?",
        "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y "
        "Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os "
        "Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn "
        "Nh Fl Mc Lv Ts Og",
    )
)
SYMBOLS = frozenset((*ELEMENTS, "D"))
_DECIMAL = re.compile(r"\s*+[-+]?(?:\d++\.?\d*+|\.\d++)(?:[eE][-+]?\d++)?\s*+", re.ASCII)


class Content(NamedTuple):
    """What parsing a file tells; counts go over all models."""

    atoms: int
    models: int
    residues: int | None = None
    formula: str | None = None


def hill(counts: Mapping[str, int]) -> str | None:
    """The formula in Hill order (C, H, then by letter; without C all by letter); None if an element is unknown."""
    if not counts or not counts.keys() <= SYMBOLS:
        return None
    first = ("C", "H") if "C" in counts else ()
    order = [symbol for symbol in first if symbol in counts] + sorted(counts.keys() - set(first))
    return "".join(f"{symbol}{counts[symbol] if counts[symbol] > 1 else ''}" for symbol in order)


def common(formulas: Iterable[str | None]) -> str | None:
    """The one formula that all models have, if they do."""
    different = set(formulas)
    return different.pop() if len(different) == 1 else None


def check_lines(data: bytes) -> None:
    """Refuse more lines than `MAX_LINES`."""
    count = data.count(b"\n") + data.count(b"\r")
    if count > MAX_LINES and count - data.count(b"\r\n") > MAX_LINES:
        raise InputError.of("Molecule", f"at most {MAX_LINES} lines", "more", "Log fewer models.", "too-large")


def lines(data: bytes) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers, from 1. What is parsed is ASCII; Latin-1 reads every byte."""
    return enumerate((line.rstrip("\n") for line in TextIOWrapper(BytesIO(data), "latin-1")), 1)


def is_decimal(text: str) -> bool:
    """Whether text is a finite decimal number, as all these formats write it."""
    return _DECIMAL.fullmatch(text) is not None and math.isfinite(float(text))


def bad_line(number: int, expected: str, got: object, hint: str = "Write the file again.") -> InputError:
    """The error for one line of the file."""
    return InputError.of(f"Molecule, line {number}", expected, got, hint, "broken")


def cut(expected: str) -> InputError:
    """The error for a file that ends too early."""
    return InputError.of("Molecule", expected, "the end of the file", "The file is cut: copy it again.", "cut")


def no_atoms(expected: str, data: bytes) -> InputError:
    """The error for a file in which no atom was found."""
    return InputError.of("Molecule", expected, data[:40], "Check the file_type and the file.", "no-atoms")

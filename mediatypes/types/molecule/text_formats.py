"""pqr, gro and xyz: formats of one line for an atom, read exactly, so that an error names its line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from .content import Content, bad_line, common, cut, hill, is_decimal, lines, no_atoms

Lines = Iterator[tuple[int, str]]

_PQR_ATOM = "serial, atom, residue, chain (or none), number, x, y, z, charge and radius"
_GRO_ATOM = "residue, atom and number in 20 columns, then x, y and z"
_GRO_NAMES = 20
_XYZ_ATOM = "an element, x, y and z"
_COUNT = re.compile(r"\s*\d{1,9}\s*", re.ASCII)


def read_pqr(data: bytes) -> Content:
    """PQR: the records of PDB, separated by white space. Source: APBS manual, "PQR molecular structure format"."""
    atoms, residues, models = 0, 0, 0
    residue: list[str] | None = None
    for number, line in lines(data):
        record = line[:6].strip()
        if record == "MODEL":
            models, residue = models + 1, None
        if record not in ("ATOM", "HETATM"):
            continue
        fields = line[6:].split()
        if len(fields) not in (9, 10) or not all(map(is_decimal, fields[-5:])):
            raise bad_line(number, _PQR_ATOM, line)
        atoms += 1
        if fields[2:-5] != residue:
            residues, residue = residues + 1, fields[2:-5]
    if not atoms:
        raise no_atoms("a pqr file with ATOM or HETATM records", data)
    return Content(atoms, max(models, 1), residues)


def read_gro(data: bytes) -> Content:
    """GRO: title, count, atoms in fixed columns, box; frames follow each other. Source: GROMACS manual, "gro"."""
    atoms, residues, models = 0, 0, 0
    rows = lines(data.rstrip())
    while next(rows, None):  # the title, which may be any text
        count, names = _count(rows, "gro"), ""
        for number, line in _atoms(rows, count):
            if not all(map(is_decimal, _gro_position(line))):
                raise bad_line(number, _GRO_ATOM, line)
            if line[:10] != names:
                residues, names = residues + 1, line[:10]
        number, box = _next(rows, "the box of a gro file")
        if len(box.split()) not in (3, 9) or not all(map(is_decimal, box.split())):
            raise bad_line(number, "the 3 or 9 numbers of the box", box)
        atoms, models = atoms + count, models + 1
    if not atoms:
        raise no_atoms("a gro file with atoms", data)
    return Content(atoms, models, residues)


def read_xyz(data: bytes) -> Content:
    """XYZ: count, comment, then element and position of each atom; frames follow each other."""
    atoms = 0
    formulas: list[str | None] = []
    rows = lines(data.rstrip())
    for first in rows:
        count = _count(iter([first]), "xyz")
        _next(rows, "the comment of an xyz file")
        elements: Counter[str] = Counter()
        for number, line in _atoms(rows, count):
            fields = line.split()
            if len(fields) < 4 or not fields[0].isalnum() or not all(map(is_decimal, fields[1:4])):
                raise bad_line(number, _XYZ_ATOM, line)
            elements[fields[0]] += 1
        atoms += count
        formulas.append(hill(elements))
    if not atoms:
        raise no_atoms("an xyz file with atoms", data)
    return Content(atoms, len(formulas), formula=common(formulas))


def _gro_position(line: str) -> list[str]:
    """x, y and z: as wide as decimal points are apart, since the format allows any number of decimals."""
    point = line.find(".", _GRO_NAMES)
    width = line.find(".", point + 1) - point
    if point < 0 or width < 1:
        return [""]
    return [line[_GRO_NAMES + axis * width : _GRO_NAMES + (axis + 1) * width] for axis in range(3)]


def _count(rows: Lines, format: str) -> int:
    number, line = _next(rows, f"the number of atoms, as {format} files have it")
    if not _COUNT.fullmatch(line):
        raise bad_line(number, f"the number of atoms, as {format} files have it", line)
    return int(line)


def _atoms(rows: Lines, count: int) -> Lines:
    """The next `count` lines."""
    return (_next(rows, f"{count} atoms") for _ in range(count))


def _next(rows: Lines, expected: str) -> tuple[int, str]:
    row = next(rows, None)
    if row is None:
        raise cut(expected)
    return row

"""pqr, gro, xyz and mol2: formats of one line for an atom, read exactly, so that an error names its line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from .content import ELEMENTS, SYMBOLS, Content, bad_line, common, cut, hill, is_decimal, lines, no_atoms

Lines = Iterator[tuple[int, str]]

_PQR_ATOM = "serial, atom, residue, chain (or none), number, x, y, z, charge and radius"
_PQR_RECORD = re.compile(r"ATOM(?=\s)|HETATM(?=[\s\d*])")  # of which the first has two columns for blanks
_GRO_ATOM = "residue, atom and number in 20 columns, then x, y and z"
_GRO_NAMES = 20
_XYZ_ATOM = "an element, x, y and z"
_MOL2_ATOM = "number, name, x, y, z and atom type"
_TWO_LETTERS = frozenset(  # elements of force fields, in any case; the others have one letter
    ("CL", "BR", "SI", "SE", "CU", "FE", "ZN", "MG", "MN", "LI", "AL", "RB")
)
_GAFF_CARBON = "cu"  # of a ring of three
_ONE_LETTER = re.compile(r"[FIfi]|[CHNOSPchnosp](?!(?i:al|et|ev)$)[A-Za-z]?\*?")  # Hal, Het and Hev are no elements
_FORTRAN = str.maketrans("dD", "ee")  # which writes exponents so
_EXTENDED = re.compile(r"\bProperties=\"?(?!(?:species:S|Z:I):1:pos:R:3)", re.IGNORECASE)
_COUNT = re.compile(r"\s*\d{1,9}\s*", re.ASCII)


def read_pqr(data: bytes) -> Content:
    """PQR: the records of PDB, separated by white space. Source: APBS manual, "PQR molecular structure format"."""
    atoms, residues, models = 0, 0, 0
    residue: list[str] | None = None
    for number, line in lines(data):
        if line[:6].strip() == "MODEL":
            models, residue = models + 1, None
        if not (record := _PQR_RECORD.match(line)):
            continue
        fields = line[record.end() :].split()
        if len(fields) < 9:  # coordinates of eight columns, as in PDB, need no blanks between them
            fields = [*line[6:30].split(), *(line[start : start + 8] for start in (30, 38, 46)), *line[54:].split()]
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
        if not _is_box(box):
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
        if not first[1].strip():  # between frames
            continue
        count = _count(iter([first]), "xyz")
        number, comment = _next(rows, "the comment of an xyz file")
        if _EXTENDED.search(comment):
            raise bad_line(number, "columns that begin with species and pos", comment, "Write them in this order.")
        elements: Counter[str] = Counter()
        for number, line in _atoms(rows, count):
            fields = line.split()
            if (
                len(fields) < 4
                or not fields[0][0].isalnum()
                or not all(is_decimal(field.translate(_FORTRAN)) for field in fields[1:4])
            ):
                raise bad_line(number, _XYZ_ATOM, line)
            elements[_xyz_element(fields[0])] += 1
        atoms += count
        formulas.append(hill(elements))
    if not atoms:
        raise no_atoms("an xyz file with atoms", data)
    return Content(atoms, len(formulas), formula=common(formulas))


def _xyz_element(label: str) -> str:
    """The symbol of an atom that is named by it in any case, by its atomic number, or by it and a number (`C12`)."""
    if label.isdecimal() and label.isascii():
        return ELEMENTS[int(label) - 1] if len(label) < 4 and 0 < int(label) <= len(ELEMENTS) else label
    return label.rstrip("0123456789").capitalize()


def read_mol2(data: bytes) -> Content:
    """Tripos mol2, in which every atom is written down. Source: Tripos Mol2 file format."""
    section, row = "", 0
    starts: list[int] = []
    claims: dict[int, tuple[int, int | None]] = {}
    molecules: list[Counter[str]] = []
    bonds: list[int] = []
    for number, line in lines(data):
        if line.startswith("#"):
            continue
        if line.startswith("@<TRIPOS>"):
            section, row = line[9:].strip(), 0
            if section == "MOLECULE":
                starts.append(number)
                molecules.append(Counter())
                bonds.append(0)
        elif not molecules and line.strip():
            raise bad_line(number, "@<TRIPOS>MOLECULE", line)
        elif section == "MOLECULE":
            row += 1
            if row == 2:
                claims[len(starts) - 1] = _mol2_claims(number, line)
        elif section == "ATOM" and line.strip():
            fields = line.split()
            if len(fields) < 6 or not all(map(is_decimal, fields[2:5])):
                raise bad_line(number, _MOL2_ATOM, line)
            molecules[-1][_mol2_element(fields[5])] += 1
        elif section == "BOND":
            bonds[-1] += bool(line.strip())
    for index, start in enumerate(starts):
        if index not in claims:
            raise cut(f"the number of atoms of the molecule in line {start}")
        for claim, count, what in zip(
            claims[index], (molecules[index].total(), bonds[index]), ("atoms", "bonds"), strict=True
        ):
            if claim not in (None, count):
                raise bad_line(start, f"{claim} {what} in this molecule", count)
    atoms = sum(molecule.total() for molecule in molecules)
    if not atoms:
        raise no_atoms("a mol2 file with atoms", data)
    return Content(atoms, len(molecules), formula=common(map(hill, molecules)))


def _mol2_claims(number: int, line: str) -> tuple[int, int | None]:
    """The number of atoms, and that of bonds if it stands there."""
    counts = line.split()[:2]
    if not counts or not all(map(_COUNT.fullmatch, counts)):
        raise bad_line(number, "the numbers of atoms and bonds, as mol2 files have them", line)
    return int(counts[0]), int(counts[1]) if len(counts) > 1 else None


def _mol2_element(type: str) -> str:
    """The element of an atom type: of SYBYL (`C.ar`), GAFF (`c3`), AMBER (`CT`), or an ion (`Na+`).

    It is the type itself, which is no element, where that is not certain.
    """
    symbol = type.partition(".")[0].rstrip("0123456789+-")
    if symbol in SYMBOLS:
        return symbol
    if type[-1] in "+-" or (symbol.upper() in _TWO_LETTERS and symbol != _GAFF_CARBON):
        return symbol.capitalize()
    return symbol[:1].upper() if _ONE_LETTER.fullmatch(symbol) else type


def _is_box(line: str) -> bool:
    """Whether a line holds 3 or 9 numbers, which need no blanks between them: all have the decimals of the last."""
    numbers = line.split()
    if len(numbers) not in (3, 9):
        decimals = len(line.rstrip()) - line.rfind(".") - 1
        numbers = re.findall(rf"[^.]*\.\d{{{decimals}}}", line.rstrip()) if "." in line and decimals < 20 else []
        if sum(map(len, numbers)) != len(line.rstrip()):
            return False
    return len(numbers) in (3, 9) and all(map(is_decimal, numbers))


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

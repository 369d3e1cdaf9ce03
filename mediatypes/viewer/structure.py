"""Molecules as SVG: atoms and bonds of a small structure, seen from where it is widest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np

from .._core.wording import counted
from ..columns.arrays import Array
from ..types.molecule.value import Molecule
from .drawings import WIDE, svg

Atom = tuple[str, float, float, float]  # element and position in Angstrom
_MOST = 400  # atoms; more are drawn by the page only
_LETTERS = 2**20  # of the file: the first model stands in them, whatever else there is
_MARGIN = 14  # pixels
_NUMBER = re.compile(r"-?\d+\.\d+")
# Covalent radii in Angstrom (Cordero et al. 2008) and colours (CPK) of elements; others are as _OTHER.
_ELEMENTS = {
    "H": (0.31, "#c8ccd2"), "B": (0.84, "#e8a08c"), "C": (0.76, "#50565e"), "N": (0.71, "#3a5fd8"),
    "O": (0.66, "#d9362b"), "F": (0.57, "#4fb34f"), "Si": (1.11, "#b8926a"), "P": (1.07, "#e58a22"),
    "S": (1.05, "#d2ab16"), "Cl": (1.02, "#3f9c3f"), "Se": (1.20, "#c77d1a"), "Br": (1.20, "#96352c"),
    "I": (1.39, "#7a3a9c"),
}  # fmt: skip
_OTHER = (1.4, "#c45a9e")
_SLACK = 1.25  # atoms are bound up to this multiple of the sum of their radii


def molecule(value: Molecule) -> str | None:
    """The first model of a molecule; None if it has too many atoms, or its format is not read without a package.

    Bonds are drawn between atoms that are as near as bonds are; all of them single.
    """
    read = _READERS.get(value.format)
    if read is None or value.atoms // value.models > _MOST:
        return None
    try:
        atoms = list(islice(read(value.read_text()[:_LETTERS]), _MOST + 1))
    except (ValueError, IndexError):  # written in a way that only the packages of the format read
        return None
    places = np.array([atom[1:] for atom in atoms], np.float64).reshape(-1, 3)
    if not 0 < len(atoms) <= _MOST or not (np.abs(places) < 1e6).all():
        return None
    kinds = [_ELEMENTS.get(atom[0], _OTHER) for atom in atoms]
    bonds = _bonds(places, np.array([radius for radius, _ in kinds]))
    flat, scale = _project(places)
    drawn = [(min(flat[a, 2], flat[b, 2]), _line(flat[a], flat[b])) for a, b in bonds]
    drawn += [(flat[i, 2], _ball(flat[i], radius * scale, color)) for i, (radius, color) in enumerate(kinds)]
    content = "".join(text for _, text in sorted(drawn, key=lambda part: float(part[0])))
    high = float(flat[:, 1].max()) + _MARGIN
    more = f", the first of {value.models} models" if value.models > 1 else ""
    return svg(content, f"{value.formula or ''} {counted(len(atoms), 'atom')}{more}".strip(), high)


def _bonds(places: Array, radii: Array) -> list[tuple[int, int]]:
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    near = (apart < _SLACK * (radii[:, None] + radii)) & (apart > 0.1)
    hydrogen = radii == _ELEMENTS["H"][0]
    near &= ~(hydrogen[:, None] & hydrogen)
    return list(zip(*(side.tolist() for side in np.nonzero(np.triu(near))), strict=True))


def _project(places: Array) -> tuple[Array, float]:
    """Pixels and depths (n, 3) of positions, along their principal axes, the shortest towards us; pixels for each
    Angstrom."""
    centred = places - places.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2] if len(places) > 1 else np.eye(3)
    turned = centred @ axes.T
    turned = np.pad(turned, ((0, 0), (0, 3 - turned.shape[1])))
    wide, high = np.ptp(turned[:, 0]), np.ptp(turned[:, 1])
    scale = min(60.0, (WIDE - 2 * _MARGIN) / max(wide, high, 1e-9))
    flat = (turned - turned.min(axis=0)) * scale + _MARGIN
    flat[:, 0] += (WIDE - 2 * _MARGIN - wide * scale) / 2
    return flat, scale


def _line(one: Array, other: Array) -> str:
    ends = f'x1="{one[0]:.1f}" y1="{one[1]:.1f}" x2="{other[0]:.1f}" y2="{other[1]:.1f}"'
    return f'<line {ends} stroke="#8a9099" stroke-width="3" stroke-linecap="round"/>'


def _ball(place: Array, radius: float, color: str) -> str:
    size = min(_MARGIN - 2.0, max(1.5, 0.4 * radius))
    edge = 'stroke="#fff" stroke-width="0.8"'
    return f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="{size:.1f}" fill="{color}" {edge}/>'


def _element(label: str) -> str:
    """The element of a label such as C12, CL or Na+."""
    return label.strip().strip("0123456789+-").capitalize()


def _first(label: str) -> str:
    """The element of an atom's name such as CA or 2HB, which may be of one letter only."""
    return label.strip("0123456789 ")[:1].upper()


def _pdb(text: str) -> Iterator[Atom]:
    for line in text.splitlines():
        if line.startswith("ENDMDL"):
            return
        if line.startswith(("ATOM", "HETATM")):
            element = _element(line[76:78]) or _first(line[12:16])
            yield element, float(line[30:38]), float(line[38:46]), float(line[46:54])


def _pqr(text: str) -> Iterator[Atom]:
    for line in text.splitlines():
        if line.startswith("ENDMDL"):
            return
        if line.startswith(("ATOM", "HETATM")):
            fields = line[6:].split()
            yield _first(fields[1]), *_position(fields[-5:-2])


def _xyz(text: str) -> Iterator[Atom]:
    lines = text.lstrip().splitlines()
    for line in lines[2 : 2 + int(lines[0])]:
        fields = line.split()
        yield _element(fields[0]), *_position([field.replace("D", "e").replace("d", "e") for field in fields[1:4]])


def _mol(text: str) -> Iterator[Atom]:
    lines = text.splitlines()
    if "V3000" in lines[3]:
        raise ValueError("another form")
    for line in lines[4 : 4 + int(lines[3][:3])]:
        yield _element(line[31:34]), *_position([line[:10], line[10:20], line[20:30]])


def _mol2(text: str) -> Iterator[Atom]:
    for line in text.partition("@<TRIPOS>ATOM")[2].splitlines()[1:]:
        if line.startswith("@"):
            return
        if fields := line.split():
            yield _element(fields[5].partition(".")[0]), *_position(fields[2:5])


def _gro(text: str) -> Iterator[Atom]:
    lines = text.splitlines()
    for line in lines[2 : 2 + int(lines[1])]:
        x, y, z = (10 * float(number) for number in _NUMBER.findall(line[20:])[:3])  # nm
        yield _first(line[10:15]), x, y, z


def _position(fields: list[str]) -> tuple[float, float, float]:
    x, y, z = map(float, fields)
    return x, y, z


_READERS: dict[str, Callable[[str], Iterator[Atom]]] = {
    "pdb": _pdb, "pqr": _pqr, "xyz": _xyz, "sdf": _mol, "sd": _mol, "mol": _mol, "mol2": _mol2, "gro": _gro,
}  # fmt: skip

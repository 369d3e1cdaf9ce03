"""sdf and mol, read with RDKit one record at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..._core.deps import need
from .content import Content, bad_line, common, cut, hill, lines, no_atoms

Record = tuple[int, str]  # number of its first line, text


def read_sdf(data: bytes) -> Content:
    """MDL molfiles (V2000, V3000), each ended by $$$$ where there are several. Source: CTfile formats, BIOVIA."""
    chem = rdkit("rdkit.Chem", "Molecule of an sdf file")
    molecules = []
    for record in sdf_records(data):
        mol = _parse(chem.MolFromMolBlock, record, "sdf", "M  END")
        mol.UpdatePropertyCache(strict=False)  # counts the hydrogens that a molfile leaves out
        molecules.append((mol.GetNumAtoms(), formula_of(mol)))
    return _content(molecules, "an sdf file with atoms", data)


def formula_of(mol: Any) -> str | None:
    """The formula with implicit hydrogens, without charge."""
    counts = Counter(atom.GetSymbol() for atom in mol.GetAtoms())
    counts["H"] += sum(atom.GetTotalNumHs() for atom in mol.GetAtoms())
    return hill(+counts)


def sdf_records(data: bytes) -> Iterator[Record]:
    """The molfiles of an sdf file: a record ends with $$$$, which a single one need not have."""
    start, rows = 1, list[str]()
    for number, line in lines(data):
        if line.startswith("$$$$"):
            yield start, "\n".join(rows)
            start, rows = number + 1, []
        else:
            rows.append(line)
    if any(map(str.strip, rows)):
        if start > 1:
            raise cut(f"$$$$ after the molecule in line {start}")
        yield start, "\n".join(rows)


def _parse(parser: Any, record: Record, format: str, ending: str) -> Any:
    number, text = record
    with rdkit("rdkit.rdBase", "Molecule").BlockLogs():
        mol = parser(text + "\n", sanitize=False, removeHs=False)
    if mol is None:
        got = f"{text.count(chr(10)) + 1} lines starting {text[:24]!r}"
        raise bad_line(number, f"a molecule in {format} format", got)
    return mol


def _content(molecules: list[tuple[int, str | None]], expected: str, data: bytes) -> Content:
    atoms = sum(count for count, _ in molecules)
    if not atoms:
        raise no_atoms(expected, data)
    return Content(atoms, len(molecules), formula=common(formula for _, formula in molecules))


def rdkit(module: str, needed_for: str) -> Any:
    """A module of RDKit, imported on first use."""
    return need(module, extra="mol", needed_for=needed_for)

"""pdb and the three spellings of CIF, read with gemmi; coordinates are checked here, which gemmi takes as they come."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

from ..._core.deps import need
from ..._core.errors import InputError
from .content import Content, bad_line, common, cut, hill, is_decimal, lines, no_atoms

_LINE = re.compile(r"(?:line |data:)(\d+)")
_ATOMS = ("ATOM", "HETATM")
_PDB_COLUMNS = (slice(30, 38), slice(38, 46), slice(46, 54))
_POSITIONS = ("_atom_site.Cartn_", "_atom_site_fract_", "_atom_site_Cartn_")
_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d{0,9}\s*)+", re.ASCII)


def read_pdb(data: bytes) -> Content:
    """PDB: ATOM and HETATM records, in models or bare. Source: wwPDB format 3.3."""
    gemmi = _gemmi("pdb")
    atoms = _check_pdb(data)
    try:
        content = _count(gemmi.read_pdb_string(data))
    except (RuntimeError, ValueError) as error:
        raise _broken("pdb", data, error) from error
    if content.atoms != atoms:  # gemmi stops at the first END, as viewers do
        hint = "Put each model between MODEL and ENDMDL, and END last."
        raise InputError.of("Molecule", f"{atoms} atoms before the END", content.atoms, hint, "broken")
    return content


def _check_pdb(data: bytes) -> int:
    """The number of atom records, all with positions."""
    atoms, number, model, line, atom, before = 0, 0, 0, "", "", ""
    for number, line in lines(data):
        record = line[:6].strip().upper()
        if record in _ATOMS:
            atoms, atom, before = atoms + 1, line, atom
            if not all(is_decimal(line[column]) for column in _PDB_COLUMNS):
                raise bad_line(number, "x, y and z in columns 31 to 54", line)
        elif record in ("MODEL", "ENDMDL"):
            model = number if record == "MODEL" else 0
    if not atoms:
        raise no_atoms("a pdb file with ATOM or HETATM records", data)
    if model:
        raise cut(f"ENDMDL for the MODEL in line {model}")
    _check_last_line(data, number, line, max(len(atom.rstrip()), len(before.rstrip())))
    return atoms


def _check_last_line(data: bytes, number: int, line: str, length: int) -> None:
    """Refuse an atom that was cut off; that END is missing proves nothing, since many writers leave it out."""
    is_atom = any(name.startswith(line[:6].strip().upper()) for name in _ATOMS)
    if is_atom and len(line.rstrip()) < length and not data.endswith((b"\n", b"\r")):
        raise cut(f"the rest of line {number}")


def read_cif(data: bytes) -> Content:
    """CIF: macromolecules (mmCIF) and crystals; data blocks without atoms are passed over."""
    gemmi = _gemmi("cif")
    try:
        document = gemmi.cif.read_string(data)
        found = [_read_block(gemmi, block) for block in document]
    except (RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _broken("cif", data, error) from error
    contents = [content for content in found if content]
    if not contents:
        raise no_atoms("a cif file with positions of atoms (_atom_site.Cartn_x or _atom_site_fract_x)", data)
    residues = [content.residues for content in contents if content.residues is not None]
    return Content(
        sum(content.atoms for content in contents),
        sum(content.models for content in contents),
        sum(residues) if residues else None,
        common(content.formula for content in contents),
    )


def _read_block(gemmi: Any, block: Any) -> Content | None:
    """The content of a data block; None if it has no atoms."""
    prefix = next((prefix for prefix in _POSITIONS if len(block.find_values(f"{prefix}x"))), None)
    if prefix is None:
        return None
    atoms = len(block.find_values(f"{prefix}x"))
    for tag in (f"{prefix}{axis}" for axis in "xyz"):
        _check_column(gemmi, block.find_values(tag), tag, atoms)
    if "." in prefix:
        content = _count(gemmi.make_structure_from_block(block))
        if content.atoms != atoms:  # gemmi takes no atom where a column that it needs is missing
            expected = f"{atoms} atoms with element, chain, residue and atom names"
            raise InputError.of("Molecule, _atom_site", expected, content.atoms, "Write the file again.", "broken")
        return content
    # a crystal's file lists the sites of its asymmetric unit, so that only the declared formula is that of the whole
    return Content(atoms, 1, formula=_declared(gemmi.cif.as_string(block.find_value("_chemical_formula_sum") or "?")))


def _check_column(gemmi: Any, column: Any, tag: str, length: int) -> None:
    if len(column) != length:
        raise InputError.of(f"Molecule, {tag}", f"{length} numbers", len(column), "Write the file again.", "broken")
    for row, value in enumerate(column):
        if not math.isfinite(gemmi.cif.as_number(value)):
            raise InputError.of(f"Molecule, {tag}[{row}]", "a number", value, "Remove or repair the atom.", "broken")


def _declared(formula: str) -> str | None:
    if not _FORMULA.fullmatch(formula):
        return None
    counts: Counter[str] = Counter()
    for symbol, count in re.findall(r"([A-Z][a-z]?)(\d*)", formula):
        counts[symbol] += int(count or 1)
    return hill(counts)


def _count(structure: Any) -> Content:
    atoms = sum(model.count_atom_sites() for model in structure)
    residues = sum(len(chain) for model in structure for chain in model)
    return Content(atoms, len(structure), residues, common(map(_formula, structure)))


def _formula(model: Any) -> str | None:
    """The formula of a model, of each residue in the first of its alternative conformations."""
    elements: Counter[str] = Counter()
    first: dict[tuple[str, str], str] = {}
    for site in model.all():
        atom, altloc = site.atom, site.atom.altloc
        if altloc == "\0" or first.setdefault((site.chain.name, str(site.residue.seqid)), altloc) == altloc:
            elements[atom.element.name] += 1
    return hill(elements)


def _broken(format: str, data: bytes, error: Exception) -> InputError:
    """What gemmi says, on the line where it says it."""
    found = _LINE.search(str(error))
    hint = f"gemmi says: {str(error).splitlines()[0].partition(': ')[2].rstrip('.:')}."
    if not found:
        return InputError.of("Molecule", f"a {format} file", data[:40], hint, "broken")
    number = int(found[1])
    text = next((line for at, line in lines(data) if at == number), "the end of the file")
    return bad_line(number, f"a {format} file", text, hint)


def _gemmi(format: str) -> Any:
    return need("gemmi", extra="mol", needed_for=f"Molecule of a {format} file")

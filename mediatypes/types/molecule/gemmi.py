"""pdb and the three spellings of CIF, read with gemmi; coordinates are checked here, which gemmi takes as they come."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..._core.deps import need
from ..._core.errors import InputError
from .content import SYMBOLS, Content, bad_line, common, cut, hill, is_decimal, lines, no_atoms

_MAX_BLOCKS = 2**15  # of a CIF: gemmi compares the name of each with all others
_BLOCK = re.compile(rb"^data_", re.MULTILINE | re.IGNORECASE)
_LINE = re.compile(r"(?:line |data:)(\d+)")
_ATOMS = ("ATOM", "HETATM")
_MODEL_ENDS = ("ENDMDL", "END")
_PDB_COLUMNS = (slice(30, 38), slice(38, 46), slice(46, 54))
_CHARGE = re.compile(r"(?:[0-9][-+]|[-+][0-9])?", re.ASCII)
_POSITIONS = ("_atom_site.Cartn_{}", "_atom_site_fract_{}", "_atom_site_Cartn_{}", "_atom_site.fract_{}")
_COMPONENT_POSITIONS = (  # of a ligand: as it was observed, as computed, and as refinement programs write them
    *("_chem_comp_atom.model_Cartn_{}", "_chem_comp_atom.pdbx_model_Cartn_{}_ideal", "_chem_comp_atom.{}"),
)
_NEEDED = {"id": "0", "type_symbol": "?", "label_alt_id": "."}  # by gemmi; not by other programs
_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d{0,9}\s*)+", re.ASCII)


def read_pdb(data: bytes) -> Content:
    """PDB: ATOM and HETATM records, in models or bare. Source: wwPDB format 3.3.

    END ends a model as ENDMDL does, which many programs write. What old files have in columns 73 to 80 is passed over.
    """
    gemmi = _gemmi("pdb")
    if b"\r" in data:  # as old Macs end lines, which gemmi does not
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    atoms, is_regular = _check_pdb(data)
    try:
        content = _count(gemmi.read_pdb_string(data if is_regular else "\n".join(_regular_pdb(data))))
    except (RuntimeError, ValueError) as error:
        raise _broken("pdb", data, error) from error
    if content.atoms != atoms:
        raise InputError.of("Molecule", f"{atoms} atoms", content.atoms, "gemmi passed over the others.", "broken")
    return content


def _check_pdb(data: bytes) -> tuple[int, bool]:
    """The number of atom records, all with positions, and whether gemmi reads the file as all other programs do."""
    atoms, number, model, line, atom, before = 0, 0, 0, "", "", ""
    is_regular, is_ended, models = True, False, set[str]()
    for number, line in lines(data):
        record = line[:6].strip().upper()
        if record in _ATOMS:
            atoms, atom, before = atoms + 1, line, atom
            if not all(is_decimal(line[column]) for column in _PDB_COLUMNS):
                raise bad_line(number, "x, y and z in columns 31 to 54", line)
            is_regular = is_regular and not is_ended and _element_columns(line) >= len(line.rstrip()[:80])
        elif record == "MODEL":
            is_regular = is_regular and not model and line[6:] not in models
            model = number
            models.add(line[6:])
        elif record in _MODEL_ENDS:
            model, is_ended = 0, is_ended or record == "END"
    if not atoms:
        raise no_atoms("a pdb file with ATOM or HETATM records", data)
    if model:
        raise cut(f"ENDMDL or END for the MODEL in line {model}")
    _check_last_line(data, number, line, max(len(atom.rstrip()), len(before.rstrip())))
    return atoms, is_regular


def _regular_pdb(data: bytes) -> Iterator[str]:
    """The atoms of a pdb file in models with numbers of their own."""
    models, is_open = 0, False
    for _, line in lines(data):
        record = line[:6].strip().upper()
        if is_open and record in ("MODEL", *_MODEL_ENDS):
            yield "ENDMDL"
            is_open = False
        elif record in _ATOMS:
            if not is_open:
                models, is_open = models + 1, True
                yield f"MODEL     {models:4}"
            yield line[: _element_columns(line)]
        elif record == "TER":
            yield line
    yield "ENDMDL"


def _element_columns(line: str) -> int:
    """The column up to which a line holds element and charge (77 to 80); old files have other text there."""
    element, charge = line[76:78].strip(), line[78:80].strip()
    if element and element.capitalize() not in SYMBOLS:
        return 72
    return 80 if _CHARGE.fullmatch(charge) else 78 if element else 72


def _check_last_line(data: bytes, number: int, line: str, length: int) -> None:
    """Refuse an atom that was cut off; that END is missing proves nothing, since many writers leave it out."""
    is_atom = any(name.startswith(line[:6].strip().upper()) for name in _ATOMS)
    if is_atom and len(line.rstrip()) < length and not data.endswith((b"\n", b"\r")):
        raise cut(f"the rest of line {number}")


def read_cif(data: bytes) -> Content:
    """CIF: macromolecules (mmCIF) and crystals; data blocks without atoms are passed over."""
    gemmi = _gemmi("cif")
    if (blocks := sum(1 for _ in _BLOCK.finditer(data))) > _MAX_BLOCKS:
        raise InputError.of("Molecule", f"at most {_MAX_BLOCKS} data blocks", blocks, "Log fewer.", "too-large")
    try:
        document = gemmi.cif.read_string(data)
        contents = [content for block in document if (content := _read_block(gemmi, block))]
        if not contents:  # beside a structure, descriptions of its ligands are no molecules of their own
            contents = [content for block in document if (content := _read_component(gemmi, block))]
    except (RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _broken("cif", data, error) from error
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
    tags = next((tags for tags in map(_axes, _POSITIONS) if len(block.find_values(tags[0]))), None)
    if tags is None:
        return None
    atoms = len(block.find_values(tags[0]))
    for tag in tags:
        _check_column(gemmi, block.find_values(tag), tag, atoms)
    if tags[0].startswith("_atom_site.Cartn"):
        loop = block.find_loop(tags[0]).get_loop()
        for name, value in _NEEDED.items():
            if loop is not None and not len(block.find_values(f"_atom_site.{name}")):
                loop.add_columns([f"_atom_site.{name}"], value)
        content = _count(gemmi.make_structure_from_block(block))
        if content.atoms != atoms:  # gemmi takes no atom where a column that it needs is missing
            expected = f"{atoms} atoms with element, chain, residue and atom names"
            raise InputError.of("Molecule, _atom_site", expected, content.atoms, "Write the file again.", "broken")
        return content
    # a crystal's file lists the sites of its asymmetric unit, so that only the declared formula is that of the whole
    return Content(atoms, 1, formula=_declared(gemmi.cif.as_string(block.find_value("_chemical_formula_sum") or "?")))


def _read_component(gemmi: Any, block: Any) -> Content | None:
    """A ligand or residue as the wwPDB describes it, with all its hydrogens; None if the block has no positions."""
    given = [tags for tags in map(_axes, _COMPONENT_POSITIONS) if len(block.find_values(tags[0]))]
    symbols = block.find_values("_chem_comp_atom.type_symbol")
    if not given:
        return None
    complete = (
        tags
        for tags in given
        if all(math.isfinite(gemmi.cif.as_number(value)) for tag in tags for value in block.find_values(tag))
    )
    for tag in next(complete, given[0]):
        _check_column(gemmi, block.find_values(tag), tag, len(symbols))
    formula = hill(Counter(gemmi.cif.as_string(symbol).capitalize() for symbol in symbols))
    return Content(len(symbols), 1, 1, formula)


def _axes(form: str) -> list[str]:
    return [form.format(axis) for axis in "xyz"]


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
    said = str(error).splitlines()[0].rstrip(".:")
    place = _LINE.search(said)
    if not place:
        return InputError.of("Molecule", f"a {format} file", data[:40], f"gemmi says: {said}.", "broken")
    number, said = int(place[1]), said[place.end() :].partition(": ")[2]
    text = next((line for at, line in lines(data) if at == number), "the end of the file")
    return bad_line(number, f"a {format} file", text, f"gemmi says: {said}.")


def _gemmi(format: str) -> Any:
    return need("gemmi", extra="mol", needed_for=f"Molecule of a {format} file")

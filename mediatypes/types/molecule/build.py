"""Molecules made with RDKit: SMILES or a Mol to the text of a PDB file, the same each time."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import PurePath
from typing import Any, NamedTuple

from ..._core.deps import is_instance
from ..._core.errors import InputError, Problem, Verbatim, problem, raise_all
from ..._core.inputs import is_path, read_blob
from ...columns.arrays import as_integer
from .files import unpack
from .rdkit import formula_of, rdkit, sdf_records

MAX_SMILES = 10_000
MAX_ATOMS = 500  # in 3D, with hydrogens: embedding takes 2.5 s for 300 atoms and 22 s for 600
MAX_FLAT_ATOMS = 1000  # drawn flat: the layout takes 4 s for 1000 and 25 s for 2000
_MAX_ITERATIONS = 100_000
_SEED = 42
_ATTEMPTS = 10
_GAP = 3.0  # angstrom between molecules that do not touch
_FLAT = "Pass convert_to_3d_and_optimize=False for a flat structure."


class Built(NamedTuple):
    """The text of a PDB file, and the formula with the hydrogens that a flat structure leaves out."""

    pdb: str
    formula: str | None


def check_options(where: str, iterations: Any, **flags: Any) -> int:
    """The number of iterations; raises all that is wrong with the options at once."""
    problems: list[Problem] = [
        problem(f"{where}.{name}", "True or False", flag, "Use bool(...).")
        for name, flag in flags.items()
        if not isinstance(flag, bool)
    ]
    number = as_integer(iterations)
    if number is None or not 0 <= number <= _MAX_ITERATIONS:
        name = f"{where}.mmff_optimize_molecule_max_iterations"
        problems.append(problem(name, f"an integer from 0 to {_MAX_ITERATIONS}", iterations, "200 is the default."))
    raise_all(problems)
    return number or 0


def parse_smiles(smiles: Any, sanitize: bool) -> Any:
    """The Mol of a SMILES, or an `InputError` with RDKit's explanation."""
    where = "Molecule.from_smiles.data"
    if not isinstance(smiles, str) or not smiles.strip():
        raise InputError.of(where, "a SMILES string that is not empty", smiles, "Pass 'CCO', for example.", "smiles")
    if len(smiles) > MAX_SMILES or not smiles.isprintable():
        got = f"{len(smiles)} characters" if len(smiles) > MAX_SMILES else smiles
        raise InputError.of(where, f"one line of at most {MAX_SMILES} characters", got, "Pass one molecule.", "smiles")
    chem = rdkit("rdkit.Chem", "Molecule.from_smiles")
    mol, said = _captured(chem.MolFromSmiles, smiles, sanitize=sanitize)
    if mol is None or not mol.GetNumAtoms():
        raise InputError.of(where, "a valid SMILES string", smiles, said, "smiles")
    return mol


def read_mol(data: Any) -> Any:
    """The Mol that `from_rdkit` gets, or the one molecule of a .mol or .sdf file."""
    where = "Molecule.from_rdkit.data_or_path"
    if is_instance(data, "rdkit.Chem.rdchem", "Mol"):
        if not data.GetNumAtoms():
            raise InputError.of(where, "a molecule with atoms", "0 atoms", "Check how it was made.", "no-atoms")
        return data
    suffix = PurePath(os.fsdecode(data)).suffix.lower() if is_path(data) else ""
    if suffix not in (".mol", ".sdf"):
        raise InputError.of(where, "an RDKit Mol or the path of a .mol or .sdf file", data, "Use Molecule(...).")
    chem = rdkit("rdkit.Chem", "Molecule.from_rdkit")
    blob = read_blob(data, where)
    records = list(sdf_records(unpack(blob, InputError))) if blob is not None else []
    if len(records) != 1:
        raise InputError.of(where, "one molecule", f"{len(records)} molecules", "Use Molecule(path) to keep them all.")
    mol, said = _captured(chem.MolFromMolBlock, records[0][1] + "\n", removeHs=False)
    if mol is None or not mol.GetNumAtoms():
        raise InputError.of(where, "a molecule that RDKit reads", os.fsdecode(data), said, "broken")
    return mol


def build(mol: Any, where: str, in_3d: bool, iterations: int) -> Built:
    """The PDB text of a molecule: embedded with a fixed seed in 3D, or with its own or flat positions."""
    chem = rdkit("rdkit.Chem", where)
    with rdkit("rdkit.rdBase", where).BlockLogs():
        mol = chem.Mol(mol)
        mol.UpdatePropertyCache(strict=False)  # these two: for molecules that were not sanitized
        chem.GetSymmSSSR(mol)
        formula = formula_of(mol)
        if in_3d:
            mol = _embed(chem.AddHs(mol), where, iterations)
        elif not mol.GetNumConformers():
            _draw_flat(mol, where)
        _check_positions(mol, where)
        return Built(chem.MolToPDBBlock(mol), formula)


def _draw_flat(mol: Any, where: str) -> None:
    if mol.GetNumAtoms() > MAX_FLAT_ATOMS:
        hint = "Give the Mol positions and pass it to from_rdkit, or log a structure file."
        raise InputError.of(where, f"at most {MAX_FLAT_ATOMS} atoms to draw flat", mol.GetNumAtoms(), hint, "too-large")
    rdkit("rdkit.Chem.rdDepictor", where).Compute2DCoords(mol)


def _check_positions(mol: Any, where: str) -> None:
    """Positions fit the eight columns of a PDB file: RDKit writes wider ones into their neighbours."""
    for conformer in mol.GetConformers():
        positions = conformer.GetPositions()
        low, high = float(positions.min()), float(positions.max())
        if not (low > -999.9995 and high < 9999.9995):  # also for NaN
            hint = "Move it to the origin, or log a structure file of another format."
            got = Verbatim(f"positions from {low:g} to {high:g}")
            raise InputError.of(where, "positions from -999.999 to 9999.999 angstrom", got, hint, "range")


def _embed(mol: Any, where: str, iterations: int) -> Any:
    """Positions by ETKDG version 3, then MMFF94 where it has parameters for all atoms (for boron, say, it has none)."""
    if mol.GetNumAtoms() > MAX_ATOMS:
        got = f"{mol.GetNumAtoms()} atoms with hydrogens"
        raise InputError.of(where, f"at most {MAX_ATOMS} atoms for a 3D structure", got, _FLAT, "too-large")
    chem = rdkit("rdkit.Chem", where)
    geometry = rdkit("rdkit.Chem.rdDistGeom", where)
    fields = rdkit("rdkit.Chem.rdForceFieldHelpers", where)
    try:
        for random in (False, True):  # random starting positions are slower, and find what the others do not
            options = geometry.ETKDGv3()
            options.randomSeed, options.maxIterations, options.useRandomCoords = _SEED, _ATTEMPTS, random
            if geometry.EmbedMolecule(mol, options) == 0:
                break
        else:
            raise InputError.of(where, "a molecule with a 3D structure", "none that RDKit finds", _FLAT, "embed")
        _set_apart(mol, chem.GetMolFrags(mol))
        if fields.MMFFHasAllMoleculeParams(mol):
            fields.MMFFOptimizeMolecule(mol, maxIters=iterations)
    except RuntimeError as error:  # how RDKit reports what it did not foresee
        said = str(error).strip().partition("\n")[0]
        raise InputError.of(where, "a molecule with a 3D structure", said, _FLAT, "embed") from error
    return mol


def _set_apart(mol: Any, fragments: tuple[tuple[int, ...], ...]) -> None:
    """Put the parts of a salt or mixture side by side; RDKit leaves all of them at the origin, inside each other."""
    conformer = mol.GetConformer()
    positions = conformer.GetPositions()
    for before, fragment in pairwise(map(list, fragments)):
        positions[fragment, 0] += positions[before, 0].max() + _GAP - positions[fragment, 0].min()
    conformer.SetPositions(positions)


def _captured(parse: Any, text: str, **options: Any) -> tuple[Any, str]:
    """What a parser of RDKit returns, and the first line of what it would have printed."""
    base = rdkit("rdkit.rdBase", "Molecule")
    with base.BlockLogs(), base.CaptureErrorLog() as log:
        mol = parse(text, **options)
    said = log.messages.strip().partition("\n")[0].partition("] ")[2]
    return mol, f"RDKit says: {said}." if said else "RDKit gives no reason."

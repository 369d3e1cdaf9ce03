"""Molecules: SMILES to a stored structure, and files parsed and counted, against the plain path without checks."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import mediatypes as mt

from .harness import Contender, benchmark, load, timed

_SMILES = (
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "CC1(C(N2C(S1)C(C2=O)NC(=O)Cc3ccccc3)C(=O)O)C",
)


def _from_smiles(smiles: str) -> None:
    mt.encode(mt.Molecule.from_smiles(smiles), mt.MemoryStore())


def _plain_smiles(smiles: str) -> None:
    """What W&B does: hydrogens, an unseeded embedding, MMFF94, PDB text; and the hash of the file."""
    chem, all_chem = load("rdkit.Chem"), load("rdkit.Chem.AllChem")
    mol = chem.AddHs(chem.MolFromSmiles(smiles))
    all_chem.EmbedMolecule(mol)
    all_chem.MMFFOptimizeMolecule(mol, maxIters=200)
    hashlib.sha256(chem.MolToPDBBlock(mol).encode()).hexdigest()


def _each(work: Any, items: tuple[Any, ...]) -> None:
    for item in items:
        work(item)


@benchmark("molecule-smiles", "Molecule.from_smiles of 4 drugs, stored", needs=("rdkit", "gemmi"))
def smiles(scratch: Path) -> list[Contender]:
    return [
        Contender("from_smiles", timed(partial(_each, _from_smiles, _SMILES))),
        Contender("RDKit, unchecked", timed(partial(_each, _plain_smiles, _SMILES))),
    ]


@benchmark("molecule-sdf", "Molecule of an sdf file of 200 molecules, parsed, counted and stored", needs=("rdkit",))
def sdf(scratch: Path) -> list[Contender]:
    path = Path(load("rdkit.RDConfig").RDDataDir) / "NCI" / "first_200.props.sdf"
    return [
        Contender("Molecule", timed(lambda: mt.encode(mt.Molecule(path), mt.MemoryStore()))),
        Contender("read and hash", timed(lambda: hashlib.sha256(path.read_bytes()).hexdigest())),
    ]

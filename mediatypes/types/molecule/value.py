"""Molecule: a chemical structure in one of the formats of the field."""

from __future__ import annotations

from typing import Any, Self

from ..._core.declaration import Document, Field, Integer, Text, reference
from ..._core.errors import CodecError, InputError, Problem, collect, raise_all
from ..._core.inputs import text
from ..._core.value import FileValue
from ..._core.wording import counted
from . import build as _build
from .files import FORMATS, file_type, read_file, unpack

MOLECULE = Document(
    "molecule",
    "1.0",
    "A chemical structure. Its file is the user's, byte for byte, gzipped or not; the counts go over all models.",
    (
        *reference("the structure file"),
        Field("format", Text(choices=FORMATS), "File format; media_type tells whether it is gzipped.", column=True),
        Field("atoms", Integer(1), "Atoms in the file, over all models.", column=True),
        Field(
            "models",
            Integer(1),
            "Models, frames or molecules in the file; of a PDB file also what END ends.",
            column=True,
        ),
        Field(
            "residues", Integer(1), "Residues over all models, where the format has them.", required=False, column=True
        ),
        Field(
            "formula",
            Text(min_length=1),
            "Formula in Hill order, if all models have the same and their elements are known.",
            required=False,
            column=True,
        ),
        Field("smiles", Text(min_length=1), "The SMILES that it was made from.", required=False, column=True),
        Field("caption", Text(), "Text shown with the molecule.", required=False),
    ),
)


class Molecule(FileValue):
    """A chemical structure: a file that was parsed and counted, and is kept byte for byte.

    Args:
        data_or_path: a path, whose extension tells the format (any case; `.gz` may follow it); an open file, bytes,
            BytesIO or text of several lines, with `file_type` where there is no file name.
        caption: text shown with the molecule.
        file_type: "pdb" (or "ent"), "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "mol", "mol2", "gro", "mmtf" or "xyz".

    pqr, gro, mol2 and xyz are read without a package; the others with the extra `mol`: gemmi (pdb and the CIFs), RDKit
    (sdf, sd, mol), msgpack (mmtf). A file may have 256 MiB, unzipped, and ten million lines. A stored molecule is
    decoded without them.

    Raises:
        InputError: no such file, unknown format, no atoms, or content not of the format, with its line if known.
        MissingDependencyError: the extra `mol` is not installed.

    >>> molecule = Molecule("3\\nwater\\nO 0 0 0.12\\nH 0 0.76 -0.48\\nH 0 -0.76 -0.48\\n", file_type="xyz")
    >>> molecule.atoms, molecule.formula
    (3, 'H2O')
    """

    _declaration = MOLECULE
    format: str
    atoms: int
    models: int
    residues: int | None
    formula: str | None
    smiles: str | None

    def __init__(self, data_or_path: Any, caption: str | None = None, file_type: str | None = None) -> None:
        problems: list[Problem] = []
        file = collect(problems, read_file, data_or_path, file_type)
        self._set(_caption=collect(problems, text, caption, "Molecule.caption"))
        raise_all(problems)
        blob, format, content = file
        self._set(_blob=blob, _format=format)
        self._set(**{f"_{name}": count for name, count in content._asdict().items()})

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Self:
        """A molecule from SMILES, as a PDB file, which viewers show with hydrogens; the SMILES keeps the bond orders.

        Args:
            data: a SMILES string of 1 to 10 000 characters.
            caption: text shown with the molecule.
            sanitize: check valences and aromaticity.
            convert_to_3d_and_optimize: add hydrogens and find a 3D structure (ETKDG version 3 with a fixed seed, then
                MMFF94 where it has parameters), of at most 500 atoms; False draws the heavy atoms flat, at most 1000.
            mmff_optimize_molecule_max_iterations: steps of MMFF94, 0 to 100 000.

        The same SMILES gives the same bytes with the same RDKit.

        Raises:
            InputError: an empty, too long or invalid SMILES, or no 3D structure found.
            MissingDependencyError: the extra `mol` is not installed.

        >>> ethanol = Molecule.from_smiles("CCO")
        >>> ethanol.atoms, ethanol.formula, ethanol.smiles
        (9, 'C2H6O', 'CCO')
        """
        where, in_3d, iterations = (
            "Molecule.from_smiles",
            convert_to_3d_and_optimize,
            mmff_optimize_molecule_max_iterations,
        )
        iterations = _build.check_options(where, iterations, sanitize=sanitize, convert_to_3d_and_optimize=in_3d)
        mol = _build.parse_smiles(data, sanitize)
        return cls._from_built(_build.build(mol, where, in_3d, iterations), caption)._replace(_smiles=str.__str__(data))

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Self:
        """A molecule from an RDKit `Mol`, or the path of a .mol or .sdf file with one molecule, as a PDB file.

        Args:
            data_or_path: the `Mol` or path. `Molecule(path)` keeps the file itself instead.
            caption: text shown with the molecule.
            convert_to_3d_and_optimize: add hydrogens and find a new 3D structure, as in `from_smiles`; False keeps
                the positions of all conformers, or draws a molecule that has none flat.
            mmff_optimize_molecule_max_iterations: steps of MMFF94, 0 to 100 000.

        Raises:
            InputError: not such a molecule or file, several molecules in it, or no 3D structure found.
            MissingDependencyError: the extra `mol` is not installed.

        >>> from rdkit import Chem
        >>> Molecule.from_rdkit(Chem.MolFromSmiles("O")).formula
        'H2O'
        """
        where, in_3d, iterations = (
            "Molecule.from_rdkit",
            convert_to_3d_and_optimize,
            mmff_optimize_molecule_max_iterations,
        )
        iterations = _build.check_options(where, iterations, convert_to_3d_and_optimize=in_3d)
        return cls._from_built(_build.build(_build.read_mol(data_or_path), where, in_3d, iterations), caption)

    @classmethod
    def _from_built(cls, built: _build.Built, caption: str | None) -> Self:
        return cls(built.pdb.encode(), caption, "pdb")._replace(_formula=built.formula)

    def read_text(self) -> str:
        """The unzipped file as text: UTF-8, or Latin-1 where it is not. Raises `InputError` for mmtf."""
        if self.format == "mmtf":
            raise InputError.of("Molecule.read_text", "a text format", "mmtf", "Use to_bytes().", "format")
        data = unpack(self._sidecar(), CodecError)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("latin-1")

    def _facts(self) -> list[str]:
        return [counted(self.atoms, "atom"), self.format, *([f"formula={self.formula!r}"] if self.formula else [])]

    def _file_type(self) -> tuple[str, str]:
        return file_type(self._sidecar(), self.format)

"""Molecule: a chemical structure in one of the formats of the field."""

from __future__ import annotations

from typing import Any, Self

from ..._core.declaration import Document, Field, Integer, Text, reference
from ..._core.errors import CodecError, InputError
from ..._core.inputs import text
from ..._core.sidecar import Blob, Sink, Source, fetch
from ..._core.value import Value
from . import build as _build
from .content import Content
from .files import FORMATS, MoleculeFile, read_file, unpack

MOLECULE = Document(
    "molecule",
    "1.0",
    "A chemical structure. Its file is the user's, byte for byte, gzipped or not; the counts go over all models.",
    (
        *reference("the structure file"),
        Field("format", Text(choices=FORMATS), "File format; media_type tells whether it is gzipped.", column=True),
        Field("atoms", Integer(1), "Atoms in the file.", column=True),
        Field("models", Integer(1), "Models, frames or molecules in the file.", column=True),
        Field("residues", Integer(1), "Residues, where the format has them.", required=False, column=True),
        Field("formula", Text(min_length=1), "Hill formula, when all models have one.", required=False, column=True),
        Field("smiles", Text(min_length=1), "The SMILES that it was made from.", required=False, column=True),
        Field("caption", Text(), "Text shown with the molecule.", required=False),
    ),
)


class Molecule(Value):
    """A chemical structure: a file that was parsed and counted, and is kept byte for byte.

    Args:
        data_or_path: a path, whose extension tells the format (any case; `.gz` may follow it); an open file, bytes,
            BytesIO or text of several lines, with `file_type` where there is no file name.
        caption: text shown with the molecule.
        file_type: "pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "mol", "mol2", "gro", "mmtf" or "xyz".

    pqr, gro and xyz are read without a package; the others with the extra `mol`: gemmi (pdb and the CIFs), RDKit
    (sdf, sd, mol, mol2), msgpack (mmtf). A file may have 256 MiB, unzipped. A stored molecule is decoded without them.

    Raises:
        InputError: no such file, unknown format, no atoms, or content not of the format, with its line if known.
        MissingDependencyError: the extra `mol` is not installed.

    >>> molecule = Molecule("3\\nwater\\nO 0 0 0.12\\nH 0 0.76 -0.48\\nH 0 -0.76 -0.48\\n", file_type="xyz")
    >>> molecule.atoms, molecule.formula
    (3, 'H2O')
    """

    declaration = MOLECULE
    _file: MoleculeFile
    _content: Content
    _smiles: str | None

    def __init__(self, data_or_path: Any, caption: str | None = None, file_type: str | None = None) -> None:
        file, content = read_file(data_or_path, file_type)
        self._set(_file=file, _content=content, _smiles=None, _caption=text(caption, "Molecule.caption"))

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
                MMFF94 where it has parameters), of at most 500 atoms; False draws the heavy atoms flat.
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
        _build.check_options(where, iterations, sanitize=sanitize, convert_to_3d_and_optimize=in_3d)
        mol = _build.parse_smiles(data, sanitize)
        return cls._from_built(_build.build(mol, where, in_3d, iterations), caption)._replace(_smiles=data)

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
        _build.check_options(where, iterations, convert_to_3d_and_optimize=in_3d)
        return cls._from_built(_build.build(_build.read_mol(data_or_path), where, in_3d, iterations), caption)

    @classmethod
    def _from_built(cls, built: _build.Built, caption: str | None) -> Self:
        made = cls(built.pdb.encode(), caption, "pdb")
        return made._replace(_content=made._content._replace(formula=built.formula))

    @property
    def atoms(self) -> int:
        """Atoms in the file, over all models."""
        return self._content.atoms

    @property
    def models(self) -> int:
        """Models, frames or molecules in the file."""
        return self._content.models

    @property
    def residues(self) -> int | None:
        """Residues over all models; None for a format without residues."""
        return self._content.residues

    @property
    def formula(self) -> str | None:
        """Formula of a model in Hill order; None if models differ or elements are not known."""
        return self._content.formula

    @property
    def format(self) -> str:
        """File format: pdb, mmcif, sdf..."""
        return self._file.format

    @property
    def smiles(self) -> str | None:
        """The SMILES that the molecule was made from."""
        return self._smiles

    def to_bytes(self) -> bytes:
        """The file as it was given."""
        return self._file.blob.read()

    def read_text(self) -> str:
        """The unzipped file as text: UTF-8, or Latin-1 where it is not. Raises `InputError` for mmtf."""
        if self.format == "mmtf":
            raise InputError.of("Molecule.read_text", "a text format", "mmtf", "Use to_bytes().", "format")
        data = unpack(self._file.blob, CodecError)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("latin-1")

    def __repr__(self) -> str:
        parts = [f"{self.atoms} atoms", self.format]
        parts += [f"formula={self.formula!r}"] if self.formula is not None else []
        parts += [f"caption={self._caption!r}"] if self._caption is not None else []
        return f"Molecule({', '.join(parts)})"

    def _encode(self, sink: Sink) -> dict[str, Any]:
        document: dict[str, Any] = self._file.blob.place(sink, self._file.suffix, self._file.media_type)
        fields = {"format": self.format, **self._content._asdict(), "smiles": self._smiles, "caption": self._caption}
        return document | {name: item for name, item in fields.items() if item is not None}

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        made = cls.__new__(cls)
        blob = Blob(fetch(source, document, "molecule"), document["sha256"])
        residues = document.get("residues")
        made._set(
            _file=MoleculeFile(blob, document["format"], document["media_type"]),
            _content=Content(
                int(document["atoms"]),
                int(document["models"]),
                None if residues is None else int(residues),
                document.get("formula"),
            ),
            _smiles=document.get("smiles"),
            _caption=document.get("caption"),
        )
        return made

"""Molecule: files of every format are counted, kept byte for byte, or refused with the line that is wrong."""

# ruff: noqa: E501 - one case a line, with its whole message

from __future__ import annotations

import gzip
import io
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gemmi
import msgpack
import numpy as np
import pytest
import rdkit
from hypothesis import given, settings
from hypothesis import strategies as st
from mmtf.api.mmtf_writer import MMTFEncoder
from rdkit import Chem, RDConfig, rdBase
from rdkit.Chem import rdDistGeom

import mediatypes as mt
from mediatypes.testing import ValueContract
from mediatypes.types.molecule import files as molecule_files
from mediatypes.types.molecule.content import hill

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
PEPTIDE = "ACDEFGHIK"
NCI = Path(RDConfig.RDDataDir) / "NCI" / "first_200.props.sdf"
SCAFFOLD = Path(rdkit.__file__).parent / "Contrib" / "FreeWilson" / "data" / "CHEMBL2321810_scaffold.mol"
NAME = "a file name that ends in one of .pdb, .pqr, .mmcif, .mcif, .cif, .sdf, .sd, .mol, .mol2, .gro, .mmtf, .xyz"
FORMATS = "pdb, pqr, mmcif, mcif, cif, sdf, sd, mol, mol2, gro, mmtf, xyz"

BENZENE_MOL2 = """# written by hand
@<TRIPOS>MOLECULE
benzene
6 6 1 0 0
SMALL
NO_CHARGES

@<TRIPOS>ATOM
1 C1 1.207 2.091 0.000 C.ar 1 BENZENE 0.000
2 C2 2.414 1.394 0.000 C.ar 1 BENZENE 0.000
3 C3 2.414 0.000 0.000 C.ar 1 BENZENE 0.000
4 C4 1.207 -0.697 0.000 C.ar 1 BENZENE 0.000
5 C5 0.000 0.000 0.000 C.ar 1 BENZENE 0.000
6 C6 0.000 1.394 0.000 C.ar 1 BENZENE 0.000
@<TRIPOS>BOND
1 1 2 ar
2 2 3 ar
3 3 4 ar
4 4 5 ar
5 5 6 ar
6 6 1 ar
"""
SALT_CIF = """data_salt
_cell_length_a 5.64
_cell_length_b 5.64
_cell_length_c 5.64
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
_chemical_formula_sum 'Cl Na'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na1 0 0 0
Cl1 0.5(2) 0.5 0.5
"""
WATER_GRO = """two waters, t = 0.0
    6
    1SOL     OW    1   0.126   1.624   1.679  0.1227 -0.0580  0.0434
    1SOL    HW1    2   0.190   1.661   1.747  0.8085  0.3191 -0.7791
    1SOL    HW2    3   0.177   1.568   1.613 -0.9045 -2.6469  1.3180
    2SOL     OW    4   1.275   0.053   0.622  0.2519  0.3140 -0.1734
    2SOL    HW1    5   1.337   0.002   0.680 -1.0641 -1.1349  0.0257
    2SOL    HW2    6   1.326   0.120   0.568  1.9427 -0.8216 -0.0244
   1.82060   1.82060   1.82060
"""
ALANINE_PQR = """REMARK   two residues
ATOM      1  N   ALA A   1      46.457  12.189  21.556  0.1414 1.8240
ATOM      2  CA  ALA A   1      47.614  11.997  22.448  0.0962 1.9080
HETATM10000  O   HOH       2      -1.000 -11.997  22.448 -0.8340 1.6612
TER
END
"""


@cache
def aspirin() -> Any:
    mol = Chem.AddHs(Chem.MolFromSmiles(ASPIRIN))
    assert rdDistGeom.EmbedMolecule(mol, randomSeed=7) == 0
    return mol


@cache
def peptide() -> gemmi.Structure:
    mol = Chem.MolFromSequence(PEPTIDE)
    with rdBase.BlockLogs():  # it would like hydrogens
        assert rdDistGeom.EmbedMolecule(mol, randomSeed=7) == 0
    structure = gemmi.read_pdb_string(Chem.MolToPDBBlock(mol))
    structure.setup_entities()
    structure.name = "peptide"
    return structure


@cache
def mmtf(models: int = 1) -> bytes:
    """The peptide as the reference encoder writes it."""
    encoder = MMTFEncoder()
    residues = [residue for chain in peptide()[0] for residue in chain]
    atoms = sum(map(len, residues))
    encoder.init_structure(0, atoms * models, len(residues) * models, models, models, "TEST")
    encoder.set_xtal_info("P 1", [1.0, 1.0, 1.0, 90.0, 90.0, 90.0])
    encoder.set_header_info(*[None] * 7)
    for model in range(models):
        encoder.set_model_info(model, 1)
        encoder.set_chain_info("A", "A", len(residues))
        encoder.set_entity_info([model], PEPTIDE, "", "polymer")
        for residue in residues:
            number = residue.seqid.num or 0
            encoder.set_group_info(residue.name, number, "\x00", "PEPTIDE", len(residue), 0, "A", number - 1, -1)
            for atom in residue:
                x, y, z = atom.pos.tolist()
                encoder.set_atom_info(
                    atom.name, atom.serial, "\x00", x, y, z, 1.0, 0.0, atom.element.name.capitalize(), 0
                )
    encoder.finalize_structure()
    packed: Any = encoder.get_msgpack()
    return bytes(packed)


@cache
def files() -> dict[str, bytes]:
    """A small valid file of every format."""
    molfile = Chem.MolToMolBlock(aspirin())
    cif = peptide().make_mmcif_document().as_string()
    texts = {
        "pdb": peptide().make_pdb_string(),
        "pqr": ALANINE_PQR,
        "mmcif": cif,
        "mcif": SALT_CIF,
        "cif": SALT_CIF,
        "sdf": f"{molfile}> <name>\naspirin\n\n$$$$\n",
        "sd": Chem.MolToV3KMolBlock(aspirin()) + "$$$$\n",
        "mol": molfile,
        "mol2": BENZENE_MOL2,
        "gro": WATER_GRO,
        "xyz": Chem.MolToXYZBlock(aspirin()),
    }
    return {**{format: text.encode() for format, text in texts.items()}, "mmtf": mmtf()}


ATOMS = Chem.MolFromSequence(PEPTIDE).GetNumAtoms()
COUNTS = {  # atoms, models, residues, formula
    "pdb": (ATOMS, 1, 9, None),
    "pqr": (3, 1, 2, None),
    "mmcif": (ATOMS, 1, 9, None),
    "mcif": (2, 1, None, "ClNa"),
    "cif": (2, 1, None, "ClNa"),
    "sdf": (21, 1, None, "C9H8O4"),
    "sd": (21, 1, None, "C9H8O4"),
    "mol": (21, 1, None, "C9H8O4"),
    "mol2": (6, 1, None, "C6"),
    "gro": (6, 1, 2, None),
    "xyz": (21, 1, None, "C9H8O4"),
    "mmtf": (ATOMS, 1, 9, None),
}


def heavy_formula() -> str:
    """Of the peptide's atoms that are written, which are not its hydrogens."""
    symbols = [atom.GetSymbol() for atom in Chem.MolFromSequence(PEPTIDE).GetAtoms()]
    found = hill({symbol: symbols.count(symbol) for symbol in symbols})
    assert found is not None
    return found


def counted(molecule: mt.Molecule) -> tuple[Any, ...]:
    return molecule.atoms, molecule.models, molecule.residues, molecule.formula


def refusal(make: Callable[[], Any]) -> str:
    with pytest.raises(mt.InputError) as caught:
        make()
    return str(caught.value)


class TestMoleculeContract(ValueContract):
    def examples(self) -> dict[str, Any]:
        examples = {
            format: mt.Molecule(data, caption=f"a {format} file", file_type=format) for format, data in files().items()
        }
        return {
            "gzipped": mt.Molecule(gzip.compress(files()["pdb"], mtime=0), file_type="pdb"),
            "smiles": mt.Molecule.from_smiles("CCO", caption=""),
            "rdkit": mt.Molecule.from_rdkit(Chem.MolFromSmiles("[Na+].[Cl-]")),
            "200 molecules": mt.Molecule(NCI),
            **examples,
        }

    def bad_documents(self) -> dict[str, Any]:
        return {
            "no atoms": ({"atoms": 0}, "atoms: expected an integer >= 1, got 0."),
            "format": (
                {"format": "PDB"},
                f"format: expected one of {FORMATS}, got 'PDB'.",
            ),
        }


@pytest.mark.parametrize("format", COUNTS)
def test_a_file_is_counted_and_kept(format: str) -> None:
    data = files()[format]
    molecule = mt.Molecule(data, file_type=format)
    expected = COUNTS[format]
    if format in ("pdb", "mmcif", "mmtf"):
        expected = (*expected[:3], heavy_formula())
    assert counted(molecule) == expected
    assert molecule.format == format
    assert molecule.to_bytes() == data
    assert molecule.smiles is None


@pytest.mark.parametrize("format", COUNTS)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_the_extension_tells_the_format_in_any_case(format: str, ending: str, tmp_path: Path) -> None:
    data = gzip.compress(files()[format], mtime=0) if ending else files()[format]
    path = tmp_path / f"m.{format}{ending}".upper()
    path.write_bytes(data)
    store = mt.MemoryStore()
    document = mt.encode(mt.Molecule(path), store)
    assert document["format"] == format
    assert document["path"].endswith(f".{format}{ending}")
    assert (document["media_type"] == "application/gzip") == bool(ending)
    assert store.files[document["path"]] == data


@pytest.mark.parametrize("format", COUNTS)
@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, io.BytesIO])
def test_bytes_in_any_buffer_are_read(format: str, make: Any) -> None:
    assert mt.Molecule(make(files()[format]), file_type=format.upper()).to_bytes() == files()[format]


def test_text_and_open_files_are_read(tmp_path: Path) -> None:
    data = files()["xyz"]
    (tmp_path / "m.xyz").write_bytes(data)
    expected = mt.Molecule(tmp_path / "m.xyz")
    assert mt.Molecule(str(tmp_path / "m.xyz")) == expected
    assert mt.Molecule(data.decode(), file_type="xyz") == expected
    assert mt.Molecule(io.StringIO(data.decode()), file_type="xyz") == expected
    for mode in ("r", "rb"):
        with open(tmp_path / "m.xyz", mode) as file:
            assert mt.Molecule(file) == expected


def test_an_explicit_format_wins_over_the_file_name(tmp_path: Path) -> None:
    (tmp_path / "m.ent").write_bytes(files()["pdb"])
    assert mt.Molecule(tmp_path / "m.ent", file_type="pdb").atoms == ATOMS


def test_gzip_is_recognised_by_content(tmp_path: Path) -> None:
    (tmp_path / "m.pdb").write_bytes(gzip.compress(files()["pdb"]))
    molecule = mt.Molecule(tmp_path / "m.pdb")
    assert molecule.atoms == ATOMS
    assert molecule.read_text().encode() == files()["pdb"]


def test_real_files_are_counted() -> None:
    mols = list(Chem.SDMolSupplier(str(NCI), sanitize=False, removeHs=False))
    assert counted(mt.Molecule(NCI)) == (sum(mol.GetNumAtoms() for mol in mols), 200, None, None)
    assert counted(mt.Molecule(SCAFFOLD)) == (17, 1, None, None)  # its R groups have no element


def test_a_molfile_counts_hydrogens_that_it_leaves_out_into_the_formula() -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
    assert counted(mt.Molecule(block, file_type="mol")) == (3, 1, None, "C2H6O")


@pytest.mark.parametrize("format", ["pdb", "mmcif", "sdf", "mol2", "gro", "xyz", "cif"])
def test_models_are_counted(format: str) -> None:
    one = files()[format]
    formula = heavy_formula() if format in ("pdb", "mmcif") else COUNTS[format][3]
    if format in ("pdb", "mmcif"):
        structure = peptide().clone()
        for number in range(2, 4):
            model = peptide()[0].clone()
            model.num = number
            structure.add_model(model)
        text = structure.make_pdb_string() if format == "pdb" else structure.make_mmcif_document().as_string()
        three = text.encode()
    elif format == "cif":
        three = b"".join(one.replace(b"data_salt", b"data_salt%d" % i) for i in range(3))
    else:
        three = one * 3
    atoms, _, residues, _ = COUNTS[format]
    assert counted(mt.Molecule(three, file_type=format)) == (3 * atoms, 3, residues and 3 * residues, formula)


def test_models_of_pqr_and_mmtf_are_counted() -> None:
    pqr = "".join(f"MODEL {i}\n{ALANINE_PQR.replace('END', 'ENDMDL')}" for i in (1, 2))
    assert counted(mt.Molecule(pqr, file_type="pqr")) == (6, 2, 4, None)
    assert counted(mt.Molecule(mmtf(2), file_type="mmtf")) == (2 * ATOMS, 2, 18, None)


def test_alternative_locations_are_one_atom_of_the_formula() -> None:
    line = "HETATM    1  O  {}HOH A   1       1.000   2.000   3.000  0.50 10.00           O  \n"
    assert counted(mt.Molecule(line.format("A") + line.format("B"), file_type="pdb")) == (2, 1, 1, "O")


def test_wide_gro_columns_are_read() -> None:
    wide = re.sub(r"(\d+\.\d{3})(?!\d)", r"\g<1>11", WATER_GRO.split("  0.1227")[0])
    first = f"{wide}\n".replace("    6\n", "    1\n")
    assert mt.Molecule(first + "   1.0   1.0   1.0\n", file_type="gro").atoms == 1


@pytest.mark.parametrize(
    ("counts", "formula"),
    [
        ({"O": 4, "H": 8, "C": 9}, "C9H8O4"),
        ({"O": 1, "H": 2}, "H2O"),
        ({"Na": 1, "Cl": 1}, "ClNa"),
        ({"C": 1}, "C"),
        ({"Br": 1, "C": 1, "B": 2}, "CB2Br"),
        ({"C": 1, "X": 1}, None),
        ({}, None),
    ],
)
def test_formulas_are_in_hill_order(counts: dict[str, int], formula: str | None) -> None:
    assert hill(counts) == formula


def test_text_is_read_as_utf8_or_latin1() -> None:
    for comment in ("café", "caf\xe9"):
        assert comment in mt.Molecule(f"1\n{comment}\nC 0 0 0\n", file_type="xyz").read_text()
    latin = "1\ncafé\nC 0 0 0\n".encode("latin-1")
    assert mt.Molecule(latin, file_type="xyz").read_text() == "1\ncafé\nC 0 0 0\n"
    message = refusal(mt.Molecule(mmtf(), file_type="mmtf").read_text)
    assert message == "Molecule.read_text: expected a text format, got 'mmtf'. Use to_bytes()."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("CCO",), f"Molecule: expected {NAME} (or that and .gz), got 'CCO'. Pass file_type=, or use Molecule.from_smiles(...) for a SMILES."),
        (("x/none.pdb",), "Molecule: expected an existing file, got 'x/none.pdb'. Check the path."),
        (("ATOM", None, "pdb"), "Molecule: expected an existing file, got 'ATOM'. One line is a path: check it, or pass a file's content as bytes, or a SMILES to Molecule.from_smiles(...)."),
        (("https://files/1crn.pdb",), "Molecule: expected a file on this machine, got 'https://files/1crn.pdb'. Download it and pass its path."),
        ((b"1\n\nC 0 0 0",), f"Molecule.file_type: expected the format of data that has no file name, got None. Pass one of {FORMATS}."),
        (("1\n\nC 0 0 0",), f"Molecule.file_type: expected the format of data that has no file name, got None. Pass one of {FORMATS}."),
        ((b"1", None, ".pdb"), f"Molecule.file_type: expected one of {FORMATS}, got '.pdb'. Name the format of the data."),
        ((b"1", None, 3), f"Molecule.file_type: expected one of {FORMATS}, got 3. Name the format of the data."),
        ((3, None, "pdb"), "Molecule: expected a path, bytes, text or an open file, got 3. See help(mediatypes.Molecule)."),
        ((b"1\n\nC 0 0 0", 3, "xyz"), "Molecule.caption: expected text, got 3. Use str(...)."),
        (("1\n\ud800\nC 0 0 0", None, "xyz"), "Molecule: expected text that UTF-8 can hold, got '1\\n\\ud800\\nC 0 0 0'. Remove the lone surrogates."),
    ],
)  # fmt: skip
def test_other_arguments_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    assert refusal(lambda: mt.Molecule(*arguments)) == message


def test_a_mol_is_pointed_to_from_rdkit() -> None:
    message = refusal(lambda: mt.Molecule(Chem.MolFromSmiles("C"), file_type="pdb"))
    assert message.endswith("Use Molecule.from_rdkit(mol).")


def test_a_binary_file_opened_as_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.mmtf").write_bytes(mmtf())
    with open(tmp_path / "m.mmtf", encoding="utf-8") as file:
        message = refusal(lambda: mt.Molecule(file))
    assert message.startswith("Molecule: expected a file that reads text, got ")
    assert message.endswith(". Open it with mode 'rb'.")


def nth_line(text: str, number: int, new: str) -> bytes:
    rows = text.splitlines()
    rows[number - 1] = new
    return "\n".join(rows).encode() + b"\n"


PDB_ATOM = "ATOM      1  N   ALA A   1      12.131  -0.044   1.572  1.00  0.00           N  \n"
NUMBERS = "serial, atom, residue, chain (or none), number, x, y, z, charge and radius"
AGAIN = "Write the file again."
CUT = "got 'the end of the file'. The file is cut: copy it again."


@pytest.mark.parametrize(
    ("format", "data", "message"),
    [
        ("pdb", b"ATOM      1  N   ALA\n", f"Molecule, line 1: expected x, y and z in columns 31 to 54, got 'ATOM      1  N   ALA'. {AGAIN}"),
        ("pdb", PDB_ATOM * 2 + PDB_ATOM.replace("-0.044", " hello"), f"Molecule, line 3: expected x, y and z in columns 31 to 54, got 'ATOM      1  N   ALA A   1      12.131   hello   1.572  ... {AGAIN}"),
        ("pdb", PDB_ATOM.replace("-0.044", "   nan"), f"Molecule, line 1: expected x, y and z in columns 31 to 54, got 'ATOM      1  N   ALA A   1      12.131     nan   1.572  ... {AGAIN}"),
        ("pdb", f"MODEL        1\n{PDB_ATOM}", f"Molecule: expected ENDMDL or END for the MODEL in line 1, {CUT}"),
        ("pdb", PDB_ATOM + PDB_ATOM[:58], f"Molecule: expected the rest of line 2, {CUT}"),
        ("pdb", "REMARK\nEND\n", "Molecule: expected a pdb file with ATOM or HETATM records, got b'REMARK\\nEND\\n'. Check the file_type and the file."),
        ("cif", SALT_CIF.replace("0.5(2)", "hello"), "Molecule, _atom_site_fract_x[1]: expected a number, got 'hello'. Remove or repair the atom."),
        ("cif", SALT_CIF.replace("0.5(2)", "?"), "Molecule, _atom_site_fract_x[1]: expected a number, got '?'. Remove or repair the atom."),
        ("cif", SALT_CIF.replace("_atom_site_fract_z", "_atom_site_fract_w"), f"Molecule, _atom_site_fract_z: expected 2 numbers, got 0. {AGAIN}"),
        ("cif", SALT_CIF[:-4], "Molecule, line 10: expected a cif file, got 'loop_'. gemmi says: Wrong number of values in loop _atom_site_*."),
        ("cif", "data_x\n_a 1\n_a 2\n", "Molecule, line 3: expected a cif file, got '_a 2'. gemmi says: duplicate tag _a."),
        ("cif", "data_x\n_cell_length_a 1\n", "Molecule: expected a cif file with positions of atoms (_atom_site.Cartn_x or _atom_site_fract_x), got b'data_x\\n_cell_length_a 1\\n'. Check the file_type and the file."),
        ("sdf", "a\n\n\nhello\n", f"Molecule, line 1: expected a molecule in sdf format, got \"4 lines starting 'a\\\\n\\\\n\\\\nhello'\". {AGAIN}"),
        ("sdf", "\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n$$$$\n", "Molecule: expected an sdf file with atoms, got b'\\n\\n\\n  0  0  0  0  0  0  0  0  0  0999 V20'. Check the file_type and the file."),
        ("mol2", f"hello\n{BENZENE_MOL2}", f"Molecule, line 1: expected @<TRIPOS>MOLECULE, got 'hello'. {AGAIN}"),
        ("mol2", BENZENE_MOL2.replace("2.091", "nan"), f"Molecule, line 9: expected number, name, x, y, z and atom type, got '1 C1 1.207 nan 0.000 C.ar 1 BENZENE 0.000'. {AGAIN}"),
        ("mol2", BENZENE_MOL2.replace("6 6 1", "999999999 6 1"), f"Molecule, line 2: expected 999999999 atoms in this molecule, got 6. {AGAIN}"),
        ("mol2", BENZENE_MOL2.replace("6 6 1", "6 7 1"), f"Molecule, line 2: expected 7 bonds in this molecule, got 6. {AGAIN}"),
        ("mol2", BENZENE_MOL2.replace("6 6 1", "six"), f"Molecule, line 4: expected the numbers of atoms and bonds, as mol2 files have them, got 'six 0 0'. {AGAIN}"),
        ("mol2", "@<TRIPOS>MOLECULE\n", f"Molecule: expected the number of atoms of the molecule in line 1, {CUT}"),
        ("mol2", "# nothing\n", "Molecule: expected a mol2 file with atoms, got b'# nothing\\n'. Check the file_type and the file."),
        ("pqr", nth_line(ALANINE_PQR, 3, "ATOM      2  CA  ALA A   1      47.614  11.997"), f"Molecule, line 3: expected {NUMBERS}, got 'ATOM      2  CA  ALA A   1      47.614  11.997'. {AGAIN}"),
        ("pqr", ALANINE_PQR.replace("1.9080", "inf"), f"Molecule, line 3: expected {NUMBERS}, got 'ATOM      2  CA  ALA A   1      47.614  11.997  22.448  ... {AGAIN}"),
        ("pqr", "REMARK\n", "Molecule: expected a pqr file with ATOM or HETATM records, got b'REMARK\\n'. Check the file_type and the file."),
        ("gro", nth_line(WATER_GRO, 2, "six"), f"Molecule, line 2: expected the number of atoms, as gro files have it, got 'six'. {AGAIN}"),
        ("gro", nth_line(WATER_GRO, 2, "5"), f"Molecule, line 8: expected the 3 or 9 numbers of the box, got '    2SOL    HW2    6   1.326   0.120   0.568  1.9427 -0.... {AGAIN}"),
        ("gro", nth_line(WATER_GRO, 2, "7"), f"Molecule, line 9: expected residue, atom and number in 20 columns, then x, y and z, got '   1.82060   1.82060   1.82060'. {AGAIN}"),
        ("gro", nth_line(WATER_GRO, 2, "999999999"), f"Molecule, line 9: expected residue, atom and number in 20 columns, then x, y and z, got '   1.82060   1.82060   1.82060'. {AGAIN}"),
        ("gro", WATER_GRO.rsplit("   1.82060   1.82060   1", 1)[0], f"Molecule: expected the box of a gro file, {CUT}"),
        ("gro", "title\n0\n1 1 1\n", "Molecule: expected a gro file with atoms, got b'title\\n0\\n1 1 1\\n'. Check the file_type and the file."),
        ("xyz", "2\n\nC 0 0 0\n", f"Molecule: expected 2 atoms, {CUT}"),
        ("xyz", "9" * 5000, f"Molecule, line 1: expected the number of atoms, as xyz files have it, got '{'9' * 56}... {AGAIN}"),
        ("xyz", "1\n\nC 0 zero 0\n", f"Molecule, line 3: expected an element, x, y and z, got 'C 0 zero 0'. {AGAIN}"),
        ("xyz", "1\n\nC 0 1_0 0\n", f"Molecule, line 3: expected an element, x, y and z, got 'C 0 1_0 0'. {AGAIN}"),
        ("xyz", "1\n\nC 0 1e999 0\n", f"Molecule, line 3: expected an element, x, y and z, got 'C 0 1e999 0'. {AGAIN}"),
        ("mmtf", msgpack.packb({"numAtoms": 1}), f"Molecule: expected the members numGroups, numModels, groupList, groupTypeList, xCoordList, yCoordList, zCoordList, got 'none'. {AGAIN}"),
        ("mmtf", msgpack.packb([1, 2]), f"Molecule: expected an mmtf file (a MessagePack map), got b'\\x92\\x01\\x02'. {AGAIN}"),
        ("mmtf", b"\x91" * 100_000, f"Molecule: expected an mmtf file (a MessagePack map), got b'{chr(92)}x91{(chr(92) + 'x91') * 12}{chr(92)}x9... {AGAIN}"),
        ("mmtf", b"\xdf\xff\xff\xff\xff", f"Molecule: expected an mmtf file (a MessagePack map), got b'\\xdf\\xff\\xff\\xff\\xff'. {AGAIN}"),
        ("mmtf", b"".join([msgpack.packb({"numAtoms": 1}) or b"", b"more"]), f"Molecule: expected the end of the file after its MessagePack map, got b'more'. {AGAIN}"),
    ],
)  # fmt: skip
def test_wrong_content_is_refused_where_it_is_wrong(format: str, data: str | bytes, message: str) -> None:
    content = data.encode() if isinstance(data, str) else data
    assert refusal(lambda: mt.Molecule(content, file_type=format)) == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"numAtoms": 5}, f"expected numAtoms = 5 atoms in numModels = 1 models, got '{ATOMS} in 9 groups'"),
        ({"numAtoms": 2**31}, f"expected numAtoms = {2**31} atoms in numModels = 1 models, got '{ATOMS} in 9 groups'"),
        ({"numModels": 10}, f"expected numAtoms = {ATOMS} atoms in numModels = 10 models, got '{ATOMS} in 9 groups'"),
        ({"numGroups": 10}, "expected numGroups = 10 entries in groupTypeList, got 9"),
        ({"groupList": []}, "expected entries of groupTypeList that are in groupList, got '0 to 8'"),
        ({"groupList": [{}] * 9}, "expected groups and arrays as the mmtf specification has them, got \"'elementList'\""),
        ({"xCoordList": b"short"}, "expected xCoordList in codec 10, got b'short'"),
        ({"xCoordList": None}, "expected groups and arrays as the mmtf specification has them, got "),
        ({"groupList": [[[]] * 5_000_000]}, "expected at most 4194304 bytes of groupList, got 5000006"),
    ],
)  # fmt: skip
def test_mmtf_claims_are_checked(changes: dict[str, Any], message: str) -> None:
    data = msgpack.packb({**msgpack.unpackb(mmtf()), **changes})
    assert message in refusal(lambda: mt.Molecule(data, file_type="mmtf"))


@pytest.mark.parametrize("format", COUNTS)
def test_garbage_is_refused(format: str) -> None:
    whole = files()[format]
    half = whole[: len(whole) // 2 - (20 if format == "pdb" else 0)]  # not between two records of a pdb file
    noise = random.Random(7).randbytes(4096)
    for data in (noise, b"The quick brown fox\njumps over the lazy dog.\n", b"\0" * 1000, half):
        refusal(lambda data=data: mt.Molecule(data, file_type=format))  # type: ignore[misc]
    message = refusal(lambda: mt.Molecule(b"", file_type=format))
    assert message == f"Molecule: expected content in {format} format, got '0 bytes'. Write the file first."


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(COUNTS)), st.data())
def test_a_damaged_file_is_counted_or_refused(format: str, data: st.DataObject) -> None:
    whole = files()[format]
    start = data.draw(st.integers(0, len(whole) - 1))
    damage = data.draw(st.binary(max_size=20) | st.sampled_from([b"999999999", b"nan", b"\n", b"-1", b"\xff" * 8]))
    removed = data.draw(st.integers(0, 200))
    try:
        molecule = mt.Molecule(whole[:start] + damage + whole[start + removed :], file_type=format)
    except mt.InputError:
        return
    assert molecule.atoms >= 1
    assert mt.validate(mt.encode(molecule, mt.MemoryStore())) is None


@pytest.mark.parametrize("length", range(1, 77))
def test_a_pdb_file_cut_inside_a_record_is_refused(length: int) -> None:
    message = refusal(lambda: mt.Molecule(PDB_ATOM * 2 + PDB_ATOM[:length], file_type="pdb"))
    assert message.startswith("Molecule, line 3: ") or message == f"Molecule: expected the rest of line 3, {CUT}"


ATOM_LINE = "ATOM  %5d  CA  ALA A%4d    %8.3f%8.3f%8.3f  1.00  0.00           C  \n"


def pdb(*parts: str | int) -> str:
    """Records, and for each number that many atoms."""
    lines = [part if isinstance(part, str) else "".join(ATOM_LINE % (i + 1, i + 1, i, 0, 0) for i in range(part))
             for part in parts]  # fmt: skip
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


@pytest.mark.parametrize(
    ("parts", "atoms", "models"),
    [
        (("MODEL        1", 2, "END"), 2, 1),
        (("MODEL        1", 2, "TER", "END", "MODEL        2", 2, "TER", "END"), 4, 2),
        (("MODEL 1", 2, "ENDMDL", "MODEL 2", 2, "END"), 4, 2),
        (("MODEL        1", 2, "ENDMDL", "MODEL        1", 2, "ENDMDL", "END"), 4, 2),
        (("MODEL        1", 2, "MODEL        2", 3, "ENDMDL"), 5, 2),
        ((2, "END", 3, "END"), 5, 2),
        ((2, "END", 3), 5, 2),
        ((2, "ENDMDL", 3, "ENDMDL", "END"), 5, 2),
        (("HEADER", "MODEL", 2, "END", "END", "CONECT    1    2", "MODEL", 1, "END", "END"), 3, 2),
        ((1, "TER", 1, "TER", "ENDMDL"), 2, 1),
        (("END", 2, "END"), 2, 1),
    ],
)
def test_end_and_endmdl_both_end_a_model(parts: tuple[str | int, ...], atoms: int, models: int) -> None:
    residues = sum(part for part in parts if isinstance(part, int))
    made = mt.Molecule(pdb(*parts), file_type="pdb")
    sizes = [part for part in parts if isinstance(part, int)]
    formula = None if len(set(sizes)) > 1 else f"C{atoms // models}"
    if parts == (1, "TER", 1, "TER", "ENDMDL"):
        residues, formula = 1, "C2"  # the same residue twice
    assert counted(made) == (atoms, models, residues, formula)
    assert counted(mt.Molecule(gzip.compress(pdb(*parts).encode()), file_type="pdb")) == counted(made)


@pytest.mark.parametrize(
    ("tail", "formula"),
    [
        ("      1GDR 109", "C"),
        ("      1GDR1109", "C"),
        ("      1GDR   9", "C"),
        ("      1GDR", "C"),
        ("      SEGA C", "C"),
        ("           C  ", "C"),
        ("          CA2+", "Ca"),
        ("          CA+2", "Ca"),
        ("           C 0", "C"),
        ("           N1", "N"),
        ("           C                trailing text", "C"),
        ("", "C"),
    ],
)
def test_columns_73_to_80_are_read_as_what_they_are(tail: str, formula: str) -> None:
    line = (ATOM_LINE % (1, 1, 0, 0, 0))[:66]
    line = line.replace(" CA ", "CA  ") if formula == "Ca" else line
    assert counted(mt.Molecule(f"{line}{tail}\n", file_type="pdb")) == (1, 1, 1, formula)


@pytest.mark.parametrize("name", ["1abc.ent", "PDB1ABC.ENT.GZ", "1abc.pdb.gz", "1abc.pdb1", "1abc.pdb1.gz"])
def test_names_that_the_wwpdb_uses_are_pdb(name: str, tmp_path: Path) -> None:
    data = pdb(2, "END").encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.lower().endswith("gz") else data)
    molecule = mt.Molecule(tmp_path / name)
    assert (molecule.format, molecule.atoms) == ("pdb", 2)
    assert mt.Molecule(data, file_type="ent") == mt.Molecule(data, file_type="pdb")


def mol2(symbols: list[tuple[str, str]]) -> str:
    """A mol2 of atoms (name, type) without bonds."""
    atoms = [f"{i} {name} {i}.0 0 -.5 {type} 1 MOL 0.0" for i, (name, type) in enumerate(symbols, 1)]
    return "\n".join(["@<TRIPOS>MOLECULE", "MOL", f" {len(atoms)} 0 0", "SMALL", "bcc", "", "@<TRIPOS>ATOM", *atoms])


def test_a_mol2_of_antechamber_has_the_formula_of_the_molecule() -> None:
    gaff = {"C": ["c3", "c", "ca", "cc", "cp"], "H": ["hc", "h1", "ho", "ha"], "O": ["o", "oh", "os"]}
    atoms = aspirin().GetAtoms()
    types = [
        (a.GetSymbol() + str(a.GetIdx()), gaff[a.GetSymbol()][a.GetIdx() % len(gaff[a.GetSymbol()])]) for a in atoms
    ]
    assert counted(mt.Molecule(mol2(types), file_type="mol2")) == (21, 1, None, "C9H8O4")


@pytest.mark.parametrize(
    ("type", "element"),
    [
        ("C.ar", "C"), ("N.pl3", "N"), ("O.co2", "O"), ("S.o2", "S"), ("Cl", "Cl"), ("Na", "Na"), ("Ca", "Ca"),
        ("Co.oh", "Co"), ("Si", "Si"), ("H.spc", "H"), ("c3", "C"), ("ca", "C"), ("cl", "Cl"), ("br", "Br"), ("f", "F"),
        ("n4", "N"), ("na", "N"), ("os", "O"), ("s6", "S"), ("p5", "P"), ("i", "I"), ("CT", "C"), ("CA", "C"), ("C*", "C"),
        ("N3", "N"), ("NA", "N"), ("OW", "O"), ("HO", "H"), ("MG", "Mg"), ("ZN", "Zn"), ("Na+", "Na"), ("CL-", "Cl"),
        ("Mg2+", "Mg"), ("Du", None), ("LP", None), ("Hal", None), ("Hev", None), ("Any", None), ("IM", None),
    ],
)  # fmt: skip
def test_atom_types_of_mol2_name_elements(type: str, element: str | None) -> None:
    assert mt.Molecule(mol2([("X1", type)]), file_type="mol2").formula == element


def test_mol2_of_sybyl_types_is_counted_as_rdkit_counts_it() -> None:
    text = BENZENE_MOL2.replace("\n", "\r\n")
    mol = Chem.MolFromMol2Block(BENZENE_MOL2.partition("\n")[2], sanitize=False, removeHs=False)
    assert mt.Molecule(text, file_type="mol2").atoms == mol.GetNumAtoms()


CCD = """data_EDO
_chem_comp.id EDO
_chem_comp.formula "C2 H6 O2"
loop_
_chem_comp_atom.comp_id
_chem_comp_atom.atom_id
_chem_comp_atom.type_symbol
_chem_comp_atom.charge
_chem_comp_atom.model_Cartn_x
_chem_comp_atom.model_Cartn_y
_chem_comp_atom.model_Cartn_z
_chem_comp_atom.pdbx_model_Cartn_x_ideal
_chem_comp_atom.pdbx_model_Cartn_y_ideal
_chem_comp_atom.pdbx_model_Cartn_z_ideal
EDO C1  C 0 20.4 33.8 11.8 -0.2 -0.5 -0.3
EDO O1  O 0 19.1 33.5 11.8 -1.2  0.3 -0.1
EDO C2  C 0 20.6 34.9 12.8  1.1  0.2 -0.2
EDO O2  O 0 21.8 35.5 12.7  2.2 -0.6 -0.5
EDO H11 H 0 20.9 32.8 12.1 -0.3 -1.2  0.5
EDO H12 H 0 20.8 34.1 10.8 -0.3 -1.0 -1.3
EDO HO1 H 0 19.0 32.8 11.2 -2.0 -0.2 -0.1
EDO H21 H 0 20.6 34.5 13.8  1.2  0.7  0.8
EDO H22 H 0 19.8 35.7 12.6  1.2  1.0 -1.0
EDO HO2 H 0 21.9 36.2 13.3  3.0 -0.1 -0.4
"""


@pytest.mark.parametrize("hidden", ["none", "model", "ideal"])
def test_a_ligand_as_the_wwpdb_describes_it(hidden: str) -> None:
    text = CCD
    if hidden == "model":
        text = CCD.replace("21.9 36.2 13.3", "? ? ?")
    elif hidden == "ideal":
        text = "\n".join(line for line in CCD.splitlines() if "ideal" not in line)
        text = re.sub(r"(EDO .*?\d\.\d +\S+ +\S+) .*", r"\1", text) + "\n"
    block = gemmi.cif.read_string(text)[0]
    component = gemmi.make_chemcomp_from_block(block)
    molecule = mt.Molecule(text, file_type="cif")
    assert counted(molecule) == (len(component.atoms), 1, 1, "C2H6O2")
    assert molecule == mt.Molecule(text, file_type="cif")


def test_a_ligand_without_whole_positions_is_refused() -> None:
    text = CCD.replace("21.9 36.2 13.3", "? ? ?").replace("3.0 -0.1 -0.4", "? ? ?")
    message = refusal(lambda: mt.Molecule(text, file_type="cif"))
    assert (
        message == "Molecule, _chem_comp_atom.model_Cartn_x[9]: expected a number, got '?'. Remove or repair the atom."
    )


def test_ligands_that_a_structure_describes_are_not_counted_with_it() -> None:
    structure = files()["mmcif"].decode()
    names = {"model_Cartn_x": "x", "model_Cartn_y": "y", "model_Cartn_z": "z"}
    monomer = re.sub("model_Cartn_[xyz](?=\n)", lambda found: names[found[0]], CCD)
    assert counted(mt.Molecule(monomer, file_type="cif"))[0] == 10
    assert mt.Molecule(structure + monomer, file_type="cif").atoms == ATOMS


def test_a_crystal_with_names_of_the_newer_dictionary() -> None:
    text = SALT_CIF.replace("_atom_site_", "_atom_site.")
    assert counted(mt.Molecule(text, file_type="cif")) == (2, 1, None, "ClNa")


@pytest.mark.parametrize(
    "box",
    ["40000.0000040000.0000040000.00000", "   1.0   2.0   3.0  ", "0 0 0", "5 5 5 0 0 1.5 0 -1.5 1",
     "   1.00000   1.00000   1.00000   0.00000   0.00000   0.50000   0.00000  -0.50000   0.50000",
     "-1000.00000-1000.00000-1000.00000", "1.0e1 1 1"],
)  # fmt: skip
def test_boxes_of_gro_files(box: str) -> None:
    one = "t\n1\n    1SOL     OW    1   0.126   1.624   1.679\n"
    assert mt.Molecule(f"{one}{box}\n{one}{box}\n", file_type="gro").models == 2


@pytest.mark.parametrize("box", ["1.0 1.0", "1.01.01", "1.000 1.000", "x y z", "1.0000nan1.0000", "1 2 3 4 5 6"])
def test_what_is_no_box_is_refused(box: str) -> None:
    one = "t\n1\n    1SOL     OW    1   0.126   1.624   1.679\n"
    assert "expected the 3 or 9 numbers of the box" in refusal(lambda: mt.Molecule(one + box, file_type="gro"))


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("1\n\nC 0 0 0\n", "C"),
        ("2\r\n# 1 2 3\r\nC 0 0 0\r\nO 0 0 1.2\r\n", "CO"),
        ("  2  \n2\nO 0 0 0 0.1 extra\nH\t0 0 1\n\n\n", "HO"),
        ('1\nLattice="1 0 0 0 1 0 0 0 1" Properties=species:S:1:pos:R:3 pbc="F F F"\nCl 0 0 0\n', "Cl"),
        ("1\nC 0 0 0\x0cO 1 1 1\x1c\x85\nN 0 0 0\n", "N"),
        ("1\nfirst\nCL 0 0 0\n\n1\nsecond\ncl 1e0 -.5 +2.\n", "Cl"),
        ("2\n\n6 0 0 0\n8 0 0 1.2\n", "CO"),
        ("2\n\nC1 0 0 0\nH12 0 0 1.1\n", "CH"),
        ("1\n\nC_a 0 0 0\n", None),
        ("1\n\n999 0 0 0\n", None),
        ("1\n\nOW 0 0 0\n", None),
    ],
)
def test_xyz_as_programs_write_it(text: str, formula: str | None) -> None:
    models = 2 if "second" in text else 1
    atoms = 2 if text.lstrip().startswith("2") else models
    assert counted(mt.Molecule(text, file_type="xyz")) == (atoms, models, None, formula)


def test_an_sdf_with_windows_line_ends() -> None:
    data = files()["sdf"].replace(b"\n", b"\r\n")
    molecule = mt.Molecule(data * 2, file_type="sdf")
    assert counted(molecule) == (42, 2, None, "C9H8O4")
    assert molecule.to_bytes() == data * 2


@pytest.mark.parametrize(
    ("data", "format"),
    [
        (b"1\n\nC " + b"9" * 1_000_000 + b"x 0 0\n", "xyz"),
        (b"1\n\nC " + b" " * 1_000_000 + b"x 0 0\n", "xyz"),
        (gzip.compress(b"\n" * 20_000_000), "pdb"),
        (gzip.compress(b"\r" * 20_000_000), "mol2"),
        (gzip.compress(b"t\n1\n" + b"9" * 20_000_000), "gro"),
    ],
)
def test_a_file_of_nothing_is_refused_quickly(data: bytes, format: str) -> None:
    started = time.process_time()
    refusal(lambda: mt.Molecule(data, file_type=format))
    assert time.process_time() - started < 5


def test_a_list_of_pdb_atoms_needs_no_end() -> None:
    assert mt.Molecule((PDB_ATOM * 2).rstrip(), file_type="pdb").atoms == 2


def test_an_mmcif_file_without_a_column_that_atoms_need_is_refused() -> None:
    data = files()["mmcif"].replace(b"_atom_site.label_asym_id", b"_atom_site.other")
    expected = f"expected {ATOMS} atoms with element, chain, residue and atom names, got 0. {AGAIN}"
    assert refusal(lambda: mt.Molecule(data, file_type="mmcif")) == f"Molecule, _atom_site: {expected}"


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(molecule_files, "MAX_BYTES", 1000)
    bomb = gzip.compress(b"A" * 100_000, mtime=0)
    expected = "Molecule: expected at most 1000 bytes, got "
    assert refusal(lambda: mt.Molecule(bomb, file_type="pdb")) == (
        f"{expected}'more in {len(bomb)} bytes of gzip'. Log fewer models."
    )
    assert refusal(lambda: mt.Molecule(b"A" * 1001, file_type="pdb")) == f"{expected}1001. Log fewer models."


def test_a_cut_gzip_file_is_refused() -> None:
    data = gzip.compress(files()["pdb"], mtime=0)[:-100]
    hint = "gzip says: Compressed file ended before the end-of-stream marker was reached."
    message = f"Molecule: expected a whole gzip file, got '{len(data):,} bytes'. {hint}"
    assert refusal(lambda: mt.Molecule(data, file_type="pdb")) == message


@pytest.mark.parametrize(
    ("smiles", "atoms", "formula"),
    [(ASPIRIN, 21, "C9H8O4"), ("CN1C=NC2=C1C(=O)N(C(=O)N2C)C", 24, "C8H10N4O2"), ("[Na+].[Cl-]", 2, "ClNa"),
     ("CB(O)O", 9, "CH5BO2"), ("[2H]O[2H]", 3, "H2O"), ("*", 1, None), ("C" * 40, 122, "C40H82"),
     ("CC(=O)[O-].[Na+]", 8, "C2H3NaO2"), ("O.O.O", 9, "H6O3")],
)  # fmt: skip
def test_smiles_become_structures(smiles: str, atoms: int, formula: str | None) -> None:
    molecule = mt.Molecule.from_smiles(smiles, caption="made")
    assert (molecule.smiles, molecule.format, molecule.caption) == (smiles, "pdb", "made")
    assert (molecule.atoms, molecule.formula) == (atoms, formula)
    (model,) = gemmi.read_pdb_string(molecule.read_text())
    positions = np.array([site.atom.pos.tolist() for site in model.all()])
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1)[np.triu_indices(atoms, 1)]
    assert (distances > 0.9).all()  # no atom inside another


def test_the_same_smiles_gives_the_same_bytes_in_every_process() -> None:
    made = mt.Molecule.from_smiles(ASPIRIN)
    assert made == mt.Molecule.from_smiles(ASPIRIN)
    code = f"import mediatypes as mt; print(mt.Molecule.from_smiles({ASPIRIN!r}).read_text(), end='')"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == made.read_text()
    assert found.stderr == ""


def test_a_flat_structure_has_the_formula_of_the_whole() -> None:
    flat = mt.Molecule.from_smiles("CCO", convert_to_3d_and_optimize=False)
    assert (flat.atoms, flat.formula) == (3, "C2H6O")
    positions = Chem.MolFromPDBBlock(flat.read_text()).GetConformer().GetPositions()
    assert (positions[:, 2] == 0).all()
    assert len({tuple(row) for row in positions}) == 3


def test_an_unsanitized_smiles_is_embedded() -> None:
    assert mt.Molecule.from_smiles("c1ccccc1O", sanitize=False).formula == "C6H6O"


def test_iterations_change_the_structure() -> None:
    unoptimized = mt.Molecule.from_smiles(ASPIRIN, mmff_optimize_molecule_max_iterations=0)
    assert unoptimized != mt.Molecule.from_smiles(ASPIRIN)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("CC(C",), ".data: expected a valid SMILES string, got 'CC(C'. RDKit says: SMILES Parse Error: extra open parentheses while parsing: CC(C."),
        (("C(C)(C)(C)(C)C",), ".data: expected a valid SMILES string, got 'C(C)(C)(C)(C)C'. RDKit says: Explicit valence for atom # 0 C, 5, is greater than permitted."),
        (("",), ".data: expected a SMILES string that is not empty, got ''. Pass 'CCO', for example."),
        ((" \t",), ".data: expected a SMILES string that is not empty, got ' \\t'. Pass 'CCO', for example."),
        ((None,), ".data: expected a SMILES string that is not empty, got None. Pass 'CCO', for example."),
        (("C\nC",), ".data: expected one line of at most 10000 characters, got 'C\\nC'. Pass one molecule."),
        (("C\0",), ".data: expected one line of at most 10000 characters, got 'C\\x00'. Pass one molecule."),
        (("C" * 10_001,), ".data: expected one line of at most 10000 characters, got '10001 characters'. Pass one molecule."),
        (("C" * 300,), ": expected at most 500 atoms for a 3D structure, got '902 atoms with hydrogens'. Pass convert_to_3d_and_optimize=False for a flat structure."),
        (("C", None, 1, "no", -1), ".sanitize: expected True or False, got 1. Use bool(...).\n- Molecule.from_smiles.convert_to_3d_and_optimize: expected True or False, got 'no'. Use bool(...).\n- Molecule.from_smiles.mmff_optimize_molecule_max_iterations: expected an integer from 0 to 100000, got -1. 200 is the default."),
    ],
)  # fmt: skip
def test_a_wrong_smiles_is_explained(arguments: tuple[Any, ...], message: str) -> None:
    found = refusal(lambda: mt.Molecule.from_smiles(*arguments))
    assert found.removeprefix("3 problems:\n- ") == f"Molecule.from_smiles{message}"


def test_a_molecule_without_a_3d_structure_is_explained() -> None:
    message = refusal(lambda: mt.Molecule.from_smiles("C1[C@H]2CC[C@H]1CC2"))  # one bridgehead inside the ring
    assert message == (
        "Molecule.from_smiles: expected a molecule with a 3D structure, got 'none that RDKit finds'. "
        "Pass convert_to_3d_and_optimize=False for a flat structure."
    )


def test_rdkit_molecules_and_files_are_taken(tmp_path: Path) -> None:
    Chem.MolToMolFile(aspirin(), str(tmp_path / "a.MOL"))
    (tmp_path / "a.sdf").write_bytes(files()["sdf"])
    expected = mt.Molecule.from_rdkit(aspirin())
    assert (expected.atoms, expected.formula, expected.smiles) == (21, "C9H8O4", None)
    for source in (tmp_path / "a.MOL", str(tmp_path / "a.sdf"), Chem.RWMol(aspirin())):
        assert mt.Molecule.from_rdkit(source).atoms == 21
    kept = mt.Molecule.from_rdkit(aspirin(), "c", convert_to_3d_and_optimize=False)
    assert kept.read_text() == Chem.MolToPDBBlock(aspirin())
    assert mt.Molecule.from_rdkit(tmp_path / "a.sdf", convert_to_3d_and_optimize=False).atoms == 21


def test_conformers_are_models() -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    rdDistGeom.EmbedMultipleConfs(mol, 3, randomSeed=1)
    assert counted(mt.Molecule.from_rdkit(mol, convert_to_3d_and_optimize=False)) == (27, 3, 3, "C2H6O")


def test_the_users_molecule_is_not_changed() -> None:
    mol = Chem.MolFromSmiles("CCO", sanitize=False)
    before = mol.ToBinary()
    mt.Molecule.from_rdkit(mol)
    mt.Molecule.from_rdkit(mol, convert_to_3d_and_optimize=False)
    assert mol.ToBinary() == before
    assert mol.GetNumConformers() == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (NCI, ": expected one molecule, got '200 molecules'. Use Molecule(path) to keep them all."),
        ("x/none.mol", ": expected an existing file, got 'x/none.mol'. Check the path."),
        ("m.pdb", ": expected an RDKit Mol or the path of a .mol or .sdf file, got 'm.pdb'. Use Molecule(...)."),
        (None, ": expected an RDKit Mol or the path of a .mol or .sdf file, got None. Use Molecule(...)."),
        (Chem.Mol(), ": expected a molecule with atoms, got '0 atoms'. Check how it was made."),
    ],
)
def test_other_sources_of_from_rdkit_are_refused(data: Any, message: str) -> None:
    assert refusal(lambda: mt.Molecule.from_rdkit(data)) == f"Molecule.from_rdkit.data_or_path{message}"


def test_rdkit_says_nothing_on_stderr_and_its_logs_stay_as_they_were(capfd: pytest.CaptureFixture[str]) -> None:
    before = rdBase.LogStatus()
    refusal(lambda: mt.Molecule.from_smiles("CC(C"))
    refusal(lambda: mt.Molecule(b"a\n\n\nhello\n", file_type="mol"))
    mt.Molecule.from_smiles("[H]")
    assert capfd.readouterr() == ("", "")
    assert rdBase.LogStatus() == before
    Chem.MolFromSmiles("CC(C")
    assert "SMILES Parse Error" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("package", "make", "needed_for"),
    [
        ("gemmi", lambda: mt.Molecule(files()["pdb"], file_type="pdb"), "Molecule of a pdb file"),
        ("gemmi", lambda: mt.Molecule(files()["cif"], file_type="cif"), "Molecule of a cif file"),
        ("rdkit", lambda: mt.Molecule(files()["sdf"], file_type="sdf"), "Molecule of an sdf file"),
        ("rdkit", lambda: mt.Molecule.from_smiles("C"), "Molecule.from_smiles"),
        ("msgpack", lambda: mt.Molecule(files()["mmtf"], file_type="mmtf"), "Molecule of an mmtf file"),
    ],
)
def test_a_missing_package_is_named(
    package: str, make: Callable[[], Any], needed_for: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files()
    for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(mt.MissingDependencyError) as caught:
        make()
    install = "Install it with: pip install 'mediatypes-ml[mol]'"
    assert str(caught.value) == f"{needed_for}: expected the package '{package}', got none. {install}"


def test_stored_molecules_are_decoded_without_any_package(tmp_path: Path) -> None:
    store = mt.DirectoryStore(tmp_path)
    documents = [mt.encode(mt.Molecule(data, file_type=format), store) for format, data in files().items()]
    code = (
        "import json, sys, mediatypes as mt\n"
        "for document in json.loads(sys.argv[1]):\n"
        "    value = mt.decode(document, mt.DirectoryStore(sys.argv[2]))\n"
        "    assert value.atoms == document['atoms'] and mt.encode(value, mt.MemoryStore()) == document\n"
        "print(sorted({'rdkit', 'gemmi', 'msgpack', 'numpy.random'} & set(sys.modules)))\n"
    )
    arguments = [sys.executable, "-c", code, json.dumps(documents), str(tmp_path)]
    assert subprocess.run(arguments, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_molecule_tells_what_it_is() -> None:
    assert repr(mt.Molecule.from_smiles("O", caption="c")) == "Molecule(3 atoms, pdb, formula='H2O', caption='c')"
    assert repr(mt.Molecule(ALANINE_PQR, file_type="pqr")) == "Molecule(3 atoms, pqr)"


@pytest.mark.parametrize("file_type", ["smi", "SMILES", ".smi"])
def test_a_file_of_smiles_names_from_smiles(file_type: str) -> None:
    with pytest.raises(mt.InputError, match=r"Pass each SMILES to Molecule\.from_smiles\(\.\.\.\)\.$"):
        mt.Molecule(b"CCO\nCC\n", file_type=file_type)


def test_a_flat_drawing_is_bounded_before_it_is_made() -> None:
    with pytest.raises(mt.InputError, match="expected at most 1000 atoms to draw flat, got 1001") as raised:
        mt.Molecule.from_smiles("C" * 1001, convert_to_3d_and_optimize=False)
    assert raised.value.problems[0].code == "too-large"


@pytest.mark.parametrize("place", [-1000.0, 10_000.0, float("nan")])
def test_positions_that_a_pdb_file_cannot_hold_are_named(place: float) -> None:
    """Their eight columns run into each other, which reads as a broken file."""
    mol = Chem.MolFromSmiles("O")
    conformer = Chem.Conformer(1)
    conformer.SetAtomPosition(0, (place, 0.0, 0.0))
    mol.AddConformer(conformer)
    with pytest.raises(mt.InputError, match=r"expected positions from -999\.999 to 9999\.999 angstrom"):
        mt.Molecule.from_rdkit(mol, convert_to_3d_and_optimize=False)
    conformer = mol.GetConformer()
    conformer.SetAtomPosition(0, (-999.999, 9999.999, 0.0))
    made = mt.Molecule.from_rdkit(mol, convert_to_3d_and_optimize=False)
    assert gemmi.read_pdb_string(made.read_text())[0][0][0][0].pos.tolist() == [-999.999, 9999.999, 0.0]


def test_numpy_integers_count_iterations() -> None:
    made = mt.Molecule.from_smiles("CCO", mmff_optimize_molecule_max_iterations=np.int64(200))  # type: ignore[arg-type]
    assert made == mt.Molecule.from_smiles("CCO")

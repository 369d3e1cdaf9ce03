"""Molecule files as other programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest

import mediatypes as mt

ATOM = "ATOM  {:5}  CA  ALA A{:4}    {:8.3f}   1.000   2.000  1.00  0.00           C  "
PQR = "ATOM  {:5}  N   ALA  {:4}    {:8.3f}{:8.3f}{:8.3f}  {:.4f} {:.4f}\n"
MOL2 = "@<TRIPOS>MOLECULE\nM\n 1 0 1 0 0\nSMALL\nbcc\n\n@<TRIPOS>ATOM\n 1 A1 0.0 0.0 0.0 {} 1 MOL 0.0\n"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_of_a_pdb_may_end_as_on_any_system(ending: str) -> None:
    data = ending.join([ATOM.format(1, 1, 0), ATOM.format(2, 2, 3), "END", ""])
    molecule = mt.Molecule(data, file_type="pdb")
    assert (molecule.atoms, molecule.residues, molecule.formula) == (2, 2, "C2")


@pytest.mark.parametrize(("type", "element"), [("cu", "C"), ("cs", "C"), ("CS", "C"), ("CU", "Cu"), ("Cs+", "Cs")])
def test_carbon_types_of_force_fields_are_no_metals(type: str, element: str) -> None:
    """GAFF's cu is in a ring of three, cs is bound to sulphur; AMBER's CS is in pyrimidines."""
    assert mt.Molecule(MOL2.format(type), file_type="mol2").formula == element


def test_coordinates_of_a_pqr_need_no_blanks_between_them() -> None:
    """As PDB2PQR writes them, eight columns each."""
    data = PQR.format(1, 1, -100.5, -100.25, -200, -0.3, 1.8) + PQR.format(2, 2, 1, 2, 3, 0.3, 1.8)
    molecule = mt.Molecule(data, file_type="pqr")
    assert (molecule.atoms, molecule.residues) == (2, 2)
    with pytest.raises(mt.InputError, match="line 1: expected serial, atom, residue"):
        mt.Molecule(data.replace("-100.250", "-100.25x"), file_type="pqr")


def test_a_byte_order_mark_and_the_name_of_ase_are_known(tmp_path: Path) -> None:
    path = tmp_path / "water.extxyz"
    path.write_text("\ufeff3\nProperties=species:S:1:pos:R:3\nO 0 0 0\nH 0 0 1\nH 0 1 0\n", "utf-8")
    molecule = mt.Molecule(path)
    assert (molecule.atoms, molecule.formula, molecule.to_bytes()) == (3, "H2O", path.read_bytes())


def test_the_fields_of_a_pqr_need_one_blank_only() -> None:
    atoms = (
        "ATOM 1 N ALA 1 11.1 6.1 -6.5 0.14 1.82",
        "HETATM 2 O HOH A 2 1.0 2.0 3.0 -0.8 1.7",
        "HETATM10000 O HOH A 3 1 2 3 0 1",
    )
    data = "\n".join(atoms)
    molecule = mt.Molecule(data, file_type="pqr")
    assert (molecule.atoms, molecule.residues) == (3, 3)


@pytest.mark.parametrize("number", ["0.15D+01", "15.d-1", "+1.5D0", "1.5e0"])
def test_numbers_of_an_xyz_may_be_as_fortran_writes_them(number: str) -> None:
    molecule = mt.Molecule(f"2\n\nD 0 0 0\nH 0 0 {number}\n", file_type="xyz")
    assert (molecule.atoms, molecule.formula) == (2, "DH")


@pytest.mark.parametrize("order", ["id:I:1:species:S:1:pos:R:3", "pos:R:3:species:S:1"])
def test_an_extended_xyz_of_other_columns_is_not_misread(order: str) -> None:
    with pytest.raises(mt.InputError, match="line 2: expected columns that begin with species and pos, got"):
        mt.Molecule(f'1\nLattice="1 0 0 0 1 0 0 0 1" Properties={order}\n1 0 0 0 6\n', file_type="xyz")


@pytest.mark.parametrize("lacking", ["id", "type_symbol", "label_alt_id", "auth_asym_id", "auth_seq_id", "group_PDB"])
def test_an_mmcif_may_lack_what_no_program_needs(lacking: str) -> None:
    atom = {"group_PDB": "ATOM", "id": 1, "type_symbol": "C", "label_atom_id": "CA", "label_alt_id": "."}
    atom |= {"label_comp_id": "ALA", "label_asym_id": "A", "label_seq_id": 1, "auth_seq_id": 1, "auth_asym_id": "A"}
    atom |= {"Cartn_x": 1, "Cartn_y": 2, "Cartn_z": 3, "pdbx_PDB_model_num": 1}
    del atom[lacking]
    rows = (atom | {"Cartn_x": model, "pdbx_PDB_model_num": model} for model in (1, 2))
    text = "\n".join(
        ["data_x", "loop_", *map("_atom_site.{}".format, atom), *(" ".join(map(str, row.values())) for row in rows)]
    )
    molecule = mt.Molecule(f"{text}\n", file_type="cif")
    assert (molecule.atoms, molecule.models, molecule.residues) == (2, 2, 2)
    assert molecule.formula == (None if lacking == "type_symbol" else "C")


def test_a_cif_of_too_many_blocks_is_refused() -> None:
    with pytest.raises(mt.InputError, match=r"^Molecule: expected at most 32768 data blocks, got 40000\. Log fewer\.$"):
        mt.Molecule(b"".join(b"data_%d\n_a.b 1\n" % i for i in range(40_000)), file_type="cif")

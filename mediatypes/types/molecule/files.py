"""Molecule files: the formats, how their content is bounded, and which parser counts it."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zlib
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from ..._core.deps import is_instance
from ..._core.errors import CodecError, InputError
from ..._core.inputs import is_path, read_blob, read_open_file, text
from ..._core.sidecar import Blob
from ..._core.wording import counted
from .content import Content, check_lines
from .gemmi import read_cif, read_pdb
from .mmtf import read_mmtf
from .rdkit import read_sdf
from .text_formats import read_gro, read_mol2, read_pqr, read_xyz

MAX_BYTES = 256 * 1024 * 1024  # of a file, and of what a gzip file unpacks to
_GZIP = b"\x1f\x8b"
_FORMATS: dict[str, tuple[str, Callable[[bytes], Content]]] = {  # media type, parser
    "pdb": ("chemical/x-pdb", read_pdb),
    "pqr": ("chemical/x-pqr", read_pqr),
    "mmcif": ("chemical/x-mmcif", read_cif),
    "mcif": ("chemical/x-cif", read_cif),
    "cif": ("chemical/x-cif", read_cif),
    "sdf": ("chemical/x-mdl-sdfile", read_sdf),
    "sd": ("chemical/x-mdl-sdfile", read_sdf),
    "mol": ("chemical/x-mdl-molfile", read_sdf),
    "mol2": ("chemical/x-mol2", read_mol2),
    "gro": ("chemical/x-gro", read_gro),
    "mmtf": ("chemical/x-mmtf", read_mmtf),
    "xyz": ("chemical/x-xyz", read_xyz),
}
FORMATS = tuple(_FORMATS)
_ONE_LINE = "One line is a path: check it, or pass a file's content as bytes, or a SMILES to Molecule.from_smiles(...)."
_NAMES = {name: name for name in _FORMATS}
_NAMES |= {"ent": "pdb", "pdb1": "pdb", "extxyz": "xyz"}  # the wwPDB's names (pdb1: an assembly), and ASE's


def read_file(data: Any, file_type: Any) -> tuple[Blob, str, Content]:
    """What a user passes as a molecule, with its format, parsed and counted; raises InputError."""
    format = _format(data, file_type)
    blob = _blob(data)
    if blob.size == 0:
        raise InputError.of("Molecule", f"content in {format} format", "0 bytes", "Write the file first.", "empty")
    data = unpack(blob, InputError)
    if format != "mmtf":
        data = data.removeprefix(codecs.BOM_UTF8)
        check_lines(data)
    return blob, format, _FORMATS[format][1](data)


def file_type(blob: Blob, format: str) -> tuple[str, str]:
    """Suffix and media type of a file."""
    return (f".{format}.gz", "application/gzip") if is_gzip(blob) else (f".{format}", _FORMATS[format][0])


def unpack(blob: Blob, error: type[InputError] | type[CodecError]) -> bytes:
    """The content of a file, unzipped if need be, at most `MAX_BYTES`."""
    if blob.size > MAX_BYTES:
        raise error.of("Molecule", f"at most {MAX_BYTES} bytes", blob.size, "Log fewer models.", "too-large")
    if not is_gzip(blob):
        return blob.read()
    try:
        with blob.open() as file, gzip.open(file) as unzipped:
            data = unzipped.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as broken:
        hint = f"gzip says: {str(broken).rstrip('.')}."
        raise error.of("Molecule", "a whole gzip file", counted(blob.size, "byte"), hint, "broken") from broken
    if len(data) > MAX_BYTES:
        got = f"more in {blob.size} bytes of gzip"
        raise error.of("Molecule", f"at most {MAX_BYTES} bytes", got, "Log fewer models.", "too-large")
    return data


def is_gzip(blob: Blob) -> bool:
    """Whether the file is gzipped, whatever its name says."""
    with blob.open() as file:
        return file.read(2) == _GZIP


def _blob(data: Any) -> Blob:
    if isinstance(data, io.TextIOBase):
        data = _read_text(data)
    if isinstance(data, str) and _is_content(data):
        return Blob(str(text(data, "Molecule")).encode())
    is_named = not isinstance(data, str) or PurePath(data).suffix
    blob = read_blob(data, "Molecule", "Check the path." if is_named else _ONE_LINE)
    if blob is None:
        from_rdkit = is_instance(data, "rdkit.Chem.rdchem", "Mol")
        hint = "Use Molecule.from_rdkit(mol)." if from_rdkit else "See help(mediatypes.Molecule)."
        raise InputError.of("Molecule", "a path, bytes, text or an open file", data, hint)
    return blob


def _read_text(file: Any) -> bytes:
    try:
        return str(read_open_file(file, "Molecule")).encode()
    except UnicodeError as error:
        hint = "Open it with mode 'rb'."
        raise InputError.of("Molecule", "a file that reads text", str(error), hint, "text-file") from error


def _format(data: Any, file_type: Any) -> str:
    if file_type is not None:
        format = _NAMES.get(file_type.lower()) if isinstance(file_type, str) else None
        if format is None:
            expected = f"one of {', '.join(FORMATS)}"
            is_smiles = str(file_type).lower().lstrip(".") in ("smi", "smiles")
            hint = "Pass each SMILES to Molecule.from_smiles(...)." if is_smiles else "Name the format of the data."
            raise InputError.of("Molecule.file_type", expected, file_type, hint, "format")
        return format
    name = data if is_path(data) else getattr(data, "name", None)
    if not is_path(name) or _is_content(name):
        hint = f"Pass one of {', '.join(FORMATS)}."
        raise InputError.of("Molecule.file_type", "the format of data that has no file name", None, hint, "format")
    named = os.fsdecode(name)
    format = _NAMES.get(PurePath(named.lower().removesuffix(".gz")).suffix[1:])
    if format is None:
        expected = f"a file name that ends in one of .{', .'.join(FORMATS)} (or that and .gz)"
        hint = "Pass file_type=, or use Molecule.from_smiles(...) for a SMILES."
        raise InputError.of("Molecule", expected, named, hint, "format")
    return format


def _is_content(data: Any) -> bool:
    """Text of several lines is the content of a file; a single line is a path."""
    return isinstance(data, str) and ("\n" in data or "\r" in data)

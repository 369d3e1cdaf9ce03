"""`mediatypes pack` and `mediatypes unpack`"""

from __future__ import annotations

from argparse import Namespace

from .._core.wording import counted
from ..runfolder import files
from ._command import Command, Parser, for_each
from ._runs import add_runs
from ._text import in_bytes


def _add_arguments(parser: Parser) -> None:
    add_runs(parser)


def _pack(arguments: Namespace) -> int:
    return for_each(arguments.runs, _packed)


def _packed(path: str) -> str:
    from ..upkeep.packing import pack

    done = pack(path)
    kept = f"; {counted(done.kept, 'file')} too large for it" if done.kept else ""
    return f"{counted(done.files, 'file')}, {in_bytes(done.size)}, now in {files.PACKED}{kept}"


def _unpack(arguments: Namespace) -> int:
    return for_each(arguments.runs, _unpacked)


def _unpacked(path: str) -> str:
    from ..upkeep.packing import unpack

    done = unpack(path)
    return f"{counted(done.files, 'file')}, {in_bytes(done.size)}, now in {files.SIDECARS}"


PACK = Command(
    "pack",
    "move the media files of runs into one file each",
    "Move the media files of runs that are over into one Parquet file each, for file systems with few inodes.\n"
    "The runs are read as before, and the images in the file by Hugging Face datasets too. Nothing is removed\n"
    "before its copy was read again and compared.",
    "mediatypes pack runs/demo",
    _add_arguments,
    _pack,
)
UNPACK = Command(
    "unpack",
    "move packed media back into files",
    "Move the media of packed runs back into files, byte for byte as they were.",
    "mediatypes unpack runs/demo",
    _add_arguments,
    _unpack,
)

"""README.txt of a run folder: what is what, and how to open it, for whoever finds the folder. No reader needs it."""

from __future__ import annotations

from pathlib import Path

from .._core import atomic

README = "README.txt"
TEXT = """\
This folder is a run: what a program logged, kept by mediatypes. It may be moved, renamed and copied as a whole.

run.json         who, when, config, tags, status; summary.json: the last or best value of each key
history.parquet  a row for each step, a column for each key (while the run is written, or after a crash: journal/)
media.parquet    a row for each media item: key, step, type, caption, path
media/           the images, videos, sounds and tables themselves, named by their SHA-256
Python           import mediatypes as mt; run = mt.open_run("."); run.to_pandas()      pip install mediatypes-ml
without it       pandas.read_parquet("history.parquet")    DuckDB: select * from 'history.parquet'
a terminal       mediatypes show .    after a crash: mediatypes recover .    to check every byte: mediatypes verify .
"""


def write_readme(root: Path) -> None:
    """Write it into a run folder that has none; raises `StoreError`."""
    path = root / README
    if not path.exists():
        atomic.write(path, [TEXT.encode()], "write the file")

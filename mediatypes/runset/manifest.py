"""`compact.json`: which runs stand in which part of a compacted dataset, and what its columns are."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from .._core import atomic
from .._core.codec import require_readable
from .._core.declaration import Field, Integer, List, Map, Record, Text
from .._core.errors import DocumentError, StoreError, os_error
from .._core.location import Location
from ..runfolder import files
from ..runfolder.lock import Lock
from ..runfolder.parquet_writer import write_parquet
from ..runfolder.schema import COLUMNS, ColumnSpec

FILE = files.COMPACTED
TABLES = ("history", "media", "runs")
_JSON = Record(
    "What a compacted dataset holds.",
    (
        Field("format", Text(pattern=r"[0-9]+\.[0-9]+"), "Version of the run folder's format."),
        Field(
            "columns",
            Record("By table.", tuple(Field(table, COLUMNS, "Columns beside the fixed ones.") for table in TABLES)),
            "By table: the columns beside the fixed ones.",
        ),
        Field(
            "parts",
            Map(Map(List(Integer(), minimum=4)), names="[0-9]{1,9}"),
            "By number of the part: the runs in it, each with its stamp.",
        ),
    ),
)


class Stamp(NamedTuple):
    """How the files of a run stood when it was read: an edit or another session changes them."""

    run_time: int  # nanoseconds
    run_size: int
    summary_time: int
    summary_size: int

    @classmethod
    def of(cls, path: str) -> Stamp | None:
        """The stamp of a run that is over, else None; raises OSError, also where its summary is missing."""
        run = os.stat(os.path.join(path, files.RUN))
        try:
            summary = os.stat(os.path.join(path, files.SUMMARY))
        except FileNotFoundError:
            if files.read_run_json(Path(path))["status"] == "running":
                return None
            raise
        if os.path.isdir(os.path.join(path, files.JOURNAL)) and files.read_run_json(Path(path))["status"] == "running":
            return None
        return cls(run.st_mtime_ns, run.st_size, summary.st_mtime_ns, summary.st_size)


Part = dict[str, Stamp]


class Manifest:
    """The state of a dataset, held by one process while it changes it."""

    def __init__(self, root: Path, lock: Lock, content: Mapping[str, Any]) -> None:
        self.root, self._lock = root, lock
        self.columns = {
            table: [ColumnSpec.from_json(column) for column in content.get("columns", {}).get(table, [])]
            for table in TABLES
        }
        self.parts: dict[int, Part] = {
            int(number): {run: Stamp(*stamp[:4]) for run, stamp in part.items()}
            for number, part in content.get("parts", {}).items()
        }

    @classmethod
    @contextlib.contextmanager
    def open(cls, root: Path) -> Iterator[Manifest]:
        """The manifest of the dataset in `root`, made if needed, locked; raises DocumentError for other contents."""
        try:
            names = {path.name for path in root.iterdir() if path.name[0] != "."} if root.exists() else set()
        except OSError as error:
            raise os_error(StoreError, str(root), "look into the dataset", error, "Check permissions.") from error
        if FILE not in names and not names <= {*TABLES, files.JOURNAL}:
            hint = "Choose another directory."
            raise DocumentError.of(str(root), f"a directory with {FILE}, or an empty one", sorted(names), hint)
        files.require_no_links(root, TABLES)
        lock = Lock(root)
        try:
            manifest = cls(root, lock, read(root) if (root / FILE).exists() else {})
            manifest._tidy()
            yield manifest
        finally:
            lock.release()

    @staticmethod
    def part_path(root: Any, table: str, number: int, aside: bool = False) -> Any:
        """The file of a part; `aside` while it is written."""
        return root / table / f"{'.' if aside else ''}part-{number:05}.parquet"

    def commit(
        self, parts: Mapping[int, Part], columns: dict[str, list[ColumnSpec]], schemas: Mapping[str, pa.Schema]
    ) -> None:
        """Put parts that were written aside in place, then say so."""
        for number, part in parts.items():
            kept = {run: stamp for run, stamp in self.parts.get(number, {}).items() if run not in part}
            self.parts[number] = kept | part
            for table in TABLES:
                aside = self.part_path(self.root, table, number, aside=True)
                try:
                    os.replace(aside, self.part_path(self.root, table, number))
                except OSError as error:
                    raise os_error(StoreError, str(aside), "put a part in place", error, "Compact again.") from error
        if columns != self.columns or not (self.root / FILE).exists():
            self.columns = columns
            for table in TABLES:
                path = self.part_path(self.root, table, 0)
                write_parquet(path, schemas[table], [], columns[table], {"format": files.FORMAT, "table": table})
        if parts or not (self.root / FILE).exists():
            known = {str(number): {run: list(s) for run, s in part.items()} for number, part in self.parts.items()}
            content = {
                "format": files.FORMAT,
                "columns": {table: [spec._asdict() for spec in specs] for table, specs in columns.items()},
                "parts": known,
            }
            files.write_json(self.root / FILE, content, durable=True)

    def _tidy(self) -> None:
        """Make the tables' directories, and remove what interrupted work has left."""
        atomic.remove_leftovers(self.root, FILE, is_locked=True)
        for table in TABLES:
            try:
                (self.root / table).mkdir(exist_ok=True)
                for path in (self.root / table).iterdir():
                    number = path.stem.removeprefix("part-")
                    known = number.isdecimal() and (int(number) in self.parts or int(number) == 0)
                    if path.name.startswith(".") or (path.suffix == ".parquet" and not known):
                        path.unlink()
            except OSError as error:
                raise os_error(
                    StoreError, str(self.root), "prepare the dataset", error, "Check permissions."
                ) from error


def read(root: Location) -> dict[str, Any]:
    """`compact.json`; raises `DocumentError` if it is damaged or foreign, or a newer major version wrote it."""
    content = files.read_json(root / FILE)
    require_readable(str(root / FILE), content.get("format"), files.FORMAT)
    if problems := list(_JSON.check(content)):
        raise DocumentError(p._replace(path=f"{root / FILE}: {p.path}") for p in problems)
    return content

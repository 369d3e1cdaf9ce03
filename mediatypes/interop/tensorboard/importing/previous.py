"""What an earlier import left of a run: the event files as they were then, and what was read of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from ...._core.errors import DocumentError, Problem, RunExists, StoreError, os_error
from ....runfolder import files
from ...importing.names import RESERVED
from ...importing.report import FileReport
from ..log.events import Metadata
from ..plugins.convert import Series
from . import events_parquet


class FileState(NamedTuple):
    """An event file."""

    file: FileReport
    head: dict[str, Any]  # size and sha256 of its first bytes, by which it is known again
    folder: str  # namespace of its keys
    remembered: dict[str, Metadata]  # by tag
    problems: list[Problem]  # of its values
    unlisted_count: int  # problems beyond those
    settled: bool  # see `RecordReader`

    def to_json(self) -> dict[str, Any]:
        """Plain data, for the footer of `events.parquet`."""
        tags = {tag: [m.plugin, m.content.hex(), m.display_name, m.description] for tag, m in self.remembered.items()}
        plain: dict[str, Any] = {**self.file._asdict(), "head": self.head, "folder": self.folder, "tags": tags}
        if self.problems:
            plain["problems"] = [list(problem) for problem in self.problems]
        if self.unlisted_count:
            plain["unlisted_count"] = self.unlisted_count
        if not self.settled:
            plain["settled"] = False
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> FileState:
        tags = {
            tag: Metadata(plugin, bytes.fromhex(content), name, description)
            for tag, (plugin, content, name, description) in plain["tags"].items()
        }
        problems = [Problem(*problem) for problem in plain.get("problems", [])]
        rest = (plain["folder"], tags, problems, plain.get("unlisted_count", 0), plain.get("settled", True))
        return cls(FileReport.from_stored(plain), plain["head"], *rest)


class PreviousImport(NamedTuple):
    """An earlier import; of a run that is new nothing."""

    footer: dict[str, Any]
    known: dict[str, FileState]  # by name
    series: list[Series]

    @property
    def names(self) -> list[str]:
        """Of the event files, by their number in `events.parquet`."""
        return list(self.known)


NOTHING = PreviousImport({}, {}, [])


def read_previous(target: Path) -> PreviousImport:
    """What the folder of a run holds of an earlier import; raises RunExists if it holds something else."""
    if not target.exists() or all(path.is_dir() and path.name not in RESERVED for path in target.iterdir()):
        return NOTHING  # or other runs, of directories below this one's
    path = target / events_parquet.NAME
    if not path.is_file():
        hint = "Choose another destination."
        raise RunExists(f"{target}: expected no run or an imported one, got {files.describe_run(target)[0]}. {hint}")
    try:
        footer = events_parquet.read_footer(path)
        known = {source["name"]: FileState.from_json(source) for source in footer["sources"]}
        return PreviousImport(footer, known, [Series(*item) for item in footer["series"]])
    except OSError as error:
        raise os_error(StoreError, str(path), "read the events of an earlier import", error, "Check it.") from error
    except Exception as error:  # cut, or not ours: pyarrow and JSON have many ways to say it
        hint = "Remove the folder and import again."
        raise DocumentError.of(str(path), "the events of an earlier import", str(error)[:60], hint, "events") from error

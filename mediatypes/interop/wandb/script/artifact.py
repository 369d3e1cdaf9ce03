"""`wandb.Artifact` over the artifacts of mediatypes."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from ...._core.errors import InputError, Verbatim
from ....artifact.gathering import Reference
from ....artifact.store import Artifacts
from ....run import Run
from .lenient import Refused


class Artifact:
    """Files, folders, references and values under one name, to be logged as a version.

    Args:
        name: of all its versions.
        type: what sort of thing it is, such as "dataset".
        description, metadata: text and plain data about it.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
    ) -> None:
        self._name, self._type, self.description, self.metadata = name, type, description, dict(metadata or {})
        self.aliases: list[str] = []
        self._contents: dict[str, Any] = {}
        self._made: Any = None  # the version, once it is logged

    @property
    def is_logged(self) -> bool:
        return self._made is not None

    @property
    def version_of(self) -> Any:
        """The `mediatypes` artifact behind it.

        Raises:
            InputError: it was not logged.
        """
        if self._made is None:
            raise InputError.of(f"Artifact {self._name}", "one that was logged", Verbatim("a new one"), "Log it first.")
        return self._made

    def add_file(self, local_path: Any, name: str | None = None, is_tmp: bool = False, **options: Any) -> None:
        """Add a file, under its own name or this one."""
        self._add(name or Path(local_path).name, Path(local_path))

    def add_dir(self, local_path: Any, name: str | None = None, **options: Any) -> None:
        """Add all files below a directory."""
        base = Path(local_path)
        if not base.is_dir():
            raise InputError.of("Artifact.add_dir", "a directory", str(local_path), "Check the path.")
        for path in sorted(path for path in base.rglob("*") if path.is_file()):
            self._add("/".join(filter(None, (name, path.relative_to(base).as_posix()))), path)

    def add_reference(self, uri: Any, name: str | None = None, checksum: bool = True, max_objects: Any = None) -> None:
        """Refer to a file elsewhere, which is not copied."""
        self._add(name or str(uri).rstrip("/").rsplit("/", 1)[-1], Reference(str(uri)))

    def add(self, obj: Any, name: str, overwrite: bool = False) -> None:
        """Add a value: a table, an image..."""
        self._add(name, obj() if isinstance(obj, Refused) else obj)

    @contextlib.contextmanager
    def new_file(self, name: str, mode: str = "w", encoding: str | None = None) -> Iterator[IO[Any]]:
        """Write a file of the artifact."""
        file, path = tempfile.mkstemp()
        try:
            with open(file, mode, encoding=encoding or (None if "b" in mode else "utf-8")) as opened:
                yield opened
            self._add(name, Path(path).read_bytes())
        finally:
            os.unlink(path)

    def _add(self, name: str, content: Any) -> None:
        if self._made is not None:
            hint = "Make a new Artifact of the same name."
            raise InputError.of(f"Artifact {self._name}", "one that is not logged yet", Verbatim("a version"), hint)
        self._contents[name] = content

    def _log(self, run: Run, aliases: list[str]) -> Artifact:
        own = [alias for alias in aliases if alias != "latest"]
        self._take_from(
            run.log_artifact(self._name, self._type, self._contents, own, self.metadata, description=self.description)
        )
        return self

    def _take_from(self, made: Any) -> None:
        self._made, self.aliases = made, list(made.aliases)

    def save(self, project: str | None = None, settings: Any = None) -> None:
        """Give a version the aliases that were added to its list: `artifact.aliases.append("best")`.

        Raises:
            InputError: it was not logged, or something else of it was changed.
        """
        made = self.version_of
        if (self.description, self.metadata) != (made.description, dict(made.metadata)):
            hint = "Log a new Artifact of this name with them."
            raise InputError.of(f"Artifact {self.name}", "a version as it was logged", Verbatim("changed texts"), hint)
        if removed := {*made.aliases} - {*self.aliases, "latest"}:
            hint = "An alias moves when another version gets it."
            raise InputError.of(f"Artifact {self.name}", "only more aliases", Verbatim(f"less {sorted(removed)}"), hint)
        added = [alias for alias in self.aliases if alias not in made.aliases]
        self._take_from(Artifacts(made._root).alias(f"{made.name}:{made.version}", *added))

    def files(self, names: Any = None, per_page: int = 50) -> list[_Entry]:
        """Its files, or those of these names."""
        return [_Entry(self, path) for path in self.version_of.entries if not names or path in names]

    def wait(self, timeout: Any = None) -> Artifact:
        """Nothing to wait for: what was logged is there."""
        return self

    def download(self, root: str | os.PathLike[str] | None = None, **options: Any) -> str:
        """Copy the files of the version into a folder, by default `artifacts/<name>`, and return it."""
        target = Path(root or Path("artifacts") / self.name.replace(":", "-"))
        target.mkdir(parents=True, exist_ok=True)  # other files in it stay
        with tempfile.TemporaryDirectory(dir=target.parent) as beside:
            shutil.copytree(self.version_of.download(Path(beside) / "version"), target, dirs_exist_ok=True)
        return str(target)

    def file(self, root: str | os.PathLike[str] | None = None) -> str:
        """The path of the only file; other files that the folder has do not count.

        Raises:
            InputError: there are several, or none.
        """
        names = [entry.path for entry in self.version_of.entries.values() if entry.is_stored and not entry.directory]
        if len(names) != 1:
            raise InputError.of(f"Artifact {self.name}", "one file", names, "Call download(), or get_path(name).")
        return str(Path(self.download(root)) / names[0])

    def get(self, name: str) -> Any:
        """A value that was added."""
        return self.version_of.get(name)

    def get_path(self, name: str) -> _Entry:
        """A file of it, to be downloaded."""
        return _Entry(self, name)

    get_entry = get_path

    def is_draft(self) -> bool:
        return not self.is_logged

    @property
    def name(self) -> str:
        return f"{self._name}:{self._made.version}" if self._made else self._name

    qualified_name = source_name = name

    @property
    def type(self) -> str:
        return self._type

    @property
    def version(self) -> str:
        return str(self.version_of.version)

    @property
    def size(self) -> int:
        """Bytes of the files that are stored."""
        return int(self.version_of.size)

    @property
    def created_at(self) -> str:
        """When it was logged, as ISO 8601 in UTC."""
        return datetime.fromtimestamp(self.version_of.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def digest(self) -> str:
        return str(self.version_of.digest)

    def logged_by(self) -> Any:
        """The run that made it, as it says of itself."""
        return self.version_of.run

    def __repr__(self) -> str:
        return f"<Artifact {self.name}>"


class _Entry:
    def __init__(self, artifact: Artifact, name: str) -> None:
        self._artifact, self.path = artifact, name

    def download(self, root: str | os.PathLike[str] | None = None) -> str:
        return str(Path(self._artifact.download(root)) / self.path)


def used(made: Any) -> Artifact:
    """A version that exists."""
    artifact = Artifact(made.name, made.type, made.description, dict(made.metadata))
    artifact._take_from(made)
    return artifact

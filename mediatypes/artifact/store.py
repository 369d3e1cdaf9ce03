"""The artifacts beside the runs: logged in versions, found by alias, checked and cleaned up."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from .._core.declaration import Text
from .._core.errors import InputError, Problem, StoreError, problem
from .._core.file_names import check_names, fold
from .._core.hooks import hook
from .._core.location import Location
from ..columns.plain_data import BAD, make_plain
from ..runfolder.files import ARTIFACTS, BLOBS
from ..runfolder.lineage import MADE, USED, add_lineage
from ..store.remote import RemoteStore
from ..store.urls import locate
from ..upkeep.packing import Moved
from .blobs import Blobs
from .checking import Verified, collect_garbage, verify
from .folder import LATEST, LOGGING, Folder
from .gathering import gather
from .manifest import FORMAT, NAME, Entry, Manifest, digest_of, number_of
from .version import Artifact

__all__ = ["MADE", "USED", "Artifacts", "artifacts", "remember"]
_WHERE = "log_artifact"


def artifacts(root: str | os.PathLike[str] | RemoteStore | None = None) -> Artifacts:
    """The artifacts of a directory of runs.

    Args:
        root: the directory that holds the runs, and `artifacts/` beside them; a URL such as `s3://bucket/runs`, or what
            `open_store` made, to read them. Default: what MEDIATYPES_DIR says, or `runs`.

    Raises:
        InputError: no path and no URL.

    >>> import tempfile, mediatypes as mt
    >>> root = tempfile.mkdtemp()
    >>> with mt.Run(f"{root}/demo") as run:
    ...     _ = run.log_artifact("words", "dataset", {"a.txt": b"one"}, aliases=["best"])
    >>> (mt.artifacts(root).use("words:best").path / "a.txt").read_bytes()
    b'one'
    """
    if root is None:
        root = os.environ.get("MEDIATYPES_DIR") or "runs"
    place: Location = root.root if isinstance(root, RemoteStore) else locate(root, "artifacts")
    inner = place / ARTIFACTS
    is_itself = isinstance(place, Path) and place.name == ARTIFACTS and (place / BLOBS).is_dir() and not inner.exists()
    return Artifacts(place if is_itself else inner)


class Maker(Protocol):
    """What is asked of a run that makes an artifact."""

    id: Any
    name: Any
    path: Any


class Artifacts:
    """Artifacts of all names, each in versions; made by `mt.artifacts(root)`.

    Several processes may log at once, on several hosts: every version is there whole or not at all.

    Args:
        root: the directory of artifacts.

    >>> import tempfile, mediatypes as mt
    >>> store = mt.artifacts(tempfile.mkdtemp())
    >>> for content in (b"one", b"two", b"two"):
    ...     artifact = store.log("words", "dataset", {"a.txt": content})
    >>> [version.version for version in store.versions("words")], store.names()
    (['v0', 'v1'], ['words'])
    """

    def __init__(self, root: Location) -> None:
        self.root = root
        self._folder = Folder(root)

    def names(self) -> list[str]:
        """The names of all artifacts."""
        return self._folder.names()

    def versions(self, name: str) -> list[Artifact]:
        """All versions of an artifact, the oldest first; raises as `use`."""
        numbers, aliases = self._folder.existing(name), self._folder.aliases(name)
        return [self._artifact(self._folder.read(name, number), aliases, numbers) for number in numbers]

    def use(self, name: str) -> Artifact:
        """A version of an artifact.

        Args:
            name: "cats:best", where `best` is an alias; "cats:v3", a version; "cats" or "cats:latest", the newest one.

        Raises:
            StoreError: there is no such artifact or version.
            DocumentError: its manifest is damaged.
            InputError: no name of an artifact.
        """
        if not isinstance(name, str) or not re.fullmatch(rf"{NAME}(:{NAME})?", name):
            raise InputError.of("use", "a name such as 'cats:best'", name, "Names have letters, digits, -, _ and .")
        name, _, alias = name.partition(":")
        numbers, aliases = self._folder.existing(name), self._folder.aliases(name)
        number = numbers[-1] if alias in ("", LATEST) else aliases.get(alias, number_of(alias))
        if number not in numbers:
            known = ", ".join([*aliases, *(f"v{number}" for number in numbers[-5:]), LATEST])
            hint = f"There are {known}."
            raise StoreError.of(f"{self.root}/{name}", "a version or an alias", alias, hint)
        return self._artifact(self._folder.read(name, number), aliases, numbers)

    def log(
        self,
        name: str,
        type: str,
        path_or_dir: Any,
        aliases: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        *,
        description: str | None = None,
        run: Maker | None = None,
        durable: bool = False,
    ) -> Artifact:
        """Log a version of an artifact: a new one, unless the latest holds the same and says the same of itself.

        Args:
            name: letters, digits, `-`, `_` and `.`.
            type: what sort of thing it is, such as "dataset" or "model"; the same for all its versions.
            path_or_dir: a file or directory, which is copied; a URL, which is referred to (the file behind `file://` is
                hashed, of `s3://`, `gs://` and `az://` size and time are asked for); a `Reference`; a media value; or a
                dict of names to these and bytes. A link in a directory must not leave it.
            aliases: that mean this version from now on; "latest" means the newest one by itself.
            metadata: plain data about it. Other metadata make a new version, as they are kept with the first.
            description: text about it; as metadata.
            run: that makes it; it remembers the artifact, and the artifact the run.
            durable: wait until all is on the disk, safe from a power cut.

        Raises:
            InputError: with every problem; nothing is logged.
            StoreError: the system refused; at most what `gc` removes is left.
        """
        root, problems = self._folder.local("log"), list[Problem]()
        latest = self._folder.latest(name) if isinstance(name, str) and re.fullmatch(NAME, name) else None
        aliases = list(aliases) if isinstance(aliases, Iterable) and not isinstance(aliases, (str, bytes)) else aliases
        told = self._told(name, type, description, metadata, problems)
        problems += self._check_aliases(name, aliases)
        if latest and latest.type != type:
            hint = "The versions of an artifact have one type."
            problems.append(problem(f"{_WHERE}.type", repr(latest.type), type, hint))
        blobs = Blobs(root, durable=durable)
        with self._folder.doing(LOGGING):
            gathered = gather(path_or_dir, blobs, Path(os.path.realpath(root)), problems)
            if problems:
                raise InputError(problems)
            sizes = {entry.size for entry in latest.entries.values()} if latest else set[int | None]()
            entries = dict(gathered.entries)
            for path, (content, executable) in gathered.contents.items():
                entries[path] = Entry(path, *blobs.put(content, sizes), executable=executable)
            plain = [entries[path].to_json() for path in sorted(entries)]
            told |= {"digest": digest_of(plain)} | ({"main": gathered.main} if gathered.main else {})
            told |= ({"run": self._maker(run)} if run else {}) | {"entries": plain}
            manifest = self._folder.add(told, latest, blobs)
        for alias in aliases:
            if alias != LATEST:
                self._folder.move(name, alias, manifest.number)
        artifact = self._artifact(manifest, self._folder.aliases(name), self._folder.numbers(name))
        if run:
            remember(run.path, artifact, MADE)
        return artifact

    def alias(self, name: str, *aliases: str) -> Artifact:
        """Make aliases mean a version; raises as `use`, and `InputError` for a text that is none.

        >>> import tempfile, mediatypes as mt
        >>> store = mt.artifacts(tempfile.mkdtemp())
        >>> _ = store.log("words", "dataset", {"a.txt": b"one"})
        >>> store.alias("words:v0", "best").aliases
        ('best', 'latest')
        """
        artifact = self.use(name)
        if problems := self._check_aliases(artifact.name, aliases):
            raise InputError(problems)
        for alias in aliases:
            if alias != LATEST:
                self._folder.move(artifact.name, alias, artifact.number)
        return self.use(f"{artifact.name}:{artifact.version}")

    def verify(self) -> Verified:
        """Read every byte that is stored, and compare it with its hash; look at every manifest and alias."""
        return verify(self._folder)

    def gc(self, dry_run: bool = False) -> Moved:
        """Remove what no version holds: of processes that were killed, and of versions whose directory was removed.

        Args:
            dry_run: only say what would be removed.

        Raises:
            StoreError: a process is logging, or the system refused.
            DocumentError: a manifest is damaged, so that nobody can tell. Nothing is removed then.
        """
        return collect_garbage(self._folder, dry_run)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: a table of all versions, and the `repr`."""
        return hook("show_artifacts")(self)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"Artifacts({str(self.root)!r})"

    def _told(self, name: Any, type: Any, description: Any, metadata: Any, problems: list[Problem]) -> dict[str, Any]:
        """The beginning of a manifest; problems are added to the others."""
        if not isinstance(name, str) or not re.fullmatch(NAME, name) or fold(name) == BLOBS:
            hint = "Use letters, digits, -, _ and . (but not 'blobs')."
            problems.append(problem(f"{_WHERE}.name", "the name of an artifact", name, hint))
        elif check_names([name], _WHERE):
            hint = "Rename it: Windows has devices of such names, and drops a final dot."
            problems.append(problem(f"{_WHERE}.name", "a name that is safe on every system", name, hint, "unsafe"))
        elif twins := [one for one in self._folder.entries("") if one != name and fold(one) == fold(name)]:
            problems.append(problem(f"{_WHERE}.name", f"another name beside {twins[0]!r}", name, "Rename it.", "twins"))
        problems += Text(min_length=1).check(type, f"{_WHERE}.type")
        told: dict[str, Any] = {"format": FORMAT, "name": name, "version": 0, "type": type}
        if description is not None:
            problems += Text().check(description, f"{_WHERE}.description")
            told["description"] = description
        if isinstance(metadata, Mapping):
            plain = make_plain(metadata, f"{_WHERE}.metadata", problems)
            told["metadata"] = {} if plain is BAD else plain
        elif metadata is not None:
            problems.append(problem(f"{_WHERE}.metadata", "a dict of plain data", metadata, "Pass {'acc': 0.9}."))
        return told

    def _check_aliases(self, name: Any, aliases: Any) -> list[Problem]:
        where = f"{_WHERE}.aliases"
        if not isinstance(aliases, (list, tuple)):
            return [problem(where, "a list of texts", aliases, "Pass ['best'].")]
        present = self._folder.aliases(name) if isinstance(name, str) and re.fullmatch(NAME, name) else {}
        problems, known = list[Problem](), {fold(alias): alias for alias in [LATEST, *present]}
        for alias in aliases:
            if not isinstance(alias, str) or not re.fullmatch(NAME, alias) or number_of(alias) is not None:
                hint = "Use letters, digits, -, _ and ., but no version such as v3."
                problems.append(problem(where, "the name of an alias", alias, hint))
            elif check_names([f"{alias}.json"], where):
                hint = "Rename it: Windows has devices of such names."
                problems.append(problem(where, "a name that is safe on every system", alias, hint, "unsafe"))
            elif (other := known.setdefault(fold(alias), alias)) != alias:
                problems.append(problem(where, f"another name beside {other!r}", alias, "Rename it.", "twins"))
        return problems

    def _maker(self, run: Maker) -> dict[str, str]:
        base = self._folder.local("log").parent
        told = {"id": run.id, "name": run.name}
        return told | ({"path": run.path.relative_to(base).as_posix()} if run.path.is_relative_to(base) else {})

    def _artifact(self, manifest: Manifest, aliases: dict[str, int], numbers: list[int]) -> Artifact:
        mine = [alias for alias, number in aliases.items() if number == manifest.number]
        return Artifact(self.root, manifest, (*mine, *([LATEST] if manifest.number == numbers[-1] else [])))


def remember(root: Path, artifact: Artifact, role: str) -> None:
    """Write down in a run that it made or used an artifact."""
    add_lineage(root, artifact.name, artifact.number, artifact.type, artifact.digest, role)

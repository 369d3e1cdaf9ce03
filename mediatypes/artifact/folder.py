"""The directory of artifacts: its versions and aliases, and how they appear whole while several processes write."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._core import atomic, canonical
from .._core.declaration import Field, Integer, Number, Record, Text
from .._core.errors import DocumentError, InputError, MediaTypesError, Problem, StoreError, Verbatim, describe, os_error
from .._core.location import Location
from ..runfolder import files
from .blobs import Blobs
from .manifest import FORMAT, MANIFEST, NAME, Manifest, number_of, read_manifest
from .version import FILES, lay_out

ALIASES = "aliases"  # of an artifact
LATEST = "latest"
LOGGING, COLLECTING = "logging", "collecting"  # what processes say that they do
_PATIENCE = 60  # seconds that who logs waits for who collects
_OCCUPIED = (errno.EEXIST, errno.ENOTEMPTY, errno.EISDIR, errno.ENOTDIR)
_LIST = "mediatypes artifacts ls lists them."

ALIAS_JSON = Record(
    "An alias of an artifact: which version it means.",
    (
        Field("format", Text(pattern=r"[0-9]+\.[0-9]+"), "Version of the format of artifacts."),
        Field("version", Integer(0), "Number of the version."),
        Field("time", Number(), "When it was moved there, in seconds since the epoch."),
    ),
)


class Folder:
    """The directory of artifacts, here or, to be read, elsewhere."""

    def __init__(self, root: Location) -> None:
        self.root = root

    def local(self, where: str) -> Path:
        """The directory to write to; raises `StoreError` if it is elsewhere, `UnsafePath` if it is a link."""
        if not isinstance(self.root, Path):
            hint = "Log beside the runs, and copy the directory."
            raise StoreError.of(f"{where}: {self.root}", "a directory of this machine", Verbatim("a URL"), hint)
        files.require_no_links(self.root.parent, [self.root.name])
        return self.root

    def names(self) -> list[str]:
        """The names of all artifacts."""
        return [one for one in self.entries("") if re.fullmatch(NAME, one) and one != files.BLOBS and self.numbers(one)]

    def entries(self, name: str) -> list[str]:
        """What stands in the directory of an artifact, or "" for that of all; nothing without it."""
        place = self.root / name if name else self.root
        try:
            return sorted(os.listdir(place) if isinstance(place, Path) else place.entries())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise os_error(StoreError, str(place), "list the artifacts", error, "Check the path.") from error

    def numbers(self, name: str) -> list[int]:
        """The versions of an artifact, ascending; none if there is no such artifact."""
        return sorted(number for one in self.entries(name) if (number := number_of(one)) is not None)

    def existing(self, name: str) -> list[int]:
        """`numbers`, of an artifact that has to be there."""
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            raise InputError.of("artifacts", "the name of an artifact", name, "Pass 'cats'.")
        if numbers := self.numbers(name):
            return numbers
        known = self.names()
        if not known:
            hint = (
                f"Log it first: run.log_artifact({name!r}, ...); or use it from elsewhere: mt.artifacts(root).use(...)."
            )
            raise StoreError.of(str(self.root), f"an artifact {name!r}", Verbatim("no artifacts at all"), hint)
        raise StoreError.of(str(self.root), f"one of {', '.join(known[:10])}", name, _LIST)

    def read(self, name: str, number: int) -> Manifest:
        """The manifest of a version; raises as `read_manifest`."""
        return read_manifest(self.root, name, number)

    def latest(self, name: str) -> Manifest | None:
        """The newest version; None if there is none, or it is damaged: then what is logged differs from it."""
        with contextlib.suppress(DocumentError, StoreError):
            if numbers := self.numbers(name):
                return self.read(name, numbers[-1])
        return None

    def aliases(self, name: str, problems: list[Problem] | None = None) -> dict[str, int]:
        """Which versions the aliases of an artifact mean; those that are damaged become problems, or mean none."""
        aliases = dict[str, int]()
        for one in self.entries(f"{name}/{ALIASES}"):
            alias = one.removesuffix(".json")
            if one == alias or not re.fullmatch(NAME, alias) or alias == LATEST or number_of(alias) is not None:
                continue
            try:
                path = self.root / f"{name}/{ALIASES}/{one}"
                value = files.read_json(path)
                if wrong := list(ALIAS_JSON.check(value)):
                    raise DocumentError(p._replace(path=f"{path}: {p.path}") for p in wrong)
                aliases[alias] = int(value["version"])
            except MediaTypesError as error:
                if problems is not None:
                    problems += describe(error)
        return aliases

    # Writing ---------------------------------------------------------------------------------------------------------

    def add(self, told: dict[str, Any], latest: Manifest | None, blobs: Blobs) -> Manifest:
        """The latest version if it says what is told, else a new one with that.

        Args:
            told: the manifest without `version` and `created`.
            latest: the newest version a moment ago.
            blobs: have all its content.

        Raises:
            InputError: it has another type.
            StoreError: the system refused.
        """
        name, root = told["name"], self.local("log")
        files.require_no_links(root, [name])
        while True:
            numbers = self.numbers(name)
            if numbers and not (latest and latest.number == numbers[-1]):
                latest = self.latest(name)
            if latest and latest.type != told["type"]:
                raise InputError.of("log_artifact.type", repr(latest.type), told["type"], "An artifact has one type.")
            if latest and latest.says(told):
                return latest
            taken = [
                n for n in self.aliases(name).values() if number_of(f"v{n}") is not None
            ]  # also of removed versions
            number = max([*numbers, *taken], default=-1) + 1
            value = told | {"version": number, "created": time.time()}
            if self._place(root / name / f"v{number}", value, blobs):
                return Manifest(value)

    def _place(self, folder: Path, value: dict[str, Any], blobs: Blobs) -> bool:
        """Make the directory of a version, unless somebody else was faster."""
        temporary = folder.with_name(atomic.temporary_name(folder.name))
        try:
            temporary.mkdir(parents=True)
            (temporary / MANIFEST).write_bytes(canonical.dump_pretty(value))
            try:
                lay_out(blobs, Manifest(value).entries, temporary / FILES, may_copy=False)
            except OSError:  # no hard links here: who uses it copies the files
                shutil.rmtree(temporary / FILES, ignore_errors=True)
            if blobs.durable:
                atomic.sync(temporary / MANIFEST)
                atomic.sync(temporary)
            os.rename(temporary, folder)  # which never replaces a directory that has something in it
            if blobs.durable:
                atomic.sync(folder.parent)
            return True
        except BaseException as error:
            shutil.rmtree(temporary, ignore_errors=True)
            if not isinstance(error, OSError) or isinstance(error, StoreError):
                raise
            if error.errno in _OCCUPIED and os.path.lexists(folder):
                return False
            hint = "Free some space or choose a writable directory."
            raise os_error(StoreError, str(folder), "log the artifact", error, hint) from error

    def move(self, name: str, alias: str, number: int) -> None:
        """Make an alias mean a version, at once."""
        root = self.local("alias")
        files.require_no_links(root, [name, f"{name}/{ALIASES}"])
        folder = root / name / ALIASES
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise os_error(StoreError, str(folder), "move the alias", error, "Check permissions.") from error
        files.write_json(folder / f"{alias}.json", {"format": FORMAT, "version": number, "time": time.time()})

    @contextlib.contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Say what this process does, while it does: who logs and who collects do not work at the same time.

        Both say it first and look then, so that at least one of two sees the other: who logs waits, who collects gives
        up.

        Raises:
            StoreError: another process is at work, or the system refused.
        """
        root = self.local(what)
        if (root / files.RUN).exists():
            raise StoreError.of(str(root), "a directory of artifacts", Verbatim("a run"), "Give the run another name.")
        mark, other = root / atomic.temporary_name(what), COLLECTING if what == LOGGING else LOGGING
        try:
            try:
                root.mkdir(parents=True, exist_ok=True)
                mark.write_bytes(b"")
            except OSError as error:
                raise os_error(StoreError, str(root), "write there", error, "Choose a writable directory.") from error
            end = time.monotonic() + (_PATIENCE if what == LOGGING else 0)
            while busy := [
                name for name in files.names_in(root) if name.startswith(f".{other}.") and not atomic.is_leftover(name)
            ]:
                if time.monotonic() >= end:
                    hint = f"Wait for it; if it is gone, remove {root / busy[0]}."
                    raise StoreError.of(str(root), "no other process at work", Verbatim(f"one that is {other}"), hint)
                time.sleep(0.02)
            yield
        finally:
            with contextlib.suppress(OSError):
                mark.unlink(missing_ok=True)

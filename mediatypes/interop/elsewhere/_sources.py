"""Files that other trackers wrote, read with nothing trusted: no link is followed, and nothing outside is reached."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..._core.deps import need
from ..._core.errors import InputError, MediaTypesError, StoreError, UnsafePath, Verbatim, os_error
from ..._core.sidecar import safe_parts

LARGEST = 64 * 1024 * 1024  # bytes of a text that is read whole
_SQLITE = b"SQLite format 3\0"
# YAML 1.2, section 10.3.2: to PyYAML, which follows 1.1, yes is a bool, 1:30 is 90, and 1e-05 is a text.
_SCALARS = {
    "bool": (r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    "int": (r"[-+]?(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+)$", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$",
        "-+.0123456789",
    ),
}
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_PRAGMA}


def below(base: Path, name: Any) -> Path | None:
    """A file that the source names, if it is below its directory and there, and no part of the way is a link."""
    try:
        parts = safe_parts(name) if isinstance(name, str) else ()
    except UnsafePath:
        return None
    path = base
    for part in parts:
        path = path / part
        if path.is_symlink():
            return None
    return path if parts and path.is_file() else None


def has_link(path: Path, base: Path) -> bool:
    """Whether a path below `base` is a link, or a part of the way to it."""
    return any(one.is_symlink() for one in (path, *path.parents) if one != base and one.is_relative_to(base))


def regular_files(base: Path) -> Iterator[str]:
    """The files below a directory by their names there, without links; raises StoreError."""
    for folder, names, own in os.walk(base, onerror=_refused):
        names[:] = sorted(name for name in names if not os.path.islink(os.path.join(folder, name)))
        for name in sorted(own):
            path = Path(folder) / name
            if not path.is_symlink() and path.is_file():
                yield path.relative_to(base).as_posix()


def _refused(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise os_error(StoreError, str(error.filename), "list the directory", error, "Check permissions.") from error


def text(path: Path) -> str:
    """A text file; raises InputError."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            raise InputError.of(str(path), f"a file of at most {LARGEST} bytes", Verbatim("another"), "", "file")
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        if isinstance(error, MediaTypesError):
            raise
        said = Verbatim(getattr(error, "strerror", None) or "bytes that are not UTF-8")
        raise InputError.of(str(path), "a readable file", said, "Check permissions, or remove it.", "file") from error


def mapping(path: Path) -> dict[str, Any]:
    """The content of a JSON or YAML file; raises InputError."""
    written = text(path)
    try:
        if path.suffix == ".json":
            content = json.loads(written)
        else:
            yaml = need("yaml", extra="yaml", needed_for=path.name)
            try:
                content = yaml.load(written, _yaml_loader())
            except yaml.YAMLError as error:
                raise ValueError(" ".join(str(error).split())) from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, MediaTypesError):
            raise
        raise InputError.of(str(path), "JSON or YAML", Verbatim(str(error)), "Correct or remove it.", "file") from error
    if not isinstance(content, dict):
        raise InputError.of(str(path), "a mapping", content, "Correct or remove it.", "file")
    return {str(key): item for key, item in content.items()}


@cache
def _yaml_loader() -> Any:
    """PyYAML's safe loader with bools and numbers of YAML 1.2, as ruamel.yaml writes them; PyYAML's mean the same."""
    base = need("yaml", extra="yaml", needed_for="YAML").SafeLoader
    resolvers = {
        first: [one for one in known if one[0].rpartition(":")[2] not in _SCALARS]
        for first, known in base.yaml_implicit_resolvers.items()
    }
    loader: Any = type("Loader", (base,), {"yaml_implicit_resolvers": resolvers})
    for name, (pattern, first) in _SCALARS.items():
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(pattern), list(first))
    return loader


def as_dict(value: Any) -> dict[str, Any]:
    """The value if it is a dict, else an empty one."""
    return value if isinstance(value, dict) else {}


def loads(written: Any) -> dict[str, Any]:
    """A JSON object; empty where it is none."""
    try:
        return as_dict(json.loads(written))
    except (ValueError, TypeError, RecursionError):
        return {}


def number(written: str) -> Any:
    """What a text says: a number, where it loses nothing: 007, 3.10 and a hash such as 1234e5678 are texts."""
    if re.search(r"[_\s]|[^\x00-\x7f]", written) or re.fullmatch(r"[+-]?(0[0-9]+|[0-9]*\.[0-9]+0)", written):
        return written  # most of which Python takes
    with contextlib.suppress(ValueError):
        return int(written)
    with contextlib.suppress(ValueError):
        value = float(written)
        return value if math.isfinite(value) or not re.search("[0-9]", written) else written
    return written


def whole(written: Any) -> int | None:
    """The number of a text of decimal digits, as many as 64 bits can have; None of what is none."""
    return int(written) if isinstance(written, str) and re.fullmatch(r"[0-9]{1,18}", written) else None


def seconds(milliseconds: Any) -> float | None:
    """Milliseconds in seconds; None of what is no number."""
    return milliseconds / 1000 if type(milliseconds) in (int, float) else None


def tables_of(path: Path) -> set[str]:
    """The names of the tables of a SQLite file, `table.column` of their columns; empty of another file."""
    try:
        if not path.is_file():
            return set()
        with open(path, "rb") as file:
            if file.read(len(_SQLITE)) != _SQLITE:
                return set()
        log = path.with_name(f"{path.name}-wal")
        states = [one.stat() for one in (path, log) if one.is_file()]
        return _read_tables(path, *((state.st_size, state.st_mtime_ns) for state in states))
    except (OSError, MediaTypesError):
        return set()


@lru_cache(16)  # the database is copied for it, and each tracker asks
def _read_tables(path: Path, *states: tuple[int, int]) -> set[str]:
    with database(path) as ask:
        names = [str(row[0]) for row in ask("select name from sqlite_master where type = 'table'")]
        columns = [(name, str(row[1])) for name in names for row in ask(f"pragma table_info({_quoted(name)})")]
        return {*names, *(f"{name}.{column}" for name, column in columns)}


@contextlib.contextmanager
def database(path: Path) -> Iterator[Any]:
    """A function that asks a copy of a SQLite file: reading never writes, and a writer is not disturbed."""
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "copy.db"
        try:
            shutil.copyfile(path, copied)
            if (log := path.with_name(f"{path.name}-wal")).is_file() and not log.is_symlink():
                shutil.copyfile(log, copied.with_name("copy.db-wal"))
            connection = _connect(copied)
        except (OSError, sqlite3.Error) as error:
            raise InputError.of(str(path), "a database that can be read", Verbatim(str(error)), "", "sqlite") from error

        def ask(query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
            try:
                yield from connection.execute(query, values)
            except sqlite3.Error as error:
                raise InputError.of(str(path), "a sound database", Verbatim(str(error)), "", "sqlite") from error

        try:
            yield ask
        finally:
            connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    """A connection whose database may be a stranger's, as sqlite.org/security.html has it: its schema runs nothing."""
    connection = sqlite3.connect(f"file:{quote(str(path))}", uri=True)
    connection.execute("pragma trusted_schema = off")
    connection.execute("pragma cell_size_check = on")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
    connection.set_authorizer(_allowed)
    return connection


def _allowed(action: int, name: str | None, _: str | None, __: str | None, view: str | None) -> int:
    """Queries of ours only: none that a view of the database makes."""
    return sqlite3.SQLITE_OK if action in _READING and view is None else sqlite3.SQLITE_DENY


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

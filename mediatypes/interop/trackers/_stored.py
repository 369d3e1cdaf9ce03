"""For trackers that keep files: each value itself as JSON and files, beside what the tracker shows of it.

Below the folder `mediatypes` of the tracker's files, `<key>/<step>.json` is the document of a value, or the text or
list itself (without a step, its hash is its name); the files that documents name are in `media`.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..._core import canonical
from ..._core.codec import decode, encode
from ...store.directory import DirectoryStore
from ..importing.names import safe_name

FOLDER = "mediatypes"
_HASH = 64  # digits


class Stored(NamedTuple):
    """What is logged of a value: the value itself, or plain data, and what shows it, if anything does."""

    value: Any
    shown: Any = None


def stored(value: Any, key: str) -> Stored:
    """A value of which the tracker shows nothing."""
    return Stored(value)


def only_if(condition: Callable[[Any], bool], make: Callable[[Any, str], Stored]) -> Callable[[Any, str], Stored]:
    """Shows those values that meet a condition."""
    return lambda value, key: make(value, key) if condition(value) else Stored(value)


def send(
    objects: dict[str, Any],
    step: int | None,
    *,
    number: Callable[[str, Any], Any],
    show: Callable[[str, Any], Any],
    place: Callable[[str, Path], Any],
) -> None:
    """Store values and show them.

    Args:
        objects: numbers and `Stored` values, by key.
        step: of the row.
        number: is called with the key of a number, and the number.
        show: is called with the key of a value, and what shows it.
        place: is called with the name of each value and a folder of its files, which is removed afterwards.
    """
    for key, made in objects.items():
        if not isinstance(made, Stored):
            number(key, made)
            continue
        with tempfile.TemporaryDirectory() as folder:
            place(_write(Path(folder), key, step, made.value), Path(folder))
        if made.shown is not None:
            show(key, made.shown)


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files below a folder, each with its name in the tracker."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield f"{FOLDER}/{path.relative_to(folder).as_posix()}", path


def read(folder: Path, names: Iterable[str]) -> Iterator[tuple[str, int | None, Callable[[], Any]]]:
    """What `send` stored, of the files below a folder: the name of the key, the step, and what makes the value."""
    for name in names:
        top, _, rest = name.partition("/")
        key, _, file = rest.rpartition("/")
        step, _, suffix = file.partition(".")
        is_hash = len(step) == _HASH and set(step) <= {*"0123456789abcdef"}
        if top == FOLDER and suffix == "json" and (step.isdecimal() or is_hash):
            yield key, None if is_hash else int(step), partial(_read, folder / name, folder / FOLDER)


def _read(file: Path, folder: Path) -> Any:
    plain = canonical.loads(file.read_text("utf-8"))
    is_document = isinstance(plain, dict) and "_type" in plain
    return decode(plain, DirectoryStore(folder, "media")) if is_document else plain


def _write(folder: Path, key: str, step: int | None, value: Any) -> str:
    """Write the document and the files of a value below a folder; returns the name of the document, without suffix."""
    is_medium = hasattr(type(value), "__media__")
    content = canonical.dumps(encode(value, DirectoryStore(folder, "media")) if is_medium else value).encode()
    name = f"{safe_name(key)}/{hashlib.sha256(content).hexdigest() if step is None else step}"
    file = folder / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return name

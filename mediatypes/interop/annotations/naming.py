"""Names of files, and numbers of classes, in a data set that is written."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from ..._core.errors import UnsafePath
from ..._core.sidecar import safe_parts
from ..importing.names import folded, free_name


class Names:
    """Gives each image a name: its caption if that names such a file and is free, else its number.

    Args:
        stems: no two names differ only in their suffix, which the file beside the image does not have.
        flat: names without folders.
    """

    def __init__(self, stems: bool = False, flat: bool = False) -> None:
        self._stems, self._flat, self._given = stems, flat, set[str]()
        self._paths, self._folders = set[str](), set[str]()

    def give(self, caption: str | None, format: str) -> str:
        """The name of the next image, with "/" where it is in a folder.

        >>> names = Names()
        >>> names.give("val/a.png", "png"), names.give("val/a.png", "png"), names.give("a dog", "jpg")
        ('val/a.png', 'val/a_2.png', '000003.jpg')
        """
        number = len(self._given) + 1
        name = caption if caption and _names_a_file(caption, format) else f"{number:06d}.{format}"
        if self._flat or not self._paths.isdisjoint(_folders(name)):  # nor is a picture a folder
            name = name.replace("/", "_")
        stem, _, suffix = name.rpartition(".")
        first = stem
        while self._is_taken(known := stem if self._stems else f"{stem}.{suffix}", f"{stem}.{suffix}"):
            stem = f"{first}_{number}"
            number += 1
        self._given.add(folded(known))
        self._paths.add(folded(f"{stem}.{suffix}"))
        self._folders.update(_folders(name))
        return f"{stem}.{suffix}"

    def _is_taken(self, known: str, path: str) -> bool:
        return folded(known) in self._given or folded(path) in self._folders


def _folders(name: str) -> set[str]:
    parts = folded(name).split("/")
    return {"/".join(parts[:i]) for i in range(1, len(parts))}


class ClassIds:
    """Class ids of a data set, where a number has one name: an id that has another in an image gets another number.

    Args:
        first, last: the numbers that can be.
    """

    def __init__(self, first: int = -(2**63), last: int = 2**63 - 1) -> None:
        self._first, self._last = first, last
        self._moved: dict[tuple[int, str], int] = {}
        self.names: dict[int, str] = {}

    def of(self, labels: Mapping[int, str]) -> dict[int, int]:
        """The numbers of an image's classes, by their ids there.

        >>> classes = ClassIds()
        >>> classes.of({0: "cat", 1: "dog"}), classes.of({0: "dog", 1: "bird"}), classes.names
        ({0: 0, 1: 1}, {0: 1, 1: 2}, {0: 'cat', 1: 'dog', 2: 'bird'})
        """
        ids = {
            id: id
            for id, name in labels.items()
            if self._first <= id <= self._last and self.names.setdefault(id, name) == name
        }
        for id, name in labels.items():
            if id not in ids:
                ids[id] = self._moved[id, name] = self._moved.get((id, name)) or self._other(name, {*ids.values()})
        return ids

    def _other(self, name: str, taken: set[int]) -> int:
        """The number of a class of that name, else a new one."""
        same = (id for id, one in self.names.items() if one == name and id not in taken)
        number = next(same, None)
        if number is None:
            number = next(id for id in count(max(self._first, 0)) if id not in self.names)
            self.names[number] = name
        return number


def file_stem(name: str, taken: set[str]) -> str:
    """The name of a set as that of a file, which no other has."""
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:64] or "_"
    return free_name(plain, taken, "_", ignore_case=True)


def _names_a_file(caption: str, format: str) -> bool:
    suffixes = (".jpg", ".jpeg") if format == "jpg" else (".tif", ".tiff") if format == "tiff" else (f".{format}",)
    try:
        is_plain = caption == caption.strip() and len(caption) < 200 and bool(safe_parts(caption))
        return is_plain and caption.lower().endswith(suffixes)
    except UnsafePath:
        return False

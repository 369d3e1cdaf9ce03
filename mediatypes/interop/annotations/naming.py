"""Names of files in a data set that is written."""

from __future__ import annotations

from ..._core.errors import UnsafePath
from ..._core.sidecar import safe_parts
from ..importing.names import free_name


class Names:
    """Gives each image a name: its caption if that names such a file and is free, else its number.

    Args:
        stems: no two names differ only in their suffix, which the file beside the image does not have.
        flat: names without folders.
    """

    def __init__(self, stems: bool = False, flat: bool = False) -> None:
        self._stems, self._flat, self._given = stems, flat, set[str]()

    def give(self, caption: str | None, format: str) -> str:
        """The name of the next image, with "/" where it is in a folder.

        >>> names = Names()
        >>> names.give("val/a.png", "png"), names.give("val/a.png", "png"), names.give("a dog", "jpg")
        ('val/a.png', 'val/a_2.png', '000003.jpg')
        """
        number = len(self._given) + 1
        name = caption if caption and _names_a_file(caption, format) else f"{number:06d}.{format}"
        stem, _, suffix = (name.replace("/", "_") if self._flat else name).rpartition(".")
        first = stem
        while (known := (stem if self._stems else f"{stem}.{suffix}").lower()) in self._given:
            stem = f"{first}_{number}"
            number += 1
        self._given.add(known)
        return f"{stem}.{suffix}"


def file_stem(name: str, taken: set[str]) -> str:
    """The name of a set as that of a file, which no other has."""
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:64] or "_"
    return free_name(plain, taken, "_", ignore_case=True)


def _names_a_file(caption: str, format: str) -> bool:
    suffixes = (".jpg", ".jpeg") if format == "jpg" else (".tif", ".tiff") if format == "tiff" else (f".{format}",)
    try:
        return caption.lower().endswith(suffixes) and len(caption) < 200 and bool(safe_parts(caption))
    except UnsafePath:
        return False

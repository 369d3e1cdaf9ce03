"""Names of files in a data set that is written."""

from __future__ import annotations

from ..._core.errors import UnsafePath
from ..._core.sidecar import safe_parts


class Names:
    """Gives each image a name: its caption if that names such a file and is free, else its number."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, caption: str | None, format: str) -> str:
        """The name of the next image, with "/" where it is in a folder.

        >>> names = Names()
        >>> names.give("val/a.png", "png"), names.give("val/a.png", "png"), names.give("a dog", "jpg")
        ('val/a.png', 'val/a_2.png', '000003.jpg')
        """
        number = len(self._given) + 1
        name = caption if _names_a_file(caption, format) else f"{number:06d}.{format}"
        stem, dot, suffix = str(name).rpartition(".")
        while name.lower() in self._given:  # type: ignore[union-attr]
            name = f"{stem}_{number}{dot}{suffix}"
            number += 1
        self._given.add(str(name).lower())
        return str(name)


def _names_a_file(caption: str | None, format: str) -> bool:
    suffixes = (".jpg", ".jpeg") if format == "jpg" else (".tif", ".tiff") if format == "tiff" else (f".{format}",)
    try:
        return bool(caption and caption.lower().endswith(suffixes) and len(caption) < 200 and safe_parts(caption))
    except UnsafePath:
        return False

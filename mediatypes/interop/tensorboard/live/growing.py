"""An event file that grows: what is new of it, record by record."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..importing.decode import FileDecoder, open_reader
from ..log.event_table import Events
from ..plugins.convert import Converter
from ..plugins.series import SeriesList


class GrowingFile:
    """Reads an event file from where the last reading stopped. A record that is not whole yet is waited for.

    Args:
        path: of the file.
        folder: namespace of its keys.
        series: of the run; grows.
        converter: makes the cells of media.
    """

    def __init__(self, path: str, folder: str, series: SeriesList, converter: Converter) -> None:
        self.path, self.position = path, 0
        self.decoder = FileDecoder(folder, series, converter, {})

    def read(self) -> Iterator[Events]:
        """All events that were written since; raises OSError."""
        size = os.path.getsize(self.path)
        if size <= self.position:
            return
        with open(self.path, "rb") as file:
            reader = open_reader(file, size, self.position)
            yield from self.decoder.decode(reader)
        self.position = reader.position

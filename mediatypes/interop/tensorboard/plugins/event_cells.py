"""What one event holds, as cells; what is malformed is said, and its bytes are kept as a file."""

from __future__ import annotations

from collections.abc import Iterator

from ...._core.errors import Problem
from ....formats import protobuf
from ..log.events import Event, Metadata, Value
from .convert import Cell, Converter, Rejected
from .series import plugin_of

_SESSIONS = {1: "START", 2: "STOP", 3: "CHECKPOINT"}  # SessionLog.status: event.proto
_MAX_PROBLEMS = 100  # kept in full; the rest is counted
Ready = dict[tuple[int, int], list[Cell] | Rejected]  # cells by the span of their value


class CellReader:
    """Reads the events of one writer.

    Args:
        converter: makes the cells of media.
        remembered: metadata by tag; writers may give it with a tag's first value only. Grows.
    """

    def __init__(self, converter: Converter, remembered: dict[str, Metadata]) -> None:
        self.converter, self.remembered = converter, remembered
        self.problems: list[Problem] = []
        self.unlisted = 0  # problems beyond those
        self.version = ""

    def read(
        self, data: bytes, event: Event, offset: int, ready: Ready | None = None
    ) -> Iterator[tuple[str, str, Cell]]:
        """Tag, plugin and cell of all that an event holds.

        Args:
            data: where its spans point into.
            offset: of its record in the file, for messages.
            ready: cells that were made already.
        """
        for value in event.values:
            metadata = self.metadata(value)
            plugin = plugin_of(value, metadata)
            for cell in self._cells(data, value, plugin, metadata, offset, ready or {}):
                yield value.tag, plugin, cell
        if event.what == "file_version":
            self.version = protobuf.text(data, *event.span)
        elif event.what not in ("", "summary"):
            yield "", "", self._other(data, event)

    def metadata(self, value: Value) -> Metadata:
        """What is known of a tag: the first that its writer said, as TensorBoard has it."""
        known = self.remembered.get(value.tag)
        if value.metadata is None:
            return known or Metadata()
        if known is None:
            self.remembered[value.tag] = value.metadata
        return value.metadata

    def malformed(self, data: bytes, offset: int, error: protobuf.Malformed) -> Cell:
        """The cell of a record that is no event."""
        self._complain(offset, "malformed", f"expected an event, got {error}")
        return self.converter.keep_file(data, "malformed")

    def _cells(
        self, data: bytes, value: Value, plugin: str, metadata: Metadata, offset: int, ready: Ready
    ) -> list[Cell]:
        try:
            found = ready.get(value.span) if value.kind == "histo" else None
            if isinstance(found, list) and plugin != "hparams":
                return found
            return self.converter.convert(data, value, plugin, metadata)
        except Rejected as error:
            expected = f"{value.tag!r}: expected a value of the plugin {plugin or 'of no name'!r}, got {error}"
            self._complain(offset, "rejected", expected.rstrip("."))
            return [self.converter.keep_file(data[slice(*value.span)], "rejected")]

    def _other(self, data: bytes, event: Event) -> Cell:
        """What is no summary: sessions as they are, everything else as a file of the run."""
        if event.what == "session_log":
            found = [
                at
                for number, kind, at, _ in protobuf.fields(data, *event.span)
                if (number, kind) == (1, protobuf.VARINT)
            ]
            return Cell("", "session_log", _SESSIONS.get(found[-1] if found else 0, "UNSPECIFIED"))
        return self.converter.keep_file(data[slice(*event.span)], event.what)

    def _complain(self, offset: int, code: str, message: str) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(Problem(f"@{offset}", message, code, "Its bytes are kept as a file."))
        else:
            self.unlisted += 1

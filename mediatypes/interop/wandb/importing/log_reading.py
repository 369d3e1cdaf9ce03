"""What a log of W&B says, gathered piece by piece: its rows, its summary, and what it tells of the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...importing.losses import Losses
from ..run_log import items
from ..run_log.framing import Records
from ..run_log.items import HISTORY, SUMMARY, KeyTable
from .facts import Facts
from .media import RunMedia
from .read_rows import RowReader
from .recorded import Recorded


class LogReading:
    """A log that is being read.

    Args:
        root: the run directory's `files`.
        target: the run's folder, which an earlier import may have made.
        sink: where sidecars go.
        attach: keeps files as they are.
        recorded: gets what was printed, and what was measured of the machine.
    """

    def __init__(
        self,
        root: Path,
        target: Path,
        sink: Any,
        attach: Callable[[Path, str], str],
        recorded: Recorded | None = None,
    ) -> None:
        self.losses = Losses()
        self.facts = Facts(self.losses, recorded)
        self.keys = KeyTable()
        self.media = RunMedia(root, target, self.facts, sink, attach, self.losses)
        self.rows = RowReader(self.keys, self.media.decode_row, self.media.encode, self.losses)

    def take(self, records: Records) -> Any:
        """The rows of some records, None without any; everything else is in `facts`."""
        data = items.padded(records.data)
        kinds, starts, ends = items.split(data, records.starts, records.ends)
        for i in np.flatnonzero(kinds == 0).tolist():  # first: labels and artifacts of the rows are among them
            message = self.facts.take(data, int(records.starts[i]), int(records.ends[i]), int(records.offsets[i]))
            if message:
                kinds[i], starts[i], ends[i] = message
        self._take_summary(data, starts[kinds == SUMMARY], ends[kinds == SUMMARY])
        chosen = kinds == HISTORY
        parsed, slow = items.parse(data, starts[chosen], ends[chosen], self.keys)
        batch = self.rows.read(parsed, starts[chosen], ends[chosen], slow)
        if self.media.failure:
            raise self.media.failure
        return batch

    def _take_summary(self, data: bytes, starts: Any, ends: Any) -> None:
        """The last value of each key, and what was removed."""
        parsed, slow = items.parse(data, starts, ends, self.keys)
        changes: list[tuple[int, Any, bytes | None]] = []
        last = parsed.last()
        for i, (row, key) in enumerate(zip(last.rows.tolist(), last.keys.tolist(), strict=True)):
            changes.append((row, self.keys.paths[key], last.text(i)))
        for row in np.flatnonzero(slow).tolist():
            for path, text in items.read_changes(data, int(starts[row]), int(ends[row])):
                changes.append((row, path, text))
        for _, path, text in sorted(changes, key=lambda change: change[0]):
            if not path:
                continue
            if text is None:
                self.facts.remove_summary(path)
            else:
                self.facts.take_summary(path, text)

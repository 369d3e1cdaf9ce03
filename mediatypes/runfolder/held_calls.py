"""Calls of a run that are held in memory, so that nobody reads them again."""

from __future__ import annotations

from collections.abc import Iterator

from ..columns.batch import Batch, joined, united
from .merge_rows import bytes_of

_MOST_JOINED = 2**17  # calls of a batch


class HeldCalls:
    """Streams of calls, to whose ends more are added: each is held in few batches, however it came.

    Args:
        streams: how many; what `united` makes of them are all calls.
    """

    def __init__(self, streams: int) -> None:
        self._streams: list[list[Batch]] = [[] for _ in range(streams)]
        self.size = 0  # about so many bytes

    def copy(self) -> HeldCalls:
        """The same, to go on with."""
        other = HeldCalls(0)
        other._streams, other.size = [list(batches) for batches in self._streams], self.size
        return other

    def add(self, stream: int, batch: Batch) -> None:
        """Take the next calls of a stream."""
        self.size += 16 * len(batch.steps)
        self.size += sum(bytes_of(values) + values.calls.nbytes for values in batch.columns.values())
        batches = self._streams[stream]
        batches.append(batch)
        while len(batches) > 1 and len(batches[-2].steps) <= min(len(batches[-1].steps), _MOST_JOINED // 2):
            batches[-2:] = [joined(batches[-2:])]

    def batches(self) -> Iterator[Batch]:
        """All calls, in order."""
        return united([iter(batches) for batches in self._streams])

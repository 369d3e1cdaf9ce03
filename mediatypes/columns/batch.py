"""Consecutive calls to `log` as columns: what a journal is read into, and what rows are merged from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from .arrays import Array

Column = tuple[str, str]  # key, kind
RANK: Final = ("_rank", "number")  # the column of a run with several ranks that says which one logged a row


class Values(NamedTuple):
    """Values of one column: which calls of the batch they belong to (ascending), and the values themselves."""

    calls: Array  # (n,) int64
    values: Array | list[Any]
    integral: bool  # all of them were integers


class Batch(NamedTuple):
    """Consecutive calls: their steps and times, and their values by column."""

    sequence: int  # number of the first call
    steps: Array  # (n,) int64
    timestamps: Array  # (n,) float64
    columns: dict[Column, Values]
    ranks: Array | None = None  # (n,) int64, that logged the calls, of a run with several

    def said_by(self, rank: int) -> Batch:
        """The same, all of it logged by one rank, without a column for that; as it is for rank 0 alone."""
        if not rank and self.ranks is None:
            return self
        columns = {column: values for column, values in self.columns.items() if column != RANK}
        return self._replace(columns=columns, ranks=np.full(len(self.steps), rank))

    def of_rank(self, rank: int) -> Batch:
        """The same, all of it logged by one rank of several."""
        count = len(self.steps)
        said = Values(np.arange(count), np.full(count, float(rank)), True)
        return self._replace(columns={RANK: said, **self.columns}, ranks=np.full(count, rank))

    def by_rank(self) -> Iterator[tuple[int, Batch]]:
        """The calls of each rank that has some; 0 if there are no ranks."""
        if self.ranks is None:
            yield 0, self
        else:
            for rank in np.unique(self.ranks).tolist():
                yield rank, self.where(self.ranks == rank)

    def where(self, kept: Array) -> Batch:
        """Some of the calls, chosen by a mask; they are numbered anew from the first number."""
        if kept.all():
            return self
        number = np.cumsum(kept) - 1
        columns = {}
        for column, (calls, values, integral) in self.columns.items():
            chosen = np.flatnonzero(kept[calls])
            if len(chosen):
                own = [values[i] for i in chosen.tolist()] if isinstance(values, list) else values[chosen]
                columns[column] = Values(number[calls[chosen]], own, integral)
        ranks = None if self.ranks is None else self.ranks[kept]
        return Batch(self.sequence, self.steps[kept], self.timestamps[kept], columns, ranks)

    def after(self, sequence: int) -> Batch | None:
        """The calls from number `sequence` on, if there are any."""
        skip = sequence - self.sequence
        if skip <= 0:
            return self
        if skip >= len(self.steps):
            return None
        columns = {}
        for column, (calls, values, integral) in self.columns.items():
            first = int(np.searchsorted(calls, skip))
            if first < len(calls):
                columns[column] = Values(calls[first:] - skip, values[first:], integral)
        ranks = None if self.ranks is None else self.ranks[skip:]
        return Batch(self.sequence + skip, self.steps[skip:], self.timestamps[skip:], columns, ranks)

    def before(self, step: int) -> Batch | None:
        """The calls of lower steps than this, if there are any; steps do not fall."""
        count = int(np.searchsorted(self.steps, step))
        if count in (0, len(self.steps)):
            return self if count else None
        columns = {}
        for column, (calls, values, integral) in self.columns.items():
            if last := int(np.searchsorted(calls, count)):
                columns[column] = Values(calls[:last], values[:last], integral)
        ranks = None if self.ranks is None else self.ranks[:count]
        return Batch(self.sequence, self.steps[:count], self.timestamps[:count], columns, ranks)

    def without(self, taken_back: list[tuple[int, int]]) -> Batch | None:
        """The calls that were not taken back, if there are any; `taken_back` as `files.taken_back` has it."""
        if not taken_back:
            return self
        numbers = self.sequence + np.arange(len(self.steps))
        gone = np.zeros(len(self.steps), bool)
        for number, step in taken_back:
            gone |= (numbers < number) & (self.steps >= step)
        return None if gone.all() else self.where(~gone)

    def rising(self, step: int | None) -> Batch:
        """The calls whose step is not below that of one before them, nor below `step`. Their order stays."""
        steps = self.steps
        if (steps[1:] >= steps[:-1]).all() and (step is None or steps[0] >= step):
            return self
        highest = np.maximum.accumulate(steps if step is None else np.maximum(steps, step))
        return self.where(steps == highest)


def merged(pieces: list[Values]) -> Values:
    """One column from several pieces, in the order of the calls."""
    if len(pieces) == 1:
        return pieces[0]
    calls = np.concatenate([piece.calls for piece in pieces])
    order = np.argsort(calls, kind="stable")
    values: Array | list[Any]
    if isinstance(pieces[0].values, list):
        flat = [value for piece in pieces for value in piece.values]
        values = [flat[i] for i in order.tolist()]
    else:
        values = np.concatenate([np.asarray(piece.values) for piece in pieces])[order]
    return Values(calls[order], values, all(piece.integral for piece in pieces))


class Gathered:
    """Pieces of columns that become those of a batch, in the order of their first calls, then of the keys in these."""

    def __init__(self) -> None:
        self._pieces: dict[Column, list[Values]] = {}
        self._first: dict[Column, tuple[int, int]] = {}  # call, and the place in it

    def add(self, column: Column, place: int, values: Values) -> None:
        """Take values that are not empty; `place` is that of the column in each of their calls, or orders these."""
        first = int(values.calls[0]), place
        self._first[column] = min(self._first.get(column, first), first)
        self._pieces.setdefault(column, []).append(values)

    def columns(self) -> dict[Column, Values]:
        """All columns."""
        return {column: merged(self._pieces[column]) for column in sorted(self._pieces, key=self._first.__getitem__)}


def joined(parts: list[Batch]) -> Batch:
    """Batches that follow each other, all of them with ranks or none, as one."""
    starts = np.cumsum([0, *(len(part.steps) for part in parts)]).tolist()
    steps, stamps = (np.concatenate([getattr(part, name) for part in parts]) for name in ("steps", "timestamps"))
    pieces: dict[Column, list[Values]] = {}
    for part, start in zip(parts, starts, strict=False):
        for column, values in part.columns.items():
            pieces.setdefault(column, []).append(values._replace(calls=start + values.calls))
    ranks = [part.ranks for part in parts if part.ranks is not None]
    columns = {column: merged(own) for column, own in pieces.items()}
    return Batch(parts[0].sequence, steps, stamps, columns, np.concatenate(ranks) if ranks else None)


def united(streams: list[Iterator[Batch]]) -> Iterator[Batch]:
    """The calls of several streams, all with ranks, in the order of steps, then of ranks, then of the streams.

    Args:
        streams: each in the order of steps and ranks; of each no more than a few batches are held.
    """
    if len(streams) == 1:
        yield from streams[0]
        return
    heads = [next(stream, None) for stream in streams]
    ahead = [next(stream, None) for stream in streams]
    number = 0
    while True:
        limit = min((int(batch.steps[0]) for batch in ahead if batch), default=None)  # more of this step may follow
        parts = [head and (head if limit is None else head.before(limit)) for head in heads]
        if known := [part for part in parts if part]:
            whole = _in_one(known, number)
            yield whole
            number += len(whole.steps)
        if limit is None:
            return
        for i, (head, part, following) in enumerate(zip(heads, parts, ahead, strict=True)):
            rest = head.after(head.sequence + len(part.steps)) if head and part else head
            if following and following.steps[0] == limit:
                rest = _in_one([rest, following], rest.sequence) if rest else following
                ahead[i] = next(streams[i], None)
            heads[i] = rest


def _in_one(parts: list[Batch], sequence: int) -> Batch:
    """Calls that have ranks as one batch, in the order of steps, ranks and parts."""
    steps = np.concatenate([part.steps for part in parts])
    ranks = np.concatenate(
        [np.zeros(len(part.steps), np.int64) if part.ranks is None else part.ranks for part in parts]
    )
    stamps = np.concatenate([part.timestamps for part in parts])
    order = np.lexsort((ranks, steps))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    gathered, start = Gathered(), 0
    for part in parts:
        for number, (column, values) in enumerate(part.columns.items()):
            gathered.add(column, number, values._replace(calls=place[start + values.calls]))
        start += len(part.steps)
    return Batch(sequence, steps[order], stamps[order], gathered.columns(), ranks[order])

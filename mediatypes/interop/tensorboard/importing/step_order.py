"""From events to the calls that a history is made of: in the order of steps, whatever that of the events was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from ....columns.arrays import Array
from ....columns.batch import Batch, Values
from ..log.event_table import Content, Events
from ..plugins.convert import Series
from .decode import is_integral


class Source(Protocol):
    """Gives events, at least those with low <= step < high, in their order."""

    def __call__(self, low: int | None = None, high: int | None = None) -> Iterable[Events]: ...


MeshMaker = Callable[[dict[str, Any]], tuple[str, Any] | None]  # of documents of parts by type: kind and value
_EVENTS_AT_ONCE = 2 << 20  # events sorted in memory, if they are numbers; see `Events.weights`
_EVENTS_PER_SAMPLE = 1024  # every so many of them a step is noted


class StepOrder:
    """All events of a run in the order of their steps, in pieces that fit into memory; meshes are made of their parts.

    Of values with one tag and step the later one comes later, so that it stays in the history: files are in the order
    of their names, which begin with the time they were begun, and events in that of their file.
    """

    def __init__(self, events: Source, series: list[Series], mesh: MeshMaker) -> None:
        self._events, self._series, self._mesh = events, series, mesh
        samples, total = [np.zeros(0, np.int64)], 0
        for chunk in events():
            if chunk.cells:
                order = np.argsort(chunk.steps)
                ends = total + np.cumsum(chunk.weights[order])
                samples.append(
                    np.repeat(
                        chunk.steps[order], np.diff(ends // _EVENTS_PER_SAMPLE, prepend=total // _EVENTS_PER_SAMPLE)
                    )
                )
                total = int(ends[-1])
            else:
                samples.append(
                    np.sort(chunk.steps)[-total % _EVENTS_PER_SAMPLE :: _EVENTS_PER_SAMPLE]
                )  # counted through all chunks
                total += len(chunk.steps)
        self._bounds = _bounds(np.sort(np.concatenate(samples)))

    def batches(self) -> Iterator[Batch]:
        """The events as calls, steps ascending; what is no number is `Content`, see `read`."""
        sequence = 0
        edges = [None, *self._bounds.tolist(), None]
        for low, high in pairwise(edges):
            chosen = [_between(chunk, low, high) for chunk in self._events(low, high)]
            chosen = [chunk for chunk in chosen if len(chunk.steps)]
            if chosen:
                batch = self._batch(Events.join(chosen), sequence)
                sequence += len(batch.steps)
                if len(batch.steps):
                    yield batch

    def _batch(self, events: Events, sequence: int) -> Batch:
        steps = events.steps
        order = None if (steps[1:] >= steps[:-1]).all() else np.argsort(steps, kind="stable")
        logged = np.array([one.kind != "" or one.type.startswith("mesh_") for one in self._series], bool)
        if not logged.all():
            order = np.arange(len(steps)) if order is None else order
            order = order[logged[events.series[order]]]
        if order is not None:
            events = events.take(order)
        return Batch(sequence, events.steps, events.times, dict(self._columns(events)))

    def _columns(self, events: Events) -> Iterator[tuple[tuple[str, str], Values]]:
        numbers: dict[tuple[str, str], int] = {}
        integral: list[bool] = []
        column_of = np.zeros(len(self._series), np.uint32)
        for i, one in enumerate(self._series):
            column = (one.key, one.kind or "mesh")
            number = numbers.setdefault(column, len(numbers))
            column_of[i] = number
            if number == len(integral):
                integral.append(True)
        for i in np.unique(events.series).tolist():
            integral[column_of[i]] &= is_integral(self._series[i].type)
        codes = column_of[events.series]
        if len(numbers) < 2**16:
            codes = codes.astype(np.uint16)  # which numpy sorts by radix
        order = np.argsort(codes, kind="stable")
        edges = np.searchsorted(codes[order], np.arange(len(numbers) + 1, dtype=np.int64))
        for (key, kind), first, last, whole in zip(numbers, edges[:-1], edges[1:], integral, strict=True):
            calls = order[first:last]
            if not len(calls):
                continue
            if kind == "number":
                yield (key, kind), Values(calls, events.values[calls], whole)
            elif kind == "integer":
                yield (
                    (key, kind),
                    Values(calls, np.array([events.cells[i].value for i in calls.tolist()], np.int64), True),
                )
            elif kind == "mesh":
                for made_kind, made in self._meshes(events, calls).items():
                    yield (key, made_kind), Values(np.array(list(made)), list(made.values()), False)
            else:
                contents = [events.cells[i] for i in calls.tolist()]
                yield (key, kind), Values(calls, contents if kind != "number_list" else values_of(contents), False)

    def _meshes(self, events: Events, calls: Array) -> dict[str, dict[int, Any]]:
        """By kind the meshes of each step, by its last call."""
        parts: dict[int, tuple[int, dict[str, Any]]] = {}
        for call in calls.tolist():
            step = int(events.steps[call])
            own = parts.get(step, (0, {}))[1]
            own[self._series[events.series[call]].type] = events.cells[call].value
            parts[step] = (call, own)
        made: dict[str, dict[int, Any]] = {}
        for call, own in parts.values():
            if (meshes := self._mesh(own)) is not None:
                made.setdefault(meshes[0], {})[call] = meshes[1]
        return made


def read(batch: Batch) -> Batch:
    """A batch whose values are plain data."""
    columns = {
        column: values._replace(values=values_of(values.values)) if isinstance(values.values, list) else values
        for column, values in batch.columns.items()
    }
    return batch._replace(columns=columns)


def values_of(contents: list[Any]) -> list[Any]:
    """Plain data of contents; other values are it already."""
    return [item.value if type(item) is Content else item for item in contents]


def _bounds(samples: Array) -> Array:
    """Steps between which there are about so many events as fit into memory."""
    distance = _EVENTS_AT_ONCE // _EVENTS_PER_SAMPLE
    return np.unique(samples[distance::distance])


def _between(events: Events, low: int | None, high: int | None) -> Events:
    """The events with low <= step < high."""
    if low is None and high is None:
        return events
    chosen = np.ones(len(events.steps), bool)
    if low is not None:
        chosen &= events.steps >= low
    if high is not None:
        chosen &= events.steps < high
    return events.take(np.flatnonzero(chosen))

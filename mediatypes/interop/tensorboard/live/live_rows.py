"""Logging what TensorBoard's writers log, or what is new of a file that grows, into a run that is open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...._core import canonical
from ...._core.errors import InputError, Problem
from ...._core.sidecar import Sink
from ....columns.log_cells import Named
from ....writing.hook import WriterHook
from ..importing.decode import FileDecoder, open_reader
from ..log.event_table import Events
from ..plugins.base import Cell
from ..plugins.convert import Converter, Series, SeriesList
from ..plugins.mesh import MeshMaker

_TRIALS_HINT = "Open a run for each trial, or import the log directory: there each is one."


class LiveRows:
    """Rows of an open run by global step; a call is on disk when it returns. Only sidecars of meshes go to `sink`."""

    def __init__(self, run: WriterHook, sink: Sink) -> None:
        self.run = run
        self._meshes = MeshMaker((run.path,), sink, [])
        self._calls = run.align()
        self.number = self._calls.number  # one number: key, step, time, value

    def cells(self, keyed: list[tuple[str, Cell]], step: int, time: float) -> None:
        """Log the cells of one event, by key."""
        named: dict[str, Named] = {}
        parts: dict[str, dict[str, Any]] = {}  # of meshes
        for key, cell in keyed:
            if cell.type == "hparams":
                self._configure(cell.value.get("start", {}).get("hparams", {}))
            elif cell.type.startswith("mesh_"):
                parts.setdefault(key, {})[cell.type] = cell.value
            elif cell.kind:
                if key in named:  # one tag twice in a summary
                    self._calls.add(list(named.values()), step, time)
                    named = {}
                named[key] = (key, cell.kind, cell.value)
        for key, documents in parts.items():
            named |= {name: (name, kind, value) for name, kind, value in self._mesh(key, documents)}
        if named:
            self._calls.add(list(named.values()), step, time)

    def events(self, events: Events, series: list[Series], file: GrowingFile) -> None:
        """Log events that were read from a file, in their order; its `logged` says how far that has come."""
        waiting: list[tuple[str, Cell]] = []
        at = (0, 0.0, 0)  # step, time and offset of what waits: the cells of one record belong together
        rows, last = zip(*(column.tolist() for column in events.columns), strict=True), file.logged
        for i, (number, step, time, value, offset) in enumerate(rows):
            if waiting and at != (step, time, offset):
                self._cells_or_tell(waiting, at[0], at[1])
                waiting = []
            if offset != last:
                file.logged, last = last, offset
            one = series[number]
            if one.kind == "number" and not waiting:
                self.number(one.key, step, time, value)
            else:
                at = (step, time, offset)
                content = events.cells.get(i)  # read again: a document that was just made may hold arrays
                cell = canonical.loads(content.text) if content else value
                waiting.append((one.key, Cell(one.kind, one.type, cell)))
        if waiting:
            self._cells_or_tell(waiting, at[0], at[1])
        file.logged = last

    def _cells_or_tell(self, keyed: list[tuple[str, Cell]], step: int, time: float) -> None:
        try:
            self.cells(keyed, step, time)
        except InputError as error:  # the run takes no such cells, also not at the next reading
            for problem in error.problems:
                self.run.say_once(problem)

    def _configure(self, hparams: dict[str, Any]) -> None:
        """Hyperparameters are the run's config; of several trials it is that of the last one, which is told."""
        config = self.run.config
        changed = sorted(name for name, value in hparams.items() if name in config and config[name] != value)
        if changed:
            message = f"expected the hyperparameters of one trial, got others: {', '.join(changed)} changed"
            self.run.say_once(Problem("config", message, "trials", _TRIALS_HINT))
        config.update(hparams)

    def _mesh(self, key: str, parts: dict[str, dict[str, Any]]) -> list[Named]:
        """The mesh that these tensors are; they themselves if they are none."""
        if meshes := self._meshes(parts):
            return [(key, *meshes)]
        return [(f"{key}.{name.removeprefix('mesh_')}", "tensor", document) for name, document in parts.items()]


class GrowingFile:
    """Reads an event file from where the last reading stopped. A record that is not whole yet is waited for.

    `logged` is the offset of the last record that was logged: a reading that fails after it does not give it again.
    """

    def __init__(self, path: str, folder: str, series: SeriesList, converter: Converter) -> None:
        self.path, self.position, self.logged = path, 0, -1
        self.decoder = FileDecoder(folder, series, converter, {})

    def read(self) -> Iterator[Events]:
        """All events that were written since; raises OSError."""
        size = os.path.getsize(self.path)
        if size <= self.position:
            return
        with open(self.path, "rb") as file:
            reader = open_reader(file, size, self.position)
            for events in self.decoder.decode(reader):
                first = int(np.searchsorted(events.offsets, self.logged, "right"))
                yield events.cut(first, len(events.offsets)) if first else events
        self.position = reader.position

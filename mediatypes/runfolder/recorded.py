"""What a run recorded by itself, read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .console import ConsoleLine, read_console


class Recorded:
    """The part of a view of a run that gives it; `path` and `_read_run` are the view's."""

    path: Any
    _read_run: Any

    @property
    def environment(self) -> dict[str, Any]:
        """Which code, packages and machine made the run, of the last session that recorded it."""
        return dict(self._read_run().get("environment", {}))

    def console(self) -> Iterator[ConsoleLine]:
        """What the run's process, and those that it started, have printed: time, stream and text of each line.

        There is something if the run was made with `capture=["console"]` or `capture=True`.

        Raises:
            StoreError: the system refused.

        >>> import tempfile, mediatypes as mt
        >>> with mt.Run(tempfile.mkdtemp() + "/run", capture=["console"]) as run:
        ...     print("epoch 1")
        epoch 1
        >>> [(line.stream, line.text) for line in mt.open_run(run.path).console()]
        [('out', 'epoch 1')]
        """
        return read_console(self.path)

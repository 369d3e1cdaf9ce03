"""What a run recorded by itself, read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .console import ConsoleLine, read_console

if TYPE_CHECKING:
    import pyarrow as pa


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

    def system(self) -> pa.Table:
        """What the machine did while the run was written: rows of their own, one for each time it was looked at.

        There are some if the run was made with `capture=["system"]` or `capture=True`.

        Returns:
            A table of doubles: `_timestamp` in seconds since the epoch, `_runtime` since the run began, and what could
            be measured, with its unit in the name: `cpu.percent`, `memory.bytes`, `gpu.0.power_watts`...

        Raises:
            DocumentError: `system.parquet` is damaged.
            StoreError: the system refused.

        >>> import tempfile, mediatypes as mt
        >>> with mt.Run(tempfile.mkdtemp() + "/run", capture=["system"], system_every=1) as run:
        ...     run.log({"loss": 0.5})
        >>> mt.open_run(run.path).system().column_names[:3]
        ['_timestamp', '_runtime', 'cpu.percent']
        """
        from .system import read_system

        return read_system(self.path, self._read_run())

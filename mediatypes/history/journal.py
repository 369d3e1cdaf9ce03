"""Writing the journal: one unbuffered append for each call, so that a killed process loses nothing it returned from."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from .._core.errors import StoreError, os_error
from . import frames


class Journal:
    """An append-only file of frames. `write(fd, frame)` is left to the caller on the hot path."""

    def __init__(self, path: Path, header: dict[str, object]) -> None:
        self.path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            self.fd = os.open(path, flags, 0o666)
        except OSError as error:
            raise os_error(
                StoreError, str(path), "create the journal", error, "Choose a writable directory."
            ) from error
        self.append(frames.MAGIC + frames.json_frame(frames.HEADER, header))

    def append(self, data: bytes) -> None:
        """Append a whole frame, or nothing of it; raises `StoreError`."""
        try:
            written = os.write(self.fd, data)
        except OSError as error:
            raise self.failed(error) from error
        if written != len(data):
            self.complete(data, written)

    def complete(self, data: bytes, written: int) -> None:
        """Finish a frame of which the system took only a part; if it takes no more, remove that part."""
        start = os.fstat(self.fd).st_size - written
        try:
            while written < len(data):
                written += os.write(self.fd, data[written:])
        except OSError as error:
            with contextlib.suppress(OSError):  # a reader ignores a torn tail, and the next frame is not written
                os.ftruncate(self.fd, start)
            raise self.failed(error) from error

    def close(self) -> None:
        os.close(self.fd)

    def failed(self, error: OSError) -> StoreError:
        """What to raise for a refused write."""
        hint = "Earlier rows are safe; free some space and go on."
        return os_error(StoreError, str(self.path), "append to the journal", error, hint)

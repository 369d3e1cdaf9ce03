"""Writing the journal: one unbuffered append for each call, so that a killed process loses nothing it returned from."""

from __future__ import annotations

import contextlib
import os
import threading
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
        try:
            self.append(frames.MAGIC + frames.json_frame(frames.HEADER, header))
        except BaseException:
            self.close()
            with contextlib.suppress(OSError):
                path.unlink()
            raise

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

    def sync(self) -> None:
        """Wait until what was appended is on the disk; raises `StoreError`."""
        try:
            os.fsync(self.fd)
        except OSError as error:
            raise os_error(StoreError, str(self.path), "sync the journal", error, "Check the disk.") from error

    def close(self) -> None:
        """Close the file; does nothing the second time."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def failed(self, error: OSError) -> StoreError:
        """What to raise for a refused write."""
        hint = "Earlier rows are safe; free some space and go on."
        return os_error(StoreError, str(self.path), "append to the journal", error, hint)


class Syncer:
    """Sees to it that frames reach the disk: at once, or in a thread at most so many seconds after they were written.

    Args:
        journal: whose frames these are.
        seconds: between two syncs; 0 to wait for the disk at every frame.
    """

    def __init__(self, journal: Journal, seconds: float) -> None:
        self._journal, self._seconds = journal, seconds
        self._pending, self._stopped = threading.Event(), threading.Event()
        if seconds > 0:
            self._thread = threading.Thread(target=self._work, name="mediatypes-fsync", daemon=True)
            self._thread.start()

    def written(self) -> None:
        """Say that a frame was written; raises `StoreError` if it cannot be synced at once."""
        if self._seconds > 0:
            self._pending.set()
        else:
            self._journal.sync()

    def stop(self) -> None:
        """Sync what is left and end; the journal can be closed then. Raises `StoreError`."""
        self._stopped.set()
        self._pending.set()
        if self._seconds > 0:
            self._thread.join()
        self._journal.sync()

    def _work(self) -> None:
        while not self._stopped.is_set():
            self._pending.wait()
            self._stopped.wait(self._seconds)
            self._pending.clear()  # before the sync: a frame written during it waits for the next one
            try:
                self._journal.sync()
            except StoreError:
                self._pending.set()  # tried again; the last sync tells


def first_frame_end(path: Path) -> int:
    """Where the header of a journal file ends; at most its size if that is not whole. Raises OSError."""
    with open(path, "rb") as file:
        start = file.read(len(frames.MAGIC) + 4)
    if len(start) < len(frames.MAGIC) + 4:
        return len(start)
    return len(frames.MAGIC) + int.from_bytes(start[-4:], "little")

"""Writing the journal: one unbuffered append for each call, so that a killed process loses nothing it returned from."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from .._core.errors import StoreError, os_error
from .._core.sidecar import open_file
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
            self.abandon()
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
        """Finish a frame of which the system took only a part; if it takes no more, take that part back."""
        start = -1  # not known: what is left of a torn frame cannot be taken back
        try:
            start = os.fstat(self.fd).st_size - written
            while written < len(data):
                written += os.write(self.fd, data[written:])
        except BaseException as error:
            try:
                os.ftruncate(self.fd, start)
            except OSError:  # nothing may follow a torn frame; a reader ignores it at the end
                with contextlib.suppress(StoreError):
                    self.close()
            if isinstance(error, OSError):
                raise self.failed(error) from error
            raise

    def sync(self) -> None:
        """Wait until what was appended is on the disk; raises `StoreError`."""
        try:
            os.fsync(self.fd)
        except OSError as error:
            raise os_error(StoreError, str(self.path), "sync the journal", error, "Check the disk.") from error

    def close(self) -> None:
        """Close the file; does nothing the second time. Raises `StoreError`: the disk may lack the last rows."""
        if self.fd >= 0:
            descriptor, self.fd = self.fd, -1
            try:
                os.close(descriptor)
            except OSError as error:
                raise os_error(StoreError, str(self.path), "close the journal", error, "Check the disk.") from error

    def abandon(self) -> None:
        """Close the file and remove it, as far as the system allows it."""
        with contextlib.suppress(OSError):
            self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def failed(self, error: OSError) -> StoreError:
        """What to raise for a refused write."""
        hint = "Earlier rows are safe; "
        hint += "free some space and go on." if self.fd >= 0 else "finish the run, free some space and resume it."
        return os_error(StoreError, str(self.path), "append to the journal", error, hint)


class Syncer:
    """Sees to it that frames reach the disk: at once, or in a thread at most so many seconds after they were written.

    Args:
        journal: whose frames these are.
        seconds: between two syncs; 0 to wait for the disk at every frame.
    """

    def __init__(self, journal: Journal, seconds: float) -> None:
        self._journal, self._seconds = journal, seconds
        self._failed: StoreError | None = None  # that nobody was told yet
        if seconds > 0:
            from queue import Empty, SimpleQueue

            # Not events: an interrupt (Ctrl-C) of `Event.set` may leave it locked for ever.
            self._pending, self._stopped, self._nothing = SimpleQueue[None](), SimpleQueue[None](), Empty
            self._thread = threading.Thread(target=self._work, name="mediatypes-fsync", daemon=True)
            self._thread.start()

    def written(self) -> None:
        """Say that a frame was written; raises `StoreError` if it, or an earlier one, could not be synced."""
        if self._seconds > 0:
            if self._pending.empty():
                self._pending.put(None)
            if failed := self._failed:
                self._failed = None
                raise failed
        else:
            self._journal.sync()

    def stop(self) -> None:
        """Sync what is left and end; the journal can be closed then. If that fails, finishing the run may not."""
        if self._seconds > 0:
            self._stopped.put(None)
            self._pending.put(None)
            self._thread.join()
        with contextlib.suppress(StoreError):
            self._journal.sync()

    def _work(self) -> None:
        while True:
            self._pending.get()
            with contextlib.suppress(self._nothing):
                return self._stopped.get(timeout=self._seconds)
            with contextlib.suppress(self._nothing):  # before the sync: a frame written during it waits for the next
                while True:
                    self._pending.get_nowait()
            try:
                self._journal.sync()
            except StoreError as error:  # the system says so once: what it forgot then is not synced by trying again
                self._failed = error


def first_frame_end(path: Path) -> int:
    """Where the header of a journal file ends; at most its size if that is not whole. Raises OSError."""
    with open_file(path) as file:
        start = file.read(len(frames.MAGIC) + 4)
    if len(start) < len(frames.MAGIC) + 4:
        return len(start)
    return len(frames.MAGIC) + int.from_bytes(start[-4:], "little")

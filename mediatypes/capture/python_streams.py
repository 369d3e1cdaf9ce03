"""Listening to `sys.stdout` and `sys.stderr`, where their text goes to no descriptor that could be redirected."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from .tee import ConsoleLog, Framer


class Listener:
    """Stands for a stream of Python, and gets what is written to it; all else is the stream's.

    Args:
        name: "stdout" or "stderr", of `sys`.
        take: gets what was written.
        close: is called at the end.
    """

    def __init__(self, name: str, take: Callable[[bytes], None], close: Callable[[], None]) -> None:
        self._name, self._take, self._close = name, take, close
        self._stream: Any = getattr(sys, name)
        self._taking = threading.RLock()  # a signal handler may print in the middle of this
        self._is_listening = False

    def start_listening(self) -> None:
        """Take the stream's place."""
        self._is_listening = True
        setattr(sys, self._name, self)

    def write(self, text: Any) -> Any:
        """Write, as the stream does."""
        written = self._stream.write(text)
        with contextlib.suppress(OSError, UnicodeError), self._taking:
            if self._is_listening and isinstance(text, str):
                self._take(text.encode("utf-8", "replace"))
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def stop_listening(self) -> None:
        """Listen no more. What somebody else has put there, or changed here, stays, and passes through this."""
        is_changed = vars(self).get("write", self.write) != type(self).write.__get__(self)
        if getattr(sys, self._name) is self and not is_changed:
            setattr(sys, self._name, self._stream)
        with self._taking:
            self._is_listening = False
            self._close()

    def forget(self) -> None:
        """In a forked child: listen no more; another thread may have been writing."""
        self._taking, self._is_listening = threading.RLock(), False


class InProcess:
    """What Python's streams get is written into logs by this process itself: the fallback."""

    def __init__(self) -> None:
        self.is_open = True
        self._logs: dict[str, ConsoleLog] = {}
        self._framers = {"out": Framer(), "err": Framer()}
        self._lock = threading.RLock()
        self._listeners = [
            Listener(name, partial(self._feed, stream), lambda: None)
            for stream, name in (("out", "stdout"), ("err", "stderr"))
            if getattr(sys, name) is not None
        ]
        for listener in self._listeners:
            listener.start_listening()

    def add(self, path: str, temporary: str) -> None:
        """Write what is printed from now on into a log as well."""
        with contextlib.suppress(OSError), self._lock:
            self._logs[path] = ConsoleLog(path, temporary)

    def remove(self, path: str) -> bool:
        """End a log; False if it was the last one, and all is as it was."""
        if list(self._logs) == [path]:
            for listener in self._listeners:
                listener.stop_listening()
            self.is_open = False
            for stream, framer in self._framers.items():
                self._write(stream, framer.rest())
        with self._lock:
            if log := self._logs.pop(path, None):
                log.close()
        return self.is_open

    def forget(self) -> None:
        """In a forked child: it listens no more."""
        for listener in self._listeners:
            listener.forget()

    def _feed(self, stream: str, data: bytes) -> None:
        self._write(stream, self._framers[stream].feed(data))

    def _write(self, stream: str, lines: list[str]) -> None:
        with self._lock:
            for log in self._logs.values():
                log.write([(stream, text) for text in lines], time.time())

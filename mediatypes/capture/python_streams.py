"""Listening to `sys.stdout` and `sys.stderr`, where their text goes to no descriptor that could be redirected."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from .tee import ConsoleLog, Framer


class Listener:
    """Gets what is written to a stream of Python, which stays the object that it is.

    Args:
        stream: its `write` is replaced.
        take: gets what was written.
        close: is called at the end.
    """

    def __init__(self, stream: Any, take: Callable[[bytes], None], close: Callable[[], None]) -> None:
        self._stream, self._take, self._close = stream, take, close
        self._lock = threading.Lock()
        self._is_listening = False
        self._write = stream.write

    def start(self) -> None:
        """Begin to listen; a stream that cannot be changed is not listened to."""
        with contextlib.suppress(AttributeError, TypeError):
            self._stream.write = self._replaced
            self._is_listening = True

    def _replaced(self, text: Any) -> Any:
        written = self._write(text)
        with contextlib.suppress(OSError, UnicodeError), self._lock:
            if self._is_listening and isinstance(text, str):
                self._take(text.encode("utf-8", "replace"))
        return written

    def stop(self) -> None:
        """Listen no more. If somebody has put something else on top, that stays, and passes through this."""
        with contextlib.suppress(AttributeError):
            if self._is_listening and self._stream.write == self._replaced:
                del self._stream.write
        with self._lock:
            self._is_listening = False
            self._close()


class InProcess:
    """What Python's streams get is written into logs by this process itself: the fallback."""

    def __init__(self) -> None:
        self.is_open = True
        self._logs: dict[str, ConsoleLog] = {}
        self._framers = {"out": Framer(), "err": Framer()}
        self._lock = threading.Lock()
        streams = {"out": sys.stdout, "err": sys.stderr}
        self._listeners = [
            Listener(stream, partial(self._feed, name), lambda: None)
            for name, stream in streams.items()
            if stream is not None
        ]
        for listener in self._listeners:
            listener.start()

    def add(self, path: str, temporary: str) -> None:
        """Write what is printed from now on into a log as well."""
        with contextlib.suppress(OSError), self._lock:
            self._logs[path] = ConsoleLog(path, temporary)

    def remove(self, path: str) -> bool:
        """End a log; False if it was the last one, and all is as it was."""
        if list(self._logs) == [path]:
            for listener in self._listeners:
                listener.stop()
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
            listener._is_listening = False

    def _feed(self, stream: str, data: bytes) -> None:
        self._write(stream, self._framers[stream].feed(data))

    def _write(self, stream: str, lines: list[str]) -> None:
        with self._lock:
            for log in self._logs.values():
                log.write([(stream, text) for text in lines], time.time())

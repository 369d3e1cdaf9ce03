"""Copies what processes print to where it went before, and as lines with time and stream into console.log.

It runs as a process of its own, so that it goes on when the one that prints is killed, and when that one holds Python's
lock for long. It is started by its path, and imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import sys
import time
from collections.abc import Iterable

HEAD, TAIL = 4 * 2**20, 4 * 2**20  # bytes of a log that are kept of its begin and its end
LONGEST = 16 * 2**10  # bytes of a line; a longer one stands as several
_PIECE = 2**16
_DRAIN_SECONDS = 1.0  # that a request waits at most for what is still being printed
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])"
)
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")  # all but the tabulator
_CUT = re.compile(rb"^\S+ cut (\d+) lines\n", re.MULTILINE)

Line = tuple[str, str]  # stream, text


class Framer:
    """Makes lines of what a stream gives in pieces; of a progress bar, which writes over itself, the last state."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now."""
        *whole, rest = (self._rest + data).split(b"\n")
        parts = rest.split(b"\r")
        if len(parts) > 2:  # what is sure to be written over is not kept
            rest = next((part for part in reversed(parts[:-1]) if _visible(part)), b"") + b"\r" + parts[-1]
        if len(rest) > LONGEST:
            *more, rest = _cut(rest)
            whole += more
        self._rest = rest
        return [clean(piece) for line in whole for piece in _cut(line)]

    def rest(self) -> list[str]:
        """The line that is not complete, if there is one."""
        line, self._rest = clean(self._rest), b""
        return [line] if line else []


def clean(line: bytes) -> str:
    """The text of a line as it was last seen: without what only moves a terminal's cursor or colours it."""
    if b"\r" in line:
        return next(filter(None, map(_visible, reversed(line.split(b"\r")))), "")
    return _visible(line)


def _visible(part: bytes) -> str:
    text = part.decode("utf-8", "replace")
    if not text.isprintable():
        text = _ESCAPE.sub("", text)
        if "\b" in text:
            text = _backspaced(text)
        text = _CONTROL.sub("", text)
    return text


def _backspaced(text: str) -> str:
    kept: list[str] = []
    for character in text:
        if character != "\b":
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)


def _cut(line: bytes) -> list[bytes]:
    """A line in pieces of at most `LONGEST`, which cut no character of UTF-8."""
    pieces = []
    while len(line) > LONGEST:
        end = next((end for end in range(LONGEST, LONGEST - 4, -1) if line[end] & 0xC0 != 0x80), LONGEST)
        pieces.append(line[:end])
        line = line[end:]
    return [*pieces, line]


class ConsoleLog:
    """The file that lines are appended to; of a long one the begin and the end are kept.

    Args:
        path: of the file.
        temporary: the name beside it under which it is written anew.
    """

    def __init__(self, path: str, temporary: str, head: int = HEAD, tail: int = TAIL) -> None:
        self._path, self._temporary = path, os.path.join(os.path.dirname(path), temporary)
        self._head, self._tail = head, tail
        self._open()
        self._torn = False
        if self._size:
            os.lseek(self._fd, -1, os.SEEK_END)
            self._torn = os.read(self._fd, 1) != b"\n"

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        self._fd = os.open(self._path, flags, 0o666)
        self._size = os.fstat(self._fd).st_size

    def write(self, lines: Iterable[Line], now: float) -> None:
        """Append lines that were printed at a time; what a full disk does not take is lost."""
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now * 1000) % 1000:03}Z"
        data = "".join(f"{stamp} {stream} {text}\n" for stream, text in lines).encode("utf-8", "replace")
        if not data:
            return
        with contextlib.suppress(OSError):
            if self._torn:
                data = b"\n" + data
            written = os.write(self._fd, data)
            self._torn = written < len(data)
            self._size += written
            if self._size > self._head + 2 * self._tail:
                self._shorten()

    def _shorten(self) -> None:
        """Write the file anew without its middle, of which a line tells how much it was."""
        with open(self._path, "rb") as file:
            data = file.read()
        before = _CUT.search(data)
        head = data[: before.start() if before else data.rfind(b"\n", 0, self._head) + 1]
        start = data.find(b"\n", len(data) - self._tail) + 1
        middle = data[before.end() if before else len(head) : start]
        count = middle.count(b"\n") + (int(before[1]) if before else 0)
        stamp = middle[middle.rfind(b"\n", 0, -1) + 1 :].partition(b" ")[0]
        try:
            with open(self._temporary, "wb") as file:
                file.write(b"".join([head, stamp, b" cut %d lines\n" % count, data[start:]]))
            self.close()
            os.replace(self._temporary, self._path)
        except OSError:  # a full disk: it is tried again when there is much more
            self._tail *= 2
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)
        self._open()

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


class _Source:
    """What is printed into a pipe or a terminal of ours, and where it goes besides."""

    def __init__(self, fd: int, stream: str, echo: int, framer: Framer) -> None:
        self.fd, self.stream, self.echo, self.framer = fd, stream, echo, framer
        self.is_terminal = os.isatty(fd)
        self._window = b""

    def copy_window(self) -> None:
        """Make our terminal as large as the one behind it."""
        import fcntl
        import termios

        with contextlib.suppress(OSError):
            window = fcntl.ioctl(self.echo, termios.TIOCGWINSZ, bytes(8))
            if window != self._window:
                fcntl.ioctl(self.fd, termios.TIOCSWINSZ, window)
                self._window = window

    def read(self) -> bytes:
        """What was printed; b"" at the end."""
        with contextlib.suppress(OSError):  # EIO of a terminal that nobody has open any more
            return os.read(self.fd, _PIECE)
        return b""


class Tee:
    """Serves sources until the last one ends.

    Args:
        sources: each the number of its file, the stream's name, and where to copy what it gives (-1: nowhere).
        control: gives requests, a line of JSON each: `add` a log (its `path` and `temporary` name), or `remove` one.
        acknowledge: gets "." for each request, and "x" when a copy cannot be written any more.
    """

    def __init__(self, sources: list[tuple[int, str, int]], control: int, acknowledge: int) -> None:
        self._control, self._acknowledge = control, acknowledge
        self._logs: dict[str, ConsoleLog] = {}
        self._framers = {stream: Framer() for _, stream, _ in sources}
        self._selector = selectors.DefaultSelector()
        self._sources = [_Source(fd, stream, echo, self._framers[stream]) for fd, stream, echo in sources]
        for source in self._sources:
            self._selector.register(source.fd, selectors.EVENT_READ, source)
        self._selector.register(control, selectors.EVENT_READ, None)
        self._requests = b""

    def run(self) -> None:
        """Copy until nobody can print any more."""
        terminals = [source for source in self._sources if source.is_terminal and source.echo >= 0]
        while self._sources:
            for terminal in terminals:
                terminal.copy_window()
            for key, _ in self._selector.select(1.0 if terminals else None):
                if key.data is None:
                    self._read_requests()
                elif key.data in self._sources:
                    self._copy(key.data)
        for path in list(self._logs):
            self._remove(path)

    def _copy(self, source: _Source) -> None:
        data = source.read()
        if not data:
            self._selector.unregister(source.fd)
            self._sources.remove(source)
            return
        if self._logs:
            lines = [(source.stream, text) for text in source.framer.feed(data)]
            now = time.time()
            for log in self._logs.values():
                log.write(lines, now)
        if source.echo >= 0:
            self._echo(source, data)

    def _echo(self, source: _Source, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(source.echo, data) :]
            except BlockingIOError:  # a terminal that somebody else made non-blocking
                time.sleep(0.005)
            except OSError:  # nobody reads it
                source.echo = -1
                self._tell(b"x")
                return

    def _read_requests(self) -> None:
        data = os.read(self._control, _PIECE)
        if not data:  # the process is gone; those that it started may still print
            self._selector.unregister(self._control)
        *requests, self._requests = (self._requests + data).split(b"\n")
        for line in requests:
            request = json.loads(line)
            self._drain()
            if request["do"] == "add":
                with contextlib.suppress(OSError):
                    self._logs[request["path"]] = ConsoleLog(request["path"], request["temporary"])
            else:
                self._remove(request["path"])
            self._tell(b".")

    def _drain(self) -> None:
        """Copy what was printed before a request."""
        end = time.monotonic() + _DRAIN_SECONDS
        while time.monotonic() < end:
            ready = [key.data for key, _ in self._selector.select(0) if key.data in self._sources]
            if not ready:
                return
            for source in ready:
                self._copy(source)

    def _remove(self, path: str) -> None:
        if log := self._logs.pop(path, None):
            last = not self._logs  # of others the line goes on
            lines = [(stream, text) for stream, f in self._framers.items() for text in (f.rest() if last else [])]
            log.write(lines, time.time())
            log.close()

    def _tell(self, what: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._acknowledge, what)


def main(arguments: str) -> None:
    """Serve as the process that was started for it; signals that end the others do not end this one."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTTOU", "SIGPIPE"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    given = json.loads(arguments)
    Tee([tuple(source) for source in given["sources"]], given["control"], given["acknowledge"]).run()


if __name__ == "__main__":
    main(sys.argv[1])

"""The console of a process: what it, C code in it and its children print goes through a tee into `console.log`.

File descriptors 1 and 2 lead into pipes, or where they were terminals into pseudo-terminals, so that programs see what
they saw before; a process (`tee.py`) copies what comes to where it went. Streams of Python that do not write to these
descriptors (in notebooks and under pytest) are listened to besides. Without such a process, only to Python's streams.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from .._core.atomic import temporary_name
from .._core.deps import is_instance
from ..runfolder.console import CONSOLE
from ..writing.hook import WriterHook
from .python_streams import InProcess, Listener

_TEE = Path(__file__).with_name("tee.py")
_STREAMS = ((1, "out", "stdout"), (2, "err", "stderr"))
_WAIT = 5.0  # seconds for what was printed to be in the file

_lock = threading.RLock()
_open: Redirect | InProcess | None = None  # of this process, whatever the number of its runs


def capture_console(hook: WriterHook) -> None:
    """Write into a run's `console.log` what is printed from now on, until the run is finished."""
    global _open
    with _lock:
        if _open is None or not _open.is_open:
            _open = _redirect()
        _open.add(str(hook.path / CONSOLE), temporary_name(CONSOLE))
    hook.before_finish(lambda: _release(str(hook.path / CONSOLE)))


def _release(path: str) -> None:
    global _open
    with _lock:
        if _open and not _open.remove(path):
            _open = None


def _redirect() -> Redirect | InProcess:
    can_start = sys.platform != "win32" and bool(sys.executable) and not getattr(sys, "frozen", False)
    if can_start and _TEE.is_file():
        with contextlib.suppress(OSError):  # no processes or descriptors are left
            return Redirect()
    return InProcess()


class Redirect:
    """Descriptors 1 and 2 lead through a tee, from making this until the last log is removed."""

    def __init__(self) -> None:
        self.is_open = True
        self._paths = list[str]()
        self._acknowledged = threading.Semaphore(0)
        self._before: dict[int, int] = {}  # what 1 and 2 were
        self._inside: dict[int, os.stat_result] = {}  # what they are now
        self._listeners = list[Listener]()
        self._changing = threading.RLock()  # held to use descriptors of ours, which two threads may close
        _flush()
        ours = list[int]()  # of which the tee has its own after it was started
        kept = list[int]()  # that it has not
        sources, writable = list[tuple[int, str, int]](), dict[int, int]()
        try:
            for fd, stream, name in _STREAMS:
                if (before := _copy_of(fd)) is not None:
                    self._before[fd] = before
                    readable, writable[fd] = _like(fd)
                    ours.append(readable)
                    sources.append((readable, stream, before))
                if not _writes_to(getattr(sys, name), fd):
                    readable, copy = os.pipe()
                    ours.append(readable)
                    kept.append(copy)
                    sources.append((readable, stream, -1))
                    self._listeners.append(Listener(name, _writer(copy), partial(os.close, copy)))
            requests, self._control = os.pipe()
            ours.append(requests)
            kept.append(self._control)
            self._answers, acknowledge = os.pipe()
            ours.append(acknowledge)
            kept.append(self._answers)
            given = {"sources": sources, "control": requests, "acknowledge": acknowledge}
            self._tee = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_TEE), json.dumps(given)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[*ours, *self._before.values()],
                process_group=0,  # Ctrl-C is for the others
            )
        except BaseException:
            for descriptor in [*ours, *kept, *writable.values(), *self._before.values()]:
                os.close(descriptor)
            raise
        for fd, descriptor in writable.items():
            os.dup2(descriptor, fd)
            self._inside[fd] = os.fstat(fd)
            os.close(descriptor)
        # The ends that are read stay open here: if the tee is killed, nobody gets SIGPIPE, and nothing is lost.
        self._readable = [(readable, echo) for readable, _, echo in sources if echo >= 0]
        for descriptor in [d for d in ours if d not in dict(self._readable)]:
            os.close(descriptor)
        for listener in self._listeners:
            listener.start_listening()
        threading.Thread(target=self._watch, name="mediatypes-console", daemon=True).start()

    def add(self, path: str, temporary: str) -> None:
        """Write what is printed from now on into a log as well."""
        self._paths.append(path)
        self._request({"do": "add", "path": path, "temporary": temporary})

    def remove(self, path: str) -> bool:
        """End a log, which then has all that was printed; False if it was the last one, and all is as it was."""
        if path in self._paths:
            self._paths.remove(path)
            _flush()
            if not self._paths:
                self._restore()
            self._request({"do": "remove", "path": path})
            if not self._paths:
                self._close()
        return bool(self._paths)

    def forget(self) -> None:
        """In a forked child: what it prints goes to the tee of its parent."""
        self.is_open = False
        self._tee.returncode = 0  # which is not for us to wait for
        os.close(self._control)
        for listener in self._listeners:
            listener.forget()

    def _request(self, request: dict[str, str]) -> None:
        with self._changing, contextlib.suppress(OSError):
            if not self.is_open:
                return
            os.write(self._control, json.dumps(request).encode() + b"\n")
        self._acknowledged.acquire(timeout=_WAIT)

    def _watch(self) -> None:
        """Take what the tee tells; when it is gone, or nobody reads what it copies, all becomes as it was."""
        while answer := os.read(self._answers, 1):
            if answer == b".":
                self._acknowledged.release()
            else:
                self._restore()
        with self._changing:
            if self.is_open:  # it was killed, or all that it copies ended before it read the last request
                self._restore()
                self._rescue()
                self._close()
        os.close(self._answers)
        self._tee.wait()

    def _rescue(self) -> None:
        """Copy what nobody has read."""
        for readable, echo in self._readable:
            os.set_blocking(readable, False)
            with contextlib.suppress(OSError):
                while data := os.read(readable, 1 << 16):
                    os.write(echo, data)

    def _restore(self) -> None:
        """Let descriptors be what they were, unless somebody else has changed them meanwhile."""
        with self._changing:
            while self._listeners:
                self._listeners.pop().stop_listening()
            for fd in list(self._inside):
                with contextlib.suppress(OSError):
                    if os.path.samestat(os.fstat(fd), self._inside.pop(fd)):
                        os.dup2(self._before[fd], fd)

    def _close(self) -> None:
        with self._changing:
            if self.is_open:
                self.is_open = False
                for descriptor in [self._control, *dict(self._readable), *self._before.values()]:
                    os.close(descriptor)
        self._acknowledged.release()  # whoever waits for a tee that is gone


def _copy_of(fd: int) -> int | None:
    """A second descriptor of what `fd` is; None if it is closed."""
    try:
        return os.dup(fd)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        return None


def _like(fd: int) -> tuple[int, int]:
    """A pair of descriptors to read and to write, which programs take for what `fd` is."""
    if not os.isatty(fd):
        return os.pipe()
    import termios

    readable, writable = os.openpty()
    with contextlib.suppress(termios.error):
        settings = termios.tcgetattr(fd)
        settings[1] &= ~termios.OPOST  # the terminal behind it does that
        termios.tcsetattr(writable, termios.TCSANOW, settings)
        termios.tcsetwinsize(writable, termios.tcgetwinsize(fd))
    return readable, writable


def _writes_to(stream: Any, fd: int) -> bool:
    """Whether a stream of Python writes to a descriptor; None does not write at all."""
    if stream is None:
        return True
    if is_instance(stream, "ipykernel.iostream", "OutStream"):  # a notebook's, which only has its number
        return False
    try:
        return bool(stream.fileno() == fd)
    except (OSError, ValueError, AttributeError):
        return False


def _writer(fd: int) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    return write


def _flush() -> None:
    """Let what Python and C have buffered reach the descriptors."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.fflush(ctypes.c_void_p.in_dll(libc, "__stdoutp" if sys.platform == "darwin" else "stdout"))


def _forget_in_child() -> None:
    global _open, _lock
    _lock = threading.RLock()
    if _open:
        _open.forget()
        _open = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)

"""How a command ends that the system tells to end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import NoReturn

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextlib.contextmanager
def unwinding() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end what runs here as an error would, so that it removes what it made for itself.

    A second one ends the process at once. Signals that are ignored, as under `nohup`, or heard by others stay so.
    """
    heard: list[int] = []

    def end(number: int, _: object) -> NoReturn:
        for one in heard:
            signal.signal(one, signal.SIG_DFL)
        raise SystemExit(128 + number)

    if threading.current_thread() is threading.main_thread():
        heard += [one for one in ENDING if signal.getsignal(one) == signal.SIG_DFL]
    for one in heard:
        signal.signal(one, end)
    try:
        yield
    finally:
        for one in heard:
            signal.signal(one, signal.SIG_DFL)

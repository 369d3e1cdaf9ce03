"""Changing the writers of other packages so that what they log is heard; and changing them back.

A package that is imported later is changed then: nothing is imported for it. What is changed is the class itself or a
function of its module, so it does not matter who has imported their names before.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Protocol

from ...trackers.forwarding import is_forwarding

CAPTURE = "_mediatypes_capture"  # attribute of a writer: what takes its events


class Listener(Protocol):
    """Hears of writers."""

    def opened(self, writer: Any, logdir: str, was_late: bool = False) -> Any:
        """A writer was made; returns what takes its events: an object with `take(event)`."""

    def follow(self, logdir: str, flush: Callable[[], None]) -> None:
        """Native code writes event files into a directory; `flush` brings what it holds into them."""


class _Opening:
    """Takes what a writer writes while it is being made: the version of its file."""

    def take(self, event: Any) -> None:
        """Nothing."""


_OPENING = _Opening()


def wrap_writer(module: Any, listener: Listener) -> Callable[[], None]:
    """Hear of the events of `EventFileWriter`, which those of tensorboard (torch's too), tensorboardX and TensorFlow 1
    have in common; returns how to undo it."""
    cls = module.EventFileWriter
    init, add_event = cls.__init__, cls.add_event

    @wraps(init)
    def __init__(self: Any, logdir: Any, *args: Any, **named: Any) -> None:  # noqa: N807
        setattr(self, CAPTURE, _OPENING)
        init(self, logdir, *args, **named)
        setattr(self, CAPTURE, listener.opened(self, str(logdir)))

    @wraps(add_event)
    def take(self: Any, event: Any, *args: Any, **named: Any) -> Any:
        result = add_event(self, event, *args, **named)
        capture = self.__dict__.get(CAPTURE)
        if capture is None:
            capture = listener.opened(self, str(self._logdir), was_late=True)
            setattr(self, CAPTURE, capture)
        if not is_forwarding():
            capture.take(event)
        return result

    cls.__init__, cls.add_event = __init__, take

    def undo() -> None:
        cls.__init__, cls.add_event = init, add_event

    return undo


def wrap_operations(module: Any, listener: Listener) -> Callable[[], None]:
    """Hear of the directories that TensorFlow 2 writes summaries into, Keras too; returns how to undo it."""
    create, close = module.create_summary_file_writer, module.close_summary_writer
    closed: set[int] = set()  # of handles, which `flush` keeps alive

    @wraps(create)
    def creating(writer: Any, logdir: Any, *args: Any, **named: Any) -> Any:
        result = create(writer, logdir, *args, **named)
        text = logdir.numpy() if hasattr(logdir, "numpy") else logdir  # a graph's tensor has no value yet

        def flush() -> None:
            if id(writer) not in closed:  # TensorFlow would print what it thinks of that
                module.flush_summary_writer(writer)

        if isinstance(text, (str, bytes)):
            listener.follow(text.decode() if isinstance(text, bytes) else text, flush)
        return result

    @wraps(close)
    def closing(writer: Any, *args: Any, **named: Any) -> Any:
        closed.add(id(writer))
        return close(writer, *args, **named)

    module.create_summary_file_writer, module.close_summary_writer = creating, closing

    def undo() -> None:
        module.create_summary_file_writer, module.close_summary_writer = create, close

    return undo


WRAPPERS = {
    "tensorboard.summary.writer.event_file_writer": wrap_writer,
    "tensorboardX.event_file_writer": wrap_writer,
    "tensorflow.python.summary.writer.event_file_writer": wrap_writer,
    "tensorflow.python.ops.gen_summary_ops": wrap_operations,
}


class Patches(importlib.abc.MetaPathFinder):
    """The modules among `WRAPPERS` that are changed, or will be once they are imported; `listener` hears of writers."""

    def __init__(self, listener: Listener, modules: Sequence[str]) -> None:
        self._listener, self._undo = listener, dict[str, Callable[[], None]]()
        self._waiting = set(modules)
        for name in modules:
            if name in sys.modules:
                self.apply(sys.modules[name])
        if self._waiting:
            sys.meta_path.insert(0, self)

    def apply(self, module: ModuleType) -> None:
        """Change a module, which is imported now."""
        name = module.__name__
        if name in self._waiting:
            self._waiting.discard(name)
            self._undo[name] = WRAPPERS[name](module, self._listener)

    def undo(self) -> None:
        """Change everything back."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        self._waiting = set()
        for undo in self._undo.values():
            undo()
        self._undo = {}

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Found as always; the module is changed once it was run."""
        if fullname not in self._waiting:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: Any, patches: Patches) -> None:
        self._loader, self._patches = loader, patches

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._patches.apply(module)

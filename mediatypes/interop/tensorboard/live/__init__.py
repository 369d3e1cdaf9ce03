"""Capturing TensorBoard's writers: `patch`, `unpatch`, and what `Run(sync_tensorboard=True)` does."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from ...._core.errors import InputError, Verbatim
from ...._core.processes import ForkSafeLock
from ....run import Run, newest_run, writer_hook
from .capture import RunCapture, WriterCapture
from .namespaces import Namespaces
from .patching import WRAPPERS, Patches

_X, _PYTORCH = "tensorboardX.event_file_writer", "tensorboard.summary.writer.event_file_writer"
_lock = ForkSafeLock()
_active: list[_Patch] = []  # the newest last


def patch(
    run: Run | None = None,
    *,
    root_logdir: str = "",
    save: bool = True,
    tensorboard_x: bool | None = None,
    pytorch: bool | None = None,
    tensorboardX: bool | None = None,  # noqa: N803 - the older spelling
) -> None:
    """Log what TensorBoard writers log into a run as well, from now on until `unpatch()`.

    Scalars, histograms, images, audio, text, meshes, pr curves and hyperparameters become values of the run under the
    names that an import of the log directory gives them. Writers of torch and tensorboardX are captured in process, the
    files of Keras and `tf.summary` are followed. Rows are numbered by the step that was logged wherever steps go
    forward, and have it as `global_step` in any case; `run.log({"custom": 0.8, "global_step": step})` joins the row of
    that step. Call it before the writers are made.

    Args:
        run: where to; by default the run of this process that was opened last when a writer is made.
        root_logdir: keys are named by the path of their log directory below this one, and writers elsewhere are not
            captured. By default that is the directory of the first writer.
        save: keep the event files (and `.pbtxt` files) in the run's folder, below `files`, when it finishes, so that
            TensorBoard can be started on it. Traces of the profiler beside them are kept in any case.
        tensorboard_x: False: leave the writers of tensorboardX alone. True: it has to be installed. By default they
            are captured if it is imported, now or later. `tensorboardX` is the same.
        pytorch: the same for `torch.utils.tensorboard`.

    Raises:
        InputError: it was called before, without `unpatch()` since; or a package is not installed that was asked for.

    >>> import tempfile, mediatypes as mt
    >>> from mediatypes.interop import tensorboard
    >>> tensorboard.patch(save=False)
    >>> tensorboard.unpatch()
    """
    if tensorboardX is not None:
        if tensorboard_x not in (None, tensorboardX):
            raise InputError.of("patch.tensorboard_x", "the same as tensorboardX", tensorboard_x, "Pass one of them.")
        tensorboard_x = tensorboardX
    with _lock:
        if any(one.is_explicit for one in _active):
            raise InputError.of("patch", "to be called once", Verbatim("a second call"), "Call unpatch() before.")
        modules = list(WRAPPERS)
        _choose(modules, _X, tensorboard_x, "tensorboardX")
        _choose(modules, _PYTORCH, pytorch, "tensorboard")
        made = _Patch(run, root_logdir, save, modules, is_explicit=True)
        _add(made)
        made.capture()


def unpatch() -> None:
    """Undo `patch()`. What was logged stays, and runs that were made with `sync_tensorboard=True` go on capturing."""
    with _lock:
        for one in [one for one in _active if one.is_explicit]:
            _remove(one)


def attach(run: Run) -> None:
    """What `Run(sync_tensorboard=True)` asks for: capture until the run is finished."""
    with _lock:
        made = _Patch(run, "", True, list(WRAPPERS), is_explicit=False)
        _add(made)
        made.capture()
        writer_hook(run).before_finish(lambda: _remove(made), last=True)


class _Patch:
    """Options, and what is captured with them."""

    def __init__(self, run: Run | None, root_logdir: str, save: bool, modules: list[str], *, is_explicit: bool) -> None:
        self._run, self.root_logdir, self._save = run, root_logdir, save
        self.modules, self.is_explicit = modules, is_explicit
        self.names = Namespaces(root_logdir)
        self._captures: weakref.WeakKeyDictionary[Run, RunCapture] = weakref.WeakKeyDictionary()

    def capture(self) -> RunCapture | None:
        """What captures for the run that is open now, if there is one."""
        run = self._run or newest_run()
        if run is None or not writer_hook(run).is_open:
            return None
        if run not in self._captures:
            self._captures[run] = RunCapture(writer_hook(run), self.root_logdir, self._save)
        return self._captures[run]


class _Listener:
    """Leads what writers log to the capture of the newest patch that wants their directory."""

    def opened(self, writer: Any, logdir: str, was_late: bool = False) -> Any:
        with _lock:
            capture = _capture_for(logdir)
            return capture.capture_writer(writer, logdir, was_late) if capture else _Unclaimed(writer, logdir)

    def follow(self, logdir: str, flush: Callable[[], None]) -> None:
        with _lock:
            if capture := _capture_for(logdir):
                capture.follow(logdir, flush)


class _Unclaimed:
    """A writer that was made when no run was open: it is captured from when there is one."""

    def __init__(self, writer: Any, logdir: str) -> None:
        self._writer, self._logdir = weakref.ref(writer), logdir
        self._capture: WriterCapture | None = None

    def take(self, event: Any) -> None:
        if self._capture is None and (writer := self._writer()) is not None:
            with _lock:
                if capture := _capture_for(self._logdir):
                    self._capture = capture.capture_writer(writer, self._logdir, was_late=True)
        if self._capture is not None:
            self._capture.take(event)


_listener = _Listener()
_patches: Patches | None = None


def _capture_for(logdir: str) -> RunCapture | None:
    for one in reversed(_active):
        if one.names.contains(logdir) and (capture := one.capture()):
            return capture
    return None


def _add(patch: _Patch) -> None:
    _active.append(patch)
    _apply()


def _remove(patch: _Patch) -> None:
    with _lock:
        if patch in _active:
            _active.remove(patch)
            _apply()


def _apply() -> None:
    """Change the modules that any patch wants, and no others."""
    global _patches
    if _patches is not None:
        _patches.undo()
    wanted = [name for name in WRAPPERS if any(name in one.modules for one in _active)]
    _patches = Patches(_listener, wanted) if wanted else None


def _choose(modules: list[str], module: str, choice: bool | None, package: str) -> None:
    if choice is False:
        modules.remove(module)
    elif choice and find_spec(package) is None:
        missing = Verbatim("no such package")
        raise InputError.of("patch", f"{package} to be installed", missing, f"Install it with: pip install {package}")

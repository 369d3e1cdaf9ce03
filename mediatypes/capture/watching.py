"""Watching a model: histograms of its gradients and parameters while it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .._core.deps import is_instance
from .._core.errors import InputError, Problem, problem

if TYPE_CHECKING:
    from ..writing.hook import WriterHook
    from .torch_watch import TorchWatch

_WHAT = ("gradients", "parameters", "all")


class WatchesModels:
    """The part of a run that watches models."""

    _hook: WriterHook
    _require_open: Any
    _report: Any
    _watches: tuple[TorchWatch, ...] = ()

    def watch(
        self,
        model: Any,
        log: Literal["gradients", "parameters", "all"] = "gradients",
        every: int = 100,
        *,
        name: str | None = None,
    ) -> None:
        """Log histograms of a model's gradients, parameters or both, until the run is finished or `unwatch` is called.

        They are taken when an optimizer of torch that has the model's parameters takes a step, so that gradients are
        what it uses: accumulated, unscaled, clipped. Without such an optimizer they are taken in the backward pass.
        They go to the row of the next call of `log`, as `gradients/<parameter>` and `parameters/<parameter>`; NaN and
        infinities are counted. Counting is done where the tensors are: of each, some 70 numbers travel.

        Args:
            model: a `torch.nn.Module`, also wrapped for parallel training or compiled, or a Keras model with the torch
                backend. Its graphs are not kept alive, nor is it.
            log: what to log.
            every: so many steps from one time to the next; the first step is one.
            name: stands before the parameter's name, so that several models can be watched.

        Raises:
            InputError: another model, or with every problem of the other arguments.
            RunClosed: after `finish()`.
        """
        self._require_open("watch")
        self._watches = tuple(watch for watch in self._watches if watch.is_alive)
        problems: list[Problem] = []
        if log not in _WHAT:
            problems.append(problem("watch.log", "'gradients', 'parameters' or 'all'", log, "Leave it out."))
        if type(every) is not int or every < 1:
            problems.append(problem("watch.every", "a number of steps, 1 or more", every, "Pass 100."))
        if name is not None and (not isinstance(name, str) or not name):
            problems.append(problem("watch.name", "a text that is not empty", name, "Leave it out."))
        elif any(watch.name == name for watch in self._watches):
            problems.append(
                problem("watch.name", "a name that no other watched model has", name, 'Pass name="critic".')
            )
        if not is_instance(model, "torch.nn", "Module"):
            hint = "Of another model, log mt.Histogram(weights) yourself."
            if is_instance(model, "keras", "Model"):
                hint = "Set KERAS_BACKEND=torch, or log mt.Histogram(weights) in a callback of fit()."
            problems.append(problem("watch.model", "a torch.nn.Module or a Keras model of its backend", model, hint))
        if problems:
            raise InputError(problems)
        from .torch_watch import TorchWatch

        if not self._watches:
            self._hook.before_finish(self.unwatch)
        what = _WHAT[:2] if log == "all" else (log,)
        self._watches = (*self._watches, TorchWatch(model, what, every, name, self._hook.offer, self._report))

    def unwatch(self, model: Any = None) -> None:
        """Watch a model no longer, or none: all hooks are removed."""
        ended = [watch for watch in self._watches if model is None or watch.is_of(model)]
        for watch in ended:
            watch.stop()
        self._watches = tuple(watch for watch in self._watches if watch not in ended)

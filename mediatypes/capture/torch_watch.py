"""Histograms of the gradients and parameters of a torch module, counted on its device."""

from __future__ import annotations

import importlib
import math
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from .._core.errors import MediaTypesError, Problem, describe
from ..types.histogram.value import Histogram

BINS = 64
_CHUNK = 2**24  # elements that are looked at together, which bounds the memory that this takes
_NOT_OURS = -1  # instead of a number of steps: an optimizer of other parameters


class TorchWatch:
    """Takes histograms of a module while it is trained, until `stop()`.

    Args:
        model: a module.
        what: "gradients", "parameters" or both.
        every: so many steps from one time to the next.
        name: stands before the names of parameters.
        offer: is given histograms by key.
        report: is told if it does not work; the watch ends then.
    """

    def __init__(
        self,
        model: Any,
        what: Collection[str],
        every: int,
        name: str | None,
        offer: Callable[[dict[str, Any]], None],
        report: Callable[[list[Problem]], None],
    ) -> None:
        self.name = name
        self._model = weakref.ref(_unwrapped(model))
        self._what, self._every, self._offer, self._report = what, every, offer, report
        self._optimizers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()  # their steps
        self._passes: dict[str, int] = {}  # backward passes by parameter, until an optimizer is seen
        self._on_parameters = [
            parameter.register_post_accumulate_grad_hook(partial(self._on_gradient, name))
            for name, parameter in self._parameters()
            if parameter.requires_grad and parameter.is_leaf
        ]
        optimizers = importlib.import_module("torch.optim.optimizer")
        self._on_optimizers = [optimizers.register_optimizer_step_pre_hook(self._on_step)]

    @property
    def is_alive(self) -> bool:
        """Whether the model is still there; of one that is gone no hook is called."""
        if self._model() is None:
            self.stop()
            return False
        return True

    def is_of(self, model: Any) -> bool:
        """Whether this watches a model."""
        return self._model() is _unwrapped(model)

    def stop(self) -> None:
        """Remove all hooks."""
        for handle in [*self._on_parameters, *self._on_optimizers]:
            handle.remove()
        self._on_parameters, self._on_optimizers = [], []

    def _parameters(self) -> Iterator[tuple[str, Any]]:
        """Name and tensor of each parameter, of shared ones once."""
        model = self._model()
        if model is None:
            return
        if hasattr(model, "trainable_variables"):  # of Keras
            yield from ((variable.path, variable.value) for variable in model.trainable_variables)
        else:
            yield from model.named_parameters()

    def _on_step(self, optimizer: Any, *arguments: Any) -> None:
        """An optimizer, any of this process, is about to take a step."""
        steps = self._optimizers.get(optimizer)
        if steps is None:
            ours = {id(parameter) for _, parameter in self._parameters()}
            steps = 0 if any(id(p) in ours for group in optimizer.param_groups for p in group["params"]) else _NOT_OURS
            self._optimizers[optimizer] = steps
        if steps == _NOT_OURS:
            return
        while self._on_parameters:  # they are needed no more
            self._on_parameters.pop().remove()
        self._optimizers[optimizer] = steps + 1
        if steps % self._every == 0:
            stepped = {id(p) for group in optimizer.param_groups for p in group["params"]}
            self._take((name, p) for name, p in self._parameters() if id(p) in stepped or not p.requires_grad)

    def _on_gradient(self, name: str, parameter: Any) -> None:
        """A backward pass has added to a parameter's gradient, and no optimizer was seen yet."""
        passes = self._passes.get(name, 0)
        self._passes[name] = passes + 1
        if passes % self._every == 0:
            self._take([(name, parameter)])

    def _take(self, parameters: Any) -> None:
        try:
            tensors = dict[str, Any]()
            for name, parameter in parameters:
                full = f"{self.name}/{name}" if self.name else name
                for what in self._what:
                    tensor = parameter.grad if what == "gradients" else parameter
                    if tensor is not None:
                        tensors[f"{what}/{full}"] = tensor
            self._offer(histograms(tensors))
        except Exception as error:  # training goes on
            self.stop()
            with suppress(MediaTypesError):  # what the journal does not take waits; a forked worker has no run
                self._report([problem._replace(path="watch", code="watch") for problem in describe(error)])


def _unwrapped(model: Any) -> Any:
    """The module in wrappers for parallel training, and before it was compiled."""
    while True:
        if hasattr(model, "_orig_mod"):
            model = model._orig_mod
        elif type(model).__name__ in ("DataParallel", "DistributedDataParallel"):
            model = model.module
        else:
            return model


def histograms(tensors: dict[str, Any]) -> dict[str, Histogram]:
    """A histogram of each tensor that holds floats; one transfer for all of a device."""
    torch: Any = importlib.import_module("torch")
    counted = dict[Any, list[tuple[str, int, Any, Any]]]()
    with torch.no_grad():
        for key, tensor in tensors.items():
            if (kept := _values(torch, tensor)) is not None:
                values, zeros = kept
                counted.setdefault(values.device, []).append((key, zeros, *_count(torch, values, zeros)))
        results = dict[str, Histogram]()
        for of_device in counted.values():
            counts = torch.stack([counts for _, _, counts, _ in of_device]).cpu().numpy()
            ranges = torch.stack([extent.double().cpu() for _, _, _, extent in of_device]).numpy()
            for (key, zeros, _, _), row, (low, high) in zip(of_device, counts, ranges, strict=True):
                results[key] = _histogram(row, float(low), float(high), zeros)
    return {key: results[key] for key in tensors if key in results}


def _values(torch: Any, tensor: Any) -> tuple[Any, int] | None:
    """The values of a tensor, flat, and how many zeros it has besides; None if there are none to count."""
    values, zeros = tensor.detach(), 0
    if hasattr(values, "to_local"):  # the part of a distributed tensor that is here
        values = values.to_local()
    if values.is_sparse:
        whole = values.numel()
        values = values.coalesce().values()
        zeros = whole - values.numel()
    if values.is_complex():
        values = torch.view_as_real(values)
        zeros *= 2
    if values.is_meta or not values.is_floating_point() or not values.numel():
        return None
    return values.reshape(-1), zeros


def _count(torch: Any, values: Any, zeros: int) -> tuple[Any, Any]:
    """Counts (BINS + 3,) int64: of the bins, NaN, +inf, -inf; and (2,) the finite range. On the device."""
    pieces = [piece.float() if piece.element_size() < 4 else piece for piece in values.split(_CHUNK)]
    others = sum(
        torch.stack([piece.isnan().sum(), (piece == math.inf).sum(), (piece == -math.inf).sum()]) for piece in pieces
    )
    low = torch.stack([torch.where(piece.isfinite(), piece, math.inf).min() for piece in pieces]).min()
    high = torch.stack([torch.where(piece.isfinite(), piece, -math.inf).max() for piece in pieces]).max()
    if zeros:
        low, high = low.clamp(max=0), high.clamp(min=0)
    half = high / 2 - low / 2  # halves do not overflow
    scale = BINS / torch.where(half > 0, half, 1)
    counts = torch.zeros(BINS + 1, dtype=torch.int64, device=values.device)
    for piece in pieces:
        place = ((piece / 2 - low / 2) * scale).long().clamp(0, BINS - 1)
        counts = counts + torch.bincount(torch.where(piece.isfinite(), place, BINS), minlength=BINS + 1)
    return torch.cat([counts[:BINS], others]), torch.stack([low, high])


def _histogram(row: Any, low: float, high: float, zeros: int) -> Histogram:
    """The histogram of what was counted between two values; its edges are those that `np.histogram` gives."""
    counts, (nan, above, below) = row[:BINS].copy(), (int(count) for count in row[BINS:])
    if low > high:  # nothing is finite
        return Histogram._counted(counts, np.linspace(0, 1, BINS + 1), nan, above, below)
    if zeros:
        counts[0 if low == high else min(int(-low / (high - low) * BINS), BINS - 1)] += zeros
    edges = Histogram([low, high], num_bins=BINS).bins
    if edges[0] != low:  # wider, as the values are equal or nearly
        middles = np.clip(low + (np.arange(BINS) + 0.5) * ((high - low) / BINS), low, high)
        counts = np.histogram(middles, edges, weights=counts)[0].astype(np.int64)
    return Histogram._counted(counts, edges, nan, above, below)

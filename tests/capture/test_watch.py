"""Histograms of a model's gradients and parameters, with the real torch where it is installed."""

from __future__ import annotations

import gc
import importlib
import math
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt


class NoModule: ...


def test_what_is_no_module_is_refused_with_all_other_problems(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run, pytest.raises(mt.InputError) as raised:
        run.watch(NoModule(), log="weights", every=0, name="")  # type: ignore[arg-type]
    assert [problem.path for problem in raised.value.problems] == [
        "watch.log",
        "watch.every",
        "watch.name",
        "watch.model",
    ]
    with pytest.raises(mt.RunClosed):
        run.watch(NoModule())


def test_values_that_are_offered_go_into_the_next_row_and_make_none(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"loss": 1.0})
        run.log({"loss": 2.0})
        run._hook.offer({"extra": 1, "loss": 99})
        run._hook.offer({"more": 2})
        with pytest.raises(mt.InputError):
            run.log({"": 1})
        run.log({"loss": 3.0})
        run.log({"loss": 4.0})
        run._hook.offer({"extra": 5})
        run.log({"loss": 5.0}, step=9)
        run._hook.offer({"extra": 6})
    assert mt.open_run(run.path).history(["loss", "extra", "more"]).to_pylist() == [
        {"_step": 0, "loss": 1.0, "extra": None, "more": None},
        {"_step": 1, "loss": 2.0, "extra": None, "more": None},
        {"_step": 2, "loss": 3.0, "extra": 1, "more": 2},
        {"_step": 3, "loss": 4.0, "extra": None, "more": None},
        {"_step": 9, "loss": 5.0, "extra": 5, "more": None},
    ]


@pytest.fixture
def torch() -> Any:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return torch


def network(torch: Any) -> Any:
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))


def train(torch: Any, run: mt.Run, model: Any, optimizer: Any, steps: int, scaler: Any = None) -> list[dict[str, Any]]:
    """Train, and log each step; returns the gradients that the optimizer used in each."""
    used = []
    for step in range(steps):
        loss = model(torch.randn(8, 3)).square().mean()
        loss.backward()
        optimizer.step()
        used.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
        optimizer.zero_grad()
        run.log({"loss": loss.item(), "epoch": step})
    return used


def by_step(path: Path, key: str) -> dict[int, mt.Histogram]:
    return dict(mt.open_run(path).values(key))


def assert_counts(found: mt.Histogram, data: Any) -> None:
    """The counts are those of numpy, but for values that lie on an edge as nearly as floats can tell."""
    values = data.detach().double().numpy().ravel()
    finite = values[np.isfinite(values)]
    expected, edges = np.histogram(finite, 64)
    np.testing.assert_array_equal(found.bins, edges)
    assert found.values.sum() == len(finite)
    assert np.abs(np.cumsum(found.values) - np.cumsum(expected)).max() <= max(1, len(finite) // 1000)
    assert found.nan_count == np.isnan(values).sum()
    assert found.positive_infinity_count == np.isposinf(values).sum()
    assert found.negative_infinity_count == np.isneginf(values).sum()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_counts_are_those_of_numpy(torch: Any, dtype: str) -> None:
    from mediatypes.capture.torch_watch import histograms

    normal = torch.randn(10_000)
    special = normal.clone()
    special[:5] = torch.tensor([math.nan, math.nan, math.inf, -math.inf, -math.inf])
    tensors = {
        "normal": normal,
        "matrix": normal.reshape(100, 100).T,
        "special": special,
        "equal": torch.full((7,), 2.5),
        "zeros": torch.zeros(3),
        "one": torch.tensor(3.0),
        "large": torch.tensor([-6e4, 0.0, 6e4]),
    }
    tensors = {name: tensor.to(getattr(torch, dtype)) for name, tensor in tensors.items()}
    found = histograms(tensors)
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        assert_counts(found[name], tensor)


def test_what_has_no_range_of_floats_is_counted_as_well(torch: Any) -> None:
    from mediatypes.capture.torch_watch import histograms

    huge = torch.tensor([-3e38, 3e38, 1e38, math.nan])
    near = torch.tensor([1.0, np.nextafter(1.0, 2.0), 1.0], dtype=torch.float64)
    found = histograms(
        {
            "none": torch.tensor([math.nan, math.inf]),
            "huge": huge,
            "near": near,
            "complex": torch.tensor([1 + 2j, 3 - 4j]),
            "integers": torch.arange(3),
            "empty": torch.zeros(0),
            "meta": torch.zeros(3, device="meta"),
        }
    )
    assert list(found) == ["none", "huge", "near", "complex"]
    assert (found["none"].values.sum(), found["none"].nan_count, found["none"].positive_infinity_count) == (0, 1, 1)
    assert (found["huge"].values[0], found["huge"].values[42], found["huge"].values[63]) == (1, 1, 1)
    assert found["huge"].nan_count == 1
    assert found["near"].values.sum() == 3
    assert_counts(found["complex"], torch.tensor([1.0, 2, 3, -4]))


def test_zeros_that_a_sparse_gradient_does_not_hold_are_counted(torch: Any) -> None:
    from mediatypes.capture.torch_watch import histograms

    embedding = torch.nn.Embedding(10, 4, sparse=True)
    (embedding(torch.tensor([1, 1, 7])) * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert embedding.weight.grad.is_sparse
    found = histograms({"gradient": embedding.weight.grad})["gradient"]
    assert_counts(found, embedding.weight.grad.to_dense())


def test_large_tensors_are_counted_in_pieces(torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mediatypes.capture import torch_watch

    values = torch.randn(10_000)
    whole = torch_watch.histograms({"a": values})["a"]
    monkeypatch.setattr(torch_watch, "_CHUNK", 999)
    assert torch_watch.histograms({"a": values})["a"] == whole


def test_gradients_are_logged_every_so_many_steps_in_the_rows_of_the_run(torch: Any, tmp_path: Path) -> None:
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with mt.Run(tmp_path / "run") as run:
        run.watch(model, every=3)
        used = train(torch, run, model, optimizer, 7)
    assert mt.open_run(run.path).history().num_rows == 7
    assert set(mt.open_run(run.path).keys()) == {"loss", "epoch", *(f"gradients/{name}" for name in used[0])}
    for name in used[0]:
        logged = by_step(run.path, f"gradients/{name}")
        assert list(logged) == [0, 3, 6]
        for step, histogram in logged.items():
            assert_counts(histogram, used[step][name])


def test_parameters_are_those_that_the_gradients_are_of(torch: Any, tmp_path: Path) -> None:
    model = network(torch)
    model[0].weight.requires_grad_(False)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    with mt.Run(tmp_path / "run") as run:
        run.watch(model, log="all", every=100)
        train(torch, run, model, torch.optim.Adam([p for p in model.parameters() if p.requires_grad]), 2)
    keys = set(mt.open_run(run.path).keys())
    assert {f"parameters/{name}" for name in before} < keys
    assert "gradients/0.weight" not in keys
    assert "gradients/0.bias" in keys
    for name, parameter in before.items():
        assert_counts(by_step(run.path, f"parameters/{name}")[0], parameter)


def test_without_an_optimizer_of_torch_gradients_are_taken_in_the_backward_pass(torch: Any, tmp_path: Path) -> None:
    model = network(torch)
    with mt.Run(tmp_path / "run") as run:
        run.watch(model, every=2)
        gradients = []
        for _ in range(3):
            model.zero_grad()
            model(torch.randn(8, 3)).square().mean().backward()
            gradients.append(model[0].weight.grad.clone())
            run.log({"a": 1}, step=10 + len(gradients))
    logged = by_step(run.path, "gradients/0.weight")
    assert list(logged) == [11, 13]
    assert_counts(logged[11], gradients[0])
    assert_counts(logged[13], gradients[2])


def test_accumulated_and_scaled_gradients_are_what_the_optimizer_uses(torch: Any, tmp_path: Path) -> None:
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler, clipped = torch.amp.GradScaler("cpu", init_scale=1024.0), None
    with mt.Run(tmp_path / "run") as run:
        run.watch(model, every=1)
        for _ in range(2):
            for _ in range(3):
                scaler.scale(model(torch.randn(8, 3)).square().mean()).backward()
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
            clipped = model[0].weight.grad.clone()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            run.log({"a": 1})
    logged = by_step(run.path, "gradients/0.weight")
    assert list(logged) == [0, 1]
    assert_counts(logged[1], clipped)


def test_nan_is_counted_and_training_goes_on(torch: Any, tmp_path: Path) -> None:
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with mt.Run(tmp_path / "run") as run:
        run.watch(model, every=1)
        (model(torch.randn(8, 3)).mean() * math.nan).backward()
        optimizer.step()
        run.log({"a": 1})
    found = by_step(run.path, "gradients/0.weight")[0]
    assert (found.nan_count, found.values.sum()) == (12, 0)


def test_shared_parameters_are_logged_once(torch: Any, tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
    model[1].weight = model[0].weight
    with mt.Run(tmp_path / "run") as run:
        run.watch(model)
        train(torch, run, model, torch.optim.SGD(model.parameters(), lr=0.1), 1)
    keys = set(mt.open_run(run.path).keys())
    assert keys == {"loss", "epoch", "gradients/0.weight", "gradients/0.bias", "gradients/1.bias"}


def test_several_models_have_names_and_each_optimizer_its_steps(torch: Any, tmp_path: Path) -> None:
    generator, critic, other = network(torch), network(torch), network(torch)
    with mt.Run(tmp_path / "run") as run:
        run.watch(generator, name="generator", every=2)
        with pytest.raises(mt.InputError, match=r"watch\.name: expected a name that no other"):
            run.watch(critic, name="generator")
        run.watch(torch.nn.DataParallel(critic), every=2)
        train(torch, run, other, torch.optim.SGD(other.parameters(), lr=0.1), 1)
        train(torch, run, critic, torch.optim.SGD(critic.parameters(), lr=0.1), 3)
        train(torch, run, generator, torch.optim.SGD(generator.parameters(), lr=0.1), 1)
    assert list(by_step(run.path, "gradients/0.weight")) == [1, 3]
    assert list(by_step(run.path, "gradients/generator/0.weight")) == [4]


def hooks_of(model: Any) -> int:
    return sum(len(p._post_accumulate_grad_hooks or {}) for p in model.parameters())


def test_no_hook_is_left(torch: Any, tmp_path: Path) -> None:
    of_optimizers = importlib.import_module("torch.optim.optimizer")._global_optimizer_pre_hooks
    model, other = network(torch), network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = len(of_optimizers)
    with mt.Run(tmp_path / "run") as run:
        run.watch(model)
        run.watch(other, name="other")
        assert (hooks_of(model), len(of_optimizers)) == (4, before + 2)
        run.unwatch(other)
        assert (hooks_of(other), len(of_optimizers)) == (0, before + 1)
        train(torch, run, model, optimizer, 1)
        assert hooks_of(model) == 0  # the optimizer's is enough
        run.watch(other, name="other")
    assert (hooks_of(other), len(of_optimizers)) == (0, before)
    train_after = model(torch.randn(8, 3)).sum()
    train_after.backward()
    optimizer.step()


def test_neither_the_model_nor_its_graph_is_kept(torch: Any, tmp_path: Path) -> None:
    model = network(torch)
    with mt.Run(tmp_path / "run") as run:
        run.watch(model, log="all", every=1)
        seen = []
        hidden = model[0](torch.randn(8, 3))
        seen.append(weakref.ref(hidden))
        hidden.square().mean().backward()
        run.log({"a": 1})
        seen.append(weakref.ref(model))
        del hidden, model
        gc.collect()
        assert [one() for one in seen] == [None, None]
        run.log({"a": 2})


def test_a_compiled_model_is_watched_by_the_names_of_the_plain_one(torch: Any, tmp_path: Path) -> None:
    model = network(torch)
    compiled = torch.compile(model, backend="eager")
    with mt.Run(tmp_path / "run") as run:
        run.watch(compiled, every=2)
        train(torch, run, compiled, torch.optim.SGD(compiled.parameters(), lr=0.1), 3)
        run.unwatch(model)
    assert list(by_step(run.path, "gradients/0.weight")) == [0, 2]


def test_what_goes_wrong_ends_the_watch_and_not_the_training(
    torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mediatypes.capture import torch_watch

    monkeypatch.setattr(torch_watch, "histograms", lambda tensors: 1 / 0)
    model = network(torch)
    with mt.Run(tmp_path / "run") as run:
        run.watch(model)
        train(torch, run, model, torch.optim.SGD(model.parameters(), lr=0.1), 2)
    assert [(p.path, p.code) for p in mt.open_run(run.path).problems] == [("watch", "watch")]
    assert mt.open_run(run.path).history().num_rows == 2


def test_a_keras_model_of_the_torch_backend_is_watched(
    torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="keras is not installed")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")

    class Log(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            run.log({"loss": logs["loss"]})

    with mt.Run(tmp_path / "run") as run:
        run.watch(model, log="all", every=2)
        model.fit(np.zeros((12, 3)), np.ones((12, 1)), batch_size=4, verbose=0, callbacks=[Log()])
    keys = set(mt.open_run(run.path).keys())
    names = [variable.path for variable in model.trainable_variables]
    assert keys == {"loss", *(f"{what}/{name}" for what in ("gradients", "parameters") for name in names)}
    assert list(by_step(run.path, f"gradients/{names[0]}")) == [0, 2]


def test_a_model_that_is_gone_leaves_its_name(torch: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        for number in range(2):  # as in a sweep of one process
            model = torch.nn.Linear(2, 1)
            run.watch(model, every=1)
            optimizer = torch.optim.SGD(model.parameters(), 0.1)
            model(torch.ones(3, 2)).sum().backward()
            optimizer.step()
            run.log({"number": number})
            del model, optimizer
            gc.collect()
    assert [step for step, _ in mt.open_run(run.path).values("gradients/bias")] == [0, 1]

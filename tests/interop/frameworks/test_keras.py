"""A tiny training with Keras 3, on the backend that is there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt

pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")


def fit(callback: Any) -> Any:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)], name="line")
    model.compile(optimizer="sgd", loss="mse")
    x = np.linspace(0, 1, 8, dtype=np.float32)[:, None]
    return model.fit(x, 2 * x, epochs=3, verbose=0, validation_data=(x, 2 * x), callbacks=[callback])


def test_metrics_pictures_and_the_model(tmp_path: Path) -> None:
    from mediatypes.interop.keras import MediatypesCallback

    image = mt.Image(np.zeros((2, 3), np.uint8))
    fitted = fit(MediatypesCallback(tmp_path / "run", also=lambda model: {"photo": image}))
    view = mt.open_run(tmp_path / "run")
    assert [value for _, value in view.values("loss")] == fitted.history["loss"]
    assert [value for _, value in view.values("val_loss")] == fitted.history["val_loss"]
    assert list(view.values("photo")) == [(0, image), (1, image), (2, image)]
    assert view.config["model"] == {"name": "line", "parameters": 2}
    assert "Dense" in view.summary["model"]
    assert view.status == "finished"


def test_a_run_that_is_given_stays_open(tmp_path: Path) -> None:
    from mediatypes.interop.keras import MediatypesCallback

    with mt.Run(tmp_path / "run") as run:
        fit(MediatypesCallback(run))
        run.log({"after": 1})
    assert list(mt.open_run(run.path).values("after")) == [(3, 1)]

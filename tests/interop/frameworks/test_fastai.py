"""A tiny training with fastai."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mediatypes as mt

torch = pytest.importorskip("torch")
basics = pytest.importorskip("fastai.basics")
loading = pytest.importorskip("fastai.data.all")
progress = pytest.importorskip("fastai.callback.progress")
schedule = pytest.importorskip("fastai.callback.schedule")


@pytest.mark.filterwarnings("ignore:numpy.core is deprecated:DeprecationWarning")  # fastai uses it
def test_batches_epochs_and_pictures(tmp_path: Path) -> None:
    from mediatypes.interop.fastai import MediatypesCallback

    x = torch.linspace(0, 1, 16)[:, None]
    data = torch.utils.data.TensorDataset(x, 2 * x)
    loaders = loading.DataLoaders(loading.DataLoader(data, bs=4), loading.DataLoader(data, bs=4))
    image = mt.Image(np.zeros((2, 3), np.uint8))
    callback = MediatypesCallback(tmp_path / "run", also=lambda learner: {"photo": image})
    learner = basics.Learner(loaders, torch.nn.Linear(1, 1), loss_func=torch.nn.MSELoss(), cbs=callback, path=tmp_path)
    learner.remove_cb(progress.ProgressCallback)
    with learner.no_logging():
        learner.fit(1, cbs=schedule.LRFinder(num_it=2))  # as lr_find does, which is no training
        learner.fit(2, 0.1)
        recorded = [values[learner.recorder.metric_names[1:].index("valid_loss")] for values in learner.recorder.values]
        learner.validate()
        learner.get_preds()
    view = mt.open_run(tmp_path / "run")
    assert view.status == "finished"
    assert len(list(view.values("train/loss"))) == 8
    assert [value for _, value in view.values("epoch")] == [0, 1]
    assert [value for _, value in view.values("valid_loss")] == pytest.approx(recorded)
    assert [value for _, value in view.values("opt/lr")] == [0.1] * 8
    assert [value for _, value in view.values("photo")] == [image, image]
    assert view.config["fit"]["parameters"] == 2

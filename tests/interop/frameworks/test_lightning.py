"""A tiny training with Lightning, with the logger and without a line of code."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt

torch = pytest.importorskip("torch")
lightning = pytest.importorskip("lightning.pytorch")


def model() -> Any:
    class Line(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self, width: int = 1) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(width, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            loss = (self.layer(batch[0]) - batch[1]).square().mean()
            self.log("loss", loss)
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val/loss", (self.layer(batch[0]) - batch[1]).square().mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    return Line()


def fit(folder: Path, **options: Any) -> Any:
    x = torch.linspace(0, 1, 8)[:, None]
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, 2 * x), batch_size=4)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = lightning.Trainer(max_epochs=2, log_every_n_steps=1, default_root_dir=str(folder), **quiet, **options)
    trainer.fit(model(), data, data)
    return trainer


def test_the_logger_has_metrics_hyperparameters_and_checkpoints(tmp_path: Path) -> None:
    from mediatypes.interop.lightning import MediatypesLogger

    logger = MediatypesLogger(tmp_path / "run", project="lines")
    trainer = fit(tmp_path, logger=logger)
    view = mt.open_run(tmp_path / "run")
    assert (view.status, view.project, view.config["width"]) == ("finished", "lines", 1)
    history = view.history(["_step", "loss", "val/loss"]).to_pydict()
    assert len([loss for loss in history["loss"] if loss is not None]) == 4  # two batches in each of two epochs
    assert len([loss for loss in history["val/loss"] if loss is not None]) == 2
    assert history["_step"] == sorted(history["_step"])
    assert view.summary["checkpoint.best"] == trainer.checkpoint_callback.best_model_path
    assert Path(view.summary["checkpoint.best"]).is_file()
    assert mt.open_run(tmp_path / "run").summary["loss"] == pytest.approx(float(trainer.logged_metrics["loss"]), 1e-6)


def test_media_and_a_second_fit_go_on_with_the_run(tmp_path: Path) -> None:
    from mediatypes.interop.lightning import MediatypesLogger

    logger = MediatypesLogger(tmp_path / "run")
    logger.log_image("photo", [np.zeros((2, 3), np.uint8)], step=0, caption=["black"])
    logger.log_table("table", columns=["a"], data=[[1]], step=0)
    logger.log_audio("sound", [np.zeros(80, np.float32)], step=0, sample_rate=[8000])
    logger.log_video("clip", [np.zeros((2, 3, 8, 8), np.uint8)], step=0, fps=[4], format=["gif"])
    logger.finalize("success")
    logger.log_metrics({"loss": 1.0}, step=5)
    logger.log_metrics({"late": 2.0}, step=3)
    logger.finalize("failed")
    view = mt.open_run(tmp_path / "run")
    assert [value for _, value in view.values("photo")] == [mt.Image(np.zeros((2, 3), np.uint8), caption="black")]
    assert {key: tuple(view.keys()[key]) for key in ("table", "sound", "clip")} == {
        "table": ("table",),
        "sound": ("audio",),
        "clip": ("video",),
    }
    assert (list(view.values("loss")), list(view.values("late")), view.status) == ([(5, 1.0)], [(5, 2.0)], "failed")


def run_by_entry_point(group: str, code: str, folder: Path) -> mt.RunView:
    """What a program leaves with MEDIATYPES_RUN set, in a process of its own, for Lightning reads entry points once."""
    found = """
        import sys
        from importlib.metadata import EntryPoint
        from pathlib import Path

        import lightning.fabric.utilities.registry as registry

        point = EntryPoint("mediatypes", "mediatypes.interop._entry_points:lightning_callbacks", "GROUP")
        registry.entry_points = lambda group=None, **_: [point] if group == point.group else []
        """
    program = textwrap.dedent(found.replace("GROUP", group)) + textwrap.dedent(code)
    environment = {**os.environ, "MEDIATYPES_RUN": str(folder / "run"), "MEDIATYPES_QUIET": "1"}
    command = [sys.executable, "-c", program, str(folder)]
    subprocess.run(command, env=environment, cwd=Path(__file__).parents[3], check=True, timeout=300)
    return mt.open_run(folder / "run")


def test_without_a_line_of_code(tmp_path: Path) -> None:
    code = """
        from tests.interop.frameworks.test_lightning import fit

        fit(Path(sys.argv[1]), logger=False, enable_checkpointing=False)
        """
    view = run_by_entry_point("lightning.pytorch.callbacks_factory", code, tmp_path)
    assert view.status == "finished"
    assert len(list(view.values("loss"))) == 4


def test_a_logger_of_ours_is_not_doubled(tmp_path: Path) -> None:
    code = """
        from mediatypes.interop.lightning import MediatypesLogger
        from tests.interop.frameworks.test_lightning import fit

        fit(Path(sys.argv[1]), logger=MediatypesLogger(), enable_checkpointing=False)
        """
    view = run_by_entry_point("lightning.pytorch.callbacks_factory", code, tmp_path)
    assert len(list(view.values("loss"))) == 4


def test_fabric_without_a_line_of_code(tmp_path: Path) -> None:
    code = """
        import torch
        from lightning.fabric import Fabric

        fabric = Fabric(accelerator="cpu", devices=1)
        layer = torch.nn.Linear(1, 1)
        model, optimizer = fabric.setup(layer, torch.optim.SGD(layer.parameters(), 0.1))
        for step in range(3):
            loss = model(torch.ones(1, 1)).square().mean()
            fabric.backward(loss)
            optimizer.step()
            fabric.log("loss", loss, step=step)
        """
    view = run_by_entry_point("lightning.fabric.callbacks_factory", code, tmp_path)
    assert view.status == "finished"
    assert [step for step, _ in view.values("loss")] == [0, 1, 2]


def test_the_entry_points_are_declared() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))["project"]
    for group in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
        assert project["entry-points"][f"{group}.callbacks_factory"] == {
            "mediatypes": "mediatypes.interop._entry_points:lightning_callbacks"
        }


def test_options_of_media_are_as_many_as_these(tmp_path: Path) -> None:
    from mediatypes.interop.lightning import MediatypesLogger

    logger = MediatypesLogger(tmp_path / "run")
    with pytest.raises(mt.InputError, match=r"photos\.caption: expected a list of 2 items, as there are values, got "):
        logger.log_image("photos", [np.zeros((2, 3), np.uint8)] * 2, caption=["one"])

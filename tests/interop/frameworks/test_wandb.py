"""Frameworks that import wandb get this module, when a script is run by `python -m mediatypes.interop.wandb`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mediatypes as mt

ROOT = Path(__file__).parents[3]

LIGHTNING = """
import lightning, numpy, torch, wandb
from lightning.pytorch.loggers import WandbLogger

class Line(lightning.LightningModule):
    def __init__(self, lr=0.1):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, index):
        loss = ((self.layer(batch) - 1) ** 2).mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)

data = torch.utils.data.DataLoader(torch.rand(16, 2), batch_size=4)
logger, model = WandbLogger(project="lit", name="first", save_dir="runs", log_model="all"), Line()
logger.watch(model, log_freq=2)
options = dict(accelerator="cpu", enable_progress_bar=False, enable_model_summary=False)
lightning.Trainer(max_epochs=2, logger=logger, log_every_n_steps=1, **options).fit(model, data)
logger.log_image("samples", [numpy.zeros((4, 4, 3), numpy.uint8)], caption=["c"])
logger.log_table("table", columns=["a"], data=[[1]])
wandb.finish()
"""

TRANSFORMERS = """
import os
os.environ |= {"WANDB_PROJECT": "hf", "WANDB_LOG_MODEL": "end", "WANDB_WATCH": "all"}
import torch, wandb
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

sizes = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
model = BertForSequenceClassification(BertConfig(vocab_size=20, **sizes))
data = [{"input_ids": torch.randint(0, 20, (6,)), "labels": torch.tensor(i % 2)} for i in range(8)]
options = dict(max_steps=4, logging_steps=2, save_strategy="no", use_cpu=True, disable_tqdm=True)
Trainer(model, TrainingArguments("out", report_to="wandb", run_name="first", **options), train_dataset=data).train()
wandb.finish()
"""

KERAS = """
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy, wandb
from wandb.integration.keras import WandbEvalCallback, WandbMetricsLogger, WandbModelCheckpoint
from wandb.keras import WandbCallback

class Predictions(WandbEvalCallback):
    def add_ground_truth(self, logs=None):
        self.data_table.add_data(1, 2.0)

    def add_model_predictions(self, epoch, logs=None):
        self.pred_table.add_data(epoch, float(self.model.predict(numpy.ones((1, 1)), verbose=0)[0, 0]))

wandb.init(project="k", dir="runs")
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
model.compile(optimizer="sgd", loss="mse")
x = numpy.linspace(0, 1, 8, dtype=numpy.float32)[:, None]
callbacks = [WandbMetricsLogger(log_freq=1), WandbModelCheckpoint("m.keras", save_best_only=True, monitor="loss")]
callbacks += [Predictions(["x", "y"], ["epoch", "y"]), WandbCallback()]
model.fit(x, 2 * x, epochs=3, verbose=0, validation_data=(x, 2 * x), batch_size=4, callbacks=callbacks)
wandb.finish()
"""

SKLEARN = """
import wandb
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split

wandb.init(dir="runs")
x, test, y, truth = train_test_split(*load_iris(return_X_y=True), random_state=0)
model = RandomForestClassifier(10, random_state=0).fit(x, y)
said = (model.predict(test), model.predict_proba(test), ["a", "b", "c"])
wandb.sklearn.plot_classifier(model, x, test, y, truth, *said, feature_names=list("wxyz"), log_learning_curve=True)
wandb.finish()
wandb.init(dir="runs")
x, test, y, truth = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
wandb.sklearn.plot_regressor(Ridge().fit(x, y), x, test, y, truth)
wandb.finish()
"""


def runs(script: str, folder: Path, *needed: str) -> list[mt.RunView]:
    """What a script wrote that was run with our module as wandb."""
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        pytest.skip(f"{missing[0]} is not installed")
    (folder / "script.py").write_text(script)
    command = [sys.executable, "-m", "mediatypes.interop.wandb", "script.py"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "MEDIATYPES_CAPTURE": "none", "WANDB_SILENT": "true"}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    views = [mt.open_run(path) for path in sorted((folder / "runs").iterdir()) if path.name.startswith("run-")]
    assert all(not view.problems and view.status == "finished" for view in views)
    return views


def made(view: mt.RunView) -> list[tuple[str, str]]:
    return [(artifact.name, artifact.version) for artifact in view.artifacts()]


def test_the_logger_of_lightning(tmp_path: Path) -> None:
    (view,) = runs(LIGHTNING, tmp_path, "torch", "lightning")
    assert (view.project, view.name, view.config["lr"]) == ("lit", "first", 0.1)
    assert len(list(view.values("loss"))) == 8
    assert [step for step, _ in view.values("gradients/layer.weight")] == [2, 4, 6]
    ((_, (image,)),) = view.values("samples")
    assert image.caption == "c"
    assert [table.columns for _, table in view.values("table")] == [["a"]]
    assert made(view) == [(f"model-{view.path.name[-8:]}", f"v{i}") for i in range(2)]


def test_the_trainer_of_transformers(tmp_path: Path) -> None:
    (view,) = runs(TRANSFORMERS, tmp_path, "torch", "transformers", "accelerate")
    assert (view.project, view.name, view.config["hidden_size"]) == ("hf", "first", 8)
    assert [value for _, value in view.values("train/global_step")] == [2, 4, 4]
    assert len(list(view.values("train/loss"))) == 2
    assert made(view) == [("model-first", "v0"), ("model-first", "v1")]  # as it was, and as it became


def test_callbacks_of_keras(tmp_path: Path) -> None:
    (view,) = runs(KERAS, tmp_path, "torch", "keras")
    assert [value for _, value in view.values("batch/batch_step")] == list(range(6))
    assert [value for _, value in view.values("epoch/epoch")] == [0, 1, 2]
    losses = [value for _, value in view.values("val_loss")]
    assert losses == [value for _, value in view.values("epoch/val_loss")]
    assert (view.summary["best_val_loss"], view.summary["best_epoch"]) == (min(losses), losses.index(min(losses)))
    assert len(made(view)) == 3
    assert [table.get_column("epoch")[0] for _, table in view.values("predictions")] == [0, 1, 2]


def test_plots_of_sklearn(tmp_path: Path) -> None:
    both = sorted((set(view.keys()) for view in runs(SKLEARN, tmp_path, "sklearn")), key=len)
    assert both[0] == {"summary_metrics", "residuals"}
    plots = {"feature_importances", "learning_curve", "confusion_matrix", "summary_metrics", "class_proportions"}
    assert both[1] == plots | {"calibration_curve", "roc", "precision_recall"}

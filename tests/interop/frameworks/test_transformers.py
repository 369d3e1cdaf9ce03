"""A tiny training with the Hugging Face Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")


class Line(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x: Any = None, labels: Any = None, **_: Any) -> dict[str, Any]:
        y = self.layer(x)
        return {"loss": (y - labels).square().mean(), "logits": y}


def train(folder: Path, callbacks: list[Any] | None = None, **options: Any) -> Any:
    data = [{"x": torch.tensor([i / 8]), "labels": torch.tensor([i / 4])} for i in range(8)]
    arguments = transformers.TrainingArguments(
        output_dir=str(folder / "out"),
        max_steps=4,
        logging_steps=1,
        eval_strategy="steps",
        eval_steps=2,
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
        **options,
    )
    trainer = transformers.Trainer(Line(), arguments, train_dataset=data, eval_dataset=data, callbacks=callbacks)
    trainer.train()
    return trainer


def check(path: Path, trainer: Any) -> None:
    view = mt.open_run(path)
    logged = [(entry["step"], entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    assert list(view.values("train/loss")) == logged
    assert [step for step, _ in view.values("eval/loss")] == [2, 4]
    assert view.config["trainer"]["max_steps"] == 4
    assert view.status == "finished"


def test_report_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mediatypes.interop.transformers  # noqa: F401

    monkeypatch.setenv("MEDIATYPES_RUN", str(tmp_path / "run"))
    check(tmp_path / "run", train(tmp_path, report_to="mediatypes"))


def test_the_callback_with_a_run_that_stays_open(tmp_path: Path) -> None:
    from mediatypes.interop.transformers import MediatypesCallback

    with mt.Run(tmp_path / "run") as run:
        trainer = train(tmp_path, [MediatypesCallback(run)], report_to="none")
        run.log({"after": 1})
    check(tmp_path / "run", trainer)
    assert list(mt.open_run(run.path).values("after")) == [(4, 1)]  # the row that the last step left open


def test_an_evaluation_of_its_own_is_logged(tmp_path: Path) -> None:
    from mediatypes.interop.transformers import MediatypesCallback

    trainer = train(tmp_path, [MediatypesCallback(tmp_path / "run")], report_to=[])
    trainer.evaluate()
    view = mt.open_run(tmp_path / "run")
    assert view.status == "finished"
    assert len(list(view.values("eval/loss"))) == 3
    assert [step for _, step in view.values("global_step")] == [4]

"""What a notebook shows at the end of a cell, of every public thing that may stand there."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes._core.value import Frozen

BOXES = mt.BoundingBoxes2D.from_xyxy([[0, 0, 2, 2]], domain="pixel")
RECORDS = {"Compacted", "Copied", "Metric", "Moved", "Problem", "Reference", "RunArtifact", "SavedFile"}  # named tuples
STORES = {"DirectoryStore", "MemoryStore", "PackedStore", "RemoteStore"}
PROTOCOLS = {"MediaValue", "Sink", "Source"}


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    root = tmp_path_factory.mktemp("cells")
    (root / "weights.bin").write_bytes(b"12345")
    run = mt.Run(root / "runs" / "a", quiet=True)
    run.log({"loss": 0.5})
    artifact = run.log_artifact("model", "model", root / "weights.bin")
    runs = {"Run": run, "Artifact": artifact, "Artifacts": mt.artifacts(root / "runs"), "RunSet": None}
    yield runs | {"RunView": mt.open_run(run.path), "RunSet": mt.open_runs(root / "runs")}
    run.finish()


def test_every_public_class_is_thought_of(things: dict[str, Any]) -> None:
    """One that is added has to be shown, or to be one of those whose `repr` says all."""
    classes = {name: getattr(mt, name) for name in vars(mt)["__all__"] if inspect.isclass(getattr(mt, name))}
    values = {name for name, cls in classes.items() if issubclass(cls, Frozen)}
    errors = {name for name, cls in classes.items() if issubclass(cls, Exception)}
    told = {"ExportReport", "ImportReport"}
    others = {"Table"} | values | errors | things.keys() | told | RECORDS | STORES | PROTOCOLS
    assert classes.keys() == others
    assert all(hasattr(classes[name], "_repr_mimebundle_") for name in values | things.keys() | {"Table"})
    assert all(hasattr(classes[name], "_repr_pretty_") for name in told)
    assert all("__repr__" in vars(classes[name]) for name in RECORDS | STORES)


def test_a_run_that_is_open_shows_what_was_logged_by_now(things: dict[str, Any]) -> None:
    shown = things["Run"]._repr_mimebundle_()
    assert shown["text/plain"] == repr(things["Run"])
    assert "running" in shown["text/html"]
    assert "loss" in shown["text/html"]


def test_artifacts_are_listed(things: dict[str, Any]) -> None:
    shown = things["Artifacts"]._repr_mimebundle_()["text/html"]
    assert "<td>model:v0</td><td>latest</td><td>model</td><td>1</td><td>5</td>" in shown
    shown = things["Artifact"]._repr_mimebundle_()["text/html"]
    assert "Artifact(model:v0, model, 1 entry)" in shown
    assert "<td>weights.bin</td><td>5</td>" in shown


@pytest.mark.parametrize(
    "value", [BOXES, mt.Classes({1: "cat"}), mt.Box3D(center=(0, 0, 0), size=(1, 2, 3), label="car")], ids=repr
)
def test_parts_of_values_show_themselves(value: Any) -> None:
    shown = value._repr_mimebundle_()
    assert shown["text/plain"] == repr(value)
    assert "<table" in shown["text/html"]


def test_reports_are_told_in_lines(tmp_path: Path) -> None:
    class Printer:
        said = ""

        def text(self, text: str) -> None:
            self.said += text

    with mt.Run(tmp_path / "run", quiet=True, capture=False) as run:
        run.log({"loss": float("nan"), "photo": mt.Image(np.zeros((2, 2), np.uint8))})
    report, printer = mt.export(run.path, "jsonl", tmp_path / "out"), Printer()
    report._repr_pretty_(printer, cycle=False)
    assert printer.said.splitlines() == [
        f"{tmp_path / 'out'}: 1 row and 1 media file, {report.size} bytes",
        "jsonl did not carry:",
        "- loss (number): 1 value, not finite, null in JSON",
    ]

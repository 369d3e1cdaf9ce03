"""An executed notebook, as it is shown in a browser: with scripts the page, and what needs none without."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.viewer import bundle

from .conftest import ROOT

CELLS = (
    "import numpy as np, mediatypes as mt",
    "with mt.Run('run') as run:\n    for step in range(20):\n        run.log({'loss': 1 / (step + 1)})",
    "mt.Image(np.full((40, 40, 3), (200, 30, 30), np.uint8), caption='a red picture')",
    "mt.open_run('run')",
)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The HTML that nbconvert makes of the executed cells."""
    for name in ("ipykernel", "nbclient", "nbconvert"):
        pytest.importorskip(name, reason="notebooks are executed with nbclient")
    folder = tmp_path_factory.mktemp("notebook")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of these packages, about each other
        import nbformat
        from nbclient import NotebookClient
        from nbconvert import HTMLExporter

        cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
        made = nbformat.v4.new_notebook(cells=cells)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "MEDIATYPES_QUIET": "1"}
        client = NotebookClient(made, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
        client.execute(env=environment)
        # the template of nbconvert asks content networks for scripts; ours is what stands in the cells
        text, _ = HTMLExporter(template_name="basic").from_notebook_node(made)
    path = folder / "notebook.html"
    path.write_text(f"<!doctype html><meta charset='utf-8'>{text}", "utf-8")
    return path


def test_a_notebook_shows_a_run_in_its_frame(open_page: Any, notebook: Path) -> None:
    opened = open_page(notebook.as_uri(), offline=True)
    frame = opened.page.frame_locator("iframe[title=runs]")
    frame.locator('section[aria-label="chart of loss"] .u-over').wait_for()
    assert "0.05 @ 19" in frame.locator(".values").inner_text()
    assert opened.away("file:") == []


def test_without_scripts_a_notebook_shows_pictures_and_curves(open_page: Any, notebook: Path) -> None:
    page = open_page(notebook.as_uri(), offline=True, java_script_enabled=False).page
    picture = page.locator("img[alt='a red picture']")
    assert picture.bounding_box()["width"] == 80  # twice the picture's own
    page.locator("summary", has_text="without a script").click()
    assert page.locator("details svg path").count() == 1


def test_a_plotly_figure_is_there_for_notebooks_that_draw_it() -> None:
    figure = mt.Figure({"data": [{"type": "bar", "y": [1, 2]}], "layout": {"title": {"text": "bars"}}})
    shown = figure._repr_mimebundle_()
    assert shown["application/vnd.plotly.v1+json"]["data"] == [{"type": "bar", "y": [1, 2]}]
    assert shown["text/plain"].startswith("Figure(")


def test_a_run_that_is_too_large_for_a_notebook_is_shown_without_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"loss": 0.5})
    monkeypatch.setattr("mediatypes.viewer.notebook._MAX_SIZE", 1000)
    shown = mt.open_run(run.path)._repr_mimebundle_()["text/html"]
    assert "loss" in shown
    assert "<iframe" not in shown
    if bundle.is_built():
        assert "mediatypes view shows them whole" in shown


def test_no_runs_are_shown_as_such(tmp_path: Path) -> None:
    assert mt.open_runs(tmp_path)._repr_mimebundle_()["text/html"] == "<p>no runs</p>"


def test_a_set_of_many_runs_says_how_many_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        with mt.Run(tmp_path / f"run{number}") as run:
            run.log({"loss": number})
    assert "<p>5 runs, the first 3 of them</p>" in mt.open_runs(tmp_path)._repr_mimebundle_()["text/html"]
    monkeypatch.setattr("mediatypes.viewer.notebook._RUNS", 4)
    shown = mt.open_runs(tmp_path)._repr_mimebundle_()["text/html"]
    assert shown.startswith("<p>5 runs, the first 4 of them; mediatypes view shows them all</p>")

"""What a run in a real notebook records: what cells and their children print, and the cells."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

import mediatypes as mt

ROOT = Path(__file__).parents[2]
CELLS = (
    "import os, mediatypes as mt\nrun = mt.Run('run', capture=['console', 'environment'])",
    "print('from Python')\nos.system('echo from a child')\nurl = 'https://me:sesame@example.org'",
    "run.finish()\nprint('after')",
)


def test_a_run_in_a_notebook(tmp_path: Path) -> None:
    for name in ("ipykernel", "nbclient"):
        pytest.importorskip(name, reason="notebooks are executed with nbclient")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of these packages, about each other
        import nbformat
        from nbclient import NotebookClient

        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        for name in (
            "JPY_SESSION_NAME",
            "PYTEST_CURRENT_TEST",
        ):  # with the latter a kernel does not show what children print
            environment.pop(name, None)
        at = {"metadata": {"path": str(tmp_path)}}
        NotebookClient(notebook, timeout=120, kernel_name="python3", resources=at).execute(env=environment)
    view = mt.open_run(tmp_path / "run")
    assert {line.text for line in view.console()} == {"from Python", "from a child"}
    shown = "".join(output.get("text", "") for cell in notebook.cells for output in cell.outputs)
    assert {"from Python", "after"} <= set(shown.split("\n"))  # what children print comes when it comes
    cells = (view.path / view.environment["cells"]).read_text()
    assert cells.split("# %%\n")[1:] == [f"{text}\n\n" for text in CELLS[:1]] + [
        CELLS[1].replace("me:sesame@", "***@") + "\n\n",
        CELLS[2] + "\n",
    ]

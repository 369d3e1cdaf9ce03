"""Units of the page's modules: viewer/tests/units.js, bundled as the page is, in the browser that shows the page."""

from __future__ import annotations

import base64
import importlib
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

import ml_dtypes
import numpy as np
import PIL.Image
import pytest

import mediatypes as mt
from mediatypes._core.palette import class_hex, is_background
from mediatypes.types.tensor.data import DTYPES

from .conftest import ROOT

UNITS = ROOT / "viewer" / "tests" / "units.js"
NAMES = re.findall(r"^  (?:async )?'([^']+)'\(", UNITS.read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def units(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A page in which `units` has the tests."""
    esbuild = ROOT / "viewer" / "node_modules" / "esbuild" / "bin" / "esbuild"
    if not esbuild.exists():
        pytest.skip("viewer/build.py was not run: there is no esbuild")
    sys.path.insert(0, str(ROOT / "viewer"))
    try:
        build = importlib.import_module("build")
    finally:
        sys.path.remove(str(ROOT / "viewer"))
    made = tmp_path_factory.mktemp("units") / "units.js"
    node = build._node(build._npm())
    command = [*node, str(esbuild), str(UNITS), "--bundle", "--format=iife", "--charset=utf8", f"--outfile={made}"]
    subprocess.run([*command, "--log-level=error"], check=True, capture_output=True, cwd=ROOT / "viewer")
    page = browser.new_page()
    page.set_content("<!doctype html><body></body>")
    page.add_script_tag(path=str(made))
    assert sorted(page.evaluate("Object.keys(units)")) == sorted(NAMES)
    yield page
    page.close()


def small_floats() -> Iterator[tuple[str, dict[str, str]]]:
    """Files of tensors that hold every code of a dtype, with the float32 that ml_dtypes and numpy read."""
    names = ["float16", "bfloat16", *(name for name in dir(ml_dtypes) if name in DTYPES and name.startswith("float8"))]
    for name in names:
        bits = np.arange(65536, dtype=np.uint16) if name.endswith("16") else np.arange(256, dtype=np.uint8)
        values = bits.view(np.float16 if name == "float16" else getattr(ml_dtypes, name))
        with np.errstate(invalid="ignore"):  # of signalling NaN
            numbers = values.astype(np.float32).tobytes()
        yield name, {"file": encoded(mt.Tensor(values).to_bytes()), "numbers": encoded(numbers)}
    turns = np.array([[3 + 4j, -5j], [0, 1e-3 - 1e-3j]])
    for dtype in ("complex64", "complex128"):
        sizes = np.abs(turns).astype(np.float32).tobytes()
        yield dtype, {"file": encoded(mt.Tensor(turns.astype(dtype)).to_bytes()), "numbers": encoded(sizes)}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def history(rows: int) -> bytes:
    """The history of a run with so many rows."""
    with TemporaryDirectory() as folder:
        with mt.Run(f"{folder}/run", quiet=True, capture=False) as run:
            for _ in range(rows):
                run.log({"loss": 0.5})
        return (run.path / "history.parquet").read_bytes()


def given(name: str) -> dict[str, Any]:
    """What a test takes from Python's side, whose reading is another's."""
    if "floats" in name:
        return {"files": dict(small_floats())}
    if "colours of classes" in name:
        ids = [*range(301), *range(-60, 0), *(sign * 10**power + 1 for power in range(3, 16) for sign in (1, -1))]
        labels = [
            (0, {}),
            (255, {}),
            (1, {}),
            (0, {0: "road"}),
            (3, {3: " Void"}),
            (3, {3: "unlabelled"}),
            (3, {3: "voids"}),
        ]
        return {
            "colors": [(id, class_hex(id)) for id in [None, *ids]],
            "clear": [(id, labels, is_background(id, labels)) for id, labels in labels],
        }
    if "late file" in name:
        return {"one": encoded(history(1)), "two": encoded(history(2))}
    if "PNG" not in name:
        return {}
    numbers = np.random.default_rng(0).integers(0, 65536, (13, 7), np.uint16)
    numbers[3:9] = np.arange(7) * 257 + 300  # lines that are filtered in several ways
    buffer = io.BytesIO()
    PIL.Image.fromarray(numbers).save(buffer, "PNG")
    return {"file": encoded(buffer.getvalue()), "numbers": numbers.ravel().tolist()}


@pytest.mark.parametrize("name", NAMES)
def test_unit(units: Any, name: str) -> None:
    said = units.evaluate(
        "([name, given]) => Promise.resolve().then(() => units[name](given)).catch(String)", [name, given(name)]
    )
    assert not said, said

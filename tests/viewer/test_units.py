"""Units of the page's modules: viewer/tests/units.js, bundled as the page is, in the browser that shows the page."""

from __future__ import annotations

import base64
import importlib
import io
import re
import subprocess
import sys
from typing import Any

import numpy as np
import PIL.Image
import pytest

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


def given(name: str) -> dict[str, Any]:
    """What a test takes from Python's side, whose reading is another's."""
    if "PNG" not in name:
        return {}
    numbers = np.random.default_rng(0).integers(0, 65536, (13, 7), np.uint16)
    numbers[3:9] = np.arange(7) * 257 + 300  # lines that are filtered in several ways
    buffer = io.BytesIO()
    PIL.Image.fromarray(numbers).save(buffer, "PNG")
    return {"file": base64.b64encode(buffer.getvalue()).decode(), "numbers": numbers.ravel().tolist()}


@pytest.mark.parametrize("name", NAMES)
def test_unit(units: Any, name: str) -> None:
    said = units.evaluate(
        "([name, given]) => Promise.resolve().then(() => units[name](given)).catch(String)", [name, given(name)]
    )
    assert not said, said

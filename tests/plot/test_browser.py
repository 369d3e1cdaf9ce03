"""Pages of charts in a real browser, which reaches no network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import mediatypes as mt

pytest.importorskip("vl_convert", reason="pages hold the Vega of vl-convert-python")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
HOSTILE = "</script><script>document.title='hacked'</script>"


def opened(page: str, folder: Path, *options: str) -> str:
    """What the browser prints of a page, which is a file."""
    (folder / "page.html").write_text(page, encoding="utf-8")
    quiet = ("--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
    offline = ("--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}")
    sandbox = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    done = subprocess.run(
        [
            str(BROWSER),
            *quiet,
            *offline,
            *sandbox,
            "--virtual-time-budget=5000",
            *options,
            (folder / "page.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def test_a_page_draws_its_chart_and_runs_no_script_of_the_data(tmp_path: Path) -> None:
    plot = mt.plot.confusion_matrix(y_true=["cup", "spoon", HOSTILE], preds=["cup", "cup", HOSTILE], title="Löffel")
    page = opened(plot.to_html(), tmp_path, "--dump-dom")
    drawn = re.search(r"<svg.*?</svg>", page, re.DOTALL)
    assert drawn is not None
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawn[0])
    assert {"Löffel", "Predicted", "Actual", "cup", "spoon"} <= set(texts)
    assert texts.count("1") >= 3
    assert "<title>Löffel</title>" in page


def test_a_page_looks_as_the_png_does(tmp_path: Path) -> None:
    plot = mt.plot.roc_curve([0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.9])
    opened(plot.to_html(), tmp_path, f"--screenshot={tmp_path / 'page.png'}", "--window-size=700,600")
    with PIL.Image.open(tmp_path / "page.png") as shown:
        pixels = np.asarray(shown.convert("RGB")).astype(int)
    blue = np.abs(pixels - [0x4C, 0x78, 0xA8]).sum(axis=2) < 30  # the curve
    rows, columns = np.nonzero(blue)
    assert np.ptp(rows) > 380  # from the lowest to the highest rate
    assert np.ptp(columns) > 380

"""Looking at runs in a real browser: from the address to charts, pictures and lists on the screen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import mediatypes as mt

from .harness import ROOT, Contender, Figures, at_most, benchmark, fresh, load

_KEYS, _STEPS, _RUNS = 20, 100_000, 3
_IMAGES, _SIDE = 1000, 256
_MANY = 1000
_ROWS, _PAUSE = 60, 0.1  # rows of the live run, seconds between two
_RELOADS = 4
_TALL = {"width": 1280, "height": 2600}  # pixels: all charts are in view
_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
_OPTIONS = ["--disable-background-networking", "--no-first-run", "--use-gl=angle", "--use-angle=swiftshader"]
# The page tells when something was drawn, in milliseconds since it was asked for: a frame after it was there.
_OBSERVE = """
window.seen = {}
new MutationObserver(() => {
  for (const [name, [selector, count]] of Object.entries(window.wanted ?? WANTED)) {
    if (name in window.seen || document.querySelectorAll(selector).length < count) continue
    window.seen[name] = 0
    requestAnimationFrame(() => setTimeout(() => (window.seen[name] = performance.now())))
  }
}).observe(document, {childList: true, subtree: true, attributes: true})
"""


def curves(root: str) -> None:
    """Runs whose history is long."""
    numbers = np.random.default_rng(0)
    for name in range(_RUNS):
        walks = numbers.normal(size=(_STEPS, _KEYS)).cumsum(axis=0)
        with mt.Run(Path(root, f"run{name}")) as run:
            for step, row in enumerate(walks.tolist()):
                run.log({f"metric{i:02d}": value for i, value in enumerate(row)}, step=step)


def images(root: str) -> None:
    """A run of many pictures: 100 keys, ten steps."""
    y, x = np.mgrid[:_SIDE, :_SIDE]
    with mt.Run(Path(root, "run")) as run:
        for i in range(_IMAGES):
            pixels = np.stack([x + i, y ^ x, y + 3 * i], axis=-1).astype(np.uint8)
            run.log({f"image{i % 100:03d}": mt.Image(pixels)}, step=i // 100)


def many(root: str) -> None:
    """Many short runs; copies of a few."""
    for i in range(20):
        with mt.Run(Path(root, f"run{i:04d}"), config={"lr": i / 20, "depth": i % 7}, tags=["sweep"]) as run:
            for step in range(3):
                run.log({"loss": 1 / (step + 1 + i), "acc": i / 20})
        for copy in range(20 + i, _MANY, 20):
            shutil.copytree(run.path, Path(root, f"run{copy:04d}"))


@contextmanager
def _page(root: Path, **options: Any) -> Iterator[tuple[Any, str, int]]:
    """A new page of the browser, the address of a server of the runs, and the server's process."""
    playwright: Any = load("playwright.sync_api")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    arguments = [sys.executable, "-m", "mediatypes", "view", str(root), "--port", "0", "--no-browser"]
    server = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        said: Any = server.stdout
        (address,) = re.findall(r"http://\S+", said.readline())
        with playwright.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=_CHROMIUM, args=[*_OPTIONS, *sandbox])
            yield browser.new_page(**options), address, server.pid
            browser.close()
    finally:
        server.kill()
        server.wait()


def _opened(page: Any, address: str, wanted: dict[str, tuple[str, int]]) -> dict[str, float]:
    """Seconds from asking for the address until so many elements were drawn, by name."""
    page.add_init_script(_OBSERVE.replace("WANTED", repr({name: list(what) for name, what in wanted.items()})))
    page.goto(address)
    return _drawn(page, list(wanted))


def _drawn(page: Any, names: list[str]) -> dict[str, float]:
    """Wait until all of these were drawn; asked from outside, as the page's policy forbids to wait in it."""
    end = time.monotonic() + 120
    while not all((seen := page.evaluate("window.seen")).get(name) for name in names):
        if time.monotonic() > end:
            raise RuntimeError(f"not drawn in two minutes: {set(names) - seen.keys()}")
        time.sleep(0.05)
    return {name: seen[name] / 1000 for name in names}


def view_curves(root: str) -> Figures:
    """Charts, and how the server's memory grows when the page is opened again and again."""
    wanted = {"first chart s": ("section.chart canvas", 1), "all charts s": ("section.chart canvas", _KEYS)}
    with _page(Path(root), viewport=_TALL) as (page, address, server):
        figures = _opened(page, address, wanted)
        before = _memory(server)
        for _ in range(_RELOADS):
            page.reload()
            _drawn(page, list(wanted))
        return {**figures, "server grows MB": _memory(server) - before, "page.js kB": _bundle()}


def view_images(root: str) -> Figures:
    """Pictures: the first screen of them."""
    with _page(Path(root)) as (page, address, _):
        return _opened(page, f"{address}#tab=media", {"first pictures s": (".picture canvas", 4)})


def view_many(root: str) -> Figures:
    """The table of runs."""
    with _page(Path(root)) as (page, address, _):
        return _opened(page, f"{address}#tab=runs", {"list s": (".runs .row:not(.head)", 10)})


def view_live(root: str) -> Figures:
    """How long after `log()` returned a row's value stands in the page."""
    with mt.Run(Path(root, f"run{time.time_ns()}")) as run:
        run.log({"loss": 0.0})
        with _page(run.path) as (page, address, _):
            _opened(page, address, {"chart": ("section.chart canvas", 1)})
            page.evaluate(
                """() => {
                  window.told = {}
                  new MutationObserver(() => {
                    const value = document.querySelector('.values b').textContent
                    window.told[value] ??= performance.timeOrigin + performance.now()
                  }).observe(document.querySelector('.values'), {childList: true, subtree: true})
                }"""
            )
            logged = []
            for row in range(1, _ROWS + 1):
                run.log({"loss": float(row)})
                logged.append(1000 * time.time())
                time.sleep(_PAUSE)
            end = time.monotonic() + 60
            while str(_ROWS) not in (told := page.evaluate("window.told")) and time.monotonic() < end:
                time.sleep(0.05)
    lags = [told[str(row)] - stamp for row, stamp in enumerate(logged, 1) if str(row) in told]
    return {"live row ms": float(np.median(lags)), "rows not drawn": _ROWS - len(lags)}


def _memory(process: int) -> float:
    """MB that a process has in memory."""
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(kilobytes) / 1024


def _bundle() -> float:
    return Path(ROOT, "mediatypes", "viewer", "bundle", "page.js").stat().st_size / 1000


def _view(make: Any, measure: Any, scratch: Path) -> list[Contender]:
    """Runs are made in a process of their own, and each round has a new browser and a new server."""
    root = scratch / "runs"
    root.mkdir()
    if make is not None:
        make(str(root))
    return [Contender("mediatypes view", fresh(__name__, measure.__name__, str(root)), needs="playwright")]


for _name, _title, _make, _measure, *_targets in (
    (
        "view-curves",
        f"open {_RUNS} runs of {_KEYS} curves of {_STEPS} steps in a browser",
        curves,
        view_curves,
        at_most("first chart s", 1),
        at_most("all charts s", 4),
        at_most("page.js kB", 200),
    ),
    ("view-images", f"open a run of {_IMAGES} pictures", images, view_images, at_most("first pictures s", 1)),
    ("view-runs", f"list {_MANY} runs", many, view_many, at_most("list s", 1)),
    ("view-live", "from log() to the screen", None, view_live, at_most("live row ms", 100)),
):
    benchmark(_name, _title, *_targets, rounds=3)(partial(_view, _make, _measure))

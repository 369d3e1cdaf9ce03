"""Looking at runs in a real browser: from the address to charts, pictures and lists on the screen."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

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
_EMPTY = "data:text/html,<canvas></canvas>an empty page"
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
                run.log({f"curve/metric{i:02d}": value for i, value in enumerate(row)}, step=step)


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
def _served(command: list[str], directory: Path, **environment: str) -> Iterator[tuple[str, int]]:
    """Start what serves runs; the address that it prints, and its process."""
    said: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    server: Any = subprocess.Popen(command, cwd=directory, env={**os.environ, **environment}, **said)
    try:
        yield next(found[0] for line in server.stdout if (found := re.search(r"http://[\w.:/?=]+", line))), server.pid
    finally:
        server.terminate()
        server.communicate()


def _mediatypes(root: Path) -> AbstractContextManager[tuple[str, int]]:
    return _served([sys.executable, "-m", "mediatypes", "view", str(root), "--port", "0", "--no-browser"], ROOT)


@contextmanager
def _browser(**options: Any) -> Iterator[Any]:
    """A new page of a browser that was just started."""
    playwright: Any = load("playwright.sync_api")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_CHROMIUM, args=[*_OPTIONS, *sandbox])
        yield browser.new_page(**options)
        browser.close()


def _opened(page: Any, address: str, wanted: dict[str, tuple[str, int]]) -> dict[str, float]:
    """Seconds from asking for the address until so many elements were drawn, by name; what an empty page takes, in a
    browser that has drawn something before, as that of a user has; and the CPU time of all processes of the browser."""
    painted: list[float] = []
    for _ in range(2):
        page.goto(_EMPTY)
        while not (painted := page.evaluate("performance.getEntriesByType('paint').map(entry => entry.startTime)")):
            time.sleep(0.05)
    page.add_init_script(_OBSERVE.replace("WANTED", repr({name: list(what) for name, what in wanted.items()})))
    processes = page.context.browser.new_browser_cdp_session()
    before = _cpu(processes)
    page.goto(address)
    figures = _drawn(page, list(wanted))
    used = sum(seconds - before.get(process, 0.0) for process, seconds in _cpu(processes).items())
    return {**figures, "browser CPU s": used, "empty page s": painted[0] / 1000}


def _cpu(processes: Any) -> dict[int, float]:
    """CPU seconds of each process of the browser."""
    return {one["id"]: one["cpuTime"] for one in processes.send("SystemInfo.getProcessInfo")["processInfo"]}


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
    with _mediatypes(Path(root)) as (address, server), _browser(viewport=_TALL) as page:
        figures = _opened(page, address, wanted)
        before = _memory(server)
        for _ in range(_RELOADS):
            page.reload()
            _drawn(page, list(wanted))
        return {**figures, "server grows MB": _memory(server) - before, "page.js kB": _bundle()}


def tensorboard_curves(root: str) -> Figures:
    """TensorBoard on the same runs, exported and wholly loaded: 1000 points of a curve, chosen at random; a page of it
    has 12 charts."""
    logs = Path(root).with_name("logs")
    for run in [] if logs.exists() else sorted(Path(root).iterdir()):
        mt.export(run, "tensorboard", logs / run.name)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logs), "--host", "127.0.0.1", "--port", "0"]
    card = "scalar-card-component:not(:has(mat-spinner)) line-chart canvas"
    wanted = {"first chart s": (card, 1), "all charts s": (card, 12)}
    with _served(command, logs) as (address, _), _browser(viewport=_TALL) as page:
        asked = f"{address}data/plugin/scalars/scalars?tag=curve%2Fmetric{_KEYS - 1}&run="
        while not all(_last_step(asked + run.name) == _STEPS - 1 for run in logs.iterdir()):
            time.sleep(0.2)
        return _opened(page, address, wanted)


def _last_step(address: str) -> int:
    try:
        with urlopen(address) as answer:
            points: list[tuple[float, int, float]] = json.load(answer)
    except HTTPError:  # the run is not loaded yet
        return -1
    return points[-1][1]


def trackio_curves(root: str) -> Figures:
    """trackio on the same rows; its page draws what is in view."""
    home = Path(root).with_name("trackio")
    environment = {"TRACKIO_DIR": str(home), "HF_HUB_OFFLINE": "1", "BROWSER": "true"}
    os.environ.update(environment)
    storage = load("trackio.sqlite_storage").SQLiteStorage
    for run in [] if home.exists() else sorted(Path(root).iterdir()):
        rows = mt.open_run(run).history().drop_columns(["_step", "_timestamp", "_runtime"]).to_pylist()
        storage.bulk_log("runs", run.name, rows, list(range(len(rows))), [""] * len(rows))
    command = [sys.executable, "-c", "from trackio.cli import main; main()", "show", "--project", "runs"]
    with _served(command, home, **environment) as (address, _), _browser(viewport=_TALL) as page:
        return _opened(page, address, {"first chart s": (".vega-embed canvas", 1)})


def view_images(root: str) -> Figures:
    """Pictures: the first screen of them."""
    with _mediatypes(Path(root)) as (address, _), _browser() as page:
        return _opened(page, f"{address}#tab=media", {"first pictures s": (".picture canvas", 4)})


def view_many(root: str) -> Figures:
    """The table of runs."""
    with _mediatypes(Path(root)) as (address, _), _browser() as page:
        return _opened(page, f"{address}#tab=runs", {"list s": (".runs .row:not(.head)", 10)})


def view_live(root: str) -> Figures:
    """How long after `log()` returned a row's value stands in the page."""
    with mt.Run(Path(root, f"run{time.time_ns()}")) as run:
        run.log({"loss": 0.0})
        with _mediatypes(run.path) as (address, _), _browser() as page:
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
    ours = Contender("mediatypes view", fresh(__name__, measure.__name__, str(root)), needs="playwright")
    if measure is not view_curves:
        return [ours]
    others = {"tensorboard": tensorboard_curves, "trackio": trackio_curves}
    return [ours, *(Contender(name, fresh(__name__, f.__name__, str(root)), needs=name) for name, f in others.items())]


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

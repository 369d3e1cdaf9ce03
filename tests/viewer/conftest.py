"""A real browser, a server of runs, and runs of every type for the tests of the viewer."""

from __future__ import annotations

import io
import os
import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.viewer.server import Server
from mediatypes.viewer.shelf import Shelf
from tests.samples import photograph

if os.name != "nt":
    import fcntl

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Software GL, so that points are drawn on a machine without a screen; nothing that asks the network by itself.
OPTIONS = [
    *("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *(("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()),
]
HOSTILE = "</script><img src=http://example.com/x onerror=alert(1)><b>'\"&"


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The page's parts are made from npm when a source is newer, by one process at a time; without npm, tests of the
    page are skipped with the reason."""
    script = ROOT / "viewer" / "build.py"
    with open(script, "rb") as lock:
        if os.name != "nt":
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            runpy.run_path(str(script))["build"]()
        except SystemExit as error:
            pytest.skip(str(error))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium of the system, driven by Playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright drives the browser")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


class Opened:
    """A page in the browser, with what it asked for and complained about."""

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)  # software GL on a busy machine
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", self._forget_blocked)
        self.page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.page.goto(url)

    def _forget_blocked(self, request: Any) -> None:
        """What the page's policy stopped was never sent, though the browser may tell of it."""
        if "csp" in (request.failure or "").lower() and request.url in self.requests:
            self.requests.remove(request.url)

    def ready(self) -> Any:
        """The page, once its runs are listed and read."""
        self.page.wait_for_selector("html[data-ready=true]", state="attached")
        return self.page

    def away(self, home: str) -> list[str]:
        """Requests to anywhere but the page itself."""
        return [url for url in self.requests if not url.startswith((home, "data:", "blob:", "about:"))]


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """Opens a URL in a context of its own."""
    opened: list[Opened] = []

    def open_url(url: str, **options: Any) -> Opened:
        opened.append(Opened(browser, url, **options))
        return opened[-1]

    yield open_url
    for one in opened:
        one.context.close()


def log_everything(run: mt.Run, photo: Any, text: str = "a caption") -> None:
    """Curves with gaps, images with boxes and masks at several steps, and one value of every other type."""
    numbers = np.random.default_rng(0)
    for step in range(200):
        run.log({"loss": float(np.exp(-step / 50)), "val": {"acc": step / 200, "f1": step / 300}}, step=step)
        if step % 50 == 0:
            run.log({"norm": float("nan")}, step=step)
            run.log(
                {"photo": picture(photo, step, text), "weights": mt.Histogram(numbers.normal(step / 50, 1, 500))},
                step=step,
            )
    points = numbers.normal(size=(2000, 3)).astype(np.float32)
    box = mt.Box3D(center=(0, 0, 0), size=(6, 6, 6), color=(0, 255, 0), label="box")
    run.log(
        {
            "gallery": [mt.Image(photo[:40, i * 40 : i * 40 + 40], caption=text) for i in range(3)],
            "cloud": mt.Object3D.from_point_cloud(points, [box]),
            "tone": mt.Audio(0.5 * np.sin(np.arange(8000) / 8000 * 2 * np.pi * 440), 8000, text),
            "clip": mt.Video(
                np.stack([np.roll(photo[::4, ::4], i * 4, 1) for i in range(4)]).transpose(0, 3, 1, 2), fps=4
            ),
            "page": mt.Html(f"<h1>Page</h1>{text}<script>document.body.innerHTML = 'hacked'</script>"),
            "molecule": mt.Molecule.from_smiles("CC(=O)OC1=CC=CC=C1C(=O)O"),
            "tensor": mt.Tensor(numbers.random((3, 20, 30))),
            "table": mt.Table(
                columns=["id", "name", "img"], data=[[i, f"{text} {i}", mt.Image(photo[:20, :20])] for i in range(40)]
            ),
            "chart": mt.plot.pr_curve([0, 1, 0, 1], [0.1, 0.8, 0.4, 0.7]),
            "figure": mt.Figure({"data": [{"type": "bar", "y": [1, 3, 2]}], "layout": {"width": 3000, "height": 2000}}),
            "mesh": mt.Object3D(io.BytesIO(_icosahedron()), file_type="glb"),
            "note": text,
        },
        step=199,
    )


def picture(photo: Any, step: int, text: str) -> mt.Image:
    face = [[40 + step // 5, 20, 60, 60], [120, 120, 40, 40]]
    boxes = mt.BoundingBoxes2D.from_xywh(
        face, domain="pixel", class_ids=[1, 2], scores=[0.9, 0.3], class_labels={1: "face", 2: text}
    )
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[100:180, 20:120] = 3
    return mt.Image(
        photo, caption=f"{text} {step}", boxes={"pred": boxes}, masks={"seg": mt.ImageMask(mask, {3: "suit"})}
    )


def _icosahedron() -> bytes:
    trimesh = pytest.importorskip("trimesh")
    return bytes(trimesh.creation.icosahedron().export(file_type="glb"))


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two runs with every type, and texts that would be scripts if they were not texts."""
    root = tmp_path_factory.mktemp("viewer") / "runs"
    photo = photograph("astronaut")[:256, :256]
    for name, text in (("first", "a caption"), ("hostile", HOSTILE)):
        with mt.Run(
            root / name, name=f"{name}{text if name == 'hostile' else ''}", config={"lr": 0.1, "text": text}
        ) as run:
            log_everything(run, photo, text)
    return root


@pytest.fixture
def serve() -> Iterator[Any]:
    """Serves folders of runs; answers the address of the page."""
    servers: list[tuple[Server, Shelf]] = []

    def start(*sources: Any, follow: bool = False, **options: Any) -> str:
        shelf = Shelf(sources, follow=follow)
        server = Server(shelf, **options)
        server.start()
        servers.append((server, shelf))
        return server.url

    yield start
    for server, shelf in servers:
        server.stop()
        shelf.close()

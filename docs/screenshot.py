"""Take the picture of the viewer for the README: `python docs/screenshot.py RUNS [FILE]`, or `make screenshot`.

It needs Chromium, Playwright and the viewer's bundle; RUNS is a folder of runs, such as demo-runs/.
"""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from mediatypes.viewer.server import Server
from mediatypes.viewer.shelf import Shelf

FILE = Path(__file__).with_name("viewer.png")
OPTIONS = ["--no-sandbox", "--disable-background-networking", "--use-gl=angle", "--use-angle=swiftshader"]
TABS = ("#tab=charts&find=loss", "#tab=media&step=120&find=photo")
SIZES = ((1280, 380), (1280, 760))  # pixels of the two halves


def take(runs: str, file: Path) -> None:
    """Write the tabs of charts and of media, one above the other, as a PNG of at most 256 colours."""
    shelf = Shelf([runs])
    server = Server(shelf, title="mediatypes")
    server.start()
    browsers = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    halves = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=next(browsers), args=OPTIONS)
        for tab, (width, height) in zip(TABS, SIZES, strict=True):
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(server.url + tab)
            page.wait_for_selector("html[data-ready=true]", state="attached")
            page.wait_for_timeout(4000)
            halves.append(Image.open(BytesIO(page.screenshot())))
        browser.close()
    server.stop()
    shelf.close()
    picture = Image.new("RGB", (halves[0].width, sum(half.height for half in halves)))
    for place, half in enumerate(halves):
        picture.paste(half, (0, sum(above.height for above in halves[:place])))
    picture.quantize(200).save(file, optimize=True)


if __name__ == "__main__":
    take(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else FILE)

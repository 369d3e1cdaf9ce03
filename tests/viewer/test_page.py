"""The page in a real browser: what it draws, what it does when it is used, and what it never does."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.viewer.page import page
from mediatypes.viewer.report import write_report

from .conftest import HOSTILE, ROOT, picture

# What Chromium says when a sandbox does its work: a value's HTML has a script, and a picture elsewhere.
EXPECTED = (
    "Blocked script execution in 'about:srcdoc'",
    'violates the following Content Security Policy directive: "img-src',
)


# Notes the texts that each canvas draws, the last time it does; drawn(key) gives those of a chart.
DRAWN = """
    const texts = new Map(), {fillText, clearRect} = CanvasRenderingContext2D.prototype
    CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {
      texts.set(this.canvas, [...(texts.get(this.canvas) ?? []), text])
      return fillText.call(this, text, ...at)
    }
    CanvasRenderingContext2D.prototype.clearRect = function (...at) {
      texts.delete(this.canvas)
      return clearRect.call(this, ...at)
    }
    window.drawn = key => texts.get(document.querySelector(`section[aria-label="chart of ${key}"] canvas`)) ?? []
    null
"""


def pixels(element: Any) -> np.ndarray[Any, Any]:
    return np.asarray(PIL.Image.open(io.BytesIO(element.screenshot())).convert("RGB"), np.int16)


def until(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    from playwright.sync_api import Error

    def holds() -> bool:
        try:
            return condition()
        except Error:  # what was looked at was drawn anew meanwhile
            return False

    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def panel(page: Any, key: str, run: str = "first") -> Any:
    found = page.locator(f'article[aria-label="{key} of {run}"]')
    found.scroll_into_view_if_needed()
    return found


def address(page: Any) -> str:
    """The address as the page has it now; `page.url` is as the last answer left it."""
    return str(page.evaluate("location.href"))


def unexpected(complaints: list[str]) -> list[str]:
    return [text for text in complaints if not any(known in text for known in EXPECTED)]


def test_charts_are_drawn_and_zoomed_together(serve: Any, open_page: Any, runs: Path) -> None:
    opened = open_page(serve(runs))
    page = opened.ready()
    loss = page.locator('section[aria-label="chart of loss"]')
    loss.locator(".u-over").wait_for()
    assert "0.01869" in loss.locator(".values").inner_text()  # exp(-199 / 50), the exact last value
    f1 = page.locator('section[aria-label="chart of val.f1"]')
    f1.scroll_into_view_if_needed()
    f1.locator(".u-over").wait_for()
    before = pixels(f1.locator(".plot"))
    box = loss.locator(".u-over").bounding_box()
    loss.scroll_into_view_if_needed()
    box = loss.locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"] + 50, steps=4)
    page.mouse.up()
    f1.scroll_into_view_if_needed()
    page.mouse.move(5, 5)
    until(lambda: not np.array_equal(before, pixels(f1.locator(".plot"))))
    assert unexpected(opened.complaints) == []


def test_a_key_is_found_and_an_axis_chosen(serve: Any, open_page: Any, runs: Path) -> None:
    page = open_page(serve(runs)).ready()
    page.keyboard.press("/")
    page.keyboard.type("val.f")
    until(lambda: page.locator("section.chart").count() == 1)
    page.get_by_label("x-axis").select_option("loss")
    chart = page.locator("section.chart")
    chart.locator(".u-over").wait_for()
    assert "x=loss" in address(page)
    assert "find=val.f" in address(page)


def test_a_key_is_drawn_over_what_its_metric_says(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", quiet=True, capture=False) as run:
        run.define_metric("val/*", "epoch")
        run.define_metric("val/a*", "nothing")  # a key that no row has: steps
        for epoch in range(3):
            run.log({"val/loss": 1 / (epoch + 1), "val/acc": epoch, "epoch": 10 * epoch, "loss": 1.0})
    page = open_page(serve(tmp_path)).ready()
    texts = {key: page.locator(f'section[aria-label="chart of {key}"]') for key in ("val/loss", "val/acc", "loss")}
    until(lambda: texts["val/loss"].locator("h2").text_content() == "val/loss over epoch")
    until(lambda: texts["val/loss"].locator(".values").inner_text() == "0.3333 @ 20")
    until(lambda: texts["val/acc"].locator(".values").inner_text() == "2 @ 2")
    assert page.get_by_label("x-axis").locator("option").all_inner_texts()[:2] == ["as defined", "step"]
    page.get_by_label("x-axis").select_option("_step")
    until(lambda: texts["val/loss"].locator(".values").inner_text() == "0.3333 @ 2")


def test_the_slider_moves_every_panel_and_overlays_are_switched(serve: Any, open_page: Any, runs: Path) -> None:
    opened = open_page(serve(runs) + "#tab=media")
    page = opened.ready()
    photo = panel(page, "photo")
    canvas = photo.locator("canvas")
    canvas.wait_for()
    assert "step 150" in photo.inner_text()
    last = content(canvas)
    page.get_by_label("step", exact=True).fill("0")
    until(lambda: "step 0" in photo.inner_text() and photo.locator("canvas").count() == 1)
    until(lambda: not np.array_equal(last, content(photo.locator("canvas"))))
    shown = content(photo.locator("canvas"))
    photo.get_by_label("suit").uncheck()
    until(lambda: (content(photo.locator("canvas")) != shown).any())
    without_mask = content(photo.locator("canvas"))
    page.get_by_label("lowest score of boxes").fill("0.5")
    until(lambda: (content(photo.locator("canvas")) != without_mask).any())  # the box of 0.3 is gone
    photo.get_by_label("pred").uncheck()
    _, image = next(iter(mt.open_run(runs / "first").values("photo")))
    middle = lambda: enlarged(photo.locator("canvas"), image.width)[:, 2, :, 2]  # noqa: E731
    until(lambda: np.array_equal(middle(), image.to_numpy()))  # nothing is drawn over it now


def test_sliders_of_overlays_are_there_where_something_has_them(serve: Any, open_page: Any, tmp_path: Path) -> None:
    boxes = mt.BoundingBoxes2D.from_xyxy([[1, 1, 9, 9]], domain="pixel", class_ids=[1])
    for name, overlays in (("plain", None), ("boxes", {"pred": boxes})):
        with mt.Run(tmp_path / name, quiet=True) as run:
            run.log({name: mt.Image(np.zeros((20, 20), np.uint8), boxes=overlays)})
    page = open_page(serve(tmp_path) + "#tab=media&hidden=boxes").ready()
    panel(page, "plain", "plain").locator("canvas").wait_for()
    assert not page.get_by_label("lowest score of boxes").is_visible()
    page.get_by_role("checkbox", name="boxes", exact=True).check()
    page.get_by_label("lowest score of boxes").wait_for()
    assert not page.get_by_label("opacity of masks").is_visible()


def test_runs_are_grouped_filtered_and_given_colours(serve: Any, open_page: Any, tmp_path: Path) -> None:
    for i in range(4):
        with mt.Run(
            tmp_path / "runs" / f"r{i}", config={"lr": 0.1 * i, "net": "ab"[i % 2]}, tags=["x", "y"][: i % 3]
        ) as run:
            run.log({"loss": 1.0 + i})
    page = open_page(serve(tmp_path / "runs") + "#tab=runs").ready()
    table = page.locator(".runs .rows")
    page.get_by_label("group runs by").select_option("config.net")
    lines = page.locator(".runs .group-line")
    until(lambda: lines.count() == 2)
    assert [line.partition("\n")[0] for line in lines.all_inner_texts()] == ["▾ a · 2", "▾ b · 2"]
    assert "group=config.net" in address(page)
    dots = page.locator(".runlist .dot").evaluate_all("dots => dots.map(dot => dot.value)")
    assert dots[0] == dots[2] != dots[1] == dots[3]
    page.get_by_label("filter rows").fill("lr>0.15 net:a")
    until(lambda: table.locator("a").all_inner_texts() == ["r2"])
    page.get_by_label("filter runs").fill("lr>0.15")
    until(lambda: page.locator(".runlist li").count() == 2)
    page.get_by_role("button", name="only these").click()
    until(lambda: "hidden=r0" in address(page))
    page.get_by_label("colour of r3").evaluate(
        "dot => { dot.value = '#00ff00'; dot.dispatchEvent(new Event('change')) }"
    )
    until(lambda: "colors=r3" in address(page))
    assert page.get_by_label("colour of r3").input_value() == "#00ff00"
    again = page.context.new_page()  # a link shows the same
    again.goto(address(page))
    again.wait_for_selector("html[data-ready=true]", state="attached")
    assert again.locator(".runs .group-line").count() == 2
    assert again.get_by_label("colour of r3").input_value() == "#00ff00"
    assert again.locator(".runlist input:checked").count() == 2


def test_the_slider_goes_along_another_key(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "runs" / "first") as run:
        for step in range(9):
            run.log({"epoch": step // 3}, step=step)
            if step % 3 == 1:
                run.log({"photo": mt.Image(np.full((8, 8, 3), 20 * step, np.uint8))}, step=step)
    page = open_page(serve(tmp_path / "runs") + "#tab=media").ready()
    page.get_by_label("slider goes along").select_option("epoch")
    bar = page.locator(".media .bar output")
    until(lambda: bar.inner_text() == "epoch 2")
    page.get_by_label("previous step").click()
    until(lambda: bar.inner_text() == "epoch 1")
    photo = panel(page, "photo")
    until(lambda: "step 4 · epoch 1" in photo.inner_text() and photo.locator("canvas").count() == 1)
    until(lambda: content(photo.locator("canvas"))[0, 0].tolist() == [80, 80, 80])
    assert "along=epoch" in address(page)


def test_the_slider_goes_along_texts(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "runs" / "live") as run:

        def log(step: int, sample: str) -> None:
            run.log({"sample": sample, "photo": mt.Image(np.full((8, 8, 3), 20 * step, np.uint8))}, step=step)

        for step, sample in enumerate(["case 10", "case 9", "case 9"]):
            log(step, sample)
        page = open_page(serve(tmp_path / "runs") + "#tab=media&along=sample&step=case+9").ready()
        bar, photo = page.locator(".media .bar output"), panel(page, "photo", "live")
        until(lambda: bar.inner_text() == "sample case 9" and "step 2 · sample case 9" in photo.inner_text())
        log(3, "case 8")
        log(4, "case 10")
        until(lambda: page.get_by_label("step", exact=True).get_attribute("max") == "2")
        page.get_by_label("previous step").click()
        until(lambda: bar.inner_text() == "sample case 8" and "step 3 · sample case 8" in photo.inner_text())
        assert "step=case+8" in address(page)
        page.get_by_label("next step").click()
        page.get_by_label("next step").click()
        until(lambda: bar.inner_text() == "sample case 10" and "step 4 · sample case 10" in photo.inner_text())
        until(lambda: content(photo.locator("canvas"))[0, 0].tolist() == [80, 80, 80])


def beside(run: Path) -> None:
    """What a run keeps beside its values, written as schemas/README.md says."""
    (run / "files").mkdir(exist_ok=True)
    (run / "files" / "diff.patch").write_text("+ a line of the patch")
    (run / "files.json").write_text(
        json.dumps({"format": "1.0", "files": [{"name": "diff.patch", "sha256": "0" * 64, "size": 21, "time": 0.0}]})
    )
    lines = ["2026-01-01T00:00:01.5Z out epoch 1", "no line", f"2026-01-01T00:00:02Z err {HOSTILE}"]
    (run / "console.log").write_text("\n".join(lines) + "\n")
    times = 1767225600 + np.arange(50.0)
    table = {
        "_timestamp": times,
        "_runtime": times,
        "cpu.percent": np.arange(50.0),
        "gpu.0.memory_bytes": times * 0 + 2e9,
    }
    pq.write_table(pa.table(table), run / "system.parquet")
    (run / "system.jsonl").write_text('{"_timestamp": 1767225660.0, "cpu.percent": 77.0}\n{"_times')


@pytest.mark.parametrize("how", ["served", "report", "dropped"])
def test_the_page_of_a_run_shows_what_it_keeps(serve: Any, open_page: Any, tmp_path: Path, how: str) -> None:
    with mt.Run(tmp_path / "runs" / "one", notes="a note", config={"model": {"depth": 8}}) as run:
        run.log({"loss": 0.5, "text": "said"})
    beside(run.path)
    if how == "served":
        opened = open_page(serve(tmp_path / "runs") + "#tab=run")
    elif how == "report":
        opened = open_page(write_report([run.path], tmp_path / "report.html").path.as_uri() + "#tab=run", offline=True)
    else:
        (tmp_path / "viewer.html").write_bytes(b"".join(page({}, "runs")))
        opened = open_page((tmp_path / "viewer.html").as_uri() + "#tab=run", offline=True)
        opened.page.locator("input[type=file]").set_input_files(tmp_path / "runs")
    shown = opened.ready()
    part = lambda name: shown.locator("details.panel", has=shown.locator("h2", has_text=re.compile(f"^{name}$")))  # noqa: E731
    part("Environment").wait_for()
    assert "mediatypes" in part("Environment").inner_text()
    for name in ("Console", "Files", "System", "text"):
        part(name).locator("> summary").click()
    assert part("Console").locator(".rows .row").first.inner_text().split("\n")[-2:] == ["out", "epoch 1"]
    assert part("Console").locator("code.err").inner_text() == HOSTILE
    part("Files").locator("summary summary, details summary").first.click(position={"x": 2, "y": 8})
    until(lambda: part("Files").locator("pre").count() == 1)
    assert part("Files").locator("pre").inner_text() == "+ a line of the patch"
    until(lambda: part("System").locator(".u-over").count() == 2)
    assert "77 %" in part("System").inner_text()
    assert "2.00 GB" in part("System").inner_text()
    assert unexpected(opened.complaints) == []


def content(canvas: Any) -> np.ndarray[Any, Any]:
    """(H, W, 3) pixels that a canvas holds, whatever size it is shown in."""
    url = canvas.evaluate("canvas => canvas.toDataURL()")
    return np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))


def enlarged(canvas: Any, width: int) -> np.ndarray[Any, Any]:
    """(H, k, W, k, 3) pixels of a canvas that is k times as large as its picture, so that texts on it are sharp."""
    pixels = content(canvas)
    k = pixels.shape[1] // width
    return pixels.reshape(-1, k, width, k, 3)


def test_every_type_is_shown(serve: Any, open_page: Any, runs: Path) -> None:
    opened = open_page(serve(runs) + "#tab=media&hidden=hostile")
    page = opened.ready()
    shown = {
        "cloud": "canvas",
        "tone": "audio",
        "clip": "img",
        "page": "iframe",
        "molecule": ".stage canvas",
        "tensor": "canvas",
        "table": ".rows .row",
        "chart": ".vega svg",
        "figure": ".main-svg",
        "mesh": "canvas",
        "weights": "svg.histogram",
        "gallery": "canvas",
    }
    for key, selector in shown.items():
        found = panel(page, key)
        found.locator(selector).first.wait_for()
        assert found.locator(".failure").count() == 0, key
    for key in ("cloud", "mesh", "molecule"):
        drawn = pixels(panel(page, key).locator("canvas").first)
        assert drawn.reshape(-1, 3).std(axis=0).max() > 3, key  # something stands before the background
    atoms = panel(page, "molecule").locator(".stage").get_attribute("data-atoms")
    assert atoms == str(mt.Molecule.from_smiles("CC(=O)OC1=CC=CC=C1C(=O)O").atoms)  # hydrogens are drawn, too
    assert "shown without its scripts" in panel(page, "page").inner_text()
    figure, around = (panel(page, "figure").locator(one).first.bounding_box() for one in (".main-svg", ".stage"))
    assert figure["width"] <= around["width"]  # though its layout asks for more than there is room for
    assert figure["height"] <= around["height"]
    assert unexpected(opened.complaints) == []
    assert opened.away(page.url.partition("#")[0]) == []


def test_a_chart_keeps_its_own_colours_of_text(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "first") as run:
        run.log({"matrix": mt.plot.confusion_matrix(y_true=["a"] * 9 + ["b"], preds=["a"] * 10)})
    page = open_page(serve(tmp_path) + "#tab=media").ready()
    cells = panel(page, "matrix").locator(".vega svg .role-mark text")
    cells.nth(3).wait_for()
    fills = {cell.text_content(): cell.evaluate("one => getComputedStyle(one).fill") for cell in cells.all()}
    dark, bright = "rgb(51, 51, 51)", "rgb(255, 255, 255)"
    assert fills == {"9": bright, "0": dark, "1": dark}  # bright on the dark cell


def test_numbers_beside_text_of_any_direction_keep_their_order(serve: Any, open_page: Any, tmp_path: Path) -> None:
    text = "\u0642\u0637\u0629"  # Arabic, which runs from right to left
    with mt.Run(tmp_path / "first") as run:
        run.log({"photo": mt.Image(np.zeros((16, 24), np.uint8), caption=text)})
        run.log({"rows": mt.Table(columns=["text", "n"], data=[[f"{text}\n\n- 1", 5]])})
    page = open_page(serve(tmp_path) + "#tab=media").ready()
    note = panel(page, "photo").locator("figcaption .note")
    note.wait_for()
    places = note.evaluate("""note => [...note.firstChild.data].map((_, i) => {
      const range = document.createRange()
      range.setStart(note.firstChild, i)
      range.setEnd(note.firstChild, i + 1)
      return range.getBoundingClientRect().left
    })""")
    assert places == sorted(places)
    panel(page, "rows").locator(".rows .row").click()
    cell = panel(page, "rows").locator(".detail dd").first
    assert cell.inner_text() == f"{text}\n\n- 1"
    assert cell.evaluate("one => getComputedStyle(one).direction") == "rtl"


def test_runs_of_one_name_are_compared(serve: Any, open_page: Any, tmp_path: Path) -> None:
    for number, shade in enumerate((0, 255)):
        with mt.Run(tmp_path / f"run{number}", name="same") as run:
            run.log({"photo": mt.Image(np.full((16, 16), shade, np.uint8))})
    page = open_page(serve(tmp_path) + "#tab=compare").ready()
    page.locator(".sides canvas").nth(1).wait_for()
    assert page.get_by_label(re.compile("^A ")).locator("option").all_inner_texts() == ["same (run0)", "same (run1)"]
    assert [pixels(one)[5, 5, 0] for one in page.locator(".sides canvas").all()] == [0, 255]


def test_a_difference_that_no_eye_sees_is_told(serve: Any, open_page: Any, tmp_path: Path) -> None:
    pixels_of = np.full((20, 30, 3), 100, np.uint8)
    with mt.Run(tmp_path / "first", quiet=True, capture=False) as run:
        run.log({"photo": mt.Image(pixels_of)})
        pixels_of[4, 5, 1] += 3
        run.log({"photo": mt.Image(pixels_of)})
    page = open_page(serve(tmp_path) + "#tab=compare").ready()
    page.get_by_label(re.compile("^as ")).select_option("difference")
    page.get_by_text("black where A and B are equal; the largest difference is 3 of 255", exact=True).wait_for()


def test_values_are_compared(serve: Any, open_page: Any, runs: Path) -> None:
    page = open_page(serve(runs) + "#tab=media&hidden=hostile").ready()
    panel(page, "photo").get_by_role("button", name="compare").click()
    page.locator(".sides canvas").nth(1).wait_for()
    assert page.locator(".compare table td").nth(3).inner_text() == "1"  # one box moved away, the other one matches
    page.get_by_label(re.compile("^as ")).select_option("difference")
    difference = page.locator("canvas.layered")
    difference.wait_for()
    assert pixels(difference)[10:-10, 10:-10].max() <= 4  # the photograph is the same at both steps
    page.get_by_text("A and B are equal", exact=True).wait_for()
    page.get_by_label(re.compile("^as ")).select_option("swipe")
    page.get_by_label("how much of A").fill("1")


def test_a_hostile_run_runs_nothing_and_asks_for_nothing(serve: Any, open_page: Any, runs: Path) -> None:
    opened = open_page(serve(runs) + "#tab=media&hidden=first")
    page = opened.ready()
    title = page.title()
    for article in page.locator("main article").all():
        article.scroll_into_view_if_needed()
        page.wait_for_timeout(150)
    for tab in ("Charts", "Compare", "Runs", "Run"):
        page.get_by_role("tab", name=tab, exact=True).click()
        page.wait_for_timeout(300)
    assert opened.dialogs == []
    assert page.title() == title
    assert page.locator("main b img, main td img[onerror]").count() == 0
    assert opened.away(page.url.partition("#")[0]) == []
    assert unexpected(opened.complaints) == []


def test_a_live_run_grows_on_the_screen(serve: Any, open_page: Any, tmp_path: Path) -> None:
    photo = np.zeros((200, 200, 3), np.uint8)
    with mt.Run(tmp_path / "runs" / "live") as run:
        for step in range(10):
            run.log({"loss": 1 / (step + 1)}, step=step)
        page = open_page(serve(tmp_path / "runs")).ready()
        values = page.locator('section[aria-label="chart of loss"] .values')
        values.wait_for()
        until(lambda: "@ 9" in values.inner_text())
        run.log({"loss": 0.05, "later": 3.0, "photo": picture(photo, 10, "new")}, step=10)
        until(lambda: "0.05" in values.inner_text() and "@ 10" in values.inner_text())
        run.log({"loss": float("inf")}, step=11)
        until(lambda: "∞ @ 11" in values.inner_text())
        later = page.locator('section[aria-label="chart of later"] .values')
        until(lambda: "3 @ 10" in later.inner_text())
        with mt.Run(tmp_path / "runs" / "second") as other:
            other.log({"loss": 0.5})
            page.locator(".runlist", has_text="second").wait_for()
        page.get_by_role("tab", name="Media").click()
        panel(page, "photo", "live").locator("canvas").wait_for()
        assert page.locator(".runlist li").count() == 2
        until(lambda: page.locator(".runlist .note").count() == 1)  # the second is over
    until(lambda: page.locator(".runlist .note").count() == 0)  # both are over


def test_a_page_of_no_runs_waits_for_the_first(serve: Any, open_page: Any, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    opened = open_page(serve(tmp_path / "runs", follow=True))
    page = opened.ready()
    page.get_by_role("status").get_by_text("No runs yet.").wait_for()
    with mt.Run(tmp_path / "runs" / "first") as run:
        run.log({"loss": 0.5})
        values = page.locator('section[aria-label="chart of loss"] .values')
        until(lambda: "0.5 @ 0" in values.inner_text())
    assert page.get_by_text("No runs yet.").count() == 0
    assert not opened.complaints


def test_steps_have_whole_ticks_and_huge_numbers_readable_ones(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", quiet=True, capture=False) as run:
        for step in range(3):
            run.log({"loss": step / 2, "huge": (step - 1) * 1.5e302, "far": 2**60 + 4096 * step})
    page = open_page(serve(tmp_path)).ready()
    page.evaluate(DRAWN)
    page.get_by_label("log y").check()
    page.get_by_label("log y").uncheck()
    for key, texts in {
        "loss": ["0", "1", "2", "0", "0.2", "0.4", "0.6", "0.8", "1"],
        "huge": ["0", "1", "2", "-1e302", "0", "1e302"],
        "far": ["0", "1", "2", "1.15e18", "+2000", "+4000", "+6000", "+8000"],
    }.items():
        until(lambda key=key, texts=texts: page.evaluate("key => drawn(key)", key) == texts)  # type: ignore[misc]


def test_every_rank_has_a_curve_and_pictures_of_its_own(serve: Any, open_page: Any, tmp_path: Path) -> None:
    def log(step: int) -> None:
        for rank, run in enumerate(ranks):
            photo = mt.Image(np.full((8, 8, 3), 100 * rank + step, np.uint8))
            run.log({"loss": 10.0 * rank + step, "photo": photo}, step=step)

    first, second = (mt.Run(tmp_path / "runs" / "one", rank=rank) for rank in range(2))
    ranks = [first, second, first.child()]
    log(0)
    page = open_page(serve(tmp_path / "runs")).ready()
    values, photo = page.locator('section[aria-label="chart of loss"] .values'), page.locator("main article")
    until(lambda: values.inner_text().split("\n") == ["0 @ 0 · rank 0", "10 @ 0 · rank 1", "20 @ 0 · worker 0"])
    log(1)
    until(lambda: values.inner_text().split("\n") == ["1 @ 1 · rank 0", "11 @ 1 · rank 1", "21 @ 1 · worker 0"])
    for run in reversed(ranks):
        run.finish()
    until(lambda: page.locator(".runlist .note").count() == 0)
    until(lambda: values.inner_text().split("\n") == ["1 @ 1 · rank 0", "11 @ 1 · rank 1", "21 @ 1 · worker 0"])
    assert page.locator("section.chart").count() == 1
    page.get_by_role("tab", name="Media").click()
    until(lambda: photo.locator("canvas").count() == 3)
    names = [text.split(" · ")[-1] for text in photo.locator("figcaption").all_inner_texts()]
    assert names == ["rank 0", "rank 1", "worker 0"]
    drawn = [content(canvas)[0, 0].tolist() for canvas in photo.locator("canvas").all()]
    assert drawn == [[1, 1, 1], [101, 101, 101], [201, 201, 201]]


def test_a_folder_is_dropped_on_a_page_without_a_server(open_page: Any, runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "viewer.html"
    file.write_bytes(b"".join(page({}, "runs")))
    opened = open_page(file.as_uri(), offline=True)
    opened.page.locator("input[type=file]").set_input_files(runs)
    shown = opened.ready()
    shown.locator('section[aria-label="chart of loss"] .u-over').wait_for()
    shown.get_by_role("tab", name="Media").click()
    panel(shown, "photo").locator("canvas").wait_for()
    assert opened.away("file:") == []


@pytest.mark.parametrize("folder", [False, True])
def test_a_report_opens_from_disk_without_a_network(open_page: Any, runs: Path, tmp_path: Path, folder: bool) -> None:
    report = write_report([runs], tmp_path / ("report" if folder else "report.html"), folder=folder)
    opened = open_page(report.path.as_uri() + "#tab=media&hidden=hostile", offline=True)
    shown = opened.ready()
    panel(shown, "photo").locator("canvas").wait_for()
    assert pixels(panel(shown, "photo").locator("canvas")).std() > 20
    panel(shown, "chart").locator(".vega svg").wait_for()
    assert unexpected(opened.complaints) == []
    assert opened.away("file:") == []


def test_the_keyboard_leads_everywhere_and_a_link_comes_back(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "runs" / "first") as run:
        for step in range(5):
            run.log({"loss": 1.0 / (step + 1), "photo": mt.Image(np.full((8, 8), step, np.uint8))}, step=step)
    page = open_page(serve(tmp_path / "runs")).ready()
    page.keyboard.press("2")
    label = page.locator(".media .bar output")
    until(lambda: label.inner_text() == "step 4")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    until(lambda: label.inner_text() == "step 2")
    page.keyboard.press("ArrowRight")
    until(lambda: "step=3" in address(page))
    until(lambda: page.get_by_label("step", exact=True).get_attribute("aria-valuetext") == "step 3")
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()
    page.keyboard.press("Escape")
    until(lambda: page.locator("dialog[open]").count() == 0)
    page.keyboard.press("/")
    page.keyboard.type("pho2")  # digits are text in a field
    until(lambda: "find=pho2" in address(page) and page.locator("main article").count() == 0)
    page.keyboard.press("Escape")
    page.keyboard.press("4")
    until(lambda: page.get_by_role("tab", name="Runs").get_attribute("aria-selected") == "true")
    again = page.context.new_page()
    again.goto(address(page).replace("tab=runs", "tab=media").replace("find=pho2", "find=pho"))
    again.wait_for_selector("html[data-ready=true]", state="attached")
    until(lambda: "step 3" in again.locator("main article").inner_text())
    again.emulate_media(media="print")
    assert not again.locator("header").is_visible()
    assert again.locator("aside li").is_visible()  # which colour is which run
    assert not again.locator("aside input[type=search]").is_visible()
    assert again.locator("main article canvas").is_visible()


def test_accessibility_has_no_fault(serve: Any, open_page: Any, runs: Path) -> None:
    page = open_page(serve(runs)).ready()
    axe = (ROOT / "viewer" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    for tab in ("Charts", "Media", "Compare", "Runs", "Run"):
        page.get_by_role("tab", name=tab, exact=True).click()
        page.wait_for_timeout(700)
        page.evaluate(axe)
        faults = page.evaluate("axe.run(document, {iframes: false}).then(found => found.violations)")
        assert [(f["id"], f["nodes"][0]["html"][:200]) for f in faults if f["impact"] != "minor"] == [], tab


def test_a_narrow_and_a_dark_screen(serve: Any, open_page: Any, runs: Path) -> None:
    opened = open_page(serve(runs) + "#theme=dark")
    page = opened.ready()
    page.set_viewport_size({"width": 390, "height": 800})
    page.locator('section[aria-label="chart of loss"] .u-over').wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 392
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 19, 23)"


def test_a_long_key_leaves_room_for_its_value_on_a_phone(serve: Any, open_page: Any, tmp_path: Path) -> None:
    key = "train/" + "a_long_word/" * 9
    with mt.Run(tmp_path / "first", quiet=True, capture=False) as run:
        run.log({key: 123.0})
        run.log({"figure": mt.Figure({"data": [{"y": [0.06, 0.7]}], "layout": {"yaxis": {"type": "log"}}})})
    page = open_page(serve(tmp_path) + "#tab=run").ready()
    page.set_viewport_size({"width": 400, "height": 800})
    value = page.get_by_role("cell", name="123", exact=True)
    place = value.bounding_box()
    assert place["x"] + place["width"] <= 400
    page.get_by_role("tab", name="Charts").click()
    name, around = (page.locator(f"section.chart {part}").first.bounding_box() for part in ("bdi", "h2"))
    assert name["width"] <= around["width"]  # cut with an ellipsis
    page.get_by_role("tab", name="Media").click()
    ticks = panel(page, "figure").locator(".ytick text")
    ticks.first.wait_for()
    edges = sorted((box["y"], box["y"] + box["height"]) for box in (tick.bounding_box() for tick in ticks.all()))
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(edges))  # none lies over another


def test_paper_is_white_and_holds_what_was_not_in_view(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "runs" / "one") as run:
        run.log({f"photo{i}": mt.Image(np.full((40, 30), i, np.uint8)) for i in range(40)})
    page = open_page(serve(tmp_path / "runs") + "#tab=media&theme=dark").ready()
    pictures = page.locator("main article canvas")
    until(lambda: pictures.count() > 0)
    theme = lambda: page.evaluate("document.documentElement.dataset.theme")  # noqa: E731
    assert (theme(), pictures.count() < 40) == ("dark", True)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert theme() == "light"
    until(lambda: pictures.count() == 40)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert theme() == "dark"


def test_a_run_without_numbers_opens_at_its_media(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"photo": mt.Image(np.zeros((8, 8), np.uint8))})
    opened = open_page(serve(tmp_path))
    opened.page.wait_for_selector("html[data-ready]")
    assert opened.page.get_attribute("body", "data-tab") == "media"
    opened.page.wait_for_selector("main img, main canvas")


# Counts what listens to the window, the document and its body: listeners() gives how many.
LISTENERS = """
    let count = 0
    const held = new Set(), numbers = new WeakMap()
    const number = one => numbers.get(one) ?? numbers.set(one, ++count).get(one)
    const {addEventListener, removeEventListener} = EventTarget.prototype
    const global = target => target === window || target === document || target === document.body
    const name = (target, type, listener) => `${target.constructor.name} ${type} ${number(listener)}`
    EventTarget.prototype.addEventListener = function (type, listener, options) {
      if (global(this ?? window) && listener) {
        const told = name(this ?? window, type, listener)
        held.add(told)
        if (options?.signal) addEventListener.call(options.signal, "abort", () => held.delete(told))
      }
      return addEventListener.call(this, type, listener, options)
    }
    EventTarget.prototype.removeEventListener = function (type, listener, options) {
      if (global(this ?? window) && listener) held.delete(name(this ?? window, type, listener))
      return removeEventListener.call(this, type, listener, options)
    }
    window.listeners = () => held.size
"""


def drawn_canvases(place: Any) -> list[bool]:
    """Whether something stands before the background, for each canvas."""
    return list(
        place.locator("canvas").evaluate_all("""all => all.map(canvas => {
          const {width, height} = canvas, {data} = canvas.getContext("2d").getImageData(0, 0, width, height)
          return new Set(new Uint32Array(data.buffer)).size > 3
        })""")
    )


def test_more_points_and_meshes_are_drawn_than_a_browser_has_contexts(
    serve: Any, open_page: Any, tmp_path: Path
) -> None:
    trimesh = pytest.importorskip("trimesh")
    points = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    points[:, 3] = np.arange(50) % 14 + 1
    ball = trimesh.creation.icosahedron().export(file_type="glb")
    with mt.Run(tmp_path / "first", quiet=True, capture=False) as run:
        run.log({"clouds": [mt.Object3D(points) for _ in range(18)]})
        run.log({"meshes": [mt.Object3D(io.BytesIO(ball), file_type="glb") for _ in range(18)]})
    opened = open_page(serve(tmp_path) + "#tab=media")
    page = opened.ready()
    for key in ("clouds", "meshes"):
        place = panel(page, key)
        until(lambda place=place: drawn_canvases(place) == [True] * 18)  # type: ignore[misc]
    cloud = panel(page, "clouds").locator("canvas").first
    before = content(cloud)
    cloud.focus()
    page.keyboard.press("+")
    until(lambda: (content(cloud) != before).any())
    assert opened.complaints == []


def test_values_that_are_gone_from_the_page_leave_nothing_behind(serve: Any, open_page: Any, tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    figure = {"data": [{"type": "bar", "y": [1, 3, 2]}], "layout": {}}
    with mt.Run(tmp_path / "first", quiet=True, capture=False) as run:
        for step in range(2):
            run.log(
                {
                    "cloud": mt.Object3D(np.eye(3) + step),
                    "mesh": mt.Object3D(io.BytesIO(trimesh.creation.box().export(file_type="glb")), file_type="glb"),
                    "molecule": mt.Molecule(f"1\nx\nC 0 0 {step}\n", file_type="xyz"),
                    "figure": mt.Figure(figure),
                    "photo": mt.Image(np.full((8, 8), step, np.uint8)),
                },
                step=step,
            )
    opened = open_page(serve(tmp_path) + "#tab=media")
    page = opened.ready()
    page.add_init_script(LISTENERS)
    page.reload()
    page.wait_for_selector("html[data-ready=true]", state="attached")
    counts = []
    for turn in range(6):
        page.get_by_role("button", name="previous step" if turn % 2 == 0 else "next step").click()
        for key, drawn in (("cloud", "canvas"), ("mesh", "canvas"), ("molecule", "canvas"), ("figure", ".main-svg")):
            place = panel(page, key)
            until(lambda place=place, turn=turn: f"step {turn % 2}" in place.inner_text())  # type: ignore[misc]
            place.locator(drawn).first.wait_for()
        page.get_by_role("tab", name="Charts").click()
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        counts.append(page.evaluate("listeners()"))
        page.get_by_role("tab", name="Media").click()
    assert counts[-1] == counts[1]


def test_a_late_answer_does_not_take_the_place_of_a_newer_choice(serve: Any, open_page: Any, tmp_path: Path) -> None:
    for number in range(2):
        with mt.Run(tmp_path / f"run{number}", quiet=True, capture=False) as run:
            run.log({"photos": [mt.Image(np.full((16, 16), shade + number, np.uint8)) for shade in (10, 100, 200)]})
    paths = pq.read_table(tmp_path / "run0" / "media.parquet").column("path").to_pylist()
    page = open_page(serve(tmp_path) + "#tab=compare").ready()
    pictures = page.locator(".sides canvas")
    until(lambda: [content(one)[5, 5, 0] for one in pictures.all()] == [10, 11])
    waiting: list[Any] = []
    page.route(f"**/{paths[1]}", lambda route: waiting.append(route))
    page.get_by_label(re.compile("^item ")).select_option(index=1)
    until(lambda: page.title() == "runs" and len(waiting) == 1)
    page.evaluate("location.hash = '#tab=compare&compare=photos|run0||run1|||2'")
    until(lambda: [content(one)[5, 5, 0] for one in pictures.all()] == [200, 201])
    assert page.get_by_label(re.compile("^item ")).locator("option").all_inner_texts() == ["1", "2", "3"]
    with page.expect_response(f"**/{paths[1]}"):
        waiting[0].continue_()
    page.evaluate("new Promise(done => setTimeout(done, 300))")
    assert [content(one)[5, 5, 0] for one in pictures.all()] == [200, 201]
    page.get_by_label(re.compile("^as ")).select_option("difference")
    layered = page.locator("canvas.layered")
    layered.wait_for()
    assert content(layered)[5, 5].tolist() == [1, 1, 1]


def test_keys_called_as_methods_of_objects_are_keys(serve: Any, open_page: Any, tmp_path: Path) -> None:
    names = ["constructor", "toString", "__proto__", "valueOf"]
    with mt.Run(tmp_path / "run", quiet=True, capture=False, config=dict.fromkeys(names, "set")) as run:
        for step in range(3):
            run.log({name: 10.0 * i + step for i, name in enumerate(names)} | {"hasOwnProperty": f"text {step}"})
    opened = open_page(serve(tmp_path) + "#x=constructor")
    page = opened.ready()
    for i, name in enumerate(names):
        values = page.locator(f'section[aria-label="chart of {name}"] .values')
        until(lambda values=values, i=i: values.inner_text() == f"{10 * i + 2} @ 2")  # type: ignore[misc]
    page.get_by_role("tab", name="Run", exact=True).click()

    def told() -> list[str | None]:
        lines = page.locator(".details").inner_text().split("\n")
        facts = dict(line.split("\t") for line in lines if line.count("\t") == 1)
        return [facts.get(name) for name in names]

    until(lambda: told() == ["2", "12", "22", "32"])  # of the summary, below the config
    page.evaluate("location.hash = '#tab=constructor'")
    until(lambda: page.get_by_role("tab", name="Charts").get_attribute("aria-selected") == "true")
    assert opened.complaints == []


def test_a_logarithmic_axis_takes_any_range(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", quiet=True, capture=False) as run:
        for power in range(-25, 25):
            run.log({"wide": 10.0**power, "negative": -1.0, "some": max(power, 0)})
    opened = open_page(serve(tmp_path))
    page = opened.ready()
    page.evaluate(DRAWN)
    page.get_by_label("log y").check()
    ticks = ["1e-25", "1e-18", "1e-11", "0.0001", "1000", "10G", "1e17", "1e24"]
    until(lambda: page.evaluate("drawn('wide')")[-8:] == ticks)
    negative = page.locator('section[aria-label="chart of negative"]')
    until(lambda: "no values above 0" in negative.inner_text())
    assert opened.complaints == []


def test_truths_are_drawn_as_such_and_places_as_their_axis_has_them(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", quiet=True, capture=False) as run:
        for step in range(3):
            run.log({"ok": step > 0}, step=123_450 + step)
    page = open_page(serve(tmp_path)).ready()
    values = page.locator('section[aria-label="chart of ok"] .values')
    until(lambda: values.inner_text() == "True @ 123452")
    page.evaluate(DRAWN)
    page.get_by_label("log y").check()  # which truths have not
    until(lambda: page.evaluate("drawn('ok')")[-2:] == ["False", "True"])
    page.get_by_label("x-axis").select_option("_timestamp")
    until(
        lambda: str(time.localtime(mt.open_run(tmp_path / "run").summary["_timestamp"]).tm_year) in values.inner_text()
    )
    page.get_by_label("x-axis").select_option("_relative")
    until(lambda: values.inner_text().endswith(" s"))


def test_layers_of_one_name_are_switched_apart_and_pictures_zoomed_by_keys(
    serve: Any, open_page: Any, tmp_path: Path
) -> None:
    edges = [[20, 0, 30, 8], [-9, 15, 5, 30]]
    boxes = mt.BoundingBoxes2D.from_xyxy(edges, domain="pixel", class_ids=[1, 2], class_labels={1: "wide" * 9, 2: "b"})
    mask = np.zeros((32, 32), np.uint8)
    mask[20:, 20:] = 3
    with mt.Run(tmp_path / "first", quiet=True, capture=False) as run:
        run.log({"photo": mt.Image(np.zeros((32, 32, 3), np.uint8), boxes={"pred": boxes}, masks={"pred": mask})})
    page = open_page(serve(tmp_path) + "#tab=media").ready()
    photo = panel(page, "photo")
    canvas = photo.locator("canvas")
    canvas.wait_for()
    drawn = lambda: enlarged(canvas, 32).max(axis=(1, 3, 4)) > 0  # noqa: E731
    masked = lambda: bool(drawn()[31, 31])  # noqa: E731
    boxed = lambda: bool(drawn()[8, 20:30].any())  # noqa: E731
    assert (masked(), boxed()) == (True, True)
    photo.get_by_label("pred mask").uncheck()
    until(lambda: (masked(), boxed()) == (False, True))
    photo.get_by_label("pred boxes").uncheck()
    until(lambda: not content(canvas).any())
    photo.get_by_label("pred mask").check()
    until(lambda: (masked(), boxed()) == (True, False))
    canvas.focus()
    for _ in range(3):
        page.keyboard.press("+")
    for _ in range(20):  # the mask comes into view from below and from the right
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    until(lambda: bool(drawn()[8:, 8:].all()))
    page.keyboard.press("0")
    until(lambda: not drawn()[:19, :19].any())


def test_rows_are_chosen_by_keys_and_messages_are_a_conversation(serve: Any, open_page: Any, tmp_path: Path) -> None:
    chat = [{"role": "user", "content": HOSTILE}, {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}]
    with mt.Run(tmp_path / "first", quiet=True, capture=False) as run:
        run.log({"chat": chat, "photo": mt.Image(np.zeros((4, 4), np.uint8))}, step=0)
        run.log({"rows": mt.Table(columns=["id", "chat"], data=[[[1, 2], chat], [[3], chat]])}, step=1)
    opened = open_page(serve(tmp_path) + "#tab=media")
    page = opened.ready()
    rows = panel(page, "rows")
    row = rows.locator(".rows .row").first
    row.wait_for()
    assert row.inner_text().split("\n")[0] == "[1, 2]"
    row.focus()
    page.keyboard.press("ArrowLeft")  # scrolls the table, and moves no slider
    page.keyboard.press("Enter")
    assert rows.locator(".detail .message").all_inner_texts() == [f"user\n{HOSTILE}", "assistant\nHi"]
    assert "step=" not in address(page)
    page.get_by_role("tab", name="Run", exact=True).click()
    page.locator("details.panel", has_text="chat").locator("> summary").click()
    page.locator("details.panel", has_text="chat").locator(".rows .row").click()
    assert page.locator("details.panel .message").all_inner_texts() == [f"user\n{HOSTILE}", "assistant\nHi"]
    assert opened.complaints == []


def test_a_damaged_row_hides_no_other(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "first", quiet=True, capture=False) as run:
        for step in range(3):
            run.log({"hist": mt.Histogram([1, 2, step])}, step=step)
        run.log({"rows": mt.Table(columns=["a"], data=[[1]]), "photo": mt.Image(np.zeros((4, 4), np.uint8))}, step=3)
    table = pq.read_table(run.path / "media.parquet")
    keys, texts = table["key"].to_pylist(), table["_doc"].to_pylist()
    texts = [
        "{" if key == "rows" or i == keys.index("hist") else text
        for i, (key, text) in enumerate(zip(keys, texts, strict=True))
    ]
    place = table.column_names.index("_doc")
    pq.write_table(table.set_column(place, table.field(place), [texts]), run.path / "media.parquet")
    opened = open_page(serve(tmp_path) + "#tab=media")
    page = opened.ready()
    panel(page, "photo").locator("canvas").wait_for()
    panel(page, "rows").locator(".failure").wait_for()
    assert panel(page, "hist").locator(".heatmap").inner_text().endswith("steps 1 to 2")
    assert opened.complaints == []


def test_a_file_that_is_gone_is_told_in_its_place(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "first", quiet=True, capture=False) as run:
        frames = np.zeros((3, 3, 8, 8), np.uint8)
        run.log({"clip": mt.Video(frames, fps=4), "sound": mt.Audio(np.zeros(80), 8000)})
        run.log({"photo": mt.Image(np.zeros((4, 4), np.uint8))})
    for path in (run.path / "media").rglob("*.*"):
        path.unlink()
    page = open_page(serve(tmp_path) + "#tab=media").ready()
    for key, what in (("clip", "video"), ("sound", "sound"), ("photo", "picture")):
        said = panel(page, key).locator(".failure")
        said.wait_for()
        assert said.inner_text().startswith(f"the {what} is not there")


# Drops files on the page: [path, base64] each.
DROP = """files => {
  const entry = ([name, text]) => ({
    isFile: true, name,
    file: done => done(new File([Uint8Array.from(atob(text), letter => letter.charCodeAt(0))], name.split("/").at(-1))),
  })
  const items = files.map(file => ({webkitGetAsEntry: () => entry(file)}))
  dispatchEvent(Object.assign(new Event("drop"), {dataTransfer: {items}}))
}"""


def test_another_drop_takes_the_place_of_the_first(open_page: Any, tmp_path: Path) -> None:
    file = tmp_path / "viewer.html"
    file.write_bytes(b"".join(page({}, "runs")))
    opened = open_page(file.as_uri(), offline=True)
    shown = opened.page
    shown.add_init_script(LISTENERS)
    shown.reload()
    counts = []
    for name in ("first", "second", "third"):
        with mt.Run(tmp_path / name, quiet=True, capture=False) as run:
            run.log({"loss": 0.5})
        files = [path for path in run.path.rglob("*") if path.is_file()]
        dropped = [
            [f"{name}/{one.relative_to(run.path)}", base64.b64encode(one.read_bytes()).decode()] for one in files
        ]
        shown.evaluate(DROP, [*dropped, ["other/run.json", base64.b64encode(b"[]").decode()]])
        until(lambda name=name: shown.locator(".runlist li").all_inner_texts() == [name])  # type: ignore[misc]
        shown.locator('section[aria-label="chart of loss"] .u-over').wait_for()
        assert "other/run.json" in shown.locator(".banner.failure").inner_text()
        counts.append(shown.evaluate("listeners()"))
    assert counts[1] == counts[2]


def test_what_a_link_says_stands_in_the_controls(serve: Any, open_page: Any, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "first", quiet=True, capture=False) as run:
        for step in range(3):
            run.log({"loss": 1.0 + step, "epoch": step, "photo": mt.Image(np.zeros((4, 4), np.uint8))})
    page = open_page(serve(tmp_path) + "#smooth=0.6&log=1&find=lo&x=epoch&score=0.25&opacity=0.9").ready()

    def shown() -> list[Any]:
        ranges = [float(page.get_by_label(name).input_value()) for name in ("smooth",)]
        page.get_by_role("tab", name="Media").click()
        names = ("lowest score of boxes", "opacity of masks")
        ranges += [float(page.get_by_label(name).input_value()) for name in names]
        page.get_by_role("tab", name="Charts").click()
        find, axis = page.get_by_label("filter keys").input_value(), page.get_by_label("x-axis").input_value()
        return [*ranges, page.get_by_label("log y").is_checked(), find, axis]

    assert shown() == [0.6, 0.25, 0.9, True, "lo", "epoch"]
    page.evaluate("location.hash = '#smooth=0.2&x=_timestamp&score=0.5'")
    until(lambda: shown() == [0.2, 0.5, 0.45, False, "", "_timestamp"])

"""Reports and notebooks: what stands in them, how large they are, and what they never hold."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from argparse import ArgumentTypeError
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib.figure
import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes import DocumentError
from mediatypes.cli import main
from mediatypes.cli.report import _size
from mediatypes.viewer import bundle, notebook, still
from mediatypes.viewer.page import page, policy, script_hash
from mediatypes.viewer.report import _preview, write_report
from tests.samples import photograph

from .conftest import HOSTILE


class Elements(HTMLParser):
    """The elements of a page as a browser's parser sees them: (tag, attributes)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def inlined(path: Path) -> dict[str, bytes]:
    """The files that a report holds."""
    found = re.findall(r'<script type="text/plain" id="file:([^"]*)"[^>]*>([^<]*)</script>', path.read_text("utf-8"))
    return {name: base64.b64decode(text) for name, text in found}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with mt.Run(tmp_path / "runs" / "one", notes=HOSTILE, config={"text": HOSTILE}) as run:
        for step in range(3):
            image = mt.Image(
                photograph("astronaut")[step:], caption=HOSTILE, masks={"m": np.ones((512 - step, 512), int)}
            )
            run.log({"loss": 1 / (step + 1), "photo": image})
    return run.path


def test_a_report_holds_the_files_of_the_run_byte_for_byte(run: Path, tmp_path: Path) -> None:
    report = write_report([run.parent], tmp_path / "report.html")
    files = inlined(report.path)
    assert files["one/history.parquet"] == (run / "history.parquet").read_bytes()
    media = list((run / "media").rglob("*.png"))
    assert len(media) == report.files == 6
    assert all(files[f"one/{path.relative_to(run)}"] == path.read_bytes() for path in media)
    assert (report.previews, report.left_out) == (0, 0)
    assert report.size == report.path.stat().st_size


def test_a_report_holds_what_cells_of_tables_refer_to(tmp_path: Path) -> None:
    cells = [[i, mt.Image(np.full((4, 4), i, np.uint8))] for i in range(3)]
    with mt.Run(tmp_path / "runs" / "one") as run:
        run.log({"table": mt.Table(columns=["i", "image"], data=cells)})
    held = inlined(write_report([run.path.parent], tmp_path / "report.html").path)
    assert {f"one/{path.relative_to(run.path)}" for path in (run.path / "media").rglob("*.png")} <= held.keys()


@pytest.mark.parametrize(
    ("value", "needed"),
    [
        (lambda: mt.Object3D(np.eye(3)), {"cloud"}),
        (lambda: mt.Object3D(b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", file_type="obj"), {"mesh"}),
        (lambda: mt.Table(columns=["points"], data=[[mt.Object3D(np.eye(3))]]), {"cloud", "mesh"}),
        (lambda: 0.5, set()),
    ],
    ids=["points", "mesh", "cells", "number"],
)
def test_a_report_holds_the_scripts_that_its_values_need(value: Any, needed: set[str], tmp_path: Path) -> None:
    with mt.Run(tmp_path / "one", quiet=True, capture=False) as run:
        run.log({"value": value()})
    page = write_report([run.path], tmp_path / "report.html").path.read_text("utf-8")
    assert set(re.findall(r'id="library:(\w+)"', page)) == needed


def test_a_small_report_goes_without_large_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "one", quiet=True, capture=False) as run:
        run.log({"points": mt.Object3D(np.eye(3)), "figure": mt.Figure({"data": []}), "photo": mt.Image(np.eye(9))})
    page = tmp_path / "report.html"
    assert main(["report", str(run.path), "--max-size", "1 MB", "-o", str(page)]) == 0
    assert "- without the scripts of plotly, so what they draw is not shown" in capsys.readouterr().out
    assert page.stat().st_size < 10**6
    text = page.read_text("utf-8")
    assert re.findall(r'id="library:(\w+)"', text) == ["cloud"]
    assert "This report was kept small. What plotly would draw is not shown." in text
    assert {path.suffix for path in map(Path, inlined(page))} == {".json", ".parquet", ".ply", ".png"}


def test_a_report_says_what_to_install_for_its_charts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with mt.Run(tmp_path / "run", quiet=True) as run:
        run.log({"plot": mt.plot.line(mt.Table(["x", "y"], [[0, 1], [1, 2]]), "x", "y")})
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    for cached in (bundle.library, bundle.available):
        monkeypatch.setattr(bundle, cached.__name__, cached.__wrapped__)
    assert main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "page.html")]) == 0
    assert "- not drawn: the viewer's charts of presets" in (said := capsys.readouterr().out)
    assert "[report]" in said


def test_the_page_is_small_without_what_it_loads_when_a_value_needs_it() -> None:
    assert sum(len(bundle.part(name).encode()) for name in ("page.js", "page.css")) <= 200_000


def test_a_small_report_has_previews_and_says_so(run: Path, tmp_path: Path) -> None:
    most = 700_000
    report = write_report([run.parent], tmp_path / "report.html", max_size=most)
    assert report.size <= most
    assert report.previews == 3
    pictures = [data for data in inlined(report.path).values() if data[:3] == b"\xff\xd8\xff"]
    assert {PIL.Image.open(io.BytesIO(data)).size for data in pictures} == {(480, 480), (480, 479), (480, 478)}
    assert "kept small" in report.path.read_text("utf-8")


@pytest.mark.parametrize(("room", "side"), [(60_000, 480), (20_000, 240), (8_000, 120)])
def test_previews_are_as_large_as_there_is_room(room: int, side: int, tmp_path: Path) -> None:
    """Of many pictures none is left out while small ones have room."""
    pictures = [photograph("astronaut")[:, i : i + 500] for i in range(6)]
    with mt.Run(tmp_path / "runs" / "one", quiet=True, capture=False) as run:
        for picture in pictures:
            run.log({"photo": mt.Image(picture)})
    page_alone = write_report([run.path.parent], tmp_path / "small.html", max_size=1).size
    most = page_alone + len(pictures) * room
    report = write_report([run.path.parent], tmp_path / "report.html", max_size=most)
    assert report.size <= most
    assert (report.previews, report.left_out) == (len(pictures), 0)
    shown = [data for data in inlined(report.path).values() if data[:3] == b"\xff\xd8\xff"]
    assert {max(PIL.Image.open(io.BytesIO(data)).size) for data in shown} == {side}


def test_a_path_that_leads_elsewhere_makes_no_folder_there(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "runs" / "one") as run:
        run.log({"image": mt.Image(np.zeros((4, 4), np.uint8))})
    table = pq.read_table(run.path / "media.parquet")
    text = json.dumps(json.loads(table["_doc"][0].as_py()) | {"path": "../../../../elsewhere/x.png"})
    place = table.column_names.index("_doc")
    pq.write_table(table.set_column(place, table.field(place), [[text]]), run.path / "media.parquet")
    report = write_report([run.path], tmp_path / "made" / "report", folder=True)
    assert ["elsewhere/x.png" in problem.message for problem in report.problems] == [True]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "runs"]
    assert sorted(path.name for path in (tmp_path / "made" / "report").rglob("*")) == ["index.html"]


@pytest.mark.parametrize("folder", [False, True])
def test_media_that_are_gone_cost_only_themselves(folder: bool, tmp_path: Path) -> None:
    pictures = [mt.Image(np.full((4, 4), i, np.uint8)) for i in range(3)]
    sound = mt.Audio(np.zeros(800), sample_rate=8000)
    with mt.Run(tmp_path / "runs" / "one") as run:
        run.log({"image": pictures[0], "sound": sound, "table": mt.Table(columns=["i"], data=[[pictures[1]]])})
        run.log({"image": pictures[2]})
    (kept,) = {path for path in (run.path / "media").rglob("*.png") if path.read_bytes() == pictures[2].to_bytes()}
    for path in (run.path / "media").rglob("*.*"):
        if path != kept:
            path.unlink()
    report = write_report([run.path], tmp_path / "out" / "report.html", folder=folder)
    names = {path.name for path in report.path.parent.rglob("*.png")} if folder else inlined(report.path)
    assert any(kept.name in name for name in names)
    assert (
        len(report.problems) == 4
    )  # a picture, a sound, a part, and its list, which alone says that there is another picture
    shown = mt.open_run(run.path)._repr_mimebundle_()["text/html"]
    assert "expected to find the sidecar" in shown


DOCUMENTS = ["{", "null", '{"_type": "table", "kinds": [[1]]}', '{"_type": "image", "path": "a", "size": "b"}', None]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_damaged_document_costs_only_itself(document: str | None, run: Path, tmp_path: Path) -> None:
    path = run / "media.parquet"
    rows = pq.read_table(path)
    at = rows.schema.get_field_index("_doc")
    texts = [document, *rows.column(at).to_pylist()[1:]]
    pq.write_table(rows.set_column(at, rows.schema.field(at), pa.array(texts, pa.string())), path)
    report = write_report([run.parent], tmp_path / "report.html")
    assert report.files == 4  # two pictures and their masks
    assert len(report.problems) == (document is None or "_type" not in document)
    assert 'id="file:one/media.parquet"' in report.path.read_text("utf-8")


def test_what_cannot_be_read_is_told(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "media.parquet").write_bytes(b"no Parquet")
    with mt.Run(tmp_path / "runs" / "damaged", quiet=True, capture=False) as damaged:
        damaged.log({"x": 1})
    (damaged.path / "run.json").write_bytes(b"no JSON")
    page = tmp_path / "report.html"
    assert main(["report", str(run), str(damaged.path), "-o", str(page)]) == 2
    told = capsys.readouterr().err
    assert "one/media.parquet: expected a whole Parquet file" in told
    assert "damaged/run.json: expected a JSON object" in told
    assert page.exists()
    with pytest.raises(DocumentError, match=r"damaged/run\.json: expected a JSON object"):
        write_report([damaged.path], page)


def test_a_notebook_shows_what_is_wrong_with_a_run(run: Path) -> None:
    view = mt.open_run(run)
    (run / "history.parquet").write_bytes(b"no Parquet")
    assert "history.parquet: expected a whole Parquet file" in notebook.runs_bundle(view)["text/html"]


def test_the_command_says_what_is_not_there(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run), "-o", str(tmp_path / "r.html"), "--max-size", "1kB"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "- larger than --max-size: the page and the rows alone take that",
        "- 6 media files left out; --max-size or --folder takes more",
    ]


@pytest.mark.parametrize(("text", "size"), {"20MB": 20e6, "1.5 gb": 1.5e9, "300": 300, "5k": None, "-1": None}.items())
def test_sizes_are_read(text: str, size: float | None) -> None:
    if size is None:
        with pytest.raises(ArgumentTypeError, match="expected bytes, or a number with kB, MB or GB, got "):
            _size(text)
    else:
        assert _size(text) == size


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("r.pdf", [], "report: expected a name that ends with .html, got 'r.pdf'. A report is a page: r.html."),
        ("r", [], "report: expected a name that ends with .html, got 'r'. A report is a page: r.html."),
        ("runs", [], "runs: expected a file to write, got a folder. Write "),
        ("file.html", ["--folder"], "file.html: expected a folder, got a file. Choose another name."),
        ("file.html/x/r.html", [], "file.html/x: expected to make the folder, got "),
    ],
)
def test_what_a_report_cannot_be_is_said(
    name: str, options: list[str], said: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file.html").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert main(["report", str(run), "-o", str(tmp_path / name), *options]) == 2
    assert said in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file.html").read_text() == "mine"


def test_the_command_writes_a_report(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run), "-o", str(tmp_path / "r.html"), "--max-size", "20MB"]) == 0
    assert "1 run, 6 media files" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["report", str(run), "-o", "x", "--max-size", "20 MiB"])
    assert "expected bytes, or a number with kB, MB or GB" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "nothing"), "-o", str(tmp_path / "r.html")]) == 2


def test_the_page_allows_its_own_scripts_only(run: Path, tmp_path: Path) -> None:
    text = write_report([run.parent], tmp_path / "report.html").path.read_text("utf-8")
    found = Elements(text)
    (meta,) = [meta for meta in found.of("meta") if meta.get("http-equiv")]
    assert meta["content"] == policy()  # this run holds nothing that needs a library
    assert "default-src 'none'" in policy()
    assert "unsafe-eval" not in policy(bundle.available(), "http://127.0.0.1/library/")
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert [f"'{script_hash(script)}'" in policy() for script in scripts] == [True]
    assert not [tag for tag, attributes in found.found if any(name.startswith("on") for name in attributes)]
    settings = re.search(r'<script type="application/json" id="settings">(.*?)</script>', text, re.DOTALL)
    assert settings is not None
    assert json.loads(settings[1])["runs"][0]["run"]["notes"] == HOSTILE


def test_without_a_bundle_a_report_is_plain_html(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "FOLDER", tmp_path / "none")
    report = write_report([run.parent], tmp_path / "report.html")
    found = Elements(report.path.read_text("utf-8"))
    assert not found.of("script")
    assert len(found.of("svg")) == 1
    assert all(str(image["src"]).startswith("data:image/") for image in found.of("img"))
    bundle.part.cache_clear()
    with pytest.raises(mt.StoreError, match=r"viewer: expected page\.js in its bundle, got none"):
        b"".join(page({}, "x"))


VALUES: dict[str, Any] = {
    "image": lambda: mt.Image(photograph("coffee"), caption=HOSTILE),
    "16 bits": lambda: mt.Image(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000),
    "histogram": lambda: mt.Histogram([1, 2, 2, 3]),
    "tensor": lambda: mt.Tensor(np.array([[1.0, np.nan], [np.inf, 2.0]])),
    "cloud": lambda: mt.Object3D(np.random.default_rng(0).random((9000, 3))),
    "empty cloud": lambda: mt.Object3D.from_point_cloud([], [mt.Box3D(center=(0, 0, 0), size=(1, 1, 1))]),
    "audio": lambda: mt.Audio(np.zeros(100), 8000),
    "table": lambda: mt.Table(columns=["a", HOSTILE], data=[[i, HOSTILE] for i in range(30)]),
    "figure": lambda: mt.Figure({"data": [{"type": "bar", "y": [1]}]}),
    "video": lambda: mt.Video(np.zeros((3, 3, 8, 8), np.uint8)),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_shows_itself_without_a_script_or_a_request(name: str) -> None:
    shown = notebook.value_bundle(VALUES[name]())["text/html"]
    found = Elements(shown)
    assert not found.of("script")
    for _, attributes in found.found:
        assert not [attribute for attribute in attributes if attribute.startswith("on")]
        assert str(attributes.get("src", "data:")).startswith("data:")
    assert HOSTILE not in shown


def test_a_figure_that_plotly_shows_in_part_is_shown_as_its_picture() -> None:
    drawing = matplotlib.figure.Figure(figsize=(2, 1.5))
    drawing.add_subplot().plot([1, 2])
    drawing.suptitle("T")
    figure = mt.Figure(drawing)
    assert figure.format == "plotly"
    (picture,) = Elements(still.value_html(figure)).of("img")
    assert base64.b64decode(str(picture["src"]).partition(",")[2]) == figure.to_png()


def test_boxes_stand_where_they_are() -> None:
    boxes = mt.BoundingBoxes2D.from_xywh([[10, 20, 30, 40]], domain="pixel", class_ids=[1], class_labels={1: "cat"})
    image = mt.Image(np.zeros((100, 200, 3), np.uint8), boxes={"b": boxes}, masks={"m": np.eye(100, 200, dtype=int)})
    found = Elements(still.value_html(image))
    (box,) = found.of("rect")
    assert [float(str(box[name])) for name in ("x", "y", "width", "height")] == [10, 20, 30, 40]
    assert found.of("svg")[0]["viewbox"] == "0 0 200 100"
    mask = PIL.Image.open(io.BytesIO(base64.b64decode(str(found.of("img")[1]["src"]).partition(",")[2])))
    assert np.array_equal(np.asarray(mask)[..., 3] > 0, np.eye(100, 200, dtype=bool))


def test_html_stands_in_a_frame_that_lets_nothing_out() -> None:
    outer = Elements(notebook.value_bundle(mt.Html("<script>1</script>", caption=HOSTILE))["text/html"])
    (frame,) = outer.of("iframe")
    assert frame["sandbox"] == "allow-scripts"
    inner = Elements(str(frame["srcdoc"]))
    assert "default-src 'none'" in str(inner.of("meta")[0]["content"])  # also for addresses of the frame in it
    assert [one["sandbox"] for one in inner.of("iframe")] == ["allow-scripts"]


def test_runs_show_themselves_in_a_notebook(run: Path) -> None:
    for shown in (mt.open_run(run), mt.open_runs(run.parent)):
        made = shown._repr_mimebundle_()
        found = Elements(made["text/html"])
        assert [frame["sandbox"] for frame in found.of("iframe")] == ["allow-scripts"]
        assert found.of("svg")  # and below the frame what needs no script
        assert made["text/plain"] == repr(shown)


@pytest.mark.parametrize("n", [1, 7, 1000, 50_000])
def test_a_curve_keeps_every_peak(n: int) -> None:
    y = np.random.default_rng(0).normal(size=n)
    path = re.search(r'd="M([^"]*)"', still.curve(np.arange(n, dtype=float), y))
    assert path is not None
    heights = [float(point.split()[1]) for point in path[1].split("L")]
    assert (min(heights), max(heights)) == ((4.0, 176.0) if n > 1 else (90.0, 90.0))


def test_points_have_their_colours_without_a_script() -> None:
    points = np.array([[0, 0, 0, 255, 0, 0], [1, 1, 1, 0, 128, 255]], np.float32)
    assert set(re.findall(r'fill="(#\w{6})"/>', still.value_html(mt.Object3D(points)))) == {"#ff0000", "#0080ff"}
    categories = np.array([[0, 0, 0, 1], [1, 1, 1, 2], [2, 2, 2, 1]], np.float32)
    assert len(set(re.findall(r'fill="(#\w{6})"/>', still.value_html(mt.Object3D(categories))))) == 2


def test_a_preview_looks_like_its_picture() -> None:
    """Of 16 bits, with transparent pixels on white, and turned as its EXIF data says."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)  # nothing that compresses well
    clear = np.dstack([noise, np.where(np.arange(400) < 200, 255, 0).astype(np.uint8) * np.ones((300, 1), np.uint8)])
    turned = PIL.Image.Exif()
    turned[0x0112] = 6  # orientation: a quarter to the right
    for pixels, format, options in (
        (noise[..., 0].astype(np.uint16) * 257, "PNG", {}),
        (clear, "PNG", {}),
        (noise, "JPEG", {"exif": turned, "quality": 99}),
    ):
        buffer = io.BytesIO()
        PIL.Image.fromarray(pixels).save(buffer, format, **options)
        small = _preview(buffer.getvalue(), 120)
        assert small
        preview = np.asarray(PIL.Image.open(io.BytesIO(small)), np.float64)
        assert preview.shape == ((120, 90, 3) if options else (90, 120, 3))
        if pixels is clear:
            assert preview[:, 70:].min() > 250
            preview = preview[:, :50]
        assert abs(preview.mean() - noise.mean()) < 6

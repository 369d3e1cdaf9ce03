"""Values without a script: molecules as atoms and bonds, charts as pictures, and what is not drawn."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
import PIL.Image
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes._core.palette import class_color, class_hex
from mediatypes.viewer import drawings
from mediatypes.viewer.still import run_html, value_html

WATER = "3\nwater\nO 0 0 0.12\nH 0 0.76 -0.48\nH 0 -0.76 -0.48\n"
MOL2 = """@<TRIPOS>MOLECULE
water
3 2
SMALL
NO_CHARGES
@<TRIPOS>ATOM
1 O1 0 0 0 O.3
2 H1 0.9 0 0 H
3 H2 -0.2 0.9 0 H
@<TRIPOS>BOND
1 1 2 1
2 1 3 1
"""
GRO = """water
    3
    1WATER  OW1    1   0.126   1.624   1.679
    1WATER  HW2    2   0.190   1.661   1.747
    1WATER  HW3    3   0.177   1.568   1.613
   1.8 1.8 1.8
"""
PQR = """ATOM      1 O WAT 1 0.0 0.0 0.12 -0.8 1.5
ATOM      2 H1 WAT 1 0.0 0.76 -0.48 0.4 1.2
ATOM      3 H2 WAT 1 0.0 -0.76 -0.48 0.4 1.2
"""


def counts(shown: str) -> tuple[int, int]:
    """Atoms and bonds that are drawn."""
    return shown.count("<circle"), shown.count("<line")


@pytest.mark.parametrize(("text", "format"), [(WATER, "xyz"), (MOL2, "mol2"), (GRO, "gro"), (PQR, "pqr")])
def test_water_is_an_oxygen_with_two_hydrogens(text: str, format: str) -> None:
    shown = value_html(mt.Molecule(text, file_type=format))
    assert counts(shown) == (3, 2)
    assert sorted(re.findall(r'<circle[^>]* fill="(#\w+)"', shown)) == ["#c8ccd2", "#c8ccd2", "#d9362b"]
    radii = [float(r) for r in re.findall(r' r="([\d.]+)"', shown)]
    assert max(radii) == radii[int(np.argmax(["#d9362b" in part for part in shown.split("<circle")[1:]]))]


@pytest.mark.parametrize(
    "smiles", ["CC(=O)OC1=CC=CC=C1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "OS(=O)(=O)CCl", "C1CC1Br"]
)
def test_bonds_are_those_that_rdkit_knows(smiles: str) -> None:
    chem: Any = pytest.importorskip("rdkit.Chem")
    all_chem: Any = pytest.importorskip("rdkit.Chem.AllChem")
    molecule = chem.AddHs(chem.MolFromSmiles(smiles))
    all_chem.EmbedMolecule(molecule, randomSeed=1)
    all_chem.MMFFOptimizeMolecule(molecule)
    written = {
        "mol": chem.MolToMolBlock(molecule),
        "pdb": chem.MolToPDBBlock(molecule),
        "xyz": chem.MolToXYZBlock(molecule),
    }
    for format, text in written.items():
        shown = value_html(mt.Molecule(text, file_type=format))
        assert counts(shown) == (molecule.GetNumAtoms(), molecule.GetNumBonds()), format


def test_a_molecule_is_drawn_in_its_frame_whatever_its_size() -> None:
    for scale in (1e-3, 1.0, 1e4):
        atoms = "".join(f"C {scale * i} {scale * (i % 3)} 0.0\n" for i in range(20))
        shown = value_html(mt.Molecule(f"20\nx\n{atoms}", file_type="xyz"))
        wide, high = map(float, re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', shown)[0])
        places = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', shown)
        assert len(places) == 20
        assert all(float(x) <= wide and float(y) <= high for x, y in places)


@pytest.mark.parametrize("text", [
    "401\nx\n" + "C 0.0 0.0 0.0\n" * 401,
    "2\nx\nC 0.0 0.0 0.0\nC 1e300 0.0 0.0\n",
])  # fmt: skip
def test_what_is_not_drawn_is_told(text: str) -> None:
    shown = value_html(mt.Molecule(text, file_type="xyz"))
    assert counts(shown) == (0, 0)
    assert "atoms" in shown


@pytest.mark.parametrize("text", ["", "9\n", "x\ny\nz\n", "1\nx\nC nan nan nan\n"])
def test_a_file_that_is_no_molecule_is_told_too(text: str) -> None:
    class Broken(mt.Molecule):
        def read_text(self) -> str:
            return text

    shown = value_html(Broken(WATER, file_type="xyz"))
    assert counts(shown) == (0, 0)
    assert "3 atoms" in shown


def test_charts_of_presets_are_pictures() -> None:
    pytest.importorskip("vl_convert")
    table = mt.Table(columns=["step", "loss"], data=[[i, 1 / (i + 1)] for i in range(9)])
    shown = value_html(mt.plot.line(table, "step", "loss", title="<b>&"))
    (picture,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', shown)
    drawn = base64.b64decode(picture).decode()
    assert drawn.startswith("<svg")
    assert "&lt;b&gt;&amp;" in drawn


def test_a_spec_of_somebody_else_is_not_run() -> None:
    store = mt.MemoryStore()
    table = mt.Table(columns=["step", "loss"], data=[[1, 0.5], [2, 0.25]])
    document = mt.encode(mt.plot.line(table, "step", "loss"), store)
    document["spec"]["transform"] = [{"calculate": "1", "as": "x"}]
    shown = value_html(mt.decode(document, store))
    assert "svg" not in shown
    assert re.findall("<td>([^<]+)</td>", shown) == ["1", "0.5", "2", "0.25"]


def test_a_long_table_is_not_plotted_without_a_script() -> None:
    table = mt.Table.from_arrow(_long())
    shown = value_html(mt.plot.line(table, "step", "loss"))
    assert "svg" not in shown
    assert "3000 rows" in shown


def _long() -> Any:
    import pyarrow as pa

    return pa.table({"step": np.arange(3000), "loss": np.ones(3000)})


def pixels_of(shown: str) -> Any:
    """(H, W, 4) of the first picture."""
    data = re.search(r"data:image/png;base64,([^\"]+)", shown)
    assert data
    return np.array(PIL.Image.open(io.BytesIO(base64.b64decode(data[1]))).convert("RGBA"))


def mesh_of(shape: Any, format: str) -> mt.Object3D:
    written = shape.export(file_type=format)
    return mt.Object3D(written.encode() if isinstance(written, str) else written, file_type=format)


@pytest.mark.parametrize("format", ["glb", "stl", "ply", "obj"])
def test_a_mesh_is_drawn_as_it_is_seen(format: str) -> None:
    """A ball is a disc from everywhere; a cube shows three faces, each of one colour, and the whole of each."""
    trimesh = pytest.importorskip("trimesh")
    ball = pixels_of(value_html(mesh_of(trimesh.creation.icosphere(4), format)))
    height, width = ball.shape[:2]
    radius = np.hypot(*(np.indices((height, width)) - (height - 1) / 2)) / (width / 2)
    assert (ball[radius < 0.93, 3] == 255).all()
    assert (ball[radius > 0.97, 3] == 0).all()
    cube = pixels_of(value_html(mesh_of(trimesh.creation.box((1, 1, 1)), format)))
    _, counts = np.unique(cube[cube[..., 3] == 255], axis=0, return_counts=True)
    largest = counts[np.argsort(counts)[-3:]]
    assert largest.sum() > 0.95 * (cube[..., 3] == 255).sum()
    right, above = np.radians([35, 25])  # whence it is seen: each face is as large as it is turned to that side
    expected = np.sort([np.cos(right) * np.cos(above), np.sin(right) * np.cos(above), np.sin(above)])
    assert np.allclose(largest / largest.sum(), expected / expected.sum(), atol=0.02)


def test_up_is_as_the_format_has_it() -> None:
    trimesh = pytest.importorskip("trimesh")
    tower = trimesh.creation.box((1, 1, 4))  # along z
    for format, is_upright in (("ply", True), ("glb", False)):
        rows, columns = np.nonzero(pixels_of(value_html(mesh_of(tower, format)))[..., 3])
        assert (np.ptp(rows) > 1.5 * np.ptp(columns)) == is_upright


def test_a_mesh_that_nothing_reads_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = b'{"meshes": [{"name": "a"}]}'
    shown = value_html(mt.Object3D(scene, file_type="babylon"))
    assert "<img" not in shown
    assert "Object3D(babylon mesh" in shown


def test_boxes_are_drawn_and_listed() -> None:
    edges = [[10, 20, 50, 60], [20, 20, 300, 200]]
    boxes = mt.BoundingBoxes2D.from_xyxy(
        edges, domain="pixel", class_ids=[1, None], class_labels={1: "<b>"}, scores={"sure": [0.5, 0.25]}
    )
    shown = value_html(boxes)
    assert re.findall(r"<text [^>]*>([^<]*)<", shown) == ["&lt;b&gt; 0.50", "0.25"]
    assert re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', shown) == [
        ("10.0", "20.0", "40.0", "40.0"), ("20.0", "20.0", "280.0", "180.0")
    ]  # fmt: skip
    assert 'viewBox="0 0 300.0 200.0"' in shown
    assert re.findall(r"<td>([^<]*)</td>", shown)[:7] == ["&lt;b&gt;", "10", "20", "50", "60", "", "0.5"]
    fractions = value_html(mt.BoundingBoxes2D.from_xyxy([[0.25, 0.5, 0.75, 1]], domain="percentage"))
    assert '<rect x="80.0" y="160.0" width="160.0" height="160.0"' in fractions
    assert "0 boxes" in value_html(mt.BoundingBoxes2D.from_xyxy(np.zeros((0, 4)), domain="pixel"))
    far = mt.BoundingBoxes2D.from_xyxy([[0.5, 0.5, 1e308, 1e308]], domain="percentage")
    assert 'width="999999840.0"' in value_html(far)


def test_classes_are_listed_in_their_colours() -> None:
    shown = value_html(mt.Classes({1: "cat", 12: "<dog>"}))
    assert re.findall(r"background:(#\w+).*?> (\d+)</td><td>([^<]+)", shown) == [
        (class_hex(1), "1", "cat"), (class_hex(12), "12", "&lt;dog&gt;")
    ]  # fmt: skip


@pytest.mark.parametrize("away", [0, 500_000, -500_000])
def test_points_are_drawn_in_their_frame_wherever_they_are(away: float) -> None:
    """As points of a map are, whose coordinates are large."""
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) + away
    drawn = value_html(mt.Object3D(corners))
    places = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([^"]+)" cy="([^"]+)"', drawn)]
    assert len(set(places)) == 8
    sides = [float(side) for side in re.findall(r'viewBox="0 0 (\S+) (\S+)"', drawn)[0]]
    for axis, side in enumerate(sides):
        assert 0 <= min(place[axis] for place in places) <= max(place[axis] for place in places) <= side


def test_a_sound_says_what_it_is_once() -> None:
    shown = value_html(mt.Audio(np.zeros(800), sample_rate=8000, caption="quiet"))
    assert "<p>0.10 s, 8000 Hz, 1 ch, wav</p>" in shown
    assert shown.count("quiet") == 1


HUGE = 1.7e308  # whose double is no float


def path_of(drawn: str) -> list[tuple[float, float]]:
    """The corners of the path of a curve."""
    return [tuple(map(float, place.split())) for place in re.findall(r'd="M([^"]+)"', drawn)[0].split("L")]  # type: ignore[misc]


def test_numbers_as_far_apart_as_floats_get_are_drawn_in_their_place() -> None:
    line = path_of(drawings.curve(np.array([-HUGE, 0.0, HUGE]), np.array([-HUGE, HUGE, 0.0])))
    assert [x for x, _ in line[::2]] == [0, 179, 359]
    assert line[0][1] > line[4][1] > line[2][1]
    bars = value_html(mt.Histogram(np_histogram=(np.array([1, 2]), np.array([-HUGE, 0, HUGE]))))
    assert re.findall(r'<rect x="([\d.]+)"[^>]*width="([\d.]+)"', bars) == [("0.00", "179.60"), ("180.00", "179.60")]
    assert pixels_of(value_html(mt.Tensor(np.array([-HUGE, 0, HUGE]))))[0, :, 0].tolist() == [0, 128, 255]
    points = value_html(mt.Object3D(np.array([[-HUGE, 0, 0], [HUGE, 0, 0]])))
    assert re.findall(r'cx="([\d.]+)"', points) == ["0.0", "360.0"]


def test_a_curve_of_one_value_is_a_dot_in_the_middle() -> None:
    drawn = drawings.curve(np.array([7.0]), np.array([3.0]))
    assert path_of(drawn) == [(179, 90), (179, 90)]
    assert 'stroke-linecap="round"' in drawn


def test_a_histogram_of_nothing_says_so() -> None:
    assert "at most 0 in a bin" in value_html(mt.Histogram(np_histogram=(np.zeros(2, int), np.arange(3.0))))


@pytest.mark.parametrize(("numbers", "colors", "told"), [
    ([[3.0, 3.0]], [(128, 128, 128)] * 2, "all 3"),
    ([[False, True]], [(0, 0, 0), (255, 255, 255)], "0 to 1"),
    ([[0, float("nan"), 4, float("inf")]], [(0, 0, 0), (200, 30, 30), (255, 255, 255), (200, 30, 30)], "0 to 4"),
    ([[3 + 4j, 0]], [(255, 255, 255), (0, 0, 0)], "0 to 5, absolute values"),
    ([[float("nan")]], [(200, 30, 30)], "no finite numbers"),
    (np.zeros((0, 2)), [(200, 30, 30)], "no finite numbers"),
])  # fmt: skip
def test_a_plane_says_what_its_numbers_range_over(numbers: Any, colors: list[Any], told: str) -> None:
    shown = value_html(mt.Tensor(np.array(numbers)))
    assert [tuple(pixel) for pixel in pixels_of(shown)[0, :, :3].tolist()] == colors
    assert f"<p>{told}</p>" in shown


def test_a_mask_has_the_colours_of_its_classes_and_a_clear_background() -> None:
    ids = np.array([[0, 255, 1, 300]], np.uint16)
    for labels, clear in (({}, (0, 255)), ({0: "sky", 1: "Void "}, (1, 255))):
        drawn = pixels_of(value_html(mt.ImageMask(ids, labels)))[0].tolist()
        for id, (*color, opacity) in zip(ids[0].tolist(), drawn, strict=True):
            assert (opacity == 0) == (id in clear)
            assert tuple(color) == class_color(id) or not opacity


def test_a_long_caption_is_folded() -> None:
    for caption in ("word " * 100, "line\n" * 9):
        shown = value_html(mt.Html("<p>x", caption=caption))
        start = re.findall(r"<figcaption[^>]*><details><summary>(.*?)…</summary>", shown, re.DOTALL)
        assert [caption.startswith(one) and 0 < len(one) < len(caption) for one in start] == [True]
        assert f"{caption}</details>" in shown
    assert "<details>" not in value_html(mt.Html("<p>x", caption="short"))


def test_labels_end_at_the_edge_of_the_picture() -> None:
    edges = [[90, 0, 99, 9], [-20, 40, 10, 60]]
    boxes = mt.BoundingBoxes2D.from_xyxy(
        edges, domain="pixel", class_ids=[1, 2], class_labels={1: "a long name", 2: "b"}
    )
    shown = value_html(mt.Image(np.zeros((100, 100), np.uint8), boxes={"pred": boxes}))
    (right, _), (left, _) = re.findall(r'<text x="([-\d.]+)"( text-anchor="end")?', shown)
    assert float(right) < 100
    assert re.findall(r'<text x="[-\d.]+"( text-anchor="end")?', shown) == [' text-anchor="end"', ""]
    assert 0 <= float(left) < 10


def test_the_last_value_is_shown_though_an_earlier_file_is_gone(tmp_path: Any) -> None:
    with mt.Run(tmp_path / "run", quiet=True, capture=False) as run:
        for shade in (10, 200):
            run.log({"photo": mt.Image(np.full((4, 4, 3), shade, np.uint8))})
    view = mt.open_run(tmp_path / "run")
    first, last = pq.read_table(tmp_path / "run" / "media.parquet").column("path").to_pylist()
    (tmp_path / "run" / first).unlink()
    assert pixels_of(run_html(view))[0, 0, 0] == 200
    (tmp_path / "run" / last).unlink()
    assert last in run_html(view)


def test_messages_in_a_table_are_lines_of_who_said_what() -> None:
    chat = [{"role": "user", "content": "<b>"}, {"role": "assistant", "content": "Hi"}]
    shown = value_html(mt.Table(columns=["chat", "other"], data=[[chat, [{"a": 1}]]]))
    assert "<td>user: &lt;b&gt;\nassistant: Hi</td>" in shown
    assert "<td>[{&#x27;a&#x27;: 1}]</td>" in shown


@pytest.mark.parametrize(
    ("size", "overlays", "width", "is_enlarged"),
    [
        ((28, 28), False, 84, True),
        ((120, 160), True, 320, True),
        ((400, 300), True, 300, False),
        ((9, 900), False, 640, False),
    ],
)
def test_a_small_picture_is_drawn_large_enough_to_be_seen(
    size: tuple[int, int], overlays: bool, width: int, is_enlarged: bool
) -> None:
    masks = {"one": mt.ImageMask(np.ones(size, np.uint8))} if overlays else None
    drawn = value_html(mt.Image(np.zeros(size, np.uint8), masks=masks))
    assert f"width:{width}px" in drawn
    assert ("image-rendering:pixelated" in drawn) == is_enlarged


def test_frames_of_a_second_set_are_dashed_as_draw_does() -> None:
    boxes = mt.BoundingBoxes2D.from_xyxy([[1, 1, 9, 9]], domain="pixel", class_ids=[1])
    shown = value_html(mt.Image(np.zeros((320, 320), np.uint8), boxes={"truth": boxes, "pred": boxes, "more": boxes}))
    assert re.findall(r'<g stroke-width="1.0"([^>]*)>', shown) == [
        "",
        *(f' stroke-dasharray="{n}"' for n in ("5.0", "2.0")),
    ]


def test_a_wide_table_scrolls_by_itself(browser: Any) -> None:
    table = mt.Table(columns=[f"column {i}" for i in range(20)], data=[["word" * 9] * 20])
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.set_content(value_html(table))
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.evaluate("document.querySelector('table').getBoundingClientRect().width") > 1000
    page.close()

"""`mediatypes demo`: a real training on photographs, and what its run holds."""

from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skimage.data
import trimesh

import mediatypes as mt
from mediatypes._core.registry import builtin_types
from mediatypes.cli import main
from mediatypes.demo import train

STEPS = 41
LAST = STEPS - 1


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> mt.RunView:
    return mt.open_run(train(tmp_path_factory.mktemp("demo"), steps=STEPS))


def test_every_step_has_its_scalars(view: mt.RunView) -> None:
    history = view.to_pandas()
    assert history["_step"].tolist() == list(range(STEPS))
    measures = ["loss", "val_loss", "accuracy", "iou", "gradient_norm"]
    scalars = history[["lr", *(f"{photo}.{name}" for photo in ("coins", "tissue") for name in measures)]]
    assert np.isfinite(scalars.to_numpy()).all()


@pytest.mark.parametrize(("photo", "iou"), [("coins", 0.95), ("tissue", 0.85)])
def test_the_classifiers_learn(photo: str, iou: float, view: mt.RunView) -> None:
    history = view.to_pandas([f"{photo}.loss", f"{photo}.iou"])
    loss = history[f"{photo}.loss"]
    assert loss.iloc[0] == pytest.approx(np.log(2))
    assert (loss.diff().dropna() < 0).all()
    assert history[f"{photo}.iou"].iloc[-1] > iou


@pytest.mark.parametrize(("photo", "count"), [("coins", 24), ("tissue", 3)])
def test_photographs_carry_masks_boxes_and_captions(photo: str, count: int, view: mt.RunView) -> None:
    images = dict(view.values(f"{photo}.photo"))
    assert list(images) == [0, 20, 40]
    last = images[40]
    original = {"coins": skimage.data.coins, "tissue": skimage.data.immunohistochemistry}[photo]()
    np.testing.assert_array_equal(last.to_numpy(), original)
    assert set(last.masks) == set(last.boxes) == {"prediction", "reference"}
    assert last.masks["prediction"].class_labels[0] == "background"
    assert len(last.boxes["reference"]) == count
    assert f"{len(last.boxes['prediction'])} objects found, {count} in the reference, IoU 0." in last.caption
    assert len(images[0].boxes["prediction"]) == 0


def test_histograms_count_every_pixel(view: mt.RunView) -> None:
    histograms = dict(view.values("coins.probability"))
    assert len(histograms) == STEPS
    assert {int(h.values.sum()) for h in histograms.values()} == {skimage.data.coins().size}


def test_the_weights_are_an_artifact_with_two_versions(view: mt.RunView) -> None:
    half, trained = mt.artifacts(Path(str(view.path)).parent).versions("classifiers")
    assert (half.aliases, trained.aliases) == ((), ("trained", "latest"))
    assert [(made.version, made.role) for made in view.artifacts()] == [("v0", "made"), ("v1", "made")]
    weights = dict(view.values("coins.weights"))
    assert half.get("coins").to_numpy().tolist() == pytest.approx(weights[STEPS // 2])
    assert np.isfinite(trained.get("tissue").to_numpy()).all()


def only_value(view: mt.RunView, key: str, step: int) -> Any:
    """The value of a key that is logged once."""
    ((logged_at, value),) = view.values(key)
    assert logged_at == step
    return value


@pytest.mark.parametrize(("photo", "size"), [("coins", (384, 303)), ("tissue", (512, 512))])
def test_films_end_with_the_objects_bluer_than_their_surroundings(
    photo: str, size: tuple[int, int], view: mt.RunView
) -> None:
    film = only_value(view, f"{photo}.film", LAST)
    assert (film.width, film.height, film.format, film.codec) == (*size, "mp4", "h264")
    assert (film.frames, film.fps) == (11, 10)  # steps 0, 4 ... 40
    frames = film.to_numpy().astype(float)
    reference = dict(view.values(f"{photo}.photo"))[LAST].masks["reference"].to_numpy() == 1
    blue = frames[:, 2] - frames[:, 0]  # more than red
    tinted = (blue - blue[0])[-1]  # at first everything is equally likely
    assert tinted[reference].mean() > 20
    assert tinted[~reference].mean() < -20


def test_reliefs_stand_as_high_as_the_probability(view: mt.RunView) -> None:
    relief = only_value(view, "coins.relief", LAST)
    probability = only_value(view, "coins.probability_map", LAST).to_numpy()[::3, ::3]
    mesh: Any = trimesh.load(io.BytesIO(relief.to_bytes()), file_type="glb", force="mesh")
    assert relief.vertices == probability.size
    assert relief.faces == 2 * (probability.shape[0] - 1) * (probability.shape[1] - 1)
    np.testing.assert_allclose(mesh.vertices[:, 2], 30 * probability.ravel(), rtol=1e-6)
    np.testing.assert_array_equal(mesh.visual.vertex_colors[:, 0], skimage.data.coins()[::3, ::3].ravel())
    assert (mesh.face_normals[:, 2] > 0).all()


@pytest.mark.parametrize(("photo", "shape"), [("coins", (303, 384)), ("tissue", (512, 512))])
def test_probability_maps_are_those_of_the_histogram(photo: str, shape: tuple[int, int], view: mt.RunView) -> None:
    probability = only_value(view, f"{photo}.probability_map", LAST)
    assert (probability.dtype, probability.shape) == ("float32", shape)
    counts = dict(view.values(f"{photo}.probability"))[LAST].values
    np.testing.assert_array_equal(np.histogram(probability.to_numpy(), np.linspace(0, 1, 51))[0], counts)


def test_the_figure_and_the_history_have_the_same_losses(view: mt.RunView) -> None:
    traces = only_value(view, "curves", LAST).to_dict()["data"]
    names = [f"{photo}.{loss}" for photo in ("coins", "tissue") for loss in ("loss", "val_loss")]
    assert [trace["name"] for trace in traces] == names
    history = view.to_pandas(names)
    for trace in traces:
        values = np.frombuffer(base64.b64decode(trace["y"]["bdata"]), trace["y"]["dtype"])
        np.testing.assert_array_equal(values, history[trace["name"]])


def test_the_sound_falls_with_the_loss(view: mt.RunView) -> None:
    sound = only_value(view, "sound", LAST)
    assert (sound.duration, sound.sample_rate, sound.channels) == (4.0, 16_000, 2)
    samples = sound.to_numpy().astype(float)
    history = view.to_pandas(["coins.loss", "tissue.loss"])
    for channel, losses in enumerate((history["coins.loss"], history["tissue.loss"])):
        end = samples[-4000:, channel]  # a quarter of a second, in steps of 4 Hz
        loudest = 4 * np.argmax(np.abs(np.fft.rfft(end)))
        assert loudest == pytest.approx(880 * losses.iloc[-1] / np.log(2), abs=8)


def test_the_report_has_the_last_measures(view: mt.RunView) -> None:
    page = only_value(view, "report", LAST).text
    history = view.to_pandas()
    assert f"after {STEPS} steps" in page
    for measure in ("loss", "val_loss", "accuracy", "iou"):
        cells = "".join(f"<td>{history[f'{photo}.{measure}'].iloc[-1]:.4f}</td>" for photo in ("coins", "tissue"))
        assert f"<tr><th>{measure}</th>{cells}</tr>" in page


def test_the_motorcycle_stands_in_its_box(view: mt.RunView) -> None:
    scene = only_value(view, "samples.motorcycle", 0)
    points = scene.to_numpy()
    assert points.shape == (scene.points, 6)
    assert scene.points == 85_868
    (box,) = scene.boxes
    origin, axes = box.corners[0], box.corners[[4, 2, 1]] - box.corners[0]  # corners are in the order of counting
    np.testing.assert_allclose(axes @ axes.T, np.diag(np.square(box.size)), atol=1e-9)
    along = (points[:, :3] - origin) @ axes.T / (axes**2).sum(axis=1)
    inside = ((along > 0) & (along < 1)).all(axis=1)
    red, green, blue = points[:, 3:].T
    near_red = (red > 1.8 * green) & (red > 1.8 * blue) & (red > 90) & (points[:, 1] < 2.8)
    assert near_red.sum() > 1000  # the tank, the fenders and the tail
    assert inside[near_red].mean() > 0.98
    floor = points[(points[:, 1] < 2.1) & ~inside]
    assert np.abs(floor[:, 2]).max() < 0.03


def test_caffeine_has_its_formula(view: mt.RunView) -> None:
    caffeine = only_value(view, "samples.caffeine", 0)
    assert (caffeine.formula, caffeine.atoms, caffeine.caption) == ("C8H10N4O2", 24, "caffeine")


def test_every_type_of_media_is_logged_with_a_caption(view: mt.RunView) -> None:
    media = pd.read_parquet(view.path / "media.parquet")
    assert set(media["type"]) == set(builtin_types())
    speaks_for_itself = media["type"].isin(["histogram", "plot", "table"])
    assert media.loc[~speaks_for_itself, "caption"].str.len().gt(0).all()


def test_the_predictions_of_digits_are_listed_the_most_wrong_first(view: mt.RunView) -> None:
    table = only_value(view, "digits.predictions", 0)
    assert (table.columns, table.num_rows) == (["picture", "truth", "guess", "confidence"], 100)
    assert isinstance(table.get_column("picture")[0], mt.Image)
    wrong = [truth != guess for truth, guess in zip(table.get_column("truth"), table.get_column("guess"), strict=True)]
    assert wrong[0]
    assert 20 < sum(wrong) < 80


def test_every_preset_is_drawn_from_the_predictions(view: mt.RunView) -> None:
    presets = ["bar", "confusion_matrix", "histogram", "line", "line_series", "pr_curve", "roc_curve", "scatter"]
    for preset in presets:
        assert only_value(view, f"digits.plots.{preset}", 0).table.num_rows > 0
    counts = only_value(view, "digits.plots.confusion_matrix", 0).table.get_column("nPredictions")
    assert sum(counts) == 899


def test_the_run_is_valid(view: mt.RunView, capsys: pytest.CaptureFixture[str]) -> None:
    assert view.status == "finished"
    assert view.problems == []
    assert main(["validate", str(view.path)]) == 0


def test_each_run_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    assert [train(tmp_path, steps=1).name for _ in range(3)] == ["run-001", "run-002", "run-003"]


def test_the_command_prints_lines_that_work_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "-o", "some runs"]) == 0
    out = capsys.readouterr().out
    assert f"The run is in {Path('some runs', 'run-001')}." in out
    assert f"    mediatypes show '{Path('some runs', 'run-001')}'\n" in out
    assert out.endswith(f"    mediatypes view '{Path('some runs', 'run-001')}'\n")
    code = re.findall(r"^    (\S.*)$", out, re.MULTILINE)[:6]
    done = subprocess.run([sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, check=True)
    assert "coins.iou" in done.stdout
    assert re.search(r"^image +22 +2 +\d+$", done.stdout, re.MULTILINE)
    assert set(done.stdout.splitlines()) <= set(out.splitlines())
    assert len(pd.read_parquet(tmp_path / "some runs" / "run-001" / "history.parquet")) == 200


@pytest.mark.parametrize("package", ["av", "gemmi", "pandas", "rdkit", "skimage", "sklearn", "tqdm", "trimesh"])
def test_a_missing_package_is_named_with_its_command(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["demo", "-o", str(tmp_path)]) == 2
    message = f"mediatypes: mediatypes demo: expected the package '{package}', got none. Install it with: pip install"
    assert capsys.readouterr().err == f"{message} 'mediatypes-ml[demo]'\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="modes of directories are POSIX")
def test_a_folder_that_cannot_be_written_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    assert main(["demo", "-o", str(blocked)]) == 2
    assert "expected to make the run's directory, got 'Not a directory'." in capsys.readouterr().err

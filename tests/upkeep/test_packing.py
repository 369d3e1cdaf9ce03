"""Packed runs: the same values and bytes as before, whatever happens while they are moved; and what gc removes."""

from __future__ import annotations

import errno
import hashlib
import json
import mmap
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_digits

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.upkeep.packing import Moved
from mediatypes.upkeep.verify import check
from tests.processes import left_by_a_killed_process
from tests.samples import photograph

STEPS = 6


def log_everything(run: mt.Run, first: int = 0) -> None:
    """Photographs with masks and boxes, sound, digits, tables of images, charts: every place a sidecar can be in."""
    bunch: Any = load_digits()
    astronaut, coffee, digits = photograph("astronaut"), photograph("coffee"), bunch.images
    boxes = mt.BoundingBoxes2D.from_xyxy([[10, 20, 60, 80]], domain="pixel", scores=[0.9])
    for i in range(first, first + STEPS):
        part = astronaut[i : i + 90, :120]
        mask = mt.ImageMask(part[..., 0] > 128, class_labels={1: "bright"})
        run.log(
            {
                "loss": 1 / (i + 1),
                "photo": mt.Image(part, caption=f"crop {i}", masks={"bright": mask}, boxes={"pred": boxes}),
                "digits": [mt.Image(digits[i] / 16), mt.Image(digits[i + 20] / 16)],
                "tone": mt.Audio(np.sin(np.arange(800) / (i + 5)).astype("f4"), sample_rate=8000),
                "weights": mt.Tensor(np.arange(40, dtype="f4") * i),
                "table": mt.Table(["digit", "what"], [[mt.Image(digits[i + 50] / 16), "x"]]),
                "page": mt.Html(f"<p>{i}</p>"),
                "histogram": mt.Histogram(part),
            }
        )
    run.summary["best"] = mt.Image(coffee[first : first + 50, :70])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with mt.Run(tmp_path_factory.mktemp("packing") / "run") as run:
        log_everything(run)
    return run.path


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A finished run."""
    return Path(shutil.copytree(original, tmp_path / "run"))


def tree(root: Path) -> dict[str, str]:
    """The hash of every file."""
    found = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def decoded(root: Path) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    """All media, as what they are when they are encoded again."""
    view, store = mt.open_run(root), mt.MemoryStore()
    found: dict[str, list[tuple[int, Any]]] = {}
    for key in view.keys():  # noqa: SIM118
        for step, value in view.values(key):
            items = value if isinstance(value, list) else [value]
            media = [mt.encode(item, store) if hasattr(item, "__media__") else item for item in items]
            found.setdefault(key, []).append((step, media))
    best = view.summary.get("best")
    if best:
        found["summary"] = [(0, mt.encode(mt.decode(best, view.store), store))]
    return found


def sidecars(root: Path) -> list[str]:
    return [name for name in tree(root) if name.startswith("media/")]


def test_a_packed_run_gives_the_same_values_and_unpacked_the_same_bytes(folder: Path) -> None:
    before, media, names = tree(folder), decoded(folder), sidecars(folder)
    size = sum((folder / name).stat().st_size for name in names)
    moved = mt.pack(folder)
    assert moved == Moved(len(names), size)
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.txt",
        "history.parquet",
        "media.parquet",
        "run.json",
        "sidecars.parquet",
        "summary.json",
    ]
    assert decoded(folder) == media
    assert mt.unpack(folder) == moved
    assert tree(folder) == before


def test_a_view_that_is_open_goes_on_while_the_run_is_packed_and_unpacked(folder: Path) -> None:
    view = mt.open_run(folder)
    photos = dict(view.values("photo"))
    for change in (mt.pack, mt.unpack, mt.pack):
        change(folder)
        assert dict(view.values("photo")) == photos


def test_packing_twice_changes_nothing(folder: Path) -> None:
    mt.pack(folder)
    before = tree(folder)
    assert mt.pack(folder) == Moved(0, 0)
    assert tree(folder) == before


def test_a_run_without_media_stays_as_it_is(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", packed=True) as run:
        run.log({"loss": 1})
    before = tree(run.path)
    assert mt.pack(run.path) == mt.unpack(run.path) == mt.gc(run.path) == Moved(0, 0)
    assert tree(run.path) == before


def test_a_file_that_no_document_names_is_packed_too(folder: Path) -> None:
    (folder / "media" / "notes.txt").write_text("mine")
    before = tree(folder)
    mt.pack(folder)
    assert not sidecars(folder)
    mt.unpack(folder)
    assert tree(folder) == before


def test_run_packs_when_it_is_over_and_again_when_it_was_resumed(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with mt.Run(path, packed=True) as run:
        log_everything(run)
        assert sidecars(path)  # while it is written each is a file
        assert list(mt.open_run(path).values("photo"))
    assert not sidecars(path)
    first = decoded(path)
    with mt.Run(path, mode="resume") as run:
        run.log({"photo": mt.Image(photograph("coffee")[:20, :30])})
        view = mt.open_run(path)  # some sidecars packed, one a file
        assert [image.width for _, image in view.values("photo")] == [120] * STEPS + [30]
    assert not sidecars(path)
    assert decoded(path)["photo"][:STEPS] == first["photo"]
    assert len(decoded(path)["photo"]) == STEPS + 1


def test_equal_content_that_is_logged_again_is_stored_once(tmp_path: Path) -> None:
    photo = mt.Image(photograph("coffee")[:20, :30])
    for mode in ("create", "resume"):
        with mt.Run(tmp_path / "run", mode=mode, packed=True) as run:  # type: ignore[arg-type]
            run.log({"photo": photo})
    assert pq.read_metadata(run.path / "sidecars.parquet").num_rows == 1
    assert not sidecars(run.path)


def test_a_run_that_cannot_be_packed_is_finished_all_the_same(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run", packed=True)
    run.log({"photo": mt.Image(photograph("coffee")[:20, :30])})
    (run.path / "sidecars.parquet").mkdir()
    with pytest.raises(mt.StoreError, match=r"sidecars\.parquet"):
        run.finish()
    view = mt.open_run(run.path)
    assert view.status == "finished"
    assert len(sidecars(run.path)) == 1
    (run.path / "sidecars.parquet").rmdir()
    assert mt.pack(run.path).files == 1
    assert len(list(view.values("photo"))) == 1


def test_a_large_sidecar_stays_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"small": mt.Tensor(np.zeros(10)), "large": mt.Tensor(np.zeros(5000))})
    monkeypatch.setattr("mediatypes.store._packed_file.LARGEST", 10_000)
    moved = mt.pack(run.path)
    assert (moved.files, moved.kept) == (1, 1)
    view = mt.open_run(run.path)
    assert [next(iter(view.values(key)))[1].to_numpy().size for key in ("small", "large")] == [10, 5000]


def test_images_come_in_the_order_in_which_they_were_logged(folder: Path) -> None:
    mt.pack(folder)
    named = [document["path"] for document in media_rows(folder, "photo")]
    packed = pq.read_table(folder / "sidecars.parquet", columns=["path"])["path"].to_pylist()
    places = [packed.index(path) for path in named]
    assert places == sorted(places)


def media_rows(root: Path, key: str) -> list[dict[str, Any]]:
    rows = pq.read_table(root / "media.parquet").to_pylist()
    return [json.loads(row["_doc"]) for row in rows if row["key"] == key]


def test_the_columns_are_those_of_the_format_text(folder: Path) -> None:
    mt.pack(folder)
    table = pq.read_table(folder / "sidecars.parquet")
    cell = pa.struct([("bytes", pa.binary()), ("path", pa.utf8())])
    assert table.schema.names == ["path", "sha256", "size", "media_type", "image", "audio", "video", "other"]
    assert [table.schema.field(name).type for name in ("image", "audio", "video", "other")] == [cell] * 4
    assert json.loads(table.schema.metadata[b"mediatypes"]) == {"format": "1.0"}
    for row in table.to_pylist():
        (own,) = [name for name in ("image", "audio", "video", "other") if row[name] is not None]
        medium = row["media_type"].partition("/")[0]
        assert own == (medium if medium in ("image", "audio", "video") else "other")
        content = row[own]["bytes"]
        assert (row["sha256"], row["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
        assert row["path"] == f"media/{row['sha256'][:2]}/{row[own]['path']}"


def test_datasets_shows_the_images(folder: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    photos = [photo for _, photo in mt.open_run(folder).values("photo")]
    names = [document["path"] for document in media_rows(folder, "photo")]
    mt.pack(folder)
    loaded = datasets.load_dataset(
        "parquet", data_files=str(folder / "sidecars.parquet"), split="train", cache_dir=str(folder.parent / "cache")
    )
    rows = {row["path"]: row for row in loaded}
    for name, photo in zip(names, photos, strict=True):
        assert np.array_equal(np.asarray(rows[name]["image"]), photo.to_numpy())
    sounds = [row["audio"] for row in rows.values() if row["audio"]]
    assert len(sounds) == STEPS
    assert all(sound["bytes"][:4] == b"RIFF" for sound in sounds)


def test_one_image_is_read_without_the_rest(tmp_path: Path) -> None:
    """A row group is what is read: about a megabyte of a file of many."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 300, 300, 3), np.uint8)
    with mt.Run(tmp_path / "run", packed=True) as run:
        for picture in noise:
            run.log({"noise": mt.Image(picture)})
    metadata = pq.read_metadata(run.path / "sidecars.parquet")
    sizes = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
    assert sum(sizes) > 5_000_000
    assert max(sizes) < 1_200_000


def crash(monkeypatch: pytest.MonkeyPatch, at: int) -> Callable[[], int]:
    """Stop at the n-th change of a name in a file system, leaving all as it is; answers how many there were."""
    seen = 0

    def before(original: Any) -> Any:
        def changed(*arguments: Any, **options: Any) -> Any:
            nonlocal seen
            if "journal" not in str(arguments[0]):  # that is the lock
                seen += 1
                if seen == at:
                    raise KeyboardInterrupt
            return original(*arguments, **options)

        return changed

    monkeypatch.setattr(os, "replace", before(os.replace))
    monkeypatch.setattr(Path, "unlink", before(Path.unlink))
    monkeypatch.setattr(os, "rmdir", before(os.rmdir))
    return lambda: seen


@pytest.mark.parametrize("change", ["pack", "unpack"])
def test_an_interrupt_at_any_moment_leaves_a_run_that_reads_and_can_be_moved_again(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mt.Run(tmp_path / "run", packed=change == "unpack") as run:
        for i in range(3):
            run.log({"photo": mt.Image(photograph("coffee")[i : i + 20, :30])})
    path, media = run.path, decoded(run.path)
    moments = 0
    for at in range(1, 60):
        with monkeypatch.context() as patch:
            seen = crash(patch, at)
            try:
                getattr(mt, change)(path)
            except KeyboardInterrupt:
                moments += 1
        assert decoded(path) == media, f"moment {at}"
        if seen() < at:
            break
        getattr(mt, change)(path)
        assert decoded(path) == media
        getattr(mt, "unpack" if change == "pack" else "pack")(path)
    assert moments >= 4


KILLED = """
import os, sys
import mediatypes as mt

left = int(sys.argv[3])

def hook(event, arguments):
    global left
    if event in ("os.remove", "os.rename", "os.rmdir", "os.mkdir") and "run" in str(arguments[0]):
        left -= 1
        if left == 0:
            os._exit(9)

sys.addaudithook(hook)
getattr(mt, sys.argv[1])(sys.argv[2])
"""


@pytest.mark.parametrize(("change", "at"), [("pack", 2), ("pack", 3), ("unpack", 3), ("unpack", 9)])
def test_a_process_that_is_killed_while_it_moves_leaves_a_run_that_reads(change: str, at: int, folder: Path) -> None:
    media, before = decoded(folder), tree(folder)
    if change == "unpack":
        mt.pack(folder)
    done = subprocess.run([sys.executable, "-c", KILLED, change, str(folder), str(at)], check=False, timeout=60)
    assert done.returncode == 9
    assert decoded(folder) == media
    mt.pack(folder)
    assert decoded(folder) == media
    mt.unpack(folder)
    assert mt.gc(folder).kept == len(sidecars(folder))
    assert tree(folder) == before


@pytest.mark.parametrize("change", [mt.pack, mt.unpack, mt.gc])
def test_a_run_that_is_written_is_left_alone(change: Any, tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"photo": mt.Image(photograph("coffee")[:20, :30])})
    before = tree(run.path)
    with pytest.raises(mt.RunLocked, match="expected a run that nobody else writes"):
        change(run.path)
    assert tree(run.path) == before
    run.finish()


@pytest.mark.parametrize("change", [mt.pack, mt.unpack, mt.gc])
def test_a_run_that_was_killed_is_to_be_recovered_first(change: Any, tmp_path: Path) -> None:
    path = tmp_path / "run"
    code = "import sys, os, mediatypes as mt; mt.Run(sys.argv[1]).log({'x': 1}); os._exit(1)"
    subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=60)
    hint = r"run: expected a run that is over, got the crashed run\. Finish it first: mediatypes\.recover\(path\)\."
    with pytest.raises(mt.StoreError, match=hint):
        change(path)
    mt.recover(path)
    assert change(path) == Moved(0, 0)


@pytest.mark.parametrize("change", [mt.pack, mt.unpack, mt.gc])
def test_a_folder_without_a_run_is_refused_and_left_alone(change: Any, tmp_path: Path) -> None:
    with pytest.raises(mt.StoreError, match="expected a run folder"):
        change(tmp_path)
    assert not list(tmp_path.iterdir())


def damage(path: Path, kind: str) -> None:
    data = path.read_bytes()
    if kind == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "changed":
        at = data.index(b"\x89PNG") + 60
        path.write_bytes(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])
    elif kind == "foreign":
        pq.write_table(pa.table({"path": ["x"]}), path)
    elif kind == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        os.mkfifo(path)


@pytest.mark.skipif(os.name == "nt", reason="no pipes there")
@pytest.mark.parametrize("kind", ["cut", "changed", "foreign", "empty", "pipe"])
def test_a_damaged_packed_file_is_said_and_nothing_is_removed(kind: str, folder: Path) -> None:
    mt.pack(folder)
    damage(folder / "sidecars.parquet", kind)
    names = sorted(path.name for path in folder.iterdir())
    with pytest.raises((mt.StoreError, mt.HashMismatch)) as error:
        list(mt.open_run(folder).values("photo"))
    assert re.search(r"expected .+, got .+\. .+\.", str(error.value))
    if kind == "pipe":
        return
    with pytest.raises(mt.StoreError):
        mt.unpack(folder)
    assert names == sorted(path.name for path in folder.iterdir() if path.name != "media")


@pytest.mark.parametrize("path", ["../outside", "run.json", "/etc/x", "media/../run.json", "media/", "media/CON"])
def test_a_path_in_a_packed_file_cannot_leave_the_media_folder(path: str, folder: Path) -> None:
    mt.pack(folder)
    before = (folder / "run.json").read_bytes()
    table = pq.read_table(folder / "sidecars.parquet")
    names = [path, *table["path"].to_pylist()[1:]]
    pq.write_table(table.set_column(0, "path", pa.array(names)), folder / "sidecars.parquet")
    with pytest.raises(mt.UnsafePath):
        mt.unpack(folder)
    assert (folder / "run.json").read_bytes() == before
    assert (folder / "sidecars.parquet").exists()
    assert not (folder.parent / "outside").exists()


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("path", pa.nulls(1, pa.utf8())),
        ("path", pa.array([5])),
        ("sha256", pa.nulls(1, pa.utf8())),
        ("size", pa.nulls(1, pa.int64())),
        ("size", pa.array(["1"])),
        ("size", pa.array([-1])),
    ],
)
def test_a_row_of_a_packed_file_that_names_nothing_is_damage(column: str, values: pa.Array, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", packed=True) as run:
        run.log({"photo": mt.Image(np.zeros((2, 3), np.uint8))})
    file = tmp_path / "run" / "sidecars.parquet"
    table = pq.read_table(file)
    pq.write_table(table.set_column(table.schema.get_field_index(column), column, values), file)
    for read in (mt.gc, mt.unpack, lambda path: list(mt.open_run(path).values("photo"))):
        with pytest.raises(mt.StoreError, match="expected a whole packed store, got a row without a path"):
            read(tmp_path / "run")


def test_of_two_copies_that_differ_both_stay(folder: Path) -> None:
    mt.pack(folder)
    name = media_rows(folder, "photo")[0]["path"]
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_bytes(b"other")
    for change in (mt.pack, mt.unpack):
        with pytest.raises(mt.StoreError, match="expected the bytes of its packed copy, got others"):
            change(folder)
    assert (folder / name).read_bytes() == b"other"
    assert (folder / "sidecars.parquet").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_are_neither_followed_nor_packed(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file.png").write_bytes(b"secret")
    (folder / "media" / "link").symlink_to(secret)
    (folder / "media" / "file.png").symlink_to(secret / "file.png")
    mt.pack(folder)
    assert b"secret" not in (folder / "sidecars.parquet").read_bytes()
    assert (secret / "file.png").exists()
    assert sorted(path.name for path in (folder / "media").iterdir()) == ["file.png", "link"]


def log_garbage(path: Path, packed: bool) -> tuple[int, int]:
    """A run with sidecars that nothing refers to any more: their number and bytes."""
    astronaut = photograph("astronaut")
    with mt.Run(path, packed=packed) as run:
        log_everything(run)
        run.log({"photo": mt.Image(astronaut[100:120, :30])}, step=20)
        run.log({"photo": mt.Image(astronaut[120:140, :30])}, step=20)  # instead of the one before
        run.summary["shown"] = mt.Image(astronaut[200:220, :30])
        run.summary["kept"] = mt.Image(astronaut[300:320, :30])
    mt.open_run(path).edit(summary={"shown": None})
    store = mt.MemoryStore()
    for top in (100, 200):
        mt.encode(mt.Image(astronaut[top : top + 20, :30]), store)
    return 2, sum(map(len, store.files.values()))


@pytest.mark.parametrize("packed", [False, True])
def test_gc_removes_what_nothing_refers_to(packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "run"
    garbage = log_garbage(path, packed)
    media, before = decoded(path), tree(path)
    planned = mt.gc(path, dry_run=True)
    assert planned[:2] == garbage
    assert tree(path) == before
    assert mt.gc(path) == planned
    assert decoded(path) == media
    assert mt.decode(mt.open_run(path).summary["kept"], mt.open_run(path).store).width == 30
    assert mt.gc(path) == Moved(0, 0, planned.kept)
    assert planned.kept == (pq.read_metadata(path / "sidecars.parquet").num_rows if packed else len(sidecars(path)))


def test_gc_keeps_what_is_not_ours_and_removes_what_was_never_finished(folder: Path) -> None:
    shard = next((folder / "media").iterdir())
    (folder / "media" / "notes.txt").write_text("mine")
    (shard / left_by_a_killed_process("0123456789abcdef.png")).write_bytes(b"half")
    (folder / left_by_a_killed_process("sidecars.parquet")).write_bytes(b"half")
    assert mt.gc(folder)[:2] == (2, 8)
    assert (folder / "media" / "notes.txt").exists()
    assert not list(folder.rglob(".*.tmp"))


def test_gc_keeps_what_a_damaged_journal_or_another_tracker_names(tmp_path: Path) -> None:
    class Hologram:
        def __media__(self, sink: mt.Sink) -> dict[str, Any]:
            sha256 = hashlib.sha256(b"light").hexdigest()
            path = sink.put(b"light", suffix=".holo", media_type="x/holo", sha256=sha256, size=5)
            return {"_type": "acme_hologram", "_version": "1.0", "layers": [{"where": path}]}

    with mt.Run(tmp_path / "run") as run:
        run.log({"hologram": Hologram()})
        run.log({"photo": mt.Image(photograph("coffee")[:20, :30])}, step=1)
        run.log({"photo": mt.Image(photograph("coffee")[:20, :31])}, step=1)
    lost = set(sidecars(run.path)) - {media_rows(run.path, "photo")[0]["path"]}
    lost = {name for name in lost if name.endswith(".png")}
    (run.path / "damaged").mkdir()
    (run.path / "damaged" / "0001-0.log").write_bytes(b"MTJRNL1\n\0" + lost.copy().pop().encode() + b"\0")
    assert mt.gc(run.path) == Moved(0, 0, 3)


def test_gc_removes_nothing_if_a_file_that_was_saved_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("as they were")
    with mt.Run(tmp_path / "run") as run:
        run.save(tmp_path / "notes.txt", base_path=tmp_path)
        for number in range(2):
            run.log({"photo": mt.Image(np.full((2, 3), number, np.uint8))}, step=0)

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "refused")

    monkeypatch.setattr(mmap, "mmap", refuse)
    with pytest.raises(mt.StoreError, match="expected to read the file, got 'refused'"):
        mt.gc(run.path)
    assert len(sidecars(run.path)) == 2


def test_gc_removes_nothing_if_the_rows_cannot_be_read(folder: Path) -> None:
    (folder / "history.parquet").write_bytes((folder / "history.parquet").read_bytes()[:-50])
    before = tree(folder)
    with pytest.raises(mt.DocumentError):
        mt.gc(folder)
    assert tree(folder) == before


def test_the_commands_say_what_they_did(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    count = len(sidecars(folder))
    assert main(["pack", str(folder)]) == 0
    assert re.fullmatch(rf"{folder}: {count} files, [\d.]+ kB, now in sidecars.parquet\n", capsys.readouterr().out)
    assert main(["gc", "--dry-run", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}: would remove 0 files, 0 B; {count} files in use\n"
    assert main(["unpack", str(folder.parent / "none"), str(folder)]) == 2
    out, err = capsys.readouterr()
    assert re.fullmatch(rf"{folder}: {count} files, [\d.]+ kB, now in media\n", out)
    assert "none: expected a run folder" in err
    assert main(["gc", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}: removed 0 files, 0 B; {count} files in use\n"


def test_a_packed_run_is_verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mt.pack(folder)
    assert main(["validate", str(folder)]) == 0
    assert main(["verify", str(folder)]) == 0
    damage(folder / "sidecars.parquet", "changed")
    capsys.readouterr()
    assert main(["verify", str(folder)]) == 1
    assert "sidecars.parquet: expected a whole packed store, got " in capsys.readouterr().out


def of_pictures(count: int) -> mt.Table:
    return mt.Table(["img"], [[mt.Image(photograph("coffee")[i : 20 + i, :20])] for i in range(count)])


def test_sidecars_of_the_cells_of_a_table_are_found_by_its_lists(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"t": mt.Table(["img"], [[mt.Image(np.zeros((2, 2), np.uint8))]])}, step=0)  # replaced in its row
        run.log({"t": of_pictures(3), "nested": mt.Table(["t"], [[of_pictures(4)]])}, step=0)

    def cells(root: Path) -> list[Any]:
        view = mt.open_run(root)
        (outer,) = [value for _, value in view.values("nested")]
        return [list(value) for _, value in view.values("t")] + [list(table) for (table,) in outer]

    before = cells(run.path)
    assert mt.gc(run.path).files == 3  # a part, its list and the picture
    assert mt.gc(run.path) == Moved(0, 0, 4 + 3 * 2)  # pictures; parts and their lists
    mt.copy(run.path, tmp_path / "copy")
    shutil.rmtree(run.path)
    root = next((tmp_path / "copy").rglob("run.json")).parent
    assert mt.pack(root).kept == 0
    order = {row["path"]: position for position, row in enumerate(pq.read_table(root / "sidecars.parquet").to_pylist())}
    assert len(order) == 10
    assert mt.gc(root) == Moved(0, 0, 10)
    mt.unpack(root)
    assert cells(root) == before
    assert not check(root, deep=True).problems


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_nothing_is_removed_when_a_list_is_damaged(tmp_path: Path, damage: str) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"t": of_pictures(1)})
    (listed,) = (run.path / "media").rglob("*.json")
    listed.unlink() if damage == "gone" else listed.write_bytes(b"[]")
    (problem,) = check(run.path, deep=True).problems
    assert (problem.code, problem.path) == ("missing" if damage == "gone" else "size", "t[step 0].parts[0].refs")
    before = sidecars(run.path)
    with pytest.raises((mt.SidecarMissing, mt.HashMismatch)):
        mt.gc(run.path)
    assert sidecars(run.path) == before

"""Event files that somebody broke on purpose: nothing raises, nothing is made up, nothing leaves the run's folder."""

from __future__ import annotations

import io
import os
import random
import struct
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.formats import tfrecord
from mediatypes.interop.importing import sources
from mediatypes.interop.importing.names import folder_of, safe_name
from mediatypes.interop.importing.staging import Staging
from mediatypes.interop.tensorboard import import_logdir
from mediatypes.interop.tensorboard.importing import events_parquet, importer, step_order
from mediatypes.interop.tensorboard.importing.decode import FileDecoder
from mediatypes.interop.tensorboard.plugins.convert import Converter, SeriesList
from mediatypes.runfolder import media_index, merge_rows
from tests.interop.tensorboard.event_files import (
    VERSION,
    event,
    field,
    metadata,
    record,
    scalar,
    strings,
    summary,
    tensor,
    write,
)
from tests.interop.tensorboard.importing.test_import import START, histogram, hparams, value

Row = tuple[str, int, float, Any]


def decode(data: bytes) -> list[Row]:
    """(tag, step, number, cell) of every event."""
    series, store = SeriesList(), mt.MemoryStore()
    decoder = FileDecoder("", series, Converter(store, store), {})
    found: list[Row] = []
    for events in decoder.decode(tfrecord.RecordReader(io.BytesIO(data), len(data))):
        columns = zip(events.series.tolist(), events.steps.tolist(), events.values.tolist(), strict=True)
        for i, (one, step, number) in enumerate(columns):
            cell = events.cells.get(i)
            found.append(
                (series.all[one].tag, step, number if cell is None else 0.0, "None" if cell is None else cell.text)
            )
    return found


def png() -> bytes:
    import numpy as np
    import PIL.Image

    file = io.BytesIO()
    PIL.Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(file, "PNG")
    return file.getvalue()


def wav() -> bytes:
    import wave

    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(100))
    return file.getvalue()


VALUES = [
    value("loss", field(2, 0.5)),
    value("double", tensor(2, (), field(6, struct.pack("<d", 0.1))) + metadata("scalars")),
    value("h", histogram([0.0, 1, 2, 1e308], [1, 0, 2, 1], -0.5, 7)),
    value("h2", tensor(2, (2, 3), field(4, struct.pack("<6d", 0, 1, 2, 1, 3, 5))) + metadata("histograms")),
    value("image", field(4, field(1, 4) + field(2, 4) + field(3, 3) + field(4, png()))),
    value("images", strings(b"4", b"4", png(), png()) + metadata("images")),
    value("sound", field(6, field(1, 8000.0) + field(4, wav()) + field(5, b"audio/wav"))),
    value("note/text_summary", strings(b"**hi**") + metadata("text")),
    value("pr", tensor(1, (6, 2), field(4, struct.pack("<12f", *range(12)))) + metadata("pr_curves")),
    value("m_VERTEX", tensor(1, (1, 3, 3), field(4, bytes(36))) + metadata("mesh", field(3, 1))),
    value("raw", tensor(3, (2,), field(7, 5), field(7, 6)) + metadata("other")),
]
PAYLOADS = [event(summary(item), step=i) for i, item in enumerate(VALUES)]
PAYLOADS += [event(field(5, hparams(start=START, end=field(1, 1))), step=20), event(field(4, b"graph"), step=21)]
PAYLOADS += [event(field(7, field(1, 1)), step=22)]


def test_flipping_any_byte_costs_no_other_record_and_makes_nothing_up() -> None:
    records = [VERSION, *(scalar(tag, step / 7, step) for step in range(1, 5) for tag in ("loss", "a/b"))]
    records += [record(PAYLOADS[2]), record(PAYLOADS[7])]
    data = b"".join(records)
    whole = decode(data)
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x55
        found = decode(bytes(damaged))
        assert set(found) <= set(whole), at
        lost = len(whole) - len(found)
        assert lost <= (2 if at >= len(data) - len(records[-1]) - len(records[-2]) else 1), at  # of a histogram two


def test_cutting_anywhere_gives_the_events_before() -> None:
    data = b"".join([VERSION, *(record(payload) for payload in PAYLOADS)])
    whole = decode(data)
    sizes = [len(decode(data[:size])) for size in range(0, len(data) + 1, 7)]
    assert sizes == sorted(sizes)
    assert decode(data[:-1]) == whole[: len(decode(data[:-1]))]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_damaged_content_under_a_sound_checksum_never_raises(payload: bytes) -> None:
    """As a hostile writer would make it. The record beside it is kept."""
    random_numbers = random.Random(len(payload))
    beside = scalar("beside", 7, 7)
    for _ in range(60):
        damaged = bytearray(payload)
        for _ in range(random_numbers.choice([1, 1, 2, 8])):
            at = random_numbers.randrange(len(damaged))
            if random_numbers.random() < 0.3:
                del damaged[at : at + random_numbers.randrange(1, 9)]
            else:
                damaged[at] = random_numbers.choice([0, 0x7F, 0x80, 0xFF, random_numbers.randrange(256)])
            if not damaged:
                break
        assert ("beside", 7, 7.0, "None") in decode(record(bytes(damaged)) + beside)


def test_values_nested_without_end_are_refused() -> None:
    deep = field(2, 1.0, wide=True)
    for _ in range(3000):
        deep = field(6, field(1, deep))
    start = field(1, field(1, b"x") + field(2, deep))
    rows_ = decode(record(event(field(5, hparams(start=start)))) + scalar("loss", 1, 1))
    assert rows_[-1] == ("loss", 1, 1.0, "None")


def test_names_in_a_bucket_cannot_leave_the_run(tmp_path: Path) -> None:
    names = ["../../x.pbtxt", "a/../../../y.pt.trace.json", "plugins/profile/../../../z"]
    assert [safe_name(name) for name in names] != names
    for name in names:
        assert ".." not in safe_name(name)
        (tmp_path / safe_name(name)).resolve().relative_to(tmp_path.resolve())
    assert safe_name("00000/emb/tensors.tsv") == "00000/emb/tensors.tsv"
    assert ".." not in folder_of("../../etc")


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "logs") + b"/r\xff"
    os.makedirs(folder)
    with open(folder + b"/events.out.tfevents.1.\xfe", "wb") as file:
        file.write(VERSION + scalar("loss", 1, 1))
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    assert [(run.name, run.status) for run in report.runs] == [("r\\xff", "new")]
    assert list(mt.open_run(tmp_path / "runs" / report.runs[0].folder).values("loss")) == [(1, 1)]


def test_links_that_lead_back_are_followed_once(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a", scalar("loss", 1, 1))
    (tmp_path / "logs" / "a" / "again").symlink_to(tmp_path / "logs")
    (tmp_path / "logs" / "a" / "gone.pbtxt").symlink_to(tmp_path / "nowhere")
    assert [file.path for file in sources.open_logdir(tmp_path / "logs").list()] == [
        "a/events.out.tfevents.1500000000.host"
    ]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@pytest.mark.parametrize("linked", ["media", "media/ba", "files"])
def test_nothing_is_written_or_removed_through_a_link_in_the_run(tmp_path: Path, linked: str) -> None:
    run, outside = tmp_path / "run", tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("theirs")
    (run / linked).parent.mkdir(parents=True)
    (run / linked).symlink_to(outside)
    staging = Staging(run, is_anew=True)
    digest = sha256(b"abc").hexdigest()
    staging.sink("media").put(b"abc", suffix=".bin", media_type="text/plain", sha256=digest, size=3)
    with pytest.raises(mt.UnsafePath, match="expected a directory, got a symbolic link"):
        staging.commit(())
    assert [path.read_text() for path in outside.iterdir()] == ["theirs"]


def test_two_imports_at_once(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a", *(scalar("loss", step, step) for step in range(500)))
    with ThreadPoolExecutor(4) as executor:
        done = [executor.submit(import_logdir, tmp_path / "logs", tmp_path / "runs") for _ in range(4)]
        reports = [future.result() for future in done]
    assert {run.status for report in reports for run in report.runs} <= {"new", "unchanged", "updated"}
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a"]
    assert mt.open_run(tmp_path / "runs" / "a").history().num_rows == 500


def test_memory_is_bounded_by_the_piece_not_by_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same 1000 steps again and again, as restarts log them."""
    for module, limit in ((importer, "_KEPT_EVENTS"), (step_order, "_EVENTS_AT_ONCE"), (events_parquet, "GROUP_ROWS")):
        monkeypatch.setattr(module, limit, 10_000)
    monkeypatch.setattr(merge_rows, "GROUP_BYTES", 100_000)
    monkeypatch.setattr(tfrecord, "_PIECE_BYTES", 1 << 17)
    session = [scalar(tag, step, step) for step in range(1000) for tag in ("a", "b")]
    peaks = []
    for times in (1, 15, 60):  # the first one fills caches
        write(tmp_path / f"logs{times}", *session * times)
        tracemalloc.start()
        import_logdir(tmp_path / f"logs{times}", tmp_path / f"runs{times}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert mt.open_run(tmp_path / "runs60" / "logs60").history().num_rows == 1000
    assert peaks[2] < 1.5 * peaks[1], peaks


def test_memory_is_bounded_by_the_text_of_documents_not_by_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, limit in (
        (importer, "_KEPT_CHARACTERS"),
        (events_parquet, "GROUP_CHARACTERS"),
        (merge_rows, "GROUP_BYTES"),
    ):
        monkeypatch.setattr(module, limit, 400_000)
    monkeypatch.setattr(media_index, "GROUP_BYTES", 400_000)
    monkeypatch.setattr(step_order, "_EVENTS_AT_ONCE", 20_000)
    monkeypatch.setattr(tfrecord, "_PIECE_BYTES", 1 << 17)
    edges = [i / 7 for i in range(500)]
    values = [value("h", histogram(edges, [1.0] * 500, 0.0, edges[-1]))]
    peaks = []
    for count in (20, 120, 360):  # the first one fills caches
        write(tmp_path / f"logs{count}", *(record(event(summary(*values), step=step)) for step in range(count)))
        tracemalloc.start()
        import_logdir(tmp_path / f"logs{count}", tmp_path / f"runs{count}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    run = tmp_path / "runs360" / "logs360"
    assert pq.read_metadata(run / "media.parquet").num_row_groups > 2
    assert pq.read_metadata(run / "events.parquet").num_row_groups > 2
    assert [step for step, _ in mt.open_run(run).values("h")] == list(range(360))
    assert peaks[2] < 1.5 * peaks[1], peaks


@pytest.mark.parametrize("junk", [b"this is a text about tfevents. " * 4, bytes(1000)], ids=["a text", "zeros"])
def test_a_file_that_is_only_called_as_event_files_are_is_no_run(tmp_path: Path, junk: bytes) -> None:
    for name, content in {"good": VERSION + scalar("loss", 0.5, 1), "junk": junk}.items():
        (folder := tmp_path / "logs" / name).mkdir(parents=True)
        (folder / "events.out.tfevents.1500000000.host").write_bytes(content)
    good, bad = import_logdir(tmp_path / "logs", tmp_path / "runs").runs
    assert (good.status, bad.status) == ("new", "failed")
    text = "expected records of events, got a file without any sound record. Look at what it is, or remove it"
    assert bad.problems[0].message.endswith(text)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["good"]
    (tmp_path / "logs" / "junk" / "events.out.tfevents.1500000001.host").write_bytes(VERSION + scalar("loss", 0.5, 1))
    _, mended = import_logdir(tmp_path / "logs", tmp_path / "runs").runs
    assert mended.status == "new"
    assert mended.files[0].damage[0]["kind"] == "foreign"


@pytest.mark.parametrize("begin", [b"", VERSION[:9], VERSION], ids=["nothing", "half a record", "the version"])
def test_a_run_without_values_began_when_its_file_says(tmp_path: Path, begin: bytes) -> None:
    (folder := tmp_path / "logs" / "run").mkdir(parents=True)
    (folder / "events.out.tfevents.1500000007.host").write_bytes(begin)
    (folder / "events.out.tfevents.1500000005.host").write_bytes(begin)
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    described = mt.open_run(tmp_path / "runs" / "run").describe()
    assert (described["started"], described["finished"]) == (1.500000005e9, 1.500000005e9)

"""Records of event files: checksums, damage anywhere, cuts anywhere, pieces of any size."""

from __future__ import annotations

import io
import os
import random
import struct
import sys
import tempfile
import time
from typing import Any

import numpy as np
import pytest

from mediatypes.formats import crc32c as crc_format
from mediatypes.formats import tfrecord
from tests.interop.tensorboard.event_files import VERSION, crc32c, record, scalar

Read = tuple[list[bytes], tfrecord.RecordReader]


def read(data: bytes, offset: int = 0, size: int | None = None) -> Read:
    file = io.BytesIO(data)
    file.seek(offset)
    reader = tfrecord.RecordReader(file, len(data) if size is None else size, offset)
    found = []
    for records in reader:
        for start, end, at in zip(records.starts, records.ends, records.offsets, strict=True):
            assert data[at + 12 : at + 12 + end - start] == records.data[start:end]
            found.append(records.data[start:end])
    return found, reader


def test_the_checksum_is_that_of_the_standard() -> None:
    """RFC 3720, B.4: 32 bytes of zeros; and the check value of the CRC catalogue."""
    padded = bytes(crc_format.HEADROOM)
    for data, expected in ((b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"", 0)):
        start, end = np.array([crc_format.HEADROOM]), np.array([crc_format.HEADROOM + len(data)])
        assert crc_format.checksums(padded + data, start, end).tolist() == [expected]


@pytest.mark.parametrize("longest", [1, 8, 63, 64, 65, 300, 9000])
def test_checksums_of_any_lengths_at_any_place(longest: int) -> None:
    data = random.Random(longest).randbytes(20_000)
    random_numbers = np.random.default_rng(longest)
    starts = random_numbers.integers(crc_format.HEADROOM, 10_000, 20)
    ends = starts + random_numbers.integers(0, longest + 1, 20)
    expected = [crc32c(data[start:end]) for start, end in zip(starts, ends, strict=True)]
    assert crc_format.checksums(data, starts, ends).tolist() == expected


def test_checksums_of_ranges_that_are_read_slice_by_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crc_format, "_SLICE", 1000)
    data = random.Random(1).randbytes(20_000)
    starts, ends = np.array([64, 70, 5000]), np.array([20_000, 1071, 5001])
    expected = [crc32c(data[start:end]) for start, end in zip(starts, ends, strict=True)]
    assert crc_format.checksums(data, starts, ends).tolist() == expected


@pytest.fixture(params=["ours", "google-crc32c"])
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Long checksums with the extra `crc32c` and without it."""
    if request.param == "ours":
        monkeypatch.setattr(crc_format, "_native", lambda: None)
    else:
        pytest.importorskip("google_crc32c")
        if crc_format._native() is None:
            pytest.skip("google-crc32c has no C code here")
    return str(request.param)


def test_both_implementations_give_the_sums_of_the_standard(implementation: str) -> None:
    data = random.Random(7).randbytes(12_000)
    starts = np.array([64, 64, 65, 100, 3000, 64])
    ends = np.array([64, 128, 130, 101, 9000, 12_000])
    expected = [crc32c(data[start:end]) for start, end in zip(starts, ends, strict=True)]
    assert crc_format.checksums(data, starts, ends).tolist() == expected
    assert crc_format.checksums(memoryview(bytearray(data)), starts, ends).tolist() == expected  # of an export
    pattern = bytes(64) + bytes(range(32)) * 4  # RFC 3720, B.4: 32 bytes that ascend
    assert crc_format.checksums(pattern, np.array([64]), np.array([96])).tolist() == [0x46DD794E]


def test_without_the_package_checksums_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    crc_format._native.cache_clear()
    assert crc_format._native() is None
    crc_format._native.cache_clear()


RECORDS = [VERSION, *(scalar(tag, i / 7, i) for i in range(4) for tag in ("loss", "a/longer tag"))]
DATA = b"".join(RECORDS)
PAYLOADS = [data[12:-4] for data in RECORDS]
OFFSETS = np.cumsum([0, *map(len, RECORDS)]).tolist()


def test_all_records_of_a_sound_file() -> None:
    found, reader = read(DATA)
    assert found == PAYLOADS
    assert reader.damage == []
    assert reader.position == len(DATA)
    assert reader.count == len(RECORDS)


@pytest.mark.parametrize("bit", [0, 7])
def test_any_flipped_bit_costs_one_record(bit: int) -> None:
    for at in range(len(DATA)):
        damaged = bytearray(DATA)
        damaged[at] ^= 1 << bit
        found, reader = read(bytes(damaged))
        hit = next(i for i, end in enumerate(OFFSETS[1:]) if at < end)
        last = hit == len(RECORDS) - 1
        if last and at - OFFSETS[hit] < 12:  # the header of the last record: nothing follows to go on at
            assert found == PAYLOADS[:-1]
            assert [damage.kind for damage in reader.damage] == ["lost"]
            assert reader.position == OFFSETS[hit]
            continue
        assert found == PAYLOADS[:hit] + PAYLOADS[hit + 1 :], at
        in_header = at - OFFSETS[hit] < 12
        expected = tfrecord.Damage(OFFSETS[hit], len(RECORDS[hit]), "header" if in_header else "checksum")
        assert reader.damage == [expected], at
        assert reader.position == (OFFSETS[hit] if last else len(DATA))  # what follows the last one may change it


def test_a_file_cut_anywhere_gives_its_whole_records_and_goes_on_there() -> None:
    for size in range(len(DATA) + 1):
        found, reader = read(DATA[:size])
        whole = sum(end <= size for end in OFFSETS[1:])
        assert found == PAYLOADS[:whole]
        assert reader.position == OFFSETS[whole]
        torn = size - OFFSETS[whole]
        assert reader.damage == ([tfrecord.Damage(OFFSETS[whole], torn, "torn")] if torn else [])
        more, again = read(DATA, reader.position)
        assert found + more == PAYLOADS
        assert again.position == len(DATA)


@pytest.mark.parametrize("piece", [1, 13, 50, 64, 1000])
def test_pieces_of_any_size_give_the_same(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = bytearray(DATA)
    damaged[OFFSETS[3] + 1] ^= 4
    damaged[OFFSETS[5] + 20] ^= 4
    whole = read(bytes(damaged))
    monkeypatch.setattr(tfrecord, "_PIECE_BYTES", piece)
    found = read(bytes(damaged))
    assert found[0] == whole[0]
    assert sorted(found[1].damage) == sorted(whole[1].damage)


def test_a_regular_log_is_read_by_prediction_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfrecord, "_FEW", 8)
    monkeypatch.setattr(tfrecord, "_PIECE_BYTES", 1500)
    records = [scalar(tag, i, i) for i in range(300) for tag in ("a", "bb", "ccc")]
    records[400:400] = [record(os.urandom(700)), record(b""), record(os.urandom(3000))]
    found, reader = read(b"".join(records))
    assert found == [data[12:-4] for data in records]
    assert reader.damage == []


@pytest.mark.parametrize("claimed", [2**31, 2**40, 2**63, 2**64 - 1])
def test_a_claimed_length_is_not_believed(claimed: int) -> None:
    length = struct.pack("<Q", claimed)
    from tests.interop.tensorboard.event_files import masked

    found, reader = read(RECORDS[0] + length + masked(length) + b"".join(RECORDS[1:]))
    assert found == PAYLOADS
    assert reader.damage == [tfrecord.Damage(len(RECORDS[0]), 12, "header")]


def test_a_claim_beyond_the_end_reads_no_further() -> None:
    """A sound header of a record that is not there: it is being written."""
    length = struct.pack("<Q", 2**30)
    from tests.interop.tensorboard.event_files import masked

    found, reader = read(DATA + length + masked(length) + bytes(50))
    assert found == PAYLOADS
    assert reader.damage == [tfrecord.Damage(len(DATA), 62, "torn")]


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"", ""), (b"x", "torn"), (b"hello, this is a text and no event file", "foreign"), (bytes(5000), "foreign")],
)
def test_files_that_hold_no_record(data: bytes, kind: str) -> None:
    found, reader = read(data)
    assert found == []
    assert reader.position == 0
    assert [damage.kind for damage in reader.damage] == ([kind] if kind else [])


def test_random_damage_never_raises_and_keeps_what_is_sound() -> None:
    random_numbers = random.Random(7)
    for _ in range(200):
        damaged = bytearray(DATA)
        start = random_numbers.randrange(len(DATA))
        size = random_numbers.randrange(1, 80)
        damaged[start : start + size] = random_numbers.randbytes(random_numbers.choice([size, 0, 200]))
        found, _ = read(bytes(damaged))
        untouched = [p for p, end in zip(PAYLOADS, OFFSETS[1:], strict=True) if end <= start]
        assert found[: len(untouched)] == untouched
        after: list[Any] = [p for p, begin in zip(PAYLOADS, OFFSETS, strict=False) if begin >= start + size]
        assert after == [] or found[-len(after) :] == after


def in_steps(data: bytes, sizes: list[int]) -> tuple[list[bytes], list[tfrecord.Damage], int]:
    """A file that is read whenever it has grown: its records, its damage, and where to go on."""
    found: list[bytes] = []
    damage: list[tfrecord.Damage] = []
    position = 0
    for size in sizes:
        more, reader = read(data[:size], position)
        assert reader.settled
        damage = [one for one in damage if one.offset < position] + reader.damage
        found, position = found + more, reader.position
    return found, damage, position


def damaged(random_numbers: random.Random) -> bytes:
    """Some records of which bytes are changed, cut out or added."""
    records = [scalar(random_numbers.choice(["a", "bb", "a/long tag"]), i, i) for i in range(12)]
    data = bytearray(b"".join(records))
    for _ in range(random_numbers.randrange(1, 4)):
        at = random_numbers.choice([random_numbers.randrange(len(data)), len(data) - random_numbers.randrange(1, 60)])
        size = random_numbers.choice([1, 1, 4, 30, 70])
        data[at : at + size] = random_numbers.randbytes(random_numbers.choice([size, size, 0, 5]))
    return bytes(data)


@pytest.mark.parametrize("piece", [7, 64, 1 << 22])
def test_a_damaged_file_that_grows_gives_what_one_reading_gives(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random_numbers = random.Random(piece)
    data, whole = b"", read(b"")
    for _ in range(150):
        data = damaged(random_numbers)
        monkeypatch.setattr(tfrecord, "_PIECE_BYTES", 1 << 22)
        found, reader = read(data)
        whole = found, reader.damage, reader.position
        monkeypatch.setattr(tfrecord, "_PIECE_BYTES", piece)
        sizes = sorted(random_numbers.randrange(len(data) + 1) for _ in range(random_numbers.choice([0, 1, 3, 40])))
        assert in_steps(data, [*sizes, len(data)]) == whole
    assert in_steps(data, list(range(len(data) + 1))) == whole


def test_what_may_be_a_record_that_goes_on_beyond_the_end_is_read_again() -> None:
    """A record among lost bytes, of which the end is not there yet: the records inside it are taken for now only."""
    outer = record(b"".join(RECORDS[1:4]) + bytes(100))
    data = RECORDS[0] + b"\xff" * 20 + outer + RECORDS[4]
    for size in (len(data) - len(RECORDS[4]) - 50, len(data)):
        found, reader = read(data[:size])
        assert reader.settled == (size == len(data))
        assert found == [PAYLOADS[0], *([outer[12:-4], PAYLOADS[4]] if reader.settled else PAYLOADS[1:4])]


def test_a_hole_of_zeros_is_passed_at_the_speed_of_reading_it() -> None:
    """What a crash leaves on some file systems. A header of zeros has another checksum, so none is missed."""
    size = 1 << 29
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(DATA)
        file.seek(size)
        file.write(RECORDS[1])
        took = []
        for use in (lambda: [file.read(1 << 22) for _ in range(size >> 22)], lambda: read_file(file)):
            file.seek(0)
            began = time.process_time()
            use()
            took.append(time.process_time() - began)
        file.seek(0)
        found, reader = read_file(file)
    assert found == [*PAYLOADS, PAYLOADS[1]]
    assert reader.damage == [tfrecord.Damage(len(DATA), size - len(DATA), "header")]
    assert took[1] < took[0] + 3  # 21 s for so many bytes where each is looked at


def read_file(file: Any) -> Read:
    reader = tfrecord.RecordReader(file, file.seek(0, 2) - file.seek(0))
    return [found.data[a:b] for found in reader for a, b in zip(found.starts, found.ends, strict=True)], reader


def test_records_of_no_bytes_are_found_after_damage() -> None:
    """The one header that is mostly zeros."""
    empty = record(b"")
    found, reader = read(RECORDS[0] + bytes(1000) + b"x" + bytes(30) + empty + RECORDS[1])
    assert found == [PAYLOADS[0], b"", PAYLOADS[1]]
    assert [damage.kind for damage in reader.damage] == ["header"]

"""The records of a log: whole, growing, damaged and hostile."""

from __future__ import annotations

import io
import random
import struct
import zlib

import numpy as np
import pytest

from mediatypes.interop.wandb.run_log import framing, items
from mediatypes.interop.wandb.run_log.framing import RecordReader
from mediatypes.interop.wandb.run_log.items import KeyTable
from tests.interop.wandb.wandb_log import BLOCK, Log, append, field, frame, go_json, varint


def read(data: bytes, offset: int = 0) -> tuple[list[bytes], RecordReader]:
    file = io.BytesIO(data)
    file.seek(offset)
    reader = RecordReader(file, len(data), offset)
    records = []
    for piece in reader:
        assert (piece.offsets[1:] > piece.offsets[:-1]).all()
        records += [piece.data[start:end] for start, end in zip(piece.starts, piece.ends, strict=True)]
    assert reader.count == len(records)
    return records, reader


def records(count: int, seed: int = 0, longest: int = 300) -> list[bytes]:
    chance = random.Random(seed)
    return [chance.randbytes(chance.randrange(longest)) for _ in range(count)]


@pytest.mark.parametrize("longest", [1, 50, 3000, 200_000])
def test_records_of_every_length_are_read(longest: int) -> None:
    written = records(200, longest, longest)
    found, reader = read(frame(written))
    assert found == written
    assert reader.damage == []
    assert reader.position == reader.size


def test_records_around_the_end_of_a_block() -> None:
    for left in range(20):  # bytes of the first block that are left for the second record
        first = bytes(BLOCK - 7 - 7 - left)
        written = [first, b"second record", b"third"]
        assert read(frame(written))[0] == written


def test_pieces_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "_PIECE_BYTES", 2 * BLOCK)
    written = records(40, 1, 100_000)
    assert read(frame(written))[0] == written


def test_a_log_that_grows_gives_what_a_whole_one_does() -> None:
    written = records(60, 2, 3000)
    data = frame(written)
    for cut in [0, 3, 7, 8, 500, 40_000, BLOCK, BLOCK + 3, 70_000, len(data) - 1]:
        found, reader = read(data[:cut])
        rest, after = read(data, reader.position)
        assert found + rest == written
        assert after.damage == []
        assert [one.kind for one in reader.damage] == (["torn"] if reader.position < cut or cut < 7 else [])


def test_damage_costs_the_record_that_it_hits() -> None:
    written = records(3000, 3, 200)
    data = bytearray(frame(written))
    lost = 0
    for place in (1000, 50_000, 120_001, 200_000):
        data[place] ^= 0x55
    found, reader = read(bytes(data))
    lost = len(written) - len(found)
    assert 4 <= lost <= 5  # a byte of a length may hide the next record too
    assert set(found) <= set(written)
    assert {one.kind for one in reader.damage} <= {"checksum", "part"}


def test_a_length_that_lies_costs_its_record() -> None:
    data = bytearray(frame([b"a" * 100, b"b" * 100, b"c" * 100]))
    struct.pack_into("<H", data, 7 + 4, 150)
    found, reader = read(bytes(data))
    assert found == [b"b" * 100, b"c" * 100]
    assert [(one.offset, one.size, one.kind) for one in reader.damage] == [(7, 107, "checksum")]


def test_a_lost_part_costs_its_record_only() -> None:
    written = [b"x" * 100_000, b"small", b"y" * 70_000]
    data = bytearray(frame(written))
    data[BLOCK + 100] ^= 1  # in the second of four parts
    found, reader = read(bytes(data))
    assert found == written[1:]
    assert {one.kind for one in reader.damage} == {"checksum", "part"}


def test_zeros_and_noise_end_somewhere() -> None:
    data = frame(records(50, 4))
    assert read(data + bytes(100_000))[0] == records(50, 4)
    noise = random.Random(5).randbytes(200_000)
    found, reader = read(data + noise)
    assert found[:49] == records(50, 4)[:49]
    assert reader.damage


def test_a_foreign_file_is_said() -> None:
    assert [one.kind for one in read(b"not a log at all")[1].damage] == ["foreign"]
    assert [one.kind for one in read(b":W&")[1].damage] == ["torn"]


def test_a_chunk_of_another_checksum_is_none() -> None:
    log = bytearray(frame([b"good"]))
    log += struct.pack("<IHB", zlib.crc32(b"evil"), 4, 1) + b"evil"  # without the type, as nobody computes it
    assert read(bytes(log))[0] == [b"good"]


# Items ---------------------------------------------------------------------------------------------------------------


def parse(*messages: bytes) -> tuple[list[dict[str, str]], list[bool]]:
    data = items.padded(b"".join(messages))
    ends = np.cumsum([len(message) for message in messages])
    keys = KeyTable()
    parsed, slow = items.parse(data, ends - [len(message) for message in messages], ends, keys)
    rows: list[dict[str, str]] = [{} for _ in messages]
    for row, key, start, end in zip(parsed.rows, parsed.keys, parsed.starts, parsed.ends, strict=True):
        rows[row]["/".join(keys.paths[key])] = data[start:end].decode()
    return rows, slow.tolist()


def item(key: str, json: str) -> bytes:
    return field(1, b"".join(field(2, part) for part in key.split("/")) + field(16, json))


def test_items_are_what_was_written() -> None:
    chance = random.Random(0)
    names = [f"{'k' * chance.randrange(1, 60)}{i}{'/n' * chance.randrange(3)}" for i in range(50)]
    rows = [{name: json_of(chance) for name in chance.sample(names, chance.randrange(1, 30))} for _ in range(200)]
    found, slow = parse(*(b"".join(item(name, text) for name, text in row.items()) + field(2, b"") for row in rows))
    assert found == rows
    assert not any(slow)


def json_of(chance: random.Random) -> str:
    return go_json(chance.choice([chance.random(), chance.randrange(10**9), "t" * chance.randrange(500), [1.5, None]]))


def test_odd_items_are_read_by_themselves() -> None:
    typed = field(1, field(2, "k") + varint(5 << 3 | 1) + struct.pack("<q", -7) + field(16, "-7"))
    rows, slow = parse(item("a", "1"), typed, field(1, b"\xff\xff"), item("b", "2") + b"\x01", b"")
    assert rows == [{"a": "1"}, {}, {}, {}, {}]
    assert slow == [False, True, True, True, False]
    (one,) = items.read_items(typed, 0, len(typed))
    assert one == items.Item(("k",), None, -7)


def test_a_few_long_rows_are_read_by_themselves() -> None:
    long = b"".join(item(f"k{i}", str(i)) for i in range(5000))
    rows, slow = parse(item("a", "1"), long, item("b", "2"))
    assert rows == [{"a": "1"}, {}, {"b": "2"}]
    assert slow == [False, True, False]
    assert sum(one.json == b"7" for one in items.read_items(long, 0, len(long))) == 1


def test_a_log_made_by_hand_is_framed() -> None:
    log = Log()
    log.log({"loss": 1.5}, 0)
    whole = bytearray(log.bytes())
    append(whole, b"more")
    assert read(bytes(whole))[0] == [*log.records, b"more"]


def test_each_damaged_checksum_or_length_shows() -> None:
    written = records(300, 6, 60)  # of one block: its checksums are looked at together
    whole = frame(written)
    chance = random.Random(7)
    for _ in range(200):
        data = bytearray(whole)
        data[chance.randrange(7, len(data))] ^= 1 << chance.randrange(8)
        found, reader = read(bytes(data))
        assert len(found) < len(written)
        assert set(found) <= set(written)
        assert reader.damage


def test_the_last_of_each_key_is_that_of_the_last_record() -> None:
    data = items.padded(item("a", "1") + item("b", "2") + item("b", "3") + item("a", "4") + item("c", "5"))
    parsed, _ = items.parse(data, np.array([0]), np.array([len(data) - items.PADDING]), KeyTable())
    assert set(parsed.last().texts()) == {b"3", b"4", b"5"}

"""What may be passed as a file, and what is said about the rest."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes._core.inputs import read_blob, text

DATA = b"\x89PNG..."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "photo.png"
    file.write_bytes(DATA)
    return file


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path,
        str,
        lambda path: DATA,
        lambda path: bytearray(DATA),
        lambda path: memoryview(DATA),
        lambda path: io.BytesIO(DATA),
    ],
    ids=["Path", "str", "bytes", "bytearray", "memoryview", "BytesIO"],
)
def test_content_is_read_from(make: Any, path: Path) -> None:
    blob = read_blob(make(path), "x")
    assert blob is not None
    assert blob.read() == DATA


def test_an_open_file_is_read(path: Path) -> None:
    with open(path, "rb") as file:
        blob = read_blob(file, "x")
    assert blob is not None
    assert blob.read() == DATA


def test_a_buffer_is_read_whole_after_it_was_written() -> None:
    buffer = io.BytesIO()
    buffer.write(DATA)
    blob = read_blob(buffer, "x")
    assert blob is not None
    assert blob.read() == DATA
    assert buffer.tell() == len(DATA)


def test_changing_a_bytearray_later_changes_nothing() -> None:
    data = bytearray(DATA)
    blob = read_blob(data, "x")
    data[0] = 0
    assert blob is not None
    assert blob.read() == DATA


@pytest.mark.parametrize("value", [None, 3, [1], np.zeros(3), object(), {"path": "x"}], ids=lambda v: type(v).__name__)
def test_anything_else_is_no_file(value: Any) -> None:
    assert read_blob(value, "x") is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("https://host/x.png",
         "x: expected a file on this machine, got 'https://host/x.png'. Download it and pass its path."),
        (io.StringIO("a"), "x: expected a file opened in binary mode, got <_io.StringIO"),
        ("no/such/file.png", "x: expected an existing file, got 'no/such/file.png'. Check the path."),
        ("l" * 5000, f"x: expected an existing file, got '{'l' * 56}... Check the path."),
        ("v 0 0 0\nv 1 1 1",
         r"x: expected an existing file, got 'v 0 0 0\nv 1 1 1'. Pass what a file holds as bytes: text.encode()."),
        ('{"asset": {}}',
         "x: expected an existing file, got '{\"asset\": {}}'. Pass what a file holds as bytes: text.encode()."),
        ("{\n" * 5000,
         "x: expected an existing file, got '{"),
    ],
)  # fmt: skip
def test_refusals_name_the_fix(value: Any, message: str) -> None:
    with pytest.raises(mt.InputError) as error:
        read_blob(value, "x")
    assert str(error.value).startswith(message)


def test_a_file_that_reads_text_is_refused() -> None:
    class Reader:
        def read(self) -> str:
            return "text"

    with pytest.raises(mt.InputError) as error:
        read_blob(Reader(), "x")
    assert str(error.value) == "x: expected a file that reads bytes, got 'text'. Open it with mode 'rb'."


def test_text_is_text_or_none() -> None:
    assert text(None, "x") is None
    assert text("ü\n", "x") == "ü\n"
    assert type(text(np.str_("a"), "x")) is str


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "x: expected text, got 3. Use str(...)."),
        (b"a", "x: expected text, got b'a'. Use str(...)."),
        ("\ud800", "x: expected text that UTF-8 can hold, got '\\ud800'. Remove the lone surrogates."),
    ],
)
def test_what_is_no_text_is_refused(value: Any, message: str) -> None:
    with pytest.raises(mt.InputError) as error:
        text(value, "x")
    assert str(error.value) == message

"""What a value keeps of its encoding."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.formats import png

PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by 1 whenever pixels are encoded."""
    calls: list[int] = []
    real = png.encode

    def count(*arguments: Any, **options: Any) -> bytes:
        calls.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr(png, "encode", count)
    return calls


def test_a_picture_in_a_table_that_grows_is_encoded_once(tmp_path: Path, encoded: list[int]) -> None:
    pictures = [mt.Image(PIXELS + i) for i in range(4)]
    with mt.Run(tmp_path / "run") as run:
        for end in (2, 4):
            run.log({"t": mt.Table(["image"], [[picture] for picture in pictures[:end]])})
        run.log({"last": pictures[-1]})
    assert len(encoded) == 4
    view = mt.open_run(run.path)
    tables = [table.get_column("image") for _, table in view.values("t")]
    assert tables == [pictures[:2], pictures]
    assert main(["verify", str(run.path)]) == 0


def test_it_is_encoded_again_for_another_sink_and_where_its_file_is_gone(tmp_path: Path, encoded: list[int]) -> None:
    picture = mt.Image(PIXELS)
    first, second = mt.DirectoryStore(tmp_path / "a"), mt.DirectoryStore(tmp_path / "b")
    document = mt.encode(picture, first)
    assert mt.encode(picture, first) == document
    assert len(encoded) == 1
    assert mt.encode(picture, second) == document
    assert len(encoded) == 2
    (tmp_path / "b" / document["path"]).unlink()
    assert mt.decode(mt.encode(picture, second), second) == picture


def test_a_copy_with_another_caption_is_another_value() -> None:
    picture, store = mt.Image(PIXELS, caption="a"), mt.MemoryStore()
    mt.encode(picture, store)
    assert hash(picture)
    for copy in (mt.Image(picture, caption="b"), pickle.loads(pickle.dumps(picture))):
        assert mt.encode(copy, store)["caption"] == copy.caption
        assert (copy == picture) is (copy.caption == "a")

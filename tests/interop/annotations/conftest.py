"""A small data set of pictures of noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

SIZES = {"a.png": (40, 30), "sub/b.jpg": (24, 32), "c.png": (10, 10)}  # width, height


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A directory of three pictures, one in a folder."""
    root = tmp_path / "pictures"
    for number, (name, (width, height)) in enumerate(SIZES.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
        PIL.Image.fromarray(samples).save(path)
    return root

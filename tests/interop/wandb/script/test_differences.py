"""Each difference from wandb that the documentation lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.interop import wandb
from tests.interop.wandb.script.differences import DIFFERENCES, PAGE, Difference, page


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDIATYPES_CAPTURE", "none")
    for name in ("WANDB_DIR", "MEDIATYPES_DIR", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    yield
    wandb.teardown()


@pytest.mark.parametrize("difference", DIFFERENCES, ids=[one.what for one in DIFFERENCES])
def test_it_is_as_the_page_says(difference: Difference) -> None:
    picture = np.arange(12 * 16 * 3, dtype=np.uint8).reshape(12, 16, 3)
    names: dict[str, Any] = {"wandb": wandb, "np": np, "mt": mt, "picture": picture}
    run = wandb.init()
    exec(difference.code, names)
    wandb.finish()
    view = mt.open_run(run.run.path)
    names["read"] = lambda key: [value for _, value in view.values(key)] if key in view.keys() else []  # noqa: SIM118
    names |= {"problems": [str(problem) for problem in view.problems], "summary": view.summary}
    assert eval(difference.holds, names), names["problems"]


def test_the_page_is_made_of_them() -> None:
    assert PAGE.read_text("utf-8") == page()

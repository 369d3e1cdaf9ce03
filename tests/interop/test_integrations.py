"""docs/integrations.md is what `make interop` writes, and every adapter has been tried."""

from __future__ import annotations

import json

from mediatypes.interop import trackers
from tests.interop import environments

ROOT = environments.ROOT


def test_the_page_is_as_it_is_generated() -> None:
    tried = json.loads(environments.TRIED.read_text("utf-8"))
    assert environments.PAGE.read_text("utf-8") == environments.page(tried), "run: make interop"


def test_every_tracker_and_framework_has_an_environment_and_was_tried() -> None:
    tried = json.loads(environments.TRIED.read_text("utf-8"))
    expected = {*trackers.TRACKERS, "pluto", "frameworks", "fastai", "ray"}
    assert expected == environments.ENVIRONMENTS.keys() == tried.keys()
    for environment in environments.ENVIRONMENTS.values():
        assert all((ROOT / path).exists() for path in environment.tests)

"""docs/integrations.md is what `make interop` writes, and every adapter has been tried."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

from mediatypes.interop import trackers
from tests.interop import environments

ROOT = environments.ROOT


def test_the_page_is_as_it_is_generated() -> None:
    tried = json.loads(environments.TRIED.read_text("utf-8"))
    assert environments.PAGE.read_text("utf-8") == environments.page(tried), "run: make interop"


def test_every_tracker_and_framework_has_an_environment_and_was_tried() -> None:
    tried = json.loads(environments.TRIED.read_text("utf-8"))
    expected = {*trackers.TRACKERS, "pluto", "supervision", "frameworks", "fastai", "loops", "ray", "ultralytics"}
    assert expected == environments.ENVIRONMENTS.keys() == tried.keys()
    for environment in environments.ENVIRONMENTS.values():
        assert all((ROOT / path).exists() for path in environment.tests)


def test_what_frameworks_call_by_themselves_imports_next_to_nothing() -> None:
    """Each Trainer of Lightning loads the entry point, whether it is used or not."""
    code = """
        import sys
        import mediatypes.interop
        from mediatypes.interop._entry_points import lightning_callbacks
        assert lightning_callbacks() == []
        print(*(name for name in sys.modules if name.split(".")[0] in ("mediatypes", "numpy", "pyarrow", "lightning")))
        """
    environment = {name: value for name, value in os.environ.items() if name != "MEDIATYPES_RUN"}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    expected = {"mediatypes", "mediatypes.interop", "mediatypes.interop._entry_points"}
    assert {name for name in done.stdout.split() if not name.startswith("mediatypes._core")} == expected

"""A plugin is one module and one line in the table."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.interop.tensorboard import import_logdir
from mediatypes.interop.tensorboard.plugins import BY_MESSAGE, PLUGINS, base
from tests.interop.tensorboard.event_files import event, field, metadata, record, summary, tensor, write
from tests.interop.tensorboard.importing.test_import import value


def test_one_line_makes_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(given: base.Given) -> list[base.Cell]:
        total = float(given.tensor.require_numbers().sum())
        return [base.Cell("string", "text", f"{given.caption}: {total}"), base.Cell("number", "float64", total, ".sum")]

    plugin = base.Plugin(convert, key_of=lambda tag: tag.removesuffix("/vendor"))
    monkeypatch.setitem(PLUGINS, "vendor", plugin)
    numbers = tensor(1, (3,), field(4, struct.pack("<3f", 1, 2, 3.5)))
    described = metadata("vendor", description="what it is")
    write(tmp_path / "logs", record(event(summary(value("a/vendor", numbers, described)), step=4)))
    (report,) = import_logdir(tmp_path / "logs", tmp_path / "runs").runs
    assert not report.problems
    view = mt.open_run(tmp_path / "runs" / "logs")
    assert list(view.values("a")) == [(4, "what it is: 6.5")]
    assert list(view.values("a.sum")) == [(4, 6.5)]


def test_the_plugin_of_another_is_kept_as_it_is(tmp_path: Path) -> None:
    numbers = tensor(1, (3,), field(4, struct.pack("<3f", 1, 2, 3.5)))
    write(tmp_path / "logs", record(event(summary(value("a", numbers, metadata("vendor"))), step=4)))
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    ((step, kept),) = mt.open_run(tmp_path / "runs" / "logs").values("a")
    assert step == 4
    assert np.array_equal(kept.to_numpy(), np.array([1, 2, 3.5], np.float32))


def test_each_kind_of_value_without_metadata_has_one_plugin() -> None:
    assert BY_MESSAGE == {"simple_value": "scalars", "histo": "histograms", "image": "images", "audio": "audio"}

"""Random lives of a run against plain Python: logged, killed, recovered, resumed, gone back, edited, packed, unpacked,
compacted, and cut while finishing. `make fuzz` has some hundred of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import mediatypes as mt
from mediatypes.runfolder import files
from mediatypes.writing.finish import finish as finish_folder

from .crashes import abandon, everything
from .test_model import HISTOGRAM, KEYS, NUMBERS, VALUES, Model, check, same

SET = st.one_of(NUMBERS, st.text("xyz", max_size=3), st.lists(st.integers(0, 3), max_size=2), st.just(HISTOGRAM))
IMAGES = [mt.Image(np.full((2, 3), shade, np.uint8)) for shade in (0, 1)]
FINISHING = ["history.parquet", "media.parquet", "summary.json", "run.json", "journal"]


class Died(BaseException):
    """In the middle of finishing."""


class Life(RuleBasedStateMachine):
    """A run, and what it must hold."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="life-"))
        self.root = self.folder / "runs" / "run"
        self.run, self.state = mt.Run(self.root), "live"
        self.rows, self.torn = Model(), False
        self.keys: dict[int, set[str]] = {}  # by row, also those without a value
        self.last: dict[str, Any] = {}  # values of the summary
        self.explicit: dict[str, Any] = {}
        self.config: dict[str, Any] = {}
        self.notes: str | None = None

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            if self.state == "live":
                self.run.finish()
            shutil.rmtree(self.folder)

    # A live run

    @precondition(lambda self: self.state == "live")
    @rule(
        data=st.one_of(st.dictionaries(KEYS, NUMBERS, max_size=3), st.dictionaries(KEYS, VALUES, max_size=4)),
        ahead=st.one_of(st.none(), st.integers(-1, 3)),
        commit=st.sampled_from([None, True, False]),
        times=st.sampled_from([1, 1, 20]),
    )
    def log(self, data: dict[str, Any], ahead: int | None, commit: bool | None, times: int) -> None:
        for _ in range(times):
            step = None if ahead is None else self.rows.next + ahead
            if self.rows.log(data, step, commit):
                self.run.log(data, step, commit)
                self.keys.setdefault(max(self.rows.rows), set()).update(data)
                self.last |= {key: value for key, value in data.items() if value is not None}
            else:
                with pytest.raises(mt.InputError, match="step"):
                    self.run.log(data, step, commit)

    @precondition(lambda self: self.state == "live")
    @rule(shades=st.lists(st.integers(0, 1), min_size=1, max_size=2), key=KEYS)
    def log_images(self, shades: list[int], key: str) -> None:
        images = [IMAGES[shade] for shade in shades]
        self.log({key: images if len(images) > 1 else images[0]}, None, None, 1)

    @precondition(lambda self: self.state == "live")
    @rule(values=st.dictionaries(st.sampled_from(["a", "best", "é"]), SET, min_size=1, max_size=2))
    def set_summary(self, values: dict[str, Any]) -> None:
        self.run.summary.update(values)
        self.explicit |= values

    @precondition(lambda self: self.state == "live" and self.explicit)
    @rule()
    def remove_from_summary(self) -> None:
        key = next(iter(self.explicit))
        del self.run.summary[key]
        del self.explicit[key]

    @precondition(lambda self: self.state == "live")
    @rule(values=st.dictionaries(st.sampled_from(["lr", "net"]), st.integers(-9, 9) | st.text("ab"), max_size=2))
    def set_config(self, values: dict[str, Any]) -> None:
        self.run.config.update(values)
        self.config |= values

    @precondition(lambda self: self.state == "live" and self.config)
    @rule()
    def remove_from_config(self) -> None:
        del self.run.config[next(iter(self.config))]
        del self.config[next(iter(self.config))]

    @precondition(lambda self: self.state == "live")
    @rule(status=st.sampled_from(["finished", "failed"]))
    def finish(self, status: str) -> None:
        self._unchanged(lambda: self.run.finish(status))
        self.state = "over"

    @precondition(lambda self: self.state == "live")
    @rule(torn=st.binary(max_size=20))
    def kill(self, torn: bytes) -> None:
        self._unchanged(lambda: abandon(self.run))
        with open(sorted((self.root / "journal").glob("*.log"))[-1], "ab") as journal:
            journal.write((1000 + len(torn)).to_bytes(4, "little") + torn if torn else b"")
        self.torn, self.state = self.torn or bool(torn), "killed"

    # A run that nobody writes

    @precondition(lambda self: self.state == "killed")
    @rule()
    def recover(self) -> None:
        self._unchanged(lambda: mt.recover(self.root))
        self.state = "over"

    @precondition(lambda self: self.state == "killed")
    @rule(last=st.sampled_from(FINISHING))
    def die_while_finishing(self, last: str) -> None:
        def after(real: Any, name: str) -> Any:
            def patched(path: Path, *arguments: Any, **named: Any) -> Any:
                answer = real(path, *arguments, **named)
                if name or Path(arguments[0]).name == last:
                    raise Died
                return answer

            return patched

        def finish() -> None:
            with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
                patch.setattr(os, "replace", after(os.replace, ""))
                if last == "journal":
                    patch.setattr(files, "remove_journals", after(files.remove_journals, "journal"))
                finish_folder(self.root, "crashed")

        self._unchanged(finish)
        self.state = "over" if last in ("run.json", "journal") else "killed"

    @precondition(lambda self: self.state in ("killed", "over"))
    @rule(config=st.dictionaries(st.sampled_from(["lr", "again"]), st.integers(-9, 9), max_size=1))
    def resume(self, config: dict[str, Any]) -> None:
        self.run = mt.Run(self.root, mode="resume", config=config)
        self.config |= config
        self.rows.next = max(self.rows.rows, default=-1) + 1
        self.state = "live"

    @precondition(lambda self: self.state in ("killed", "over"))
    @rule(back=st.integers(0, 4))
    def go_back(self, back: int) -> None:
        step = max(0, max(self.rows.rows, default=0) + 1 - back)
        self.run = mt.Run(self.root, mode="resume", from_step=step)
        for row in [row for row in self.rows.rows if row >= step]:
            del self.rows.rows[row]
            self.keys.pop(row, None)
        self.last = {key: value for row in self.rows.rows.values() for key, value in row.items()}
        self.rows.next, self.state = step, "live"

    @precondition(lambda self: self.state == "over")
    @rule(act=st.sampled_from([mt.pack, mt.unpack, mt.gc]))
    def move(self, act: Any) -> None:
        self._unchanged(lambda: act(self.root))
        packed = (self.root / files.PACKED).exists()
        assert not packed if act is mt.unpack else act is not mt.pack or not list(self.root.glob("media/*/*"))

    @precondition(lambda self: self.state == "over")
    @rule()
    def compact(self) -> None:
        pytest.importorskip("duckdb")
        mt.compact(self.root.parent, self.folder / "all")
        here, there = mt.open_runs(self.root.parent), mt.open_runs(self.folder / "all")
        rows, wanted = (
            [{name: cell for name, cell in row.items() if cell is not None} for row in runs.history().to_pylist()]
            for runs in (there, here)
        )
        assert repr(rows) == repr(wanted)

    @precondition(lambda self: self.state == "over")
    @rule(
        notes=st.sampled_from([None, "good", ""]),
        values=st.dictionaries(st.sampled_from(["a", "best"]), st.one_of(st.none(), st.integers(-9, 9), st.text("xy"))),
    )
    def edit(self, notes: str | None, values: dict[str, Any]) -> None:
        mt.open_run(self.root).edit(notes=notes, summary=values)
        self.notes = self.notes if notes is None else notes
        self.explicit |= values
        self.explicit = {key: value for key, value in self.explicit.items() if value is not None}

    # What holds

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "root"):
            return
        view = mt.open_run(self.root)
        check(view, list(self.rows.rows.items()))
        assert (view.config, view.notes) == (self.config, self.notes)
        expected = self.last | self.explicit
        self._same(view.summary, expected)
        assert view.summary.get("_step", -1) == max(self.rows.rows, default=-1)
        told = {problem.code for problem in view.problems} - {"kinds"}  # keys of several kinds
        assert told <= ({"torn"} if self.torn else set())
        assert view.keys().keys() == {key for keys in self.keys.values() for key in keys}
        assert {key for key, kinds in view.keys().items() if kinds != ("null",)} == self.last.keys()
        if self.state == "live":
            assert view.status == "running"
            assert dict(self.run.config) == self.config
            self._same(dict(self.run.summary), expected)
        elif self.state == "over":
            assert view.status in ("finished", "failed", "crashed")

    def _same(self, found: dict[str, Any], expected: dict[str, Any]) -> None:
        assert {key for key in found if not key.startswith("_")} == expected.keys()
        for key, value in expected.items():
            if isinstance(value, mt.MediaValue):
                assert found[key]["_type"] == type(value).__name__.lower()
            elif isinstance(value, list) and value and isinstance(value[0], mt.MediaValue):
                assert [one["_type"] for one in found[key]] == [type(one).__name__.lower() for one in value]
            else:
                assert same(found[key], value), (key, found[key], value)

    def _unchanged(self, act: Any) -> None:
        """What does not change what a run holds must not change how it reads."""
        before = everything(mt.open_run(self.root))
        act()
        assert everything(mt.open_run(self.root)) == before


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=int(os.environ.get("EXAMPLES", "12")),
    stateful_step_count=14,
    deadline=None,
    derandomize="EXAMPLES" not in os.environ,
)

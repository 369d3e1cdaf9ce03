"""Commands that a signal ends: what they made for themselves is removed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.cli._signals import ENDING
from tests.interop.elsewhere.written import clearml_zip
from tests.processes import Start

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a process there gets no SIGTERM")

COMMAND = "import sys, tempfile; from mediatypes.cli import main; tempfile.tempdir = sys.argv[1]; "
VIEW = COMMAND + "sys.exit(main(['view', sys.argv[2], '--port', '0', '--no-browser']))"
# The archive is unpacked into a temporary folder; the signal comes while the command reads there.
IMPORT = (
    COMMAND
    + "import os, signal; from mediatypes.interop.elsewhere import clearml; "
    + "clearml._read = lambda folder: (print(folder, flush=True), sys.stdin.read()); "
    + "sys.exit(main(['import', sys.argv[2], '-o', sys.argv[3]]))"
)


@pytest.mark.parametrize("number", ENDING)
def test_view_removes_what_it_made(tmp_path: Path, start: Start, number: int) -> None:
    (own := tmp_path / "temporary").mkdir()
    run = mt.Run(tmp_path / "run", capture=False)
    run.log({"a": 1})  # its snapshot is made when the page asks
    view = start(VIEW, own, run.path)
    assert view.stdout is not None
    assert "http://" in view.stdout.readline()
    assert list(own.iterdir())
    view.send_signal(number)
    _, err = view.communicate(timeout=60)
    assert (view.returncode, err, list(own.iterdir())) == (128 + number, "", [])
    run.finish()


def test_import_removes_what_it_made(tmp_path: Path, start: Start) -> None:
    (own := tmp_path / "temporary").mkdir()
    made = start(IMPORT, own, clearml_zip(tmp_path / "source"), tmp_path / "runs")
    assert made.stdout is not None
    folder = Path(made.stdout.readline().rstrip())
    assert folder.is_relative_to(own)
    assert (folder / "task.json").exists()
    made.send_signal(signal.SIGTERM)
    _, err = made.communicate(timeout=60)
    assert (made.returncode, err, list(own.iterdir())) == (143, "", [])
    assert not list((tmp_path / "runs").glob("**/*"))


def test_signals_are_as_they_were_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    during = list[object]()

    def interrupted(_: str) -> None:
        during.extend(map(signal.getsignal, ENDING))
        raise KeyboardInterrupt

    monkeypatch.setattr("mediatypes.runset.runset.open_runs", interrupted)
    before = [signal.getsignal(number) for number in ENDING]
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        assert main(["ls", str(tmp_path)]) == 130
        after = [signal.getsignal(number) for number in ENDING]
    finally:
        for number, handler in zip(ENDING, before, strict=True):
            signal.signal(number, handler)
    assert callable(during[0])
    assert during[1] == signal.SIG_IGN
    assert after == [signal.SIG_DFL, signal.SIG_IGN]

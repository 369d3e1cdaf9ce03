"""Files that appear whole: what is left when the system refuses, and what killed processes left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes._core import atomic
from mediatypes._core.processes import is_alive, this_process
from tests.processes import ROOT, left_by_a_killed_process


def refuse(*_: Any, **__: Any) -> Any:
    raise OSError(28, "No space left on device")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    atomic.write(tmp_path / "a", [b"one", b"two"], "write it", durable=True)
    atomic.write(tmp_path / "a", [b"three"], "write it")
    assert (tmp_path / "a").read_bytes() == b"three"
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_is_made_whole(tmp_path: Path) -> None:
    with atomic.replacing(tmp_path / "folder", "make it") as temporary:
        temporary.mkdir()
        (temporary / "a").write_bytes(b"1")
        assert not (tmp_path / "folder").exists()
    assert (tmp_path / "folder" / "a").read_bytes() == b"1"


@pytest.mark.parametrize("call", ["replace", "fsync", "open", "close"])
def test_whatever_the_system_refuses_is_a_store_error_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    (tmp_path / "a").write_bytes(b"before")
    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(mt.StoreError, match=r"/a: expected to write it, got 'No space left on device'") as caught:
        atomic.write(tmp_path / "a", [b"after"], "write it", durable=True)
    monkeypatch.undo()
    assert caught.value.errno == 28
    assert (tmp_path / "a").read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_another_error_passes_and_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), atomic.replacing(tmp_path / "folder", "make it") as temporary:
        temporary.mkdir()
        (temporary / "a").write_bytes(b"1")
        raise error
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["history.parquet", "x" * 255, "名" * 85, "a.b-c", ".hidden"])
def test_names_are_short_enough_and_recognised(tmp_path: Path, name: str) -> None:
    temporary = atomic.temporary_name(name)
    (tmp_path / temporary).write_bytes(b"")
    assert atomic.is_temporary(temporary)
    assert not atomic.is_leftover(temporary, is_locked=True)  # this process lives
    assert atomic.is_leftover(left_by_a_killed_process(name))
    assert not atomic.is_temporary(name)


def test_leftovers_of_killed_processes_are_removed_and_nothing_else(tmp_path: Path) -> None:
    """A real process is killed while it writes: what it left stays as long as it lives."""
    code = (
        "import sys, time; from pathlib import Path; from mediatypes._core import atomic\n"
        "with atomic.replacing(Path(sys.argv[1]), 'write it') as path:\n"
        " path.mkdir(); (path / 'part').write_bytes(b'1'); print('now', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(tmp_path / "a")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (own,) = os.listdir(tmp_path)
        kept = [".a.tmp", "a.tmp", ".a.x.12345678.tmp", atomic.temporary_name("a")]
        for name in [*kept, left_by_a_killed_process("b")]:
            (tmp_path / name).write_bytes(b"")
        atomic.remove_leftovers(tmp_path, "a")
        assert own in os.listdir(tmp_path)
        process.send_signal(signal.SIGKILL)
    atomic.remove_leftovers(tmp_path, "a")
    assert len(os.listdir(tmp_path)) == len(kept) + 1  # that of b
    atomic.remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(kept)


def test_what_another_host_left_is_removed_only_by_who_holds_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = left_by_a_killed_process("a")
    host = name.split(".")[2].partition("-")[0]
    (tmp_path / name.replace(host, "0" * 8)).write_bytes(b"")
    atomic.remove_leftovers(tmp_path)
    assert len(os.listdir(tmp_path)) == 1
    atomic.remove_leftovers(tmp_path, is_locked=True)
    assert os.listdir(tmp_path) == []


def test_a_process_id_that_is_used_again_is_another_process() -> None:
    assert is_alive(this_process()) is True
    assert is_alive({**this_process(), "began": "1"}) is False
    assert is_alive({**this_process(), "host": "elsewhere"}) is None


@pytest.mark.parametrize("write", ["table", "packed", "export"])
def test_the_next_writer_of_a_file_removes_what_a_killed_one_left(tmp_path: Path, write: str) -> None:
    target = tmp_path / "out.parquet"
    (tmp_path / left_by_a_killed_process(target.name)).write_bytes(b"half")

    def packed() -> None:
        with mt.PackedStore(target) as store:
            mt.encode(mt.Html("x"), store)

    def export() -> None:
        with mt.Run(tmp_path / "run") as run:
            run.log({"a": 1})
        mt.export(run.path, "csv", target)

    writers: dict[str, Callable[[], Any]] = {
        "table": lambda: mt.Table(["a"], [[1]]).to_parquet(target),
        "packed": packed,
        "export": export,
    }
    writers[write]()
    assert {path.name for path in tmp_path.iterdir()} <= {"out.parquet", "run"}

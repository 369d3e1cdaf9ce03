"""Few file handles, and processes that fork or end while threads are busy: what `log()` returned from is there."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.run import writer_hook

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fork and limits are POSIX")

HANDLES = """
import os, resource, sys
import numpy as np
import mediatypes as mt

def log(run, rows):
    for n in range(3):
        try:
            run.log({"n": n, "photo": mt.Image(np.full((2, 3), n, np.uint8)), "table": mt.Table(["a"], [[n]])})
            rows.append(n)
        except mt.StoreError as error:
            assert str(run.path) in str(error), error
            refused.append(error)

root, most, refused = sys.argv[1], resource.getrlimit(resource.RLIMIT_NOFILE)[1], []
with mt.Run(f"{root}/warm") as run:
    log(run, [])
mt.pack(run.path)
used = max(map(int, os.listdir("/proc/self/fd"))) + 1
for free in range(20):
    run, rows = None, []
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + free, most))
    try:
        run = mt.Run(f"{root}/{free}")
    except mt.StoreError as error:
        assert f"{root}/{free}" in str(error), error
        refused.append(error)
    if run:
        log(run, rows)
        try:
            run.finish()
            mt.pack(run.path)
        except mt.StoreError as error:
            assert f"{root}/{free}" in str(error), error
            refused.append(error)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if run is None:
        run = mt.Run(f"{root}/{free}")
    run.finish()
    view = mt.open_run(run.path)
    assert [n for _, n in view.values("n")] == rows if rows else not view.history().num_rows
    assert len(list(view.values("photo"))) == len(rows) if rows else True
    assert not [name for _, _, names in os.walk(run.path) for name in names if name.endswith(".tmp")]
print(len(refused))
"""

BUSY = """
import json, os, sys, threading, time
import numpy as np
import mediatypes as mt

run, returned, lock = mt.Run(sys.argv[1]), [], threading.Lock()

def log(thread):
    for n in range(10**9):
        run.log({f"n{thread}": n, "photo": mt.Image(np.full((2, 3), n % 256, np.uint8))})
        with lock:
            returned.append((thread, n))

for thread in range(4):
    threading.Thread(target=log, args=(thread,), daemon=True).start()
children = []
while len(returned) < 200:
    if len(children) < 5:
        child = os.fork()
        if not child:
            try:
                run.log({"child": 1})
            except mt.RunClosed:
                os._exit(7)
            os._exit(1)
        children.append(child)
    time.sleep(0.001)
for child in children:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
with lock:
    last = {}
    for thread, n in returned:
        last[thread] = n
    print(json.dumps(sorted(last.items())), flush=True)
    os._exit(3)
"""


def _run(code: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=300
    )


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts handles in /proc")
def test_few_file_handles_cost_nothing_that_was_logged(tmp_path: Path) -> None:
    done = _run(HANDLES, tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5


def test_a_process_that_forks_and_ends_while_threads_log_loses_nothing(tmp_path: Path) -> None:
    done = _run(BUSY, tmp_path / "run")
    assert done.returncode == 3, done.stderr
    view = mt.recover(tmp_path / "run")
    assert "child" not in set(view.keys())
    for thread, last in json.loads(done.stdout):
        found = [n for _, n in view.values(f"n{thread}")]
        assert found[: last + 1] == list(range(last + 1))
        assert len(found) <= last + 2
    photos = sum(1 for _ in view.values("photo"))
    assert photos == view.history().num_rows


def test_a_signal_handler_may_finish_a_run_that_is_being_finished(tmp_path: Path) -> None:
    run, calls = mt.Run(tmp_path / "run"), list[str]()
    run.log({"loss": 0.5})

    def interrupted() -> None:
        calls.append("interrupted")
        if len(calls) == 1:
            run.finish("failed")  # as a handler of SIGTERM does

    writer_hook(run).before_finish(lambda: calls.append("other"))
    writer_hook(run).before_finish(interrupted)
    run.finish()
    assert (mt.open_run(tmp_path / "run").status, calls) == ("failed", ["interrupted", "interrupted", "other"])


def test_who_finishes_a_run_that_another_thread_finishes_waits_for_it(tmp_path: Path) -> None:
    run, calls = mt.Run(tmp_path / "run"), list[str]()
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert go_on.wait(60)
        calls.append("slow")

    for finisher in (lambda: calls.append("last"), slow):
        writer_hook(run).before_finish(finisher)
    threads = [threading.Thread(target=run.finish) for _ in range(2)]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert (mt.open_run(tmp_path / "run").status, calls) == ("finished", ["slow", "last"])

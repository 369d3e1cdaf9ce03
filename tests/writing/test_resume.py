"""Going on with a run, finishing one that was killed, changing one that is over, and who may do so."""

# pyright: reportPossiblyUnboundVariable=false
from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mediatypes as mt
from mediatypes.runfolder import files
from mediatypes.writing import finish

KILLED = """
    import os, sys, numpy as np, mediatypes as mt
    run = mt.Run(sys.argv[1], config={"lr": 0.1}, tags=["first"])
    run.config["depth"] = 3
    for i in range(3):
        run.log({"i": i, "img": mt.Image(np.full((4, 4, 3), i, np.uint8))})
    run.summary["best"] = 2
    run.log({"open": 1}, commit=False)
    os._exit(9)
"""


def killed(root: Path, start: Any) -> Path:
    start(KILLED, root).wait()
    return root


def rows(view: mt.RunView) -> list[dict[str, Any]]:
    found = view.history().drop(["_timestamp", "_runtime"]).to_pylist()
    return [{key: value for key, value in row.items() if value is not None} for row in found]


def everything(view: mt.RunView) -> Any:
    summary = {key: value for key, value in view.summary.items() if key not in ("_timestamp", "_runtime")}
    return rows(view), view.keys(), view.config, summary, view.problems


@pytest.mark.parametrize("sessions", [1, 2, 4])
def test_a_finished_run_goes_on_after_its_last_row(tmp_path: Path, sessions: int) -> None:
    for session in range(sessions):
        with mt.Run(tmp_path / "run", mode="allow", config={f"session{session}": session}) as run:
            run.log({"i": session, "text": f"t{session}"})
            run.log({"i": session + 0.5, "img": mt.Image(np.full((4, 4, 3), session, np.uint8))})
        view = mt.open_run(tmp_path / "run")
        assert view.status == "finished"
    table = view.history(["i"])
    assert table.column("_step").to_pylist() == list(range(2 * sessions))
    assert [value for _, value in view.values("i")] == [s + half for s in range(sessions) for half in (0, 0.5)]
    assert [int(image.to_numpy()[0, 0, 0]) for _, image in view.values("img")] == list(range(sessions))
    assert view.config == {f"session{session}": session for session in range(sessions)}
    assert len(pd.read_parquet(view.path / "media.parquet")) == sessions
    assert not (view.path / "journal").exists()


def test_a_killed_run_goes_on_and_its_open_row_stays(tmp_path: Path, start: Any) -> None:
    root = killed(tmp_path / "run", start)
    before = mt.open_run(root)
    run = mt.Run(root, mode="resume", config={"lr": 0.2}, notes="again")
    assert run.id == before.id
    assert run.config == {"lr": 0.2, "depth": 3}
    assert (run.summary["best"], run.summary["i"]) == (2, 2)
    live = mt.open_run(root)
    assert live.status == "running"
    assert rows(live) == rows(before)
    run.log({"i": 3})
    assert mt.open_run(root).summary["i"] == 3
    run.finish()
    view = mt.open_run(root)
    assert (view.status, view.notes, view.tags, view.config) == (
        "finished",
        "again",
        ["first"],
        {"lr": 0.2, "depth": 3},
    )
    assert [step for step, _ in view.values("i")] == [0, 1, 2, 4]
    assert list(view.values("open")) == [(3, 1)]
    assert view.summary["best"] == 2
    assert len(list(view.values("img"))) == 3


def test_what_was_set_stays_set_over_sessions(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"acc": 0.5, "n": 2**53 + 1})
        run.summary["acc"] = 0.9
        run.summary["picture"] = mt.Image(np.zeros((2, 2, 3), np.uint8))
    with mt.Run(run.path, mode="resume") as run:
        run.log({"acc": 0.6})
        assert run.summary["acc"] == 0.9
    summary = mt.open_run(run.path).summary
    assert (summary["acc"], summary["n"], summary["picture"]["_type"]) == (0.9, 2**53 + 1, "image")
    with mt.Run(run.path, mode="resume") as run:
        del run.summary["acc"]
    assert mt.open_run(run.path).summary["acc"] == 0.6


def test_kinds_that_come_later_unify_with_what_is_stored(tmp_path: Path) -> None:
    values = [1, 2.5, "text", [1.0, None], ["a", None], {}, None, True, 2**60, float("nan"), -0.0]
    with mt.Run(tmp_path / "one") as whole:
        for value in values:
            whole.log({"x": value, "X": 1})
    for value in values:
        with mt.Run(tmp_path / "many", mode="allow") as run:
            run.log({"x": value, "X": 1})
    one, many = mt.open_run(whole.path), mt.open_run(run.path)
    assert one.history().schema.names == many.history().schema.names
    # All but the problems: a session tells of the kinds that it has seen. repr: NaN equals itself, -0.0 is not 0.0.
    assert repr(everything(one)[:-1]) == repr(everything(many)[:-1])


def test_a_resumed_run_reads_its_stored_rows_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.runfolder.merge_rows.GROUP_ROWS", 7)
    with mt.Run(tmp_path / "run") as run:
        for i in range(20):
            run.log({"i": i, "t": str(i)} if i % 3 else {"i": i})
    with mt.Run(run.path, mode="resume") as run:
        for i in range(20, 40):
            run.log({"i": i, "t": str(i)} if i % 3 else {"i": i})
    found = rows(mt.open_run(run.path))
    assert found == [{"_step": i, "i": i, "t": str(i)} if i % 3 else {"_step": i, "i": i} for i in range(40)]


# Finishing in steps: whatever moment it is cut at, the run reads the same and can be finished or resumed.
STEPS = ["history", "media", "summary", "run", "journal"]


def _cut_finish(root: Path, last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finish, but die right after the file `last` was put in place."""

    class Died(BaseException):
        pass

    def after(real: Any, name: str) -> Any:
        def patched(path: Path, *args: Any, **kwargs: Any) -> Any:
            answer = real(path, *args, **kwargs)
            if name == last or (not name and Path(args[0]).name.partition(".")[0] == last):
                raise Died
            return answer

        return patched

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", after(os.replace, ""))
        patch.setattr(files, "remove_journals", after(files.remove_journals, "journal"))
        with pytest.raises(Died):
            finish.finish(root, "finished")


@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("last", STEPS)
def test_a_crash_at_each_moment_of_finishing_is_safe(
    tmp_path: Path, start: Any, monkeypatch: pytest.MonkeyPatch, last: str, resumed: bool
) -> None:
    root = tmp_path / "run"
    if resumed:
        with mt.Run(root) as run:
            run.log({"i": -1, "old": "x"})
            run.summary["set"] = 1
    code = """
        import os, sys, numpy as np, mediatypes as mt
        run = mt.Run(sys.argv[1], mode="allow")
        for i in range(4):
            run.log({"i": i, "img": mt.Image(np.full((4, 4, 3), i, np.uint8))})
        run.summary["best"] = 7
        os._exit(0)
    """
    start(code, root).wait()
    before = everything(mt.open_run(root))
    _cut_finish(root, last, monkeypatch)
    assert everything(mt.open_run(root)) == before
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    recovered = mt.recover(copy)
    assert everything(recovered) == before
    assert not (copy / "journal").exists() or recovered.status == "finished"
    with mt.Run(root, mode="resume") as run:
        run.log({"i": 99})
    view = mt.open_run(root)
    assert [value for _, value in view.values("i")] == [*([-1] if resumed else []), 0, 1, 2, 3, 99]
    assert view.summary["best"] == 7
    assert not (root / "journal").exists()


def test_finishing_twice_is_finishing_once(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"a": 1})
    run.finish()
    content = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    run.finish()
    assert mt.recover(run.path).status == "finished"
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == content


def test_recovering_a_killed_run_writes_its_files(tmp_path: Path, start: Any) -> None:
    root = killed(tmp_path / "run", start)
    with open(root / "journal" / "0001-0.log", "ab") as journal:
        journal.write(b"\x50\0\0\0half a frame")
    view = mt.open_run(root)
    before = everything(view)
    assert view.status == "crashed"
    recovered = mt.recover(root)
    assert recovered.status == "crashed"
    assert everything(recovered) == before
    assert [problem.code for problem in recovered.problems] == ["torn"]
    assert len(pd.read_parquet(root / "history.parquet")) == 4
    assert not (root / "journal").exists()
    with mt.Run(root, mode="resume") as run:
        run.log({"i": 3})
    assert mt.open_run(root).status == "finished"


def test_a_damaged_journal_is_kept_aside(tmp_path: Path, start: Any) -> None:
    root = killed(tmp_path / "run", start)
    path = root / "journal" / "0001-0.log"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    problems = mt.recover(root).problems
    assert any(problem.code in ("frame", "checksum") for problem in problems)
    assert (root / "damaged" / "0001-0.log").read_bytes() == content


def test_a_second_writer_is_refused_with_who_holds_the_run(tmp_path: Path, start: Any) -> None:
    code = """
        import sys, time, mediatypes as mt
        run = mt.Run(sys.argv[1])
        run.log({"a": 1})
        print("ready", flush=True)
        time.sleep(60)
    """
    process = start(code, tmp_path / "run")
    assert process.stdout.readline() == "ready\n"
    host = json.loads((tmp_path / "run" / "journal" / "lock").read_text())["host"]
    said = rf"expected a run that nobody else writes, got process {process.pid} on {host}, writing since \d{{4}}-"
    refused: list[Any] = [
        lambda: mt.Run(tmp_path / "run", mode="resume"),
        lambda: mt.Run(tmp_path / "run", mode="allow"),
        lambda: mt.recover(tmp_path / "run"),
        lambda: mt.recover(tmp_path / "run", force=True),
        lambda: mt.open_run(tmp_path / "run").edit(notes="x"),
    ]
    for attempt in refused:
        with pytest.raises(mt.RunLocked, match=said):
            attempt()
    process.kill()
    process.wait()
    with mt.Run(tmp_path / "run", mode="resume") as run:
        run.log({"a": 2})
    assert [value for _, value in mt.open_run(run.path).values("a")] == [1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_that_outlives_the_writer_holds_no_lock(tmp_path: Path, start: Any) -> None:
    code = """
        import os, sys, time, mediatypes as mt
        run = mt.Run(sys.argv[1])
        run.log({"a": 1})
        if os.fork() == 0:
            print(os.getpid(), flush=True)
            time.sleep(30)
        os._exit(0)
    """
    process = start(code, tmp_path / "run")
    child = int(process.stdout.readline())
    process.wait()
    try:
        assert mt.recover(tmp_path / "run").status == "crashed"
    finally:
        os.kill(child, signal.SIGKILL)


def test_without_locks_of_the_system_the_process_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Any
) -> None:
    monkeypatch.setattr("mediatypes.runfolder.lock._lock", lambda fd: None)
    root = killed(tmp_path / "run", start)
    lock = root / "journal" / "lock"
    holder = json.loads(lock.read_text())
    lock.write_text(json.dumps(holder | {"host": "elsewhere"}))
    with pytest.raises(mt.RunLocked, match="If it is gone already, run `mediatypes recover --force` on the run"):
        mt.recover(root)
    assert mt.open_run(root).status == "crashed"
    assert mt.recover(root, force=True).status == "crashed"
    with mt.Run(root, mode="resume") as run, pytest.raises(mt.RunLocked, match="got this process, writing since"):
        mt.Run(root, mode="resume")
    assert run.path == root


def test_only_one_of_many_that_resume_at_once_gets_the_run(tmp_path: Path, start: Any) -> None:
    root = killed(tmp_path / "run", start)
    code = """
        import sys, mediatypes as mt
        sys.stdin.readline()
        try:
            run = mt.Run(sys.argv[1], mode="resume")
        except mt.RunLocked:
            print("refused", flush=True)
        else:
            print("got it", flush=True)
            sys.stdin.readline()
            run.log({"who": 1})
    """
    processes = [start(code, root) for _ in range(6)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.stdout.readline().strip() for process in processes]
    assert sorted(answers) == ["got it"] + ["refused"] * 5
    for process in processes:
        process.communicate("done\n", timeout=60)
    assert len(list(mt.open_run(root).values("who"))) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"mode": "resume"},
            mt.StoreError,
            'run: expected a run to resume, got none. Pass mode="allow" to begin one where there is none.',
        ),
        (
            {"mode": "append"},
            mt.InputError,
            "Run.mode: expected 'create', 'resume' or 'allow', got 'append'. Leave it out to begin a new run.",
        ),
        ({"fsync": -1}, mt.InputError, "Run.fsync: expected seconds, 0 or more, got -1. Leave it out, or pass 1.0."),
        (
            {"group": 5, "job_type": b"x"},
            mt.InputError,
            "Run.group: expected text, got 5.",
        ),
    ],
)
def test_a_run_that_cannot_be_opened_says_why(
    tmp_path: Path, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        mt.Run(tmp_path / "run", **arguments)
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_directory_where_a_run_was_not_born_is_free(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    header = (run.path / "journal" / "0001-0.log").read_bytes()
    run.log({"a": 1})
    calls = (run.path / "journal" / "0001-0.log").read_bytes()
    run.finish()
    for name, content, free in (("one", header, True), ("two", header[:20], True), ("three", calls, False)):
        folder = tmp_path / name / "journal"
        folder.mkdir(parents=True)
        (folder / "0001-0.log").write_bytes(content)
        if free:
            mt.Run(tmp_path / name).finish()
        else:
            with pytest.raises(mt.RunExists, match=r"got 0001-0.log with calls, but no run.json. Restore run.json"):
                mt.Run(tmp_path / name)


def test_editing_changes_texts_tags_and_summary(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", group="g1", job_type="train", tags=["a"]) as run:
        run.log({"acc": 0.5})
        run.summary["best"] = 1
    view = mt.open_run(run.path)
    assert (view.group, view.job_type) == ("g1", "train")
    view.edit(notes="good", tags=["b", "c"], summary={"verdict": {"ok": True}, "best": None, "acc": 0.75})
    for seen in (view, mt.open_run(run.path)):
        assert (seen.notes, seen.tags, seen.group) == ("good", ["b", "c"], "g1")
        assert {key: value for key, value in seen.summary.items() if key[0] != "_"} == {"acc": 0.75, "verdict.ok": True}
    view.edit(summary={"acc": None})
    assert view.summary["acc"] == 0.5
    view.edit(summary={"acc": 0.75})
    with mt.Run(run.path, mode="resume") as run:
        run.log({"acc": 0.6})
    assert mt.open_run(run.path).summary["acc"] == 0.75
    assert mt.open_run(run.path).tags == ["b", "c"]


def test_a_bad_edit_changes_nothing_and_names_every_problem(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"acc": 0.5})
    content = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    image: Any = mt.Image(np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(mt.InputError) as caught:
        mt.open_run(run.path).edit(summary={"a": object(), "b": b"x", "c": image})
    assert [problem.path for problem in caught.value.problems] == [f'edit.summary["{key}"]' for key in "abc"]
    with pytest.raises(mt.InputError, match=r"edit.tags: expected a list of texts, got 'x'"):
        mt.open_run(run.path).edit(tags="x")  # type: ignore[arg-type]
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == content


def test_a_killed_run_is_not_edited_before_it_is_recovered(tmp_path: Path, start: Any) -> None:
    root = killed(tmp_path / "run", start)
    with pytest.raises(mt.StoreError, match="expected a run that is over, got the crashed run"):
        mt.open_run(root).edit(notes="x")
    mt.recover(root).edit(notes="x")
    assert mt.open_run(root).notes == "x"


@pytest.mark.parametrize("fsync", [0, 0.01])
def test_a_run_that_syncs_is_a_run(tmp_path: Path, fsync: float) -> None:
    with mt.Run(tmp_path / "run", fsync=fsync) as run:
        for i in range(20):
            run.log({"i": i, "img": mt.Image(np.full((4, 4, 3), i, np.uint8))})
        run.summary["best"] = 1
    assert [value for _, value in mt.open_run(run.path).values("i")] == list(range(20))


@pytest.mark.skipif(sys.platform == "win32", reason="patches fsync of POSIX")
def test_the_disk_is_waited_for_within_the_time_that_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.fstat(fd).st_size), real(fd))[1])
    journal = tmp_path / "run" / "journal" / "0001-0.log"
    run = mt.Run(tmp_path / "run", fsync=0)
    for i in range(3):
        run.log({"i": i})
        assert synced[-1] == journal.stat().st_size
    run.finish()
    run = mt.Run(tmp_path / "run", mode="resume", fsync=0.05)
    run.log({"i": 3})
    size = (run.path / "journal" / "0001-3.log").stat().st_size
    for _ in range(100):
        if size in synced:
            break
        time.sleep(0.02)
    assert size in synced
    run.finish()

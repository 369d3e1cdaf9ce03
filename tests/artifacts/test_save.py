"""Files that are kept with a run: what a folder of them holds, what is listed, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.runfolder import saved_files
from mediatypes.upkeep.verify import check
from tests.processes import Start

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "files-1.0.json").read_bytes())


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with files of a training."""
    folder = tmp_path / "work"
    (folder / "out" / "deep").mkdir(parents=True)
    (folder / "config.yaml").write_text("lr: 0.1\n")
    for name in ("a.pt", "b.pt", "deep/c.pt", "deep/log.txt", ".hidden"):
        (folder / "out" / name).write_text(f"content of {name}")
    monkeypatch.chdir(folder)
    return folder


def listed(root: Path) -> dict[str, Any]:
    """What `files.json` says, which follows its schema and is true."""
    value = json.loads((root / "files.json").read_bytes())
    Draft202012Validator(SCHEMA).validate(value)
    files = {file["name"]: file for file in value["files"]}
    for name, file in files.items():
        content = (root / "files" / name).read_bytes()
        assert (file["sha256"], file["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
    return files


def problems(root: Path) -> list[str]:
    return [problem.code for problem in check(root, deep=True).problems]


@pytest.mark.parametrize(
    ("pattern", "base", "expected"),
    [
        ("config.yaml", None, ["config.yaml"]),
        ("out/*.pt", None, ["out/a.pt", "out/b.pt"]),
        ("out/*.pt", "out", ["a.pt", "b.pt"]),
        ("out/**/*.pt", "out", ["a.pt", "b.pt", "deep/c.pt"]),
        ("out", None, ["out/a.pt", "out/b.pt", "out/deep/c.pt", "out/deep/log.txt"]),
        ("{work}/out/*.pt", None, ["out/a.pt", "out/b.pt"]),
        ("{work}/out/deep/c.pt", "{work}", ["out/deep/c.pt"]),
    ],
)
def test_names_begin_at_the_base(work: Path, pattern: str, base: str | None, expected: list[str]) -> None:
    with mt.Run(work.parent / "run") as run:
        saved = run.save(pattern.format(work=work), base and base.format(work=work))
    assert [file.name for file in saved] == expected
    assert sorted(listed(run.path)) == expected
    assert {name: file.read_bytes() for name, file in mt.open_run(run.path).files().items()} == {
        file.name: Path(file).read_bytes() for file in saved
    }
    assert problems(run.path) == []


def test_the_newest_of_a_name_stays(work: Path) -> None:
    with mt.Run(work.parent / "run") as run:
        (first,) = run.save("config.yaml")
        (work / "config.yaml").write_text("lr: 0.2\n")  # as many bytes
        (second,) = run.save("config.yaml")
        assert second.sha256 != first.sha256
        (again,) = run.save("config.yaml")
        assert again == second
    assert (run.path / "files" / "config.yaml").read_text() == "lr: 0.2\n"
    assert list(listed(run.path)) == ["config.yaml"]
    assert sorted(path.name for path in (run.path / "files").iterdir()) == ["config.yaml"]


def test_equal_content_is_stored_once_and_replaced_alone(work: Path) -> None:
    shutil.copy(work / "out" / "a.pt", work / "out" / "best.pt")
    with mt.Run(work.parent / "run") as run:
        a, _, best = run.save("out/*.pt", "out")
        assert os.path.samefile(a, best)
        (work / "out" / "best.pt").write_text("better")
        run.save("out/best.pt", "out")
        run.save("out/*.pt", "out")
    assert Path(a).read_text() == "content of a.pt"
    assert Path(best).read_text() == "better"
    listed(run.path)
    assert problems(run.path) == []


def test_all_that_is_wrong_is_said_and_nothing_saved(work: Path) -> None:
    (work / "secret").write_text("x")
    odd = work / "odd"
    odd.mkdir()
    for name in ("CON", "a:b", "Same", "same", "good"):
        (odd / name).write_text(name)
    (odd / "link").symlink_to(work / "secret")
    (odd / "gone").symlink_to("nothing")
    os.mkfifo(odd / "pipe")
    with mt.Run(work.parent / "run") as run:
        with pytest.raises(mt.InputError) as caught:
            run.save("odd/*", "odd")
        codes = [problem.code for problem in caught.value.problems]
        assert sorted(codes) == ["link", "no-file", "no-file", "twins", "unsafe", "unsafe"]
        (work.parent / "above").write_text("x")
        for pattern, base in (("../above", None), ("config.yaml", "out")):
            with pytest.raises(mt.InputError, match="expected a file below"):
                run.save(pattern, base)
        for pattern in ("nothing.pt", "*.nothing", "", "s3://bucket/x", 7):
            with pytest.raises(mt.InputError):
                run.save(pattern)  # type: ignore[arg-type]
        with pytest.raises(mt.InputError, match="begin with a dot"):
            run.save("out/.hidden")
        assert not (run.path / "files").exists()


def test_with_record_the_good_files_are_kept(work: Path) -> None:
    for name in ("a:b", "good"):
        (work / "out" / name).write_text(name)
    with mt.Run(work.parent / "run", on_error="record") as run:
        saved = run.save("out/*", "out")
        assert run.save("nothing") == []
    assert [file.name for file in saved] == ["a.pt", "b.pt", "deep/c.pt", "deep/log.txt", "good"]
    assert [problem.code for problem in run.problems] == ["unsafe", "no-file"]


def test_links_are_followed_inside_only_or_when_they_are_named(work: Path, tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("elsewhere")
    (work / "out" / "latest.pt").symlink_to("a.pt")
    (work / "named.pt").symlink_to(tmp_path / "weights")
    (work / "out" / "up").symlink_to(tmp_path)
    with mt.Run(work.parent / "run") as run:
        assert "latest.pt" in [file.name for file in run.save("out/*.pt", "out")]
        run.save("named.pt")
        with pytest.raises(mt.InputError, match="no link that leaves"):
            run.save("out/up/weights", "out")
    assert (run.path / "files" / "latest.pt").read_text() == "content of a.pt"
    assert (run.path / "files" / "named.pt").read_text() == "elsewhere"
    assert not (run.path / "files" / "latest.pt").is_symlink()


def test_a_run_does_not_save_itself(work: Path) -> None:
    with mt.Run(work / "runs" / "demo") as run:
        run.log({"loss": 1.0})
        names = [file.name for file in run.save("**/*")]
    assert names == ["config.yaml", "out/a.pt", "out/b.pt", "out/deep/c.pt", "out/deep/log.txt"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_nothing_is_written_through_links_of_the_run(work: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    with mt.Run(work.parent / "run") as run:
        (run.path / "files").mkdir()
        (run.path / "files" / "out").symlink_to(tmp_path / "outside")
        with pytest.raises(mt.UnsafePath):
            run.save("out/a.pt")
        (run.path / "files" / "out").unlink()
    assert list((tmp_path / "outside").iterdir()) == []


def test_what_a_killed_process_kept_is_listed_when_the_run_is_recovered(work: Path, start: Start) -> None:
    """It was killed between the file and the list: the file counts."""
    code = """
        import os, sys
        import mediatypes as mt
        from mediatypes.runfolder import files, saved_files
        run = mt.Run(sys.argv[1])
        run.save("config.yaml")
        open("config.yaml", "w").write("changed")
        saved_files._write_listed = lambda *_: os._exit(1)
        run.save("config.yaml")
    """
    root = work.parent / "run"
    shutil.copy(work / "config.yaml", work.parent)  # where the process works
    assert start(code, root).wait(60) == 1
    (root / "files" / "by-hand.txt").write_text("of somebody else")
    view = mt.open_run(root)
    assert view.files()["config.yaml"].path.read_bytes() == b"changed"
    assert problems(root) == []  # of a run that is not over it is a note
    mt.recover(root)
    assert sorted(listed(root)) == ["by-hand.txt", "config.yaml"]
    assert problems(root) == []


def test_verify_names_every_damage(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(work.parent / "run") as run:
        run.save("out/*", "out")
    files = run.path / "files"
    (files / "a.pt").write_text("Content of a.pt")
    (files / "b.pt").write_text("short")
    (files / "deep" / "c.pt").unlink()
    assert problems(run.path) == ["hash", "size", "missing"]
    assert main(["verify", str(run.path)]) == 1
    assert "files.json.a.pt" in capsys.readouterr().out
    view = mt.open_run(run.path)
    with pytest.raises(mt.HashMismatch):
        view.files()["a.pt"].read_bytes()
    (run.path / "files.json").write_text('{"format": "1.0", "files": [{"name": "../x"}]}')
    with pytest.raises(mt.DocumentError):
        view.files()
    assert "missing" in problems(run.path)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "CON", "a\0b", "", "x/"])
def test_a_hostile_list_is_refused(work: Path, name: str) -> None:
    with mt.Run(work.parent / "run") as run:
        run.save("config.yaml")
    value = json.loads((run.path / "files.json").read_bytes())
    value["files"][0]["name"] = name
    (run.path / "files.json").write_text(json.dumps(value))
    with pytest.raises(mt.DocumentError):
        mt.open_run(run.path).files()
    assert problems(run.path)


def test_a_list_names_each_file_once(work: Path) -> None:
    file = {"name": "a", "sha256": "0" * 64, "size": 0, "time": 0.0}
    assert list(saved_files.FILES_JSON.check({"format": "1.0", "files": [file]})) == []
    for second in ({"name": "a"}, {"name": "A"}, {"name": "a/b"}):
        twice = {"format": "1.0", "files": [file, file | second]}
        assert list(saved_files.FILES_JSON.check(twice)), second


def test_copies_have_the_files_and_follow_changes_of_the_same_size(work: Path, tmp_path: Path) -> None:
    """A checkpoint that is saved again has as many bytes, and may end in the same ones."""
    tail = "t" * 100_000
    (work / "model").write_text(f"1{tail}")
    with mt.Run(tmp_path / "runs" / "demo") as run:
        run.save("model")
        mt.copy(tmp_path / "runs", tmp_path / "copies")
        (work / "model").write_text(f"2{tail}")
        run.save("model")
        mt.copy(tmp_path / "runs", tmp_path / "copies")
        assert (tmp_path / "copies" / "demo" / "files" / "model").read_text()[0] == "2"
    (work / "model").write_text(f"3{tail}")
    with mt.Run(tmp_path / "runs" / "demo", mode="resume") as run:
        run.save("model")
    mt.copy(tmp_path / "runs", tmp_path / "copies")
    copied = tmp_path / "copies" / "demo"
    assert mt.open_run(f"file://{copied}").files()["model"].read_bytes()[:1] == b"3"
    assert problems(copied) == []
    assert mt.copy(tmp_path / "runs", tmp_path / "copies").files == 0


def test_a_copy_that_follows_a_run_sends_what_is_saved_again(work: Path, tmp_path: Path) -> None:
    from mediatypes.store.remote import writable
    from mediatypes.upkeep.transfer import RunCopy

    with mt.Run(tmp_path / "run") as run:
        copy = RunCopy(run.path, writable(str(tmp_path / "copy"), "test"))
        for lr in ("0.1", "0.2", "0.3"):
            (work / "config.yaml").write_text(f"lr: {lr}")
            run.save("config.yaml")
            (run.path / "files" / "plain").write_text(lr)
            os.utime(run.path / "files" / "plain", (float(lr), float(lr)))
            copy.update()
            assert (tmp_path / "copy" / "files" / "config.yaml").read_text() == f"lr: {lr}"
            assert (tmp_path / "copy" / "files" / "plain").read_text() == lr
            assert copy.update().files == 0


def test_packing_and_collecting_leave_files_alone(work: Path) -> None:
    with mt.Run(work.parent / "run") as run:
        run.save("out/*", "out")
        run.log({"page": mt.Html("<p>x")})
    before = listed(run.path)
    mt.pack(run.path)
    mt.gc(run.path)
    mt.unpack(run.path)
    assert listed(run.path) == before
    assert problems(run.path) == []


def test_files_elsewhere_are_read(work: Path) -> None:
    import pyarrow.fs

    with mt.Run(work.parent / "run") as run:
        run.save("config.yaml")
    view = mt.open_run(mt.open_store(str(run.path), filesystem=pyarrow.fs.LocalFileSystem()))  # type: ignore[arg-type]
    assert view.files()["config.yaml"].read_bytes() == b"lr: 0.1\n"
    with pytest.raises(mt.StoreError, match="read_bytes"):
        os.fspath(view.files()["config.yaml"])


def test_after_the_end_nothing_is_saved(work: Path) -> None:
    with mt.Run(work.parent / "run") as run:
        pass
    with pytest.raises(mt.RunClosed):
        run.save("config.yaml")


def test_a_file_that_is_removed_while_the_run_ends_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kept.txt", "gone.txt"):
        (tmp_path / name).write_text(name)
    run = mt.Run(tmp_path / "run")
    run.save(tmp_path / "*.txt", base_path=tmp_path)
    walk = os.walk

    def removing(top: Any, *arguments: Any, **options: Any) -> Any:
        for folder, folders, names in walk(top, *arguments, **options):
            if Path(folder) == run.path / "files":
                (run.path / "files" / "gone.txt").unlink(missing_ok=True)
            yield folder, folders, names

    monkeypatch.setattr(os, "walk", removing)
    run.finish()
    assert (mt.open_run(run.path).status, list(mt.open_run(run.path).files())) == ("finished", ["kept.txt"])


def test_a_file_that_is_written_again_in_the_folder_of_the_run_changes_no_other(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        folder = run.path / "files"  # the `dir` of a run of wandb
        folder.mkdir()
        for name in ("last.pt", "best.pt"):
            (folder / name).write_bytes(b"epoch 1")
            run.save(folder / name, base_path=folder)
        (folder / "last.pt").write_bytes(b"epoch 2")
        run.save(folder / "last.pt", base_path=folder)
    kept = mt.open_run(run.path).files()
    assert {name: kept[name].read_bytes() for name in kept} == {"last.pt": b"epoch 2", "best.pt": b"epoch 1"}


FORKED = """
import os, signal, sys, threading
import mediatypes as mt
from mediatypes.runfolder import lineage, saved_files

held, done = threading.Event(), threading.Event()

def hold():  # as who saves a large file does
    with saved_files._lock, lineage._lock:
        held.set()
        done.wait()

threading.Thread(target=hold).start()
held.wait()
child = os.fork()
if not child:
    signal.alarm(60)
    with mt.Run(sys.argv[1], capture=False, quiet=True) as run:
        run.save("config.yaml")
        run.log_artifact("config", "config", "config.yaml")
    os._exit(0)
done.set()
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_a_file_is_saved_waits_for_nobody(work: Path) -> None:
    command = [sys.executable, "-c", FORKED, str(work / "runs" / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "0\n"
    assert list(mt.open_run(work / "runs" / "run").files()) == ["config.yaml"]

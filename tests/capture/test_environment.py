"""What a run says of the code, packages and machine that made it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.capture import environment, gathering, process
from mediatypes.capture.machine import amd_devices
from mediatypes.capture.packages import requirements
from tests.capture.repositories import git, make_repository
from tests.processes import Start

HAS_GIT = shutil.which("git") is not None
needs_git = pytest.mark.skipif(not HAS_GIT, reason="needs the git command")


def made(path: Path, **arguments: Any) -> dict[str, Any]:
    """The environment that a run recorded."""
    with mt.Run(path, **arguments) as run:
        run.log({"a": 1})
    return mt.open_run(path).environment


def test_a_run_says_which_machine_and_process_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "--lr=0.1", "--api-key=hunter", "run-9f8Q7w6E5r4T"])
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    monkeypatch.setenv("SLURM_JWT", "planted-secret")
    found = made(tmp_path / "run", capture=["environment"], config={"net": {"id": ["run-9f8Q7w6E5r4T"]}})
    assert found["argv"] == ["train.py", "--lr=0.1", "--api-key=***", "run-9f8Q7w6E5r4T"]
    assert (found["pid"], found["cwd"], found["executable"]) == (os.getpid(), os.getcwd(), sys.executable)
    assert (found["host"], found["os"], found["machine"]) == (platform.node(), platform.platform(), platform.machine())
    assert found["cpu"]["count"] == os.cpu_count()
    assert found["variables"]["SLURM_JOB_ID"] == "42"
    assert "SLURM_JWT" not in found["variables"]
    assert "git" not in found
    assert (tmp_path / "run" / found["requirements"]).read_text() == requirements()


def test_requirements_are_what_the_package_index_knows() -> None:
    """importlib.metadata reads the metadata of each package; we read the names of folders."""
    expected = {}
    for found in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower()
        expected.setdefault(name, found.version)
    lines = [line for line in requirements().splitlines() if " @ " not in line and not line.startswith("-e ")]
    found_versions = dict(line.split("==") for line in lines)
    assert found_versions
    assert found_versions == {name: expected[name] for name in found_versions}
    assert len(requirements().splitlines()) == len(expected)


def test_packages_from_elsewhere_are_named_by_their_url(tmp_path: Path) -> None:
    urls = {
        "Some_Code-1.0": {"url": "https://me:hunter2@example.org/code", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
        "here-1": {"url": "file:///home/me/here", "dir_info": {"editable": True}},
        "there-1": {"url": "file:///home/me/there", "dir_info": {}},
    }
    for name, said in urls.items():
        (tmp_path / f"{name}.dist-info").mkdir()
        (tmp_path / f"{name}.dist-info" / "direct_url.json").write_text(json.dumps(said))
    (tmp_path / "old.egg-info").mkdir()
    (tmp_path / "old.egg-info" / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: old\nVersion: 2.5\n")
    (tmp_path / "two-words-3.dist-info").mkdir()  # as some installers leave it
    (tmp_path / "damaged-1.dist-info").mkdir()
    (tmp_path / "damaged-1.dist-info" / "direct_url.json").write_text("[")
    for number, damage in enumerate(["[]", '{"url": 5}', '{"url": "a", "dir_info": 5}', "[" * 50_000]):
        (tmp_path / f"damaged{number}-1.dist-info").mkdir()
        (tmp_path / f"damaged{number}-1.dist-info" / "direct_url.json").write_text(damage)
    assert requirements([str(tmp_path), str(tmp_path / "not there")]).splitlines() == [
        "-e file:///home/me/here",
        "old==2.5",
        "some-code @ git+https://example.org/code@abc",
        "there @ file:///home/me/there",
        "two-words==3",
    ]


@needs_git
def test_a_script_records_its_repository(tmp_path: Path, start: Start) -> None:
    repository = make_repository(tmp_path / "code", train_py="import mediatypes as mt\n")
    (repository / "train.py").write_text(
        "import sys, mediatypes as mt\nwith mt.Run(sys.argv[1], capture=['git', 'environment']) as run:\n"
        "    run.log({'loss': 1})\n"
    )
    process = start(
        "import os, sys; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])",
        repository / "train.py",
        tmp_path / "run",
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    found = mt.open_run(tmp_path / "run").environment
    assert (found["script"], found["cwd"]) == (str(repository / "train.py"), str(tmp_path))
    assert found["git"]["commit"] == git(repository, "rev-parse", "HEAD").strip()
    git(repository, "stash", "-q")
    git(repository, "apply", str(tmp_path / "run" / "files" / "diff.patch"))
    assert "capture=" in (repository / "train.py").read_text()
    assert mt.open_run(tmp_path / "run").problems == []


@needs_git
def test_planted_secrets_are_in_no_file(tmp_path: Path, start: Start) -> None:
    """In the environment, in an argument, in the URL of the remote, and in uncommitted changes that have these."""
    repository = make_repository(tmp_path / "code", train_py="")
    git(repository, "remote", "add", "origin", "https://me:sesame-in-url@example.org/code?token=sesame-in-query")
    (repository / "train.py").write_text(
        "import sys, mediatypes as mt\n"
        "url = 'https://sesame-in-code@example.org'\nkey = 'sesame-in-variable'\n"
        "with mt.Run(sys.argv[1], capture=True) as run:\n    run.log({'loss': 1})\n"
    )
    secrets = ["--api-key=sesame-in-option", "--token", "sesame-in-value", "https://a:sesame-in-userinfo@b/c"]
    process = start(
        "import os, sys; os.environ |= {'MY_SERVICE_TOKEN': 'sesame-in-variable', 'RANDOM': 'sesame-elsewhere'};"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])",
        *(repository / "train.py", tmp_path / "run", *secrets),
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    written = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert {"run.json", "diff.patch", "requirements.txt", "history.parquet"} <= {path.name for path in written}
    assert [path for path in written if b"sesame" in path.read_bytes()] == []
    git_state = mt.open_run(tmp_path / "run").environment["git"]
    assert (git_state["remote"], git_state["diff_redacted"]) == ("https://example.org/code", 2)


@needs_git
def test_each_session_has_its_own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = make_repository(tmp_path / "code", a_txt="a\n")
    monkeypatch.chdir(repository)
    monkeypatch.setattr(process, "script_path", lambda: None)
    path = tmp_path / "run"
    for content in ("b\n", "b\n", "c\n"):
        (repository / "a.txt").write_text(content)
        with mt.Run(path, mode="allow", capture=["git"]) as run:
            run.log({"a": 1})
    found = mt.open_run(path).environment
    assert found["git"]["diff"] == "files/diff.2.patch"
    assert [earlier["git"]["diff"] for earlier in found["earlier"]] == ["files/diff.patch"]
    assert b"+b" in (path / "files" / "diff.patch").read_bytes()
    assert b"+c" in (path / "files" / "diff.2.patch").read_bytes()
    with mt.Run(path, mode="resume", capture=False):
        pass
    assert mt.open_run(path).environment == found


def test_nothing_is_recorded_unless_it_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"mediatypes", "python", "platform", "argv"}
    assert made(tmp_path / "a", capture=False).keys() == made(tmp_path / "b", capture=[]).keys() == plain
    assert not (tmp_path / "a" / "files").exists()
    monkeypatch.setenv("MEDIATYPES_CAPTURE", "environment")
    assert {"cpu", "requirements"} <= made(tmp_path / "c").keys()
    monkeypatch.delenv("MEDIATYPES_CAPTURE")
    assert {"cpu", "requirements"} <= made(tmp_path / "d").keys()


def test_a_wrong_choice_is_refused_with_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(mt.InputError) as raised:
        mt.Run(tmp_path / "run", capture=["git", "gti", 3], mode="new", quiet=True)  # type: ignore[arg-type, list-item]
    assert [problem.path for problem in raised.value.problems] == ["Run.mode", "Run.capture", "Run.capture"]
    assert "expected 'environment', 'git', 'console' or 'system', got 'gti'" in str(raised.value)
    with pytest.raises(mt.InputError, match=r"Run\.capture: expected True, False, or a list of names, got 'git'"):
        mt.Run(tmp_path / "run", capture="git")  # type: ignore[arg-type]
    monkeypatch.setenv("MEDIATYPES_CAPTURE", "git, cnosole")
    with pytest.raises(mt.InputError, match=r"MEDIATYPES_CAPTURE: expected .* got 'cnosole'"):
        mt.Run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_goes_wrong_is_a_problem_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(gathering, "describe_machine", fail)
    with mt.Run(tmp_path / "run", capture=["environment"]) as run:
        run.log({"a": 1})
    view = mt.open_run(tmp_path / "run")
    assert [(p.path, p.message, p.code) for p in view.problems] == [("environment", "no such luck", "environment")]
    assert (view.status, view.history().num_rows) == ("finished", 1)


def test_a_run_is_not_held_up_by_what_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    released = threading.Event()
    monkeypatch.setattr(environment, "_WAIT", 0.05)
    monkeypatch.setattr(gathering, "describe_machine", lambda: released.wait(60) and {})
    with mt.Run(tmp_path / "run", capture=["environment"]) as run:
        run.log({"a": 1})
    before = (tmp_path / "run" / "run.json").read_bytes()
    released.set()
    for thread in threading.enumerate():
        if thread.name == "mediatypes-environment":
            thread.join(60)
    assert (tmp_path / "run" / "run.json").read_bytes() == before  # the run is over: nothing more is written
    assert [p.code for p in mt.open_run(tmp_path / "run").problems] == ["environment"]


def test_verify_looks_at_the_files_and_copy_takes_them(tmp_path: Path) -> None:
    from mediatypes.upkeep.verify import check

    found = made(tmp_path / "runs" / "a", capture=["environment"])
    assert check(tmp_path / "runs" / "a").problems == ()
    mt.copy(tmp_path / "runs", tmp_path / "copies")
    copied = tmp_path / "copies" / "a" / found["requirements"]
    assert copied.read_bytes() == (tmp_path / "runs" / "a" / found["requirements"]).read_bytes()
    mt.gc(tmp_path / "copies" / "a")
    mt.pack(tmp_path / "copies" / "a")
    assert check(tmp_path / "copies" / "a").problems == ()
    copied.write_bytes(copied.read_bytes()[::-1])
    assert [(p.code, p.path) for p in check(tmp_path / "copies" / "a", deep=True).problems] == [
        ("hash", "files.json.requirements.txt")
    ]
    copied.unlink()
    assert [p.code for p in check(tmp_path / "copies" / "a").problems] == ["missing"]


def test_text_that_utf_8_cannot_hold_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [os.fsdecode(b"caf\xe9.py"), os.fsdecode(b"caf\xe9")])
    assert made(tmp_path / "run", capture=["environment"])["argv"] == ["caf\ufffd.py", "caf\ufffd"]


def test_cards_of_amd_are_found_by_their_vendor(tmp_path: Path) -> None:
    for card, vendor in {"card0": "0x10de", "card1": "0x1002", "card10": "0x1002", "card1-HDMI": "0x1002"}.items():
        (tmp_path / card / "device").mkdir(parents=True)
        (tmp_path / card / "device" / "vendor").write_text(f"{vendor}\n")
        (tmp_path / card / "device" / "mem_info_vram_total").write_text("17163091968\n")
    assert amd_devices(tmp_path) == [tmp_path / "card1" / "device", tmp_path / "card10" / "device"]

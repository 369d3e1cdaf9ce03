"""The state of a work tree, held against what git itself does with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mediatypes.capture import git as ours
from mediatypes.capture.git import GitState, read_state
from mediatypes.capture.secrets import SecretValues
from tests.capture.repositories import commit_all, git, make_repository

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs the git command")


def state_of(folder: Path, **variables: str) -> GitState:
    found = read_state(folder, SecretValues(variables), 60)
    assert found is not None
    return found


def restored(repository: Path, state: GitState, folder: Path) -> Path:
    """A clone at the commit of a state, with its patch applied."""
    git(repository.parent, "clone", "-q", str(repository), str(folder))
    git(folder, "checkout", "-q", state.described["commit"])
    git(folder, "apply", "-", stdin=state.diff)
    return folder


def test_a_clone_with_the_patch_is_the_work_tree(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository", train_py="print(1)\n", gone_txt="old\n", same_txt="same\n")
    (repository / "train.py").write_text("print(2)\nprint('grüße')\n")
    (repository / "gone.txt").unlink()
    (repository / "staged é.txt").write_text("new\n")
    (repository / "weights.bin").write_bytes(bytes(range(256)))
    git(repository, "add", "staged é.txt", "weights.bin")
    (repository / "notes.txt").write_text("not tracked")
    (repository / "runs").mkdir()
    (repository / "runs" / "a").write_text("")
    state = state_of(repository)
    head = git(repository, "rev-parse", "HEAD").strip()
    assert state.described == {
        "root": str(repository),
        "directory": ".",
        "commit": head,
        "branch": "main",
        "dirty": True,
        "untracked": ["notes.txt", "runs/"],
        "untracked_count": 2,
    }
    again = restored(repository, state, tmp_path / "again")
    names = {path.name for path in again.iterdir()} - {".git"}
    assert names == {"train.py", "staged é.txt", "weights.bin", "same.txt"}
    assert all((again / name).read_bytes() == (repository / name).read_bytes() for name in names)


def test_a_clean_tree_has_no_patch(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository", a_txt="a")
    (repository / "inside").mkdir()
    git(repository, "checkout", "-q", "--detach")
    state = state_of(repository / "inside")
    assert state.diff == b""
    assert (state.described["dirty"], state.described["directory"]) == (False, "inside")
    assert "branch" not in state.described


def test_before_the_first_commit_all_that_is_staged_is_the_patch(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository")
    (repository / "a.txt").write_text("staged\n")
    git(repository, "add", "a.txt")
    (repository / "a.txt").write_text("and changed\n")
    state = state_of(repository)
    assert "commit" not in state.described
    assert state.described["branch"] == "main"
    make_repository(empty := tmp_path / "empty")
    git(empty, "apply", "-", stdin=state.diff)
    assert (empty / "a.txt").read_text() == "and changed\n"


def test_submodules_are_named_by_their_commits(tmp_path: Path) -> None:
    inner = make_repository(tmp_path / "inner", b_txt="b")
    outer = make_repository(tmp_path / "outer", a_txt="a")
    git(outer, "submodule", "add", "-q", str(inner), "lib")
    commit_all(outer)
    (outer / "lib" / "b.txt").write_text("changed in there only")
    assert state_of(outer).described["dirty"] is False  # it is another repository's change
    moved = commit_all(outer / "lib")
    state = state_of(outer)
    assert state.described["dirty"] is True
    assert f"+Subproject commit {moved}".encode() in state.diff


def test_what_is_no_work_tree_has_no_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert read_state(plain, SecretValues({}), 60) is None
    assert read_state(tmp_path / "not there", SecretValues({}), 60) is None
    git(plain, "init", "-q", "--bare", "bare.git")
    assert read_state(plain / "bare.git", SecretValues({}), 60) is None
    repository = make_repository(tmp_path / "repository", a_txt="a")
    monkeypatch.setenv("PATH", str(plain))
    assert read_state(repository, SecretValues({}), 60) is None  # without the command


@pytest.mark.parametrize(
    ("remotes", "expected"),
    [
        ({"origin": "https://me:hunter2@example.org/me/code.git?x=1"}, "https://example.org/me/code.git"),
        ({"origin": "https://ghp_secret@example.org/me/code.git"}, "https://example.org/me/code.git"),
        ({"origin": "git@example.org:me/code.git"}, "git@example.org:me/code.git"),
        ({"fork": "https://a.example/1", "origin": "https://b.example/2"}, "https://b.example/2"),
        ({"fork": "https://a.example/1", "other": "https://b.example/2"}, "https://a.example/1"),
    ],
)
def test_the_remote_has_no_credentials(tmp_path: Path, remotes: dict[str, str], expected: str) -> None:
    repository = make_repository(tmp_path / "repository", a_txt="a")
    for name, url in remotes.items():
        git(repository, "remote", "add", name, url)
    assert state_of(repository).described["remote"] == expected


def test_the_remote_is_that_of_the_branch(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository", a_txt="a")
    for name in ("origin", "mine"):
        git(repository, "remote", "add", name, f"https://example.org/{name}")
    git(repository, "config", "branch.main.remote", "mine")
    assert state_of(repository).described["remote"] == "https://example.org/mine"


def test_secrets_of_the_environment_and_of_urls_are_not_in_the_patch(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository", a_txt="a\n")
    (repository / "a.txt").write_text("key = 'planted-secret-1'\nurl = 'https://me:planted-secret-2@example.org/x'\n")
    state = state_of(repository, SOME_API_KEY="planted-secret-1", HOME="/root")
    assert b"planted-secret" not in state.diff
    assert b"+key = '***'\n+url = 'https://***@example.org/x'\n" in state.diff
    assert state.described["diff_redacted"] == 2


def test_a_patch_that_is_too_long_loses_binary_files_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = make_repository(tmp_path / "repository", a_txt="a\n", weights_bin="\0")
    (repository / "a.txt").write_text("b\n")
    (repository / "weights.bin").write_bytes(bytes(range(256)) * 100)
    monkeypatch.setattr(ours, "LARGEST_DIFF", 1000)
    state = state_of(repository)
    assert b"+b\n" in state.diff
    assert b"GIT binary patch" not in state.diff
    assert "diff_cut" not in state.described
    monkeypatch.setattr(ours, "LARGEST_DIFF", 100)
    cut = state_of(repository)
    assert cut.described["diff_cut"] is True
    assert state.diff.startswith(cut.diff)
    assert 0 < len(cut.diff) <= 100


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell script")
@pytest.mark.parametrize("slow", ["status", "rev-parse"])
def test_git_is_not_waited_for_longer_than_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str) -> None:
    """Also not for what it started, which may have its output open."""
    repository = make_repository(tmp_path / "repository", a_txt="a")
    (repository / "a.txt").write_text("b")
    (tools := tmp_path / "tools").mkdir()
    real = shutil.which("git")
    script = f'#!/bin/sh\ncase "$*" in *{slow}*) sleep 300 & sleep 300;; esac\nexec {real} "$@"\n'
    (tools / "git").write_text(script)
    (tools / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    run = ours._Git.run

    def run_in_time(git: ours._Git, *command: str, **limits: int) -> ours._Output:
        git._end = time.monotonic() + (0.5 if command[0] == slow else 300)  # however slow the machine is
        return run(git, *command, **limits)

    monkeypatch.setattr(ours._Git, "run", run_in_time)
    state = read_state(repository, SecretValues({}))
    assert state is not None
    assert state.described["incomplete"] == f"git {slow}: more than 5 s"
    if slow == "status":
        assert (len(state.described["commit"]), state.diff) == (40, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell script")
def test_no_program_of_the_repository_runs(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository", a_txt="a\n")
    (program := tmp_path / "program").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    program.chmod(0o755)
    (repository / ".gitattributes").write_text("*.txt diff=custom\n")
    for name in ("core.fsmonitor", "core.pager", "diff.external", "diff.custom.textconv", "diff.custom.command"):
        git(repository, "config", name, str(program))
    git(repository, "config", "core.hooksPath", str(tmp_path))
    (repository / "a.txt").write_text("b\n")
    assert b"+b\n" in state_of(repository).diff
    assert not (tmp_path / "ran").exists()


def test_the_repository_is_that_of_the_folder_and_not_of_a_hook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_repository(tmp_path / "other", a_txt="a")
    repository = make_repository(tmp_path / "repository", a_txt="b")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert state_of(repository).described["root"] == str(repository)


def test_settings_of_the_user_change_no_patch(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository", a_txt="1\n")
    (repository / "below").mkdir()
    (repository / "below" / "b.txt").write_text("1\n")
    commit_all(repository)
    for name in ("a.txt", "below/b.txt"):
        (repository / name).write_text("2\n")
    expected = state_of(repository / "below").diff
    for setting in ("diff.relative", "diff.noprefix", "diff.mnemonicPrefix"):
        git(repository, "config", setting, "true")
    state = state_of(repository / "below")
    assert state.diff == expected
    clone = restored(repository, state, tmp_path / "clone")
    assert [(clone / name).read_text() for name in ("a.txt", "below/b.txt")] == ["2\n"] * 2


FORKING = """
import os, signal, subprocess, sys, threading
from pathlib import Path
from mediatypes.capture.git import read_state
from mediatypes.capture.secrets import SecretValues

begun, forked, states = threading.Event(), threading.Event(), []

class Popen(subprocess.Popen):
    def _execute_child(self, *arguments):  # its pipes are there
        begun.set()
        forked.wait(0.5)
        super()._execute_child(*arguments)

subprocess.Popen = Popen
thread = threading.Thread(target=lambda: states.append(read_state(Path(sys.argv[1]), SecretValues({}), 60)))
thread.start()
begun.wait()
worker = os.fork()
if not worker:
    signal.pause()
forked.set()
thread.join(30)
print([bool(state and state.described.get("commit")) for state in states])
os.kill(worker, signal.SIGKILL)
os.waitpid(worker, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_worker_that_is_forked_meanwhile_holds_nobody_up(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository", train_py="print(1)\n")
    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(repository)], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "[True]\n"

"""The commit that runs, and what differs from it, by the git command: bounded in time and size, and asking nobody."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .secrets import SecretValues, clean_url

SECONDS = 5.0  # for all commands together; the end of a run waits longer
LARGEST_DIFF = 8 * 2**20  # bytes
_LARGEST_OUTPUT = 2**20  # of other commands
_MAX_UNTRACKED = 100  # files that are named
_OPTIONS = (
    "--no-optional-locks",
    "--no-pager",
    *("-c", "core.fsmonitor=false"),  # which may start a daemon
    *("-c", "core.quotePath=false"),
    *("-c", "protocol.allow=never"),  # nothing is fetched, also not what a partial clone lacks
    *("-c", "diff.relative=false", "-c", "diff.submodule=short"),  # all of the tree, as `git apply` takes it
)
_PREFIXES = ("--src-prefix=a/", "--dst-prefix=b/")  # whatever the user's settings are
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", *_PREFIXES, "--ignore-submodules=dirty")
_DROPPED = re.compile(r"GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|EXTERNAL_DIFF|PAGER|TRACE.*)")  # as a hook sets them
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


# Held while a process is begun: another one that is forked meanwhile, as workers are, would keep its pipes open, and
# whoever reads them would wait until that ends.
_beginning = [threading.RLock()]


def _before_fork() -> None:
    _beginning[0].acquire()


def _after_fork() -> None:
    with contextlib.suppress(RuntimeError):  # this was imported in the middle of forking
        _beginning[0].release()


def _in_child() -> None:
    _beginning[0] = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)


class GitState(NamedTuple):
    """What a work tree is at."""

    described: dict[str, Any]  # `environment.git` of run.json
    diff: bytes  # the uncommitted changes as a patch; b"" if there are none


def read_state(folder: Path, secrets: SecretValues, seconds: float = SECONDS) -> GitState | None:
    """The state of the work tree that a folder is in; None if it is in none, or there is no git.

    What cannot be told within the time is left out, which `incomplete` then says.
    """
    git = _Git(folder, seconds)
    place = git.lines("rev-parse", "--show-toplevel", "--show-prefix", "HEAD")
    if len(place) < 2:
        return GitState({"incomplete": git.failed}, b"") if git.failed else None
    described: dict[str, Any] = {"root": place[0], "directory": place[1].rstrip("/") or "."}
    has_commit = len(place) > 2 and bool(_COMMIT.fullmatch(place[2]))
    if has_commit:
        described["commit"] = place[2]
    if branch := git.lines("symbolic-ref", "-q", "--short", "HEAD"):
        described["branch"] = branch[0]
    if remote := _remote(git, branch[0] if branch else ""):
        described["remote"] = remote
    diff = b""
    status = git.run("status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal", *_DIFF[-1:])
    if status.whole:
        described |= _changes(status.text())
        if described["dirty"]:
            against = "HEAD" if has_commit else git.empty_tree()
            diff, described["diff_redacted"], cut = _diff(git, against, secrets)
            described |= {"diff_cut": True} if cut else {}
            if not described["diff_redacted"]:
                del described["diff_redacted"]
    if git.failed:
        described["incomplete"] = git.failed
    return GitState(described, diff)


def _remote(git: _Git, branch: str) -> str | None:
    """The URL of the branch's remote, else of `origin`, else of the first one; without credentials."""
    settings: dict[str, str] = {}
    for entry in git.run("config", "-z", "--get-regexp", r"^(remote\..*\.url|branch\..*\.remote)$").text().split("\0"):
        name, _, value = entry.partition("\n")
        settings.setdefault(name, value)
    urls = {name[len("remote.") : -len(".url")]: url for name, url in settings.items() if name.startswith("remote.")}
    for name in (settings.get(f"branch.{branch}.remote", ""), "origin", *urls):
        if name in urls:
            return clean_url(urls[name])
    return None


def _changes(status: str) -> dict[str, Any]:
    """Whether tracked files differ, and which files are not tracked."""
    entries = [entry for entry in status.split("\0") if entry]
    untracked = [entry[3:] for entry in entries if entry.startswith("??")]
    changed: dict[str, Any] = {"dirty": len(untracked) < len(entries)}
    if untracked:
        changed |= {"untracked": untracked[:_MAX_UNTRACKED], "untracked_count": len(untracked)}
    return changed


def _diff(git: _Git, against: str, secrets: SecretValues) -> tuple[bytes, int, bool]:
    """The patch without secrets, how many were replaced, and whether it was cut to what may be kept."""
    diff = git.run(*_DIFF, "--binary", against, limit=LARGEST_DIFF)
    if not diff.whole:  # binary files are most of it, perhaps
        diff = git.run(*_DIFF, against, limit=LARGEST_DIFF)
    whole, data = diff.whole, diff.output
    if not whole:
        data = data[: data.rfind(b"\n") + 1]
    cleaned, count = secrets.clean(data)
    return cleaned, count, not whole


class _Output(NamedTuple):
    output: bytes
    whole: bool  # the command succeeded, and within the limits

    def text(self) -> str:
        return self.output.decode("utf-8", "replace")


class _Git:
    """Runs git in a folder until its time is over."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder, self._seconds, self._end = folder, seconds, time.monotonic() + seconds
        self._environment = {name: v for name, v in os.environ.items() if not _DROPPED.fullmatch(name)} | _QUIET
        self.failed = ""  # what could not be told

    def lines(self, *command: str) -> list[str]:
        """The lines that a command prints, also when it fails after some."""
        return self.run(*command).text().splitlines()

    def empty_tree(self) -> str:
        """The name of a tree without files: what a first commit differs from."""
        return (self.lines("hash-object", "-t", "tree", "--stdin") or ["HEAD"])[0]

    def run(self, *command: str, limit: int = _LARGEST_OUTPUT) -> _Output:
        """What a command prints, at most `limit` bytes of it."""
        left = self._end - time.monotonic()
        try:
            if left <= 0:
                raise subprocess.TimeoutExpired(command, left)
            with _beginning[0]:
                process = subprocess.Popen(
                    ["git", *_OPTIONS, *command],
                    cwd=self._folder,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # no terminal to ask for a password; and ended together with what it starts
                )
            output = b"".join(_read(process, left, limit))
        except (OSError, ValueError):  # no git, or the folder is gone
            return _Output(b"", False)
        except subprocess.TimeoutExpired:
            self.failed = self.failed or f"git {command[0]}: more than {self._seconds:g} s"
            return _Output(b"", False)
        if len(output) > limit:
            return _Output(output[:limit], False)
        return _Output(output, process.returncode == 0)


def _read(process: subprocess.Popen[bytes], seconds: float, limit: int) -> Iterator[bytes]:
    """The output of a process, which is ended when there is too much of it; raises TimeoutExpired."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        size = 0
        with process, process.stdout as stdout:  # type: ignore[union-attr]
            while size <= limit and (piece := os.read(stdout.fileno(), 1 << 16)):
                size += len(piece)
                yield piece
            if size > limit:
                _kill(process)
    finally:
        timer.cancel()
    if late.is_set():
        raise subprocess.TimeoutExpired(process.args, seconds)


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except OSError:  # it is gone
        pass

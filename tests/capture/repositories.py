"""Git repositories that tests make."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_WHO = {f"GIT_{role}_{what}": "someone" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_ALONE = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


def git(folder: Path, *command: str, stdin: bytes | None = None) -> str:
    """What a git command prints."""
    environment = {**os.environ, **_WHO, **_ALONE}
    line = ["git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", *command]
    done = subprocess.run(line, cwd=folder, env=environment, input=stdin, capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


def make_repository(folder: Path, **contents: str) -> Path:
    """A repository with one commit of these files; in their names `_` stands for a dot."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    for name, content in contents.items():
        (folder / name.replace("_", ".")).write_text(content)
    if contents:
        commit_all(folder)
    return folder


def commit_all(folder: Path) -> str:
    """Commit everything; returns the commit."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "a commit")
    return git(folder, "rev-parse", "HEAD").strip()

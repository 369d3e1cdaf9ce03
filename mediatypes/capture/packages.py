"""The packages that a process can import, as `pip freeze` writes them; read from the names of folders: it is fast."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from .secrets import clean_url

_LARGEST = 2**16  # of a direct_url.json or PKG-INFO that is read


def requirements(paths: Iterable[str] | None = None) -> str:
    """The text of a requirements.txt: a line for each installed package, sorted by name.

    Args:
        paths: where packages are looked for; `sys.path` by default.
    """
    lines: dict[str, str] = {}
    for path in sys.path if paths is None else paths:
        for name, line in _installed(path):
            lines.setdefault(name, line)
    return "".join(f"{lines[name]}\n" for name in sorted(lines))


def _installed(folder: str) -> Iterator[tuple[str, str]]:
    """Name and line of each package in a folder of modules."""
    try:
        entries = [entry for entry in os.scandir(folder or ".") if entry.name.endswith((".dist-info", ".egg-info"))]
    except OSError:  # a zip file, or not there
        return
    for entry in entries:
        try:
            if line := _line(entry.path, entry.name):
                yield line
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
        ):  # damaged: nobody can tell what it is
            continue


def _line(path: str, file_name: str) -> tuple[str, str] | None:
    name, _, version = file_name.removesuffix(".dist-info").rpartition("-")
    if file_name.endswith(".egg-info"):
        name, version = _egg_info(path)
    if not name or not version:
        return None
    name = re.sub(r"[-_.]+", "-", name).lower()
    return name, _from_url(path, name) or f"{name}=={version}"


def _egg_info(path: str) -> tuple[str, str]:
    """Name and version in the metadata of a package; `importlib.metadata` would take longer to import."""
    with open(
        os.path.join(path, "PKG-INFO") if os.path.isdir(path) else path, encoding="utf-8", errors="replace"
    ) as file:
        header = file.read(_LARGEST).partition("\n\n")[0]
    name, version = (re.search(rf"^{field}: *(.*)$", header, re.MULTILINE) for field in ("Name", "Version"))
    return (name[1].strip(), version[1].strip()) if name and version else ("", "")


def _from_url(path: str, name: str) -> str | None:
    """How a package is named that was installed from a repository or a folder."""
    try:
        with open(os.path.join(path, "direct_url.json"), "rb") as file:
            said: Any = json.loads(file.read(_LARGEST))
    except OSError:
        return None
    url = clean_url(said["url"])
    if vcs := said.get("vcs_info"):
        return f"{name} @ {vcs['vcs']}+{url}@{vcs['commit_id']}"
    if said.get("dir_info", {}).get("editable"):
        return f"-e {url}"
    return f"{name} @ {url}"

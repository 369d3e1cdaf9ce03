"""Names of folders and files that are safe on every system, whatever a log calls its runs."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from ..._core.errors import MediaTypesError
from ..._core.sidecar import safe_parts

RESERVED = ("media", "journal", "files", "damaged")


def folder_of(name: str) -> str:
    """A path that is safe on every system; a part that has to be changed gets some digits of its hash."""
    return "/".join(_safe(part) for part in PurePosixPath(name).parts) or "run"


def safe_name(name: str) -> str:
    """The name of a file below a run's directory, changed only where it is not safe: a bucket may hold any."""
    try:
        safe_parts(name)
    except MediaTypesError:
        return folder_of(name)
    return name


def flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested members under names joined with "/"; empty mappings are members.

    >>> flat({"net": {"depth": 3, "sizes": {}}})
    {'net/depth': 3, 'net/sizes': {}}
    """
    members: dict[str, Any] = {}
    for name, value in values.items():
        is_inner = isinstance(value, Mapping) and value
        members |= flat(value, f"{above}{name}/") if is_inner else {f"{above}{name}": value}
    return members


def folded(name: str) -> str:
    """What names have in common that are one on some file system: neither case nor composed letters count."""
    return unicodedata.normalize("NFC", name.casefold())


def free_name(name: str, taken: set[str], before: str = "-", ignore_case: bool = False) -> str:
    """The name, or with a number behind it where it is taken: `name-2`; what is given is taken from then on."""
    free, number = name, 1
    while (known := folded(free) if ignore_case else free) in taken:
        number += 1
        free = f"{name}{before}{number}"
    taken.add(known)
    return free


def _safe(part: str) -> str:
    try:
        safe_parts(part)
        if part.lower() not in RESERVED and not part.startswith("."):
            return part
    except MediaTypesError:
        pass
    kept = re.sub(r"[^\w .=+-]", "_", part).strip(" .")[:80] or "run"
    return f"{kept}-{hashlib.sha256(part.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"

"""W&B's exported histories: `<entity>_<project>_<run>_<n>.runhistory.parquet`, a row for each step.

Values of media are W&B's documents, as structs or as JSON; their files are looked for in `files/` beside the export,
as a run directory has them, or else beside it.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..._core.errors import MediaTypesError
from ...runfolder.parquet_reader import FOOTER
from ..wandb.context import Context
from ..wandb.documents import decode, is_document, locate
from ._logged import Later, Logged, Planned, plain_name
from ._rows import batches, schema_of

_SUFFIX = ".runhistory.parquet"
_STAMPS = ("_step", "_timestamp", "_runtime", "_wandb")


def find(path: Path) -> Iterator[tuple[str, list[Path]]]:
    """The histories of runs, a file or those in a directory, by name: files that differ only in their last number."""
    runs: dict[str, list[tuple[int, Path]]] = {}
    for file in [path] if path.suffix == ".parquet" else sorted(path.glob(f"*{_SUFFIX}")):
        schema = schema_of(file)
        is_ours = FOOTER in (schema.metadata or {})  # whose columns are called the same
        if is_ours or not {"_step", "_timestamp"} <= set(schema.names):
            continue
        name = file.name.removesuffix(".parquet").removesuffix(".runhistory")
        parted = re.fullmatch(r"(.+)_(\d+)", name) if file.name.endswith(_SUFFIX) else None
        runs.setdefault(parted[1] if parted else name, []).append((int(parted[2]) if parted else 0, file))
    return ((name, [file for _, file in sorted(numbered)]) for name, numbered in runs.items())


def plan(place: tuple[str, list[Path]], stack: contextlib.ExitStack) -> Iterator[Planned]:
    name, files = place
    yield Planned(plain_name(name), partial(_read, files))


def _read(files: list[Path]) -> Logged:
    run = Logged()
    folder = files[0].absolute().parent
    inner = folder / "files"
    context = Context(partial(locate, inner if inner.is_dir() else folder), increments={})
    number = 0
    for file in files:
        for batch in batches(file):
            for row in batch.to_pylist():
                step, time = row.get("_step"), row.get("_timestamp")
                number = int(step) if isinstance(step, (int, float)) and math.isfinite(step) else number + 1
                for key, value in row.items():
                    if value is not None and key not in _STAMPS:
                        run.add(key, number, _value(value, context, run), time if type(time) in (int, float) else None)
    return run


def _value(value: Any, context: Context, run: Logged) -> Any:
    """What a cell holds; the members that only other rows have are None there."""
    if isinstance(value, bytes):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value.decode("utf-8", "replace")
    if is_document(value) or (isinstance(value, list) and value and all(map(is_document, value))):
        return Later(partial(_made, value, context, run), "media")
    if isinstance(value, dict):
        return {key: _value(item, context, run) for key, item in value.items() if item is not None}
    return value


def _made(document: Any, context: Context, run: Logged) -> Any:
    try:
        return decode(document, context=context)
    except MediaTypesError:
        run.lost["media, whose JSON is kept as text,"] += 1
        return json.dumps(document, sort_keys=True, default=str)

"""Files that belong to a run and are kept as they are: profiler traces, the projector's, event files where asked."""

from __future__ import annotations

from pathlib import Path

from ....runfolder import files
from ...importing.names import safe_name
from ...importing.sources import LogDir
from .plan import RunPlan

_PIECE_BYTES = 1 << 20


class Attached:
    """Those of a run, the event files among them with `keep_events`."""

    def __init__(self, logdir: LogDir, plan: RunPlan, keep_events: bool) -> None:
        self._logdir = logdir
        self._wanted = [(safe_name(name), file.path, file.size) for name, file in plan.attached]
        if keep_events:
            self._wanted += [(safe_name(file.name), file.path, file.size) for file in plan.files]

    def are_in(self, root: Path) -> bool:
        """Whether the folder of a run has all of them, by their sizes."""
        return all(_is_in(root, name, size) for name, _, size in self._wanted)

    def copy(self, root: Path, unless: Path | None) -> list[str]:
        """Copy them to a folder, unless another one has them already; returns the paths of all."""
        for name, path, size in self._wanted:
            if unless and _is_in(unless, name, size) and not name.endswith(".pbtxt"):
                continue
            place = root / files.ATTACHED / name
            place.parent.mkdir(parents=True, exist_ok=True)
            with self._logdir.open(path) as source, open(place, "wb") as sink:
                left = size  # not more, if it grows
                while left and (piece := source.read(min(left, _PIECE_BYTES))):
                    sink.write(piece)
                    left -= len(piece)
        return sorted(f"{files.ATTACHED}/{name}" for name, _, _ in self._wanted)


def _is_in(root: Path, name: str, size: int) -> bool:
    copied = root / files.ATTACHED / name
    return copied.is_file() and copied.stat().st_size == size

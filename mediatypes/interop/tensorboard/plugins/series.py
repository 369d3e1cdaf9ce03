"""Series: what the values of one tag are, and the key that they get in the run."""

from __future__ import annotations

from typing import NamedTuple

from ....columns.log_cells import RESERVED
from ....writing.aligned import GLOBAL_STEP
from ..log.events import Metadata, Value
from . import BY_MESSAGE, PLUGINS, UNKNOWN


class Series(NamedTuple):
    """Values of one tag and one type; the history column of `key` and `kind` has them."""

    folder: str  # of the event file, below that of the run; "" for its own
    tag: str
    key: str
    kind: str  # of the history; "" for what is only in events.parquet
    type: str  # float32, int64, histogram, image, graph_def...


class SeriesList:
    """The series of a run, numbered in the order of their first value."""

    def __init__(self) -> None:
        self.all: list[Series] = []
        self._numbers: dict[Series, int] = {}

    def intern(self, series: Series) -> int:
        """The number of a series, which is a new one for one that was not there."""
        number = self._numbers.setdefault(series, len(self.all))
        if number == len(self.all):
            self.all.append(series)
        return number


def plugin_of(value: Value, metadata: Metadata) -> str:
    """Which plugin a value is for."""
    return metadata.plugin or BY_MESSAGE.get(value.kind, "")


def key_of(folder: str, tag: str, plugin: str = "") -> str:
    """The key of a tag: the names that W&B's `sync_tensorboard` gives, `<folder>/<tag>`.

    What no key can be, the empty tag and the names of the history's own columns, is written `tag:<tag>`; so is
    `global_step`, which is what lines up the rows of a live run.
    """
    tag = PLUGINS.get(plugin, UNKNOWN).key_of(tag)
    key = f"{folder}/{tag}" if folder else tag
    return f"tag:{key}" if not tag or key in (*RESERVED, "_timestamp", GLOBAL_STEP) else key

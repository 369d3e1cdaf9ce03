"""Series: what the values of one tag are, and the key that they get in the run."""

from __future__ import annotations

import re
from typing import NamedTuple

from ....columns.log_cells import RESERVED
from ....writing.aligned import GLOBAL_STEP
from ..log.events import Metadata, Value

PLUGINS = {"simple_value": "scalars", "histo": "histograms", "image": "images", "audio": "audio"}  # without metadata
_TEXT_SUFFIX = "/text_summary"  # torch and tensorboardX add it to the tags of add_text
_MESH_TAG = re.compile(r"_(VERTEX|FACE|COLOR|[123])$")  # of torch and TensorFlow, of tensorboardX


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

    def number(self, series: Series) -> int:
        found = self._numbers.get(series)
        if found is None:
            found = self._numbers[series] = len(self.all)
            self.all.append(series)
        return found


def plugin_of(value: Value, metadata: Metadata) -> str:
    """Which plugin a value is for."""
    return metadata.plugin or PLUGINS.get(value.kind, "")


def key_of(folder: str, tag: str, plugin: str = "") -> str:
    """The key of a tag: the names that W&B's `sync_tensorboard` gives, `<folder>/<tag>`.

    What no key can be, the empty tag and the names of the history's own columns, is written `tag:<tag>`; so is
    `global_step`, which is what lines up the rows of a live run.
    """
    if plugin == "text":
        tag = tag.removesuffix(_TEXT_SUFFIX) or tag
    elif plugin == "mesh":
        tag = _MESH_TAG.sub("", tag) or tag
    key = f"{folder}/{tag}" if folder else tag
    return f"tag:{key}" if not tag or key in (*RESERVED, "_timestamp", GLOBAL_STEP) else key

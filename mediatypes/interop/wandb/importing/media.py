"""The media of a run: W&B's documents in rows and summary as values, whose files are in the run directory."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...._core import codec
from ...._core.errors import MediaTypesError, Problem, SidecarMissing, StoreError, Verbatim
from ...._core.sidecar import READ_WHOLE, Sink
from ....plot import Plot
from ....runfolder import files
from ....types.table.value import Table
from ...importing.losses import Losses
from ..context import Artifact, Context, Entry
from ..documents import BOXES, decode, locate
from .facts import Facts

_CHART_TABLES = "Custom Chart Tables/"
_LABELS = {True: "bounding_box/class_labels", False: "mask/class_labels"}
_SUFFIX = "_table"
_ID = re.compile(r"-?[0-9]{1,18}")  # of a class


def staging_folder() -> Path:
    """Where wandb keeps the files of artifacts on this machine."""
    if data := os.environ.get("WANDB_DATA_DIR"):
        return Path(data).expanduser() / "artifacts" / "staging"
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "wandb"
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "wandb" / "artifacts" / "staging"


class RunMedia:
    """Reads the documents of one run.

    Args:
        root: the run directory's `files`.
        earlier: the folder of the run that an earlier import made: it has files that are not in `root` any more.
        facts: of the run; grows while it is read.
        sink: where sidecars go.
        attach: keeps a file of `root` as it is, by its path there; returns that in the run folder.
        losses: gets what cannot be read.
    """

    def __init__(
        self,
        root: Path,
        earlier: Path,
        facts: Facts,
        sink: Sink,
        attach: Callable[[Path, str], str],
        losses: Losses,
    ) -> None:
        self.root, self.earlier, self.facts, self.sink, self.losses = root, earlier, facts, sink, losses
        self.attach = attach
        self.last: dict[str, Any] = {}  # documents as W&B wrote them, by key: the latest
        self.charts: dict[str, str] = {}  # charts that could not be made, by key, and why
        self.failure: OSError | None = None  # of the sink: it ends the import
        self._increments: dict[str, Any] = {}
        self._staging = os.path.realpath(staging_folder())

    def encode(self, value: Any) -> dict[str, Any]:
        """The document of a value, its sidecars placed."""
        try:
            return codec.encode(value, self.sink)
        except OSError as error:
            self.failure = self.failure or error
            raise

    def decode_row(self, row: dict[str, Any], step: int) -> dict[str, Any]:
        """A row whose documents are values; what cannot be read is its JSON as text."""
        return self._mapping(row, f"step {step}", "")

    def decode_summary(self, values: dict[str, Any]) -> dict[str, Any]:
        """The same of a summary, whose keys are joined already."""
        return self._mapping(values, "summary", "")

    def is_last(self, name: str, value: Any) -> bool:
        """Whether a document of the summary is the latest of its key: W&B's has members of earlier ones besides."""
        last = self.last.get(name)
        if isinstance(last, dict) and isinstance(value, dict):
            return all(value.get(member) == item for member, item in last.items())
        return last is not None and bool(last == value)

    def _mapping(self, values: dict[str, Any], where: str, above: str) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for key, value in values.items():
            name = f"{above}{key}"
            made = self._value(value, where, name)
            chart = self._chart(name, made) if type(made) is Table else None
            if chart is not None:
                key, made = _chart_name(key), chart
            read[key] = made
        return read

    def _value(self, value: Any, where: str, name: str) -> Any:
        if isinstance(value, dict):
            if isinstance(value.get("_type"), str):
                return self._document(value, where, name)
            return self._mapping(value, where, f"{name}.")
        if isinstance(value, list) and value and all(isinstance(one, dict) and "_type" in one for one in value):
            return self._document(value, where, name)
        return value

    def _document(self, document: Any, where: str, name: str) -> Any:
        self.last[name] = document
        place = f"{where}: {name}"
        context = Context(
            self._locate,
            lambda kind, of: self._labels(kind, of, name),
            self._artifact,
            self._increments,
            self._note(place),
        )
        try:
            return decode(document, context=context)
        except OSError as error:
            if type(error) is StoreError or (error.errno is not None and not isinstance(error, StoreError)):
                raise  # the disk, not the document
            self._lose(place, error, document)
        except Exception as error:  # codecs raise what they like; no value may end an import
            self._lose(place, error, document)
        return json.dumps(document, sort_keys=True)

    def _lose(self, place: str, error: Exception, document: Any) -> None:
        hint = "Its JSON is kept as text."
        for one in document if isinstance(document, list) else [document]:
            try:
                path = one["path"]
                hint = f"Its JSON is kept as text, its file is {self.attach(locate(self.root, path, place), path)}."
            except (MediaTypesError, KeyError, TypeError):
                continue
        text = str(error).rstrip(".") or type(error).__name__
        self.losses.add(Problem(place, text if "expected" in text else f"expected a value, got {text}", "media", hint))

    def _note(self, place: str) -> Callable[[Problem], None]:
        def note(problem: Problem) -> None:
            path = (
                f"{place}{problem.path}"
                if problem.path.startswith("[")
                else ": ".join(filter(None, (place, problem.path)))
            )
            self.losses.add(problem._replace(path=path))

        return note

    def _locate(self, path: Any, where: str) -> Path:
        try:
            return locate(self.root, path, where)
        except SidecarMissing:
            if (kept := self._kept(path)) is not None:
                return kept
            raise

    def _kept(self, path: str) -> Path | None:
        """The copy that an earlier import made of a file: W&B's names end with 20 digits of the hash."""
        name = path.rpartition("/")[2].partition(".")[0]
        digits = name.rpartition("_")[2]
        if len(digits) != 20 or not set(digits) <= set("0123456789abcdef"):
            return None
        return next((self.earlier / files.SIDECARS / digits[:2]).glob(f"{digits}*"), None)

    def _labels(self, kind: str, overlay: str, name: str) -> dict[int, str] | None:
        """Labels of the classes of an overlay, from the config."""
        known = self.facts.wandb.get(_LABELS[kind == BOXES])
        for key in (name, name.rpartition(".")[2]):
            entry = known.get(f"{key}_wandb_delimeter_{overlay}") if isinstance(known, dict) else None
            if isinstance(entry, dict) and isinstance(entry.get("value"), dict):
                return {int(id): str(text) for id, text in entry["value"].items() if _ID.fullmatch(str(id))}
        return None

    # Artifacts ------------------------------------------------------------------------------------------------------

    def _artifact(self, url: str) -> Artifact | None:
        scheme, _, rest = url.partition("://")
        client_id, _, path = rest.partition("/")
        entries = self.facts.artifacts.get(client_id) if scheme == "wandb-client-artifact" else None
        if not entries or path not in entries:
            return None

        def find(path: Any, where: str) -> Path:
            entry = entries.get(path)
            if entry is None:
                raise SidecarMissing.of(where, "a file of the artifact", path, "The artifact does not list it.")
            return self.staged(entry, where)

        try:
            return Artifact(find(path, "table").read_bytes(), find)
        except (StoreError, OSError):
            return None

    def staged(self, entry: Entry, where: str) -> Path:
        """A file in wandb's staging folder, and nowhere else, that has the content which the manifest names."""
        place = os.path.realpath(entry.place)
        hint = "wandb empties that folder when a run is synchronized."
        if not entry.place or not place.startswith(self._staging + os.sep):
            raise SidecarMissing.of(where, f"a file in {self._staging}", entry.place, "Set WANDB_DATA_DIR.")
        try:
            status = os.stat(place)
            if not stat.S_ISREG(status.st_mode) or status.st_size != entry.size:
                raise SidecarMissing.of(where, "the staged file", Verbatim("another one"), hint)
            digest = hashlib.md5(usedforsecurity=False)
            with open(place, "rb") as file:
                while piece := file.read(READ_WHOLE):
                    digest.update(piece)
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise SidecarMissing.of(where, "the staged file", Verbatim("none"), hint) from error
        if base64.b64encode(digest.digest()).decode() != entry.digest:
            raise SidecarMissing.of(where, "the staged file", Verbatim("another one"), hint)
        return Path(place)

    # Charts ---------------------------------------------------------------------------------------------------------

    def _chart(self, name: str, table: Table) -> Plot | None:
        """The chart that the config says this table is drawn as."""
        known = self.facts.wandb.get("visualize")
        chart = _chart_name(name)
        settings = known.get(chart) if isinstance(known, dict) and name.endswith(_SUFFIX) else None
        if not isinstance(settings, dict):
            return None
        try:
            config = settings["panel_config"]
            fields, strings = config["fieldSettings"], config.get("stringSettings") or {}
            return Plot(config["panelDefId"], table, fields, strings, name.startswith(_CHART_TABLES))
        except (MediaTypesError, KeyError, TypeError, AttributeError) as error:
            self.charts.setdefault(chart, str(error).rstrip("."))
            return None


def _chart_name(key: str) -> str:
    return key.removeprefix(_CHART_TABLES).removesuffix(_SUFFIX)

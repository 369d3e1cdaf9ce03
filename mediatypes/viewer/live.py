"""What happens to runs while a page shows them: new rows of live runs, runs that begin, runs that end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._core import canonical
from .._core.errors import MediaTypesError
from ..columns.batch import Batch
from ..runfolder.follower import Follower
from .shelf import Shelf

_NUMERIC = ("number", "integer", "boolean")
_PAUSE = 0.02  # seconds between two looks at live runs
_FIND = 2.0  # seconds between two looks for new runs
_HEARTBEAT = 15.0  # seconds after which a connection without news is told so, or found to be closed
_SHARE = 20  # a look takes at most one part of so many of the time


class Live:
    """News of all runs on a shelf, for one listener.

    Args:
        shelf: its runs; a run's news begin after the calls that its snapshot holds.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._followers: dict[str, Follower] = {}
        self._over: set[str] = set()

    def news(self) -> Iterator[dict[str, Any] | None]:
        """What is new, for ever; None now and then when nothing is.

        `{"run": name, "rows": [{"row": step, "values": {key: number}}], "media": [...]}` of a live run, or
        `{"runs": [...]}` of runs that are new or over, as `Shelf.describe` gives them.
        """
        told = found = time.monotonic()
        while True:
            began = time.monotonic()
            messages = [message for name in self._watched() if (message := self._look(name))]
            if began - found > _FIND:
                found = began
                if new := self._shelf.find():
                    messages.append({"runs": self._shelf.describe(new)})
            if messages or began - told > _HEARTBEAT:
                told = began
                yield from messages
                if not messages:
                    yield None
            time.sleep(max(_PAUSE, _SHARE * (time.monotonic() - began)))

    def close(self) -> None:
        """Let go of the journals."""
        for follower in self._followers.values():
            follower.close()

    def _watched(self) -> list[str]:
        return [
            name for name in self._shelf.names() if name not in self._over and isinstance(self._shelf[name].path, Path)
        ]

    def _look(self, name: str) -> dict[str, Any] | None:
        try:
            follower = self._followers.get(name)
            if follower is None:
                if not self._shelf.is_live(name):
                    self._over.add(name)
                    return None
                calls = self._shelf.snapshot(name)[1]
                follower = self._followers[name] = Follower(str(self._shelf[name].path))
                while follower.calls < calls and (batches := follower.poll()):
                    if late := [new for batch in batches if (new := batch.after(calls))]:
                        return _message(name, late)
            batches = follower.poll()
            if batches:
                return _message(name, batches)
            if follower.status == "running":
                return None
        except MediaTypesError:
            pass  # what cannot be read any more is told as over, with what its files say
        self._over.add(name)
        if gone := self._followers.pop(name, None):
            gone.close()
        self._shelf.forget(name)
        return {"runs": self._shelf.describe([name])}


def _message(name: str, batches: list[Batch]) -> dict[str, Any]:
    rows: dict[int, dict[str, Any]] = {}
    media: list[dict[str, Any]] = []
    for batch in batches:
        steps = batch.steps.tolist()
        for step, timestamp in zip(steps, batch.timestamps.tolist(), strict=True):
            rows.setdefault(step, {})["_timestamp"] = timestamp
        for (key, kind), column in batch.columns.items():
            for call, value in zip(column.calls.tolist(), column.values, strict=True):
                step = steps[call]
                if kind in _NUMERIC:
                    rows[step][key] = _number(value)
                else:
                    documents = value if kind.endswith("_list") else [value]
                    for index, document in enumerate(documents or ()):
                        if isinstance(document, dict) and "_type" in document:
                            media.append(_media_row(key, step, index if kind.endswith("_list") else None, document))
    return {"run": name, "rows": [{"row": step, "values": values} for step, values in rows.items()], "media": media}


def _number(value: Any) -> Any:
    number = float(value)
    return number if number - number == 0 else None


def _media_row(key: str, step: int, index: int | None, document: dict[str, Any]) -> dict[str, Any]:
    known = {name: document.get(name) for name in ("caption", "path")}
    return {
        "key": key,
        "step": step,
        "index": index,
        "type": document["_type"],
        **known,
        "_doc": canonical.dumps(document),
    }

"""What happens to runs while a page shows them: new rows of live runs, runs that begin, runs that end."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .._core import canonical
from .._core.errors import MediaTypesError
from ..columns.batch import Batch
from ..runfolder.follower import Follower
from .shelf import Shelf, Stamp

News = Generator[dict[str, Any] | None, None, None]
_NUMERIC = ("number", "integer", "boolean")
_SHORTEST, _LONGEST = 0.02, 1.0  # seconds between two looks at live runs
_FIND = 2.0  # seconds between two looks for new runs
_HEARTBEAT = 15.0  # seconds after which a connection without news is told so, or found to be closed
_WAITING = 16  # pages that were sent and did not ask for news yet
_SHARE = 20  # a look takes at most one part of so many of the time


class Live:
    """News of all runs on a shelf, for one listener.

    The first of them is the list of runs: what happens after it was made is told, so nothing is between the two.

    Args:
        shelf: its runs; a run's rows begin after the calls that its snapshot holds.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._told: dict[str, Stamp] = {}  # runs as they were told last
        self._followers: dict[str, Follower] = {}
        self._held: dict[str, dict[int, int]] = {}  # calls of each rank that the page has read
        self._over: set[str] = set()  # these do not grow, unless they are told again

    def news(self) -> News:
        """What is new, for ever; None now and then when nothing is.

        First `{"all": True, "runs": [...]}`, each as `Shelf.describe` gives it; then `{"runs": [...]}` of runs that are
        new, over, resumed or edited, `{"gone": [name, ...]}`, and of a live run
        `{"run": name, "rows": [{"row": step, "rank": rank, "values": {key: number or text}}], "media": [...]}`.
        """
        try:
            yield from self._news()
        finally:
            for follower in self._followers.values():
                follower.close()

    def _news(self) -> News:
        self._find()
        yield {"all": True, **next(self._changes(), {"runs": []})}
        told = looked = time.monotonic()
        while True:
            began = time.thread_time()
            if time.monotonic() - looked > _FIND:
                looked = time.monotonic()
                self._find()
            messages = [*self._changes(), *self._rows()]
            used = time.thread_time() - began
            if messages or time.monotonic() - told > _HEARTBEAT:
                told = time.monotonic()
                yield from messages
                if not messages:
                    yield None
            time.sleep(pause(used))

    def _find(self) -> None:
        with suppress(MediaTypesError):  # a folder that cannot be listed now may be there at the next look
            self._shelf.find()

    def _changes(self) -> Iterator[dict[str, Any]]:
        """What is not as it was told."""
        now = self._shelf.stamps()
        changed = [name for name, stamp in now.items() if self._told.get(name) != stamp]
        gone = [name for name in self._told if name not in now]
        for name in (*changed, *gone):
            self._over.discard(name)
            self._drop(name)
        self._told = now
        if changed:
            yield {"runs": self._shelf.describe(changed)}
        if gone:
            yield {"gone": gone}

    def _rows(self) -> Iterator[dict[str, Any]]:
        for name in self._told:
            if name in self._over:
                continue
            try:
                if batches := self._follow(name):
                    yield _message(name, batches)
                elif batches is None:
                    self._end(name)
            except (KeyError, OSError, MediaTypesError):  # what cannot be read any more is as its files say
                self._end(name)

    def _follow(self, name: str) -> list[Batch] | None:
        """The calls of a run that were not told; None if there will be no more."""
        follower = self._followers.get(name)
        if follower is None:
            if not isinstance(path := self._shelf[name].path, Path) or not self._shelf.is_live(name):
                return None
            self._held[name] = self._shelf.snapshot(name)[1]
            follower = self._followers[name] = Follower(path)
        held, new = self._held[name], list[Batch]()
        while batches := follower.poll():
            if new := [late for batch in batches if (late := batch.after(held.get(_rank(batch), 0)))]:
                break
        if follower.restarts:  # it went back to an earlier step, and is told as another
            return None
        return new or ([] if batches or follower.status == "running" else None)

    def _end(self, name: str) -> None:
        """Follow a run no more. If it is another now than was told, `_changes` tells."""
        self._over.add(name)
        self._drop(name)
        self._shelf.look(name)

    def _drop(self, name: str) -> None:
        if follower := self._followers.pop(name, None):
            follower.close()


class Begun:
    """News that begin in a page: the list of runs stands in it, and it asks for what happened since.

    Args:
        shelf: its runs.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf, self._lock = shelf, threading.Lock()
        self._waiting: dict[str, News] = {}

    def begin(self) -> tuple[str, list[dict[str, Any]]]:
        """A name for the news, and the list of runs that they begin with."""
        name, news = secrets.token_hex(8), Live(self._shelf).news()
        first = next(news) or {}
        with self._lock:
            self._waiting[name] = news
            for old in list(self._waiting)[:-_WAITING]:
                del self._waiting[old]
        return name, first["runs"]

    def go_on(self, name: str) -> News:
        """What came after the list, once; after that, and if it is long ago, news that begin with a list."""
        with self._lock:
            return self._waiting.pop(name, None) or Live(self._shelf).news()


def pause(used: float) -> float:
    """Seconds to wait after a look that took `used` of the processor: looking is a small part of its time."""
    return min(_LONGEST, max(_SHORTEST, _SHARE * used))


def _message(name: str, batches: list[Batch]) -> dict[str, Any]:
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    media: list[dict[str, Any]] = []
    for batch in batches:
        steps, rank = batch.steps.tolist(), _rank(batch)
        for step, timestamp in zip(steps, batch.timestamps.tolist(), strict=True):
            rows.setdefault((step, rank), {})["_timestamp"] = timestamp
        for (key, kind), column in batch.columns.items():
            for call, value in zip(column.calls.tolist(), column.values, strict=True):
                step = steps[call]
                row = rows[step, rank]
                if kind in _NUMERIC:
                    row[key] = canonical.tag_floats(float(value))
                elif kind == "string":
                    row[key] = value
                else:
                    documents = value if kind.endswith("_list") else [value]
                    for index, document in enumerate(documents or ()):
                        if isinstance(document, dict) and "_type" in document:
                            place = index if kind.endswith("_list") else None
                            media.append({"_rank": rank, **_media_row(key, step, place, document)})
    told = [{"row": step, "rank": rank, "values": values} for (step, rank), values in rows.items()]
    return {"run": name, "rows": told, "media": media}


def _rank(batch: Batch) -> int:
    """Who logged the calls of a batch, which are one rank's."""
    return 0 if batch.ranks is None else int(batch.ranks[0])


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

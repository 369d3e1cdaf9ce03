"""What TensorBoard writers log while a run is open, captured in their process."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...._core.atomic import replacing
from ...._core.errors import Problem, StoreError
from ....formats import protobuf
from ....runfolder import files
from ....store.directory import DirectoryStore
from ....writing.hook import WriterHook
from ...importing.names import safe_name
from ..importing.plan import is_attached, is_event_file
from ..log.events import read_event
from ..plugins.convert import CellReader, Converter, SeriesList, key_of
from .live_rows import GrowingFile, LiveRows
from .namespaces import Namespaces, absolute

_POLL_SECONDS = 0.2  # seconds between two looks at files that are followed
_FLUSH_SECONDS = 5.0  # seconds to wait for a writer's queue


class RunCapture:
    """Everything that is captured for one run.

    Args:
        run: where to; it is open.
        root_logdir: see `live.patch`.
        save: keep the event files in the run's folder.
    """

    def __init__(self, run: WriterHook, root_logdir: str, save: bool) -> None:
        self.namespaces, self._save = Namespaces(root_logdir), save
        self.run = run
        self._pid, self._began = os.getpid(), time.time()
        self._store = DirectoryStore(run.path, files.SIDECARS)
        self._converter = Converter(self._store, DirectoryStore(run.path, files.ATTACHED))
        self.rows = LiveRows(run, self._store)
        self.lock = run.lock
        self._logdirs: dict[str, str] = {}  # by absolute path: where its files are kept, below the run's
        self._root = {absolute(root_logdir): ""} if root_logdir else {}  # where a profiler may write
        self._own: set[str] = set()  # files of writers that are captured
        self._flushes: list[Callable[[], None]] = []
        self._followed: dict[str, str] = {}  # directories of writers whose files are followed, with their namespaces
        self._tails: dict[str, GrowingFile] = {}
        self._series = SeriesList()
        self.numbers: list[dict[str, str]] = []
        self._untold: list[Problem] = []  # that could not be kept in the run: `finish` tries again
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        run.before_finish(self.finish)

    @property
    def is_open(self) -> bool:
        """Whether events still go into the run."""
        return self.run.is_open and os.getpid() == self._pid

    def capture_writer(self, writer: Any, logdir: str, was_late: bool = False) -> WriterCapture:
        """What takes the events of a writer."""
        place = self._enter(logdir)
        for name in (
            getattr(writer, "_file_name", None),
            getattr(getattr(writer, "_ev_writer", None), "_file_name", ""),
        ):
            if name:
                self._own.add(absolute(name))
        alive = weakref.ref(writer)
        self._flushes.append(lambda: _flush(alive()))
        if was_late:
            self.say(
                Problem(
                    logdir,
                    "expected a run that syncs TensorBoard, or patch(), before the writer was made, got them after",
                    "order",
                    "What it logged before is only in its event files: make the writer later, or import them.",
                )
            )
        return WriterCapture(self, place)

    def follow(self, logdir: str, flush: Callable[[], None]) -> None:
        """Follow the event files that this process writes into a directory."""
        with self.lock:
            self._followed[absolute(logdir)] = self._enter(logdir)
            self._flushes.append(flush)
            if self._thread is None:
                self._thread = threading.Thread(target=self._poll, name="mediatypes-tensorboard", daemon=True)
                self._thread.start()

    def say(self, problem: Problem) -> None:
        """Warn of something, once, and keep it in the run."""
        if self.is_open:
            self.run.say_once(problem)

    def finish(self) -> None:
        """Flush the writers, read the rest of what is followed, and keep the files. The run is finished after that."""
        if os.getpid() != self._pid:
            return
        for problem in list(self._untold):
            self.say(problem)
            self._untold.remove(problem)
        for flush in self._flushes:
            with contextlib.suppress(Exception):  # closed writers have many ways to say so
                flush()
        self._stop.set()
        if self._thread:
            self._thread.join()
            self._read_tails(is_last=True)
        for numbers in self.numbers:
            numbers.clear()
        for logdir, place in (self._root | self._logdirs).items():
            try:
                self._keep(Path(logdir), place)
            except OSError as error:
                text = f"expected its files to be kept, got {error.strerror or error}"
                self.say(Problem(logdir, text, "files", "They stay where they are."))

    def guard(self, error: Exception, what: str) -> None:
        """An error of capturing never reaches the training."""
        text = f"expected it to be logged, got {type(error).__name__}: {error}".rstrip(".")
        problem = Problem(what, text, "capture", "It is in the event file only.")
        try:
            self.say(problem)
        except Exception:  # the disk may be full
            self._untold.append(problem)

    def _enter(self, logdir: str) -> str:
        place = self.namespaces.of(logdir)
        if place and self.namespaces.is_outside(logdir) and absolute(logdir) not in self._logdirs:
            text = f"expected log directories below {self.namespaces.root}, got another one, whose keys begin {place}/"
            self.say(Problem(logdir, text, "root", "Pass root_logdir= to say how keys are named."))
        self._logdirs.setdefault(absolute(logdir), place)
        return place

    def _poll(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            self._read_tails()

    def _read_tails(self, is_last: bool = False) -> None:
        for logdir, place in list(self._followed.items()):
            try:
                for path in self._new_files(logdir):
                    self._tails[path] = GrowingFile(path, place, self._series, self._converter)
                for path, tail in self._tails.items():
                    if path.rpartition("/")[0] == logdir:
                        with self.lock:
                            for events in tail.read():
                                self.rows.events(events, self._series.all, tail)
            except Exception as error:
                if is_last and isinstance(error, StoreError):  # the rest waits for the next `finish`
                    raise
                self.guard(error, logdir)

    def _new_files(self, logdir: str) -> list[str]:
        """Event files of this process that nobody captures: their names have its number."""
        if not os.path.isdir(logdir):
            return []
        names = (name for name in os.listdir(logdir) if is_event_file(name) and f".{self._pid}." in name)
        paths = sorted(f"{logdir}/{name}" for name in names)
        new = [path for path in paths if path not in self._tails and path not in self._own]
        return [path for path in new if stat.S_ISREG(os.lstat(path).st_mode) and self._is_new(path)]

    def _is_new(self, path: str) -> bool:
        return os.path.getmtime(path) >= self._began - 2  # file systems round times

    def _keep(self, logdir: Path, place: str) -> None:
        """Copy what was written into a log directory since the capture began."""
        if self.run.path in (logdir, *logdir.parents) or not logdir.is_dir():
            return
        for path, name in _below(logdir, self._logdirs):
            is_log = name.endswith(".pbtxt") or (is_event_file(name) and "/" not in name)
            is_wanted = self._save and str(logdir) in self._logdirs if is_log else is_attached(name)
            if is_wanted and self._is_new(str(path)):
                target = self.run.path / files.ATTACHED / safe_name(f"{place}/{name}" if place else name)
                target.parent.mkdir(parents=True, exist_ok=True)
                with replacing(target, "keep the file") as temporary:
                    shutil.copyfile(path, temporary)


class WriterCapture:
    """Takes the events of one writer."""

    def __init__(self, capture: RunCapture, folder: str) -> None:
        self._capture, self._folder = capture, folder
        self._numbers: dict[str, str] = {}  # keys by tag, of plain scalars; emptied when the run finishes
        self._number = capture.rows.number
        capture.numbers.append(self._numbers)
        self._reader = CellReader(capture._converter, {})
        self._is_first = True  # no summary came yet

    def take(self, event: Any) -> None:
        """Log an event, a protocol buffer of whichever package."""
        capture = self._capture
        try:
            values = event.summary.value
            if len(values) == 1:
                value = values[0]
                key = self._numbers.get(value.tag)
                if key is not None:
                    number = value.simple_value
                    if number or value.WhichOneof("value") == "simple_value":  # 0.0 may be what is not there
                        self._number(key, event.step, event.wall_time, number)
                        return
            if capture.is_open:
                self._take(event)
            elif values:
                outlived(capture)
        except Exception as error:
            capture.guard(error, self._folder or "event")

    def _take(self, message: Any) -> None:
        data = message.SerializeToString()
        with self._capture.lock:
            try:
                event = read_event(data, 0, len(data))
            except protobuf.Malformed:  # never of a message that was just written
                return
            read = list(self._reader.read(data, event, 0))
            if self._is_first and event.values:
                self._is_first = False
                if any(cell.type == "hparams" and "experiment" in cell.value for _, _, cell in read):
                    # It is of `add_hparams`, and part of the run above.
                    self._folder = self._folder.rpartition("/")[0]
            keyed = [(key_of(self._folder, tag, plugin) + cell.suffix, cell) for tag, plugin, cell in read]
            if [value.kind for value in event.values] == ["simple_value"] and keyed[0][1].kind == "number":
                self._numbers[read[0][0]] = keyed[0][0]
            self._capture.rows.cells(keyed, event.step, event.wall_time)


def outlived(capture: RunCapture) -> None:
    """Say, once for a run and not in a forked child, that a writer goes on after its run."""
    import warnings

    if os.getpid() == capture._pid and not getattr(capture, "_said", False):
        capture._said = True  # type: ignore[attr-defined]
        warnings.warn(
            f"{capture.run.path.name}: expected TensorBoard writers to end with the run, got an event after it was "
            "finished. It is in its event file only; make a new writer for a new run.",
            stacklevel=4,
        )


def _flush(writer: Any) -> None:
    """Bring what a writer holds into its file."""
    if writer is None:
        return
    queue, end = getattr(writer, "_event_queue", None), time.monotonic() + _FLUSH_SECONDS
    if hasattr(writer, "_ev_writer") and queue is not None:  # tensorboardX flushes only what has left its queue
        while not queue.empty() and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(0.01)  # the last one has left the queue, and is being written
    writer.flush()


def _below(logdir: Path, others: dict[str, str]) -> Iterator[tuple[Path, str]]:
    """Files below a directory, with their names there; those of other log directories are theirs."""
    for folder, folders, names in os.walk(logdir):
        folders[:] = sorted(one for one in folders if absolute(os.path.join(folder, one)) not in others)
        for name in sorted(names):
            path = Path(folder) / name
            if stat.S_ISREG(path.lstat().st_mode):  # no link: it may lead anywhere
                yield path, path.relative_to(logdir).as_posix()

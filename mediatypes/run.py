"""Run: log values, and find them as Parquet."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import sys
import threading
import warnings
import weakref
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from ._core.codec import encode
from ._core.errors import InputError, MediaTypesError, Problem, RunClosed, Verbatim
from ._core.hooks import hook
from .artifact.of_run import KeepsFiles
from .capture.begin import begin
from .capture.watching import WatchesModels
from .runfolder import files
from .runfolder.lock import RANK
from .store.directory import DirectoryStore
from .store.remote import RemoteStore, writable
from .writing import session
from .writing.announce import Announcer, is_quiet
from .writing.arguments import captures, check_options, check_status, rank_path, run_path
from .writing.call_writer import CallWriter
from .writing.child import RunChild
from .writing.config import Config, plain_config
from .writing.definitions import MetricDefinitions
from .writing.description import RunDescription
from .writing.exits import exit_of, last_error, status_of, watch_exit
from .writing.hook import WriterHook
from .writing.kinds import KINDS
from .writing.live import LiveMetrics, LiveSummary
from .writing.log_rows import LogsRows
from .writing.problems import ProblemLog
from .writing.ranks import Free, RankWriter, missing_ranks, number_of, open_rank, without_ranks

if TYPE_CHECKING:
    from .upkeep.uploading import Uploader

_live: weakref.WeakValueDictionary[int, Run] = weakref.WeakValueDictionary()  # open runs, the newest last
_numbers = itertools.count()


class Run(LogsRows, RunDescription, MetricDefinitions, KeepsFiles, WatchesModels):
    """One run in a directory: log to it, finish it, read it with `open_run` or pandas.

    Args:
        path: the run's directory; made if needed. Default: a new one, `<date-time>-<name or project>` in the directory
            that the environment variable MEDIATYPES_DIR names, or in `runs`.
        project, name, notes: texts that describe the run; the name defaults to the directory's.
        group, job_type: texts to sort runs by: an experiment of several runs, and what this one does in it.
        config: what the run was started with: a mapping of plain data, nested as you like, an argparse namespace, a
            dataclass, or the path of a YAML or JSON file.
        tags: texts to find the run by.
        mode: "create" (default): the directory must not hold a run. "resume": go on after the last row of the run it
            holds, whether it was finished or killed; what is passed here is merged into its description and config.
            "allow": resume if it holds a run, else create, for jobs that are started again after preemption.
        from_step: with "resume": the step of the checkpoint that training goes on from. Its row and later ones are
            taken back, the next call goes to it; what was set in config and summary stays.
        rank: the number of this process, where several log to one run: 0 makes the run and ends it for all, the others
            wait until it is there and log rows of their own, `_rank` says whose they are. What describes the run, its
            config, summary, metrics, files and copies are rank 0's. "auto": as torchrun, Slurm or MPI say; 0 without
            them. Default: None, this process alone logs to the run.
        on_error: "raise" (default): a call with a bad value raises and writes nothing. "record": the good keys are
            logged or set and the bad ones kept as problems of the run.
        packed: True: when the run is over, its sidecars are moved into one file, `sidecars.parquet`, for file systems
            with few inodes. Default: False, each is a file. A run that was packed before is packed again.
        fsync: seconds; what `log` returned from so long ago is safe from a power cut too. 0: `log` waits for the disk.
            Default: None, the system decides when it writes; killing the process loses nothing in any case.
        remote: where a copy of the run is kept up to date and can be read: `s3://bucket/runs/demo`, or what
            `open_store` made. A thread does it, `log` neither waits nor fails; what goes wrong is a problem of the run.
        upload_every, upload_timeout: seconds between two updates of the copy, and that `finish` waits for the last one.
        sync_tensorboard: True: what TensorBoard writers of torch, tensorboardX, Keras and `tf.summary` log while the
            run is open is logged here too, and their event files are kept with it; see
            `mediatypes.interop.tensorboard.patch`. Make the run before the writers.
        capture: what the run records by itself: True for all, False for nothing, or a list of "environment" (command
            line, packages, machine), "git" (commit and uncommitted changes), "console" (what the process and its
            children print) and "system" (use of processor, memory, disk, network, GPUs; needs the extra `system`).
            Default: as the environment variable MEDIATYPES_CAPTURE says (`all`, `none`, or names), else environment
            and git. No value of an argument or variable is written that may be a secret.
        system_every: seconds between two samples of the machine, at least 0.1.
        forward_to: trackers that get what `log` gets, by name or as their run or writer, `["wandb", writer]`; see
            `mediatypes.interop.log`. What they cannot take, and what they raise, is a problem of the run.
        quiet: True: print nothing. Default: as MEDIATYPES_QUIET says; else a line at the start, the end, each problem.

    `config` and `summary` are mappings that are kept with the run: `run.config["lr"] = 0.1`, `run.summary["best"]`.
    A run that a script leaves open is finished when that ends: "failed" by an exception or `sys.exit(3)`, "interrupted"
    by Ctrl-C, else "finished". One whose process was killed is "crashed": it can be read, resumed and recovered.
    Every call to `log` is on disk, media included, when it returns: killing the process loses no row.

    Raises:
        RunExists: the directory holds a run.
        RunLocked: another process is writing it.
        StoreError: there is no run to resume, or it cannot be written.
        InputError: with every problem of the arguments.
        MissingDependencyError: a tracker that `forward_to` names is not installed.

    >>> import tempfile, mediatypes as mt
    >>> with mt.Run(tempfile.mkdtemp() + "/run", config={"lr": 0.1}) as run:
    ...     for loss in (3.0, 2.0, 1.0):
    ...         run.log({"loss": loss})
    >>> mt.open_run(run.path).history(["loss"]).num_rows
    3
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        project: str | None = None,
        name: str | None = None,
        config: Any = None,
        notes: str | None = None,
        tags: list[str] | tuple[str, ...] | None = None,
        group: str | None = None,
        job_type: str | None = None,
        mode: Literal["create", "resume", "allow"] = "create",
        from_step: int | None = None,
        rank: int | Literal["auto"] | Free | None = None,
        on_error: Literal["raise", "record"] = "raise",
        packed: bool = False,
        fsync: float | None = None,
        remote: str | RemoteStore | None = None,
        upload_every: float = 60,
        upload_timeout: float = 60,
        sync_tensorboard: bool = False,
        capture: bool | list[str] | tuple[str, ...] | None = None,
        system_every: float = 10,
        forward_to: Sequence[Any] = (),
        quiet: bool | None = None,
    ) -> None:
        waits = {"upload_every": upload_every, "upload_timeout": upload_timeout, "system_every": system_every}
        check_options(on_error, mode, from_step, capture, **waits, **({} if fsync is None else {"fsync": fsync}))
        target = None if remote is None else writable(remote, "Run.remote")
        self._forward = hook("forward_to")(forward_to) if forward_to else None
        texts = {"project": project, "name": name, "notes": notes, "group": group, "job_type": job_type}
        described = session.describe("Run", texts, tags)
        self._record, problems = on_error == "record", list[Problem]()
        plain = plain_config(config, problems.extend if self._record else None)
        say = None if is_quiet(quiet) else _show
        if number := number_of(rank):
            packed, target, capture, sync_tensorboard, self._forward = False, None, False, False, None
            root = rank_path(path)
            opened = open_rank(
                root, number, fsync is not None, Announcer(root, say).say, is_new=mode == "create", from_step=from_step
            )
        else:
            root = run_path(path, mode, name, project) if rank is None else rank_path(path)
            opened = session.open_session(root, mode, described, plain, fsync is not None, from_step)
        super().__init__(root, opened.described, opened.rank)
        self._packed, self._has_ranks = bool(packed), rank is not None
        self._begin_child = partial(type(self), root, on_error=on_error, fsync=fsync, quiet=True)
        self._writer = (RankWriter if number else CallWriter)(opened, fsync)
        self._lock_file, self._lock = opened.lock, self._writer.lock
        self._resumed_at = 0 if isinstance(rank, Free) else opened.step
        self._store = DirectoryStore(self.path, files.SIDECARS, durable=fsync is not None)
        self._encode = partial(encode, sink=self._store)
        self._paths: dict[str, tuple[str, ...]] = {}  # of keys with a dot: how they were nested
        log, report = (self._append_own, self._lock), self._report if self._record else None
        self._metrics = LiveMetrics(self.path, opened.metrics, *log)
        self.config = Config(opened.config, *log, report)
        self.summary = LiveSummary(self._state, self._last_values, self._encode, *log, opened.overrides, report)
        self._closed = self._finished = False
        self._pid = os.getpid()
        self._exit: tuple[SystemExit | None, int] = (None, -1)  # what sys.exit raised, after so many calls
        self._announcer = Announcer(self.path, say)
        self._problems = ProblemLog(self._append, self._announcer.problems)
        if not number:
            self._announcer.started(self._writer.step)
        self._problems.note(problems, self._writer.step)
        self._uploader: Uploader | None = None
        if target:
            from .upkeep.transfer import RunCopy  # numpy and pyarrow are needed only by runs that have a copy
            from .upkeep.uploading import Uploader

            self._uploader = Uploader(RunCopy(self.path, target), upload_every, upload_timeout, self._report)
        self._hook = WriterHook(self.path, self.config, self._writer, self._tell)
        _live[next(_numbers)] = self
        watch_exit(_note_exit)
        atexit.register(self._at_exit)
        begin(self._hook, captures(capture), opened.config, system_every, self._report)
        if sync_tensorboard:
            hook("sync_tensorboard")(self)

    def _tell(self, told: Problem) -> None:
        """Warn of something, and keep it in the run."""
        self._report([told], tell=False)
        warnings.warn(str(told), stacklevel=5)

    def _report(self, problems: list[Problem], tell: bool = True) -> None:
        """What config and summary could not take, with `on_error="record"`, and what was not uploaded."""
        with self._lock:
            self._require_open("run")
            self._problems.note(problems, self._writer.step, tell)

    def _require_open(self, where: str) -> None:
        if self._pid != os.getpid():
            got = Verbatim(f"a worker that was forked from process {self._pid}, which writes {self.path.name}")
            hint = (
                "Log to what run.child() gave before, send the values to that process, or make a Run of its own here."
            )
            raise RunClosed.of(where, "the process that opened the run", got, hint)
        if self.rank and where not in ("log", "run"):
            raise self._not_rank_0(where)
        if self._closed:
            hint = "Log before finish(), or make a new Run."
            raise RunClosed.of(where, "a run that is open", f"{self.path.name}, finished", hint)

    def _not_rank_0(self, where: str) -> InputError:
        hint = "Do this where run.rank == 0."
        return InputError.of(where, "rank 0, whose config, summary, metrics and files are the run's", self.rank, hint)

    def _append_own(self, frame: bytes) -> None:
        """Write a frame that counts for the whole run."""
        if self.rank:
            raise self._not_rank_0("run")
        self._append(frame)

    def _append(self, frame: bytes) -> None:
        """Write a frame that is no call."""
        self._require_open("run")
        self._writer.append(frame)

    def _state(self) -> tuple[int, int]:
        """Changes when a call is logged or a metric defined."""
        with self._lock:
            if self._hook.aligned:
                self._hook.aligned.flush()
            return self._writer.calls, self._metrics.version

    def _last_values(self) -> dict[str, Any]:
        with self._lock:
            calls, _ = self._state()
            last = self._writer.last_values()
        return self._metrics.summarize(last, calls)

    def child(self) -> RunChild:
        """What logs to this run in other processes: workers of a data loader, however they are started, and pools.

        It may be handed to them, and stand in a data set; a run that is pickled becomes one. See `RunChild`.

        >>> import multiprocessing, tempfile, mediatypes as mt
        >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
        ...     worker = multiprocessing.get_context("spawn").Process(target=run.child().log, args=({"read_s": 0.5},))
        ...     worker.start()
        ...     worker.join()
        ...     run.log({"loss": 3.0}, step=0)
        >>> mt.open_run(run.path).history(["_rank", "loss", "read_s"]).select([1, 2, 3]).to_pylist()
        [{'_rank': 0, 'loss': 3.0, 'read_s': None}, {'_rank': 1000000, 'loss': None, 'read_s': 0.5}]
        """
        self._require_open("run")
        return RunChild(self._begin_child, self.path, self.step)

    def __reduce__(self) -> Any:
        return self.child().__reduce__()

    def finish(self, status: str = "finished") -> None:
        """Write the Parquet files and close the run; does nothing the second time.

        Rank 0 waits for other ranks that are still logging, for up to a minute, and then ends the run for all. Another
        rank only stops logging.

        Args:
            status: "finished", or "failed" when the training did not end as it should.

        Raises:
            InputError: another status.
            StoreError: the system refused. Nothing is lost: the run can still be read, and finished again. If it was
                over but could not be packed, `mediatypes.pack` does that; if not sent elsewhere, finish again.
        """
        check_status(status)
        self._end(status, sys.exception() if status == "failed" else None)

    def _end(self, status: str, error: BaseException | None = None) -> None:
        exit = {} if status == "finished" else exit_of(error)
        if self.rank and exit and not self._closed:
            got = exit.get("exception", f"exit code {exit['code']}")
            with contextlib.suppress(MediaTypesError):  # what it logged is there all the same
                self._report([Problem(f"rank {self.rank}", f"expected to finish, got {got}", RANK)], tell=False)
        if not self.rank:  # what is recorded by itself is gathered while this is loaded
            from .writing import finish  # noqa: F401
        self._hook.run_finishers()
        self._finish(status, exit)
        if self._uploader:  # without the lock: it may take long
            self._uploader.finish()
            self._uploader = None
            atexit.unregister(self._at_exit)

    def _finish(self, status: str, exit: dict[str, Any]) -> None:
        with self._lock:
            if self._finished:
                return
            if not self._closed:
                self._closed = True
                self._hook.close()
                self._writer.close()
            if not self.rank:
                from .writing.finish import finish  # numpy and pyarrow are needed only now

                with without_ranks(self.path, status == "finished", say=self._announcer.say):
                    missing = missing_ranks(self.path, self._described) if self._has_ranks and not exit else []
                    rows, told = finish(self.path, status, [*self._problems.unrecorded, *missing], exit)
                known = [*self._problems.all, *files.problems_of(self._described)]
                self._problems.add_recorded([one for one in told if one.code in (RANK, KINDS) and one not in known])
                self._announcer.ended(status, rows, len(self.problems))
            self._finished = True
            try:
                if self._packed or (not self.rank and (self.path / files.PACKED).exists()):
                    from .upkeep.packing import pack_sidecars

                    pack_sidecars(self.path)
            finally:
                self._lock_file.release()
                if not self._uploader:
                    atexit.unregister(self._at_exit)
                for number in [number for number, run in _live.items() if run is self]:
                    del _live[number]

    def _at_exit(self) -> None:
        error, (exit, calls) = last_error(), self._exit
        if calls == self._writer.calls:
            error = error or exit
        try:
            self._end(status_of(error), error)
        except MediaTypesError as error:  # nobody can catch it any more; the rows stay in the journal
            _show(f"mediatypes: {self.path.name} was not {'sent' if self._finished else 'finished'}. {error}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(status_of(error), error)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the viewer's page in a frame, with what was logged by now."""
        from .view import open_run

        return {**hook("show_runs")(open_run(self.path)), "text/plain": repr(self)}

    def __repr__(self) -> str:
        state = (
            f"open in process {self._pid}" if self._pid != os.getpid() else "finished" if self._finished else "running"
        )
        return f"Run({str(self.path)!r}, {state})"


def writer_hook(run: Run) -> WriterHook:
    """What others log to a run with."""
    return run._hook


def newest_run() -> Run | None:
    """The run of this process that was opened last, of those that are open."""
    return next((run for run in reversed(list(_live.values())) if not run._closed), None)


def _note_exit(error: SystemExit) -> None:
    """`sys.exit` was called; if somebody catches that and the script goes on logging, it says nothing."""
    for run in list(_live.values()):
        run._exit = (error, run._writer.calls)


def _show(line: str) -> None:
    if sys.stderr:  # programs without a console have none
        print(line, file=sys.stderr, flush=True)


def _forget_in_child() -> None:
    """A forked child shares the journal's file: it must neither log to it nor finish it."""
    for run in list(_live.values()):
        lock = threading.RLock()  # another thread may have held the one before
        run._lock = run.config._lock = run.summary._lock = run._metrics._lock = run._metrics._reading = lock
        run._closed = run._finished = True
        run._uploader = None
        run._hook.forget()
        run._lock_file.forget()
        run._writer.forget(lock)
        atexit.unregister(run._at_exit)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)

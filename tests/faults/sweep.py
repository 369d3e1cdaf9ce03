"""Every act with every fault at every call: each in a fork of a process that has imported everything.

Run by `python -m tests.faults`, which preloads the shim into the process that runs this.
"""

from __future__ import annotations

import errno
import importlib
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import mediatypes as mt

from .acts import ACTS, Act, left_half_made, pixels
from .shim import KILL, KINDS, NEVER, Fault, Shim

_SECONDS = 300  # that an act may take, on a machine that does other things too
_FOREIGN = re.compile(r"Traceback|pyarrow|.\[Errno|Error\(")
_NUMBERS = re.compile(r"[0-9a-f]{8,}|[0-9]+|/[0-9a-f]{2}/|case-[a-z0-9_]+")
_MEMORY = Path("/dev/shm")  # where a sync costs nothing
_MODULES = (
    "run",
    "upkeep.recover",
    "upkeep.packing",
    "upkeep.transfer",
    "upkeep.uploading",
    "store._packed_file",
    "writing.finish",
    "writing.editing",
    "writing.ranks",
    "runset.compact_write",
    "runset.database",
    "runfolder.content",
    "types.image.value",
    "types.table.value",
    "types.histogram.value",
    "interop.tensorboard.importing.importer",
    "interop.tensorboard.importing.write_folder",
)


class Swept(NamedTuple):
    """What came of it."""

    cases: int
    refused: int  # in which an error was raised
    broken: list[str]
    left: int  # cases for which there was no time


class Sweep:
    """Runs cases in forks."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shim = folder, Shim()
        self.expected: dict[str, str] = {}  # what an act leaves without a fault

    def prepare(self, name: str) -> list[Fault]:
        """Make what an act begins with, and look what there is to fail.

        Of calls that do the same to files whose names differ in numbers the first two and the last one count.
        """
        act = ACTS[name](self.folder / name / "made")

        def make() -> None:
            act.root.mkdir(parents=True)
            act.prepare()

        def trace() -> None:
            act = self._copy(name)
            with open(self.folder / name / "calls", "wb") as file:
                self.shim.trace(file.fileno())
                self.shim.arm(act.faulty, Fault(errno.EIO, False, NEVER), act.spared)
                act.act()
                self.shim.disarm()
            assert not act.errors, act.errors
            act.check_done()
            (self.folder / name / "expected").write_text(repr(act.result()))

        for step in (make, trace):
            if failed := self._fork(step):
                raise AssertionError(f"{name} without a fault: {failed}")
        self.expected[name] = (self.folder / name / "expected").read_text()
        lines = [line.split(" ", 1) for line in (self.folder / name / "calls").read_text().splitlines()]
        return [
            Fault(number, ever, n)
            for number, kinds in KINDS.items()
            for n in _first_and_last([call for kind, call in lines if int(kind) & kinds])
            for ever in ((False,) if number in (errno.EINTR, KILL) else (False, True))  # nobody is interrupted for ever
            if number != KILL or act.can_be_killed
        ]

    def _copy(self, name: str) -> Act:
        root = Path(tempfile.mkdtemp(prefix="case-", dir=self.folder / name))
        shutil.copytree(self.folder / name / "made", root, dirs_exist_ok=True)
        return ACTS[name](root)

    def case(self, name: str, fault: Fault) -> str:
        """What is wrong with an act under a fault; "refused" if nothing is and it raised, empty if it did not."""
        act = self._copy(name)
        failed = self._killed(act, fault) if fault.number == KILL else self._refused(act, name, fault)
        shutil.rmtree(act.root, ignore_errors=True)
        if failed in ("", "3"):
            return "refused" * bool(failed)
        return f"{name}: {fault}: {failed}"

    def _killed(self, act: Act, fault: Fault) -> str:
        """What is wrong after a process was killed and another one has done it again; "3" if nothing is."""

        def die() -> None:
            self.shim.arm(act.faulty, fault, act.spared)
            act.act()

        def go_on() -> None:
            act.check()
            act.again()
            act.check_done()
            act.tidy()
            if left := left_half_made(act.root):
                raise AssertionError(f"half-made: {left}")

        failed = self._fork(die)
        if failed and failed != f"it ended with {KILL}":
            return failed
        return self._fork(go_on) or "3" * bool(failed)

    def _refused(self, act: Act, name: str, fault: Fault) -> str:
        """What is wrong with an act under a fault; "3" if nothing is and it raised."""

        def work() -> None:
            act.may_leave = fault.stops_removal
            self.shim.arm(act.faulty, fault, act.spared)
            returned = act.attempt(act.act)
            self.shim.disarm()
            for error in act.errors:
                if str(act.root) not in str(error):
                    raise AssertionError(f"the error names no file: {error}")
            if quoted := [error for error in act.errors if _FOREIGN.search(str(error))]:
                raise AssertionError(f"an error of others in {quoted[0]}")
            act.check()
            if not fault.stops_removal and (left := left_half_made(act.root)):
                raise AssertionError(f"half-made: {left}")
            if act.errors:
                act.again()
            act.check_done()
            if returned and not act.errors and repr(act.result()) != self.expected[name]:
                raise AssertionError("it holds something else than without a fault")
            if act.errors:
                sys.exit(3)

        return self._fork(work)

    def _fork(self, work: Callable[[], None]) -> str:
        """Run it in a process of its own; returns what went wrong."""
        said, say = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            signal.alarm(_SECONDS)  # ends the process
            code = 0
            try:
                work()
            except SystemExit as error:
                code = int(str(error.code))
            except BaseException:
                self.shim.disarm()
                code = 1
                text = f"after {self.shim.last}\n{traceback.format_exc()}"
                os.write(say, text.encode(errors="replace")[-60_000:])
            os._exit(code)
        os.close(say)
        text = b""
        while piece := os.read(said, 1 << 16):
            text += piece
        os.close(said)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code == 1 or code < 0:
            return text.decode(errors="replace").strip() or f"it ended with {code}"
        return str(code) if code else ""


def _first_and_last(calls: list[str]) -> list[int]:
    """The numbers of the calls that stand for the others."""
    alike: dict[str, list[int]] = {}
    for n, call in enumerate(calls):
        alike.setdefault(_NUMBERS.sub("#", call), []).append(n)
    return sorted({n for numbers in alike.values() for n in (*numbers[:2], numbers[-1])})


def sweep(
    names: list[str],
    seconds: float,
    seed: int,
    most: int | None = None,
    say: Callable[[str], None] = print,
    kill: bool = False,
) -> Swept:
    """Run the cases of these acts in random order; at most so many of each act, and no new ones after so long.

    With `kill` the process is killed at each call, and nothing else.
    """
    for module in _MODULES:
        importlib.import_module(f"mediatypes.{module}")
    from PIL import Image

    Image.init()
    mt.encode(mt.Histogram(pixels(0)), mt.MemoryStore())
    chance, end = random.Random(seed), time.monotonic() + seconds
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None)).resolve()
    total = Swept(0, 0, [], 0)
    try:
        runner = Sweep(folder)
        planned = {}
        for name in names:
            planned[name] = [fault for fault in runner.prepare(name) if fault.number == KILL or not kill]
            chance.shuffle(planned[name])
        counts = {name: len(cases) if most is None else min(most, len(cases)) for name, cases in planned.items()}
        for number, (name, cases) in enumerate(planned.items(), 1):
            begin = time.monotonic()
            until = begin + (end - begin) / (len(planned) - number + 1)
            done = refused = 0
            broken = list[str]()
            for fault in cases[: counts[name]]:
                if time.monotonic() > until:
                    break
                outcome = runner.case(name, fault)
                done, refused = done + 1, refused + (outcome == "refused")
                if outcome not in ("", "refused"):
                    broken.append(outcome)
            taken = time.monotonic() - begin
            say(f"| {name} | {done} of {len(cases)} | {refused} | {len(broken)} | {taken:.0f} s |")
            left = counts[name] - done
            total = Swept(total.cases + done, total.refused + refused, total.broken + broken, total.left + left)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return total

"""What importing costs, in fresh interpreters."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .harness import ROOT, Contender, Figures, Measure, at_most, benchmark

# Nothing is imported before the clock starts but what the interpreter has built in.
_CODE = """
import sys, time
before, start = set(sys.modules), time.process_time()
{}
cost = time.process_time() - start
new = {{name.partition(".")[0] for name in set(sys.modules) - before}} - sys.stdlib_module_names - {{"mediatypes"}}
print(cost * 1e3, len(new), len(set(sys.modules) - before))
"""


def _import(statement: str) -> Measure:
    def measure() -> Figures:
        command = [sys.executable, "-c", _CODE.format(statement)]
        output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        cpu, packages, modules = map(float, output.split())
        return {"CPU ms": cpu, "other packages": packages, "modules": modules}

    return measure


_TARGETS = (at_most("CPU ms", 25), at_most("other packages", 0, worst=True))


@benchmark("import", "import mediatypes in a fresh interpreter, beyond starting it", *_TARGETS, rounds=9)
def _import_package(scratch: Path) -> list[Contender]:
    return [
        Contender("mediatypes", _import("import mediatypes")),
        Contender("numpy", _import("import numpy")),
        Contender("wandb", _import("import wandb"), "wandb"),
    ]


@benchmark("import-run", "import what a run of scalars needs before it finishes", *_TARGETS[1:], rounds=9)
def _import_run(scratch: Path) -> list[Contender]:
    return [
        Contender("mediatypes.Run", _import("import mediatypes; mediatypes.Run")),
        Contender("json", _import("import json")),
        Contender("tensorboardX", _import("import tensorboardX"), "tensorboardX"),
    ]

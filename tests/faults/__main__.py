"""Lets calls of the system fail in everything that writes: `make faults SECONDS=600`, or `python -m tests.faults`.

`python -m tests.faults --act Log --most 50` runs some cases of one act. What is wrong is printed, with the traceback.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults import shim


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--seconds", type=float, default=1200, help="in all (default: 1200)")
    parser.add_argument("--act", action="append", help="one act only; may be given again")
    parser.add_argument("--most", type=int, help="so many cases of each act, at random")
    parser.add_argument("--kill", action="store_true", help="only kill the process, before each call")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the cases (default: 1)")
    arguments = parser.parse_args()
    if why := shim.missing():
        print(f"No faults: {why}.")
        return 0
    if shim.LIBRARY not in os.environ:
        with tempfile.TemporaryDirectory(prefix="shim-") as folder:
            environment = shim.environment(shim.build(Path(folder)))
            return subprocess.run([sys.executable, "-m", "tests.faults", *sys.argv[1:]], env=environment).returncode
    from tests.faults.acts import ACTS
    from tests.faults.sweep import sweep

    print("| act | cases | refused | broken | time |\n|---|---|---|---|---|", flush=True)
    done = sweep(
        arguments.act or list(ACTS),
        arguments.seconds,
        arguments.seed,
        arguments.most,
        lambda line: print(line, flush=True),
        arguments.kill,
    )
    kinds: dict[str, list[str]] = {}
    for case in done.broken:
        where = [line for line in case.splitlines() if line.startswith("  File")][-1:] + case.splitlines()[-1:]
        kinds.setdefault(re.sub(r"[0-9a-f]{8,}|case-\w+", "#", " ".join(where)), []).append(case)
    for same in kinds.values():
        print(f"\n{len(same)} such as {same[0]}", file=sys.stderr)
    print(f"{done.cases} cases, {done.refused} refused, {len(done.broken)} broken, {done.left} left out")
    return bool(done.broken)


if __name__ == "__main__":
    sys.exit(main())

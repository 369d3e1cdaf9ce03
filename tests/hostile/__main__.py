"""Fuzzes every reader and prints what each did: `make fuzz SECONDS=60`, or `python -m tests.hostile`.

`python -m tests.hostile --target picture --case 17` runs one case again; `--keep` writes its files into the corpus,
which the tests read.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from tests.hostile.campaign import fuzz
from tests.hostile.fuzz import CORPUS, case_of, run
from tests.hostile.targets import TARGETS


def keep(target: str, number: int) -> Path:
    """Write a case into the corpus."""
    folder = CORPUS / target / str(number)
    for name, data in case_of(target, number).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile")
    parser.add_argument("--seconds", type=float, default=60, help="in all (default: 60)")
    parser.add_argument("--first", type=int, default=1, help="number of the first case (default: 1)")
    parser.add_argument("--target", choices=TARGETS, help="one reader only")
    parser.add_argument("--case", type=int, help="run this case of the target again")
    parser.add_argument("--keep", action="store_true", help="write the case into the corpus")
    arguments = parser.parse_args()
    if arguments.case is not None:
        if arguments.keep:
            print(keep(arguments.target, arguments.case))
        outcome = run(arguments.target, case_of(arguments.target, arguments.case))
        print(outcome)
        return bool(outcome.broken)
    targets = [arguments.target] if arguments.target else list(TARGETS)
    print(f"{'reader':20}{'cases':>7}{'refused rightly':>17}{'slowest':>9}{'largest memory':>16}")
    reports = list[tuple[str, int, str]]()
    for target in targets:
        outcomes, broken = fuzz(target, arguments.seconds / len(targets), arguments.first)
        sound = [one for one in outcomes if not one.broken]
        refused, slowest = sum(one.refused for one in sound), max((one.seconds for one in outcomes), default=0)
        memory = max((one.memory for one in outcomes), default=0)
        took, needed = f"{slowest:.2f} s", f"{memory / 1e6:.1f} MB"
        print(f"{target:20}{len(outcomes):7}{refused:17}{took:>9}{needed:>16}", flush=True)
        kinds = {re.sub(r"'.*'|\".*\"|[\d.]+ ", "", what): number for number, what in reversed(broken.items())}
        reports += [(target, number, broken[number]) for number in kinds.values()]
    for target, number, what in reports:
        print(f"{what}\n  python -m tests.hostile --target '{target}' --case {number}", file=sys.stderr)
    return bool(reports)


if __name__ == "__main__":
    sys.exit(main())

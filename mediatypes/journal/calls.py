"""What the arguments of one call to `log()` say: its step, its time, how it packs, and whether it is a lot."""

from __future__ import annotations

import operator
import time
from typing import Any

from .._core.errors import Problem, problem
from ..columns.log_cells import Named, scalar_code

_MANY = {"image": 50, "audio": 100}  # in a step, the W&B docs' guidance; more is recorded as a warning, nothing is cut


def checked_step(step: Any, current: int, problems: list[Problem], first: int = 0) -> int:
    """The step of the row that a call goes to, while the run is at `current`; `first` is where it was resumed."""
    try:
        if isinstance(step, bool):
            raise TypeError("a bool is no step")
        row = current if step is None else operator.index(step)
    except TypeError:
        problems.append(problem("log.step", "an integer", step, "Use int(step)."))
        return current
    if row < current:
        message = f"expected a step of at least {current}, got {row}"
        hint = "Log steps in order, or leave out step=."
        if 0 <= row < first:
            hint = f'To go back to a checkpoint, resume with mode="resume", from_step={row}.'
        problems.append(Problem("log.step", message, "step", hint))
    elif row >= 2**63:
        problems.append(problem("log.step", "a step of 64 bits", row, "Count from 0."))
    return row


def layout_codes(cells: list[Named]) -> str:
    """Layout codes of cells that are all numbers or bools, else nothing."""
    codes = ""
    for _, _, value in cells:
        cls: Any = type(value)
        code = scalar_code(cls)
        if code is None:
            return ""
        codes += code
    return codes


def too_many(cells: list[Named]) -> list[Problem]:
    """A warning for each type of which a call holds more than the W&B docs advise."""
    counts = dict.fromkeys(_MANY, 0)
    for _, kind, value in cells:
        for type in [kind] if kind in counts else [one["_type"] for one in value] if kind == "media_list" else ():
            if type in counts:
                counts[type] += 1
    return [
        Problem(
            "log",
            f"expected at most {most} values of type {type} in a step, got {counts[type]}",
            "many",
            "All were kept.",
        )
        for type, most in _MANY.items()
        if counts[type] > most
    ]


def take_timestamp(cells: list[Named]) -> float:
    """The time of the call: the one that was logged as `_timestamp`, taken out of the cells, or now."""
    for cell in cells:
        if cell[0] == "_timestamp":
            cells.remove(cell)
            return float(cell[2])
    return time.time()

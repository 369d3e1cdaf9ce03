"""The config of a run that is being written: a mapping whose every change is in the journal when it returns."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from typing import Any

from .._core.errors import InputError, MediaTypesError, Problem, describe
from ..columns.plain_data import BAD, make_plain
from ..columns.simplify import as_mapping
from ..journal import frames
from .config_file import read_file
from .live import Append, ByAttribute, Lock, Report

BITS = 1024  # of integers: seeds have 128; beyond this a reader with doubles overflows


def plain_config(source: Any, report: Report | None = None) -> dict[str, Any]:
    """A copy of a config as plain data.

    Args:
        source: a mapping (nested), an argparse namespace, a dataclass, absl flags, or the path of a YAML or JSON file.
        report: gets the problems, and what is good is returned. Without it they are raised.

    Raises:
        InputError: with every value that is no plain data.
        MissingDependencyError: a YAML file needs PyYAML.
    """
    problems: list[Problem] = []
    plain: dict[str, Any] = {}
    try:
        made = make_plain(_mapping_of(source), "config", problems, BITS)
        plain = {} if made is BAD else made
    except MediaTypesError as error:
        if report is None:
            raise
        problems += describe(error)
    if problems and report is None:
        raise InputError(problems)
    if problems and report:
        report(problems)
    return plain


def _mapping_of(source: Any) -> Mapping[Any, Any]:
    if source is None:
        return {}
    if isinstance(source, (str, os.PathLike)):
        return read_file(source)
    if callable(getattr(source, "flag_values_dict", None)):  # absl
        source = source.flag_values_dict()
    return as_mapping(source, "config", "a mapping, namespace, dataclass, or the path of a YAML or JSON file")


class Config(ByAttribute):
    """What the run was started with: `run.config["lr"] = 0.1`, `run.config.lr = 0.1`, `run.config.update(args)`.

    What is read is a copy: set a nested value as a whole, `run.config["model"] = {**run.config["model"], "depth": 9}`.
    """

    def __init__(self, values: dict[str, Any], append: Append, lock: Lock, report: Report | None = None) -> None:
        self._values, self._append, self._lock, self._report = dict(values), append, lock, report

    def update(self, values: Any = None, /, *, allow_val_change: bool | None = None, **named: Any) -> None:
        """Merge as `dict.update` does, in one change.

        Args:
            values: a mapping, an argparse namespace, a dataclass, or the path of a YAML or JSON file.
            allow_val_change: W&B's keyword, of no effect: every value may change, and the journal has each change.
            **named: further keys.

        Raises:
            InputError: with every problem; nothing is set. With `on_error="record"` the good keys are set.
        """
        with self._lock:
            new = plain_config(values, self._report) | plain_config(named, self._report)
            if new or not (values or named):  # also without a change: a run that is over says so
                try:
                    frame = frames.json_frame(frames.CONFIG_CHANGE, {key: [value] for key, value in new.items()})
                except InputError as error:  # more than the journal takes
                    if self._report is None:
                        raise
                    self._report([*error.problems])
                else:
                    self._append(frame)
                    self._values.update(new)

    def __getitem__(self, key: str) -> Any:
        return copy.deepcopy(self._values[key])

    def __delitem__(self, key: str) -> None:
        with self._lock:
            if key not in self._values:
                raise KeyError(key)
            self._append(frames.json_frame(frames.CONFIG_CHANGE, {key: None}))
            del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._values))  # another thread may change it meanwhile

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Config({self._values!r})"

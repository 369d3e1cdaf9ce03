"""`pytest --base`: tests that numpy, pyarrow and Pillow are enough for; the others are skipped and say what they need.

Without the option nothing is skipped: in the environment of `make test` a missing package is an error.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Generator
from doctest import UnexpectedException
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from mediatypes import MissingDependencyError


class Anything:
    """Stands for a strategy of Hypothesis where that is missing: whatever is asked of it or done with it is itself."""

    def __getattr__(self, name: str) -> Anything:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *arguments: Any, **options: Any) -> Anything:
        return self

    def __or__(self, other: Any) -> Anything:
        return self


def replace_hypothesis() -> None:
    """Make tests with `@given` tests that are skipped, so that the others of their modules run."""
    if importlib.util.find_spec("hypothesis"):
        return
    anything = Anything()
    names: dict[str, dict[str, Any]] = {
        "hypothesis": {
            "given": lambda *_, **__: pytest.mark.skip(reason="needs hypothesis"),
            "settings": lambda *_, **__: lambda function: function,
            "strategies": anything,
            "HealthCheck": anything,
            "reject": anything,
        },
        "hypothesis.extra": {"numpy": anything},
    }
    for name, members in names.items():
        module = ModuleType(name)
        vars(module).update(members, __spec__=ModuleSpec(name, None))  # which torch looks for
        sys.modules[name] = module


def needed(error: BaseException | None) -> str:
    """The package whose absence an error comes from; empty if it comes from anything else."""
    while error is not None:
        if isinstance(error, MissingDependencyError):
            return f"{error.package} with {error.lacks}" if error.lacks else error.package
        if isinstance(error, ModuleNotFoundError) and error.name:
            package = error.name.partition(".")[0]
            return "" if package in ("mediatypes", "tests") else package
        cause = error.__cause__ or error.__context__
        error = error.exc_info[1] if isinstance(error, UnexpectedException) else cause
    return ""


class BaseOnly:
    """The plugin: turns failures for want of a package into skips, also where the error was not raised to the test.

    An import reports it as a problem of one run, a command prints it, a recording goes on without it.
    """

    def __init__(self) -> None:
        self._told: list[str] = []  # packages whose absence became an error since the test began
        make = MissingDependencyError.__init__

        def noted(error: MissingDependencyError, *args: Any, **options: Any) -> None:
            make(error, *args, **options)
            if importlib.util.find_spec(error.package.partition(".")[0]) is None:
                self._told.append(error.package)

        MissingDependencyError.__init__ = noted  # type: ignore[assignment, method-assign]

    def pytest_runtest_setup(self) -> None:
        self._told.clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Any, Any]:
        report: Any = yield
        return _skipped(report, getattr(report, "call", None))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        return _skipped((yield), call, *self._told)


def _skipped(report: Any, call: pytest.CallInfo[Any] | None, *told: str) -> Any:
    if report.failed and call and call.excinfo and (package := needed(call.excinfo.value) or ", ".join({*told})):
        report.outcome = "skipped"
        report.longrepr = (report.nodeid.partition("::")[0], None, f"Skipped: needs {package}")
    return report

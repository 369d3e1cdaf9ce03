"""Optional packages: imported on first use, recognised without being imported."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from typing import Any

from .errors import MissingDependencyError


def need(module: str, *, extra: str = "", needed_for: str, package: str = "") -> Any:
    """Import `module`, or raise `MissingDependencyError` with the command that installs it.

    Args:
        module: what is imported.
        extra: ours that brings it; empty where none does.
        needed_for: what the caller wanted, for the message.
        package: what is installed, where it has another name than the module.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(package or module.partition(".")[0], extra, needed_for) from error


def is_installed(module: str) -> bool:
    """Whether a top-level `module` can be imported, without doing it."""
    return sys.modules[module] is not None if module in sys.modules else find_spec(module) is not None


def is_instance(value: object, module: str, name: str) -> bool:
    """Whether `value` is a `module.name`, without importing `module`."""
    return is_class(type(value), module, name)


def is_class(cls: type, module: str, name: str) -> bool:
    """Whether a class is `module.name` or below it, without importing `module`.

    Whoever made such a class has imported its module already, so looking into `sys.modules` is enough.
    """
    loaded: Any = sys.modules.get(module)
    for part in name.split("."):
        loaded = getattr(loaded, part, None)
    return isinstance(loaded, type) and issubclass(cls, loaded)

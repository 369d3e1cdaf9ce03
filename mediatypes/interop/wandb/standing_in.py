"""This module in place of wandb: `import wandb` gives it, inside of frameworks too."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, DistributionFinder
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from . import _MODULES

_PACKAGE = __package__ or "mediatypes.interop.wandb"
_NAMES = {  # modules of wandb, and what they are here; those below them are the same
    "wandb": "",
    **{f"wandb.{name}": home for name, home in _MODULES.items()},
    "wandb.integration.keras": "keras",
    "wandb.integration.sklearn": "sklearn",
}
_EMPTY = ("wandb.integration",)  # a package that only holds others


def install() -> None:
    """Let `import wandb` give this module from now on, in this process."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
        for name in [name for name in sys.modules if name.partition(".")[0] == "wandb"]:
            del sys.modules[name]
        importlib.import_module("wandb")


def _home(name: str) -> str | None:
    """The module here that stands for one of wandb; None if none does."""
    while name not in _NAMES:
        name = name.rpartition(".")[0]
        if name in ("", "wandb"):
            return None
    return f"{_PACKAGE}.{_NAMES[name]}".rstrip(".")


class _Finder(DistributionFinder):
    """Finds modules of wandb, and the package that frameworks ask for its version."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        is_here = name in _EMPTY or (name.partition(".")[0] == "wandb" and _home(name) is not None)
        return spec_from_loader(name, _Loader(), is_package=True) if is_here else None

    def find_distributions(self, context: Any = DistributionFinder.Context()) -> Iterable[Distribution]:  # noqa: B008
        return [_Wandb()] if context.name == "wandb" else []


class _Loader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module of ours in the place of the one that was made for it."""
        if home := _home(module.__name__):
            sys.modules[module.__name__] = importlib.import_module(home)


class _Wandb(Distribution):
    def read_text(self, filename: str) -> str | None:
        version = importlib.import_module(_PACKAGE).__version__
        return f"Metadata-Version: 2.1\nName: wandb\nVersion: {version}\n" if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        return Path(__file__).parent / path

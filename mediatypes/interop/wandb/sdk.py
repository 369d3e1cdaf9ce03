"""Names of wandb's inner modules (`wandb.sdk`, `wandb.util`, `wandb.env`) that scripts and frameworks use."""

from __future__ import annotations

import re
import secrets
from string import ascii_lowercase, digits
from typing import Any

from ..._core.errors import MediaTypesError
from .script.api import Api
from .script.artifact import Artifact
from .script.run import Run
from .script.settings import Settings, from_environment

__all__ = ["Api", "Artifact", "ConfigError", "Run", "RunDisabled", "Settings", "generate_id", "make_artifact_name_safe"]

__path__: list[str] = []  # modules below it are this one: `from wandb.sdk.lib.config_util import ConfigError`
ConfigError = MediaTypesError


class RunDisabled(Run):
    """No run is one: with mode="disabled" a run is a `Run` of which nothing is kept."""


def generate_id(length: int = 8) -> str:
    return "".join(secrets.choice(ascii_lowercase + digits) for _ in range(length))


def make_artifact_name_safe(name: str) -> str:
    """The name with what artifacts may be called: it begins with a letter or digit."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name).lstrip("_.-")[:128] or "artifact"


def get_project(default: Any = None) -> Any:
    """The project that the environment names."""
    return from_environment("project") or default


def get_entity(default: Any = None) -> Any:
    """The entity that the environment names."""
    return from_environment("entity") or default

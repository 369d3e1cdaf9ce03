"""The oldest version that `pyproject.toml` allows of every package, as pip takes constraints: `make test-min`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

PROJECT: dict[str, Any] = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
_BOUND = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*])?\s*>=\s*([0-9.]+)")


def oldest() -> dict[str, str]:
    """By name: of what the package needs, and of all its extras."""
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = [*PROJECT["project"]["dependencies"], *(one for extra in extras for one in extra)]
    bounds = (_BOUND.match(one) for one in wanted if not one.startswith("mediatypes-ml"))
    return {bound[1]: bound[2] for bound in bounds if bound}


if __name__ == "__main__":
    print(*(f"{name}=={version}" for name, version in oldest().items()), sep="\n")

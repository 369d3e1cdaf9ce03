"""The tests of the rooms that differ from `main`, one a line: `python -m tests.changed`, for `make check`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALWAYS = ("tests/test_layers.py", "tests/test_rooms.py", "tests/test_api.py")


def git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def changed_files() -> list[str]:
    """What is not as on `main` (where that is checked out: as in its last commit), files that git does not know too."""
    base = git("merge-base", "HEAD", "main") or git("merge-base", "HEAD", "origin/main") or ["HEAD"]
    return [*git("diff", "--name-only", base[0]), *git("ls-files", "--others", "--exclude-standard")]


def find_tests(file: str) -> str | None:
    """The test file or folder of a changed file: of `mediatypes/types/audio/files.py` it is `tests/types/audio`."""
    path = Path(file)
    if path.suffix == ".md":
        return "tests/test_docs.py"
    if path.suffix != ".py" or path.parts[0] not in ("mediatypes", "tests"):
        return None
    if path.parts[0] == "tests" and path.name.startswith("test_"):
        return file if (ROOT / path).exists() else None
    inside = Path(*(part.removeprefix("_") for part in path.with_suffix("").parts[1:]))
    for place in (inside, *inside.parents):
        for found in (Path("tests", place.parent, f"test_{place.name}.py"), Path("tests", place)):
            if place.name and (ROOT / found).exists():
                return str(found)
    return None


def chosen(files: list[str]) -> Iterator[str]:
    """Test files and folders, none inside another."""
    found = {*ALWAYS, *filter(None, map(find_tests, files))}
    yield from sorted(one for one in found if not any(str(parent) in found for parent in Path(one).parents))


if __name__ == "__main__":
    print(*chosen(changed_files()), sep="\n")

"""What the documents show is run: every Python block, and every command line at least understood."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import mediatypes as mt
from mediatypes._core import registry
from mediatypes.types.pictures.files import MAX_PIXELS

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "tests/README.md",
    "schemas/README.md",
    "schemas/types.md",
    "schemas/records.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
]
BLOCK = re.compile(
    r"^(?:<!-- skip: (?P<skip>[^\n]+) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")


class Block(NamedTuple):
    language: str
    code: str
    line: int  # of the document, where the code begins
    skip: str | None


def blocks(name: str, language: str = "") -> list[Block]:
    text = (ROOT / name).read_text("utf-8")
    found = [
        Block(m["language"], m["code"], text.count("\n", 0, m.start("code")) + 1, m["skip"])
        for m in BLOCK.finditer(text)
    ]
    return [block for block in found if not language or block.language == language]


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if blocks(name, "python")])
def test_every_python_block_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of one document share their names, as a reader would type them one after another."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    names: dict[str, Any] = {"__name__": "__main__"}
    found = [block for block in blocks(name, "python") if block.skip is None]
    assert found
    for block in found:
        code = "\n" * (block.line - 1) + block.code  # so that a traceback names the line of the document
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, name, "exec"), names)


def test_the_site_has_every_page() -> None:
    """`make docs` builds it; a page that its navigation lacks is found by nobody."""
    named = set(re.findall(r"^ +- (?:[^:\n]+: )?(\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages <= named


def command_lines() -> list[tuple[str, str]]:
    shells = ("sh", "bash", "shell", "console", "")
    lines = [
        (name, line.removeprefix("$ "))
        for name in DOCUMENTS
        for block in blocks(name)
        if block.language in shells and block.skip is None
        for line in block.code.splitlines()
    ]
    inline = [
        (name, m[1])
        for name in DOCUMENTS
        for m in re.finditer(r"`(mediatypes [^`]+)`", (ROOT / name).read_text("utf-8"))
    ]
    return [(name, line) for name, line in [*lines, *inline] if re.match(r"mediatypes [a-z-]", line)]


def test_the_site_describes_every_public_name() -> None:
    pages = [ROOT / "docs" / "api.md", *(ROOT / "docs" / "types").glob("*.md")]
    described = set(
        re.findall(r"^::: mediatypes\.(\S+)", "\n".join(page.read_text("utf-8") for page in pages), re.MULTILINE)
    )
    modules = {"interop": mt.interop.__all__, "testing": mt.testing.__all__}
    names = {name for name in dir(mt) if name not in (*modules, "__version__")}
    names |= {f"{module}.{name}" for module, exported in modules.items() for name in exported}
    frameworks = {path.stem for path in Path(mt.interop.__file__).parent.glob("*.py") if path.stem[0] != "_"}
    described.add("ImportReport")  # as interop.tensorboard.ImportReport
    internal = {"interop.layouts", "interop.trackers"}  # behind export, and behind interop.to and interop.log
    assert (names | {f"interop.{name}" for name in frameworks}) - internal - described == set()


def test_every_command_line_is_understood() -> None:
    from mediatypes.cli import _parser

    assert command_lines()
    for name, line in command_lines():
        try:
            _parser().parse_args(shlex.split(line, comments=True)[1:])
        except SystemExit:
            pytest.fail(f"{name}: the command line does not know {line!r}")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_fence_is_closed_and_every_skip_has_a_reason(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert text.count("```") == 2 * len(blocks(name))
    assert len(re.findall(r"<!-- skip", text)) == len([block for block in blocks(name) if block.skip])


def anchors(text: str) -> set[str]:
    """The anchors of headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_inside_the_repository_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    without_code = BLOCK.sub("", text)
    for match in LINK.finditer(without_code):
        path, _, anchor = match["target"].partition("#")
        if "://" in path:
            continue
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), match[0]
        assert not anchor or anchor in anchors(target.read_text("utf-8")), match[0]


@pytest.mark.parametrize("name", ["README.md", "SECURITY.md", "schemas/README.md"])
def test_the_most_pixels_of_a_picture_are_one_number(name: str) -> None:
    assert f"{MAX_PIXELS:,}".replace(",", " ") in (ROOT / name).read_text("utf-8")


def test_every_promise_of_security_names_tests_that_are_there() -> None:
    lines = (ROOT / "SECURITY.md").read_text("utf-8").splitlines()
    for row in [line for line in lines if line.startswith("| ") and not line.endswith(" test |")]:
        named = re.findall(r"`(tests/[^`]+)::(test_\w+)`", row.split("|")[-2])
        assert named, row
        for path, test in named:
            assert f"def {test}(" in (ROOT / path).read_text("utf-8"), test

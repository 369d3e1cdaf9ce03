"""What the documentation site adds to its pages when it is built: a hook of MkDocs, named in mkdocs.yml.

Comments in the Markdown are replaced: `<!-- picture -->` by what a notebook shows of the variable `shown` of the page's
code, `<!-- document: image -->` by the table of that document, `<!-- commands -->` by the help of every command, and
`<!-- include: schemas/README.md -->` by that file. So the same pages read well in the repository, without them.
"""

from __future__ import annotations

import argparse
import html
import re
import tempfile
from pathlib import Path
from typing import Any

import mediatypes as mt
from mediatypes import cli, schemas
from mediatypes._core.registry import lookup
from mediatypes.viewer.report import write_report

_PLACE = "the picture stands here"
_pictures: dict[str, str] = {}  # by page

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"^<!-- (picture|document|commands|include)(?:: (\S+))? -->$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")
_PAGES = {
    "schemas/README.md": "format.md",
    "schemas/types.md": "format-types.md",
    "schemas/records.md": "format-records.md",
    "SECURITY.md": "limits.md",
    "CHANGELOG.md": "changelog.md",
}


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """The page's Markdown with its comments replaced."""

    def made(match: re.Match[str]) -> str:
        what, argument = match.groups()
        if what == "picture":
            _pictures[page.file.src_uri] = _picture(markdown)
            return f'<div class="shown">{_PLACE}</div>'
        if what == "document":
            return "\n".join(schemas._document_lines(lookup(argument)[1])).partition("\n")[2]
        if what == "commands":
            return _commands()
        return _included(argument, {file.src_uri for file in files})

    return _COMMENT.sub(made, _relinked(markdown, page.file.src_uri, {file.src_uri for file in files}))


def on_page_content(content: str, page: Any, config: Any, files: Any) -> str:
    """The page's HTML with its picture, which Markdown would change; its scripts are allowed by their hashes."""
    return content.replace(_PLACE, _pictures.get(page.file.src_uri, ""))


def _picture(markdown: str) -> str:
    """What a notebook shows of the variable `shown` that the first block of Python makes."""
    names: dict[str, Any] = {"__name__": "__docs__"}
    exec(_BLOCK.findall(markdown)[0], names)
    return _html(names["shown"])


def _html(value: Any) -> str:
    """The value in the viewer's page where that draws more than plain HTML can."""
    if not isinstance(value, (mt.Molecule, mt.Object3D, mt.Figure, mt.Plot)):
        return str(value._repr_mimebundle_()["text/html"])
    with mt.Run(Path(tempfile.mkdtemp()) / value.__class__.__name__, quiet=True) as run:
        run.log({"shown": value})
    page = write_report([run.path], run.path / "page.html").path.read_text("utf-8")
    return f'<iframe sandbox="allow-scripts" title="{run.path.name}" srcdoc="{html.escape(page, quote=True)}"></iframe>'


def _commands() -> str:
    """The help of every command, one heading each."""
    parser = cli._parser()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    parts = [f"```text\n{parser.format_help()}```"]
    parts += [f"## {name}\n\n```text\n{one.format_help()}```" for name, one in commands.choices.items()]
    return "\n\n".join(parts)


def _included(name: str, pages: set[str]) -> str:
    return _relinked((ROOT / name).read_text("utf-8"), name, pages, is_included=True)


def _relinked(markdown: str, name: str, pages: set[str], *, is_included: bool = False) -> str:
    """Links that lead out of docs/ go to the page that includes their target; other files have their names only."""
    folder = (ROOT / name).parent if is_included else (ROOT / "docs" / name).parent
    above = "../" * (0 if is_included else name.count("/"))

    def link(match: re.Match[str]) -> str:
        text, target, anchor = match[1], (folder / match[2]).resolve(), match[3] or ""
        path = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else ""
        if path in _PAGES:
            return f"[{text}]({above}{_PAGES[path]}{anchor})"
        if path.startswith("docs/") and (inside := path.removeprefix("docs/")) in pages:
            return f"[{text}]({above}{inside}{anchor})"
        return text

    return _LINK.sub(link, markdown)


def on_config(config: Any) -> Any:
    """Nothing that the code of the pages writes stays in the repository."""
    tempfile.tempdir = tempfile.mkdtemp(prefix="mediatypes-docs-")
    return config

"""Examples of docstrings as blocks of code: an extension of griffe, which reads the sources for mkdocs.yml."""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^>>> .*\n?(?:.+\n?)*", re.MULTILINE)  # up to an empty line


class Examples(griffe.Extension):
    """Fences what doctest runs, which Markdown takes for quotations."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Change the docstring of an object once it was read."""
        if obj.docstring and not obj.is_alias:
            obj.docstring.value = _EXAMPLE.sub(
                lambda match: f"\n```pycon\n{match[0].rstrip()}\n```\n", obj.docstring.value
            )

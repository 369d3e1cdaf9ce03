"""The page as HTML: its scripts allowed by their hashes, everything else forbidden."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Iterator
from typing import Any

from . import bundle

# What a page may do: run our scripts, read its own server and what it holds itself. Nothing else, and no frame more.
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self' data: blob:; font-src data:; "
    "worker-src blob:"
)
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<noscript>This page of runs needs JavaScript.</noscript>
"""


def page(
    settings: dict[str, Any],
    title: str,
    files: Iterable[tuple[str, str, bytes]] = (),
    libraries: Iterable[str] = (),
    address: str = "",
) -> Iterator[bytes]:
    """The page in pieces, so that a report of many files is never in memory as a whole.

    Args:
        settings: what the page's script is told: `{"source": "served", ...}`, or `{"source": "inlined", "runs": ...}`.
        title: shown in its header.
        files: (path, media type, content) of what the page is to hold.
        libraries: names of those that it is to hold.
        address: where it may load them from instead, such as `http://127.0.0.1:8090/library/`.

    Raises:
        StoreError: the bundle was not built.
        MissingDependencyError: a library's package is not installed.
    """
    libraries = list(libraries)
    script, allowed = _element_text(bundle.part("page.js")), html.escape(policy(libraries, address))
    yield _HEAD.format(policy=allowed, title=html.escape(title), style=_no_end_tag(bundle.part("page.css"))).encode()
    yield f'<script type="application/json" id="settings">{script_json(settings)}</script>\n'.encode()
    for path, media_type, content in files:
        name, kind = html.escape(f"file:{path}"), html.escape(media_type)
        yield f'<script type="text/plain" id="{name}" data-type="{kind}">'.encode()
        yield base64.b64encode(content)
        yield b"</script>\n"
    for name in libraries:
        yield f'<script type="text/plain" id="library:{name}">{_element_text(bundle.library(name))}</script>\n'.encode()
    yield f"<script>{script}</script>\n</body>\n</html>\n".encode()


def policy(libraries: Iterable[str] = (), address: str = "") -> str:
    """The Content-Security-Policy of a page: only its own script, these libraries, and scripts of that address run."""
    texts = [bundle.part("page.js"), *map(bundle.library, libraries)]
    scripts = [f"'{script_hash(_element_text(text))}'" for text in texts]
    return _POLICY.format(scripts=" ".join([*scripts, *([address] if address else [])]))


def library_text(name: str) -> str:
    """A library as the page inserts it, so that its hash is the one in the policy."""
    return _element_text(bundle.library(name))


def script_hash(text: str) -> str:
    """The hash of an inline script, as a Content-Security-Policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def script_json(data: Any) -> str:
    """JSON that stands safely in a script element: no text of it can end the element."""
    return json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _element_text(script: str) -> str:
    """A script that no text of its own ends early; line ends as HTML reads them."""
    return script.replace("\r\n", "\n").replace("\r", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _no_end_tag(style: str) -> str:
    return style.replace("</style", "<\\/style")

"""A chart as a page of its own: Vega and the data inside it, nothing loaded."""

from __future__ import annotations

import html
import json
from functools import cache
from typing import Any

from .._core.deps import need

# Vega compiles expressions, hence unsafe-eval; whatever a spec says, the page reaches no network.
_POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:"
_PAGE = """<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
</head>
<body>
<div id="plot"></div>
<script>{bundle}</script>
<script>vegaEmbed("#plot", {spec}, {{mode: "vega-lite", renderer: "svg", actions: false}});</script>
</body>
</html>
"""


def page(spec: dict[str, Any], title: str) -> str:
    """One self-contained HTML document; raises `MissingDependencyError` without vl-convert."""
    return _PAGE.format(policy=_POLICY, title=html.escape(title), bundle=_bundle(), spec=script_json(spec))


def script_json(data: Any) -> str:
    """JSON that stands safely in a script element: no text of it can end the element."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


@cache
def _bundle() -> str:
    converter = need("vl_convert", extra="report", needed_for="Plot.to_html")
    return str(converter.javascript_bundle()).replace("</script", "<\\/script")

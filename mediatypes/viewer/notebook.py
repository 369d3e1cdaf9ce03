"""How values and runs show themselves in a notebook: plain HTML for values, the page in a frame for runs."""

from __future__ import annotations

import html
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .._core.errors import InputError, MediaTypesError, Verbatim
from ..artifact.version import Artifact
from ..types.figure.value import Figure
from ..types.html.value import Html
from ..view import RunView
from . import bundle, still
from .report import write_report

_PLOTLY = "application/vnd.plotly.v1+json"  # what Plotly's own figures show themselves as
_HEIGHT = 640  # pixels of the frame
_MAX_SIZE = 8 * 10**6  # bytes of what is put into a notebook for one run or set of runs
_RUNS = 20  # of a set, the first ones
_STILL = 3  # of these, what is shown without a script


def value_bundle(value: Any) -> dict[str, Any]:
    """What a notebook shows of a value: HTML that needs no script, and its `repr`. Only an `Html` runs its own.

    A Plotly figure is there as itself too, for notebooks that draw these.
    """
    shown = still.frame(value, scripts=True) if isinstance(value, Html) else still.value_html(value)
    figure = {_PLOTLY: value.to_dict()} if isinstance(value, Figure) and value.format != "png" else {}
    return {**figure, "text/html": shown, "text/plain": repr(value)}


def artifacts_bundle(shown: Any) -> dict[str, str]:
    """What a notebook shows of an artifact, its files, and of all artifacts, their versions."""
    if isinstance(shown, Artifact):
        rows = [(name, entry.size if entry.size is not None else "") for name, entry in shown.entries.items()]
        content = still.rows_html(["file", "bytes"], rows, len(rows))
    else:
        versions = [version for name in shown.names() for version in shown.versions(name)]
        columns = ["version", "aliases", "type", "entries", "bytes"]
        rows_of = (
            (f"{one.name}:{one.version}", ", ".join(one.aliases), one.type, len(one.entries), one.size)
            for one in versions
        )
        content = still.rows_html(columns, rows_of, len(versions))
    return {"text/html": f"<p>{html.escape(repr(shown))}</p>{content}", "text/plain": repr(shown)}


def runs_bundle(runs: Any) -> dict[str, str]:
    """What a notebook shows of a run or a set of runs: the page in a frame of its own origin, and below it plain HTML.

    A notebook that shows no frames, because it allows no scripts, shows the plain HTML. So does one for which the
    rows are too many: a notebook keeps what it shows.
    """
    every = [runs] if isinstance(runs, RunView) else list(runs)
    views = every[:_RUNS]
    if not views:
        return {"text/html": "<p>no runs</p>", "text/plain": repr(runs)}
    told = f"{len(every)} runs, the first {_RUNS} of them; mediatypes view shows them all" if len(every) > _RUNS else ""
    plain = "".join(map(_still, views[:_STILL]))
    if len(every) > _STILL:
        plain += f"<p>{len(every)} runs, the first {_STILL} of them</p>"
    shown = f"<div>{plain}</div>"
    if bundle.is_built():
        try:
            shown = f"{_frame(views)}<details><summary>without a script</summary>{plain}</details>"
        except MediaTypesError as error:
            shown = f"<p>{html.escape(str(error))}</p>{shown}"
    return {"text/html": f"<p>{told}</p>{shown}" if told else shown, "text/plain": repr(runs)}


def _still(view: RunView) -> str:
    try:
        return still.run_html(view, media=4)
    except MediaTypesError as error:
        return f"<p>{html.escape(str(error))}</p>"


def _frame(views: list[RunView]) -> str:
    """The page; raises MediaTypesError if it cannot be written, or is too large to be put into a notebook."""
    with TemporaryDirectory() as folder:
        report = write_report([view.path for view in views], Path(folder) / "page.html", max_size=_MAX_SIZE)
        if report.size > _MAX_SIZE:
            limit, size = f"{_MAX_SIZE // 10**6} MB of rows and media", Verbatim(f"{report.size // 10**6} MB")
            hint = "In a terminal, mediatypes view shows them whole."
            raise InputError.of("what a notebook keeps", limit, size, hint)
        page = report.path.read_text("utf-8")
    source = html.escape(page, quote=True)
    style = f"width:100%;height:{_HEIGHT}px;border:1px solid #ddd;border-radius:6px"
    return f'<iframe sandbox="allow-scripts" title="runs" style="{style}" srcdoc="{source}"></iframe>'

"""The parts of the page: what `viewer/build.py` made of npm packages, and what Python packages bring."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from .._core.deps import need
from .._core.errors import InputError, StoreError, Verbatim

FOLDER = Path(__file__).with_name("bundle")
LIBRARIES = ("cloud", "molecule", "mesh", "vega", "plotly")  # loaded only when a value needs them
# Vega's own interpreter of expressions needs no eval, which the page's policy forbids; its names stay its own.
_VEGA = """(() => {{
{bundle}
const loader = {{load: () => Promise.reject(Error("no network"))}};
const options = {{mode: "vega-lite", renderer: "svg", actions: false, ast: true, loader}};
window.mediatypesVega = (node, spec, rows) =>
  vegaEmbed(node, {{...spec, data: {{name: "table"}}, datasets: {{...spec.datasets, table: rows}}}}, options);
}})()"""


def is_built() -> bool:
    """Whether the page's parts are there; a checkout builds them once, a wheel has them."""
    return (FOLDER / "page.js").is_file()


@cache
def part(name: str) -> str:
    """The text of a part: page.js, page.css...; raises `StoreError` if it was not built."""
    try:
        return (FOLDER / name).read_text("utf-8")
    except OSError as error:
        hint = "In a checkout run: python viewer/build.py"
        raise StoreError.of("viewer", f"{name} in its bundle", Verbatim("none"), hint) from error


@cache
def library(name: str) -> str:
    """The script that draws one kind of value.

    Raises:
        InputError: there is none of this name.
        MissingDependencyError: it comes with a Python package that is not installed.
        StoreError: the bundle was not built.
    """
    if name not in LIBRARIES:
        raise InputError.of("viewer", f"one of {', '.join(LIBRARIES)}", name, "Ask for a library that there is.")
    if name == "vega":
        converter = need("vl_convert", extra="report", needed_for="the viewer's charts of presets")
        return _VEGA.format(bundle=str(converter.javascript_bundle()))
    if name == "plotly":
        offline = need("plotly.offline", extra="plotly", needed_for="the viewer's Plotly figures")
        return str(offline.get_plotlyjs())
    return part(f"{name}.js")


def why_missing(name: str) -> str:
    """Why a library is not there, and what to type; nothing for one that is."""
    try:
        library(name)
    except (ImportError, StoreError) as error:
        return str(error)
    return ""


@cache
def available() -> tuple[str, ...]:
    """The libraries that are there, with the packages installed here."""
    return tuple(name for name in LIBRARIES if not why_missing(name))

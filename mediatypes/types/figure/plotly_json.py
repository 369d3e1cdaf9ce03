"""Plotly figures as the plain JSON data that plotly.js reads."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..._core import canonical
from ..._core.deps import is_instance, need
from ..._core.errors import InputError, MissingDependencyError, ValidationError
from ..._core.sidecar import READ_WHOLE
from ...columns.arrays import Array, refuse_masked

_MAX_DEPTH = 64
_LISTS = ("geojson", "layer", "layers", "range")  # members in which plotly.js reads no typed array
_TYPED = ("i1", "i2", "i4", "u1", "u2", "u4", "f4", "f8")  # dtypes of typed arrays, as numpy and plotly.js name them


class PlotlyJson(NamedTuple):
    """A figure as canonical JSON, and what became of it on the way."""

    data: bytes
    traces: int
    has_default_template: bool  # which was left out
    nulled_count: int  # non-finite numbers that were written as null


def make_json(data: Any, where: str) -> PlotlyJson:
    """The JSON of a Plotly figure, of its dict, or of its JSON text as bytes; raises InputError."""
    is_figure = is_instance(data, "plotly.basedatatypes", "BaseFigure")
    if isinstance(data, bytes):
        data = _parse(data, where)
    plain, nulled_count = _with_nulls(_plain(data.to_dict() if is_figure else data, where))
    check_figure(plain, where, InputError)
    if not is_figure:
        _check_by_plotly(plain, where)
    layout = plain.get("layout", {})
    is_default = "template" in layout and layout["template"] == default_template()
    if is_default:
        del layout["template"]
    try:
        made = canonical.dump_bytes(plain)
    except UnicodeEncodeError as error:
        hint = "Remove the lone surrogates."
        raise InputError.of(where, "text that UTF-8 can hold", error.object[error.start : error.end], hint) from error
    if len(made) > READ_WHOLE:
        hint = "Pass arrays instead of lists, or fewer points."
        raise InputError.of(where, f"at most {READ_WHOLE} bytes of JSON", len(made), hint, "too-large")
    return PlotlyJson(made, len(plain["data"]), is_default, nulled_count)


def read_json(data: bytes, where: str, error: type[ValidationError]) -> dict[str, Any]:
    """The figure that JSON holds; raises `error` where it is none."""
    try:
        figure: dict[str, Any] = canonical.loads(data)
    except ValueError as broken:
        raise error.of(where, "JSON of a Plotly figure", data[:16], f"{broken}.", "json") from broken
    check_figure(figure, where, error)
    return figure


def check_figure(figure: Any, where: str, error: type[ValidationError]) -> None:
    """Plain data that has the members of a figure, whatever its traces are."""
    if not isinstance(figure, dict) or not isinstance(figure.get("data"), list):
        is_trace = isinstance(figure, dict) and "type" in figure
        hint = "Wrap the trace: {'data': [trace]}." if is_trace else "See help(mediatypes.Figure)."
        raise error.of(where, "a figure with a list of traces as 'data'", figure, hint, "figure")
    for i, trace in enumerate(figure["data"]):
        if not isinstance(trace, dict):
            raise error.of(f"{where}.data[{i}]", "a trace (a dict)", trace, "Pass {'type': 'scatter', ...}.", "figure")
    for name, kind, words in (("layout", dict, "a dict"), ("frames", list, "a list of dicts")):
        member = figure.get(name, kind())
        if not isinstance(member, kind) or (kind is list and not all(isinstance(frame, dict) for frame in member)):
            raise error.of(f"{where}.{name}", words, member, "Leave it out for none.", "figure")


@cache
def default_template() -> Any:
    """The template that plotly gives a figure of its own accord, "plotly"; None where plotly is not installed."""
    try:
        templates = need("plotly.io", extra="plotly", needed_for="the default template").templates
    except MissingDependencyError:
        return None
    return _plain(templates["plotly"].to_plotly_json(), "template")


def _parse(data: bytes, where: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        is_text = not isinstance(error, UnicodeDecodeError)
        hint = f"{str(error).rstrip('.')}." if is_text else "It is not UTF-8 text. Log a picture as an Image."
        raise InputError.of(where, "JSON of a Plotly figure", data[:16], hint, "json") from error


def _check_by_plotly(plain: dict[str, Any], where: str) -> None:
    """Let plotly judge names and values of traces and layout, where it is installed."""
    try:
        graph_objects = need("plotly.graph_objects", extra="plotly", needed_for="validation")
    except MissingDependencyError:
        return
    try:
        graph_objects.Figure(deepcopy(plain))  # it takes the traces apart
    except (ValueError, TypeError, KeyError) as error:
        said = " ".join(str(error).split("Valid properties")[0].split())[:300]
        raise InputError.of(where, "a figure that plotly accepts", plain, f"plotly says: {said}", "figure") from error


def _with_nulls(plain: Any) -> tuple[Any, int]:
    """The data with null for every number that JSON cannot say, as plotly writes it, and how many there were."""
    text = json.dumps(plain)
    if "NaN" not in text and "Infinity" not in text:
        return plain, 0
    met: list[str] = []
    return json.loads(text, parse_constant=met.append), len(met)  # append returns None: null


def _plain(value: Any, where: str, depth: int = _MAX_DEPTH, typed: bool = True) -> Any:
    """Plain data; numpy arrays become typed arrays of plotly.js, in which NaN and infinities stay what they are."""
    if not depth:
        raise InputError.of(where, f"data nested at most {_MAX_DEPTH} deep", type(value), "Flatten it.", "depth")
    if value is None or isinstance(value, bool) or type(value).__name__ in ("NaTType", "NAType"):
        return value if isinstance(value, bool) else None
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (int, float, Decimal)):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, Mapping):
        if bad := [name for name in value if not isinstance(name, str)]:
            raise InputError.of(where, "names that are text", bad[0], "Use str(...).")
        return {n: _plain(item, f"{where}.{n}", depth - 1, n not in _LISTS) for n, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{i}]", depth - 1, typed) for i, item in enumerate(value)]
    if hasattr(value, "to_plotly_json"):
        return _plain(value.to_plotly_json(), where, depth - 1)
    if hasattr(value, "__array__"):
        refuse_masked(value, where)
        return _plain_array(np.asarray(value), where, depth - 1, typed)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise InputError.of(where, "JSON data, an array or a date", value, "Convert it to one of these.")


def _plain_array(array: Array, where: str, depth: int, typed: bool) -> Any:
    if array.dtype.kind == "M":
        texts = np.array(np.datetime_as_string(array), object)
        texts[np.isnat(array)] = None
        return texts.tolist()
    if array.dtype in (np.int64, np.uint64) and array.size:
        array = _narrowed(array)
    elif array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        array = array.astype(np.float32 if array.dtype.itemsize < 4 else np.float64)
    name = array.dtype.str[1:]
    if name not in _TYPED or not typed or not array.size or not array.ndim:
        return _plain(array.tolist(), where, depth)
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    typed_array = {"dtype": name, "bdata": base64.b64encode(little.tobytes()).decode()}
    return typed_array if array.ndim == 1 else {**typed_array, "shape": ", ".join(map(str, array.shape))}


def _narrowed(array: Array) -> Array:
    """64-bit integers in the smallest type of up to 32 bits that holds them, as plotly does; or as they are."""
    kind = "int" if array.dtype.kind == "i" else "uint"
    for bits in (8, 16, 32):
        limits = np.iinfo(f"{kind}{bits}")
        if limits.min <= array.min() and array.max() <= limits.max:
            return array.astype(limits.dtype)
    return array

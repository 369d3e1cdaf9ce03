"""Presets by name: our own, and those that users register."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .._core import canonical
from .._core.declaration import Json
from .._core.errors import InputError, Problem, problem
from .._core.inputs import read_blob
from ._builtin import BUILTIN, OPTIONAL, WANDB_IDS
from ._template import check, slots


class Preset(NamedTuple):
    """A Vega-Lite template as canonical JSON, and the placeholders that may be left out."""

    name: str
    spec: str
    optional: frozenset[str]


_registered: dict[str, Preset] = {}


def register_preset(name: str, spec: Any, *, optional: Iterable[str] = ()) -> None:
    """Make a chart of your own available to `mt.plot_table` under a name.

    Args:
        name: any text, such as "my-team/calibration"; names of W&B's presets are taken.
        spec: a Vega-Lite spec: a dict, its JSON text, or the path of a JSON file. `${field:x}` in it stands for the
            column that `fields` maps to `x`, `${string:title}` for a text. Its data is left out, or
            `{"name": "table"}`, or `{"name": "wandb"}` as W&B writes it; a `url` is refused wherever it stands, since
            a plot is drawn without a network.
        optional: placeholders that may be left out: the object (say, the encoding channel) that names such a field is
            dropped, and such a string is empty.

    The same spec may be registered again. A channel without a `type` gets that of its column; a `quantitative` one
    over times becomes `temporal`.

    Raises:
        InputError: the name is taken, or with all that is wrong with the spec.

    >>> import mediatypes as mt
    >>> encoding = {"x": {"field": "${field:epoch}"}, "y": {"field": "${field:loss}", "type": "quantitative"}}
    >>> mt.plot.register_preset("area", {"title": "${string:title}", "mark": "area", "encoding": encoding})
    >>> table = mt.Table(columns=["step", "train"], data=[[1, 0.5], [2, 0.25]])
    >>> plot = mt.plot_table("area", table, {"epoch": "step", "loss": "train"}, {"title": "Loss"})
    >>> plot.to_vega_lite()["encoding"]["x"]
    {'field': 'step', 'type': 'quantitative'}
    """
    where = "register_preset"
    if not isinstance(name, str) or not name or not canonical.is_utf8_encodable(name):
        raise InputError.of(f"{where}.name", "text that is not empty", name, "Name the preset.")
    if name in BUILTIN or name in WANDB_IDS:
        raise InputError.of(f"{where}.name", "a name that is free", name, "Choose another one.", "taken")
    preset = Preset(name, canonical.dumps(_read_spec(spec, f"{where}.spec")), frozenset(optional))
    if _registered.setdefault(name, preset) != preset:
        raise InputError.of(f"{where}.name", "a name that is free", name, "Choose another one.", "taken")


def lookup(name: Any, where: str) -> Preset:
    """The preset of a name or of W&B's id for it; raises `InputError`."""
    if not isinstance(name, str):
        raise InputError.of(where, "the name of a preset", name, "Pass 'line', for example.")
    own = WANDB_IDS.get(name, name)
    if own in BUILTIN:
        return Preset(own, canonical.dumps(BUILTIN[own]), frozenset(OPTIONAL))
    if name not in _registered:
        known = ", ".join(sorted((*BUILTIN, *_registered)))
        hint = f"Register it with mt.plot.register_preset({name!r}, spec)."
        raise InputError.of(where, f"one of {known}", name, hint, "unknown")
    return _registered[name]


def check_mapping(preset: Preset, fields: Any, strings: Any, where: str) -> list[Problem]:
    """What is wrong with a mapping of placeholders to columns and texts."""
    found = []
    for kind, mapping, words in (("field", fields, "a column"), ("string", strings, "a text")):
        place = f"{where}.{kind}s"
        wanted = [name for slot, name in slots(json.loads(preset.spec)) if slot == kind]
        if not isinstance(mapping, Mapping):
            found.append(problem(place, f"a dict of names to {words[2:]}s", mapping, "Pass {} for none."))
            continue
        for name in wanted:
            if mapping.get(name) is None and name not in preset.optional:
                hint = f"Pass {kind}s={{{name!r}: ...}}."
                found.append(problem(f"{place}[{name!r}]", f"{words} for ${{{kind}:{name}}}", None, hint, "unmapped"))
        for name, text in mapping.items():
            if name not in wanted:
                hint = f"Remove it, or write ${{{kind}:{name}}} in the spec."
                expected = f"one of {', '.join(wanted)}" if wanted else "none, the spec has no such placeholder"
                found.append(problem(place, expected, name, hint, "placeholder"))
            elif text is not None and (not isinstance(text, str) or not canonical.is_utf8_encodable(text)):
                found.append(problem(f"{place}[{name!r}]", f"{words}, as text", text, "Use str(...)."))
    return found


def _read_spec(spec: Any, where: str) -> dict[str, Any]:
    if isinstance(spec, (str, bytes, os.PathLike)):
        spec = _parse(spec, where)
    problems = list(Json().check(spec, where)) or list(check(spec, where))
    if problems:
        raise InputError(problems)
    return dict(spec)


def _parse(spec: Any, where: str) -> Any:
    if isinstance(spec, str) and spec.lstrip().startswith("{"):
        content = spec.encode("utf-8", "surrogatepass")
    else:
        blob = read_blob(spec, where)
        content = blob.read() if blob is not None else b""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError.of(where, "JSON", content[:40], f"{str(error).rstrip('.')}.", "json") from error

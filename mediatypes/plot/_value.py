"""Plot: a table, a Vega-Lite template, and which column and text stand for its placeholders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from .._core import canonical
from .._core.declaration import Boolean, Document, Field, Json, Map, Nested, Rule, Text
from .._core.deps import need
from .._core.errors import CodecError, DocumentError, InputError, collect, raise_all
from .._core.inputs import flag
from .._core.value import Value
from ..columns.arrays import as_number
from ..types.table.value import Table
from . import _html, _plotly, _template
from ._checks import OTHER, column_problems, complete, groups_of, read_table, rows
from ._presets import BUILTIN, check_mapping, lookup

PLOT = Document(
    "plot",
    "1.0",
    "A chart: a table, and a Vega-Lite spec in which ${field:x} stands for the column `fields` maps to x, and "
    "${string:title} for a text of `strings`. The object that names a field without a column is left out; a string "
    "without a text is empty. The spec's data is the table.",
    (
        Field("preset", Text(min_length=1), "Name of the preset that the chart was made with.", column=True),
        Field("spec", Map(Json()), "The preset: a Vega-Lite spec with placeholders."),
        Field("fields", Map(Text()), "Column of each field."),
        Field("strings", Map(Text()), "Text of each string.", required=False, default={}),
        Field("table", Nested(Table._declaration), "The data, a document of its own."),
        Field("split_table", Boolean(), "W&B shows the table in a section of its own.", False, default=False),
    ),
    (
        Rule(
            "the spec is Vega-Lite, loads nothing by url, and has no other placeholders",
            lambda document, where: _template.check(document["spec"], f"{where}spec"),
        ),
        Rule(
            "the table follows the rules of its own type",
            lambda document, where: Table._declaration.check(document["table"], f"{where}table"),
        ),
    ),
)
_MOST_SCALE: Final = 20
# https://www.w3.org/TR/xml/#charsets
_NO_XML: Final = dict.fromkeys({*range(32), 0xFFFE, 0xFFFF} - {9, 10, 13}, 0xFFFD)


class Plot(Value):
    """A chart of a table, made by `mt.plot.line` and the like, or `mt.plot_table` for a preset of your own.

    Args:
        preset: name of a preset, or W&B's id for it, such as "wandb/line/v0".
        table: a `Table`, or what one is made from. The chart keeps it as it is now.
        fields: which column stands for each `${field:...}` of the preset.
        strings: text for each `${string:...}`.
        split_table: W&B shows the table in a section of its own.

    Columns are checked now: they exist, hold numbers where an axis needs numbers, and there is something to draw.

    Raises:
        InputError: with every problem of the mapping and the columns.

    >>> import mediatypes as mt
    >>> table = mt.Table(columns=["step", "loss"], data=[[1, 0.5], [2, 0.25]])
    >>> plot = mt.Plot("line", table, {"x": "step", "y": "loss"}, {"title": "Loss"})
    >>> plot, plot.to_vega_lite()["datasets"]["table"]
    (Plot('line', x='step', y='loss'), [{'step': 1, 'loss': 0.5}, {'step': 2, 'loss': 0.25}])
    """

    _declaration = PLOT
    preset: str
    spec: dict[str, Any]
    fields: dict[str, str]
    strings: dict[str, str]
    split_table: bool
    _table: Table

    def __init__(
        self,
        preset: str,
        table: Any,
        fields: Mapping[str, str | None],
        strings: Mapping[str, str] | None = None,
        split_table: bool = False,
    ) -> None:
        chosen = lookup(preset, "Plot.preset")
        where = f"plot.{chosen.name}" if chosen.name in BUILTIN else "plot_table"
        held = read_table(table, f"{where}.table")
        problems = check_mapping(chosen, fields, {} if strings is None else strings, where)
        split = collect(problems, flag, split_table, f"{where}.split_table")
        raise_all(problems)
        self._set(
            _preset=chosen.name,
            _spec=json.loads(chosen.spec),
            _fields={name: column for name, column in fields.items() if column is not None},
            _strings={name: text for name, text in (strings or {}).items() if text},
            _split_table=split,
            _table=held,
        )
        if problems := list(column_problems(self.spec, self.fields, held, where)):
            raise InputError(problems)

    @property
    def table(self) -> Table:
        """The data; adding to it does not change the chart."""
        return self._table.snapshot()

    def to_vega_lite(self) -> dict[str, Any]:
        """A complete Vega-Lite spec, the data inlined: the mapped columns, and others that the spec names.

        Numbers that are not finite are null, which no chart shows. A column whose name Vega misreads (with a backslash
        or line break, "constructor"...) has another one in the data, and a title that looks like its own.
        """
        groups, named = groups_of(self._table), set(self.fields.values())
        names = {name: other for name, other in _template.drawn_names(self._table.columns).items() if name in named}
        made = _template.fill(self.spec, self.fields, self.strings, names)
        complete(made, groups, names)
        spec = canonical.dumps(self.spec)
        wanted = [n for n, group in groups.items() if group != OTHER and (n in named or _names(spec, n))]
        made["datasets"] = {**made.get("datasets", {}), _template.TABLE: rows(self._table, wanted, names)}
        return made

    def to_plotly(self) -> Any:
        """A `plotly.graph_objects.Figure` of one of the built-in presets.

        Raises:
            InputError: the preset is your own.
            MissingDependencyError: plotly is not installed.
        """
        columns = {slot: self._table.get_column(column) for slot, column in self.fields.items()}
        return _plotly.figure(self.preset, self.fields, self.strings, columns)

    def to_html(self) -> str:
        """A page that needs no network, also in a sandboxed frame; about 0.9 MB of it are Vega.

        Raises:
            MissingDependencyError: vl-convert-python is not installed.
        """
        return _html.page(self.to_vega_lite(), self.strings.get("title") or self.preset)

    def to_svg(self) -> str:
        """The chart as SVG, drawn without a network.

        Raises:
            MissingDependencyError: vl-convert-python is not installed.
            CodecError: Vega-Lite cannot draw the spec.
        """
        return str(self._draw("to_svg", "vegalite_to_svg"))

    def to_png(self, scale: float = 2.0) -> bytes:
        """The chart as PNG, drawn without a network; `scale` is pixels for each point (default 2, at most 20).

        Raises:
            InputError: another scale.
            MissingDependencyError: vl-convert-python is not installed.
            CodecError: Vega-Lite cannot draw the spec.
        """
        size = as_number(scale)
        if not isinstance(size, (int, float)) or not 0 < size <= _MOST_SCALE:
            raise InputError.of("Plot.to_png.scale", f"a number from 0 to {_MOST_SCALE}", scale, "Leave it out for 2.")
        return bytes(self._draw("to_png", "vegalite_to_png", scale=float(size)))

    def __repr__(self) -> str:
        columns = [f"{name}={column!r}" for name, column in self.fields.items()]
        return f"Plot({', '.join([repr(self.preset), *columns])})"

    def _draw(self, method: str, function: str, **options: Any) -> Any:
        converter = need("vl_convert", extra="report", needed_for=f"Plot.{method}")
        try:
            return getattr(converter, function)(_drawable(self.to_vega_lite()), allowed_base_urls=[], **options)
        except ValueError as error:
            said = str(error).partition("\n    at ")[0]
            raise CodecError(f"Plot.{method}: expected a spec that Vega-Lite draws, got an error. {said}") from error

    def _check(self) -> None:
        for slot, column in self.fields.items():
            if column not in self._table.columns:
                hint = "Restore the document."
                raise DocumentError.of(f"plot.fields[{slot!r}]", "a column of the table", column, hint, "no-column")


def _drawable(spec: Any) -> Any:
    """A spec with U+FFFD for the characters that SVG cannot hold, of which vl-convert's process would end."""
    if isinstance(spec, str):
        return spec if spec.isprintable() else spec.translate(_NO_XML)
    if isinstance(spec, list):
        return [_drawable(item) for item in spec]
    return {_drawable(name): _drawable(item) for name, item in spec.items()} if isinstance(spec, dict) else spec


def _names(spec: str, column: str) -> bool:
    """Whether a spec, as JSON, may name a column beside those that are mapped."""
    return canonical.dumps(column)[1:-1] in spec

"""Figure: a Plotly chart, or a matplotlib figure as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

from ..._core.declaration import Document, Field, Integer, List, Record, Rule, Text, reference
from ..._core.deps import is_instance, need
from ..._core.errors import CodecError, DocumentError, InputError, Problem, collect, problem, raise_all
from ..._core.inputs import read_blob, text
from ..._core.sidecar import READ_WHOLE, Blob
from ..._core.value import FileValue, Frozen
from ..._core.wording import counted
from ..pictures import files, matplotlib
from .plotly_json import make_json, read_json

PLOTLY_TYPE = "application/vnd.plotly.v1+json"
_ONLY_PLOTLY = ("traces", "template", "nulled_count", "image")


def _parts_fit(document: dict[str, Any], where: str) -> Iterator[Problem]:
    is_plotly = document["format"] == "plotly"
    needed = ("traces",) if is_plotly else ("width", "height")
    for name in needed:
        if name not in document:
            yield problem(where + name, f"an integer beside format {document['format']!r}", None, "", "missing")
    for name in ("width", "height") if is_plotly else _ONLY_PLOTLY:
        if name in document:
            yield problem(where + name, f"nothing beside format {document['format']!r}", document[name])
    if is_plotly and document["size"] > READ_WHOLE:
        hint = "Do not trust this document."
        yield problem(where + "size", f"at most {READ_WHOLE} bytes of JSON", document["size"], hint, "too-large")


_RULE = "a plotly figure has traces and at most 64 MiB; a png has width and height, and nothing of a plotly figure"

PICTURE = Record(
    "The figure as matplotlib draws it.",
    (
        *reference("the PNG"),
        Field("width", Integer(1), "Width in pixels."),
        Field("height", Integer(1), "Height in pixels."),
    ),
)

FIGURE = Document(
    "figure",
    "1.0",
    "A chart. The sidecar is the JSON of a Plotly figure, as plotly.js reads it: arrays are base64 of little-endian "
    "numbers, dates are ISO 8601, and a non-finite number outside an array is null. Of a matplotlib figure that Plotly "
    "cannot show at all it is a PNG; of one that Plotly shows in part there is a PNG beside the JSON.",
    (
        *reference("the Plotly JSON, or the PNG"),
        Field("format", Text(choices=("plotly", "png")), "What the sidecar is.", column=True),
        Field("traces", Integer(0), "Traces of the Plotly figure.", required=False, column=True),
        Field("template", Text(choices=("default",)), "Plotly's own template was left out.", required=False),
        Field("nulled_count", Integer(1), "Non-finite numbers in lists, written as null.", False, default=0),
        Field("source", Text(choices=("matplotlib",)), "What the figure was converted from.", required=False),
        Field("lost", List(Text(min_length=1), 1, 64), "What Plotly does not show of it.", False, default=()),
        Field("image", PICTURE, "The figure as a picture, where something is lost.", required=False),
        Field("width", Integer(1), "Width of the PNG in pixels.", required=False, column=True),
        Field("height", Integer(1), "Height of the PNG in pixels.", required=False, column=True),
        Field("caption", Text(), "Text shown with the figure.", required=False),
    ),
    (Rule(_RULE, _parts_fit),),
)


class Picture(Frozen):
    """A PNG of a figure, with its size in pixels."""

    _declaration = PICTURE
    width: int
    height: int

    @classmethod
    def make(cls, data: bytes) -> Self:
        """The picture of PNG bytes that matplotlib wrote."""
        file = files.probe(Blob(data), "Figure", InputError, whole=False)
        return cls._of(Blob(data), width=file.width, height=file.height)

    @classmethod
    def _noun(cls) -> str:
        return "figure.image"

    def _file_type(self) -> tuple[str, str]:
        return ".png", "image/png"

    def _check(self) -> None:
        _check_png(self._sidecar(), self.width, self.height, self._noun())


class Figure(FileValue):
    """A chart: a Plotly figure, or a matplotlib figure converted to one.

    Args:
        data: one of

            * a Plotly figure; or its dict, `{"data": [...], "layout": {...}}`, which may hold numpy arrays, and which
              plotly checks where it is installed.
            * its JSON: a string that begins with "{", bytes, an open file, or a path (any other string).
            * a matplotlib figure or axes, or `matplotlib.pyplot` with its current figure. Lines, scatter plots and
              bars become Plotly traces, as far as plotly's converter gives exactly the points that were drawn.
              Where something is lost, a PNG of the figure is kept too, and `lost` says what; where no trace can be
              made, or plotly is not installed, the PNG is all there is.
            * another `Figure`, whose caption is kept where no new one is given.
        caption: text shown with the figure.

    The template that plotly adds to every figure is left out of the JSON, and comes back in `to_plotly()`. NaN and
    infinities stay in arrays; in lists they become null, as plotly writes them, and are counted as `nulled_count`.

    Raises:
        InputError: not a figure, a trace without a figure, names or values that plotly refuses, more than 64 MiB.
        CodecError: matplotlib cannot draw the figure.

    >>> figure = Figure({"data": [{"type": "bar", "x": ["cat", "dog"], "y": [3, 1]}]}, caption="pets")
    >>> figure.traces, figure.to_dict()["data"][0]["y"]
    (1, [3, 1])
    """

    _declaration = FIGURE
    format: str
    nulled_count: int
    lost: tuple[str, ...]
    _traces: int | None = None
    _template: str | None = None
    _image: Picture | None = None
    _width: int
    _height: int

    def __init__(self, data: Any, *, caption: str | None = None) -> None:
        problems: list[Problem] = []
        self._set(_caption=collect(problems, text, caption, "Figure.caption"))
        collect(problems, self._draw, data)
        raise_all(problems)

    def _draw(self, data: Any) -> None:
        if isinstance(data, Figure):
            self._set(**{**data.__dict__, "_caption": data.caption if self.caption is None else self.caption})
            return
        drawing = matplotlib.find_figure(data, "Figure")
        if drawing is None:
            self._set_json(_read(data))
            return
        converted, lost = matplotlib.convert(drawing)
        if converted is not None:
            self._set_json(converted)
        if converted is None or lost:
            picture = Picture.make(matplotlib.draw_png(drawing, "Figure"))
            self._set(**{**picture.__dict__, "_format": "png"} if converted is None else {"_image": picture})
        self._set(_source="matplotlib", _lost=lost[:64])

    def _set_json(self, data: Any) -> None:
        made = make_json(data, "Figure")
        self._set(_blob=Blob(made.data), _format="plotly", _traces=made.traces, _nulled_count=made.nulled_count)
        if made.has_default_template:
            self._set(_template="default")

    @property
    def traces(self) -> int:
        """Number of Plotly traces; 0 where there is only a picture."""
        return self._traces or 0

    @property
    def has_picture(self) -> bool:
        """Whether `to_png()` has a picture to return."""
        return self.format == "png" or self._image is not None

    def to_dict(self) -> dict[str, Any]:
        """The figure as plotly.js takes it, without the default template; arrays are base64.

        Raises:
            InputError: there is only a picture.
        """
        if self.format == "png":
            hint = "Use to_png()."
            raise InputError.of("Figure.to_dict", "a Plotly figure", "only a picture", hint, "picture")
        return read_json(self.to_bytes(), "figure", DocumentError)

    def to_plotly(self) -> Any:
        """A `plotly.graph_objects.Figure`, with the default template if it had it.

        Raises:
            InputError: there is only a picture.
            MissingDependencyError: plotly is not installed.
            CodecError: this plotly does not know what the figure uses.
        """
        plain = self.to_dict()
        graph_objects = need("plotly.graph_objects", extra="plotly", needed_for="Figure.to_plotly")
        try:
            figure = graph_objects.Figure(plain)
            if "template" not in plain.get("layout", {}):  # plotly put the user's default there
                figure.layout.template = "plotly" if self._template else None
        except (ValueError, TypeError, KeyError) as error:
            raise CodecError(f"figure: expected a figure that this plotly accepts, got an error. {error}") from error
        return figure

    def to_png(self) -> bytes:
        """The picture of a matplotlib figure of which Plotly does not show everything.

        Raises:
            InputError: there is none.
        """
        if self.format == "png":
            return self.to_bytes()
        if self._image is None:
            hint = "Use to_plotly().to_image('png'), which needs kaleido."
            raise InputError.of("Figure.to_png", "a figure with a picture", self, hint, "picture")
        return self._image._sidecar().read()

    def _facts(self) -> list[str]:
        content = "png" if self.format == "png" else counted(self.traces, "trace")
        return [content, *([f"lost={list(self.lost)}"] if self.lost else [])]

    def _file_type(self) -> tuple[str, str]:
        return (".png", "image/png") if self.format == "png" else (".plotly.json", PLOTLY_TYPE)

    def _check(self) -> None:
        if self.format == "png":
            _check_png(self._sidecar(), self._width, self._height, "figure")
        elif (traces := len(self.to_dict()["data"])) != self.traces:
            raise DocumentError.of("figure.traces", f"{traces}, as in the JSON", self.traces, "Restore it.", "count")


def _check_png(blob: Blob, width: int, height: int, where: str) -> None:
    files.check(blob, files.ImageFile("png", width, height, "", 8), where)


def _read(data: Any) -> Any:
    """What `make_json` takes: a Plotly figure, a dict, or JSON as bytes."""
    if isinstance(data, Mapping) or is_instance(data, "plotly.basedatatypes", "BaseFigure"):
        return data
    if isinstance(data, str) and data.lstrip().startswith("{"):
        return data.encode("utf-8", "surrogatepass")
    if is_instance(data, "plotly.basedatatypes", "BaseTraceType"):
        raise InputError.of("Figure", "a figure", type(data), "Wrap the trace: go.Figure(trace).", "trace")
    blob = None if isinstance(data, list) else read_blob(data, "Figure")
    if blob is None:
        expected = "a Plotly figure, its dict or JSON, or a matplotlib figure or axes"
        if isinstance(data, list):
            raise InputError.of("Figure", expected, type(data), "Log a list: [Figure(f) for f in figures].")
        raise InputError.of("Figure", expected, data, "See help(mediatypes.Figure).")
    if blob.size > READ_WHOLE:
        raise InputError.of("Figure", f"at most {READ_WHOLE} bytes", blob.size, "Log fewer points.", "too-large")
    return blob.read()

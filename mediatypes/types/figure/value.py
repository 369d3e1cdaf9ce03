"""Figure: a Plotly chart, or a matplotlib figure as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

from ..._core.declaration import Document, Field, Integer, List, Record, Rule, Text, reference
from ..._core.deps import is_instance, need
from ..._core.errors import CodecError, DocumentError, InputError, Problem, problem
from ..._core.inputs import read_blob, text
from ..._core.sidecar import READ_WHOLE, Blob, Sink, Source, fetch
from ..._core.value import Frozen, Value
from ..pictures import files, matplotlib
from .plotly_json import make_json, read_json

PLOTLY_TYPE = "application/vnd.plotly.v1+json"
_ONLY_PLOTLY = ("template", "nulled", "image")


def _parts_fit(document: dict[str, Any], where: str) -> Iterator[Problem]:
    is_plotly = document["format"] == "plotly"
    needed = ("traces",) if is_plotly else ("width", "height")
    for name in needed:
        if name not in document:
            yield problem(where + name, f"an integer beside format {document['format']!r}", None, "", "missing")
    for name in ("width", "height") if is_plotly else ("traces", *_ONLY_PLOTLY):
        if name in document:
            yield problem(where + name, f"nothing beside format {document['format']!r}", document[name])


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
        Field("nulled", Integer(1), "Non-finite numbers that were written as null.", required=False),
        Field("source", Text(choices=("matplotlib",)), "What the figure was converted from.", required=False),
        Field("lost", List(Text(min_length=1), 1, 64), "What Plotly does not show of it.", required=False),
        Field("image", PICTURE, "The figure as a picture, where something is lost.", required=False),
        Field("width", Integer(1), "Width of the PNG in pixels.", required=False, column=True),
        Field("height", Integer(1), "Height of the PNG in pixels.", required=False, column=True),
        Field("caption", Text(), "Text shown with the figure.", required=False),
    ),
    (Rule("a plotly figure has traces; a png has width and height, and nothing of a plotly figure", _parts_fit),),
)


class Picture(Frozen):
    """A PNG of a figure, with its size in pixels."""

    declaration = PICTURE
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
        files.check(self._sidecar(), files.ImageFile("png", self.width, self.height, "", 8), self._noun())


class Figure(Value):
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
    infinities stay in arrays; in lists they become null, as plotly writes them, and are counted as `nulled`.

    Raises:
        InputError: not a figure, a trace without a figure, names or values that plotly refuses, more than 64 MiB.
        CodecError: matplotlib cannot draw the figure.

    >>> figure = Figure({"data": [{"type": "bar", "x": ["cat", "dog"], "y": [3, 1]}]}, caption="pets")
    >>> figure.traces, figure.to_dict()["data"][0]["y"]
    (1, [3, 1])
    """

    declaration = FIGURE
    _json: Blob | None
    _picture: Picture | None
    _traces: int
    _has_default_template: bool
    _nulled: int
    _source: str | None
    _lost: tuple[str, ...]

    def __init__(self, data: Any, *, caption: str | None = None) -> None:
        caption = text(caption, "Figure.caption")
        if isinstance(data, Figure):
            self._set(**data.__dict__)
            self.__dict__.pop("_identity_", None)
            self._set(_caption=data.caption if caption is None else caption)
            return
        self._set(_json=None, _picture=None, _traces=0, _has_default_template=False, _nulled=0, _source=None, _lost=())
        self._set(_caption=caption)
        drawing = matplotlib.find_figure(data, "Figure")
        if drawing is None:
            self._set_json(_read(data))
            return
        made, lost = matplotlib.convert(drawing)
        if made is not None:
            self._set_json(made)
        if made is None or lost:
            self._set(_picture=Picture.make(matplotlib.draw_png(drawing, "Figure")))
        self._set(_source="matplotlib", _lost=lost[:64])

    def _set_json(self, data: Any) -> None:
        made = make_json(data, "Figure")
        self._set(
            _json=Blob(made.data),
            _traces=made.traces,
            _has_default_template=made.has_default_template,
            _nulled=made.nulled,
        )

    @property
    def format(self) -> str:
        """`"plotly"`, or `"png"` of a matplotlib figure that Plotly cannot show."""
        return "png" if self._json is None else "plotly"

    @property
    def traces(self) -> int:
        """Number of Plotly traces; 0 where there is only a picture."""
        return self._traces

    @property
    def nulled(self) -> int:
        """Non-finite numbers in lists, which became null."""
        return self._nulled

    @property
    def lost(self) -> tuple[str, ...]:
        """What Plotly does not show of a matplotlib figure; the picture shows it."""
        return self._lost

    def to_dict(self) -> dict[str, Any]:
        """The figure as plotly.js takes it, without the default template; arrays are base64.

        Raises:
            InputError: there is only a picture.
        """
        if self._json is None:
            hint = "Use to_png()."
            raise InputError.of("Figure.to_dict", "a Plotly figure", "only a picture", hint, "picture")
        return read_json(self._json.read(), "figure", DocumentError)

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
                figure.layout.template = "plotly" if self._has_default_template else None
        except (ValueError, TypeError, KeyError) as error:
            raise CodecError(f"figure: expected a figure that this plotly accepts, got an error. {error}") from error
        return figure

    def to_png(self) -> bytes:
        """The picture of a matplotlib figure of which Plotly does not show everything.

        Raises:
            InputError: there is none.
        """
        if self._picture is None:
            hint = "Use to_plotly().to_image('png'), which needs kaleido."
            raise InputError.of("Figure.to_png", "a figure with a picture", self, hint, "picture")
        return self._picture._sidecar().read()

    def __repr__(self) -> str:
        parts = [f"{self._traces} traces" if self._json is not None else "png"]
        parts += [f"lost={list(self._lost)}"] if self._lost else []
        parts += [f"caption={self._caption!r}"] if self._caption is not None else []
        return f"Figure({', '.join(parts)})"

    def _encode(self, sink: Sink) -> dict[str, Any]:
        picture = self._picture and self._picture._to_part(sink)
        main = self._json.place(sink, ".plotly.json", PLOTLY_TYPE) if self._json is not None else picture
        optional = {
            "traces": self._traces if self._json is not None else None,
            "template": "default" if self._has_default_template else None,
            "nulled": self._nulled or None,
            "source": self._source,
            "lost": list(self._lost) or None,
            "image": picture if self._json is not None else None,
            "caption": self._caption,
        }
        return {**(main or {}), "format": self.format} | {k: v for k, v in optional.items() if v is not None}

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        made = cls.__new__(cls)
        made._set(
            _json=None,
            _picture=None,
            _traces=int(document.get("traces", 0)),
            _has_default_template="template" in document,
            _nulled=int(document.get("nulled", 0)),
            _source=document.get("source"),
            _lost=tuple(document.get("lost", ())),
            _caption=document.get("caption"),
        )
        if document["format"] == "png":
            made._set(_picture=Picture._decode(document, source))
            return made
        made._set(_json=_fetch_json(document, source))
        if "image" in document:
            made._set(_picture=Picture._from_part(document["image"], source))
        return made


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


def _fetch_json(document: dict[str, Any], source: Source) -> Blob:
    if document["size"] > READ_WHOLE:
        hint = "Do not trust this document."
        raise DocumentError.of("figure.size", f"at most {READ_WHOLE} bytes", document["size"], hint, "too-large")
    blob = Blob(fetch(source, document, "figure"), document["sha256"])
    found = len(read_json(blob.read(), "figure", DocumentError)["data"])
    if found != document["traces"]:
        raise DocumentError.of("figure.traces", f"{found}, as in the JSON", document["traces"], "Restore it.", "count")
    return blob

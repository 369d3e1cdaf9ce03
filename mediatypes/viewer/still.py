"""Values and runs as plain HTML: no script, no request. For notebooks without scripts, and reports without the page.

Every text of a run is escaped; a value's own HTML stands in a sandboxed frame whose policy lets nothing in or out.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import numpy as np

from .._core import canonical
from .._core.errors import CodecError, MediaTypesError
from .._core.palette import class_color, class_hex
from .._core.wording import counted
from ..columns.log_cells import PLAIN_KINDS
from ..plot import Plot
from ..plot._presets import BUILTIN
from ..types.audio.value import Audio
from ..types.figure.value import Figure
from ..types.histogram.value import Histogram
from ..types.html.value import Html
from ..types.image.boxes import BoundingBoxes2D
from ..types.image.classes import Classes
from ..types.image.drawing import DASHES
from ..types.image.masks import ImageMask
from ..types.image.value import Image
from ..types.molecule.value import Molecule
from ..types.object3d.boxes3d import Box3D
from ..types.object3d.value import Object3D
from ..types.table.value import Table
from ..types.tensor.value import Tensor
from ..types.video.value import Video
from ..view import RunView
from . import structure
from .drawings import WIDE, bars, class_colors, cloud, curve, data_url, mesh, plane, png_url

_ROWS = 20  # of a table
_CELL = 200  # letters of a cell
_PLOTTED = 2000  # rows of a chart
_FOLDED, _FOLDED_LINES = 180, 4  # letters and lines of a caption; the rest unfolds
_BOXES = 500  # drawn of a set
_BRIGHT = 110  # relative luminance, of 255
_LETTER = 6.0  # width of a letter of a label, about, in units of its line
_INLINE = 8 * 2**20  # bytes of a file that is put into the HTML
_MEDIA = 60  # values of a run that a report without a script shows
_CURVES = 100
_WIDEST, _READABLE, _VISIBLE = 640, 320, 96  # pixels of a picture's width; of its longer side with and without overlays
_BROWSER_IMAGES = {
    "png": "png",
    "jpg": "jpeg",
    "webp": "webp",
    "gif": "gif",
    "avif": "avif",
    "bmp": "bmp",
    "apng": "png",
}
_Z_UP = ("stl", "ply")  # formats of meshes in which z points up
_BROWSER_CLIPS = {"mp4": "video/mp4", "webm": "video/webm", "ogg": "video/ogg"}
_BROWSER_SOUNDS = {"wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg", "mp3": "audio/mpeg"}
# What a value's own HTML may load: what stands in it.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline' data:; img-src data: blob:; font-src data:; media-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
_SCRIPTS = "; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src data: blob:; worker-src blob:"
_WHOLE = "max-width:100%"
_OVER = "position:absolute;left:0;top:0;width:100%;height:100%"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>runs</title>
<style>body {{ font: 13px/1.45 system-ui, sans-serif; margin: 16px; color: #1c2024 }} img, svg {{ max-width: 100% }}
figure {{ display: inline-block; margin: 6px; vertical-align: top; max-width: 380px }}
th {{ text-align: left; font-weight: 500; padding-right: 14px }}</style></head>
<body>{body}</body></html>
"""


def value_html(value: Any) -> str:
    """A value as HTML that shows itself without a script; its `repr` where there is nothing to draw."""
    draw = next((draw for cls, draw in _DRAWN.items() if isinstance(value, cls)), _text)
    try:
        content = draw(value)
    except (MediaTypesError, OSError) as error:
        content = f"<p>{html.escape(str(error))}</p>"
    below = _caption(getattr(value, "caption", None))
    return f'<figure style="margin:0;max-width:min(640px,100%)">{content}{below}</figure>'


def _caption(text: str | None) -> str:
    """A caption below its value; of a long one the beginning, which unfolds."""
    if not text:
        return ""
    start = "\n".join(text[:_FOLDED].split("\n")[:_FOLDED_LINES])
    if start == text:
        return f'<figcaption dir="auto">{html.escape(text)}</figcaption>'
    summary = f"<summary>{html.escape(start)}…</summary>"
    return f'<figcaption dir="auto"><details>{summary}{html.escape(text)}</details></figcaption>'


def run_html(run: RunView, *, media: int = _MEDIA) -> str:
    """A run: what it says of itself, its curves, and the last of its media, at most so many."""
    facts = {"status": run.status, "tags": ", ".join(run.tags), "notes": run.notes}
    parts = [f"<h2>{html.escape(run.name or str(run.path))}</h2>", _facts({k: v for k, v in facts.items() if v})]
    if run.config:
        parts += ["<h3>Config</h3>", _facts(run.config)]
    parts += ["<h3>Values</h3>", _curves(run)]
    keys = [key for key, kinds in run.keys().items() if not set(kinds) <= {*PLAIN_KINDS}]
    values = ((key, value) for key in keys for value in _last(run, key))
    for (key, value), _ in zip(values, range(media), strict=False):
        parts.append(f"<figure><b>{html.escape(key)}</b>{value_html(value)}</figure>")
    return "".join(parts)


def report(runs: Sequence[RunView]) -> str:
    """A page of runs without a script."""
    return _PAGE.format(body="<hr>".join(run_html(run) for run in runs))


def _facts(facts: dict[str, Any]) -> str:
    cells = ((html.escape(str(name)), html.escape(str(value)[:400])) for name, value in facts.items())
    return "<table>" + "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in cells) + "</table>"


def _curves(run: RunView) -> str:
    drawn = []
    for key in [key for key, kinds in run.keys().items() if "number" in kinds][:_CURVES]:
        table = run.history(["_step", key])
        column = table.column(key if key in table.column_names else table.column_names[1])
        steps = table.column("_step").filter(column.is_valid()).to_numpy().astype(np.float64)
        values = np.asarray(column.drop_null().to_pylist(), np.float64)
        drawn.append(f"<figure><b>{html.escape(key)}</b><br>{curve(steps, values)}</figure>")
    return "".join(drawn) or "<p>no numbers</p>"


def _last(run: RunView, key: str) -> Iterable[Any]:
    """The last value of a key; of a list its items, and where a sidecar is gone or changed what is told of that."""
    try:
        last = run._last(key)
    except MediaTypesError as error:
        last = error
    return last if isinstance(last, list) else [last]


def _text(value: Any) -> str:
    return f"<p>{html.escape(str(value) if isinstance(value, MediaTypesError) else repr(value))}</p>"


def _image(image: Image) -> str:
    """The picture, its masks over it as pictures, its boxes as SVG."""
    layers = [_picture(image)]
    for name, mask in image.masks.items():
        text = html.escape(f"mask {name}", quote=True)
        layers.append(f'<img src="{class_colors(mask.to_numpy(), mask._class_labels)}" alt="{text}" style="{_OVER}">')
    for number, boxes in enumerate(image.boxes.values()):
        layers.append(_boxes(boxes, image.width, image.height, DASHES[min(number, len(DASHES) - 1)]))
    longer, least = max(image.width, image.height), _READABLE if image.boxes or image.masks else _VISIBLE
    width = min(image.width * max(1, round(least / longer)), _WIDEST)
    sharp = ";image-rendering:pixelated" if width > image.width else ""
    return f'<div style="position:relative;width:{width}px;max-width:100%{sharp}">{"".join(layers)}</div>'


def _picture(image: Image) -> str:
    kind, data = _BROWSER_IMAGES.get(image.format), image.to_bytes()
    source = data_url(data, f"image/{kind}") if kind and len(data) <= _INLINE else png_url(image.to_pil())
    text = html.escape(image.caption or f"image {image.width} x {image.height}", quote=True)
    return f'<img src="{source}" alt="{text}" style="width:100%;display:block">'


def _boxes(boxes: BoundingBoxes2D, width: float, height: float, dash: int = 0) -> str:
    scale = np.where(boxes.is_pixel[:, None], 1.0, np.array([width, height, width, height], np.float64))
    with np.errstate(over="ignore"):
        edges = np.clip(boxes.to_xyxy() * scale, -1e9, 1e9).tolist()
    labels, unit = boxes.class_labels, max(width, height) / 320
    scores = next(iter(boxes.scores.values()), [None] * len(boxes))
    rows = zip(edges, boxes.class_ids, boxes.captions, scores, strict=True)
    frames, texts = list[str](), list[str]()  # all texts stand above all frames
    for (left, top, right, bottom), id, caption, score in islice(rows, _BOXES):
        text = caption or ("" if id is None else labels.get(id, ""))
        text = f"{text} {score:.2f}".strip() if score is not None else text
        size = f'width="{right - left}" height="{bottom - top}"'
        frames.append(f'<rect x="{left}" y="{top}" {size} fill="none" stroke="{class_hex(id)}"/>')
        x, y = max(left, 0.0) + unit, min(max(top - 2 * unit, 10 * unit), height - 2 * unit)
        is_long = x + _LETTER * unit * len(text) > width  # it ends at the picture's edge instead of beyond it
        place = f'x="{width - unit}" text-anchor="end"' if is_long else f'x="{x}"'
        texts.append(f'<text {place} y="{y}" fill="{class_hex(id)}" stroke="{_around(id)}">{html.escape(text)}</text>')
    written = f'<g font-size="{11 * unit}" paint-order="stroke" stroke-linejoin="round" stroke-width="{2 * unit}">'
    dashes = f' stroke-dasharray="{dash * unit}"' if dash else ""
    drawn = f'<g stroke-width="{unit}"{dashes}>{"".join(frames)}</g>{written}{"".join(texts)}</g>'
    size = f'viewBox="0 0 {width} {height}" preserveAspectRatio="none"'
    return f'<svg {size} style="{_OVER}" font-family="sans-serif">{drawn}</svg>'


def _around(id: int | None) -> str:
    """Black or white, which sets the colour of a class off from any picture."""
    red, green, blue = class_color(id or 0)
    return "#000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > _BRIGHT else "#fff"


def _video(video: Video) -> str:
    data = video.to_bytes()
    if len(data) <= _INLINE and video.format in _BROWSER_IMAGES:
        source = data_url(data, f"image/{_BROWSER_IMAGES[video.format]}")
        return f'<img src="{source}" alt="{counted(video.frames, "frame")}" style="{_WHOLE}">'
    if len(data) <= _INLINE and (kind := _BROWSER_CLIPS.get(video.format)):
        return f'<video controls loop muted src="{data_url(data, kind)}" style="{_WHOLE}"></video>'
    return _text(video)


def _audio(audio: Audio) -> str:
    data = audio.to_bytes()
    if len(data) > _INLINE:
        return _text(audio)
    facts = f"{audio.duration:.2f} s, {audio.sample_rate} Hz, {audio.channels} ch, {audio.format}"
    return f'<audio controls src="{data_url(data, _BROWSER_SOUNDS[audio.format])}"></audio><p>{facts}</p>'


def _html(page: Html) -> str:
    return frame(page)


def frame(page: Html, scripts: bool = False) -> str:
    """HTML in a frame of its own origin, from which no request leaves; with `scripts` those of the page run in it.

    A script could send something by leading its own frame elsewhere. So that frame stands in another one, whose policy
    allows no addresses of frames; and what is in it has to follow the same policy.
    """
    policy = _POLICY + (_SCRIPTS if scripts else "")
    inner = _frame(page.to_html(), page.caption or "HTML", scripts, "width:100%;height:100vh;border:0;display:block")
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}"><style>body{{margin:0}}</style>'
    return _frame(head + inner, page.caption or "HTML", scripts, "width:100%;height:400px;border:1px solid #ddd")


def _frame(content: str, title: str, scripts: bool, style: str) -> str:
    source, name = html.escape(content, quote=True), html.escape(title, quote=True)
    allowed = "allow-scripts" if scripts else ""
    return f'<iframe sandbox="{allowed}" title="{name}" style="{style}" srcdoc="{source}"></iframe>'


def _histogram(histogram: Histogram) -> str:
    return bars(histogram.values, histogram.bins)


def _object(value: Object3D) -> str:
    if value.points is not None:
        return cloud(value.to_numpy())
    drawn = ""
    if len(value.to_bytes()) <= _INLINE:
        with suppress(MediaTypesError):  # Babylon's, or trimesh is not installed: its counts are told
            drawn = f'<img src="{mesh(*value._triangles(), value.format not in _Z_UP)}" alt="mesh" style="{_WHOLE}">'
    return drawn + _text(value)


def _tensor(tensor: Tensor) -> str:
    picture, range = plane(tensor.to_numpy())
    name = f"heatmap: {range}"
    drawn = f'<img src="{picture}" alt="{name}" style="width:{WIDE}px;image-rendering:pixelated">'
    return f"{drawn}<p>{range}</p>{_text(tensor)}"


def _figure(figure: Figure) -> str:
    if not figure.has_picture:
        return _text(figure)
    return f'<img src="{data_url(figure.to_png(), "image/png")}" alt="figure" style="{_WHOLE}">'


def _molecule(molecule: Molecule) -> str:
    return structure.molecule(molecule) or _text(molecule)


def _mask(mask: ImageMask) -> str:
    return (
        f'<img src="{class_colors(mask.to_numpy(), mask._class_labels)}" alt="mask" style="{_WHOLE};background:#fff">'
    )


def _plot(plot: Plot) -> str:
    """The picture of a chart that is as its preset makes it. A spec of somebody else is not run, since it can ask for
    more memory than there is, which ends the process: its table is shown."""
    if plot.table.num_rows <= _PLOTTED and plot.spec == BUILTIN.get(plot.preset):
        with suppress(ImportError, CodecError):
            if len(canonical.dumps(plot.to_vega_lite())) <= _INLINE:
                return f'<img src="{data_url(plot.to_svg().encode(), "image/svg+xml")}" alt="chart" style="{_WHOLE}">'
    return _text(plot) + _table(plot.table)


def _table(table: Table) -> str:
    return rows_html(table.columns, table, table.num_rows)


def rows_html(columns: Iterable[str], rows: Iterable[Iterable[Any]], count: int) -> str:
    """A table with the first 20 of so many rows; an image in a cell is shown."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    cells = ("".join(f"<td>{_cell(cell)}</td>" for cell in row) for row, _ in zip(rows, range(_ROWS), strict=False))
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    more = f"<p>{count} rows, the first {_ROWS} of them</p>" if count > _ROWS else ""
    lines = "white-space:pre-line"  # of cells with several
    table = f'<table style="{lines}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div style="overflow-x:auto">{table}</div>{more}'


def _box_set(boxes: BoundingBoxes2D) -> str:
    """The boxes where they are, in a frame that holds them all, and a table of them."""
    edges = boxes.to_xyxy()
    frame = np.maximum(edges[boxes.is_pixel].max(axis=0, initial=0)[2:], 1.0) if len(edges) else np.ones(2)
    width, height = (float(side) for side in (frame if boxes.is_pixel.any() else (320.0, 320.0)))
    place = f"position:relative;width:320px;aspect-ratio:{width:.6g}/{height:.6g};border:1px solid #ddd"
    labels, scores = boxes.class_labels, boxes.scores
    rows = [
        ["" if id is None else labels.get(id, str(id)), *(f"{edge:.6g}" for edge in edge), caption or "", *given]
        for id, edge, caption, *given in zip(
            boxes.class_ids, edges.tolist(), boxes.captions, *scores.values(), strict=True
        )
    ]
    columns = ["class", "left", "top", "right", "bottom", "caption", *scores]
    drawn = f'<div style="{place}">{_boxes(boxes, width, height)}</div>' if len(boxes) else ""
    return drawn + _text(boxes) + rows_html(columns, rows, len(rows))


def _classes(classes: Classes) -> str:
    """Ids and names, each in the colour that it is drawn in."""
    swatch = '<span style="display:inline-block;width:10px;height:10px;background:{}"></span>'
    rows = [
        f"<tr><td>{swatch.format(class_hex(id))} {id}</td><td>{html.escape(name)}</td></tr>"
        for id, name in list(classes.labels.items())[:_BOXES]
    ]
    return f"<table><thead><tr><th>class</th><th>name</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _box3d(box: Box3D) -> str:
    told = {name: getattr(box, name) for name in ("label", "score", "center", "size", "orientation", "color")}
    return _facts({name: value for name, value in told.items() if value is not None})


def _cell(cell: Any) -> str:
    if isinstance(cell, Image):
        return f'<div style="width:64px">{_picture(cell)}</div>'
    return html.escape((_messages(cell) or str(cell))[:_CELL])


def _messages(cell: Any) -> str:
    """A list of messages, each with a role and a content, as lines of who said what; nothing for anything else."""
    if not isinstance(cell, list) or not all(isinstance(one, dict) and "role" in one for one in cell):
        return ""
    return "\n".join(f"{one['role']}: {one.get('content', '')}" for one in cell)


_DRAWN: dict[type, Callable[[Any], str]] = {
    Image: _image,
    Video: _video,
    Audio: _audio,
    Html: _html,
    Histogram: _histogram,
    Object3D: _object,
    Tensor: _tensor,
    Table: _table,
    Figure: _figure,
    Molecule: _molecule,
    Plot: _plot,
    ImageMask: _mask,
    BoundingBoxes2D: _box_set,
    Classes: _classes,
    Box3D: _box3d,
}

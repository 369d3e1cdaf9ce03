"""The types of values by wandb's names and with its arguments; the values are those of mediatypes."""

from __future__ import annotations

from typing import Any

from ...._core.errors import InputError, Verbatim
from ....types.audio.value import Audio as _Audio
from ....types.figure.value import Figure as _Figure
from ....types.histogram.value import Histogram as _Histogram
from ....types.html.value import Html as _Html
from ....types.image.boxes import BoundingBoxes2D as _BoundingBoxes2D
from ....types.image.classes import Classes as _Classes
from ....types.image.masks import ImageMask as _ImageMask
from ....types.image.value import Image as _Image
from ....types.molecule.value import Molecule as _Molecule
from ....types.object3d.boxes3d import Box3D as _Box3D
from ....types.object3d.value import Object3D as _Object3D
from ....types.table.value import Table as _Table
from ....types.video.value import Video as _Video
from .lenient import Lenient


def _table(
    columns: Any = None,
    data: Any = None,
    rows: Any = None,
    dataframe: Any = None,
    dtype: Any = None,
    optional: Any = True,
    allow_mixed_types: bool = False,
    log_mode: Any = "IMMUTABLE",
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """wandb's arguments of a table. A column's type follows from its cells; a table is logged as it is each time."""
    data = data if data is not None else rows
    return (columns, data), {"dataframe": dataframe, "allow_mixed_types": allow_mixed_types}


def _video(
    data_or_path: Any, caption: Any = None, fps: Any = None, format: Any = None, **options: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """wandb ignores `fps` and `format` of a file, and says so."""
    is_file = isinstance(data_or_path, str) or hasattr(data_or_path, "read") or hasattr(data_or_path, "__fspath__")
    given = {} if is_file else {"fps": fps or None, "format": format}
    return (data_or_path, caption), {**given, **options}


def _unsupported(name: str, hint: str) -> Any:
    def make(*arguments: Any, **options: Any) -> Any:
        raise InputError.of(f"wandb.{name}", "a value that mediatypes has", Verbatim(name), hint)

    make.__name__ = name
    return Lenient(make)


Image = Lenient(_Image)
BoundingBoxes2D = Lenient(_BoundingBoxes2D)
ImageMask = Lenient(_ImageMask)
Classes = Lenient(_Classes)
Video = Lenient(_Video, _video)
Audio = Lenient(_Audio)
Html = Lenient(_Html)
Molecule = Lenient(_Molecule)
Object3D = Lenient(_Object3D)
box3d = Lenient(_Box3D)
Histogram = Lenient(_Histogram)
Table = Lenient(_Table, _table)
Plotly = Lenient(_Figure)
Bokeh = _unsupported("Bokeh", "Pass wandb.Html(bokeh.embed.file_html(model)) instead.")
Graph = _unsupported("Graph", "Pass str(model) as text, or a picture of it.")
JoinedTable = _unsupported("JoinedTable", "Join the DataFrames, and log them as one wandb.Table.")
PartitionedTable = _unsupported("PartitionedTable", "Log the parts as tables of their own, or as an artifact.")

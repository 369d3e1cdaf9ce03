"""Bare objects of other packages that may be logged, and the type that each becomes.

They are recognised by name: whoever made one has imported its package, so nothing is imported to find out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from .codec import check
from .deps import is_class
from .errors import InputError, Verbatim, show
from .registry import lookup
from .sidecar import Sink

MAX_LIST = 256  # a one-dimensional array up to this length is a list, not a tensor
DOCUMENT = "document"  # tag of a dict that says that it is one
DOCUMENT_HINT = "A member _type marks a media document: rename it if this is none."
_TAGS = (  # module, class, tag
    ("PIL.Image", "Image", "image"),
    ("matplotlib.axes", "Axes", "figure"),
    ("matplotlib.figure", "FigureBase", "figure"),
    ("plotly.basedatatypes", "BaseFigure", "figure"),
    ("pandas", "DataFrame", "table"),
    ("polars", "DataFrame", "table"),
    ("pyarrow", "Table", "table"),
    ("pyarrow", "RecordBatch", "table"),
)


@cache
def class_tag(cls: Any) -> str:
    """The tag of a class of bare objects, or "array"; empty if it is none. Finding out takes microseconds."""
    if callable(getattr(cls, "__media__", None)):
        return ""  # it may speak the array protocol too
    for module, name, tag in _TAGS:
        if is_class(cls, module, name):
            return tag
    return "array" if hasattr(cls, "__array__") or is_class(cls, "torch", "Tensor") else ""


@cache
def is_mapping(cls: Any) -> bool:
    """Whether a class is one of mappings; asking an abstract class each time takes longer."""
    return issubclass(cls, Mapping)


def tag_of(value: object) -> str | None:
    """The tag of the media type that a bare object is logged as; None if it is not wrapped.

    An array or tensor is a "tensor", except one of a single element, whatever its shape, and one with a single axis of
    at most 256 values. No array is ever made a histogram or an image: that has to be asked for. A dict with a member
    `_type` is a "document".
    """
    cls: Any = type(value)
    tag = class_tag(cls)
    if tag == "array":
        shape = array_shape(value)
        return "tensor" if shape and set(shape) != {1} and (len(shape) > 1 or max(shape) > MAX_LIST) else None
    if not tag and is_mapping(cls) and "_type" in value:  # type: ignore[operator]
        return DOCUMENT
    if not tag and getattr(value, "__name__", None) == "matplotlib.pyplot":
        return "figure"
    return tag or None


def is_array(value: object) -> bool:
    """Whether a value is an array or tensor of any framework, or a scalar of one."""
    cls: Any = type(value)
    return class_tag(cls) == "array"


def wrap(value: Any) -> Any:
    """The media value of a bare object, or the object itself where it has none; raises what the type raises."""
    tag = tag_of(value)
    if tag == DOCUMENT:
        return GivenDocument(value)
    return value if tag is None else lookup(tag)[0](value)


class GivenDocument:
    """A media document given in place of a value; it and its sidecars are kept. Raises InputError if it is none."""

    def __init__(self, document: Mapping[Any, Any]) -> None:
        self.document = dict(document)
        if problems := check(self.document):
            got = Verbatim(f"{show(self.document)}: {problems[0]._replace(hint='')}".rstrip("."))
            raise InputError.of("", "a media document, as its _type says", got, DOCUMENT_HINT, "document")

    def __media__(self, sink: Sink) -> dict[str, Any]:
        return self.document


def array_shape(array: Any) -> tuple[int, ...] | None:
    """The length of each axis of an array of any framework; None if it does not say."""
    try:
        return tuple(map(int, array.shape)) if hasattr(array, "shape") else (len(array),)
    except (AttributeError, TypeError):  # it is for the array protocol to say what it is
        return None

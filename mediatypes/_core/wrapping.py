"""Bare objects of other packages that may be logged, and the type that each becomes.

They are recognised by name: whoever made one has imported its package, so nothing is imported to find out.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .deps import is_class
from .registry import lookup

MAX_LIST = 256  # a one-dimensional array up to this length is a list, not a tensor
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


def tag_of(value: object) -> str | None:
    """The tag of the media type that a bare object is logged as; None if it is not wrapped.

    An array or tensor is a "tensor", except a scalar and one with a single axis of at most 256 values. No array is
    ever made a histogram or an image: that has to be asked for.
    """
    cls: Any = type(value)
    tag = class_tag(cls)
    if tag == "array":
        return "tensor" if _is_large(value) else None
    if not tag and getattr(value, "__name__", None) == "matplotlib.pyplot":
        return "figure"
    return tag or None


def is_array(value: object) -> bool:
    """Whether a value is an array or tensor of any framework, or a scalar of one."""
    cls: Any = type(value)
    return class_tag(cls) == "array"


def wrap(value: Any) -> Any:
    """The media value of a bare object, or the object itself where it has none.

    Raises:
        InputError: its type does not take the object.
        MissingDependencyError: its type needs a package for it.
    """
    tag = tag_of(value)
    return value if tag is None else lookup(tag)[0](value)


def _is_large(array: Any) -> bool:
    try:
        lengths = tuple(array.shape) if hasattr(array, "shape") else (len(array),)
    except (AttributeError, TypeError):  # it is for the array protocol to say what it is
        return False
    return len(lengths) > 1 or (len(lengths) == 1 and lengths[0] > MAX_LIST)

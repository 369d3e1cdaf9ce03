"""What the objects of Python and of other packages stand for: the one place that says it for every container.

`docs` has a table of them under "What a logged value becomes", and the tests read that table.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from argparse import Namespace
from collections import UserString
from collections.abc import Callable, Iterable, Mapping, MappingView, Sequence, Set
from datetime import time
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from types import NoneType, SimpleNamespace
from typing import Any, Final
from uuid import UUID

from .._core.deps import is_class
from .._core.errors import InputError, Problem, Verbatim
from .._core.wrapping import array_shape, class_tag, is_array, tag_of
from .typed_scalars import typed_scalar

MAX_ITEMS: Final = 2**20  # of one value: a YAML file of ten lines can stand for billions
_REASON: Final = 200  # characters of another library's message
SCALARS: Final = frozenset((float, int, str, bool, NoneType))  # nearly all values: nothing to look for in them


def simplify(value: Any, *, typed: bool = False) -> Any:
    """What a value stands for: a number, text, bool, None, list or mapping of any items; else the value itself.

    Media values, longer arrays and unknown objects stay; with `typed` times, durations, decimals and bytes too. May
    raise whatever the value raises when it is read.
    """
    while type(value) not in SCALARS:
        cls: Any = type(value)
        convert = None if typed and typed_scalar(cls) else _converter(cls)
        if convert is None:
            return value
        value = convert(value)
    return value


def read_items(value: Mapping[Any, Any], where: str) -> list[tuple[Any, Any]]:
    """The items of a mapping, which may be worked out while they are read, as those of OmegaConf; raises InputError."""
    items: list[tuple[Any, Any]] = _read(lambda: list(value.items()), value, where)
    return items


def key_text(key: Any) -> str | None:
    """A key of a mapping as JSON writes it: text, numbers and bools; None if it is none of these."""
    key = simplify(key)
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    return repr(key) if isinstance(key, int) or (isinstance(key, float) and key - key == 0) else None


def as_mapping(source: Any, where: str, expected: str) -> Mapping[Any, Any]:
    """A mapping of what holds names and values, or of a list of pairs; raises InputError for anything else."""
    value = simplified(source, where)
    if isinstance(value, (list, tuple)):
        try:
            return dict(value)
        except (TypeError, ValueError):
            pass
    if not isinstance(value, Mapping):
        raise InputError.of(where, expected, named(source), "Pass a dict.")
    return value


def simplified(value: Any, where: str, *, typed: bool = False) -> Any:
    """`simplify` with one kind of error, InputError; an array that is no tensor becomes its scalar or its list, too."""

    def read() -> Any:
        simple = simplify(value, typed=typed)
        cls: Any = type(simple)
        if cls in SCALARS or (typed and typed_scalar(cls)) or not is_array(simple) or tag_of(simple) is not None:
            return simple
        return simplify(_elements(simple, typed), typed=typed)

    return _read(read, value, where)


def array_elements(array: Any, where: str) -> Any:
    """The values of an array of any framework as nested lists; raises InputError for complex numbers, records..."""
    return _read(lambda: _elements(array, False), array, where)


def _read(read: Callable[[], Any], value: Any, where: str) -> Any:
    try:
        return read()
    except InputError as error:
        raise InputError(located(error.problems, where)) from None
    except Exception as error:  # a property or iterator of the user's class, or a tensor without data
        reason = " ".join(str(error).split()).rstrip(".!") or type(error).__name__  # on one line
        reason = reason if len(reason) <= _REASON else reason[: _REASON - 3] + "..."
        hint = f"Reading it failed: {reason}."
        raise InputError.of(where, "a value that can be read", named(value), hint) from error


@lru_cache(maxsize=4096)
def _converter(cls: Any) -> Callable[[Any], Any] | None:
    """How objects of a class become simpler; None if they stay. Finding out takes microseconds."""
    if cls in SCALARS or callable(getattr(cls, "__media__", None)):
        return None
    if is_class(cls, "pandas._libs.missing", "NAType") or is_class(cls, "pandas._libs.tslibs.nattype", "NaTType"):
        return lambda value: None
    if is_class(cls, "numpy", "generic"):
        return _numpy_converter(cls)
    if class_tag(cls):  # an array, or an object that a media type takes
        return None
    if scalar := typed_scalar(cls):
        return scalar.to_plain
    for base, convert in _CONVERTERS:
        if issubclass(cls, base):
            return convert
    if names := _field_names(cls):
        return lambda value: {name: getattr(value, name) for name in names}
    if is_class(cls, "pydantic", "BaseModel"):
        return dict
    if is_class(cls, "pyarrow", "Scalar"):
        return lambda value: value.as_py()
    if issubclass(cls, Mapping):
        return None
    if issubclass(cls, (list, tuple)):
        return None if cls in (list, tuple) else list
    if issubclass(cls, (Sequence, MappingView)):
        return list
    if issubclass(cls, Set):
        return _sorted_set
    if hasattr(cls, "keys") and hasattr(cls, "__getitem__"):
        return lambda value: {key: value[key] for key in value.keys()}  # noqa: SIM118 - as dict(value) does
    return None


def _list_of_range(value: range) -> list[int]:
    count = (value.stop - value.start) // value.step
    if count > MAX_ITEMS:
        raise InputError.of("", f"at most {MAX_ITEMS} items", value, "Pass its start, stop and step.", "many")
    return list(value)


def _sorted_set(value: Set[Any]) -> list[Any]:
    items = [simplify(item) for item in value]
    try:
        return sorted(items, key=lambda item: (item != item, item))  # NaN last
    except TypeError:
        raise InputError.of("", "a set whose items can be sorted", value, "Pass a list.") from None


_CONVERTERS: Final[tuple[tuple[Any, Callable[[Any], Any]], ...]] = (
    (Enum, lambda value: value.value),
    (int, int.__int__),
    (float, float.__float__),
    (str, str.__str__),
    (time, time.isoformat),
    ((Fraction, UUID, UserString), str),
    (os.PathLike, os.fspath),
    ((Namespace, SimpleNamespace), vars),
    (range, _list_of_range),
)


def _field_names(cls: Any) -> tuple[str, ...]:
    """The fields of a named tuple, a dataclass, or a class of attrs or msgspec."""
    if issubclass(cls, tuple):
        return tuple(getattr(cls, "_fields", ()))
    if dataclasses.is_dataclass(cls):
        return tuple(field.name for field in dataclasses.fields(cls))
    if hasattr(cls, "__attrs_attrs__"):
        return tuple(field.name for field in cls.__attrs_attrs__)
    return tuple(getattr(cls, "__struct_fields__", ()))


# Arrays ----------------------------------------------------------------------------------------------------------


def _elements(array: Any, typed: bool) -> Any:
    """An array of one element as its scalar, a longer one as nested lists."""
    shape = array_shape(array)
    is_single = shape is not None and set(shape) <= {1}
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or not isinstance(array, numpy.ndarray):
        for name in ("tolist", "to_list"):
            if callable(method := getattr(array, name, None)):
                return _unwrapped(method(), len(shape or ())) if is_single else method()
        import numpy

        array = numpy.asanyarray(array)
    if typed and is_single and array.dtype.kind in "Mm" and not numpy.ma.getmaskarray(array).any():
        return array.reshape(-1)[0]  # a typed scalar still
    values = _numpy_elements(array)
    return _unwrapped(values, array.ndim) if is_single else values


def _unwrapped(values: Any, depth: int) -> Any:
    for _ in range(depth):
        (values,) = values
    return values


def _numpy_converter(cls: Any) -> Callable[[Any], Any] | None:
    """For numpy's scalars: most are an item of Python."""
    import numpy

    plain: tuple[Any, ...] = (numpy.bool_, numpy.integer, numpy.float64, numpy.float32, numpy.float16, numpy.str_)
    if issubclass(cls, plain):
        return cls.item if not issubclass(cls, numpy.timedelta64) else _numpy_scalar
    return _numpy_scalar


def _numpy_scalar(value: Any) -> Any:
    import numpy

    return _numpy_elements(numpy.asarray(value))


def _numpy_elements(array: Any) -> Any:
    import numpy

    kind = array.dtype.kind
    if kind in "Mm":
        data = numpy.ma.getdata(array)
        plain: Any = numpy.asarray(numpy.datetime_as_string(data) if kind == "M" else _seconds(data), object)
        plain[numpy.isnat(data) | numpy.ma.getmaskarray(array)] = None
        return plain.tolist()
    if kind == "c":
        raise InputError.of("", "real numbers", array, "Pass .real and .imag.", "dtype")
    if array.dtype.names:
        raise InputError.of("", "an array without fields", array, "Pass each field by itself.", "dtype")
    if kind == "f" and array.dtype.itemsize > 8:  # a long double: the nearest double
        array = array.astype(numpy.float64)
    return array.tolist()


def _seconds(array: Any) -> Any:
    import numpy

    try:
        return array / numpy.timedelta64(1, "s")
    except TypeError:  # months and years have no length
        raise InputError.of("", "a duration in a unit of time", array, "Pass it in seconds.") from None


# Messages ------------------------------------------------------------------------------------------------------------


def located(problems: Iterable[Problem], where: str) -> list[Problem]:
    """Problems that name the key they belong to."""
    return [
        p if p.path.startswith(where) else p._replace(path=": ".join(filter(None, (where, p.path)))) for p in problems
    ]


def named(value: Any) -> Any:
    """A value as a message shows it: what has no text of its own by the name of its class."""
    cls: Any = type(value)
    if isinstance(value, type):
        return Verbatim(f"the class {value.__module__}.{value.__qualname__}")
    if callable(value) and hasattr(value, "__qualname__"):
        return Verbatim(f"the function {getattr(value, '__module__', None) or 'builtins'}.{value.__qualname__}")
    if cls.__repr__ is object.__repr__:
        return Verbatim(f"an object of {cls.__module__}.{cls.__qualname__}")
    return value

"""Assert what a run logged, and what a document says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

import mediatypes as mt

from .._core import canonical
from .._core.codec import declaration_of
from .._core.errors import show
from .._core.registry import known_types, lookup
from .._core.sidecar import HashingSink
from .._core.wording import counted
from ..columns.cells import MEDIA_LIST
from ..columns.log_cells import PLAIN_KINDS

if TYPE_CHECKING:
    from .._core.value import MediaValue

_PLAIN = frozenset(PLAIN_KINDS)
_SHOWN = 10  # values of the key that a failure lists
_ABSENT: Any = object()


class AssertLogged(Protocol):
    """The type of `assert_logged`, for tests that take it as a fixture."""

    def __call__(
        self,
        run: mt.RunView | mt.Run | str | os.PathLike[str],
        key: str,
        *,
        type: str | None = None,
        step: int | None = None,
        count: int | None = None,
        value: Any = ...,
        **members: Any,
    ) -> None: ...


class AssertDocument(Protocol):
    """The type of `assert_document`, for tests that take it as a fixture."""

    def __call__(
        self,
        document: Any,
        *,
        type: str | None = None,
        value: Any = ...,
        source: mt.Source | None = None,
        **members: Any,
    ) -> None: ...


def assert_logged(
    run: mt.RunView | mt.Run | str | os.PathLike[str],
    key: str,
    *,
    type: str | None = None,
    step: int | None = None,
    count: int | None = None,
    value: Any = _ABSENT,
    **members: Any,
) -> None:
    """Assert that a run, open or finished, logged a value that is as described.

    Args:
        run: the run, its view or its directory.
        key: what it was logged under.
        type: a media type ("image", "histogram"...), or "number", "string", "boolean", "integer", "null",
            "number_list", "string_list" or "json".
        step: only values of this step count.
        count: how many values have to be as described, 0 for none; without it at least one. An item of a list of
            media is one.
        value: what the value equals: plain data, a media value, or a `pytest.approx`.
        members: what members of the document equal. For a member that is a list or an object of parts a number means
            how many: `boxes=2` is two boxes over all sets, `boxes={"pred": 2}` two in the set "pred", `masks=1` one
            mask. None means that the document does not have the member.

    Raises:
        AssertionError: listing what was logged instead.
        TypeError: there is no such type, or the type has no such member.

    >>> import tempfile
    >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
    ...     run.log({"loss": 0.5, "activations": mt.Histogram([1, 2, 3], num_bins=4)})
    >>> assert_logged(run, "loss", type="number", value=0.5)
    >>> assert_logged(run, "activations", type="histogram", step=0, values=4)
    """
    __tracebackhide__ = True
    view = run if isinstance(run, mt.RunView) else mt.open_run(run.path if isinstance(run, mt.Run) else run)
    where = f'log["{key}"]'
    known = list(view.keys())
    if key not in known:
        if count == 0:
            return
        raise AssertionError(_missing_key(where, key, known))
    logged = list(_logged(view, key, step))
    _require_known("assert_logged", logged, type, members)
    matching = [item for item in logged if _matches(item, view.store, type, value, members)]
    if len(matching) == count or (count is None and matching):
        return
    expected = _describe(type, step, count, value, members)
    logged_values = "; ".join(item.describe(members) for item in logged[:_SHOWN])
    more = f"; and {len(logged) - _SHOWN} more" if len(logged) > _SHOWN else ""
    hint = "Log it, or expect what was logged."
    raise AssertionError(f"{where}: expected {expected}, got {logged_values or 'nothing'}{more}. {hint}")


def assert_document(
    document: Any,
    *,
    type: str | None = None,
    value: Any = _ABSENT,
    source: mt.Source | None = None,
    **members: Any,
) -> None:
    """Assert that a document, wherever it was stored, is valid and as described.

    Args:
        document: what a tracker stored of a media value: an object, or its JSON text.
        type: the media type ("image", "histogram"...).
        value: the media value that it decodes to; needs `source`.
        source: where its sidecars are. With it every sidecar is read, and its size and SHA-256 are compared.
        members: what members equal, as in `assert_logged`: `boxes=2` is two boxes over all sets.

    Raises:
        AssertionError: it is no document, breaks the schema of its type, or is another one than described.
        TypeError: there is no such type, or the type has no such member.

    >>> store = mt.MemoryStore()
    >>> assert_document(mt.encode(mt.Histogram([1, 2, 3], num_bins=4), store), type="histogram", values=4)
    """
    __tracebackhide__ = True
    try:
        data = json.loads(document) if isinstance(document, (str, bytes)) else document
        mt.validate(data)
        if source is not None:
            mt.encode(mt.decode(data, source), HashingSink())  # reads the sidecars that a value leaves for later, too
    except (ValueError, mt.MediaTypesError) as error:
        raise AssertionError(f"document: expected a valid document, got {show(document)}. {error}") from None
    item = _Logged(0, data["_type"], data)
    _require_known("assert_document", [item], type, members)
    if value is not _ABSENT and source is None:
        raise TypeError("assert_document: expected source= beside value=, got none. Say where the sidecars are.")
    if not _matches(item, source, type, value, members):
        expected = _describe(type, None, None, value, members).removeprefix("a value").strip()
        got = item.describe(members).removesuffix(" at step 0")
        raise AssertionError(f"document: expected one {expected}, got {got}. Store it so, or expect what was stored.")


def differences(left: MediaValue, right: MediaValue) -> list[str]:
    """In which of their contents two values differ, and in which members of their documents, a line for each."""
    first, second = mt.encode(left, HashingSink()), mt.encode(right, HashingSink())
    names = [name for name in dict.fromkeys((*first, *second)) if first.get(name) != second.get(name)]
    told = [f"{name}: {show(first.get(name))} != {show(second.get(name))}" for name in names]
    with suppress(mt.MediaTypesError):  # what needs a package that is not there: the members tell enough
        told = [*_different_contents(left, right), *told]
    return told or ["their documents are equal"]


def _different_contents(left: Any, right: Any) -> Iterator[str]:
    """How many pixels, samples, numbers or cells differ, and the first of them."""
    if isinstance(left, mt.Table):
        if left.columns == right.columns and left.num_rows == right.num_rows:
            cells = [
                f"row {row}, column {show(name)}: {show(a)} != {show(b)}"
                for row, both in enumerate(zip(left, right, strict=True))
                for name, a, b in zip(left.columns, *both, strict=True)
                if a != b and (a == a or b == b)  # two NaN are the same
            ]
            if cells:
                yield f"cells: {len(cells)} of {left.num_rows * len(left.columns)} differ, first {cells[0]}"
    elif hasattr(left, "to_numpy"):
        a, b = left.to_numpy(), right.to_numpy()
        if a.shape != b.shape:
            yield f"values: shape {a.shape} != {b.shape}"
        elif (differ := (a != b) & ((a == a) | (b == b))).any():
            at = tuple(map(int, np.argwhere(differ)[0]))
            first = f"{at[0] if len(at) == 1 else at}: {show(a[at].item())} != {show(b[at].item())}"
            yield f"values: {np.count_nonzero(differ)} of {a.size} differ, first at {first}"


class _Logged(NamedTuple):
    """One value as it was logged: plain data, or the document of a media value."""

    step: int
    type: str
    data: Any

    @property
    def document(self) -> dict[str, Any]:
        return self.data if isinstance(self.data, dict) and "_type" in self.data else {}

    def describe(self, members: dict[str, Any]) -> str:
        if not self.document:
            return f"{self.type} {show(self.data)} at step {self.step}"
        told = [f"{name}={show(_member(self, name, expected))}" for name, expected in members.items()]
        return f"{self.type}{_with(told)} at step {self.step}"


def _logged(view: mt.RunView, key: str, step: int | None) -> Iterator[_Logged]:
    """The values of a key in order of step; those of one step in the order of their columns."""
    table = view.history([key], None if step is None else (step, step + 1))
    specs = [spec for spec in view._history().specs if spec.key == key]
    columns = [(spec.kind, table.column(spec.name).to_pylist()) for spec in specs]
    for row, at in enumerate(table.column("_step").to_pylist()):
        for kind, cells in columns:
            for type, data in _items(kind, cells[row]):
                yield _Logged(at, type, data)


def _items(kind: str, cell: Any) -> Iterator[tuple[str, Any]]:
    """A cell as values: a list of media as its items, which are documents."""
    if isinstance(cell, dict):
        document = canonical.loads(cell["_doc"])
        yield document["_type"], document
    elif isinstance(cell, list) and cell and isinstance(cell[0], dict):
        for item in cell:
            yield from _items(kind, item)
    elif cell is not None:
        yield kind, canonical.loads(cell) if kind == "json" and isinstance(cell, str) else cell


def _matches(item: _Logged, source: mt.Source | None, type: str | None, value: Any, members: dict[str, Any]) -> bool:
    if type is not None and item.type != type:
        return False
    if members and not item.document:
        return False
    if any(_member(item, name, expected) != expected for name, expected in members.items()):
        return False
    if value is _ABSENT:
        return True
    data = mt.decode(item.document, source) if item.document and source is not None else item.data
    return _is_equal(data, value)


def _is_equal(data: Any, value: Any) -> bool:
    """Whether something logged is what was asked for; arrays and tuples mean the lists as which they were logged."""
    if isinstance(value, np.ndarray) and isinstance(data, list):
        value = value.tolist()
    if isinstance(data, list) and isinstance(value, (list, tuple)):
        return len(data) == len(value) and all(map(_is_equal, data, value))
    return bool(data == value) or bool(data != data and value != value)  # NaN is what was logged when NaN was asked for


def _member(item: _Logged, name: str, expected: Any) -> Any:
    """A member as `_seen`; one that the type declares and that is not there has no parts."""
    if name not in item.document and type(expected) is int and name in declaration_of(item.document).names:
        return 0
    return _seen(item.document.get(name), expected)


def _seen(value: Any, expected: Any) -> Any:
    """A member in the terms of what is expected: how many parts it has, or how many in each."""
    if isinstance(expected, int) and not isinstance(expected, bool) and isinstance(value, (dict, list)):
        return _size(value)
    if isinstance(expected, dict) and isinstance(value, dict) and value != expected:
        return {name: _size({name: part}) for name, part in value.items()}
    return value


def _size(value: Any) -> int:
    """How many parts a member has: boxes over all sets, masks, items of a list; 0 if it is not there."""
    if isinstance(value, dict):
        return sum(part.get("count", 1) if isinstance(part, dict) else 1 for part in value.values())
    return len(value) if isinstance(value, list) else 0


def _require_known(function: str, items: list[_Logged], type: str | None, members: dict[str, Any]) -> None:
    """Raise TypeError for a type or member that does not exist, which would be equal to nothing."""
    logged = {item.type for item in items}
    if type == MEDIA_LIST:
        raise TypeError(f"{function}: expected the type of what is in the list, such as 'image', got {type!r}.")
    if type is not None and type not in logged | _PLAIN | {*known_types()}:
        known = ", ".join((*sorted(_PLAIN), *known_types()))
        raise TypeError(
            f"{function}: expected type to be one of {known}, got {type!r}.{_close(type, known.split(', '))}"
        )
    types = ({type} if type is not None else logged) - _PLAIN
    if types <= {*known_types()}:  # of other types nobody knows what their documents may have
        names = {name for item in items for name in item.document} | {n for one in types for n in lookup(one)[1].names}
        for name in members if names else ():
            if name not in names:
                what = " or ".join(sorted(types)) or "the value"
                known = ", ".join(sorted(name for name in names if not name.startswith("_")))
                raise TypeError(
                    f"{function}: expected members of {what}: {known}, got {name!r}.{_close(name, sorted(names))}"
                )


def _close(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _describe(type: str | None, step: int | None, count: int | None, value: Any, members: dict[str, Any]) -> str:
    number = "a value" if count is None else counted(count, "value")
    told = [f"{name}={show(expected)}" for name, expected in members.items()]
    told += [] if value is _ABSENT else [f"value={show(value)}"]
    return f"{number}{f' of type {type}' if type else ''}{_with(told)}{'' if step is None else f' at step {step}'}"


def _with(told: list[str]) -> str:
    return f" with {', '.join(told)}" if told else ""


def _missing_key(where: str, key: str, known: list[str]) -> str:
    hint = _close(key, known) or " Log it before the assertion."
    got = f"the keys {', '.join(known)}" if known else "no key"
    return f"{where}: expected this key in the run, got {got}.{hint}"

"""The table "What a logged value becomes" of the format text, row by row."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

import mediatypes as mt
from tests.samples import FakeTensor

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "logging.md").read_text("utf-8")
FORMAT = (ROOT / "schemas" / "README.md").read_text("utf-8")
SECTION = TEXT
CELL = re.compile(r"(?<!\\)\|")


class Row(NamedTuple):
    example: str
    kind: str
    result: str  # what is read, or of what is refused the fix
    config: str  # as result, or "refused"


def rows() -> list[Row]:
    found = []
    for line in SECTION.splitlines():
        if line.startswith("| ") and not line.startswith("| logged |"):
            _, _, example, kind, result, config, _ = (cell.strip() for cell in CELL.split(line))
            fix = result.replace("\\_", "_")
            kind = kind.strip("`")
            result = fix if kind == "refused" else result.strip("`")
            found.append(
                Row(example.strip("`"), kind, result, config.strip("`") or ("refused" * (kind == "refused") or result))
            )
    return found


ROWS = rows()
KEPT = [row for row in ROWS if row.kind != "refused"]
REFUSED = [row for row in ROWS if row.kind == "refused"]


@cache
def names() -> dict[str, Any]:
    (code,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    found: dict[str, Any] = {}
    exec(code, found)
    return found


def value(expression: str) -> Any:
    return eval(expression, names())


def by_row(row: Row) -> str:
    return row.example


def same(one: Any, other: Any) -> bool:
    """Equal in value and class, NaN to itself and zero by its sign."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, float):
        return repr(one) == repr(other)
    return type(one) is type(other) and bool(one == other)


def is_media(row: Row) -> bool:
    return row.result.startswith(("mt.", "[mt."))


def test_the_table_is_read() -> None:
    assert len(ROWS) > 60
    assert {row.kind for row in ROWS} > {"refused", "leaves", "number", "integer", "json", "null", "tensor"}


@pytest.mark.parametrize("row", KEPT, ids=by_row)
def test_a_value_is_kept_as_the_table_says(tmp_path: Path, row: Row) -> None:
    run = mt.Run(tmp_path / "run")
    for _ in range(3):  # the general way, and the packed one for numbers
        run.log({"k": value(row.example), "number": 1.5})
    expected = value(row.result)
    for _ in ("live", "finished"):
        view = mt.open_run(run.path)
        kinds = {key: kind for key, kind in view.keys().items() if key != "number"}
        if row.kind == "leaves":
            assert {key: [v for _, v in view.values(key)] for key in kinds} == {
                f"k.{key}": [leaf] * 3 for key, leaf in expected.items()
            }
        elif row.kind == "null":
            assert kinds == {"k": ("null",)}
            assert list(view.values("k")) == []
        else:
            assert kinds == {"k": (row.kind,)}
            found = [v for _, v in view.values("k")]
            assert len(found) == 3
            assert all(same(one, expected) for one in found), found
        run.finish()


@pytest.mark.parametrize("row", KEPT, ids=by_row)
def test_the_summary_keeps_it_too(tmp_path: Path, row: Row) -> None:
    run = mt.Run(tmp_path / "run")
    run.summary["k"] = value(row.example)
    run.summary.update({"more": {"k": value(row.example)}})
    expected = value(row.result)
    for _ in ("live", "finished"):
        for summary in (dict(run.summary), mt.open_run(run.path).summary):
            if row.kind == "leaves":
                assert {key: v for key, v in summary.items() if key[0] == "k"} == {
                    f"k.{key}": leaf for key, leaf in expected.items()
                }
                assert all(f"more.k.{key}" in summary for key in expected)
            elif is_media(row):
                documents = [
                    mt.encode(one, mt.MemoryStore()) for one in (expected if row.kind.endswith("_list") else [expected])
                ]
                found = summary["k"] if row.kind.endswith("_list") else [summary["k"]]
                assert [one["_type"] for one in found] == [one["_type"] for one in documents]
                assert [one.get("sha256") for one in found] == [one.get("sha256") for one in documents]
            else:
                assert same(summary["k"], value(row.config) if row.kind == "number_list" else expected)
                assert same(summary["more.k"], summary["k"])
        run.finish()


@pytest.mark.parametrize("row", ROWS, ids=by_row)
def test_a_config_keeps_it_too(tmp_path: Path, row: Row) -> None:
    if row.config == "refused":
        with pytest.raises(mt.InputError) as caught:
            mt.Run(tmp_path / "run", config={"k": value(row.example)})
        assert all(problem.path.startswith('config["k"]') for problem in caught.value.problems)
        return
    run = mt.Run(tmp_path / "run", config={"k": value(row.example), "nested": {"k": [value(row.example)]}})
    run.config["later"] = value(row.example)
    expected = value(row.config)
    for _ in ("live", "finished"):
        for config in (dict(run.config), mt.open_run(run.path).config):
            assert same(config, {"k": expected, "nested": {"k": [expected]}, "later": expected})
        run.finish()


@pytest.mark.parametrize("row", KEPT, ids=by_row)
def test_a_list_keeps_it_too(tmp_path: Path, row: Row) -> None:
    run = mt.Run(tmp_path / "run")
    data = {"k": [value(row.example), True]}  # with a bool it is no list of one kind
    if is_media(row):
        with pytest.raises(mt.InputError):
            run.log(data)
        return
    run.log(data)
    run.finish()
    ((_, found),) = mt.open_run(run.path).values("k")
    assert same(found, [value(row.config), True])


@pytest.mark.parametrize("row", REFUSED, ids=by_row)
def test_what_is_refused_is_refused_everywhere_with_the_fix_of_the_table(tmp_path: Path, row: Row) -> None:
    run = mt.Run(tmp_path / "run")
    for nested in (lambda v: v, lambda v: {"a": v}, lambda v: [[v]]):
        for log in (run.log, run.summary.update):
            with pytest.raises(mt.InputError) as caught:
                log({"good": 1, "k": nested(value(row.example))})
            for problem in caught.value.problems:
                assert problem.path.removeprefix("summary").removeprefix("log").startswith(('["k', '["a.k'))
                assert problem.hint in (row.result, "Convert it.", "Log a media value under its own key.")
                assert " at 0x" not in str(problem)
    assert mt.open_run(run.path).history().num_rows == 0
    assert dict(run.summary) == {}


def test_a_packed_call_of_numbers_does_not_take_a_duration_for_one(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    for amount, unit in ((1500, "ms"), (2, "s"), (3, "m"), ("NaT", "s")):
        run.log({"t": np.timedelta64(amount, unit)})  # type: ignore[call-overload]
    assert [v for _, v in mt.open_run(run.path).values("t")] == [1.5, 2.0, 180.0]
    assert not math.isnan(run.summary["t"])


# Several kinds of one key -----------------------------------------------------------------------------------------

_KINDS = FORMAT[FORMAT.index("The **kind** of a value:") : FORMAT.index("**Keys** are not empty.")]
PLAIN = [kind for kind in re.findall(r"^\| `(\w+)` \|", _KINDS, re.MULTILINE) if kind not in ("null", "media_list")]
# An example of each
FIRST = {row.kind: row for row in reversed(KEPT) if row.kind not in ("null", "leaves") and row.example != "[]"}
ORDER = [*PLAIN, *sorted(FIRST.keys() - set(PLAIN))]  # in which the kinds of a key have their columns


def test_every_kind_has_an_example() -> None:
    assert PLAIN == ["number", "integer", "boolean", "string", "number_list", "string_list", "json"]
    assert set(FIRST) == {*PLAIN, "tensor", "histogram", "image", "media_list"}


@pytest.mark.parametrize("turn", [1, -1])
def test_each_two_kinds_of_a_key_have_a_column_each(tmp_path: Path, turn: int) -> None:
    pairs = [(one, other) for i, one in enumerate(ORDER) for other in ORDER[i + 1 :]]
    run = mt.Run(tmp_path / "run")
    for at in (0, 1):
        run.log({f"{one}/{other}": value(FIRST[(one, other)[::turn][at]].example) for one, other in pairs})
    run.log({f"{one}/{other}": None for one, other in pairs})
    run.finish()
    view = mt.open_run(run.path)
    assert view.keys() == {f"{one}/{other}": (one, other) for one, other in pairs}
    names = view.history().column_names
    for one, other in pairs:
        key = f"{one}/{other}"
        assert [name for name in names if name.split("#")[0] == key] == [key, f"{key}#{other}"]
        found, expected = list(view.values(key)), [value(FIRST[kind].result) for kind in (one, other)[::turn]]
        assert [step for step, _ in found] == [0, 1]
        assert all(same(v, wanted) for (_, v), wanted in zip(found, expected, strict=True)), key


def test_all_kinds_of_one_key_come_back_in_the_order_of_the_text(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    for kind in reversed(ORDER):
        run.log({"k": value(FIRST[kind].example)})
    for _ in ("live", "finished"):
        view = mt.open_run(run.path)
        assert view.keys() == {"k": tuple(ORDER)}
        assert view.history().column_names[3:] == ["k", *(f"k#{kind}" for kind in ORDER[1:])]
        found = [v for _, v in view.values("k")]
        assert all(same(v, value(FIRST[kind].result)) for v, kind in zip(found, reversed(ORDER), strict=True))
        assert same(view.summary["k"], found[-1])
        run.finish()


def test_twins_in_case_have_a_column_each_whatever_their_kinds(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"Loss": 1, "loss": "x", "LOSS": 2})
    run.log({"loss": 3.5, "Loss": [1], "net": {"Loss": 1}, "NET.loss": 2})
    for _ in ("live", "finished"):
        view = mt.open_run(run.path)
        expected = {"Loss": ("number", "number_list"), "loss": ("number", "string"), "LOSS": ("number",)}
        assert view.keys() == {**expected, "net.Loss": ("number",), "NET.loss": ("number",)}
        assert list(view.values("loss")) == [(0, "x"), (1, 3.5)]
        assert list(view.values("Loss")) == [(0, 1), (1, [1])]
        assert list(view.values("NET.loss")) == [(1, 2)]
        names = view.history().column_names
        assert len({name.lower() for name in names}) == len(names)
        run.finish()


def test_a_key_may_be_a_number_and_later_a_dict(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"loss": 1})
    run.log({"loss": {"train": 2, "Train": "x"}})
    run.finish()
    view = mt.open_run(run.path)
    assert view.keys() == {"loss": ("number",), "loss.train": ("number",), "loss.Train": ("string",)}
    assert [list(view.values(key)) for key in view.keys()] == [[(0, 1)], [(1, 2)], [(1, "x")]]  # noqa: SIM118


# Stand-ins for packages that are not installed ----------------------------------------------------------------------


class Torch(FakeTensor):
    """A tensor as `torch.Tensor` is read: by `tolist`, which one without data does not have."""

    def tolist(self) -> Any:
        if self.dtype == "meta":
            raise NotImplementedError("Cannot copy out of meta tensor; no data!")
        return self.array.tolist()


@pytest.mark.usefixtures("fake_torch")
def test_scalars_and_short_tensors_of_torch_are_numbers(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run", config={"t": Torch(np.array([1, 2])), "m": Torch(np.eye(2))})
    half = Torch(np.array(1.5), "torch.bfloat16")
    run.log(
        {"s": Torch(np.array(0.5)), "h": half, "v": Torch(np.arange(3)), "l": [half, 1], "t": Torch(np.ones((2, 2)))}
    )
    with pytest.raises(mt.InputError) as caught:
        run.log({"meta": Torch(np.array(0.0), "meta"), "c": Torch(np.array(1j))})
    reasons = [(problem.path, problem.hint) for problem in caught.value.problems]
    assert reasons == [
        ('log["meta"]', "Reading it failed: Cannot copy out of meta tensor; no data."),
        ('log["c"]', "Pass .real and .imag."),
    ]
    run.finish()
    view = mt.open_run(run.path)
    assert view.config == {"t": [1, 2], "m": [[1.0, 0.0], [0.0, 1.0]]}
    number, numbers = ("number",), ("number_list",)
    assert view.keys() == {"s": number, "h": number, "v": numbers, "l": numbers, "t": ("tensor",)}
    assert [list(view.values(key)) for key in "shvl"] == [[(0, 0.5)], [(0, 1.5)], [(0, [0, 1, 2])], [(0, [1.5, 1.0])]]


def test_objects_of_pydantic_and_msgspec_are_their_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class BaseModel:
        """As pydantic's: its iterator gives names and values."""

        def __init__(self, **fields: Any) -> None:
            self.fields = fields

        def __iter__(self) -> Any:
            return iter(self.fields.items())

    class Struct:
        """As msgspec's."""

        __struct_fields__ = ("depth", "inner")

        def __init__(self, *values: Any) -> None:
            self.depth, self.inner = values

    pydantic = ModuleType("pydantic")
    pydantic.BaseModel = BaseModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pydantic", pydantic)
    settings = BaseModel(lr=0.1, net=Struct(3, [BaseModel(a=1)]))
    with mt.Run(tmp_path / "run", config=settings) as run:
        run.log({"k": settings})
    view = mt.open_run(run.path)
    assert view.config == {"lr": 0.1, "net": {"depth": 3, "inner": [{"a": 1}]}}
    found = {key: list(view.values(key)) for key in view.keys()}  # noqa: SIM118
    assert found == {"k.lr": [(0, 0.1)], "k.net.depth": [(0, 3)], "k.net.inner": [(0, [{"a": 1}])]}


@pytest.mark.parametrize("place", ["log", "summary", "config", "table", "YAML"])
def test_a_value_of_too_many_items_is_one_problem(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.columns.plain_data.MAX_ITEMS", 1 << 12)
    value: Any = 1
    for _ in range(60):  # written out it has 2**60 items
        value = [value, value]
    laughs = ["a0: &a0 1", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60))]
    (tmp_path / "config.yaml").write_text("\n".join(laughs))
    with mt.Run(tmp_path / "run", capture=False) as run:
        takes: dict[str, Callable[[], Any]] = {
            "log": lambda: run.log({"a": value}),
            "summary": lambda: run.summary.update({"a": value}),
            "config": lambda: run.config.update({"a": value}),
            "table": lambda: mt.Table(columns=["a"], data=[[value]]),
            "YAML": lambda: run.config.update(tmp_path / "config.yaml"),
        }
        with pytest.raises(mt.InputError, match="expected at most 4096 items, got more") as caught:
            takes[place]()
    assert len(caught.value.problems) == 1

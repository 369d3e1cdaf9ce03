"""The table "What a logged value becomes" of the format text, row by row."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import mediatypes as mt

TEXT = (Path(__file__).parents[2] / "schemas" / "README.md").read_text("utf-8")
SECTION = TEXT[TEXT.index("### What a logged value becomes") : TEXT.index("## 9. history.parquet")]
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
                assert problem.hint in (row.result, "Log a media value under its own key.")
                assert " at 0x" not in str(problem)
    assert mt.open_run(run.path).history().num_rows == 0
    assert dict(run.summary) == {}


def test_a_packed_call_of_numbers_does_not_take_a_duration_for_one(tmp_path: Path) -> None:
    import numpy as np

    run = mt.Run(tmp_path / "run")
    for amount, unit in ((1500, "ms"), (2, "s"), (3, "m"), ("NaT", "s")):
        run.log({"t": np.timedelta64(amount, unit)})  # type: ignore[call-overload]
    assert [v for _, v in mt.open_run(run.path).values("t")] == [1.5, 2.0, 180.0]
    assert not math.isnan(run.summary["t"])

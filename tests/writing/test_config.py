"""What a run's config may come from, and what is said of what it cannot take."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
from collections import UserDict
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest

import mediatypes as mt
from mediatypes.upkeep.verify import check
from mediatypes.writing.config import plain_config

NESTED = {"lr": 1e-4, "net": {"depth": 3, "widths": [8, 16]}, "name": "a"}
YAML = "lr: 1e-4\nnet:\n  depth: 3\n  widths: [8, 16]\nname: a\n"
WANTED = "config: expected a mapping, namespace, dataclass, or the path of a YAML or JSON file, got"
PLAIN = "expected a number, text, bool, None, or a list or dict of these, got"


@dataclasses.dataclass
class Net:
    depth: int
    widths: tuple[int, ...]


@dataclasses.dataclass
class Settings:
    lr: float
    net: Net
    name: str


@attrs.define
class Attrs:
    lr: float
    net: Net
    name: str


class Flags:
    """As much of absl's FlagValues as is used."""

    def flag_values_dict(self) -> dict[str, Any]:
        return NESTED


class Keyed:
    """A mapping by its methods only, as ml_collections has it."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    def keys(self) -> Any:
        return self.data.keys()

    def __getitem__(self, key: str) -> Any:
        return self.data[key]


@pytest.fixture
def run(tmp_path: Path) -> mt.Run:
    return mt.Run(tmp_path / "run")


@pytest.fixture
def recording(tmp_path: Path) -> mt.Run:
    return mt.Run(tmp_path / "run", on_error="record")


def read_twice(run: mt.Run) -> dict[str, Any]:
    live = mt.open_run(run.path).config
    assert repr(live) == repr({key: run.config[key] for key in live})
    run.finish()
    assert mt.open_run(run.path).config == live
    return live


SOURCES = [
    NESTED,
    UserDict(NESTED),
    argparse.Namespace(**NESTED),
    SimpleNamespace(**NESTED),
    Settings(1e-4, Net(3, (8, 16)), "a"),
    Attrs(1e-4, Net(3, (8, 16)), "a"),
    Flags(),
    Keyed(NESTED),
    Keyed({**NESTED, "net": Keyed({"depth": np.int64(3), "widths": np.array([8, 16])})}),
    list(NESTED.items()),
]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: type(source).__name__)
@pytest.mark.parametrize("late", [False, True])
def test_a_config_comes_from_what_holds_settings(tmp_path: Path, source: Any, late: bool) -> None:
    run = mt.Run(tmp_path / "run", config=None if late else source)
    if late:
        run.config.update(source)
    assert read_twice(run) == NESTED


@pytest.mark.parametrize("name", ["c.yaml", "c.YML", "c.json"])
@pytest.mark.parametrize("form", [str, Path])
def test_a_config_comes_from_a_file(tmp_path: Path, name: str, form: Any) -> None:
    text = json.dumps(NESTED) if name.endswith("json") else YAML
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_twice(mt.Run(tmp_path / "run", config=form(tmp_path / name))) == NESTED


def test_yaml_values_are_what_they_look_like(tmp_path: Path) -> None:
    text = (
        "a: 1e-4\nb: 1E5\nc: -1.5e+3\nd: .nan\ne: -.inf\nf: 2020-01-02\ng: -0.0\nh: 1.5\ni: 7\nj: e5\nk: ~\nl: '1e-4'\n"
    )
    (tmp_path / "c.yaml").write_text(text + "m: 1e\nn: 0x10\no: &x {p: 1}\nq: {<<: *x, p: 2}\n")
    expected = {
        "a": 1e-4,
        "b": 1e5,
        "c": -1500.0,
        "d": math.nan,
        "e": -math.inf,
        "f": "2020-01-02",
        "g": -0.0,
        "h": 1.5,
    }
    expected |= {"i": 7, "j": "e5", "k": None, "l": "1e-4", "m": "1e", "n": 16, "o": {"p": 1}, "q": {"p": 2}}
    assert repr(read_twice(mt.Run(tmp_path / "run", config=tmp_path / "c.yaml"))) == repr(expected)


def test_json_as_python_writes_it_is_read(tmp_path: Path) -> None:
    data = {"nan": math.nan, "inf": math.inf, "seed": 2**128 - 1, "zero": -0.0}
    (tmp_path / "c.json").write_text(json.dumps(data))
    found = read_twice(mt.Run(tmp_path / "run", config=tmp_path / "c.json"))
    assert repr(dict(sorted(found.items()))) == repr(dict(sorted(data.items())))


def test_an_empty_yaml_file_is_an_empty_config(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("# nothing yet\n")
    assert read_twice(mt.Run(tmp_path / "run", config=tmp_path / "c.yaml")) == {}


def json_error(content: Any) -> str:
    """What this version of Python says of it."""
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads(content)
    return caught.value.msg


BINARY = "Decode it to text, or wrap it in a media value such as Image(data)."
NAMED = "expected an object of names and values, got"
BAD_FILES: list[tuple[str, bytes | None, str]] = [
    ("c.txt", b"", ": expected a file with the suffix .json, .yaml or .yml, got 'c.txt'. Check the path."),
    ("c.json", None, ": expected a file that can be read, got 'c.json': No such file or directory. Check the path."),
    ("c.json", b'{"a":\n1 2}', ": c.json: expected JSON, got {python} in line 2. Correct the file."),
    ("c.json", b"[1]", f": c.json: {NAMED} [1]. Name the values."),
    ("c.json", b'{"a": 1, "a": 2}', ": c.json: expected JSON, got the name 'a' twice in an object. Correct the file."),
    ("c.json", b"[" * 100_000, ": c.json: expected JSON, got nested too deeply. Correct the file."),
    ("c.json", b"\xff", ": c.json: expected JSON, got bytes that are not UTF-8. Correct the file."),
    ("c.json", b" " * 2**21, ": c.json: expected at most 1048576 bytes, got more. Pass the part that you need."),
    ("c.yaml", b"a: 1\na: 2\n", ": c.yaml: expected YAML, got the name 'a' twice in line 2. Correct the file."),
    ("c.yaml", b"a: [1\n", ": c.yaml: expected YAML, got expected ',' or ']', but got '<stream end>' in line 2. {fix}"),
    ("c.yaml", b"5", f": c.yaml: {NAMED} 5. Name the values."),
    ("c.yaml", b"{~: a}", ": expected keys that are text, got None. Use str(key)."),
    ("c.yaml", b"b: !!binary aGk=", f"[\"b\"]: {PLAIN} b'hi'. {BINARY}"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES, ids=range(len(BAD_FILES)))
def test_a_bad_file_is_refused_and_the_directory_stays_free(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(mt.InputError) as caught:
        mt.Run(tmp_path / "run", config=path)
    python = json_error(content) if "{python}" in message else ""
    assert str(caught.value) == "config" + message.replace("{python}", python).replace("{fix}", "Correct the file.")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "text",
    ["a: !!python/object/apply:os.system ['touch ran']\n", "a: !!python/name:os.system\n", "a: !!python/tuple [1]\n"],
)
def test_yaml_runs_no_code(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(mt.InputError, match="could not determine a constructor"):
        mt.Run(tmp_path / "run", config="c.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["c.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "a: &a [*a]\n",
        "[" * 5000,
    ],
    ids=["billions", "cycle", "deep"],
)
def test_yaml_without_an_end_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(mt.InputError, match=r"at most|nested") as caught:
        plain_config(tmp_path / "c.yaml")
    assert len(caught.value.problems) <= 100


def test_without_pyyaml_the_command_that_installs_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    (tmp_path / "c.yaml").write_text("a: 1\n")
    with pytest.raises(mt.MissingDependencyError, match=r"pip install 'mediatypes-ml\[yaml\]'"):
        mt.Run(tmp_path / "run", config=tmp_path / "c.yaml")
    run = mt.Run(tmp_path / "run", config=tmp_path / "c.yaml", on_error="record")
    assert [problem.code for problem in run.problems] == ["MissingDependencyError"]


def test_integers_of_a_config_are_exact_to_1024_bits(run: mt.Run) -> None:
    seeds = {"a": 2**64, "b": -(2**127), "c": 2**1023 - 1, "d": [2**1023 - 1], "e": -(2**1023)}
    run.config.update(seeds)
    with pytest.raises(mt.InputError, match=r'config\["f"\]: expected an integer of 1024 bits, .* Pass it as text'):
        run.config["f"] = 2**1023
    assert read_twice(run) == seeds


def test_a_keyword_of_wandb_is_no_key(run: mt.Run) -> None:
    run.config.update({"lr": 1}, allow_val_change=True)
    run.config.update({"lr": 2}, allow_val_change=False, seed=3)
    run.config.update(depth=4)
    run.config["allow_val_change"] = 5
    assert read_twice(run) == {"lr": 2, "seed": 3, "depth": 4, "allow_val_change": 5}


@pytest.mark.parametrize("source", [5, [1], "", b"c.yaml", object(), Net, {1}, [1, 2], True])
def test_what_is_no_mapping_is_refused(run: mt.Run, source: Any) -> None:
    with pytest.raises(mt.InputError, match=r"^config: expected") as caught:
        run.config.update(source)
    assert len(caught.value.problems) == 1
    assert " at 0x" not in str(caught.value)
    assert dict(run.config) == {}


def test_all_problems_of_a_config_are_told_at_once_and_nothing_is_set(run: mt.Run) -> None:
    bad = {
        "ok": 1,
        "net": {"act": math.sin, "ok": 2, (3,): 4},
        "list": [1, b"x", 2**1024],
        "image": mt.Histogram([1, 2]),
    }
    with pytest.raises(mt.InputError) as caught:
        run.config.update(bad)
    assert [str(problem) for problem in caught.value.problems] == [
        f'config["net"]["act"]: {PLAIN} the function math.sin. Pass its name, or what it returns when called.',
        'config["net"]: expected keys that are text, got (3,). Use str(key).',
        f"config[\"list\"][1]: {PLAIN} b'x'. Decode it to text, or wrap it in a media value such as Image(data).",
        f'config["list"][2]: expected an integer of 1024 bits, got {str(2**1024)[:57]}... Pass it as text.',
        'config["image"]: expected plain data, got Histogram(64 bins from 1 to 2). '
        "Log a media value under its own key.",
    ]
    assert dict(run.config) == {}
    run.finish()
    assert mt.open_run(run.path).config == {}


def test_recording_sets_what_is_good_of_a_config(tmp_path: Path) -> None:
    bad = {"ok": 1, "net": {"act": math.sin, "ok": 2}, "list": [1, b"x"]}
    run = mt.Run(tmp_path / "run", config=bad, on_error="record")
    run.config.update({"late": 5, "worse": object()})
    run.config.update(5)
    run.config["bad"] = b""
    run.config.update("missing.yaml")
    paths = ['config["net"]["act"]', 'config["list"][1]', 'config["worse"]', "config", 'config["bad"]', "config"]
    assert [problem.path for problem in run.problems] == paths
    assert [problem.path for problem in mt.open_run(run.path).problems] == paths
    assert read_twice(run) == {"ok": 1, "net": {"ok": 2}, "late": 5}
    assert [problem.path for problem in mt.open_run(run.path).problems] == paths


def test_recording_sets_what_is_good_of_a_summary(recording: mt.Run) -> None:
    recording.summary.update({"ok": 1, "bad": object(), "net": {"ok": 2, "bad": [b""]}, "image": mt.Histogram([1])})
    recording.summary["worse"] = math.sin
    paths = ['summary["bad"]', 'summary["net.bad"][0]', 'summary["worse"]']
    for _ in ("live", "finished"):
        view = mt.open_run(recording.path)
        assert [problem.path for problem in view.problems] == paths
        assert {"ok", "net.ok", "image"} <= view.summary.keys()
        assert not {"bad", "net.bad", "worse"} & view.summary.keys()
        recording.finish()


def test_a_summary_tells_all_problems_at_once(run: mt.Run) -> None:
    with pytest.raises(mt.InputError) as caught:
        run.summary.update({"a": object(), "b": {"c": [b"", math.sin]}, (1,): 2, "d.e": 1, "d": {"e": 2}})
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["summary", 'summary["a"]', 'summary["b.c"][0]', 'summary["b.c"][1]', 'summary["d.e"]']
    assert dict(run.summary) == {}


@pytest.mark.parametrize("key", ["_step", "_runtime", "_timestamp"])
def test_a_summary_does_not_take_what_every_row_has(run: mt.Run, key: str) -> None:
    with pytest.raises(mt.InputError) as caught:
        run.summary[key] = 5.0
    message = f"expected a key of your own, got {key!r}. Every row and summary has it."
    assert str(caught.value) == f'summary["{key}"]: {message}'


def test_a_summary_is_set_from_what_holds_names_and_values(run: mt.Run) -> None:
    run.summary.update(Settings(1e-4, Net(3, (8, 16)), "a"), best=1)
    run.summary.update([("pair", 2)])
    assert dict(run.summary) == {"lr": 1e-4, "net.depth": 3, "net.widths": [8, 16], "name": "a", "best": 1, "pair": 2}
    for source in (5, "c.yaml", [1], object()):
        with pytest.raises(mt.InputError, match=r"^summary: expected a mapping, namespace or dataclass, got"):
            run.summary.update(source)


@pytest.mark.parametrize("stamp", ["now", math.nan, math.inf, True, None, 2**60])
def test_a_time_stamp_is_finite_seconds(run: mt.Run, stamp: Any) -> None:
    with pytest.raises(mt.InputError) as caught:
        run.log({"a": 1, "_timestamp": stamp})
    message = f"expected finite seconds since 1970, got {stamp!r}. Use datetime.timestamp(), or leave it out."
    assert str(caught.value) == f'log["_timestamp"]: {message}'


class Broken:
    """A mapping whose items cannot be read."""

    def keys(self) -> list[str]:
        return ["a"]

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("no such luck")


def test_an_object_that_cannot_be_read_is_refused_by_name(run: mt.Run) -> None:
    reason = f"expected a value that can be read, got an object of {__name__}.Broken. Reading it failed: no such luck."
    for change, where in (
        (lambda: run.log({"k": Broken(), "j": [Broken()]}), 'log["k"]'),
        (lambda: run.config.update(k=Broken()), 'config["k"]'),
        (lambda: run.summary.update(k=Broken()), 'summary["k"]'),
    ):
        with pytest.raises(mt.InputError) as caught:
            change()
        assert str(caught.value.problems[0]) == f"{where}: {reason}"
    with pytest.raises(mt.InputError) as caught:
        run.config.update(Broken())
    assert str(caught.value) == f"config: {reason}"


def test_a_pipe_is_no_config_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.yaml")
    with pytest.raises(mt.InputError, match=r"^config: expected a file that can be read, got 'c.yaml': not a regular"):
        mt.Run(tmp_path / "run", config=tmp_path / "c.yaml")


def nested(depth: int, leaf: Any = 1) -> dict[str, Any]:
    data: Any = leaf
    for _ in range(depth):
        data = {"a": data}
    return {"a": data}  # type: ignore[no-any-return]


def cyclic() -> dict[str, Any]:
    data: dict[str, Any] = {"good": 1}
    data["self"] = [data]
    return data


def test_data_nested_64_deep_is_taken_and_read_everywhere(tmp_path: Path) -> None:
    deep = nested(63)
    run = mt.Run(tmp_path / "run", config=deep)
    inner = nested(62)["a"]
    run.log({"k": [inner], "t": mt.Table(["c"], [[[inner]]])})
    run.summary["k"] = [inner]
    run.log(deep)
    for _ in ("live", "finished"):
        view = mt.open_run(run.path)
        assert view.config == deep
        assert view.summary["k"] == [inner]
        assert next(view.values("k")) == (0, [inner])
        assert next(view.values("t"))[1].get_column("c") == [[inner]]
        assert list(view.values(".".join("a" * 64))) == [(1, 1)]
        run.finish()
    assert not check(run.path, deep=True).problems


@pytest.mark.parametrize("data", [nested(64), nested(66), nested(250), nested(5000), cyclic()], ids=range(5))
def test_data_nested_deeper_or_in_itself_are_refused_everywhere(tmp_path: Path, data: dict[str, Any]) -> None:
    with pytest.raises(mt.InputError, match="nested at most 64 deep"):
        mt.Run(tmp_path / "run", config=data)
    run = mt.Run(tmp_path / "run")
    for refused in (
        lambda: run.config.update(data),
        lambda: run.log(data),
        lambda: run.log({"k": [data]}),
        lambda: run.summary.update(data),
        lambda: run.summary.update({"k": [data]}),
        lambda: mt.Table(["a"], [[data]]),
        lambda: mt.Table(["a"], [[[data]]]),
    ):
        with pytest.raises(mt.InputError, match="nested at most 64 deep"):
            refused()
    recording = mt.Run(tmp_path / "recording", config=data, on_error="record")
    recording.log({"k": [data], "loss": 1})
    recording.summary.update({"k": [data], "best": 1})
    assert len(recording.problems) >= 3
    recording.finish()
    view = mt.open_run(recording.path)
    assert list(view.values("loss")) == [(0, 1)]
    assert {key for key in view.summary if key[0] != "_"} == {"loss", "best"}
    assert not check(recording.path, deep=True).problems


def test_keys_that_are_no_text_are_as_json_writes_them(run: mt.Run) -> None:
    phase = Enum("Phase", {"TRAIN": "train"})
    data = {0: "cat", 0.5: 4, np.int64(1): "dog", phase.TRAIN: 3}
    expected = {"0": "cat", "0.5": 4, "1": "dog", "train": 3}
    run.config.update({"id2label": data})
    run.log({"names": data, "list": [data, {False: 1}]})
    run.summary.update({"names": data})
    assert read_twice(run) == {"id2label": expected}
    view = mt.open_run(run.path)
    assert json.loads(json.dumps({False: 1})) == {"false": 1}
    assert next(view.values("list")) == (0, [expected, {"false": 1}])
    assert {key: view.summary[f"names.{key}"] for key in expected} == expected


def test_keys_of_one_text_are_refused(run: mt.Run) -> None:
    twins = {1: "a", "1": "b"}
    message = "expected keys that differ as text, got 1 and '1'. Rename one of them."
    for change, where in (
        (lambda: run.config.update(names=twins), 'config["names"]'),
        (lambda: run.log({"names": twins}), 'log["names"]'),
        (lambda: run.log(twins), "log"),
        (lambda: run.summary.update({"k": [twins]}), 'summary["k"][0]'),
        (lambda: mt.Table(["a"], [[twins]]), "Table.data[0]['a']"),
    ):
        with pytest.raises(mt.InputError) as caught:
            change()
        assert str(caught.value) == f"{where}: {message}"

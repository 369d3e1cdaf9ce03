"""The shipped test kit, used as an embedding tracker uses it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.testing import SinkContract, assert_document, assert_logged
from mediatypes.testing.logged import differences

pytest_plugins = ["pytester"]

BOXES = {
    "pred": mt.BoundingBoxes2D.from_xyxy([[1, 1, 9, 9], [2, 2, 5, 5]], domain="pixel"),
    "truth": mt.BoundingBoxes2D.from_xyxy([[1, 1, 9, 9]], domain="pixel"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> mt.Run:
    picture = np.zeros((20, 30, 3), np.uint8)
    masks = {"road": {"mask_data": np.zeros((20, 30), np.uint8)}}
    with mt.Run(tmp_path_factory.mktemp("runs") / "run") as run:
        run.log({"loss": 0.5, "img": mt.Image(picture, caption="first", boxes=BOXES, masks=masks)})
        run.log({"loss": float("nan"), "img": mt.Image(picture), "note": "ok", "flags": [1, 2]})
        run.log({"batch": [mt.Image(picture, caption="a"), mt.Image(picture, caption="b")], "nested": {"x": 1}})
        run.log({"loss": "diverged", "mixed": [mt.Image(picture), mt.Histogram([1, 2], num_bins=2)]})
    return run


PASS: dict[str, tuple[str, dict[str, Any]]] = {
    "the key alone": ("img", {}),
    "a type": ("img", {"type": "image"}),
    "boxes over all sets": ("img", {"type": "image", "boxes": 3}),
    "boxes of each set": ("img", {"boxes": {"pred": 2, "truth": 1}}),
    "no boxes": ("img", {"boxes": 0, "step": 1}),
    "masks": ("img", {"masks": 1, "step": 0}),
    "members": ("img", {"caption": "first", "width": 30, "height": 20, "format": "png"}),
    "an absent member": ("img", {"caption": None, "step": 1}),
    "how many of all": ("img", {"count": 2}),
    "how many of those that match": ("img", {"count": 1, "caption": "first"}),
    "none": ("img", {"count": 0, "caption": "second"}),
    "items of a list": ("batch", {"type": "image", "count": 2}),
    "one item of a list": ("batch", {"caption": "b", "count": 1}),
    "items of several types": ("mixed", {"type": "histogram", "values": 2}),
    "a media value": ("img", {"value": mt.Image(np.zeros((20, 30, 3), np.uint8))}),
    "a number": ("loss", {"type": "number", "value": 0.5, "step": 0}),
    "nearly a number": ("loss", {"value": pytest.approx(0.49, abs=0.1)}),
    "NaN": ("loss", {"value": float("nan"), "step": 1}),
    "a key of two kinds": ("loss", {"type": "string", "value": "diverged", "step": 3}),
    "a text": ("note", {"type": "string", "value": "ok"}),
    "a list": ("flags", {"type": "number_list", "value": [1, 2]}),
    "a list as an array": ("flags", {"value": np.array([1, 2])}),
    "a nested key": ("nested.x", {"value": 1}),
}


@pytest.mark.parametrize(("key", "expected"), PASS.values(), ids=PASS)
def test_what_was_logged_passes(run: mt.Run, key: str, expected: dict[str, Any]) -> None:
    assert_logged(run, key, **expected)


FAIL: dict[str, tuple[str, dict[str, Any], str]] = {
    "a misspelt key": (
        "imgs",
        {},
        'log["imgs"]: expected this key in the run, got the keys loss, img, note, flags, nested.x, batch, mixed. '
        "Did you mean 'img'?",
    ),
    "a key like no other": (
        "accuracy",
        {},
        'log["accuracy"]: expected this key in the run, got the keys loss, img, note, flags, nested.x, batch, mixed. '
        "Log it before the assertion.",
    ),
    "another type": (
        "note",
        {"type": "image", "boxes": 2},
        "log[\"note\"]: expected a value of type image with boxes=2, got string 'ok' at step 1. "
        "Log it, or expect what was logged.",
    ),
    "another number of boxes": (
        "img",
        {"boxes": 4, "masks": 1, "caption": "x"},
        "log[\"img\"]: expected a value with boxes=4, masks=1, caption='x', got image with boxes=3, masks=1, "
        "caption='first' at step 0; image with boxes=0, masks=0, caption=None at step 1. "
        "Log it, or expect what was logged.",
    ),
    "another step": (
        "img",
        {"step": 2},
        'log["img"]: expected a value at step 2, got nothing. Log it, or expect what was logged.',
    ),
    "a step that was never reached": (
        "img",
        {"step": 99, "type": "image"},
        'log["img"]: expected a value of type image at step 99, got nothing. Log it, or expect what was logged.',
    ),
    "another count": (
        "img",
        {"count": 3},
        'log["img"]: expected 3 values, got image at step 0; image at step 1. Log it, or expect what was logged.',
    ),
    "another number": (
        "loss",
        {"value": 0.25, "type": "number"},
        'log["loss"]: expected a value of type number with value=0.25, got number 0.5 at step 0; number nan at step 1; '
        "string 'diverged' at step 3. Log it, or expect what was logged.",
    ),
    "members of a number": (
        "loss",
        {"boxes": 0, "step": 0},
        'log["loss"]: expected a value with boxes=0 at step 0, got number 0.5 at step 0. '
        "Log it, or expect what was logged.",
    ),
}


@pytest.mark.parametrize(("key", "expected", "message"), FAIL.values(), ids=FAIL)
def test_what_was_not_logged_fails_and_says_what_was(
    run: mt.Run, key: str, expected: dict[str, Any], message: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_logged(run, key, **expected)
    assert str(caught.value) == message


def test_a_member_or_type_that_does_not_exist_is_refused(run: mt.Run) -> None:
    members = ", ".join(sorted(mt.schema("image")["properties"].keys() - {"_type", "_version"}))
    document = mt.encode(mt.Image(np.zeros((2, 2), np.uint8)), mt.MemoryStore())
    for wrong, close in {"captoin": " Did you mean 'caption'?", "zzz": ""}.items():
        text = f"expected members of image: {members}, got '{wrong}'.{close}"
        wrongly: list[dict[str, Any]] = [{wrong: "first"}, {wrong: None}, {wrong: 0}]
        wrongly += [{wrong: 1, "count": 0}, {wrong: 1, "type": "image"}]
        for expected in wrongly:
            with pytest.raises(TypeError, match=re.escape(f"assert_logged: {text}") + "$"):
                assert_logged(run, "img", **expected)
        with pytest.raises(TypeError, match=re.escape(f"assert_document: {text}") + "$"):
            assert_document(document, **{wrong: None})
    with pytest.raises(
        TypeError, match=r"assert_logged: expected type to be one of .*'imgae'. Did you mean 'image'\?$"
    ):
        assert_logged(run, "img", type="imgae", count=0)
    with pytest.raises(TypeError, match=r"members of histogram or image: .*, got 'bxoes'. Did you mean 'boxes'\?$"):
        assert_logged(run, "mixed", bxoes=None)


def test_members_of_a_type_that_is_not_known_are_taken_as_they_are(tmp_path: Path) -> None:
    class Foreign:
        def __media__(self, sink: object) -> dict[str, Any]:
            return {"_type": "vendor_thing", "_version": "1.0", "size_x": 3}

    with mt.Run(tmp_path / "run") as run:
        run.log({"thing": Foreign()})
    assert_logged(run, "thing", type="vendor_thing", size_x=3, other=None)


def test_only_the_first_ten_values_are_listed(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        for step in range(12):
            run.log({"loss": step})
    with pytest.raises(AssertionError, match=r"number 9 at step 9; and 2 more\. Log it"):
        assert_logged(run, "loss", value=99)


def test_a_list_with_a_gap_is_equal_to_one(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"gaps": [1, float("nan")]})
    assert_logged(run, "gaps", value=(1, float("nan")))
    with pytest.raises(AssertionError):
        assert_logged(run, "gaps", value=[1, 2])


def test_no_value_of_a_key_that_was_never_logged_is_none(run: mt.Run) -> None:
    assert_logged(run, "never", count=0)
    with pytest.raises(AssertionError, match="expected this key in the run"):
        assert_logged(run, "never")


def test_a_run_a_view_and_a_path_are_accepted(run: mt.Run) -> None:
    for described in (run, mt.open_run(run.path), run.path, str(run.path)):
        assert_logged(described, "img", type="image", boxes=3)


def test_an_open_run_is_read_as_it_stands(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"loss": 1.0})
        assert_logged(run, "loss", value=1.0, count=1)
        run.log({"loss": 2.0})
        assert_logged(run, "loss", count=2)


def test_a_directory_without_a_run_is_no_failed_assertion(tmp_path: Path) -> None:
    with pytest.raises(mt.StoreError):
        assert_logged(tmp_path, "loss")


def test_the_plugin_offers_the_fixture_and_readable_differences(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import numpy as np
        import mediatypes as mt

        def test_pass(assert_logged, tmp_path):
            with mt.Run(tmp_path / "run") as run:
                run.log({"loss": 1.0})
            assert_logged(run, "loss", type="number")

        def test_fail(assert_logged, tmp_path):
            with mt.Run(tmp_path / "run") as run:
                run.log({"loss": 1.0})
            assert_logged(run, "loss", type="image", boxes=2)

        def test_values():
            image = np.zeros((4, 6), np.uint8)
            assert mt.Image(image, caption="a") == mt.Image(image, caption="b")
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            '>       assert_logged(run, "loss", type="image", boxes=2)',
            "E       AssertionError: log??loss??: expected a value of type image with boxes=2, got number 1.0 at *",
            "E         caption: 'a' != 'b'",
        ]
    )
    result.stdout.no_fnmatch_line("*mediatypes/testing/logged.py*")


TYPE = """
import hashlib
import json
from dataclasses import dataclass
import mediatypes as mt
from mediatypes.declare import Document, Field, Integer, Text, reference

GRID = Document("acme_grid", "1.0", "A grid.", (
    *reference(),
    Field("rows", Integer(1), "Rows."),
    Field("caption", Text(), "Caption.", required=False),
))


@dataclass(frozen=True)
class Grid:
    cells: bytes
    rows: int
    caption: str | None = None
    later: str = "{}"  # JSON of members that a later version added

    def __media__(self, sink):
        found = {"sha256": hashlib.sha256(self.cells).hexdigest(), "size": len(self.cells), "media_type": "x/grid"}
        path = sink.put(self.cells, suffix=".bin", **found)
        document = {"_type": "acme_grid", "_version": "1.0", "path": path, **found, "rows": self.rows}
        document |= {} if self.caption is None else {"caption": self.caption}
        return document | json.loads(self.later)

    @classmethod
    def __from_media__(cls, document, source):
        with source.open(document["path"]) as file:
            cells = file.read()
        if hashlib.sha256(cells).hexdigest() != document["sha256"]:
            raise mt.HashMismatch("changed")
        later = {name: item for name, item in document.items() if name not in GRID.names}
        if document["_version"] != "1.0":
            later["_version"] = document["_version"]
        return cls(cells, document["rows"], document.get("caption"), json.dumps(later))


mt.register("acme_grid", Grid, GRID)
"""

CONTRACT = """
from acme import Grid
from mediatypes.testing import ValueContract

class TestGrid(ValueContract):
    def examples(self):
        return {"small": Grid(b"abcd", 2), "with caption": Grid(b"xy", 1, "caption")}

    def bad_documents(self):
        return {"no rows": ({"rows": 0}, "rows: expected an integer >= 1, got 0.")}
"""


def run_contract(pytester: pytest.Pytester, type: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(acme=type)
    return pytester.runpytest_subprocess(pytester.makepyfile(CONTRACT), "-p", "no:cacheprovider", "-q", *options)


def test_a_type_of_somebody_else_passes_the_contract(pytester: pytest.Pytester) -> None:
    import jsonschema  # noqa: F401  # the contract needs it, in a process of its own

    talkative = f"print('welcome')\n{TYPE}"  # as some packages are when they are imported
    outcome = run_contract(pytester, talkative).parseoutcomes()
    assert set(outcome) == {"passed"}
    assert outcome["passed"] > 40


BROKEN = {
    "never equal": ("@dataclass(frozen=True)", "@dataclass(frozen=True, eq=False)", "gives_the_value_back"),
    "always equal": ("    def __media__", "    __eq__ = lambda *both: True\n    def __media__", "examples_differ"),
    "not frozen": ("@dataclass(frozen=True)", "@dataclass(unsafe_hash=True)", "assignment_is_refused"),
    "not hashable": ("    def __media__", "    __hash__ = None\n    def __media__", "same_dict_key"),
    "random bytes": ('"rows": self.rows', '"rows": self.rows + hash("x") % 2**40', "in_another_process"),
    "an import": ("        with source", "        import pandas\n        with source", "no_optional_package"),
    "a wrong size": ('"size": len(self.cells)', '"size": 9', "references_describe"),
    "a wrong suffix": ('".bin"', '".BIN file"', "sink_of_another_tracker"),
    "no check of the hash": ('raise mt.HashMismatch("changed")', "pass", "changed_sidecar"),
    "a forgotten caption": ('document.get("caption")', "None", "gives_the_value_back"),
    "a forgotten member": ("json.dumps(later))", '"{}")', "members_of_a_later_minor_version"),
    "a forgotten version": ('later["_version"] = ', "unused = ", "a_later_minor_version_is_read"),
    "another schema": ("Integer(1)", "Strange(1)", "checker_agrees_with_the_schema"),
}
STRANGE = "class Strange(Integer):\n    def json_schema(self): return {}\n\nGRID = "


@pytest.mark.parametrize(("good", "bad", "test"), BROKEN.values(), ids=BROKEN)
def test_a_broken_type_fails_the_contract(pytester: pytest.Pytester, good: str, bad: str, test: str) -> None:
    assert good in TYPE
    result = run_contract(pytester, TYPE.replace("GRID = ", STRANGE, 1).replace(good, bad, 1), "-k", test)
    assert result.parseoutcomes()["failed"] >= 1


def test_without_jsonschema_the_contract_names_the_command(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules['jsonschema'] = None")
    result = run_contract(pytester, TYPE, "-k", "checker_agrees")
    result.stdout.fnmatch_lines(
        ["*ValueContract: expected the package 'jsonschema', got none. Install it with: pip install *testing*"]
    )


def test_the_page_about_testing_says_what_pytest_prints(pytester: pytest.Pytester) -> None:
    page = Path(__file__).parents[1].joinpath("docs", "testing.md").read_text("utf-8")
    code = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    [printed] = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    pytester.makepyfile("\n\n".join(code))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=3)
    said = " ".join(line.removeprefix("E").strip() for line in result.outlines if line.startswith("E "))
    assert [line for line in printed.splitlines() if line not in said] == []


def test_the_plugin_loads_no_third_party_module_but_pytest() -> None:
    code = (
        "import sys, json, pytest; before = set(sys.modules)\n"
        "import mediatypes.testing.plugin\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(json.loads(done.stdout)) - sys.stdlib_module_names == {"mediatypes"}


class TestDirectoryStoreAsASink(SinkContract):
    def sink(self, folder: Path) -> mt.DirectoryStore:
        return mt.DirectoryStore(folder)


class TestMemoryStoreAsASink(SinkContract):
    def sink(self, folder: Path) -> mt.MemoryStore:
        return mt.MemoryStore()

    def reopened(self, folder: Path, sink: Any) -> Any:
        return sink


SINK = """
import hashlib
from mediatypes.testing import SinkContract

class Bucket:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def put(self, data, *, suffix, media_type, sha256, size):
        file = self.folder / (sha256 + suffix)
        file.write_bytes(data if isinstance(data, bytes) else data.read_bytes())
        return "bucket://x/" + file.name

    def open(self, path):
        return open(self.folder / path.rsplit("/", 1)[1], "rb")

class TestBucket(SinkContract):
    def sink(self, folder):
        return Bucket(folder)
"""
BROKEN_SINKS = {
    "returns a path object": ('"bucket://x/" + file.name', "file", "text_to_write_down"),
    "takes the user's file away": ("data.read_bytes()", "data.rename(file).read_bytes()", "given_by_its_path"),
    "keeps the path": ("data.read_bytes()", "str(data).encode()", "given_by_its_path"),
    "names by size": ("(sha256 + suffix)", 'f"{size}{suffix}"', "do_not_replace"),
    "forgets": (
        "self.folder = folder",
        "self.folder = folder / str(id(self))\n        folder.mkdir(exist_ok=True); folder = self.folder",
        "another_process",
    ),
    "refuses equal bytes": ("file.write_bytes(", "file.touch(exist_ok=False); file.write_bytes(", "put_again"),
    "invents": (
        'return open(self.folder / path.rsplit("/", 1)[1], "rb")',
        'import io; return io.BytesIO(b"")',
        "is_missing",
    ),
    "adds a line": ("data if isinstance", 'data + b"\\n" if isinstance', "values_come_back"),
}


def test_a_good_sink_passes_the_contract_and_broken_ones_fail_it(pytester: pytest.Pytester) -> None:
    modules = {"test_good": SINK}
    for i, (good, bad, _) in enumerate(BROKEN_SINKS.values()):
        assert good in SINK
        modules[f"test_broken_{i}"] = SINK.replace(good, bad, 1)
    pytester.makepyfile(**modules)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q", "-rf")
    failed = [line for line in result.outlines if line.startswith("FAILED ")]
    assert not [line for line in failed if "test_good" in line]
    for i, (name, (_, _, test)) in enumerate(BROKEN_SINKS.items()):
        assert [line for line in failed if f"test_broken_{i}.py" in line and test in line], name
    assert result.parseoutcomes()["passed"] >= 19


def test_a_document_is_as_described() -> None:
    store, image = mt.MemoryStore(), mt.Image(np.zeros((20, 30, 3), np.uint8), boxes=BOXES)
    document = mt.encode(image, store)
    assert_document(document, type="image", boxes=3, width=30, masks=0)
    assert_document(json.dumps(document), boxes={"pred": 2, "truth": 1}, value=image, source=store)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"type": "video"}, "expected one of type video, got image. "),
        ({"boxes": 2}, "expected one with boxes=2, got image with boxes=3. "),
        (
            {"type": "image", "caption": "x"},
            "expected one of type image with caption='x', got image with caption=None. ",
        ),
        ({"source": mt.MemoryStore()}, "expected a valid document, got "),
    ]
    for expected, message in cases:
        with pytest.raises(AssertionError, match=rf"^document: {message}"):
            assert_document(document, **expected)
    for bad in ({**document, "width": 0}, {"_type": "image"}, {"a": 1}, "{", None, []):
        with pytest.raises(AssertionError, match=r"^document: expected a valid document, got "):
            assert_document(bad)
    with pytest.raises(TypeError, match="expected source= beside value="):
        assert_document(document, value=image)


def test_the_example_of_register_passes_the_contract(pytester: pytest.Pytester) -> None:
    import doctest

    import jsonschema  # noqa: F401  # the contract needs it, in a process of its own

    lines = [example.source for example in doctest.DocTestParser().get_examples(mt.register.__doc__ or "")]
    pytester.makepyfile(note="".join(lines))
    contract = """
        from note import Note
        from mediatypes.testing import ValueContract

        class TestNote(ValueContract):
            def examples(self):
                return {"a": Note("a"), "b": Note("b")}
        """
    outcome = pytester.runpytest_subprocess(
        pytester.makepyfile(contract), "-p", "no:cacheprovider", "-q"
    ).parseoutcomes()
    assert outcome["passed"] > 30
    assert "failed" not in outcome


def test_a_list_of_media_is_of_the_type_of_what_is_in_it(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", quiet=True, capture=False) as run:
        run.log({"photos": [mt.Image(np.zeros((2, 2), np.uint8))] * 2})
    mt.testing.assert_logged(tmp_path / "run", "photos", type="image")
    with pytest.raises(TypeError, match="expected the type of what is in the list, such as 'image', got 'media_list'"):
        mt.testing.assert_logged(tmp_path / "run", "photos", type="media_list")


def test_differences_name_the_first_value_that_differs() -> None:
    pixels = np.zeros((4, 6), np.uint8)
    other = pixels.copy()
    other[1, 2], other[3, 5] = 7, 9
    first = lambda left, right: differences(left, right)[0]  # noqa: E731
    assert first(mt.Image(pixels), mt.Image(other)) == "values: 2 of 24 differ, first at (1, 2): 0 != 7"
    assert first(mt.Image(pixels), mt.Image(pixels[:2])) == "values: shape (4, 6) != (2, 6)"
    numbers = np.array([np.nan, 1.0, 2.0])
    assert first(mt.Tensor(numbers), mt.Tensor([np.nan, 1.0, 2.5])) == "values: 1 of 3 differ, first at 2: 2.0 != 2.5"
    rows = [[1, "x", float("nan")], [2, "y", 0.5]]
    left, right = (mt.Table(columns=["a", "b", "c"], data=[rows[0], [2, last, 0.5]]) for last in "yz")
    assert first(left, right) == "cells: 1 of 6 differ, first row 1, column 'b': 'y' != 'z'"
    assert first(mt.Image(pixels, caption="a"), mt.Image(pixels, caption="b")) == "caption: 'a' != 'b'"

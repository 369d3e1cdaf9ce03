"""The examples in schemas/README.md are what our own writer makes, and our reader reads."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import mediatypes as mt
from mediatypes._core.canonical import dumps
from mediatypes.journal import frames
from mediatypes.journal.reader import JournalReader, Notes
from mediatypes.runfolder.files import RUN_JSON
from mediatypes.runfolder.schema import COLUMNS

TEXT = (Path(__file__).parents[1] / "schemas" / "README.md").read_text("utf-8")
_EXAMPLE = re.compile(r"<!-- example: ([^\n]+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = dict(_EXAMPLE.findall(TEXT))


def example(name: str) -> Any:
    return json.loads(EXAMPLES[name])


def test_there_is_an_example_of_each_file() -> None:
    assert list(EXAMPLES) == ["image document", "run.json", "journal", "footer"]


def test_the_document_follows_its_schema() -> None:
    document = example("image document")
    mt.validate(document)
    assert document["boxes"]["pred"]["count"] == sum(document["boxes"]["pred"]["class_counts"].values())


def test_run_json_has_the_members_that_a_run_writes(tmp_path: Path) -> None:
    run = example("run.json")
    assert list(RUN_JSON.check(run)) == []
    with mt.Run(tmp_path / "run", project="drive", tags=["baseline"], config=run["config"]) as written:
        written.define_metric("val/*", "epoch", summary="max", goal="maximize")
        written.summary["verdict"] = "keep"
    found = json.loads((written.path / "run.json").read_text())
    assert found.keys() == run.keys()
    for name in ("format", "project", "tags", "config", "metrics", "summary_overrides"):
        assert found[name] == run[name]


def test_the_bytes_of_the_journal_are_three_calls() -> None:
    lines = EXAMPLES["journal"].splitlines()
    data = bytes.fromhex("".join(line.partition("#")[0] for line in lines))
    notes = Notes()
    (batch,) = JournalReader(Path("0001-0.log"), BytesIO(data), notes).read(len(data))
    assert notes.damage == []
    assert batch.steps.tolist() == [0, 1, 2]
    values = {column: (v.calls.tolist(), list(v.values), v.integral) for column, v in batch.columns.items()}
    assert values == {
        ("loss", "number"): ([0, 1], [0.5, 0.25], False),
        ("epoch", "number"): ([0, 1], [1.0, 2.0], True),
        ("loss", "string"): ([2], ["diverged"], False),
    }
    header = json.loads(next(line for line in lines if '"format"' in line).partition("# ")[2])
    layout = frames.Layout(1, ("loss", "epoch"), "dq")
    start = frames.MAGIC + frames.json_frame(frames.HEADER, header) + layout.declaration()
    assert data.startswith(start)
    assert data.endswith(frames.call_frame(2, 1767225603.0, [("loss", "string", "diverged")]))


def test_the_footer_is_that_of_the_journal(tmp_path: Path) -> None:
    footer = example("footer")
    assert list(COLUMNS.check(footer["columns"], "columns")) == []
    with mt.Run(tmp_path / "demo") as run:
        run.log({"loss": 0.5, "epoch": 1})
        run.log({"loss": 0.25, "epoch": 2})
        run.log({"loss": "diverged"})
    found = json.loads(pq.read_metadata(run.path / "history.parquet").metadata[b"mediatypes"])
    assert [problem["code"] for problem in found.pop("problems")] == ["kinds"]
    assert found.keys() == footer.keys()
    for name in ("calls", "columns", "format", "status", "name", "config", "tags"):
        assert dumps(found[name]) == dumps(footer[name])
    assert {k: v for k, v in found["summary"].items() if k in ("loss", "epoch", "_step")} == {
        k: v for k, v in footer["summary"].items() if k in ("loss", "epoch", "_step")
    }

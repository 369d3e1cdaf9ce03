"""Makes `schemas/conformance`: run folders in every state of the format, and what a reader gives of each.

    python -m tests.conformance

writes the set anew. The expected values come from our reader; `tests/second_reader.py`, made from the text alone,
agrees.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import mediatypes as mt
from mediatypes._core import canonical
from mediatypes._core.references import references
from mediatypes.columns.cells import is_media_kind
from mediatypes.journal import frames
from mediatypes.runfolder.content import RunContent
from tests.golden import make

ROOT = Path(__file__).parents[1] / "schemas" / "conformance"
WRITER = {"host": "conformance.example", "pid": 1, "began": None}  # no process of any machine
DAMAGE = ("torn", "checksum", "frame", "order", "lost")


def log_all(run: mt.Run) -> None:
    """Calls of most kinds, several for a step, and values that are replaced in their row."""
    run.define_metric("val/*", "epoch", summary="min,mean", goal="minimize")
    for i in range(20):
        run.log({"loss": 1 / (i + 1), "epoch": i, "val/acc": i / 8 if i != 7 else math.nan})
    run.log({"loss": 7, "x": 1}, commit=False)
    run.log({"loss": "diverged", "x": 0.5}, commit=False)
    run.log({"x": 2})
    run.log({"huge": 2**60 + 1, "flag": True, "note": "é\n", "none": None, "floats": [1, None, -math.inf]}, step=100)
    run.log({"words": ["a", None], "mixed": [1, "a", {"b": [math.nan]}], "empty": {}, "e": [], "f": []})
    run.log({"f": [2], "net": {"depth": 4}, "h": mt.Histogram([1, 2, 2], num_bins=2)})
    run.log({"gallery": [mt.Histogram([1]), mt.Html("<p>hi</p>")], "page": mt.Html("<b>page</b>")})
    run.summary["verdict"] = "keep"
    run.summary["list"] = [1, "a"]


def log_types(run: mt.Run) -> None:
    """The smallest golden value of each type, alone and in lists."""
    for tag in sorted({path.parts[-3] for path in make.ROOT.glob("*/1.0/*")}):
        cases = list(make.ROOT.glob(f"{tag}/1.0/*"))
        case = min(cases, key=lambda path: (sum(file.stat().st_size for file in path.rglob("*")), path.name))
        value = mt.decode(json.loads((case / "document.json").read_bytes()), mt.DirectoryStore(case))
        run.log({tag: value, "any": value, "list": [value, mt.Histogram([1])]})


def log_evil(run: mt.Run) -> None:
    """Keys that collide with names of columns, of files, and of one another."""
    keys = [
        "../../x",
        "CON",
        "a:b",
        "K" * 300,
        "😀",
        "_STEP",
        "run",
        "file",
        "loss#2",
        "h.path",
        "key",
        "a\nb",
        " ",
        "%",
    ]
    run.log({key: i for i, key in enumerate(keys)} | {"Loss": 1, "loss": 2, "LOSS": 3, "h": mt.Histogram([1])})
    run.log({"Loss": "x", "loss": [1], "a": {"b": 1}, "a.c": 2, "toString": 1, "__proto__": 2, "constructor": [1]})


def abandon(run: mt.Run) -> None:
    """Leave a run as a killed process does, and as if that had been on another machine."""
    from tests.writing.crashes import abandon as leave

    leave(run)
    shutil.rmtree(run.path / "journal" / "lock", ignore_errors=True)
    for lock in (run.path / "journal").glob("*lock"):
        lock.unlink()
    path = run.path / "run.json"
    if run.rank:
        return
    path.write_bytes(canonical.dump_pretty(json.loads(path.read_bytes()) | {"writer": WRITER}))


def make_all(root: Path) -> None:
    """Write the set into an empty folder."""

    def begin(name: str, **more: Any) -> mt.Run:
        return mt.Run(
            root / name,
            name=name,
            config={"lr": 0.001, "net": {"depth": 4}},
            tags=["conformance"],
            capture=False,
            **more,
        )

    with begin("finished", project="p", notes="n", group="g", job_type="train") as run:
        log_all(run)
    with begin("types") as run:
        log_types(run)
    with begin("packed", packed=True) as run:
        log_types(run)
    with begin("evil") as run:
        log_evil(run)
    run = begin("live")
    log_all(run)
    run.config.update(lr=0.5, seed=7)
    del run.config["net"]
    abandon(run)
    shutil.copytree(root / "live", root / "killed")
    mt.recover(root / "killed", force=True)
    with begin("resumed") as run:
        log_all(run)
    run = mt.Run(root / "resumed", mode="resume", capture=False)
    run.log({"loss": 3, "later": [1]})
    abandon(run)
    with begin("rewound") as run:
        for i in range(20):
            run.log(
                {"loss": 1 / (i + 1), "epoch": i, "page": mt.Html(f"<b>{i}")} | ({"words": ["a"]} if i > 15 else {})
            )
    for step, loss in ((10, 4), (8, 5)):  # each session goes back, the second one behind the first
        run = mt.Run(root / "rewound", mode="resume", from_step=step, capture=False)
        run.log({"loss": loss})
        run.log({"loss": loss + 0.5})
        run.config["net"] = {"depth": loss}
        abandon(run)
    ranks = [begin("ranks", rank=0), *(mt.Run(root / "ranks", rank=rank) for rank in (3, 1))]
    for run in ranks:
        for i in range(4 + run.rank):
            run.log({"loss": run.rank + i / 8, "page": mt.Html(f"<b>{i % 2}"), f"own{run.rank}": i})
    for run in reversed(ranks):
        run.finish()
    ranks = [mt.Run(root / "ranks", mode="resume", from_step=3, rank=rank, capture=False) for rank in (0, 3, 2)]
    for run in ranks:
        for i in range(2):
            run.log({"loss": -i, "late": [run.rank]})
        abandon(run)
    shutil.copytree(root / "live", root / "damaged")
    journal = root / "damaged" / "journal" / "0001-0.log"
    data = bytearray(journal.read_bytes())
    data[journal_position(data, 12) + 20] ^= 0xFF
    odd = (
        frames.frame(200, b"\xff")
        + frames.json_frame(frames.HEADER, {})
        + frames.call_frame(200, 1.0, [("x", "string", 5)])
    )
    journal.write_bytes(bytes(data) + odd + b"\x50\0\0\0half a frame")
    later = frames.call_frame(3, 1.0, [("x", "number", 5)]) + frames.call_frame(300, 1.0, [("x", "number", 6)])
    (journal.parent / "0002-900.log").write_bytes(frames.MAGIC + frames.json_frame(frames.HEADER, {}) + later)
    mt.compact([root / "finished", root / "evil"], root / "compacted")
    for name in folders(root):
        (root / f"{name}.json").write_text(dump(read(root / name)), "utf-8", newline="\n")


def journal_position(data: bytes | bytearray, number: int) -> int:
    """Where a frame begins, counted from 0."""
    at = len(frames.MAGIC)
    for _ in range(number):
        at += int.from_bytes(data[at : at + 4], "little")
    return at


def folders(root: Path = ROOT) -> list[str]:
    """The runs of the set."""
    return sorted(path.parent.name for path in root.glob("*/run.json"))


def dump(expected: Any) -> str:
    return json.dumps(canonical.tag_floats(expected), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read(path: Path) -> dict[str, Any]:
    """What our reader gives of a run, media as documents."""
    view = mt.open_run(path)
    history = view._history()
    keys: dict[str, list[str]] = {}  # with the ranks, which `view.keys()` leaves out
    for spec in history.specs:
        keys.setdefault(spec.key, []).append(spec.kind)
    values: dict[str, list[Any]] = {key: [] for key in keys}
    table = view.history()
    steps = table.column("_step").to_pylist()
    for spec in history.specs:
        for step, cell in zip(steps, table.column(spec.name).to_pylist(), strict=True):
            if cell is not None:
                values[spec.key].append([step, plain(spec.kind, cell)])
    overrides = history.summary.overrides if isinstance(history, RunContent) else view._run.get("summary_overrides", {})
    found = [value for one in values.values() for _, value in one]
    return {
        "status": json.loads((path / "run.json").read_bytes())["status"],
        "config": view.config,
        "keys": keys,
        "values": {key: sorted(one, key=lambda pair: pair[0]) for key, one in values.items()},
        "set": {key: canonical.loads(v) if kind == "json" else v for key, (kind, v) in sorted(overrides.items())},
        "sidecars": dict(sorted((ref["path"], ref["sha256"]) for _, ref in references_of(found, view))),
        "problems": sorted({problem.code for problem in view.problems if problem.code in DAMAGE}),
    }


def references_of(values: list[Any], view: mt.RunView) -> list[Any]:
    """All references of documents, and of lists of them; also those of the lists that these name."""
    flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return [pair for item in flat if isinstance(item, dict) for pair in references(item, "", view.store)]


def plain(kind: str, cell: Any) -> Any:
    if is_media_kind(kind):
        return (
            [canonical.loads(item["_doc"]) for item in cell]
            if isinstance(cell, list)
            else canonical.loads(cell["_doc"])
        )
    return canonical.loads(cell) if kind == "json" else cell


if __name__ == "__main__":
    sys.argv[:] = ["tests/conformance.py"]  # runs keep the command line, which would name a folder of one machine
    with tempfile.TemporaryDirectory(prefix="conformance-") as made:
        make_all(Path(made))
        for path in ROOT.iterdir():
            if path.name != "README.md":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(made, ROOT, dirs_exist_ok=True)

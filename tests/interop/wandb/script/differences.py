"""Where a script of wandb gets something else from mediatypes, each shown by code that the tests run.

`python -m tests.interop.wandb.script.differences` writes docs/from-wandb.md from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[4] / "docs" / "from-wandb.md"


class Difference(NamedTuple):
    """The code knows `wandb`, `np`, `mt`, a `picture`, and `read(key)`: what the run holds of a key, a list."""

    what: str
    code: str  # of the script
    holds: str  # true of what is read back
    wandb: str  # what wandb 0.31.0 does
    ours: str
    why: str


DIFFERENCES = (
    Difference(
        "floats as a picture",
        'wandb.log({"x": wandb.Image(np.linspace(0, 1, 64).reshape(8, 8))})',
        'read("x")[0].to_numpy().max() == 255',
        "cut to integers: all black",
        "[0, 1] is scaled to 0..255",
        "a picture that nobody sees is worth nothing",
    ),
    Difference(
        "floats of another range",
        'wandb.log({"x": wandb.Image(np.linspace(-1, 1, 64).reshape(8, 8)), "loss": 1})',
        'read("x") == [] and read("loss") == [1] and "value_range" in problems[0]',
        "wrap around: -1 becomes 255",
        "recorded as a problem, unless `value_range=(-1, 1)` says what is black and white",
        "the same value must not be black in one picture and white in the next",
    ),
    Difference(
        "16-bit pictures",
        'wandb.log({"x": wandb.Image(np.full((8, 8), 300, np.uint16))})',
        'read("x")[0].to_numpy().max() == 300',
        "modulo 256: 300 becomes 44",
        "kept, as a 16-bit PNG",
        "depth maps and microscopy",
    ),
    Difference(
        "bool pictures",
        'wandb.log({"x": wandb.Image(np.eye(8, dtype=bool))})',
        'read("x")[0].to_numpy().max() == 255',
        "0 and 1: almost black",
        "0 and 255",
        "they are meant to be seen",
    ),
    Difference(
        "more than 108 pictures in a list",
        'wandb.log({"x": [wandb.Image(picture)] * 120})',
        'len(read("x")[0]) == 120 and "120" in problems[0]',
        "the rest is dropped with a line in the log",
        "all are kept, and a problem says that they are many",
        "nothing is dropped silently",
    ),
    Difference(
        "boxes that are inverted",
        'box = {"position": {"minX": 0.9, "maxX": 0.1, "minY": 0, "maxY": 1}, "class_id": 1}\n'
        'wandb.log({"x": wandb.Image(picture, boxes={"p": {"box_data": [box]}}), "loss": 1})',
        'read("x") == [] and read("loss") == [1] and "minX" in problems[0]',
        "accepted",
        "recorded as a problem that names the box",
        "no viewer can draw it",
    ),
    Difference(
        "boxes in pixels without a domain",
        'box = {"position": {"minX": 1, "maxX": 9, "minY": 2, "maxY": 8}, "class_id": 1}\n'
        'wandb.log({"x": wandb.Image(picture, boxes={"p": {"box_data": [box]}})})',
        'read("x") == [] and "pixel" in problems[0]',
        "taken for fractions, drawn outside the picture",
        'recorded as a problem: say `"domain": "pixel"`',
        "it is the most frequent mistake with boxes",
    ),
    Difference(
        "labels of boxes and masks",
        'masks = {"p": {"mask_data": np.ones((12, 16), int), "class_labels": {1: "road"}}}\n'
        'wandb.log({"x": wandb.Image(picture, masks=masks)})',
        'read("x")[0].masks["p"].class_labels == {1: "road"}',
        "in the config of the run",
        "with the value",
        "a value that is copied or moved keeps its names",
    ),
    Difference(
        "a histogram with NaN",
        'wandb.log({"x": wandb.Histogram([1, 2, float("nan")]), "loss": 1})',
        'read("x")[0].nan_count == 1 and read("loss") == [1]',
        "raises: the whole row is lost",
        "NaN and infinities are counted apart",
        "they are what one looks for",
    ),
    Difference(
        "one bad value",
        'wandb.log({"good": 1, "bad": object()})',
        'read("good") == [1] and "bad" in problems[0]',
        "raises: the whole call is lost",
        "the good values are logged, the bad one is a problem of the run",
        "a training goes on, and nothing else is lost",
    ),
    Difference(
        "a step that goes back",
        'wandb.log({"loss": 1}, step=5)\nwandb.log({"loss": 2}, step=3)',
        'read("loss") == [1] and "at least 5" in problems[0]',
        "dropped, with a line in the log",
        "not logged, and a problem of the run says so",
        "the same, but it can be found afterwards",
    ),
    Difference(
        "an array of more than 32 numbers",
        'wandb.log({"short": np.arange(100.0), "long": np.arange(1000.0)})',
        'read("short")[0] == list(range(100)) and read("long")[0].shape == (1000,)',
        "becomes a histogram; the numbers are gone",
        "a list up to 256 entries, beyond that a `Tensor`, bit for bit",
        "a histogram is asked for by name",
    ),
    Difference(
        "integers and floats",
        'wandb.log({"a": 1.0, "b": 2**60 + 1})',
        'read("a") == [1.0] and isinstance(read("a")[0], float) and read("b") == [2**60 + 1]',
        "1.0 becomes 1",
        "floats stay floats, integers are exact to 64 bits",
        "what was logged is what is read",
    ),
    Difference(
        "NaN in the statistics of a metric",
        'wandb.define_metric("loss", summary="min,max,mean")\n'
        'for loss in (2.0, float("nan"), 1.0):\n    wandb.log({"loss": loss})',
        'summary["loss"] == {"min": 1.0, "max": 2.0, "mean": 1.5}',
        "min, max and mean are NaN for ever",
        "NaN is no number, unless all are",
        "one bad batch does not hide the best one",
    ),
    Difference(
        "the best value",
        'wandb.define_metric("acc", summary="best", goal="maximize")\n'
        'for acc in (0.5, 0.9, 0.7):\n    wandb.log({"acc": acc})',
        'summary["acc"] == {"best": 0.9, "best_step": 1}',
        "removed in 0.29",
        "there, with its step",
        "it is what runs are compared by",
    ),
    Difference(
        "a table that is logged again after it has grown",
        'table = wandb.Table(columns=["n"], data=[[1]])\nwandb.log({"x": table})\n'
        'table.add_data(2)\nwandb.log({"x": table})',
        '[value.num_rows for value in read("x")] == [1, 2]',
        "the first file again, with the new number of rows",
        "as it is at that time; only the new rows are stored",
        "counts and contents agree",
    ),
    Difference(
        "pictures in a table",
        'wandb.log({"x": wandb.Table(columns=["p"], data=[[wandb.Image(picture)]])})',
        '(list(read("x")[0])[0][0].to_numpy() == picture).all()',
        'the word "Image" in the run; the pictures stand in a folder elsewhere',
        "in the run's folder",
        "a run that is copied is whole",
    ),
    Difference(
        "sound between -1 and 1",
        'wandb.log({"x": wandb.Audio(np.array([0.0, np.nan, 0.5]), sample_rate=8000), "loss": 1})',
        'read("x") == [] and read("loss") == [1] and "NaN" in problems[0]',
        "NaN becomes -1, what is louder is cut",
        "recorded as a problem; `clip=True` cuts, and the number of samples is kept",
        "a click that was not there",
    ),
    Difference(
        "a page whose file is missing",
        'wandb.log({"x": wandb.Html("missing.html"), "loss": 1})',
        'read("x") == [] and read("loss") == [1] and "missing.html" in problems[0]',
        "the path itself is shown as HTML",
        "recorded as a problem",
        "the mistake is in the path",
    ),
    Difference(
        "nested dicts of the caller",
        'data = {"a": {"x": wandb.Image(picture)}}\nwandb.log(data)\nkept = isinstance(data["a"]["x"], mt.Image)',
        "kept",
        "media in them are replaced by JSON",
        "not touched",
        "a call does not change its arguments",
    ),
    Difference(
        "what was logged before a crash",
        'wandb.log({"loss": 1})\nalive = [value for _, value in mt.open_run(wandb.run.run.path).values("loss")]',
        "alive == [1]",
        "the last rows may be lost",
        "on disk when `log` returns, and readable at once",
        "see the README",
    ),
)


HEAD = """\
# From W&B

One line changes: `from mediatypes.interop import wandb`. Not even that with `python -m mediatypes.interop.wandb
script.py`. Runs are folders below `runs/` (`WANDB_DIR`, `dir=`), `mediatypes view runs` shows them, and no login is
needed. `mediatypes import wandb -o runs` brings the runs that wandb itself has written.

There: `init` with its arguments and variables (`WANDB_PROJECT`, `WANDB_NAME`, `WANDB_TAGS`, `WANDB_RUN_GROUP`,
`WANDB_MODE` ...), `log`, `config`, `summary`, `history`, `define_metric`, `watch`, `save`, `restore`, artifacts, `Api`,
all data types but Bokeh, Graph, JoinedTable and PartitionedTable, `plot.*`, `tensorboard.patch`, `alert` (printed),
`wandb.keras`, `wandb.sklearn`. Run by `python -m mediatypes.interop.wandb`, `WandbLogger` of Lightning and
`report_to="wandb"` of transformers write such runs too.
Not there, with an error that says what to do instead: sweeps, agents, reports, launch, registries and teams. `run.run`
is the `mediatypes.Run`, with all that it can.

## Differences

Where wandb damages data silently, mediatypes keeps them or records a problem of the run, and the training goes on;
`wandb.init(strict=True)` raises instead. The tests run each line of this page, which is made of them.

| what | wandb 0.31 | mediatypes | why |
|---|---|---|---|"""


def page() -> str:
    """The page of all differences."""
    lines = [HEAD]
    lines += [f"| {one.what} | {one.wandb} | {one.ours} | {one.why} |" for one in DIFFERENCES]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")

"""The tables of measures from the newest results, a short one in README.md: `python -m benchmarks --readme`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from . import results

ALL: Final = Path(__file__).resolve().parent / "README.md"
README: Final = ALL.parents[1] / "README.md"
BEGIN, END = "<!-- measured: python -m benchmarks --readme -->\n", "<!-- end -->"


class Row(NamedTuple):
    """A line of the table: a figure of ours beside those of others, each a contender and its name in the table."""

    what: str
    entry: str
    figure: str
    rivals: tuple[tuple[str, str], ...] = ()


ROWS: Final = (
    Row("`import mediatypes`, which imports no package", "import", "CPU ms", (("numpy", "`import numpy`"),)),
    Row(
        "`log()` of 5 numbers, on disk when it returns",
        "log-5",
        "thread CPU us",
        (
            ("json lines", "an unbuffered line of JSON"),
            ("wandb offline", "wandb"),
            ("trackio", "trackio"),
            ("tensorboardX", "tensorboardX"),
        ),
    ),
    Row(
        "5 numbers x 100 000 (wandb x 10 000) to finished Parquet, fresh process, a row",
        "run-fresh",
        "CPU us/row",
        (("json lines", "lines of JSON"), ("wandb offline", "wandb"), ("tensorboardX", "tensorboardX")),
    ),
    Row("rows lost when killed", "kill", "rows lost", (("json lines, buffered", "buffered lines of JSON"),)),
    Row(
        "a photograph of 512 x 512 x 3 to PNG",
        "png-zlib",
        "encode CPU ms",
        (("Pillow default", "Pillow"), ("Pillow level 1, RLE", "Pillow, level 1 with RLE")),
    ),
    Row("the same with the extra `isal`", "png-isal", "encode CPU ms", (("Pillow default", "Pillow"),)),
    Row("`Histogram` of 10 million float32", "histogram", "CPU ms", (("np.histogram", "`np.histogram`"),)),
    Row("`validate` an image's document", "validate", "CPU us", (("jsonschema", "jsonschema"),)),
    Row(
        "100 000 boxes checked and encoded",
        "boxes-100k",
        "CPU ms",
        (("dicts and json.dumps", "dicts and `json.dumps`"),),
    ),
    Row(
        "`Video` of 64 frames of 128 x 128 to gif",
        "video-gif",
        "wall ms",
        (("moviepy", "moviepy"), ("Pillow, one palette", "Pillow, one palette")),
    ),
    Row("the same to mp4", "video-mp4", "wall ms", (("moviepy", "moviepy"),)),
    Row("10 s of `Audio` to WAV", "audio-wav", "CPU ms", (("soundfile to a file", "soundfile"),)),
    Row("a cloud of 1M x 6 points", "points-1m", "CPU ms", (("json.dump(points.tolist())", "`json.dump`"),)),
    Row("`Table` of 10 000 x 10 mixed rows", "table-10k", "CPU ms", (("wandb", "`wandb.Table`"),)),
    Row(
        "a table of 2000 pictures, logged three times while it grows",
        "table-images",
        "CPU s",
        (("wandb", "`wandb.Table`"),),
    ),
    Row(
        "one metric of 1M rows x 10 into pandas",
        "read-back",
        "wall ms",
        (("pandas, our file", "pandas, same file"), ("pyarrow's defaults", "pandas, pyarrow's encoding")),
    ),
    Row(
        "one metric of 1000 runs x 10 000 steps",
        "runs-metric",
        "wall ms",
        (("pq.read_table of each", "`pq.read_table` of each"),),
    ),
    Row(
        "1M TensorBoard scalars imported, fresh process",
        "tb-scalars",
        "CPU s",
        (
            ("EventAccumulator", "EventAccumulator"),
            ("tbparse", "tbparse"),
            ("data server", "TensorBoard's server in Rust"),
        ),
    ),
    Row("1M rows of a W&B log imported, fresh process", "wandb-rows", "CPU s"),
    Row(
        "3 runs of 20 curves x 100 000 steps opened in a browser, until the first chart",
        "view-curves",
        "first chart s",
        (("tensorboard", "TensorBoard"),),
    ),
    Row("a run of 1000 pictures opened, until the first are seen", "view-images", "first pictures s"),
    Row("a row from `log()` to the screen", "view-live", "live row ms"),
)
SHORT: Final[tuple[str, ...]] = (  # the entries of the short table
    *("import", "log-5", "kill", "png-zlib", "histogram", "points-1m", "table-10k"),
    *("read-back", "runs-metric", "tb-scalars", "view-curves", "view-live"),
)


def write() -> None:
    """Put the tables between their two marks."""
    latest = results.latest()
    for path, entries in ((ALL, latest), (README, {name: latest[name] for name in SHORT if name in latest})):
        text = path.read_text("utf-8")
        before, after = text.index(BEGIN) + len(BEGIN), text.index(END)
        path.write_text(text[:before] + "\n".join(["", *table(entries), "", ""]) + text[after:], "utf-8")


def table(entries: dict[str, Any]) -> Iterator[str]:
    """Lines of Markdown: minima, and how many times ours the others' are."""
    yield "| what | mediatypes | compared with | ratio |"
    yield "|---|---|---|---|"
    for row in ROWS:
        if row.entry in entries and (series := entries[row.entry]["series"]):
            ours = min(series[entries[row.entry]["ours"]][row.figure])
            others = [
                (label, min(series[name][row.figure]))
                for name, label in row.rivals
                if row.figure in series.get(name, {})
            ]
            compared = ", ".join(f"{label} {_quantity(value, row.figure)}" for label, value in others)
            ratios = ", ".join(f"{_number(value / ours)}x" for _, value in others) if ours else ""
            yield f"| {row.what} | {_quantity(ours, row.figure)} | {compared} | {ratios} |"


def _quantity(value: float, figure: str) -> str:
    unit = next((unit for unit in ("us", "ms", "s") if unit in figure.replace("/", " ").split()), "")
    return f"{_number(value)} {unit.replace('us', 'µs')}".strip()


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"

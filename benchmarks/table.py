"""Tables: rows and a DataFrame of 10k x 10 mixed cells, and a million Arrow rows in bounded memory."""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import mediatypes as mt

from .harness import (
    Contender,
    Figures,
    Measure,
    at_most,
    benchmark,
    faster_than,
    fresh,
    load,
    no_larger_than,
    peak_memory,
    timed,
)

_COLUMNS = [f"c{i}" for i in range(10)]
_WANDB_TURNS = {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
_PICTURES = int(os.environ.get("PICTURES", "2000"))  # 20000 for what takes minutes


def make_rows(count: int) -> list[list[Any]]:
    """Rows of 4 columns of floats (one with None), 3 of ints, 2 of texts that repeat and one that does not."""
    draw = random.Random(0)
    return [
        [
            *(i, draw.random(), draw.gauss(0, 1), f"sample {i}", draw.choice(["cat", "dog", "bird"])),
            *(draw.random() < 0.5, draw.randrange(1000), draw.random() if i % 7 else None, f"tag {i % 97}", i % 3),
        ]
        for i in range(count)
    ]


def _ours(make: Callable[[], mt.Table]) -> Measure:
    measure = timed(lambda: mt.encode(make(), mt.MemoryStore()))

    def figures() -> Figures:
        store = mt.MemoryStore()
        mt.encode(make(), store)
        return {**measure(), "kB": sum(map(len, store.files.values())) / 1e3}

    return figures


def _wandb(scratch: Path, make: Callable[[Any], Any]) -> Measure:
    def figures() -> Figures:
        os.environ.update(_WANDB_TURNS)
        wandb = load("wandb")
        with wandb.init(dir=scratch) as run:
            return timed(lambda: run.log({"t": make(wandb)}))()

    return figures


@benchmark(
    "table-10k",
    "Table of 10k x 10 mixed rows, made, checked and encoded",
    faster_than("wandb", "CPU ms", 75),
    no_larger_than("json", "kB", 1 / 3),
)
def table(scratch: Path) -> list[Contender]:
    rows = make_rows(10_000)

    def as_json() -> Figures:
        return {**timed(lambda: json.dumps(rows))(), "kB": len(json.dumps(rows)) / 1e3}

    return [
        Contender("Table", _ours(lambda: mt.Table(_COLUMNS, rows))),
        Contender("json", as_json),
        Contender("wandb", _wandb(scratch, lambda wandb: wandb.Table(columns=_COLUMNS, data=rows)), "wandb"),
    ]


@benchmark(
    "table-dataframe",
    "Table of a DataFrame of 10k x 10, made, checked and encoded",
    faster_than("wandb", "CPU ms", 200),
    needs=("pandas",),
)
def dataframe(scratch: Path) -> list[Contender]:
    frame = load("pandas").DataFrame(make_rows(10_000), columns=_COLUMNS)
    return [
        Contender("Table", _ours(lambda: mt.Table(dataframe=frame))),
        Contender("wandb", _wandb(scratch, lambda wandb: wandb.Table(dataframe=frame)), "wandb"),
    ]


def stream(rows: int) -> Figures:
    """Peak memory of a process that stores Arrow rows of 10 columns of floats."""
    import pyarrow as pa

    draw = np.random.default_rng(0)

    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(rows // 10_000):
            buffers = [pa.py_buffer(draw.normal(size=10_000)) for _ in _COLUMNS]
            arrays = [pa.Array.from_buffers(pa.float64(), 10_000, [None, buffer]) for buffer in buffers]
            yield pa.RecordBatch.from_arrays(arrays, names=_COLUMNS)

    schema = pa.schema([pa.field(name, pa.float64()) for name in _COLUMNS])
    with tempfile.TemporaryDirectory() as folder:
        table = mt.Table.from_arrow(pa.RecordBatchReader.from_batches(schema, batches()))
        mt.encode(table, mt.DirectoryStore(folder))
    return peak_memory()


@benchmark("table-1m", "Table of 1M x 10 Arrow rows, stored", at_most("peak RSS MB", 300, worst=True), rounds=3)
def million(scratch: Path) -> list[Contender]:
    return [Contender("Table", fresh("benchmarks.table", "stream", 1_000_000))]


@benchmark(
    "table-images" if _PICTURES == 2000 else f"table-images-{_PICTURES}",
    f"a table of {_PICTURES} pictures that grows from step to step: logged three times, and read back",
    faster_than("wandb", "CPU s", 10),
    rounds=2,
)
def images(scratch: Path) -> list[Contender]:
    pixels = np.random.default_rng(0).integers(0, 256, (_PICTURES, 16, 16, 3), np.uint8)
    ends = [_PICTURES // 3, 2 * _PICTURES // 3, _PICTURES]

    def ours() -> Figures:
        begin = time.process_time()
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            with mt.Run(Path(folder, "run"), capture=False) as run:
                pictures = [mt.Image(p) for p in pixels]
                for end in ends:
                    run.log({"t": mt.Table(["i", "image"], [[i, pictures[i]] for i in range(end)])})
            *_, (_, table) = mt.open_run(run.path).values("t")
            if table.get_column("image")[-1] != pictures[-1]:
                raise RuntimeError("another picture was read")
        return {"CPU s": time.process_time() - begin}

    def theirs() -> Figures:
        os.environ.update(_WANDB_TURNS)
        wandb = load("wandb")
        begin = time.process_time()
        with wandb.init(dir=scratch) as run:
            pictures = [wandb.Image(p) for p in pixels]
            for end in ends:
                run.log({"t": wandb.Table(columns=["i", "image"], data=[[i, pictures[i]] for i in range(end)])})
        return {"CPU s": time.process_time() - begin}  # which cannot be read back offline

    return [Contender("mediatypes", ours), Contender("wandb", theirs, "wandb")]

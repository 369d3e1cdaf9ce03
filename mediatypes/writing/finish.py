"""The end of a run: its journals become Parquet and JSON, once, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from .._core.atomic import sync_names
from .._core.errors import Problem, StoreError
from ..journal.names import name_of, place_of, rank_of, sequence_of
from ..runfolder import files
from ..runfolder.content import RunContent
from ..runfolder.media_index import MediaRows
from ..runfolder.merge_rows import arrow_schema
from ..runfolder.parquet_writer import parquet_file, write_parquet
from ..runfolder.saved_files import update_listed
from ..runfolder.schema import Schema
from ..runfolder.system import finish_system
from .kinds import KindsOfKeys


def finish(
    root: Path, status: str, unrecorded: Sequence[Problem] = (), exit: Mapping[str, Any] = MappingProxyType({})
) -> tuple[int, list[Problem]]:
    """Write the Parquet and JSON files of a run from its journal, then remove it; returns how many rows and problems.

    Every file appears under its name whole. Until `run.json` says the run is over, readers use the journal, without the
    calls that `history.parquet` already holds; so a crash at any moment of this leaves a run that can be read, resumed
    and finished again. The caller holds the run's lock; `unrecorded` are problems that its journal could not take,
    `exit` is what is known of the end of its process.

    Raises:
        UnsafePath: a directory of the run has become a link; nothing is lost.
        StoreError: the system refused; nothing is lost.
        DocumentError: a file of the run is none of ours.
    """
    files.require_no_links(root)
    run = files.read_run_json(root)
    content = RunContent(root, run)
    run = {
        name: item
        for name, item in run.items()
        if name not in ("writer", "problems", "summary_overrides", "ranks", files.FOLLOWS)
    }
    run |= {"config": content.config, "status": status, "finished": time.time()}
    summary = content.summary_values()
    problems = [*content.problems, *unrecorded]
    kinds = KindsOfKeys((spec.key, spec.kind) for spec in content.specs)  # those of all ranks, too
    problems += [problem for problem in kinds.problems if problem not in problems]
    optional = {"problems": [problem._asdict() for problem in problems], "exit": dict(exit)}
    run |= content.told() | {name: item for name, item in optional.items() if item}
    media = MediaRows(content.specs, content.metrics)
    footer = {**run, "summary": summary, "calls": content.calls}
    rows = write_rows(root, content.schema, content.rows(media), footer, media)
    files.write_json(root / files.SUMMARY, summary, durable=True)
    finish_system(root, run)
    update_listed(root)
    sync_names(root)  # before run.json says that they count
    files.write_json(root / files.RUN, run, durable=True)
    with contextlib.suppress(StoreError, OSError):  # the run is over: what is left of the journal is not read again
        sync_names(root)
        if any(problem.code in ("frame", "checksum") for problem in content.notes.damage):
            _keep_journals(root)
        files.remove_journals(root)
    return rows, problems


def write_rows(
    root: Path,
    schema: Schema,
    batches: Iterable[pa.RecordBatch],
    footer: dict[str, Any],
    media: MediaRows,
    durable: bool = True,
) -> int:
    """Write `history.parquet`, and `media.parquet` of what `media` gathers while the batches are made.

    Returns the number of rows; raises as `write_parquet`.
    """

    def gathered() -> Iterator[pa.RecordBatch]:
        rest = iter(batches)
        yield from _until_full(rest, media)
        table = media.table()  # only now it is known which types there are
        described = {"format": files.FORMAT, "id": footer["id"]}
        finite = schema.finite(media.columns)
        with parquet_file(root / files.MEDIA, table.schema, media.columns, described, durable, finite) as index:
            while True:  # not all of them at the end: documents may be larger than all else
                is_full = media.is_full
                for batch in media.table().to_batches():
                    index.write(batch)
                media.clear()
                if not is_full:
                    return
                yield from _until_full(rest, media)

    specs = schema.specs()
    finite = schema.finite(specs)
    return write_parquet(root / files.HISTORY, arrow_schema(specs), gathered(), specs, footer, durable, finite)


def _until_full(batches: Iterator[pa.RecordBatch], media: MediaRows) -> Iterator[pa.RecordBatch]:
    """The batches from which `media` gathers all that it holds at once; else all there are."""
    for batch in batches:
        yield batch
        if media.is_full:
            return


def _keep_journals(root: Path) -> None:
    """Move the journals aside: what could not be read may still be worth something to somebody."""
    kept = root / files.DAMAGED
    kept.mkdir(exist_ok=True)
    places = itertools.count(1 + max((place_of(path.name) for path in files.journals(kept)), default=0))
    for path in files.journals(root / files.JOURNAL):
        os.replace(path, kept / name_of(next(places), sequence_of(path.name), rank_of(path.name)))

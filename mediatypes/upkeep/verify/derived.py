"""Checking what is derived from the rows of a run that is over: its summary, and `media.parquet`."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from ..._core import canonical
from ..._core.errors import Problem, Verbatim, problem, show
from ..._core.registry import builtin_types
from ..._core.wording import counted
from ...runfolder.content import RunContent
from ...runfolder.media_index import FIXED, MediaRows
from ...runfolder.parquet_reader import StoredTable

REBUILD = 'Write it again: mediatypes.Run(path, mode="resume").finish().'
_PIECE = 1024  # rows of media.parquet that are held at once


def check_summary(content: RunContent, stored: dict[str, Any]) -> Iterator[Problem]:
    """Where `summary.json` is not what rows and definitions say."""
    expected = content.summary_values()
    for key in sorted({*expected, *stored}):
        if key not in expected:
            yield problem(key, "no such key, as no row has it", stored[key], REBUILD, "differs")
        elif key not in stored:
            yield problem(key, f"{show(expected[key])}, as the rows say", Verbatim("no such key"), REBUILD, "differs")
        elif _text(expected[key]) != _text(stored[key]):
            yield problem(key, f"{show(expected[key])}, as the rows say", stored[key], REBUILD, "differs")


def _text(value: Any) -> str:
    try:
        return canonical.dumps(value)
    except ValueError as error:
        return str(error)


def check_media(content: RunContent, stored: StoredTable) -> Iterator[Problem]:
    """Where `media.parquet` does not hold the media of the rows and of the summary, in any order."""
    media = _MediaDigests(content)
    named = {(spec.key, spec.kind): spec.name for spec in stored.columns}
    indexes = {spec.name: named.get((spec.key, spec.kind), "") for spec in media.columns}
    compared: dict[str, str] = {}  # columns, and their names in the file
    for field in media.table().schema:
        name = str(indexes.get(field.name, field.name))
        got = stored.schema.field(name).type if name in stored.schema.names else "no such column"
        if got == field.type and (field.name in indexes or name not in named.values()):
            compared[field.name] = name
        elif field.name in indexes or field.name in FIXED:  # an older version had fewer columns of types
            yield Problem(name or field.name, f"expected a column of {field.type}, got {got}", "columns", REBUILD)
            return
    media.compared = list(compared)
    for _ in content.rows(media):
        pass
    media.flush()
    expected, digests, foreign = media.digests, _Digests(), 0
    for table in stored.pieces(list(compared.values())):
        foreign += digests.add(table, expected)
    for key, (count, total) in expected.rows.items():
        if digests.rows.get(key, (0, 0)) != (count, total):
            got = digests.rows.get(key, (0, 0))[0]
            message = f"expected the {count} media that the rows hold, got {'others' if got == count else got}"
            yield Problem(key, message, "differs", REBUILD)
    if foreign:
        yield Problem(
            "key", f"expected keys of media in the rows, got {counted(foreign, 'row')} of others", "differs", REBUILD
        )


class _Digests:
    """What a table of media holds by key: how many rows, and the sum of their hashes, whatever their order."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[int, int]] = {}

    def add(self, table: pa.Table, known: _Digests | None = None) -> int:
        """Add rows; returns how many of them have a key that is not `known`, and were left out."""
        foreign = 0
        for batch in table.to_batches(max_chunksize=_PIECE):
            columns = [
                [_rewritten(text) for text in column.to_pylist()] if name == "_doc" else column.to_pylist()
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            ]
            for row in zip(*columns, strict=True):
                key = str(row[0])
                if known and key not in known.rows:
                    foreign += 1
                    continue
                count, total = self.rows.get(key, (0, 0))
                digest = blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=16).digest()
                self.rows[key] = (count + 1, (total + int.from_bytes(digest, "little")) % 2**128)
        return foreign


def _rewritten(text: str | None) -> str | None:
    """The text of a document as we would write it, so that equal values have equal texts."""
    try:
        return text and canonical.dumps(canonical.loads(text))
    except ValueError:  # it is no document
        return text


class _MediaDigests(MediaRows):
    """The rows that `media.parquet` should have, of which only digests are kept."""

    def __init__(self, content: RunContent) -> None:
        super().__init__(content.specs, content.metrics, builtin_types())
        self.digests = _Digests()
        self.compared: list[str] = []  # columns

    def add(self, key: str, step: int | None, index: int | None, document: dict[str, Any], values: list[Any]) -> None:
        super().add(key, step, index, document, values)
        if self.count >= _PIECE:
            self.flush()

    def flush(self) -> None:
        """Digest what was gathered."""
        self.digests.add(self.table().select(self.compared))
        self.clear()

"""The media documents in a history, and the sidecars they refer to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def documents(table: pa.Table, name: str) -> Iterator[tuple[str, str]]:
    """Each document of a media column as (its place, such as `[step 20]`, its JSON text)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    steps, column = table.column("_step").to_pylist(), table.column(name)
    if pa.types.is_list(column.type):
        for step, items in zip(steps, column.to_pylist(), strict=True):
            for index, item in enumerate(items or ()):
                yield f"[step {step}][{index}]", item["_doc"]
    else:
        for step, text in zip(steps, pc.struct_field(column, "_doc").to_pylist(), strict=True):
            if text is not None:
                yield f"[step {step}]", text


def references(part: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object that refers to a sidecar (the document itself, a mask, a set of boxes), with its place."""
    if isinstance(part, list):
        for index, item in enumerate(part):
            yield from references(item, f"{where}[{index}]")
    elif isinstance(part, dict):
        if isinstance(part.get("path"), str) and {"sha256", "size", "media_type"} <= part.keys():
            yield where, part
        for name, item in part.items():
            yield from references(item, f"{where}.{name}")

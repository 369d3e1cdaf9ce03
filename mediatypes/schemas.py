"""The published JSON Schemas and the reference tables: written from the declarations, frozen once released.

python -m mediatypes.schemas --write schemas    write what is missing or was never released
python -m mediatypes.schemas --check schemas    exit 1 if the folder differs from the declarations
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ._core import canonical
from ._core.codec import schema
from ._core.declaration import DIALECT, Document, List, Map, Record, Shape
from ._core.registry import builtin_types, lookup
from .artifact.folder import ALIAS_JSON
from .artifact.manifest import ARTIFACT_JSON, FORMAT
from .runfolder import files
from .runfolder.lineage import ARTIFACTS_JSON
from .runfolder.saved_files import FILES_JSON

# JSON files beside documents, by name and version.
FILES = {
    ("alias", FORMAT): ALIAS_JSON,
    ("artifact", FORMAT): ARTIFACT_JSON,
    ("artifacts", files.FORMAT): ARTIFACTS_JSON,
    ("files", files.FORMAT): FILES_JSON,
}
INDEX, TEXT, OTHERS = "index.json", "types.md", ("README.md", "records.md", "conformance")
BEGIN, END = "<!-- reference tables: begin -->\n", "<!-- reference tables: end -->\n"


def published() -> dict[str, bytes]:
    """File names and contents of the schemas of all declarations."""
    schemas = [*map(schema, builtin_types()), *(_file_schema(*of, record) for of, record in FILES.items())]
    named = {f"{one['$id'].rpartition(':')[2]}.json": one for one in schemas}
    return {name: canonical.dump_pretty(named[name]) for name in sorted(named)}


def _file_schema(name: str, version: str, record: Record) -> dict[str, Any]:
    head = {"$schema": DIALECT, "$id": f"urn:mediatypes:{name}-{version}", "title": name}
    return head | record.json_schema()


def differences(folder: Path) -> list[str]:
    """What in a folder of schemas is not as the declarations say; a released schema must never change."""
    fix = f"Run python -m mediatypes.schemas --write {folder}"
    index, contents = _read_index(folder), published()
    faults = []
    for name in {**contents, **index["released"]}:
        path = folder / name
        if not path.is_file():
            faults.append(f"{name}: expected the file, got none. {fix}")
        elif name in index["released"] and _sha256(path.read_bytes()) != index["released"][name]:
            faults.append(f"{name}: expected the bytes that were released, got others. Restore the file.")
        elif path.read_bytes() != contents.get(name, path.read_bytes()):
            hint = "Declare a new version." if name in index["released"] else fix
            faults.append(f"{name}: expected the schema of the declaration, got another. {hint}")
    text = folder / TEXT
    if text.is_file() and text.read_text("utf-8") != _with_tables(text.read_text("utf-8")):
        faults.append(f"{TEXT}: expected the tables of the declarations, got others. {fix}")
    known = {*contents, *index["released"], INDEX, TEXT, *OTHERS}
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return faults + [f"{name}: expected a declared type, got none. Remove it." for name in names if name not in known]


def write(folder: Path) -> None:
    """Write all schemas and, where the format text is, its reference tables; a released schema is never replaced.

    Raises:
        SystemExit: the declaration of a released schema was changed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = _read_index(folder)
    for name, data in published().items():
        if index["released"].get(name, _sha256(data)) != _sha256(data):
            raise SystemExit(f"{name}: expected no change, it is released. Declare a new version.")
        (folder / name).write_bytes(data)
    (folder / INDEX).write_bytes(canonical.dump_pretty(index))
    text = folder / TEXT
    if text.is_file():
        text.write_text(_with_tables(text.read_text("utf-8")), "utf-8", newline="\n")


def reference_tables() -> str:
    """The fields of every document and its parts as Markdown, for the format text."""
    return "\n".join(line for type in builtin_types() for line in _document_lines(lookup(type)[1]))


def _document_lines(document: Document) -> Iterator[str]:
    yield from (f"### `{document.type}` {document.version}", "", document.doc, "")
    yield from _record_lines(document, document.columns())
    for path, part in _parts(document, ""):
        yield from (f"`{document.type}` member `{path}`: {part.doc}", "")
        yield from _record_lines(part, {})


def _record_lines(record: Record, columns: dict[str, str]) -> Iterator[str]:
    yield "| field | value | required | column | meaning |"
    yield "|---|---|---|---|---|"
    for field in record.fields:
        column = f"`{columns[field.name]}`" if field.name in columns else ""
        words = re.sub(r"(?<=text matching )\S+", r"`\g<0>`", field.shape.words()).replace("|", "\\|")
        yield f"| `{field.name}` | {words} | {'yes' if field.required else ''} | {column} | {field.doc} |"
    yield ""
    for rule in record.rules:
        yield from (f"Rule: {rule.text}.", "")


def _parts(record: Record, where: str) -> Iterator[tuple[str, Record]]:
    """The records below a record, each with its path: `boxes[name]`, `classes[i]`."""
    for field in record.fields:
        path, shape = _innermost(f"{where}{field.name}", field.shape)
        if isinstance(shape, Record):
            yield path, shape
            yield from _parts(shape, f"{path}.")


def _innermost(path: str, shape: Shape) -> tuple[str, Shape]:
    if isinstance(shape, List):
        return _innermost(f"{path}[i]", shape.item)
    if isinstance(shape, Map):
        return _innermost(f"{path}[name]", shape.item)
    return path, shape


def _with_tables(text: str) -> str:
    """The format text with the tables of today between its markers; unchanged if it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}\n{reference_tables()}\n{end}{after}" if begin and end else text


def _read_index(folder: Path) -> dict[str, Any]:
    """`released`: the SHA-256 of each schema that must not change any more. A release adds its schemas by hand."""
    path = folder / INDEX
    index: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {"released": {}}
    return index


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mediatypes.schemas", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", type=Path, metavar="FOLDER", help="write the schemas and tables")
    group.add_argument("--check", type=Path, metavar="FOLDER", help="exit 1 if the folder differs")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        write(chosen.write)
        return 0
    faults = differences(chosen.check)
    print("\n".join(faults) or f"{chosen.check}: {len(published())} schemas are as declared.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

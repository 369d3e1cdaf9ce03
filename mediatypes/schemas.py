"""The published JSON Schemas: written from the declarations, frozen once released.

python -m mediatypes.schemas --write schemas    write what is missing or was never released
python -m mediatypes.schemas --check schemas    exit 1 if the folder differs from the declarations
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ._core import canonical
from ._core.codec import schema
from ._core.registry import builtin_types

INDEX = "index.json"


def published() -> dict[str, bytes]:
    """File names and contents of all schemas, and of the index of their SHA-256."""
    contents = {}
    for type in builtin_types():
        found = schema(type)
        name = f"{found['$id'].rpartition(':')[2]}.json"
        contents[name] = canonical.dump_pretty(found)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    return {**contents, INDEX: canonical.dump_pretty({"released": [], "sha256": hashes})}


def differences(folder: Path) -> list[str]:
    """What in a folder of schemas is not as the declarations say; a released schema must never change."""
    found = []
    for name, data in published().items():
        path = folder / name
        if not path.is_file():
            found.append(f"{name}: expected the file, got none. Run python -m mediatypes.schemas --write {folder}")
        elif name != INDEX and path.read_bytes() != data:
            released = name in json.loads((folder / INDEX).read_text())["released"]
            fix = "Declare a new version." if released else f"Run python -m mediatypes.schemas --write {folder}"
            found.append(f"{name}: expected the schema of the declaration, got another. {fix}")
    known = {*published(), "README.md"}
    found += [
        f"{path.name}: expected a declared type, got none. Remove it."
        for path in folder.iterdir()
        if path.name not in known
    ]
    return found


def write(folder: Path) -> None:
    """Write all schemas and the index; a released one is never replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / INDEX
    released = json.loads(index.read_text())["released"] if index.is_file() else []
    contents = published()
    for name, data in contents.items():
        if name in released and (folder / name).read_bytes() != data:
            raise SystemExit(f"{name}: expected no change, it is released. Declare a new version.")
        if name != INDEX:
            (folder / name).write_bytes(data)
    index.write_bytes(canonical.dump_pretty({**json.loads(contents[INDEX]), "released": released}))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mediatypes.schemas", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", type=Path, metavar="FOLDER", help="write the schemas")
    group.add_argument("--check", type=Path, metavar="FOLDER", help="exit 1 if the folder differs")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        write(chosen.write)
        return 0
    found = differences(chosen.check)
    print("\n".join(found) or f"{chosen.check}: {len(published()) - 1} schemas are as declared.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""The layers of the design, held by reading the source: imports point down only, and there are no cycles."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "mediatypes"
MAX_LINES = 400

# The first part of a module's name says its floor. A module imports its own floor and those below.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("_core", "declare"),  # declaration, errors, codec, registry, files: the standard library only
    ("columns",),  # Python and Arrow data -> kinds and columns
    ("formats",),  # bytes <-> arrays
    ("types",),  # one room a medium
    ("plot", "store", "journal"),
    ("runfolder",),  # the files of a run, read and written
    ("writing",),  # a run that is being written
    ("capture",),  # what a run records by itself
    ("view",),
    ("runset",),  # many runs
    ("upkeep",),  # verify, pack, copy, recover
    ("artifact",),  # files and folders that runs make and use, in versions
    ("run",),
    ("interop",),
    ("viewer",),
    ("testing", "demo", "schemas"),
    ("cli",),
    ("__main__",),
)
LAYERS = {"": 0} | {name: number for number, names in enumerate(FLOORS, 1) for name in names}
# Third-party packages that a layer may import when one of its modules is loaded, and inside its functions besides.
AT_ONCE = {
    "columns": {"numpy"},
    "formats": {"numpy"},
    "types": {"numpy"},
    "plot": {"numpy"},
    "journal": {"numpy"},
    "runfolder": {"numpy", "pyarrow"},
    "writing": {"numpy", "pyarrow"},
    "capture": {"numpy"},
    "runset": {"numpy", "pyarrow"},
    "upkeep": {"numpy", "pyarrow"},
    "demo": {"numpy"},
    "testing": {"pytest", "numpy"},
    "interop": {"numpy"},
    "viewer": {"numpy", "pyarrow"},
    "cli": {"numpy"},
}
# Modules about Arrow in other rooms, which are imported when needed.
ARROW = (
    "columns.arrow",
    "columns.cells",
    "columns.packed",
    "formats.parquet_bounds",
    "types.table.",
    "store._packed_file",
    "interop.layouts._",
    "interop.elsewhere.",
)
WHEN_USED = {
    "columns": {"pyarrow", "numpy"},
    "types": {"PIL", "pyarrow"},
    "formats": {"PIL", "google_crc32c", "isal", "pyarrow"},
    "plot": {"pyarrow"},
    "store": {"pyarrow"},
    "view": {"pyarrow"},
    "cli": {"pyarrow"},
    "demo": {"skimage"},
    "testing": {"jsonschema"},
    "interop": {"pyarrow", "PIL"},
    "viewer": {"PIL"},
}


class Import(NamedTuple):
    module: str  # who imports, below the package: "types.image"
    target: str  # what: "_core.errors", or a third-party "numpy"
    ours: bool
    in_function: bool
    line: int


def source_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


MODULES = {name_of(path): path for path in source_files()}


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for path in source_files() for found in walk(path, tree_of(path), in_function=False))


def walk(path: Path, node: ast.AST, *, in_function: bool) -> Iterator[Import]:
    """The imports below a node, without those that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            for target, ours in targets(path, child):
                yield Import(name_of(path), target, ours, in_function, child.lineno)
        inside = in_function or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from walk(path, child, in_function=inside)


def targets(path: Path, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, bool]]:
    if isinstance(node, ast.Import):
        dotted = [alias.name for alias in node.names]
    elif node.level:
        base = ["mediatypes", *path.relative_to(PACKAGE).parent.parts]
        base = base[: len(base) - node.level + 1] + (node.module or "").split(".") * bool(node.module)
        dotted = [".".join([*base, alias.name]) for alias in node.names]
    else:
        dotted = [f"{node.module}.{alias.name}" for alias in node.names]
    for name in dotted:
        if name.partition(".")[0] == "mediatypes":
            yield ours(name.partition(".")[2]), True
        else:
            yield name.partition(".")[0], False


def ours(dotted: str) -> str:
    """The module that `dotted` is, or is a name of."""
    return dotted if dotted in MODULES else dotted.rpartition(".")[0]


def layer(module: str) -> int:
    return LAYERS[module.partition(".")[0]]


def internal() -> list[Import]:
    return [found for found in imports() if found.ours]


def complaints(found: list[Import]) -> list[str]:
    return [f"{one.module}:{one.line} imports {one.target}" for one in found]


def test_the_walk_sees_imports_of_every_kind() -> None:
    found = {(one.module, one.target, one.in_function) for one in imports()}
    assert ("_core.codec", "_core.errors", False) in found  # from .errors import
    assert ("types.image.value", "formats.png", False) in found  # from ...formats import png
    assert ("run", "writing.finish", True) in found  # in a function
    assert ("view", "pyarrow", True) in found
    assert ("columns.arrays", "numpy", False) in found
    assert ("view", "pandas", False) not in found  # TYPE_CHECKING


def test_every_module_has_a_layer() -> None:
    assert {name.partition(".")[0] for name in MODULES} <= LAYERS.keys()


def test_imports_point_down_only() -> None:
    assert not complaints([one for one in internal() if one.target and layer(one.target) > layer(one.module)])


def test_lower_layers_import_from_modules_and_not_from_the_package() -> None:
    """Public names are loaded when used, so importing them from `mediatypes` would hide a dependency."""
    found = [one for one in internal() if not one.target and layer(one.module) < LAYERS["testing"]]
    assert not complaints(found)


def test_there_are_no_cycles_even_through_functions() -> None:
    graph: dict[str, set[str]] = {name: set() for name in MODULES}
    for one in internal():
        graph[one.module].add(one.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def room(module: str) -> str:
    """The medium that a module of `types` is about; pictures are what several of them are made of."""
    name = module.split(".")[1]
    return "" if name == "pictures" else name


def test_rooms_import_no_other_room() -> None:
    found = [one for one in internal() if one.module.startswith("types.") and one.target.startswith("types.")]
    assert not complaints([one for one in found if room(one.target) not in ("", room(one.module))])


def test_rooms_know_no_store_and_no_run() -> None:
    """Above the general rule, which allows a floor to import its own: values stay below stores and histories."""
    known = {one.target.partition(".")[0] for one in internal() if one.module.startswith(("types.", "plot."))}
    assert known <= {"_core", "columns", "formats", "types", "plot"}


def test_stores_and_histories_do_not_know_each_other() -> None:
    pairs = {(one.module.partition(".")[0], one.target.partition(".")[0]) for one in internal()}
    assert not pairs & {("store", "journal"), ("journal", "store"), ("store", "runfolder"), ("runfolder", "store")}


def test_third_party_packages_are_imported_only_where_allowed() -> None:
    found = []
    for one in imports():
        top = one.module.partition(".")[0]
        allowed = AT_ONCE.get(top, set()) | (WHEN_USED.get(top, set()) if one.in_function else set())
        allowed = allowed | ({"pyarrow"} if one.module.startswith(ARROW) else set())
        if not one.ours and one.target not in sys.stdlib_module_names and one.target not in allowed:
            found.append(one)
    assert not complaints(found)


def test_the_core_needs_the_standard_library_only() -> None:
    targets = {one.target for one in imports() if one.module.partition(".")[0] in ("_core", "declare") and not one.ours}
    assert targets <= sys.stdlib_module_names


def asserts(path: Path) -> list[str]:
    return [f"{name_of(path)}:{node.lineno}" for node in ast.walk(tree_of(path)) if isinstance(node, ast.Assert)]


def test_no_assert_statement_stands_in_the_package() -> None:
    """`python -O` removes them. The test kit is made of them, and runs under pytest."""
    assert not [found for path in source_files() if "testing" not in path.parts for found in asserts(path)]


@pytest.mark.parametrize("path", source_files(), ids=name_of)
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES


def test_values_stores_and_histories_neither_print_nor_log() -> None:
    """They say what they have to say by exceptions and recorded problems."""
    found = []
    for name, path in MODULES.items():
        if layer(name) < LAYERS["run"]:
            calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
            found += [f"{name}:{c.lineno}" for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
    assert not found
    assert not complaints(
        [
            one
            for one in imports()
            if one.target in ("logging", "warnings")
            and layer(one.module) < LAYERS["run"]
            and one.module
            not in ("types.pictures.decoding", "types.pictures.matplotlib")  # they silence those of libraries
        ]
    )

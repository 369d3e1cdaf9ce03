"""The public names, what a type checker sees of them, and the examples in their docstrings."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes._core import registry

PACKAGE = Path(mt.__file__).parent
HOMES: dict[str, str] = vars(mt)["_HOMES"]

PUBLIC = {
    "values": [
        "Audio",
        "BoundingBoxes2D",
        "Box3D",
        "Classes",
        "Figure",
        "Histogram",
        "Html",
        "Image",
        "ImageMask",
        "Molecule",
        "Object3D",
        "Plot",
        "Table",
        "Tensor",
        "Video",
    ],
    "verbs": [
        "artifacts",
        "compact",
        "copy",
        "decode",
        "draw",
        "encode",
        "export",
        "gc",
        "open_run",
        "open_runs",
        "open_store",
        "pack",
        "plot_table",
        "recover",
        "register",
        "schema",
        "unpack",
        "validate",
    ],
    "runs and stores": [
        "Artifact",
        "Artifacts",
        "DirectoryStore",
        "MemoryStore",
        "PackedStore",
        "RemoteStore",
        "Run",
        "RunSet",
        "RunView",
    ],
    "protocols": ["MediaValue", "Sink", "Source"],
    "results": [
        "Compacted",
        "Copied",
        "ExportReport",
        "ImportReport",
        "Metric",
        "Moved",
        "Reference",
        "RunArtifact",
        "SavedFile",
    ],
    "errors": [
        "CodecError",
        "DocumentError",
        "HashMismatch",
        "InputError",
        "MediaTypesError",
        "MissingDependencyError",
        "Problem",
        "RunClosed",
        "RunExists",
        "RunLocked",
        "SidecarMissing",
        "StoreError",
        "UnknownTypeError",
        "UnsafePath",
        "UnsupportedVersionError",
        "ValidationError",
    ],
    "modules": ["__version__", "declare", "interop", "plot", "testing"],
}
NAMES = sorted(name for names in PUBLIC.values() for name in names)
CHARTS = [f"plot.{name}" for name in mt.plot.__all__]
WITH_EXAMPLE = [*CHARTS, *PUBLIC["values"], *PUBLIC["verbs"], *PUBLIC["runs and stores"]]


def modules() -> list[str]:
    """All modules but those for frameworks that are not installed, whose classes derive from the framework's."""
    found = [module.name for module in pkgutil.walk_packages([str(PACKAGE)], "mediatypes.")]
    absent = {name for name in vars(mt.interop)["_FRAMEWORKS"] if find_spec(name) is None}
    left_out = {name for name in found if ".interop." in name and name.rpartition(".")[2] in absent}
    return ["mediatypes", *(name for name in found if name not in {"mediatypes.__main__", *left_out})]


def stub_imports() -> Iterator[tuple[str, str, str | None]]:
    """(module, name, as name) of each import of the stub."""
    for node in ast.parse((PACKAGE / "__init__.pyi").read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            yield from ((str(node.module), alias.name, alias.asname) for alias in node.names)


def test_the_public_names_are_these() -> None:
    """Removing one breaks its users: that takes a deprecation and a line in the changelog."""
    assert sorted(vars(mt)["__all__"]) == NAMES


def test_the_stub_gives_the_same_names_from_the_same_modules() -> None:
    found = {(module, name) for module, name, _ in stub_imports()}
    modules = {("None", name) for name in vars(mt)["_MODULES"]}  # from . import plot as plot
    assert found == {(HOMES[name], name) for name in HOMES} | modules
    assert all(name == renamed for _, name, renamed in stub_imports()), "`x as x` is how a stub exports"


def test_the_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    assert mt.__version__ == version("mediatypes-ml")


def members(cls: type[Any]) -> Iterator[tuple[str, Any]]:
    """What a class defines under public names: methods, properties, class methods."""
    for name, member in vars(cls).items():
        kinds = (property, classmethod, staticmethod)
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, kinds)):
            yield f"{cls.__name__}.{name}", getattr(cls, name)


def public_objects() -> dict[str, Any]:
    found = {name: getattr(mt, name) for name in NAMES if name != "__version__"}
    found |= {f"plot.{name}": getattr(mt.plot, name) for name in mt.plot.__all__}
    for value in list(found.values()):
        if inspect.isclass(value):
            found |= dict(members(value))
    return found


OBJECTS = public_objects()


@pytest.mark.parametrize("name", OBJECTS)
def test_everything_public_has_a_docstring(name: str) -> None:
    found = OBJECTS[name]
    assert vars(found).get("__doc__") if inspect.isclass(found) else inspect.getdoc(found)


@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_constructors_and_verbs_show_an_example(name: str) -> None:
    assert ">>> " in OBJECTS[name].__doc__


@pytest.mark.parametrize("name", [*CHARTS, *(name for name in WITH_EXAMPLE if inspect.isclass(OBJECTS[name]))])
def test_constructors_describe_every_argument(name: str) -> None:
    parameters = inspect.signature(OBJECTS[name]).parameters
    words = OBJECTS[name].__doc__.replace(",", " ").replace(":", " ").split()
    assert not [parameter for parameter in parameters if parameter not in words]


class ExampleFinder(doctest.DocTestFinder):
    """Finds the examples of public classes where they are written, which is not what their `__module__` says."""

    def _from_module(self, module: Any, object: Any) -> bool:
        if inspect.isclass(object) and object.__module__ == "mediatypes":
            return module.__name__ == f"mediatypes.{HOMES.get(object.__name__)}"
        found: bool = super()._from_module(module, object)  # type: ignore[misc]
        return found


@pytest.mark.parametrize("module", modules())
def test_examples_run(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))  # an example may register a type
    found = importlib.import_module(module)
    kind = doctest.DebugRunner if pytestconfig.getoption("--base") else doctest.DocTestRunner  # raises: a skip there
    runner = kind(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
    for test in ExampleFinder().find(found):
        runner.run(test)
    assert runner.failures == 0


def test_examples_are_found_at_all() -> None:
    found = [test for name in modules() for test in ExampleFinder().find(importlib.import_module(name))]
    names = {test.name for test in found if test.examples}
    assert {"mediatypes.types.html.value.Html", "mediatypes._core.codec.encode", "mediatypes.run.Run"} <= names


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()

"""Optional packages are imported when asked for, named when missing, and recognised without an import."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

import mediatypes as mt
from mediatypes._core.deps import is_instance, need


def test_a_package_that_is_there_is_imported() -> None:
    assert need("json.decoder", extra="x", needed_for="x") is sys.modules["json.decoder"]


@pytest.mark.parametrize("module", ["no_such_package_x", "no_such_package_x.part"])
def test_a_missing_package_is_named_with_its_command(module: str) -> None:
    with pytest.raises(mt.MissingDependencyError) as error:
        need(module, extra="isal", needed_for="Image(encoder='isal')")
    assert str(error.value) == (
        "Image(encoder='isal'): expected the package 'no_such_package_x', got none. "
        "Install it with: pip install 'mediatypes-ml[isal]'"
    )
    found = error.value
    assert (found.package, found.extra, found.needed_for) == ("no_such_package_x", "isal", "Image(encoder='isal')")
    assert isinstance(found.__cause__, ImportError)


def test_a_package_that_fails_to_import_is_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "isal", None)  # as if it were not installed
    with pytest.raises(mt.MissingDependencyError) as error:
        need("isal", extra="isal", needed_for="x")
    assert isinstance(error.value.__cause__, ImportError)


def test_objects_are_recognised_only_by_loaded_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tensor:
        pass

    assert not is_instance(Tensor(), "torch_of_a_test", "Tensor")
    module = ModuleType("torch_of_a_test")
    module.Tensor = Tensor  # type: ignore[attr-defined]
    module.zeros = len  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_of_a_test", module)
    assert is_instance(Tensor(), "torch_of_a_test", "Tensor")
    assert not is_instance(3, "torch_of_a_test", "Tensor")
    assert not is_instance(3, "torch_of_a_test", "Missing.Name")
    assert not is_instance(3, "torch_of_a_test", "zeros")


def test_recognising_imports_nothing() -> None:
    before = set(sys.modules)
    assert not is_instance(3, "colorsys_that_nobody_loaded", "X")
    assert set(sys.modules) == before

"""What several test files share: real photographs, and a stand-in for torch."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from tests.strategies import Array, FakeTensor, photograph


@pytest.fixture(scope="session")
def astronaut() -> Array:
    """(512, 512, 3) uint8."""
    return photograph("astronaut")


@pytest.fixture(scope="session")
def coffee() -> Array:
    """(400, 600, 3) uint8: not square, so that swapped axes show."""
    return photograph("coffee")


@pytest.fixture
def fake_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a FakeTensor count as torch's, without torch being installed."""
    torch = ModuleType("torch")
    torch.Tensor = FakeTensor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)

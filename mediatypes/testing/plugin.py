"""The pytest plugin: the fixtures `assert_logged` and `assert_document`, and differences of media values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .logged import AssertDocument, AssertLogged

pytest.register_assert_rewrite("mediatypes.testing.contract", "mediatypes.testing.sink_contract")


@pytest.fixture(name="assert_logged")
def _assert_logged() -> AssertLogged:
    """`mediatypes.testing.assert_logged`: assert what a run logged."""
    from .logged import assert_logged

    return assert_logged


@pytest.fixture(name="assert_document")
def _assert_document() -> AssertDocument:
    """`mediatypes.testing.assert_document`: assert what a document says, whoever stored it."""
    from .logged import assert_document

    return assert_document


def pytest_assertrepr_compare(op: str, left: Any, right: Any) -> list[str] | None:
    """Say of two unequal media values which members of their documents differ."""
    from .._core.value import is_media

    if op != "==" or type(left) is not type(right) or not is_media(left):
        return None
    from .logged import differences

    try:
        return [f"{left!r} == {right!r}", *differences(left, right)]
    except Exception:  # a value that cannot be encoded: the assertion is what failed, and is shown as usual
        return None

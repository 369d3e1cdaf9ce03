"""For tests of what mediatypes holds and writes: yours, of your own types and of what your code logs.

    from mediatypes.testing import ValueContract, assert_logged

    class TestHologram(ValueContract):                 # every rule of a media value, as tests of your type
        def examples(self):
            return {"small": Hologram(...), "with caption": Hologram(..., caption="x")}

    assert_logged("runs/demo", "img", type="image", boxes=2)

Installing mediatypes gives pytest the fixture `assert_logged` too. `ValueContract` needs the extra `testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .contract import ValueContract as ValueContract
    from .logged import assert_logged as assert_logged

__all__ = ["ValueContract", "assert_logged"]


def __getattr__(name: str) -> Any:  # the contract needs pytest, and pytest has to see it before it is imported
    if name == "ValueContract":
        from .contract import ValueContract

        return ValueContract
    if name == "assert_logged":
        from .logged import assert_logged

        return assert_logged
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

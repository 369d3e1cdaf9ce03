"""For tests of what mediatypes holds and writes: yours, of your own types and of what your code logs.

    from mediatypes.testing import SinkContract, ValueContract, assert_document, assert_logged

    class TestHologram(ValueContract):                 # every rule of a media value, as tests of your type
        def examples(self):
            return {"small": Hologram(...), "with caption": Hologram(..., caption="x")}

    class TestBucket(SinkContract):                    # what a sink promises, as tests of your tracker's storage
        def sink(self, folder):
            return Bucket(folder)

    assert_logged("runs/demo", "img", type="image", boxes=2)            # a run of ours
    assert_document(tracker.get("img"), type="image", boxes=2)          # a document that your tracker stored

Installing mediatypes gives pytest the fixtures `assert_logged` and `assert_document` too. `ValueContract` needs the
extra `testing`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .contract import ValueContract as ValueContract
    from .logged import assert_document as assert_document
    from .logged import assert_logged as assert_logged
    from .sink_contract import SinkContract as SinkContract

__all__ = ["SinkContract", "ValueContract", "assert_document", "assert_logged"]

_HOMES = {
    "SinkContract": "sink_contract",
    "ValueContract": "contract",
    "assert_document": "logged",
    "assert_logged": "logged",
}


def __getattr__(name: str) -> Any:  # the contracts need pytest, and pytest has to see them before they are imported
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

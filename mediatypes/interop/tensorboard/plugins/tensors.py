"""Arrays as documents of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...._core.codec import encode
from ...._core.sidecar import Blob, Sink
from ....columns.arrays import Array


def document(array: Array, sink: Sink, dtype: str = "") -> dict[str, Any]:
    """A tensor; `dtype` names one that numpy does not have, of which the array holds the bits."""
    from ....formats import npy
    from ....formats.npy import BITS, to_float32
    from ....types.tensor.data import describe
    from ....types.tensor.value import Tensor

    if dtype not in BITS:
        return encode(Tensor(array), sink)
    bits = np.ascontiguousarray(array)
    statistics = describe(to_float32(bits, dtype))._asdict()
    blob = Blob(npy.write(bits))
    return encode(Tensor._of(blob, dtype=dtype, shape=bits.shape, **statistics), sink)

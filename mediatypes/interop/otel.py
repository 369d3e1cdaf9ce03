"""OpenTelemetry: media as parts of messages (`gen_ai.input.messages`), by its conventions for generative AI."""

from __future__ import annotations

import base64
from typing import Any

from .._core import canonical
from .._core.codec import encode, validate
from .._core.errors import InputError, Verbatim
from .._core.sidecar import Sink, Source, fetch
from ..store.memory import MemoryStore

_MODALITIES = ("image", "video", "audio", "text")


def message_part(
    value: Any,
    *,
    sink: Sink | None = None,
    source: Source | None = None,
    base_uri: str = "",
    file_id: str | None = None,
) -> dict[str, Any]:
    """A part of a message that holds, or refers to, a media value.

    Args:
        value: any value, or its document; of a document the bytes are read from `source`.
        sink: where the value's files are put: the part is then of the type "uri", and refers to its main file.
        source: the store of a document.
        base_uri: what stands before the path that the sink, or the document, says: "https://host/runs/demo/".
        file_id: the name under which the provider has the file: the part is of the type "file".

    Returns:
        JSON: `type`, `modality` ("image", "video", "audio", "text", else "document"), `mime_type`, and `content` in
        base64 ("blob", the default), `uri` or `file_id`. A value without a file is its document, as JSON.

    Raises:
        InputError: no media value; a document without `source` or `base_uri`.
        DocumentError, StoreError: the document is damaged; its file is gone or cannot be kept.

    >>> import numpy as np, mediatypes as mt
    >>> part = message_part(mt.Image(np.zeros((2, 3), np.uint8)))
    >>> part["type"], part["modality"], part["mime_type"], part["content"][:8]
    ('blob', 'image', 'image/png', 'iVBORw0K')
    """
    store = MemoryStore()
    if isinstance(value, dict):
        validate(value)
        document, has_uri = value, bool(base_uri)
    else:
        document, has_uri = encode(value, store if sink is None else sink), sink is not None
        source = store if source is None else source
    is_file = isinstance(document.get("path"), str)
    media_type = str(document.get("media_type", "")) if is_file else "application/json"
    kinds = [kind for kind in (document["_type"], media_type.partition("/")[0]) if kind in _MODALITIES]
    part = {"modality": kinds[0] if kinds else "document", "mime_type": media_type}
    if file_id is not None:
        return {"type": "file", **part, "file_id": file_id}
    if is_file and has_uri:
        path = document["path"]
        return {"type": "uri", **part, "uri": path if "://" in path else base_uri + path}
    if is_file and source is None:
        raise InputError.of("message_part.source", "the store of the document", Verbatim("none"), "Or pass base_uri.")
    data = fetch(source, document, "message_part") if is_file and source else canonical.dump_bytes(document)
    return {"type": "blob", **part, "content": base64.b64encode(data).decode()}

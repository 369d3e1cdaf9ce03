"""TensorBoard: the writers of torch and tensorboardX, given summaries as `mediatypes export` makes them."""

from __future__ import annotations

from typing import Any

from ..._core.codec import encode
from ..._core.deps import need
from ..._core.errors import InputError, Verbatim
from ...store.memory import MemoryStore
from ..tensorboard.export import encode as protobuf
from ..tensorboard.export import summaries
from ..tensorboard.export.from_documents import Converter
from ._adapter import Adapter, Way, dropped, ways
from ._common import as_json, drawn, table_texts

_TENSORBOARD, _TENSORBOARDX = "tensorboard.compat.proto.summary_pb2", "tensorboardX.proto.summary_pb2"


class _Counter:
    """Gives the sidecars of one value, and remembers why it is not shown."""

    def __init__(self, store: MemoryStore) -> None:
        self._store, self.reason = store, "nothing of it"

    def lose(self, key: str, kind: str, reason: str, count: int = 1) -> None:
        self.reason = reason if count else self.reason

    def embed(self, reference: dict[str, Any], key: str, kind: str) -> bytes | None:
        return self._store.files[reference["path"]]


def _medium(value: Any, key: str) -> Any:
    store = MemoryStore()
    document = encode(value, store)
    counter = _Counter(store)
    parts = Converter(counter).convert(key, document["_type"], key, document)
    if not parts:
        raise InputError.of("", "a value that TensorBoard shows", Verbatim(f"{value!r}: {counter.reason}"))
    return _summary(*((key + suffix, content) for suffix, content in parts))


def _picture(value: Any, key: str) -> Any:
    return _medium(drawn(value), key)


def _table(value: Any, key: str) -> Any:
    rows = table_texts(value)
    cells = [cell for row in rows for cell in row]
    return _summary((key, summaries.texts(cells, (len(rows), len(rows[0])))))


def _text(value: Any, key: str) -> Any:
    return _summary((key, summaries.texts([value])))


def _summary(*parts: tuple[str, bytes]) -> Any:
    """The Summary message of these tags and values, of the package that is installed."""
    message = b"".join(protobuf.field(1, protobuf.field(1, tag) + content) for tag, content in parts)
    try:
        return _message_class(_TENSORBOARD).FromString(message)
    except ImportError:
        return _message_class(_TENSORBOARDX).FromString(message)


def _message_class(module: str) -> Any:
    return need(module, needed_for="logging to TensorBoard").Summary


def _send(writer: Any, objects: dict[str, Any], step: int | None) -> None:
    file = writer._get_file_writer()
    message = _message_class(_TENSORBOARDX if "tensorboardX" in type(file).__module__ else _TENSORBOARD)
    for made in objects.values():  # each package takes messages of its own class only
        file.add_summary(made if isinstance(made, message) else message.FromString(made.SerializeToString()), step)


ADAPTER = Adapter(
    title="TensorBoard",
    package="tensorboard",
    modules=("tensorboardX", "torch"),
    ways=ways(
        dropped("TensorBoard shows none"),
        number=Way("changed", "rounded to float32", lambda value, key: _summary((key, protobuf.single(2, value)))),
        string=Way("kept", "text", _text),
        json=Way("changed", "text, as JSON", lambda value, key: _text(as_json(value), key)),
        image=Way(
            "changed", "PNG, JPEG, GIF and BMP files as they are, others as PNG; boxes and masks drawn in", _picture
        ),
        video=Way("kept", "GIF only; others are refused", _medium),
        audio=Way("kept", "WAV as it is; FLAC, MP3 and Ogg become WAV", _medium),
        html=Way("changed", "text, of which TensorBoard shows the Markdown", _medium),
        histogram=Way("kept", "its own bins; counts of NaN and infinity are left out", _medium),
        table=Way("changed", "the first 100 rows as a table of texts", _table),
        tensor=Way("kept", "in the file, not shown", _medium),
        figure=Way("changed", "a picture, of matplotlib's; Plotly's are refused", _picture),
        plot=Way(
            "changed",
            "a picture (needs the extra report); pr curves as TensorBoard's own",
            lambda value, key: (_medium if value.preset == "pr_curve" else _picture)(value, key),
        ),
        object3d=Way("changed", "points or triangles with colors; no boxes", _medium),
    ),
    send=_send,
    hint="Pass target=torch.utils.tensorboard.SummaryWriter(folder), or it in forward_to=[...].",
)

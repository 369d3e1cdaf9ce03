"""The journal's frames: how one call to `log()` stands on disk.

A journal file is the magic bytes and then frames, all little-endian:

    u32 size of the whole frame | u8 kind | payload | u32 CRC-32 of all before it

`schemas/README.md` is the normative text. Only the standard library is used here: a run that logs scalars loads
neither numpy nor pyarrow before it finishes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any, Final
from zlib import crc32

from .._core import canonical
from .._core.errors import InputError
from ..columns.log_cells import fits

MAGIC: Final = b"MTJRNL1\n"
MAX_FRAME: Final = 2**27  # a larger claim is damage, whatever the checksum says
MAX_VALUES: Final = 2**21  # commas and opening brackets of a frame's JSON: its values take some 100 bytes each
MAX_LAYOUTS: Final = 1024  # of a journal file
MAX_COLUMNS: Final = 2**17  # keys of a journal file, each with each of its kinds

HEADER: Final = 1  # JSON: format, run, started, host, pid, began
LAYOUT: Final = 2  # u32 id, JSON [[key, code], ...]
ROW: Final = 3  # u32 layout id, i64 step, f64 timestamp, then the values
CALL: Final = 4  # i64 step, f64 timestamp, JSON [[key, kind, value], ...]
CONFIG: Final = 5  # JSON object, the whole config as it now is
SUMMARY: Final = 6  # JSON {key: [kind, value] or null to remove}
METRIC: Final = 7  # JSON, a metric's definition
PROBLEM: Final = 8  # JSON {path, message, code, hint, step}
CONFIG_CHANGE: Final = 9  # JSON {key: [value] or null to remove}
NAMES: Final = ("", "HEADER", "LAYOUT", "ROW", "CALL", "CONFIG", "SUMMARY", "METRIC", "PROBLEM", "CONFIG_CHANGE")

_HEAD: Final = struct.Struct("<IB")
_CRC: Final = struct.Struct("<I")
_CALL_HEAD: Final = struct.Struct("<qd")
pack_crc = _CRC.pack

CODES: Final = {"d": "f8", "q": "i8", "?": "?"}  # struct code: numpy type


class Layout:
    """The keys of a packed row, and the code of each value: `d` double, `q` int64, `?` bool."""

    __slots__ = ("codes", "id", "keys", "last", "pack", "sequence", "size", "unpack_values")

    def __init__(self, id: int, keys: tuple[str, ...], codes: str) -> None:
        self.id, self.keys, self.codes = id, keys, codes
        row = struct.Struct(f"<IBIqd{codes}")
        self.size = row.size + _CRC.size
        self.pack = row.pack
        self.unpack_values = struct.Struct(f"<{codes}").unpack_from
        self.last: bytes = b""  # the latest row, from which the summary is made when somebody asks
        self.sequence = -1  # and its call number

    @property
    def offset(self) -> int:
        """Where the values begin in a row frame."""
        return 25

    def values(self) -> dict[str, Any]:
        """The values of the latest row."""
        return dict(zip(self.keys, self.unpack_values(self.last, self.offset), strict=True))

    def declaration(self) -> bytes:
        payload = _CRC.pack(self.id) + canonical.dump_bytes(
            [list(pair) for pair in zip(self.keys, self.codes, strict=True)]
        )
        return frame(LAYOUT, payload)


def layout_columns(keys: Iterable[str], codes: str) -> list[tuple[str, str]]:
    """Keys and kinds of a layout, as MAX_COLUMNS counts them: integers beyond 2**53 as other numbers."""
    return [(key, "boolean" if code == "?" else "number") for key, code in zip(keys, codes, strict=True)]


def frame(kind: int, payload: bytes) -> bytes:
    """A whole frame; raises `InputError` if it is more than readers take."""
    size = _HEAD.size + len(payload) + _CRC.size
    if size > MAX_FRAME:
        raise InputError.of("log", f"at most {MAX_FRAME} bytes at once", size, "Log it in parts, or as a media value.")
    if len(payload) > MAX_VALUES and (values := _values(payload, b",", b"[", b"{")) > MAX_VALUES:
        hint = "Log it in parts, or as a media value such as mt.Tensor."
        raise InputError.of("log", f"at most {MAX_VALUES} commas and brackets at once", values, hint)
    body = _HEAD.pack(size, kind) + payload
    return body + _CRC.pack(crc32(body))


def json_frame(kind: int, value: object) -> bytes:
    """A frame whose payload is canonical JSON."""
    return frame(kind, canonical.dump_bytes(value))


def call_frame(step: int, timestamp: float, cells: list[tuple[str, str, Any]]) -> bytes:
    """A call that describes itself: every cell with its key and kind."""
    return frame(CALL, _CALL_HEAD.pack(step, timestamp) + canonical.dump_bytes(cells))


def parse_json(payload: memoryview, around: int = 0) -> Any:
    """The JSON of a payload; raises ValueError if it is none, or what readers refuse.

    Args:
        around: how deep the frame itself nests the values in it.
    """
    text = str(payload, "utf-8")
    if len(text) > MAX_VALUES and _values(text, ",", "[", "{") > MAX_VALUES:
        raise ValueError(f"its JSON has more than {MAX_VALUES} commas and brackets")
    return canonical.loads_encodable(text, canonical.MAX_DEPTH + around)


def _values(text: Any, *signs: Any) -> int:
    return sum(text.count(sign) for sign in signs)


def parse_call(payload: memoryview) -> tuple[int, float, list[list[Any]]]:
    """Step, timestamp and cells of a CALL payload; raises ValueError if it is malformed."""
    step, timestamp = _CALL_HEAD.unpack_from(payload)
    cells = parse_json(payload[_CALL_HEAD.size :], around=3)  # [[key, kind, [document, ...]], ...]
    if not isinstance(cells, list):
        raise ValueError("it is no list of cells")
    for cell in cells:
        if not (isinstance(cell, list) and len(cell) == 3 and isinstance(cell[0], str) and fits(cell[1], cell[2])):
            raise ValueError("a cell is not [key, kind, value] with a value of its kind")
    if len({key for key, _, _ in cells}) < len(cells):
        raise ValueError("it names a key twice")
    return step, timestamp, cells


def parse_summary(value: Any) -> dict[str, Any]:
    """The cells of a SUMMARY payload; raises ValueError if it is malformed."""
    for cell in value.values() if isinstance(value, dict) else [5]:
        if cell is not None and not (isinstance(cell, list) and len(cell) == 2 and fits(*cell)):
            raise ValueError("it is no object of [kind, value] or null")
    return dict(value)


def parse_problem(value: Any, names: Iterable[str]) -> list[str]:
    """These members of a PROBLEM payload, "" where there is none; raises ValueError if it is malformed."""
    members: list[Any] = [value.get(name, "") for name in names] if isinstance(value, dict) else [None]
    if not all(isinstance(member, str) for member in members):
        raise ValueError("it is no object of texts")
    return members


def parse_config_change(value: Any) -> dict[str, Any]:
    """The members of a CONFIG_CHANGE payload; raises ValueError if it is malformed."""
    for member in value.values() if isinstance(value, dict) else [5]:
        if member is not None and not (isinstance(member, list) and len(member) == 1):
            raise ValueError("it is no object of [value] or null")
    return dict(value)


def parse_layout(payload: memoryview) -> Layout:
    """The layout that a LAYOUT payload declares; raises ValueError if it is malformed."""
    (id,) = _CRC.unpack_from(payload)
    pairs = parse_json(payload[_CRC.size :])
    for pair in pairs if isinstance(pairs, list) else [None]:
        if not (
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, str) for x in pair) and pair[1] in CODES
        ):
            raise ValueError("it is no list of [key, code]")
    keys = tuple(str(key) for key, _ in pairs)
    if len(set(keys)) < len(keys):
        raise ValueError("it names a key twice")
    return Layout(id, keys, "".join(code for _, code in pairs))

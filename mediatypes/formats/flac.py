"""FLAC (RFC 9639): the length of a file whose header does not know it, as those that went through a pipe do not."""

from __future__ import annotations

_BEGIN = b"fLaC\0\0\0\x22"  # and the head of the first block, of 34 bytes
_LENGTH = slice(21, 26)  # of the file: 4 bits of the sample size, then the number of samples of a channel
_MAX_FRAME = 2**18  # bytes that are looked through for the last frame
_HEADER = 18  # bytes of a frame's header at most, and one behind
_MAX_TRIES = 16  # what begins like a frame and is none is rare


def with_length(data: bytes) -> bytes:
    """The file with its number of samples in the header, where that says 0, by its last frame; raises ValueError."""
    if data.count(_BEGIN) > 1:
        raise ValueError("It is two files, one behind the other.")
    if len(data) < 42 or data[:4] != b"fLaC" or int.from_bytes(data[_LENGTH], "big") & (2**36 - 1):
        return data
    position, tries = len(data), 0
    while tries < _MAX_TRIES and (position := data.rfind(b"\xff", max(42, len(data) - _MAX_FRAME), position)) >= 0:
        frame = data[position:]
        samples = _samples_until_end(frame[:_HEADER], int.from_bytes(data[8:10], "big"))
        tries += bool(samples)
        if samples and not _crc(frame, 16, 0x8005):
            known = int.from_bytes(data[_LENGTH], "big") | samples
            return b"".join([data[: _LENGTH.start], known.to_bytes(5, "big"), data[_LENGTH.stop :]])
    raise ValueError("Its last frame is not whole.")


def _samples_until_end(frame: bytes, block: int) -> int:
    """Samples of a channel up to the end of the frame that begins so; 0 if none does. `block` is the usual size."""
    if len(frame) < 8 or frame[1] & 0xFC != 0xF8:
        return 0
    width = max(1, 8 - (frame[4] ^ 0xFF).bit_length())  # bytes of a number coded as UTF-8 codes characters
    number = frame[4] & (0xFF >> width + (width > 1))
    for byte in frame[5 : 4 + width]:
        number = number << 6 | byte & 0x3F
    end, size = 4 + width, frame[2] >> 4
    if size in (6, 7):
        size = int.from_bytes(frame[end : end + size - 5], "big") + 1
        end += (frame[2] >> 4) - 5
    else:
        size = 192 if size == 1 else 576 << size - 2 if size < 6 else 256 << size - 8
    end += {12: 1, 13: 2, 14: 2}.get(frame[2] & 15, 0)
    if _crc(frame[: end + 1], 8, 0x07):
        return 0
    return size + (number if frame[1] & 1 else number * block)


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    """A checksum, most significant bit first; 0 over data that its own checksum ends."""
    crc, top = 0, 1 << bits - 1
    for byte in data:
        crc ^= byte << bits - 8
        for _ in range(8):
            crc = crc << 1 ^ polynomial if crc & top else crc << 1
        crc &= (top << 1) - 1
    return crc

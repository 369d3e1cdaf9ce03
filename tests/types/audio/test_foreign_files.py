"""Sound files as other programs give them: what is kept holds what a decoder hears, what is refused is named."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import soundfile

from mediatypes import Audio, InputError, MemoryStore, decode
from mediatypes import encode as encode_value
from tests.ffmpeg import PATTERN, TONE, Array, ffmpeg, heard, made

MP3 = ("-c:a", "libmp3lame", "-f", "mp3")
EXPECTED = "Audio: expected a file of wav, flac, ogg, mp3, got "
CONVERT = "ffmpeg -i FILE -vn sound.flac."
WHAT_IS_THERE = f"Convert what is there: {CONVERT}"


def refused(data: Any) -> str:
    with pytest.raises(InputError) as caught:
        Audio(data)
    return str(caught.value)


def tone() -> Array:
    return (0.5 * np.sin(np.arange(96_000) / 20)).astype(np.float32)


def written(format: str, subtype: str | None = None, rate: int = 48_000) -> bytes:
    buffer = BytesIO()
    soundfile.write(buffer, tone(), rate, format=format, subtype=subtype)
    return buffer.getvalue()


def read(data: bytes, dtype: Literal["int16", "int32", "float32"] = "float32") -> Array:
    with soundfile.SoundFile(BytesIO(data)) as file:
        samples: Array = file.read(file.frames, dtype)
    return samples


# MP3

ID3V2 = b"ID3\3\0\0\0\0\2\0" + b"a" * 256
ID3V2_BEHIND = b"ID3\4\0\x10\0\0\2\0" + b"a" * 256 + b"3DI\4\0\x10\0\0\2\0"
ID3V1 = b"TAG" + b"x" * 125
LYRICS3 = b"LYRICSBEGIN" + b"INF0000210" + b"000021LYRICS200" + ID3V1


def ape(*, header: bool) -> bytes:
    """An APEv2 tag of one item."""
    item = struct.pack("<II", 4, 0) + b"Title\0song"
    ends = [b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, flags) + bytes(8) for flags in (0xA0000000, 0)]
    footer = ends[1][:20] + struct.pack("<I", 0x80000000 * header) + bytes(8)
    return (ends[0] if header else b"") + item + footer


STREAMS = {
    "variable": ("-q:a", "4"),
    "constant": ("-b:a", "64k"),
    "constant with padded frames": ("-ar", "44100", "-b:a", "128k"),
    "stereo": ("-ac", "2", "-q:a", "2"),
    "MPEG-2": ("-ar", "22050", "-ac", "2", "-q:a", "5"),
    "MPEG-2.5": ("-ar", "8000", "-b:a", "8k"),
}


@pytest.mark.parametrize("options", STREAMS.values(), ids=STREAMS)
def test_every_frame_of_an_mp3_without_a_header_is_counted(options: tuple[str, ...]) -> None:
    data = ffmpeg(*TONE, *options, *MP3, "-write_xing", "0", "-id3v2_version", "0", "-")
    assert b"Xing" not in data
    assert b"Info" not in data
    audio = Audio(data)
    samples = heard(data, "mp3")
    assert (audio.frames, audio.channels) == samples.shape
    assert 2 <= audio.duration < 2.2
    np.testing.assert_allclose(audio.to_numpy().reshape(samples.shape), samples, atol=1e-4)


def test_an_mp3_out_of_a_pipe_is_whole() -> None:
    data = ffmpeg(*TONE, "-q:a", "4", *MP3, "-")
    assert Audio(data).frames == len(heard(data, "mp3"))


@pytest.mark.parametrize("write_xing", ["0", "1"])
@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (ID3V2, b""),
        (ID3V2 + ID3V2, b""),
        (ID3V2 + bytes(300), b""),
        (b"", ID3V1),
        (b"", ape(header=True)),
        (b"", ape(header=False)),
        (b"", ape(header=True) + ID3V1),
        (b"", LYRICS3),
        (ID3V2, ape(header=False) + ID3V1),
        (b"", ape(header=True) + ID3V2_BEHIND),
        (b"", bytes(5000)),
        (ape(header=True), b""),
        (ID3V2 + ape(header=True), ape(header=True)),
    ],
)
def test_tags_around_an_mp3_are_no_sound(write_xing: str, before: bytes, behind: bytes, tmp_path: Path) -> None:
    bare = made(tmp_path / "a.mp3", *TONE, "-b:a", "64k", *MP3, "-write_xing", write_xing, "-id3v2_version", "0")
    data = bare.read_bytes()
    tagged = Audio(before + data + behind)
    assert tagged.frames == len(heard(data, "mp3"))
    assert tagged.to_bytes() == before + data + behind
    np.testing.assert_array_equal(tagged.to_numpy(), Audio(data).to_numpy())


def test_what_lame_put_around_the_sound_is_not_counted(tmp_path: Path) -> None:
    data = made(tmp_path / "a.mp3", *TONE, "-q:a", "4", *MP3).read_bytes()
    assert Audio(data).frames == 96_000 == len(heard(data, "mp3"))


def test_a_tag_of_lame_that_leaves_no_sound_is_not_believed(tmp_path: Path) -> None:
    """LAME 3.97 writes such tags for sounds of some milliseconds."""
    short = ("-f", "lavfi", "-i", "sine=duration=0.02")
    data = bytearray(made(tmp_path / "a.mp3", *short, "-q:a", "4", *MP3).read_bytes())
    at = data.index(b"Info" if b"Info" in data else b"Xing")
    count = int.from_bytes(data[at + 8 : at + 12], "big")
    assert Audio(bytes(data)).frames == 882
    data[at + 141 : at + 144] = b"\xff\xff\xff"  # 4095 samples before and behind
    assert Audio(bytes(data)).frames == count * 1152 < 4095


def test_a_header_that_does_not_say_what_the_encoder_put_around_is_believed_in_the_rest() -> None:
    data = bytearray(written("MP3"))
    at = data.index(b"LAME")
    data[at : at + 24] = bytes(24)
    assert Audio(bytes(data)).frames == len(heard(bytes(data), "mp3"))


def test_a_first_frame_as_fraunhofer_writes_it_is_no_sound() -> None:
    frames = ffmpeg(*TONE, "-b:a", "64k", *MP3, "-write_xing", "0", "-id3v2_version", "0", "-")
    count = len(frames) // 192
    tag = b"VBRI" + struct.pack(">HHHII", 1, 0, 75, len(frames), count)
    first = (frames[:4] + bytes(32) + tag).ljust(192, b"\0")
    audio = Audio(first + frames)
    assert audio.frames == len(heard(first + frames, "mp3")) == count * 1152
    np.testing.assert_array_equal(audio.to_numpy(), Audio(frames).to_numpy())
    assert refused((first + frames)[:-384]).endswith(
        f"It is cut short: {count - 2} of {count} frames are there. {WHAT_IS_THERE}"
    )


@pytest.mark.parametrize("tag", [b"", ID3V1, ID3V2])
def test_mp3_files_one_behind_the_other_are_heard_to_the_end(tag: bytes) -> None:
    part = written("MP3")
    audio = Audio(part + tag + part)
    assert audio.frames == len(heard(part + part, "mp3")) > 2 * 96_000 - 1
    assert audio.to_numpy().shape == (audio.frames,)


@pytest.mark.parametrize("layer", ["2"])
@pytest.mark.parametrize("rate", ["44100", "48000", "16000"])
def test_layer_2_is_counted_too(layer: str, rate: str) -> None:
    data = ffmpeg(*TONE, "-ar", rate, "-c:a", "mp2", "-f", "mp2", "-")
    audio = Audio(data)
    samples = heard(data, "mp3")
    assert (audio.subtype, audio.frames) == ("MPEG_LAYER_II", len(samples))
    np.testing.assert_allclose(audio.to_numpy(), samples[:, 0], atol=1e-3)


def test_an_mp3_that_cannot_be_whole_is_refused_with_the_reason() -> None:
    bare = ffmpeg(*TONE, "-b:a", "64k", *MP3, "-write_xing", "0", "-id3v2_version", "0", "-")
    whole = "Audio: expected a whole mp3 file, got "
    cut = bare[:-100]
    assert refused(cut) == f"{whole}{len(cut):,} bytes. Its last frame has 92 of 192 bytes. {WHAT_IS_THERE}"
    torn = bare[:1920] + b"torn" + bare[1920:]
    assert refused(torn) == f"{whole}{len(torn):,} bytes. What stands at byte 1920 is no frame of it. {WHAT_IS_THERE}"
    mixed = bare + ffmpeg(*TONE, "-ar", "44100", *MP3, "-write_xing", "0", "-id3v2_version", "0", "-")
    at = len(bare)
    assert (
        refused(mixed)
        == f"{whole}{len(mixed):,} bytes. It changes to 1 channels at 44100 Hz at byte {at}. {WHAT_IS_THERE}"
    )
    free = b"\xff\xfb\x04\xc0" + bytes(400)
    assert refused(free) == (f"{whole}404 bytes. Its bit rate is free, which few programs read. {WHAT_IS_THERE}")
    alone = (b"\xff\xfb\x90\xc0" + bytes(17) + b"Xing\0\0\0\1").ljust(417, b"\0")
    assert refused(alone) == f"{whole}417 bytes. It has no frame with sound. {WHAT_IS_THERE}"
    said = written("MP3")
    short = said[: len(said) * 3 // 4]
    assert refused(short).startswith(f"{whole}{len(short):,} bytes. It")


def test_a_stream_that_was_joined_within_a_frame_is_named_with_what_to_do(tmp_path: Path) -> None:
    data = ffmpeg(*TONE, "-b:a", "64k", *MP3, "-write_xing", "0", "-id3v2_version", "0", "-")[100:]
    path = tmp_path / "joined.mp3"
    path.write_bytes(data)
    assert refused(path) == f"{EXPECTED}MP3 that begins within a frame. Convert it: {CONVERT}"
    assert Audio(made(tmp_path / "sound.flac", "-i", path)).duration == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"nut/multimedia container\0", "a NUT file"),
        (b"\0\0\1\xb0\1\0\0\1\xb5\x89\x13\0\0\1\0\0\0\1\x20", r"raw MPEG-4 pictures (m4v)"),
        (b"\0\0\0\1\x67\x64\0\x0b", "raw H.264 or H.265"),
        (b"PLAIN DATA", "2,010 bytes starting b'PLAIN DATA\\xff\\xfa'"),
    ],
)
def test_bytes_that_look_like_a_frame_of_free_bit_rate_are_no_mp3(start: bytes, name: str) -> None:
    """Such a frame has no length, so nothing can stand behind it."""
    data = (start + b"\xff\xfa\x04\0").ljust(len(start) + 2000, b"\x11")
    assert refused(data).startswith(f"{EXPECTED}{name}. ")


def test_a_text_in_utf_16_is_no_mp3() -> None:
    text = "a,b\n".encode("utf-16-le") * 20
    assert refused(b"\xff\xfe" + text) == f"{EXPECTED}a text in UTF-16. Convert it to WAV or FLAC."


def test_an_mp3_comes_back_from_its_document() -> None:
    store = MemoryStore()
    audio = Audio(ffmpeg(*TONE, *MP3, "-"))
    found = decode(encode_value(audio, store), store)
    assert found == audio
    np.testing.assert_array_equal(found.to_numpy(), audio.to_numpy())


# WAV


def sized(data: bytes, samples: int, whole: int) -> bytes:
    """A WAV file with other sizes of its samples and of itself in its header."""
    at = data.index(b"data") + 4
    return data[:4] + struct.pack("<I", whole) + data[8:at] + struct.pack("<I", samples) + data[at + 4 :]


@pytest.mark.parametrize(
    "options",
    [(), ("-c:a", "pcm_s24le"), ("-c:a", "pcm_f32le"), ("-rf64", "always"), ("-c:a", "pcm_u8", "-ac", "2")],
)
def test_a_wav_file_out_of_a_pipe_reaches_to_its_end(options: tuple[str, ...], tmp_path: Path) -> None:
    piped = Audio(ffmpeg(*TONE, *options, "-f", "wav", "-"))
    seekable = Audio(made(tmp_path / "a.wav", *TONE, *options))
    assert piped.frames == 96_000
    np.testing.assert_array_equal(piped.to_numpy(), seekable.to_numpy())


@pytest.mark.parametrize(
    ("samples", "whole"),
    [
        (0, 0),
        (0, "file"),
        (0xFFFFFFFF, 0xFFFFFFFF),  # OpenAI, ffmpeg
        (0xFFFFFFFF - 36, 0xFFFFFFFF),
        (0x7FFFF000, 0x7FFFF024),  # SoX
        (0x80000000, 0x80000024),  # arecord
        (200_000, "file"),
        (200_000, 0),
    ],
)
def test_sizes_that_were_not_known_when_they_were_written_are_those_of_the_file(samples: int, whole: Any) -> None:
    right = written("WAV")
    data = sized(right, samples, len(right) - 8 if whole == "file" else whole)
    audio = Audio(data)
    assert audio.to_bytes() == data
    np.testing.assert_array_equal(audio.to_numpy(), read(right, "int16"))


def test_a_wav_file_that_was_cut_is_refused() -> None:
    data = written("WAV")
    assert refused(data[:-1000]) == (
        "Audio: expected a readable WAV file, got 191000 of 192000 bytes of samples. "
        "Write the file again, or convert it with another program."
    )


def test_no_samples_before_further_chunks_are_none() -> None:
    head = written("WAV")[:36]
    data = head + b"data\0\0\0\0" + b"LIST\4\0\0\0INFO"
    assert refused(data) == "Audio: expected at least one frame, got 0. Skip empty clips."


def test_the_last_bytes_of_a_pipe_may_be_no_whole_frame() -> None:
    data = ffmpeg(*TONE, "-ac", "2", "-f", "wav", "-")
    assert Audio(data[:-3]).frames == 95_999


@pytest.mark.parametrize("more", [b"x", b"xy", b"xyz"])
def test_a_part_of_a_frame_at_the_end_is_dropped_as_players_do(more: bytes) -> None:
    data = ffmpeg(*TONE, "-ac", "2", "-f", "wav", "-")
    data = sized(data[: data.index(b"data") + 8 + 4000] + more, 4000 + len(more), 0)
    np.testing.assert_array_equal(Audio(data).to_numpy(), read(data, "int16"))
    assert Audio(data).frames == 1000


def test_a_broadcast_wave_of_64_bits_is_a_wav_file(tmp_path: Path) -> None:
    data = made(tmp_path / "a.wav", *TONE, "-rf64", "always").read_bytes()
    assert Audio(b"BW64" + data[4:]).frames == Audio(data).frames == 96_000


@pytest.mark.parametrize(
    "subtype", ["GSM610", "G721_32", "NMS_ADPCM_16", "NMS_ADPCM_32", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"]
)
def test_samples_of_every_codec_that_is_accepted_can_be_had(subtype: str) -> None:
    data = written("WAV", subtype, 8000)
    audio = Audio(data)
    assert audio.subtype == subtype
    samples = audio.to_numpy()
    assert len(samples) == audio.frames
    np.testing.assert_array_equal(samples, read(data))


def test_nothing_beside_the_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = written("MP3")
    (tmp_path / "._").write_bytes(b"what libsndfile takes for the resource fork of a file without a name")
    monkeypatch.chdir(tmp_path)
    assert Audio(data).frames == len(Audio(data).to_numpy()) == 96_000


def test_mp3_in_wav_is_counted_as_mp3(tmp_path: Path) -> None:
    data = made(tmp_path / "a.wav", *TONE, "-c:a", "libmp3lame").read_bytes()
    audio = Audio(data)
    samples = heard(data, "wav")
    assert (audio.format, audio.subtype, audio.frames) == ("wav", "MPEG_LAYER_III", len(samples))
    np.testing.assert_allclose(audio.to_numpy(), samples[:, 0], atol=1e-4)


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("adpcm_yamaha", "Yamaha ADPCM"),
        ("aac", "AAC"),
        ("ac3", "AC-3"),
        ("wmav2", "Windows Media Audio"),
        ("flac", "FLAC"),
        ("adpcm_swf", "the codec 0x5346"),
    ],
)
def test_a_codec_that_soundfile_does_not_know_is_named(codec: str, name: str, tmp_path: Path) -> None:
    data = made(tmp_path / "a.wav", *TONE, "-ar", "44100", "-c:a", codec).read_bytes()
    assert refused(data) == (
        f"Audio: expected samples that soundfile reads, got a WAV file of {name}. Convert it: {CONVERT}"
    )


# FLAC and Ogg


@pytest.mark.parametrize("options", [(), ("-ac", "2", "-ar", "44100"), ("-sample_fmt", "s32"), ("-frame_size", "4000")])
def test_a_flac_file_out_of_a_pipe_is_counted(options: tuple[str, ...]) -> None:
    data = ffmpeg(*TONE, *options, "-c:a", "flac", "-f", "flac", "-")
    assert int.from_bytes(data[21:26], "big") & (2**36 - 1) == 0
    audio = Audio(data)
    samples = heard(data, "flac")
    assert (audio.frames, audio.channels) == samples.shape
    full = 2**15 if audio.subtype == "PCM_16" else 2**31
    scale = full if samples.dtype == np.float64 else full if samples.dtype.kind == "i" else 1
    found = audio.to_numpy().reshape(samples.shape)
    np.testing.assert_array_equal(found / full, samples if samples.dtype.kind == "f" else samples / scale)


def test_tags_behind_a_flac_file_out_of_a_pipe_are_no_sound() -> None:
    data = ffmpeg(*TONE, "-c:a", "flac", "-f", "flac", "-")
    np.testing.assert_array_equal(Audio(data + ID3V1).to_numpy(), Audio(data).to_numpy())


def test_a_flac_file_out_of_a_pipe_that_was_cut_is_refused() -> None:
    data = ffmpeg(*TONE, "-c:a", "flac", "-f", "flac", "-")[:-10]
    assert refused(data) == (
        f"Audio: expected a whole flac file, got {len(data):,} bytes. Its last frame is not whole. {WHAT_IS_THERE}"
    )


def test_flac_files_one_behind_the_other_are_refused_and_not_half_heard() -> None:
    data = written("FLAC") * 2
    assert refused(data) == (
        f"Audio: expected a whole flac file, got {len(data):,} bytes. "
        f"It is two files, one behind the other. {WHAT_IS_THERE}"
    )


@pytest.mark.parametrize("codec", ["libvorbis", "libopus"])
def test_an_ogg_file_that_was_cut_without_encoding_is_as_long_as_it_sounds(codec: str, tmp_path: Path) -> None:
    whole = made(tmp_path / "a.ogg", *TONE, "-c:a", codec, "-page_duration", "100000")
    data = made(tmp_path / "b.ogg", "-ss", "0.5", "-i", whole, "-c", "copy").read_bytes()
    audio = Audio(data)
    assert audio.frames == 72_000 == len(audio.to_numpy())
    assert 72_000 <= len(heard(data, "ogg")) <= 72_000 + 4096  # FFmpeg leaves the first block of Vorbis whole


@pytest.mark.parametrize("codec", ["libvorbis", "libopus"])
def test_an_ogg_file_with_several_streams_is_refused_and_not_half_heard(codec: str) -> None:
    data = ffmpeg(*TONE, "-c:a", codec, "-f", "ogg", "-")
    got = "Audio: expected one stream of sound in an Ogg file, got 2 "
    assert refused(data + data) == f"{got}one behind the other. Convert it: {CONVERT}"
    both = ffmpeg(*TONE, *TONE, "-map", "0", "-map", "1", "-c:a", codec, "-f", "ogg", "-")
    assert refused(both) == f"{got}at once. Convert it: {CONVERT}"


# what is something else

OTHERS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "aac": (("-c:a", "aac"), "raw AAC (ADTS)", "sound"),
    "ac3": (("-c:a", "ac3"), "AC-3 sound", "sound"),
    "eac3": (("-c:a", "eac3"), "AC-3 sound", "sound"),
    "dts": (("-c:a", "dca", "-strict", "-2"), "DTS sound", "sound"),
    "m4a": (("-c:a", "aac"), "an mp4 file of sound (m4a)", "sound"),
    "mov": (("-c:a", "aac"), "a QuickTime file (mov) of sound", "sound"),
    "webm": (("-c:a", "libopus"), "a WebM file of sound", "sound"),
    "mka": (("-c:a", "flac"), "a Matroska file (mka)", "sound"),
    "oga": (("-c:a", "flac"), "an Ogg file of FLAC", "sound"),
    "latm": (("-c:a", "aac"), "raw AAC (LATM)", "sound"),
    "tta": (("-c:a", "tta"), "a True Audio file", "sound"),
    "wv": (("-c:a", "wavpack"), "a WavPack file", "sound"),
    "aiff": ((), "an AIFF file", "samples"),
    "au": ((), "an AU file", "samples"),
    "caf": ((), "a Core Audio file (caf)", "samples"),
    "w64": ((), "a Wave64 file (w64)", "samples"),
    "wma": (("-c:a", "wmav2"), "a Windows Media file (wmv, wma)", "either"),
    "ts": (("-c:a", "aac"), "an MPEG transport stream", "either"),
    "avi": (("-c:a", "mp3"), "an AVI file", "either"),
    "flv": (("-ar", "44100", "-c:a", "aac"), "a Flash video", "either"),
}
WHAT_TO_DO = {
    "sound": f"Convert it: {CONVERT}",
    "samples": "Pass its samples: Audio(*soundfile.read(FILE)).",
    "either": f"Take its sound: {CONVERT}",
}


@pytest.mark.parametrize(("suffix", "options", "name", "kind"), [(name, *rest) for name, rest in OTHERS.items()])
def test_another_sound_file_is_named_with_what_to_do(
    suffix: str, options: tuple[str, ...], name: str, kind: str, tmp_path: Path
) -> None:
    path = made(tmp_path / f"a.{suffix}", *TONE, *options)
    assert refused(path) == f"{EXPECTED}{name}. {WHAT_TO_DO[kind]}"
    if suffix == "ts" and ffmpeg("-version").startswith(b"ffmpeg version 7."):
        pytest.skip("FFmpeg 7.0.2, which imageio-ffmpeg before 0.8 brings, crashes when it reads a transport stream")
    if kind == "samples":
        assert Audio(*soundfile.read(path)).frames == 96_000  # the advice is good
    else:
        assert Audio(made(tmp_path / "sound.flac", "-i", path, "-vn")).frames > 80_000


@pytest.mark.parametrize(
    ("suffix", "options", "name"),
    [
        ("mp4", ("-c:v", "libx264", "-c:a", "aac"), "an mp4 file"),
        ("webm", ("-c:v", "libvpx", "-c:a", "libopus"), "a WebM file"),
        ("ogv", ("-c:v", "libtheora", "-c:a", "libvorbis"), "an Ogg file"),
    ],
)
def test_a_video_is_no_audio(suffix: str, options: tuple[str, ...], name: str, tmp_path: Path) -> None:
    path = made(tmp_path / f"a.{suffix}", *PATTERN, *TONE, "-pix_fmt", "yuv420p", *options)
    assert refused(path) == f"{EXPECTED}{name}. It has pictures: pass it to Video, or take its sound: {CONVERT}"


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"GIF89a", "a GIF. It has pictures: pass it to Video."),
        (b"\xff\xd8\xff\xe0", "a JPEG image. Pass it to Image."),
        (b"MThd\0\0\0\6", "a MIDI file: notes, not sound. Convert it to WAV or FLAC."),
        (b"RIFF\0\0\0\0AVI ", f"an AVI file. Take its sound: {CONVERT}"),
        (b"#!AMR\n", f"an AMR file. Convert it: {CONVERT}"),
        (b"CWS\5" + bytes(200) + b"\xff\xfb\x90\0" * 40, "a Flash program (swf). Convert it to WAV or FLAC."),
    ],
)
def test_other_files_are_told_by_their_first_bytes(start: bytes, message: str) -> None:
    assert refused(start + bytes(100)) == EXPECTED + message


def test_an_id3_tag_may_stand_before_other_sound() -> None:
    raw = ffmpeg(*TONE, "-c:a", "aac", "-f", "adts", "-")
    assert refused(ID3V2 + raw) == f"{EXPECTED}raw AAC (ADTS). Convert it: {CONVERT}"
    assert refused(ID3V2 + written("WAV")) == f"{EXPECTED}a WAV file. Remove the tag before it."
    assert refused(ID3V2) == f"{EXPECTED}a tag of ID3 or APE alone. Convert it to WAV or FLAC."
    assert Audio(ID3V2 + written("FLAC")).format == "flac"


# how much


def test_hours_of_silence_in_few_bytes_are_refused_before_they_are_decoded() -> None:
    data = bytearray(written("FLAC"))
    data[21:26] = ((data[21] >> 4 << 36) | 2**26 + 1).to_bytes(5, "big")
    assert refused(bytes(data)) == (
        f"Audio: expected at most 67108864 samples in {len(data)} bytes of flac, got 67108865. Log a shorter clip."
    )


@pytest.mark.parametrize("seed", range(4))
def test_no_damage_does_harm(seed: int) -> None:
    """What is neither refused nor named broken can be read to its end."""
    tone = ("-f", "lavfi", "-i", "sine=duration=0.1")
    kinds = (("libmp3lame", "mp3"), ("flac", "flac"), ("libvorbis", "ogg"), ("pcm_s16le", "wav"))
    files = [ffmpeg(*tone, "-c:a", codec, "-f", format, "-") for codec, format in kinds]
    pieces = [ID3V2, ID3V1, ape(header=True), LYRICS3, ID3V2_BEHIND[-10:], b"Xing\0\0\0\x0f", b"VBRI", b"fLaC", b"OggS"]
    rng = np.random.default_rng(seed)
    for _ in range(100):
        data = bytearray(files[rng.integers(len(files))])
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(min(60, len(data)) if rng.random() < 0.5 else len(data)))
            data[at : at + int(rng.integers(3))] = pieces[rng.integers(len(pieces))] if rng.random() < 0.3 else b"\xff"
        try:
            audio = Audio(bytes(data))
        except InputError:
            continue
        assert len(audio.to_numpy()) == audio.frames

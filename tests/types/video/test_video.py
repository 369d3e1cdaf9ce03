"""Video: arrays, tiles, clips and files in; gif, mp4, webm and ogg out."""

from __future__ import annotations

import hashlib
import io
import math
import sys
from pathlib import Path
from typing import Any, ClassVar

import av
import numpy as np
import PIL.Image
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

import mediatypes as mt
from mediatypes.testing import ValueContract
from mediatypes.types.video import decode, encode
from tests.samples import FakeTensor

Array = np.ndarray[Any, np.dtype[Any]]
FORMATS = ("gif", "mp4", "webm", "ogg")
CONVERT = "Convert it to mp4 or webm: ffmpeg -i FILE video.mp4."


def pan(length: int = 6, height: int = 32, width: int = 48) -> Array:
    """(T, 3, H, W): a camera moving over a photograph."""
    photo = skimage.data.astronaut()
    frames = [photo[80 + t : 80 + t + height, 150 + 2 * t : 150 + 2 * t + width] for t in range(length)]
    return np.stack(frames).transpose(0, 3, 1, 2)


def with_alpha(frames: Array) -> Array:
    """A fourth channel: transparent at the left, opaque at the right."""
    ramp = np.linspace(0, 255, frames.shape[3]).astype(np.uint8)
    return np.concatenate([frames, np.broadcast_to(ramp, (len(frames), 1, *frames.shape[2:]))], axis=1)


def encoded(video: mt.Video) -> bytes:
    store = mt.MemoryStore()
    return store.files[mt.encode(video, store)["path"]]


def psnr(found: Array, expected: Array) -> float:
    error = float(np.mean((found.astype(float) - expected) ** 2))
    return 10 * math.log10(255**2 / error) if error else math.inf


def refused(*args: Any, **options: Any) -> str:
    with pytest.raises(mt.InputError) as caught:
        mt.Video(*args, **options)
    return str(caught.value)


class TestVideoContract(ValueContract):
    packages: ClassVar[frozenset[str]] = ValueContract.packages | {"av", "imageio_ffmpeg"}

    def examples(self) -> dict[str, Any]:
        return {
            "gif of floats": mt.Video(pan() / 255, caption="a pan", fps=30),
            "mp4 of clips": mt.Video(np.stack([pan(3), pan(3)]), format="mp4"),
            "webm with alpha": mt.Video(with_alpha(pan(3)), format="webm"),
            "webm lossless": mt.Video(pan(3), lossless=True),
            "ogg": mt.Video(pan(3), format="ogg"),
            "range": mt.Video(pan(3).astype(np.uint16) * 257, value_range=(0, 65535)),
            "file with sound": mt.Video(file_with_sound()),
        }

    def bad_documents(self) -> dict[str, Any]:
        return {
            "no frame": ({"frames": 0}, "frames: expected an integer >= 1, got 0."),
            "unknown format": (
                {"format": "avi"},
                "format: expected one of gif, mp4, webm, ogg, webp, apng, avif, tiff, got 'avi'.",
            ),
            "format of another file": (
                {"format": "mp4"},
                "video.format: expected gif, that of the file, got 'mp4'. Restore it.",
            ),
        }


def file_with_sound() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        picture = container.add_stream("libx264", rate=10, options={"flags": "+bitexact"})
        picture.width, picture.height, picture.pix_fmt = 48, 32, "yuv420p"
        picture.codec_context.thread_count = 1
        sound = container.add_stream("aac", rate=44100, layout="mono", options={"flags": "+bitexact"})
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        tone.sample_rate = 44100
        container.mux(sound.encode(tone))
        container.mux(sound.encode())
        for frame in pan(5).transpose(0, 2, 3, 1):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(picture.encode())
    return buffer.getvalue()


@pytest.fixture(scope="module", params=FORMATS)
def file(request: pytest.FixtureRequest) -> tuple[str, bytes]:
    """A format, and a file of 12 frames of 48 x 32 at 10 frames a second."""
    return request.param, encoded(mt.Video(pan(12), fps=10, format=request.param))


# arrays


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("height", "width"), [(32, 48), (31, 47), (17, 20)])
@pytest.mark.parametrize("length", [1, 5])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_array_comes_back_about_as_it_was(format: str, height: int, width: int, length: int, channels: int) -> None:
    frames = pan(length, height, width)[:, :channels]
    video = mt.Video(frames, format=format)
    found = video.to_numpy()
    assert found.shape == frames.shape
    assert found.dtype == np.uint8
    assert psnr(found, frames) > 24
    assert (video.width, video.height, video.frames, video.format) == (width, height, length, format)


@pytest.mark.parametrize(("format", "codec"), [("gif", "gif"), ("mp4", "h264"), ("webm", "vp9"), ("ogg", "theora")])
def test_the_document_says_what_the_file_is(format: str, codec: str) -> None:
    document = mt.encode(mt.Video(pan(), caption="pan", fps=12.5, format=format), mt.MemoryStore())
    del document["path"], document["sha256"], document["size"]
    media_type = "image/gif" if format == "gif" else f"video/{format}"
    kind = {"_type": "video", "_version": "1.0", "media_type": media_type, "format": format, "codec": codec}
    size = {"fps": 12.5, "frames": 6, "duration": 0.48, "width": 48, "height": 32, "channels": 3}
    assert document == {**kind, **size, "caption": "pan"}


def test_the_default_is_a_gif_of_four_frames_a_second() -> None:
    video = mt.Video(pan(6))
    assert (video.fps, video.format, video.codec, video.duration, video.caption) == (4.0, "gif", "gif", 1.5, None)
    assert repr(video) == "Video(6 frames 48x32 at 4 fps, gif)"


def test_a_value_does_not_change_with_the_array_it_was_made_from() -> None:
    frames = pan().copy()
    video = mt.Video(frames)
    expected = mt.Video(frames)
    expected.to_numpy()
    frames[:] = 0
    assert video == expected


@pytest.mark.parametrize("format", FORMATS)
def test_bytes_are_the_same_every_time(format: str) -> None:
    digests = {hashlib.sha256(encoded(mt.Video(pan(), format=format, fps=29.97))).hexdigest() for _ in range(3)}
    assert len(digests) == 1


@pytest.mark.parametrize("format", FORMATS)
def test_files_name_no_encoder_version(format: str) -> None:
    data = encoded(mt.Video(pan(), format=format))
    assert b"x264 - core" not in data
    assert not any(version in data for version in (b"Lavf6", b"Lavc6", b"Lavf5", b"Lavc5"))


@pytest.mark.parametrize("format", ["mp4", "webm"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["photograph", "noise"])
def test_lossless_keeps_every_pixel(format: str, channels: int, kind: str) -> None:
    frames = pan(4, 31, 47) if kind == "photograph" else np.random.default_rng(0).integers(0, 256, (4, 3, 31, 47))
    frames = frames[:, :channels].astype(np.uint8)
    store = mt.MemoryStore()
    document = mt.encode(mt.Video(frames, format=format, lossless=True), store)
    assert document["lossless"] is True
    assert np.array_equal(mt.decode(document, store).to_numpy(), frames)


def test_lossless_alone_means_webm() -> None:
    assert mt.Video(pan(2), lossless=True).format == "webm"


@pytest.mark.parametrize(
    ("array", "options", "source"),
    [
        (pan(2) / 255, {}, {"dtype": "float64", "value_range": [0.0, 1.0]}),
        ((pan(2) / 255).astype(np.float16), {}, {"dtype": "float16", "value_range": [0.0, 1.0]}),
        (pan(2) > 127, {}, {"dtype": "bool", "value_range": [0.0, 1.0]}),
        (pan(2).astype(np.int64), {}, {"dtype": "int64"}),
        (pan(2) / 127.5 - 1, {"value_range": (-1, 1)}, {"dtype": "float64", "value_range": [-1.0, 1.0]}),
        (
            pan(2).astype(np.uint16) * 257,
            {"value_range": (0, 65535)},
            {"dtype": "uint16", "value_range": [0.0, 65535.0]},
        ),
    ],
    ids=["float64", "float16", "bool", "int64", "range", "uint16"],
)
def test_values_become_pixels_by_the_rules_of_image(array: Array, options: Any, source: Any) -> None:
    video = mt.Video(array, lossless=True, **options)
    assert mt.encode(video, mt.MemoryStore())["source"] == source
    for found, frame in zip(video.to_numpy(), array, strict=True):
        assert np.array_equal(found.transpose(1, 2, 0), mt.Image(frame.transpose(1, 2, 0), **options).to_numpy())


@pytest.mark.usefixtures("fake_torch")
def test_tensors_are_arrays() -> None:
    assert mt.Video(FakeTensor(pan(2))) == mt.Video(pan(2))


@pytest.mark.parametrize(
    ("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (3, 1, 4), (4, 2, 2), (5, 2, 4), (9, 2, 8), (16, 4, 4)]
)
def test_clips_are_tiled_row_by_row_and_filled_up_with_black(count: int, rows: int, columns: int) -> None:
    clips = np.stack([pan(2, 8, 12) // 2 + 10 * i for i in range(count)])
    video = mt.Video(clips, lossless=True)
    found = video.to_numpy().reshape(2, 3, rows, 8, columns, 12).transpose(2, 4, 0, 1, 3, 5).reshape(-1, 2, 3, 8, 12)
    assert np.array_equal(found[:count], clips)
    assert not found[count:].any()
    assert mt.encode(video, mt.MemoryStore())["clip_count"] == count


# gif


def read_gif(data: bytes) -> tuple[list[Array], list[int]]:
    """Frames and delays as FFmpeg decodes them, which merges nothing."""
    with av.open(io.BytesIO(data), "r", format="gif") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        delays = [int((packet.duration or 0) * (packet.time_base or 0) * 100) for packet in packets]
        container.seek(0)
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)], delays


def test_equal_frames_of_a_gif_all_stay() -> None:
    frames = np.repeat(pan(1), 10, axis=0)
    data = encoded(mt.Video(frames))
    assert len(read_gif(data)[0]) == 10
    assert mt.Video(data).frames == 10
    assert len(data) < len(encoded(mt.Video(frames[:1]))) + 9 * 40


@pytest.mark.parametrize(
    ("fps", "delays"),
    [
        (4, [25, 25, 25, 25, 25, 25]),
        (10, [10] * 6),
        (30, [3, 4, 3, 3, 4, 3]),
        (24, [4, 4, 5, 4, 4, 4]),
        (50, [2] * 6),
        (0.5, [200] * 6),
    ],
)
def test_delays_of_a_gif_are_rounded_so_that_no_error_adds_up(fps: float, delays: list[int]) -> None:
    data = encoded(mt.Video(pan(6), fps=fps))
    assert read_gif(data)[1] == delays
    assert mt.Video(data).duration == pytest.approx(6 / fps, abs=0.005)


def test_a_gif_keeps_few_colours_exactly() -> None:
    frames = np.full((12, 3, 40, 60), 30, np.uint8)
    for t in range(12):
        frames[t, :, t : t + 8, 3 * t : 3 * t + 8] = np.array([250, 31, 10 + t])[:, None, None]
    video = mt.Video(frames)
    assert np.array_equal(video.to_numpy(), frames)
    shown, _ = read_gif(encoded(video))
    assert np.array_equal(np.stack(shown).transpose(0, 3, 1, 2), frames)


def test_a_gif_keeps_grey_frames_exactly() -> None:
    frames = pan(5)[:, :1]
    assert np.array_equal(mt.Video(frames).to_numpy(), frames)


def test_a_gif_keeps_of_alpha_whether_it_is_at_least_half() -> None:
    frames = with_alpha(pan(4))
    found = mt.Video(frames).to_numpy()
    opaque = frames[:, 3] >= 128
    assert np.array_equal(found[:, 3], np.where(opaque, 255, 0))
    shown = np.broadcast_to(opaque[:, None], frames[:, :3].shape)
    assert psnr(found[:, :3][shown], frames[:, :3][shown]) > 29


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_gif_of_few_colours_is_exact(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(*(st.integers(1, 6),) * 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    colours = rng.integers(0, 256, (data.draw(st.integers(1, 256)), 3), np.uint8)
    frames = colours[rng.integers(0, len(colours), shape)].transpose(0, 3, 1, 2)
    assert np.array_equal(mt.Video(frames).to_numpy(), frames)


def test_webm_keeps_alpha() -> None:
    frames = with_alpha(pan(4))
    found = mt.Video(frames, format="webm").to_numpy()
    assert np.abs(found[:, 3].astype(int) - frames[:, 3]).mean() < 3


@pytest.mark.parametrize("format", ["mp4", "webm", "ogg"])
def test_colours_survive(format: str) -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [128, 128, 128]], np.uint8)
    frames = np.broadcast_to(colours[:, :, None, None], (6, 3, 32, 32))
    found = mt.Video(frames, format=format).to_numpy()
    assert np.abs(found.astype(int) - frames).max() <= 8


# files


def test_a_file_is_kept_byte_for_byte_and_probed(file: tuple[str, bytes], tmp_path: Path) -> None:
    format, data = file
    path = tmp_path / "video.bin"
    path.write_bytes(data)
    with open(path, "rb") as opened:
        for given_as in (path, str(path), data, io.BytesIO(data), opened):
            video = mt.Video(given_as)
            assert encoded(video) == data
            assert (video.format, video.frames, video.width, video.height) == (format, 12, 48, 32)
            assert video.fps == pytest.approx(10)
            assert video.duration == pytest.approx(1.2, abs=0.002)
            assert mt.encode(video, store := mt.MemoryStore())["path"].endswith(f".{format}")
            assert len(store.files) == 1


def test_options_may_repeat_what_a_file_is(file: tuple[str, bytes]) -> None:
    format, data = file
    assert mt.Video(data, fps=10, format=format) == mt.Video(data)


def test_options_may_not_ask_for_another_file(file: tuple[str, bytes]) -> None:
    format, data = file
    other = "mp4" if format != "mp4" else "webm"
    assert refused(data, fps=25, format=other, value_range=(0, 1), lossless=True) == "\n".join(
        [
            "4 problems:",
            f"- Video.format: expected {format}, that of the file, got '{other}'. Leave it out.",
            "- Video.fps: expected 10, that of the file, got 25. Leave it out.",
            "- Video.value_range: expected None for a file, got (0, 1). Leave it out.",
            "- Video.lossless: expected False for a file, which is kept as it is, got True. Leave it out.",
        ]
    )


def test_a_file_that_ends_too_early_is_refused(file: tuple[str, bytes]) -> None:
    format, data = file
    cuts = [*range(8, 300, 7), *range(300, len(data), len(data) // 20), len(data) - 1]
    for cut in cuts:
        with pytest.raises(mt.InputError):
            mt.Video(data[:cut])
    if format != "gif":
        expected = f"Video: expected a whole {format} file, got a broken one. It ends too early."
        assert refused(data[:-20]) == expected  # half of it may end with a box


def test_a_damaged_file_is_refused_or_shown(file: tuple[str, bytes]) -> None:
    _, data = file
    rng = np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(data)
        for position in rng.integers(0, len(data), 4):
            damaged[position] = rng.integers(256)
        try:
            video = mt.Video(bytes(damaged))
            frames = video.to_numpy()
        except (mt.InputError, mt.CodecError):
            continue
        assert (frames.ndim, frames.dtype) == (4, np.uint8)


def muxed(container: str, codec: str) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for frame in pan(3).transpose(0, 2, 3, 1):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        output.mux(stream.encode())
    return buffer.getvalue()


def png() -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(pan(1)[0].transpose(1, 2, 0)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "got"),
    [
        (b"not a video at all", "18 bytes starting b'not a video '. Convert it to mp4 or webm."),
        (b"", "0 bytes starting b''. Convert it to mp4 or webm."),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "a list of files for ffmpeg. Convert it to mp4 or webm."),
        (
            b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://localhost/a.ts\n",
            "a playlist. Convert it to mp4 or webm.",
        ),
        (png(), "a PNG image. Pass it to Image."),
        (muxed("avi", "mpeg4"), f"an AVI file. {CONVERT}"),
        (muxed("matroska", "libx264"), f"a Matroska file (mkv). {CONVERT}"),
        (muxed("mov", "libx264"), f"a QuickTime file (mov). {CONVERT}"),
        (muxed("flv", "libx264"), f"a Flash video. {CONVERT}"),
    ],
    ids=["text", "empty", "ffconcat", "m3u8", "png", "avi", "mkv", "mov", "flv"],
)
def test_what_is_not_a_video_we_keep_is_named(data: bytes, got: str, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(data)
    formats = "gif, mp4, webm, ogg, webp, apng, avif, tiff"
    expected = f"Video: expected a video file ({formats}), got {got}"
    assert refused(path) == expected
    assert refused(data) == expected


@pytest.mark.parametrize(("container", "codec"), [("mp4", "mpeg4"), ("webm", "libvpx")])
def test_files_of_other_codecs_are_kept(container: str, codec: str) -> None:
    data = muxed(container, codec)
    video = mt.Video(data)
    assert encoded(video) == data
    assert (video.frames, video.width, video.codec) == (3, 48, {"libvpx": "vp8"}.get(codec, codec))
    assert psnr(video.to_numpy(), pan(3)) > 25


def test_sound_of_a_file_is_noted() -> None:
    assert mt.encode(mt.Video(file_with_sound()), mt.MemoryStore())["has_audio"] is True


def test_a_gif_with_delays_of_zero_lasts_as_browsers_play_it() -> None:
    first, second = (PIL.Image.fromarray(frame.transpose(1, 2, 0)) for frame in pan(2))
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=[second], duration=0)
    video = mt.Video(buffer)
    assert (video.frames, video.duration, video.fps) == (2, 0.2, 10)


def test_a_claim_of_a_huge_frame_is_refused_before_decoding() -> None:
    data = bytearray(encoded(mt.Video(pan(2))))
    data[6:10] = b"\xff\xff\xff\xff"
    expected = "Video: expected frames of 1 to 67108864 pixels, got '65535 x 65535'. Log a smaller version."
    assert refused(bytes(data)) == expected


@pytest.mark.parametrize("format", ["gif", "mp4"])
def test_frames_that_are_too_large_at_once_are_refused_before_decoding(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, frames = mt.Video(pan(4), format=format), pan(4)
    monkeypatch.setattr(decode, "MAX_DECODED", frames.size)
    assert video.to_numpy().shape == frames.shape
    monkeypatch.setattr(decode, "MAX_DECODED", frames.size - 1)
    monkeypatch.setattr(decode, "_decode_av", None)
    with pytest.raises(
        mt.CodecError, match=rf"at most {frames.size - 1} bytes of pixels at once, got 4 frames of .*PyAV"
    ):
        video.to_numpy()


# clips


class Clip:
    """As much of a moviepy clip as a video is made from."""

    mask: Any = None
    audio: Any = None

    def __init__(self, frames: Any, fps: float | None = 10, duration: float | None = 0.6) -> None:
        self.frames, self.fps, self.duration = frames, fps, duration

    def iter_frames(self, fps: float) -> Any:
        assert self.duration is not None
        return (self.frames[min(len(self.frames) - 1, int(t / fps * 10))] for t in range(round(self.duration * fps)))


def test_a_clip_is_its_frames() -> None:
    frames = pan(6)
    assert mt.Video(Clip(frames.transpose(0, 2, 3, 1))) == mt.Video(frames, fps=10)
    assert mt.Video(Clip(frames.transpose(0, 2, 3, 1).astype(float))) == mt.Video(frames, fps=10)
    assert mt.Video(Clip(frames.transpose(0, 2, 3, 1)), fps=5) == mt.Video(frames[::2], fps=5)


def test_the_mask_of_a_clip_becomes_alpha() -> None:
    frames = with_alpha(pan(6))
    clip = Clip(frames[:, :3].transpose(0, 2, 3, 1))
    clip.mask = Clip(frames[:, 3] / 255)
    assert mt.Video(clip, format="webm") == mt.Video(frames, fps=10, format="webm")


def test_a_clip_that_cannot_be_kept_whole_is_refused() -> None:
    frames = pan(6).transpose(0, 2, 3, 1)
    loud = Clip(frames)
    loud.audio = "sound"
    assert refused(loud) == (
        "Video: expected a clip without sound, got 'sound'. "
        "Pass clip.without_audio(), or write it to a file and pass the path."
    )
    expected = "Video.duration: expected seconds > 0, got None. Pass clip.with_duration(seconds)."
    assert refused(Clip(frames, duration=None)) == expected
    expected = "Video.fps: expected a number for a clip that has none, got None. Pass fps=24."
    assert refused(Clip(frames, fps=None)) == expected
    expected = "Video.value_range: expected None for a clip, got (0, 1). Leave it out."
    assert refused(Clip(frames), value_range=(0, 1)) == expected


# refusals


SHAPES = "Video: expected an array (T, C, H, W) or (B, T, C, H, W) with 1, 3 or 4 channels, got ndarray of shape "


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((5, 32, 48, 3), "It looks like (T, H, W, C): pass array.transpose(0, 3, 1, 2)."),
        ((5, 32, 48, 1), "It looks like (T, H, W, C): pass array.transpose(0, 3, 1, 2)."),
        ((2, 5, 32, 48, 4), "It looks like (B, T, H, W, C): pass array.transpose(0, 1, 4, 2, 3)."),
        ((3, 5, 32, 48), "It looks like (C, T, H, W): pass array.transpose(1, 0, 2, 3)."),
        ((5, 32, 48), "Pass array[:, None] if these are grey frames (T, H, W), and an Image for a single picture."),
        ((5, 2, 32, 48), "Choose the channels to show."),
        ((2, 2, 5, 3, 32, 48), "Choose the channels to show."),
    ],
)
def test_another_shape_is_refused_with_the_fix(shape: tuple[int, ...], hint: str) -> None:
    assert refused(np.zeros(shape, np.uint8)) == f"{SHAPES}{shape} and dtype uint8. {hint}"


@pytest.mark.usefixtures("fake_torch")
def test_a_tensor_of_another_shape_is_refused_with_its_own_method() -> None:
    message = refused(FakeTensor(np.zeros((5, 32, 48, 3), np.uint8)))
    assert message.endswith("It looks like (T, H, W, C): pass tensor.permute(0, 3, 1, 2).")


@pytest.mark.parametrize("shape", [(0, 3, 32, 48), (5, 3, 0, 48), (0, 5, 3, 32, 48)])
def test_nothing_to_show_is_refused(shape: tuple[int, ...]) -> None:
    expected = "Video: expected a video with at least one frame and one pixel, got ndarray of shape "
    assert refused(np.zeros(shape, np.uint8)) == f"{expected}{shape} and dtype uint8. Skip empty videos."


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (
            pan(2).astype(float),
            {},
            "Video[0]: expected values from 0 to 1, got float64 values from 1 to 244. "
            "Pass value_range=(lo, hi), such as (0, 255) or (-1, 1), to say how values map to black and white.",
        ),
        (
            pan(2).astype(np.uint16),
            {},
            "Video: expected 8-bit values, got ndarray of shape (2, 3, 32, 48) and dtype uint16. "
            "Pass value_range=(lo, hi), for example (0, 65535): a video has 8 bits.",
        ),
        (
            np.full((2, 2, 1, 4, 4), np.nan),
            {},
            "Video[0][0]: expected finite values, got ndarray of shape (1, 4, 4) and dtype float64. "
            "Replace NaN and infinities, for example with np.nan_to_num.",
        ),
        (
            pan(2),
            {"value_range": (1, 0)},
            "Video[0].value_range: expected two finite numbers lo < hi, got (1, 0). "
            "Pass (value shown black, value shown white).",
        ),
        (
            pan(2),
            {"format": "MP4"},
            "Video.format: expected one of gif, mp4, webm, ogg, got 'MP4'. Did you mean 'mp4'?",
        ),
        (
            pan(2),
            {"format": "avi"},
            "Video.format: expected one of gif, mp4, webm, ogg, got 'avi'. Leave it out for gif.",
        ),
        (pan(2), {"fps": 0}, "Video.fps: expected frames per second from 0.01 to 50, got 0. Leave it out for 4."),
        (
            pan(2),
            {"fps": 60},
            "Video.fps: expected frames per second from 0.01 to 50, got 60. Pass format='mp4' or 'webm'.",
        ),
        (
            pan(2),
            {"fps": float("nan"), "format": "mp4"},
            "Video.fps: expected frames per second from 0.01 to 1000, got nan. Leave it out for 4.",
        ),
        (pan(2), {"lossless": 1}, "Video.lossless: expected True or False, got 1. Use bool(...)."),
        (
            pan(2),
            {"lossless": True, "format": "gif"},
            "Video.format: expected mp4 or webm for lossless=True, got 'gif'. Leave format out for webm.",
        ),
        (
            with_alpha(pan(2)),
            {"lossless": True},
            "Video.lossless: expected False for frames with alpha, got True. Drop the alpha: array[..., :3, :, :].",
        ),
        (
            with_alpha(pan(2)),
            {"format": "mp4"},
            "Video.format: expected gif or webm for frames with alpha, got 'mp4'. "
            "Drop the alpha: array[..., :3, :, :].",
        ),
        (
            np.zeros((1, 1, 2, 16385), np.uint8),
            {},
            "Video: expected at most 16384 pixels a side and 67108864 in all, got '16385 x 2'. Log a smaller version.",
        ),
        (
            np.zeros((1, 1, 16, 16), np.uint8),
            {"format": "ogg"},
            "Video: expected at least 17 pixels a side for ogg, got '16 x 16'. Pass format='webm'.",
        ),
        (
            [[1]],
            {},
            "Video: expected an array, tensor, path, bytes, file or moviepy clip, got [[1]]. Pass np.stack(data).",
        ),
        (
            None,
            {},
            "Video: expected an array, tensor, path, bytes, file or moviepy clip, got None. "
            "See help(mediatypes.Video).",
        ),
        ("gone.mp4", {}, "Video: expected an existing file, got 'gone.mp4'. Check the path."),
        (pan(2), {"caption": 3}, "Video.caption: expected text, got 3. Use str(...)."),
    ],
    ids=lambda value: "" if isinstance(value, (np.ndarray, str)) else str(value)[:30],
)
def test_other_input_is_refused(data: Any, options: Any, message: str) -> None:
    assert refused(data, **options) == message


def test_all_problems_are_named_at_once() -> None:
    message = refused(pan(2)[:, :2], caption=3, fps=-1, format="mov", lossless="yes")
    assert message == "\n".join(
        [
            "5 problems:",
            "- Video.caption: expected text, got 3. Use str(...).",
            "- Video.fps: expected frames per second from 0.01 to 1000, got -1. Leave it out for 4.",
            "- Video.format: expected one of gif, mp4, webm, ogg, got 'mov'. Leave it out for gif.",
            "- Video.lossless: expected True or False, got 'yes'. Use bool(...).",
            f"- {SHAPES}(2, 2, 32, 48) and dtype uint8. Choose the channels to show.",
        ]
    )
    assert refused("gone.mp4", fps=-1).startswith("2 problems:\n- Video.fps: ")


def test_frames_of_few_colours_are_smaller_and_sharper_as_vp8() -> None:
    blobs = [np.kron(skimage.data.binary_blobs(32, rng=t), np.ones((2, 2), bool)) for t in range(8)]
    frames = np.repeat((np.stack(blobs)[:, None] * 255).astype(np.uint8), 3, axis=1)
    video = mt.Video(frames, format="webm")
    store = mt.MemoryStore()
    document = mt.encode(video, store)
    assert document["codec"] == video.codec == "vp8"
    assert mt.Video(store.open(document)).codec == "vp8"
    as_vp9 = encode._av(frames.transpose(0, 2, 3, 1), "webm", 4, encode._VP9)
    assert document["size"] < len(as_vp9) / 3
    assert np.abs(mt.decode(document, store).to_numpy().astype(int) - frames).mean() < 6
    assert mt.Video(frames[:, :1], format="webm").codec == "vp8"  # grey
    assert mt.Video(pan(2)[:, :1], format="webm").codec == mt.Video(pan(2), format="webm").codec == "vp9"


# optional packages


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        (
            "av",
            {"format": "mp4"},
            "Video as mp4: expected the package 'av', got none. Install it with: pip install 'mediatypes-ml[video]'",
        ),
        (
            "av",
            {"format": "webm"},
            "Video as webm: expected the package 'av', got none. Install it with: pip install 'mediatypes-ml[video]'",
        ),
        (
            "imageio_ffmpeg",
            {"format": "ogg"},
            "Video as ogg: expected the package 'imageio_ffmpeg', got none. "
            "Install it with: pip install 'mediatypes-ml[ffmpeg]'",
        ),
    ],
)
def test_a_missing_encoder_is_named_when_the_value_is_made(
    module: str, options: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(mt.MissingDependencyError) as caught:
        mt.Video(pan(2), **options)
    assert str(caught.value) == message


def test_without_av_gifs_and_stored_videos_work(file: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    format, data = file
    store = mt.MemoryStore()
    document = mt.encode(mt.Video(data), store)
    monkeypatch.setitem(sys.modules, "av", None)
    stored = mt.decode(document, store)
    assert (stored.frames, stored.format) == (12, format)
    assert mt.encode(stored, mt.MemoryStore()) == document
    if format == "gif":
        assert mt.Video(data).to_numpy().shape == (12, 3, 32, 48)
        return
    with pytest.raises(mt.MissingDependencyError, match=r"Video\.to_numpy\(\): expected the package 'av'"):
        stored.to_numpy()
    with pytest.raises(mt.MissingDependencyError, match=f"Video of a {format} file: expected the package 'av'"):
        mt.Video(data)


def test_a_file_with_frames_of_another_size_than_its_document_says_is_an_error() -> None:
    store = mt.MemoryStore()
    document = mt.encode(mt.Video(pan(3)), store)
    with pytest.raises(mt.CodecError) as caught:
        mt.decode({**document, "width": 20}, store).to_numpy()
    assert str(caught.value) == ("video: expected 3 gif frames, got an error. its frames are 48 x 32, not 20 x 32")


def test_a_file_with_fewer_frames_than_its_document_says_is_an_error() -> None:
    store = mt.MemoryStore()
    document = mt.encode(mt.Video(pan(3)), store)
    with pytest.raises(mt.CodecError) as caught:
        mt.decode({**document, "frames": 4}, store).to_numpy()
    assert str(caught.value) == "video: expected 4 gif frames, got an error. it holds 3 frames"

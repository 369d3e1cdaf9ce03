"""Video files as phones, cutters and other programs give them: what is told of them is what a player shows."""

from __future__ import annotations

import io
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import PIL.Image
import pytest

import mediatypes as mt
from mediatypes.types.video import animations
from tests.ffmpeg import PATTERN, TONE, made, shown
from tests.samples import picture

YUV = ("-pix_fmt", "yuv420p")


def refused(data: Any) -> str:
    with pytest.raises(mt.InputError) as caught:
        mt.Video(data)
    return str(caught.value)


def check(path: Path) -> mt.Video:
    """The video of a file, whose frames are those that ffmpeg shows, and that comes back from its document."""
    video = mt.Video(path)
    frames = video.to_numpy()
    np.testing.assert_array_equal(frames, shown(path, video.width, video.height))
    assert len(frames) == video.frames
    store = mt.MemoryStore()
    found = mt.decode(mt.encode(video, store), store)
    assert found == video
    np.testing.assert_array_equal(found.to_numpy(), frames)
    return video


@pytest.fixture(scope="module", params=["libx264", "libx265"])
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 s at 25 frames a second of 64 x 48, with B-frames and one key frame."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return made(path, *PATTERN, *YUV, "-c:v", request.param, "-g", "50", "-x265-params", "log-level=error")


# edit lists


def test_a_trimmed_file_is_what_a_player_shows(film: Path, tmp_path: Path) -> None:
    path = made(tmp_path / "cut.mp4", "-ss", "0.5", "-i", film, "-c", "copy")
    video = check(path)
    assert (video.frames, video.duration, video.fps) == (37, 1.5, 25)


def test_a_file_trimmed_on_both_sides_is_what_a_player_shows(film: Path, tmp_path: Path) -> None:
    video = check(made(tmp_path / "cut.mp4", "-ss", "0.5", "-i", film, "-t", "1.01", "-c", "copy"))
    with av.open(tmp_path / "cut.mp4") as container:
        stream = container.streams.video[0]
        said = float((stream.duration or 0) * (stream.time_base or 0))
    assert video.duration == pytest.approx(said)
    assert video.frames < 30


def edited(film: Path, *edits: tuple[int, int]) -> bytes:
    """A film with another edit list: milliseconds, and where they begin in units of the media; -1 is empty."""
    data = film.read_bytes()
    at = data.index(b"elst") - 4
    content = struct.pack(">II", 0, len(edits)) + b"".join(struct.pack(">Iihh", *edit, 1, 0) for edit in edits)
    box = struct.pack(">I", 8 + len(content)) + b"elst" + content
    grown = len(box) - int.from_bytes(data[at : at + 4], "big")
    made = bytearray(data[:at] + box + data[at + len(box) - grown :])
    for parent in (b"edts", b"trak", b"moov"):  # the pictures stand before them all, and do not move
        begin = data.rindex(parent, 0, at) - 4
        made[begin : begin + 4] = (int.from_bytes(data[begin : begin + 4], "big") + grown).to_bytes(4, "big")
    return bytes(made)


@pytest.mark.parametrize(
    ("edits", "frames", "seconds"),
    [
        ([(1000, 1024)], 25, 1.0),
        ([(700, 1024 + 10 * 512)], 18, 0.7),
        ([(500, -1), (1000, 1024)], 25, 1.0),
        ([(400, 1024 + 25 * 512), (400, 1024)], 20, 0.8),
        ([(9000, 1024)], 50, 2.0),
    ],
    ids=["end", "both", "empty first", "two pieces the other way round", "longer than there is"],
)
def test_what_an_edit_list_leaves_is_shown(
    edits: list[tuple[int, int]], frames: int, seconds: float, tmp_path: Path
) -> None:
    film = made(tmp_path / "film.mp4", *PATTERN, *YUV, "-c:v", "libx264", "-g", "50")
    whole = mt.Video(film).to_numpy()
    path = tmp_path / "edited.mp4"
    path.write_bytes(edited(film, *edits))
    video = check(path)
    assert (video.frames, video.duration) == (frames, seconds)
    begins = [(begin - 1024) // 512 for _, begin in edits if begin > 0]
    for begin in begins:
        assert (whole[begin] == video.to_numpy()).all(axis=(1, 2, 3)).any()


@pytest.mark.parametrize("options", [("-use_editlist", "0"), ("-movflags", "frag_keyframe+empty_moov"), ()])
def test_a_delay_of_b_frames_is_no_cut(film: Path, options: tuple[str, ...], tmp_path: Path) -> None:
    video = check(made(tmp_path / "b.mp4", "-i", film, "-c", "copy", *options))
    assert (video.frames, video.duration, video.fps) == (50, 2.0, 25)


@pytest.mark.parametrize("sound", [(), TONE])
def test_an_empty_edit_before_the_frames_is_no_part_of_them(film: Path, sound: tuple[str, ...], tmp_path: Path) -> None:
    video = check(made(tmp_path / "late.mp4", "-itsoffset", "1", "-i", film, *sound, "-c:v", "copy"))
    assert (video.frames, video.duration, video.fps) == (50, 2.0, 25)
    assert video.has_audio is bool(sound)


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_frames_that_last_differently_are_counted_and_their_rate_is_the_mean(suffix: str, tmp_path: Path) -> None:
    slower = ("-vf", "setpts=N*N/25/TB/20", "-fps_mode", "vfr")
    video = check(made(tmp_path / f"a.{suffix}", *PATTERN, *YUV, *slower, "-bf", "0"))
    assert video.duration == pytest.approx(4.8, abs=0.25)
    assert abs(video.fps * video.duration - video.frames) <= 1  # FFmpeg 7 cuts off the last frame, but counts it


def test_frames_that_theora_repeats_are_frames() -> None:
    """An empty packet shows the frame before it once more."""
    still = np.full((20, 3, 32, 48), 200, np.uint8)
    still[10:] = 60
    video = mt.Video(still, format="ogg", fps=10)
    found = video.to_numpy()
    assert found.shape == still.shape
    assert np.abs(found.astype(int) - still).max() < 8
    probed = mt.Video(video.to_bytes())
    assert (probed.frames, probed.duration, probed.fps) == (20, 2.0, 10)


def test_a_repeated_frame_is_kept_by_an_ffmpeg_that_leaves_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As FFmpeg 7 does, unless every frame is a keyframe."""
    run = subprocess.run

    def leave_out(command: list[str], *, input: memoryview, **options: Any) -> Any:
        kept = input if "-g" in command else input[: len(input) // 2]
        return run(command, input=kept, **options)

    monkeypatch.setattr(subprocess, "run", leave_out)
    video = mt.Video(np.full((20, 3, 32, 48), 200, np.uint8), format="ogg", fps=10)
    assert len(video.to_numpy()) == mt.Video(video.to_bytes()).frames == 20


@pytest.mark.parametrize("format", ["mp4", "webm", "ogg"])
def test_one_frame_lasts_as_long_as_its_file_says(format: str) -> None:
    data = mt.Video(np.full((1, 3, 32, 48), 90, np.uint8), format=format, fps=10).to_bytes()
    video = mt.Video(data)
    assert (video.frames, video.fps) == (1, pytest.approx(10))
    assert video.duration == pytest.approx(0.1, abs=0.001)


# rotation


@pytest.mark.parametrize(
    ("turned", "rotation", "size"), [("-90", 90, (48, 64)), ("180", 180, (64, 48)), ("90", 270, (48, 64))]
)
@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_a_turned_file_is_told_as_it_is_shown(
    turned: str, rotation: int, size: tuple[int, int], suffix: str, tmp_path: Path
) -> None:
    codec = "libx264" if suffix == "mp4" else "libvpx"
    film = made(tmp_path / f"film.{suffix}", *PATTERN, *YUV, "-c:v", codec)
    video = check(made(tmp_path / f"turned.{suffix}", "-display_rotation", turned, "-i", film, "-c", "copy"))
    assert (video.rotation, (video.width, video.height)) == (rotation, size)
    assert mt.encode(video, mt.MemoryStore())["rotation"] == rotation
    assert video.to_numpy().shape == (50, 3, *size[::-1])


def test_a_file_that_is_not_turned_does_not_say_so(film: Path) -> None:
    video = mt.Video(film)
    assert video.rotation == 0
    assert "rotation" not in mt.encode(video, mt.MemoryStore())


@pytest.mark.parametrize(
    ("option", "got"),
    [(("-display_hflip",), "one that is mirrored"), (("-display_rotation", "45"), "one turned by -45 degrees")],
)
def test_a_file_that_is_mirrored_or_askew_is_refused(
    film: Path, option: tuple[str, ...], got: str, tmp_path: Path
) -> None:
    path = made(tmp_path / "a.mp4", *option, "-i", film, "-c", "copy")
    assert refused(path) == (
        f"Video: expected a video turned by quarters when shown, got {got}. "
        "Write it as it is shown: ffmpeg -i FILE video.mp4."
    )


@pytest.mark.parametrize("rotation", [91, 100.0])
def test_a_document_with_another_rotation_is_refused(film: Path, rotation: float) -> None:
    store = mt.MemoryStore()
    document = mt.encode(mt.Video(film), store) | {"rotation": rotation}
    with pytest.raises(mt.DocumentError) as caught:
        mt.decode(document, store)
    assert str(caught.value) == f"rotation: expected 90, 180 or 270, got {rotation}. Restore the document."


# sound


@pytest.fixture(scope="module")
def cover(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("cover") / "cover.png", *PATTERN, "-frames:v", "1")


EXPECTED = "Video: expected a video file (gif, mp4, webm, ogg, webp, apng, avif, tiff), got "
SOUND = "It is sound: ffmpeg -i FILE -vn sound.flac, and pass that to Audio."


@pytest.mark.parametrize(
    ("suffix", "options", "message"),
    [
        ("m4a", ("-c:a", "aac"), f"an mp4 file of sound (m4a). {SOUND}"),
        ("mp3", (), "an MP3 file. It is sound: pass it to Audio."),
        ("flac", (), "a FLAC file. It is sound: pass it to Audio."),
    ],
)
def test_sound_with_a_cover_is_sound(
    suffix: str, options: tuple[str, ...], message: str, cover: Path, tmp_path: Path
) -> None:
    attached = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    path = made(tmp_path / f"a.{suffix}", *TONE, "-i", cover, *attached, *options)
    with av.open(path) as container:
        assert len(container.streams.video) == 1
    assert refused(path) == EXPECTED + message
    if suffix != "m4a":
        assert mt.Audio(path).frames == 96_000


@pytest.mark.parametrize(
    ("suffix", "options", "message"),
    [
        ("m4a", ("-c:a", "aac"), f"an mp4 file of sound (m4a). {SOUND}"),
        ("webm", ("-c:a", "libopus"), f"a WebM file of sound. {SOUND}"),
        ("ogg", ("-c:a", "libvorbis"), "an Ogg file of Vorbis. It is sound: pass it to Audio."),
        ("oga", ("-c:a", "flac"), f"an Ogg file of FLAC. {SOUND}"),
        ("wav", (), "a WAV file. It is sound: pass it to Audio."),
        ("aac", ("-c:a", "aac"), f"raw AAC (ADTS). {SOUND}"),
        ("aiff", (), "an AIFF file. It is sound: pass Audio(*soundfile.read(FILE))."),
    ],
)
def test_sound_alone_is_refused(suffix: str, options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    assert refused(made(tmp_path / f"a.{suffix}", *TONE, *options)) == EXPECTED + message


def test_the_cover_of_a_video_is_not_its_frames(cover: Path, film: Path, tmp_path: Path) -> None:
    attached = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic")
    video = check(made(tmp_path / "a.mp4", "-i", cover, "-i", film, *attached))
    assert (video.frames, video.duration) == (50, 2.0)


# how much


@pytest.mark.parametrize("format", ["WEBP", "PNG", "AVIF"])
def test_many_pixels_in_few_bytes_are_refused_before_they_are_decoded(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(animations, "_MAX_PIXELS", 5 * 40 * 30)
    frames = [PIL.Image.new("RGB", (40, 30), (40 * n, 0, 0)) for n in range(6)]
    files = [picture(frames[0], format, save_all=True, append_images=frames[1:count], duration=100) for count in (5, 6)]
    assert mt.Video(files[0]).frames == 5
    assert refused(files[1]) == (
        "Video: expected frames of 1 to 67108864 pixels, 1048576 a side, 6000 in all, got 6 frames of 40 x 30. "
        "Log fewer or smaller frames."
    )


def test_a_webp_bomb_is_refused_at_once() -> None:
    black, red = (PIL.Image.new("RGB", (2048, 2048), colour) for colour in ("black", "red"))
    buffer = io.BytesIO()
    black.save(buffer, "WEBP", save_all=True, append_images=[red], method=0)
    data = buffer.getvalue()
    at = data.index(b"ANMF")
    frame = data[at : at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")]
    bomb = data[:4] + (at - 8 + 200 * len(frame)).to_bytes(4, "little") + data[8:at] + frame * 200
    assert mt.Video(data).frames == 2
    began = time.process_time()
    assert "536870912 in all, got 200 frames of 2048 x 2048." in refused(bomb)
    assert time.process_time() - began < 3


def test_pages_of_a_tiff_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animations, "_MAX_PIXELS", 5 * 40 * 30)
    frame = PIL.Image.new("RGB", (40, 30))
    buffer = io.BytesIO()
    frame.save(buffer, "TIFF", save_all=True, append_images=[frame] * 5)
    assert "6000 in all, got 6 frames of 40 x 30" in refused(buffer)


def test_a_canvas_of_few_long_rows_is_refused_at_once() -> None:
    buffer = io.BytesIO()
    frames = [PIL.Image.new("RGB", (8, 8), colour) for colour in ("black", "red")]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    data = buffer.getvalue()
    canvas = (2**23 - 1).to_bytes(3, "little") + (7).to_bytes(3, "little")
    assert "1048576 a side, 536870912 in all, got 2 frames of 8388608 x 8." in refused(data[:24] + canvas + data[30:])

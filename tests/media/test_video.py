"""Which MP4s are complete and play in browsers, and which are refused."""

import io
import random
import struct
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.video.reformatter import Colorspace
from PIL import Image

from shared.domain.delivery import VideoFacts
from shared.domain.errors import BadContent
from shared.media import boxes as mp4
from shared.media import video as video_module
from shared.media.decoder import VIDEO_LIMITS
from shared.media.poster import MAX_BYTES, poster_of

FRAMES_PER_SECOND = 10


def video(
    *,
    frames: int = 12,
    audio: bool = False,
    sounds: int | None = None,
    options: dict[str, str] | None = None,
    codec: str = "libx264",
    sound_codec: str = "aac",
    coding: dict[str, str] | None = None,
    pixels: str = "yuv420p",
    rate: Fraction = Fraction(FRAMES_PER_SECOND),
    timecode: str = "",
    skipped: range = range(0),
    muted: range = range(0),
) -> bytes:
    """An MP4 of 64 × 48 pixels, with its `moov` in front unless `options` differ.

    `sounds` is the number of blocks of 1024 samples, by default four per frame.
    `skipped` and `muted` are the frames and the blocks to leave out.
    """
    chosen = {"movflags": "faststart"} if options is None else options
    # On disk, because FFmpeg reopens the file to move the `moov`.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        with av.open(str(path), "w", format="mp4", options=chosen) as container:
            if timecode:
                container.metadata["timecode"] = timecode
            images: Any = container.add_stream(codec, rate=rate)
            images.width, images.height, images.pix_fmt = 64, 48, pixels
            images.options = coding or {}
            sound: Any = (
                container.add_stream(sound_codec, rate=44_100) if audio else None
            )
            for number in sorted({*range(frames)} - {*skipped}):
                container.mux(images.encode(frame(number, rate)))
            container.mux(images.encode(None))
            if sound is not None:
                blocks = range(frames * 4 if sounds is None else sounds)
                for number in sorted({*blocks} - {*muted}):
                    container.mux(sound.encode(silence(number)))
                container.mux(sound.encode(None))
        return path.read_bytes()


def frame(number: int, rate: Fraction) -> Any:
    # Noise, so that the images are most of the file.
    size = 64 * 48 * 3
    made: Any = av.VideoFrame(64, 48, "rgb24")
    made.planes[0].update(random.Random(number).randbytes(size))
    made.pts, made.time_base = number, 1 / rate
    return made


def painted(
    size: tuple[int, int], colour: tuple[int, int, int], space: Colorspace
) -> Any:
    image = av.VideoFrame.from_image(Image.new("RGB", size, colour))
    return image.reformat(format="yuv420p", dst_colorspace=space)


def encoded(frames: list[Any], coding: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        images: Any = container.add_stream("libx264", rate=Fraction(FRAMES_PER_SECOND))
        images.width, images.height = frames[0].width, frames[0].height
        images.pix_fmt, images.options = "yuv420p", coding
        for number, image in enumerate(frames):
            image.pts, image.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            container.mux(images.encode(image))
        container.mux(images.encode(None))
    return buffer.getvalue()


def silence(number: int) -> Any:
    made: Any = av.AudioFrame(format="fltp", layout="mono", samples=1024)
    made.planes[0].update(bytes(4096))
    made.sample_rate, made.pts = 44_100, number * 1024
    made.time_base = Fraction(1, 44_100)
    return made


def sound_only() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        sound: Any = container.add_stream("aac", rate=44_100)
        for number in range(50):
            container.mux(sound.encode(silence(number)))
        container.mux(sound.encode(None))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def good() -> bytes:
    return video()


def inspect(content: bytes) -> VideoFacts:
    return video_module.inspect(io.BytesIO(content), size_bytes=len(content))


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def boxes(content: bytes) -> list[tuple[bytes, int, int]]:
    """Type, start and end of each top-level box."""
    found, at = [], 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4])
        found.append((content[at + 4 : at + 8], at, at + length))
        at += length
    return found


def span(content: bytes, kind: bytes) -> tuple[int, int]:
    return next((start, end) for name, start, end in boxes(content) if name == kind)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param({}, id="moov in front"),
        pytest.param({"options": {}}, id="moov at the end"),
        pytest.param(
            {"options": {"movflags": "frag_keyframe+empty_moov"}}, id="fragmented"
        ),
        pytest.param(
            {"options": {"movflags": "faststart", "use_editlist": "0"}}, id="no edits"
        ),
        pytest.param({"coding": {"bf": "3"}}, id="B-frames and an edit list"),
        pytest.param({"timecode": "01:00:00:00"}, id="a track of time codes"),
        pytest.param({"audio": True, "sounds": 10}, id="sound that ends early"),
        pytest.param({"coding": {"profile": "baseline"}}, id="Baseline"),
        pytest.param({"coding": {"profile": "main"}}, id="Main"),
        pytest.param({"coding": {"profile": "high"}}, id="High"),
        pytest.param({"pixels": "yuvj420p"}, id="full range"),
    ],
)
def test_an_mp4_that_browsers_play_is_accepted(made: dict[str, Any]) -> None:
    facts = inspect(video(**made))

    assert (facts.width, facts.height) == (64, 48)
    assert facts.has_audio is ("audio" in made)
    assert facts.duration_seconds == pytest.approx(1.2, abs=0.01)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        pytest.param({"codec": "libx265"}, "not H.264", id="H.265"),
        pytest.param({"codec": "libvpx-vp9"}, "not H.264", id="VP9"),
        pytest.param({"codec": "mpeg4"}, "not H.264", id="MPEG-4 part 2"),
        pytest.param({"audio": True, "sound_codec": "libmp3lame"}, "not AAC", id="MP3"),
        pytest.param({"pixels": "yuv444p"}, "High 4:4:4", id="4:4:4"),
        pytest.param({"pixels": "yuv422p"}, "High 4:2:2", id="4:2:2"),
        pytest.param({"pixels": "yuv420p10le"}, "High 10", id="10 bits"),
        pytest.param({"coding": {"qp": "0"}}, "High 4:4:4", id="lossless"),
    ],
)
def test_a_video_that_not_every_browser_plays_is_refused(
    made: dict[str, Any], reason: str
) -> None:
    with pytest.raises(BadContent, match=reason):
        inspect(video(**made))


@pytest.mark.parametrize(
    ("size", "coding", "space"),
    [
        ((1920, 1080), {}, Colorspace.ITU709),
        ((720, 1280), {"x264-params": "colormatrix=smpte170m"}, Colorspace.ITU601),
        ((640, 480), {}, Colorspace.ITU601),
    ],
    ids=["HD", "marked as SD's colours", "SD"],
)
def test_the_poster_is_the_first_frame_in_the_colours_of_a_player(
    size: tuple[int, int], coding: dict[str, str], space: Colorspace
) -> None:
    green, red = (0, 180, 40), (200, 30, 20)
    frames = [painted(size, colour, space) for colour in (green, *[red] * 11)]

    poster = Image.open(io.BytesIO(inspect(encoded(frames, coding)).poster))

    assert (poster.format, max(poster.size)) == ("JPEG", min(1280, max(size)))
    assert poster.width / poster.height == pytest.approx(size[0] / size[1], rel=0.01)
    shown = poster.getpixel((poster.width // 2, poster.height // 2))
    assert shown == pytest.approx(green, abs=6)


def test_the_poster_of_a_noisy_frame_fits_the_childs_limit() -> None:
    noise = av.VideoFrame.from_image(Image.effect_noise((4096, 4096), 255))

    assert (
        0 < len(poster_of(noise, (4096, 4096))) <= MAX_BYTES < VIDEO_LIMITS.output_bytes
    )


def test_a_video_is_accepted_if_its_poster_fails(
    good: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("cannot write")

    monkeypatch.setattr(Image.Image, "save", fail)

    assert inspect(good).poster == b""


# The nine numbers of a `tkhd`'s matrix; its third column has another scale.
TURNS = {
    "clockwise": (0, 1, 0, -1, 0, 0, 48, 0, 16384),
    "counterclockwise": (0, -1, 0, 1, 0, 0, 0, 64, 16384),
    "upside down": (-1, 0, 0, 0, -1, 0, 64, 48, 16384),
    "mirrored": (-1, 0, 0, 0, 1, 0, 64, 0, 16384),
    "an eighth": (0.7, 0.7, 0, -0.7, 0.7, 0, 0, 0, 16384),
    "not at all": (0, 0, 0, 0, 0, 0, 0, 0, 0),
}


def turned(content: bytes, how: str) -> bytes:
    at = content.index(b"tkhd") + 44
    matrix = struct.pack(">9i", *(int(number * 65536) for number in TURNS[how]))
    return content[:at] + matrix + content[at + len(matrix) :]


@pytest.mark.parametrize(
    ("how", "size"),
    [
        ("clockwise", (48, 64)),
        ("counterclockwise", (48, 64)),
        ("upside down", (64, 48)),
        ("mirrored", (64, 48)),
        ("an eighth", (64, 48)),
        ("not at all", (64, 48)),
    ],
)
def test_a_turned_video_has_the_size_that_is_shown(
    good: bytes, how: str, size: tuple[int, int]
) -> None:
    facts = inspect(turned(good, how))

    assert (facts.width, facts.height) == size
    assert Image.open(io.BytesIO(facts.poster)).size == size


def test_a_turned_videos_poster_is_turned_as_well() -> None:
    upper = Image.new("RGB", (64, 48), (0, 0, 0))
    upper.paste((255, 255, 255), (0, 0, 64, 24))
    frames = [av.VideoFrame.from_image(upper) for _ in range(12)]

    content = turned(encoded(frames, {}), "clockwise")
    poster: Any = Image.open(io.BytesIO(inspect(content).poster)).convert("L")

    assert poster.getpixel((42, 32)) > 200 > 50 > poster.getpixel((6, 32))


@pytest.mark.parametrize(
    ("ratio", "size"), [("4/3", (85, 48)), ("3/4", (48, 48)), ("1/1", (64, 48))]
)
def test_the_width_accounts_for_non_square_pixels(
    ratio: str, size: tuple[int, int]
) -> None:
    content = video(coding={"x264-params": f"sar={ratio}"})
    facts, upright = inspect(content), inspect(turned(content, "clockwise"))

    assert (facts.width, facts.height) == (upright.height, upright.width) == size
    assert Image.open(io.BytesIO(facts.poster)).size == size


def test_a_video_too_wide_by_its_pixel_aspect_ratio_is_refused() -> None:
    image = painted((640, 48), (0, 90, 0), Colorspace.ITU601)

    with pytest.raises(BadContent, match="side"):
        inspect(encoded([image] * 12, {"x264-params": "sar=8/1"}))


def joined(*parts: tuple[tuple[int, int], str]) -> bytes:
    """Twelve frames of each size and pixel format, in one track."""
    buffer = io.BytesIO()
    rate, coding = Fraction(FRAMES_PER_SECOND), {"x264-params": "repeat-headers=1"}
    with av.open(buffer, "w", format="mp4") as container:
        images: Any = container.add_stream("libx264", rate=rate)
        (images.width, images.height), images.pix_fmt = parts[0]
        for number, (size, pixels) in enumerate(parts):
            coder: Any = av.CodecContext.create("libx264", "w")
            (coder.width, coder.height), coder.pix_fmt = size, pixels
            coder.time_base, coder.options = 1 / rate, {"bf": "0", **coding}
            shown = [painted(size, (0, 90, 0), Colorspace.ITU601) for _ in range(12)]
            for at, image in enumerate(shown, start=number * 12):
                image.pts, image.time_base = at, 1 / rate
            packets = [one for image in [*shown, None] for one in coder.encode(image)]
            for packet in packets:
                packet.stream, packet.time_base = images, 1 / rate
                container.mux(packet)
    return buffer.getvalue()


SMALL, LARGE = ((64, 48), "yuv420p"), ((128, 96), "yuv420p")


def test_a_track_of_two_parts_of_the_same_size_is_accepted() -> None:
    facts = inspect(joined(SMALL, SMALL))

    assert (facts.width, facts.height) == (64, 48)
    assert facts.duration_seconds == pytest.approx(2.4)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        pytest.param((SMALL, LARGE), "size", id="larger"),
        pytest.param((LARGE, SMALL), "size", id="smaller"),
        pytest.param((LARGE, SMALL, LARGE), "size", id="smaller in between"),
        pytest.param((SMALL, ((64, 48), "yuv444p")), "yuv444p", id="other pixels"),
    ],
)
def test_a_track_whose_frames_change_is_refused(parts: Any, reason: str) -> None:
    with pytest.raises(BadContent, match=reason):
        inspect(joined(*parts))


def starting_late(content: bytes, milliseconds: int, *, track: int = 0) -> bytes:
    """Begin the track's edit list with an empty edit. `moov` must be the last box."""
    at = -1
    for _ in range(track + 1):
        at = content.index(b"elst", at + 1)
    changed = bytearray(content)
    unit = content.index(b"mvhd") + 16  # how many of these are a second
    a_second = int.from_bytes(content[unit : unit + 4])
    nothing = struct.pack(">IiI", milliseconds * a_second // 1000, -1, 1 << 16)
    numbers = [changed.rindex(kind, 0, at + 4) - 4 for kind in (b"moov", b"trak")]
    for number, more in (
        *((it, 12) for it in (*numbers, at - 12, at - 4)),
        (at + 8, 1),
    ):
        value = int.from_bytes(changed[number : number + 4]) + more
        changed[number : number + 4] = value.to_bytes(4)
    changed[at + 12 : at + 12] = nothing
    return bytes(changed)


@pytest.mark.parametrize("milliseconds", [20, 400])
def test_a_video_may_start_a_little_late(milliseconds: int) -> None:
    facts = inspect(starting_late(video(options={}), milliseconds))

    assert facts.duration_seconds == pytest.approx(1.2)


@pytest.mark.parametrize("milliseconds", [600, 4000])
def test_a_video_that_starts_too_late_is_refused(milliseconds: int) -> None:
    with pytest.raises(BadContent, match="nothing"):
        inspect(starting_late(video(options={}), milliseconds))


IN_FRAGMENTS: dict[str, Any] = {
    "coding": {"g": "10", "sc_threshold": "0", "bf": "0"},
    "options": {"movflags": "frag_keyframe+empty_moov+default_base_moof"},
}


def without_fragments(content: bytes, first: int, last: int) -> bytes:
    starts = [start for kind, start, _ in boxes(content) if kind == b"moof"]
    return content[: starts[first]] + content[starts[last + 1] :]


def test_a_video_may_freeze_for_a_moment() -> None:
    facts = inspect(video(frames=40, skipped=range(10, 19)))

    assert facts.duration_seconds == pytest.approx(4)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: video(frames=40, skipped=range(10, 30)), id="a hole"),
        pytest.param(
            lambda: video(frames=40, audio=True, skipped=range(1, 39)),
            id="two frames with sound",
        ),
        pytest.param(lambda: video(frames=1, rate=Fraction(1, 4)), id="one frame"),
        pytest.param(
            lambda: without_fragments(video(frames=60, **IN_FRAGMENTS), 2, 3),
            id="without fragments of its middle",
        ),
    ],
)
def test_a_video_that_freezes_for_seconds_is_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(BadContent, match="stands still"):
        inspect(make())


@pytest.mark.parametrize(
    ("made", "late", "seconds"),
    [
        pytest.param({"sounds": 52}, 0, 1.2, id="as long"),
        pytest.param({"sounds": 350}, 0, 1.2, id="longer"),
        pytest.param({"sounds": 10}, 0, 0.23, id="only at the beginning"),
        pytest.param({"sounds": 52}, 700, 0.5, id="only at the end"),
        pytest.param({"sounds": 52}, 5000, 0, id="after the end"),
        pytest.param({"sounds": 52, "muted": range(4, 48)}, 0, 0.16, id="with a hole"),
        pytest.param(
            {"sounds": 52, "options": {"movflags": "frag_keyframe+empty_moov"}},
            0,
            1.2,
            id="fragmented",
        ),
    ],
)
def test_the_sound_is_measured_within_the_video(
    made: dict[str, Any], late: int, seconds: float
) -> None:
    content = video(**{"audio": True, "options": {}, **made})
    facts = inspect(starting_late(content, late, track=1) if late else content)

    assert facts.has_audio
    assert facts.duration_seconds == pytest.approx(1.2)
    assert facts.audio_seconds == pytest.approx(seconds, abs=0.05)


def test_film_rates_are_exact() -> None:
    facts = inspect(video(frames=48, rate=Fraction(24_000, 1001)))

    assert facts.duration_seconds == pytest.approx(48 * 1001 / 24_000, abs=0.001)


def test_a_c2pa_manifest_is_accepted(good: bytes) -> None:
    c2pa = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")

    assert inspect(good + box(b"uuid", c2pa + bytes(5000))) == inspect(good)


def test_a_tracks_name_may_have_any_bytes(good: bytes) -> None:
    named = good.replace(b"VideoHandler", b"Vid\xe9o\xff\xfe\x80\xb0\xa4\xfb\xe5")

    assert named != good
    assert inspect(named) == inspect(good)


def test_frames_that_an_edit_list_cuts_off_do_not_count() -> None:
    content = bytearray(video(frames=40, coding={"bf": "2"}))
    at = content.index(b"elst") + 12
    shown = int.from_bytes(content[at : at + 4]) // 4
    content[at : at + 4] = shown.to_bytes(4)

    assert inspect(bytes(content)).duration_seconds == pytest.approx(1, abs=0.21)


@pytest.mark.parametrize("kept", [1, 3, 5])
def test_a_fragmented_video_is_as_long_as_its_received_fragments(kept: int) -> None:
    content = video(frames=60, **IN_FRAGMENTS)
    starts = [start for kind, start, _ in boxes(content) if kind == b"moof"]

    assert inspect(content[: starts[kept]]).duration_seconds == pytest.approx(kept)


def test_no_frame_of_another_codec_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """On opening a file, FFmpeg decodes frames for what a track's header lacks."""
    open_file = av.open
    decoded: list[str | None] = []

    def opened(*how: Any, **named: Any) -> Any:
        container = open_file(*how, **named)
        decoded.extend(track.codec_context.pix_fmt for track in container.streams.video)
        return container

    content = video(codec="png", pixels="rgb24")
    monkeypatch.setattr(av, "open", opened)

    with pytest.raises(BadContent, match=r"not H\.264"):
        inspect(content)

    assert decoded == [None, None]


def test_boxes_with_large_or_open_sizes_are_read(good: bytes) -> None:
    start, end = span(good, b"mdat")
    assert end == len(good)
    opened = good[:start] + struct.pack(">I", 0) + good[start + 4 :]
    large = good + struct.pack(">I4sQ", 1, b"free", 16 + 5) + b"12345"

    assert inspect(opened) == inspect(large) == inspect(good)


def without(kind: bytes) -> Callable[[bytes], bytes]:
    def cut(content: bytes) -> bytes:
        start, end = span(content, kind)
        return content[:start] + content[end:]

    return cut


def zeroed(content: bytes, share: float = 1.0) -> bytes:
    """The video with the last part of its frame data zeroed."""
    start, end = span(content, b"mdat")
    first = start + 8 + int((end - start - 8) * (1 - share))
    return content[:first] + bytes(end - first) + content[end:]


def shortened(content: bytes, missing: int) -> bytes:
    """The video without its last bytes, and box sizes adjusted."""
    start, end = span(content, b"mdat")
    length = struct.pack(">I", end - start - missing)
    return content[:start] + length + content[start + 4 : end - missing]


def without_last_packet(content: bytes) -> bytes:
    with av.open(io.BytesIO(content), "r") as container:
        sizes = [packet.size for packet in container.demux() if packet.size]
    return shortened(content, sizes[-1])


def garbage_with_a_header(content: bytes) -> bytes:
    start, end = span(content, b"moov")
    noise = random.Random(3).randbytes(end - start - 8)
    return content[: start + 8] + noise + content[end:]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda it: b"", id="empty"),
        pytest.param(lambda it: b"<!DOCTYPE html><html></html>", id="HTML"),
        pytest.param(lambda it: b"\0" * 5000, id="zeros"),
        pytest.param(lambda it: random.Random(1).randbytes(5000), id="garbage"),
        pytest.param(lambda it: it[:7], id="seven bytes"),
        pytest.param(lambda it: it[: len(it) // 2], id="half"),
        pytest.param(lambda it: it[:-1], id="all but a byte"),
        pytest.param(lambda it: it + b"\0", id="a byte more"),
        pytest.param(lambda it: it + b"\0\0\0\x04free", id="a box too small"),
        pytest.param(lambda it: it + b"\0\0\0\x01free\0\0", id="a large box cut"),
        pytest.param(lambda it: box(b"free") + it, id="ftyp not first"),
        pytest.param(without(b"moov"), id="no moov"),
        pytest.param(without(b"mdat"), id="no mdat"),
        pytest.param(without(b"ftyp"), id="no ftyp"),
        pytest.param(zeroed, id="no frames in mdat"),
        pytest.param(lambda it: zeroed(it, 0.5), id="half of the frames"),
        pytest.param(lambda it: zeroed(it, 0.1), id="all but the last frames"),
        pytest.param(lambda it: shortened(it, 3), id="a cut last packet"),
        pytest.param(without_last_packet, id="no last packet"),
        pytest.param(lambda it: shortened(it, len(it) // 2), id="half of the packets"),
        pytest.param(garbage_with_a_header, id="garbage with a head"),
        pytest.param(
            lambda it: box(b"ftyp", b"isom") + box(b"moov") + box(b"mdat"),
            id="empty boxes",
        ),
        pytest.param(lambda it: sound_only(), id="no video track"),
        pytest.param(lambda it: video(frames=5), id="half a second"),
    ],
)
def test_a_damaged_video_is_refused(
    good: bytes, damage: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(BadContent):
        inspect(damage(good))


def packets_of(content: bytes | bytearray, kind: str) -> list[tuple[int, int]]:
    """Where each packet is in the file, and its size in bytes."""
    with av.open(io.BytesIO(content), "r") as container:
        return [(p.pos or 0, p.size) for p in container.demux(**{kind: 0}) if p.size]


@pytest.mark.parametrize(
    "left", [pytest.param(0, id="nothing"), pytest.param(0.5, id="half of it")]
)
def test_a_video_with_a_single_damaged_frame_is_refused(left: float) -> None:
    content = bytearray(video(frames=60))
    at, size = packets_of(content, "video")[30]
    kept = round(size * left)
    content[at + kept : at + size] = bytes(size - kept)

    with pytest.raises(BadContent):
        inspect(bytes(content))


@pytest.mark.parametrize(
    "start", [pytest.param(b"\0", id="zeros"), pytest.param(b"\xe0", id="no samples")]
)
def test_a_video_whose_sound_cannot_be_decoded_is_refused(start: bytes) -> None:
    content = bytearray(video(audio=True))
    for at, size in packets_of(content, "audio"):
        content[at : at + size] = start + bytes(size - 1)

    with pytest.raises(BadContent):
        inspect(bytes(content))


def test_any_truncation_is_noticed(good: bytes) -> None:
    for length in range(0, len(good), 97):
        with pytest.raises(BadContent):
            inspect(good[:length])


def test_endless_boxes_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp4, "MAX_BOXES", 10)

    with pytest.raises(BadContent):
        inspect(video() + box(b"free") * 20)


def test_an_index_of_millions_of_samples_is_refused_before_it_is_read() -> None:
    index = box(b"stsz", bytes(4) + struct.pack(">II", 1, 60_000_000))
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        index = box(kind, index)

    with pytest.raises(BadContent, match="60,000,000 samples"):
        inspect(box(b"ftyp", b"isom" + bytes(4)) + index + box(b"mdat", b"x"))


@pytest.mark.parametrize("kind", [b"stts", b"ctts", b"stsc", b"stss", b"stco", b"elst"])
@pytest.mark.parametrize("count", [1 << 20, 1 << 30])
def test_a_table_that_claims_more_entries_than_it_holds_is_refused(
    kind: bytes, count: int
) -> None:
    content = bytearray(video(frames=30))
    at = content.index(kind) + 8
    content[at : at + 4] = count.to_bytes(4)
    # What follows the index would be read as its missing entries.
    content += box(b"free", bytes(16 << 20))

    with pytest.raises(BadContent, match="a table is cut short"):
        inspect(bytes(content))


class Counting(io.BytesIO):
    max_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.max_bytes = max(self.max_bytes, len(content))
        return content


def test_a_video_is_read_in_chunks() -> None:
    content = video(frames=100)
    file = Counting(content)

    video_module.inspect(file, size_bytes=len(content))

    assert len(content) > 2 * 65_536
    assert file.max_bytes <= 65_536

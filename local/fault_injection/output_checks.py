"""Checks that a delivered MP4 is complete, plays, and shows its own job's image.

Each job's image has 32 blocks: the 16 bits of its number, and their inverses. They
survive the encoding.
"""

import base64
import io
from urllib.parse import quote

import av
import google_crc32c
import requests
from av.error import FFmpegError
from PIL import Image

from local.fault_injection.plan import number_of
from local.functions import BUCKET
from shared.domain.job import Job

BLOCKS = (8, 4)
BITS = 16
_SIZE = (320, 180)  # with a video's aspect ratio, so that nothing is cropped
_DARK, _LIGHT = 48, 208


class NoNumberError(ValueError):
    """The video shows none of our images."""


def image_of(number: int) -> bytes:
    """The job's image, as JPEG."""
    bits = [bool(number >> index & 1) for index in range(BITS)]
    levels = [_LIGHT if bit else _DARK for bit in (*bits, *(not bit for bit in bits))]
    blocks = Image.frombytes("L", BLOCKS, bytes(levels))
    image = blocks.resize(_SIZE, Image.Resampling.NEAREST).convert("RGB")
    written = io.BytesIO()
    image.save(written, "JPEG", quality=90)
    return written.getvalue()


def number_in(mp4: bytes) -> int:
    """Decode every frame, and read the job's number.

    Raises NoNumberError, or FFmpegError if the video doesn't play.
    """
    with av.open(io.BytesIO(mp4), "r") as video:
        promised = video.streams.video[0].frames
        frames = list(video.decode(video.streams.video[0]))
    if not frames or (promised and len(frames) != promised):
        raise NoNumberError(f"{len(frames)} of {promised} frames play")
    grey: Image.Image = frames[0].to_image().convert("L")
    levels = grey.resize(BLOCKS, Image.Resampling.BOX).tobytes()
    bits = [level > (_DARK + _LIGHT) / 2 for level in levels]
    if any(a is b for a, b in zip(bits[:BITS], bits[BITS:], strict=True)):
        raise NoNumberError("its first frame shows no image of ours")
    return sum(1 << index for index, bit in enumerate(bits[:BITS]) if bit)


def fault_of_output(storage: str, job: Job) -> str | None:
    """What is wrong with the MP4 that `job` delivered, as it is in the bucket."""
    assert job.delivered
    name = quote(job.delivered.object_name, safe="")
    url = f"{storage}/storage/v1/b/{BUCKET}/o/{name}?alt=media"
    response = requests.get(url, timeout=30)
    if not response.ok:
        return "its MP4 is not in the bucket"
    crc32c: int = google_crc32c.value(response.content)
    checksum = base64.b64encode(crc32c.to_bytes(4, "big")).decode()
    size = len(response.content)
    if (job.delivered.size_bytes, job.delivered.crc32c) != (size, checksum):
        return "its MP4 is not the one in its record"
    try:
        shown = number_in(response.content)
    except (NoNumberError, FFmpegError) as error:
        return f"its MP4 does not play: {error}"
    own = number_of(job.request.prompt)
    return None if shown == own else f"it shows the image of job {shown}"

"""What is wrong with the MP4 that a job delivered, looked at in the bucket itself."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import google_crc32c
import requests
from av.error import FFmpegError

from local.fault_injection.images import (
    NoNumberError,
    number_in,
)
from local.fault_injection.plan import number_of
from local.functions import BUCKET
from shared.domain.naming import video_object


def wrong_with(storage: str, job_id: str, record: Mapping[str, Any]) -> str | None:
    """None where it is whole, plays, and shows this job's own image."""
    mp4 = _object(storage, video_object(record["user_id"], job_id))
    if mp4 is None:
        return "its MP4 is not in the bucket"
    told = record["delivered"]
    if (told["size_bytes"], told["crc32c"]) != (len(mp4), _crc32c(mp4)):
        return "its MP4 is another than its record says"
    try:
        shown = number_in(mp4)
    except (NoNumberError, FFmpegError) as error:
        return f"its MP4 does not play: {error}"
    own = number_of(record["request"]["prompt"])
    return None if shown == own else f"it shows the image of job {shown}"


def _object(storage: str, name: str) -> bytes | None:
    url = f"{storage}/storage/v1/b/{BUCKET}/o/{quote(name, safe='')}?alt=media"
    answer = requests.get(url, timeout=30)
    return answer.content if answer.ok else None


def _crc32c(content: bytes) -> str:
    value: int = google_crc32c.value(content)
    return base64.b64encode(value.to_bytes(4, "big")).decode()

"""What tests of the simulators share: images, a quick pace, a look into an MP4."""

import base64
import io
import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import av
from PIL import Image

from local.simulators.studio import Pace

QUICK = Pace(seconds=0.1, cached=True, scale=0.1)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    width: int
    height: int
    seconds: float
    frames: int
    video_codec: str
    audio_codec: str | None


def image(colour: str = "orange", size: tuple[int, int] = (64, 48)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, "PNG")
    return written.getvalue()


def data_uri(content: bytes | None = None) -> str:
    encoded = base64.b64encode(image() if content is None else content).decode()
    return f"data:image/png;base64,{encoded}"


def look_into(video: bytes) -> Seen:
    """Decodes every frame; raises what av raises where that fails."""
    with av.open(io.BytesIO(video), "r") as container:
        stream = container.streams.video[0]
        sound = container.streams.audio
        assert container.duration is not None
        return Seen(
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            seconds=container.duration / 1_000_000,
            audio_codec=sound[0].codec_context.name if sound else None,
            video_codec=stream.codec_context.name,
            frames=sum(1 for _ in container.decode(video=0)),
        )


def until(ask: Callable[[], _T], is_right: Callable[[_T], object]) -> _T:
    """Asks again until it is right; the test's own time limit ends it otherwise."""
    while not is_right(answer := ask()):
        time.sleep(0.02)
    return answer


def control(address: str, method: str, name: str, value: Any = None) -> Any:
    body = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(
        f"{address}/_control/{name}", data=body, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        content = answer.read()
    return json.loads(content) if content else None

"""Shared by tests of simulators: a quick pace, captured exchanges, reading MP4s."""

import base64
import copy
import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import av
import requests
from PIL import Image

from local.simulators.server import SimulatorServer
from local.simulators.vendor_backend import Pace

QUICK = Pace(seconds=0.1, scale=0.1)
WIRE = Path(__file__).parents[1] / "providers" / "wire"

_T = TypeVar("_T")


def image(colour: str = "orange", size: tuple[int, int] = (64, 48)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, "PNG")
    return written.getvalue()


def encoded(content: bytes | None = None) -> str:
    return base64.b64encode(image() if content is None else content).decode()


def data_uri(content: bytes | None = None) -> str:
    return f"data:image/png;base64,{encoded(content)}"


class Objects:
    """An object store that is a dict."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {"gs://b/in.png": image()}

    def read(self, uri: str) -> bytes:
        if uri not in self.kept:
            raise LookupError(uri)
        return self.kept[uri]

    def write(self, uri: str, content: bytes) -> None:
        self.kept[uri] = content


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vendor:
    """Sends a simulator the requests that were captured from the SDKs.

    `order` sets fields of the captured request, by their dotted paths.
    `agent` names which of Runway's two providers asks.
    """

    provider: str
    wire: str
    create: str
    order: Mapping[str, Any]
    agent: str = "python"

    def exchanges(self) -> dict[str, Any]:
        text = (WIRE / f"{self.wire}.json").read_text(encoding="utf-8")
        exchanges: dict[str, Any] = json.loads(text)["exchanges"]
        return exchanges

    def captured(self, name: str) -> Any:
        return self.exchanges()[name]

    def start(
        self, server: SimulatorServer, changes: Mapping[str, Any] | None = None
    ) -> requests.Response:
        body = copy.deepcopy(self.captured(self.create)["body"])
        for place, value in {**self.order, **(changes or {})}.items():
            *parents, last = place.split(".")
            target = body
            for each in parents:
                target = target[int(each) if each.isdigit() else each]
            if value is None:
                target.pop(last, None)
            else:
                target[last] = value
        return self.send(server, self.create, body=body)

    def ask(self, server: SimulatorServer, task_id: str) -> requests.Response:
        match self.wire:
            case "runway":
                return self.send(server, "task_PENDING", path=f"/v1/tasks/{task_id}")
            case "veo":
                name = {"operationName": task_id}
                return self.send(server, "operation_running", body=name)
            case _:
                path = f"/v1/interactions/{task_id}"
                return self.send(server, "get_in_progress", path=path)

    def send(
        self, server: SimulatorServer, name: str, *, path: str = "", body: Any = None
    ) -> requests.Response:
        exchange = self.captured(name)
        return requests.request(
            exchange["method"],
            server.address + (path or exchange["path"]),
            json=body,
            headers={**exchange["headers"], "User-Agent": self.agent},
            timeout=100,
        )

    def accepted(self, server: SimulatorServer, **changes: Any) -> str:
        answer = self.start(server, changes).json()
        return str(answer["name" if self.wire == "veo" else "id"])

    def until(
        self, server: SimulatorServer, task_id: str, is_right: Callable[[Any], object]
    ) -> Any:
        return until(lambda: self.ask(server, task_id).json(), is_right)

    def ended(self, server: SimulatorServer, **changes: Any) -> Any:
        final = {"SUCCEEDED", "FAILED", "CANCELLED"}
        unfinished = {"queued", "in_progress", "migrating"}
        return self.until(
            server,
            self.accepted(server, **changes),
            lambda seen: (
                seen.get("done")
                or seen.get("status") in final
                or (self.wire == "omni" and seen["status"] not in unfinished)
            ),
        )


RUNWAY = Vendor(
    provider="runway",
    wire="runway",
    create="create_gen4_turbo",
    order={"promptImage": data_uri(), "duration": 2},
    agent="RunwayML/Python 5.24.0",
)
VEO = Vendor(
    provider="gemini-veo-3.1",
    wire="veo",
    create="generate_videos_gcsimage_min",
    order={"parameters.storageUri": "gs://b/out/"},
)
OMNI = Vendor(
    provider="gemini-omni-flash",
    wire="omni",
    create="create",
    order={"input.0.content.0.data": encoded(), "response_format.duration": "3s"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    width: int
    height: int
    seconds: float
    frames: int
    video_codec: str
    audio_codec: str | None


def contents_of(video: bytes) -> Contents:
    """Decode every frame; raises av's error if that fails."""
    with av.open(io.BytesIO(video), "r") as container:
        stream = container.streams.video[0]
        sound = container.streams.audio
        assert container.duration is not None
        return Contents(
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            seconds=container.duration / 1_000_000,
            audio_codec=sound[0].codec_context.name if sound else None,
            video_codec=stream.codec_context.name,
            frames=sum(1 for _ in container.decode(video=0)),
        )


def until(ask: Callable[[], _T], is_right: Callable[[_T], object]) -> _T:
    """Ask again until the answer is right, or until the test's time limit."""
    while not is_right(answer := ask()):
        time.sleep(0.02)
    return answer

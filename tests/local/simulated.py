"""Sends simulators the requests that were captured from the vendors' SDKs."""

import base64
import copy
import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests
from PIL import Image

from local.simulators.server import SimulatorServer
from local.simulators.vendor_backend import Pace

QUICK = Pace(seconds=0.1, scale=0.1)
WIRE = Path(__file__).parents[1] / "providers" / "wire"

_T = TypeVar("_T")


def png() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (64, 48), "orange").save(written, "PNG")
    return written.getvalue()


BASE64_PNG = base64.b64encode(png()).decode()


class Objects:
    """An object store that is a dict."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {"gs://b/in.png": png()}

    def read(self, uri: str) -> bytes:
        if uri not in self.kept:
            raise LookupError(uri)
        return self.kept[uri]

    def write(self, uri: str, content: bytes) -> None:
        self.kept[uri] = content


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vendor:
    """`order` sets fields of the captured request to create, by their dotted paths.

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
        self,
        server: SimulatorServer,
        changes: Mapping[str, Any] | None = None,
        *,
        timeout: float = 100,
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
        return self.send(server, self.create, body=body, timeout=timeout)

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
        self,
        server: SimulatorServer,
        name: str,
        *,
        path: str = "",
        body: Any = None,
        timeout: float = 100,
    ) -> requests.Response:
        exchange = self.captured(name)
        return requests.request(
            exchange["method"],
            server.address + (path or exchange["path"]),
            json=body,
            headers={**exchange["headers"], "User-Agent": self.agent},
            timeout=timeout,
        )


RUNWAY = Vendor(
    provider="runway",
    wire="runway",
    create="create_gen4_turbo",
    order={"promptImage": f"data:image/png;base64,{BASE64_PNG}", "duration": 2},
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
    order={"input.0.content.0.data": BASE64_PNG, "response_format.duration": "3s"},
)


def until(ask: Callable[[], _T], is_right: Callable[[_T], object]) -> _T:
    """Ask again until the answer is right, or until the test's time limit."""
    while not is_right(answer := ask()):
        time.sleep(0.02)
    return answer

"""The four links under test, made alike, and an order for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from google.oauth2.credentials import Credentials

from shared.domain.catalogue import AspectRatio, Resolution
from shared.ports.providers import (
    GenerationRequest,
    Provider,
    TaskRef,
)
from shared.providers.omni import Omni
from shared.providers.runway import RunwaySdk
from shared.providers.runway_http import RunwayHttp
from shared.providers.veo import Veo

KEY = "key_very-secret"
PROMPT = "a paper boat on a stream"
OPERATION = "projects/p/locations/l/publishers/google/models/m/operations/1"


class Make(Protocol):
    def __call__(self, base_url: str, *, read_seconds: float = 50.0) -> Provider: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCase:
    """How one link is made, and what its vendor says when it takes a job."""

    name: str
    make: Make
    model_id: str
    task_id: str
    taken: Mapping[str, object]
    is_runway: bool

    def error(self, status: int, message: str = "boom") -> dict[str, object]:
        if self.is_runway:
            return {"error": message}
        return {"error": {"code": status, "message": message, "status": "WORD"}}

    def task(self) -> TaskRef:
        return TaskRef(task_id=self.task_id, model_id=self.model_id)


def make_runway(base_url: str, *, read_seconds: float = 50.0) -> Provider:
    return RunwaySdk(api_key=KEY, base_url=base_url, read_seconds=read_seconds)


def make_runway_http(base_url: str, *, read_seconds: float = 50.0) -> Provider:
    return RunwayHttp(api_key=KEY, base_url=base_url, read_seconds=read_seconds)


def make_veo(base_url: str, *, read_seconds: float = 50.0) -> Provider:
    return Veo(
        project="my-proj",
        location="us-central1",
        credentials=Credentials(token="ya29.TEST"),
        base_url=base_url,
        read_seconds=read_seconds,
    )


def make_omni(base_url: str, *, read_seconds: float = 50.0) -> Provider:
    return Omni(api_key=KEY, base_url=base_url, read_seconds=read_seconds)


_INTERACTION = {"id": "v1_abc", "status": "in_progress", "object": "interaction"}

RUNWAY = ProviderCase(
    name="runway",
    make=make_runway,
    model_id="gen4_turbo",
    task_id="17f20503",
    taken={"id": "17f20503", "estimatedCost": {"credits": 25}},
    is_runway=True,
)
RUNWAY_HTTP = ProviderCase(
    name="runway_http",
    make=make_runway_http,
    model_id="gen4_turbo",
    task_id="17f20503",
    taken={"id": "17f20503", "estimatedCost": {"credits": 25}},
    is_runway=True,
)
VEO = ProviderCase(
    name="veo",
    make=make_veo,
    model_id="veo-3.1-generate-001",
    task_id=OPERATION,
    taken={"name": OPERATION},
    is_runway=False,
)
OMNI = ProviderCase(
    name="omni",
    make=make_omni,
    model_id="gemini-omni-1.2-flash",
    task_id="v1_abc",
    taken=_INTERACTION,
    is_runway=False,
)
PROVIDERS = (RUNWAY, RUNWAY_HTTP, VEO, OMNI)


def order(
    case: ProviderCase,
    *,
    seed: int | None = 7,
    audio: bool | None = None,
    aspect_ratio: AspectRatio = AspectRatio.LANDSCAPE,
) -> GenerationRequest:
    return GenerationRequest(
        model_id=case.model_id,
        prompt=PROMPT,
        jpeg=b"\xff\xd8\xff-image",
        image_uri="gs://b/images/1",
        duration_seconds=8,
        resolution=Resolution.P720,
        aspect_ratio=aspect_ratio,
        audio=audio,
        seed=seed,
        output_uri="gs://b/incoming/1/a/",
    )

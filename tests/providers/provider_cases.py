"""The providers under test, made alike, and a request for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import pytest
from google.oauth2.credentials import Credentials

from shared.domain.catalogue import AspectRatio, Resolution
from shared.ports.providers import GenerationRequest, ImageFile, Provider, TaskRef
from shared.providers.omni import omni_by_identity, omni_by_key
from shared.providers.runway import Runway
from shared.providers.runway_http import HttpTransport
from shared.providers.runway_sdk import SdkTransport
from shared.providers.veo import Veo

KEY = "key_very-secret"
PROMPT = "a paper boat on a stream"
IMAGE = ImageFile(jpeg=b"\xff\xd8\xff-image", uri="gs://b/images/1")
LAST_IMAGE = ImageFile(jpeg=b"\xff\xd8\xff-last", uri="gs://b/images/1.last")
RUNWAY_DOCUMENTATION = "https://docs.dev.runwayml.com/api"
OPERATION = "projects/p/locations/l/publishers/google/models/m/operations/1"


class Make(Protocol):
    def __call__(self, base_url: str, *, read_seconds: float = 50.0) -> Provider: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCase:
    """How one provider is made, and what its vendor says when it takes a job."""

    name: str
    make: Make
    model_id: str
    task_id: str
    taken: Mapping[str, object]
    is_runway: bool = False

    def error(self, status: int, message: str = "boom") -> dict[str, object]:
        if self.is_runway:
            return {"error": message, "docUrl": RUNWAY_DOCUMENTATION}
        return {"error": {"code": status, "message": message, "status": "WORD"}}

    def task(self) -> TaskRef:
        return TaskRef(task_id=self.task_id, model_id=self.model_id)


def make_runway(base_url: str, *, read_seconds: float = 50.0) -> Provider:
    return Runway(
        SdkTransport, api_key=KEY, base_url=base_url, read_seconds=read_seconds
    )


def make_runway_http(base_url: str, *, read_seconds: float = 50.0) -> Provider:
    return Runway(
        HttpTransport, api_key=KEY, base_url=base_url, read_seconds=read_seconds
    )


def make_veo(base_url: str, *, read_seconds: float = 50.0) -> Provider:
    return Veo(
        project="my-proj",
        location="us-central1",
        credentials=Credentials(token="ya29.TEST"),
        base_url=base_url,
        read_seconds=read_seconds,
    )


def make_omni(base_url: str, *, read_seconds: float = 50.0) -> Provider:
    return omni_by_key(api_key=KEY, base_url=base_url, read_seconds=read_seconds)


def make_omni_identity(base_url: str, *, read_seconds: float = 50.0) -> Provider:
    return omni_by_identity(
        project="p",
        credentials=Credentials(token="ya29.TEST"),
        base_url=base_url,
        read_seconds=read_seconds,
    )


_RUNWAY_TASK = {"id": "17f20503", "estimatedCost": {"credits": 25}}
_INTERACTION = {"id": "v1_abc", "status": "in_progress", "object": "interaction"}

RUNWAY = ProviderCase(
    name="runway",
    make=make_runway,
    model_id="gen4_turbo",
    task_id="17f20503",
    taken=_RUNWAY_TASK,
    is_runway=True,
)
RUNWAY_HTTP = ProviderCase(
    name="runway_http",
    make=make_runway_http,
    model_id="gen4_turbo",
    task_id="17f20503",
    taken=_RUNWAY_TASK,
    is_runway=True,
)
VEO = ProviderCase(
    name="veo",
    make=make_veo,
    model_id="veo-3.1-generate-001",
    task_id=OPERATION,
    taken={"name": OPERATION},
)
OMNI = ProviderCase(
    name="omni",
    make=make_omni,
    model_id="gemini-omni-1.2-flash",
    task_id="v1_abc",
    taken=_INTERACTION,
)
OMNI_IDENTITY = ProviderCase(
    name="omni_identity",
    make=make_omni_identity,
    model_id="gemini-omni-1.2-flash",
    task_id="v1_abc",
    taken=_INTERACTION,
)
PROVIDERS = (RUNWAY, RUNWAY_HTTP, VEO, OMNI, OMNI_IDENTITY)


def each(*cases: ProviderCase) -> pytest.MarkDecorator:
    """Runs a test for each of `cases`, or for every provider."""
    return pytest.mark.parametrize("case", cases or PROVIDERS, ids=lambda c: c.name)


def request_for(
    case: ProviderCase,
    *,
    seed: int | None = 7,
    audio: bool | None = None,
    aspect_ratio: AspectRatio = AspectRatio.LANDSCAPE,
    image: ImageFile | None = IMAGE,
    last_image: ImageFile | None = None,
) -> GenerationRequest:
    return GenerationRequest(
        model_id=case.model_id,
        prompt=PROMPT,
        image=image,
        last_image=last_image,
        duration_seconds=8,
        resolution=Resolution.P720,
        aspect_ratio=aspect_ratio,
        audio=audio,
        seed=seed,
        output_uri="gs://b/incoming/1/a/",
    )

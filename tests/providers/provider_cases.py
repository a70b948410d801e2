"""The providers under test, with a common way to build them and a request."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from google.oauth2.credentials import Credentials

from shared.domain.catalogue import AspectRatio, Resolution
from shared.domain.outcomes import Poll, Submission
from shared.ports.providers import (
    GenerationRequest,
    ImageFile,
    Provider,
    Result,
    TaskRef,
)
from shared.providers.omni import omni_by_identity, omni_by_key
from shared.providers.response_limits import MAX_BYTES, MAX_BYTES_WITH_REQUEST
from shared.providers.runway import Runway
from shared.providers.runway_http import HttpTransport
from shared.providers.runway_sdk import SdkTransport
from shared.providers.veo import Veo
from tests.providers.vendor_server import Conduct, Reply, Vendor

# Of a form that no vendor uses, so nothing recognizes it as a key.
KEY = "very-secret"
PROMPT = "a paper boat on a stream"
IMAGE = ImageFile(jpeg=b"\xff\xd8\xff-image", uri="gs://b/images/1")
LAST_IMAGE = ImageFile(jpeg=b"\xff\xd8\xff-last", uri="gs://b/images/1.last")
RUNWAY_DOCUMENTATION = "https://docs.dev.runwayml.com/api"
OPERATION = "projects/p/locations/l/publishers/google/models/m/operations/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCase:
    """How to build one provider, and its vendor's answer to an accepted request.

    `make` takes the vendor's URL.
    """

    name: str
    make: Callable[[str], Provider]
    model_id: str
    task_id: str
    accepted: Mapping[str, object]
    max_answer_bytes: int = MAX_BYTES
    is_runway: bool = False

    def error(self, status: int, message: str = "boom") -> dict[str, object]:
        if self.is_runway:
            return {"error": message, "docUrl": RUNWAY_DOCUMENTATION}
        return {"error": {"code": status, "message": message, "status": "WORD"}}

    def task(self) -> TaskRef:
        return TaskRef(task_id=self.task_id)

    def polled(self, body: object) -> Poll:
        """The poll of a task, of which the vendor says `body`."""
        with Vendor(Reply(body=body)) as server:
            return self.make(server.url).poll(self.task())

    def fetched(self, body: object) -> Result:
        """The result of a task, of which the vendor says `body`."""
        with Vendor(Reply(body=body)) as server:
            return self.make(server.url).fetch(self.task())


RUNWAY = ProviderCase(
    name="runway",
    make=lambda base_url: Runway(SdkTransport, api_key=KEY, base_url=base_url),
    model_id="gen4_turbo",
    task_id="17f20503",
    accepted={"id": "17f20503", "estimatedCost": {"credits": 25}},
    is_runway=True,
)
RUNWAY_HTTP = replace(
    RUNWAY,
    name="runway_http",
    make=lambda base_url: Runway(HttpTransport, api_key=KEY, base_url=base_url),
)
VEO = ProviderCase(
    name="veo",
    make=lambda base_url: Veo(
        project="my-proj",
        location="us-central1",
        credentials=Credentials(token="ya29.TEST"),
        base_url=base_url,
    ),
    model_id="veo-3.1-generate-001",
    task_id=OPERATION,
    accepted={"name": OPERATION},
)
OMNI = ProviderCase(
    name="omni",
    make=lambda base_url: omni_by_key(api_key=KEY, base_url=base_url),
    model_id="gemini-omni-1.2-flash",
    task_id="v1_abc",
    accepted={"id": "v1_abc", "status": "in_progress", "object": "interaction"},
    max_answer_bytes=MAX_BYTES_WITH_REQUEST,
)
OMNI_IDENTITY = replace(
    OMNI,
    name="omni_identity",
    make=lambda base_url: omni_by_identity(
        project="p", credentials=Credentials(token="ya29.TEST"), base_url=base_url
    ),
)
PROVIDERS = (RUNWAY, RUNWAY_HTTP, VEO, OMNI, OMNI_IDENTITY)


@contextmanager
def with_timeout(provider: Provider, limit: str, seconds: float) -> Iterator[None]:
    """Set `limit`, a timeout constant of the provider's module, to `seconds`."""
    module = type(getattr(provider, "transport", provider)).__module__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{module}.{limit}", seconds)
        yield


def each(*cases: ProviderCase) -> pytest.MarkDecorator:
    """Run a test for each of `cases`, or for every provider."""
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


def submitted(case: ProviderCase, reply: Reply, *, posts: int = 1) -> Submission:
    """The outcome of a start answered with `reply`; asserts how often it was sent."""
    seconds = 0.2 if reply.conduct is Conduct.HANG else 50
    with Vendor(reply) as server:
        provider = case.make(server.url)
        with with_timeout(provider, "READ_SECONDS", seconds):
            outcome = provider.start(request_for(case))
    assert len(server.received) == posts
    return outcome

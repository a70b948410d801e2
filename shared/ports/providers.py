"""What a provider of videos can do, and what it hands back."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from msgspec import Struct, field

from shared.domain.catalogue import AspectRatio, ProviderId, Resolution
from shared.domain.outcomes import Poll, Submission
from shared.domain.prompt_translation import Translation
from shared.domain.structs import Unprinted


class ImageFile(Unprinted, frozen=True, kw_only=True):
    """An image of our bucket: its bytes, and its address there (gs://…)."""

    unprinted = ("jpeg",)

    jpeg: bytes
    uri: str


class GenerationRequest(Struct, frozen=True, kw_only=True):
    """What a provider is asked to make. `image` is the first frame, None: text alone.

    `output_uri` is a folder of our bucket (gs://…/) for vendors that write there.
    """

    model_id: str
    prompt: str
    image: ImageFile | None
    last_image: ImageFile | None = None
    duration_seconds: int
    resolution: Resolution
    aspect_ratio: AspectRatio
    audio: bool | None
    seed: int | None
    output_uri: str


class WebFile(Unprinted, frozen=True, kw_only=True):
    """A result at an address of the vendor's; `headers` may hold a key.

    `trusted_origin`: an address that the settings name for the vendor. What has its
    scheme, host and port may be fetched although it is not public.
    """

    unprinted = ("url", "headers")

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    trusted_origin: str | None = None


class BucketFile(Struct, frozen=True, kw_only=True):
    """A result that the vendor wrote into our bucket: gs://bucket/name."""

    gs_uri: str


class InlineFile(Unprinted, frozen=True, kw_only=True):
    """A result that came inside an answer."""

    unprinted = ("content",)

    content: bytes


Result = WebFile | BucketFile | InlineFile


class TaskRef(Struct, frozen=True, kw_only=True):
    """A vendor's task: its id, and where the vendor said its file is, if it did."""

    task_id: str
    model_id: str
    gs_uri: str | None = None


class Provider(Protocol):
    """One provider. Only `fetch` raises; elsewhere the outcome says what went wrong."""

    @property
    def writes_into_bucket(self) -> bool:
        """Whether, as it is configured, the vendor puts its files into our bucket."""
        ...

    def start(self, request: GenerationRequest) -> Submission:
        """Exactly one POST, over a fresh connection. It is never sent again."""
        ...

    def poll(self, task: TaskRef) -> Poll: ...

    def fetch(self, task: TaskRef) -> Result:
        """Where the result is now; addresses expire.

        Unreachable: try again later. BadContent: there is none. TaskGone.
        """
        ...

    def cancel(self, task: TaskRef) -> bool:
        """True once nothing is left to cancel: done, gone, or there is no way to."""
        ...


class Translator(Protocol):
    """Translates prompts into English."""

    def max_cost_usd(self, prompt: str) -> Decimal:
        """The most that `translate` may cost for this prompt."""
        ...

    def translate(self, prompt: str, *, most_units: int) -> Translation:
        """One POST, never sent again; at most `most_units` UTF-16 units. Never raises.

        If no answer proves what it cost, that is the most that it may cost.
        """
        ...


class ProviderReports(Protocol):
    """Which providers the worker found not configured; the api holds no keys."""

    def read(self) -> frozenset[ProviderId]: ...

    def write(self, not_configured: frozenset[ProviderId]) -> None: ...


class Providers(Protocol):
    def get(self, provider_id: ProviderId) -> Provider | None:
        """None if the provider is not configured."""
        ...

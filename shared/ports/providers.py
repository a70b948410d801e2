"""Ports of video providers and the translator, and the results they return."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from msgspec import Struct, field

from shared.domain.catalogue import AspectRatio, ProviderId, Resolution
from shared.domain.outcomes import Poll, Submission
from shared.domain.prompt_translation import Translation
from shared.domain.structs import PartialRepr


class ImageFile(PartialRepr, frozen=True, kw_only=True):
    """An image in our bucket: its bytes and its gs:// URI."""

    hidden_fields = ("jpeg",)

    jpeg: bytes
    uri: str


class GenerationRequest(Struct, frozen=True, kw_only=True):
    """What a provider is asked to make. `image`: the first frame; None: text to video.

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


class WebFile(PartialRepr, frozen=True, kw_only=True):
    """A result at a URL of the vendor; `headers` may contain a key.

    `trusted_origin`: the vendor's address in the settings. A URL with its scheme, host
    and port may be fetched although it is not public.
    """

    hidden_fields = ("url", "headers")

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    trusted_origin: str | None = None


class BucketFile(Struct, frozen=True, kw_only=True):
    """A result that the vendor wrote into our bucket: gs://bucket/name."""

    gs_uri: str


class InlineFile(PartialRepr, frozen=True, kw_only=True):
    """A result that was part of the vendor's answer."""

    hidden_fields = ("content",)

    content: bytes


Result = WebFile | BucketFile | InlineFile


class TaskRef(Struct, frozen=True, kw_only=True):
    """A vendor's task. `platform`: as in `Accepted`; None also for a task of an earlier
    release.
    """

    task_id: str
    platform: str | None = None


class Provider(Protocol):
    """One provider. Only `fetch` raises; other methods return what went wrong."""

    @property
    def writes_into_bucket(self) -> bool:
        """Whether, as configured, the vendor writes its files into our bucket."""
        ...

    def start(self, request: GenerationRequest) -> Submission:
        """Exactly one POST, over a fresh connection; never retried."""
        ...

    def poll(self, task: TaskRef) -> Poll: ...

    def fetch(self, task: TaskRef) -> Result:
        """Where the result is now; URLs expire.

        Unreachable: try again later. BadContent: there is no result. TaskGone: the
        vendor says that the task does not exist.
        """
        ...

    def cancel(self, task: TaskRef) -> bool:
        """True if nothing is left to cancel: done, gone, or the vendor can't cancel."""
        ...


class Translator(Protocol):
    """Translates prompts into English."""

    def max_cost_usd(self, prompt: str) -> Decimal:
        """The most that `translate` may cost for this prompt."""
        ...

    def translate(self, prompt: str, *, max_units: int) -> Translation:
        """One POST, never retried. Never raises.

        A translation of more than `max_units` UTF-16 units is not usable. If no answer
        proves what it cost, `cost_usd` is the most that it may have cost.
        """
        ...


class ProviderReports(Protocol):
    """The providers that the worker has no configuration for; the api has no keys."""

    def read(self) -> frozenset[ProviderId]: ...

    def write(self, not_configured: frozenset[ProviderId]) -> None: ...


class Providers(Protocol):
    def get(self, provider_id: ProviderId) -> Provider | None:
        """None if the provider is not configured."""
        ...

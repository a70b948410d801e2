"""What a provider of videos can do, and what it hands back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from shared.domain.catalogue import AspectRatio, ProviderId, Resolution
from shared.domain.outcomes import Poll, Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """What a provider is asked to make. `jpeg` and `picture_uri` are the same image.

    `output_uri` is a folder of ours (gs://…/) for vendors that write by themselves.
    """

    model_id: str
    prompt: str
    jpeg: bytes = field(repr=False)
    image_uri: str
    duration_seconds: int
    resolution: Resolution
    aspect_ratio: AspectRatio
    audio: bool | None
    seed: int | None
    output_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFile:
    """A result at an address of the vendor's; `headers` may hold a key.

    `trusted_host`: a host that may be fetched from although it is not public (a
    vendor's address that the settings name); None where there is none.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    trusted_host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketFile:
    """A result that the vendor wrote into our bucket: gs://bucket/name."""

    gs_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineFile:
    """A result that came inside an answer."""

    content: bytes = field(repr=False)


Result = WebFile | BucketFile | InlineFile


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRef:
    """A vendor's task: its id, and where it said its file is, if it did."""

    task_id: str
    model_id: str
    gs_uri: str | None = None


class Provider(Protocol):
    """One link. No verb but `fetch` raises: what went wrong is in the outcome."""

    def start(self, request: GenerationRequest) -> Submission:
        """Exactly one POST, on a fresh connection; never sent again, whatever comes."""
        ...

    def poll(self, task: TaskRef) -> Poll: ...

    def fetch(self, task: TaskRef) -> Result:
        """Where the result is now; addresses die. Unreachable or BadContent."""
        ...

    def cancel(self, task: TaskRef) -> bool:
        """True once there is nothing left to ask for (404, or no way to cancel)."""
        ...


class ProviderReports(Protocol):
    """Which links the worker found not configured: the api holds no key to know."""

    def read(self) -> frozenset[ProviderId]: ...

    def write(self, not_configured: frozenset[ProviderId]) -> None: ...


class Providers(Protocol):
    def get(self, provider_id: ProviderId) -> Provider | None:
        """None where the link is not configured."""
        ...

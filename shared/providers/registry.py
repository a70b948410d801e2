"""Lists all providers, with one row each: when it is configured, and how it is built.

SDKs are imported when a provider is built, so a step only pays for the one it uses.
"""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from shared.domain.catalogue import ProviderId
from shared.domain.structs import PartialRepr
from shared.ports.providers import Provider

if TYPE_CHECKING:
    from google.auth.credentials import Credentials


class Access(PartialRepr, frozen=True, kw_only=True):
    """How one provider is reached: its own key and URL, and the project's identity.

    `credentials` looks up Application Default Credentials; None if there are none.
    `vertex_base_url` is the Agent Platform's URL, if it isn't Google's own.
    """

    hidden_fields = ("api_key",)

    project: str
    veo_location: str
    credentials: Callable[[], "Credentials | None"]
    has_local_bucket: bool
    vertex_base_url: str | None = None
    base_url: str | None = None
    api_key: str | None = None

    @property
    def is_out_of_reach(self) -> bool:
        """Whether the bucket is out of the Agent Platform's reach: Google can't access
        one on this machine, but a simulator can.
        """
        return self.has_local_bucket and not self.vertex_base_url


class Registration(Struct, frozen=True, kw_only=True):
    is_configured: Callable[[Access], bool]
    build: Callable[[Access], Provider]


def _has_key(access: Access) -> bool:
    return access.api_key is not None


def _has_identity(access: Access) -> bool:
    return access.credentials() is not None


def _runway(access: Access) -> Provider:
    from shared.providers.runway import Runway
    from shared.providers.runway_sdk import SdkTransport

    return Runway(SdkTransport, api_key=access.api_key or "", base_url=access.base_url)


def _runway_http(access: Access) -> Provider:
    from shared.providers.runway import Runway
    from shared.providers.runway_http import HttpTransport

    return Runway(HttpTransport, api_key=access.api_key or "", base_url=access.base_url)


def _veo(access: Access) -> Provider:
    from shared.providers.veo import Veo

    return Veo(
        project=access.project,
        location=access.veo_location,
        credentials=access.credentials(),
        base_url=access.vertex_base_url,
        inline=access.is_out_of_reach,
    )


def _has_key_or_identity(access: Access) -> bool:
    return _has_key(access) or _has_identity(access)


def _omni(access: Access) -> Provider:
    from shared.providers.omni import Omni, omni_by_identity, omni_by_key
    from shared.providers.omni_platforms import OmniPlatforms

    def at_gemini_api() -> Omni | None:
        if access.api_key is None:
            return None
        return omni_by_key(api_key=access.api_key, base_url=access.base_url)

    def at_agent_platform() -> Omni | None:
        identity = access.credentials()
        if identity is None:
            return None
        return omni_by_identity(
            project=access.project,
            credentials=identity,
            base_url=access.vertex_base_url,
            inline=access.is_out_of_reach,
        )

    # Jobs under way have recorded these names.
    return OmniPlatforms(
        {"gemini-api": at_gemini_api, "agent-platform": at_agent_platform}
    )


REGISTRY: Mapping[ProviderId, Registration] = {
    ProviderId.RUNWAY: Registration(is_configured=_has_key, build=_runway),
    ProviderId.RUNWAY_HTTP: Registration(is_configured=_has_key, build=_runway_http),
    ProviderId.VEO: Registration(is_configured=_has_identity, build=_veo),
    ProviderId.OMNI: Registration(is_configured=_has_key_or_identity, build=_omni),
}


class ConfiguredProviders:
    """The port `Providers`. Each provider is built once, when it is first needed.

    One that is not configured is looked for at each call: an identity that isn't found
    now may be found a moment later.
    """

    def __init__(self, accesses: Mapping[ProviderId, Access]) -> None:
        self._accesses = accesses
        self._built: dict[ProviderId, Provider] = {}
        self._building = threading.Lock()

    def get(self, provider_id: ProviderId) -> Provider | None:
        with self._building:
            if provider_id not in self._built:
                if not self.is_configured(provider_id):
                    return None
                build, access = REGISTRY[provider_id].build, self._accesses[provider_id]
                self._built[provider_id] = build(access)
            return self._built[provider_id]

    def is_configured(self, provider_id: ProviderId) -> bool:
        return REGISTRY[provider_id].is_configured(self._accesses[provider_id])

"""Which providers are configured, and how each is built: one row each.

SDKs are imported when a provider is built, so a step pays only for the one it asks.
"""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from shared.domain.catalogue import ProviderId
from shared.domain.structs import Unprinted
from shared.ports.providers import Provider

if TYPE_CHECKING:
    from google.auth.credentials import Credentials


class Access(Unprinted, frozen=True, kw_only=True):
    """How one provider is reached: its own key and address, and the project's identity.

    `credentials` looks up Application Default Credentials; None if there are none.
    `vertex_base_url` is where the Agent Platform is, if not at Google's address.
    """

    unprinted = ("api_key",)

    project: str
    veo_location: str
    credentials: Callable[[], "Credentials | None"]
    has_local_bucket: bool
    vertex_base_url: str | None = None
    base_url: str | None = None
    api_key: str | None = None

    @property
    def is_out_of_reach(self) -> bool:
        """Google can't reach a bucket on this machine; a simulator can."""
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
    from shared.providers.omni import omni_by_identity, omni_by_key

    if access.api_key is not None:
        return omni_by_key(api_key=access.api_key, base_url=access.base_url)
    return omni_by_identity(
        project=access.project,
        credentials=access.credentials(),
        base_url=access.vertex_base_url,
        inline=access.is_out_of_reach,
    )


REGISTRY: Mapping[ProviderId, Registration] = {
    ProviderId.RUNWAY: Registration(is_configured=_has_key, build=_runway),
    ProviderId.RUNWAY_HTTP: Registration(is_configured=_has_key, build=_runway_http),
    ProviderId.VEO: Registration(is_configured=_has_identity, build=_veo),
    ProviderId.OMNI: Registration(is_configured=_has_key_or_identity, build=_omni),
}


class ConfiguredProviders:
    """The port `Providers`: each is built once, when it is first asked for."""

    def __init__(self, accesses: Mapping[ProviderId, Access]) -> None:
        self._accesses = accesses
        self._built: dict[ProviderId, Provider | None] = {}
        self._building = threading.Lock()

    def get(self, provider_id: ProviderId) -> Provider | None:
        with self._building:
            if provider_id not in self._built:
                self._built[provider_id] = self._build(provider_id)
            return self._built[provider_id]

    def is_configured(self, provider_id: ProviderId) -> bool:
        return REGISTRY[provider_id].is_configured(self._accesses[provider_id])

    def _build(self, provider_id: ProviderId) -> Provider | None:
        if not self.is_configured(provider_id):
            return None
        return REGISTRY[provider_id].build(self._accesses[provider_id])

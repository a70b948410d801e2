"""Wraps providers so that each call is a span, which is a no-op without tracing."""

from shared.domain.catalogue import ProviderId
from shared.domain.outcomes import Poll, Submission
from shared.ports.providers import (
    GenerationRequest,
    Provider,
    Providers,
    Result,
    TaskRef,
)
from shared.tracing import span


class TracedProviders:
    """The port `Providers`: a decorator of another implementation."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    def get(self, provider_id: ProviderId) -> Provider | None:
        provider = self._providers.get(provider_id)
        return provider and _TracedProvider(provider, provider_id)


class _TracedProvider:
    def __init__(self, provider: Provider, provider_id: ProviderId) -> None:
        self._provider, self._provider_id = provider, provider_id

    @property
    def writes_into_bucket(self) -> bool:
        return self._provider.writes_into_bucket

    def start(self, request: GenerationRequest) -> Submission:
        with span("provider start", ai_model=self._provider_id):
            return self._provider.start(request)

    def poll(self, task: TaskRef) -> Poll:
        with span("provider poll", ai_model=self._provider_id):
            return self._provider.poll(task)

    def fetch(self, task: TaskRef) -> Result:
        with span("provider fetch", ai_model=self._provider_id):
            return self._provider.fetch(task)

    def cancel(self, task: TaskRef) -> bool:
        with span("provider cancel", ai_model=self._provider_id):
            return self._provider.cancel(task)

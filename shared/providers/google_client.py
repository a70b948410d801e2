"""Makes google-genai send each request exactly once, over a connection of its own.

By default, as read in google-genai 3.6.1 on 2026-11-29, it follows redirects (and so
sends a POST again), gives every phase the same timeout, reads a base URL from the
environment, and with a client certificate would send again after a 401. The exceptions
of Interactions have no public names there, hence the imports from `_gaos`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import google.auth.exceptions
import httpx2
from google import genai
from google.auth.credentials import Credentials
from google.genai import errors, types
from google.genai._gaos import errors as interaction_errors
from google.genai._gaos.lib import compat_errors
from google.genai._gaos.utils import retries

from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import Accepted, NotSent, Submission
from shared.domain.structs import PartialRepr
from shared.providers import response_limits
from shared.providers.google_errors import GOOGLE
from shared.providers.paid_post import (
    LOCAL_FAULTS,
    Fault,
    Faults,
    SendState,
    faults_of,
    outcome_of,
)
from shared.providers.redaction import describe
from shared.providers.rejection import HttpResponse, outcome_of_error, says_gone
from shared.tls import tls_context

FAULTS: Faults = {
    errors.APIError: Fault.DOUBTFUL,
    errors.ContinuationInterruptedError: Fault.DOUBTFUL,
    compat_errors.APIConnectionError: Fault.SEE_CAUSE,
    compat_errors.GeminiNextGenAPIClientError: Fault.DOUBTFUL,
    interaction_errors.GenAiError: Fault.DOUBTFUL,
    interaction_errors.NoResponseError: Fault.DOUBTFUL,
    retries.TemporaryError: Fault.DOUBTFUL,
    retries.PermanentError: Fault.DOUBTFUL,
    google.auth.exceptions.GoogleAuthError: Fault.LOCAL,
    **faults_of(httpx2),
    **LOCAL_FAULTS,
}
SDK_ERRORS = tuple(FAULTS)


class GoogleAccess(PartialRepr, frozen=True, kw_only=True):
    """How one of Google's APIs is reached, with an API key or under an identity."""

    hidden_fields = ("arguments",)

    base_url: str
    api_version: str
    arguments: Mapping[str, Any]

    @classmethod
    def by_key(cls, api_key: str, *, base_url: str, api_version: str) -> Self:
        arguments = {"vertexai": False, "api_key": api_key}
        return cls(base_url=base_url, api_version=api_version, arguments=arguments)

    @classmethod
    def by_identity(
        cls,
        *,
        project: str,
        location: str,
        credentials: Credentials | None,
        base_url: str | None,
        api_version: str,
    ) -> Self:
        """On the Agent Platform. `credentials`: None looks up ADC at each call."""
        return cls(
            base_url=base_url or _agent_platform(location),
            api_version=api_version,
            arguments={
                "vertexai": True,
                "project": project,
                "location": location,
                "credentials": credentials,
            },
        )

    @contextmanager
    def client(
        self,
        *,
        read_seconds: float,
        max_bytes: int = response_limits.MAX_BYTES_WITH_VIDEO,
        send_state: SendState | None = None,
    ) -> Iterator[genai.Client]:
        """A client for one call; its connection is closed afterwards."""
        with response_limits.single_call_client(
            httpx2,
            read_seconds=read_seconds,
            max_bytes=max_bytes,
            send_state=send_state or SendState(),
        ) as http_client:
            options = types.HttpOptions(
                base_url=self.base_url,
                api_version=self.api_version,
                timeout=round(read_seconds * 1000),
                retry_options=types.HttpRetryOptions(attempts=1),
                httpx_client=http_client,
                # For clients that are never used; otherwise the SDK would load the
                # certificates three more times.
                async_client_args={"verify": tls_context(), "ssl": tls_context()},
            )
            # The name keeps it alive: if collected, it would be closed during the call.
            client = genai.Client(http_options=options, **self.arguments)
            yield client


def _agent_platform(location: str) -> str:
    """Google's URL for a location. Without one, the SDK would read the environment."""
    match location:
        case "global":
            return "https://aiplatform.googleapis.com"
        case "us" | "eu":
            return f"https://aiplatform.{location}.rep.googleapis.com"
        case _:
            return f"https://{location}-aiplatform.googleapis.com"


def response_of(error: BaseException) -> HttpResponse | None:
    """The HTTP response in an exception of either API, or None if there was none.

    Decided by the status, not by the class, which is different if the SDK can't parse
    the body.
    """
    match error:
        case compat_errors.APIConnectionError():
            return None
        case errors.APIError(code=status, details=body):
            pass
        case compat_errors.APIError(status_code=status, body=body):
            pass
        case _:
            return None
    headers: Mapping[str, str] = getattr(
        getattr(error, "response", None), "headers", {}
    )
    return HttpResponse(status=status or 0, body=body, headers=headers)


def is_gone(error: BaseException) -> bool:
    """Whether Google itself says that the task does not exist."""
    response = response_of(error)
    return response is not None and says_gone(response, GOOGLE)


def failure_of(error: BaseException) -> str:
    """What a poll or a fetch failed with, in none of the vendor's words: they may quote
    the prompt, which is known only at the start.
    """
    response = response_of(error)
    return f"HTTP {response.status}" if response else type(error).__name__


def submission_of(
    error: BaseException, send_state: SendState, *secrets: str
) -> Submission:
    """The outcome of a paid POST that raised."""
    response = response_of(error)
    if response is not None:
        return _accepted(response) or outcome_of_error(response, GOOGLE, *secrets)
    is_auth_error = isinstance(error, google.auth.exceptions.GoogleAuthError)
    if is_auth_error and not send_state.started:
        return _without_token(error)
    return outcome_of(error, FAULTS, send_state, *secrets)


def _accepted(response: HttpResponse) -> Accepted | None:
    """The SDK raises for every status but 200, also for another 2xx with an id."""
    if not 200 <= response.status < 300 or not isinstance(response.body, dict):
        return None
    task_id = response.body.get("id") or response.body.get("name")
    return Accepted(task_id=task_id) if isinstance(task_id, str) and task_id else None


def _without_token(error: BaseException) -> NotSent:
    """The access token is fetched before the POST, so nothing was sent: a temporary
    failure, or a misconfigured account.
    """
    is_temporary = isinstance(error, google.auth.exceptions.TransportError)
    is_temporary = is_temporary or bool(getattr(error, "retryable", False))
    code = ErrorCode.PROVIDER_UNAVAILABLE if is_temporary else ErrorCode.ACCESS_DENIED
    return NotSent(problem=Problem(code=code, detail=describe(error)))

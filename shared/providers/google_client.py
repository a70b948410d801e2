"""How google-genai is made to send a request once, over a connection of its own.

Read in google-genai 3.6.1 on 2026-11-29: by itself it follows redirects (and so sends
a POST again), gives every phase the same time, reads a base URL from the environment,
and with a client certificate would answer a 401 by sending once more. What Interactions
raise has no public name there: hence `_gaos`.
"""

from collections.abc import Callable, Iterator, Mapping
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

from shared.cutoff import Cutoff
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import NotSent, Submission
from shared.domain.structs import Unprinted
from shared.providers import answer_limits
from shared.providers.google_errors import GOOGLE
from shared.providers.paid_post import (
    CONNECT_SECONDS,
    LOCAL_FAULTS,
    Fault,
    Faults,
    SendState,
    cutoff,
    outcome_of,
)
from shared.providers.redaction import describe
from shared.providers.rejection import Answer, outcome_of_error, says_gone
from shared.tls import trusted

FAULTS: Faults = {
    errors.APIError: Fault.ANSWERED,
    errors.ContinuationInterruptedError: Fault.DOUBTFUL,
    compat_errors.APIStatusError: Fault.ANSWERED,
    compat_errors.APIResponseValidationError: Fault.ANSWERED,
    compat_errors.APIConnectionError: Fault.SEE_CAUSE,
    compat_errors.APIError: Fault.ANSWERED,
    compat_errors.GeminiNextGenAPIClientError: Fault.DOUBTFUL,
    interaction_errors.GenAiError: Fault.DOUBTFUL,
    interaction_errors.NoResponseError: Fault.DOUBTFUL,
    retries.TemporaryError: Fault.DOUBTFUL,
    retries.PermanentError: Fault.DOUBTFUL,
    google.auth.exceptions.GoogleAuthError: Fault.LOCAL,
    httpx2.ConnectError: Fault.BEFORE_SENDING,
    httpx2.ConnectTimeout: Fault.BEFORE_SENDING,
    httpx2.PoolTimeout: Fault.BEFORE_SENDING,
    httpx2.UnsupportedProtocol: Fault.BEFORE_SENDING,
    httpx2.HTTPError: Fault.DOUBTFUL,
    httpx2.InvalidURL: Fault.DOUBTFUL,
    httpx2.CookieConflict: Fault.DOUBTFUL,
    httpx2.StreamError: Fault.DOUBTFUL,
    **LOCAL_FAULTS,
}
CAUGHT = tuple(FAULTS)


class GoogleAccess(Unprinted, frozen=True, kw_only=True):
    """Who calls one of Google's APIs, and where: by an API key or by an identity."""

    unprinted = ("arguments",)

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
        """On the Agent Platform. None: ADC are looked up at each call."""
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
        most_bytes: int = answer_limits.MOST_BYTES_WITH_VIDEO,
        send_state: SendState | None = None,
    ) -> Iterator[genai.Client]:
        """A client that lives for one call; its connection ends with it."""
        with (
            cutoff(read_seconds) as limit,
            httpx2.Client(
                verify=trusted(),
                follow_redirects=False,
                trust_env=False,
                headers=dict(answer_limits.ACCEPT_PLAIN),
            ) as http_client,
        ):
            before = _before_sending(read_seconds, send_state or SendState(), limit)
            http_client.event_hooks = {
                "request": [before],
                "response": [_limit(most_bytes)],
            }
            options = types.HttpOptions(
                base_url=self.base_url,
                api_version=self.api_version,
                timeout=round(read_seconds * 1000),
                retry_options=types.HttpRetryOptions(attempts=1),
                httpx_client=http_client,
                # For clients that are never used, it would read them three times more.
                async_client_args={"verify": trusted(), "ssl": trusted()},
            )
            # The name keeps it alive: collected, it would close under the call.
            client = genai.Client(http_options=options, **self.arguments)
            yield client


def _agent_platform(location: str) -> str:
    """Google's host for a location; left out, the SDK would ask the environment."""
    match location:
        case "global":
            return "https://aiplatform.googleapis.com"
        case "us" | "eu":
            return f"https://aiplatform.{location}.rep.googleapis.com"
        case _:
            return f"https://{location}-aiplatform.googleapis.com"


def _before_sending(
    read_seconds: float, send_state: SendState, limit: Cutoff
) -> Callable[[httpx2.Request], None]:
    timeout = httpx2.Timeout(CONNECT_SECONDS, read=read_seconds)

    def hook(request: httpx2.Request) -> None:
        send_state.started = True
        # The SDK's one figure would let connecting and reading take it twice.
        request.extensions["timeout"] = timeout.as_dict()
        request.extensions["trace"] = answer_limits.watched_by(limit)

    return hook


class _LimitedStream(httpx2.SyncByteStream):
    def __init__(self, inner: httpx2.SyncByteStream, most_bytes: int) -> None:
        self._inner = inner
        self._most_bytes = most_bytes

    def __iter__(self) -> Iterator[bytes]:
        return answer_limits.limited(
            self._inner,
            most_bytes=self._most_bytes,
            error=httpx2.ReadError,
        )

    def close(self) -> None:
        self._inner.close()


def _limit(most_bytes: int) -> Callable[[httpx2.Response], None]:
    def limit(response: httpx2.Response) -> None:
        if answer_limits.is_compressed(response.headers):
            raise httpx2.DecodingError("the answer is compressed")
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _LimitedStream(response.stream, most_bytes)

    return limit


def answer_of(error: BaseException) -> Answer | None:
    """The HTTP answer in an exception of either API, or None if there was none.

    By the status and not by the class: a body that the SDK can't parse has another.
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
    return Answer(status=status or 0, body=body, headers=headers)


def is_gone(error: BaseException) -> bool:
    """Whether Google itself says that the task does not exist."""
    answer = answer_of(error)
    return answer is not None and says_gone(answer, GOOGLE)


def submission_of(
    error: BaseException, send_state: SendState, *secrets: str
) -> Submission:
    """The outcome of a paid POST that raised."""
    answer = answer_of(error)
    if answer is not None:
        return outcome_of_error(answer, GOOGLE, *secrets)
    is_token = isinstance(error, google.auth.exceptions.GoogleAuthError)
    if is_token and not send_state.started:
        return _without_token(error)
    return outcome_of(error, FAULTS, send_state, *secrets)


def _without_token(error: BaseException) -> NotSent:
    """The token is fetched before the POST: a passing fault, or a wrong account."""
    passing = isinstance(
        error,
        google.auth.exceptions.TransportError | google.auth.exceptions.TimeoutError,
    )
    passing = passing or bool(getattr(error, "retryable", False))
    code = ErrorCode.PROVIDER_UNAVAILABLE if passing else ErrorCode.ACCESS_DENIED
    return NotSent(problem=Problem(code=code, detail=describe(error)))

"""How google-genai is made to send a request once, over a connection of its own.

Read in google-genai 3.4.0 on 2026-11-22: by itself it follows redirects (and so sends
a POST again), gives every phase the same time, reads a base URL from the environment,
and with a client certificate would answer a 401 by sending once more. What Interactions
raise has no public name there: hence `_gaos`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import google.auth.exceptions
import httpx2
from google.genai import errors, types
from google.genai._gaos import errors as interaction_errors
from google.genai._gaos.lib import compat_errors
from google.genai._gaos.utils import retries

from shared.providers.paid_post import (
    CONNECT_SECONDS,
    LOCAL_FAULTS,
    Fault,
    Faults,
    SendState,
)

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


@contextmanager
def http_options(
    *,
    base_url: str,
    api_version: str,
    read_seconds: float,
    send_state: SendState | None = None,
) -> Iterator[types.HttpOptions]:
    """Options for a client that lives for one call; the connection ends with it."""
    hook = _before_sending(read_seconds, send_state or SendState())
    with httpx2.Client(
        follow_redirects=False, trust_env=False, event_hooks={"request": [hook]}
    ) as http_client:
        yield types.HttpOptions(
            base_url=base_url,
            api_version=api_version,
            timeout=round(read_seconds * 1000),
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_client=http_client,
        )


def _before_sending(
    read_seconds: float, send_state: SendState
) -> Callable[[httpx2.Request], None]:
    timeout = httpx2.Timeout(CONNECT_SECONDS, read=read_seconds)

    def hook(request: httpx2.Request) -> None:
        send_state.started = True
        # The SDK's one figure would let connecting and reading take it twice.
        request.extensions["timeout"] = timeout.as_dict()

    return hook

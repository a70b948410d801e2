"""Every exception that an SDK can raise is classified by its provider's table."""

import inspect
import ssl
from types import ModuleType

import google.auth.exceptions
import google.genai._gaos.errors as interaction_errors
import google.genai.errors
import httpx
import httpx2
import pytest
import requests.exceptions
import runwayml
import runwayml.lib.polling
import urllib3.exceptions
from google.genai._gaos.lib import compat_errors
from google.genai._gaos.utils import retries

from shared.domain.errors import ErrorCode
from shared.domain.outcomes import NotSent, Unknown
from shared.providers import google_client, runway_http, runway_sdk
from shared.providers.paid_post import (
    LOCAL_FAULTS,
    Fault,
    Faults,
    SendState,
    classify,
    fault_of,
    outcome_of,
)
from tests.new_process import run_code

RAISED: list[tuple[Faults, tuple[ModuleType, ...]]] = [
    (runway_sdk.FAULTS, (runwayml, runwayml.lib.polling, httpx)),
    (runway_http.FAULTS, (requests.exceptions, urllib3.exceptions)),
    (
        google_client.FAULTS,
        (
            google.genai.errors,
            interaction_errors,
            compat_errors,
            retries,
            google.auth.exceptions,
            httpx2,
        ),
    ),
]


def exceptions(module: ModuleType) -> list[type[BaseException]]:
    # By dir and getattr, because some packages load their exceptions lazily.
    members = (getattr(module, name) for name in dir(module))
    return [
        each
        for each in members
        if inspect.isclass(each)
        and issubclass(each, Exception)
        and not issubclass(each, Warning)
    ]


ALL = [
    pytest.param(kind, faults, id=f"{module.__name__}.{kind.__name__}")
    for faults, modules in RAISED
    for module in modules
    for kind in exceptions(module)
]


@pytest.mark.parametrize(("kind", "faults"), ALL)
def test_every_exception_of_an_sdk_is_mapped(
    kind: type[BaseException], faults: Faults
) -> None:
    its_own = {k: v for k, v in faults.items() if k not in LOCAL_FAULTS}
    is_plain = kind.__mro__[1] in LOCAL_FAULTS or kind in LOCAL_FAULTS

    assert fault_of(kind, its_own) or (
        is_plain and fault_of(kind, faults) is Fault.LOCAL
    )


def test_the_search_finds_the_sdks_exceptions() -> None:
    names = {str(each.id) for each in ALL}

    assert len(names) > 150
    assert "httpx.ReadTimeout" in names
    assert "runwayml.APITimeoutError" in names
    assert "google.genai._gaos.errors.CreateInteractionServerError" in names


BEFORE = {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol"}


@pytest.mark.parametrize(
    ("library", "faults"),
    [(httpx, runway_sdk.FAULTS), (httpx2, google_client.FAULTS)],
    ids=["httpx", "httpx2"],
)
def test_only_an_error_before_sending_counts_as_not_sent(
    library: ModuleType, faults: Faults
) -> None:
    kinds = [each for each in exceptions(library) if issubclass(each, Exception)]
    early = {k.__name__ for k in kinds if fault_of(k, faults) is Fault.BEFORE_SENDING}

    assert early == BEFORE


def test_an_unmapped_exception_is_an_unknown_outcome() -> None:
    class Surprise(Exception):
        """Not in any table."""

    surprise = Surprise("x")
    surprise.__cause__ = httpx.ConnectError("x")

    outcome = outcome_of(surprise, runway_sdk.FAULTS, SendState())

    assert isinstance(outcome, Unknown)


def test_a_wrapper_without_a_cause_is_doubtful() -> None:
    wrapper = requests.exceptions.ConnectionError("x")

    assert classify(wrapper, runway_http.FAULTS) is Fault.DOUBTFUL


@pytest.mark.parametrize("error", [requests.exceptions.SSLError("x"), ValueError("x")])
def test_an_ambiguous_error_is_unknown_only_after_sending_started(
    error: Exception,
) -> None:
    before = outcome_of(error, runway_http.FAULTS, SendState())
    after = outcome_of(error, runway_http.FAULTS, SendState(started=True))

    assert isinstance(before, NotSent)
    assert isinstance(after, Unknown)


def test_a_lost_tls_session_is_doubtful() -> None:
    error = urllib3.exceptions.SSLError(ssl.SSLError("bad record mac"))

    assert classify(error, runway_http.FAULTS) is Fault.DOUBTFUL


def test_our_own_mistake_is_a_provider_error() -> None:
    outcome = outcome_of(TypeError("x"), runway_sdk.FAULTS, SendState())

    assert isinstance(outcome, NotSent)
    assert outcome.problem.code is ErrorCode.PROVIDER_ERROR


FOREIGN = {
    "registry": ("requests", "runwayml", "httpx", "google.genai", "httpx2"),
    "runway": ("requests", "runwayml", "httpx", "google.genai"),
    "runway_sdk": ("requests", "google.genai"),
    "runway_http": ("runwayml", "httpx", "google.genai"),
    "veo": ("runwayml",),
    "omni": ("runwayml",),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_provider_loads_no_other_providers_sdk(name: str) -> None:
    program = (
        f"import sys, shared.providers.{name}; "
        f"print([m for m in {FOREIGN[name]!r} if m in sys.modules])"
    )
    assert run_code(program).stdout.strip() == "[]"

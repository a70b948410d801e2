"""Which providers are configured, when parts are built, and what is imported."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from inspect import isfunction, unwrap
from pathlib import Path
from typing import Any

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import LimitReached
from shared.domain.job import Language
from shared.domain.request import VideoRequest
from shared.domain.webhook import SENDING_LIMIT
from shared.gcp import oidc
from shared.gcp.firestore_calls import Database
from shared.jobs.commit import LONG_BACKOFF
from shared.jobs.schedule import TaskScheduler
from shared.media.decoder import IMAGE_LIMITS, VIDEO_LIMITS
from shared.providers.registry import Access, ConfiguredProviders
from shared.settings import Settings
from shared.wiring import adapters, guards, process, steps, use_cases
from shared.wiring.once import lazy, once
from tests.fakes.queue import FakeQueue
from tests.new_process import run_code
from tests.usecases.harness import ANN

ROOT = Path(__file__).parents[1]
HANGING_SECONDS = 200
BARE = {"GOOGLE_CLOUD_PROJECT": "demo-x", "BUCKET": "videos"}
EMULATORS = {
    "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
    "CLOUD_TASKS_EMULATOR_HOST": "127.0.0.1:1",
    "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1",
}


@pytest.fixture
def configured(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., dict[ProviderId, str | None]]:
    """Returns the class of each provider, or None if it isn't configured."""

    def configured(**environ: str) -> dict[ProviderId, str | None]:
        known = Settings.from_env(BARE | environ)
        monkeypatch.setattr(process, "settings", lambda: known)
        found_now = unwrap(process.credentials)
        monkeypatch.setattr(process, "credentials", found_now)
        providers = unwrap(adapters.providers)()
        built = {each: providers.get(each) for each in ProviderId}
        assert built == {each: providers.get(each) for each in ProviderId}
        assert [providers.is_configured(p) for p in built] == [
            found is not None for found in built.values()
        ]
        parts = {each: getattr(p, "transport", p) for each, p in built.items()}
        return {each: type(p).__name__ if p else None for each, p in parts.items()}

    return configured


@pytest.mark.parametrize("is_complete", [False, True])
def test_a_provider_is_configured_if_its_key_or_identity_exists(
    monkeypatch: pytest.MonkeyPatch,
    configured: Callable[..., dict[ProviderId, str | None]],
    is_complete: bool,
) -> None:
    def default(**_: object) -> tuple[AnonymousCredentials, str]:
        if not is_complete:
            raise DefaultCredentialsError("not logged in")
        return AnonymousCredentials(), "demo-x"

    monkeypatch.setattr(google.auth, "default", default)
    keys = ("key_1", "AIza1") if is_complete else ("unset", "")

    built = configured(RUNWAY_API_KEY=keys[0], GEMINI_API_KEY=keys[1])

    named = ("SdkTransport", "HttpTransport", "Veo", "OmniPlatforms")
    assert list(built.values()) == list(named if is_complete else [None] * 4)


def test_concurrent_requests_build_a_part_once() -> None:
    built: list[object] = []

    @once
    def part() -> object:
        built.append(object())
        if len(built) == 1:
            second.start()
            second.join(0.2)  # as long as it would need to build the part, too
        return built[0]

    second = threading.Thread(target=part)
    part()
    second.join()

    assert (len(built), part()) == (1, built[0])


def test_a_part_that_is_built_does_not_wait_for_another_that_is_being_built() -> None:
    """Importing an SDK takes seconds, during which other requests go on."""
    begun, may_end = threading.Event(), threading.Event()

    @once
    def imports_an_sdk() -> object:
        begun.set()
        return may_end.wait(HANGING_SECONDS)

    part = once(object)
    built = part()
    with ThreadPoolExecutor(2) as pool:
        pool.submit(imports_an_sdk)
        assert begun.wait(HANGING_SECONDS)
        try:
            assert pool.submit(part).result(HANGING_SECONDS / 2) is built
        finally:
            may_end.set()


def test_a_failed_search_for_an_identity_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The metadata server may fail to answer a process that has just started."""
    identity, failures = AnonymousCredentials(), [DefaultCredentialsError("too busy")]

    def default(**_: object) -> tuple[AnonymousCredentials, str]:
        if failures:
            raise failures.pop()
        return identity, "demo-x"

    monkeypatch.setattr(google.auth, "default", default)
    credentials = once(unwrap(process.credentials))

    assert [credentials() for _ in range(3)] == [None, identity, identity]


def test_a_provider_without_an_identity_is_looked_for_again() -> None:
    """Else this process would never poll the tasks that others have paid for."""
    found = [None, AnonymousCredentials(), AnonymousCredentials()]
    access = Access(
        project="p",
        veo_location="us-central1",
        credentials=lambda: found.pop(0),
        has_local_bucket=False,
    )
    providers = ConfiguredProviders({ProviderId.VEO: access})

    assert providers.get(ProviderId.VEO) is None
    veo = providers.get(ProviderId.VEO)
    assert veo is not None and providers.get(ProviderId.VEO) is veo


def test_without_traces_their_library_is_not_imported() -> None:
    """Google's clients import OpenTelemetry's API, but not its SDK."""
    code = """
import sys
from shared import tracing
from shared.wiring import adapters, process
process.settings(), process.database(), adapters.queue(), adapters.providers()
from functions.http.request_context import request_context
with tracing.root("request", {}), tracing.span("step", a="b"):
    assert tracing.task_headers() == {}
print([name for name in sys.modules if name.startswith(
    ("opentelemetry.sdk", "opentelemetry.exporter", "shared.gcp.cloud_trace"))])
"""
    ran = run_code(code, environ=BARE | EMULATORS)

    assert ran.stdout == "[]\n", ran.stderr


def test_no_vendors_sdk_is_imported_before_it_is_used() -> None:
    """Else a worker that polls Runway would first import Google's for a second."""
    code = """
import sys
import google.auth
from google.auth.credentials import AnonymousCredentials
google.auth.default = lambda **_: (AnonymousCredentials(), "demo-x")
from shared.wiring import adapters
assert adapters.providers() and adapters.translator()
print([name for name in ("google.genai", "runwayml") if name in sys.modules])
assert adapters.translator().max_cost_usd("너구리") > 0
"""
    ran = run_code(code, environ=BARE)

    assert (ran.stdout, ran.returncode) == ("[]\n", 0), ran.stderr


def test_a_poll_imports_nothing_that_only_other_steps_need() -> None:
    code = """
import sys
import google.auth
from google.auth.credentials import AnonymousCredentials
google.auth.default = lambda **_: (AnonymousCredentials(), "demo-x")
from shared.wiring import adapters, steps
class Reports:
    def read(self): return frozenset()
    def write(self, _): pass
adapters.provider_reports = Reports
assert steps.advance().follow_step.poll
dear = ("google.cloud.storage", "shared.media", "google.genai", "zoneinfo")
print([name for name in dear if name in sys.modules])
assert steps.advance().store_step.fetch_result
assert "google.cloud.storage" in sys.modules
"""
    ran = run_code(code, environ=BARE | EMULATORS)

    assert (ran.stdout, ran.returncode) == ("[]\n", 0), ran.stderr


def test_a_failure_to_build_the_bucket_stops_a_start_before_its_intent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error between the intent and the POST would be an unknown outcome."""

    def broken() -> None:
        raise DefaultCredentialsError("no identity")

    monkeypatch.setattr(process, "settings", lambda: Settings.from_env(BARE))
    monkeypatch.setattr(adapters, "bucket", broken)

    with pytest.raises(DefaultCredentialsError):
        assert lazy(unwrap(steps._submit_step)).start


def test_each_guard_is_built_once_and_as_the_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new one for each step would have counted no faults and read no prices yet."""
    builders = [
        part
        for part in vars(guards).values()
        if isfunction(part) and part.__module__ == guards.__name__
    ]
    assert builders and all(unwrap(part) is not part for part in builders)

    known = Settings.from_env(BARE | {"TIGHT_MAX_USD_PER_SECOND": "0.3"})
    monkeypatch.setattr(process, "settings", lambda: known)
    for module, part in (
        (guards, "kill_switch"),
        (guards, "circuit_breaker"),
        (adapters, "provider_reports"),
    ):
        monkeypatch.setattr(module, part, lambda: None)

    availability = unwrap(guards.availability)()

    assert availability.tight_max_usd_per_second == Decimal("0.3")
    assert availability.chain == known.chain


ADMITTED = {
    "WORKER_AUDIENCE": "worker",
    "TASKS_INVOKER": "tasks@x",
    "SWEEP_AUDIENCE": "sweep",
    "SCHEDULER_INVOKER": "scheduler@x",
    "BUDGET_ALERT_AUDIENCE": "budget_alert",
    "PUBSUB_INVOKER": "pubsub@x",
}


@pytest.mark.parametrize("cloud", [{}, {"K_SERVICE": "worker"}], ids=["here", "cloud"])
def test_a_private_function_admits_its_invoker_and_unsigned_tokens_only_in_the_cloud(
    monkeypatch: pytest.MonkeyPatch, cloud: dict[str, str]
) -> None:
    """There Cloud Run has checked the signature; elsewhere, anyone could forge one."""
    known = Settings.from_env(BARE | ADMITTED | cloud)
    monkeypatch.setattr(process, "settings", lambda: known)
    monkeypatch.setattr(process, "_callers", unwrap(process._callers))
    monkeypatch.setattr(oidc, "OidcCheck", lambda **arguments: arguments)
    callers: tuple[Callable[[], Any], ...] = (
        process.worker_callers,
        process.sweep_callers,
        process.budget_callers,
    )

    checks = [build() for build in callers]

    admitted = [(each["audience"], each["invoker_email"]) for each in checks]
    assert [value for pair in admitted for value in pair] == list(ADMITTED.values())
    assert {each["signature_removed"] for each in checks} == {bool(cloud)}


def test_a_step_has_time_to_commit_the_answer_to_its_paid_call() -> None:
    before = timing.MAX_TIME_BEFORE_POST + timing.POST_LIMIT

    assert before.total_seconds() + sum(LONG_BACKOFF) < steps.STEP_SECONDS


def test_no_other_worker_begins_what_may_still_be_going_on() -> None:
    image = IMAGE_LIMITS.queue_seconds + IMAGE_LIMITS.wall_seconds
    video = VIDEO_LIMITS.queue_seconds + VIDEO_LIMITS.wall_seconds

    assert steps.IMAGE_SECONDS + image < timing.PREPARE_LIMIT.total_seconds()
    assert video < timing.CHECK_LIMIT.total_seconds()
    assert SENDING_LIMIT.total_seconds() > adapters.WEBHOOK_SECONDS


def test_caps_and_policies_reach_the_jobs_that_the_api_creates(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = {"ON_UNKNOWN_SUBMISSION": "stop", "RETENTION_DAYS": "7"}
    known = Settings.from_env(BARE | policies | {"USER_DAILY_LIMIT_USD": "0.40"})
    monkeypatch.setattr(process, "settings", lambda: known)
    monkeypatch.setattr(process, "database", lambda: database)
    for module, part in (
        (adapters, "jobs"),
        (adapters, "idempotency"),
        (adapters, "quotas"),
        (guards, "kill_switch"),
        (guards, "price_watch"),
    ):
        monkeypatch.setattr(module, part, unwrap(getattr(module, part)))
    scheduler = TaskScheduler(queue=FakeQueue())
    monkeypatch.setattr(adapters, "scheduler", lambda: scheduler)
    create = unwrap(use_cases.create_video)()
    body = {"prompt": "a cat", "image_url": "https://example.com/cat.jpg"}
    request = VideoRequest.parse(body)

    job = create(ANN, request, Language.ENGLISH).job

    assert job.stop_on_unknown
    assert job.expires_at - job.created_at == timedelta(days=7)
    assert not create.signs_webhooks  # there is no secret to sign with
    with pytest.raises(LimitReached):
        create(ANN, request, Language.ENGLISH)

"""Reading the settings from the environment, and refusing wrong ones."""

import json
from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from functions_framework import create_app

from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS, ProviderId
from shared.domain.errors import NotConfigured
from shared.domain.ledger import Caps, Limits
from shared.providers.veo_operations import location_of
from shared.settings import Settings, refuse_emulators
from tests.new_process import ROOT, run_code

NEEDED = {"GOOGLE_CLOUD_PROJECT": "demo", "BUCKET": "demo-videos"}
ADDRESSES = (
    "FIRESTORE_EMULATOR_HOST",
    "STORAGE_EMULATOR_HOST",
    "CLOUD_TASKS_EMULATOR_HOST",
    "FIREBASE_AUTH_EMULATOR_HOST",
    "CLOUD_TRACE_EMULATOR_HOST",
    "OIDC_CERTS_URL",
    "WEBHOOK_RECEIVER",
)


def read(**environ: str) -> Settings:
    return Settings.from_env(NEEDED | environ)


def problems(**environ: str) -> str:
    with pytest.raises(NotConfigured) as caught:
        read(**environ)
    return str(caught.value)


def test_two_variables_are_enough() -> None:
    settings = read()

    assert (settings.project, settings.bucket) == ("demo", "demo-videos")
    assert settings.chain == DEFAULT_CHAIN
    assert settings.models == DEFAULT_MODELS
    assert settings.veo_location == "us-central1"
    assert set(settings.api_keys.values()) == {None}
    assert set(settings.base_urls.values()) == {None}
    assert (settings.starts_queue, settings.steps_queue) == ("starts", "steps")
    assert settings.webhooks_queue == "webhooks"
    assert (settings.stop_on_unknown, settings.in_cloud) == (False, False)
    assert (settings.retention_days, settings.allowed_origins) == (30, ())
    assert settings.limits == Limits(zone=UTC)
    assert settings.tight_max_usd_per_second == Decimal("0.15")
    assert (settings.user_requests_per_second, settings.trace_sample_ratio) == (20, 0)
    assert settings.oidc_certs_url == "https://www.googleapis.com/oauth2/v1/certs"


@pytest.mark.parametrize(
    ("name", "text", "attribute", "value"),
    [
        ("VEO_LOCATION", "europe-west4", "veo_location", "europe-west4"),
        ("VEO_LOCATION", "global", "veo_location", "global"),
        (
            "PROVIDER_CHAIN",
            "gemini-veo-3.1, runway",
            "chain",
            (ProviderId.VEO, ProviderId.RUNWAY),
        ),
        ("ON_UNKNOWN_SUBMISSION", "stop", "stop_on_unknown", True),
        ("ON_UNKNOWN_SUBMISSION", "fallback", "stop_on_unknown", False),
        ("RETENTION_DAYS", "2", "retention_days", 2),
        ("RETENTION_DAYS", "3650", "retention_days", 3650),
        ("USER_REQUESTS_PER_SECOND", "5", "user_requests_per_second", 5),
        ("TRACE_SAMPLE_RATIO", "0", "trace_sample_ratio", 0.0),
        ("TRACE_SAMPLE_RATIO", "1", "trace_sample_ratio", 1.0),
        ("CLOUD_TRACE_EMULATOR_HOST", "localhost:1", "trace_emulator", "localhost:1"),
        ("OIDC_CERTS_URL", "http://[::1]:1", "oidc_certs_url", "http://[::1]:1"),
        (
            "ALLOWED_ORIGINS",
            "https://A.example:443/, http://localhost:5173, http://b.example:80",
            "allowed_origins",
            ("https://a.example", "http://localhost:5173", "http://b.example"),
        ),
        (
            "GOOGLE_VERTEX_BASE_URL",
            "https://v.example/",
            "vertex_base_url",
            "https://v.example",
        ),
        ("TASKS_LOCATION", "asia-northeast3", "tasks_location", "asia-northeast3"),
        ("STARTS_QUEUE", "a", "starts_queue", "a"),
        ("STEPS_QUEUE", "b", "steps_queue", "b"),
        ("WEBHOOKS_QUEUE", "c", "webhooks_queue", "c"),
        ("WEBHOOK_SIGNING_SECRET", "s" * 32, "webhook_signing_secret", "s" * 32),
        ("WEBHOOK_SIGNING_SECRET", "a b" * 11, "webhook_signing_secret", "a b" * 11),
        ("WEBHOOK_SIGNING_SECRET", "unset", "webhook_signing_secret", None),
        (
            "WEBHOOK_RECEIVER",
            "http://127.0.0.1:4000",
            "webhook_receiver",
            "http://127.0.0.1:4000",
        ),
        ("WORKER_URL", "https://w.example", "worker_audience", "https://w.example"),
        ("WORKER_AUDIENCE", "aud", "worker_audience", "aud"),
        ("SWEEP_AUDIENCE", "aud", "sweep_audience", "aud"),
        ("TASKS_INVOKER", "t@example.com", "tasks_invoker", "t@example.com"),
        ("BUDGET_ALERT_AUDIENCE", "aud", "budget_alert_audience", "aud"),
        ("PUBSUB_INVOKER", "p@example.com", "pubsub_invoker", "p@example.com"),
        ("SCHEDULER_INVOKER", "s@example.com", "scheduler_invoker", "s@example.com"),
        ("K_SERVICE", "api", "in_cloud", True),
        ("CLOUD_TASKS_EMULATOR_HOST", "[::1]:1", "tasks_emulator", "[::1]:1"),
        ("FIREBASE_AUTH_EMULATOR_HOST", "localhost:1", "auth_emulator", "localhost:1"),
        (
            "STORAGE_EMULATOR_HOST",
            "http://[::1]:1/",
            "storage_emulator",
            "http://[::1]:1",
        ),
        ("SIGNING_CREDENTIALS_FILE", "/k", "signing_credentials_file", "/k"),
    ],
)
def test_a_variable_is_read(
    name: str, text: str, attribute: str, value: object
) -> None:
    assert getattr(read(**{name: text}), attribute) == value


FAST_VEO, OMNI_1_1 = "veo-3.1-fast-generate-001", "gemini-omni-1.1-flash"
VEO, OMNI = (ProviderId.VEO,), (ProviderId.OMNI,)
RUNWAY = (ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP)


@pytest.mark.parametrize(
    ("name", "text", "attribute", "value", "providers"),
    [
        ("RUNWAY_API_KEY", "key_1", "api_keys", "key_1", RUNWAY),
        ("GEMINI_API_KEY", " key_2\n", "api_keys", "key_2", OMNI),
        ("RUNWAY_API_KEY", "unset", "api_keys", None, RUNWAY),
        ("RUNWAY_API_KEY", " unset ", "api_keys", None, RUNWAY),
        ("GEMINI_API_KEY", " \n", "api_keys", None, OMNI),
        ("GEMINI_API_KEY", "", "api_keys", None, OMNI),
        ("RUNWAYML_BASE_URL", "http://h:1/", "base_urls", "http://h:1", RUNWAY),
        ("RUNWAY_MODEL", "gen4.5", "models", "gen4.5", RUNWAY),
        ("VEO_MODEL", FAST_VEO, "models", FAST_VEO, VEO),
        ("OMNI_MODEL", OMNI_1_1, "models", OMNI_1_1, OMNI),
        ("GOOGLE_GEMINI_BASE_URL", "https://g", "base_urls", "https://g", OMNI),
    ],
)
def test_a_key_a_url_and_a_model_apply_only_to_their_own_providers(
    name: str,
    text: str,
    attribute: str,
    value: str | None,
    providers: tuple[ProviderId, ...],
) -> None:
    found = getattr(read(**{name: text}), attribute)

    others: Mapping[ProviderId, str | None] = (
        DEFAULT_MODELS if attribute == "models" else dict.fromkeys(ProviderId)
    )
    assert found == {**others, **dict.fromkeys(providers, value)}


@pytest.mark.parametrize(
    ("text", "model_id"),
    [
        ("", "gemini-3.5-flash-lite"),
        ("gemini-3.1-flash-lite", "gemini-3.1-flash-lite"),
        ("off", None),
    ],
)
def test_prompts_are_translated_unless_that_is_off(
    text: str, model_id: str | None
) -> None:
    model = read(TRANSLATION_MODEL=text).translation_model

    assert (model.model_id if model else None) == model_id


WRONG = {
    "GOOGLE_CLOUD_PROJECT": [""],
    "BUCKET": [" ", "gs://videos", "videos/reelay", "-videos"],
    "VEO_LOCATION": ["a/b", "us-central1-a", "US-CENTRAL1", "central1"],
    "RUNWAY_API_KEY": [
        *("\N{ZERO WIDTH NO-BREAK SPACE}key_1", "key_1 # mine", "key_1\nkey_2"),
    ],
    "GEMINI_API_KEY": ["'key_2'"],
    "PROVIDER_CHAIN": ["runway,sora", "runway,runway", ","],
    "RUNWAY_MODEL": ["veo-3.1-generate-001"],
    "VEO_MODEL": ["veo-2.0"],
    "OMNI_MODEL": ["gen4_turbo"],
    "TRANSLATION_MODEL": ["gemini-flash"],
    "ON_UNKNOWN_SUBMISSION": ["retry"],
    "RETENTION_DAYS": ["1", "3651", "a month"],
    "ALLOWED_ORIGINS": [
        *("*", "https://*.example.com", "example.com", "https://a.example/app"),
        *("https://a.example?b", "http://[", "https://한국.example"),
    ],
    "RUNWAYML_BASE_URL": [
        *("api.example", "https://r.example:port", "https://r.example:99999"),
        *("https://r.example/?key=1", "https://r.example/#a"),
    ],
    "GOOGLE_VERTEX_BASE_URL": ["ftp://v.example"],
    "GOOGLE_GEMINI_BASE_URL": ["https://", "https://g.example/a b"],
    "STORAGE_EMULATOR_HOST": ["127.0.0.1:9000"],
    "DAILY_LIMIT_USD": ["ten", "1e999"],
    "USER_DAILY_LIMIT_USD": ["-1"],
    "MONTHLY_LIMIT_USD": ["NaN"],
    "USER_MAX_JOBS": ["0"],
    "USER_MAX_JOBS_PER_MINUTE": ["0"],
    "LIMITS_TIME_ZONE": ["Mars/Olympus", "../etc/passwd"],
    "TRACE_SAMPLE_RATIO": ["1.1", "-0.1"],
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name in WRONG for text in WRONG[name]]
)
def test_a_wrong_value_is_reported_by_name(name: str, text: str) -> None:
    assert name in problems(**{name: text})


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(NotConfigured) as caught:
        Settings.from_env(
            {
                "PROVIDER_CHAIN": "sora",
                "RUNWAY_MODEL": "gen9",
                "ON_UNKNOWN_SUBMISSION": "maybe",
                "K_SERVICE": "api",
                "FIRESTORE_EMULATOR_HOST": "h:1",
            }
        )

    for name in (
        "BUCKET is not set",
        "FIRESTORE_EMULATOR_HOST must not be set",
        "GOOGLE_CLOUD_PROJECT is not set",
        "ON_UNKNOWN_SUBMISSION: must be",
        "PROVIDER_CHAIN: ",
        "RUNWAY_MODEL: ",
    ):
        assert str(caught.value).count(name) == 1


def test_keys_are_not_in_the_repr() -> None:
    settings = read(RUNWAY_API_KEY="key_secret1", WEBHOOK_SIGNING_SECRET=32 * "secret")

    assert "secret1" not in repr(settings) + str(settings)
    assert "secretsecret" not in repr(settings) + str(settings)


@pytest.mark.parametrize("name", [*ADDRESSES, "SIGNING_CREDENTIALS_FILE"])
def test_local_settings_are_refused_in_the_cloud(name: str) -> None:
    cloud = {"K_SERVICE": "api", name: "http://127.0.0.1:1"}

    assert name in problems(**cloud)
    with pytest.raises(NotConfigured, match=name):
        refuse_emulators(cloud)
    # On a developer's machine they may be set.
    refuse_emulators({name: cloud[name]})
    assert read(**{name: cloud[name]})


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.2:8080",
        "https://evil.example",
        "127.0.0.1.evil.example:1",
        "notlocalhost:1",
    ],
)
def test_an_emulator_on_another_machine_is_refused_everywhere(
    name: str, address: str
) -> None:
    assert name in problems(**{name: address})
    with pytest.raises(NotConfigured, match=name):
        refuse_emulators({name: address})


@pytest.mark.parametrize("location", ["us-central1", "europe-west12", "global", "eu"])
def test_a_veo_location_is_found_again_in_the_names_of_its_tasks(location: str) -> None:
    settings = read(VEO_LOCATION=location)
    place = f"projects/p/locations/{settings.veo_location}/publishers/google/models/m"

    assert location_of(f"{place}/operations/o") == location


def test_a_wrong_keys_value_is_not_shown() -> None:
    assert "key_secret" not in problems(RUNWAY_API_KEY="'key_secret'")


def test_a_guessable_signing_secret_is_refused() -> None:
    assert "WEBHOOK_SIGNING_SECRET: must have" in problems(
        WEBHOOK_SIGNING_SECRET="s" * 31
    )


@pytest.mark.parametrize(("emulator", "starts"), [("", True), ("127.0.0.1:1", False)])
def test_a_function_in_the_cloud_does_not_start_with_an_emulator(
    emulator: str, starts: bool
) -> None:
    environ = {"K_SERVICE": "api", "FIREBASE_AUTH_EMULATOR_HOST": emulator}

    ran = run_code("import main", environ=environ)

    assert (ran.returncode == 0) is starts, ran.stderr
    assert starts or "FIREBASE_AUTH_EMULATOR_HOST must not be set" in ran.stderr


@pytest.mark.parametrize("target", ["api", "worker", "sweep", "budget_alert"])
def test_a_function_does_not_start_with_wrong_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """So the deploy fails with the reason; a server would answer 500 to every call."""
    for name, value in (NEEDED | {"PROVIDER_CHAIN": "nope"}).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(NotConfigured, match="PROVIDER_CHAIN: unknown provider: nope"):
        create_app(target, str(ROOT / "main.py"), "http")

    logged = json.loads(capsys.readouterr().out)
    assert logged["severity"] == "CRITICAL"
    assert "nope" in logged["reason"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("USER_MAX_JOBS", "abc", "USER_MAX_JOBS: must be a whole number, at least 1"),
        ("USER_MAX_JOBS", "9" * 5000, "must be a whole number"),
        ("RETENTION_DAYS", "x", "must be a whole number from 2 to 3650"),
        ("TRACE_SAMPLE_RATIO", "half", "must be a number from 0 to 1"),
    ],
)
def test_an_invalid_number_is_reported_in_plain_words(
    name: str, value: str, said: str
) -> None:
    assert said in problems(**{name: value})


def test_a_cap_of_zero_is_a_cap() -> None:
    known = read(DAILY_LIMIT_USD="0", USER_MONTHLY_LIMIT_USD="0.00").limits

    assert known.all_users == Caps(daily_usd=Decimal(0))
    assert known.user == Caps(monthly_usd=Decimal(0))


def test_a_user_who_may_have_more_open_jobs_may_also_create_more_a_minute() -> None:
    """Else a user for whom a thousand open jobs are allowed can create only sixty."""
    usual, more = read().limits, read(USER_MAX_JOBS="1000").limits

    assert (usual.max_open_jobs, usual.max_jobs_per_minute) == (20, 60)
    assert (more.max_jobs_per_minute, more.max_unpaid_per_hour) == (3000, 3000)
    assert read(USER_MAX_JOBS="1").limits.max_jobs_per_minute == 60


def test_caps_open_jobs_and_time_zone_are_read() -> None:
    known = read(
        DAILY_LIMIT_USD="10",
        MONTHLY_LIMIT_USD="100.50",
        USER_DAILY_LIMIT_USD="1",
        USER_MONTHLY_LIMIT_USD="20",
        USER_MAX_JOBS="3",
        USER_MAX_JOBS_PER_MINUTE="4",
        LIMITS_TIME_ZONE="Asia/Seoul",
    ).limits

    assert known == Limits(
        all_users=Caps(daily_usd=Decimal(10), monthly_usd=Decimal("100.50")),
        user=Caps(daily_usd=Decimal(1), monthly_usd=Decimal(20)),
        max_open_jobs=3,
        max_jobs_per_minute=4,
        zone=ZoneInfo("Asia/Seoul"),
    )

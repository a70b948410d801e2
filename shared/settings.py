"""Reads all settings from the environment, and reports all problems at once.

No other module reads the environment.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

from shared.domain.catalogue import (
    DEFAULT_CHAIN,
    DEFAULT_TEXT_MODEL,
    PROVIDERS,
    ProviderId,
    TextModel,
)
from shared.domain.errors import NotConfigured
from shared.domain.ledger import Caps, Limits
from shared.domain.structs import PartialRepr
from shared.setting_values import (
    is_loopback,
    model_parser,
    parse_bucket,
    parse_chain,
    parse_count,
    parse_days,
    parse_key,
    parse_location,
    parse_origins,
    parse_ratio,
    parse_signing_secret,
    parse_text_model,
    parse_unknown_policy,
    parse_url,
    parse_usd,
    parse_zone,
)

T = TypeVar("T")

EMULATORS = (
    "FIRESTORE_EMULATOR_HOST",
    "STORAGE_EMULATOR_HOST",
    "CLOUD_TASKS_EMULATOR_HOST",
    "FIREBASE_AUTH_EMULATOR_HOST",
    "CLOUD_TRACE_EMULATOR_HOST",
)
# Only for development: in the cloud, each of these would undermine security.
LOCAL_ONLY = (
    *EMULATORS,
    "SIGNING_CREDENTIALS_FILE",
    "OIDC_CERTS_URL",
    "WEBHOOK_RECEIVER",
)

GOOGLE_CERTS_URL = "https://www.googleapis.com/oauth2/v1/certs"


class Settings(PartialRepr, frozen=True, kw_only=True):
    """Everything that the environment configures. Secrets are left out of the repr."""

    hidden_fields = ("api_keys", "webhook_signing_secret")

    project: str
    bucket: str
    in_cloud: bool
    chain: tuple[ProviderId, ...]
    models: Mapping[ProviderId, str]
    translation_model: TextModel | None
    stop_on_unknown: bool
    limits: Limits
    tight_max_usd_per_second: Decimal
    retention_days: int
    user_requests_per_second: int
    allowed_origins: tuple[str, ...]
    veo_location: str
    api_keys: Mapping[ProviderId, str | None]
    base_urls: Mapping[ProviderId, str | None]
    vertex_base_url: str | None
    tasks_location: str
    starts_queue: str
    steps_queue: str
    webhooks_queue: str
    worker_url: str
    worker_audience: str
    sweep_audience: str
    budget_alert_audience: str
    tasks_invoker: str
    scheduler_invoker: str
    pubsub_invoker: str
    tasks_emulator: str | None
    storage_emulator: str | None
    auth_emulator: str | None
    signing_credentials_file: str | None
    oidc_certs_url: str
    webhook_signing_secret: str | None
    webhook_receiver: str | None
    trace_sample_ratio: float
    trace_emulator: str | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """NotConfigured lists every problem."""
        reader = _Reader(environ)
        reader.refuse_emulators()
        worker_url = reader.text("WORKER_URL") or ""
        settings = cls(
            project=reader.required("GOOGLE_CLOUD_PROJECT"),
            bucket=reader.parsed("BUCKET", parse_bucket, reader.required("BUCKET")),
            in_cloud=reader.text("K_SERVICE") is not None,
            chain=reader.parsed("PROVIDER_CHAIN", parse_chain, DEFAULT_CHAIN),
            models={
                p: reader.parsed(
                    facts.model_variable, model_parser(facts), facts.models[0].model_id
                )
                for p, facts in PROVIDERS.items()
            },
            translation_model=reader.parsed(
                "TRANSLATION_MODEL",
                parse_text_model,
                parse_text_model(DEFAULT_TEXT_MODEL),
            ),
            stop_on_unknown=reader.parsed(
                "ON_UNKNOWN_SUBMISSION",
                parse_unknown_policy,
                parse_unknown_policy("fallback"),
            ),
            limits=reader.limits(),
            tight_max_usd_per_second=reader.parsed(
                "TIGHT_MAX_USD_PER_SECOND", parse_usd, Decimal("0.15")
            ),
            retention_days=reader.parsed("RETENTION_DAYS", parse_days, 30),
            user_requests_per_second=reader.parsed(
                "USER_REQUESTS_PER_SECOND", parse_count, 20
            ),
            allowed_origins=reader.parsed("ALLOWED_ORIGINS", parse_origins, ()),
            veo_location=reader.parsed("VEO_LOCATION", parse_location, "us-central1"),
            api_keys={
                p: reader.parsed(facts.api_key_variable, parse_key, None)
                for p, facts in PROVIDERS.items()
            },
            base_urls={
                p: reader.address(facts.base_url_variable)
                for p, facts in PROVIDERS.items()
            },
            vertex_base_url=reader.address("GOOGLE_VERTEX_BASE_URL"),
            tasks_location=reader.text("TASKS_LOCATION") or "us-central1",
            starts_queue=reader.text("STARTS_QUEUE") or "starts",
            steps_queue=reader.text("STEPS_QUEUE") or "steps",
            webhooks_queue=reader.text("WEBHOOKS_QUEUE") or "webhooks",
            worker_url=worker_url,
            worker_audience=reader.text("WORKER_AUDIENCE") or worker_url,
            sweep_audience=reader.text("SWEEP_AUDIENCE") or "",
            budget_alert_audience=reader.text("BUDGET_ALERT_AUDIENCE") or "",
            tasks_invoker=reader.text("TASKS_INVOKER") or "",
            scheduler_invoker=reader.text("SCHEDULER_INVOKER") or "",
            pubsub_invoker=reader.text("PUBSUB_INVOKER") or "",
            tasks_emulator=reader.text("CLOUD_TASKS_EMULATOR_HOST"),
            storage_emulator=reader.address("STORAGE_EMULATOR_HOST"),
            auth_emulator=reader.text("FIREBASE_AUTH_EMULATOR_HOST"),
            signing_credentials_file=reader.text("SIGNING_CREDENTIALS_FILE"),
            oidc_certs_url=reader.text("OIDC_CERTS_URL") or GOOGLE_CERTS_URL,
            webhook_signing_secret=reader.parsed(
                "WEBHOOK_SIGNING_SECRET", parse_signing_secret, None
            ),
            webhook_receiver=reader.address("WEBHOOK_RECEIVER"),
            trace_sample_ratio=reader.parsed("TRACE_SAMPLE_RATIO", parse_ratio, 0.0),
            trace_emulator=reader.text("CLOUD_TRACE_EMULATOR_HOST"),
        )
        if reader.problems:
            raise NotConfigured("; ".join(dict.fromkeys(reader.problems)))
        return settings


def refuse_emulators(environ: Mapping[str, str]) -> None:
    """NotConfigured if a function would trust an emulator that may be a stranger's."""
    reader = _Reader(environ)
    reader.refuse_emulators()
    if reader.problems:
        raise NotConfigured("; ".join(reader.problems))


class _Reader:
    """Reads single variables, and collects the problems it finds.

    A variable whose name is None is not set.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str | None) -> str | None:
        value = self._environ.get(name, "") if name else ""
        return value.strip() or None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            self.problems.append(f"{name} is not set")
        return value or ""

    def parsed(self, name: str | None, parse: Callable[[str], T], default: T) -> T:
        value = self.text(name)
        if value is None:
            return default
        try:
            return parse(value)
        except ValueError as error:
            self.problems.append(f"{name}: {error}")
            return default

    def address(self, name: str | None) -> str | None:
        return self.parsed(name, parse_url, None)

    def refuse_emulators(self) -> None:
        """None are allowed in the cloud; elsewhere they must be on this machine."""
        if self.text("K_SERVICE") is not None:
            self.problems += [
                f"{name} must not be set in the cloud"
                for name in LOCAL_ONLY
                if self.text(name)
            ]
        for name in (*EMULATORS, "OIDC_CERTS_URL", "WEBHOOK_RECEIVER"):
            address = self.text(name)
            if address and not is_loopback(address):
                self.problems.append(f"{name} must be an address of this machine")

    def limits(self) -> Limits:
        """A cap whose variable is not set does not apply."""
        max_open_jobs = self.parsed("USER_MAX_JOBS", parse_count, 20)
        max_jobs_per_minute = self.parsed(
            "USER_MAX_JOBS_PER_MINUTE", parse_count, max(60, 3 * max_open_jobs)
        )
        return Limits(
            all_users=self._caps("DAILY_LIMIT_USD", "MONTHLY_LIMIT_USD"),
            user=self._caps("USER_DAILY_LIMIT_USD", "USER_MONTHLY_LIMIT_USD"),
            max_open_jobs=max_open_jobs,
            max_jobs_per_minute=max_jobs_per_minute,
            max_unpaid_per_hour=max(60, max_jobs_per_minute),
            zone=self.parsed("LIMITS_TIME_ZONE", parse_zone, parse_zone("UTC")),
        )

    def _caps(self, daily: str, monthly: str) -> Caps:
        return Caps(
            daily_usd=self.parsed(daily, parse_usd, None),
            monthly_usd=self.parsed(monthly, parse_usd, None),
        )

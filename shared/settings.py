"""The only reader of the environment; reports all problems at once."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.domain.catalogue import (
    DEFAULT_CHAIN,
    DEFAULT_TEXT_MODEL,
    PROVIDERS,
    TEXT_MODELS,
    ProviderFacts,
    ProviderId,
    TextModel,
)
from shared.domain.errors import NotConfigured
from shared.domain.ledger import Caps, Limits
from shared.domain.structs import Unprinted
from shared.domain.webhook import SHORTEST_SIGNING_SECRET

T = TypeVar("T")

EMULATORS = (
    "FIRESTORE_EMULATOR_HOST",
    "STORAGE_EMULATOR_HOST",
    "CLOUD_TASKS_EMULATOR_HOST",
    "FIREBASE_AUTH_EMULATOR_HOST",
    "CLOUD_TRACE_EMULATOR_HOST",
)
# Only for development: in the cloud each of these would let anyone in.
LOCAL_ONLY = (
    *EMULATORS,
    "SIGNING_CREDENTIALS_FILE",
    "OIDC_CERTS_URL",
    "WEBHOOK_RECEIVER",
)

GOOGLE_CERTS_URL = "https://www.googleapis.com/oauth2/v1/certs"


class Settings(Unprinted, frozen=True, kw_only=True):
    """Everything that is configured from outside. The repr has no keys."""

    unprinted = ("api_keys", "webhook_signing_secret")

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
        in_cloud = reader.text("K_SERVICE") is not None
        reader.refuse_emulators()
        worker_url = reader.text("WORKER_URL") or ""
        settings = cls(
            project=reader.needed("GOOGLE_CLOUD_PROJECT"),
            bucket=reader.needed("BUCKET"),
            in_cloud=in_cloud,
            chain=reader.parsed("PROVIDER_CHAIN", _chain, DEFAULT_CHAIN),
            models=reader.models(),
            translation_model=reader.parsed(
                "TRANSLATION_MODEL", _text_model, _text_model(DEFAULT_TEXT_MODEL)
            ),
            stop_on_unknown=reader.text("ON_UNKNOWN_SUBMISSION") == "stop",
            limits=reader.limits(),
            tight_max_usd_per_second=reader.parsed(
                "TIGHT_MAX_USD_PER_SECOND", _money, Decimal("0.15")
            ),
            retention_days=reader.parsed("RETENTION_DAYS", _days, 30),
            user_requests_per_second=reader.parsed(
                "USER_REQUESTS_PER_SECOND", _count, 20
            ),
            allowed_origins=reader.parsed("ALLOWED_ORIGINS", _origins, ()),
            veo_location=reader.text("VEO_LOCATION") or "us-central1",
            api_keys=reader.by_provider(
                reader.secret, lambda facts: facts.api_key_variable
            ),
            base_urls=reader.by_provider(
                reader.address, lambda facts: facts.base_url_variable
            ),
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
            webhook_signing_secret=reader.signing_secret("WEBHOOK_SIGNING_SECRET"),
            webhook_receiver=reader.address("WEBHOOK_RECEIVER"),
            trace_sample_ratio=reader.parsed("TRACE_SAMPLE_RATIO", _ratio, 0.0),
            trace_emulator=reader.text("CLOUD_TRACE_EMULATOR_HOST"),
        )
        reader.one_of("ON_UNKNOWN_SUBMISSION", ("fallback", "stop"))
        if reader.problems:
            raise NotConfigured("; ".join(dict.fromkeys(reader.problems)))
        return settings


def refuse_emulators(environ: Mapping[str, str]) -> None:
    """NotConfigured where a function would believe a stranger's emulator."""
    reader = _Reader(environ)
    reader.refuse_emulators()
    if reader.problems:
        raise NotConfigured("; ".join(reader.problems))


class _Reader:
    """Reads one variable at a time and collects the problems."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str) -> str | None:
        return (self._environ.get(name) or "").strip() or None

    def secret(self, name: str) -> str | None:
        """None also for `unset`, which infra/ gives to secrets without a value."""
        value = self.text(name)
        return None if value == "unset" else value

    def signing_secret(self, name: str) -> str | None:
        """As `secret`; one that could be guessed is a problem."""
        value = self.secret(name)
        if value is not None and len(value) < SHORTEST_SIGNING_SECRET:
            least = f"{SHORTEST_SIGNING_SECRET} random characters"
            self.problems.append(f"{name} must have at least {least}")
        return value

    def needed(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            self.problems.append(f"{name} is not set")
        return value or ""

    def parsed(self, name: str, parse: Callable[[str], T], default: T) -> T:
        value = self.text(name)
        if value is None:
            return default
        try:
            return parse(value)
        except ValueError as error:
            self.problems.append(f"{name}: {error}")
            return default

    def address(self, name: str) -> str | None:
        return self.parsed(name, _address, None)

    def one_of(self, name: str, values: tuple[str, ...]) -> None:
        if (self.text(name) or values[0]) not in values:
            self.problems.append(f"{name} must be {' or '.join(values)}")

    def refuse_emulators(self) -> None:
        """None at all in the cloud, and elsewhere only on this very machine."""
        if self.text("K_SERVICE") is not None:
            self.problems += [
                f"{name} must not be set in the cloud"
                for name in LOCAL_ONLY
                if self.text(name)
            ]
        for name in (*EMULATORS, "OIDC_CERTS_URL", "WEBHOOK_RECEIVER"):
            address = self.text(name)
            if address and not _is_loopback(address):
                self.problems.append(f"{name} must be an address of this machine")

    def limits(self) -> Limits:
        """A cap that is not set does not exist."""
        most_jobs_a_minute = self.parsed("USER_MAX_JOBS_PER_MINUTE", _count, 60)
        return Limits(
            everybody=self._caps("DAILY_LIMIT_USD", "MONTHLY_LIMIT_USD"),
            user=self._caps("USER_DAILY_LIMIT_USD", "USER_MONTHLY_LIMIT_USD"),
            most_open_jobs=self.parsed("USER_MAX_JOBS", _count, 20),
            most_jobs_a_minute=most_jobs_a_minute,
            most_unprepared_an_hour=max(30, most_jobs_a_minute // 2),
            zone=self.parsed("LIMITS_TIME_ZONE", _zone, ZoneInfo("UTC")),
        )

    def _caps(self, daily: str, monthly: str) -> Caps:
        return Caps(
            daily_usd=self.parsed(daily, _money, None),
            monthly_usd=self.parsed(monthly, _money, None),
        )

    def by_provider(
        self,
        read: Callable[[str], str | None],
        variable: Callable[[ProviderFacts], str | None],
    ) -> Mapping[ProviderId, str | None]:
        """Each provider's variable as `read` reads it; None if it has no variable."""
        names = {p: variable(facts) for p, facts in PROVIDERS.items()}
        return {p: read(name) if name else None for p, name in names.items()}

    def models(self) -> Mapping[ProviderId, str]:
        return {
            provider_id: self.parsed(
                facts.model_variable, _model_of(facts), facts.models[0].model_id
            )
            for provider_id, facts in PROVIDERS.items()
        }


def _chain(value: str) -> tuple[ProviderId, ...]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    known = {provider_id.value for provider_id in ProviderId}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"unknown provider: {', '.join(unknown)}")
    if not names or len(set(names)) < len(names):
        raise ValueError("name at least one provider, and each only once")
    return tuple(ProviderId(name) for name in names)


def _money(value: str) -> Decimal:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise ValueError("must be an amount in USD") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError("must be an amount in USD, not below 0")
    return amount


def _ratio(value: str) -> float:
    try:
        ratio = float(value)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise ValueError("must be a number from 0 to 1")
    return ratio


def _count(value: str) -> int:
    count = _whole(value)
    if count is None or count < 1:
        raise ValueError("must be a whole number, at least 1")
    return count


def _whole(value: str) -> int | None:
    """None if it is no whole number, or has more than nine digits."""
    return int(value) if re.fullmatch(r"[+-]?[0-9]{1,9}", value) else None


def _text_model(value: str) -> TextModel | None:
    """None for `off`: prompts are sent as they are."""
    if value != "off" and value not in TEXT_MODELS:
        raise ValueError(f"must be off or one of {', '.join(TEXT_MODELS)}")
    return TEXT_MODELS.get(value)


def _zone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"unknown time zone: {value}") from None


def _days(value: str) -> int:
    days = _whole(value)
    if days is None or not 1 <= days <= 3650:
        raise ValueError("must be a whole number from 1 to 3650")
    return days


def _origins(value: str) -> tuple[str, ...]:
    parts = [part.strip() for part in value.split(",")]
    origins = tuple(part.rstrip("/") for part in parts if part)
    if bad := [o for o in origins if "*" in o or not _is_origin(o)]:
        raise ValueError(f"not an exact origin: {', '.join(bad)}")
    return origins


def _is_origin(value: str) -> bool:
    """Scheme and host only, as browsers send it; anything more would never match."""
    parts = urlsplit(value)
    return bool(parts.netloc) and value == f"{parts.scheme}://{parts.netloc}"


def _is_loopback(address: str) -> bool:
    """`address`: host:port, or a URL."""
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _address(value: str) -> str | None:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https address")
    return value.rstrip("/")


def _model_of(facts: ProviderFacts) -> Callable[[str], str]:
    offered = [model.model_id for model in facts.models]

    def parse(value: str) -> str:
        if value not in offered:
            raise ValueError(f"unknown model {value}; use one of {', '.join(offered)}")
        return value

    return parse

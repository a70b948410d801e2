"""Parses the values of single settings: ValueError says what a value must be."""

import re
from collections.abc import Callable
from datetime import UTC, tzinfo
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from urllib.parse import urlsplit

from shared.domain.catalogue import TEXT_MODELS, ProviderFacts, ProviderId, TextModel
from shared.domain.webhook import MIN_SIGNING_SECRET_LENGTH

# infra/'s placeholder for secrets without a value.
UNSET = "unset"
MAX_USD = 10**9


def parse_chain(value: str) -> tuple[ProviderId, ...]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    known = {provider_id.value for provider_id in ProviderId}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"unknown provider: {', '.join(unknown)}")
    if not names or len(set(names)) < len(names):
        raise ValueError("name at least one provider, and each only once")
    return tuple(ProviderId(name) for name in names)


def parse_unknown_policy(value: str) -> bool:
    if value not in ("fallback", "stop"):
        raise ValueError("must be fallback or stop")
    return value == "stop"


def parse_usd(value: str) -> Decimal:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise ValueError("must be an amount in USD") from None
    if not amount.is_finite() or not 0 <= amount <= MAX_USD:
        raise ValueError(f"must be an amount in USD, from 0 to {MAX_USD}")
    return amount


def parse_key(value: str) -> str | None:
    """None for UNSET."""
    # Such a key can't be sent as a header, or comes with what was around it.
    if not re.fullmatch(r"[!-~]+", value) or re.search("[\"'`]", value):
        raise ValueError("must have no spaces, quotes or invisible characters")
    return None if value == UNSET else value


def parse_signing_secret(value: str) -> str | None:
    """None for UNSET. A secret that is too short could be guessed."""
    if value == UNSET:
        return None
    if len(value) < MIN_SIGNING_SECRET_LENGTH:
        needed = f"{MIN_SIGNING_SECRET_LENGTH} random characters"
        raise ValueError(f"must have at least {needed}")
    return value


def parse_bucket(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", value):
        raise ValueError("must be a bucket's name alone, without gs:// or a path")
    return value


def parse_location(value: str) -> str:
    """A location of the Agent Platform, from which its host's name is made."""
    if not re.fullmatch(r"global|us|eu|[a-z]+-[a-z]+[0-9]{1,2}", value):
        raise ValueError("must be a region such as us-central1, or global, us or eu")
    return value


def parse_ratio(value: str) -> float:
    try:
        ratio = float(value)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise ValueError("must be a number from 0 to 1")
    return ratio


def parse_count(value: str) -> int:
    count = _parse_whole(value)
    if count is None or count < 1:
        raise ValueError("must be a whole number, at least 1")
    return count


def _parse_whole(value: str) -> int | None:
    """None if it is not a whole number of at most nine digits."""
    return int(value) if re.fullmatch(r"[+-]?[0-9]{1,9}", value) else None


def parse_text_model(value: str) -> TextModel | None:
    """None for `off`: prompts are sent as they are."""
    if value != "off" and value not in TEXT_MODELS:
        raise ValueError(f"must be off or one of {', '.join(TEXT_MODELS)}")
    return TEXT_MODELS.get(value)


def parse_zone(value: str) -> tzinfo:
    if value == "UTC":
        return UTC
    # Other zones need Python's time zone database, which takes 4 ms of a cold start.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(value)
    except ZoneInfoNotFoundError:
        raise ValueError(f"unknown time zone: {value}") from None


def parse_days(value: str) -> int:
    """Not 1: a job whose video can't be stored lives for a day and half an hour, and
    the retention must not delete it before it has ended.
    """
    days = _parse_whole(value)
    if days is None or not 2 <= days <= 3650:
        raise ValueError("must be a whole number from 2 to 3650")
    return days


def parse_origins(value: str) -> tuple[str, ...]:
    parts = [part.strip() for part in value.split(",")]
    origins = tuple(_as_sent(part) for part in parts if part)
    if bad := [o for o in origins if "*" in o or not _is_origin(o)]:
        raise ValueError(f"not an exact origin: {', '.join(bad)}")
    return origins


def _as_sent(origin: str) -> str:
    """As browsers send it: in lower case, without a default port or a last slash."""
    origin = origin.rstrip("/").lower()
    scheme, _, _ = origin.partition("://")
    return origin.removesuffix({"https": ":443", "http": ":80"}.get(scheme, ""))


def _is_origin(value: str) -> bool:
    """Scheme, host and port only; anything else never matches."""
    parts = urlsplit(value)
    whole = f"{parts.scheme}://{parts.netloc}"
    return value.isascii() and value == whole


def is_loopback(address: str) -> bool:
    """`address`: host:port, or a URL."""
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def parse_url(value: str) -> str | None:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https address")
    # Reading the port raises ValueError if it is no port.
    if parts.port == 0 or parts.query or parts.fragment or re.search(r"\s", value):
        raise ValueError("must be an address without spaces, ? or #")
    return value.rstrip("/")


def model_parser(facts: ProviderFacts) -> Callable[[str], str]:
    offered = [model.model_id for model in facts.models]

    def parse(value: str) -> str:
        if value not in offered:
            raise ValueError(f"unknown model {value}; use one of {', '.join(offered)}")
        return value

    return parse

"""V4 signed URLs, verified by signing the same request again with the client library.

The same key signs the same request in the same way each time.
https://cloud.google.com/storage/docs/access-control/signed-urls
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from google.auth.credentials import Signing
from google.cloud.storage._signing import generate_signed_url_v4
from google.oauth2 import service_account
from werkzeug import Request

from local.emulators.cloud_storage.errors import Refusal, Refused

_CLOCK_TOLERANCE = timedelta(minutes=15)


def signer_from_key(text: str) -> Signing:
    """The account whose signatures are accepted, from its JSON key."""
    credentials: Any = service_account.Credentials
    signer: Signing = credentials.from_service_account_info(json.loads(text))
    return signer


def check_signature(request: Request, signer: Signing, now: datetime) -> None:
    """Raises Refused unless the signer signed this method, path, query and headers, and
    the signature is valid at `now`.
    """
    values = dict(parse_qsl(urlsplit(request.environ["RAW_URI"]).query))
    if "X-Goog-Signature" not in values:
        text = "Anonymous caller does not have access to the object."
        raise Refused(Refusal.ACCESS_DENIED, text)
    try:
        _check_time(values, now)
        signed_again = _signed_again(request, values, signer)
    except (KeyError, ValueError, OverflowError) as error:
        raise Refused(Refusal.MALFORMED_SECURITY, str(error)) from error
    if signed_again != values:
        raise Refused(Refusal.SIGNATURE)


def _check_time(values: Mapping[str, str], now: datetime) -> None:
    stamp = values["X-Goog-Date"]
    signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if now > signed_at + timedelta(seconds=int(values["X-Goog-Expires"])):
        raise Refused(Refusal.EXPIRED)
    if signed_at - now > _CLOCK_TOLERANCE:
        raise Refused(Refusal.ACCESS_DENIED, "Request is not yet valid.")


def _signed_again(
    request: Request, values: Mapping[str, str], signer: Signing
) -> dict[str, str]:
    """The query of our own URL. Raises ValueError if it is valid for too long."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    signed = values["X-Goog-SignedHeaders"].split(";")
    _require_headers(headers, signed)
    url = generate_signed_url_v4(
        signer,
        resource=request.environ["RAW_URI"].partition("?")[0],
        expiration=int(values["X-Goog-Expires"]),
        api_access_endpoint=request.host_url.rstrip("/"),
        method=request.method,
        headers={name: headers[name] for name in signed if name != "host"},
        query_parameters={k: v for k, v in values.items() if k[:7] != "X-Goog-"},
        _request_timestamp=values["X-Goog-Date"],
    )
    return dict(parse_qsl(urlsplit(url).query))


def _require_headers(headers: Mapping[str, str], signed: Sequence[str]) -> None:
    """All signed headers must be sent, and all x-goog- headers sent must be signed."""
    missing = [name for name in signed if name not in headers]
    sent = [name for name in headers if name.startswith("x-goog-") or name == "host"]
    unsigned = [name for name in sent if name not in signed]
    if missing or unsigned:
        text = "Signed, but not sent: {}. Sent, but not signed: {}."
        names = (", ".join(missing), ", ".join(unsigned))
        raise Refused(Refusal.MALFORMED_SECURITY, text.format(*names))

"""V4 signed URLs: rebuilds the canonical request and verifies its signature.

https://cloud.google.com/storage/docs/authentication/canonical-requests
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from werkzeug import Request

from local.emulators.cloud_storage.errors import Refusal, Refused

ALGORITHM = "GOOG4-RSA-SHA256"
_SIGNATURE = "x-goog-signature"
_MAX_VALIDITY = timedelta(days=7)
_CLOCK_TOLERANCE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The account whose signatures are accepted."""

    public_key: RSAPublicKey
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    email: str
    scope: str
    stamp: str
    signed_at: datetime
    validity: timedelta
    header_names: tuple[str, ...]
    signature: bytes


def signer_from_key(text: str) -> Signer:
    """From a service account's JSON. Raises ValueError if its key isn't RSA."""
    account = json.loads(text)
    pem = account["private_key"].encode()
    key = load_pem_private_key(pem, password=None).public_key()
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return Signer(public_key=key, email=account["client_email"])


def check_signature(request: Request, signer: Signer, now: datetime) -> None:
    """Raises Refused unless the signer signed this method, path, query and headers, and
    the signature is valid at `now`.
    """
    path, _, query = request.environ["RAW_URI"].partition("?")
    values = {name.lower(): value for name, value in _pairs(query)}
    if _SIGNATURE not in values:
        text = "Anonymous caller does not have access to the object."
        raise Refused(Refusal.ACCESS_DENIED, text)
    claim = _claim(values)
    if now > claim.signed_at + claim.validity:
        raise Refused(Refusal.EXPIRED)
    if claim.signed_at - now > _CLOCK_TOLERANCE:
        raise Refused(Refusal.ACCESS_DENIED, "Request is not yet valid.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    _require_headers(headers, claim.header_names)
    if signer.email != claim.email:
        raise Refused(Refusal.SIGNATURE, "Unknown signer.")
    signed_headers = {name: headers[name] for name in claim.header_names}
    canonical = _canonical_request(request.method, path, query, signed_headers)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signed = "\n".join((ALGORITHM, claim.stamp, claim.scope, digest)).encode()
    try:
        signer.public_key.verify(claim.signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise Refused(Refusal.SIGNATURE) from error


def _claim(values: Mapping[str, str]) -> _Claim:
    try:
        email, _, scope = values["x-goog-credential"].partition("/")
        stamp = values["x-goog-date"]
        claim = _Claim(
            email=email,
            scope=scope,
            stamp=stamp,
            signed_at=datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
            validity=timedelta(seconds=int(values["x-goog-expires"])),
            header_names=tuple(values["x-goog-signedheaders"].split(";")),
            signature=bytes.fromhex(values[_SIGNATURE]),
        )
        is_well_formed = (
            values["x-goog-algorithm"] == ALGORITHM
            and re.fullmatch(rf"{stamp[:8]}/[^/]+/storage/goog4_request", scope)
            and timedelta(0) < claim.validity <= _MAX_VALIDITY
        )
    except (KeyError, ValueError, OverflowError) as error:
        raise Refused(Refusal.MALFORMED_SECURITY, str(error)) from error
    if not is_well_formed:
        raise Refused(Refusal.MALFORMED_SECURITY)
    return claim


def _require_headers(headers: Mapping[str, str], signed: tuple[str, ...]) -> None:
    """All signed headers must be sent, and all x-goog- headers sent must be signed."""
    missing = [name for name in signed if name not in headers]
    sent = [name for name in headers if name.startswith("x-goog-") or name == "host"]
    unsigned = [name for name in sent if name not in signed]
    if missing or unsigned:
        text = "Signed, but not sent: {}. Sent, but not signed: {}."
        names = (", ".join(missing), ", ".join(unsigned))
        raise Refused(Refusal.MALFORMED_SECURITY, text.format(*names))


def _canonical_request(
    method: str, path: str, query: str, headers: Mapping[str, str]
) -> str:
    pairs = sorted(
        f"{quote(name, safe='~')}={quote(value, safe='~')}"
        for name, value in _pairs(query)
        if name.lower() != _SIGNATURE
    )
    lines = [f"{k}:{' '.join(v.split())}\n" for k, v in sorted(headers.items())]
    return "\n".join(
        (
            method,
            quote(unquote(path), safe="/~"),
            "&".join(pairs),
            "".join(lines),
            ";".join(sorted(headers)),
            headers.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD"),
        )
    )


def _pairs(query: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in parts]

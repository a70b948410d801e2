"""V4 signed addresses: rebuild what was signed, and check it with the public key.

https://cloud.google.com/storage/docs/authentication/canonical-requests
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from local.emulators.cloud_storage.errors import (
    Refusal,
    StorageRefusedError,
)

ALGORITHM = "GOOG4-RSA-SHA256"
_SIGNATURE = "x-goog-signature"
_MAX_VALIDITY = timedelta(days=7)
_CLOCK_TOLERANCE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Whose signatures are good; `email` None takes any name with that key."""

    public_key: RSAPublicKey
    email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """The request as it came: `path` and `query` still percent-encoded.

    Header names are in lower case; repeated headers are joined with commas.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    email: str
    scope: str
    stamp: str
    signed_at: datetime
    expires_at: datetime
    header_names: tuple[str, ...]
    signature: bytes


def signer_from_key(text: str) -> Signer:
    """Take a service account's JSON, or an RSA key in PEM, public or private.

    ValueError for anything else. A bare key goes with any account's name.
    """
    if not text.lstrip().startswith("{"):
        return Signer(public_key=_public_key(text), email=None)
    account = json.loads(text)
    return Signer(
        public_key=_public_key(account["private_key"]), email=account["client_email"]
    )


def is_signed(query: str) -> bool:
    return _SIGNATURE in _by_lower_name(query)


def check_signature(request: SignedRequest, signer: Signer, now: datetime) -> None:
    """Refuse what the signer did not sign, for this method, these headers, and now."""
    claim = _parse_claim(_by_lower_name(request.query))
    if now > claim.expires_at:
        raise StorageRefusedError(
            Refusal.EXPIRED,
            f"Request signature expired at: {claim.expires_at.isoformat()}",
        )
    if claim.signed_at - now > _CLOCK_TOLERANCE:
        raise StorageRefusedError(Refusal.ACCESS_DENIED, "Request is not yet valid.")
    _require_headers(request.headers, claim.header_names)
    if signer.email not in (None, claim.email):
        raise StorageRefusedError(Refusal.SIGNATURE, "Unknown signer.")
    _verify(signer, claim, _canonical_request(request, claim.header_names))


def _parse_claim(values: Mapping[str, str]) -> _Claim:
    try:
        email, _, scope = values["x-goog-credential"].partition("/")
        stamp = values["x-goog-date"]
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        validity = timedelta(seconds=int(values["x-goog-expires"]))
        names = tuple(values["x-goog-signedheaders"].split(";"))
        signature = bytes.fromhex(values[_SIGNATURE])
        algorithm = values["x-goog-algorithm"]
    except (KeyError, ValueError, OverflowError) as error:
        raise StorageRefusedError(Refusal.MALFORMED_SECURITY, str(error)) from error
    _require_form(
        {
            "X-Goog-Algorithm": algorithm == ALGORITHM,
            "X-Goog-Credential": _is_scope(scope, stamp),
            "X-Goog-Expires": timedelta(0) < validity <= _MAX_VALIDITY,
        }
    )
    return _Claim(
        email=email,
        scope=scope,
        stamp=stamp,
        signed_at=signed_at,
        expires_at=signed_at + validity,
        header_names=names,
        signature=signature,
    )


def _is_scope(scope: str, stamp: str) -> bool:
    match scope.split("/"):
        case [date, _, "storage", "goog4_request"]:
            return date == stamp[:8]
        case _:
            return False


def _require_form(checks: Mapping[str, bool]) -> None:
    for name, holds in checks.items():
        if not holds:
            raise StorageRefusedError(Refusal.MALFORMED_SECURITY, name)


def _require_headers(headers: Mapping[str, str], signed: tuple[str, ...]) -> None:
    """Every signed header is sent; every x-goog- header that is sent is signed."""
    missing = [name for name in signed if name not in headers]
    sent = [name for name in headers if name.startswith("x-goog-") or name == "host"]
    unsigned = [name for name in sent if name not in signed]
    if missing:
        raise StorageRefusedError(
            Refusal.MALFORMED_SECURITY,
            "Header was included in signedheaders, but not in the request: "
            + ", ".join(missing),
        )
    if unsigned:
        raise StorageRefusedError(
            Refusal.MALFORMED_SECURITY,
            "Header was not included in signedheaders: " + ", ".join(unsigned),
        )


def _canonical_request(request: SignedRequest, names: tuple[str, ...]) -> str:
    headers = {name: " ".join(request.headers[name].split()) for name in names}
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(names))
    return "\n".join(
        (
            request.method,
            quote(unquote(request.path), safe="/~"),
            _canonical_query(request.query),
            lines,
            ";".join(sorted(names)),
            headers.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD"),
        )
    )


def _canonical_query(query: str) -> str:
    return "&".join(
        sorted(
            f"{quote(name, safe='~')}={quote(value, safe='~')}"
            for name, value in _pairs(query)
            if name.lower() != _SIGNATURE
        )
    )


def _verify(signer: Signer, claim: _Claim, canonical: str) -> None:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signed = "\n".join((ALGORITHM, claim.stamp, claim.scope, digest)).encode()
    try:
        signer.public_key.verify(claim.signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise StorageRefusedError(
            Refusal.SIGNATURE,
            "The request signature we calculated does not match the signature you "
            "provided. Check your Google secret key and signing method.",
        ) from error


def _pairs(query: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in parts]


def _by_lower_name(query: str) -> dict[str, str]:
    return {name.lower(): value for name, value in _pairs(query)}


def _public_key(pem: str) -> RSAPublicKey:
    if "PRIVATE KEY" in pem:
        key = load_pem_private_key(pem.encode(), password=None).public_key()
    else:
        key = load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return key

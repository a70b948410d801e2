"""Local identities: one key signs what Google signs in the cloud."""

import hashlib
import hmac
import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from google.auth.crypt import RSASigner

CHECKOUT_KEY = Path(__file__).resolve().parent.parent / ".local" / "key.pem"
TOKEN_LIFETIME = timedelta(hours=1)
_CERTIFICATE_FROM = datetime(2020, 1, 1, tzinfo=UTC)
_CERTIFICATE_UNTIL = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalIdentity:
    """A project's RSA key, which all its service accounts share."""

    project: str
    key: rsa.RSAPrivateKey

    @classmethod
    def generate(cls, project: str) -> Self:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return cls(project=project, key=key)

    @classmethod
    def of_checkout(cls, project: str) -> Self:
        """With the key of this checkout, generated on first use.

        So a token is valid for every local stack of the checkout, and for no other.
        """
        if not CHECKOUT_KEY.exists():
            CHECKOUT_KEY.parent.mkdir(mode=0o700, exist_ok=True)
            fresh = CHECKOUT_KEY.with_suffix(f".{uuid.uuid4().hex}")
            cls.generate(project).save(fresh)
            with suppress(
                FileExistsError
            ):  # another process was faster; its key is used
                os.link(fresh, CHECKOUT_KEY)
            fresh.unlink()
        return cls.load(CHECKOUT_KEY, project=project)

    @classmethod
    def load(cls, path: Path, *, project: str) -> Self:
        """Raises ValueError if the file holds no RSA key."""
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{path.name} holds no RSA key")
        return cls(project=project, key=key)

    def save(self, path: Path) -> None:
        """Write the key as PEM, readable only by this user."""
        _write_private(path, self.pem)

    @property
    def pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    @property
    def key_id(self) -> str:
        """The same in every process that loaded the same key."""
        public = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(public).hexdigest()[:40]

    @property
    def signing_secret(self) -> str:
        """Signs this checkout's webhooks; the key can't be derived from it."""
        return hmac.digest(self.pem.encode(), b"webhooks", "sha256").hex()

    def email(self, account: str) -> str:
        return f"{account}@{self.project}.iam.gserviceaccount.com"

    def certificates(self) -> dict[str, str]:
        """X.509 PEM by key id, as at https://www.googleapis.com/oauth2/v1/certs."""
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, self.project)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(_CERTIFICATE_FROM)
            .not_valid_after(_CERTIFICATE_UNTIL)
            .sign(self.key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        return {self.key_id: pem}

    def id_token(self, *, email: str, audience: str) -> str:
        """An OIDC token as Google issues it to a service account, valid for an hour."""
        claims = {
            "iss": "https://accounts.google.com",
            "aud": audience,
            "sub": email,
            "email": email,
            "email_verified": True,
        }
        return self._signed(claims)

    def user_token(self, user: str, *, admin: bool = False) -> str:
        """A user's ID token as Firebase signs it, valid for an hour."""
        claims: dict[str, object] = {
            "iss": f"https://securetoken.google.com/{self.project}",
            "aud": self.project,
            "auth_time": int(datetime.now(UTC).timestamp()),
            "user_id": user,
            "sub": user,
            "firebase": {"identities": {}, "sign_in_provider": "custom"},
        }
        return self._signed(claims | ({"admin": True} if admin else {}))

    def _signed(self, claims: Mapping[str, object]) -> str:
        """A JWT that is valid for an hour from now."""
        issued_at = int(datetime.now(UTC).timestamp())
        expires_at = issued_at + int(TOKEN_LIFETIME.total_seconds())
        content = {**claims, "iat": issued_at, "exp": expires_at}
        token: bytes = jwt.encode(RSASigner(self.key, self.key_id), content)
        return token.decode()

    def service_account(self, account: str, *, token_uri: str) -> dict[str, str]:
        """The content of a service account's JSON key."""
        return {
            "type": "service_account",
            "project_id": self.project,
            "private_key_id": self.key_id,
            "private_key": self.pem,
            "client_email": self.email(account),
            "token_uri": token_uri,
        }

    def write_service_account_file(
        self, path: Path, *, account: str, token_uri: str
    ) -> None:
        """Write a service account's JSON key, readable only by this user."""
        content = self.service_account(account, token_uri=token_uri)
        _write_private(path, json.dumps(content, indent=2))


def user_token(project: str, user: str, *, admin: bool = False) -> str:
    """A token that every local stack of this checkout and project accepts."""
    return LocalIdentity.of_checkout(project).user_token(user, admin=admin)


def _write_private(path: Path, text: str) -> None:
    fresh = path.with_suffix(f".{uuid.uuid4().hex}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)

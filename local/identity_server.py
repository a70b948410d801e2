"""Serves our keys' public certificates, and access tokens for service accounts."""

import secrets
from typing import Self

from werkzeug import Request, Response

from local.http_server import HttpServer, as_json, routed
from local.identity import TOKEN_LIFETIME, LocalIdentity


class IdentityServer:
    """Serves GET /certs and POST /token on 127.0.0.1 within its `with` block.

    It gives everyone an access token: no local service checks one.
    """

    def __init__(self, identity: LocalIdentity) -> None:
        self._certificates = identity.certificates()
        routes = {("GET", "/certs"): self._certs, ("POST", "/token"): self._token}
        self._server = HttpServer(routed(routes))
        self.host = self._server.url.removeprefix("http://")
        self.certs_url = f"{self._server.url}/certs"
        self.token_uri = f"{self._server.url}/token"

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.__exit__(*error)

    def publish(self, identity: LocalIdentity, *, only: bool = False) -> None:
        """Serve this key's certificate, too. `only`: and no other, as after a rotation.

        Google publishes a key long before it signs with it.
        """
        kept = {} if only else self._certificates
        self._certificates = kept | identity.certificates()

    def _certs(self, _: Request) -> Response:
        return as_json(self._certificates)

    def _token(self, _: Request) -> Response:
        token = {
            "access_token": f"ya29.{secrets.token_urlsafe(32)}",
            "expires_in": int(TOKEN_LIFETIME.total_seconds()),
            "token_type": "Bearer",
        }
        return as_json(token)

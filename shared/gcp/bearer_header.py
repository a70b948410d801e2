"""How an Authorization header holds a token."""

from shared.domain.errors import Unauthenticated


def bearer_token(header: str | None) -> str:
    """What stands after `Bearer`; Unauthenticated where nothing does."""
    scheme, _, token = (header or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("no bearer token")
    return token

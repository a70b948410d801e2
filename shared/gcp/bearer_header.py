"""Extracts the bearer token from an Authorization header."""

from shared.domain.errors import TokenProblem, Unauthenticated


def bearer_token(header: str | None) -> str:
    """The token after `Bearer`; Unauthenticated without one."""
    if not header:
        raise Unauthenticated(reason=TokenProblem.MISSING)
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(reason=TokenProblem.MALFORMED)
    return token

"""Whom our calls of the web trust: the certificate authorities of certifi."""

import ssl
from functools import cache

import certifi


@cache
def trusted() -> ssl.SSLContext:
    """Read once per process: reading them takes longer than the rest of a poll.

    Connections that share it share nothing else, sessions included.
    """
    return ssl.create_default_context(cafile=certifi.where())

"""The TLS context of outgoing calls, which trusts certifi's certificate authorities."""

import ssl
from functools import cache

import certifi


@cache
def tls_context() -> ssl.SSLContext:
    """Built once per process: loading the certificates takes longer than a whole poll.

    Connections that use it share nothing else, not even TLS sessions.
    """
    return ssl.create_default_context(cafile=certifi.where())

"""Which hosts and IP addresses belong to the public internet."""

import re
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import Final

from shared.domain.errors import NotPublic

# https://www.iana.org/assignments/iana-ipv4-special-registry (and ipv6), 2026-11.
# `is_global` knows most of them; it differs between versions of Python.
_REFUSED_V4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, with the metadata server
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
    )
)
# All that is allocated: excludes mapped or compatible IPv4, NAT64 and multicast.
_UNICAST_V6: Final = IPv6Network("2000::/3")
_REFUSED_V6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
_PRIVATE_NAMES: Final = (
    "localhost",
    "local",
    "internal",  # metadata.google.internal
    "localdomain",
    "home.arpa",
    "lan",
    "intranet",
    "corp",
    "onion",
)
_NAME: Final = re.compile(r"(?=.{1,253}$)([a-z0-9_][a-z0-9_-]{0,62}\.)+[a-z0-9-]{1,63}")
_NUMBER: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)")


def is_public(address: str) -> bool:
    """Whether this IP address can be reached from the public internet."""
    ip = _parse(address)
    match ip:
        case IPv4Address():
            return ip.is_global and not any(ip in each for each in _REFUSED_V4)
        case IPv6Address():
            is_unicast = ip in _UNICAST_V6 and ip.scope_id is None
            is_refused = any(ip in each for each in _REFUSED_V6)
            return ip.is_global and is_unicast and not is_refused
        case None:
            return False


def is_address(host: str) -> bool:
    """Whether `host` is an IP address in its canonical form, without brackets."""
    return _parse(host) is not None


def require_public_host(host: str) -> None:
    """NotPublic for an address or a name that can't be public. Nothing is resolved.

    A name that ends in a number is an IP address in disguise: 127.1, 0x7f000001.
    """
    if is_address(host):
        if not is_public(host):
            raise NotPublic("the host is not on the public internet")
        return
    name = host.removesuffix(".")
    last = name.rpartition(".")[2]
    if not _NAME.fullmatch(name) or _NUMBER.fullmatch(last):
        raise NotPublic("the address has no public host")
    if any(name == each or name.endswith("." + each) for each in _PRIVATE_NAMES):
        raise NotPublic("the address has a private host")


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except (AddressValueError, ValueError):
        return None

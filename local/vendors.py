"""Chooses what the local stack calls: simulators, servers of your own, or real vendors.

A vendor whose address is set is called there. With a key whose address is not set, the
real providers are called, and those without a key are skipped, as in the cloud.
Otherwise every vendor is simulated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from local.guard import is_loopback

ADDRESSES = {
    "RUNWAYML_BASE_URL": "RUNWAY_API_KEY",
    "GOOGLE_VERTEX_BASE_URL": None,
    "GOOGLE_GEMINI_BASE_URL": "GEMINI_API_KEY",
}
_RUNWAY = ("RUNWAYML_BASE_URL",)
_GOOGLE = ("GOOGLE_VERTEX_BASE_URL", "GOOGLE_GEMINI_BASE_URL")
# Simulators take any key.
LOCAL_KEY = "local"
# Google's keys have 39 characters, Runway's 132; shorter ones are taken to be made up.
MIN_REAL_KEY_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendors:
    """`simulated`: the address variables for which a simulator is needed.

    `environment`: keys and addresses. `real`: whether real providers are called.
    """

    simulated: frozenset[str]
    environment: Mapping[str, str]
    real: bool

    @property
    def nothing_is_paid(self) -> bool:
        """Only if all are simulated: a server at an address that was set may charge."""
        return self.simulated == ADDRESSES.keys()

    @property
    def may_be_paid(self) -> bool:
        """Whether real money may be spent: at the real vendors, at an address on
        another machine, such as a gateway's, or wherever a real key is sent, since a
        proxy on this machine may pass it on.
        """
        given = [
            (self.environment[address], self.environment.get(key or "", ""))
            for address, key in ADDRESSES.items()
            if address in self.environment
        ]
        return self.real or any(
            len(key) >= MIN_REAL_KEY_LENGTH or not is_loopback(urlsplit(at).netloc)
            for at, key in given
        )

    def simulators(self) -> Mapping[str, list[str]]:
        """Each simulator that is needed, with the address variables for it."""
        names = {"runway": _RUNWAY, "google": _GOOGLE}
        needed = {k: [v for v in names[k] if v in self.simulated] for k in names}
        return {name: variables for name, variables in needed.items() if variables}


def addresses_of_vendors(environment: Mapping[str, str]) -> dict[str, str]:
    """The addresses to announce, by simulator; empty for a real vendor."""
    google = [environment[name] for name in _GOOGLE if name in environment]
    runway = environment.get(_RUNWAY[0], "")
    return {"runway": runway, "google": google[0] if google else ""}


def choose(environ: Mapping[str, str]) -> Vendors:
    given = {name: environ[name] for name in ADDRESSES if environ.get(name)}
    keys = {
        key: environ[key]
        for address, key in ADDRESSES.items()
        if key and environ.get(key) and environ[key] != "unset"
    }
    real = any(
        key in keys and address not in given for address, key in ADDRESSES.items()
    )
    simulated = frozenset() if real else frozenset(ADDRESSES.keys() - given.keys())
    # A simulator gets no real key; a server at an address that was set gets its own.
    made_up = {
        key: keys.get(key, LOCAL_KEY) if address in given else LOCAL_KEY
        for address, key in ADDRESSES.items()
        if key and (address in given or address in simulated)
    }
    return Vendors(simulated=simulated, environment=keys | made_up | given, real=real)

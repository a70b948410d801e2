"""Whom the local stack asks: simulators, servers of one's own, or the real providers.

A vendor whose address is set is asked there. With a key at hand and no address set the
real providers are asked, and what has no key is skipped, as in the cloud. Otherwise
every vendor is simulated.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ADDRESSES = {
    "RUNWAYML_BASE_URL": "RUNWAY_API_KEY",
    "GOOGLE_VERTEX_BASE_URL": None,
    "GOOGLE_GEMINI_BASE_URL": "GEMINI_API_KEY",
}
# Simulators take any key.
LOCAL_KEY = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendors:
    """`simulated`: address variables for a simulator. `real`: asked for real money."""

    simulated: frozenset[str]
    environment: Mapping[str, str]
    real: bool


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
    # Who is not the real vendor gets no real key.
    made_up = {
        key: keys.get(key, LOCAL_KEY) if address in given else LOCAL_KEY
        for address, key in ADDRESSES.items()
        if key and (address in given or address in simulated)
    }
    return Vendors(simulated=simulated, environment=keys | made_up | given, real=real)

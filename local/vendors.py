"""Which vendors the local stack asks: simulators, one's own servers, or the real ones.

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
_RUNWAY = ("RUNWAYML_BASE_URL",)
_GOOGLE = ("GOOGLE_VERTEX_BASE_URL", "GOOGLE_GEMINI_BASE_URL")
# Simulators take any key.
LOCAL_KEY = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendors:
    """`simulated`: address variables for a simulator. `real`: asked for real money."""

    simulated: frozenset[str]
    environment: Mapping[str, str]
    real: bool

    @property
    def nothing_is_paid(self) -> bool:
        """Who else answers at an address that was set may be paid."""
        return self.simulated == ADDRESSES.keys()

    def simulators(self) -> Mapping[str, list[str]]:
        """Each simulator that is needed, with the address variables it stands for."""
        names = {"runway": _RUNWAY, "google": _GOOGLE}
        needed = {k: [v for v in names[k] if v in self.simulated] for k in names}
        return {name: variables for name, variables in needed.items() if variables}


def addresses_of_vendors(environment: Mapping[str, str]) -> dict[str, str]:
    """As they are announced; empty for the real ones."""
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
    # Who is not the real vendor gets no real key.
    made_up = {
        key: keys.get(key, LOCAL_KEY) if address in given else LOCAL_KEY
        for address, key in ADDRESSES.items()
        if key and (address in given or address in simulated)
    }
    return Vendors(simulated=simulated, environment=keys | made_up | given, real=real)

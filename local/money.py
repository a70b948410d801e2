"""Whether a local stack spends real money, and how much of it a day."""

from collections.abc import Mapping
from pathlib import Path

from local.vendors import ADDRESSES

PAID_POSTS_FILE = "LOCAL_PAID_POSTS_FILE"
PAID_POSTS_LIMIT = "LOCAL_PAID_POSTS_LIMIT"
_DAILY_LIMIT = "DAILY_LIMIT_USD"
_DEFAULTS = {_DAILY_LIMIT: "10", PAID_POSTS_LIMIT: "20"}
_FILE = Path(__file__).resolve().parent.parent / ".local" / "paid-posts"
_NOTHING = "No keys are set: simulators make the videos, and nothing is paid."
EMULATOR = "FIRESTORE_EMULATOR_HOST"
_ELSEWHERE = (
    "{names} set: providers are asked at addresses of your own, and whether that is "
    "paid isn't known here. Simulators stand in for the others."
)
_NOT_OURS = (
    " {emulator} names {host}: no guard keeps web pages in a browser on this machine "
    "from writing to that emulator itself."
)
_REAL = (
    "REAL MONEY: keys are set, so the real providers are asked and paid, up to "
    "${limit} (DAILY_LIMIT_USD) and {posts} paid requests (LOCAL_PAID_POSTS_LIMIT) "
    "a day."
)


def spending_limits(environ: Mapping[str, str], *, real: bool) -> dict[str, str]:
    """What the functions get: a cap of the ledger, and one that doesn't need it."""
    if not real:
        return {}
    limits = {name: environ.get(name) or value for name, value in _DEFAULTS.items()}
    return limits | {PAID_POSTS_FILE: str(_FILE)}


def sentence(environ: Mapping[str, str], *, real: bool) -> str:
    limits, host = spending_limits(environ, real=real), environ.get(EMULATOR)
    given = [name for name in ADDRESSES if environ.get(name)]
    are_set = " and ".join(given) + (" is" if len(given) == 1 else " are")
    said = _ELSEWHERE.format(names=are_set) if given else _NOTHING
    if limits:
        said = _REAL.format(limit=limits[_DAILY_LIMIT], posts=limits[PAID_POSTS_LIMIT])
    return said + (_NOT_OURS.format(emulator=EMULATOR, host=host) if host else "")

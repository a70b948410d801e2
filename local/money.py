"""Whether a local stack may spend real money, and at most how much a day."""

from collections.abc import Mapping
from pathlib import Path

from local.vendors import ADDRESSES, Vendors

PAID_POSTS_FILE = "LOCAL_PAID_POSTS_FILE"
PAID_POSTS_LIMIT = "LOCAL_PAID_POSTS_LIMIT"
_DAILY_LIMIT = "DAILY_LIMIT_USD"
_DEFAULTS = {_DAILY_LIMIT: "10", PAID_POSTS_LIMIT: "20"}
_FILE = Path(__file__).resolve().parent.parent / ".local" / "paid-posts"
_NOTHING = "No keys are set: simulators make the videos, and nothing is paid."
EMULATOR = "FIRESTORE_EMULATOR_HOST"
_ELSEWHERE = (
    "{names} set: requests go to your own addresses, and whether they are charged for "
    "isn't known here. The other providers are simulated."
)
_FOREIGN_EMULATOR = (
    " {emulator} names {host}: no guard keeps web pages in a browser on this machine "
    "from writing to that emulator itself."
)
_LIMITS = (
    " up to ${limit} (DAILY_LIMIT_USD) and {posts} paid requests "
    "(LOCAL_PAID_POSTS_LIMIT) a day."
)
_REAL = "REAL MONEY: keys are set, so the real providers are called and paid," + _LIMITS
_OWN_ADDRESSES = " Spending is allowed" + _LIMITS


def spending_limits(environ: Mapping[str, str], vendors: Vendors) -> dict[str, str]:
    """Environment variables for the functions; empty if nothing may be paid.

    The ledger's daily cap, and a limit of paid requests that works without the ledger.
    """
    if not vendors.may_be_paid:
        return {}
    limits = {name: environ.get(name) or value for name, value in _DEFAULTS.items()}
    return limits | {PAID_POSTS_FILE: str(_FILE)}


def money_notice(environ: Mapping[str, str], vendors: Vendors) -> str:
    limits, host = spending_limits(environ, vendors), environ.get(EMULATOR)
    given = [name for name in ADDRESSES if environ.get(name)]
    are_set = " and ".join(given) + (" is" if len(given) == 1 else " are")
    notice = _ELSEWHERE.format(names=are_set) if given else _NOTHING
    if limits:
        capped = _REAL if vendors.real else notice + _OWN_ADDRESSES
        notice = capped.format(
            limit=limits[_DAILY_LIMIT], posts=limits[PAID_POSTS_LIMIT]
        )
    return notice + (
        _FOREIGN_EMULATOR.format(emulator=EMULATOR, host=host) if host else ""
    )

"""A deploy root like main.py: the same functions, with faults injected.

`functions-framework --source` loads it instead of main.py. FAULT_FOLDER, FAULT_SEED and
FAULT_JOBS define the plan; TIME_SCALE scales all limits.
"""

import os

from local.fault_injection.time_scale import scale_limits, shorten_pauses_of_webhooks

TIME_SCALE = float(os.environ["TIME_SCALE"])
scale_limits(TIME_SCALE)
shorten_pauses_of_webhooks()

# ruff: noqa: E402 - these imports read the limits, which are scaled first
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from pathlib import Path

from flask import Request, Response

from local import entry
from local.fault_injection import crash_points
from local.fault_injection.crash_points import CrashPoints
from local.fault_injection.journal import EntryKind, Journal
from local.fault_injection.plan import FaultPlan
from shared import system
from shared.wiring import adapters
from shared.wiring.once import once

Function = Callable[[Request], Response]
Proxy = Callable[[object, CrashPoints], object]
PROXIES: dict[str, Proxy] = {
    "jobs": crash_points.JobsProxy,
    "queue": crash_points.QueueProxy,
    "bucket": crash_points.BucketProxy,
    "providers": crash_points.ProvidersProxy,
    "translator": crash_points.TranslatorProxy,
    "receivers": crash_points.ReceiversProxy,
}


def _inject(plan: FaultPlan, folder: Path) -> None:
    journal = Journal(folder / "journal.jsonl")
    points = crash_points.CrashPoints(
        plan=plan.injections(), marks=folder / "marks", journal=journal
    )
    _skew_clock(plan, journal)
    for name, proxy in PROXIES.items():
        build = partial(_proxied, getattr(adapters, name), proxy, points)
        setattr(adapters, name, once(build))
    crash_points.inject_into_commits(points)
    for name in entry.__all__:
        globals()[name] = _served(getattr(entry, name), points)


def _proxied(build: Callable[[], object], proxy: Proxy, points: CrashPoints) -> object:
    return proxy(build(), points)


def _skew_clock(plan: FaultPlan, journal: Journal) -> None:
    function = os.environ["FUNCTION_TARGET"]
    ahead = timedelta(seconds=plan.clock_skew_seconds(function) * TIME_SCALE)
    skewed = staticmethod(lambda: datetime.now(UTC) + ahead)
    setattr(system.SystemClock, "now", skewed)  # noqa: B010 - mypy: not a method
    journal.write(EntryKind.SKEWED, detail=function)


def _served(function: Function, points: CrashPoints) -> Function:
    @wraps(function)
    def served(request: Request) -> Response:
        with points.serving(function.__name__):
            return function(request)

    return served


# Runs on import: functions-framework imports this file instead of main.py.
_inject(
    FaultPlan(seed=int(os.environ["FAULT_SEED"]), jobs=int(os.environ["FAULT_JOBS"])),
    Path(os.environ["FAULT_FOLDER"]),
)

"""Injects faults from outside: kills, freezes, late tasks, server errors."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import requests

from local.emulators.cloud_tasks.rules import DeliveryFaults
from local.fault_injection.plan import FaultPlan
from local.processes import answers
from local.stack import Stack

VENDORS = ("runway", "google")
# While frozen, servers accept connections but don't answer.
FREEZABLE = ("worker", "api", "firestore", "storage", "tasks", *VENDORS)
EVERY_SECONDS = {
    "kill worker": (8.0, 16.0),
    "kill api": (12.0, 24.0),
    "freeze": (10.0, 25.0),
    "rotate key": (40.0, 60.0),
    "storage fault": (0.5, 2.5),
}
FREEZE_SECONDS = (2.0, 13.0)  # some longer than the wait for Firestore
# A lost task delays a job by a minute, and waiting for a lease by another, so with few
# jobs the queues are not purged.
PURGES_AT = (0.4, 0.7)
TIMEOUT_SECONDS = 10.0


@dataclass(slots=True)
class _Recurring:
    pauses: Iterator[float]
    action: Callable[[], None]
    due_at: float


class FaultInjector:
    """Works in its own thread from `begin` to `end`, and counts what it did."""

    def __init__(self, stack: Stack, plan: FaultPlan) -> None:
        self._stack, self._plan = stack, plan
        self._done: Counter[str] = Counter()
        self._frozen: dict[str, float] = {}
        self._faults = plan.storage_faults()
        self._rng = plan.rng("freeze")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._purges_left = [] if plan.has_few_jobs else list(PURGES_AT)

    def begin(self) -> None:
        faults = [asdict(fault) for fault in self._plan.provider_faults()]
        for vendor in VENDORS:
            self._control(vendor, "POST", "faults", faults).raise_for_status()
        self._set_deliveries(
            DeliveryFaults(
                twice_share=0.15,
                late_share=0.1,
                early_share=0.1,
                late_by_seconds=8.0,
                early_by_seconds=5.0,
                seed=self._plan.seed,
            )
        )
        self._thread.start()

    def end(self) -> None:
        """Stop all faults: from now on every job ends, unless a promise is broken."""
        self._stopping.set()
        self._thread.join()
        for part in list(self._frozen):
            self._thaw(part)
        self._set_deliveries(DeliveryFaults())
        self._done += self._met()
        for part in ("storage", *VENDORS):
            self._control(part, "DELETE", "faults")

    def on_progress(self, share_created: float) -> None:
        """Purge the queues when the run reaches the shares in `PURGES_AT`."""
        if self._purges_left and share_created >= self._purges_left[0]:
            self._purges_left.pop(0)
            self._stack.purge_queues()
            self._done["both queues purged"] += 1

    def done(self) -> Mapping[str, int]:
        """How often each fault was injected."""
        url = f"{self._stack.tasks_control}/queues"
        queues = requests.get(url, timeout=TIMEOUT_SECONDS).json().values()
        moved = {
            f"task delivered {how}": sum(int(queue[counted]) for queue in queues)
            for how, counted in (
                ("twice", "duplicates"),
                ("late", "late"),
                ("early", "early"),
            )
        }
        return self._done + Counter(moved)

    def _work(self) -> None:
        now = time.monotonic()
        actions: dict[str, Callable[[], None]] = {
            "kill worker": lambda: self._kill("worker"),
            "kill api": lambda: self._kill("api"),
            "freeze": self._freeze,
            "rotate key": self._rotate_key,
            "storage fault": self._break_storage,
        }
        recurring = [
            _Recurring(self._plan.moments(name, EVERY_SECONDS[name]), action, now + 5)
            for name, action in actions.items()
        ]
        while not self._stopping.wait(0.2):
            for part in [p for p, until in self._frozen.items() if until < _now()]:
                self._thaw(part)
            for each in recurring:
                if each.due_at <= _now():
                    each.due_at = _now() + next(each.pauses)
                    each.action()

    def _kill(self, function: str) -> None:
        """Unless it is still starting: on a slow machine it would never be up."""
        is_up = answers(self._stack.addresses[function] + "/health", seconds=1)
        if function not in self._frozen and not is_up():
            return
        self._stack.kill(function)
        self._done[f"{function} process killed"] += 1

    def _freeze(self) -> None:
        part = self._rng.choice(FREEZABLE)
        if part not in self._frozen:
            self._frozen[part] = _now() + self._rng.uniform(*FREEZE_SECONDS)
            self._stack.send_signal(part, signal.SIGSTOP)
            what = "process frozen" if part in ("worker", "api") else "does not answer"
            self._done[f"{part} {what}"] += 1

    def _thaw(self, part: str) -> None:
        del self._frozen[part]
        self._stack.send_signal(part, signal.SIGCONT)

    def _rotate_key(self) -> None:
        if "tasks" not in self._frozen:
            self._stack.rotate_signing_key()
            self._done["signing key rotated"] += 1

    def _break_storage(self) -> None:
        """Add a fault for the next request, unless its operation has one waiting."""
        fault = asdict(next(self._faults))
        if "storage" in self._frozen:
            return
        if fault["place"] not in {left["place"] for left in self._left("storage")}:
            self._control("storage", "POST", "faults", fault)
            self._done[_name(fault)] += 1

    def _left(self, part: str) -> list[dict[str, Any]]:
        """Faults that have not fired as often as planned."""
        left: list[dict[str, Any]] = self._control(part, "GET", "faults").json()
        return left

    def _met(self) -> Counter[str]:
        """The providers' faults that fired, minus the storage faults that did not."""
        faults = map(asdict, self._plan.provider_faults())
        met = Counter({_name(fault): fault["times"] for fault in faults})
        for part in ("storage", *VENDORS):
            for fault in self._left(part):
                met[_name(fault)] -= fault["left"]
        return met

    def _set_deliveries(self, faults: DeliveryFaults) -> None:
        url = f"{self._stack.tasks_control}/faults"
        response = requests.post(url, json=asdict(faults), timeout=TIMEOUT_SECONDS)
        response.raise_for_status()

    def _control(
        self, part: str, method: str, what: str, body: object = None
    ) -> requests.Response:
        url = f"{self._stack.addresses[part]}/_control/{what}"
        return requests.request(method, url, json=body, timeout=TIMEOUT_SECONDS)


def _now() -> float:
    return time.monotonic()


def _name(fault: Mapping[str, Any]) -> str:
    return f"{fault['provider'] or 'storage'} {fault['place']} {fault['kind']}"

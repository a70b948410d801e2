"""Faults from outside: processes killed and frozen, tasks moved, servers that fail."""

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
from local.faults import Fault
from local.processes import answers
from local.stack import Stack

VENDORS = ("runway", "google")
# The servers accept, and don't answer, what reaches them while they are frozen.
FREEZABLE = ("worker", "api", "firestore", "storage", "tasks", *VENDORS)
EVERY_SECONDS = {
    "kill worker": (8.0, 16.0),
    "kill api": (12.0, 24.0),
    "freeze": (10.0, 25.0),
    "rotate key": (40.0, 60.0),
    "storage fault": (0.5, 2.5),
}
FREEZE_SECONDS = (2.0, 13.0)  # some longer than Firestore is waited for
# A lost task costs a minute, the wait for a lease as much again: few jobs keep theirs.
PURGES_AT = (0.4, 0.7)
TIMEOUT_SECONDS = 10.0


@dataclass(slots=True)
class _Recurring:
    pauses: Iterator[float]
    act: Callable[[], None]
    due_at: float


class FaultInjector:
    """Works in its own thread from `begin` to `end`; counts what it did."""

    def __init__(self, stack: Stack, plan: FaultPlan) -> None:
        self._stack, self._plan = stack, plan
        self._done: Counter[str] = Counter()
        self._frozen: dict[str, float] = {}
        self._faults = plan.storage_faults()
        self._dice = plan.dice("freeze")
        self._over = threading.Event()
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
        """No fault from here on: every job ends unless a promise is broken."""
        self._over.set()
        self._thread.join()
        for part in list(self._frozen):
            self._thaw(part)
        self._set_deliveries(DeliveryFaults())
        self._done += self._met()
        for part in ("storage", *VENDORS):
            self._control(part, "DELETE", "faults")

    def on_progress(self, share_created: float) -> None:
        """Empties both queues, at moments of the run."""
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
        acts: dict[str, Callable[[], None]] = {
            "kill worker": lambda: self._kill("worker"),
            "kill api": lambda: self._kill("api"),
            "freeze": self._freeze,
            "rotate key": self._rotate_key,
            "storage fault": self._break_storage,
        }
        recurring = [
            _Recurring(self._plan.moments(name, EVERY_SECONDS[name]), act, now + 5)
            for name, act in acts.items()
        ]
        while not self._over.wait(0.2):
            for part in [p for p, until in self._frozen.items() if until < _now()]:
                self._thaw(part)
            for each in recurring:
                if each.due_at <= _now():
                    each.due_at = _now() + next(each.pauses)
                    each.act()

    def _kill(self, function: str) -> None:
        """Unless it is still starting: on a slow machine it would never do anything."""
        is_up = answers(self._stack.addresses[function] + "/health")
        if function not in self._frozen and not is_up():
            return
        self._stack.kill(function)
        self._done[f"{function} process killed"] += 1

    def _freeze(self) -> None:
        part = self._dice.choice(FREEZABLE)
        if part not in self._frozen:
            self._frozen[part] = _now() + self._dice.uniform(*FREEZE_SECONDS)
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
        """One fault of each operation at a time: it meets who comes next."""
        fault = next(self._faults)
        if "storage" not in self._frozen and fault.place not in self._left("storage"):
            self._control("storage", "POST", "faults", asdict(fault))
            self._done[_name(fault)] += 1

    def _left(self, part: str) -> Mapping[str, list[dict[str, Any]]]:
        """Faults that nothing has met yet, by their place."""
        left: dict[str, list[dict[str, Any]]] = {}
        for fault in self._control(part, "GET", "faults").json():
            left.setdefault(fault["place"], []).append(fault)
        return left

    def _met(self) -> Counter[str]:
        """The providers' faults that were met, less the storage faults that weren't."""
        met = Counter({_name(f): f.times or 0 for f in self._plan.provider_faults()})
        for part in ("storage", *VENDORS):
            for faults in self._left(part).values():
                for fault in faults:
                    met[_name(Fault.from_json(_without_left(fault)))] -= fault["left"]
        return met

    def _set_deliveries(self, faults: DeliveryFaults) -> None:
        url = f"{self._stack.tasks_control}/faults"
        answer = requests.post(url, json=asdict(faults), timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()

    def _control(
        self, part: str, method: str, what: str, body: object = None
    ) -> requests.Response:
        url = f"{self._stack.addresses[part]}/_control/{what}"
        return requests.request(method, url, json=body, timeout=TIMEOUT_SECONDS)


def _now() -> float:
    return time.monotonic()


def _name(fault: Fault) -> str:
    return f"{fault.provider or 'storage'} {fault.place} {fault.kind}"


def _without_left(fault: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fault.items() if name != "left"}

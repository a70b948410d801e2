"""Harm from outside: processes killed, tasks doubled and purged, services that fail."""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import requests
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import (
    CloudTasksGrpcTransport,
)
from grpc import insecure_channel

from local.emulators.cloud_tasks.rules import DeliveryFaults
from local.fault_injection.journal import (
    Diary,
    Entry,
    What,
    now,
)
from local.fault_injection.plan import (
    MANY_JOBS,
    moments,
    provider_faults,
    storage_faults,
)
from local.functions import LOCATION
from local.stack import Stack

KILL_EVERY_SECONDS = {"worker": (8.0, 16.0), "api": (12.0, 24.0)}
STORAGE_FAULT_EVERY_SECONDS = (0.5, 2.5)
# A lost task costs a minute, that of a lease as much again: few jobs keep theirs.
PURGES_AT = (0.4, 0.7)
TIMEOUT_SECONDS = 10.0
VENDORS = ("runway", "google")


class Mischief:
    """Works in its own thread from `begin` to `end`; counts what it did."""

    def __init__(self, stack: Stack, diary: Diary, *, seed: int, jobs: int) -> None:
        self._stack, self._diary = stack, diary
        self._seed, self._jobs = seed, jobs
        self._armed: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._storage_suffers = True
        self._purges_left = list(PURGES_AT) if jobs >= MANY_JOBS else []

    def begin(self) -> None:
        faults = provider_faults(self._seed, self._jobs)
        for vendor in VENDORS:
            self._post(vendor, "/_control/faults", faults)
        doubled = DeliveryFaults(
            twice_share=0.15, late_share=0.1, late_by_seconds=8.0, seed=self._seed
        )
        self._tasks_control("POST", "/faults", asdict(doubled))
        self._thread.start()

    def end(self) -> None:
        """No harm from here on, but what is on its way."""
        self._over.set()
        self._thread.join()
        self._tasks_control("POST", "/faults", {})
        self._stop_storage_faults()

    def on_progress(self, share_created: float) -> None:
        """Empties both queues, at moments of the run. The last jobs are spared of
        storage faults: each of their tries would meet one."""
        self._storage_suffers = share_created < 1
        if self._purges_left and share_created >= self._purges_left[0]:
            self._purges_left.pop(0)
            self._purge()

    def done(self) -> Mapping[str, int]:
        """How often each fault was injected."""
        return dict(self._armed) | dict(self._provider_faults_met())

    def duplicate_deliveries(self) -> int:
        queues = self._tasks_control("GET", "/queues", None).json()
        return sum(int(queue["duplicates"]) for queue in queues.values())

    def late_deliveries(self) -> int:
        queues = self._tasks_control("GET", "/queues", None).json()
        return sum(int(queue["late"]) for queue in queues.values())

    def _work(self) -> None:
        due = {name: time.monotonic() + 5 for name in (*KILL_EVERY_SECONDS, "storage")}
        pauses = {
            name: moments(self._seed, name, between)
            for name, between in KILL_EVERY_SECONDS.items()
        } | {"storage": moments(self._seed, "storage", STORAGE_FAULT_EVERY_SECONDS)}
        faults = storage_faults(self._seed)
        while not self._over.wait(0.2):
            for name in [name for name, at in due.items() if time.monotonic() >= at]:
                due[name] = time.monotonic() + next(pauses[name])
                if name != "storage":
                    self._kill(name)
                elif self._storage_suffers:
                    self._arm(next(faults))

    def _kill(self, function: str) -> None:
        self._stack.kill(function)
        # After the kill: what began before it, ended with it.
        self._diary.write(Entry(at=now(), what=What.KILLED, function=function))

    def _arm(self, fault: Mapping[str, object]) -> None:
        """One of each operation at a time: they meet who comes next."""
        if fault["place"] in {armed["place"] for armed in self._storage_faults()}:
            return
        self._post("storage", "/_control/faults", fault)
        self._armed[f"storage {fault['place']} {fault['kind']}"] += 1

    def _stop_storage_faults(self) -> None:
        for left in self._storage_faults():
            self._armed[f"storage {left['place']} {left['kind']}"] -= left["left"]
        url = self._stack.addresses["storage"] + "/_control/faults"
        requests.delete(url, timeout=TIMEOUT_SECONDS)

    def _storage_faults(self) -> Sequence[Mapping[str, Any]]:
        url = self._stack.addresses["storage"] + "/_control/faults"
        found = requests.get(url, timeout=TIMEOUT_SECONDS).json()
        return [fault for fault in found if fault["left"]]

    def _purge(self) -> None:
        with insecure_channel(self._stack.addresses["tasks"]) as channel:
            transport = CloudTasksGrpcTransport(channel=channel)
            client = tasks_v2.CloudTasksClient(transport=transport)
            for queue in ("starts", "steps"):
                name = client.queue_path(self._stack.project, LOCATION, queue)
                client.purge_queue(name=name)
        self._armed["both queues purged"] += 1

    def _provider_faults_met(self) -> Counter[str]:
        met: Counter[str] = Counter()
        for vendor in VENDORS:
            url = self._stack.addresses[vendor] + "/_control/faults"
            for fault in requests.get(url, timeout=TIMEOUT_SECONDS).json():
                name = f"{fault['provider']} {fault['place']} {fault['kind']}"
                met[name] += fault["times"] - fault["left"]
        return met

    def _post(self, part: str, path: str, body: object) -> None:
        url = self._stack.addresses[part] + path
        answer = requests.post(url, json=body, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()

    def _tasks_control(self, method: str, path: str, body: object) -> requests.Response:
        url = self._stack.tasks_control + path
        answer = requests.request(method, url, json=body, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer

"""A run: starts the stack, its users and the faults, and collects the evidence."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests

from local.fault_injection.evidence import (
    AccountDay,
    Evidence,
    FirestoreView,
    PaidSubmission,
)
from local.fault_injection.injector import VENDORS, FaultInjector
from local.fault_injection.journal import read_journal
from local.fault_injection.output_checks import fault_of_output, image_of
from local.fault_injection.plan import FaultPlan, PlannedJob
from local.fault_injection.receiver import Receiver
from local.fault_injection.users import User, key_of
from local.fault_injection.verdict import days
from local.stack import Stack, StackOptions
from shared.domain import timing
from shared.domain.catalogue import CATALOGUE, DEFAULT_CHAIN, DEFAULT_MODELS, Resolution
from shared.domain.ledger import ledger_key_on

CONCURRENT_USERS = 8
# Statuses of a job, and of its webhook.
UNFINISHED = frozenset({"processing", "pending"})
MAX_PACE_SECONDS, CREATING_SECONDS = 0.8, 150.0
LOOKS_EVERY_SECONDS = 3
REPEATS_EVERY, REPEATS = 10, 4  # every tenth job is created four times at once
CALM_AFTER_SECONDS = 30.0  # how long faults go on after the last job was created
RACER = "racer"
RACER_ROOM = Decimal("3.5")  # how many holds fit the rest of the racer's cap
FIRST_MODEL = CATALOGUE[DEFAULT_MODELS[DEFAULT_CHAIN[0]]]
HOLD_USD = FIRST_MODEL.price_usd(4, Resolution.P720)  # a job's, of four seconds
CAPS_USD = {"user": Decimal(200), "all": Decimal(100_000)}
MICROS = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """`folder`: for logs, objects, the journal and marks of injections."""

    plan: FaultPlan
    time_scale: float
    folder: Path
    environ: Mapping[str, str]
    say: Callable[[str], None]

    @property
    def max_seconds_to_end(self) -> float:
        """How long a job may take after the last fault was injected."""
        longest = timing.JOB_LIMIT + timing.ATTEMPT_LIMIT
        return longest.total_seconds() * self.time_scale + 120


def faulty_stack(options: RunOptions, webhook_receiver: str) -> Stack:
    """The real stack with faults injected, fast vendors and a frequent sweep."""
    (options.folder / "marks").mkdir(parents=True, exist_ok=True)
    environ = dict(options.environ) | {
        "FAULT_FOLDER": str(options.folder),
        "FAULT_SEED": str(options.plan.seed),
        "FAULT_JOBS": str(options.plan.jobs),
        "TIME_SCALE": str(options.time_scale),
        "USER_DAILY_LIMIT_USD": str(CAPS_USD["user"]),
        "DAILY_LIMIT_USD": str(CAPS_USD["all"]),
        "WEBHOOK_RECEIVER": webhook_receiver,
        "USER_MAX_JOBS": "10000",
        "USER_MAX_JOBS_PER_MINUTE": "10000",
    }
    stack_options = StackOptions(
        environ=environ,
        seconds=0.5,
        frames_per_second=6,
        sweep_every_seconds=5.0 * options.time_scale,
        firestore_memory="1g",
        folder=options.folder,
        source=Path(__file__).with_name("entry.py"),
        say=options.say,
    )
    return Stack(stack_options)


class Run:
    """A run on a stack that is up."""

    def __init__(self, options: RunOptions, stack: Stack, receiver: Receiver) -> None:
        self._receiver = receiver
        self._options, self._stack, self._plan = options, stack, options.plan
        self._view = FirestoreView(stack.firestore, stack.project)
        self._injector = FaultInjector(stack, options.plan)
        self._stopping = threading.Event()
        self._jobs_by_key: dict[str, frozenset[str]] = {}
        self._peak_used_usd: dict[AccountDay, Decimal] = {}
        self._cancelled = self._circuits_closed = 0
        # Created before any fault: a newly started api looks up only few new keys.
        users = {request.user for request in self._plan.requests()}
        self._keys = {user: self._view.create_key(user) for user in sorted(users)}

    def __call__(self) -> Evidence:
        """Run until all jobs have ended, or a limit is reached.

        Raises NoResponseError if a user gave up.
        """
        self._spend_racers_cap()
        before = self._view.ledger()
        self._injector.begin()
        try:
            self._create_all_and_watch()
        finally:
            self._injector.end()
        self._watch_until_all_ended(self._options.max_seconds_to_end)
        self._options.say("playing every video")
        jobs, storage = self._view.jobs(), self._stack.addresses["storage"]
        delivered = [job for job in jobs if job.delivered]
        return Evidence(
            jobs_by_key=self._jobs_by_key,
            jobs=jobs,
            shown=self._view.shown(),
            paid=self._paid(),
            translated=[
                each["prompt"] for each in self._counted_by("google")["translations"]
            ],
            outputs={j.job_id: fault_of_output(storage, j) for j in delivered},
            ledger=self._view.ledger(),
            ledger_before=before,
            peak_used_usd=self._peak_used_usd,
            caps_usd=CAPS_USD,
            open_jobs=self._view.open_jobs(),
            received=self._receiver.received,
            journal=read_journal(self._options.folder / "journal.jsonl"),
            injected=self._injected(),
        )

    # Users.

    def _spend_racers_cap(self) -> None:
        """Leave the racer room for three more jobs today, as after earlier ones."""
        key = ledger_key_on(RACER, datetime.now(UTC).date())
        spent = (CAPS_USD["user"] - RACER_ROOM * HOLD_USD) * MICROS
        self._view.spend(key.accounts[1], key.day, int(spent))

    def _create_all_and_watch(self) -> None:
        with ThreadPoolExecutor(1) as creating:
            created = creating.submit(self._create_all)
            try:
                while not created.done():
                    self._observe()
                    self._pause()
            finally:
                self._stopping.set()
            created.result()
        self._watch_until_all_ended(CALM_AFTER_SECONDS)

    def _create_all(self) -> None:
        count = self._plan.jobs
        racers = max(10, count // 6)
        pace = min(MAX_PACE_SECONDS, CREATING_SECONDS / count)
        with (
            ThreadPoolExecutor(CONCURRENT_USERS) as users,
            ThreadPoolExecutor(racers) as rivals,
        ):
            pending: list[Future[None]] = []
            for nth, request in enumerate(self._plan.requests(), start=1):
                if self._stopping.wait(pace):
                    break
                pending.append(users.submit(self._create, request))
                self._injector.on_progress(nth / count)
                if nth == count // 2:
                    race = self._plan.racing(racers, RACER)
                    pending += [rivals.submit(self._create, each) for each in race]
            for future in pending:
                future.result()

    def _create(self, request: PlannedJob) -> None:
        api, project = self._stack.addresses["api"], self._stack.project
        key = self._keys.get(request.user)
        user = User(request.user, api=api, project=project, key=key)
        image = user.upload(image_of(request.number))
        times = REPEATS if request.number % REPEATS_EVERY == 0 else 1
        with ThreadPoolExecutor(times) as repeats:
            sent = [repeats.submit(user.create, request, image) for _ in range(times)]
        job_ids = {job_id for future in sent if (job_id := future.result())}
        self._jobs_by_key[key_of(request)] = frozenset(job_ids)
        if request.is_cancelled and job_ids:
            time.sleep(request.number % 7)
            user.cancel(min(job_ids))
            self._cancelled += 1

    # Watching.

    def _watch_until_all_ended(self, max_seconds: float) -> None:
        give_up_at = time.monotonic() + max_seconds
        while time.monotonic() < give_up_at and UNFINISHED & set(self._observe()):
            self._pause()

    def _pause(self) -> None:
        for _ in range(LOOKS_EVERY_SECONDS):
            time.sleep(1)
            self._circuits_closed += self._view.close_circuits()

    def _observe(self) -> Sequence[str]:
        """Record what is used of the caps; return all statuses of jobs and webhooks."""
        for day, totals in days(self._view.ledger()).items():
            peak = self._peak_used_usd.get(day, totals.used_usd)
            self._peak_used_usd[day] = max(peak, totals.used_usd)
        shown = self._view.shown().values()
        statuses = [str(job["status"]) for job in shown]
        counts = {status: statuses.count(status) for status in sorted(set(statuses))}
        self._options.say(f"{len(statuses)} jobs: {counts}")
        return statuses + [job["webhook"]["status"] for job in shown if job["webhook"]]

    # Evidence.

    def _injected(self) -> Mapping[str, int]:
        refused = sum(not jobs for jobs in self._jobs_by_key.values())
        return dict(self._injector.done()) | {
            "create refused by the cap": refused,
            "job cancelled": self._cancelled,
            "circuit opened": self._circuits_closed,
        }

    def _paid(self) -> Sequence[PaidSubmission]:
        return [
            PaidSubmission(vendor=each["vendor"], prompt=each["prompt"])
            for vendor in VENDORS
            for each in self._counted_by(vendor)["submissions"]
        ]

    def _counted_by(self, vendor: str) -> Mapping[str, Any]:
        url = self._stack.addresses[vendor] + "/_control/submissions"
        counted: Mapping[str, Any] = requests.get(url, timeout=30).json()
        return counted

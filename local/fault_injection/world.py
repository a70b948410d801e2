"""A run: the stack, its users and the harm; then the evidence that is left."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import requests

from local.fault_injection.evidence import (
    MICROS,
    AccountDay,
    Evidence,
    Ledger,
    Paid,
)
from local.fault_injection.firestore_view import FirestoreView
from local.fault_injection.images import image_of
from local.fault_injection.injector import (
    VENDORS,
    Mischief,
)
from local.fault_injection.journal import (
    Diary,
    read_diary,
)
from local.fault_injection.output_checks import wrong_with
from local.fault_injection.plan import (
    Asked,
    all_asked,
    racing,
)
from local.fault_injection.user import (
    Answered,
    User,
)
from local.stack import ROOT, Stack, StackOptions

AT_ONCE = 8
LONGEST_PACE_SECONDS, CREATING_SECONDS = 0.8, 150.0
LOOKS_EVERY_SECONDS = 3
IMPATIENT_EVERY, IMPATIENT_TIMES = 10, 4  # every tenth is asked for four times at once
MOST_SECONDS_TO_END = 1500.0
RACER = "racer"
RACER_ROOM = Decimal("3.5")  # so many holds fit what the racer has left
HOLD_USD = Decimal("0.20")  # four seconds of the first provider
CAPS_USD = {"user": Decimal(200), "all": Decimal(100_000)}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """`folder` takes logs, objects, the diary, the marks."""

    jobs: int
    seed: int
    folder: Path
    environ: Mapping[str, str]
    say: Say


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What was learned while the run went on."""

    answers: list[Answered] = field(default_factory=list)
    most_used_usd: dict[AccountDay, Decimal] = field(default_factory=dict)
    cancelled: int = 0
    refused: int = 0
    closed_manually: int = 0


@contextmanager
def chaotic_stack(options: RunOptions) -> Iterator[Stack]:
    """The real stack with the harmed functions, fast vendors and a busy sweep."""
    (options.folder / "marks").mkdir(parents=True, exist_ok=True)
    environ = dict(options.environ) | {
        "CHAOS_FOLDER": str(options.folder),
        "CHAOS_SEED": str(options.seed),
        "CHAOS_JOBS": str(options.jobs),
        "USER_DAILY_LIMIT_USD": str(CAPS_USD["user"]),
        "DAILY_LIMIT_USD": str(CAPS_USD["all"]),
        "USER_MAX_JOBS": "10000",
        "USER_MAX_JOBS_PER_MINUTE": "10000",
    }
    stack_options = StackOptions(
        environ=environ,
        seconds=0.5,
        scale=0.25,
        sweep_every_seconds=5.0,
        firestore_memory="1g",
        folder=options.folder,
        source=ROOT / "local" / "fault_injection" / "entry.py",
        say=options.say,
    )
    with Stack(stack_options) as stack:
        yield stack


class Run:
    """One run on a stack that is up."""

    def __init__(self, options: RunOptions, stack: Stack) -> None:
        self._options, self._stack = options, stack
        self._view = FirestoreView(stack.addresses["firestore"], stack.project)
        self._diary = Diary(options.folder / "diary.jsonl")
        self._mischief = Mischief(
            stack, self._diary, seed=options.seed, jobs=options.jobs
        )
        self._seen = _Seen()
        self._over = threading.Event()

    def __call__(self) -> Evidence:
        """Ends when all jobs have ended, or after a bound; raises if a user gave up."""
        before = self._spend_ahead()
        self._mischief.begin()
        try:
            self._live_through()
        finally:
            self._mischief.end()
        return self._evidence(before)

    def records(self) -> Mapping[str, Mapping[str, object]]:
        """Each job's own record as it stands."""
        return self._view.records()

    def _live_through(self) -> None:
        with ThreadPoolExecutor(1) as creating:
            created = creating.submit(self._create_all)
            try:
                self._watch(created)
            finally:
                self._over.set()
            created.result()

    def _spend_ahead(self) -> Ledger:
        """The racer has room for three more jobs today, as if by earlier ones."""
        today = datetime.now(UTC)
        spent = (CAPS_USD["user"] - RACER_ROOM * HOLD_USD) * MICROS
        account = f"user.{RACER}.{today:%Y-%m}"
        self._view.spend(account, f"d{today:%d}", int(spent))
        return self._view.ledger()

    # Users.

    def _create_all(self) -> None:
        options = self._options
        asked = all_asked(options.seed, options.jobs)
        racers = max(10, options.jobs // 6)
        pace = min(LONGEST_PACE_SECONDS, CREATING_SECONDS / options.jobs)
        with ThreadPoolExecutor(AT_ONCE) as users, ThreadPoolExecutor(racers) as rivals:
            pending: list[Future[None]] = []
            for index, each in enumerate(asked):
                if self._over.wait(pace):
                    break
                pending.append(users.submit(self._create, each))
                self._mischief.on_progress((index + 1) / len(asked))
                if index == len(asked) // 2:
                    rest = racing(options.seed, options.jobs, racers, RACER)
                    pending += [rivals.submit(self._create, each) for each in rest]
            for future in pending:
                future.result()

    def _create(self, asked: Asked) -> None:
        user = self._user(asked.user)
        image = user.upload(image_of(asked.number))
        times = IMPATIENT_TIMES if asked.number % IMPATIENT_EVERY == 0 else 1
        with ThreadPoolExecutor(times) as clicks:
            asking = [clicks.submit(user.create, asked, image) for _ in range(times)]
        answers = [future.result() for future in asking]
        self._seen.answers += answers
        self._seen.refused += all(a.job_id is None for a in answers)
        if asked.is_cancelled and answers[0].job_id is not None:
            time.sleep(asked.number % 7)
            self._seen.cancelled += user.cancel(answers[0].job_id)

    def _user(self, name: str) -> User:
        stack = self._stack
        return User(name, api=stack.addresses["api"], project=stack.project)

    # Watching.

    def _watch(self, created: Future[None]) -> None:
        give_up_at = time.monotonic() + MOST_SECONDS_TO_END + self._options.jobs
        while time.monotonic() < give_up_at:
            statuses = self._look()
            if created.done() and (created.exception() or "processing" not in statuses):
                return
            for _ in range(LOOKS_EVERY_SECONDS):
                time.sleep(1)
                self._seen.closed_manually += self._view.close_circuits()

    def _look(self) -> Sequence[str]:
        for day, booked in self._view.ledger().items():
            most = self._seen.most_used_usd.get(day, booked.used_usd)
            self._seen.most_used_usd[day] = max(most, booked.used_usd)
        statuses = self._view.statuses()
        counts = {status: statuses.count(status) for status in sorted(set(statuses))}
        self._options.say(f"{len(statuses)} jobs: {counts}")
        return statuses

    # Evidence.

    def _evidence(self, before: Ledger) -> Evidence:
        self._look()
        jobs = self._view.jobs()
        self._options.say("playing every video")
        return Evidence(
            accepted=frozenset(a.job_id for a in self._seen.answers if a.job_id),
            job_of_key=self._jobs_of_keys(),
            jobs=jobs,
            paid=self._paid(),
            films=self._films(),
            ledger=self._view.ledger(),
            spent_before=before,
            most_used_usd=self._seen.most_used_usd,
            caps_usd=CAPS_USD,
            open_jobs=self._view.open_jobs(),
            diary=read_diary(self._options.folder / "diary.jsonl"),
            harm=self._harm(),
            duplicate_deliveries=self._mischief.duplicate_deliveries(),
        )

    def _harm(self) -> Mapping[str, int]:
        return dict(self._mischief.done()) | {
            "tasks late": self._mischief.late_deliveries(),
            "creates refused by the cap": self._seen.refused,
            "jobs cancelled": self._seen.cancelled,
            "circuits opened": self._seen.closed_manually,
        }

    def _jobs_of_keys(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = defaultdict(frozenset)
        for answer in self._seen.answers:
            if answer.job_id:
                found[answer.key] |= {answer.job_id}
        return found

    def _paid(self) -> Sequence[Paid]:
        return [
            Paid(vendor=each["vendor"], prompt=each["prompt"])
            for vendor in VENDORS
            for each in requests.get(
                self._stack.addresses[vendor] + "/_control/submissions", timeout=30
            ).json()["submissions"]
        ]

    def _films(self) -> Mapping[str, str | None]:
        storage, records = self._stack.addresses["storage"], self._view.records()
        return {
            job_id: wrong_with(storage, job_id, record)
            for job_id, record in records.items()
            if record.get("delivered")
        }

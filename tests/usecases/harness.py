"""The worker and the use cases, built from in-memory fakes."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import count
from operator import attrgetter
from typing import Generic, TypeVar

from shared.domain.catalogue import DEFAULT_MODELS, ProviderId
from shared.domain.job import Job
from shared.domain.kill_switch import KillSwitchState, Level
from shared.domain.observed_prices import ObservedPrices
from shared.domain.outcomes import LeaseExpired
from shared.domain.poll_plan import TaskTimes
from shared.domain.timing import CLOCK_SKEW, LEASE
from shared.guards.availability import Availability
from shared.guards.circuit_breaker import CircuitBreaker
from shared.guards.kill_switch import KillSwitch
from shared.guards.price_watch import PriceWatch
from shared.guards.receiver_breaker import ReceiverBreaker
from shared.guards.translator_breaker import TranslatorBreaker
from shared.jobs.commit import JobCommitter
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.ports.store import Task, TaskQueue
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.create_video import CreateVideo
from shared.usecases.delete_video import DeleteVideo
from shared.usecases.models import Estimate, ListModels
from shared.usecases.read_videos import GetVideo, ListVideos
from shared.usecases.show_usage import ShowUsage
from shared.usecases.translate_prompt import TranslatePrompt
from shared.usecases.uploads import StartUpload, StoreInlineImage
from shared.worker.advance import Advance
from shared.worker.follow import FollowStep
from shared.worker.poll_planner import PollPlanner
from shared.worker.prepare import PrepareStep
from shared.worker.recent_jobs import RecentJobs
from shared.worker.store import StoreStep
from shared.worker.submit import SubmitStep
from shared.worker.sweep import Sweep
from shared.worker.translate import TranslateStep
from shared.worker.webhook import SendWebhook
from tests.domain.examples import CHAIN
from tests.domain.prices import TEXT_MODEL
from tests.fakes.bucket import FakeBucket
from tests.fakes.checks import FakeImageCheck, FakeVideoCheck
from tests.fakes.circuits import FakeCircuits
from tests.fakes.clock import CountedIds, FrozenClock
from tests.fakes.document import FakeDocument
from tests.fakes.jobs import FakeJobs
from tests.fakes.keys import FakeKeys
from tests.fakes.provider import FakeProviders, ScriptedProvider
from tests.fakes.provider_reports import FakeProviderReports
from tests.fakes.queue import FakeQueue
from tests.fakes.receivers import FakeReceivers
from tests.fakes.translator import FakeTranslator
from tests.fakes.usage import FakeUsage
from tests.fakes.web import FakeWeb

T = TypeVar("T")

MAX_STEPS = 300
SIGNING_SECRET = "a signing secret that nobody can guess"
ANN = Caller(user_id="ann", key_id="key1")
BOB = Caller(user_id="bob", is_admin=True)

# Constructor parameters whose part has another name in the harness.
ELSEWHERE = {
    "queries": "jobs",
    "quotas": "jobs",
    "idempotency": "jobs.idempotency",
    "limits": "jobs.limits",
    "pause": "clock.pause",
    "providers": "asked",
}


class Built(Generic[T]):
    """Builds `kind` anew on each access, from the harness's parts of the same names.

    `elsewhere`: parameters whose part has another name, for this one only.
    """

    def __init__(self, kind: Callable[..., T], **elsewhere: str) -> None:
        names = ELSEWHERE | elsewhere
        self._kind = kind
        self._parts = {
            name: attrgetter(names.get(name, name))
            for name, part in inspect.signature(kind).parameters.items()
            if part.default is part.empty
        }

    def __get__(self, harness: "Harness", _: object) -> T:
        return self._kind(**{name: of(harness) for name, of in self._parts.items()})


@dataclass(kw_only=True)
class Harness:
    jobs: FakeJobs = field(default_factory=FakeJobs)
    circuits: FakeCircuits = field(default_factory=FakeCircuits)
    queue: FakeQueue = field(default_factory=FakeQueue)
    bucket: FakeBucket = field(default_factory=FakeBucket)
    web: FakeWeb = field(default_factory=FakeWeb)
    prices: FakeDocument[ObservedPrices] = field(
        default_factory=lambda: FakeDocument(ObservedPrices())
    )
    task_times: FakeDocument[TaskTimes] = field(
        default_factory=lambda: FakeDocument(TaskTimes())
    )
    switch: FakeDocument[KillSwitchState] = field(
        default_factory=lambda: FakeDocument(KillSwitchState())
    )
    reports: FakeProviderReports = field(default_factory=FakeProviderReports)
    keys: FakeKeys = field(default_factory=FakeKeys)
    receivers: FakeReceivers = field(default_factory=FakeReceivers)
    clock: FrozenClock = field(default_factory=FrozenClock)
    ids: CountedIds = field(default_factory=CountedIds)
    images: FakeImageCheck = field(default_factory=FakeImageCheck)
    videos: FakeVideoCheck = field(default_factory=FakeVideoCheck)
    providers: dict[ProviderId, ScriptedProvider] = field(
        default_factory=lambda: {
            provider_id: ScriptedProvider() for provider_id in CHAIN
        }
    )

    chain: tuple[ProviderId, ...] = CHAIN
    # The memory of the worker's process.
    recent: RecentJobs = field(default_factory=RecentJobs)
    translator: FakeTranslator | None = None
    models = DEFAULT_MODELS
    translation_model = TEXT_MODEL
    prompt_limits = (1000, 2000)
    tight_max_usd_per_second = Decimal("0.15")
    stop_on_unknown = False
    retention_days = 30
    signs_webhooks = True
    signing_secret = SIGNING_SECRET
    audit_ledger: Callable[[], int] = lambda: 0

    committer = Built(JobCommitter)
    scheduler = Built(TaskScheduler)
    kill_switch = Built(KillSwitch, store="switch")
    breaker = Built(CircuitBreaker)
    price_watch = Built(PriceWatch, store="prices")
    availability = Built(Availability)

    prepare_step = Built(PrepareStep, check="images")
    translate_step = Built(TranslateStep, breaker="translator_breaker")
    submit_step = Built(SubmitStep)
    follow_step = Built(FollowStep)
    store_step = Built(StoreStep, check="videos")
    advance = Built(Advance)
    send_webhook = Built(SendWebhook, breaker="receiver_breaker")

    create_video = Built(CreateVideo)
    get_video = Built(GetVideo)
    list_videos = Built(ListVideos)
    cancel_video = Built(CancelVideo)
    delete_video = Built(DeleteVideo)
    start_upload = Built(StartUpload)
    store_inline_image = Built(StoreInlineImage)
    translate_prompt = Built(TranslatePrompt, breaker="translator_breaker")
    estimate = Built(Estimate)
    list_models = Built(ListModels, task_times="poll_planner.times")
    show_usage = Built(ShowUsage, store="usage")

    def __post_init__(self) -> None:
        self.bucket.objects["images/job1"] = b"a jpeg"
        self.web.bodies["https://example.com/cat.jpg"] = b"a cat"

    @cached_property
    def poll_planner(self) -> PollPlanner:
        return PollPlanner(store=self.task_times, clock=self.clock)

    @cached_property
    def translator_breaker(self) -> TranslatorBreaker:
        return TranslatorBreaker(clock=self.clock)

    @cached_property
    def receiver_breaker(self) -> ReceiverBreaker:
        return ReceiverBreaker(clock=self.clock)

    @property
    def asked(self) -> FakeProviders:
        return FakeProviders(self.providers)

    @property
    def usage(self) -> FakeUsage:
        return FakeUsage(jobs=self.jobs)

    @property
    def shard_numbers(self) -> Iterator[int]:
        return count()

    @cached_property
    def sweeper(self) -> Sweep:
        return Sweep(
            jobs=self.jobs,
            queries=self.jobs,
            queue=self.queue,
            clock=self.clock,
            audit_ledger=lambda: self.audit_ledger(),
            report_silence=lambda now: self.kill_switch.report_silence(now),
        )

    def send_webhooks(self) -> None:
        """Deliver webhook tasks until none is left."""
        while (task := self.queue.take_webhook()) is not None:
            self.clock.move_to(task.at)
            self.send_webhook(task.job_id)

    def set_level(self, level: Level) -> None:
        now = self.clock.now()
        self.kill_switch.set_manually(level=level, reason="test", by="ann", now=now)

    def step(self, job_id: str = "job1") -> Job:
        """Run one step of the worker, as for a task from the starts queue."""
        self.advance(job_id, from_starts_queue=True)
        return self.job

    def sweep(self) -> int:
        return self.sweeper()

    def run(self) -> Job:
        """Deliver tasks in order until job1 ends; without a task, run the sweep."""
        for _ in range(MAX_STEPS):
            if self.job.is_final:
                return self.job
            task = self.queue.take()
            if task is None:
                self.clock.pause(60)
                self.sweep()
                continue
            self.clock.move_to(task.at)
            self.deliver(task)
        raise AssertionError(f"never ended: {self.job}")

    def deliver(self, task: Task) -> None:
        """Deliver the task as Cloud Tasks does, with its name and queue."""
        if task.answer is not None:
            self.advance.record_answer(task.job_id, task.answer)
            return
        is_start = task.queue is TaskQueue.STARTS
        self.advance(task.job_id, from_starts_queue=is_start, task=task.name)

    def outlive_the_lease(self) -> None:
        """Let the lease of an unanswered POST expire: its outcome becomes unknown."""
        self.clock.move(LEASE + CLOCK_SKEW)
        expired = LeaseExpired(attempt_id=self.job.attempts[-1].attempt_id)
        self.committer.commit(self.jobs.get("job1"), expired)

    def finish(self) -> None:
        """Deliver tasks until none is left."""
        while (task := self.queue.take()) is not None:
            self.clock.move_to(task.at)
            self.deliver(task)

    @property
    def booked(self) -> tuple[Decimal, Decimal]:
        """USD that Ann's jobs hold and USD that they have spent."""
        month = self.jobs.accounts["user.ann.2026-11"].month
        return month.open_usd, month.settled_usd

    @property
    def job(self) -> Job:
        return self.jobs.get("job1").value

    @property
    def starts(self) -> int:
        return sum(provider.starts for provider in self.providers.values())

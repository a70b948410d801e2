"""Everything a step needs, in memory: the fakes, and `Advance` made of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import count

from shared.domain.catalogue import DEFAULT_MODELS, ProviderId
from shared.domain.job import Job
from shared.domain.kill_switch import Level
from shared.guards.availability import Availability
from shared.guards.circuit_breaker import Breaker
from shared.guards.kill_switch import KillSwitch
from shared.guards.price_watch import PriceWatch
from shared.guards.translator_breaker import TranslatorBreaker
from shared.jobs.commit import JobCommitter
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.ports.store import StepTask
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.create_video import CreateVideo
from shared.usecases.delete_video import DeleteVideo
from shared.usecases.read_videos import GetVideo, ListVideos
from shared.usecases.translate_prompt import TranslatePrompt
from shared.worker.advance import Advance
from shared.worker.follow import Following
from shared.worker.poll_planner import PollPlanner
from shared.worker.prepare import Preparation
from shared.worker.recent_jobs import RecentJobs
from shared.worker.store import Storing
from shared.worker.submit import Starting
from shared.worker.sweep import Sweep
from shared.worker.translate import Translating
from shared.worker.webhook import SendWebhook
from shared.worker.webhook_sweep import WebhookSweep
from tests.domain.examples import CHAIN
from tests.fakes.bucket import FakeBucket
from tests.fakes.checks import FakeImageCheck, FakeVideoCheck
from tests.fakes.circuits import FakeCircuits
from tests.fakes.clock import CountedIds, FrozenClock
from tests.fakes.jobs import FakeJobs
from tests.fakes.keys import FakeKeys
from tests.fakes.prices import FakePrices
from tests.fakes.provider import FakeProviders, ScriptedProvider
from tests.fakes.provider_reports import FakeProviderReports
from tests.fakes.queue import FakeQueue
from tests.fakes.receivers import FakeReceivers
from tests.fakes.switch import FakeSwitchStore
from tests.fakes.task_times import FakeTaskTimes
from tests.fakes.translator import FakeTranslator
from tests.fakes.web import FakeWeb

MOST_STEPS = 300
SIGNING_SECRET = "a signing secret that nobody can guess"
ANN = Caller(user_id="ann", key_id="key1")
BOB = Caller(user_id="bob", is_admin=True)


@dataclass(kw_only=True)
class Harness:
    jobs: FakeJobs = field(default_factory=FakeJobs)
    circuits: FakeCircuits = field(default_factory=FakeCircuits)
    queue: FakeQueue = field(default_factory=FakeQueue)
    bucket: FakeBucket = field(default_factory=FakeBucket)
    web: FakeWeb = field(default_factory=FakeWeb)
    prices: FakePrices = field(default_factory=FakePrices)
    task_times: FakeTaskTimes = field(default_factory=FakeTaskTimes)
    switch: FakeSwitchStore = field(default_factory=FakeSwitchStore)
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
    # What the worker's process remembers.
    recent: RecentJobs = field(default_factory=RecentJobs)
    translator: FakeTranslator | None = None
    audit_ledger: Callable[[], int] = lambda: 0

    def __post_init__(self) -> None:
        self.bucket.objects["images/job1"] = b"a jpeg"
        self.web.bodies["https://example.com/cat.jpg"] = b"a cat"

    @property
    def committer(self) -> JobCommitter:
        return JobCommitter(
            jobs=self.jobs, clock=self.clock, ids=self.ids, pause=self.clock.pause
        )

    @property
    def preparation(self) -> Preparation:
        return Preparation(bucket=self.bucket, web=self.web, check=self.images)

    @property
    def storing(self) -> Storing:
        return Storing(
            bucket=self.bucket, web=self.web, check=self.videos, clock=self.clock
        )

    @property
    def advance(self) -> Advance:
        return Advance(
            jobs=self.jobs,
            providers=FakeProviders(self.providers),
            bucket=self.bucket,
            clock=self.clock,
            committer=self.committer,
            scheduler=self.scheduler,
            preparation=self.preparation,
            starting=self.starting,
            translating=Translating(
                translator=self.translator,
                breaker=self.translator_breaker,
                availability=self.availability,
                committer=self.committer,
                starting=self.starting,
            ),
            following=Following(
                providers=FakeProviders(self.providers),
                bucket=self.bucket,
                committer=self.committer,
                clock=self.clock,
                price_watch=self.price_watch,
                poll_planner=self.poll_planner,
            ),
            storing=self.storing,
            recent=self.recent,
        )

    @property
    def price_watch(self) -> PriceWatch:
        return PriceWatch(store=self.prices, clock=self.clock, pause=self.clock.pause)

    @cached_property
    def poll_planner(self) -> PollPlanner:
        return PollPlanner(store=self.task_times, clock=self.clock)

    @property
    def kill_switch(self) -> KillSwitch:
        return KillSwitch(store=self.switch, pause=self.clock.pause)

    @property
    def breaker(self) -> Breaker:
        return Breaker(circuits=self.circuits, clock=self.clock, pause=self.clock.pause)

    @cached_property
    def translator_breaker(self) -> TranslatorBreaker:
        return TranslatorBreaker(clock=self.clock)

    @property
    def availability(self) -> Availability:
        return Availability(
            kill_switch=self.kill_switch,
            breaker=self.breaker,
            reports=self.reports,
            clock=self.clock,
            chain=self.chain,
            tight_max_usd_per_second=Decimal("0.15"),
        )

    @property
    def starting(self) -> Starting:
        return Starting(
            providers=FakeProviders(self.providers),
            bucket=self.bucket,
            clock=self.clock,
            ids=self.ids,
            committer=self.committer,
            availability=self.availability,
            limits=self.jobs.limits,
            breaker=self.breaker,
            price_watch=self.price_watch,
            poll_planner=self.poll_planner,
        )

    @property
    def scheduler(self) -> TaskScheduler:
        return TaskScheduler(queue=self.queue)

    @property
    def get_video(self) -> GetVideo:
        return GetVideo(
            jobs=self.jobs, bucket=self.bucket, clock=self.clock, ids=self.ids
        )

    @property
    def list_videos(self) -> ListVideos:
        return ListVideos(
            jobs=self.jobs,
            queries=self.jobs,
            bucket=self.bucket,
            clock=self.clock,
            ids=self.ids,
        )

    @property
    def cancel_video(self) -> CancelVideo:
        return CancelVideo(
            jobs=self.jobs, committer=self.committer, scheduler=self.scheduler
        )

    @property
    def delete_video(self) -> DeleteVideo:
        return DeleteVideo(
            jobs=self.jobs,
            queries=self.jobs,
            bucket=self.bucket,
            pause=self.clock.pause,
        )

    @property
    def translate_prompt(self) -> TranslatePrompt:
        return TranslatePrompt(
            translator=self.translator,
            breaker=self.translator_breaker,
            kill_switch=self.kill_switch,
            quotas=self.jobs,
            clock=self.clock,
            ids=self.ids,
            pause=self.clock.pause,
            limits_of_prompts=(1000, 2000),
        )

    @property
    def send_webhook(self) -> SendWebhook:
        return SendWebhook(
            jobs=self.jobs,
            keys=self.keys,
            bucket=self.bucket,
            receivers=self.receivers,
            clock=self.clock,
            ids=self.ids,
            committer=self.committer,
            scheduler=self.scheduler,
            signing_secret=SIGNING_SECRET,
        )

    def send_webhooks(self) -> None:
        """Their tasks are brought until none is left."""
        while (task := self.queue.take_webhook()) is not None:
            self.clock.move_to(task.at)
            self.send_webhook(task.job_id)

    def set_level(self, level: Level) -> None:
        now = self.clock.now()
        self.kill_switch.set_manually(level=level, reason="test", by="ann", now=now)

    def step(self, job_id: str = "job1") -> Job:
        """One step of the worker, as a task of the starts queue brings it."""
        self.advance(job_id, from_starts_queue=True)
        return self.job

    def sweep(self) -> int:
        return self.sweeper()

    @cached_property
    def sweeper(self) -> Sweep:
        return Sweep(
            jobs=self.jobs,
            queries=self.jobs,
            queue=self.queue,
            clock=self.clock,
            wake_webhooks=WebhookSweep(queries=self.jobs, queue=self.queue),
            audit_ledger=lambda: self.audit_ledger(),
        )

    def run(self) -> Job:
        """Tasks are taken as the queues would bring them; the sweep runs when idle."""
        for _ in range(MOST_STEPS):
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

    def deliver(self, task: StepTask) -> None:
        """As Cloud Tasks does, by name and queue."""
        self.advance(task.job_id, from_starts_queue=task.is_start, task=task.name)

    def finish(self) -> None:
        """Tasks are brought until none is left."""
        while (task := self.queue.take()) is not None:
            self.clock.move_to(task.at)
            self.deliver(task)

    @property
    def booked(self) -> tuple[Decimal, Decimal]:
        """What Ann's jobs hold, and what they have spent."""
        month = self.jobs.accounts["user.ann.2026-11"].month
        return month.open_usd, month.settled_usd

    @property
    def job(self) -> Job:
        return self.jobs.get("job1").value

    @property
    def starts(self) -> int:
        return sum(provider.starts for provider in self.providers.values())


def create_video(
    harness: Harness,
    *,
    chain: tuple[ProviderId, ...] = CHAIN,
    stop: bool = False,
    signs_webhooks: bool = True,
) -> CreateVideo:
    """`stop`: ON_UNKNOWN_SUBMISSION."""
    return CreateVideo(
        jobs=harness.jobs,
        idempotency=harness.jobs.idempotency,
        quotas=harness.jobs,
        scheduler=harness.scheduler,
        clock=harness.clock,
        ids=harness.ids,
        pause=harness.clock.pause,
        kill_switch=harness.kill_switch,
        price_watch=harness.price_watch,
        limits=harness.jobs.limits,
        chain=chain,
        models=DEFAULT_MODELS,
        stop_on_unknown=stop,
        retention_days=30,
        signs_webhooks=signs_webhooks,
        turns=count(),
    )

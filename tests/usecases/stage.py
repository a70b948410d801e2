"""Everything a step needs, in memory: the fakes, and `Advance` made of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS, Link
from shared.domain.job import Job
from shared.domain.kill_switch import Level
from shared.usecases.advance import Advance
from shared.usecases.breaker import Breaker
from shared.usecases.create_video import CreateVideo
from shared.usecases.gate import Gate
from shared.usecases.kill_switch import KillSwitch
from shared.usecases.prepare import Preparation
from shared.usecases.record import Recorder
from shared.usecases.start import Starting
from shared.usecases.store import Storing
from shared.usecases.sweep import Sweep
from shared.usecases.wake import Waker
from tests.fakes.bucket import FakeBucket
from tests.fakes.checks import FakePictureCheck, FakeVideoCheck
from tests.fakes.circuits import FakeCircuits
from tests.fakes.clock import CountedIds, FrozenClock
from tests.fakes.jobs import FakeJobs
from tests.fakes.provider import FakeProviders, ScriptedProvider
from tests.fakes.queue import FakeQueue
from tests.fakes.switch import FakeSwitchStore
from tests.fakes.web import FakeWeb

MOST_STEPS = 300


@dataclass(kw_only=True)
class Stage:
    jobs: FakeJobs = field(default_factory=FakeJobs)
    circuits: FakeCircuits = field(default_factory=FakeCircuits)
    queue: FakeQueue = field(default_factory=FakeQueue)
    bucket: FakeBucket = field(default_factory=FakeBucket)
    web: FakeWeb = field(default_factory=FakeWeb)
    switch: FakeSwitchStore = field(default_factory=FakeSwitchStore)
    clock: FrozenClock = field(default_factory=FrozenClock)
    ids: CountedIds = field(default_factory=CountedIds)
    videos: FakeVideoCheck = field(default_factory=FakeVideoCheck)
    links: dict[Link, ScriptedProvider] = field(
        default_factory=lambda: {link: ScriptedProvider() for link in DEFAULT_CHAIN}
    )

    balance: Callable[[], int] = lambda: 0

    def __post_init__(self) -> None:
        self.bucket.objects["images/job1"] = b"a jpeg"
        self.web.bodies["https://example.com/cat.jpg"] = b"a cat"

    @property
    def recorder(self) -> Recorder:
        return Recorder(
            jobs=self.jobs, clock=self.clock, ids=self.ids, pause=self.clock.pause
        )

    @property
    def preparation(self) -> Preparation:
        return Preparation(bucket=self.bucket, web=self.web, check=FakePictureCheck())

    @property
    def storing(self) -> Storing:
        return Storing(
            bucket=self.bucket, web=self.web, check=self.videos, clock=self.clock
        )

    @property
    def advance(self) -> Advance:
        return Advance(
            jobs=self.jobs,
            providers=FakeProviders(self.links),
            bucket=self.bucket,
            clock=self.clock,
            recorder=self.recorder,
            waker=Waker(queue=self.queue),
            preparation=self.preparation,
            starting=self.starting,
            storing=self.storing,
        )

    @property
    def kill_switch(self) -> KillSwitch:
        return KillSwitch(store=self.switch, pause=self.clock.pause)

    @property
    def starting(self) -> Starting:
        gate = Gate(
            kill_switch=self.kill_switch,
            clock=self.clock,
            tight_max_usd_per_second=Decimal("0.15"),
        )
        return Starting(
            providers=FakeProviders(self.links),
            bucket=self.bucket,
            clock=self.clock,
            ids=self.ids,
            recorder=self.recorder,
            gate=gate,
            breaker=Breaker(circuits=self.circuits, clock=self.clock),
        )

    def set_level(self, level: Level) -> None:
        now = self.clock.now()
        self.kill_switch.set_by_hand(level=level, reason="test", by="ann", now=now)

    def step(self, job_id: str = "job1") -> Job:
        """One step of the worker, as a task of the starts queue brings it."""
        self.advance(job_id, from_starts_queue=True)
        return self.job

    def sweep(self) -> int:
        return Sweep(
            jobs=self.jobs, queue=self.queue, clock=self.clock, balance=self.balance
        )()

    def run(self) -> Job:
        """Tasks are taken as the queues would bring them; the sweep runs when idle."""
        for _ in range(MOST_STEPS):
            if self.job.is_final:
                return self.job
            wake = self.queue.take()
            if wake is None:
                self.clock.pause(60)
                self.sweep()
                continue
            self.clock.move_to(wake.at)
            self.advance(wake.job_id, from_starts_queue=wake.is_start)
        raise AssertionError(f"never ended: {self.job}")

    @property
    def job(self) -> Job:
        return self.jobs.get("job1").job

    @property
    def starts(self) -> int:
        return sum(provider.starts for provider in self.links.values())


def create_video(
    stage: Stage, *, chain: tuple[Link, ...] = DEFAULT_CHAIN, stop: bool = False
) -> CreateVideo:
    """`stop`: ON_UNKNOWN_SUBMISSION."""
    return CreateVideo(
        jobs=stage.jobs,
        waker=Waker(queue=stage.queue),
        clock=stage.clock,
        ids=stage.ids,
        pause=stage.clock.pause,
        kill_switch=stage.kill_switch,
        limits=stage.jobs.limits,
        chain=chain,
        models=DEFAULT_MODELS,
        stop_on_unknown=stop,
        retention_days=30,
    )

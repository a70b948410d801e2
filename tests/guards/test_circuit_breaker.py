"""Which starts all instances admit while a vendor, provider or model fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from structlog.testing import capture_logs

from shared.domain import circuit
from shared.domain.catalogue import ProviderId
from shared.domain.circuit import FAULTS_TO_OPEN, MAX_OPENING, TRIAL_CLAIM, Circuit
from shared.domain.errors import ErrorCode, Problem, Unreachable
from shared.domain.job import PlannedProvider
from shared.domain.outcomes import Accepted, NotSent, Rejected, Submission, Unknown
from shared.guards.circuit_breaker import CACHE_TTL, CircuitBreaker
from shared.jobs.commit import SHORT_BACKOFF
from tests.domain.examples import CHAIN, MINUTE, NOON, SECOND, a_job, rejected
from tests.fakes.circuits import FakeCircuits
from tests.fakes.clock import FrozenClock
from tests.fakes.jobs import Trouble

RUNWAY, RUNWAY_HTTP, VEO, OMNI = (
    next(p for p in a_job().chain if p.provider_id is provider_id)
    for provider_id in CHAIN
)
PROVIDERS = (RUNWAY, RUNWAY_HTTP, VEO, OMNI)
ACCEPTED = Accepted(task_id="t")
UNKNOWN = Unknown(detail="read timeout")


WRONG_KEY = rejected(ErrorCode.ACCESS_DENIED)
NO_CREDITS = rejected(ErrorCode.OUT_OF_CREDITS)
MODEL_GONE = rejected(ErrorCode.MODEL_UNAVAILABLE)
RATE_LIMITED = rejected(ErrorCode.RATE_LIMITED)
RETRY_AFTER_AN_HOUR = rejected(ErrorCode.RATE_LIMITED, 3600.0)
BALANCE, BAD_SEED = (
    Rejected(problem=Problem(code=ErrorCode.INPUT_NOT_ACCEPTED, detail=words))
    for words in ("Insufficient balance", "seed: must be positive")
)
REFUSED = rejected(ErrorCode.PROMPT_REFUSED)
UNAVAILABLE = rejected(ErrorCode.PROVIDER_UNAVAILABLE)
LOST_RACE, APPLIED = Trouble.LOST_RACE, Trouble.APPLIED
NOT_APPLIED = Trouble.NOT_APPLIED
FAILURES = (LOST_RACE, APPLIED, NOT_APPLIED)
NO_NETWORK = NotSent(problem=Problem(code=ErrorCode.PROVIDER_UNAVAILABLE))


@dataclass(kw_only=True)
class Fleet:
    """Instances that share the stored circuits and a clock."""

    circuits: FakeCircuits = field(default_factory=FakeCircuits)
    clock: FrozenClock = field(default_factory=FrozenClock)

    def instance(self) -> CircuitBreaker:
        return CircuitBreaker(
            circuits=self.circuits, clock=self.clock, pause=self.clock.pause
        )

    def admits(self, planned: PlannedProvider) -> bool:
        """Whether a new instance, with an empty cache, may start this provider."""
        return self.instance().admit(planned) is None

    def admitted(self) -> list[ProviderId]:
        return [planned.provider_id for planned in PROVIDERS if self.admits(planned)]

    def opened(
        self, planned: PlannedProvider, submission: Submission = WRONG_KEY
    ) -> None:
        """Open a circuit and let its time pass, so that a trial is due."""
        report(self.instance(), planned, submission)
        self.clock.move(MAX_OPENING)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


def report(
    breaker: CircuitBreaker, planned: PlannedProvider, *submissions: Submission
) -> None:
    """Report answers to starts that began just now."""
    for submission in submissions:
        breaker.report(planned, submission, began_at=breaker.clock.now())


@pytest.mark.parametrize(
    ("planned", "submission", "left"),
    [
        (RUNWAY, WRONG_KEY, [ProviderId.VEO, ProviderId.OMNI]),
        (RUNWAY_HTTP, NO_CREDITS, [ProviderId.VEO, ProviderId.OMNI]),
        (VEO, WRONG_KEY, [ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP, ProviderId.OMNI]),
        (RUNWAY, MODEL_GONE, [ProviderId.VEO, ProviderId.OMNI]),
        (RUNWAY, RETRY_AFTER_AN_HOUR, [ProviderId.VEO, ProviderId.OMNI]),
        (OMNI, MODEL_GONE, [ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP, ProviderId.VEO]),
    ],
    ids=[
        "wrong key",
        "no credits",
        "wrong identity",
        "a model that two providers use",
        "retry after an hour",
        "a model that one provider uses",
    ],
)
def test_every_instance_skips_an_open_circuits_providers_at_once(
    fleet: Fleet,
    planned: PlannedProvider,
    submission: Submission,
    left: list[ProviderId],
) -> None:
    assert fleet.admitted() == list(CHAIN)

    report(fleet.instance(), planned, submission)

    assert fleet.admitted() == left


@pytest.mark.parametrize(
    ("answer", "between", "is_admitted"),
    [
        (UNKNOWN, (), False),
        (UNAVAILABLE, (), False),
        (NO_NETWORK, (), False),
        (UNKNOWN, (RATE_LIMITED,), False),
        (UNKNOWN, (ACCEPTED,), True),
        (UNKNOWN, (REFUSED,), True),
        (BALANCE, (), False),
        (BALANCE, (RATE_LIMITED,), False),
        (BALANCE, (ACCEPTED,), True),
        (BALANCE, (UNKNOWN,), True),
        (BALANCE, (BAD_SEED,), True),
    ],
    ids=str,
)
def test_five_faults_or_equal_rejections_in_a_row_stop_their_provider(
    fleet: Fleet, answer: Submission, between: tuple[Submission, ...], is_admitted: bool
) -> None:
    """A vendor may report missing credits as a bad request, in words we don't know."""
    breaker = fleet.instance()
    report(breaker, RUNWAY, *[answer] * (FAULTS_TO_OPEN - 1))
    assert fleet.admits(RUNWAY)

    report(breaker, RUNWAY, *between, answer)

    assert fleet.admits(RUNWAY) is is_admitted
    assert fleet.admits(RUNWAY_HTTP)


def test_faults_are_counted_per_instance_and_provider(fleet: Fleet) -> None:
    first, second = fleet.instance(), fleet.instance()
    faults = [UNKNOWN] * (FAULTS_TO_OPEN - 1)

    for breaker, planned in [(first, RUNWAY), (second, RUNWAY), (first, RUNWAY_HTTP)]:
        report(breaker, planned, *faults)

    assert fleet.admitted() == list(CHAIN)


@pytest.mark.parametrize(
    ("submission", "seconds", "is_admitted"),
    [
        (ACCEPTED, 0, True),
        (REFUSED, 0, True),
        (WRONG_KEY, 599, False),
        (WRONG_KEY, 600, True),
        (RATE_LIMITED, 119, False),
        (RATE_LIMITED, 120, True),
        (None, 119, False),
        (None, 120, True),
    ],
    ids=str,
)
def test_the_end_of_a_trial_decides_when_the_next_start_is_admitted(
    fleet: Fleet, submission: Submission | None, seconds: int, is_admitted: bool
) -> None:
    fleet.opened(RUNWAY)
    holder = fleet.instance()
    assert holder.admit(RUNWAY) is None

    if submission:
        report(holder, RUNWAY, submission)
    fleet.clock.pause(seconds)

    assert fleet.admits(RUNWAY) is is_admitted


def test_no_trial_is_claimed_if_another_circuit_is_open(fleet: Fleet) -> None:
    fleet.opened(RUNWAY)
    report(fleet.instance(), RUNWAY_HTTP, MODEL_GONE)
    before = fleet.circuits.get("vendor.runway")
    fleet.circuits.put(circuit.opened(before, ErrorCode.OUT_OF_CREDITS, NOON))
    due = fleet.circuits.get("vendor.runway")

    assert not fleet.admits(RUNWAY_HTTP)

    assert fleet.circuits.get("vendor.runway") == due


def test_a_providers_trial_stays_claimed_when_another_provider_closes_the_vendors(
    fleet: Fleet,
) -> None:
    report(fleet.instance(), RUNWAY, *[UNKNOWN] * FAULTS_TO_OPEN)
    fleet.opened(RUNWAY)
    assert fleet.admits(RUNWAY)

    report(fleet.instance(), RUNWAY_HTTP, ACCEPTED)

    assert fleet.admitted() == [ProviderId.RUNWAY_HTTP, ProviderId.VEO, ProviderId.OMNI]


def test_an_old_count_of_faults_reopens_no_circuit(fleet: Fleet) -> None:
    breaker = fleet.instance()
    report(breaker, RUNWAY, *[UNKNOWN] * 2 * FAULTS_TO_OPEN)
    fleet.clock.move(MAX_OPENING)
    report(fleet.instance(), RUNWAY, ACCEPTED)

    report(breaker, RUNWAY, UNKNOWN)

    assert fleet.admits(RUNWAY)


@pytest.mark.parametrize("trouble", FAILURES)
def test_an_uncertain_claim_of_a_trial_does_not_start(
    fleet: Fleet, trouble: Trouble
) -> None:
    fleet.opened(RUNWAY)
    fleet.circuits.troubles = [trouble]

    problem = fleet.instance().admit(RUNWAY)

    assert problem and problem.code is ErrorCode.CIRCUIT_OPEN


@pytest.mark.parametrize("trouble", [LOST_RACE, NOT_APPLIED, Trouble.UNREACHABLE])
def test_a_trial_that_cannot_be_freed_expires(fleet: Fleet, trouble: Trouble) -> None:
    fleet.opened(VEO)
    breaker = fleet.instance()
    assert breaker.admit(VEO) is None
    fleet.circuits.troubles = [trouble]

    breaker.withdraw(VEO, began_at=fleet.clock.now())

    assert not fleet.admits(VEO)
    fleet.clock.move(TRIAL_CLAIM)
    assert fleet.admits(VEO)


@pytest.mark.parametrize(
    ("began", "is_free"),
    [
        pytest.param(-TRIAL_CLAIM, False, id="its own claim has expired"),
        pytest.param(SECOND - TRIAL_CLAIM, True, id="it was slow to claim it"),
        pytest.param(0 * SECOND, True, id="it claimed it at once"),
        pytest.param(SECOND, False, id="the trial was claimed before it began"),
    ],
)
def test_a_start_frees_only_the_trial_that_it_claimed(
    fleet: Fleet, began: timedelta, *, is_free: bool
) -> None:
    fleet.opened(VEO)
    claimed_at = fleet.clock.now()
    assert fleet.admits(VEO)

    fleet.instance().withdraw(VEO, began_at=claimed_at + began)

    assert fleet.admits(VEO) is is_free


def test_a_failing_store_stops_no_start_and_loses_no_answer(fleet: Fleet) -> None:
    report(fleet.instance(), RUNWAY, WRONG_KEY)
    fleet.circuits.read_failures = [Unreachable("down")]
    with capture_logs() as logs:
        assert fleet.admits(RUNWAY)
        for trouble in (LOST_RACE, NOT_APPLIED, Trouble.UNREACHABLE):
            fleet.circuits.troubles = [trouble] * (len(SHORT_BACKOFF) + 1)
            report(fleet.instance(), VEO, WRONG_KEY)

    assert [e["event"] for e in logs] == [
        "circuits_not_read",
        *["circuits_not_written"] * 3,
    ]


@pytest.mark.parametrize("uncertain", [APPLIED, NOT_APPLIED])
def test_an_opening_survives_a_lost_race_and_an_uncertain_commit(
    fleet: Fleet, uncertain: Trouble
) -> None:
    fleet.circuits.troubles = [LOST_RACE, uncertain]

    report(fleet.instance(), RUNWAY, WRONG_KEY)

    opening = fleet.circuits.get("vendor.runway").opening
    assert opening and opening.times == 1


def test_closed_circuits_are_cached_until_an_own_opening(fleet: Fleet) -> None:
    first, second = fleet.instance(), fleet.instance()
    assert [b.admit(RUNWAY) for b in (first, second, first)] == [None] * 3
    assert fleet.circuits.reads == 2

    report(first, RUNWAY, WRONG_KEY)
    assert first.admit(RUNWAY)
    assert second.admit(RUNWAY) is None
    fleet.clock.move(CACHE_TTL)
    assert second.admit(RUNWAY)


def test_a_start_through_closed_circuits_reads_them_once(fleet: Fleet) -> None:
    breaker = fleet.instance()
    assert breaker.admit(RUNWAY) is None
    report(breaker, RUNWAY, ACCEPTED)
    assert fleet.circuits.reads == 1

    report(breaker, RUNWAY, WRONG_KEY)
    assert fleet.circuits.get("vendor.runway").opening
    fleet.clock.move(MAX_OPENING)
    assert breaker.admit(RUNWAY) is None
    fleet.clock.move(SECOND)
    report(breaker, RUNWAY, ACCEPTED)
    assert fleet.circuits.get("vendor.runway").opening is None


def test_an_opening_and_a_closing_are_logged_once(fleet: Fleet) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            report(fleet.instance(), RUNWAY_HTTP, NO_CREDITS)
        fleet.clock.move(MAX_OPENING)
        for _ in range(3):
            report(fleet.instance(), RUNWAY, ACCEPTED)

    circuit = {"circuit": "vendor.runway"}
    assert logs == [
        {
            "event": "circuit_opened",
            "log_level": "error",
            "ai_model": "runway-http",
            "vendor": "runway",
            "code": "out_of_credits",
            "until": NOON + 5 * MINUTE,
            "times": 1,
            **circuit,
        },
        {
            "event": "circuit_closed",
            "log_level": "info",
            "ai_model": "runway",
            **circuit,
        },
    ]


SUBMISSIONS: Sequence[Submission] = (
    ACCEPTED,
    REFUSED,
    RATE_LIMITED,
    RETRY_AFTER_AN_HOUR,
    WRONG_KEY,
    MODEL_GONE,
    rejected(ErrorCode.INPUT_NOT_ACCEPTED),
    UNKNOWN,
    UNAVAILABLE,
    NO_NETWORK,
)
TICKS = (
    SECOND,
    CACHE_TTL,
    MINUTE,
    TRIAL_CLAIM - SECOND,
    TRIAL_CLAIM,
    5 * MINUTE,
    MAX_OPENING,
)


@dataclass(frozen=True, kw_only=True)
class Flight:
    """An admitted start that hasn't reported; `trials` are the circuits it tries."""

    breaker: CircuitBreaker
    planned: PlannedProvider
    trials: frozenset[str]
    begun_at: datetime


@dataclass(kw_only=True)
class Simulation:
    """Instances whose starts, late reports and deaths interleave."""

    draw: Callable[..., object]
    fleet: Fleet = field(default_factory=Fleet)
    flights: list[Flight] = field(default_factory=list)
    breakers: list[CircuitBreaker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.breakers = [self.fleet.instance() for _ in range(3)]

    def step(self) -> None:
        rival = self.draw(st.sampled_from([None, self.start, self.land]))
        self.fleet.circuits.meanwhile = rival  # type: ignore[assignment] # as drawn
        action = self.draw(st.sampled_from([self.start, self.land, self.tick]))
        assert callable(action)
        action()
        self.fleet.circuits.meanwhile = None

    def tick(self) -> None:
        by = self.draw(st.sampled_from(TICKS))
        assert isinstance(by, timedelta)
        self.fleet.clock.move(by)

    def land(self) -> None:
        """Report a start, with up to two failed commits, or not: its instance died."""
        if not self.flights:
            return
        nth = self.draw(st.integers(0, len(self.flights) - 1))
        assert isinstance(nth, int)
        flight = self.flights.pop(nth)
        submission = self.draw(st.sampled_from([None, *SUBMISSIONS]))
        if submission is not None:
            self.trouble()
            flight.breaker.report(
                flight.planned,
                submission,  # type: ignore[arg-type] # as drawn
                began_at=flight.begun_at,
            )
            self.fleet.circuits.troubles = []

    def start(self) -> None:
        breaker = self.draw(st.sampled_from(self.breakers))
        planned = self.draw(st.sampled_from(PROVIDERS))
        assert isinstance(breaker, CircuitBreaker) and isinstance(
            planned, PlannedProvider
        )
        now = self.fleet.clock.now()
        before = [self.fleet.circuits.get(key) for key in circuit.keys(planned)]
        self.trouble()
        problem = breaker.admit(planned)
        self.fleet.circuits.troubles = []

        assert problem is None or any(c.opening for c in before), "closed, and blocked"
        if problem is None:
            trials = frozenset(c.key for c in before if self.is_trial(c, now))
            assert not trials & self.on_trial(now), "two trials at once"
            flight = Flight(
                breaker=breaker, planned=planned, trials=trials, begun_at=now
            )
            self.flights.append(flight)

    def is_trial(self, before: Circuit, now: datetime) -> bool:
        """Whether it was admitted while open, and not by an instance's cache."""
        if before.opening is None or before.opening.since > now - CACHE_TTL:
            return False
        assert now >= before.opening.until, "started before its time was up"
        return True

    def on_trial(self, now: datetime) -> frozenset[str]:
        alive = [f.trials for f in self.flights if now < f.begun_at + TRIAL_CLAIM]
        return frozenset[str]().union(*alive)

    def trouble(self) -> None:
        some = st.lists(st.sampled_from(FAILURES), max_size=2)
        self.fleet.circuits.troubles = self.draw(some)  # type: ignore[assignment] # as drawn


@settings(
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    max_examples=settings().max_examples // 3,
)
@given(data=st.data())
def test_there_is_one_trial_at_a_time_and_no_lasting_block(data: st.DataObject) -> None:
    simulation = Simulation(draw=data.draw)
    for _ in range(data.draw(st.integers(1, 60))):
        simulation.step()

    simulation.fleet.clock.move(timedelta(hours=1) + TRIAL_CLAIM)
    assert simulation.fleet.admits(data.draw(st.sampled_from(PROVIDERS)))

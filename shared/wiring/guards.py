"""Builds the guards, which decide whether a provider is asked, what it will cost, and
when it is polled. Each exists once per process, since they count faults and cache what
they have read.
"""

from shared.domain.observed_prices import ObservedPrices
from shared.domain.poll_plan import TaskTimes
from shared.guards.availability import Availability
from shared.guards.circuit_breaker import CircuitBreaker
from shared.guards.kill_switch import KillSwitch
from shared.guards.price_watch import PriceWatch
from shared.guards.translator_breaker import TranslatorBreaker
from shared.system import pause
from shared.wiring import adapters, process
from shared.wiring.adapters import CLOCK
from shared.wiring.once import once
from shared.worker.poll_planner import PollPlanner


@once
def kill_switch() -> KillSwitch:
    from shared.gcp.firestore_document import kill_switch_store

    return KillSwitch(store=kill_switch_store(process.database()), pause=pause)


@once
def circuit_breaker() -> CircuitBreaker:
    """It counts faults, and caches which circuits are closed."""
    from shared.gcp.firestore_circuits import LIMITS, FirestoreCircuits

    circuits = FirestoreCircuits(process.database().with_limits(LIMITS))
    return CircuitBreaker(circuits=circuits, clock=CLOCK, pause=pause)


@once
def translator_breaker() -> TranslatorBreaker:
    return TranslatorBreaker(clock=CLOCK)


@once
def price_watch() -> PriceWatch:
    from shared.gcp.firestore_document import OBSERVATION_LIMITS, FirestoreDocument

    database = process.database().with_limits(OBSERVATION_LIMITS)
    store = FirestoreDocument(database, "prices", ObservedPrices)
    return PriceWatch(store=store, clock=CLOCK, pause=pause)


@once
def poll_planner() -> PollPlanner:
    from shared.gcp.firestore_document import OBSERVATION_LIMITS, FirestoreDocument

    database = process.database().with_limits(OBSERVATION_LIMITS)
    store = FirestoreDocument(database, "task_times", TaskTimes)
    return PollPlanner(store=store, clock=CLOCK)


@once
def availability() -> Availability:
    return Availability(
        kill_switch=kill_switch(),
        breaker=circuit_breaker(),
        reports=adapters.provider_reports(),
        clock=CLOCK,
        chain=process.settings().chain,
        tight_max_usd_per_second=process.settings().tight_max_usd_per_second,
    )

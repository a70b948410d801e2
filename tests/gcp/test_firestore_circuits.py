"""The contract of the port `Circuits`, on the emulator and on the fake."""

import pytest
from google.cloud import firestore

from shared.domain import circuit
from shared.domain.circuit import Circuit, Opening
from shared.domain.errors import ErrorCode, LostRace
from shared.domain.structs import replace
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_circuits import FirestoreCircuits
from shared.gcp.firestore_records import to_record
from shared.ports.store import Circuits
from tests.domain.examples import MINUTE, NOON
from tests.fakes.circuits import FakeCircuits

KEYS = ("vendor.vertex", "provider.gemini-veo-3.1")
VENDOR, PROVIDER = (Circuit(key=key) for key in KEYS)
OPEN = Circuit(
    key=VENDOR.key,
    opening=Opening(
        reason=ErrorCode.ACCESS_DENIED,
        since=NOON,
        until=NOON + 5 * MINUTE + MINUTE / 7,
        times=3,
    ),
    trial_until=NOON + MINUTE / 7,
)
OPENING = to_record(OPEN)["opening"]


@pytest.fixture(params=["emulator", "fake"])
def circuits(request: pytest.FixtureRequest) -> Circuits:
    if request.param == "fake":
        return FakeCircuits()
    return FirestoreCircuits(request.getfixturevalue("database"))


def commit(circuits: Circuits, *after: Circuit) -> None:
    before = circuits.read([a.key for a in after])
    circuits.commit(list(zip(before, after, strict=True)))


def kept(circuits: Circuits) -> list[Circuit]:
    return [snapshot.value for snapshot in circuits.read(KEYS)]


def test_a_circuit_that_never_opened_is_closed(circuits: Circuits) -> None:
    assert kept(circuits) == [VENDOR, PROVIDER]


@pytest.mark.parametrize(
    "after",
    [OPEN, replace(OPEN, trial_until=None), replace(OPEN, opening=None), VENDOR],
    ids=["a failed trial", "open", "closed by a trial", "closed"],
)
def test_a_committed_circuit_is_read_back(circuits: Circuits, after: Circuit) -> None:
    commit(circuits, after)

    assert kept(circuits) == [after, PROVIDER]


def test_circuits_are_returned_in_the_order_requested(circuits: Circuits) -> None:
    commit(circuits, OPEN, circuit.with_trial(PROVIDER, NOON))

    found = circuits.read(KEYS[::-1])
    assert [snapshot.value.key for snapshot in found] == list(KEYS[::-1])


@pytest.mark.parametrize("first", [VENDOR, OPEN], ids=["not there", "there"])
def test_a_commit_based_on_a_stale_read_loses_the_race(
    circuits: Circuits, first: Circuit
) -> None:
    if first is OPEN:
        commit(circuits, OPEN)
    (stale,) = circuits.read([VENDOR.key])
    rival = circuit.with_trial(first, NOON + MINUTE)
    commit(circuits, rival)

    with pytest.raises(LostRace):
        circuits.commit([(stale, OPEN)])

    assert kept(circuits) == [rival, PROVIDER]


def test_a_commit_of_several_circuits_is_atomic(circuits: Circuits) -> None:
    before = circuits.read(KEYS)
    rival = circuit.with_trial(PROVIDER, NOON)
    commit(circuits, rival)

    with pytest.raises(LostRace):
        circuits.commit([(before[0], OPEN), (before[1], PROVIDER)])

    assert kept(circuits) == [VENDOR, rival]


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"opening": OPENING | {"reason": "on a whim"}, "trial_until": None},
        {"opening": OPENING | {"since": "today"}, "trial_until": None},
        {"opening": OPENING | {"times": None}, "trial_until": None},
        {"opening": OPENING},
    ],
    ids=["empty", "unknown reason", "no time", "no count", "no trial"],
)
def test_an_unreadable_circuit_counts_as_closed_and_can_be_opened(
    firestore_client: firestore.Client, database: Database, record: dict[str, object]
) -> None:
    firestore_client.collection("circuits").document(VENDOR.key).set(record)
    circuits = FirestoreCircuits(database)
    assert kept(circuits) == [VENDOR, PROVIDER]

    commit(circuits, OPEN)

    assert kept(circuits) == [OPEN, PROVIDER]

"""Faults on request: how they are written, and which of them are billed."""

import pytest
import requests

from local.fault_kinds import PROXY, Kind, Place, ProviderId
from local.faults import Fault, FaultPlan, parse_faults
from local.simulators.server import SimulatorServer
from tests.local.simulated import RUNWAY, until


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("runway", [("runway", "start", "503", None)]),
        (
            "runway=503,runway-http=500",
            [("runway", "start", "503", None), ("runway-http", "start", "500", None)],
        ),
        ("runway:poll:500*3", [("runway", "poll", "500", 3)]),
        ("runway:SAFETY.INPUT.TEXT", [("runway", "task", "SAFETY.INPUT.TEXT", None)]),
        (
            "gemini-veo-3.1:start:filtered",
            [("gemini-veo-3.1", "task", "filtered", None)],
        ),
        ("runway-http:download:html", [("runway-http", "fetch", "html", None)]),
        ("runway:truncated", [("runway", "fetch", "truncated", None)]),
        ("", []),
    ],
)
def test_faults_are_read_from_a_line(text: str, faults: list[object]) -> None:
    parsed = parse_faults(text)

    assert [(f.provider, f.place, f.kind, f.times) for f in parsed] == faults


def test_a_fault_is_used_up_and_hits_only_its_provider() -> None:
    plan = FaultPlan(parse_faults("runway:503*2"))

    assert plan.take(Place.START, ProviderId.RUNWAY_HTTP) is None
    taken = [plan.take(Place.START, ProviderId.RUNWAY) for _ in range(3)]

    assert [fault is not None for fault in taken] == [True, True, False]


def test_a_share_is_the_same_for_the_same_seed() -> None:
    def drawn(seed: int) -> list[bool]:
        fault = Fault(place=Place.GET, kind=Kind.UNAVAILABLE, share=0.3, seed=seed)
        plan = FaultPlan([fault])
        return [plan.take(Place.GET) is not None for _ in range(200)]

    assert drawn(7) == drawn(7) != drawn(8)
    assert 30 < sum(drawn(7)) < 90


@pytest.mark.parametrize(
    ("kind", "seconds", "error", "billed"),
    [
        ("drop-before", 100, requests.ConnectionError, 0),
        ("drop-after", 100, requests.ConnectionError, 1),
        ("read-timeout", 0.2, requests.ReadTimeout, 1),
        ("late", 0.2, requests.ReadTimeout, 1),
        ("silent", 0.2, requests.ReadTimeout, 0),
    ],
)
def test_a_start_without_an_answer_is_billed_if_it_was_accepted(
    runway: SimulatorServer,
    kind: str,
    seconds: float,
    error: type[Exception],
    billed: int,
) -> None:
    runway.faults.add(parse_faults(f"runway:start:{kind}"))

    with pytest.raises(error):
        RUNWAY.start(runway, timeout=seconds)

    # The client may have given up before its order was accepted.
    until(lambda: len(runway.submissions), lambda count: count == billed)


def test_a_proxy_can_answer_for_an_accepted_request(runway: SimulatorServer) -> None:
    runway.faults.add(parse_faults("runway:task:running"))
    for kind in PROXY:
        runway.faults.add(parse_faults(f"runway:{kind}*1"))

        answer = RUNWAY.start(runway)

        type_ = "text/html" if kind.endswith("-html") else "text/plain"
        assert answer.status_code == int(kind[6:9])
        assert answer.headers["content-type"].startswith(type_)
    assert len(runway.submissions) == len(PROXY)

"""Faults on request: how to request them, and what clients get."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from local.fault_kinds import PROXY, Kind, Place, ProviderId
from local.faults import Fault, FaultError, FaultPlan, parse_faults
from local.simulators.server import SimulatorServer
from tests.local.simulated import RUNWAY, contents_of, until


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


@pytest.mark.parametrize(
    "text",
    [
        *("sora", "runway:boom", "runway:poll:filtered", "runway:filtered"),
        *("runway:503*often", "a:b:c:d"),
    ],
)
def test_an_unknown_fault_is_refused(text: str) -> None:
    with pytest.raises(FaultError):
        parse_faults(text)


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
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    seconds: float,
    error: type[Exception],
    billed: int,
) -> None:
    runway.faults.add(parse_faults(f"runway:start:{kind}"))
    impatient = requests.request
    monkeypatch.setattr(
        requests, "request", lambda *a, **k: impatient(*a, **k | {"timeout": seconds})
    )

    with pytest.raises(error):
        RUNWAY.start(runway)

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


def test_a_200_can_come_late_be_html_or_lack_the_id(runway: SimulatorServer) -> None:
    [late] = parse_faults("runway:start:late*1")
    runway.faults.add([replace(late, seconds=0.1)])
    assert RUNWAY.accepted(runway)

    runway.faults.add(parse_faults("runway:start:html*1,runway:no-id*1"))
    assert RUNWAY.start(runway).text.startswith("<!doctype html>")
    assert "id" not in RUNWAY.start(runway).json()
    assert len(runway.submissions) == 2


def test_polls_and_cancels_fail_as_often_as_requested_and_change_nothing(
    runway: SimulatorServer,
) -> None:
    task_id = RUNWAY.accepted(runway)
    runway.faults.add(parse_faults("runway:poll:500*1,runway:poll:drop-after*1"))
    runway.faults.add(parse_faults("runway:cancel:500*1"))

    assert RUNWAY.ask(runway, task_id).status_code == 500
    with pytest.raises(requests.ConnectionError):
        RUNWAY.ask(runway, task_id)
    path = f"/v1/tasks/{task_id}"
    assert RUNWAY.send(runway, "task_delete", path=path).status_code == 500
    assert RUNWAY.ask(runway, task_id).json()["id"] == task_id


Bytes = Callable[[bytes, bytes], bool]
DOWNLOADS: dict[str, Bytes] = {
    "html": lambda got, _: got.startswith(b"<!doctype html>"),
    "empty": lambda got, _: got == b"",
    "403": lambda got, _: b"You do not have access" in got,
    "404": lambda got, _: b"was not found" in got,
    "garbage": lambda got, _: b"ftyp" not in got,
    "half-film": lambda got, whole: got == whole[: len(whole) // 2],
    "wrong-duration": lambda got, _: contents_of(got).seconds == 1.0,
    "wrong-aspect": lambda got, _: contents_of(got).width == 72,
}


def test_a_download_fails_as_requested(runway: SimulatorServer) -> None:
    address = RUNWAY.ended(runway)["output"][0]
    whole = requests.get(address, timeout=100).content
    for kind, is_so in DOWNLOADS.items():
        runway.faults.add(parse_faults(f"runway:fetch:{kind}*1"))

        got = requests.get(address, timeout=100)

        assert got.headers["content-length"] == str(len(got.content))
        assert is_so(got.content, whole), kind
        assert not is_so(whole, whole)


@pytest.mark.parametrize(
    ("kind", "seconds", "error"),
    [
        ("truncated", 100, IncompleteRead),
        ("stalled", 0.2, TimeoutError),
    ],
)
def test_a_download_can_break_off_or_stall(
    runway: SimulatorServer, kind: str, seconds: float, error: type[Exception]
) -> None:
    address = RUNWAY.ended(runway)["output"][0]
    length = requests.head(address, timeout=100).headers["content-length"]
    runway.faults.add(parse_faults(f"runway:fetch:{kind}*1"))

    with closing(HTTPConnection(urlsplit(address).netloc, timeout=100)) as connection:
        connection.request("GET", address)
        opened = connection.sock
        with connection.getresponse() as answer:
            assert answer.headers["content-length"] == length
            opened.settimeout(seconds)  # for the body alone
            with pytest.raises(error):
                answer.read()

    some = requests.get(address, headers={"Range": "bytes=10-"}, timeout=100)
    assert (some.status_code, len(some.content)) == (206, int(length) - 10)


def test_a_wrong_length_hides_the_end_of_the_file(runway: SimulatorServer) -> None:
    address = RUNWAY.ended(runway)["output"][0]
    whole = requests.get(address, timeout=100).content
    runway.faults.add(parse_faults("runway:wrong-length"))

    with requests.get(address, stream=True, timeout=100) as answer:
        told, got = answer.headers["content-length"], answer.raw.read()

    assert (told, got) == (str(len(whole) // 2), whole[: len(whole) // 2])


def control(
    server: SimulatorServer, method: str, name: str, value: Any = None
) -> requests.Response:
    url = f"{server.address}/_control/{name}"
    return requests.request(method, url, json=value, timeout=100)


def test_faults_and_submissions_are_shown_at_run_time(runway: SimulatorServer) -> None:
    wanted = {"provider": "runway", "place": "start", "kind": "429"}
    [shown] = control(runway, "POST", "faults", [wanted]).json()
    assert (shown["kind"], shown["left"]) == ("429", None)
    assert RUNWAY.start(runway).status_code == 429
    assert control(runway, "DELETE", "faults").json() == []
    task_id = RUNWAY.accepted(runway)

    [paid] = control(runway, "GET", "submissions").json()["submissions"]

    assert paid["task_id"] == task_id
    assert (paid["vendor"], paid["cost_usd"]) == ("runway", "0.10")


def test_a_list_with_a_wrong_fault_sets_none(runway: SimulatorServer) -> None:
    faults = [{"provider": "runway"}, {"provider": "runway", "kind": "boom"}]

    answer = control(runway, "POST", "faults", faults)

    assert answer.status_code == 400
    assert "boom" in answer.json()["error"]
    assert runway.faults.as_json() == []

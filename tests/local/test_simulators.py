"""The vendors' simulators, against exchanges captured from the vendors' SDKs."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from local.fault_kinds import Place, ProviderId, kinds_of
from local.faults import parse_faults
from local.simulators.google import google_simulator
from local.simulators.runway import runway_simulator
from local.simulators.server import SimulatorServer
from local.simulators.vendor_backend import LATE_POLLS
from shared.domain import structs
from shared.domain.outcomes import Accepted, Rejected, Succeeded, Working
from shared.ports.providers import TaskRef
from tests.local.simulated import (
    OMNI,
    QUICK,
    RUNWAY,
    VEO,
    Objects,
    Vendor,
    contents_of,
    data_uri,
    image,
    until,
)
from tests.providers import provider_cases
from tests.providers.provider_cases import ProviderCase, each, request_for


@pytest.fixture
def objects() -> Objects:
    return Objects()


@pytest.fixture
def google(objects: Objects) -> Iterator[SimulatorServer]:
    with google_simulator(QUICK, store=objects) as server:
        yield server


@pytest.fixture
def server_of(runway: SimulatorServer, google: SimulatorServer) -> Any:
    return lambda vendor: runway if vendor.wire == "runway" else google


# Videos as our own providers request them

OWN = (
    provider_cases.RUNWAY,
    provider_cases.RUNWAY_HTTP,
    provider_cases.VEO,
    provider_cases.OMNI,
)


@each(*OWN)
def test_every_model_but_gen4_turbo_makes_videos_from_text(
    case: ProviderCase, server_of: Any
) -> None:
    server = server_of(RUNWAY if case.is_runway else VEO)
    provider, wanted = case.make(server.address), request_for(case, image=None)

    if case.is_runway:
        assert isinstance(provider.start(wanted), Rejected)
        wanted = structs.replace(wanted, model_id="gen4.5")
    assert isinstance(provider.start(wanted), Accepted)
    assert len(server.submissions) == 1


# Answers in the form of the captured ones


def alike(ours: Any, theirs: Any) -> bool:
    """Whether keys and types of values are equal; of lists, the last elements."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        # Some captures lack fields that the API's reference has.
        left = ours.keys() ^ theirs.keys()
        return left <= {"usage"} and all(alike(ours[k], theirs[k]) for k in theirs)
    if isinstance(ours, list) and isinstance(theirs, list):
        return bool(ours) >= bool(theirs) and all(map(alike, ours[-1:], theirs[-1:]))
    return type(ours) is type(theirs)


INLINE = {"response_format.delivery": "inline"}
# The vendor, the fault, the captured answer, and changes to the request.
POLLS: list[tuple[Vendor, str, str, dict[str, Any]]] = [
    (RUNWAY, "throttled", "task_THROTTLED", {}),
    (RUNWAY, "running", "task_RUNNING", {}),
    (RUNWAY, "", "task_SUCCEEDED", {}),
    (RUNWAY, "SAFETY.INPUT.IMAGE", "task_FAILED", {}),
    (RUNWAY, "cancelled", "task_CANCELLED", {}),
    (VEO, "running", "operation_running", {}),
    (VEO, "", "operation_done_gcs", {}),
    (VEO, "", "operation_done_bytes", {"parameters.storageUri": None}),
    (VEO, "empty", "operation_empty", {}),
    (VEO, "error-3", "operation_error", {}),
    (VEO, "filtered", "operation_filtered", {}),
    (OMNI, "running", "get_in_progress", {}),
    (OMNI, "", "get_completed_uri", {}),
    (OMNI, "", "get_completed_inline", INLINE),
    (OMNI, "cancelled", "get_cancelled", {}),
    (OMNI, "failed-safety", "get_failed", {}),
]


@pytest.mark.parametrize(
    ("vendor", "kind", "name", "changes"), POLLS, ids=[each[2] for each in POLLS]
)
def test_a_poll_is_answered_as_captured(
    server_of: Any, vendor: Vendor, kind: str, name: str, changes: Any
) -> None:
    server = server_of(vendor)
    if kind:
        server.faults.add(parse_faults(f"{vendor.provider}:task:{kind}"))
    theirs = vendor.captured(name)["response"]["body"]

    created = vendor.start(server, changes).json()
    told = vendor.until(
        server,
        created.get("id") or created["name"],
        lambda seen: (
            seen.get("status") == theirs.get("status")
            and seen.get("done") == theirs.get("done")
        ),
    )

    assert alike(created, vendor.captured(vendor.create)["response"]["body"])
    assert alike(told, theirs), told


ERRORS = [
    pytest.param(vendor, name, id=f"{vendor.wire}-{name}")
    for vendor, names in ((RUNWAY, "retry_{}_0"), (VEO, "error_{}"), (OMNI, "error_{}"))
    for status in (400, 401, 402, 403, 404, 408, 409, 429, 500, 502, 503, 504)
    if (name := names.format(status)) in vendor.exchanges()
]


@pytest.mark.parametrize(("vendor", "name"), ERRORS)
def test_an_error_is_answered_as_captured_and_not_billed(
    server_of: Any, vendor: Vendor, name: str
) -> None:
    server, theirs = server_of(vendor), vendor.captured(name)["response"]
    server.faults.add(parse_faults(f"{vendor.provider}:start:{theirs['status']}"))

    answer = vendor.start(server)

    assert answer.status_code == theirs["status"]
    ours = answer.json()
    if vendor is RUNWAY:  # captures have only the first field
        ours = {"error": ours["error"]}
    assert alike(ours, theirs["body"])
    if vendor is not RUNWAY and theirs["status"] != 408:
        assert ours["error"]["status"] == theirs["body"]["error"]["status"]
    assert ("retry-after" in answer.headers) == (theirs["status"] == 429)
    assert server.submissions == []
    assert vendor.start(server).status_code == theirs["status"]


def test_a_cancel_is_answered_as_captured(
    runway: SimulatorServer, google: SimulatorServer
) -> None:
    runway.faults.add(parse_faults("runway:task:running"))
    google.faults.add(parse_faults("gemini-omni-flash:task:running"))
    task_id, interaction_id = RUNWAY.accepted(runway), OMNI.accepted(google)

    deleted = RUNWAY.send(runway, "task_delete", path=f"/v1/tasks/{task_id}")
    path = f"/v1/interactions/{interaction_id}/cancel"
    cancelled = OMNI.send(google, "cancel", path=path).json()

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert RUNWAY.ask(runway, task_id).status_code == 404
    assert alike(cancelled, OMNI.captured("cancel")["response"]["body"])
    told = OMNI.until(google, interaction_id, lambda seen: seen["status"])
    assert (cancelled["status"], told["status"]) == ("cancelled", "cancelled")


# How tasks end, and what Runway charges

RUNWAY_FAILURES = {
    "INTERNAL": 0,
    "INTERNAL.BAD_OUTPUT.CODE01": 0,
    "SAFETY.INPUT.TEXT": 10,
    "SAFETY.INPUT.IMAGE": 10,
    "INPUT_PREPROCESSING.SAFETY.TEXT": 10,
    "INPUT_PREPROCESSING.INTERNAL": 0,
    "SAFETY.OUTPUT.VIDEO": 10,
    "THIRD_PARTY.UNAVAILABLE": 0,
    "ASSET.INVALID": 0,
}
ENDS: dict[Vendor, dict[str, dict[str, Any]]] = {
    RUNWAY: {
        code: {"status": "FAILED", "failureCode": code, "cost": {"credits": charged}}
        for code, charged in RUNWAY_FAILURES.items()
    }
    | {
        "null-code": {"status": "FAILED", "cost": {"credits": 0}},
        "cancelled": {"status": "CANCELLED", "cost": {"credits": 0}},
        "unknown-status": {"status": "SUCCEEDED", "cost": {"credits": 10}},
        "double-price": {"status": "SUCCEEDED", "cost": {"credits": 20}},
    },
    VEO: {
        "error-3": {"error": {"code": 3}},
        "error-9": {"error": {"code": 9}},
        "error-13": {"error": {"code": 13}},
        "filtered": {"response": {"raiMediaFilteredCount": 1}},
        "empty": {"response": {}},
    },
    OMNI: {
        "failed": {"status": "failed", "errors": [{"code": "INTERNAL"}]},
        "failed-safety": {"status": "failed", "errors": [{"code": "SAFETY"}]},
        "cancelled": {"status": "cancelled"},
        "incomplete": {"status": "incomplete"},
        "no-output": {"status": "completed"},
        "requires-action": {"status": "requires_action"},
        "budget-exceeded": {"status": "budget_exceeded"},
        "unknown-status": {"status": "completed"},
    },
}


def holds(told: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return all(k in told and holds(told[k], v) for k, v in wanted.items())
    if isinstance(wanted, list):
        return len(told) == len(wanted) and all(map(holds, told, wanted))
    return bool(told == wanted)


@pytest.mark.parametrize("vendor", ENDS, ids=lambda vendor: vendor.wire)
def test_a_task_ends_as_its_fault_says(server_of: Any, vendor: Vendor) -> None:
    server = server_of(vendor)
    for kind, wanted in ENDS[vendor].items():
        server.faults.add(parse_faults(f"{vendor.provider}:task:{kind}*1"))

        told = vendor.ended(server)

        assert holds(told, wanted), (kind, told)


@pytest.mark.parametrize("vendor", ENDS, ids=lambda vendor: vendor.wire)
def test_a_task_can_be_gone_at_once_or_once_it_succeeded(
    server_of: Any, vendor: Vendor
) -> None:
    server, faults = server_of(vendor), "{0}:deleted*1,{0}:deleted-later"
    server.faults.add(parse_faults(faults.format(vendor.provider)))
    gone = vendor.accepted(server)

    done = vendor.ended(server)

    for task_id in (gone, gone, done.get("id") or done["name"]):
        assert vendor.ask(server, task_id).status_code == 404
    if vendor is RUNWAY:
        assert requests.get(done["output"][0], timeout=100).status_code == 404


@each(*OWN)
def test_a_task_can_succeed_before_its_video_is_shown(
    case: ProviderCase, server_of: Any, objects: Objects
) -> None:
    server = server_of(RUNWAY if case.is_runway else VEO)
    server.faults.add(parse_faults(",".join(f"{p}:late-output" for p in ProviderId)))
    objects.kept[provider_cases.IMAGE.uri] = image()
    file = structs.replace(provider_cases.IMAGE, jpeg=image())
    provider = case.make(server.address)
    outcome = provider.start(request_for(case, image=file))
    assert isinstance(outcome, Accepted)
    task = TaskRef(task_id=outcome.task_id)

    ended = until(
        lambda: provider.poll(task), lambda poll: not isinstance(poll, Working)
    )
    later = [provider.poll(task) for _ in range(LATE_POLLS)]

    assert [getattr(poll, "may_come_yet", None) for poll in (ended, *later)] == (
        [True] * LATE_POLLS + [None]
    )
    assert isinstance(later[-1], Succeeded)


def test_a_task_can_have_an_unknown_status() -> None:
    slow, faults = replace(QUICK, seconds=3600), parse_faults("runway:unknown-status")
    with runway_simulator(slow, faults=faults) as server:
        task_id = RUNWAY.accepted(server)

        RUNWAY.until(server, task_id, lambda seen: seen["status"] == "MIGRATING")


@pytest.mark.parametrize("vendor", ENDS, ids=lambda vendor: vendor.wire)
def test_every_kind_of_end_is_tested(vendor: Vendor) -> None:
    tried = {*ENDS[vendor], "running", "throttled", "deleted"}
    tried |= {"deleted-later", "late-output"}

    assert kinds_of(ProviderId(vendor.provider), Place.TASK) <= tried


# Refused requests


TOO_LARGE = "data:image/png;base64," + "A" * 5_000_000
# The last field is the wrong one.
REFUSED: dict[str, dict[str, object]] = {
    "unknown model": {"model": "gen9"},
    "no image": {"promptImage": None},
    "no image inside": {"promptImage": data_uri(b"GIF89a")},
    "over 5 MB": {"promptImage": TOO_LARGE},
    "too wide": {"promptImage": data_uri(image(size=(90, 30)))},
    "by URL": {"promptImage": "https://a.example/x.jpg"},
    "empty prompt": {"promptText": ""},
    "1002 UTF-16 units": {"promptText": "🎬" * 501},
    "unknown ratio": {"ratio": "16:9"},
    "too long": {"duration": 11},
    "not whole seconds": {"duration": 2.5},
    "gen4.5 without a prompt": {"model": "gen4.5", "promptText": None},
}
ACCEPTED: dict[str, dict[str, object]] = {
    "1000 UTF-16 units": {"promptText": "🎬" * 500},
    "gen4_turbo without a prompt": {"promptText": None},
    "gen4.5": {"model": "gen4.5", "ratio": "960:960"},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
def test_a_request_that_runway_refuses_is_refused_unbilled(
    runway: SimulatorServer, changes: dict[str, object]
) -> None:
    answer = RUNWAY.start(runway, changes)

    assert answer.status_code == 400
    assert [issue["path"] for issue in answer.json()["issues"]] == [[list(changes)[-1]]]
    assert runway.submissions == []


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED)
def test_a_request_that_runway_accepts_is_accepted(
    runway: SimulatorServer, changes: dict[str, object]
) -> None:
    assert RUNWAY.start(runway, changes).status_code == 200


@pytest.mark.parametrize(
    ("vendor", "changes", "status"),
    [
        (VEO, {"parameters.durationSeconds": 5}, 400),
        (VEO, {"parameters.aspectRatio": "1:1"}, 400),
        (VEO, {"parameters.resolution": "480p"}, 400),
        (VEO, {"instances.0.image.gcsUri": "gs://b/no"}, 400),
        (VEO, {"instances.0.image": {"bytesBase64Encoded": "eA=="}}, 400),
        (OMNI, {"model": "sora"}, 404),
        (OMNI, {"response_format.duration": "16s"}, 400),
        (OMNI, {"response_format.aspect_ratio": "1:1"}, 400),
        (OMNI, {"input.0.content.0.data": "eA=="}, 400),
    ],
)
def test_a_request_that_google_refuses_is_refused_unbilled(
    google: SimulatorServer, vendor: Vendor, changes: dict[str, Any], status: int
) -> None:
    answer = vendor.start(google, changes)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, status)
    assert google.submissions == []


@pytest.mark.parametrize(
    ("vendor", "missing", "status"),
    [
        (RUNWAY, "Authorization", 401),
        (RUNWAY, "X-Runway-Version", 400),
        (VEO, "Authorization", 401),
        (OMNI, "x-goog-api-key", 403),
    ],
)
def test_a_request_needs_its_headers(
    server_of: Any, vendor: Vendor, missing: str, status: int
) -> None:
    asked = vendor.captured(vendor.create)
    headers = {name: text for name, text in asked["headers"].items() if name != missing}

    url = server_of(vendor).address + asked["path"]
    answer = requests.post(url, json=asked["body"], headers=headers, timeout=100)

    assert answer.status_code == status
    assert "error" in answer.json()


# Runway's own behaviour


def test_beyond_the_limit_tasks_are_throttled_and_then_run() -> None:
    pace = replace(QUICK, concurrent=1)
    with runway_simulator(pace, faults=parse_faults("runway:running*1")) as server:
        first = RUNWAY.accepted(server)
        RUNWAY.until(server, first, lambda seen: seen["status"] == "RUNNING")
        second = RUNWAY.accepted(server)
        RUNWAY.until(server, second, lambda seen: seen["status"] == "THROTTLED")

        RUNWAY.send(server, "task_delete", path=f"/v1/tasks/{first}")

        RUNWAY.until(server, second, lambda seen: seen["status"] == "SUCCEEDED")


def test_veos_and_omnis_videos_can_be_wrong_where_they_are_stored(
    google: SimulatorServer, objects: Objects
) -> None:
    def delivered(kind: str) -> bytes | None:
        google.faults.add(parse_faults(f"{VEO.provider}:fetch:{kind}*1"))
        [video] = VEO.ended(google)["response"]["videos"]
        return objects.kept.get(video["gcsUri"])

    assert delivered("404") is None
    assert delivered("empty") == b""
    assert b"ftyp" not in (delivered("garbage") or b"")
    assert contents_of(delivered("wrong-duration") or b"").seconds == 2.0
    google.faults.add(parse_faults(f"{OMNI.provider}:fetch:garbage"))
    output = OMNI.ended(google, **INLINE)["steps"][-1]["content"][0]
    assert b"ftyp" not in base64.b64decode(output["data"])


def test_a_bucket_that_cannot_be_written_is_an_internal_error(
    google: SimulatorServer, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no access")

    monkeypatch.setattr(objects, "write", refuse)

    assert VEO.ended(google)["error"]["code"] == 13

"""The vendors' simulators, held against what was captured of the vendors' SDKs."""

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from local.emulators.cloud_storage.objects import Upload
from local.emulators.cloud_storage.signatures import Signer
from local.emulators.storage import running_storage
from local.fault_kinds import Place, ProviderId, kinds_of
from local.faults import parse_faults
from local.simulators.google import google_simulator
from local.simulators.runway import runway_simulator
from local.simulators.server import SimulatorServer
from local.simulators.veo import CloudStore
from shared.domain import structs
from shared.domain.outcomes import Accepted, Rejected, Succeeded
from shared.ports.providers import BucketFile, ImageFile, InlineFile, TaskRef, WebFile
from tests.local.simulated import (
    OMNI,
    QUICK,
    RUNWAY,
    VEO,
    Objects,
    Vendor,
    data_uri,
    image,
    look_into,
    until,
)
from tests.providers import provider_cases
from tests.providers.provider_cases import ProviderCase, each, request_for


@pytest.fixture
def objects() -> Objects:
    return Objects()


@pytest.fixture
def runway() -> Iterator[SimulatorServer]:
    with runway_simulator(QUICK) as server:
        yield server


@pytest.fixture
def google(objects: Objects) -> Iterator[SimulatorServer]:
    with google_simulator(QUICK, store=objects) as server:
        yield server


@pytest.fixture
def server_of(runway: SimulatorServer, google: SimulatorServer) -> Any:
    return lambda vendor: runway if vendor.wire == "runway" else google


# What our own providers order is made


SOLD = {"runway": "runway", "veo": "vertex", "omni": "gemini-api"}


OWN = (
    provider_cases.RUNWAY,
    provider_cases.RUNWAY_HTTP,
    provider_cases.VEO,
    provider_cases.OMNI,
)


@each(*OWN)
def test_a_video_of_the_text_alone_is_sold_but_by_gen4_turbo(
    case: ProviderCase, server_of: Any
) -> None:
    server = server_of(RUNWAY if case.is_runway else VEO)
    provider, wanted = case.make(server.address), request_for(case, image=None)

    if case.is_runway:
        assert isinstance(provider.start(wanted), Rejected)
        wanted = structs.replace(wanted, model_id="gen4.5")
    assert isinstance(provider.start(wanted), Accepted)
    assert len(server.submissions.all()) == 1


def test_veo_ends_on_the_last_image(server_of: Any, objects: Objects) -> None:
    server, case = server_of(VEO), provider_cases.VEO
    first, last = provider_cases.IMAGE, provider_cases.LAST_IMAGE
    objects.kept |= {first.uri: image("#f00000"), last.uri: image("#0000f0")}
    provider = case.make(server.address)

    outcome = provider.start(structs.replace(request_for(case), last_image=last))

    assert isinstance(outcome, Accepted)
    task = TaskRef(task_id=outcome.task_id, model_id=case.model_id)
    until(lambda: provider.poll(task), lambda poll: isinstance(poll, Succeeded))
    found = provider.fetch(task)
    assert isinstance(found, BucketFile)
    with av.open(io.BytesIO(objects.kept[found.gs_uri]), "r") as video:
        *_, shown = (f.to_image() for f in video.decode(video=0))
    assert shown.getpixel((60, 30)) == pytest.approx((0, 0, 0xF0), abs=8)


@each(*OWN)
def test_each_provider_gets_the_video_that_it_ordered(
    case: ProviderCase, server_of: Any, objects: Objects
) -> None:
    server = server_of(RUNWAY if case.is_runway else VEO)
    objects.kept["gs://b/images/1"] = image()
    provider = case.make(server.address)
    file = ImageFile(jpeg=image(), uri="gs://b/images/1")
    wanted = structs.replace(request_for(case), image=file, duration_seconds=4)

    outcome = provider.start(wanted)

    assert isinstance(outcome, Accepted)
    task = TaskRef(task_id=outcome.task_id, model_id=case.model_id)
    until(lambda: provider.poll(task), lambda poll: isinstance(poll, Succeeded))
    match provider.fetch(task):
        case BucketFile(gs_uri=uri):
            content = objects.kept[uri]
        case WebFile(url=url, headers=headers):
            content = requests.get(url, headers=headers, timeout=10).content
        case InlineFile(content=content):
            pass
    seen, is_runway = look_into(content), case.is_runway
    assert (seen.width, seen.height, seen.seconds) == (128, 72, 4.0)
    assert seen.audio_codec == (None if is_runway else "aac")
    [paid] = server.submissions.all()
    assert paid.vendor == SOLD[case.name.partition("_")[0]]
    assert paid.answered
    assert paid.charged_usd == paid.cost_usd > 0
    assert not [name for name in paid.headers if name in ("authorization", "cookie")]


def test_veo_reads_and_writes_through_the_real_storage_client(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signer = Signer(public_key=key.public_key(), email="nobody")
    with running_storage(tmp_path, signer, bucket="b") as cloud:
        cloud.store.put(Upload(name="in.png", content_type="image/png"), image())
        store = CloudStore(cloud.address)
        with google_simulator(QUICK, store=store) as server:
            [video] = VEO.ended(server)["response"]["videos"]

        written, content = cloud.store.read(video["gcsUri"].removeprefix("gs://b/"))
    assert written.content_type == "video/mp4"
    assert look_into(content).seconds == 4.0


@pytest.mark.parametrize(
    ("vendor", "changes", "size"),
    [
        (RUNWAY, {"ratio": "832:1104"}, (84, 110)),
        (VEO, {"parameters.aspectRatio": "9:16"}, (72, 128)),
        (OMNI, {"response_format.resolution": "1080p"}, (192, 108)),
    ],
    ids=["runway", "veo", "omni"],
)
def test_a_video_has_the_shape_that_was_asked_for(
    server_of: Any, objects: Objects, vendor: Vendor, changes: Any, size: object
) -> None:
    server = server_of(vendor)

    ended = vendor.ended(server, **changes)

    match vendor.wire:
        case "runway":
            content = requests.get(ended["output"][0], timeout=10).content
        case "veo":
            content = objects.kept[ended["response"]["videos"][0]["gcsUri"]]
        case _:
            url = ended["steps"][-1]["content"][0]["uri"]
            assert requests.get(url, timeout=10).status_code == 403
            key = {"x-goog-api-key": "k"}
            content = requests.get(url, headers=key, timeout=10).content
    seen = look_into(content)
    assert (seen.width, seen.height) == size


# What they answer has the form of what was captured


def alike(ours: Any, theirs: Any) -> bool:
    """Equal keys, values of equal types; of lists, the last elements."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        # Some captures lack what the API's reference has.
        left = ours.keys() ^ theirs.keys()
        return left <= {"usage"} and all(alike(ours[k], theirs[k]) for k in theirs)
    if isinstance(ours, list) and isinstance(theirs, list):
        return bool(ours) >= bool(theirs) and all(map(alike, ours[-1:], theirs[-1:]))
    return type(ours) is type(theirs)


INLINE = {"response_format.delivery": "inline"}
# The vendor, what shall go wrong, the captured answer, and changes of the order.
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
def test_a_poll_is_answered_as_it_was_captured(
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
    for vendor, names in (
        (RUNWAY, "retry_{}_0"),
        (VEO, "error_{}"),
        (OMNI, "error_{}"),
    )
    for status in (400, 401, 402, 403, 404, 408, 409, 429, 500, 502, 503, 504)
    if (name := names.format(status)) in vendor.exchanges()
]


@pytest.mark.parametrize(("vendor", "name"), ERRORS)
def test_an_error_is_as_it_was_captured_and_bills_nothing(
    server_of: Any, vendor: Vendor, name: str
) -> None:
    server, theirs = server_of(vendor), vendor.captured(name)["response"]
    server.faults.add(parse_faults(f"{vendor.provider}:start:{theirs['status']}"))

    answer = vendor.start(server)

    assert answer.status_code == theirs["status"]
    ours = answer.json()
    if vendor is RUNWAY:  # captures have the first field alone
        ours = {"error": ours["error"]}
    assert alike(ours, theirs["body"])
    if vendor is not RUNWAY and theirs["status"] != 408:
        assert ours["error"]["status"] == theirs["body"]["error"]["status"]
    assert ("retry-after" in answer.headers) == (theirs["status"] == 429)
    assert server.submissions.all() == []
    assert vendor.start(server).status_code == theirs["status"]


def test_a_cancel_is_answered_as_it_was_captured(
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


# How tasks end. What the vendor says, and whether it charges.

FREE = False
RUNWAY_FAILURES = {
    "INTERNAL": FREE,
    "INTERNAL.BAD_OUTPUT.CODE01": FREE,
    "SAFETY.INPUT.TEXT": True,
    "SAFETY.INPUT.IMAGE": True,
    "INPUT_PREPROCESSING.SAFETY.TEXT": True,
    "INPUT_PREPROCESSING.INTERNAL": FREE,
    "SAFETY.OUTPUT.VIDEO": True,
    "THIRD_PARTY.UNAVAILABLE": FREE,
    "ASSET.INVALID": FREE,
}
ENDS: dict[Vendor, dict[str, tuple[dict[str, Any], bool]]] = {
    RUNWAY: {
        code: ({"status": "FAILED", "failureCode": code}, is_charged)
        for code, is_charged in RUNWAY_FAILURES.items()
    }
    | {
        "null-code": ({"status": "FAILED"}, FREE),
        "cancelled": ({"status": "CANCELLED"}, FREE),
        "unknown-status": ({"status": "SUCCEEDED"}, True),
        "double-price": ({"status": "SUCCEEDED", "cost": {"credits": 20}}, True),
    },
    VEO: {
        "error-3": ({"error": {"code": 3}}, FREE),
        "error-9": ({"error": {"code": 9}}, FREE),
        "error-13": ({"error": {"code": 13}}, FREE),
        "filtered": ({"response": {"raiMediaFilteredCount": 1}}, FREE),
        "empty": ({"response": {}}, FREE),
    },
    OMNI: {
        "failed": ({"status": "failed", "errors": [{"code": "INTERNAL"}]}, FREE),
        "failed-safety": ({"status": "failed", "errors": [{"code": "SAFETY"}]}, FREE),
        "cancelled": ({"status": "cancelled"}, FREE),
        "incomplete": ({"status": "incomplete"}, FREE),
        "no-output": ({"status": "completed"}, FREE),
        "requires-action": ({"status": "requires_action"}, FREE),
        "budget-exceeded": ({"status": "budget_exceeded"}, FREE),
        "unknown-status": ({"status": "completed"}, True),
    },
}


def holds(told: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return all(k in told and holds(told[k], v) for k, v in wanted.items())
    if isinstance(wanted, list):
        return len(told) == len(wanted) and all(map(holds, told, wanted))
    return bool(told == wanted)


@pytest.mark.parametrize("vendor", ENDS, ids=lambda vendor: vendor.wire)
def test_a_task_ends_as_asked_for(server_of: Any, vendor: Vendor) -> None:
    server = server_of(vendor)
    for kind, (wanted, is_charged) in ENDS[vendor].items():
        server.faults.add(parse_faults(f"{vendor.provider}:task:{kind}*1"))

        told = vendor.ended(server)

        paid = server.submissions.all()[-1]
        assert holds(told, wanted), (kind, told)
        assert (paid.charged_usd == paid.cost_usd) is is_charged, kind
        assert paid.fault == kind
        if vendor is RUNWAY:
            assert told["cost"]["credits"] == round(paid.charged_usd * 100)


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
        assert requests.get(done["output"][0], timeout=10).status_code == 404


@pytest.mark.parametrize("kind", ["throttled", "running", "unknown-status"])
def test_a_task_can_stay_as_it_is(kind: str) -> None:
    slow = replace(QUICK, seconds=3600 if "-" in kind else 0.1)
    with runway_simulator(slow, faults=parse_faults(f"runway:{kind}")) as server:
        RUNWAY.until(
            server,
            RUNWAY.accepted(server),
            lambda seen: seen["status"] in (kind.upper(), "MIGRATING"),
        )


@pytest.mark.parametrize(
    ("vendor", "provider"),
    [(RUNWAY, ProviderId.RUNWAY), (VEO, ProviderId.VEO), (OMNI, ProviderId.OMNI)],
    ids=["runway", "veo", "omni"],
)
def test_each_kind_of_end_is_tried_here(vendor: Vendor, provider: ProviderId) -> None:
    tried = {*ENDS[vendor], "running", "throttled", "deleted", "deleted-later"}

    assert {str(kind) for kind in kinds_of(provider, Place.TASK)} <= tried


# What they refuse


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"model": "gen9"}, "model", id="unknown model"),
        pytest.param({"promptImage": None}, "promptImage", id="no image"),
        pytest.param(
            {"promptImage": data_uri(b"GIF89a")}, "promptImage", id="no image inside"
        ),
        pytest.param(
            {"promptImage": "data:image/png;base64," + "A" * 5_000_000},
            "promptImage",
            id="over 5 MB",
        ),
        pytest.param(
            {"promptImage": data_uri(image(size=(90, 30)))},
            "promptImage",
            id="too wide",
        ),
        pytest.param({"promptImage": "http://a.example/x"}, "promptImage", id="http"),
        pytest.param({"promptImage": "https://10.0.0.1/x"}, "promptImage", id="by IP"),
        pytest.param({"promptText": ""}, "promptText", id="empty prompt"),
        pytest.param({"promptText": "🎬" * 501}, "promptText", id="1002 UTF-16 units"),
        pytest.param({"ratio": "16:9"}, "ratio", id="unknown ratio"),
        pytest.param({"duration": 11}, "duration", id="too long"),
        pytest.param({"duration": 2.5}, "duration", id="not whole seconds"),
        pytest.param(
            {"model": "gen4.5", "promptText": None}, "promptText", id="gen4.5 needs it"
        ),
    ],
)
def test_what_runway_refuses_is_refused_unbilled(
    runway: SimulatorServer, changes: dict[str, object], field: str
) -> None:
    answer = RUNWAY.start(runway, changes)

    assert answer.status_code == 400
    assert [issue["path"] for issue in answer.json()["issues"]] == [[field]]
    assert runway.submissions.all() == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"promptText": "🎬" * 500}, id="1000 UTF-16 units"),
        pytest.param({"promptText": None}, id="gen4_turbo without a prompt"),
        pytest.param({"promptImage": "https://a.example/x.jpg"}, id="by URL"),
        pytest.param({"model": "gen4.5", "ratio": "960:960"}, id="gen4.5"),
    ],
)
def test_what_runway_takes_is_taken(
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
def test_what_google_refuses_is_refused_unbilled(
    google: SimulatorServer, vendor: Vendor, changes: dict[str, Any], status: int
) -> None:
    answer = vendor.start(google, changes)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, status)
    assert google.submissions.all() == []


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
    answer = requests.post(url, json=asked["body"], headers=headers, timeout=10)

    assert answer.status_code == status
    assert "error" in answer.json()


# Runway's own


def test_beyond_the_limit_tasks_are_throttled_and_then_run() -> None:
    pace = replace(QUICK, concurrent=1)
    with runway_simulator(pace, faults=parse_faults("runway:running*1")) as server:
        first = RUNWAY.accepted(server)
        RUNWAY.until(server, first, lambda seen: seen["status"] == "RUNNING")
        second = RUNWAY.accepted(server)
        RUNWAY.until(server, second, lambda seen: seen["status"] == "THROTTLED")

        RUNWAY.send(server, "task_delete", path=f"/v1/tasks/{first}")

        RUNWAY.until(server, second, lambda seen: seen["status"] == "SUCCEEDED")


def test_each_poll_gives_a_fresh_address_and_no_other_is_served(
    runway: SimulatorServer,
) -> None:
    done = RUNWAY.ended(runway)
    address = RUNWAY.ask(runway, done["id"]).json()["output"][0]

    def status(url: str) -> int:
        return requests.get(url, timeout=10).status_code

    assert address != done["output"][0]
    assert (status(address), status(done["output"][0])) == (200, 200)
    assert status(address[:-4] + "AAAA") == 403
    assert status(address.partition("?")[0]) == 403


def test_what_veo_and_omni_deliver_can_be_wrong_where_it_lies(
    google: SimulatorServer, objects: Objects
) -> None:
    def delivered(kind: str) -> bytes | None:
        google.faults.add(parse_faults(f"{VEO.provider}:fetch:{kind}*1"))
        [video] = VEO.ended(google)["response"]["videos"]
        return objects.kept.get(video["gcsUri"])

    assert delivered("404") is None
    assert delivered("empty") == b""
    assert b"ftyp" not in (delivered("garbage") or b"")
    assert look_into(delivered("wrong-duration") or b"").seconds == 2.0
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

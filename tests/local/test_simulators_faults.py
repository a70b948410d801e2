"""Faults on request: how they are asked for, and what the client gets of each."""

import base64
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
import requests
import runwayml
from runwayml import RunwayML

from local.fault_kinds import PROXY, Kind, Place, ProviderId, kinds_of
from local.faults import Fault, FaultError, FaultPlan, parse_faults
from local.simulators.google import GoogleOptions, google_simulator
from local.simulators.runway import RunwayOptions, runway_simulator
from local.simulators.server import SimulatorServer
from tests.local.simulated import QUICK, control, data_uri, image, look_into, until

HEADERS = {"Authorization": "Bearer k", "X-Runway-Version": "2024-11-06"}
CREATE = "/v1/image_to_video"


@pytest.fixture
def runway() -> Iterator[SimulatorServer]:
    with runway_simulator(RunwayOptions(pace=QUICK)) as server:
        yield server


@pytest.fixture
def sdk(runway: SimulatorServer) -> Iterator[RunwayML]:
    with RunwayML(base_url=runway.address, api_key="k", max_retries=0) as client:
        yield client


def create(sdk: RunwayML, timeout_seconds: float = 10.0) -> Any:
    return sdk.image_to_video.create(
        model="gen4_turbo",
        prompt_image=data_uri(),
        prompt_text="a cat",
        ratio="1280:720",
        duration=2,
        timeout=timeout_seconds,
    )


def ended(sdk: RunwayML) -> Any:
    task_id = create(sdk).id
    final = ("SUCCEEDED", "FAILED", "CANCELLED")
    return until(lambda: sdk.tasks.retrieve(task_id), lambda seen: seen.status in final)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param("runway", [("runway", "start", "503", None)], id="a link alone"),
        pytest.param(
            "runway=503,runway-http=500",
            [("runway", "start", "503", None), ("runway-http", "start", "500", None)],
            id="two with equals",
        ),
        pytest.param(
            "runway:poll:500*3", [("runway", "poll", "500", 3)], id="three polls"
        ),
        pytest.param(
            "runway:SAFETY.INPUT.TEXT",
            [("runway", "task", "SAFETY.INPUT.TEXT", None)],
            id="a task's end is found by its kind",
        ),
        pytest.param(
            "gemini-veo-3.1:start:filtered",
            [("gemini-veo-3.1", "task", "filtered", None)],
            id="a task's end asked for at the start",
        ),
        pytest.param(
            "runway-http:download:html",
            [("runway-http", "fetch", "html", None)],
            id="download is fetch",
        ),
        pytest.param(
            "runway:truncated", [("runway", "fetch", "truncated", None)], id="a file's"
        ),
        pytest.param("", [], id="none"),
    ],
)
def test_faults_are_read_from_a_line(text: str, faults: list[object]) -> None:
    parsed = parse_faults(text)

    assert [(f.provider, f.place, f.kind, f.times) for f in parsed] == faults


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("sora", id="unknown link"),
        pytest.param("runway:boom", id="unknown kind"),
        pytest.param("runway:poll:filtered", id="a kind that the place doesn't have"),
        pytest.param("runway:filtered", id="a kind that the link doesn't have"),
        pytest.param("runway:503*often", id="no number"),
        pytest.param("a:b:c:d", id="too many parts"),
    ],
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(FaultError):
        parse_faults(text)


def test_a_fault_with_a_number_of_times_is_used_up() -> None:
    plan = FaultPlan(parse_faults("runway:503*2"))

    taken = [plan.take(Place.START, ProviderId.RUNWAY) for _ in range(3)]

    assert [fault is not None for fault in taken] == [True, True, False]


def test_a_share_is_the_same_for_the_same_seed() -> None:
    fault = Fault(
        provider=ProviderId.RUNWAY,
        place=Place.START,
        kind=Kind.UNAVAILABLE,
        share=0.3,
        seed=7,
    )

    def drawn(seed: int) -> list[bool]:
        plan = FaultPlan([replace(fault, seed=seed)])
        return [
            plan.take(Place.START, ProviderId.RUNWAY) is not None for _ in range(200)
        ]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    assert 30 < sum(drawn(7)) < 90


def test_faults_of_one_provider_leave_the_others_alone(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    runway.faults.add(parse_faults("runway-http"))

    assert create(sdk).id


STATUSES = {
    "400": 400,
    "400-credits": 400,
    "400-refused": 400,
    "401": 401,
    "402": 402,
    "403": 403,
    "404": 404,
    "408": 408,
    "409": 409,
    "429": 429,
    "500": 500,
    "502": 502,
    "503": 503,
    "504": 504,
    "502-html": 502,
    "503-html": 503,
    "504-html": 504,
}


@pytest.mark.parametrize(("kind", "status"), STATUSES.items(), ids=STATUSES.keys())
def test_an_error_at_the_start_reaches_the_sdk_and_bills_nothing(
    runway: SimulatorServer, sdk: RunwayML, kind: str, status: int
) -> None:
    runway.faults.add(parse_faults(f"runway:start:{kind}"))

    with pytest.raises(runwayml.APIStatusError) as caught:
        create(sdk)

    assert caught.value.status_code == status
    assert isinstance(caught.value.body, str) == kind.endswith("html")
    assert ("retry-after" in caught.value.response.headers) == (kind == "429")
    assert runway.submissions.all() == []
    assert runway.submissions.requests("POST", CREATE) == 1


@pytest.mark.parametrize(
    ("kind", "error", "billed"),
    [
        pytest.param("drop-before", runwayml.APIConnectionError, 0, id="drop before"),
        pytest.param("drop-after", runwayml.APIConnectionError, 1, id="drop after"),
        pytest.param("read-timeout", runwayml.APITimeoutError, 1, id="read timeout"),
        pytest.param("late", runwayml.APITimeoutError, 1, id="too late"),
        pytest.param("silent", runwayml.APITimeoutError, 0, id="silent"),
    ],
)
def test_a_start_without_an_answer_is_billed_if_it_was_taken(
    runway: SimulatorServer,
    sdk: RunwayML,
    kind: str,
    error: type[Exception],
    billed: int,
) -> None:
    runway.faults.add(parse_faults(f"runway:start:{kind}"))

    with pytest.raises(error):
        create(sdk, timeout_seconds=1.0)

    submissions = runway.submissions.all()
    assert len(submissions) == billed
    assert not any(each.answered for each in submissions)
    assert runway.submissions.requests("POST", CREATE) == 1


@pytest.mark.parametrize("kind", sorted(PROXY))
@pytest.mark.parametrize("provider", ["runway-http", "gemini-veo-3.1"])
def test_a_proxy_can_answer_for_a_job_that_was_taken(provider: str, kind: str) -> None:
    faults = parse_faults(f"{provider}:{kind}")
    options = GoogleOptions(pace=QUICK)
    with (
        runway_simulator(RunwayOptions(pace=QUICK), faults=faults) as runway,
        google_simulator(options, faults=faults) as google,
    ):
        server = runway if provider == "runway-http" else google
        answer = post_paid(server, provider)

        assert answer.status_code == int(kind[6:9])
        is_html = kind.endswith("-html")
        assert answer.headers["content-type"].startswith(
            "text/html" if is_html else "text/plain"
        )
        assert [each.answered for each in server.submissions.all()] == [False]


def post_paid(server: SimulatorServer, provider: str) -> requests.Response:
    encoded = base64.b64encode(image()).decode()
    if provider == "runway-http":
        body: dict[str, object] = {
            "model": "gen4_turbo",
            "promptImage": data_uri(),
            "ratio": "1280:720",
        }
        address = server.address + CREATE
    else:
        inline = {"bytesBase64Encoded": encoded, "mimeType": "image/png"}
        body = {"instances": [{"prompt": "a cat", "image": inline}]}
        model = "projects/p/locations/l/publishers/google/models/veo-3.1-generate-001"
        address = f"{server.address}/v1/{model}:predictLongRunning"
    return requests.post(address, json=body, headers=HEADERS, timeout=10)


def test_a_500_can_be_billed_too(runway: SimulatorServer, sdk: RunwayML) -> None:
    [fault] = parse_faults("runway:500")
    runway.faults.add([replace(fault, billed=True)])

    with pytest.raises(runwayml.InternalServerError):
        create(sdk)

    [submission] = runway.submissions.all()
    assert not submission.answered
    assert submission.fault == "500"


def test_a_late_answer_is_an_answer(runway: SimulatorServer, sdk: RunwayML) -> None:
    [fault] = parse_faults("runway:start:late")
    runway.faults.add([replace(fault, seconds=0.2)])

    assert create(sdk).id
    until(runway.submissions.all, lambda all_: all_[0].answered)


def test_a_200_can_be_html(runway: SimulatorServer, sdk: RunwayML) -> None:
    runway.faults.add(parse_faults("runway:start:html"))

    assert isinstance(create(sdk), str)
    assert runway.submissions.all() == []


def test_a_200_can_lack_the_id_and_be_billed(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    runway.faults.add(parse_faults("runway:no-id"))

    assert "id" not in create(sdk).to_dict()
    assert [each.answered for each in runway.submissions.all()] == [False]


TASK_ENDS = {
    "INTERNAL": ("FAILED", "INTERNAL", 0),
    "null-code": ("FAILED", None, 0),
    "INTERNAL.BAD_OUTPUT.CODE01": ("FAILED", "INTERNAL.BAD_OUTPUT.CODE01", 0),
    "SAFETY.INPUT.TEXT": ("FAILED", "SAFETY.INPUT.TEXT", 10),
    "SAFETY.INPUT.IMAGE": ("FAILED", "SAFETY.INPUT.IMAGE", 10),
    "INPUT_PREPROCESSING.SAFETY.TEXT": (
        "FAILED",
        "INPUT_PREPROCESSING.SAFETY.TEXT",
        10,
    ),
    "INPUT_PREPROCESSING.INTERNAL": ("FAILED", "INPUT_PREPROCESSING.INTERNAL", 0),
    "SAFETY.OUTPUT.VIDEO": ("FAILED", "SAFETY.OUTPUT.VIDEO", 10),
    "THIRD_PARTY.UNAVAILABLE": ("FAILED", "THIRD_PARTY.UNAVAILABLE", 0),
    "ASSET.INVALID": ("FAILED", "ASSET.INVALID", 0),
    "cancelled": ("CANCELLED", None, 0),
    "unknown-status": ("SUCCEEDED", None, 10),
    "double-price": ("SUCCEEDED", None, 20),
}


@pytest.mark.parametrize(("kind", "end"), TASK_ENDS.items(), ids=TASK_ENDS.keys())
def test_a_task_ends_as_asked_for(
    runway: SimulatorServer, sdk: RunwayML, kind: str, end: tuple[object, ...]
) -> None:
    runway.faults.add(parse_faults(f"runway:{kind}"))

    task = ended(sdk)

    assert (task.status, getattr(task, "failure_code", None), task.cost.credits) == end
    [submission] = runway.submissions.all()
    assert submission.charged_usd == task.cost.credits * Decimal("0.01")
    assert (submission.fault, submission.answered) == (kind, True)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("throttled", "THROTTLED"), ("running", "RUNNING"), ("unknown-status", "?")],
)
def test_a_task_can_stay_as_it_is(kind: str, status: str) -> None:
    slow = RunwayOptions(pace=replace(QUICK, seconds=3600 if status == "?" else 0.1))
    with (
        runway_simulator(slow, faults=parse_faults(f"runway:{kind}")) as server,
        RunwayML(base_url=server.address, api_key="k", max_retries=0) as sdk,
    ):
        task_id = create(sdk).id
        expected = "MIGRATING" if status == "?" else status

        task: Any = until(
            lambda: sdk.tasks.retrieve(task_id), lambda seen: seen.status == expected
        )

    assert task.to_dict()["estimatedCost"] == {"credits": 10}


def test_a_task_can_be_gone_from_the_start(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    runway.faults.add(parse_faults("runway:deleted"))
    task_id = create(sdk).id

    for _ in range(2):
        with pytest.raises(runwayml.NotFoundError) as caught:
            sdk.tasks.retrieve(task_id)
    assert caught.value.body == {"error": "The requested resource was not found."}


def test_a_task_can_be_gone_with_its_file_once_it_succeeded(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    runway.faults.add(parse_faults("runway:deleted-later"))

    done = ended(sdk)

    assert done.status == "SUCCEEDED"
    assert fetch(done.output[0]).status == 404
    with pytest.raises(runwayml.NotFoundError):
        sdk.tasks.retrieve(done.id)


def test_each_kind_of_a_task_is_tried_here() -> None:
    tried = {*TASK_ENDS, "throttled", "running", "deleted", "deleted-later"}

    assert {str(kind) for kind in kinds_of(ProviderId.RUNWAY, Place.TASK)} == tried


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("500", runwayml.InternalServerError),
        ("drop-after", runwayml.APIConnectionError),
    ],
)
def test_so_many_polls_fail_and_then_no_more(
    runway: SimulatorServer, sdk: RunwayML, kind: str, error: type[Exception]
) -> None:
    task_id = create(sdk).id
    runway.faults.add(parse_faults(f"runway:poll:{kind}*2"))

    for _ in range(2):
        with pytest.raises(error):
            sdk.tasks.retrieve(task_id)

    assert sdk.tasks.retrieve(task_id).id == task_id


def test_a_cancel_that_failed_cancelled_nothing(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    task_id = create(sdk).id
    runway.faults.add(parse_faults("runway:cancel:500"))

    with pytest.raises(runwayml.InternalServerError):
        sdk.tasks.delete(task_id)

    assert sdk.tasks.retrieve(task_id).id == task_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """`told` is the length that the headers gave."""

    status: int
    type: str
    told: str | None
    content: bytes


def fetch(address: str) -> Fetched:
    answer = requests.get(address, stream=True, timeout=10)
    return Fetched(
        status=answer.status_code,
        type=answer.headers["content-type"],
        told=answer.headers.get("content-length"),
        content=answer.raw.read(decode_content=False),
    )


DOWNLOADS: dict[str, Callable[[Fetched], bool]] = {
    "html": lambda got: got.status == 200 and got.type.startswith("text/html"),
    "empty": lambda got: got.status == 200 and (got.told, got.content) == ("0", b""),
    "403": lambda got: got.status == 403,
    "404": lambda got: got.status == 404,
    "garbage": lambda got: got.type == "video/mp4" and b"ftyp" not in got.content,
    "wrong-duration": lambda got: look_into(got.content).seconds == 1.0,
    "wrong-aspect": lambda got: (
        (seen := look_into(got.content)).width == 72 and seen.height == 128
    ),
}


@pytest.mark.parametrize(("kind", "is_so"), DOWNLOADS.items(), ids=DOWNLOADS.keys())
def test_a_download_goes_wrong_as_asked_for(
    runway: SimulatorServer, sdk: RunwayML, kind: str, is_so: Callable[[Fetched], bool]
) -> None:
    address = ended(sdk).output[0]
    assert not is_so(fetch(address))

    runway.faults.add(parse_faults(f"runway:fetch:{kind}"))

    assert is_so(fetch(address))


def test_half_a_film_can_come_as_a_whole_answer(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    address = ended(sdk).output[0]
    whole = fetch(address).content
    runway.faults.add(parse_faults("runway:half-film"))

    half = fetch(address)

    assert (half.status, half.told) == (200, str(len(half.content)))
    assert half.content == whole[: len(whole) // 2]


def test_a_wrong_length_hides_the_end_of_the_file(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    address = ended(sdk).output[0]
    whole = fetch(address).content
    runway.faults.add(parse_faults("runway:wrong-length"))

    got = fetch(address)

    assert (got.status, got.told) == (200, str(len(whole) // 2))
    assert got.content == whole[: len(whole) // 2]


def test_a_truncated_download_tells_the_true_length(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    address = ended(sdk).output[0]
    length = requests.head(address, timeout=10).headers["content-length"]
    runway.faults.add(parse_faults("runway:truncated*1"))

    answer = requests.get(address, stream=True, timeout=10)
    assert answer.headers["content-length"] == length
    with pytest.raises(
        requests.exceptions.ChunkedEncodingError, match="IncompleteRead"
    ):
        answer.content  # noqa: B018 - reading it is the point

    assert len(requests.get(address, timeout=10).content) == int(length)


def test_a_stalled_download_neither_goes_on_nor_ends(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    address = ended(sdk).output[0]
    runway.faults.add(parse_faults("runway:stalled"))

    with pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
        requests.get(address, timeout=(5, 0.5)).content  # noqa: B018


def test_faults_are_set_shown_and_cleared_at_run_time(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    shown = control(
        runway.address,
        "POST",
        "faults",
        [{"provider": "runway", "place": "start", "kind": "429", "times": None}],
    )
    assert [(each["kind"], each["left"]) for each in shown] == [("429", None)]
    with pytest.raises(runwayml.RateLimitError):
        create(sdk)

    control(runway.address, "DELETE", "faults")

    assert control(runway.address, "GET", "faults") == []
    assert create(sdk).id


def test_a_wrong_fault_is_refused_and_none_of_the_list_is_set(
    runway: SimulatorServer,
) -> None:
    answer = requests.post(
        f"{runway.address}/_control/faults",
        data=json.dumps(
            [{"provider": "runway"}, {"provider": "runway", "kind": "boom"}]
        ),
        timeout=10,
    )

    assert answer.status_code == 400
    assert "boom" in answer.json()["error"]
    assert runway.faults.as_json() == []


def test_the_record_of_submissions_is_shown_and_reset(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    task_id = create(sdk).id

    shown = until(
        lambda: control(runway.address, "GET", "submissions"),
        lambda seen: seen["submissions"][0]["answered"],
    )

    [submission] = shown["submissions"]
    assert submission["task_id"] == task_id
    assert (submission["vendor"], submission["provider"]) == ("runway", "runway")
    assert submission["cost_usd"] == "0.10"
    assert submission["headers"]["user-agent"] == "RunwayML/Python 5.24.0"
    assert submission["headers"]["x-stainless-retry-count"] == "0"
    assert "Bearer" not in json.dumps(shown)
    assert shown["requests"] == [
        {"provider": "runway", "method": "POST", "path": CREATE, "count": 1}
    ]
    control(runway.address, "DELETE", "submissions")
    empty: dict[str, object] = {"submissions": [], "requests": []}
    assert control(runway.address, "GET", "submissions") == empty


def test_a_connection_that_says_nothing_stops_nobody(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    port = int(runway.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        assert create(sdk).id

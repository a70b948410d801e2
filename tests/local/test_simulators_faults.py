"""Faults on request: how they are asked for, and what the client gets of each."""

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import requests
import runwayml
from runwayml import RunwayML

from local.fault_kinds import PROXY, Kind, Place, ProviderId, kinds_of
from local.faults import Fault, FaultError, FaultPlan, parse_faults
from local.simulators.google import google_simulator
from local.simulators.runway import runway_simulator
from local.simulators.server import SimulatorServer
from tests.local.simulated import QUICK, control, data_uri, image, look_into, until

HEADERS = {"Authorization": "Bearer k", "X-Runway-Version": "2024-11-06"}
CREATE = "/v1/image_to_video"
MODEL = "projects/p/locations/l/publishers/google/models/veo-3.1-generate-001"


@pytest.fixture
def runway() -> Iterator[SimulatorServer]:
    with runway_simulator(QUICK) as server:
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
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(FaultError):
        parse_faults(text)


def test_a_fault_is_used_up_and_is_its_providers_alone() -> None:
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
    "kind", sorted(k for k in kinds_of(ProviderId.RUNWAY, Place.START) if k[0] in "45")
)
def test_an_error_at_the_start_reaches_the_sdk_and_bills_nothing(
    runway: SimulatorServer, sdk: RunwayML, kind: Kind
) -> None:
    runway.faults.add(parse_faults(f"runway:start:{kind}"))

    with pytest.raises(runwayml.APIStatusError) as caught:
        create(sdk)

    known = kind in (Kind.PROVISIONING, Kind.BAD_KEY)  # Google's alone
    assert caught.value.status_code == (500 if known else int(kind[:3]))
    assert isinstance(caught.value.body, str) == kind.endswith("html")
    assert ("retry-after" in caught.value.response.headers) == (kind == "429")
    assert runway.submissions.all() == []
    assert runway.submissions.requests("POST", CREATE) == 1


@pytest.mark.parametrize(
    ("kind", "error", "billed"),
    [
        ("drop-before", runwayml.APIConnectionError, 0),
        ("drop-after", runwayml.APIConnectionError, 1),
        ("read-timeout", runwayml.APITimeoutError, 1),
        ("late", runwayml.APITimeoutError, 1),
        ("silent", runwayml.APITimeoutError, 0),
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

    assert [each.answered for each in runway.submissions.all()] == [False] * billed
    assert runway.submissions.requests("POST", CREATE) == 1


@pytest.mark.parametrize("kind", sorted(PROXY))
@pytest.mark.parametrize("provider", ["runway-http", "gemini-veo-3.1"])
def test_a_proxy_can_answer_for_a_job_that_was_taken(provider: str, kind: str) -> None:
    faults = parse_faults(f"{provider}:{kind}")
    with (
        runway_simulator(QUICK, faults=faults) as runway,
        google_simulator(QUICK, faults=faults) as google,
    ):
        server = runway if provider == "runway-http" else google
        answer = post_paid(server, provider)

        assert answer.status_code == int(kind[6:9])
        type_ = "text/html" if kind.endswith("-html") else "text/plain"
        assert answer.headers["content-type"].startswith(type_)
        assert [each.answered for each in server.submissions.all()] == [False]


def post_paid(server: SimulatorServer, provider: str) -> requests.Response:
    sent = {
        "bytesBase64Encoded": base64.b64encode(image()).decode(),
        "mimeType": "image/png",
    }
    order = {"model": "gen4_turbo", "promptImage": data_uri(), "ratio": "1280:720"}
    prediction = {"instances": [{"prompt": "a cat", "image": sent}]}
    body: Any = order if provider == "runway-http" else prediction
    path = CREATE if provider == "runway-http" else f"/v1/{MODEL}:predictLongRunning"
    return requests.post(server.address + path, json=body, headers=HEADERS, timeout=10)


def test_a_200_can_be_late_be_html_or_lack_the_id(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    [late] = parse_faults("runway:start:late*1")
    runway.faults.add([replace(late, seconds=0.2)])
    assert create(sdk).id
    until(runway.submissions.all, lambda all_: all_[0].answered)

    runway.faults.add(parse_faults("runway:start:html*1,runway:no-id*1"))
    assert isinstance(create(sdk), str)
    assert "id" not in create(sdk).to_dict()
    assert [each.answered for each in runway.submissions.all()] == [True, False]


def test_an_error_can_be_billed_too(runway: SimulatorServer, sdk: RunwayML) -> None:
    [fault] = parse_faults("runway:500")
    runway.faults.add([replace(fault, billed=True)])

    with pytest.raises(runwayml.InternalServerError):
        create(sdk)

    assert [s.fault for s in runway.submissions.all()] == ["500"]


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


@pytest.mark.parametrize(("kind", "end"), TASK_ENDS.items(), ids=TASK_ENDS)
def test_a_task_ends_as_asked_for(
    runway: SimulatorServer, sdk: RunwayML, kind: str, end: tuple[object, ...]
) -> None:
    runway.faults.add(parse_faults(f"runway:{kind}"))

    task = ended(sdk)

    assert (task.status, getattr(task, "failure_code", None), task.cost.credits) == end
    [submission] = runway.submissions.all()
    assert submission.charged_usd == task.cost.credits * Decimal("0.01")
    assert (submission.fault, submission.answered) == (kind, True)


@pytest.mark.parametrize("kind", ["throttled", "running", "unknown-status"])
def test_a_task_can_stay_as_it_is(kind: str) -> None:
    slow = replace(QUICK, seconds=3600 if "-" in kind else 0.1)
    expected = "MIGRATING" if "-" in kind else kind.upper()
    with (
        runway_simulator(slow, faults=parse_faults(f"runway:{kind}")) as server,
        RunwayML(base_url=server.address, api_key="k", max_retries=0) as sdk,
    ):
        task_id = create(sdk).id
        seen: Any = until(
            lambda: sdk.tasks.retrieve(task_id), lambda task: task.status == expected
        )

    assert seen.to_dict()["estimatedCost"] == {"credits": 10}


def test_a_task_can_be_gone_at_once_or_with_its_file_once_it_succeeded(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    runway.faults.add(parse_faults("runway:deleted*1,runway:deleted-later"))
    gone = create(sdk).id

    done = ended(sdk)

    assert done.status == "SUCCEEDED"
    assert requests.get(done.output[0], timeout=10).status_code == 404
    for task_id in (gone, gone, done.id):
        with pytest.raises(runwayml.NotFoundError) as caught:
            sdk.tasks.retrieve(task_id)
        assert caught.value.body == {"error": "The requested resource was not found."}


def test_each_kind_of_a_task_is_tried_here() -> None:
    tried = {*TASK_ENDS, "throttled", "running", "deleted", "deleted-later"}

    assert {str(kind) for kind in kinds_of(ProviderId.RUNWAY, Place.TASK)} == tried


def test_polls_and_cancels_fail_as_often_as_asked_and_change_nothing(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    task_id = create(sdk).id
    runway.faults.add(parse_faults("runway:poll:500*1,runway:poll:drop-after*1"))
    runway.faults.add(parse_faults("runway:cancel:500*1"))

    for error in (runwayml.InternalServerError, runwayml.APIConnectionError):
        with pytest.raises(error):
            sdk.tasks.retrieve(task_id)
    with pytest.raises(runwayml.InternalServerError):
        sdk.tasks.delete(task_id)

    assert sdk.tasks.retrieve(task_id).id == task_id


Bytes = Callable[[bytes, bytes], bool]
DOWNLOADS: dict[str, Bytes] = {
    "html": lambda got, _: got.startswith(b"<!doctype html>"),
    "empty": lambda got, _: got == b"",
    "403": lambda got, _: b"You do not have access" in got,
    "404": lambda got, _: b"was not found" in got,
    "garbage": lambda got, _: b"ftyp" not in got,
    "half-film": lambda got, whole: got == whole[: len(whole) // 2],
    "wrong-duration": lambda got, _: look_into(got).seconds == 1.0,
    "wrong-aspect": lambda got, _: look_into(got).width == 72,
}


@pytest.mark.parametrize(("kind", "is_so"), DOWNLOADS.items(), ids=DOWNLOADS)
def test_a_download_goes_wrong_as_asked_for(
    runway: SimulatorServer, sdk: RunwayML, kind: str, is_so: Bytes
) -> None:
    address = ended(sdk).output[0]
    whole = requests.get(address, timeout=10).content
    assert not is_so(whole, whole)
    runway.faults.add(parse_faults(f"runway:fetch:{kind}"))

    got = requests.get(address, timeout=10)

    assert got.headers["content-length"] == str(len(got.content))
    assert is_so(got.content, whole)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("truncated", requests.exceptions.ChunkedEncodingError),
        ("stalled", requests.exceptions.ConnectionError),
    ],
)
def test_a_download_can_break_off_or_stall(
    runway: SimulatorServer, sdk: RunwayML, kind: str, error: type[Exception]
) -> None:
    address = ended(sdk).output[0]
    length = requests.head(address, timeout=10).headers["content-length"]
    runway.faults.add(parse_faults(f"runway:fetch:{kind}*1"))

    with requests.get(address, stream=True, timeout=(5, 0.5)) as answer:
        assert answer.headers["content-length"] == length
        with pytest.raises(error):
            answer.content  # noqa: B018 - reading it is the point

    assert len(requests.get(address, timeout=10).content) == int(length)


def test_a_wrong_length_hides_the_end_of_the_file(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    address = ended(sdk).output[0]
    whole = requests.get(address, timeout=10).content
    runway.faults.add(parse_faults("runway:wrong-length"))

    with requests.get(address, stream=True, timeout=10) as answer:
        told, got = answer.headers["content-length"], answer.raw.read()

    assert (told, got) == (str(len(whole) // 2), whole[: len(whole) // 2])


def test_faults_and_submissions_are_shown_and_cleared_at_run_time(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    wanted = {"provider": "runway", "place": "start", "kind": "429"}
    [shown] = control(runway.address, "POST", "faults", [wanted])
    assert (shown["kind"], shown["left"]) == ("429", None)
    with pytest.raises(runwayml.RateLimitError):
        create(sdk)
    assert control(runway.address, "DELETE", "faults") == []
    task_id = create(sdk).id

    told = until(
        lambda: control(runway.address, "GET", "submissions"),
        lambda seen: seen["submissions"][0]["answered"],
    )

    [submission] = told["submissions"]
    assert submission["task_id"] == task_id
    assert (submission["vendor"], submission["cost_usd"]) == ("runway", "0.10")
    assert submission["headers"]["user-agent"] == "RunwayML/Python 5.24.0"
    assert "Bearer" not in json.dumps(told)
    control(runway.address, "DELETE", "submissions")
    assert control(runway.address, "GET", "submissions") == {"submissions": []}


def test_of_a_list_with_a_wrong_fault_none_is_set(runway: SimulatorServer) -> None:
    faults = [{"provider": "runway"}, {"provider": "runway", "kind": "boom"}]
    url = f"{runway.address}/_control/faults"

    answer = requests.post(url, json=faults, timeout=10)

    assert answer.status_code == 400
    assert "boom" in answer.json()["error"]
    assert runway.faults.as_json() == []


@pytest.mark.parametrize("name", ["runway", "google"])
def test_a_simulator_says_where_it_is_and_ends_when_told(name: str) -> None:
    command = [sys.executable, "-m", "local.simulators", name]
    options = ["--faults", "runway=503,gemini-veo-3.1", "--seconds", "1", "--cache"]
    with subprocess.Popen(
        command + options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        faults = control(line["address"], "GET", "faults")
        process.send_signal(signal.SIGTERM)
        said, complained = process.communicate(timeout=30)

    assert (line["ready"], len(faults)) == (True, 2)
    assert (process.returncode, said, complained) == (0, "", "")

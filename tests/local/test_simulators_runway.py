"""Runway's simulator, as the real SDK and plain HTTP see it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
import runwayml
from runwayml import RunwayML

from local.faults import parse_faults
from local.simulators.runway import runway_simulator
from local.simulators.server import SimulatorServer
from tests.local.simulated import QUICK, data_uri, image, look_into, until

HEADERS = {"Authorization": "Bearer k", "X-Runway-Version": "2024-11-06"}
FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")


@pytest.fixture
def runway() -> Iterator[SimulatorServer]:
    with runway_simulator(QUICK) as server:
        yield server


@pytest.fixture
def sdk(runway: SimulatorServer) -> Iterator[RunwayML]:
    with RunwayML(base_url=runway.address, api_key="k", max_retries=0) as client:
        yield client


def body(**changes: object) -> dict[str, Any]:
    whole = {
        "model": "gen4_turbo",
        "promptImage": data_uri(),
        "promptText": "a cat",
        "ratio": "1280:720",
        "duration": 2,
    }
    return {k: v for k, v in (whole | changes).items() if v is not None}


def start(server: SimulatorServer, **changes: object) -> requests.Response:
    address = f"{server.address}/v1/image_to_video"
    return requests.post(address, json=body(**changes), headers=HEADERS, timeout=10)


def task(server: SimulatorServer, task_id: str) -> dict[str, Any]:
    address = f"{server.address}/v1/tasks/{task_id}"
    answer = requests.get(address, headers=HEADERS, timeout=10)
    return {"http": answer.status_code} | dict(answer.json())


def finished(server: SimulatorServer) -> dict[str, Any]:
    task_id = start(server).json()["id"]
    return until(lambda: task(server, task_id), lambda seen: seen["status"] in FINAL)


def until_status(server: SimulatorServer, task_id: str, status: str) -> dict[str, Any]:
    return until(lambda: task(server, task_id), lambda seen: seen["status"] == status)


def test_the_sdk_gets_a_video_from_an_image(
    runway: SimulatorServer, sdk: RunwayML
) -> None:
    created = sdk.image_to_video.create(
        model="gen4_turbo",
        prompt_image=data_uri(),
        prompt_text="a cat",
        ratio="1280:720",
        duration=2,
    )
    estimate = created.to_dict()["estimatedCost"]
    assert estimate == {"credits": 10}

    done = until(
        lambda: sdk.tasks.retrieve(created.id), lambda seen: seen.status in FINAL
    )

    assert done.status == "SUCCEEDED"
    assert done.cost.credits == 10
    seen = look_into(requests.get(done.output[0], timeout=10).content)
    assert (seen.width, seen.height, seen.seconds) == (128, 72, 2.0)
    [submission] = runway.submissions.all()
    assert submission.provider == "runway"
    assert submission.answered
    assert str(submission.charged_usd) == "0.10"


def test_plain_http_is_another_provider(runway: SimulatorServer) -> None:
    finished(runway)

    [submission] = runway.submissions.all()
    assert submission.provider == "runway-http"
    assert submission.prompt == "a cat"
    assert "authorization" not in submission.headers


def test_the_answers_have_the_fields_of_the_real_ones(runway: SimulatorServer) -> None:
    common = {"http", "id", "createdAt", "status"}
    runway.faults.add(parse_faults("runway-http:throttled*1,runway-http:running*1"))
    created = [start(runway).json() for _ in range(3)]
    assert all(each.keys() == {"id", "estimatedCost"} for each in created)

    fields = {}
    for each, status in zip(
        created, ("THROTTLED", "RUNNING", "SUCCEEDED"), strict=True
    ):
        seen = until_status(runway, each["id"], status)
        fields[status] = seen.keys() - common

    assert fields == {
        "THROTTLED": {"estimatedCost"},
        "RUNNING": {"estimatedCost", "progress"},
        "SUCCEEDED": {"cost", "output"},
    }


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
    answer = start(runway, **changes)

    assert answer.status_code == 400
    assert answer.json()["error"] == "Validation of body failed"
    assert answer.json()["docUrl"]
    assert [issue["path"] for issue in answer.json()["issues"]] == [[field]]
    assert runway.submissions.all() == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"promptText": "🎬" * 500}, id="1000 UTF-16 units"),
        pytest.param({"promptText": None}, id="gen4_turbo without a prompt"),
        pytest.param({"promptImage": "https://a.example/x.jpg"}, id="by URL"),
        pytest.param(
            {"promptImage": [{"uri": data_uri(), "position": "first"}]}, id="as a list"
        ),
        pytest.param({"model": "gen4.5", "ratio": "960:960"}, id="gen4.5"),
    ],
)
def test_what_runway_takes_is_taken(
    runway: SimulatorServer, changes: dict[str, object]
) -> None:
    assert start(runway, **changes).status_code == 200


@pytest.mark.parametrize(
    ("missing", "status"),
    [
        pytest.param("Authorization", 401, id="key"),
        pytest.param("X-Runway-Version", 400, id="version"),
    ],
)
def test_a_request_needs_its_headers(
    runway: SimulatorServer, missing: str, status: int
) -> None:
    headers = {name: text for name, text in HEADERS.items() if name != missing}

    answer = requests.get(f"{runway.address}/v1/tasks/1", headers=headers, timeout=10)

    assert answer.status_code == status
    assert "error" in answer.json()


def test_beyond_the_limit_tasks_are_throttled_and_then_run() -> None:
    pace, faults = replace(QUICK, concurrent=1), parse_faults("runway-http:running*1")
    with runway_simulator(pace, faults=faults) as one:
        first = start(one).json()["id"]
        until_status(one, first, "RUNNING")
        second = start(one).json()["id"]
        until_status(one, second, "THROTTLED")

        requests.delete(f"{one.address}/v1/tasks/{first}", headers=HEADERS, timeout=10)

        until_status(one, second, "SUCCEEDED")


def test_a_deleted_task_is_gone(runway: SimulatorServer, sdk: RunwayML) -> None:
    task_id = start(runway).json()["id"]

    sdk.tasks.delete(task_id)

    assert task(runway, task_id)["http"] == 404
    with pytest.raises(runwayml.NotFoundError):
        sdk.tasks.delete(task_id)


def test_each_poll_gives_a_fresh_address(runway: SimulatorServer) -> None:
    done = finished(runway)

    fresh = task(runway, done["id"])["output"][0]

    assert fresh != done["output"][0]
    assert requests.get(fresh, timeout=10).status_code == 200


def test_a_tampered_address_is_refused(runway: SimulatorServer) -> None:
    address = finished(runway)["output"][0]

    assert requests.get(address[:-4] + "AAAA", timeout=10).status_code == 403
    assert requests.get(address.partition("?")[0], timeout=10).status_code == 403


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        pytest.param("bytes=0-3", slice(0, 4), id="from the start"),
        pytest.param("bytes=10-", slice(10, None), id="to the end"),
        pytest.param("bytes=-5", slice(-5, None), id="the last five"),
    ],
)
def test_a_part_of_an_output_can_be_had(
    runway: SimulatorServer, asked: str, part: slice
) -> None:
    address = finished(runway)["output"][0]
    whole = requests.get(address, timeout=10)

    some = requests.get(address, headers={"Range": asked}, timeout=10)

    assert whole.headers["content-length"] == str(len(whole.content))
    assert some.status_code == 206
    assert some.content == whole.content[part]
    assert some.headers["etag"] == whole.headers["etag"]


def test_a_part_beyond_the_end_is_refused(runway: SimulatorServer) -> None:
    address = finished(runway)["output"][0]

    beyond = {"Range": "bytes=99999999-"}
    answer = requests.get(address, headers=beyond, timeout=10)

    assert answer.status_code == 416

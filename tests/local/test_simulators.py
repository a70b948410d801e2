"""The vendors' simulators, against exchanges captured from the vendors' SDKs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.faults import parse_faults
from local.simulators.google import google_simulator
from local.simulators.server import SimulatorServer
from local.simulators.translator import KNOWN
from tests.local.simulated import OMNI, QUICK, RUNWAY, VEO, Objects, Vendor, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def google() -> Iterator[SimulatorServer]:
    with google_simulator(QUICK, store=Objects()) as server:
        yield server


@pytest.fixture
def server_of(runway: SimulatorServer, google: SimulatorServer) -> Any:
    return lambda vendor: runway if vendor.wire == "runway" else google


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
    task_id = created.get("id") or created["name"]
    told = until(
        lambda: vendor.ask(server, task_id).json(),
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


# ai.google.dev/gemini-api/docs/api-errors
OMNIS_ERROR = {"error": {"code": "invalid_request", "message": "…"}}


@pytest.mark.parametrize(("vendor", "name"), ERRORS)
def test_an_error_is_answered_as_captured_or_documented_and_not_billed(
    server_of: Any, vendor: Vendor, name: str
) -> None:
    server, theirs = server_of(vendor), vendor.captured(name)["response"]
    server.faults.add(parse_faults(f"{vendor.provider}:start:{theirs['status']}"))

    answer = vendor.start(server)

    assert answer.status_code == theirs["status"]
    ours = answer.json()
    if vendor is RUNWAY:  # captures have only the first field
        ours = {"error": ours["error"]}
    assert alike(ours, OMNIS_ERROR if vendor is OMNI else theirs["body"])
    if vendor is VEO and theirs["status"] != 408:
        assert ours["error"]["status"] == theirs["body"]["error"]["status"]
    assert ("retry-after" in answer.headers) == (theirs["status"] == 429)
    assert server.submissions == []
    assert vendor.start(server).status_code == theirs["status"]


@pytest.mark.parametrize(
    ("vendor", "changes"),
    [
        (RUNWAY, {"seed": 2**32}),
        (VEO, {"parameters.seed": 2**32}),
        (VEO, {"parameters.resizeMode": "COVER"}),
        (OMNI, {"generation_config.seed": 2**31}),
        (OMNI, {"negative_prompt": "rain"}),
        (OMNI, {"response_format.fps": 30}),
        (OMNI, {"generation_config.fps": 30}),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else value.wire,
)
def test_what_a_vendor_does_not_take_is_refused_and_not_billed(
    server_of: Any, vendor: Vendor, changes: Any
) -> None:
    server = server_of(vendor)

    assert vendor.start(server, changes).status_code == 400
    assert server.submissions == []


def test_a_cancel_is_answered_as_captured(
    runway: SimulatorServer, google: SimulatorServer
) -> None:
    runway.faults.add(parse_faults("runway:task:running"))
    google.faults.add(parse_faults("gemini-omni-flash:task:running"))
    task_id = RUNWAY.start(runway).json()["id"]
    interaction_id = OMNI.start(google).json()["id"]

    deleted = RUNWAY.send(runway, "task_delete", path=f"/v1/tasks/{task_id}")
    path = f"/v1/interactions/{interaction_id}/cancel"
    cancelled = OMNI.send(google, "cancel", path=path).json()

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert RUNWAY.ask(runway, task_id).status_code == 404
    assert alike(cancelled, OMNI.captured("cancel")["response"]["body"])
    told = OMNI.ask(google, interaction_id).json()
    assert (cancelled["status"], told["status"]) == ("cancelled", "cancelled")


def test_the_translator_knows_the_examples_of_the_page_and_of_the_readme() -> None:
    korean, english = (_examples(language) for language in ("ko", "en"))
    readme = (ROOT / "README.ko.md").read_text(encoding="utf-8")
    prompts = re.findall("PROMPT='([^']*[가-힣][^']*)'", readme)

    assert [KNOWN.get(each) for each in korean] == english
    assert prompts and set(prompts) <= KNOWN.keys()


def _examples(language: str) -> list[str]:
    """The prompts that the page offers with an empty prompt field."""
    messages = ROOT / "web" / "src" / "make" / f"{language}.ts"
    text = messages.read_text(encoding="utf-8")
    (found,) = re.findall(r"\bexamples: \[(.*?)\]", text, re.DOTALL)
    return re.findall(r'"([^"]+)"', found)

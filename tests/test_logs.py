"""The log as Cloud Logging reads it: one JSON object per line, without secrets."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import functions_framework
import pytest
import structlog

from shared import logs
from shared.domain.structs import PartialRepr
from shared.providers import google_client, registry, runway_wire
from shared.settings import Settings
from shared.worker import advance

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
SIGNED = "https://storage.example/b/o.mp4?X-Goog-Signature=abc123&X-Goog-Expires=60"
SECRETS = {
    "a token": (f"got {TOKEN}", TOKEN),
    "a header": ("Authorization: Bearer abc.def-123", "abc.def-123"),
    "a header in lower case": ("authorization: bearer abc.def-123", "abc.def-123"),
    "a signed address": (SIGNED, "abc123"),
    "a signature": ("X-Goog-Signature=abc123", "abc123"),
    "a secret of webhooks": (f"whsec_{'d' * 32}", "d" * 32),
    "our key": (f"rk_{'a' * 40}", "a" * 40),
    "Runway's key": (f"key_{'b' * 128}", "b" * 128),
    "Google's key": (f"AIza{'c' * 35}", "c" * 35),
}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Remove the root handlers, and restore everything at the end."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers = list(root.handlers)
    yield
    root.handlers[:] = handlers
    structlog.configure(**before)


@pytest.fixture(
    params=[False, True], ids=["as it is", "with LOG_EXECUTION_ID"], autouse=True
)
def root_handlers(request: pytest.FixtureRequest) -> None:
    """The root logger as Cloud Run functions set it up, with a handler or without."""
    logging.getLogger().handlers.clear()
    if request.param:
        framework: Any = functions_framework  # it has no types
        framework._configure_app_execution_id_logging()
        # It disables existing loggers; in a function they are created later.
        logging.getLogger("urllib3").disabled = False


def configured() -> Any:
    """Our logger, on the standard output of the running test."""
    logs.configure()
    return structlog.get_logger("of this test")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("method", "severity"),
    [("info", "INFO"), ("warning", "WARNING"), ("error", "ERROR")],
)
def test_a_line_has_its_severity_its_message_and_its_time(
    capsys: pytest.CaptureFixture[str], method: str, severity: str
) -> None:
    getattr(configured(), method)("thing_happened", job_id="고양이")

    (line,) = lines(capsys)
    assert line.pop("time").endswith("Z")
    assert line == {
        "severity": severity,
        "message": "thing_happened",
        "job_id": "고양이",
    }


def test_half_a_surrogate_pair_can_be_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configured().warning("thing_happened", status="a raccoon \ud83d")

    (line,) = lines(capsys)
    assert line["status"] == "a raccoon ?"


def test_an_exception_shows_its_place_but_no_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = configured()

    def fail() -> None:
        held = "hush" + "hush"
        raise ValueError(f"no good: {len(held)}")

    try:
        fail()
    except ValueError:
        log.exception("thing_crashed")

    (line,) = lines(capsys)
    assert line["severity"] == "ERROR"
    assert "in fail" in line["exception"] and "no good: 8" in line["exception"]
    assert "hushhush" not in line["exception"]


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=list(SECRETS))
def test_no_secret_is_logged_in_a_field_or_an_exception(
    capsys: pytest.CaptureFixture[str], text: str, secret: str
) -> None:
    log = configured()
    try:
        raise RuntimeError(text)
    except RuntimeError:
        log.exception("thing_crashed", why=text)
    logging.getLogger("urllib3").warning("retrying %s", text)

    told = capsys.readouterr().out
    assert len(told.splitlines()) == 2
    assert secret not in told
    assert all(json.loads(line) for line in told.splitlines())


@pytest.mark.parametrize("beginning", ["http://", "eyJ-"])
def test_a_line_of_many_beginnings_is_searched_once(beginning: str) -> None:
    """If the line were not one match, it would be searched from each of them on."""
    line = beginning * 1000

    searched = [m for pattern in logs._SECRETS for m in pattern.finditer(line)]

    assert [each.span() for each in searched] == [(0, len(line))]


def test_a_librarys_message_is_a_line_like_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configured()

    logging.getLogger("urllib3").warning("Connection pool is %s", "full")
    logging.getLogger("urllib3").info("not told")

    (line,) = lines(capsys)
    assert (line["severity"], line["message"]) == ("WARNING", "Connection pool is full")
    assert line["logger"] == "urllib3"


def test_every_unprinted_name_is_a_field() -> None:
    # Imported for their records.
    assert all((google_client, registry, runway_wire, advance))
    kinds = PartialRepr.__subclasses__()

    assert Settings in kinds
    assert not [k for k in kinds if not k.hidden_fields]
    assert not [k for k in kinds if set(k.hidden_fields) - {*k.__struct_fields__}]

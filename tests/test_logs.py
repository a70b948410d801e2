"""The log as Cloud Logging reads it: one JSON object a line, without secrets."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import functions_framework
import pytest
import structlog

from shared import logs

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
SIGNED = "https://storage.example/b/o.mp4?X-Goog-Signature=abc123&X-Goog-Expires=60"
SECRETS = {
    "a token": (f"got {TOKEN}", TOKEN),
    "a header": ("Authorization: Bearer abc.def-123", "abc.def-123"),
    "a signed address": (SIGNED, "abc123"),
    "a signature": ("X-Goog-Signature=abc123", "abc123"),
    "our key": (f"rk_{'a' * 40}", "a" * 40),
    "Runway's key": (f"key_{'b' * 128}", "b" * 128),
    "Google's key": (f"AIza{'c' * 35}", "c" * 35),
}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Room for our handler, and at the end all as it was."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers = list(root.handlers)
    yield
    root.handlers[:] = handlers
    structlog.configure(**before)


@pytest.fixture(
    params=[False, True], ids=["as it is", "with LOG_EXECUTION_ID"], autouse=True
)
def root_handlers(request: pytest.FixtureRequest) -> None:
    """The root logger as Cloud Run functions set it up: with a handler, or without."""
    logging.getLogger().handlers.clear()
    if request.param:
        framework: Any = functions_framework  # it has no types
        framework._configure_app_execution_id_logging()
        # It disables loggers that exist already; in a function they come later.
        logging.getLogger("urllib3").disabled = False


def configured() -> Any:
    """A logger of ours, on the standard output of the test that runs."""
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


def test_an_exception_shows_where_and_not_what_it_held(
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


@pytest.mark.parametrize(("said", "secret"), SECRETS.values(), ids=list(SECRETS))
def test_no_secret_gets_through_in_a_field_or_an_exception(
    capsys: pytest.CaptureFixture[str], said: str, secret: str
) -> None:
    log = configured()
    try:
        raise RuntimeError(said)
    except RuntimeError:
        log.exception("thing_crashed", why=said)
    logging.getLogger("urllib3").warning("retrying %s", said)

    told = capsys.readouterr().out
    assert len(told.splitlines()) == 2
    assert secret not in told
    assert all(json.loads(line) for line in told.splitlines())


def test_what_a_library_says_is_a_line_like_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configured()

    logging.getLogger("urllib3").warning("Connection pool is %s", "full")
    logging.getLogger("urllib3").info("not told")

    (line,) = lines(capsys)
    assert (line["severity"], line["message"]) == ("WARNING", "Connection pool is full")
    assert line["logger"] == "urllib3"

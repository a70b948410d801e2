"""Polls, fetches and cancels, which work alike at every provider."""

import pytest

from shared.domain.errors import TaskGone, Unreachable
from shared.domain.outcomes import Gone, PollFailed
from tests.providers.provider_cases import (
    OMNI,
    OMNI_IDENTITY,
    PROMPT,
    RUNWAY,
    RUNWAY_HTTP,
    ProviderCase,
    each,
    with_timeout,
)
from tests.providers.vendor_server import CLOSED_PORT_URL, Conduct, Reply, Vendor

NO_PAGE = {"code": "not_found", "message": "No such page"}
REPLIES = {
    "html": Reply(body="<html>"),
    "a list": Reply(body=[]),
    "moved": Reply(status=302, headers={"Location": "/x"}),
    "dropped": Reply(conduct=Conduct.DROP_READ),
    "a proxy's 404": Reply(status=404, body="<html>"),
    "a gateway's 404": Reply(status=404, body={"error": "Not Found"}),
    "a gateway's 410": Reply(status=410, body={"error": "Gone"}),
    "a gateway's 404 with a code": Reply(status=404, body={"error": NO_PAGE}),
    "a gateway's 410 with a code": Reply(status=410, body={"error": NO_PAGE}),
    "a failed task in a 500": Reply(status=500, body={"status": "FAILED"}),
    "a failed task in a 400": Reply(status=400, body={"status": "FAILED"}),
    "a proxy's 410": Reply(status=410, body={"message": "gone"}),
}


@pytest.mark.parametrize(
    "reply", [*REPLIES.values(), 401, 500, 503], ids=[*REPLIES, "401", "500", "503"]
)
@each()
def test_an_answer_that_proves_nothing_about_a_task_is_a_failed_poll(
    case: ProviderCase, reply: Reply | int
) -> None:
    if isinstance(reply, int):
        reply = Reply(status=reply, body=case.error(reply))
    with Vendor(reply) as server:
        provider = case.make(server.url)

        assert isinstance(provider.poll(case.task()), PollFailed)
        with pytest.raises(Unreachable):
            provider.fetch(case.task())
    assert len(server.received) == 2


@pytest.mark.parametrize("status", [404, 410])
@each()
def test_a_404_or_410_of_the_vendors_own_means_gone(
    case: ProviderCase, status: int
) -> None:
    with Vendor(Reply(status=status, body=case.error(status))) as server:
        provider = case.make(server.url)

        assert isinstance(provider.poll(case.task()), Gone)
        with pytest.raises(TaskGone):
            provider.fetch(case.task())


QUOTES = {
    "a 400": (400, None),
    "a 404": (404, None),
    "a 502 in text": (502, f"<html>{PROMPT}"),
    "text": (200, f"<html>{PROMPT}"),
    "fields of other types": (200, {"name": [PROMPT], "id": [PROMPT], "error": PROMPT}),
}


@pytest.mark.parametrize(("status", "body"), QUOTES.values(), ids=QUOTES.keys())
@each()
def test_a_failed_poll_or_fetch_repeats_no_prompt_that_the_vendor_quotes(
    case: ProviderCase, status: int, body: object
) -> None:
    """Both are logged, and neither knows the prompt."""
    reply = Reply(status=status, body=body or case.error(status, f"bad: {PROMPT}"))
    with Vendor(reply) as server:
        provider = case.make(server.url)
        poll = provider.poll(case.task())
        with pytest.raises((Unreachable, TaskGone)) as failed:
            provider.fetch(case.task())

    assert isinstance(poll, PollFailed | Gone)
    assert PROMPT not in poll.detail + str(failed.value)


@each(RUNWAY, RUNWAY_HTTP)
def test_runways_404_for_a_task_has_no_documentation_url(case: ProviderCase) -> None:
    with Vendor(Reply(status=404, body={"error": "Could not find Task"})) as server:
        assert isinstance(case.make(server.url).poll(case.task()), Gone)


@each()
def test_a_poll_that_hangs_is_cut_off_and_counts_as_failed(case: ProviderCase) -> None:
    with Vendor(Reply(conduct=Conduct.HANG)) as server:
        provider = case.make(server.url)
        with with_timeout(provider, "FREE_READ_SECONDS", 0.2):
            poll = provider.poll(case.task())

    assert isinstance(poll, PollFailed)
    assert len(server.received) == 1


CANCELS: list[tuple[int, bool, object]] = [
    *((200, True, None), (404, True, None)),
    *((401, False, None), (429, False, None), (500, False, None)),
    *((302, False, "<html>"), (404, False, "<html>")),
]


@pytest.mark.parametrize(("status", "is_cancelled", "proxys"), CANCELS)
@each(RUNWAY, RUNWAY_HTTP, OMNI, OMNI_IDENTITY)
def test_a_cancel_succeeds_if_the_vendor_itself_says_that_the_task_is_gone(
    case: ProviderCase, status: int, is_cancelled: bool, proxys: object
) -> None:
    own = case.accepted if status == 200 else case.error(status)

    with Vendor(Reply(status=status, body=proxys or own)) as server:
        assert case.make(server.url).cancel(case.task()) is is_cancelled
    assert len(server.received) == 1


@each(RUNWAY, RUNWAY_HTTP, OMNI, OMNI_IDENTITY)
def test_polls_and_cancels_of_an_unreachable_vendor_fail(case: ProviderCase) -> None:
    provider = case.make(CLOSED_PORT_URL)
    poll = provider.poll(case.task())

    assert isinstance(poll, PollFailed)
    assert "Connect" in poll.detail
    assert provider.cancel(case.task()) is False

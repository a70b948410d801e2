"""A job's webhook: sent when the job has ended, and repeated under the same ID."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shared.domain import timing
from shared.domain.api_key import ApiKey
from shared.domain.catalogue import ProviderId
from shared.domain.errors import NotPublic, ReelayError, Unreachable
from shared.domain.job import Job, Language
from shared.domain.naming import webhook_task_name
from shared.domain.outcomes import Succeeded
from shared.domain.projection import NO_URLS, as_json, moment, project
from shared.domain.structs import replace
from shared.domain.webhook import (
    MAX_ATTEMPTS,
    MAX_REQUESTED_PAUSE,
    RETRY_DELAYS,
    SENDING_LIMIT,
    ReceiverResponse,
    Webhook,
    WebhookStatus,
    signed_headers,
)
from shared.guards.receiver_breaker import MIN_SKIP, SLOW_THRESHOLD
from shared.ports.store import Versioned
from tests.domain.examples import MINUTE, SECOND, a_job, a_new_job, a_request, completed
from tests.fakes.clock import NOON
from tests.fakes.interpose import before
from tests.fakes.jobs import Trouble
from tests.fakes.keys import FakeKeys
from tests.fakes.process import Died, die
from tests.usecases.harness import ANN, SIGNING_SECRET, Harness

URL = "https://example.com/hook?token=hush"
KEY = ApiKey(sha256="key1".ljust(64, "0"), name="k", user_id="ann", created_at=NOON)


@pytest.fixture
def harness() -> Harness:
    return a_harness()


def a_harness() -> Harness:
    return Harness(keys=FakeKeys(KEY))


def with_webhook(job: Job, key: ApiKey = KEY) -> Job:
    request = replace(job.request, webhook_url=URL)
    return replace(job, request=request, webhook=Webhook(key_id=key.key_id))


def ended(
    harness: Harness, *, job_id: str = "job1", key: ApiKey = KEY, attempts: int = 0
) -> Job:
    """A job that has just ended, with its webhook's task enqueued."""
    job = completed(with_webhook(a_job(job_id=job_id), key), ProviderId.RUNWAY)
    webhook = Webhook(key_id=key.key_id, attempts=attempts).scheduled(NOON)
    job = replace(job, webhook=webhook)
    assert job.delivered
    harness.bucket.objects[job.delivered.object_name] = b"an mp4"
    harness.jobs.put(job)
    harness.scheduler.schedule_step(job)
    return job


def state(harness: Harness) -> tuple[str, int]:
    webhook = harness.job.webhook
    assert webhook
    return webhook.status.value, webhook.attempts


def verified(harness: Harness) -> dict[str, object]:
    """The body of the last message, after its signature was checked."""
    message = harness.receivers.messages[-1]
    assert message.headers == signed_headers(
        message.body,
        message_id=message.headers["webhook-id"],
        at=harness.clock.at,
        signing_secret=SIGNING_SECRET,
        key_id=KEY.key_id,
    )
    event: dict[str, object] = json.loads(message.body)
    return event


# From the end of a job to its receiver ------------------------------------------------


def test_a_completed_job_sends_what_get_returns(harness: Harness) -> None:
    request = a_request(webhook_url=URL)
    for provider in harness.providers.values():
        provider.polls = [Succeeded()]
    caller = replace(ANN, key_id=KEY.key_id)
    job_id = harness.create_video(caller, request, Language.KOREAN).job.job_id
    harness.finish()
    assert harness.receivers.messages == []

    harness.send_webhooks()

    (message,) = harness.receivers.messages
    shown = harness.get_video(ANN, job_id)
    pending = {"status": "pending", "attempts": 0}
    video = project(shown) | {"webhook": pending}
    assert message.url == URL
    assert verified(harness) == {
        "type": "video.completed",
        "timestamp": moment(shown.updated_at),
        "data": json.loads(as_json(video)),
    }
    assert shown.webhook and shown.webhook.status is WebhookStatus.DELIVERED


def test_a_cancelled_job_sends_video_failed(harness: Harness) -> None:
    harness.jobs.put(with_webhook(a_new_job()))

    harness.cancel_video(ANN, "job1")
    harness.send_webhooks()

    event = verified(harness)
    assert event["type"] == "video.failed"
    assert event["timestamp"] == moment(NOON)
    assert isinstance(event["data"], dict)
    assert event["data"]["error"]["code"] == "cancelled"


def test_a_job_without_a_webhook_sends_nothing(harness: Harness) -> None:
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))

    harness.send_webhook("job1")
    harness.step()

    assert harness.receivers.messages == []
    assert harness.queue.webhooks == []


# Faults on our side -------------------------------------------------------------------


@pytest.mark.parametrize("is_step_repeated", [True, False])
def test_a_webhook_that_could_not_be_enqueued_is_still_sent(
    harness: Harness, is_step_repeated: bool
) -> None:
    """By a repeated task of the step that ended the job, or by the sweep."""
    harness.jobs.put(with_webhook(a_new_job()))
    harness.queue.failures = [Unreachable("down")]
    harness.cancel_video(ANN, "job1")
    assert harness.job.is_final and harness.queue.webhooks == []

    if is_step_repeated:
        harness.step()
    else:
        harness.clock.move(MINUTE)
        harness.sweep()
    harness.send_webhooks()

    assert state(harness) == ("delivered", 1)


def test_an_overdue_webhook_gets_a_task_with_a_new_name(harness: Harness) -> None:
    ended(harness, attempts=3)
    calls = before(harness.queue, "enqueue", lambda: None)

    for seconds in (59, 1, 60):
        harness.clock.move(seconds * SECOND)
        harness.sweep()

    expected = [webhook_task_name("job1", 3, nth) for nth in (1, 2)]
    assert [task.name for task in harness.queue.webhooks[1:]] == expected
    assert len(calls) == len(expected)


def test_a_task_delivered_twice_sends_one_message(harness: Harness) -> None:
    ended(harness)
    harness.receivers.meanwhile = lambda: (
        len(harness.receivers.messages) == 1 and harness.send_webhook("job1")
    )

    harness.send_webhook("job1")
    harness.send_webhook("job1")

    assert len(harness.receivers.messages) == 1
    assert state(harness) == ("delivered", 1)


@pytest.mark.parametrize("too_early", [0, 1])
def test_a_task_that_is_earlier_than_clocks_differ_sends_nothing(
    harness: Harness, too_early: int
) -> None:
    ended(harness)
    harness.clock.move(-timing.WAKE_TOLERANCE - too_early * SECOND)

    harness.send_webhook("job1")

    assert len(harness.receivers.messages) == 1 - too_early


def send_as_read(harness: Harness, found: Versioned[Job]) -> None:
    """Send the message as a process that read the job when it was like that."""
    read, unread = harness.jobs.read, [found]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            harness.jobs,
            "read",
            lambda job_id: unread.pop() if unread else read(job_id),
        )
        harness.send_webhook("job1")


def test_only_one_of_two_senders_that_read_the_same_job_sends(harness: Harness) -> None:
    ended(harness)
    before = harness.jobs.get("job1")
    harness.receivers.answers = [500]
    harness.send_webhook("job1")

    send_as_read(harness, before)

    assert len(harness.receivers.messages) == 1
    assert state(harness) == ("pending", 1)


def test_a_message_that_is_accepted_late_is_not_repeated_by_who_found_it_due(
    harness: Harness,
) -> None:
    ended(harness)
    found: list[Versioned[Job]] = []
    harness.receivers.meanwhile = lambda: found.append(harness.jobs.get("job1"))
    harness.send_webhook("job1")

    harness.clock.move(SENDING_LIMIT)
    send_as_read(harness, *found)

    assert len(harness.receivers.messages) == 1
    assert state(harness) == ("delivered", 1)


def test_a_dead_senders_message_is_repeated_by_its_id(harness: Harness) -> None:
    def die_once() -> None:
        harness.receivers.meanwhile = lambda: None
        die()

    ended(harness)
    harness.receivers.meanwhile = die_once
    with pytest.raises(Died):
        harness.send_webhook("job1")
    harness.queue.webhooks.clear()

    harness.clock.move(SENDING_LIMIT + MINUTE)
    harness.sweep()
    harness.send_webhooks()

    ids = {message.headers["webhook-id"] for message in harness.receivers.messages}
    assert (len(harness.receivers.messages), ids) == (2, {"msg_job1"})
    assert state(harness) == ("delivered", 2)


def test_a_death_on_the_last_attempt_fails_the_webhook(harness: Harness) -> None:
    ended(harness, attempts=MAX_ATTEMPTS)

    harness.send_webhook("job1")

    assert harness.receivers.messages == []
    assert state(harness) == ("failed", MAX_ATTEMPTS)


@pytest.mark.parametrize("trouble", list(Trouble))
def test_each_message_is_counted_before_it_is_sent(
    harness: Harness, trouble: Trouble
) -> None:
    ended(harness)
    harness.jobs.troubles = [trouble]

    harness.send_webhooks()

    assert state(harness) == ("delivered", len(harness.receivers.messages))


@pytest.mark.parametrize(
    "before", [lambda h: None, lambda h: h.clock.move(timedelta(days=1))]
)
def test_the_message_has_a_url_that_works(
    harness: Harness, before: Callable[[Harness], None]
) -> None:
    ended(harness)
    before(harness)

    harness.send_webhooks()

    data = verified(harness)["data"]
    assert isinstance(data, dict)
    assert data["video_url"] == harness.get_video(ANN, "job1").video_url


def test_a_message_that_comes_after_the_videos_time_names_no_file(
    harness: Harness,
) -> None:
    """The bucket's lifecycle has removed it."""
    harness.jobs.put(replace(ended(harness), expires_at=NOON))

    harness.send_webhooks()

    video = verified(harness)["data"]
    assert isinstance(video, dict)
    assert {**video, **NO_URLS} == video


def test_no_message_is_sent_for_a_deleted_video(harness: Harness) -> None:
    ended(harness)
    harness.delete_video(ANN, "job1")

    harness.send_webhooks()

    assert harness.receivers.messages == []


def test_a_video_may_be_deleted_while_its_message_is_sent(harness: Harness) -> None:
    ended(harness)
    harness.receivers.meanwhile = lambda: harness.delete_video(ANN, "job1")
    harness.receivers.answers = [500]

    harness.send_webhooks()

    assert len(harness.receivers.messages) == 1


@pytest.mark.parametrize("keys", [[replace(KEY, revoked_at=NOON)], []])
def test_nothing_is_sent_for_a_key_that_was_revoked_or_deleted(
    harness: Harness, keys: list[ApiKey]
) -> None:
    ended(harness)
    harness.keys = FakeKeys(*keys)

    harness.send_webhooks()

    assert harness.receivers.messages == []
    assert state(harness) == ("failed", 0)


def test_without_a_signing_secret_a_message_waits(harness: Harness) -> None:
    ended(harness)

    replace(harness.send_webhook, signing_secret=None)("job1")
    assert harness.receivers.messages == []

    harness.send_webhooks()
    assert state(harness) == ("delivered", 2)


def test_an_unreachable_store_uses_up_no_attempt(harness: Harness) -> None:
    ended(harness)
    harness.keys.read_failures = [Unreachable("down")]

    with pytest.raises(Unreachable):
        harness.send_webhook("job1")

    assert state(harness) == ("pending", 0)


# Faults at the receiver ---------------------------------------------------------------

MISSED = [*range(300, 309), 400, 401, 404, 429, 500, 503, Unreachable("x"), NotPublic()]


@given(answers=st.lists(st.sampled_from(MISSED), max_size=MAX_ATTEMPTS - 1))
def test_a_message_is_repeated_under_its_id_until_it_is_accepted(
    answers: list[int | ReelayError],
) -> None:
    harness = a_harness()
    job = ended(harness)
    harness.receivers.answers = [*answers, 200]

    harness.send_webhooks()

    messages = harness.receivers.messages
    assert {message.headers["webhook-id"] for message in messages} == {"msg_job1"}
    assert {message.url for message in messages} == {URL}
    assert {json.loads(m.body)["timestamp"] for m in messages} == {moment(NOON)}
    assert state(harness) == ("delivered", len(answers) + 1)
    waited = sum(RETRY_DELAYS[: len(answers)], timedelta(0))
    assert timedelta(0) <= harness.clock.at - NOON - waited < SECOND
    assert harness.job.updated_at == job.updated_at
    verified(harness)


def test_a_message_is_tried_for_at_most_a_day(harness: Harness) -> None:
    ended(harness)
    harness.receivers.answers = [500] * 100

    harness.send_webhooks()

    assert state(harness) == ("failed", MAX_ATTEMPTS)
    assert timedelta(hours=23) < harness.clock.at - NOON <= timedelta(hours=24)
    assert len(harness.receivers.messages) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        (1.0, RETRY_DELAYS[0]),
        (120.0, timedelta(seconds=120)),
        (1e9, MAX_REQUESTED_PAUSE),
        (None, RETRY_DELAYS[0]),
    ],
    ids=["shorter than ours", "longer", "too long", "nothing"],
)
def test_a_receiver_may_ask_for_a_longer_pause(
    harness: Harness, asked: float | None, pause: timedelta
) -> None:
    ended(harness)
    busy = ReceiverResponse(status=429, retry_after_seconds=asked)
    harness.receivers.answers = [busy]

    harness.send_webhook("job1")

    assert harness.job.webhook
    assert harness.job.webhook.due_at == NOON + pause


def test_a_receiver_that_asks_for_long_pauses_is_given_up_soon_after_a_day(
    harness: Harness,
) -> None:
    ended(harness)
    busy = ReceiverResponse(status=503, retry_after_seconds=1e9)
    harness.receivers.answers = [busy] * 100

    harness.send_webhooks()

    assert state(harness) == ("failed", MAX_ATTEMPTS)
    assert harness.clock.at - NOON <= timedelta(hours=26, minutes=1)


def test_a_receiver_that_is_gone_gets_no_further_message(harness: Harness) -> None:
    ended(harness)
    harness.receivers.answers = [500, 410]

    harness.send_webhooks()

    assert state(harness) == ("failed", 2)


def test_a_receiver_that_hangs_delays_no_other_keys_messages() -> None:
    """All messages go one after the other, as through the only slot of the queue."""
    other = replace(KEY, sha256="key2".ljust(64, "0"))
    harness = Harness(keys=FakeKeys(KEY, other))
    for number in range(30):
        ended(harness, job_id=f"hangs{number}")
    ended(harness, job_id="fine", key=other)
    sent: dict[str, datetime] = {}

    def hang_for_an_hour() -> None:
        name = harness.receivers.messages[-1].headers["webhook-id"]
        sent.setdefault(name, harness.clock.at)
        if name != "msg_fine" and harness.clock.at < NOON + timedelta(hours=1):
            harness.clock.move(timedelta(seconds=10))
            harness.receivers.answers = [Unreachable("no answer")]

    harness.receivers.meanwhile = hang_for_an_hour
    harness.send_webhooks()

    assert sent["msg_fine"] - NOON <= timedelta(seconds=20)
    webhooks = [job.webhook for job in harness.jobs.all if job.webhook]
    assert {webhook.status for webhook in webhooks} == {WebhookStatus.DELIVERED}


def test_a_receiver_that_accepts_slowly_gets_a_message_a_minute_at_once() -> None:
    """Within ten seconds, slow is no failure."""
    harness = Harness(keys=FakeKeys(KEY))
    harness.receivers.meanwhile = lambda: harness.clock.move(timedelta(seconds=7))

    for number in range(20):
        ended(harness, job_id=f"slow{number}")
        harness.send_webhooks()
        harness.clock.move(MINUTE)

    webhooks = [job.webhook for job in harness.jobs.all if job.webhook]
    assert [(w.status, w.attempts) for w in webhooks] == [
        (WebhookStatus.DELIVERED, 1)
    ] * 20


def test_a_receiver_that_refuses_slowly_is_skipped_as_one_that_does_not_answer(
    harness: Harness,
) -> None:
    harness.receivers.meanwhile = lambda: harness.clock.move(timedelta(seconds=7))
    harness.receivers.answers = [500, 500]
    for job_id in ("one", "two"):
        ended(harness, job_id=job_id)
        harness.send_webhook(job_id)

    assert harness.receiver_breaker.skipped_for(KEY.key_id) == MIN_SKIP


def test_a_skipped_receiver_gets_the_message_later(harness: Harness) -> None:
    ended(harness)
    for _ in range(2):
        harness.receiver_breaker.report(KEY.key_id, SLOW_THRESHOLD, is_delivered=False)

    harness.send_webhooks()

    assert harness.clock.at - NOON >= MIN_SKIP
    assert len(harness.receivers.messages) == 1
    assert state(harness) == ("delivered", 2)


def test_the_last_attempt_goes_to_a_skipped_receiver(harness: Harness) -> None:
    ended(harness, attempts=MAX_ATTEMPTS - 1)
    for _ in range(2):
        harness.receiver_breaker.report(KEY.key_id, SLOW_THRESHOLD, is_delivered=False)

    harness.send_webhook("job1")

    assert state(harness) == ("delivered", MAX_ATTEMPTS)


def test_listeners_see_the_webhooks_status_but_not_its_url(harness: Harness) -> None:
    ended(harness)
    harness.receivers.answers = [Unreachable("the call failed: TimeoutError")]

    with capture_logs() as logs:
        harness.send_webhooks()

    shown = harness.jobs.projections["job1"]
    assert shown["webhook"] == {"status": WebhookStatus.DELIVERED, "attempts": 2}
    assert "example.com/hook" not in f"{shown}{logs}"
    assert "hush" not in f"{shown}{logs}{harness.receivers.messages[0].body!r}"


def test_the_sweep_enqueues_jobs_even_if_webhooks_fail(harness: Harness) -> None:
    harness.jobs.put(a_new_job(at=NOON - 5 * MINUTE))

    def fail() -> None:
        raise Unreachable("no index")

    before(harness.jobs, "overdue_webhooks", fail)
    audits = iter([1])
    harness.audit_ledger = lambda: next(audits)

    with pytest.raises(Unreachable):
        harness.sweep()

    assert len(harness.queue.tasks) == 1
    assert list(audits) == [], "the ledger was audited anyway"


def test_a_lost_webhook_is_enqueued_after_1_2_4_8_16_24_minutes(
    harness: Harness,
) -> None:
    ended(harness)
    harness.queue.webhooks.clear()
    for _ in range(25):
        harness.clock.move(MINUTE - SECOND / 10)
        harness.sweep()

    assert len({task.name for task in harness.queue.webhooks}) == 6

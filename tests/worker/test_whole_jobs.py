"""Jobs from the first step to the end, as their owners see and pay for them."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import (
    ErrorCode,
    ExceedsLimit,
    LimitReached,
    Problem,
    Unreachable,
)
from shared.domain.job import Job, Language
from shared.domain.ledger import Caps, Limits, Totals
from shared.domain.outcomes import (
    Accepted,
    Failed,
    Poll,
    Submission,
    Succeeded,
    Unknown,
    Working,
)
from shared.domain.projection import project
from shared.ports.providers import ImageFile, WebFile
from shared.ports.store import TaskQueue
from tests.domain.examples import (
    CHAIN,
    FAULT,
    HTTP,
    NOON,
    RUNWAY,
    VEO,
    a_job,
    a_new_job,
    a_request,
    rejected,
    running,
    states,
    storing,
)
from tests.usecases.harness import ANN, Harness

ACCEPTED = Accepted(task_id="task1")
REFUSED = rejected(ErrorCode.ACCESS_DENIED)
UNKNOWN = Unknown(detail="no answer")
FRESH = WebFile(url="https://cdn.example/fresh")


def create(harness: Harness, key: str | None = None) -> Job:
    return harness.create_video(ANN, a_request(), Language.ENGLISH, key).job


def booked(harness: Harness, scope: str = "user") -> Totals:
    accounts = harness.jobs.accounts.items()
    return next(a for n, a in accounts if n.startswith(scope)).month


# Paid for once


def test_one_click_is_one_paid_submission_however_often_requests_and_tasks_repeat(
    harness: Harness,
) -> None:
    created = {create(harness, key="one click").job_id for _ in range(4)}
    harness.providers[RUNWAY].polls = [Succeeded()]
    while task := harness.queue.take():
        harness.clock.move_to(task.at)
        for _ in range(4):
            harness.advance(
                task.job_id, from_starts_queue=task.queue is TaskQueue.STARTS
            )

    assert len(created) == len(harness.jobs.all) == 1
    assert harness.jobs.all[0].delivered
    assert harness.starts == 1


@pytest.mark.parametrize(
    "first", [WebFile(url="https://cdn.example/expired"), Unreachable("503")], ids=str
)
def test_a_failed_download_is_repeated_without_a_new_submission(
    harness: Harness, first: WebFile | Unreachable
) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    harness.providers[RUNWAY].result = first
    assert not harness.step().is_final

    harness.providers[RUNWAY].result = FRESH
    harness.web.bodies[FRESH.url] = b"an mp4"

    assert harness.run().delivered
    assert harness.starts == 0


def test_a_paid_task_survives_without_image_and_queue(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), RUNWAY))
    harness.providers[RUNWAY].polls = [Succeeded()]
    harness.bucket.objects.clear()
    harness.web.bodies.clear()
    harness.queue.tasks.clear()

    assert states(harness.run()) == [("runway", "succeeded")]
    assert harness.starts == 0


# The next provider


@pytest.mark.parametrize(
    ("submission", "poll"),
    [
        (REFUSED, Working()),
        (UNKNOWN, Working()),
        (ACCEPTED, Failed(problem=FAULT)),
        (ACCEPTED, Working()),
    ],
    ids=["rejects", "never answers", "fails later", "never ends"],
)
def test_the_next_vendor_delivers_whatever_the_first_one_does(
    harness: Harness, submission: Submission, poll: Poll
) -> None:
    harness.jobs.put(a_new_job())
    harness.providers[RUNWAY].submissions = [submission]
    harness.providers[RUNWAY].polls = [poll]
    harness.providers[VEO].polls = [Succeeded()]

    job = harness.run()

    assert job.delivered
    assert states(job)[-1] == ("gemini-veo-3.1", "succeeded")
    assert (harness.providers[RUNWAY].starts, harness.providers[HTTP].starts) == (1, 0)


def test_every_provider_gets_the_same_image(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    limited = rejected(ErrorCode.RATE_LIMITED)
    for provider in harness.providers.values():
        provider.submissions = [limited]

    harness.run()

    (requests,) = zip(*(p.requests for p in harness.providers.values()), strict=True)
    sent = ImageFile(jpeg=b"jpeg of a cat", uri="gs://bucket/images/job1")
    assert {request.image for request in requests} == {sent}


def test_a_job_that_no_vendor_finishes_ends_in_bounded_time(harness: Harness) -> None:
    harness.jobs.put(a_new_job())

    assert harness.run().problem
    assert harness.clock.now() - NOON <= timing.JOB_LIMIT + timedelta(minutes=5)


# What is booked


@pytest.mark.parametrize("provider_id", CHAIN, ids=str)
def test_each_providers_price_is_held_and_settled_in_both_accounts(
    harness: Harness, provider_id: ProviderId
) -> None:
    harness.jobs.create(a_new_job(chain=(provider_id,)))
    assert booked(harness).open_usd == harness.job.chain[0].price_usd > 0
    harness.providers[provider_id].polls = [Succeeded()]

    job = harness.run()

    assert job.delivered
    assert booked(harness).settled_usd == job.cost_usd == job.chain[0].price_usd
    assert booked(harness, "all") == booked(harness)


@pytest.mark.parametrize(
    ("submission", "poll", "cost_usd"),
    [
        pytest.param(REFUSED, Working(), "0", id="rejected"),
        pytest.param(UNKNOWN, Working(), "0.40", id="unknown, may be billed"),
        pytest.param(ACCEPTED, Working(), "0.40", id="never ends, may be billed"),
        pytest.param(
            ACCEPTED,
            Failed(problem=FAULT, cost_usd=Decimal(0)),
            "0",
            id="the vendor says that it was free",
        ),
    ],
)
def test_a_job_without_a_video_settles_what_its_vendor_may_bill(
    harness: Harness, submission: Submission, poll: Poll, cost_usd: str
) -> None:
    harness.jobs.create(a_job(chain=(RUNWAY,)))
    harness.providers[RUNWAY].submissions = [submission]
    harness.providers[RUNWAY].polls = [poll]

    job = harness.run()
    once = booked(harness)
    harness.clock.move(timedelta(days=2))
    harness.step()
    harness.sweep()

    assert job.problem
    assert job.cost_usd == once.settled_usd == Decimal(cost_usd)
    assert once.released_usd == job.hold_usd - once.settled_usd
    assert booked(harness) == once
    assert harness.jobs.open_jobs["ann"] == 0


def test_after_a_free_rejection_only_the_provider_that_delivered_is_paid(
    harness: Harness,
) -> None:
    harness.jobs.create(a_new_job())
    harness.providers[RUNWAY].submissions = [REFUSED]
    harness.providers[VEO].polls = [Succeeded()]

    job = harness.run()

    costs = {a.provider_id: a.cost_usd for a in job.attempts if a.cost_usd}
    assert costs == {VEO: job.chain[2].price_usd}
    assert booked(harness).settled_usd == job.cost_usd
    assert booked(harness).open_usd == 0


def test_listeners_get_our_own_urls_with_the_end_of_the_job(harness: Harness) -> None:
    harness.jobs.put(a_job())
    harness.providers[RUNWAY].polls = [Succeeded()]
    harness.run()

    shown = harness.jobs.projections["job1"]
    for name in ("video_url", "download_url", "poster_url"):
        assert shown[name].startswith("https://storage.example/videos/ann/job1/")
    assert shown["video_url_expires_at"] > harness.clock.now()


def test_signing_a_new_url_days_after_the_end_books_nothing(harness: Harness) -> None:
    harness.jobs.create(a_job())
    harness.providers[RUNWAY].polls = [Succeeded()]
    ended, once = harness.run(), booked(harness)
    harness.clock.move(timedelta(days=2))

    seen = harness.get_video(ANN, "job1")

    assert seen.version > ended.version
    assert booked(harness) == once


def test_the_cost_shown_is_the_cost_that_the_cap_counts(harness: Harness) -> None:
    harness.jobs.create(a_job())
    harness.providers[RUNWAY].polls = [Succeeded(cost_usd=Decimal("0.35"))]
    shown = Decimal(project(harness.run())["cost_usd"])
    another = a_new_job(job_id="another")

    for missing in (Decimal("0.01"), Decimal(0)):
        cap = shown + another.hold_usd - missing
        harness.jobs.limits = Limits(user=Caps(daily_usd=cap))
        if missing:
            with pytest.raises(LimitReached):
                harness.jobs.create(another)
    harness.jobs.create(another)

    assert booked(harness).settled_usd == shown == Decimal("0.35")


def test_a_cap_of_zero_is_a_cap(harness: Harness) -> None:
    harness.jobs.limits = Limits(user=Caps(daily_usd=Decimal(0)))

    with pytest.raises(ExceedsLimit):
        create(harness)


# What the owner reads


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (ErrorCode.PROMPT_REFUSED, "Change the prompt"),
        (ErrorCode.IMAGE_REFUSED, "Use another image"),
        (ErrorCode.ALL_PROVIDERS_FAILED, "try again later"),
    ],
)
def test_a_failed_jobs_error_says_what_to_do_and_what_it_cost(
    harness: Harness, code: ErrorCode, says: str
) -> None:
    harness.jobs.put(running(a_job(chain=(RUNWAY,)), RUNWAY))
    own = code is not ErrorCode.ALL_PROVIDERS_FAILED
    fault = Problem(code=code if own else ErrorCode.PROVIDER_ERROR)
    harness.providers[RUNWAY].polls = [Failed(problem=fault)]

    shown = project(harness.run())

    assert shown["error"]["code"] == code
    assert says in shown["error"]["message"]
    assert shown["cost_usd"] == shown["attempts"][0]["cost_usd"] == "0.40"


def test_the_owner_never_sees_a_vendors_ids_or_texts(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    secret = Problem(code=ErrorCode.OUTPUT_FILTERED, detail="org-4711 req_88")
    for provider in harness.providers.values():
        provider.polls = [Failed(problem=secret)]

    job = harness.run()
    shown = json.dumps(harness.jobs.projections["job1"], default=str)

    assert {a.task_id for a in job.attempts} >= {"task1"}
    assert "output_filtered" in shown
    assert not [v for v in ("task1", "org-4711", "req_88", "internal") if v in shown]

"""Preparing an image: fetched once, checked, and stored as a JPEG."""

from decimal import Decimal
from errno import ENOSPC

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, NotPublic, Problem, Unreachable
from shared.domain.job import Job, Language
from shared.domain.naming import upload_object
from shared.domain.outcomes import (
    ImageRefused,
    Prepared,
    PreparedImage,
    PrepareFailed,
    PrepareStarted,
    Succeeded,
)
from shared.domain.projection import project
from shared.domain.request import Frame
from shared.domain.timing import MAX_PREPARE_TRIES, PREPARE_LIMIT
from shared.domain.transitions import apply
from shared.ports.providers import ImageFile
from tests.domain.examples import MINUTE, a_new_job
from tests.fakes.interpose import Act, before, before_next
from tests.usecases.harness import Harness

JPEG = b"jpeg of a cat"
CAT = "https://example.com/cat.jpg"
UNREACHABLE = ErrorCode.IMAGE_UNREACHABLE


def an_upload_job() -> Job:
    return a_new_job(image="up1", image_url=None)


@pytest.mark.parametrize("job", [a_new_job(), an_upload_job()], ids=["url", "upload"])
def test_an_image_is_stored_as_a_jpeg(harness: Harness, job: Job) -> None:
    harness.bucket.objects["uploads/ann/up1"] = b"a cat"

    outcome = harness.prepare_step.prepare(job, Frame.FIRST)

    assert outcome == Prepared(
        image=PreparedImage(
            object_name="images/job1",
            width=1280,
            height=720,
            size_bytes=len(JPEG),
            source_width=1280,
            source_height=720,
        )
    )
    assert harness.bucket.objects["images/job1"] == JPEG
    assert harness.bucket.content_types["images/job1"] == "image/jpeg"


def test_an_upload_replaced_after_the_check_is_not_sent(harness: Harness) -> None:
    harness.jobs.put(an_upload_job())
    harness.bucket.objects["uploads/ann/up1"] = b"a cat"
    harness.advance("job1", from_starts_queue=True)

    harness.bucket.objects["uploads/ann/up1"] = b"a bomb"
    harness.clock.move(MINUTE)
    harness.advance("job1", from_starts_queue=True)

    (order,) = harness.providers[ProviderId.RUNWAY].requests
    assert order.image and order.image.jpeg == JPEG


def test_another_users_upload_is_not_found(harness: Harness) -> None:
    harness.bucket.objects[upload_object("bob", "up1")] = b"bob's"

    outcome = harness.prepare_step.prepare(an_upload_job(), Frame.FIRST)

    assert isinstance(outcome, ImageRefused)
    assert outcome.problem.code == "image_unreachable"


@pytest.mark.parametrize("body", [b"bad bytes", b"", b"x" * 16_000_001])
def test_a_file_that_is_no_image_is_refused(harness: Harness, body: bytes) -> None:
    harness.web.bodies[CAT] = body

    outcome = harness.prepare_step.prepare(a_new_job(), Frame.FIRST)

    assert isinstance(outcome, ImageRefused)
    assert outcome.problem.code == "image_invalid"


def test_a_url_that_must_not_be_fetched_is_refused(harness: Harness) -> None:
    harness.web.failures = [NotPublic("10.0.0.1")]

    outcome = harness.prepare_step.prepare(a_new_job(), Frame.FIRST)

    assert isinstance(outcome, ImageRefused)
    assert outcome.problem == Problem(code=UNREACHABLE, detail="10.0.0.1")


def test_a_url_that_does_not_answer_is_tried_again(harness: Harness) -> None:
    harness.web.failures = [Unreachable("503")]

    outcome = harness.prepare_step.prepare(a_new_job(), Frame.FIRST)

    assert isinstance(outcome, PrepareFailed)
    assert outcome.problem == Problem(code=UNREACHABLE, detail="503")
    assert isinstance(harness.prepare_step.prepare(a_new_job(), Frame.FIRST), Prepared)


@pytest.mark.parametrize(
    ("job", "frame"),
    [
        (a_new_job(), Frame.FIRST),
        (an_upload_job(), Frame.FIRST),
        (a_new_job(last_image="up1"), Frame.LAST),
    ],
    ids=["url", "upload", "last"],
)
def test_an_outage_of_our_bucket_does_not_count_against_the_image(
    harness: Harness, job: Job, frame: Frame
) -> None:
    harness.bucket.failures = [Unreachable("down")]

    outcome = harness.prepare_step.prepare(job, frame)

    ours = Problem(code=ErrorCode.STORAGE_FAILED, detail="down")
    assert outcome == PrepareFailed(problem=ours, frame=frame)


def fail() -> None:
    raise Unreachable("down, or busy with other images")


def find_the_disk_full() -> None:
    raise OSError(ENOSPC, "No space left on device")


OUTAGES = pytest.mark.parametrize(
    ("part", "verb", "act"),
    [
        ("images", "to_jpeg", fail),
        ("images", "to_jpeg", find_the_disk_full),
        ("bucket", "write", fail),
    ],
)


@OUTAGES
def test_a_job_waits_for_our_own_outage_to_end(
    harness: Harness, part: str, verb: str, act: Act
) -> None:
    harness.jobs.put(a_new_job())
    tries = 3 * MAX_PREPARE_TRIES
    before_next(getattr(harness, part), verb, *[act] * tries)
    for _ in range(tries):
        job = harness.step()
        assert (job.prepare_tries, job.preparing_until) == (0, None)
        assert job.wake_at and job.wake_at > harness.clock.now()
        harness.clock.move_to(job.wake_at)

    assert harness.step().image is not None


@OUTAGES
def test_a_lasting_outage_of_ours_is_not_blamed_on_the_image(
    harness: Harness, part: str, verb: str, act: Act
) -> None:
    harness.jobs.create(a_new_job())
    before(getattr(harness, part), verb, act)

    job = harness.run()

    assert job.problem and job.problem.code is ErrorCode.DEADLINE_EXCEEDED
    assert (harness.starts, job.cost_usd) == (0, Decimal(0))


@pytest.mark.parametrize(
    ("size", "is_accepted"),
    [((128, 128), True), ((127, 4000), False), ((640, 127), False), ((1, 1), False)],
)
def test_an_image_that_is_too_small_is_refused_before_a_paid_call(
    harness: Harness, size: tuple[int, int], *, is_accepted: bool
) -> None:
    harness.images.size = size
    harness.jobs.put(a_new_job())

    harness.step()

    assert (harness.job.image is not None) is is_accepted
    if not is_accepted:
        job = harness.run()
        shown = project(job)["error"]
        assert harness.starts == 0
        assert shown["code"] == "image_invalid"
        assert "at least 128 pixels" in shown["message"]
        assert "128픽셀" in project(job, Language.KOREAN)["error"]["message"]


def two_images() -> Job:
    return a_new_job(chain=(ProviderId.VEO,), last_image="up2")


def test_both_images_are_prepared_before_the_paid_call(harness: Harness) -> None:
    harness.bucket.objects["uploads/ann/up2"] = b"a dog"
    harness.jobs.put(two_images())

    assert harness.step().last_image is None
    assert harness.starts == 0
    assert harness.step().last_image is not None
    harness.step()

    (request,) = harness.providers[ProviderId.VEO].requests
    uri = "gs://bucket/images/job1"
    assert request.image == ImageFile(jpeg=JPEG, uri=uri)
    assert request.last_image == ImageFile(jpeg=b"jpeg of a dog", uri=f"{uri}.last")
    assert harness.starts == 1


@pytest.mark.parametrize("last", [b"bad bytes", None])
def test_a_last_image_that_cannot_be_used_ends_the_job_unpaid(
    harness: Harness, last: bytes | None
) -> None:
    if last:
        harness.bucket.objects["uploads/ann/up2"] = last
    harness.jobs.create(two_images())

    job = harness.run()

    error = project(job)["error"]
    assert error["code"] == ("image_invalid" if last else "image_unreachable")
    assert error["message"].startswith("`last_image`: The image c")
    assert (harness.starts, job.cost_usd) == (0, Decimal(0))
    month = harness.jobs.accounts[job.ledger_key.accounts[0]].month
    assert month.held_usd == month.released_usd == Decimal("3.20")
    assert sum(harness.jobs.made["ann"].unpaid.values()) == 1


def test_each_image_has_four_tries(harness: Harness) -> None:
    last = "https://example.com/dog.jpg"
    harness.jobs.create(a_new_job(chain=(ProviderId.VEO,), last_image_url=last))
    tries = MAX_PREPARE_TRIES
    harness.web.failures.extend([Unreachable("503")] * (tries - 1))
    while harness.job.image is None:
        harness.clock.move(MINUTE)
        harness.step()
    harness.web.failures.extend([Unreachable("503")] * 2 * tries)

    job = harness.run()

    assert job.problem and job.problem.field == "last_image"
    assert job.problem.code is ErrorCode.IMAGE_UNREACHABLE
    assert len(harness.web.failures) == tries


def test_a_worker_that_dies_with_the_last_image_does_not_lose_the_first(
    harness: Harness,
) -> None:
    harness.bucket.objects["uploads/ann/up2"] = b"a dog"
    harness.jobs.put(two_images())
    first = harness.step().image
    harness.jobs.put(apply(harness.job, PrepareStarted(), harness.clock.now()))

    harness.clock.move(PREPARE_LIMIT)
    job = harness.step()

    assert (job.image, job.prepare_tries) == (first, 0)
    assert job.last_image is not None


def test_a_late_outcome_of_the_first_image_does_not_apply_to_the_last(
    harness: Harness,
) -> None:
    harness.jobs.put(two_images())
    job = harness.step()
    assert job.image is not None
    missed = PrepareFailed(problem=Problem(code=ErrorCode.IMAGE_UNREACHABLE))

    for late in (Prepared(image=job.image), missed):
        assert apply(job, late, harness.clock.now()) is job


def test_a_job_without_an_image_needs_no_preparation(harness: Harness) -> None:
    chain = (ProviderId.RUNWAY, ProviderId.VEO)
    harness.jobs.create(a_new_job(chain=chain, image_url=None))
    harness.providers[ProviderId.VEO].polls = [Succeeded()]

    job = harness.run()

    assert [(a.provider_id, a.state) for a in job.attempts] == [
        ("runway", "skipped"),
        ("gemini-veo-3.1", "succeeded"),
    ]
    (request,) = harness.providers[ProviderId.VEO].requests
    assert (request.image, request.last_image) == (None, None)
    assert request.aspect_ratio == "16:9"
    assert harness.jobs.made["ann"].unpaid == {}

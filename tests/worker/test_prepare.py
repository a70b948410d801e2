"""An image is fetched once, checked, and kept as one JPEG."""

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import NotPublic, Unreachable
from shared.domain.job import Job, Language
from shared.domain.outcomes import ImageRefused, Prepared, PreparedImage, PrepareMissed
from shared.domain.projection import project
from tests.domain.examples import MINUTE, a_new_job
from tests.usecases.harness import Harness

JPEG = b"jpeg of a cat"
CAT = "https://example.com/cat.jpg"


def an_upload_job() -> Job:
    return a_new_job(image="up1", image_url=None)


@pytest.mark.parametrize("job", [a_new_job(), an_upload_job()], ids=["url", "upload"])
def test_a_image_is_kept_as_a_jpeg(harness: Harness, job: Job) -> None:
    harness.bucket.objects["uploads/ann/up1"] = b"a cat"

    outcome = harness.preparation.prepare(job)

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


def test_an_upload_exchanged_after_the_check_is_not_what_is_sent(
    harness: Harness,
) -> None:
    harness.jobs.put(an_upload_job())
    harness.bucket.objects["uploads/ann/up1"] = b"a cat"
    harness.advance("job1", from_starts_queue=True)

    harness.bucket.objects["uploads/ann/up1"] = b"a bomb"
    harness.clock.move(MINUTE)
    harness.advance("job1", from_starts_queue=True)

    (order,) = harness.providers[ProviderId.RUNWAY].requests
    assert order.jpeg == JPEG


def test_preparing_twice_keeps_the_same_image(harness: Harness) -> None:
    first = harness.preparation.prepare(a_new_job())

    assert harness.preparation.prepare(a_new_job()) == first


def test_an_upload_of_another_user_is_not_there(harness: Harness) -> None:
    harness.bucket.objects["uploads/bob/up1"] = b"bob's"

    outcome = harness.preparation.prepare(an_upload_job())

    assert isinstance(outcome, ImageRefused)
    assert outcome.problem.code == "image_unreachable"


@pytest.mark.parametrize("body", [b"bad bytes", b"", b"x" * 16_000_001])
def test_what_is_no_image_is_refused(harness: Harness, body: bytes) -> None:
    harness.web.bodies[CAT] = body

    outcome = harness.preparation.prepare(a_new_job())

    assert isinstance(outcome, ImageRefused)
    assert outcome.problem.code == "image_invalid"


def test_an_upload_that_is_too_large_is_refused(harness: Harness) -> None:
    harness.bucket.objects["uploads/ann/up1"] = b"x" * 16_000_001

    assert isinstance(harness.preparation.prepare(an_upload_job()), ImageRefused)


def test_an_address_that_must_not_be_fetched_is_refused(harness: Harness) -> None:
    harness.web.failures = [NotPublic("10.0.0.1")]

    outcome = harness.preparation.prepare(a_new_job())

    assert isinstance(outcome, ImageRefused)
    assert outcome.problem.code == "image_unreachable"


def test_an_address_that_does_not_answer_is_tried_again(harness: Harness) -> None:
    harness.web.failures = [Unreachable("503")]

    outcome = harness.preparation.prepare(a_new_job())

    assert isinstance(outcome, PrepareMissed)
    assert outcome.problem.code == "image_unreachable"
    assert isinstance(harness.preparation.prepare(a_new_job()), Prepared)


@pytest.mark.parametrize("job", [a_new_job(), an_upload_job()], ids=["url", "upload"])
def test_our_own_bucket_being_down_is_not_the_images_fault(
    harness: Harness, job: Job
) -> None:
    harness.bucket.failures = [Unreachable("down")]

    with pytest.raises(Unreachable):
        harness.preparation.prepare(job)


@pytest.mark.parametrize(
    ("size", "is_taken"),
    [((128, 128), True), ((127, 4000), False), ((640, 127), False), ((1, 1), False)],
)
def test_an_image_that_is_too_small_is_refused_before_anyone_is_paid(
    harness: Harness, size: tuple[int, int], *, is_taken: bool
) -> None:
    harness.images.size = size
    harness.jobs.put(a_new_job())

    harness.step()

    assert (harness.job.image is not None) is is_taken
    if not is_taken:
        job = harness.run()
        shown = project(job)["error"]
        assert harness.starts == 0
        assert shown["code"] == "image_invalid"
        assert "at least 128 pixels" in shown["message"]
        assert "128픽셀" in project(job, Language.KOREAN)["error"]["message"]

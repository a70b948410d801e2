"""A picture is fetched once, checked, and kept as one JPEG."""

import pytest

from shared.domain.catalogue import Link
from shared.domain.errors import NotPublic, Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import Picture, PictureRefused, Prepared, PrepareMissed
from tests.domain.examples import MINUTE, a_new_job
from tests.usecases.stage import Stage

JPEG = b"jpeg of a cat"
CAT = "https://example.com/cat.jpg"


@pytest.fixture
def stage() -> Stage:
    return Stage()


def an_upload_job() -> Job:
    return a_new_job(image="up1", image_url=None)


@pytest.mark.parametrize("job", [a_new_job(), an_upload_job()], ids=["url", "upload"])
def test_a_picture_is_kept_as_a_jpeg(stage: Stage, job: Job) -> None:
    stage.bucket.objects["uploads/ann/up1"] = b"a cat"

    outcome = stage.preparation.prepare(job)

    assert outcome == Prepared(
        picture=Picture(
            object_name="images/job1", width=1280, height=720, size_bytes=len(JPEG)
        )
    )
    assert stage.bucket.objects["images/job1"] == JPEG
    assert stage.bucket.content_types["images/job1"] == "image/jpeg"


def test_an_upload_exchanged_after_the_check_is_not_what_is_sent(stage: Stage) -> None:
    stage.jobs.put(an_upload_job())
    stage.bucket.objects["uploads/ann/up1"] = b"a cat"
    stage.advance("job1", from_starts_queue=True)

    stage.bucket.objects["uploads/ann/up1"] = b"a bomb"
    stage.clock.move(MINUTE)
    stage.advance("job1", from_starts_queue=True)

    (order,) = stage.links[Link.RUNWAY].orders
    assert order.jpeg == JPEG


def test_preparing_twice_keeps_the_same_picture(stage: Stage) -> None:
    first = stage.preparation.prepare(a_new_job())

    assert stage.preparation.prepare(a_new_job()) == first


def test_an_upload_of_another_user_is_not_there(stage: Stage) -> None:
    stage.bucket.objects["uploads/bob/up1"] = b"bob's"

    outcome = stage.preparation.prepare(an_upload_job())

    assert isinstance(outcome, PictureRefused)
    assert outcome.problem.code == "image_unreachable"


@pytest.mark.parametrize("body", [b"bad bytes", b"", b"x" * 16_000_001])
def test_what_is_no_picture_is_refused(stage: Stage, body: bytes) -> None:
    stage.web.bodies[CAT] = body

    outcome = stage.preparation.prepare(a_new_job())

    assert isinstance(outcome, PictureRefused)
    assert outcome.problem.code == "image_invalid"


def test_an_upload_that_is_too_large_is_refused(stage: Stage) -> None:
    stage.bucket.objects["uploads/ann/up1"] = b"x" * 16_000_001

    assert isinstance(stage.preparation.prepare(an_upload_job()), PictureRefused)


def test_an_address_that_must_not_be_fetched_is_refused(stage: Stage) -> None:
    stage.web.failures = [NotPublic("10.0.0.1")]

    outcome = stage.preparation.prepare(a_new_job())

    assert isinstance(outcome, PictureRefused)
    assert outcome.problem.code == "image_unreachable"


def test_an_address_that_does_not_answer_is_tried_again(stage: Stage) -> None:
    stage.web.failures = [Unreachable("503")]

    outcome = stage.preparation.prepare(a_new_job())

    assert isinstance(outcome, PrepareMissed)
    assert outcome.problem.code == "image_unreachable"
    assert isinstance(stage.preparation.prepare(a_new_job()), Prepared)


@pytest.mark.parametrize("job", [a_new_job(), an_upload_job()], ids=["url", "upload"])
def test_our_own_bucket_being_down_is_not_the_pictures_fault(
    stage: Stage, job: Job
) -> None:
    stage.bucket.failures = [Unreachable("down")]

    with pytest.raises(Unreachable):
        stage.preparation.prepare(job)

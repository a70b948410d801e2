"""Callers upload images into their own folder, directly or inside a request."""

import pytest

from shared.domain.errors import TooLarge, Unreachable
from shared.domain.ledger import Limits
from shared.domain.request import MAX_IMAGE_BYTES, UploadRequest
from shared.domain.specs import Identifier
from shared.jobs.commit import CONTENTION_BACKOFF
from shared.ports.identity import Caller
from shared.usecases.uploads import content_of
from tests.fakes.bucket import FakeBucket
from tests.fakes.interpose import before
from tests.fakes.jobs import FakeJobs, Trouble
from tests.usecases.harness import Harness

ANN, BOB = Caller(user_id="a/b"), Caller(user_id="bob")
PNG = UploadRequest(content_type="image/png", size_bytes=123)


@pytest.fixture
def harness() -> Harness:
    return Harness(jobs=FakeJobs(Limits(max_uploads_per_minute=2)))


def test_an_upload_goes_to_the_callers_own_folder(harness: Harness) -> None:
    image, signed = harness.start_upload(ANN, PNG)

    assert image == "id1"
    assert signed.url.startswith("https://storage.example/uploads/a%2Fb/id1?")
    assert signed.headers["content-type"] == "image/png"
    assert signed.headers["x-goog-content-length-range"] == "123,123"


@pytest.mark.parametrize("trouble", [Trouble.LOST_RACE, Trouble.NOT_APPLIED])
def test_no_upload_is_signed_before_it_is_counted(
    harness: Harness, trouble: Trouble
) -> None:
    harness.jobs.troubles = [trouble]
    harness.start_upload(ANN, PNG)
    assert harness.jobs.made["a/b"].uploads == 1

    harness.jobs.troubles = [trouble] * (len(CONTENTION_BACKOFF) + 1)
    signed = before(harness.bucket, "sign_upload", lambda: None)
    with pytest.raises(Unreachable):
        harness.start_upload(ANN, PNG)
    assert signed == []


def test_an_inline_image_is_named_first_and_stored_later(harness: Harness) -> None:
    bucket = harness.bucket = FakeBucket()

    image, keep = harness.store_inline_image(ANN, b"an image", "image/png")
    assert bucket.objects == {}
    bucket.failures = [Unreachable("down")]
    with pytest.raises(Unreachable):
        keep()

    keep()

    assert bucket.objects == {f"uploads/a%2Fb/{image}": b"an image"}
    assert list(bucket.content_types.values()) == ["image/png"]


def test_equal_contents_get_different_names_for_each_request(harness: Harness) -> None:
    contents = (b"an image", b"an image", b"another")

    images = [
        harness.store_inline_image(ANN, content, "image/png")[0] for content in contents
    ]

    assert len(set(images)) == 3
    first, again, other = map(content_of, images)
    assert first == again != other
    assert [Identifier(max_length=128).parse(image) for image in images] == images


@pytest.mark.parametrize("image", ["up-1", "a" * 40, f"{'g' * 40}-1", "a" * 39 + "-1"])
def test_any_other_name_stands_for_its_own_content(image: str) -> None:
    assert content_of(image) == image


def test_an_image_above_the_limit_is_refused(harness: Harness) -> None:
    harness.store_inline_image(ANN, bytes(MAX_IMAGE_BYTES), "image/png")

    with pytest.raises(TooLarge):
        harness.store_inline_image(ANN, bytes(MAX_IMAGE_BYTES + 1), "image/png")

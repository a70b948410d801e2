"""Callers put images into their own folder, directly or inside a request."""

import pytest

from shared.domain.errors import TooLarge, TooManyJobs, Unreachable
from shared.domain.ledger import Limits
from shared.domain.request import LARGEST_IMAGE_BYTES, UploadRequest
from shared.domain.specs import Identifier
from shared.jobs.commit import CROWDED_BACKOFF
from shared.ports.identity import Caller
from shared.system import RandomIds
from shared.usecases.uploads import KeepUpload, StartUpload, content_of
from tests.domain.examples import MINUTE
from tests.fakes.bucket import FakeBucket
from tests.fakes.clock import CountedIds, FrozenClock
from tests.fakes.jobs import FakeJobs, Trouble

ANN, BOB = Caller(user_id="a/b"), Caller(user_id="bob")
PNG = UploadRequest(content_type="image/png", size_bytes=123)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs(Limits(most_uploads_a_minute=2))


@pytest.fixture
def bucket() -> FakeBucket:
    return FakeBucket()


@pytest.fixture
def start(jobs: FakeJobs, bucket: FakeBucket, clock: FrozenClock) -> StartUpload:
    return StartUpload(
        quotas=jobs, bucket=bucket, clock=clock, ids=CountedIds(), pause=clock.pause
    )


@pytest.fixture
def keep_upload(bucket: FakeBucket) -> KeepUpload:
    return KeepUpload(bucket=bucket, ids=RandomIds())


def test_an_upload_goes_to_the_callers_own_folder(start: StartUpload) -> None:
    image, signed = start(ANN, PNG)

    assert image == "id1"
    assert signed.url.startswith("https://storage.example/uploads/a%2Fb/id1?")
    assert signed.headers["content-type"] == "image/png"
    assert signed.headers["x-goog-content-length-range"] == "123,123"


def test_no_more_are_let_in_until_the_next_minute(
    start: StartUpload, clock: FrozenClock
) -> None:
    for _ in range(2):
        start(ANN, PNG)

    with pytest.raises(TooManyJobs):
        start(ANN, PNG)
    assert start(BOB, PNG)

    clock.move(MINUTE)
    assert start(ANN, PNG)


@pytest.mark.parametrize("trouble", [Trouble.LOST_RACE, Trouble.NOT_APPLIED])
def test_no_upload_is_signed_before_it_is_counted(
    start: StartUpload, jobs: FakeJobs, trouble: Trouble
) -> None:
    jobs.troubles = [trouble]
    start(ANN, PNG)
    assert jobs.made["a/b"].uploads == 1

    jobs.troubles = [trouble] * (len(CROWDED_BACKOFF) + 1)
    with pytest.raises(Unreachable):
        start(ANN, PNG)


def test_an_image_is_named_first_and_stored_later_in_the_callers_own_folder(
    keep_upload: KeepUpload, bucket: FakeBucket
) -> None:
    image, keep = keep_upload(ANN, b"an image", "image/png")
    assert bucket.objects == {}
    bucket.failures = [Unreachable("down")]
    with pytest.raises(Unreachable):
        keep()

    keep()

    assert bucket.objects == {f"uploads/a%2Fb/{image}": b"an image"}
    assert list(bucket.content_types.values()) == ["image/png"]


def test_each_request_has_its_own_name_for_the_same_content(
    keep_upload: KeepUpload,
) -> None:
    contents = (b"an image", b"an image", b"another")

    images = [keep_upload(ANN, content, "image/png")[0] for content in contents]

    assert len(set(images)) == 3
    first, again, other = map(content_of, images)
    assert first == again != other
    assert [Identifier(longest=128).parse(image) for image in images] == images


@pytest.mark.parametrize("image", ["up-1", "a" * 40, f"{'g' * 40}-1", "a" * 39 + "-1"])
def test_a_name_that_is_not_ours_is_its_own_content(image: str) -> None:
    assert content_of(image) == image


def test_the_largest_image_is_the_limit(keep_upload: KeepUpload) -> None:
    keep_upload(ANN, bytes(LARGEST_IMAGE_BYTES), "image/png")

    with pytest.raises(TooLarge):
        keep_upload(ANN, bytes(LARGEST_IMAGE_BYTES + 1), "image/png")

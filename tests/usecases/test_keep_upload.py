"""An image that came inside a request is kept like any upload."""

import pytest

from shared.domain.errors import TooLarge, Unreachable
from shared.domain.request import LARGEST_IMAGE_BYTES
from shared.domain.specs import Identifier
from shared.ports.identity import Caller
from shared.system import RandomIds
from shared.usecases.uploads import KeepUpload, content_of
from tests.fakes.bucket import FakeBucket

ANN = Caller(user_id="a/b")


@pytest.fixture
def bucket() -> FakeBucket:
    return FakeBucket()


@pytest.fixture
def keep_upload(bucket: FakeBucket) -> KeepUpload:
    return KeepUpload(bucket=bucket, ids=RandomIds())


def test_it_is_named_first_and_kept_in_the_callers_own_folder(
    keep_upload: KeepUpload, bucket: FakeBucket
) -> None:
    image, keep = keep_upload(ANN, b"an image", "image/png")
    assert bucket.objects == {}

    keep()

    assert bucket.objects == {f"uploads/a%2Fb/{image}": b"an image"}
    assert list(bucket.content_types.values()) == ["image/png"]


def test_each_request_has_a_name_of_its_own_that_tells_the_content(
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


def test_a_image_that_is_not_kept_is_told(
    keep_upload: KeepUpload, bucket: FakeBucket
) -> None:
    bucket.failures = [Unreachable("down")]
    _, keep = keep_upload(ANN, b"an image", "image/png")

    with pytest.raises(Unreachable):
        keep()

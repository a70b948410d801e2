"""A picture that came inside a request is kept like any upload."""

import pytest

from shared.domain.errors import TooLarge, Unreachable
from shared.domain.request import LARGEST_IMAGE_BYTES
from shared.ports import Caller
from shared.usecases.keep_upload import KeepUpload
from tests.fakes.bucket import FakeBucket

ANN = Caller(user_id="a/b")


def test_it_goes_to_the_callers_own_folder() -> None:
    bucket = FakeBucket()

    image = KeepUpload(bucket=bucket)(ANN, b"a picture", "image/png")

    assert bucket.objects == {f"uploads/a%2Fb/{image}": b"a picture"}
    assert list(bucket.content_types.values()) == ["image/png"]


def test_the_same_content_has_the_same_name() -> None:
    keep = KeepUpload(bucket=FakeBucket())

    first, again = (keep(ANN, b"a picture", "image/png") for _ in range(2))
    other = keep(ANN, b"another", "image/png")

    assert first == again != other
    assert len(first) == 40 and first.isalnum()


def test_the_largest_picture_is_the_limit() -> None:
    bucket = FakeBucket()
    keep = KeepUpload(bucket=bucket)

    keep(ANN, bytes(LARGEST_IMAGE_BYTES), "image/png")
    with pytest.raises(TooLarge):
        keep(ANN, bytes(LARGEST_IMAGE_BYTES + 1), "image/png")

    assert len(bucket.objects) == 1


def test_a_picture_that_is_not_kept_is_told() -> None:
    bucket = FakeBucket()
    bucket.failures = [Unreachable("down")]

    with pytest.raises(Unreachable):
        KeepUpload(bucket=bucket)(ANN, b"a picture", "image/png")

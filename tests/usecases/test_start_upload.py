"""A caller may put one picture into their own folder."""

from shared.domain.request import UploadRequest
from shared.ports import Caller
from shared.usecases.start_upload import StartUpload
from tests.fakes.bucket import FakeBucket
from tests.fakes.clock import CountedIds


def test_an_upload_goes_to_the_callers_own_folder() -> None:
    start = StartUpload(bucket=FakeBucket(), ids=CountedIds())
    asked = UploadRequest(content_type="image/png", size_bytes=123)

    image, signed = start(Caller(user_id="a/b"), asked)

    assert image == "id1"
    assert signed.url.startswith("https://storage.example/uploads/a%2Fb/id1?")
    assert signed.headers["content-type"] == "image/png"
    assert signed.headers["x-goog-content-length-range"] == "123,123"

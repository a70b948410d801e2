"""Let a caller put a picture into our bucket by a signed PUT."""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.naming import upload_object
from shared.domain.request import UploadRequest
from shared.ports import Bucket, Caller, Ids, SignedUpload

LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUpload:
    bucket: Bucket
    ids: Ids

    def __call__(
        self, caller: Caller, request: UploadRequest
    ) -> tuple[str, SignedUpload]:
        """The `image` to name in a job of the same user, and how to send it."""
        image = self.ids.new()
        signed = self.bucket.sign_upload(
            upload_object(caller.user_id, image),
            content_type=request.content_type,
            size_bytes=request.size_bytes,
            lifetime=LIFETIME,
        )
        return image, signed

"""Keep a picture that came inside a request, as if its sender had uploaded it."""

from dataclasses import dataclass
from hashlib import sha256

from shared.domain.errors import TooLarge
from shared.domain.naming import upload_object
from shared.domain.request import LARGEST_IMAGE_BYTES
from shared.ports import Bucket, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepUpload:
    bucket: Bucket

    def __call__(self, caller: Caller, content: bytes, content_type: str) -> str:
        """The `image` to name in a job of the same user; TooLarge above 16 MB.

        The same content has the same name, so a request sent twice asks the same.
        """
        if len(content) > LARGEST_IMAGE_BYTES:
            raise TooLarge
        image = sha256(content).hexdigest()[:40]
        self.bucket.write(
            upload_object(caller.user_id, image),
            iter([content]),
            content_type=content_type,
        )
        return image

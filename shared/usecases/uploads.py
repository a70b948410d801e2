"""Accepts images, either uploaded to the bucket by the caller or sent in a request."""

import io
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from hashlib import sha256

from msgspec import Struct

from shared.domain.errors import CommitUncertain, LostRace, TooLarge, Unreachable
from shared.domain.naming import upload_object
from shared.domain.request import MAX_IMAGE_BYTES, UploadRequest
from shared.jobs.commit import CONTENTION_BACKOFF, tries
from shared.ports.identity import Caller
from shared.ports.storage import Bucket, SignedUpload
from shared.ports.store import Clock, Ids, Quotas

LIFETIME = timedelta(minutes=15)

StoreImage = Callable[[], None]
"""Stores an image under the name it already has; Unreachable."""

_INLINE_NAME = re.compile(r"([0-9a-f]{40})-[A-Za-z0-9]+")


class StartUpload(Struct, frozen=True, kw_only=True):
    """Lets a caller upload an image with a signed PUT.

    The upload is counted before its URL is signed, so a call that dies in between
    still counts.
    """

    quotas: Quotas
    bucket: Bucket
    clock: Clock
    ids: Ids
    pause: Callable[[float], None]

    def __call__(
        self, caller: Caller, request: UploadRequest
    ) -> tuple[str, SignedUpload]:
        """The `image` that requests of the same user can name, and how to upload it.

        TooManyJobs if the caller has reached the limit of uploads per minute.
        """
        self._count(caller)
        image = self.ids.new()
        signed = self.bucket.sign_upload(
            upload_object(caller.user_id, image),
            content_type=request.content_type,
            size_bytes=request.size_bytes,
            lifetime=LIFETIME,
        )
        return image, signed

    def _count(self, caller: Caller) -> None:
        """An uncertain count is repeated: at worst one upload counts as two."""
        for _ in tries(CONTENTION_BACKOFF, self.pause):
            with suppress(LostRace, CommitUncertain):
                self.quotas.count_upload(caller.user_id, self.clock.now())
                return
        raise Unreachable("it is uncertain whether the upload is counted")


class StoreInlineImage(Struct, frozen=True, kw_only=True):
    """Stores an image that was sent in a request as if the caller had uploaded it."""

    bucket: Bucket
    ids: Ids

    def __call__(
        self, caller: Caller, content: bytes, content_type: str
    ) -> tuple[str, StoreImage]:
        """The `image` that requests of the same user can name, and a function that
        stores it.

        TooLarge above 16 MB. The name begins with a hash of the content, and no two
        requests share a name, so deleting one job never removes another's image.
        """
        if len(content) > MAX_IMAGE_BYTES:
            raise TooLarge
        image = f"{sha256(content).hexdigest()[:40]}-{self.ids.new()}"
        name = upload_object(caller.user_id, image)
        return image, partial(self._store, name, content, content_type)

    def _store(self, name: str, content: bytes, content_type: str) -> None:
        self.bucket.write(name, io.BytesIO(content), content_type=content_type)


def content_of(image: str) -> str:
    """The content hash in a name by StoreInlineImage; any other name as it is."""
    match = _INLINE_NAME.fullmatch(image)
    return match[1] if match else image

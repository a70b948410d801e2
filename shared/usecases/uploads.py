"""Images as uploads: put into the bucket by the caller, or sent inside a request."""

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
from shared.domain.request import LARGEST_IMAGE_BYTES, UploadRequest
from shared.jobs.commit import CROWDED_BACKOFF, tries
from shared.ports.identity import Caller
from shared.ports.storage import Bucket, SignedUpload
from shared.ports.store import Clock, Ids, Quotas

LIFETIME = timedelta(minutes=15)

Keep = Callable[[], None]
"""Stores an image under the name it already has; Unreachable."""

_KEPT = re.compile(r"([0-9a-f]{40})-[A-Za-z0-9]+")


class StartUpload(Struct, frozen=True, kw_only=True):
    """Lets a caller upload an image with a signed PUT.

    The upload is counted before its URL is signed, so a call that dies in between
    counts as an upload.
    """

    quotas: Quotas
    bucket: Bucket
    clock: Clock
    ids: Ids
    pause: Callable[[float], None]

    def __call__(
        self, caller: Caller, request: UploadRequest
    ) -> tuple[str, SignedUpload]:
        """The `image` to name in a job of the same user, and how to send it.

        TooManyJobs if the caller has reached this minute's number of uploads.
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
        for _ in tries(CROWDED_BACKOFF, self.pause):
            with suppress(LostRace, CommitUncertain):
                self.quotas.count_upload(caller.user_id, self.clock.now())
                return
        raise Unreachable("the upload is not known to be counted")


class KeepUpload(Struct, frozen=True, kw_only=True):
    """Keeps an image that came inside a request as if its caller had uploaded it."""

    bucket: Bucket
    ids: Ids

    def __call__(
        self, caller: Caller, content: bytes, content_type: str
    ) -> tuple[str, Keep]:
        """The `image` to name in a job of the same user, and what stores it.

        TooLarge above 16 MB. The name begins with a hash of the content, and no two
        requests share a name, so deleting one job never removes another's image.
        """
        if len(content) > LARGEST_IMAGE_BYTES:
            raise TooLarge
        image = f"{sha256(content).hexdigest()[:40]}-{self.ids.new()}"
        name = upload_object(caller.user_id, image)
        return image, partial(self._store, name, content, content_type)

    def _store(self, name: str, content: bytes, content_type: str) -> None:
        self.bucket.write(name, io.BytesIO(content), content_type=content_type)


def content_of(image: str) -> str:
    """The hash in the name of an image that KeepUpload named; else the name itself."""
    kept = _KEPT.fullmatch(image)
    return kept[1] if kept else image

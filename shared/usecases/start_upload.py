"""Let a caller put an image into our bucket by a signed PUT."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.naming import upload_object
from shared.domain.request import UploadRequest
from shared.jobs.commit import CROWDED_BACKOFF, tries
from shared.ports.identity import Caller
from shared.ports.storage import (
    Bucket,
    SignedUpload,
)
from shared.ports.store import (
    Clock,
    Ids,
    Quotas,
)

LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUpload:
    """Counted before it is signed: a call that dies in between counts as an upload."""

    quotas: Quotas
    bucket: Bucket
    clock: Clock
    ids: Ids
    pause: Callable[[float], None]

    def __call__(
        self, caller: Caller, request: UploadRequest
    ) -> tuple[str, SignedUpload]:
        """The `image` to name in a job of the same user, and how to send it.

        TooManyJobs where the caller was let upload as many this minute as may be.
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
        """What is unclear is counted again: at worst one upload counts as two."""
        for _ in tries(CROWDED_BACKOFF, self.pause):
            with suppress(LostRace, CommitUncertain):
                self.quotas.count_upload(caller.user_id, self.clock.now())
                return
        raise Unreachable("the upload is not known to be counted")

"""Store: fetches the result, checks it, and copies it create-only to its final name.

Every part is idempotent: a retry asks for a fresh URL and writes to the same name.
Nothing here generates a video, so nothing here costs money.
"""

import io
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import BinaryIO

import structlog
from msgspec import Struct

from shared.domain.catalogue import AspectRatio
from shared.domain.delivery import VideoFacts, difference
from shared.domain.errors import (
    BadContent,
    ErrorCode,
    LostRace,
    Problem,
    TaskGone,
    Unreachable,
)
from shared.domain.job import Attempt, Job
from shared.domain.naming import incoming_folder, poster_object, video_object
from shared.domain.next_action import poller
from shared.domain.outcomes import Delivered, Stored, StoreFailed
from shared.jobs.video_urls import sign_urls
from shared.ports.providers import BucketFile, InlineFile, Provider, Result, WebFile
from shared.ports.storage import Bucket, StoredObject, VideoCheck, Web
from shared.ports.store import Clock
from shared.tracing import span
from shared.worker.follow import task_of

log = structlog.get_logger()

MAX_VIDEO_BYTES = 500_000_000
VIDEO_TYPE, POSTER_TYPE = "video/mp4", "image/jpeg"


class _ResultUnavailable(Unreachable):
    """The vendor does not hand out its result now; our storage is not at fault."""


# The code says whose fault it is; the first match counts.
_CODES: Mapping[type[Exception], ErrorCode] = {
    BadContent: ErrorCode.BAD_OUTPUT,
    TaskGone: ErrorCode.PROVIDER_ERROR,
    _ResultUnavailable: ErrorCode.PROVIDER_UNAVAILABLE,
    Unreachable: ErrorCode.STORAGE_FAILED,
    OSError: ErrorCode.STORAGE_FAILED,  # such as a full disk
}
_FAILURES = tuple(_CODES)


class StoreStep(Struct, frozen=True, kw_only=True):
    bucket: Bucket
    web: Web
    check: VideoCheck
    clock: Clock

    def fetch_result(
        self, job: Job, attempt: Attempt, provider: Provider | None, copy: BinaryIO
    ) -> StoredObject | StoreFailed:
        """The file to check: what an earlier try stored, or else the vendor's result.

        `copy` gets the bytes of a file that is downloaded through this process.
        """
        began_at = self.clock.now()
        try:
            kept = self.bucket.find(_final_name(job, attempt))
            return kept or self._fetch_result(job, attempt, provider, copy)
        except _FAILURES as error:
            return _failed(job, attempt, error, began_at)

    def check_and_store(
        self, job: Job, attempt: Attempt, found: StoredObject, copy: BinaryIO
    ) -> Stored | StoreFailed:
        """Check the file and store it under its final name.

        It is decoded, which may kill this process: commit `CheckStarted` first.
        `attempt`: as after that commit. `copy`: as `fetch_result` left it.
        """
        began_at = self.clock.now()
        try:
            delivered = self._deliver(job, attempt, found, copy)
            now = self.clock.now()
            urls = sign_urls(job, delivered, bucket=self.bucket, now=now)
        except _FAILURES as error:
            return _failed(job, attempt, error, began_at)
        return Stored(attempt_id=attempt.attempt_id, delivered=delivered, urls=urls)

    def _deliver(
        self, job: Job, attempt: Attempt, found: StoredObject, copy: BinaryIO
    ) -> Delivered:
        """The poster comes last: only the worker whose video was stored writes it."""
        facts = self._inspect(found, copy, job, attempt)
        kept = self._keep_video(found, _final_name(job, attempt))
        return Delivered(
            object_name=kept.name,
            duration_seconds=round(facts.duration_seconds, 3),
            width=facts.width,
            height=facts.height,
            has_audio=facts.has_audio,
            size_bytes=kept.size_bytes,
            crc32c=kept.crc32c,
            aspect_ratio=_ordered_ratio(job, attempt),
            poster_name=self._keep_poster(job, attempt, facts.poster),
        )

    def _keep_video(self, found: StoredObject, target: str) -> StoredObject:
        if found.name == target:
            return found
        try:
            final = self.bucket.copy_new(found, target)
        except LostRace:
            raise Unreachable("another worker stored it in between") from None
        if final.crc32c != found.crc32c:
            # If it stayed, every later try would find it.
            self.bucket.delete(target)
            raise Unreachable("the copy differs from its source")
        return final

    def _keep_poster(self, job: Job, attempt: Attempt, poster: bytes) -> str | None:
        if not poster:
            return None
        name = poster_object(job.user_id, job.job_id, attempt.attempt_id)
        content = io.BytesIO(poster)
        return self.bucket.write(name, content, content_type=POSTER_TYPE).name

    def _fetch_result(
        self, job: Job, attempt: Attempt, provider: Provider | None, copy: BinaryIO
    ) -> StoredObject:
        """Bring the result under `incoming/`, wherever the vendor left it."""
        folder = incoming_folder(job.job_id, attempt.attempt_id)
        result = self._locate_result(attempt, provider)
        match result:
            case BucketFile(gs_uri=gs_uri):
                name = self.bucket.name(gs_uri)
                if not name.startswith(folder):
                    raise BadContent("the vendor named a file that is not this job's")
                written = self.bucket.find(name)
                if written is None:
                    raise _ResultUnavailable("the vendor's file is not there yet")
                return written
            case InlineFile(content=content):
                copy.write(content)
            case WebFile():
                self._download(result, copy)
        return self.bucket.write(f"{folder}fetched.mp4", copy, content_type=VIDEO_TYPE)

    def _locate_result(self, attempt: Attempt, provider: Provider | None) -> Result:
        if attempt.gs_uri is not None:
            return BucketFile(gs_uri=attempt.gs_uri)
        if provider is None:
            raise _ResultUnavailable("its provider is not configured")
        try:
            with span("provider fetch", ai_model=poller(attempt)):
                return provider.fetch(task_of(attempt))
        except Unreachable as error:
            raise _ResultUnavailable(str(error)) from error

    def _download(self, result: WebFile, copy: BinaryIO) -> None:
        try:
            for chunk in self.web.stream(result, max_bytes=MAX_VIDEO_BYTES):
                copy.write(chunk)
        except (Unreachable, BadContent) as error:
            # An error page with status 200 says nothing about the video.
            raise _ResultUnavailable(str(error)) from error

    def _inspect(
        self, stored: StoredObject, copy: BinaryIO, job: Job, attempt: Attempt
    ) -> VideoFacts:
        """Decode the local copy if there is one: the write compared their checksums."""
        is_here = copy.seek(0, io.SEEK_END) > 0
        with nullcontext(copy) if is_here else self.bucket.open(stored) as file:
            file.seek(0)
            facts = self.check.inspect(file, size_bytes=stored.size_bytes)
        wrong = difference(
            job.request,
            facts,
            ordered_seconds=attempt.duration_seconds,
            ordered_ratio=_ordered_ratio(job, attempt),
        )
        if wrong:
            raise BadContent(f"not what was ordered: {wrong}")
        return facts


def _final_name(job: Job, attempt: Attempt) -> str:
    return video_object(job.user_id, job.job_id, attempt.attempt_id)


def _ordered_ratio(job: Job, attempt: Attempt) -> AspectRatio:
    """Attempts of older releases have none, but their requests always had one."""
    ratio = attempt.aspect_ratio or job.request.aspect_ratio
    assert ratio is not None, "it was asked for when the attempt began"
    return ratio


def _failed(
    job: Job, attempt: Attempt, why: Exception, began_at: datetime
) -> StoreFailed:
    code = next(code for kind, code in _CODES.items() if isinstance(why, kind))
    problem = Problem(code=code, detail=str(why))
    log.warning("video_not_stored", job_id=job.job_id, code=code, why=problem.detail)
    return StoreFailed(
        attempt_id=attempt.attempt_id,
        problem=problem,
        tried_at=began_at,
        store_tries=attempt.store_tries,
        checking_until=attempt.checking_until,
    )

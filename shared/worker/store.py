"""Store: fetch the result, check it, copy it create-only to its final name.

Every part may be done again: a fresh address is asked for, the same place is written.
Nothing here can generate, so nothing here can cost.
"""

import io
from collections.abc import Mapping
from contextlib import nullcontext
from typing import BinaryIO

from msgspec import Struct

from shared.domain.catalogue import AspectRatio
from shared.domain.delivery import difference
from shared.domain.errors import (
    BadContent,
    ErrorCode,
    LostRace,
    Problem,
    ReelayError,
    TaskGone,
    Unreachable,
)
from shared.domain.job import Attempt, Job
from shared.domain.naming import incoming_folder, poster_object, video_object
from shared.domain.outcomes import Delivered, Stored, StoreMissed
from shared.jobs.video_urls import sign_urls
from shared.ports.providers import (
    BucketFile,
    InlineFile,
    Provider,
    Result,
    TaskRef,
    WebFile,
)
from shared.ports.storage import Bucket, StoredObject, VideoCheck, VideoFacts, Web
from shared.ports.store import Clock

LARGEST_VIDEO_BYTES = 500_000_000
VIDEO_TYPE, POSTER_TYPE = "video/mp4", "image/jpeg"


class _NotHandedOut(Unreachable):
    """The vendor does not hand out its result now: no fault of our storage."""


# Whose fault it is; the first that matches.
_CODES: Mapping[type[ReelayError], ErrorCode] = {
    BadContent: ErrorCode.BAD_OUTPUT,
    TaskGone: ErrorCode.PROVIDER_ERROR,
    _NotHandedOut: ErrorCode.PROVIDER_UNAVAILABLE,
    Unreachable: ErrorCode.STORAGE_FAILED,
}
_FAILURES = tuple(_CODES)


class Storing(Struct, frozen=True, kw_only=True):
    bucket: Bucket
    web: Web
    check: VideoCheck
    clock: Clock

    def bring_in(
        self, job: Job, attempt: Attempt, provider: Provider | None, copy: BinaryIO
    ) -> StoredObject | StoreMissed:
        """The file to keep: what an earlier try kept, or else the vendor's result.

        `copy` gets the bytes of a file that came through this process.
        """
        try:
            kept = self.bucket.find(video_object(job.user_id, job.job_id))
            return kept or self._bring_in(job, attempt, provider, copy)
        except _FAILURES as error:
            return _missed(attempt, error)

    def keep(
        self, job: Job, attempt: Attempt, found: StoredObject, copy: BinaryIO
    ) -> Stored | StoreMissed:
        """Decodes it: the caller has committed that, in case this process ends here.

        `copy`: as `bring_in` left it.
        """
        try:
            delivered = self._kept(job, attempt, found, copy)
            now = self.clock.now()
            urls = sign_urls(job, delivered, bucket=self.bucket, now=now)
        except _FAILURES as error:
            return _missed(attempt, error)
        return Stored(attempt_id=attempt.attempt_id, delivered=delivered, urls=urls)

    def _kept(
        self, job: Job, attempt: Attempt, found: StoredObject, copy: BinaryIO
    ) -> Delivered:
        """The poster comes last: only the worker whose video was kept writes it."""
        facts = self._checked(found, copy, job, attempt)
        kept = self._keep_video(job, found)
        return Delivered(
            object_name=kept.name,
            duration_seconds=round(facts.duration_seconds, 3),
            width=facts.width,
            height=facts.height,
            has_audio=facts.has_audio,
            size_bytes=kept.size_bytes,
            crc32c=kept.crc32c,
            aspect_ratio=_ordered_ratio(job, attempt),
            poster_name=self._keep_poster(job, facts.poster),
        )

    def _keep_video(self, job: Job, found: StoredObject) -> StoredObject:
        target = video_object(job.user_id, job.job_id)
        if found.name == target:
            return found
        try:
            final = self.bucket.copy_new(found, target)
        except LostRace:
            raise Unreachable("somebody else stored it in between") from None
        if final.crc32c != found.crc32c:
            # Left there, it would be what every later try finds.
            self.bucket.delete(target)
            raise Unreachable("the copy differs from its source")
        return final

    def _keep_poster(self, job: Job, poster: bytes) -> str | None:
        if not poster:
            return None
        name = poster_object(job.user_id, job.job_id)
        content = io.BytesIO(poster)
        return self.bucket.write(name, content, content_type=POSTER_TYPE).name

    def _bring_in(
        self, job: Job, attempt: Attempt, provider: Provider | None, copy: BinaryIO
    ) -> StoredObject:
        """The result under `incoming/`, wherever the vendor left it."""
        folder = incoming_folder(job.job_id, attempt.attempt_id)
        result = self._result(attempt, provider)
        match result:
            case BucketFile(gs_uri=gs_uri):
                name = self.bucket.name(gs_uri)
                if not name.startswith(folder):
                    raise BadContent("the vendor named a file that is not this job's")
                written = self.bucket.find(name)
                if written is None:
                    raise _NotHandedOut("the vendor's file is not there yet")
                return written
            case InlineFile(content=content):
                copy.write(content)
            case WebFile():
                self._download(result, copy)
        return self.bucket.write(f"{folder}fetched.mp4", copy, content_type=VIDEO_TYPE)

    def _result(self, attempt: Attempt, provider: Provider | None) -> Result:
        if attempt.gs_uri is not None:
            return BucketFile(gs_uri=attempt.gs_uri)
        if provider is None or attempt.task_id is None:
            raise _NotHandedOut("its provider is not configured")
        try:
            task = TaskRef(task_id=attempt.task_id, model_id=attempt.model_id)
            return provider.fetch(task)
        except Unreachable as error:
            raise _NotHandedOut(str(error)) from error

    def _download(self, result: WebFile, copy: BinaryIO) -> None:
        try:
            for chunk in self.web.stream(result, most_bytes=LARGEST_VIDEO_BYTES):
                copy.write(chunk)
        except Unreachable as error:
            raise _NotHandedOut(str(error)) from error

    def _checked(
        self, stored: StoredObject, copy: BinaryIO, job: Job, attempt: Attempt
    ) -> VideoFacts:
        """What was written was compared with what is stored: its copy is the same."""
        is_here = copy.seek(0, io.SEEK_END) > 0
        with nullcontext(copy) if is_here else self.bucket.open(stored) as file:
            file.seek(0)
            facts = self.check.inspect(file, size_bytes=stored.size_bytes)
        wrong = difference(
            job.request,
            ordered_seconds=attempt.duration_seconds,
            ordered_ratio=_ordered_ratio(job, attempt),
            duration_seconds=facts.duration_seconds,
            width=facts.width,
            height=facts.height,
            has_audio=facts.has_audio,
            audio_seconds=facts.audio_seconds,
        )
        if wrong:
            raise BadContent(f"not what was ordered: {wrong}")
        return facts


def _ordered_ratio(job: Job, attempt: Attempt) -> AspectRatio:
    """An attempt of an older version has none, and its request always did."""
    ratio = attempt.aspect_ratio or job.request.aspect_ratio
    assert ratio is not None, "it was asked for when the attempt began"
    return ratio


def _missed(attempt: Attempt, why: Exception) -> StoreMissed:
    code = next(code for kind, code in _CODES.items() if isinstance(why, kind))
    problem = Problem(code=code, detail=str(why)[:300])
    return StoreMissed(attempt_id=attempt.attempt_id, problem=problem)

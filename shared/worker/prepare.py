"""Prepare: fetches and checks an image, and keeps a JPEG that all providers accept."""

import io

import structlog
from msgspec import Struct

from shared.domain.errors import (
    BadContent,
    ErrorCode,
    ImageFault,
    NotPublic,
    Problem,
    Unreachable,
)
from shared.domain.framing import MIN_SIDE_PIXELS
from shared.domain.job import Job
from shared.domain.naming import image_object, upload_object
from shared.domain.outcomes import ImageRefused, Prepared, PreparedImage, PrepareFailed
from shared.domain.request import MAX_IMAGE_BYTES, Frame
from shared.domain.structs import replace
from shared.ports.providers import WebFile
from shared.ports.storage import Bucket, ImageCheck, Jpeg, Web

log = structlog.get_logger()


class PrepareStep(Struct, frozen=True, kw_only=True):
    bucket: Bucket
    web: Web
    check: ImageCheck

    def prepare(
        self, job: Job, frame: Frame
    ) -> Prepared | ImageRefused | PrepareFailed:
        """Free and idempotent: the same image under the same name."""
        try:
            outcome = self._prepare(job, frame)
        except (Unreachable, OSError) as error:  # such as a full disk
            log.warning("image_not_prepared", job_id=job.job_id, why=str(error))
            return _failed(ErrorCode.STORAGE_FAILED, error, frame)
        if frame is Frame.FIRST or isinstance(outcome, Prepared):
            return outcome
        problem = replace(outcome.problem, field="last_image")
        return replace(outcome, problem=problem)

    def _prepare(
        self, job: Job, frame: Frame
    ) -> Prepared | ImageRefused | PrepareFailed:
        source = job.request.source(frame)
        assert source is not None, "there is an image to prepare"
        try:
            content = (
                self._read_upload(job.user_id, source.upload)
                if source.upload
                else self._fetch_url(source.url or "", frame)
            )
            if isinstance(content, PrepareFailed):
                return content
            if content is None:
                return _refused(ErrorCode.IMAGE_UNREACHABLE, "nothing was uploaded")
            jpeg = self.check.to_jpeg(content)
            _check_size(jpeg)
        except NotPublic as error:
            return _refused(ErrorCode.IMAGE_UNREACHABLE, error)
        except BadContent as error:
            return _refused(ErrorCode.IMAGE_INVALID, error, error.fault)
        return self._store_jpeg(job, frame, jpeg)

    def _read_upload(self, user_id: str, upload: str) -> bytes | None:
        name = upload_object(user_id, upload)
        return self.bucket.read(name, max_bytes=MAX_IMAGE_BYTES)

    def _fetch_url(self, url: str, frame: Frame) -> bytes | PrepareFailed:
        file = WebFile(url=url)
        try:
            return b"".join(self.web.stream(file, max_bytes=MAX_IMAGE_BYTES))
        except Unreachable as error:
            return _failed(ErrorCode.IMAGE_UNREACHABLE, error, frame)

    def _store_jpeg(self, job: Job, frame: Frame, jpeg: Jpeg) -> Prepared:
        kept = self.bucket.write(
            image_object(job.job_id, frame),
            io.BytesIO(jpeg.content),
            content_type="image/jpeg",
        )
        return Prepared(
            frame=frame,
            image=PreparedImage(
                object_name=kept.name,
                width=jpeg.width,
                height=jpeg.height,
                size_bytes=kept.size_bytes,
                source_width=jpeg.source_width,
                source_height=jpeg.source_height,
            ),
        )


def _check_size(jpeg: Jpeg) -> None:
    if min(jpeg.source_width, jpeg.source_height) < MIN_SIDE_PIXELS:
        raise BadContent("the image is too small", fault=ImageFault.TOO_SMALL)


def _failed(code: ErrorCode, why: Exception, frame: Frame) -> PrepareFailed:
    problem = Problem(code=code, detail=str(why))
    return PrepareFailed(problem=problem, frame=frame)


def _refused(
    code: ErrorCode, why: object, fault: ImageFault | None = None
) -> ImageRefused:
    problem = Problem(code=code, detail=str(why), image_fault=fault)
    return ImageRefused(problem=problem)

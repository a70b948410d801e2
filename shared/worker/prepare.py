"""Prepare: fetch each image once, check it, keep one JPEG that every link takes."""

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
from shared.domain.framing import LEAST_SIDE_PIXELS
from shared.domain.job import Job
from shared.domain.naming import image_object, upload_object
from shared.domain.outcomes import ImageRefused, Prepared, PreparedImage, PrepareMissed
from shared.domain.request import LARGEST_IMAGE_BYTES, Frame
from shared.domain.structs import replace
from shared.ports.providers import WebFile
from shared.ports.storage import Bucket, ImageCheck, Jpeg, Web

log = structlog.get_logger()


class Preparation(Struct, frozen=True, kw_only=True):
    bucket: Bucket
    web: Web
    check: ImageCheck

    def prepare(self, job: Job) -> Prepared | ImageRefused | PrepareMissed:
        """The next image of the job. Costs nothing and may be done again: the same
        image, the same name.
        """
        frame = job.frame_to_prepare or Frame.FIRST
        try:
            outcome = self._prepare(job, frame)
        except Unreachable as error:
            log.warning("image_not_prepared", job_id=job.job_id, why=str(error))
            return _missed(ErrorCode.STORAGE_FAILED, error, frame)
        if frame is Frame.FIRST or isinstance(outcome, Prepared):
            return outcome
        problem = replace(outcome.problem, field="last_image")
        return replace(outcome, problem=problem)

    def _prepare(
        self, job: Job, frame: Frame
    ) -> Prepared | ImageRefused | PrepareMissed:
        source = job.request.source(frame)
        assert source is not None, "there is an image to prepare"
        try:
            content = (
                self._uploaded(job.user_id, source.upload)
                if source.upload
                else self._fetched(source.url or "", frame)
            )
            if isinstance(content, PrepareMissed):
                return content
            if content is None:
                return _refused(ErrorCode.IMAGE_UNREACHABLE, "nothing was uploaded")
            jpeg = self.check.to_jpeg(content)
            _check_size(jpeg)
        except NotPublic as error:
            return _refused(ErrorCode.IMAGE_UNREACHABLE, error)
        except BadContent as error:
            return _refused(ErrorCode.IMAGE_INVALID, error, error.fault)
        return self._keep(job, frame, jpeg)

    def _uploaded(self, user_id: str, upload: str) -> bytes | None:
        name = upload_object(user_id, upload)
        return self.bucket.read(name, most_bytes=LARGEST_IMAGE_BYTES)

    def _fetched(self, url: str, frame: Frame) -> bytes | PrepareMissed:
        file = WebFile(url=url)
        try:
            return b"".join(self.web.stream(file, most_bytes=LARGEST_IMAGE_BYTES))
        except Unreachable as error:
            return _missed(ErrorCode.IMAGE_UNREACHABLE, error, frame)

    def _keep(self, job: Job, frame: Frame, jpeg: Jpeg) -> Prepared:
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
    if min(jpeg.source_width, jpeg.source_height) < LEAST_SIDE_PIXELS:
        raise BadContent("the image is too small", fault=ImageFault.TOO_SMALL)


def _missed(code: ErrorCode, why: Unreachable, frame: Frame) -> PrepareMissed:
    problem = Problem(code=code, detail=str(why)[:300])
    return PrepareMissed(problem=problem, frame=frame)


def _refused(
    code: ErrorCode, why: object, fault: ImageFault | None = None
) -> ImageRefused:
    problem = Problem(code=code, detail=str(why)[:300], image_fault=fault)
    return ImageRefused(problem=problem)

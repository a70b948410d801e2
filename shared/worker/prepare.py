"""Prepare: fetch the image once, check it, keep one JPEG that every link takes."""

from dataclasses import dataclass

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
from shared.domain.request import LARGEST_IMAGE_BYTES
from shared.ports.providers import WebFile
from shared.ports.storage import Bucket, ImageCheck, Jpeg, Web


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    bucket: Bucket
    web: Web
    check: ImageCheck

    def prepare(self, job: Job) -> Prepared | ImageRefused | PrepareMissed:
        """Costs nothing and may be done again: the same image, the same name.

        Unreachable where it is our own bucket that does not answer.
        """
        try:
            content = self._uploaded(job) if job.request.image else self._fetched(job)
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
        return self._keep(job, jpeg)

    def _uploaded(self, job: Job) -> bytes | None:
        name = upload_object(job.user_id, job.request.image or "")
        return self.bucket.read(name, most_bytes=LARGEST_IMAGE_BYTES)

    def _fetched(self, job: Job) -> bytes | PrepareMissed:
        file = WebFile(url=job.request.image_url or "")
        try:
            return b"".join(self.web.stream(file, most_bytes=LARGEST_IMAGE_BYTES))
        except Unreachable as error:
            problem = Problem(code=ErrorCode.IMAGE_UNREACHABLE, detail=str(error))
            return PrepareMissed(problem=problem)

    def _keep(self, job: Job, jpeg: Jpeg) -> Prepared:
        kept = self.bucket.write(
            image_object(job.job_id),
            iter([jpeg.content]),
            content_type="image/jpeg",
        )
        return Prepared(
            image=PreparedImage(
                object_name=kept.name,
                width=jpeg.width,
                height=jpeg.height,
                size_bytes=kept.size_bytes,
                source_width=jpeg.source_width,
                source_height=jpeg.source_height,
            )
        )


def _check_size(jpeg: Jpeg) -> None:
    if min(jpeg.source_width, jpeg.source_height) < LEAST_SIDE_PIXELS:
        raise BadContent("the image is too small", fault=ImageFault.TOO_SMALL)


def _refused(
    code: ErrorCode, why: object, fault: ImageFault | None = None
) -> ImageRefused:
    problem = Problem(code=code, detail=str(why)[:300], image_fault=fault)
    return ImageRefused(problem=problem)

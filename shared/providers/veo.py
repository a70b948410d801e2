"""Veo 3.1 on Google Cloud's Agent Platform: writes its MP4 into our own bucket."""

from google.auth.credentials import Credentials
from google.genai import types

from shared.domain.errors import TaskGone, Unreachable
from shared.domain.outcomes import Gone, Poll, PollFailed, Submission
from shared.ports.providers import (
    BucketFile,
    GenerationRequest,
    ImageFile,
    InlineFile,
    TaskRef,
)
from shared.providers import answer_limits, veo_answers
from shared.providers.google_client import CAUGHT, GoogleAccess, is_gone, submission_of
from shared.providers.paid_post import FREE_READ_SECONDS, READ_SECONDS, SendState
from shared.providers.redaction import describe

_API_VERSION = "v1beta1"
_JPEG = "image/jpeg"


class Veo:
    """The port `Provider` by google-genai.

    `inline`: the image goes, and the video comes, inside the messages; for a bucket
    that Google cannot reach.
    """

    def __init__(
        self,
        *,
        project: str,
        location: str,
        credentials: Credentials | None = None,
        base_url: str | None = None,
        inline: bool = False,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self.access = GoogleAccess.by_identity(
            project=project,
            location=location,
            credentials=credentials,
            base_url=base_url,
            api_version=_API_VERSION,
        )
        self._inline = inline
        self.writes_into_bucket = not inline
        self._read_seconds = read_seconds

    def start(self, request: GenerationRequest) -> Submission:
        send_state = SendState()
        try:
            with self.access.client(
                read_seconds=self._read_seconds,
                most_bytes=answer_limits.MOST_BYTES,
                send_state=send_state,
            ) as client:
                operation = client.models.generate_videos(
                    model=request.model_id,
                    source=self._source(request),
                    config=self._config(request),
                )
        except CAUGHT as error:
            return submission_of(error, send_state, request.prompt)
        return veo_answers.accepted(operation)

    def poll(self, task: TaskRef) -> Poll:
        try:
            operation = self._operation(task)
        except CAUGHT as error:
            detail = describe(error)
            return Gone(detail=detail) if is_gone(error) else PollFailed(detail=detail)
        return veo_answers.read(operation)

    def fetch(self, task: TaskRef) -> BucketFile | InlineFile:
        if task.gs_uri:
            return BucketFile(gs_uri=task.gs_uri)
        try:
            operation = self._operation(task)
        except CAUGHT as error:
            if is_gone(error):
                raise TaskGone("the operation is gone") from error
            raise Unreachable(describe(error)) from error
        return veo_answers.result(operation)

    def cancel(self, task: TaskRef) -> bool:
        """There is no way to cancel, so nothing is left to ask for."""
        return True

    def _operation(self, task: TaskRef) -> types.GenerateVideosOperation:
        with self.access.client(read_seconds=FREE_READ_SECONDS) as client:
            named = types.GenerateVideosOperation.model_validate({"name": task.task_id})
            operation = client.operations.get(named)
        # The SDK makes an empty operation of any JSON, which says nothing of the task.
        if not operation.name:
            raise TypeError("the answer is not an operation")
        return operation

    def _source(self, request: GenerationRequest) -> types.GenerateVideosSource:
        image = self._image(request.image)
        return types.GenerateVideosSource(prompt=request.prompt, image=image)

    def _image(self, image: ImageFile | None) -> types.Image | None:
        if image is None:
            return None
        if self._inline:
            return types.Image(image_bytes=image.jpeg, mime_type=_JPEG)
        return types.Image(gcs_uri=image.uri, mime_type=_JPEG)

    def _config(self, request: GenerationRequest) -> types.GenerateVideosConfig:
        return types.GenerateVideosConfig(
            number_of_videos=1,
            last_frame=self._image(request.last_image),
            output_gcs_uri=None if self._inline else request.output_uri,
            duration_seconds=request.duration_seconds,
            aspect_ratio=request.aspect_ratio.value,
            resolution=request.resolution.value,
            generate_audio=request.audio is not False,
            seed=request.seed,
        )

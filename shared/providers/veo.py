"""Veo 3.1 on Google Cloud's Agent Platform, which writes the MP4 into our bucket."""

from functools import partial

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
from shared.providers import response_limits, veo_operations
from shared.providers.google_client import (
    SDK_ERRORS,
    GoogleAccess,
    failure_of,
    is_gone,
    submission_of,
)
from shared.providers.paid_post import FREE_READ_SECONDS, READ_SECONDS, SendState

_API_VERSION = "v1beta1"
_JPEG = "image/jpeg"


class Veo:
    """The port `Provider` on google-genai.

    `inline`: image and video are sent inside requests and responses, for a bucket that
    Google can't reach.
    """

    def __init__(
        self,
        *,
        project: str,
        location: str,
        credentials: Credentials | None = None,
        base_url: str | None = None,
        inline: bool = False,
    ) -> None:
        self._access_in = partial(
            GoogleAccess.by_identity,
            project=project,
            credentials=credentials,
            base_url=base_url,
            api_version=_API_VERSION,
        )
        self.access = self._access_in(location=location)
        self._inline = inline
        self.writes_into_bucket = not inline

    def start(self, request: GenerationRequest) -> Submission:
        send_state = SendState()
        try:
            with self.access.client(
                read_seconds=READ_SECONDS,
                max_bytes=response_limits.MAX_BYTES,
                send_state=send_state,
            ) as client:
                operation = client.models.generate_videos(
                    model=request.model_id,
                    source=types.GenerateVideosSource(
                        prompt=request.prompt, image=self._image(request.image)
                    ),
                    config=self._config(request),
                )
        except SDK_ERRORS as error:
            return submission_of(error, send_state, request.prompt)
        return veo_operations.accepted(operation)

    def poll(self, task: TaskRef) -> Poll:
        try:
            return veo_operations.read(self._operation(task))
        except SDK_ERRORS as error:
            detail = failure_of(error)
            return Gone(detail=detail) if is_gone(error) else PollFailed(detail=detail)

    def fetch(self, task: TaskRef) -> BucketFile | InlineFile:
        try:
            return veo_operations.result(self._operation(task))
        except SDK_ERRORS as error:
            if is_gone(error):
                raise TaskGone("the operation is gone") from error
            raise Unreachable(failure_of(error)) from error

    def cancel(self, task: TaskRef) -> bool:
        """Veo can't cancel, so there is nothing left to do."""
        return True

    def _operation(self, task: TaskRef) -> types.GenerateVideosOperation:
        """Asked for where it was started, which may not be where starts go now."""
        location = veo_operations.location_of(task.task_id)
        access = self._access_in(location=location) if location else self.access
        with access.client(read_seconds=FREE_READ_SECONDS) as client:
            named = types.GenerateVideosOperation.model_validate({"name": task.task_id})
            operation = client.operations.get(named)
        # The SDK turns any JSON into an empty operation, which says nothing about the
        # task.
        if not operation.name:
            raise TypeError("the response is not an operation")
        return operation

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
            # Left to itself, Google adds bars to an image of another aspect ratio.
            resize_mode=types.ImageResizeMode.CROP if request.image else None,
        )

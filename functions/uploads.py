"""The api's call that returns a URL to upload an image to."""

from flask import Response

from functions.http.bodies import answer, read_object
from functions.http.route import Body, Call, Operation, Route
from functions.http.schemas import moment as moment_schema
from functions.http.schemas import record, text, texts_by_name, url
from shared import wiring
from shared.domain.projection import moment
from shared.domain.request import UPLOAD_FIELDS, UploadRequest

UPLOAD = record(
    "Upload",
    "Where to PUT an image, and its ID from then on.",
    image=text("The `image` of a video request.", "b8d1f0c2a7e94b56"),
    upload_url=url(
        "PUT the image's bytes here, once.",
        "https://storage.googleapis.com/reelay-videos/uploads/ann/b8d1f0c2a7e94b56",
    ),
    headers=texts_by_name(
        "Send exactly these headers with the PUT.", {"Content-Type": "image/jpeg"}
    ),
    expires_at=moment_schema("Until when `upload_url` is valid."),
)


def _start_upload(call: Call) -> Response:
    asked = UploadRequest.parse(read_object(call.request))
    image, signed = wiring.start_upload()(call.caller, asked)
    body = {
        "image": image,
        "upload_url": signed.url,
        "headers": dict(signed.headers),
        "expires_at": moment(signed.expires_at),
    }
    return answer(body, 201)


UPLOAD_ROUTES = (
    Route(
        method="POST",
        path="/v1/uploads",
        handler=_start_upload,
        operation=Operation(
            summary="Start an upload",
            description="Returns a signed URL. PUT the image to it with the returned "
            "headers, then pass `image` when you create a video.",
            tag="uploads",
            body=Body(
                title="UploadRequest",
                description="The image to upload.",
                fields=UPLOAD_FIELDS,
            ),
            answers={201: UPLOAD},
            problems=(429,),
        ),
    ),
)

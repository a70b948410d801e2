"""The api's route that returns a signed URL to upload an image to."""

from flask import Response

from functions.http.bodies import json_response, read_object
from functions.http.route import Body, Call, Route
from functions.http.schemas import moment, record, text, texts_by_name, url
from shared.domain.request import UPLOAD_FIELDS, UploadRequest
from shared.wiring import use_cases

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
    expires_at=moment("When `upload_url` expires."),
)


def _start_upload(call: Call) -> Response:
    request = UploadRequest.parse(read_object(call.request))
    image, signed = use_cases.start_upload()(call.caller, request)
    body = {
        "image": image,
        "upload_url": signed.url,
        "headers": dict(signed.headers),
        "expires_at": signed.expires_at,
    }
    return json_response(body, 201)


UPLOAD_ROUTES = (
    Route(
        method="POST",
        path="/v1/uploads",
        handler=_start_upload,
        summary="Start an upload",
        description="Returns a signed URL. PUT the image, of at least 128 pixels a "
        "side, to it with the returned headers, then pass `image` when you create "
        "a video.",
        tag="uploads",
        body=Body(
            title="UploadRequest",
            description="The image to upload.",
            fields=UPLOAD_FIELDS,
        ),
        responses={201: UPLOAD},
        problems=(429,),
    ),
)

"""The api's call that gives an address to upload an image to."""

from flask import Response

from functions.http.bodies import answer, read_object
from functions.http.route import Call, Operation, Route
from functions.http.schemas import ADDRESS, MOMENT, TEXT, record
from shared import wiring
from shared.domain.projection import moment
from shared.domain.request import UPLOAD_FIELDS, UploadRequest

UPLOAD = record(
    "Upload",
    image=TEXT,
    upload_url=ADDRESS,
    headers={"type": "object", "additionalProperties": TEXT},
    expires_at=MOMENT,
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


UPLOAD_OPERATION = Operation(
    summary="Get an address to PUT an image to, with exactly the headers given",
    summary_ko="이미지를 업로드할 주소를 받습니다. 응답의 headers 그대로 PUT합니다",
    tag="uploads",
    body=UPLOAD_FIELDS,
    answers={201: UPLOAD},
    problems=(429,),
    notes={
        "content_type": ("What the image is.", "이미지 형식입니다."),
        "size": ("Its exact size in bytes.", "정확한 크기(바이트)입니다."),
    },
    example={"content_type": "image/jpeg", "size": 179217},
)

UPLOAD_ROUTES = (
    Route(
        method="POST",
        path="/v1/uploads",
        handler=_start_upload,
        operation=UPLOAD_OPERATION,
    ),
)

"""OpenAI's Videos API, for its clients as they are: `/openai/v1/videos`."""

from flask import Response

from functions.http.bodies import (
    answer,
    read_key,
    read_query,
)
from functions.http.route import Call, Operation, Route
from functions.openai.errors import REFUSAL
from functions.openai.request import (
    CREATE_FIELDS,
    InlineImage,
    OpenAIRequest,
    read_asked,
    read_sending,
)
from functions.openai.video import (
    CONTENT_FIELDS,
    DELETED,
    LIST_FIELDS,
    PAGE,
    VIDEO,
    show_page,
    show_video,
)
from shared import wiring
from shared.domain.errors import Conflict, ConflictReason, NotFound
from shared.ports.identity import Caller
from shared.usecases.keep_upload import Keep

# The client asks every second unless it is told otherwise.
POLL_HEADERS = {"openai-poll-after-ms": "2000"}

VIDEO_ID = ("The `id` of a video of yours.", "내 영상의 id입니다.")


def _create_video(call: Call) -> Response:
    asked = OpenAIRequest.parse(read_asked(call.request))
    key, client_retry = read_key(call.request), read_sending(call.request)
    image, keep = _image(asked, call.caller)
    request = asked.video_request(image)
    taken = wiring.create_video()(
        call.caller, request, call.language, key, client_retry=client_retry, keep=keep
    )
    headers = {"Idempotent-Replayed": "true"} if taken.replayed else {}
    return answer(show_video(taken.job, call.language), headers=headers)


def _image(asked: OpenAIRequest, caller: Caller) -> tuple[str | None, Keep | None]:
    """The name of an image out of the request itself, and what keeps it."""
    image = asked.reference
    if not isinstance(image, InlineImage):
        return None, None
    return wiring.keep_upload()(caller, image.content, image.content_type)


def _get_video(call: Call) -> Response:
    job = wiring.get_video()(call.caller, call.arguments["job_id"])
    return answer(show_video(job, call.language), headers=POLL_HEADERS)


def _list_videos(call: Call) -> Response:
    asked = read_query(call.request, LIST_FIELDS)
    limit, after = asked["limit"], asked["after"]
    videos = wiring.list_videos()
    if after is None:
        page = videos(call.caller, limit=limit, status=None, cursor=None)
    else:
        page = videos.after(call.caller, job_id=after, limit=limit)
    return answer(show_page(page, call.language))


def _download_content(call: Call) -> Response:
    """Conflict while there is no video; NotFound for what we don't make of one."""
    if call.request.args.get("variant", "video") != "video":
        raise NotFound("thumbnails and spritesheets are not made")
    job = wiring.get_video()(call.caller, call.arguments["job_id"])
    if job.video_url is None:
        raise Conflict(reason=ConflictReason.NO_VIDEO)
    return Response(status=302, headers={"Location": job.video_url})


def _delete_video(call: Call) -> Response:
    job_id = call.arguments["job_id"]
    wiring.delete_video()(call.caller, job_id)
    return answer({"id": job_id, "deleted": True, "object": "video.deleted"})


CREATE_OPERATION = Operation(
    summary="Ask for a video as OpenAI's clients do, as a form or as JSON",
    summary_ko="OpenAI 클라이언트 방식(폼 또는 JSON)으로 영상을 요청합니다",
    tag="openai",
    body=CREATE_FIELDS,
    takes_form=True,
    request_headers=("Idempotency-Key", "x-stainless-retry-count"),
    answers={200: VIDEO},
    answer_headers=("Idempotent-Replayed",),
    problems=(409, 413, 415, 422, 429),
    refusal=REFUSAL,
    notes={
        "prompt": (
            "What should happen, in English; counted in UTF-16 units.",
            "영상에서 일어날 일을 영어로 설명합니다. 길이는 UTF-16 단위로 셉니다.",
        ),
        "input_reference": (
            "The first image, always needed: a JPEG, PNG or WebP file of at most "
            "16 MB, or its https or base64 data: address. `file_id` is not supported.",
            "첫 이미지이며 반드시 필요합니다. 16MB 이하의 JPEG, PNG, WebP 파일 또는 "
            "https나 base64 data: 주소를 보냅니다. file_id는 지원하지 않습니다.",
        ),
        "model": (
            "One of our names, or `auto`; any other, as `sora-2`, means `auto`.",
            "이 서비스의 모델 이름이나 auto입니다. sora-2처럼 다른 이름은 auto로 "
            "처리합니다.",
        ),
        "seconds": (
            "More than 10 means 10.",
            "10을 넘으면 10초로 만듭니다.",
        ),
        "size": (
            "Made as 720p or 1080p, never smaller; the answers say the size made.",
            "720p 또는 1080p로, 요청보다 작지 않게 만듭니다. 실제 크기는 응답의 size에 "
            "있습니다.",
        ),
        "Idempotency-Key": (
            "The same key and body gives the same video back, however often it is "
            "sent.",
            "같은 키와 본문으로 다시 보내면 새로 만들지 않고 같은 영상을 돌려줍니다.",
        ),
        "x-stainless-retry-count": (
            "Set by the clients: above 0 and without a key, it gives back the video "
            "that the same request made in the last 15 minutes.",
            "클라이언트가 넣는 값입니다. 0보다 크고 키가 없으면 최근 15분 안에 같은 "
            "요청으로 만든 영상을 돌려줍니다.",
        ),
    },
    example={
        "prompt": "The raccoon looks up and waves",
        "input_reference": {"image_url": "https://example.com/raccoon.jpg"},
        "seconds": "8",
        "size": "1280x720",
    },
)

LIST_OPERATION = Operation(
    summary="List your videos in OpenAI's shape, newest first",
    summary_ko="내 영상을 OpenAI 형식으로 최신순으로 조회합니다",
    tag="openai",
    query=LIST_FIELDS,
    answers={200: PAGE},
    refusal=REFUSAL,
    notes={
        "after": (
            "The last `id` of the page before.",
            "이전 페이지의 마지막 id입니다.",
        ),
        "limit": ("How many at most.", "최대 개수입니다."),
        "order": ("Newest first, no other.", "최신순만 지원합니다."),
    },
)

GET_OPERATION = Operation(
    summary="Look at a video in OpenAI's shape",
    summary_ko="영상을 OpenAI 형식으로 조회합니다",
    tag="openai",
    answers={200: VIDEO},
    refusal=REFUSAL,
    notes={"job_id": VIDEO_ID},
)

CONTENT_OPERATION = Operation(
    summary="Be sent on to the MP4; 409 while there is none",
    summary_ko="MP4 주소로 이동합니다. 영상이 아직 없으면 409를 반환합니다",
    tag="openai",
    query=CONTENT_FIELDS,
    answers={302: None},
    answer_headers=("Location",),
    problems=(409,),
    refusal=REFUSAL,
    notes={
        "job_id": VIDEO_ID,
        "variant": (
            "The video, no other: 404.",
            "video만 지원하며 그 밖에는 404를 반환합니다.",
        ),
    },
)

DELETE_OPERATION = Operation(
    summary="Delete a video that has ended: its record, image and MP4",
    summary_ko="끝난 영상의 기록, 이미지, MP4를 삭제합니다",
    tag="openai",
    answers={200: DELETED},
    problems=(409,),
    refusal=REFUSAL,
    notes={"job_id": VIDEO_ID},
)

VIDEOS, ONE_VIDEO = "/openai/v1/videos", "/openai/v1/videos/<job_id>"

OPENAI_ROUTES = (
    Route(
        method="POST",
        path=VIDEOS,
        handler=_create_video,
        operation=CREATE_OPERATION,
        spends=True,
    ),
    Route(
        method="GET",
        path=VIDEOS,
        handler=_list_videos,
        operation=LIST_OPERATION,
    ),
    Route(
        method="GET",
        path=ONE_VIDEO,
        handler=_get_video,
        operation=GET_OPERATION,
    ),
    Route(
        method="GET",
        path=f"{ONE_VIDEO}/content",
        handler=_download_content,
        operation=CONTENT_OPERATION,
    ),
    Route(
        method="DELETE",
        path=ONE_VIDEO,
        handler=_delete_video,
        operation=DELETE_OPERATION,
    ),
)

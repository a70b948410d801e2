"""The api's calls about videos: create, look at, list, cancel and delete."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from functions.http.bodies import answer, read_key, read_object, read_query
from functions.http.response_headers import base_path
from functions.http.route import Call, Operation, Route
from functions.http.schemas import (
    ADDRESS,
    FAILURE,
    FLAG,
    MOMENT,
    MONEY,
    NUMBER,
    TEXT,
    WHOLE,
    Schema,
    list_of,
    nested,
    one_of,
    or_null,
    record,
)
from shared import wiring
from shared.domain.catalogue import MODEL_CHOICES, AspectRatio, ProviderId, Resolution
from shared.domain.fields import Field
from shared.domain.job import OPEN_STATES, AttemptState, Job
from shared.domain.listing import LIST_FIELDS, Cursor
from shared.domain.projection import Stage, Status, project
from shared.domain.request import VIDEO_FIELDS, VideoRequest

VIDEOS, ONE_VIDEO = "/v1/videos", "/v1/videos/<job_id>"

OUTCOMES = ("running", *(s.value for s in AttemptState if s not in OPEN_STATES))

ATTEMPT = record(
    "Attempt",
    ai_model=one_of(ProviderId),
    outcome={"type": "string", "enum": list(OUTCOMES)},
    started_at=MOMENT,
    ended_at=or_null(MOMENT),
    cost_usd=MONEY,
    error=or_null(FAILURE),
)

VIDEO = record(
    "Video",
    job_id=TEXT,
    user_id=TEXT,
    created_at=MOMENT,
    updated_at=MOMENT,
    expires_at=MOMENT,
    status=one_of(Status),
    stage=one_of(Stage),
    progress={"type": "integer", "minimum": 0, "maximum": 100},
    ai_model=or_null(one_of(ProviderId)),
    video_url=or_null(ADDRESS),
    video_url_expires_at=or_null(MOMENT),
    prompt=TEXT,
    image_url=or_null(ADDRESS),
    image=or_null(TEXT),
    duration=WHOLE,
    resolution=one_of(Resolution),
    aspect_ratio=one_of(AspectRatio),
    audio=or_null(FLAG),
    model=one_of(MODEL_CHOICES),
    fallback=FLAG,
    seed=or_null(WHOLE),
    delivered=or_null(
        nested(
            duration=NUMBER,
            width=WHOLE,
            height=WHOLE,
            audio=FLAG,
            size=WHOLE,
            crc32c=TEXT,
        )
    ),
    attempts=list_of(ATTEMPT),
    estimated_cost_usd=MONEY,
    cost_usd=MONEY,
    error=or_null(FAILURE),
)

VIDEO_PAGE = record("VideoPage", videos=list_of(VIDEO), next_cursor=or_null(TEXT))

JOB_ID = ("The `job_id` of a video of yours.", "내 영상의 job_id입니다.")

PAGE_FIELDS: Mapping[str, Field] = {
    **LIST_FIELDS,
    "cursor": Field(spec=Cursor()),
}

# Exactly one of them, where null is as good as not there.
ONE_IMAGE: Schema = {
    "oneOf": [
        {
            "required": [given],
            "properties": {given: {"type": "string"}, other: {"type": "null"}},
        }
        for given, other in (("image", "image_url"), ("image_url", "image"))
    ]
}

VIDEO_NOTES: Mapping[str, tuple[str, str]] = {
    "prompt": (
        "What should happen, in English; counted in UTF-16 units.",
        "영상에서 일어날 일을 영어로 설명합니다. 길이는 UTF-16 단위로 셉니다.",
    ),
    "image": (
        "The first image, by the name that `POST /v1/uploads` gave. Give this or "
        "`image_url`.",
        "POST /v1/uploads에서 받은 첫 이미지 이름입니다. image_url과 둘 중 하나만 "
        "보냅니다.",
    ),
    "image_url": (
        "The first image, at a public https address; fetched once.",
        "첫 이미지의 공개 https 주소입니다. 한 번만 가져옵니다.",
    ),
    "duration": (
        "Seconds. Each link makes the shortest it offers that is not shorter, else its "
        "longest; `delivered` says what came.",
        "영상 길이(초)입니다. 각 모델은 요청보다 짧지 않은 길이 중 가장 짧은 것으로, "
        "없으면 가장 긴 길이로 만듭니다. 실제 길이는 delivered에 있습니다.",
    ),
    "resolution": (
        "Links that can't make it are skipped.",
        "지원하지 않는 모델은 건너뜁니다.",
    ),
    "aspect_ratio": ("Landscape or portrait.", "가로 또는 세로 화면입니다."),
    "audio": (
        "true: only links with sound; false: without; null: no matter.",
        "true는 소리가 있는 모델만, false는 소리 없이, null은 상관없음을 뜻합니다.",
    ),
    "model": (
        "Who is asked first; `auto` is the configured chain, `runway` both its links.",
        "먼저 요청할 모델입니다. auto는 설정된 순서, runway는 두 가지 Runway 방식을 "
        "뜻합니다.",
    ),
    "fallback": (
        "Whether the rest of the chain is asked where that fails.",
        "실패하면 나머지 모델에 차례로 요청할지 정합니다.",
    ),
    "seed": (
        "For a similar video again, where a link takes one.",
        "지원하는 모델에서 비슷한 영상을 다시 만들 때 사용합니다.",
    ),
    "Idempotency-Key": (
        "The same key and body gives the same video back, however often it is sent.",
        "같은 키와 본문으로 다시 보내면 새로 만들지 않고 같은 영상을 돌려줍니다.",
    ),
    "job_id": JOB_ID,
}


def _create_video(call: Call) -> Response:
    asked = VideoRequest.parse(read_object(call.request))
    key = read_key(call.request)
    taken = wiring.create_video()(call.caller, asked, call.language, key)
    where = f"{base_path(call.request)}v1/videos/{taken.job.job_id}"
    headers = {"Location": where}
    if taken.replayed:
        headers["Idempotent-Replayed"] = "true"
    return answer(_shown(taken.job, call), 202, headers)


def _get_video(call: Call) -> Response:
    job = wiring.get_video()(call.caller, call.arguments["job_id"])
    return answer(_shown(job, call))


def _list_videos(call: Call) -> Response:
    asked = read_query(call.request, PAGE_FIELDS)
    status = asked["status"] and Status(asked["status"])
    page = wiring.list_videos()(
        call.caller, limit=asked["limit"], status=status, cursor=asked["cursor"]
    )
    videos = [_shown(job, call) for job in page.jobs]
    return answer({"videos": videos, "next_cursor": page.next_cursor})


def _delete_video(call: Call) -> Response:
    wiring.delete_video()(call.caller, call.arguments["job_id"])
    return Response(status=204)


def _cancel_video(call: Call) -> Response:
    job = wiring.cancel_video()(call.caller, call.arguments["job_id"])
    return answer(_shown(job, call), 202)


def _shown(job: Job, call: Call) -> dict[str, Any]:
    return project(job, call.language)


CREATE_OPERATION = Operation(
    summary="Ask for a video; it is made in the background",
    summary_ko="영상 생성을 요청합니다. 백그라운드에서 만들어집니다",
    tag="videos",
    body=VIDEO_FIELDS,
    body_rule=ONE_IMAGE,
    request_headers=("Idempotency-Key",),
    answers={202: VIDEO},
    answer_headers=("Location", "Idempotent-Replayed"),
    problems=(409, 429),
    notes=VIDEO_NOTES,
    example={
        "prompt": "The raccoon looks up and waves",
        "image_url": "https://example.com/raccoon.jpg",
        "duration": 5,
    },
)

GET_OPERATION = Operation(
    summary="Look at a video; `video_url` lives for at least an hour",
    summary_ko="영상을 조회합니다. video_url은 최소 1시간 동안 유효합니다",
    tag="videos",
    answers={200: VIDEO},
    notes={"job_id": JOB_ID},
)

LIST_OPERATION = Operation(
    summary="List your videos, newest first",
    summary_ko="내 영상을 최신순으로 조회합니다",
    tag="videos",
    query=PAGE_FIELDS,
    answers={200: VIDEO_PAGE},
    notes={
        "limit": ("How many at most.", "최대 개수입니다."),
        "status": ("Only those of this status.", "이 상태의 영상만 조회합니다."),
        "cursor": (
            "The `next_cursor` of the page before.",
            "이전 페이지의 next_cursor 값입니다.",
        ),
    },
)

CANCEL_OPERATION = Operation(
    summary="Cancel a video; it ends `cancelled`, or completes if it was there already",
    summary_ko="영상 생성을 취소합니다. 이미 완성되었다면 그대로 완료됩니다",
    tag="videos",
    answers={202: VIDEO},
    problems=(409,),
    notes={"job_id": JOB_ID},
)

DELETE_OPERATION = Operation(
    summary="Delete a video that has ended: its record, image and MP4",
    summary_ko="끝난 영상의 기록, 이미지, MP4를 삭제합니다",
    tag="videos",
    answers={204: None},
    problems=(409,),
    notes={"job_id": JOB_ID},
)

VIDEO_ROUTES = (
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
        method="DELETE",
        path=ONE_VIDEO,
        handler=_delete_video,
        operation=DELETE_OPERATION,
    ),
    Route(
        method="POST",
        path=f"{ONE_VIDEO}/cancel",
        handler=_cancel_video,
        operation=CANCEL_OPERATION,
    ),
)

"""A video's poster, download, origin and unchanged bytes, on the running stack."""

import io
from typing import Any

import av
import requests
from PIL import Image
from werkzeug.http import parse_options_header

from local.stack import Stack
from tests.e2e.client import Frontend, submissions

METADATA = {"order": "A-1042", "한글 / `.name`": "\u202e🐈\\n", "empty": ""}


def image_at(url: str) -> Image.Image:
    answer = requests.get(url, timeout=100)
    answer.raise_for_status()
    assert answer.headers["Content-Type"] == "image/jpeg"
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def first_frame(mp4: bytes) -> Image.Image:
    with av.open(io.BytesIO(mp4), "r") as video:
        frame: Any = next(video.decode(video=0))
        image: Image.Image = frame.to_image()
        return image


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two images, from 0 to 255."""
    pairs = zip(*(i.resize((32, 32)).tobytes() for i in (one, other)), strict=True)
    return float(sum(abs(a - b) for a, b in pairs)) / (32 * 32 * 3)


def vendors_file(stack: Stack, prompt: str) -> bytes:
    """The video as the simulated Runway serves it."""
    (task,) = submissions(stack, prompt)
    root = stack.addresses["runway"]
    headers = {"Authorization": "Bearer key", "X-Runway-Version": "2024-11-06"}
    url = f"{root}/v1/tasks/{task['task_id']}"
    found: dict[str, Any] = requests.get(url, headers=headers, timeout=100).json()
    return requests.get(found["output"][0], timeout=100).content


def test_a_video_from_a_korean_prompt_alone_has_a_poster_and_a_name(
    frontend: Frontend,
) -> None:
    prompt = "고양이가 창밖을 바라본다"
    fields = {"image": None, "duration": 4, "metadata": METADATA}
    video = frontend.wait(frontend.create(prompt=prompt, **fields))

    download = requests.get(video["download_url"], timeout=100)
    disposition = download.headers["Content-Disposition"]
    kind, options = parse_options_header(disposition)
    name = f"{video['created_at'][:10]}-고양이가-창밖을-바라본다.mp4"
    assert (kind, options["filename"]) == ("attachment", name)
    assert download.headers["Content-Type"] == "video/mp4"
    assert download.content == requests.get(video["video_url"], timeout=100).content
    poster = image_at(video["poster_url"])
    assert poster.size == (1280, 720)
    assert difference(poster, first_frame(download.content)) < 3
    assert video["metadata"] == METADATA
    made_by = {"vendor": "vertex", "model": "veo-3.1-generate-001"}
    assert (video["ai_generated"], video["generated_by"]) == (True, made_by)
    (listed,) = (
        v
        for v in frontend.call("GET", "/v1/videos").json()["videos"]
        if v["job_id"] == video["job_id"]
    )
    assert listed == video


def test_the_delivered_video_is_the_vendors_file_byte_for_byte(
    stack: Stack, frontend: Frontend
) -> None:
    """So that C2PA manifests and SynthID marks stay in it."""
    video = frontend.wait(frontend.create())

    delivered = requests.get(video["video_url"], timeout=100).content
    assert delivered == vendors_file(stack, video["prompt"])
    poster = image_at(video["poster_url"])
    assert difference(poster, first_frame(delivered)) < 3

    frontend.call("DELETE", f"/v1/videos/{video['job_id']}")
    urls = ("video_url", "download_url", "poster_url")
    gone = {requests.get(video[url], timeout=100).status_code for url in urls}
    assert gone == {404}

"""Images as people have them, from the upload to the video that comes of each."""

import io
from typing import Any

import av
import pytest
import requests
from PIL import Image, ImageCms, PngImagePlugin

from local.stack import Stack
from tests.e2e.client import Frontend, submissions
from tests.media.test_image import display_p3, encoded, noise, photo

WALL, CLIFF = "#f00000", "#0000f0"


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(photo(800, 600), "JPEG", exif=exif)


def screenshot() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", "x" * 3_000_000, zip=True)
    return encoded(
        photo(1206, 2622), icc_profile=bytes(profile) + bytes(1_200_000), pnginfo=text
    )


# The image, and the shape of the video that is its nearest at Runway.
TAKEN = {
    "a 48-megapixel photo": (encoded(photo(8064, 6048), "JPEG"), (1104, 832)),
    "a phone's screenshot, with a profile": (screenshot(), (720, 1280)),
    "a photo turned by EXIF": (turned(), (832, 1104)),
    "a square AVIF in Display P3": (
        encoded(photo(500, 500), "AVIF", icc_profile=display_p3()),
        (960, 960),
    ),
    "a JPEG without its end, of a wide scene": (
        encoded(noise(420, 180), "JPEG").removesuffix(b"\xff\xd9"),
        (1584, 672),
    ),
}
# Each refused image with words of the message that its owner reads.
REFUSED = {
    "an iPhone's HEIC": (
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99),
        "Most Compatible",
    ),
    "a pixel": (encoded(photo(1, 1)), "at least 128 pixels"),
    "a strip": (encoded(photo(1000, 127)), "at least 128 pixels"),
    "half a JPEG": (encoded(noise(400, 300), "JPEG")[:50_000], "complete JPEG"),
    "too many pixels": (encoded(photo(6400, 6400, mode="L", color=0)), "megapixels"),
}


def test_each_image_becomes_a_video_of_its_own_shape(frontend: Frontend) -> None:
    made = {
        name: frontend.create(image=frontend.upload(content), duration=3)
        for name, (content, _) in TAKEN.items()
    }

    ended = {name: frontend.wait(job, most_seconds=110) for name, job in made.items()}

    assert {
        name: (
            video["status"],
            (video["delivered"]["width"], video["delivered"]["height"]),
        )
        for name, video in ended.items()
        if video["delivered"]
    } == {name: ("completed", size) for name, (_, size) in TAKEN.items()}
    assert ended["a square AVIF in Display P3"]["input_crop"] is None
    assert ended["a square AVIF in Display P3"]["delivered"]["aspect_ratio"] == "1:1"
    assert ended["a phone's screenshot, with a profile"]["input_crop"] == {
        "x": 0,
        "y": 105,
        "width": 1206,
        "height": 2412,
        "image_width": 1206,
        "image_height": 2622,
    }


def test_an_image_that_cannot_be_used_costs_nothing_and_says_why(
    stack: Stack, frontend: Frontend
) -> None:
    made = {
        name: frontend.create(image=frontend.upload(content))
        for name, (content, _) in REFUSED.items()
    }

    for name, (_, said) in REFUSED.items():
        video = frontend.wait(made[name])
        assert video["error"]["code"] == "image_invalid", name
        assert said in video["error"]["message"], name
        assert (video["attempts"], video["cost_usd"]) == ([], "0")
        assert submissions(stack, video["prompt"]) == []


@pytest.mark.parametrize(
    ("content_type", "said"),
    [("image/heic", "Most Compatible"), ("image/gif", "image/avif")],
)
def test_a_type_that_is_not_taken_is_named_before_the_upload(
    frontend: Frontend, content_type: str, said: str
) -> None:
    answer = frontend.call(
        "POST", "/v1/uploads", {"content_type": content_type, "size": 9}
    )

    assert answer.status_code == 422
    assert said in answer.json()["errors"][0]["message"]


def test_a_video_goes_from_one_image_to_another_or_needs_none(
    stack: Stack, frontend: Frontend
) -> None:
    images = {
        "image": frontend.upload(encoded(photo(640, 360, color=WALL)), "image/jpg"),
        "last_image": frontend.upload(encoded(photo(640, 360, color=CLIFF))),
    }
    moving = frontend.create(**images, duration=4)
    text = frontend.call("POST", "/v1/videos", {"prompt": "a lighthouse"}).json()

    moving, text = frontend.wait(moving), frontend.wait(text, most_seconds=90)

    skipped = {"runway": "unsupported", "runway-http": "unsupported"}
    for video in (moving, text):
        attempts: list[Any] = video["attempts"]
        assert {
            a["ai_model"]: a["error"]["code"]
            for a in attempts
            if a["outcome"] == "skipped"
        } == skipped
        assert (video["status"], video["ai_model"]) == ("completed", "gemini-veo-3.1")
        assert len(submissions(stack, video["prompt"])) == 1
    content = requests.get(moving["video_url"], timeout=30).content
    with av.open(io.BytesIO(content), "r") as container:
        first, *_, last = (f.to_image() for f in container.decode(video=0))
    assert first.getpixel((90, 90)) == pytest.approx((0xF0, 0, 0), abs=12)
    assert last.getpixel((90, 90)) == pytest.approx((0, 0, 0xF0), abs=12)
    assert frontend.call("DELETE", f"/v1/videos/{moving['job_id']}").status_code == 204

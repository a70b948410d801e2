"""Real-life images, from the upload to the video made from each."""

import io
from typing import Any

import av
import pytest
import requests
from google.cloud import storage
from PIL import Image

from local.bucket_client import storage_of
from local.functions import BUCKET
from local.stack import Stack
from tests.e2e.client import Frontend, submissions
from tests.media.test_image import display_p3, encoded, photo

WALL, CLIFF = "#f00000", "#0000f0"


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(photo(800, 600), "JPEG", exif=exif)


# Each image, and the size of Runway's video with the nearest ratio.
ACCEPTED = {
    "a phone's screenshot": (encoded(photo(1206, 2622)), (720, 1280)),
    "a photo turned by EXIF": (turned(), (832, 1104)),
    "a square AVIF in Display P3": (
        encoded(photo(500, 500), "AVIF", icc_profile=display_p3()),
        (960, 960),
    ),
}


@pytest.fixture
def bucket(stack: Stack) -> storage.Bucket:
    """The stack's bucket, as its administrator."""
    return storage_of(stack.addresses["storage"]).bucket(BUCKET)


def test_each_image_becomes_a_video_of_its_own_ratio(frontend: Frontend) -> None:
    made = {
        name: frontend.create(image=frontend.upload(content), duration=3)
        for name, (content, _) in ACCEPTED.items()
    }

    ended = {name: frontend.wait(job) for name, job in made.items()}

    assert {
        name: (
            video["status"],
            (video["delivered"]["width"], video["delivered"]["height"]),
        )
        for name, video in ended.items()
        if video["delivered"]
    } == {name: ("completed", size) for name, (_, size) in ACCEPTED.items()}
    assert ended["a square AVIF in Display P3"]["input_crop"] is None
    assert ended["a square AVIF in Display P3"]["delivered"]["aspect_ratio"] == "1:1"
    assert ended["a phone's screenshot"]["input_crop"] == {
        "x": 0,
        "y": 105,
        "width": 1206,
        "height": 2412,
        "image_width": 1206,
        "image_height": 2622,
    }


def test_metadata_and_foreign_content_of_an_image_are_not_kept(
    frontend: Frontend, bucket: storage.Bucket
) -> None:
    """A valid JPEG with a location in its metadata, which is also a web page."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (37.0, 33.0, 59.0), 29: "SECRET"})
    content = encoded(photo(640, 360), "JPEG", exif=exif, comment=b"SECRET")
    content += b"<html><script>alert('SECRET')</script></html>"
    assert content.count(b"SECRET") == 3

    video = frontend.wait(frontend.create(image=frontend.upload(content), duration=3))

    kept = bucket.get_blob(f"images/{video['job_id']}")
    found = kept.download_as_bytes()
    assert (video["status"], kept.content_type) == ("completed", "image/jpeg")
    assert not [b for b in (b"SECRET", b"Exif", b"<html") if b in found]
    assert found.endswith(b"\xff\xd9")


def test_a_video_leads_from_one_image_to_another(
    stack: Stack, frontend: Frontend
) -> None:
    images = {
        "image": frontend.upload(encoded(photo(640, 360, color=WALL)), "image/jpg"),
        "last_image": frontend.upload(encoded(photo(640, 360, color=CLIFF))),
    }
    video = frontend.wait(frontend.create(**images, duration=4))

    attempts: list[Any] = video["attempts"]
    assert [a["error"]["code"] for a in attempts[:-1]] == ["unsupported"] * 2
    assert (video["status"], video["ai_model"]) == ("completed", "gemini-veo-3.1")
    assert len(submissions(stack, video["prompt"])) == 1
    content = requests.get(video["video_url"], timeout=100).content
    with av.open(io.BytesIO(content), "r") as container:
        first, *_, last = (f.to_image() for f in container.decode(video=0))
    assert first.getpixel((90, 90)) == pytest.approx((0xF0, 0, 0), abs=12)
    assert last.getpixel((90, 90)) == pytest.approx((0, 0, 0xF0), abs=12)
    assert frontend.call("DELETE", f"/v1/videos/{video['job_id']}").status_code == 204

"""An image of one's own, from the signed PUT to the JPEG that is kept."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from PIL import Image

from local.functions import BUCKET
from local.stack import Stack
from tests.e2e.client import IMAGE, Frontend, Video, submissions
from tests.media.test_image import huge_png

CONTENT = IMAGE.read_bytes()
GPS_TAG, MAKER_TAG = 0x8825, 0x010F


def ask(frontend: Frontend, size: int = len(CONTENT)) -> dict[str, Any]:
    asked = {"content_type": "image/jpeg", "size": size}
    answer = frontend.call("POST", "/v1/uploads", asked)
    assert answer.status_code == 201, answer.text
    upload: dict[str, Any] = answer.json()
    return upload


def put(
    url: str, headers: Mapping[str, str], content: bytes = CONTENT
) -> requests.Response:
    return requests.put(url, content, headers=dict(headers), timeout=30)


def ended(frontend: Frontend, image: str) -> Video:
    return frontend.wait(frontend.create(image=image, duration=3))


@pytest.fixture
def bucket(stack: Stack) -> storage.Bucket:
    """The stack's bucket, as its administrator."""
    client = storage.Client(
        project=stack.project,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": stack.addresses["storage"]},
    )
    return client.bucket(BUCKET)


# The signed address


def test_an_upload_is_taken_once(frontend: Frontend) -> None:
    upload = ask(frontend)

    first = put(upload["upload_url"], upload["headers"])
    other = put(upload["upload_url"], upload["headers"], b"x" * len(CONTENT))

    assert (first.status_code, other.status_code) == (200, 412)
    assert ended(frontend, upload["image"])["status"] == "completed"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-type", "text/html"),
        ("content-type", None),
        ("x-goog-content-length-range", "0,999999999"),
        ("x-goog-content-length-range", None),
        ("x-goog-if-generation-match", "1"),
        ("x-goog-if-generation-match", None),
    ],
)
def test_each_header_is_sent_as_it_was_given(
    frontend: Frontend, name: str, value: str | None
) -> None:
    upload = ask(frontend)
    headers = {k: v for k, v in upload["headers"].items() if k != name}
    assert len(headers) == len(upload["headers"]) - 1

    changed = headers if value is None else headers | {name: value}

    assert put(upload["upload_url"], changed).status_code in (400, 403)
    assert put(upload["upload_url"], upload["headers"]).status_code == 200


# Whose it is


def test_anothers_upload_is_not_there(
    stack: Stack, frontend: Frontend, bucket: storage.Bucket
) -> None:
    image = Frontend(stack, "somebody").upload(CONTENT)

    video = ended(frontend, image)

    assert video["error"]["code"] == "image_unreachable"
    assert bucket.get_blob(f"images/{video['job_id']}") is None
    assert submissions(stack, video["prompt"]) == []


# What it is


NO_IMAGES = {
    "words": b"just some words",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "half a JPEG": CONTENT[: len(CONTENT) // 2],
    "a bomb": huge_png(30_000, 30_000),
}


def test_what_is_no_image_ends_the_job_with_a_clear_sentence(
    stack: Stack, frontend: Frontend
) -> None:
    made = {
        name: frontend.create(image=frontend.upload(content, "image/png"))
        for name, content in NO_IMAGES.items()
    }

    for name, job in made.items():
        video = frontend.wait(job)
        assert video["error"]["code"] == "image_invalid", name
        said = "megapixels" if name == "a bomb" else "at most 16 MB"
        assert said in video["error"]["message"]
        assert (video["attempts"], video["cost_usd"]) == ([], "0")
        assert submissions(stack, video["prompt"]) == []


def polyglot() -> bytes:
    """A good JPEG that says where it was taken, and is a web page and a zip too."""
    exif = Image.Exif()
    exif[MAKER_TAG] = "SECRET camera"
    exif.get_ifd(GPS_TAG).update({1: "N", 2: (37.0, 33.0, 59.0), 29: "SECRET"})
    image, archive = io.BytesIO(), io.BytesIO()
    with Image.open(IMAGE) as raccoon:
        raccoon.save(image, "JPEG", exif=exif, comment=b"SECRET comment")
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("SECRET.txt", "SECRET")
    page = b"<html><script>alert('SECRET')</script></html>"
    return image.getvalue() + page + archive.getvalue()


def test_nothing_foreign_is_kept(frontend: Frontend, bucket: storage.Bucket) -> None:
    content = polyglot()
    assert content.count(b"SECRET") > 4

    video = ended(frontend, frontend.upload(content))

    kept = bucket.get_blob(f"images/{video['job_id']}")
    found = kept.download_as_bytes()
    assert (video["status"], kept.content_type) == ("completed", "image/jpeg")
    assert not [b for b in (b"SECRET", b"Exif", b"<html", b"PK\x03") if b in found]
    assert found.endswith(b"\xff\xd9")
    assert not Image.open(io.BytesIO(found)).getexif()

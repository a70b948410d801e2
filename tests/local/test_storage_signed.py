"""Signed URLs and CORS of the local Cloud Storage, as browsers use them."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import requests
from google.oauth2 import service_account

from tests.fakes.clock import FrozenClock
from tests.local.conftest import ORIGIN, new_account

Sign = Callable[..., str]


@pytest.fixture
def signed(account: dict[str, str]) -> Sign:
    return partial(signed_by, account)


def signed_by(
    account: dict[str, str], blob: Any, method: str = "GET", **more: Any
) -> str:
    read = service_account.Credentials.from_service_account_info
    url = blob.generate_signed_url(
        version="v4",
        expiration=timedelta(hours=1),
        method=method,
        credentials=read(account),  # type: ignore[no-untyped-call]  # ships no types
        **more,
    )
    return str(url)


def upload(bucket: Any, name: str, content: bytes) -> Any:
    blob = bucket.blob(name)
    blob.upload_from_file(io.BytesIO(content), content_type="video/mp4")
    return blob


@pytest.fixture
def video(bucket: Any) -> Any:
    return upload(bucket, "videos/anna/j1.mp4", b"0123456789")


def code_of(answer: requests.Response) -> tuple[int, str]:
    found = re.search("<Code>(.*)</Code>", answer.text)
    assert answer.headers["Content-Type"].startswith("application/xml")
    return answer.status_code, found[1] if found else ""


@pytest.mark.parametrize(
    "name", ["a b+c.mp4", "é/한국.mp4", "~x!$&'()*,;=:@.mp4", "100%.mp4", "q?#.mp4"]
)
def test_any_name_can_be_signed(signed: Sign, bucket: Any, name: str) -> None:
    blob = upload(bucket, name, name.encode())

    assert requests.get(signed(blob), timeout=100).content == name.encode()


MISMATCH = (403, "SignatureDoesNotMatch")
MALFORMED = (400, "MalformedSecurityHeader")
CHANGES = {
    "signature": ("X-Goog-Signature=", "X-Goog-Signature=00", MISMATCH),
    "object": ("anna/j1.mp4", "bert/j1.mp4", MISMATCH),
    "expiry": ("X-Goog-Expires=3600", "X-Goog-Expires=36000", MISMATCH),
    "added": (r"\?", "?response-content-type=text%2Fhtml&", MISMATCH),
    "account": ("api%40reelay", "eve%40reelay", MISMATCH),
    "no date": (r"X-Goog-Date=[^&]*&", "", MALFORMED),
    "no expiry": (r"X-Goog-Expires=[^&]*&", "", MALFORMED),
    "no scope": (r"%2Fauto%2Fstorage%2Fgoog4_request", "", MISMATCH),
    "no algorithm": (r"X-Goog-Algorithm=[^&]*&", "", MISMATCH),
    "too long": (r"X-Goog-Expires=3600", "X-Goog-Expires=604801", MALFORMED),
}


@pytest.mark.parametrize(("old", "new", "refusal"), CHANGES.values(), ids=CHANGES)
def test_a_changed_signed_url_is_refused(
    signed: Sign, video: Any, old: str, new: str, refusal: object
) -> None:
    url, changes = re.subn(old, new, signed(video))

    assert changes == 1
    assert code_of(requests.get(url, timeout=100)) == refusal


def test_a_signature_by_another_key_is_refused(
    video: Any, account: dict[str, str]
) -> None:
    forged = new_account() | {"client_email": account["client_email"]}

    answer = requests.get(signed_by(forged, video), timeout=100)

    assert code_of(answer) == MISMATCH


def test_a_signed_url_expires(signed: Sign, video: Any, clock: FrozenClock) -> None:
    url = signed(video)
    clock.move(timedelta(minutes=59))
    assert requests.get(url, timeout=100).status_code == 200

    clock.move(timedelta(minutes=2))
    assert code_of(requests.get(url, timeout=100)) == (400, "ExpiredToken")

    clock.move(-timedelta(hours=2))
    assert code_of(requests.get(url, timeout=100)) == (403, "AccessDenied")


def test_nothing_is_served_without_a_signature(
    signed: Sign, bucket: Any, video: Any
) -> None:
    url = signed(video).split("?")[0]

    assert code_of(requests.get(url, timeout=100)) == (403, "AccessDenied")
    assert code_of(requests.put(url, b"x", timeout=100)) == (403, "AccessDenied")
    assert bucket.blob(video.name).download_as_bytes() == b"0123456789"


UPLOAD = {
    "content-type": "image/jpeg",
    "x-goog-content-length-range": "5,5",
    "x-goog-if-generation-match": "0",
}


@pytest.mark.parametrize("name", UPLOAD)
def test_each_signed_header_must_be_sent_as_signed(
    signed: Sign, bucket: Any, name: str
) -> None:
    url = signed(bucket.blob("uploads/u1"), "PUT", headers=dict(UPLOAD))
    without = {k: v for k, v in UPLOAD.items() if k != name}

    missing = requests.put(url, b"photo", headers=without, timeout=100)
    changed = requests.put(url, b"photo", headers={**UPLOAD, name: "9"}, timeout=100)

    unsigned = signed(bucket.blob("uploads/u1"), "PUT")
    added = requests.put(unsigned, b"photo", headers=UPLOAD, timeout=100)

    assert code_of(missing) == MALFORMED
    assert code_of(changed) == MISMATCH
    assert code_of(added) == MALFORMED
    assert not bucket.blob("uploads/u1").exists()


def preflight(url: str, origin: str, method: str, headers: str) -> requests.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    return requests.options(url, headers=asked, timeout=100)


def test_our_page_may_upload_with_the_signed_headers(signed: Sign, bucket: Any) -> None:
    url = signed(bucket.blob("uploads/u1"), "PUT", headers=dict(UPLOAD))

    answer = preflight(url, ORIGIN, "PUT", ",".join(UPLOAD))

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"].split(",")
    allowed = answer.headers["Access-Control-Allow-Headers"].split(",")
    assert set(UPLOAD) <= set(allowed)
    assert answer.headers["Access-Control-Max-Age"] == "3600"


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("http://127.0.0.1:8081", "PUT", "content-type"),
        ("http://127.0.0.1:8080.evil.example", "GET", ""),
        ("null", "GET", ""),
        (ORIGIN, "DELETE", ""),
        (ORIGIN, "PUT", "content-type,x-goog-acl"),
    ],
    ids=["other port", "longer host", "null", "other method", "other header"],
)
def test_other_pages_methods_and_headers_are_refused(
    signed: Sign, video: Any, origin: str, method: str, headers: str
) -> None:
    answer = preflight(signed(video), origin, method, headers)

    assert not [name for name in answer.headers if name.lower().startswith("access-")]


def test_only_our_page_can_read_answers_and_refusals(signed: Sign, video: Any) -> None:
    url = signed(video)

    ours = requests.get(url, headers={"Origin": ORIGIN}, timeout=100)
    refused = requests.get(url + "0", headers={"Origin": ORIGIN}, timeout=100)
    others = requests.get(url, headers={"Origin": "http://evil.example"}, timeout=100)

    exposed = ours.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Range", "Content-Range", "Content-Length", "ETag"} <= set(exposed)
    assert ours.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert ours.headers["Vary"] == "Origin"
    assert refused.status_code == 403
    assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in others.headers

"""The local Cloud Storage, as the client library and browsers use it."""

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import Signing
from google.cloud import storage

from local.emulators.cloud_storage.objects import ObjectStore, StoredObject, Upload
from local.emulators.cloud_storage.signatures import signer_from_key
from local.emulators.storage import running_storage
from local.functions import BUCKET
from local.identity import LocalIdentity
from tests.fakes.clock import FrozenClock

ORIGIN = "http://127.0.0.1:8080"
QUANTUM = 256 * 1024
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
Sign = Callable[..., str]


def new_account() -> Signing:
    """An account named `api`, with a key of its own."""
    identity = LocalIdentity.generate("reelay")
    key = identity.service_account("api", token_uri="http://127.0.0.1:1/token")
    return signer_from_key(json.dumps(key))


@pytest.fixture(scope="session")
def account() -> Signing:
    return new_account()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
def bucket(
    tmp_path: Path,
    clock: FrozenClock,
    account: Signing,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Any]:
    with running_storage(tmp_path, account, origins=[ORIGIN], now=clock.now) as running:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", running.address)
        with storage.Client(project="reelay-local") as client:
            yield client.bucket(BUCKET)


def pattern(size: int) -> bytes:
    return hashlib.shake_128(b"frames").digest(size)


def upload(bucket: Any, name: str, content: bytes, **options: Any) -> Any:
    """Upload an object; without a size it is a resumable upload."""
    blob = bucket.blob(name, chunk_size=QUANTUM)
    blob.upload_from_file(io.BytesIO(content), content_type="video/mp4", **options)
    return blob


def test_exactly_one_of_eight_create_only_uploads_wins(bucket: Any) -> None:
    def create(number: int) -> int:
        content = bytes([number]) * (QUANTUM + 1)
        try:
            upload(bucket, "v.mp4", content, if_generation_match=0)
        except exceptions.PreconditionFailed:
            return -1
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [n for n in pool.map(create, range(8)) if n >= 0]

    assert len(winners) == 1
    found = bucket.blob("v.mp4").download_as_bytes()
    assert found == bytes(winners) * (QUANTUM + 1)


def test_an_unsupported_condition_is_refused(bucket: Any) -> None:
    with pytest.raises(exceptions.MethodNotImplemented):
        upload(bucket, "v.mp4", b"first").delete(if_metageneration_match=1)


def test_copies_keep_content_and_type_after_their_source_is_deleted(
    bucket: Any,
) -> None:
    source = upload(bucket, "incoming/1.mp4", pattern(100))
    token, _, total = bucket.blob("videos/2.mp4").rewrite(source)
    source.delete()

    assert (token, total) == (None, 100)
    found = bucket.get_blob("videos/2.mp4")
    assert found.download_as_bytes() == pattern(100)
    assert (found.content_type, found.crc32c) == ("video/mp4", source.crc32c)


def test_another_bucket_is_not_found(bucket: Any) -> None:
    upload(bucket, "v.mp4", b"video")

    assert bucket.client.bucket("nobodys").get_blob("v.mp4") is None


def put_into(store: ObjectStore, content: bytes) -> StoredObject:
    return store.put(Upload(name="videos/1.mp4", content_type="video/mp4"), content)


def open_store(folder: Path) -> ObjectStore:
    return ObjectStore(folder, lambda: NOON)


def test_objects_survive_a_restart_and_generations_grow(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    first, second = put_into(store, b"1"), put_into(store, b"2")

    again = open_store(tmp_path)

    assert again.read("videos/1.mp4") == (second, b"2")
    assert len(list(tmp_path.iterdir())) == 2
    assert first.generation < second.generation < put_into(again, b"3").generation


# Signed URLs, and CORS ----------------------------------------------------------------


@pytest.fixture
def signed(account: Signing) -> Sign:
    return partial(signed_by, account)


def signed_by(account: Signing, blob: Any, method: str = "GET", **more: Any) -> str:
    hour = timedelta(hours=1)
    url = blob.generate_signed_url(
        version="v4", expiration=hour, method=method, credentials=account, **more
    )
    return str(url)


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


def test_a_signature_by_another_key_is_refused(video: Any) -> None:
    answer = requests.get(signed_by(new_account(), video), timeout=100)

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

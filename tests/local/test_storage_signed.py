"""Signed addresses and CORS of the local Cloud Storage, as a browser uses them."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests
from google.cloud import storage
from google.oauth2 import service_account

from local.emulators.cloud_storage.cors import Cors
from local.emulators.cloud_storage.signatures import signer_from_key
from local.emulators.storage import RunningStorage, running_storage
from local.functions import BUCKET
from local.identity import LocalIdentity

ORIGIN = "http://127.0.0.1:8080"


def new_account(folder: Path) -> dict[str, str]:
    path = folder / "account.json"
    LocalIdentity.generate("reelay").write_service_account_file(
        path, account="api", token_uri="http://127.0.0.1:1/token"
    )
    account: dict[str, str] = json.loads(path.read_text())
    return account


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return new_account(tmp_path_factory.mktemp("account"))


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(
    tmp_path: Path, clock: Clock, account: dict[str, str]
) -> Iterator[RunningStorage]:
    signer = signer_from_key(json.dumps(account))
    with running_storage(tmp_path, signer, origins=[ORIGIN], now=clock) as running:
        yield running


@pytest.fixture
def bucket(server: RunningStorage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.address)
    with storage.Client(project="reelay-local") as client:
        yield client.bucket(BUCKET)


class Sign(Protocol):
    def __call__(self, blob: Any, method: str = "GET", **more: Any) -> str: ...


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


def test_a_signed_address_serves_the_whole_and_ranges(signed: Sign, video: Any) -> None:
    url = signed(video)
    part = requests.get(url, headers={"Range": "bytes=2-4"}, timeout=10)

    assert requests.get(url, timeout=10).content == b"0123456789"
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"


@pytest.mark.parametrize(
    "name", ["a b+c.mp4", "é/한국.mp4", "~x!$&'()*,;=:@.mp4", "100%.mp4", "q?#.mp4"]
)
def test_any_name_can_be_signed(signed: Sign, bucket: Any, name: str) -> None:
    blob = upload(bucket, name, name.encode())

    assert requests.get(signed(blob), timeout=10).content == name.encode()


TAMPERED = {
    "signature": ("X-Goog-Signature=", "X-Goog-Signature=00"),
    "object": ("anna/j1.mp4", "bert/j1.mp4"),
    "expiry": ("X-Goog-Expires=3600", "X-Goog-Expires=36000"),
    "added": ("X-Goog-Expires", "response-content-type=text%2Fhtml&X-Goog-Expires"),
    "account": ("api%40reelay", "eve%40reelay"),
}


@pytest.mark.parametrize(("old", "new"), TAMPERED.values(), ids=TAMPERED)
def test_a_changed_address_is_refused(
    signed: Sign, video: Any, old: str, new: str
) -> None:
    url = signed(video)
    assert old in url

    answer = requests.get(url.replace(old, new), timeout=10)

    assert code_of(answer) == (403, "SignatureDoesNotMatch")


MALFORMED = {
    "no date": r"X-Goog-Date=[^&]*&",
    "no expiry": r"X-Goog-Expires=[^&]*&",
    "no scope": r"%2Fauto%2Fstorage%2Fgoog4_request",
    "no algorithm": r"X-Goog-Algorithm=[^&]*&",
}


@pytest.mark.parametrize("pattern", MALFORMED.values(), ids=MALFORMED)
def test_an_incomplete_address_is_refused(
    signed: Sign, video: Any, pattern: str
) -> None:
    answer = requests.get(re.sub(pattern, "", signed(video)), timeout=10)

    assert code_of(answer) == (400, "MalformedSecurityHeader")


def test_only_the_one_account_signs_and_with_its_own_key(
    video: Any, account: dict[str, str], tmp_path: Path
) -> None:
    email = account["client_email"]
    for forged in (
        new_account(tmp_path) | {"client_email": email},
        account | {"client_email": "eve@reelay.iam.gserviceaccount.com"},
    ):
        answer = requests.get(signed_by(forged, video), timeout=10)

        assert code_of(answer) == (403, "SignatureDoesNotMatch")


def test_an_address_ends_with_its_time(signed: Sign, video: Any, clock: Clock) -> None:
    url = signed(video)
    clock.now += timedelta(minutes=59)
    assert requests.get(url, timeout=10).status_code == 200

    clock.now += timedelta(minutes=2)
    assert code_of(requests.get(url, timeout=10)) == (400, "ExpiredToken")

    clock.now -= timedelta(hours=2)
    assert code_of(requests.get(url, timeout=10)) == (403, "AccessDenied")


def test_nothing_is_served_without_a_signature(
    signed: Sign, bucket: Any, video: Any
) -> None:
    url = signed(video).split("?")[0]

    assert code_of(requests.get(url, timeout=10)) == (403, "AccessDenied")
    assert code_of(requests.put(url, b"x", timeout=10)) == (403, "AccessDenied")
    assert bucket.blob(video.name).download_as_bytes() == b"0123456789"


UPLOAD = {
    "content-type": "image/jpeg",
    "x-goog-content-length-range": "5,5",
    "x-goog-if-generation-match": "0",
}


@pytest.mark.parametrize(
    ("data", "code"),
    [(iter([b"pho", b"tos"]), "EntityTooLarge"), (iter([b"pho"]), "EntityTooSmall")],
    ids=["larger", "smaller"],
)
def test_an_upload_has_the_signed_size_though_it_comes_in_chunks(
    signed: Sign, bucket: Any, data: Any, code: str
) -> None:
    url = signed(bucket.blob("uploads/u1"), "PUT", headers=dict(UPLOAD))

    answer = requests.put(url, data, headers=UPLOAD, timeout=10)

    assert code_of(answer) == (400, code)
    assert not bucket.blob("uploads/u1").exists()


@pytest.mark.parametrize("name", UPLOAD)
def test_each_signed_header_is_sent_as_signed(
    signed: Sign, bucket: Any, name: str
) -> None:
    url = signed(bucket.blob("uploads/u1"), "PUT", headers=dict(UPLOAD))
    without = {k: v for k, v in UPLOAD.items() if k != name}

    missing = requests.put(url, b"photo", headers=without, timeout=10)
    changed = requests.put(url, b"photo", headers={**UPLOAD, name: "9"}, timeout=10)

    unsigned = signed(bucket.blob("uploads/u1"), "PUT")
    added = requests.put(unsigned, b"photo", headers=UPLOAD, timeout=10)

    assert code_of(missing) == (400, "MalformedSecurityHeader")
    assert code_of(changed) == (403, "SignatureDoesNotMatch")
    assert code_of(added) == (400, "MalformedSecurityHeader")
    assert not bucket.blob("uploads/u1").exists()


def preflight(url: str, origin: str, method: str, headers: str) -> requests.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    return requests.options(url, headers=asked, timeout=10)


def test_a_page_of_ours_may_upload_with_the_signed_headers(
    signed: Sign, bucket: Any
) -> None:
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
def test_other_pages_methods_and_headers_may_not(
    signed: Sign, video: Any, origin: str, method: str, headers: str
) -> None:
    answer = preflight(signed(video), origin, method, headers)

    assert not [name for name in answer.headers if name.lower().startswith("access-")]


def test_answers_and_refusals_can_be_read_by_our_page_alone(
    signed: Sign, video: Any
) -> None:
    url = signed(video)

    ours = requests.get(url, headers={"Origin": ORIGIN}, timeout=10)
    refused = requests.get(url + "0", headers={"Origin": ORIGIN}, timeout=10)
    others = requests.get(url, headers={"Origin": "http://evil.example"}, timeout=10)

    exposed = ours.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Range", "Content-Range", "Content-Length", "ETag"} <= set(exposed)
    assert ours.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert ours.headers["Vary"] == "Origin"
    assert refused.status_code == 400
    assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in others.headers


def test_a_wildcard_origin_is_no_configuration() -> None:
    with pytest.raises(ValueError, match="wildcard"):
        Cors.of(["*"])

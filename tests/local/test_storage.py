"""What the local Cloud Storage refuses as the real one does, and what it keeps.

tests/gcp/test_bucket.py holds it to the rest, through our own adapter.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from google.auth.credentials import Signing
from google.cloud import storage
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from local.emulators.cloud_storage.cors import Cors
from local.emulators.cloud_storage.objects import ObjectStore, Upload
from local.emulators.cloud_storage.signatures import signer_from_key
from local.emulators.storage import running_storage
from local.functions import BUCKET
from local.identity import LocalIdentity
from tests.fakes.clock import FrozenClock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONTENT = b"0123456789"
PAGE = "https://page.example"


@pytest.fixture
def account() -> Signing:
    identity = LocalIdentity.generate("reelay")
    key = identity.service_account("api", token_uri="http://127.0.0.1:1/token")
    return signer_from_key(json.dumps(key))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
def video(
    tmp_path: Path,
    clock: FrozenClock,
    account: Signing,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Any]:
    with running_storage(tmp_path, account, now=clock.now) as running:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", running.address)
        with storage.Client(project="reelay-local") as client:
            blob = client.bucket(BUCKET).blob("videos/anna/j1.mp4")
            blob.upload_from_file(io.BytesIO(CONTENT), content_type="video/mp4")
            yield blob


@pytest.fixture
def signed(account: Signing, video: Any) -> Callable[..., str]:
    hour = timedelta(hours=1)
    return partial(
        video.generate_signed_url, version="v4", expiration=hour, credentials=account
    )


def code_of(answer: requests.Response) -> tuple[int, str]:
    found = re.search("<Code>(.*)</Code>", answer.text)
    assert answer.headers["Content-Type"].startswith("application/xml")
    return answer.status_code, found[1] if found else ""


def test_a_signed_url_expires(signed: Callable[..., str], clock: FrozenClock) -> None:
    url = signed()
    clock.move(timedelta(minutes=59))
    assert requests.get(url, timeout=100).status_code == 200

    clock.move(timedelta(minutes=2))
    assert code_of(requests.get(url, timeout=100)) == (400, "ExpiredToken")

    clock.move(-timedelta(hours=2))
    assert code_of(requests.get(url, timeout=100)) == (403, "AccessDenied")


def test_nothing_is_served_without_a_signature(
    signed: Callable[..., str], video: Any
) -> None:
    url = signed().split("?")[0]

    assert code_of(requests.get(url, timeout=100)) == (403, "AccessDenied")
    assert code_of(requests.put(url, b"x", timeout=100)) == (403, "AccessDenied")
    assert video.download_as_bytes() == CONTENT


def test_a_header_must_be_signed_and_a_signed_one_sent(
    signed: Callable[..., str],
) -> None:
    header = {"x-goog-if-generation-match": "0"}

    missing = requests.put(signed(method="PUT", headers=header), b"x", timeout=100)
    added = requests.put(signed(method="PUT"), b"x", headers=header, timeout=100)

    assert code_of(missing) == code_of(added) == (400, "MalformedSecurityHeader")


SIGNED = "content-type,x-goog-content-length-range,x-goog-if-generation-match"


@pytest.mark.parametrize(
    ("origin", "method", "names", "is_allowed"),
    [
        pytest.param(PAGE, "PUT", SIGNED, True, id="an upload"),
        pytest.param(PAGE, "GET", "range", True, id="a download"),
        pytest.param(PAGE, "PUT", f"{SIGNED},x-goog-meta-a", False, id="a header more"),
        pytest.param(PAGE, "DELETE", "", False, id="another method"),
        pytest.param("https://b.example", "GET", "", False, id="another origin"),
    ],
)
def test_a_page_may_send_what_the_real_bucket_accepts(
    origin: str, method: str, names: str, is_allowed: bool
) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": names,
    }
    request = EnvironBuilder(method="OPTIONS", headers=Headers(asked)).get_request()

    assert bool(Cors([PAGE]).preflight_headers(request)) is is_allowed


def test_objects_survive_a_restart_and_generations_grow(tmp_path: Path) -> None:
    upload = Upload(name="videos/1.mp4", content_type="video/mp4")
    store = ObjectStore(tmp_path, lambda: NOON)
    first, second = store.put(upload, b"1"), store.put(upload, b"2")

    again = ObjectStore(tmp_path, lambda: NOON)

    assert again.read("videos/1.mp4") == (second, b"2")
    assert len(list(tmp_path.iterdir())) == 2
    assert first.generation < second.generation < again.put(upload, b"3").generation

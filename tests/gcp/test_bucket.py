"""The bucket's contract, for the real adapter and its fake; the adapter's own tests."""

import base64
import gc
import gzip
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import google.auth.exceptions
import pytest
import requests
from google.api_core.retry import Retry
from google.auth import compute_engine
from google.auth.transport.requests import Request
from google.cloud.storage import Client
from google.oauth2 import service_account
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from werkzeug import Request as WebRequest
from werkzeug import Response

from local.emulators.cloud_storage.signatures import signer_from_key
from local.emulators.storage import RunningStorage, running_storage
from local.fault_kinds import Kind, Place
from local.faults import Fault
from local.http_server import HttpServer, as_json, routed
from local.identity import LocalIdentity
from shared.domain.errors import BadContent, LostRace, Unreachable
from shared.domain.file_name import attachment
from shared.gcp import function_signer, storage_calls
from shared.gcp.bucket import CloudBucket
from shared.gcp.function_signer import FunctionSigner
from shared.ports.storage import Bucket, StoredObject
from tests.fakes.bucket import FakeBucket

# google-cloud-storage leaves a failed download's response to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

HOUR = timedelta(hours=1)
MAX_AT_ONCE = 8 * 1024 * 1024
EMAIL = "worker@demo-reelay.iam.gserviceaccount.com"
# These are only partly typed.
KEY_CREDENTIALS: Any = service_account.Credentials
METADATA_CREDENTIALS: Any = compute_engine.Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A local Cloud Storage with one bucket, named `bucket`, and a signing identity."""

    server: RunningStorage
    client: Client
    key: Any

    def bucket(self, **other: Any) -> CloudBucket:
        what = {"client": self.client, "bucket_name": "bucket", "signer": self.key}
        return CloudBucket(**{**what, **other})


@pytest.fixture(scope="session")
def account() -> dict[str, str]:
    identity = LocalIdentity.generate("demo-reelay")
    return identity.service_account("worker", token_uri="http://127.0.0.1:1/token")


@pytest.fixture(scope="session")
def key(account: dict[str, str]) -> Any:
    return KEY_CREDENTIALS.from_service_account_info(account)


@pytest.fixture
def cloud(
    tmp_path: Path, account: dict[str, str], key: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    signer = signer_from_key(json.dumps(account))
    with running_storage(tmp_path, signer, bucket="bucket") as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.address)
        client = Client(project="demo-reelay")
        yield Cloud(server=server, client=client, key=key)
        client.close()
        gc.collect()


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    retry: Retry = storage_calls._RETRY
    quick = retry.with_delay(initial=0.01, maximum=0.02)
    monkeypatch.setattr(storage_calls, "_RETRY", quick)


@pytest.fixture(params=["cloud", "fake"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    if request.param == "fake":
        return FakeBucket()
    running: Cloud = request.getfixturevalue("cloud")
    return running.bucket()


def write(bucket: Bucket, name: str, content: bytes) -> StoredObject:
    return bucket.write(name, io.BytesIO(content), content_type="video/mp4")


# The contract


def test_a_written_object_is_read_back(bucket: Bucket) -> None:
    file = io.BytesIO(b"123456789")
    file.seek(5)

    stored = bucket.write("a/b.mp4", file, content_type="x/y")

    assert (stored.name, stored.size_bytes) == ("a/b.mp4", 9)
    assert stored.crc32c == "4waSgw=="  # 0xE3069283, the check value of CRC-32C
    assert bucket.find("a/b.mp4") == stored
    assert bucket.read("a/b.mp4", max_bytes=9) == b"123456789"


def test_writing_again_replaces_the_object_even_by_an_empty_one(bucket: Bucket) -> None:
    for content in (b"old", b"newer", b""):
        write(bucket, "a", content)
        assert bucket.read("a", max_bytes=10) == content


def test_a_missing_object_is_none_and_cannot_be_opened_or_copied(
    bucket: Bucket,
) -> None:
    gone = write(bucket, "a", b"x")
    bucket.delete("a")

    assert bucket.find("a") is None
    assert bucket.read("a", max_bytes=1) is None
    assert list(bucket.list("a")) == []
    with pytest.raises(Unreachable):
        bucket.open(gone)
    with pytest.raises(Unreachable):
        bucket.copy_new(gone, "b")


@pytest.mark.parametrize("content", [b"new", b"old"], ids=["other", "the same"])
def test_an_overwritten_object_is_out_of_reach(bucket: Bucket, content: bytes) -> None:
    old = write(bucket, "a", b"old")
    new = write(bucket, "a", content)

    with pytest.raises(Unreachable):
        bucket.open(old)
    with pytest.raises(Unreachable):
        bucket.copy_new(old, "b")
    assert bucket.find("b") is None
    assert bucket.open(new).read() == content
    assert bucket.copy_new(new, "b").size_bytes == len(content)


def test_an_object_that_is_too_large_is_not_read(bucket: Bucket) -> None:
    write(bucket, "a", b"12345")

    with pytest.raises(BadContent):
        bucket.read("a", max_bytes=4)


def test_objects_are_listed_by_prefix_in_order(bucket: Bucket) -> None:
    for name in ("in/2", "in/1", "out/1"):
        write(bucket, name, b"x")

    assert [stored.name for stored in bucket.list("in/")] == ["in/1", "in/2"]


def test_an_open_object_can_be_read_from_any_position(bucket: Bucket) -> None:
    content = bytes(range(256)) * 8192
    stored = write(bucket, "a", content)

    with bucket.open(stored) as file:
        assert file.seek(-3, io.SEEK_END) == len(content) - 3
        assert file.read() == content[-3:]
        assert file.seek(10) == 10
        assert file.read(5) == content[10:15]
        assert file.seek(1, io.SEEK_CUR) == 16
        assert file.read(1) == content[16:17]
        file.seek(0)
        assert file.read() == content
        assert file.read(1) == b""
        file.seek(len(content) + 5)
        assert file.read(1) == b""


def test_a_copy_is_made_once(bucket: Bucket) -> None:
    first = write(bucket, "a", b"first")
    second = write(bucket, "b", b"second")

    copied = bucket.copy_new(first, "c")

    assert (copied.name, copied.size_bytes) == ("c", 5)
    with pytest.raises(LostRace):
        bucket.copy_new(second, "c")
    assert bucket.read("c", max_bytes=10) == b"first"


def test_deleting_an_object_twice_succeeds(bucket: Bucket) -> None:
    write(bucket, "a", b"x")
    write(bucket, "ab", b"y")

    for _ in range(2):
        bucket.delete("a")

    assert bucket.find("a") is None
    assert bucket.read("ab", max_bytes=1) == b"y"


def test_names_and_uris_of_the_bucket_convert(bucket: Bucket) -> None:
    assert bucket.uri("a/b") == "gs://bucket/a/b"
    assert bucket.name("gs://bucket/a/b") == "a/b"


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("gs://other/a", id="another bucket"),
        pytest.param("gs://bucket-2/a", id="a longer name"),
        pytest.param("gs://bucket/", id="no object"),
        pytest.param("https://bucket/a", id="another scheme"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_uri_of_another_bucket_is_refused(bucket: Bucket, uri: str) -> None:
    with pytest.raises(BadContent):
        bucket.name(uri)


def test_a_signed_upload_names_all_its_headers(bucket: Bucket) -> None:
    before = datetime.now(UTC).replace(microsecond=0)

    signed = bucket.sign_upload(
        "u", content_type="image/png", size_bytes=4, lifetime=HOUR
    )

    assert signed.headers == {
        "content-type": "image/png",
        "x-goog-content-length-range": "4,4",
        "x-goog-if-generation-match": "0",
    }
    assert before + HOUR <= signed.expires_at <= datetime.now(UTC) + HOUR
    assert "X-Goog-Expires=3600" in bucket.sign_download("u", lifetime=HOUR)


# The real adapter


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(MAX_AT_ONCE, id="in one request"),
        pytest.param(MAX_AT_ONCE + 1, id="streamed"),
        pytest.param(2 * MAX_AT_ONCE + 7, id="more of it"),
    ],
)
def test_an_upload_of_any_size_is_complete(cloud: Cloud, size: int) -> None:
    with TemporaryFile() as file:
        file.write(pattern(size))
        cloud.bucket().write("a", file, content_type="video/mp4")
        at = file.tell()

    stored = cloud.bucket().find("a")
    assert cloud.bucket().read("a", max_bytes=size) == pattern(size)
    assert stored is not None
    assert (at, stored.size_bytes) == (size, size)
    shown = requests.get(cloud.bucket().sign_download("a", lifetime=HOUR), timeout=60)
    assert shown.headers["Content-Type"] == "video/mp4"


def pattern(size: int) -> bytes:
    piece = bytes(range(251))
    return (piece * (size // len(piece) + 1))[:size]


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("size", [1, MAX_AT_ONCE + 1], ids=["at once", "streamed"])
@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.CUT, Kind.CUT_AFTER])
@pytest.mark.parametrize("place", [Place.UPLOAD, Place.START_UPLOAD])
def test_an_upload_survives_a_fault(
    cloud: Cloud, place: Place, kind: Kind, size: int
) -> None:
    cloud.server.faults.add([Fault(place=place, kind=kind, times=1)])

    stored = write(cloud.bucket(), "a", pattern(size))

    assert cloud.bucket().find("a") == stored
    assert cloud.bucket().read("a", max_bytes=size) == pattern(size)


@pytest.mark.usefixtures("quick_retries")
def test_after_a_cut_only_the_missing_part_is_sent(cloud: Cloud) -> None:
    sent: list[int] = []

    class Counting(HTTPAdapter):
        def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
            if request.method == "PUT":
                sent.append(int(request.headers["Content-Length"]))
            return super().send(request, *args, **options)

    cloud.client._http.mount("http://", Counting())
    cloud.server.faults.add([Fault(place=Place.UPLOAD, kind=Kind.CUT, times=1)])
    size = 2 * MAX_AT_ONCE

    write(cloud.bucket(), "a", pattern(size))

    assert sent == [size, 0, size // 2]


class MisleadingAdapter(HTTPAdapter):
    """Answers one request of an upload, by default the query about its progress: that
    it goes on, with these headers, or if None that it is complete, without naming the
    object.
    """

    def __init__(self, headers: dict[str, str] | None, to: str = "bytes */") -> None:
        super().__init__()
        self._headers, self._to = [headers], to

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        assert "elsewhere" not in request.url
        is_meant = request.headers.get("Content-Range", "").startswith(self._to)
        if not (is_meant and self._headers):
            return super().send(request, *args, **options)
        answer = requests.Response()
        headers = self._headers.pop()
        answer.request, answer.headers = request, CaseInsensitiveDict(headers or {})
        answer.status_code = 200 if headers is None else 308
        answer.raw = io.BytesIO(b"{}" if headers is None else b"")
        return answer


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Range": f"bytes=0-{MAX_AT_ONCE}"}, id="all, but no object"),
        pytest.param({"Range": f"bytes=0-{2 * MAX_AT_ONCE}"}, id="more than there is"),
        pytest.param({"Range": "bytes=0-x"}, id="no number"),
        pytest.param({"Location": "http://elsewhere/"}, id="elsewhere"),
        pytest.param(None, id="all, as nothing"),
    ],
)
def test_an_odd_answer_about_the_progress_spoils_no_upload(
    cloud: Cloud, headers: dict[str, str] | None
) -> None:
    cloud.client._http.mount("http://", MisleadingAdapter(headers))
    cloud.server.faults.add([Fault(place=Place.UPLOAD, kind=Kind.CUT, times=1)])

    write(cloud.bucket(), "a", pattern(MAX_AT_ONCE + 1))

    found = cloud.bucket().read("a", max_bytes=MAX_AT_ONCE + 1)
    assert found == pattern(MAX_AT_ONCE + 1)


@pytest.mark.usefixtures("quick_retries")
def test_an_upload_of_which_only_a_part_was_received_goes_on(cloud: Cloud) -> None:
    cloud.client._http.mount("http://", MisleadingAdapter({}, to="bytes 0-"))

    write(cloud.bucket(), "a", pattern(MAX_AT_ONCE + 1))

    found = cloud.bucket().read("a", max_bytes=MAX_AT_ONCE + 1)
    assert found == pattern(MAX_AT_ONCE + 1)


class TimedAdapter(HTTPAdapter):
    """Remembers the time limits of all requests."""

    def __init__(self) -> None:
        super().__init__()
        self.timeouts: set[object] = set()

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        self.timeouts.add(options["timeout"])
        return super().send(request, *args, **options)


def test_each_request_is_ours_and_has_our_time_limits(cloud: Cloud) -> None:
    timed, bucket = TimedAdapter(), cloud.bucket()
    cloud.client._http.mount("http://", timed)

    small = write(bucket, "a", b"x")
    write(bucket, "b", pattern(MAX_AT_ONCE + 1))
    bucket.find("a")
    bucket.list("a")
    bucket.read("a", max_bytes=1)
    bucket.copy_new(small, "c")
    with bucket.open(small) as file:
        file.read()
    bucket.delete("a")

    assert timed.timeouts == {storage_calls.TIMEOUT_SECONDS}


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.TOO_MANY_REQUESTS, Kind.CUT])
def test_a_download_survives_a_fault(cloud: Cloud, kind: Kind) -> None:
    stored = write(cloud.bucket(), "a", b"content")
    for place in (Place.DOWNLOAD, Place.GET):
        cloud.server.faults.add([Fault(place=place, kind=kind, times=1)])

    assert cloud.bucket().read("a", max_bytes=7) == b"content"
    with cloud.bucket().open(stored) as file:
        assert file.read() == b"content"


@pytest.mark.parametrize(
    ("place", "call"),
    [
        pytest.param(Place.GET, lambda it, _: it.find("a"), id="find"),
        pytest.param(Place.GET, lambda it, a: it.open(a), id="open"),
        pytest.param(Place.LIST, lambda it, _: it.list("a"), id="list"),
        pytest.param(Place.DOWNLOAD, lambda it, _: it.read("a", max_bytes=9), id="r"),
        pytest.param(Place.DOWNLOAD, lambda it, a: it.open(a).read(), id="ranges"),
        pytest.param(Place.UPLOAD, lambda it, _: write(it, "a", b"y"), id="write"),
        pytest.param(Place.COPY, lambda it, a: it.copy_new(a, "b"), id="copy"),
        pytest.param(Place.DELETE, lambda it, _: it.delete("a"), id="delete"),
    ],
)
@pytest.mark.parametrize("kind", [Kind.FORBIDDEN, Kind.BAD_REQUEST])
def test_a_refusal_is_unreachable(
    cloud: Cloud,
    place: Place,
    call: Callable[[Bucket, StoredObject], object],
    kind: Kind,
) -> None:
    stored = write(cloud.bucket(), "a", b"x")
    cloud.server.faults.add([Fault(place=place, kind=kind, times=1)])

    with pytest.raises(Unreachable):
        call(cloud.bucket(), stored)


@pytest.mark.usefixtures("quick_retries")
def test_a_copy_whose_answer_is_lost_is_a_lost_race(cloud: Cloud) -> None:
    stored = write(cloud.bucket(), "a", b"x")
    cloud.server.faults.add([Fault(place=Place.COPY, kind=Kind.CUT_AFTER, times=1)])

    with pytest.raises(LostRace):
        cloud.bucket().copy_new(stored, "b")

    assert cloud.bucket().read("b", max_bytes=1) == b"x"


class SlowRewriteAdapter(HTTPAdapter):
    """Answers the first call of each copy itself: not done yet, call again."""

    came_again = 0

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        if "/rewriteTo/" not in request.url:
            return super().send(request, *args, **options)
        if "rewriteToken=more" in request.url:
            self.came_again += 1
            request.url = request.url.replace("rewriteToken=more", "")
            return super().send(request, *args, **options)
        answer = requests.Response()
        answer.status_code = 200
        content = {"done": False, "rewriteToken": "more"}
        parts = {"totalBytesRewritten": "1", "objectSize": "2"}
        answer.raw = io.BytesIO(json.dumps({**content, **parts}).encode())
        return answer


def test_a_copy_in_parts_is_finished(cloud: Cloud) -> None:
    stored = write(cloud.bucket(), "a", b"xy")
    adapter = SlowRewriteAdapter()
    cloud.client._http.mount("http://", adapter)

    copied = cloud.bucket().copy_new(stored, "b")

    assert adapter.came_again == 1
    assert cloud.bucket().find("b") == copied


def test_an_open_object_stays_at_its_generation(cloud: Cloud) -> None:
    file = cloud.bucket().open(write(cloud.bucket(), "a", b"old"))
    write(cloud.bucket(), "a", b"new")

    with file, pytest.raises(Unreachable):
        file.read()


class FlippingAdapter(HTTPAdapter):
    """Corrupts the content of every upload on its way, as broken memory would."""

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        if request.body and "/upload/" in request.url:
            body = request.body
            whole = body if isinstance(body, bytes) else b"".join(body)
            request.body = whole.replace(b"content", b"cOntent")
        return super().send(request, *args, **options)


@pytest.mark.parametrize("size", [7, MAX_AT_ONCE + 1], ids=["at once", "streamed"])
def test_a_corrupted_upload_is_deleted(cloud: Cloud, size: int) -> None:
    cloud.client._http.mount("http://", FlippingAdapter())

    with pytest.raises(Unreachable, match="something else"):
        write(cloud.bucket(), "a", b"content".ljust(size))

    assert cloud.bucket().find("a") is None


def test_a_corrupted_upload_that_was_already_replaced_stays(cloud: Cloud) -> None:
    """Another worker stores the same result in the meantime."""

    class Racing(FlippingAdapter):
        def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
            if request.method == "DELETE":
                cloud.client._http.mount("http://", HTTPAdapter())
                write(cloud.bucket(), "a", b"content")
            return super().send(request, *args, **options)

    cloud.client._http.mount("http://", Racing())

    with pytest.raises(Unreachable, match="something else"):
        write(cloud.bucket(), "a", b"content")

    assert cloud.bucket().read("a", max_bytes=7) == b"content"


# Signed URLs


def send(method: str, url: str, **what: Any) -> requests.Response:
    return requests.request(method, url, timeout=100, **what)


def test_a_signed_download_works_and_uses_the_clients_endpoint(cloud: Cloud) -> None:
    write(cloud.bucket(), "dir/a b", b"content")

    url = cloud.bucket().sign_download("dir/a b", lifetime=HOUR)

    assert url.startswith(f"{cloud.server.address}/bucket/dir/a%20b?")
    assert send("GET", url).content == b"content"
    assert send("GET", url.replace("Expires=3600", "Expires=3601")).status_code == 403


@pytest.mark.usefixtures("quick_retries")
def test_a_delete_whose_answer_is_lost_succeeds(cloud: Cloud) -> None:
    write(cloud.bucket(), "a", b"x")
    cloud.server.faults.add([Fault(place=Place.DELETE, kind=Kind.CUT_AFTER, times=1)])

    cloud.bucket().delete("a")

    assert cloud.bucket().find("a") is None


def test_a_download_is_saved_under_the_signed_name(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    write(bucket, "a", b"a video")
    disposition = attachment(date(2026, 11, 28), '고양이 "cat"; a=b')

    url = bucket.sign_download("a", lifetime=HOUR, disposition=disposition)

    answer = send("GET", url)
    assert answer.content == b"a video"
    assert answer.headers["Content-Disposition"] == disposition
    assert send("GET", url.replace("cat", "dog")).status_code == 403


def test_a_signed_upload_accepts_exactly_what_was_announced(cloud: Cloud) -> None:
    signed = cloud.bucket().sign_upload(
        "u", content_type="image/png", size_bytes=4, lifetime=HOUR
    )

    def put(body: bytes, **headers: str) -> int:
        sent = {**signed.headers, **headers}
        return send("PUT", signed.url, data=body, headers=sent).status_code

    assert (put(b"123"), put(b"12345")) == (400, 400)
    assert put(b"1234", **{"content-type": "text/html"}) == 403
    assert put(b"1234", **{"x-goog-if-generation-match": "1"}) == 403
    assert put(b"1234") == 200
    assert put(b"4321") == 412


def test_an_upload_is_read_as_it_was_stored_and_never_unpacked(cloud: Cloud) -> None:
    """A signature doesn't keep anyone from sending further headers, and 16 MB of gzip
    may unpack to 16 GB.
    """
    bomb = gzip.compress(bytes(1_000_000))
    signed = cloud.bucket().sign_upload(
        "u", content_type="image/png", size_bytes=len(bomb), lifetime=HOUR
    )
    packed = {**signed.headers, "Content-Encoding": "gzip"}
    assert send("PUT", signed.url, data=bomb, headers=packed).status_code == 200

    stored = cloud.bucket().find("u")
    assert stored
    assert cloud.bucket().read("u", max_bytes=len(bomb)) == bomb
    with cloud.bucket().open(stored) as file:
        assert file.read() == bomb


class Google:
    """A metadata server and signBlob, as a transport for google-auth."""

    def __init__(self, server: HttpServer, session: requests.Session) -> None:
        self._server = server
        self._request: Any = Request(session=session)
        self.urls: list[str] = []

    def __call__(self, url: str, **what: Any) -> Any:
        self.urls.append(url)
        path = url.partition("//")[2].partition("/")[2].partition("?")[0]
        return self._request(f"{self._server.url}/{path}", **what)


ACCOUNT_PATH = "/computeMetadata/v1/instance/service-accounts"
SIGN_PATH = f"/v1/projects/-/serviceAccounts/{EMAIL}:signBlob"


@pytest.fixture
def metadata(key: Any) -> Iterator[Google]:
    def sign(request: WebRequest) -> Response:
        payload = base64.b64decode(request.get_json(force=True)["payload"])
        signature = base64.b64encode(key.sign_bytes(payload)).decode()
        return as_json({"signedBlob": signature})

    token = {"access_token": "token", "expires_in": 3600, "token_type": "Bearer"}
    routes = {
        ("GET", f"{ACCOUNT_PATH}/default/"): lambda _: as_json(
            {"email": EMAIL, "scopes": ["cloud-platform"]}
        ),
        ("GET", f"{ACCOUNT_PATH}/default/token"): lambda _: as_json(token),
        ("POST", SIGN_PATH): sign,
    }
    with HttpServer(routed(routes)) as server, requests.Session() as session:
        yield Google(server, session)


def test_a_function_signs_without_a_key(cloud: Cloud, metadata: Google) -> None:
    credentials = METADATA_CREDENTIALS(universe_domain="googleapis.com")
    bucket = cloud.bucket(signer=FunctionSigner(credentials, metadata))
    write(bucket, "a", b"content")

    urls = [bucket.sign_download("a", lifetime=HOUR) for _ in range(2)]

    assert [send("GET", url).content for url in urls] == [b"content", b"content"]
    tokens = [url for url in metadata.urls if "/token" in url]
    signatures = [url for url in metadata.urls if ":signBlob" in url]
    assert (len(tokens), len(signatures)) == (1, 2)
    assert signatures[0] == f"https://iamcredentials.googleapis.com{SIGN_PATH}"


@pytest.mark.parametrize("status", [200, 403], ids=["an empty answer", "forbidden"])
def test_a_failed_signature_is_unreachable(cloud: Cloud, status: int) -> None:
    credentials = METADATA_CREDENTIALS(EMAIL, universe_domain="googleapis.com")
    credentials.token = "token"
    nothing = as_json({}, status=status)
    with HttpServer(routed({("POST", SIGN_PATH): lambda _: nothing})) as server:
        signer = FunctionSigner(credentials, Google(server, requests.Session()))

        with pytest.raises(Unreachable):
            cloud.bucket(signer=signer).sign_download("a", lifetime=HOUR)


class TimedSession(requests.Session):
    """Raises an error with the request's timeout."""

    def request(self, *args: Any, **options: Any) -> requests.Response:
        assert options["timeout"] == 10
        raise requests.ConnectionError


def test_a_function_signs_with_a_time_limit() -> None:
    request = function_signer._TimedRequest(session=TimedSession())

    with pytest.raises(google.auth.exceptions.TransportError):
        request("https://iamcredentials.googleapis.com")

"""The local Cloud Storage as the real client library sees it."""

import base64
import gc
import hashlib
import io
import json
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from google.api_core import exceptions
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from local.emulators.cloud_storage.errors import Refused
from local.emulators.cloud_storage.objects import ObjectStore, StoredObject, Upload
from local.emulators.cloud_storage.signatures import Signer
from local.emulators.storage import RunningStorage, StorageSettings, running_storage
from local.identity import LocalIdentity

BUCKET = "reelay-videos"
QUANTUM = 256 * 1024
AT_ONCE = DEFAULT_RETRY.with_delay(initial=0.001, maximum=0.01)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def signer() -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Signer(public_key=key.public_key(), email="nobody")


@pytest.fixture
def server(tmp_path: Path, signer: Signer) -> Iterator[RunningStorage]:
    with running_storage(StorageSettings(folder=tmp_path, signer=signer)) as running:
        yield running


@pytest.fixture
def client(
    server: RunningStorage, monkeypatch: pytest.MonkeyPatch
) -> Iterator[storage.Client]:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.address)
    made = storage.Client(project="reelay-local")
    yield made
    made.close()
    # It never reads the body of a refused download, so its socket stays open.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def bucket(client: storage.Client) -> Any:
    return client.create_bucket(BUCKET)


def pattern(size: int) -> bytes:
    return hashlib.shake_128(b"frames").digest(size)


def test_what_was_uploaded_comes_back_with_its_metadata(bucket: Any) -> None:
    blob = bucket.blob("videos/anna/1 é+.mp4")
    blob.cache_control = "private, max-age=60"
    blob.content_disposition = "attachment"
    blob.metadata = {"job": "j1"}
    blob.upload_from_string(pattern(5000), content_type="video/mp4", checksum="md5")

    found = bucket.get_blob("videos/anna/1 é+.mp4")

    assert found.download_as_bytes(checksum="crc32c") == pattern(5000)
    assert (found.content_type, found.size) == ("video/mp4", 5000)
    assert found.cache_control == "private, max-age=60"
    assert found.content_disposition == "attachment"
    assert found.metadata == {"job": "j1"}
    digest = hashlib.md5(pattern(5000)).digest()
    assert found.md5_hash == base64.b64encode(digest).decode()


def test_a_bucket_is_not_made_twice_and_a_missing_one_is_404(
    client: storage.Client, bucket: Any
) -> None:
    assert client.get_bucket(BUCKET).name == BUCKET
    with pytest.raises(exceptions.Conflict):
        client.create_bucket(BUCKET)
    with pytest.raises(exceptions.NotFound):
        client.get_bucket("nobodys")


@pytest.mark.parametrize("size", [0, QUANTUM, QUANTUM + 1, 3 * QUANTUM])
def test_a_resumable_upload_of_any_size_arrives(bucket: Any, size: int) -> None:
    known = bucket.blob("known.mp4", chunk_size=QUANTUM)
    known.upload_from_file(io.BytesIO(pattern(size)), size=None)
    with bucket.blob("unknown.mp4", chunk_size=QUANTUM).open("wb") as writer:
        writer.write(pattern(size))

    assert known.download_as_bytes() == pattern(size)
    assert bucket.blob("unknown.mp4").download_as_bytes() == pattern(size)


def begin(server: RunningStorage, total: int, **query: str) -> str:
    answer = requests.post(
        f"{server.address}/upload/storage/v1/b/{BUCKET}/o",
        params={"uploadType": "resumable", "name": "v.mp4", **query},
        headers={"x-upload-content-length": str(total)},
        timeout=10,
    )
    return answer.headers["Location"]


def put(location: str, content_range: str, data: bytes = b"") -> requests.Response:
    headers = {"Content-Range": content_range}
    return requests.put(location, data=data, headers=headers, timeout=10)


def send_half_of(location: str, data: bytes, size: int) -> socket.socket:
    """Announces all of the data, and sends `size` bytes."""
    url = urlsplit(location)
    head = (
        f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Content-Length: {len(data)}\r\n"
        f"Content-Range: bytes 0-{len(data) - 1}/{len(data)}\r\n\r\n"
    )
    connection = socket.create_connection((str(url.hostname), url.port or 0))
    connection.sendall(head.encode() + data[:size])
    return connection


def test_an_interrupted_resumable_upload_goes_on_where_it_broke(
    server: RunningStorage, bucket: Any
) -> None:
    data = pattern(3 * QUANTUM)
    location = begin(server, len(data))
    with send_half_of(location, data, QUANTUM + 1000) as half:
        half.shutdown(socket.SHUT_WR)
        assert half.recv(1) == b""

    told = put(location, f"bytes */{len(data)}")
    rest = put(location, f"bytes {QUANTUM}-{len(data) - 1}/{len(data)}", data[QUANTUM:])

    assert (told.status_code, told.headers["Range"]) == (308, f"bytes=0-{QUANTUM - 1}")
    assert rest.status_code == 200
    assert bucket.blob("v.mp4").download_as_bytes() == data


def test_an_old_connection_writes_no_more_once_another_took_over(
    server: RunningStorage, bucket: Any
) -> None:
    data = pattern(3 * QUANTUM)
    location = begin(server, len(data))
    with taken_over(location, data, QUANTUM) as stale, suppress(ConnectionError):
        stale.sendall(b"x" * (2 * QUANTUM - 1000))
        stale.recv(1)

    rest = f"bytes {QUANTUM}-{len(data) - 1}/{len(data)}"
    assert put(location, rest, data[QUANTUM:]).status_code == 200
    assert bucket.blob("v.mp4").download_as_bytes() == data


def taken_over(location: str, data: bytes, kept_bytes: int) -> socket.socket:
    """A connection whose first part was kept before another asked how far it got.

    Asking takes the upload over, so a question that came too early means another try.
    """
    kept = f"bytes=0-{kept_bytes - 1}"
    for _ in range(500):
        stale = send_half_of(location, data, kept_bytes + 1000)
        if put(location, f"bytes */{len(data)}").headers.get("Range") == kept:
            return stale
        stale.close()
    raise AssertionError("the first part was never kept in time")


def test_the_client_itself_survives_cuts_in_a_resumable_upload(
    server: RunningStorage, bucket: Any
) -> None:
    for kind in ("cut", "cut-after", "503"):
        arm(server, place="upload", kind=kind)
    blob = bucket.blob("v.mp4", chunk_size=2 * QUANTUM)

    blob.upload_from_file(io.BytesIO(pattern(5 * QUANTUM)), retry=AT_ONCE)

    assert [fault["left"] for fault in server.faults.as_json()] == [0, 0, 0]
    assert blob.download_as_bytes() == pattern(5 * QUANTUM)


def test_a_lost_answer_to_the_last_part_can_be_asked_for_again(
    server: RunningStorage, bucket: Any
) -> None:
    location = begin(server, 10)
    put(location, "bytes 0-9/10", pattern(10))

    assert put(location, "bytes */10").json()["size"] == "10"
    assert put(location, "bytes 0-9/10", pattern(10)).status_code == 200


@pytest.mark.parametrize(
    ("content_range", "data"),
    [
        pytest.param("bytes 0-9/10", b"0123456789", id="fewer"),
        pytest.param("bytes */10", b"", id="done"),
        pytest.param("bytes 0-29/30", b"x" * 30, id="more"),
        pytest.param("bytes 0-19/20", b"too few", id="lying"),
        pytest.param("bytes 0-9/20", b"0123456789", id="uneven"),
        pytest.param("bytes 5-29/20", b"x" * 25, id="past the end"),
        pytest.param("pages 1-2/3", b"x", id="no range"),
    ],
)
def test_a_resumable_upload_of_another_size_than_announced_is_refused(
    server: RunningStorage, bucket: Any, content_range: str, data: bytes
) -> None:
    location = begin(server, 20)

    assert put(location, content_range, data).status_code == 400
    assert not bucket.blob("v.mp4").exists()


def test_a_cancelled_upload_is_gone(server: RunningStorage, bucket: Any) -> None:
    location = begin(server, 10)

    assert requests.delete(location, timeout=10).status_code == 499
    assert put(location, "bytes 0-9/10", pattern(10)).status_code == 404


@pytest.mark.parametrize("chunk_size", [None, QUANTUM], ids=["multipart", "resumable"])
def test_of_eight_create_only_uploads_exactly_one_wins(
    bucket: Any, chunk_size: int | None
) -> None:
    def upload(number: int) -> int:
        blob = bucket.blob("v.mp4", chunk_size=chunk_size)
        data = io.BytesIO(bytes([number]) * (QUANTUM + 1))
        size = QUANTUM + 1 if chunk_size is None else None
        try:
            blob.upload_from_file(data, size=size, if_generation_match=0)
        except exceptions.PreconditionFailed:
            return -1
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [n for n in pool.map(upload, range(8)) if n >= 0]

    assert len(winners) == 1
    found = bucket.blob("v.mp4").download_as_bytes()
    assert found == bytes(winners) * (QUANTUM + 1)


def test_create_only_is_asked_again_when_the_upload_ends(
    server: RunningStorage, bucket: Any
) -> None:
    location = begin(server, 10, ifGenerationMatch="0")
    bucket.blob("v.mp4").upload_from_string("faster")

    assert put(location, "bytes 0-9/10", pattern(10)).status_code == 412
    assert bucket.blob("v.mp4").download_as_bytes() == b"faster"


Act = Callable[[Any, int], object]
CHANGES: dict[str, Act] = {
    "upload": lambda blob, g: blob.upload_from_string("new", if_generation_match=g),
    "delete": lambda blob, g: blob.delete(if_generation_match=g),
    "copy source": lambda blob, g: blob.bucket.copy_blob(
        blob, blob.bucket, "copy", if_source_generation_match=g
    ),
    "rewrite source": lambda blob, g: blob.bucket.blob("copy").rewrite(
        blob, if_source_generation_match=g
    ),
    "copy onto": lambda blob, g: blob.bucket.copy_blob(
        blob.bucket.blob("other"), blob.bucket, "v.mp4", if_generation_match=g
    ),
    "read": lambda blob, g: blob.download_as_bytes(if_generation_match=g),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_stale_generation_changes_nothing(bucket: Any, change: Act) -> None:
    bucket.blob("other").upload_from_string("other")
    blob = bucket.blob("v.mp4")
    blob.upload_from_string("first")
    stale = blob.generation
    blob.upload_from_string("second")

    with pytest.raises(exceptions.PreconditionFailed):
        change(blob, stale)

    assert blob.download_as_bytes() == b"second"
    assert not bucket.blob("copy").exists()
    change(blob, blob.generation)


def test_a_condition_that_is_not_known_here_is_refused(bucket: Any) -> None:
    bucket.blob("v.mp4").upload_from_string("first")

    with pytest.raises(exceptions.MethodNotImplemented):
        bucket.blob("v.mp4").delete(if_metageneration_match=1)


def test_copies_keep_content_and_type_and_outlive_their_source(bucket: Any) -> None:
    source = bucket.blob("incoming/1.mp4")
    source.upload_from_string(pattern(100), content_type="video/mp4")
    copied = bucket.copy_blob(source, bucket, "videos/1.mp4", if_generation_match=0)
    token, _, total = bucket.blob("videos/2.mp4").rewrite(source)
    source.delete()

    assert (token, total) == (None, 100)
    for name in ("videos/1.mp4", "videos/2.mp4"):
        found = bucket.get_blob(name)
        assert found.download_as_bytes() == pattern(100)
        assert (found.content_type, found.crc32c) == ("video/mp4", copied.crc32c)


def test_what_is_missing_is_404_in_googles_shape(
    server: RunningStorage, bucket: Any
) -> None:
    with pytest.raises(exceptions.NotFound):
        bucket.blob("nothing").download_as_bytes()
    with pytest.raises(exceptions.NotFound):
        bucket.blob("nothing").delete()
    assert bucket.get_blob("nothing") is None

    url = f"{server.address}/storage/v1/b/{BUCKET}/o/nothing"
    error = requests.get(url, timeout=10).json()["error"]
    assert (error["code"], error["errors"][0]["reason"]) == (404, "notFound")


@pytest.mark.parametrize("name", ["md5Hash", "crc32c"])
def test_a_wrong_checksum_is_refused_and_nothing_is_stored(
    server: RunningStorage, bucket: Any, name: str
) -> None:
    metadata = json.dumps({"name": "v.mp4", name: "AAAAAA=="})
    body = (
        f"--x\r\ncontent-type: application/json\r\n\r\n{metadata}\r\n"
        "--x\r\ncontent-type: video/mp4\r\n\r\nvideo\r\n--x--"
    )
    multipart = requests.post(
        f"{server.address}/upload/storage/v1/b/{BUCKET}/o?uploadType=multipart",
        data=body,
        headers={"content-type": "multipart/related; boundary=x"},
        timeout=10,
    )
    headers = {"Content-Range": "bytes 0-4/5", "x-goog-hash": "crc32c=AAAAAA=="}
    part = requests.put(begin(server, 5), b"video", headers=headers, timeout=10)

    assert (multipart.status_code, part.status_code) == (400, 400)
    assert "doesn't match" in multipart.json()["error"]["message"]
    assert not bucket.blob("v.mp4").exists()


def test_lists_go_by_prefix_folder_and_page(client: Any, bucket: Any) -> None:
    for name in ("a/1", "a/2", "a/b/3", "a/b/4", "a/c/5", "z"):
        bucket.blob(name).upload_from_string(name)

    everything = [b.name for b in client.list_blobs(BUCKET, page_size=2)]
    folder = client.list_blobs(BUCKET, prefix="a/", delimiter="/", page_size=1)
    pages = [[b.name for b in page] for page in folder.pages]

    assert everything == ["a/1", "a/2", "a/b/3", "a/b/4", "a/c/5", "z"]
    assert [name for page in pages for name in page] == ["a/1", "a/2"]
    assert folder.prefixes == {"a/b/", "a/c/"}
    assert len(pages) == 4


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ("bytes=0-9", 206, "bytes 0-9/1000"),
        ("bytes=990-", 206, "bytes 990-999/1000"),
        ("bytes=-10", 206, "bytes 990-999/1000"),
        ("bytes=900-5000", 206, "bytes 900-999/1000"),
        ("bytes=0-1,5-6", 200, None),
        ("bytes=abc", 200, None),
        ("bytes=1000-", 416, "bytes */1000"),
    ],
)
def test_ranges_are_served_on_both_apis(
    server: RunningStorage, bucket: Any, asked: str, status: int, told: str | None
) -> None:
    data = pattern(1000)
    bucket.blob("v.mp4").upload_from_string(data)
    headers = {"Range": asked, "Authorization": "Bearer owner"}

    for path in (f"{BUCKET}/v.mp4", f"storage/v1/b/{BUCKET}/o/v.mp4?alt=media"):
        got = requests.get(f"{server.address}/{path}", headers=headers, timeout=10)
        assert (got.status_code, got.headers.get("Content-Range")) == (status, told)
        if told and status == 206:
            first, last = told.split()[1].split("/")[0].split("-")
            assert got.content == data[int(first) : int(last) + 1]


def test_downloads_say_what_they_are_checked_with(
    server: RunningStorage, bucket: Any
) -> None:
    blob = bucket.blob("v.mp4")
    blob.upload_from_string(pattern(10), content_type="video/mp4")
    owner = {"Authorization": "Bearer owner"}
    url = f"{server.address}/{BUCKET}/v.mp4"

    got = requests.head(url, headers=owner, timeout=10)

    def status(**more: str) -> int:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return requests.get(url, headers=owner | named, timeout=10).status_code

    assert (got.status_code, got.content) == (200, b"")
    assert got.headers["Content-Length"] == "10"
    assert got.headers["x-goog-stored-content-length"] == "10"
    assert got.headers["x-goog-generation"] == str(blob.generation)
    assert got.headers["x-goog-hash"] == f"crc32c={blob.crc32c},md5={blob.md5_hash}"
    assert status(If_None_Match=got.headers["ETag"]) == 304
    assert status(Range="bytes=0-1", If_Range='"other"') == 200
    assert status(If_Match='"other"') == 412


def test_an_overwritten_generation_is_gone(bucket: Any) -> None:
    blob = bucket.blob("v.mp4")
    blob.upload_from_string("first")
    first = blob.generation
    blob.upload_from_string("second")

    assert blob.generation > first
    with pytest.raises(exceptions.NotFound):
        bucket.blob("v.mp4", generation=first).download_as_bytes()
    kept = bucket.blob("v.mp4", generation=blob.generation)
    assert kept.download_as_bytes() == b"second"


def put_into(store: ObjectStore, content: bytes) -> StoredObject:
    return store.put(Upload(bucket=BUCKET, name="videos/1.mp4"), content)


def open_store(folder: Path) -> ObjectStore:
    return ObjectStore(folder, lambda: NOON)


def test_objects_survive_a_restart_and_generations_grow(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.create_bucket(BUCKET)
    first, second = put_into(store, b"1"), put_into(store, b"2")
    (tmp_path / BUCKET / "left-over.data").write_bytes(b"of a crash")

    again = open_store(tmp_path)

    assert again.read(BUCKET, "videos/1.mp4") == (second, b"2")
    assert len(list((tmp_path / BUCKET).iterdir())) == 2
    assert first.generation < second.generation < put_into(again, b"3").generation


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 1025])
def test_names_that_cloud_storage_refuses_are_refused(
    tmp_path: Path, name: str
) -> None:
    store = open_store(tmp_path)
    store.create_bucket(BUCKET)

    with pytest.raises(Refused, match="object name"):
        store.put(Upload(bucket=BUCKET, name=name), b"x")


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "UPPER", "x"])
def test_a_buckets_name_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused):
        open_store(tmp_path).create_bucket(name)


def test_half_open_connections_stop_nobody(server: RunningStorage, bucket: Any) -> None:
    url = urlsplit(server.address)
    beginnings = (
        b"",
        b"GET /re",
        f"POST /upload/storage/v1/b/{BUCKET}/o?uploadType=media&name=v.mp4 "
        "HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\nhalf".encode(),
    )
    half_open = [
        socket.create_connection((str(url.hostname), url.port or 0))
        for _ in range(4)
        for _ in beginnings
    ]
    for number, connection in enumerate(half_open):
        connection.sendall(beginnings[number % 3])

    bucket.blob("v.mp4").upload_from_string("video", timeout=5)
    assert bucket.blob("v.mp4").download_as_bytes(timeout=5) == b"video"

    for connection in half_open:
        connection.close()
    assert bucket.blob("v.mp4").download_as_bytes(timeout=5) == b"video"


def arm(server: RunningStorage, **fault: object) -> requests.Response:
    url = f"{server.address}/_control/faults"
    return requests.post(url, json={"times": 1} | fault, timeout=10)


@pytest.mark.parametrize(
    "place", ["upload", "download", "copy", "delete", "get", "list"]
)
@pytest.mark.parametrize("kind", ["503", "cut"])
def test_faults_on_request_pass_and_the_client_gets_over_them(
    server: RunningStorage, client: Any, bucket: Any, place: str, kind: str
) -> None:
    assert arm(server, place=place, kind=kind, times=2).status_code == 200
    blob = bucket.blob("v.mp4")

    blob.upload_from_string(pattern(1000), retry=AT_ONCE)
    bucket.copy_blob(blob, bucket, "copy.mp4", retry=AT_ONCE)
    bucket.blob("copy.mp4").delete(retry=AT_ONCE)
    blob.reload(retry=AT_ONCE)

    assert blob.download_as_bytes(retry=AT_ONCE) == pattern(1000)
    assert [b.name for b in client.list_blobs(BUCKET, retry=AT_ONCE)] == ["v.mp4"]
    assert [fault["left"] for fault in server.faults.as_json()] == [0]


def test_a_create_only_upload_whose_answer_got_lost_meets_itself(
    server: RunningStorage, bucket: Any
) -> None:
    arm(server, place="upload", kind="cut-after")

    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("v.mp4").upload_from_string(
            "video", if_generation_match=0, retry=AT_ONCE
        )

    assert bucket.blob("v.mp4").download_as_bytes() == b"video"


def test_a_silent_server_never_answers(server: RunningStorage, bucket: Any) -> None:
    arm(server, place="get", kind="silent")

    with pytest.raises(requests.exceptions.ReadTimeout):
        bucket.blob("v.mp4").reload(timeout=0.3, retry=None)


@pytest.mark.parametrize(
    "fault",
    [{"place": "start"}, {"place": "nap"}, {"place": "get", "kind": "?"}],
)
def test_what_is_no_fault_is_refused(
    server: RunningStorage, fault: dict[str, object]
) -> None:
    assert arm(server, **fault).status_code == 400
    assert server.faults.as_json() == []


def test_the_command_serves_says_so_and_ends_quietly(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    LocalIdentity.generate("p").write_service_account_file(
        key, account="functions", token_uri="http://127.0.0.1:1"
    )
    command = [sys.executable, "-m", "local.emulators.storage"]
    command += ["--folder", str(tmp_path / "s"), "--key", str(key)]
    command += ["--origins", "http://127.0.0.1:1", "--bucket", BUCKET]

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        url = f"{ready['address']}/storage/v1/b/{BUCKET}"
        shown = requests.get(url, timeout=10).json()
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=10)

    assert ready["ready"] is True
    assert shown["cors"][0]["origin"] == ["http://127.0.0.1:1"]
    assert (process.returncode, said) == (0, ("", ""))

"""The local Cloud Storage as the real client library sees it."""

import base64
import gc
import hashlib
import http.client
import io
import json
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.api_core import exceptions
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from local.emulators.cloud_storage.faults import (
    Cut,
    Fault,
    Operation,
)
from local.emulators.cloud_storage.signatures import Signer
from local.emulators.storage import (
    StorageServer,
    StorageSettings,
    running_storage,
)

BUCKET = "reelay-videos"
QUANTUM = 256 * 1024
AT_ONCE = DEFAULT_RETRY.with_delay(initial=0.001, maximum=0.01)


@pytest.fixture(scope="module")
def signer() -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Signer(public_key=key.public_key(), email=None)


@pytest.fixture
def server(tmp_path: Path, signer: Signer) -> Iterator[StorageServer]:
    with running_storage(StorageSettings(folder=tmp_path, signer=signer)) as running:
        yield running


@pytest.fixture
def client(
    server: StorageServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[storage.Client]:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.address)
    made = storage.Client(project="reelay-local")
    yield made
    made.close()
    close_what_the_library_left_open()


def close_what_the_library_left_open() -> None:
    """It never reads the body of a refused download, so its socket stays open."""
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
    assert (
        found.md5_hash == base64.b64encode(hashlib.md5(pattern(5000)).digest()).decode()
    )


def test_buckets_are_made_found_listed_and_not_made_twice(
    client: storage.Client, bucket: Any
) -> None:
    assert client.get_bucket(BUCKET).name == BUCKET
    assert [one.name for one in client.list_buckets()] == [BUCKET]
    with pytest.raises(exceptions.Conflict):
        client.create_bucket(BUCKET)
    with pytest.raises(exceptions.NotFound):
        client.get_bucket("nobodys")


@pytest.mark.parametrize(
    "size",
    [0, 1, QUANTUM, QUANTUM + 1, 3 * QUANTUM],
    ids=["empty", "one byte", "one part", "a byte more", "whole parts"],
)
def test_a_resumable_upload_of_any_size_arrives(bucket: Any, size: int) -> None:
    known = bucket.blob("known.mp4", chunk_size=QUANTUM)
    known.upload_from_file(io.BytesIO(pattern(size)), size=None)
    with bucket.blob("unknown.mp4", chunk_size=QUANTUM).open("wb") as writer:
        writer.write(pattern(size))

    assert known.download_as_bytes() == pattern(size)
    assert bucket.blob("unknown.mp4").download_as_bytes() == pattern(size)


def test_a_plain_media_upload_needs_no_metadata(
    server: StorageServer, bucket: Any
) -> None:
    answer = requests.post(
        f"{server.address}/upload/storage/v1/b/{BUCKET}/o",
        params={"uploadType": "media", "name": "a.txt"},
        data=iter([b"chunk", b"ed"]),
        headers={"content-type": "text/plain"},
        timeout=10,
    )

    assert (answer.status_code, answer.json()["size"]) == (200, "7")
    assert bucket.blob("a.txt").download_as_text() == "chunked"


def begin(server: StorageServer, total: int, **query: str) -> str:
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
    server: StorageServer, bucket: Any
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
    server: StorageServer, bucket: Any, tmp_path: Path
) -> None:
    data = pattern(3 * QUANTUM)
    location = begin(server, len(data))
    (draft,) = (tmp_path / "incoming").iterdir()
    with send_half_of(location, data, QUANTUM + 1000) as stale:
        wait_until(lambda: draft.stat().st_size == QUANTUM)
        assert put(location, "bytes */*").headers["Range"] == f"bytes=0-{QUANTUM - 1}"
        with suppress(ConnectionError):
            stale.sendall(b"x" * (2 * QUANTUM - 1000))
            stale.recv(1)

    rest = f"bytes {QUANTUM}-{len(data) - 1}/{len(data)}"
    assert put(location, rest, data[QUANTUM:]).status_code == 200
    assert bucket.blob("v.mp4").download_as_bytes() == data


def wait_until(holds: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_refused_body_is_not_taken_for_the_next_request(
    server: StorageServer, bucket: Any
) -> None:
    path, owner = f"/{BUCKET}/v.mp4", {"Authorization": "Bearer owner"}
    with closing(http.client.HTTPConnection(urlsplit(server.address).netloc)) as one:
        statuses = []
        for headers in ({}, owner):
            one.request("PUT", path, b"GET / HTTP/1.1\r\n\r\n" * 2000, headers)
            with one.getresponse() as answer:
                answer.read()
                statuses.append(answer.status)

    assert statuses == [403, 200]


def test_the_client_itself_survives_cuts_in_a_resumable_upload(
    server: StorageServer, bucket: Any
) -> None:
    for status in (Cut.HALFWAY, Cut.AFTER, 503):
        server.faults.add(Fault(op=Operation.UPLOAD, status=status))
    blob = bucket.blob("v.mp4", chunk_size=2 * QUANTUM)

    blob.upload_from_file(io.BytesIO(pattern(5 * QUANTUM)), retry=AT_ONCE)

    assert server.faults.armed() == []
    assert blob.download_as_bytes() == pattern(5 * QUANTUM)


def test_a_lost_answer_to_the_last_part_can_be_asked_for_again(
    server: StorageServer, bucket: Any
) -> None:
    location = begin(server, 10)
    put(location, "bytes 0-9/10", pattern(10))

    assert put(location, "bytes */10").json()["size"] == "10"
    assert put(location, "bytes 0-9/10", pattern(10)).status_code == 200


@pytest.mark.parametrize(
    ("content_range", "data"),
    [
        ("bytes 0-9/10", b"0123456789"),
        ("bytes */10", b""),
        ("bytes 0-29/30", b"x" * 30),
        ("bytes 0-19/20", b"too few"),
        ("bytes 0-9/20", b"0123456789"),
        ("bytes 5-29/20", b"x" * 25),
        ("pages 1-2/3", b"x"),
    ],
    ids=["fewer", "done", "more", "lying", "uneven", "past the end", "no range"],
)
def test_a_resumable_upload_of_another_size_than_announced_is_refused(
    server: StorageServer, bucket: Any, content_range: str, data: bytes
) -> None:
    location = begin(server, 20)

    assert put(location, content_range, data).status_code == 400
    assert not bucket.blob("v.mp4").exists()


def test_a_cancelled_upload_is_gone(server: StorageServer, bucket: Any) -> None:
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
    server: StorageServer, bucket: Any
) -> None:
    location = begin(server, 10, ifGenerationMatch="0")
    bucket.blob("v.mp4").upload_from_string("faster")

    assert put(location, "bytes 0-9/10", pattern(10)).status_code == 412
    assert bucket.blob("v.mp4").download_as_bytes() == b"faster"


Act = Callable[[Any, int], object]
CHANGES: dict[str, Act] = {
    "upload": lambda blob, g: blob.upload_from_string("new", if_generation_match=g),
    "delete": lambda blob, g: blob.delete(if_generation_match=g),
    "patch": lambda blob, g: blob.patch(if_generation_match=g),
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


def test_metadata_is_patched_under_its_own_version(bucket: Any) -> None:
    blob = bucket.blob("v.mp4")
    blob.metadata = {"job": "j1", "old": "x"}
    blob.upload_from_string("video", content_type="video/mp4")
    blob.metadata = {"old": None, "new": "y"}
    blob.patch(if_metageneration_match=1)

    with pytest.raises(exceptions.PreconditionFailed):
        blob.patch(if_metageneration_match=1)

    found = bucket.get_blob("v.mp4")
    assert (found.metageneration, found.generation) == (2, blob.generation)
    assert found.metadata == {"job": "j1", "new": "y"}
    assert found.content_type == "video/mp4"


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
    server: StorageServer, bucket: Any
) -> None:
    with pytest.raises(exceptions.NotFound):
        bucket.blob("nothing").download_as_bytes()
    with pytest.raises(exceptions.NotFound):
        bucket.blob("nothing").delete()
    assert bucket.get_blob("nothing") is None

    answer = requests.get(
        f"{server.address}/storage/v1/b/{BUCKET}/o/nothing", timeout=10
    )

    error = answer.json()["error"]
    assert (error["code"], error["errors"][0]["reason"]) == (404, "notFound")


@pytest.mark.parametrize("name", ["md5Hash", "crc32c"])
def test_a_wrong_checksum_is_refused_and_nothing_is_stored(
    server: StorageServer, bucket: Any, name: str
) -> None:
    metadata = json.dumps({"name": "v.mp4", name: "AAAAAA=="})
    body = (
        f"--x\r\ncontent-type: application/json\r\n\r\n{metadata}\r\n"
        "--x\r\ncontent-type: video/mp4\r\n\r\nvideo\r\n--x--"
    )
    answer = requests.post(
        f"{server.address}/upload/storage/v1/b/{BUCKET}/o?uploadType=multipart",
        data=body,
        headers={"content-type": "multipart/related; boundary=x"},
        timeout=10,
    )

    assert answer.status_code == 400
    assert "doesn't match" in answer.json()["error"]["message"]
    assert not bucket.blob("v.mp4").exists()


def test_a_wrong_checksum_at_the_end_of_a_resumable_upload_is_refused(
    server: StorageServer, bucket: Any
) -> None:
    headers = {"Content-Range": "bytes 0-4/5", "x-goog-hash": "crc32c=AAAAAA=="}
    answer = requests.put(begin(server, 5), b"video", headers=headers, timeout=10)

    assert answer.status_code == 400
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


def test_a_blob_is_read_by_ranges(bucket: Any) -> None:
    data = pattern(1000)
    bucket.blob("v.mp4").upload_from_string(data)

    with bucket.blob("v.mp4").open("rb", chunk_size=100) as file:
        assert file.read(10) == data[:10]
        file.seek(-100, io.SEEK_END)
        assert file.read(50) == data[900:950]
        file.seek(500)
        assert file.read() == data[500:]
        assert file.read(1) == b""


RANGES = [
    ("bytes=0-9", 206, "bytes 0-9/1000"),
    ("bytes=990-", 206, "bytes 990-999/1000"),
    ("bytes=-10", 206, "bytes 990-999/1000"),
    ("bytes=-5000", 206, "bytes 0-999/1000"),
    ("bytes=900-5000", 206, "bytes 900-999/1000"),
    ("bytes=0-1,5-6", 200, None),
    ("bytes=abc", 200, None),
    ("bytes=1000-", 416, "bytes */1000"),
    ("bytes=-0", 416, "bytes */1000"),
]


@pytest.mark.parametrize(("asked", "status", "told"), RANGES)
def test_ranges_are_served_on_both_apis(
    server: StorageServer, bucket: Any, asked: str, status: int, told: str | None
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
    server: StorageServer, bucket: Any
) -> None:
    blob = bucket.blob("v.mp4")
    blob.upload_from_string(pattern(10), content_type="video/mp4")

    headers = {"Authorization": "Bearer owner"}
    url = f"{server.address}/{BUCKET}/v.mp4"
    got = requests.head(url, headers=headers, timeout=10)

    assert (got.status_code, got.content) == (200, b"")
    assert got.headers["Content-Length"] == "10"
    assert got.headers["x-goog-stored-content-length"] == "10"
    assert got.headers["x-goog-generation"] == str(blob.generation)
    assert got.headers["x-goog-hash"] == f"crc32c={blob.crc32c},md5={blob.md5_hash}"
    etag = {**headers, "If-None-Match": got.headers["ETag"]}
    assert requests.get(url, headers=etag, timeout=10).status_code == 304
    part = {**headers, "Range": "bytes=0-1", "If-Range": '"other"'}
    assert requests.get(url, headers=part, timeout=10).status_code == 200
    other = {**headers, "If-Match": '"other"'}
    assert requests.get(url, headers=other, timeout=10).status_code == 412


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


def test_objects_survive_a_restart(
    tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = StorageSettings(folder=tmp_path, signer=signer)
    seen: list[tuple[object, ...]] = []
    for _ in range(2):
        with running_storage(settings) as running:
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", running.address)
            with storage.Client(project="reelay-local") as client:
                if not seen:
                    blob = client.create_bucket(BUCKET).blob("v.mp4")
                    blob.upload_from_string(pattern(100), content_type="video/mp4")
                found = client.bucket(BUCKET).get_blob("v.mp4")
                seen.append((found.generation, found.content_type, found.updated))
                assert found.download_as_bytes() == pattern(100)

    assert seen[0] == seen[1]


def test_half_open_connections_stop_nobody(server: StorageServer, bucket: Any) -> None:
    url = urlsplit(server.address)
    address = (str(url.hostname), url.port or 0)
    beginnings = (
        b"",
        b"GET /re",
        f"POST /upload/storage/v1/b/{BUCKET}/o?uploadType=media&name=v.mp4 "
        "HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nhalf".encode(),
    )
    half_open = [socket.create_connection(address) for _ in range(4) for _ in (1, 2, 3)]
    for number, connection in enumerate(half_open):
        connection.sendall(beginnings[number % 3])

    bucket.blob("v.mp4").upload_from_string("video", timeout=5)
    assert bucket.blob("v.mp4").download_as_bytes(timeout=5) == b"video"

    for connection in half_open:
        connection.close()
    assert bucket.blob("v.mp4").download_as_bytes(timeout=5) == b"video"


def arm(server: StorageServer, **fault: object) -> requests.Response:
    return requests.post(f"{server.address}/_control/faults", json=fault, timeout=10)


@pytest.mark.parametrize("op", ["upload", "download", "copy", "delete", "get", "list"])
@pytest.mark.parametrize("status", [503, "cut"])
def test_staged_faults_pass_and_the_client_gets_over_them(
    server: StorageServer, client: Any, bucket: Any, op: str, status: int | str
) -> None:
    assert arm(server, op=op, status=status, times=2).status_code == 200
    blob = bucket.blob("v.mp4")

    blob.upload_from_string(pattern(1000), retry=AT_ONCE)
    bucket.copy_blob(blob, bucket, "copy.mp4", retry=AT_ONCE)
    bucket.blob("copy.mp4").delete(retry=AT_ONCE)
    blob.reload(retry=AT_ONCE)

    assert blob.download_as_bytes(retry=AT_ONCE) == pattern(1000)
    assert [b.name for b in client.list_blobs(BUCKET, retry=AT_ONCE)] == ["v.mp4"]
    assert server.faults.armed() == []


def test_a_create_only_upload_whose_answer_got_lost_meets_itself(
    server: StorageServer, bucket: Any
) -> None:
    arm(server, op="upload", status="cut-after")

    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("v.mp4").upload_from_string(
            "video", if_generation_match=0, retry=AT_ONCE
        )

    assert bucket.blob("v.mp4").download_as_bytes() == b"video"


@pytest.mark.parametrize(
    "fault",
    [{}, {"op": "upload"}, {"op": "nap", "status": 503}, {"op": "get", "status": "?"}],
)
def test_what_is_no_fault_is_refused(
    server: StorageServer, fault: dict[str, object]
) -> None:
    assert arm(server, **fault).status_code == 400
    assert server.faults.armed() == []


def test_the_control_shows_and_clears(server: StorageServer, bucket: Any) -> None:
    bucket.blob("v.mp4").upload_from_string("video")
    arm(server, op="get", status=500, times=9)

    shown = requests.get(f"{server.address}/_control/objects", timeout=10).json()
    requests.delete(f"{server.address}/_control/faults", timeout=10)

    assert [one["name"] for one in shown["objects"]] == ["v.mp4"]
    assert server.faults.armed() == []


def test_the_command_serves_says_so_and_ends_quietly(
    tmp_path: Path, signer: Signer
) -> None:
    pem = signer.public_key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "key.pem").write_bytes(pem)
    command = [
        sys.executable,
        "-m",
        "local.emulators.storage",
        "--folder",
        str(tmp_path / "s"),
    ]
    command += ["--key", str(tmp_path / "key.pem"), "--origins", "http://127.0.0.1:1"]
    command += ["--bucket", BUCKET]

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

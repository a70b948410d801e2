"""The local Cloud Storage as the real client library sees it."""

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

from local.emulators.cloud_storage.objects import ObjectStore, StoredObject, Upload
from local.emulators.cloud_storage.signatures import Signer
from local.emulators.storage import RunningStorage, running_storage
from local.functions import BUCKET
from local.identity import LocalIdentity

QUANTUM = 256 * 1024
AT_ONCE = DEFAULT_RETRY.with_delay(initial=0.001, maximum=0.01)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def signer() -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Signer(public_key=key.public_key(), email="nobody")


@pytest.fixture
def server(tmp_path: Path, signer: Signer) -> Iterator[RunningStorage]:
    with running_storage(tmp_path, signer) as running:
        yield running


@pytest.fixture
def bucket(server: RunningStorage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.address)
    with storage.Client(project="reelay-local") as client:
        yield client.bucket(BUCKET)
    # It never reads the body of a refused download, so its socket stays open.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def pattern(size: int) -> bytes:
    return hashlib.shake_128(b"frames").digest(size)


def upload(bucket: Any, name: str, content: bytes, **options: Any) -> Any:
    """Without a size, it is a resumable upload."""
    blob = bucket.blob(name, chunk_size=QUANTUM)
    blob.upload_from_file(io.BytesIO(content), content_type="video/mp4", **options)
    return blob


def begin(server: RunningStorage, **query: str) -> str:
    answer = requests.post(
        f"{server.address}/upload/storage/v1/b/{BUCKET}/o",
        params={"uploadType": "resumable", "name": "v.mp4", **query},
        headers={"x-upload-content-type": "video/mp4"},
        timeout=10,
    )
    return answer.headers["Location"]


def put(location: str, content_range: str, data: bytes = b"") -> requests.Response:
    headers = {"Content-Range": content_range}
    return requests.put(location, data=data, headers=headers, timeout=10)


def test_an_interrupted_upload_goes_on_where_it_broke(
    server: RunningStorage, bucket: Any
) -> None:
    data, location = pattern(3 * QUANTUM), begin(server)
    url = urlsplit(location)
    head = (
        f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Content-Length: {len(data)}\r\n"
        f"Content-Range: bytes 0-{len(data) - 1}/{len(data)}\r\n\r\n"
    )
    with socket.create_connection((str(url.hostname), url.port or 0)) as half:
        half.sendall(head.encode() + data[: QUANTUM + 1000])
        half.shutdown(socket.SHUT_WR)
        assert half.recv(1) == b""

    told = put(location, f"bytes */{len(data)}")
    rest = put(location, f"bytes {QUANTUM}-{len(data) - 1}/{len(data)}", data[QUANTUM:])
    asked_again = put(location, f"bytes */{len(data)}")

    assert (told.status_code, told.headers["Range"]) == (308, f"bytes=0-{QUANTUM - 1}")
    assert rest.status_code == 200
    assert asked_again.json() == rest.json()
    assert bucket.blob("v.mp4").download_as_bytes() == data


@pytest.mark.parametrize(
    ("content_range", "data"),
    [
        pytest.param("bytes 0-9/20", b"0123456789", id="uneven"),
        pytest.param("bytes 5-29/30", b"x" * 25, id="with a gap"),
        pytest.param("pages 1-2/3", b"x", id="no range"),
    ],
)
def test_a_part_that_cloud_storage_refuses_is_refused(
    server: RunningStorage, bucket: Any, content_range: str, data: bytes
) -> None:
    assert put(begin(server), content_range, data).status_code == 400
    assert not bucket.blob("v.mp4").exists()


def test_of_eight_create_only_uploads_exactly_one_wins(bucket: Any) -> None:
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


def test_create_only_is_asked_again_when_the_upload_ends(
    server: RunningStorage, bucket: Any
) -> None:
    location = begin(server, ifGenerationMatch="0")
    upload(bucket, "v.mp4", b"faster")

    assert put(location, "bytes 0-9/10", pattern(10)).status_code == 412
    assert bucket.blob("v.mp4").download_as_bytes() == b"faster"


Act = Callable[[Any, int], object]
CHANGES: dict[str, Act] = {
    "upload": lambda blob, g: upload(
        blob.bucket, "v.mp4", b"new", if_generation_match=g
    ),
    "delete": lambda blob, g: blob.delete(if_generation_match=g),
    "copy onto": lambda blob, g: blob.rewrite(
        blob.bucket.blob("other"), if_generation_match=g
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_stale_generation_changes_nothing(bucket: Any, change: Act) -> None:
    upload(bucket, "other", b"other")
    stale = upload(bucket, "v.mp4", b"first").generation
    blob = upload(bucket, "v.mp4", b"second")

    with pytest.raises(exceptions.PreconditionFailed):
        change(blob, stale)

    assert bucket.get_blob("v.mp4").download_as_bytes() == b"second"
    change(bucket.blob("v.mp4"), blob.generation)


def test_a_condition_that_is_not_known_here_is_refused(bucket: Any) -> None:
    with pytest.raises(exceptions.MethodNotImplemented):
        upload(bucket, "v.mp4", b"first").delete(if_metageneration_match=1)


def test_copies_keep_content_and_type_and_outlive_their_source(bucket: Any) -> None:
    source = upload(bucket, "incoming/1.mp4", pattern(100))
    token, _, total = bucket.blob("videos/2.mp4").rewrite(source)
    source.delete()

    assert (token, total) == (None, 100)
    found = bucket.get_blob("videos/2.mp4")
    assert found.download_as_bytes() == pattern(100)
    assert (found.content_type, found.crc32c) == ("video/mp4", source.crc32c)


def test_what_is_missing_is_404_in_googles_shape(
    server: RunningStorage, bucket: Any
) -> None:
    with pytest.raises(exceptions.NotFound):
        bucket.blob("nothing").download_as_bytes()
    with pytest.raises(exceptions.NotFound):
        bucket.blob("nothing").delete()
    assert bucket.get_blob("nothing") is None
    assert bucket.client.bucket("nobodys").get_blob("v.mp4") is None

    url = f"{server.address}/storage/v1/b/{BUCKET}/o/nothing"
    error = requests.get(url, timeout=10).json()["error"]
    assert (error["code"], error["errors"][0]["reason"]) == (404, "notFound")


def test_lists_go_by_prefix_and_page(bucket: Any) -> None:
    for name in ("a/1", "a/2", "a/b/3", "z"):
        upload(bucket, name, b"x")

    found = bucket.client.list_blobs(BUCKET, prefix="a/", page_size=2)
    pages = [[blob.name for blob in page] for page in found.pages]

    assert pages == [["a/1", "a/2"], ["a/b/3"]]


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
def test_ranges_are_served(
    server: RunningStorage, bucket: Any, asked: str, status: int, told: str | None
) -> None:
    data = pattern(1000)
    upload(bucket, "v.mp4", data)
    url = f"{server.address}/storage/v1/b/{BUCKET}/o/v.mp4?alt=media"

    got = requests.get(url, headers={"Range": asked}, timeout=10)

    assert (got.status_code, got.headers.get("Content-Range")) == (status, told)
    if told and status == 206:
        first, last = told.split()[1].split("/")[0].split("-")
        assert got.content == data[int(first) : int(last) + 1]


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


def test_half_open_connections_stop_nobody(server: RunningStorage, bucket: Any) -> None:
    url = urlsplit(server.address)
    upload_path = urlsplit(begin(server))
    beginnings = (
        b"",
        b"GET /re",
        f"PUT {upload_path.path}?{upload_path.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\nhalf".encode(),
    )
    half_open = [
        socket.create_connection((str(url.hostname), url.port or 0)) for _ in beginnings
    ]
    for connection, beginning in zip(half_open, beginnings, strict=True):
        connection.sendall(beginning)

    upload(bucket, "v.mp4", b"video", timeout=5)
    assert bucket.blob("v.mp4").download_as_bytes(timeout=5) == b"video"

    for connection in half_open:
        connection.close()
    assert bucket.blob("v.mp4").download_as_bytes(timeout=5) == b"video"


def arm(server: RunningStorage, **fault: object) -> requests.Response:
    url = f"{server.address}/_control/faults"
    return requests.post(url, json={"times": 1} | fault, timeout=10)


@pytest.mark.parametrize(
    "place", ["start_upload", "upload", "download", "copy", "delete", "get", "list"]
)
@pytest.mark.parametrize("kind", ["503", "cut"])
def test_faults_on_request_pass_and_the_client_gets_over_them(
    server: RunningStorage, bucket: Any, place: str, kind: str
) -> None:
    assert arm(server, place=place, kind=kind, times=2).status_code == 200

    blob = upload(bucket, "v.mp4", pattern(1000), retry=AT_ONCE)
    bucket.blob("copy.mp4").rewrite(blob, retry=AT_ONCE)
    bucket.blob("copy.mp4").delete(retry=AT_ONCE)
    blob.reload(retry=AT_ONCE)

    assert blob.download_as_bytes(retry=AT_ONCE) == pattern(1000)
    assert [b.name for b in bucket.list_blobs(retry=AT_ONCE)] == ["v.mp4"]
    assert [fault["left"] for fault in server.faults.as_json()] == [0]


def test_a_silent_server_never_answers(server: RunningStorage, bucket: Any) -> None:
    arm(server, place="get", kind="silent")

    with pytest.raises(requests.exceptions.ReadTimeout):
        bucket.blob("v.mp4").reload(timeout=0.1, retry=None)


def test_the_command_serves_says_so_and_ends_quietly(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    LocalIdentity.generate("p").write_service_account_file(
        key, account="functions", token_uri="http://127.0.0.1:1"
    )
    command = [sys.executable, "-m", "local.emulators.storage"]
    command += ["--folder", str(tmp_path / "s"), "--key", str(key)]

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        url = f"{ready['address']}/storage/v1/b/{BUCKET}/o"
        shown = requests.get(url, timeout=10).json()
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=10)

    assert ready["ready"] is True
    assert shown["items"] == []
    assert (process.returncode, said) == (0, ("", ""))

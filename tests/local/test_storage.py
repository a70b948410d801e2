"""The local Cloud Storage, used by the real client library."""

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core import exceptions

from local.emulators.cloud_storage.objects import ObjectStore, StoredObject, Upload
from local.emulators.storage import RunningStorage
from local.functions import BUCKET

QUANTUM = 256 * 1024
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def pattern(size: int) -> bytes:
    return hashlib.shake_128(b"frames").digest(size)


def upload(bucket: Any, name: str, content: bytes, **options: Any) -> Any:
    """Upload an object; without a size it is a resumable upload."""
    blob = bucket.blob(name, chunk_size=QUANTUM)
    blob.upload_from_file(io.BytesIO(content), content_type="video/mp4", **options)
    return blob


def begin(cloud_storage: RunningStorage, **query: str) -> str:
    answer = requests.post(
        f"{cloud_storage.address}/upload/storage/v1/b/{BUCKET}/o",
        params={"uploadType": "resumable", "name": "v.mp4", **query},
        headers={"x-upload-content-type": "video/mp4"},
        timeout=10,
    )
    return answer.headers["Location"]


def put(location: str, content_range: str, data: bytes = b"") -> requests.Response:
    headers = {"Content-Range": content_range}
    return requests.put(location, data=data, headers=headers, timeout=10)


@pytest.mark.parametrize(
    ("content_range", "data"),
    [
        pytest.param("bytes 0-9/20", b"0123456789", id="uneven"),
        pytest.param("bytes 5-29/30", b"x" * 25, id="with a gap"),
        pytest.param("pages 1-2/3", b"x", id="no range"),
    ],
)
def test_a_part_that_cloud_storage_refuses_is_refused(
    cloud_storage: RunningStorage, bucket: Any, content_range: str, data: bytes
) -> None:
    assert put(begin(cloud_storage), content_range, data).status_code == 400
    assert not bucket.blob("v.mp4").exists()


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


def test_create_only_is_checked_again_when_the_upload_ends(
    cloud_storage: RunningStorage, bucket: Any
) -> None:
    location = begin(cloud_storage, ifGenerationMatch="0")
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


def test_objects_are_listed_by_prefix_and_page(bucket: Any) -> None:
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
    cloud_storage: RunningStorage,
    bucket: Any,
    asked: str,
    status: int,
    told: str | None,
) -> None:
    data = pattern(1000)
    upload(bucket, "v.mp4", data)
    url = f"{cloud_storage.address}/storage/v1/b/{BUCKET}/o/v.mp4?alt=media"

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


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("silent", requests.exceptions.ReadTimeout),
        ("cut", requests.exceptions.ChunkedEncodingError),
    ],
)
def test_a_download_can_hang_or_break_off(
    cloud_storage: RunningStorage, bucket: Any, kind: str, error: type[Exception]
) -> None:
    upload(bucket, "v.mp4", pattern(1000))
    fault = {"place": "download", "kind": kind}
    requests.post(f"{cloud_storage.address}/_control/faults", json=fault, timeout=10)

    with pytest.raises(error):
        requests.get(
            f"{cloud_storage.address}/storage/v1/b/{BUCKET}/o/v.mp4?alt=media",
            timeout=1,
        )

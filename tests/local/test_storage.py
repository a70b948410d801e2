"""The local Cloud Storage, used by the real client library."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions

from local.emulators.cloud_storage.objects import ObjectStore, StoredObject, Upload

QUANTUM = 256 * 1024
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


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

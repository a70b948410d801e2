"""The object store by itself: what lies on disk, and what versions mean."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.emulators.cloud_storage.errors import (
    ConnectionCutError,
    Refusal,
    StorageRefusedError,
)
from local.emulators.cloud_storage.http import (
    Body,
    Request,
)
from local.emulators.cloud_storage.objects import ObjectStore
from local.emulators.cloud_storage.records import (
    Attributes,
    ObjectKey,
    Preconditions,
    StoredObject,
    UploadIntent,
)
from local.emulators.cloud_storage.uploads import upload_multipart

KEY = ObjectKey(bucket="reelay", name="videos/1.mp4")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def open_store(folder: Path) -> ObjectStore:
    return ObjectStore(folder, lambda: NOON)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    made = open_store(tmp_path)
    made.create_bucket(KEY.bucket, {})
    return made


def write(store: ObjectStore, content: bytes) -> StoredObject:
    with store.draft() as draft:
        draft.write(content)
        return store.commit(draft, UploadIntent(key=KEY))


def read(store: ObjectStore) -> bytes:
    _, file = store.open(KEY)
    with file:
        return file.read()


def test_generations_grow_even_when_the_clock_stands_still(
    store: ObjectStore, tmp_path: Path
) -> None:
    first, second = write(store, b"1"), write(store, b"2")

    third = write(open_store(tmp_path), b"3")

    assert first.generation < second.generation < third.generation


def test_an_unfinished_draft_leaves_nothing(store: ObjectStore, tmp_path: Path) -> None:
    write(store, b"whole")
    with pytest.raises(ConnectionCutError), store.draft() as draft:
        draft.write(b"half")
        raise ConnectionCutError

    assert list((tmp_path / "incoming").iterdir()) == []
    assert read(store) == b"whole"


def test_what_a_crash_left_over_is_swept_at_start(
    store: ObjectStore, tmp_path: Path
) -> None:
    write(store, b"whole")
    folder = tmp_path / "buckets" / KEY.bucket
    live = {path.name for path in folder.iterdir()}
    (folder / "0000-1.data").write_bytes(b"no JSON beside it")
    (tmp_path / "incoming" / "half").write_bytes(b"half")

    again = open_store(tmp_path)

    assert read(again) == b"whole"
    assert {path.name for path in folder.iterdir()} == live
    assert list((tmp_path / "incoming").iterdir()) == []


def test_an_overwrite_or_deletion_removes_the_old_files(
    store: ObjectStore, tmp_path: Path
) -> None:
    write(store, b"1")
    write(store, b"2")
    assert len(list((tmp_path / "buckets" / KEY.bucket).glob("*.data"))) == 1

    store.delete(KEY, None, Preconditions())

    names = [p.name for p in (tmp_path / "buckets" / KEY.bucket).iterdir()]
    assert names == ["bucket.json"]


def test_a_reader_finishes_what_was_overwritten_meanwhile(store: ObjectStore) -> None:
    write(store, b"old")
    _, file = store.open(KEY)
    write(store, b"new")

    with file:
        assert file.read() == b"old"


@pytest.mark.parametrize(
    "name", ["", "a\nb", "x" * 1025], ids=["empty", "line", "long"]
)
def test_names_that_cloud_storage_refuses_are_refused(
    store: ObjectStore, name: str
) -> None:
    with pytest.raises(StorageRefusedError) as caught:
        store.check(UploadIntent(key=ObjectKey(bucket=KEY.bucket, name=name)))

    assert caught.value.refusal is Refusal.INVALID


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "UPPER", "x"])
def test_a_buckets_name_cannot_leave_the_folder(store: ObjectStore, name: str) -> None:
    with pytest.raises(StorageRefusedError):
        store.create_bucket(name, {})


def test_a_patch_takes_away_what_is_null() -> None:
    old = Attributes.from_json({"contentType": "a/b", "metadata": {"x": "1", "y": "2"}})

    less = old.patched({"contentType": None, "metadata": {"x": None, "z": "3"}})

    assert less.to_json() == {"metadata": {"y": "2", "z": "3"}}
    assert old.patched({"metadata": None}).to_json() == {"contentType": "a/b"}


@pytest.mark.parametrize("ahead", [0, 1, 7, 256 * 1024 - 5, 256 * 1024])
def test_a_delimiter_is_found_wherever_pieces_end(
    store: ObjectStore, ahead: int
) -> None:
    media = b"\r\n--" + b"v" * ahead + b"\r\n--bound\r\n-"
    whole = (
        b"--boundary\r\ncontent-type: application/json\r\n\r\n"
        b'{"name": "videos/1.mp4"}\r\n--boundary\r\nContent-Type: video/mp4\r\n\r\n'
        + media
        + b"\r\n--boundary--\r\n"
    )
    request = Request(
        method="POST",
        path="",
        query_text="",
        headers={"content-type": 'multipart/related; boundary="boundary"'},
        body=Body(io.BytesIO(whole), len(whole)),
    )

    stored = upload_multipart(store, KEY.bucket, request)

    assert read(store) == media
    assert stored.content_type == "video/mp4"

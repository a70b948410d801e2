"""Storing a result: fetch, check and copy it, repeated until that succeeds."""

import io
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import AspectRatio, ProviderId
from shared.domain.errors import BadContent, Unreachable
from shared.domain.outcomes import Stored, StoreFailed
from shared.jobs.video_urls import URL_LIFETIME
from shared.ports.providers import BucketFile, InlineFile, WebFile
from shared.ports.storage import StoredObject
from shared.worker.store import MAX_VIDEO_BYTES
from tests.domain.examples import NOON, a_job, at_provider, storing
from tests.fakes.interpose import after_next, before_next
from tests.fakes.provider import ScriptedProvider
from tests.usecases.harness import Harness

TARGET, POSTER = "videos/ann/job1/runway.mp4", "videos/ann/job1/runway.jpg"
FOLDER = "incoming/job1/runway/"


def store(harness: Harness, *, configured: bool = True) -> Stored | StoreFailed:
    job = storing(a_job(), ProviderId.RUNWAY)
    provider = harness.providers[ProviderId.RUNWAY] if configured else None
    attempt = at_provider(job, ProviderId.RUNWAY)
    copy = io.BytesIO()
    found = harness.store_step.fetch_result(job, attempt, provider, copy)
    if isinstance(found, StoreFailed):
        return found
    return harness.store_step.check_and_store(job, attempt, found, copy)


def provider(harness: Harness) -> ScriptedProvider:
    return harness.providers[ProviderId.RUNWAY]


def code(outcome: Stored | StoreFailed) -> str:
    assert isinstance(outcome, StoreFailed)
    return outcome.problem.code.value


def test_a_result_inside_the_answer_is_stored(harness: Harness) -> None:
    outcome = store(harness)

    assert isinstance(outcome, Stored)
    assert harness.bucket.objects[TARGET] == b"an mp4"
    assert harness.bucket.content_types[TARGET] == "video/mp4"
    assert outcome.delivered.object_name == TARGET
    assert outcome.delivered.size_bytes == len(b"an mp4")
    assert outcome.delivered.aspect_ratio is AspectRatio.LANDSCAPE
    assert outcome.urls.expires_at == NOON + URL_LIFETIME


def test_the_reason_why_a_video_was_not_stored_is_logged(harness: Harness) -> None:
    harness.bucket.failures = [Unreachable("403: may not write")]
    with capture_logs() as lines:
        assert code(store(harness)) == "storage_failed"

    (line,) = [line for line in lines if line["event"] == "video_not_stored"]
    assert line["job_id"] == "job1"
    assert line["why"] == "403: may not write"


def test_the_first_frame_is_stored_beside_the_video(harness: Harness) -> None:
    outcome = store(harness)

    assert isinstance(outcome, Stored)
    assert outcome.delivered.poster_name == POSTER
    assert harness.bucket.objects[POSTER] == b"its first frame"
    assert harness.bucket.content_types[POSTER] == "image/jpeg"
    assert POSTER in str(outcome.urls.poster_url)


def test_a_video_without_a_poster_is_delivered(harness: Harness) -> None:
    harness.videos.poster = b""

    outcome = store(harness)

    assert isinstance(outcome, Stored)
    assert (outcome.delivered.poster_name, outcome.urls.poster_url) == (None, None)
    assert POSTER not in harness.bucket.objects


def test_a_download_has_a_readable_name(harness: Harness) -> None:
    outcome = store(harness)

    assert isinstance(outcome, Stored)
    name = 'attachment; filename="2026-11-22-a-cat.mp4"'
    assert outcome.urls.download_url.endswith(quote(name))


def test_a_result_at_a_url_is_fetched(harness: Harness) -> None:
    provider(harness).result = WebFile(url="https://cdn.example/v.mp4")
    harness.web.bodies["https://cdn.example/v.mp4"] = b"from the web"

    assert isinstance(store(harness), Stored)
    assert harness.bucket.objects[TARGET] == b"from the web"


def test_a_result_in_our_bucket_is_copied(harness: Harness) -> None:
    harness.bucket.objects[FOLDER + "sample_0.mp4"] = b"from google"
    provider(harness).result = BucketFile(gs_uri=f"gs://bucket/{FOLDER}sample_0.mp4")

    assert isinstance(store(harness), Stored)
    assert harness.bucket.objects[TARGET] == b"from google"


@pytest.mark.parametrize(
    "gs_uri",
    [
        "gs://another/incoming/job1/runway/v.mp4",
        "gs://bucket/incoming/job2/runway/v.mp4",
        "gs://bucket/incoming/job1/runway2/v.mp4",
        "gs://bucket/videos/bob/job2.mp4",
        "gs://bucket/videos/bob/incoming/job1/runway/v.mp4",
        "https://bucket/incoming/job1/runway/v.mp4",
    ],
)
def test_a_file_outside_the_attempts_folder_is_refused(
    harness: Harness, gs_uri: str
) -> None:
    harness.bucket.objects[gs_uri.removeprefix("gs://bucket/")] = b"bob's"
    provider(harness).result = BucketFile(gs_uri=gs_uri)

    assert code(store(harness)) == "bad_output"
    assert TARGET not in harness.bucket.objects


def test_a_file_that_is_not_there_yet_counts_as_unavailable(harness: Harness) -> None:
    provider(harness).result = BucketFile(gs_uri=f"gs://bucket/{FOLDER}v.mp4")

    assert code(store(harness)) == "provider_unavailable"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Unreachable("503"), "provider_unavailable"),
        (BadContent("HTML"), "bad_output"),
        (InlineFile(content=b"bad bytes"), "bad_output"),
        (WebFile(url="https://cdn.example/gone"), "provider_unavailable"),
    ],
)
def test_a_result_that_cannot_be_stored_is_a_failed_try(
    harness: Harness, result: InlineFile | WebFile, expected: str
) -> None:
    provider(harness).result = result

    assert code(store(harness)) == expected
    assert TARGET not in harness.bucket.objects


def test_a_download_that_breaks_off_leaves_nothing_behind(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_file: WebFile, *, max_bytes: int) -> Iterator[bytes]:
        assert max_bytes == MAX_VIDEO_BYTES
        yield b"half"
        raise Unreachable("the download was cut short")

    provider(harness).result = WebFile(url="https://cdn.example/v.mp4")
    monkeypatch.setattr(harness.web, "stream", half)

    assert code(store(harness)) == "provider_unavailable"
    assert harness.bucket.list("incoming/") == []


def test_a_result_cannot_be_fetched_without_its_provider(harness: Harness) -> None:
    assert code(store(harness, configured=False)) == "provider_unavailable"


def test_a_video_not_as_ordered_is_not_stored(harness: Harness) -> None:
    harness.videos.duration_seconds = 7.0

    assert code(store(harness)) == "bad_output"
    assert TARGET not in harness.bucket.objects


@pytest.mark.parametrize("calls", range(7))
def test_storing_can_be_repeated_after_a_failure_at_any_call(
    harness: Harness, calls: int
) -> None:
    fail_at(harness, calls)
    assert code(store(harness)) == "storage_failed"

    assert isinstance(store(harness), Stored)
    assert harness.bucket.objects[TARGET] == b"an mp4"
    assert harness.bucket.objects[POSTER] == b"its first frame"


def fail_at(harness: Harness, nth: int) -> None:
    """Fail at: find, write, open, copy, write the poster, sign, sign the third URL.

    A file that the vendor wrote into our bucket is opened there; one that was fetched
    is already in this process.
    """
    verb, succeed = [
        ("find", 0),
        ("write", 0),
        ("open", 0),
        ("copy_new", 0),
        ("write", 1),
        ("sign_download", 0),
        ("sign_download", 2),
    ][nth]
    if verb == "open":
        harness.bucket.objects[f"{FOLDER}v.mp4"] = b"an mp4"
        provider(harness).result = BucketFile(gs_uri=f"gs://bucket/{FOLDER}v.mp4")

    def fail() -> None:
        raise Unreachable("down")

    before_next(harness.bucket, verb, *[lambda: None] * succeed, fail)


@pytest.mark.parametrize("verb", ["find", "copy_new"])
def test_a_try_counts_from_when_it_began(harness: Harness, verb: str) -> None:
    """A fetch, or a check, that takes long is not the last one for that reason."""
    began = harness.clock.now()

    def fail() -> None:
        harness.clock.pause(90)
        raise Unreachable("down")

    before_next(harness.bucket, verb, fail)
    outcome = store(harness)

    assert isinstance(outcome, StoreFailed)
    assert outcome.tried_at == began


def test_the_first_copy_wins(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.bucket.objects[TARGET] = b"an mp4"
    with monkeypatch.context() as before_it_was_seen:
        before_it_was_seen.setattr(harness.bucket, "find", lambda name: None)
        assert code(store(harness)) == "storage_failed"
    assert POSTER not in harness.bucket.objects, "it may be another attempt's video"

    assert isinstance(store(harness), Stored)


def test_a_copy_that_differs_is_not_delivered(harness: Harness) -> None:
    copy_new = harness.bucket.copy_new

    def corrupting(source: StoredObject, target: str) -> StoredObject:
        copy_new(source, target)
        harness.bucket.objects[target] = b"bad copy"
        return harness.bucket._stored(target)

    harness.bucket.copy_new = corrupting  # type: ignore[method-assign] # broken storage
    assert code(store(harness)) == "storage_failed"
    assert TARGET not in harness.bucket.objects

    harness.bucket.copy_new = copy_new  # type: ignore[method-assign]
    assert isinstance(store(harness), Stored)


def another_worker_fetches(harness: Harness) -> None:
    content = io.BytesIO(b"bad, unlike what is being checked")
    harness.bucket.write(f"{FOLDER}fetched.mp4", content, content_type="video/mp4")


def test_another_workers_file_is_not_copied_unchecked(harness: Harness) -> None:
    after_next(harness.videos, "inspect", lambda: another_worker_fetches(harness))

    assert code(store(harness)) == "storage_failed"
    assert TARGET not in harness.bucket.objects

    assert isinstance(store(harness), Stored)
    assert harness.bucket.objects[TARGET] == b"an mp4"


@pytest.mark.parametrize("is_copied", [True, False])
def test_a_file_that_another_worker_fetched_is_not_checked_instead(
    harness: Harness, is_copied: bool
) -> None:
    job = storing(a_job(), ProviderId.RUNWAY)
    attempt, copy = at_provider(job, ProviderId.RUNWAY), io.BytesIO()
    found = harness.store_step.fetch_result(job, attempt, provider(harness), copy)
    assert isinstance(found, StoredObject)
    another_worker_fetches(harness)
    copy = copy if is_copied else io.BytesIO()

    assert (
        code(harness.store_step.check_and_store(job, attempt, found, copy))
        == "storage_failed"
    )
    assert TARGET not in harness.bucket.objects


def test_a_file_that_this_process_fetched_is_not_downloaded_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[StoredObject] = []
    monkeypatch.setattr(harness.bucket, "open", opened.append)

    assert isinstance(store(harness), Stored)
    assert opened == []

"""A result is fetched, checked and kept, as often as that takes."""

import pytest

from shared.domain.catalogue import Link
from shared.domain.errors import BadContent, Unreachable
from shared.domain.outcomes import Stored, StoreMissed
from shared.ports import BucketFile, InlineFile, WebFile
from shared.usecases.living_link import LINK_LIFETIME
from tests.domain.examples import NOON, a_job, at_link, storing
from tests.fakes.provider import ScriptedProvider
from tests.usecases.stage import Stage

TARGET = "videos/ann/job1.mp4"
FOLDER = "incoming/job1/runway/"
DOWN = Unreachable("down")


@pytest.fixture
def stage() -> Stage:
    return Stage()


def store(stage: Stage, *, configured: bool = True) -> Stored | StoreMissed:
    job = storing(a_job(), Link.RUNWAY)
    provider = stage.links[Link.RUNWAY] if configured else None
    return stage.storing.store(job, at_link(job, Link.RUNWAY), provider)


def provider(stage: Stage) -> ScriptedProvider:
    return stage.links[Link.RUNWAY]


def code(outcome: Stored | StoreMissed) -> str:
    assert isinstance(outcome, StoreMissed)
    return outcome.problem.code.value


def test_what_came_inside_an_answer_is_kept(stage: Stage) -> None:
    outcome = store(stage)

    assert isinstance(outcome, Stored)
    assert stage.bucket.objects[TARGET] == b"an mp4"
    assert stage.bucket.content_types[TARGET] == "video/mp4"
    assert outcome.delivered.object_name == TARGET
    assert outcome.delivered.size_bytes == len(b"an mp4")
    assert outcome.video_url_expires_at == NOON + LINK_LIFETIME


def test_what_lies_at_an_address_is_fetched(stage: Stage) -> None:
    provider(stage).result = WebFile(url="https://cdn.example/v.mp4")
    stage.web.bodies["https://cdn.example/v.mp4"] = b"from the web"

    assert isinstance(store(stage), Stored)
    assert stage.bucket.objects[TARGET] == b"from the web"


def test_what_the_vendor_wrote_into_our_bucket_is_copied(stage: Stage) -> None:
    stage.bucket.objects[FOLDER + "sample_0.mp4"] = b"from google"
    provider(stage).result = BucketFile(gs_uri=f"gs://bucket/{FOLDER}sample_0.mp4")

    assert isinstance(store(stage), Stored)
    assert stage.bucket.objects[TARGET] == b"from google"


@pytest.mark.parametrize(
    "gs_uri",
    [
        "gs://another/incoming/job1/runway/v.mp4",
        "gs://bucket/incoming/job2/runway/v.mp4",
        "gs://bucket/incoming/job1/runway2/v.mp4",
        "gs://bucket/videos/bob/job2.mp4",
        "https://bucket/incoming/job1/runway/v.mp4",
    ],
)
def test_a_file_that_is_not_this_attempts_is_not_taken(
    stage: Stage, gs_uri: str
) -> None:
    stage.bucket.objects[gs_uri.removeprefix("gs://bucket/")] = b"bob's"
    provider(stage).result = BucketFile(gs_uri=gs_uri)

    assert code(store(stage)) == "bad_output"
    assert TARGET not in stage.bucket.objects


def test_a_file_that_is_not_there_yet_is_waited_for(stage: Stage) -> None:
    provider(stage).result = BucketFile(gs_uri=f"gs://bucket/{FOLDER}v.mp4")

    assert code(store(stage)) == "storage_failed"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Unreachable("503"), "storage_failed"),
        (BadContent("HTML"), "bad_output"),
        (InlineFile(content=b"bad bytes"), "bad_output"),
        (WebFile(url="https://cdn.example/gone"), "storage_failed"),
    ],
)
def test_what_could_not_be_kept_is_a_miss(
    stage: Stage, result: InlineFile | WebFile, expected: str
) -> None:
    provider(stage).result = result

    assert code(store(stage)) == expected
    assert TARGET not in stage.bucket.objects


def test_without_its_link_nobody_can_fetch_it(stage: Stage) -> None:
    assert code(store(stage, configured=False)) == "storage_failed"


@pytest.mark.parametrize(
    ("duration_seconds", "is_kept"), [(3.9, False), (4.0, True), (8.04, True)]
)
def test_a_video_of_less_than_half_its_length_is_bad(
    stage: Stage, duration_seconds: float, is_kept: bool
) -> None:
    stage.videos.duration_seconds = duration_seconds

    assert isinstance(store(stage), Stored) is is_kept


@pytest.mark.parametrize("calls", range(1, 6))
def test_storing_may_be_done_again_after_any_part_of_it(
    stage: Stage, calls: int
) -> None:
    fail_at(stage, calls)
    assert code(store(stage)) == "storage_failed"

    assert isinstance(store(stage), Stored)
    assert stage.bucket.objects[TARGET] == b"an mp4"


def fail_at(stage: Stage, nth: int) -> None:
    """The n-th call of the bucket fails: find, write, open, copy, sign."""
    verb = ["find", "write", "open", "copy_new", "sign_download"][nth - 1]
    carry_out = getattr(stage.bucket, verb)
    failures = [DOWN]

    def once(*args: object, **kwargs: object) -> object:
        if failures:
            raise failures.pop()
        return carry_out(*args, **kwargs)

    setattr(stage.bucket, verb, once)


def test_what_is_stored_already_is_not_fetched_again(stage: Stage) -> None:
    store(stage)
    provider(stage).result = Unreachable("the address is dead")

    assert isinstance(store(stage), Stored)


def test_whoever_copied_first_wins(stage: Stage) -> None:
    find = stage.bucket.find
    answers = iter([None])
    stage.bucket.objects[TARGET] = b"an mp4"
    stage.bucket.find = lambda name: next(answers, None) or find(name)  # type: ignore[method-assign] # as if it came in between
    blind = stage.bucket.find
    stage.bucket.find = lambda name: None  # type: ignore[method-assign] # not seen yet

    assert code(store(stage)) == "storage_failed"

    stage.bucket.find = blind  # type: ignore[method-assign] # seen now
    assert isinstance(store(stage), Stored)


def test_a_copy_that_differs_is_not_delivered(stage: Stage) -> None:
    copy_new = stage.bucket.copy_new

    def corrupting(source: str, target: str) -> object:
        copy_new(source, target)
        stage.bucket.objects[target] = b"bad copy"
        return stage.bucket._stored(target)

    setattr(stage.bucket, "copy_new", corrupting)  # noqa: B010 - mypy: a method

    assert code(store(stage)) == "storage_failed"
    assert code(store(stage)) == "bad_output"

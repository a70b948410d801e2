"""A caller may put images into their own folder, so many a minute."""

from datetime import timedelta

import pytest

from shared.domain.errors import TooManyJobs, Unreachable
from shared.domain.ledger import Limits
from shared.domain.request import UploadRequest
from shared.jobs.commit import CROWDED_BACKOFF
from shared.ports.identity import Caller
from shared.usecases.uploads import StartUpload
from tests.fakes.bucket import FakeBucket
from tests.fakes.clock import CountedIds, FrozenClock
from tests.fakes.jobs import FakeJobs, Trouble

ANN, BOB = Caller(user_id="a/b"), Caller(user_id="bob")
PNG = UploadRequest(content_type="image/png", size_bytes=123)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs(Limits(most_uploads_a_minute=2))


@pytest.fixture
def start(jobs: FakeJobs, clock: FrozenClock) -> StartUpload:
    return StartUpload(
        quotas=jobs,
        bucket=FakeBucket(),
        clock=clock,
        ids=CountedIds(),
        pause=clock.pause,
    )


def test_an_upload_goes_to_the_callers_own_folder(start: StartUpload) -> None:
    image, signed = start(ANN, PNG)

    assert image == "id1"
    assert signed.url.startswith("https://storage.example/uploads/a%2Fb/id1?")
    assert signed.headers["content-type"] == "image/png"
    assert signed.headers["x-goog-content-length-range"] == "123,123"


def test_no_more_are_let_in_until_the_next_minute(
    start: StartUpload, clock: FrozenClock
) -> None:
    for _ in range(2):
        start(ANN, PNG)

    with pytest.raises(TooManyJobs):
        start(ANN, PNG)
    assert start(BOB, PNG)

    clock.move(timedelta(minutes=1))
    assert start(ANN, PNG)


@pytest.mark.parametrize("trouble", [Trouble.LOST_RACE, Trouble.NOT_APPLIED])
def test_what_was_not_counted_is_counted_again(
    start: StartUpload, jobs: FakeJobs, trouble: Trouble
) -> None:
    jobs.troubles = [trouble]

    start(ANN, PNG)

    assert jobs.made["a/b"].uploads == 1


def test_what_is_not_known_to_be_counted_is_not_let_in(
    start: StartUpload, jobs: FakeJobs
) -> None:
    jobs.troubles = [Trouble.NOT_APPLIED] * (len(CROWDED_BACKOFF) + 1)

    with pytest.raises(Unreachable):
        start(ANN, PNG)

"""An outcome is committed once, whatever happens to its commits."""

from dataclasses import replace

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import Intended, Prepared, PrepareMissed
from shared.jobs.commit import (
    LONG_BACKOFF,
    SHORT_BACKOFF,
    tries,
)
from tests.domain.examples import FAULT, IMAGE, a_job, a_new_job, running
from tests.fakes.jobs import Trouble
from tests.usecases.harness import Harness

INTENDED = Intended(attempt_id="a1", provider_id=ProviderId.RUNWAY)
LOST, DOWN = Trouble.LOST_RACE, Trouble.UNREACHABLE
APPLIED, NOT_APPLIED = Trouble.APPLIED, Trouble.NOT_APPLIED


def test_the_first_try_comes_at_once_and_one_more_after_each_wait() -> None:
    waited: list[float] = []

    assert [(nth, list(waited)) for nth in tries((1.0, 3.0), waited.append)] == [
        (0, []),
        (1, [1.0]),
        (2, [1.0, 3.0]),
    ]


@pytest.mark.parametrize(
    "troubles",
    [[], [LOST], [DOWN], [APPLIED], [NOT_APPLIED], [LOST, NOT_APPLIED, DOWN, APPLIED]],
    ids=", then ".join,
)
def test_an_outcome_is_committed_once(
    harness: Harness, troubles: list[Trouble]
) -> None:
    before = harness.jobs.put(a_job())
    harness.jobs.troubles = list(troubles)

    snapshot = harness.committer.commit(before, INTENDED)

    assert snapshot == harness.jobs.get("job1")
    assert snapshot.value.version == before.value.version + 1
    assert snapshot.value.commit_id == "id1"
    assert [a.attempt_id for a in snapshot.value.attempts] == ["a1"]


@pytest.mark.parametrize("troubles", [[APPLIED], [DOWN, APPLIED]], ids=", then ".join)
def test_an_unclear_commit_that_held_is_not_applied_twice(
    harness: Harness, troubles: list[Trouble]
) -> None:
    before = harness.jobs.put(a_new_job())
    harness.jobs.troubles = list(troubles)

    snapshot = harness.committer.commit(before, PrepareMissed(problem=FAULT))

    assert snapshot is not None
    assert (snapshot.value.prepare_tries, snapshot.value.version) == (1, 2)


def test_an_outcome_is_applied_to_what_a_rival_committed(
    harness: Harness,
) -> None:
    before = harness.jobs.put(a_new_job())
    harness.jobs.put(replace(a_new_job(), version=5, prepare_tries=2))

    snapshot = harness.committer.commit(before, Prepared(image=IMAGE))

    assert snapshot is not None
    assert (snapshot.value.version, snapshot.value.prepare_tries) == (6, 2)
    assert snapshot.value.image == IMAGE


def test_an_outcome_that_no_longer_fits_leaves_the_job_as_it_is(
    harness: Harness,
) -> None:
    before = harness.jobs.put(a_job())
    rival = harness.jobs.put(replace(running(a_job(), ProviderId.RUNWAY), version=2))

    assert harness.committer.commit(before, INTENDED) == rival


def test_an_outcome_that_changes_nothing_is_not_committed(harness: Harness) -> None:
    before = harness.jobs.put(a_job())

    assert harness.committer.commit(before, Prepared(image=IMAGE)) == before


def test_a_deleted_job_is_not_made_again(harness: Harness) -> None:
    before = harness.jobs.put(a_job())
    harness.jobs.remove("job1")

    assert harness.committer.commit(before, INTENDED) is None


@pytest.mark.parametrize("trouble", [LOST, DOWN, NOT_APPLIED])
def test_after_all_its_tries_it_gives_up(harness: Harness, trouble: Trouble) -> None:
    before = harness.jobs.put(a_job())
    harness.jobs.troubles = [trouble] * (len(SHORT_BACKOFF) + 1)

    with pytest.raises(Unreachable):
        harness.committer.commit(before, INTENDED)

    assert harness.job == before.value


def test_what_a_paid_post_answered_is_tried_for_a_minute(harness: Harness) -> None:
    before = harness.jobs.put(a_job())
    harness.jobs.troubles = [DOWN] * len(LONG_BACKOFF)

    assert harness.committer.commit(before, INTENDED, pauses=LONG_BACKOFF)
    assert sum(LONG_BACKOFF) > 60


def test_a_read_that_fails_is_tried_again(harness: Harness) -> None:
    before = harness.jobs.put(a_job())
    harness.jobs.troubles = [APPLIED]
    harness.jobs.read_failures = [Unreachable("down"), Unreachable("down")]

    assert harness.committer.commit(before, INTENDED) == harness.jobs.get("job1")
    assert harness.job.version == before.value.version + 1


def test_decisions_that_follow_are_in_the_same_commit(harness: Harness) -> None:
    no_sound: Job = replace(a_new_job(audio=True), version=1)
    before = harness.jobs.put(no_sound)

    snapshot = harness.committer.commit(before, Prepared(image=IMAGE))

    assert snapshot is not None
    assert [a.state.value for a in snapshot.value.attempts] == ["skipped", "skipped"]
    assert snapshot.value.version == 2

"""How an outcome gets into a job, whatever happens to its commits."""

from dataclasses import replace

import pytest

from shared.domain.catalogue import Link
from shared.domain.errors import LostRace, Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import CancelRequested, Intended, Prepared, PrepareMissed
from shared.usecases.record import BRIEFLY, STUBBORNLY
from tests.domain.examples import FAULT, PICTURE, a_job, a_new_job, running
from tests.fakes.jobs import Trouble
from tests.usecases.stage import Stage

INTENDED = Intended(attempt_id="a1", link=Link.RUNWAY)
LOST, DOWN = Trouble.LOST_RACE, Trouble.UNREACHABLE
APPLIED, NOT_APPLIED = Trouble.APPLIED, Trouble.NOT_APPLIED


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize(
    "troubles",
    [[], [LOST], [DOWN], [APPLIED], [NOT_APPLIED], [LOST, NOT_APPLIED, DOWN, APPLIED]],
    ids=", then ".join,
)
def test_an_outcome_is_committed_once(stage: Stage, troubles: list[Trouble]) -> None:
    before = stage.jobs.put(a_job())
    stage.jobs.troubles = list(troubles)

    snapshot = stage.recorder.record(before, INTENDED)

    assert snapshot == stage.jobs.get("job1")
    assert snapshot.job.version == before.job.version + 1
    assert snapshot.job.commit_id == "id1"
    assert [a.attempt_id for a in snapshot.job.attempts] == ["a1"]


@pytest.mark.parametrize("troubles", [[APPLIED], [DOWN, APPLIED]], ids=", then ".join)
def test_an_unclear_commit_that_held_is_not_applied_twice(
    stage: Stage, troubles: list[Trouble]
) -> None:
    before = stage.jobs.put(a_new_job())
    stage.jobs.troubles = list(troubles)

    snapshot = stage.recorder.record(before, PrepareMissed(problem=FAULT))

    assert snapshot is not None
    assert (snapshot.job.prepare_tries, snapshot.job.version) == (1, 2)


def test_an_outcome_is_applied_to_what_somebody_else_committed(stage: Stage) -> None:
    before = stage.jobs.put(a_new_job())
    stage.jobs.put(replace(a_new_job(), version=5, prepare_tries=2))

    snapshot = stage.recorder.record(before, Prepared(picture=PICTURE))

    assert snapshot is not None
    assert (snapshot.job.version, snapshot.job.prepare_tries) == (6, 2)
    assert snapshot.job.picture == PICTURE


def test_an_outcome_that_no_longer_fits_leaves_the_job_as_it_is(stage: Stage) -> None:
    before = stage.jobs.put(a_job())
    rival = stage.jobs.put(replace(running(a_job(), Link.RUNWAY), version=2))

    assert stage.recorder.record(before, INTENDED) == rival


def test_an_outcome_that_changes_nothing_is_not_committed(stage: Stage) -> None:
    before = stage.jobs.put(a_job())

    assert stage.recorder.record(before, Prepared(picture=PICTURE)) == before


def test_a_deleted_job_is_nobodys(stage: Stage) -> None:
    before = stage.jobs.put(a_job())
    stage.jobs.remove("job1")

    assert stage.recorder.record(before, INTENDED) is None


@pytest.mark.parametrize("trouble", [LOST, DOWN, NOT_APPLIED])
def test_after_all_its_tries_it_gives_up(stage: Stage, trouble: Trouble) -> None:
    before = stage.jobs.put(a_job())
    stage.jobs.troubles = [trouble] * (len(BRIEFLY) + 1)

    with pytest.raises(Unreachable):
        stage.recorder.record(before, INTENDED)

    assert stage.job == before.job


def test_what_a_paid_post_answered_is_tried_for_a_minute(stage: Stage) -> None:
    before = stage.jobs.put(a_job())
    stage.jobs.troubles = [DOWN] * len(STUBBORNLY)

    assert stage.recorder.record(before, INTENDED, pauses=STUBBORNLY)
    assert sum(STUBBORNLY) > 60


def test_a_read_that_fails_is_tried_again(stage: Stage) -> None:
    before = stage.jobs.put(a_job())
    stage.jobs.troubles = [APPLIED]
    stage.jobs.read_failures = [Unreachable("down"), Unreachable("down")]

    assert stage.recorder.record(before, INTENDED) == stage.jobs.get("job1")
    assert stage.job.version == before.job.version + 1


def test_decisions_that_follow_are_in_the_same_commit(stage: Stage) -> None:
    no_sound: Job = replace(a_new_job(audio=True), version=1)
    before = stage.jobs.put(no_sound)

    snapshot = stage.recorder.record(before, Prepared(picture=PICTURE))

    assert snapshot is not None
    assert [a.state.value for a in snapshot.job.attempts] == ["skipped", "skipped"]
    assert snapshot.job.version == 2


def test_a_rival_may_win_every_time_but_the_last(stage: Stage) -> None:
    before = stage.jobs.put(running(a_job(), Link.RUNWAY))
    stage.jobs.troubles = [LOST] * len(BRIEFLY)

    snapshot = stage.recorder.record(before, CancelRequested())

    assert snapshot is not None and snapshot.job.cancel_requested_at


def test_the_fake_keeps_preconditions(stage: Stage) -> None:
    before = stage.jobs.put(a_job())
    stage.jobs.commit(before, a_job())

    with pytest.raises(LostRace):
        stage.jobs.commit(before, a_job())

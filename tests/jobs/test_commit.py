"""Committing an outcome exactly once, with failing commits."""

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import Intended, Prepared, PrepareFailed, PrepareStarted
from shared.domain.request import Frame
from shared.domain.structs import replace
from shared.jobs.commit import LONG_BACKOFF, SHORT_BACKOFF, tries
from tests.domain.examples import FAULT, IMAGE, a_job, a_new_job, running
from tests.fakes.jobs import Trouble
from tests.usecases.harness import Harness

INTENDED = Intended(attempt_id="a1", provider_id=ProviderId.RUNWAY)
LOST, DOWN = Trouble.LOST_RACE, Trouble.UNREACHABLE
APPLIED, NOT_APPLIED = Trouble.APPLIED, Trouble.NOT_APPLIED


def test_the_first_try_is_immediate_and_each_wait_is_followed_by_another() -> None:
    waited: list[float] = []

    assert [(nth, list(waited)) for nth in tries((1.0, 3.0), waited.append)] == [
        (0, []),
        (1, [1.0]),
        (2, [1.0, 3.0]),
    ]


@pytest.mark.parametrize(
    "troubles",
    [
        [],
        [LOST],
        [DOWN],
        [APPLIED],
        [NOT_APPLIED],
        [DOWN, APPLIED],
        [LOST, NOT_APPLIED, DOWN, APPLIED],
    ],
    ids=", then ".join,
)
def test_an_outcome_is_committed_once(
    harness: Harness, troubles: list[Trouble]
) -> None:
    before = harness.jobs.put(a_new_job())
    harness.jobs.troubles = list(troubles)
    harness.jobs.read_failures = [Unreachable("down")] * (APPLIED in troubles)

    snapshot = harness.committer.commit(before, PrepareFailed(problem=FAULT))

    assert snapshot == harness.jobs.get("job1")
    job = snapshot.value
    assert (job.prepare_tries, job.version, job.commit_id) == (1, 2, "id1")


def test_an_outcome_is_applied_to_what_a_rival_committed(harness: Harness) -> None:
    before = harness.jobs.put(a_new_job())
    harness.jobs.put(replace(a_new_job(), version=5, progress=7))

    snapshot = harness.committer.commit(before, Prepared(image=IMAGE))

    assert snapshot is not None
    assert (snapshot.value.version, snapshot.value.progress) == (6, 7)
    assert snapshot.value.image == IMAGE


def test_an_outcome_that_changes_nothing_is_not_committed(harness: Harness) -> None:
    before = harness.jobs.put(a_job())
    assert harness.committer.commit(before, Prepared(image=IMAGE)) == before
    rival = harness.jobs.put(replace(running(a_job(), ProviderId.RUNWAY), version=2))

    assert harness.committer.commit(before, INTENDED) == rival

    harness.jobs.remove("job1")
    assert harness.committer.commit(before, INTENDED) is None


@pytest.mark.parametrize("trouble", [LOST, DOWN, NOT_APPLIED])
def test_a_commit_is_given_up_in_the_end(harness: Harness, trouble: Trouble) -> None:
    before = harness.jobs.put(a_job())
    harness.jobs.troubles = [trouble] * (len(SHORT_BACKOFF) + 1)

    with pytest.raises(Unreachable):
        harness.committer.commit(before, INTENDED)

    assert harness.job == before.value

    # The answer to a paid POST is retried for a minute.
    harness.jobs.troubles = [trouble] * len(LONG_BACKOFF)
    assert harness.committer.commit(before, INTENDED, backoff=LONG_BACKOFF)
    assert sum(LONG_BACKOFF) > 60


def test_work_that_another_process_has_started_is_left_to_it(harness: Harness) -> None:
    """None would mean that the job was deleted, and its files would be, too."""
    before = harness.jobs.put(a_new_job())
    started = PrepareStarted(frame=Frame.FIRST)
    theirs = harness.committer.commit(before, started)
    worked: list[Job] = []

    def work(job: Job) -> Prepared:
        worked.append(job)
        return Prepared(image=IMAGE)

    assert harness.committer.commit_around(before, started, work) == theirs
    assert worked == []

    harness.jobs.remove("job1")
    assert harness.committer.commit_around(before, started, work) is None


def test_the_outcome_of_work_is_retried_for_as_long_as_asked(harness: Harness) -> None:
    before = harness.jobs.put(a_new_job())

    def work(_: Job) -> Prepared:
        harness.jobs.troubles = [DOWN] * len(LONG_BACKOFF)
        return Prepared(image=IMAGE)

    started = PrepareStarted(frame=Frame.FIRST)
    harness.committer.commit_around(before, started, work, backoff=LONG_BACKOFF)

    assert harness.job.image == IMAGE


def test_decisions_that_follow_are_part_of_the_same_commit(harness: Harness) -> None:
    no_sound: Job = replace(a_new_job(audio=True), version=1)
    before = harness.jobs.put(no_sound)

    snapshot = harness.committer.commit(before, Prepared(image=IMAGE))

    assert snapshot is not None
    assert [a.state.value for a in snapshot.value.attempts] == ["skipped", "skipped"]
    assert snapshot.value.version == 2

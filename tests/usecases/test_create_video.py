"""A job is taken by one commit; the queue may come later."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain import limits
from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS, Link
from shared.domain.errors import Unreachable
from shared.domain.job import Job, Language
from shared.ports import Caller
from shared.usecases.create_video import CreateVideo
from shared.usecases.wake import Waker
from tests.domain.examples import NOON, a_request
from tests.fakes.jobs import Trouble
from tests.usecases.stage import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


def create(stage: Stage, chain: tuple[Link, ...] = DEFAULT_CHAIN) -> Job:
    use_case = CreateVideo(
        jobs=stage.jobs,
        waker=Waker(queue=stage.queue),
        clock=stage.clock,
        ids=stage.ids,
        chain=chain,
        models=DEFAULT_MODELS,
        stop_on_unknown=True,
        retention_days=30,
    )
    return use_case(Caller(user_id="ann"), a_request(), Language.KOREAN)


def test_a_job_is_committed_and_woken(stage: Stage) -> None:
    job = create(stage)

    assert stage.jobs.all == [job]
    assert (job.user_id, job.language) == ("ann", Language.KOREAN)
    assert [(w.job_id, w.at, w.is_start) for w in stage.queue.wakes] == [
        (job.job_id, NOON, False)
    ]


def test_a_job_keeps_what_was_set_when_it_was_made(stage: Stage) -> None:
    job = create(stage, chain=(Link.VEO,))

    assert [planned.link for planned in job.chain] == [Link.VEO]
    assert job.stop_on_unknown
    assert job.deadline_at == NOON + limits.JOB_LIMIT
    assert job.expires_at == NOON + timedelta(days=30)


def test_the_answer_is_yes_although_the_queue_is_down(stage: Stage) -> None:
    stage.queue.failures = [Unreachable("down")]

    job = create(stage)

    assert stage.jobs.all == [job]
    stage.clock.pause(60)
    assert stage.sweep() == 1
    assert [w.job_id for w in stage.queue.wakes] == [job.job_id]


@pytest.mark.parametrize(
    "troubles",
    [
        [Trouble.APPLIED],
        [Trouble.NOT_APPLIED],
        [Trouble.NOT_APPLIED, Trouble.APPLIED],
    ],
    ids=", then ".join,
)
def test_an_unclear_commit_makes_one_job(stage: Stage, troubles: list[Trouble]) -> None:
    stage.jobs.troubles = list(troubles)

    job = create(stage)

    assert stage.jobs.all == [job]


@pytest.mark.parametrize(
    "troubles", [[Trouble.NOT_APPLIED] * 3, [Trouble.UNREACHABLE]], ids=", then ".join
)
def test_without_a_known_commit_there_is_no_yes(
    stage: Stage, troubles: list[Trouble]
) -> None:
    stage.jobs.troubles = list(troubles)

    with pytest.raises(Unreachable):
        create(stage)

    assert stage.queue.wakes == []


def test_two_jobs_of_one_request_are_two(stage: Stage) -> None:
    first, second = create(stage), create(stage)

    assert first.job_id != second.job_id
    assert replace(first, job_id="", commit_id="") == replace(
        second, job_id="", commit_id=""
    )

"""What the proxies do to a function's effects, where dying is an exception."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from google.api_core.exceptions import DeadlineExceeded

from local.fault_injection.crash_points import (
    SabotagedBucket,
    SabotagedJobs,
    SabotagedQueue,
    Saboteur,
    point_of,
    sabotaged_commit,
)
from local.fault_injection.journal import (
    Diary,
    What,
    read_diary,
)
from local.fault_injection.plan import (
    Act,
    Injection,
    Point,
    prompt,
)
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.job import Job
from shared.ports.store import (
    StepTask,
    Versioned,
)
from tests.domain.examples import NOON, a_job, running, started
from tests.fakes.jobs import FakeJobs
from tests.fakes.queue import FakeQueue


class Died(BaseException):
    """The process would be gone."""


def dies() -> NoReturn:
    raise Died


def job(number: int = 3) -> Job:
    return a_job(prompt=prompt(1, number))


@pytest.fixture
def sabotage(tmp_path: Path) -> Callable[..., Saboteur]:
    def build(point: Point, act: Act, number: int = 3) -> Saboteur:
        return Saboteur(
            plan={Injection(point=point, act=act): frozenset({number})},
            marks=tmp_path,
            diary=Diary(tmp_path / "diary"),
            die=dies,
        )

    return build


Sabotage = Callable[..., Saboteur]


def effect(saboteur: Saboteur, done: list[str], number: int = 3) -> None:
    with saboteur.serving("worker"):
        saboteur.meet(job(number))
        saboteur.around(Point.COPY, lambda: done.append("copied"), Unreachable)


@pytest.mark.parametrize(
    ("act", "ends_with", "times_done"),
    [
        (Act.KILL_BEFORE, Died, 0),
        (Act.KILL_AFTER, Died, 1),
        (Act.UNREACHABLE, Unreachable, 0),
        (Act.ANSWER_LOST, Unreachable, 1),
    ],
)
def test_an_effect_is_harmed_as_planned_and_the_second_time_left_alone(
    sabotage: Sabotage, act: Act, ends_with: type[BaseException], times_done: int
) -> None:
    saboteur, done = sabotage(Point.COPY, act), list[str]()

    with pytest.raises(ends_with):
        effect(saboteur, done)
    assert len(done) == times_done

    effect(saboteur, done)
    assert len(done) == times_done + 1


def test_what_was_done_once_is_left_alone_by_the_next_process(
    sabotage: Sabotage,
) -> None:
    done = list[str]()
    with pytest.raises(Died):
        effect(sabotage(Point.COPY, Act.KILL_BEFORE), done)

    effect(sabotage(Point.COPY, Act.KILL_BEFORE), done)

    assert done == ["copied"]


def test_other_jobs_are_left_alone(sabotage: Sabotage) -> None:
    done = list[str]()

    effect(sabotage(Point.COPY, Act.KILL_BEFORE), done, number=4)

    assert done == ["copied"]


def test_a_commit_sent_twice_is_carried_out_below_our_adapter_twice(
    sabotage: Sabotage,
) -> None:
    saboteur, sent = sabotage(Point.INTENT_COMMIT, Act.RESENT), list[str]()
    commit = sabotaged_commit(lambda *_: sent.append("sent"), saboteur)

    with saboteur.committing(Point.INTENT_COMMIT, job()):
        commit(object())
    commit(object())

    assert len(sent) == 3


def test_a_lost_answer_of_firestore_is_firestores_own_error(
    sabotage: Sabotage,
) -> None:
    saboteur = sabotage(Point.FINISH_COMMIT, Act.ANSWER_LOST)
    commit = sabotaged_commit(lambda *_: None, saboteur)

    with (
        saboteur.committing(Point.FINISH_COMMIT, job()),
        pytest.raises(DeadlineExceeded),
    ):
        commit(object())


@pytest.mark.parametrize(
    ("before", "after", "point"),
    [
        (a_job(), started(a_job(), ProviderId.RUNWAY), Point.INTENT_COMMIT),
        (
            started(a_job(), ProviderId.RUNWAY),
            running(a_job(), ProviderId.RUNWAY),
            Point.ANSWER_COMMIT,
        ),
        (a_job(), replace(a_job(), progress=7), Point.STEP_COMMIT),
        (a_job(), a_job().ended(ErrorCode.CANCELLED), Point.FINISH_COMMIT),
    ],
    ids=lambda value: value if isinstance(value, Point) else "",
)
def test_each_commit_is_known_by_what_it_changes(
    before: Job, after: Job, point: Point
) -> None:
    assert point_of(before, after) is point


def test_a_job_in_hand_and_its_commits_stand_in_the_diary(
    sabotage: Sabotage, tmp_path: Path
) -> None:
    saboteur = sabotage(Point.STEP_COMMIT, Act.KILL_AFTER)
    known = FakeJobs()
    known.create(job())
    jobs = SabotagedJobs(known, saboteur)
    commit = sabotaged_commit(lambda *_: None, saboteur)

    with saboteur.serving("worker"), pytest.raises(Died):
        snapshot = jobs.read("job1")
        assert isinstance(snapshot, Versioned)
        with saboteur.committing(Point.STEP_COMMIT, snapshot.value):
            commit(object())

    told = [(entry.what, entry.job_id) for entry in read_diary(tmp_path / "diary")]
    assert told == [
        (What.BEGAN, "job1"),
        (What.COMMITTED, "job1"),
        (What.STRUCK, "job1"),
        (What.ENDED, "job1"),
    ]


def test_the_api_s_task_and_the_worker_s_are_two_points(sabotage: Sabotage) -> None:
    saboteur, tasks = sabotage(Point.API_ENQUEUE, Act.UNREACHABLE), FakeQueue()
    queue = SabotagedQueue(tasks, saboteur)
    wake = StepTask(job_id="job1", name="name", at=NOON, is_start=False)

    with saboteur.serving("worker"):
        saboteur.meet(job())
        queue.enqueue(wake)
    with saboteur.serving("api"), pytest.raises(Unreachable):
        saboteur.meet(job())
        queue.enqueue(wake)

    assert tasks.wakes == [wake]


def test_a_process_dies_half_way_through_a_result(sabotage: Sabotage) -> None:
    class Sink:
        def write(self, _name: str, chunks: list[bytes]) -> None:
            arrived.extend(chunks)

    arrived: list[bytes] = []
    saboteur = sabotage(Point.RESULT_WRITE, Act.KILL_WITHIN)
    bucket = SabotagedBucket(Sink(), saboteur)

    with saboteur.serving("worker"), pytest.raises(Died):
        saboteur.meet(job())
        bucket.write("incoming/job1/a/fetched.mp4", iter([b"whole"]))
    bucket.write("incoming/job1/a/fetched.mp4", iter([b"whole"]))

    assert arrived == [b"wh", b"wh", b"ole"]


def test_each_thread_has_its_own_job_in_hand(sabotage: Sabotage) -> None:
    saboteur, done = sabotage(Point.COPY, Act.KILL_BEFORE, number=4), list[str]()

    with saboteur.serving("worker"), ThreadPoolExecutor(1) as other:
        saboteur.meet(job(3))
        with pytest.raises(Died):
            other.submit(effect, saboteur, done, 4).result()

        assert saboteur.here.number == 3

"""What the proxies do to a function's effects, where dying is an exception."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, NoReturn

import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from local.fault_injection.crash_points import (
    BucketProxy,
    CrashPoints,
    JobsProxy,
    ProvidersProxy,
    QueueProxy,
    ReceiversProxy,
    TranslatorProxy,
    faulty_commit,
    inject_into_commits,
    point_of,
)
from local.fault_injection.journal import Journal, What, read_journal
from local.fault_injection.plan import Act, FaultPlan, Point
from shared.domain.catalogue import ProviderId
from shared.domain.errors import CommitUncertain, ErrorCode, Unreachable
from shared.domain.job import Job
from shared.domain.structs import replace
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_wire import Wire
from shared.ports.store import StepTask, WebhookTask
from tests.domain.examples import NOON, a_job, running, started
from tests.fakes.jobs import FakeJobs
from tests.fakes.provider import FakeProviders, ScriptedProvider
from tests.fakes.queue import FakeQueue
from tests.fakes.receivers import FakeReceivers
from tests.fakes.translator import FakeTranslator

PLAN = FaultPlan(seed=1, jobs=10)
RUNWAY = ProviderId.RUNWAY
ENDED = a_job().ended(ErrorCode.CANCELLED)


class Died(BaseException):
    """The process would be gone."""


def dies() -> NoReturn:
    raise Died


def job(number: int = 3) -> Job:
    return a_job(prompt=PLAN.prompt(number))


Build = Callable[..., CrashPoints]


@pytest.fixture
def crash_points(tmp_path: Path) -> Build:
    """One fault, for the job of that number."""

    def build(point: Point, act: Act, number: int = 3) -> CrashPoints:
        return CrashPoints(
            plan={f"{act} {point}": frozenset({number})},
            marks=tmp_path,
            journal=Journal(tmp_path / "journal"),
            die=dies,
        )

    return build


def copy(points: CrashPoints, done: list[str], number: int = 3) -> None:
    with points.serving("worker"):
        points.meet(job(number))
        points.around(Point.COPY, lambda: done.append("copied"), Unreachable)


@pytest.mark.parametrize(
    ("act", "ends_with", "times_done"),
    [
        (Act.KILL_BEFORE, Died, 0),
        (Act.KILL_AFTER, Died, 1),
        (Act.UNREACHABLE, Unreachable, 0),
        (Act.ANSWER_LOST, Unreachable, 1),
    ],
)
def test_an_effect_fails_once_as_planned_over_all_processes(
    crash_points: Build, act: Act, ends_with: type[BaseException], times_done: int
) -> None:
    done = list[str]()

    with pytest.raises(ends_with):
        copy(crash_points(Point.COPY, act), done)
    assert len(done) == times_done

    copy(crash_points(Point.COPY, act), done)
    assert len(done) == times_done + 1


def test_other_jobs_are_left_alone(crash_points: Build) -> None:
    done = list[str]()

    copy(crash_points(Point.COPY, Act.KILL_BEFORE), done, number=4)

    assert done == ["copied"]


def test_the_commits_of_our_adapter_are_those_that_fail(
    crash_points: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever way they take to Firestore: faults beside that way would hit nothing."""
    sent = list[str]()
    monkeypatch.setattr(Wire, "commit", lambda *_, **__: sent.append("sent"))
    points = crash_points(Point.INTENT_COMMIT, Act.UNREACHABLE)
    inject_into_commits(points)
    client = firestore.Client(project="p", credentials=AnonymousCredentials())

    with points.committing(Point.INTENT_COMMIT, job()), pytest.raises(CommitUncertain):
        Database(client).batch().commit()
    assert sent == []

    Database(client).batch().commit()
    assert sent == ["sent"]


def test_a_commit_sent_twice_is_carried_out_below_our_adapter_twice(
    crash_points: Build,
) -> None:
    points, sent = crash_points(Point.INTENT_COMMIT, Act.RESENT), list[str]()
    commit = faulty_commit(lambda *_: sent.append("sent"), points)

    with points.committing(Point.INTENT_COMMIT, job()):
        commit(object())
    commit(object())

    assert len(sent) == 3


def test_a_lost_answer_of_firestore_is_firestores_own_error(
    crash_points: Build,
) -> None:
    points = crash_points(Point.FINISH_COMMIT, Act.ANSWER_LOST)
    commit = faulty_commit(lambda *_: None, points)

    with (
        points.committing(Point.FINISH_COMMIT, job()),
        pytest.raises(DeadlineExceeded),
    ):
        commit(object())


@pytest.mark.parametrize(
    ("before", "after", "point"),
    [
        (a_job(), started(a_job(), RUNWAY), Point.INTENT_COMMIT),
        (started(a_job(), RUNWAY), running(a_job(), RUNWAY), Point.ANSWER_COMMIT),
        (a_job(), replace(a_job(), progress=7), Point.STEP_COMMIT),
        (a_job(), a_job().ended(ErrorCode.CANCELLED), Point.FINISH_COMMIT),
        (ENDED, replace(ENDED, webhook=None), Point.WEBHOOK_COMMIT),
    ],
    ids=lambda value: value if isinstance(value, Point) else "",
)
def test_each_commit_is_known_by_what_it_changes(
    before: Job, after: Job, point: Point
) -> None:
    assert point_of(before, after) is point


def test_a_job_and_its_commits_stand_in_the_journal(
    crash_points: Build, tmp_path: Path
) -> None:
    points = crash_points(Point.STEP_COMMIT, Act.KILL_AFTER)
    known = FakeJobs()
    known.create(job())
    commit = faulty_commit(lambda *_: None, points)

    with points.serving("worker"), pytest.raises(Died):
        found = JobsProxy(known, points).read("job1")
        assert found is not None
        with points.committing(Point.STEP_COMMIT, found.value):
            commit(object())

    entries = [(e.what, e.job_id, e.detail) for e in read_journal(tmp_path / "journal")]
    assert entries == [
        (What.COMMITTED, "job1", ""),
        (What.INJECTED, "job1", "killed after step commit"),
    ]


def test_the_apis_task_and_the_workers_are_two_points(crash_points: Build) -> None:
    points, tasks = crash_points(Point.API_ENQUEUE, Act.UNREACHABLE), FakeQueue()
    queue = QueueProxy(tasks, points)
    task = StepTask(job_id="job1", name="name", at=NOON, is_start=False)

    with points.serving("worker"):
        points.meet(job())
        queue.enqueue(task)
    with points.serving("api"), pytest.raises(Unreachable):
        points.meet(job())
        queue.enqueue(task)

    assert queue.inner.tasks == [task]


def test_a_process_dies_right_after_the_paid_post(crash_points: Build) -> None:
    points, vendor = crash_points(Point.POST, Act.KILL_AFTER), ScriptedProvider()
    provider = ProvidersProxy(FakeProviders({RUNWAY: vendor}), points).get(RUNWAY)
    assert provider is not None

    with points.serving("worker"), pytest.raises(Died):
        points.meet(job())
        provider.start(object())  # type: ignore[arg-type] # passed on as it is

    assert vendor.starts == 1


def test_a_process_dies_right_after_the_translation(crash_points: Build) -> None:
    points, asked = crash_points(Point.TRANSLATE, Act.KILL_AFTER), FakeTranslator()

    with points.serving("worker"), pytest.raises(Died):
        points.meet(job())
        TranslatorProxy(asked, points).translate("고양이", most_units=1000)

    assert len(asked.asked) == 1


def test_a_process_dies_right_after_a_webhook(crash_points: Build) -> None:
    points, taken = crash_points(Point.WEBHOOK_POST, Act.KILL_AFTER), FakeReceivers()

    with points.serving("worker"), pytest.raises(Died):
        points.meet(job())
        ReceiversProxy(taken, points).post("https://a.example/", b"{}", {})

    assert len(taken.messages) == 1


def test_a_webhooks_task_is_a_point_of_its_own(crash_points: Build) -> None:
    points, tasks = crash_points(Point.WEBHOOK_ENQUEUE, Act.UNREACHABLE), FakeQueue()
    task = WebhookTask(job_id="job1", name="name", at=NOON)

    with points.serving("worker"), pytest.raises(Unreachable):
        points.meet(job())
        QueueProxy(tasks, points).enqueue_webhook(task)

    assert tasks.webhooks == []


def test_a_process_dies_half_way_through_a_result(crash_points: Build) -> None:
    class Sink:
        def write(self, _name: str, content: BinaryIO) -> None:
            content.seek(0)
            arrived.extend(iter(lambda: content.read(1), b""))

    arrived: list[bytes] = []
    points = crash_points(Point.RESULT_WRITE, Act.KILL_WITHIN)
    bucket = BucketProxy(Sink(), points)

    with points.serving("worker"), pytest.raises(Died):
        points.meet(job())
        bucket.write("incoming/job1/a/fetched.mp4", io.BytesIO(b"whole"))
    bucket.write("incoming/job1/a/fetched.mp4", io.BytesIO(b"whole"))

    assert b"".join(arrived) == b"wh" + b"whole"


def test_each_thread_has_its_own_job(crash_points: Build) -> None:
    points, done = crash_points(Point.COPY, Act.KILL_BEFORE, number=4), list[str]()

    with points.serving("worker"), ThreadPoolExecutor(1) as other:
        points.meet(job(3))
        with pytest.raises(Died):
            other.submit(copy, points, done, 4).result()

        assert points.here.number == 3

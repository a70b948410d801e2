"""The proxies that inject faults into a function's effects; dying is an exception."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from local.fault_injection.crash_points import (
    BucketProxy,
    CrashPoints,
    ProvidersProxy,
    QueueProxy,
    ReceiversProxy,
    TranslatorProxy,
    faulty_commit,
    inject_into_commits,
    point_of,
)
from local.fault_injection.journal import Journal
from local.fault_injection.plan import FaultAction, FaultPlan, Point
from shared.domain.catalogue import ProviderId
from shared.domain.errors import CommitUncertain, ErrorCode, Unreachable
from shared.domain.job import Job
from shared.domain.structs import replace
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_wire import Wire
from shared.ports.store import Task, TaskQueue
from tests.domain.examples import NOON, a_job, running, started
from tests.fakes.process import Died, die
from tests.fakes.provider import FakeProviders, ScriptedProvider
from tests.fakes.queue import FakeQueue
from tests.fakes.receivers import FakeReceivers
from tests.fakes.translator import FakeTranslator

PLAN = FaultPlan(seed=1, jobs=10)
RUNWAY = ProviderId.RUNWAY
ENDED = a_job().ended(ErrorCode.CANCELLED)


def job(number: int = 3) -> Job:
    return a_job(prompt=PLAN.prompt(number))


Build = Callable[..., CrashPoints]


@pytest.fixture
def crash_points(tmp_path: Path) -> Build:
    """Builds crash points with one fault, for the job with this number."""

    def build(point: Point, action: FaultAction, number: int = 3) -> CrashPoints:
        return CrashPoints(
            plan={f"{action} {point}": frozenset({number})},
            marks=tmp_path,
            journal=Journal(tmp_path / "journal"),
            die=die,
        )

    return build


def copy(points: CrashPoints, done: list[str], number: int = 3) -> None:
    with points.serving("worker"):
        points.set_job(job(number))
        points.around(Point.COPY, lambda: done.append("copied"), Unreachable)


@pytest.mark.parametrize(
    ("action", "ends_with", "times_done"),
    [
        (FaultAction.KILL_BEFORE, Died, 0),
        (FaultAction.KILL_AFTER, Died, 1),
        (FaultAction.UNREACHABLE, Unreachable, 0),
        (FaultAction.ANSWER_LOST, Unreachable, 1),
    ],
)
def test_an_effect_fails_once_as_planned_across_processes(
    crash_points: Build,
    action: FaultAction,
    ends_with: type[BaseException],
    times_done: int,
) -> None:
    done = list[str]()

    with pytest.raises(ends_with):
        copy(crash_points(Point.COPY, action), done)
    assert len(done) == times_done

    copy(crash_points(Point.COPY, action), done)
    assert len(done) == times_done + 1


def test_other_jobs_are_left_alone(crash_points: Build) -> None:
    done = list[str]()

    copy(crash_points(Point.COPY, FaultAction.KILL_BEFORE), done, number=4)

    assert done == ["copied"]


def test_a_planned_fault_hits_the_commits_of_our_adapter(
    crash_points: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault is on the path that commits really take to Firestore."""
    sent = list[str]()
    monkeypatch.setattr(Wire, "commit", lambda *_, **__: sent.append("sent"))
    points = crash_points(Point.INTENT_COMMIT, FaultAction.UNREACHABLE)
    inject_into_commits(points)
    client = firestore.Client(project="p", credentials=AnonymousCredentials())

    with points.committing(Point.INTENT_COMMIT, job()), pytest.raises(CommitUncertain):
        Database(client).batch().commit()
    assert sent == []

    Database(client).batch().commit()
    assert sent == ["sent"]


def test_a_resent_commit_is_sent_twice_below_our_adapter(crash_points: Build) -> None:
    points, sent = crash_points(Point.INTENT_COMMIT, FaultAction.RESENT), list[str]()
    commit = faulty_commit(lambda *_: sent.append("sent"), points)

    with points.committing(Point.INTENT_COMMIT, job()):
        commit(object())
    commit(object())

    assert len(sent) == 3


def test_a_lost_answer_is_the_error_that_firestore_raises(crash_points: Build) -> None:
    points = crash_points(Point.FINISH_COMMIT, FaultAction.ANSWER_LOST)
    commit = faulty_commit(lambda *_: None, points)

    with points.committing(Point.FINISH_COMMIT, job()), pytest.raises(DeadlineExceeded):
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
def test_each_kind_of_commit_is_recognized_by_its_change(
    before: Job, after: Job, point: Point
) -> None:
    assert point_of(before, after) is point


@pytest.mark.parametrize(
    ("function", "queue", "point"),
    [
        ("api", TaskQueue.STEPS, Point.API_ENQUEUE),
        ("worker", TaskQueue.STEPS, Point.ENQUEUE),
        ("worker", TaskQueue.WEBHOOKS, Point.WEBHOOK_ENQUEUE),
    ],
)
def test_each_kind_of_task_is_a_separate_point(
    crash_points: Build, function: str, queue: TaskQueue, point: Point
) -> None:
    task = Task(job_id="job1", name="name", at=NOON, queue=queue)

    def enqueue(failing: Point) -> None:
        points = crash_points(failing, FaultAction.UNREACHABLE)
        with points.serving(function):
            points.set_job(job())
            QueueProxy(FakeQueue(), points).enqueue(task)

    with pytest.raises(Unreachable):
        enqueue(point)
    for other in {Point.API_ENQUEUE, Point.ENQUEUE, Point.WEBHOOK_ENQUEUE} - {point}:
        enqueue(other)


def pay(points: CrashPoints) -> int:
    vendor = ScriptedProvider()
    provider = ProvidersProxy(FakeProviders({RUNWAY: vendor}), points).get(RUNWAY)
    assert provider is not None
    with pytest.raises(Died):
        provider.start(object())  # type: ignore[arg-type] # passed on as it is
    return vendor.starts


def translate(points: CrashPoints) -> int:
    translator = FakeTranslator()
    with pytest.raises(Died):
        TranslatorProxy(translator, points).translate("고양이", max_units=1000)
    return len(translator.requests)


def send_webhook(points: CrashPoints) -> int:
    receivers = FakeReceivers()
    with pytest.raises(Died):
        ReceiversProxy(receivers, points).post("https://a.example/", b"{}", {})
    return len(receivers.messages)


@pytest.mark.parametrize(
    ("act", "point"),
    [
        (pay, Point.POST),
        (translate, Point.TRANSLATE),
        (send_webhook, Point.WEBHOOK_POST),
    ],
)
def test_a_process_dies_right_after_it_has_acted(
    crash_points: Build, act: Callable[[CrashPoints], int], point: Point
) -> None:
    points = crash_points(point, FaultAction.KILL_AFTER)

    with points.serving("worker"):
        points.set_job(job())
        assert act(points) == 1


def test_a_process_dies_half_way_through_a_result(crash_points: Build) -> None:
    class Sink:
        def write(self, _name: str, content: BinaryIO) -> None:
            content.seek(0)
            arrived.extend(iter(lambda: content.read(1), b""))

    arrived: list[bytes] = []
    points = crash_points(Point.RESULT_WRITE, FaultAction.KILL_WITHIN)
    bucket = BucketProxy(Sink(), points)

    with points.serving("worker"), pytest.raises(Died):
        points.set_job(job())
        bucket.write("incoming/job1/a/fetched.mp4", io.BytesIO(b"whole"))
    bucket.write("incoming/job1/a/fetched.mp4", io.BytesIO(b"whole"))

    assert b"".join(arrived) == b"wh" + b"whole"

"""Injects faults within a function's process, by proxies around the wired adapters."""

import io
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar, cast

from google.api_core.exceptions import DeadlineExceeded

from local.fault_injection.journal import EntryKind, Journal
from local.fault_injection.plan import FaultAction, Point, number_of
from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unreachable
from shared.domain.job import AttemptState, Job
from shared.gcp.firestore_wire import Wire
from shared.ports.providers import Provider
from shared.ports.store import Task, TaskQueue, Versioned

T = TypeVar("T")
API = "api"


@dataclass  # without slots: all threads would share them
class _ThreadContext(threading.local):
    """What this thread is working on. `number`: the job's number in the plan."""

    function: str = ""
    job_id: str = ""
    number: int | None = None
    committing: Point | None = None
    ends_job: bool = False


def die() -> NoReturn:
    """Die as an instance does: at once, losing everything in progress."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it outlived SIGKILL")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoints:
    """Carries out the plan in one process. `marks`: a folder, a file per injection."""

    plan: Mapping[str, frozenset[int]]
    marks: Path
    journal: Journal
    die: Callable[[], NoReturn] = die
    context: _ThreadContext = field(default_factory=_ThreadContext)

    @contextmanager
    def serving(self, function: str) -> Iterator[None]:
        """Handle one request; its job is known once it is read or created."""
        self.context.function = function
        try:
            yield
        finally:
            self.context.job_id, self.context.number = "", None

    def set_job(self, job: Job) -> None:
        self.context.job_id = job.job_id
        self.context.number = number_of(job.request.prompt)

    def fires(self, point: Point, action: FaultAction) -> bool:
        """Whether to inject this fault now, once per planned job in all processes."""
        name, number = f"{action} {point}", self.context.number
        if number not in self.plan.get(name, ()):
            return False
        try:
            (self.marks / f"{name}.{number}").touch(exist_ok=False)
        except FileExistsError:
            return False
        self.journal.write(EntryKind.INJECTED, self.context.job_id, name)
        return True

    def kill_at(self, point: Point, action: FaultAction) -> None:
        if self.fires(point, action):
            self.die()

    def around(self, point: Point, call: Callable[[], T], lost: type[Exception]) -> T:
        """Make `call`, or fail as planned. `lost`: the error that its caller sees."""
        self.kill_at(point, FaultAction.KILL_BEFORE)
        if self.fires(point, FaultAction.UNREACHABLE):
            raise lost("injected: nothing was done")
        result = call()
        if point is self.context.committing:
            final = "final" if self.context.ends_job else ""
            self.journal.write(EntryKind.COMMITTED, self.context.job_id, final)
        self.kill_at(point, FaultAction.KILL_AFTER)
        if self.fires(point, FaultAction.RESENT):
            return call()
        if self.fires(point, FaultAction.ANSWER_LOST):
            raise lost("injected: it was done")
        return result

    @contextmanager
    def committing(self, point: Point, job: Job) -> Iterator[None]:
        """Attribute this thread's commits in the block to `point` and `job`."""
        self.set_job(job)
        self.context.committing, self.context.ends_job = point, job.is_final
        try:
            yield
        finally:
            self.context.committing = None


def point_of(before: Job, after: Job) -> Point:
    """Which of the worker's commits this is."""
    if before.is_final:
        return Point.WEBHOOK_COMMIT
    starting, started = _starting(before), _starting(after)
    if after.is_final:
        return Point.FINISH_COMMIT
    if started - starting:
        return Point.INTENT_COMMIT
    if starting - started:
        return Point.ANSWER_COMMIT
    return Point.STEP_COMMIT


def _starting(job: Job) -> frozenset[str]:
    return frozenset(
        a.attempt_id for a in job.attempts if a.state is AttemptState.STARTING
    )


class _FaultyProxy:
    """A proxy of `inner` that injects faults into the methods in `POINTS`."""

    POINTS: Mapping[str, Point] = {}

    def __init__(self, inner: Any, points: CrashPoints) -> None:
        self.inner, self.points = inner, points

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if name not in self.POINTS:
            return method
        around, point = self.points.around, self.POINTS[name]
        return lambda *args, **named: around(
            point, lambda: method(*args, **named), Unreachable
        )


class JobsProxy(_FaultyProxy):
    def create(self, job: Job, *rest: Any, **named: Any) -> Any:
        with self.points.committing(Point.JOB_COMMIT, job):
            return self.inner.create(job, *rest, **named)

    def read(self, job_id: str) -> Versioned[Job] | None:
        found: Versioned[Job] | None = self.inner.read(job_id)
        if found is not None and self.points.context.function != API:
            self.points.set_job(found.value)
            if self.points.fires(Point.READ, FaultAction.UNREACHABLE):
                raise Unreachable("injected")
        return found

    def commit(self, before: Versioned[Job], after: Job) -> Any:
        if self.points.context.function == API:
            return self.inner.commit(before, after)
        with self.points.committing(point_of(before.value, after), after):
            return self.inner.commit(before, after)


class QueueProxy(_FaultyProxy):
    def enqueue(self, task: Task) -> None:
        is_webhook = task.queue is TaskQueue.WEBHOOKS
        point = Point.WEBHOOK_ENQUEUE if is_webhook else Point.ENQUEUE
        if self.points.context.function == API:
            point = Point.API_ENQUEUE
        self.points.around(point, lambda: self.inner.enqueue(task), Unreachable)


class ReceiversProxy(_FaultyProxy):
    POINTS: Mapping[str, Point] = {"post": Point.WEBHOOK_POST}


class TranslatorProxy(_FaultyProxy):
    POINTS: Mapping[str, Point] = {"translate": Point.TRANSLATE}


class ProviderProxy(_FaultyProxy):
    POINTS: Mapping[str, Point] = {
        "start": Point.POST,
        "poll": Point.POLL,
        "fetch": Point.FETCH,
    }


class ProvidersProxy(_FaultyProxy):
    def get(self, provider_id: ProviderId) -> Provider | None:
        provider = self.inner.get(provider_id)
        return ProviderProxy(provider, self.points) if provider else None


WRITES: Mapping[str, Point] = {
    "images/": Point.IMAGE_WRITE,
    "incoming/": Point.RESULT_WRITE,
    "videos/": Point.POSTER_WRITE,
}


class BucketProxy(_FaultyProxy):
    POINTS: Mapping[str, Point] = {"copy_new": Point.COPY}

    def write(self, name: str, content: BinaryIO, **named: Any) -> Any:
        point = next(p for start, p in WRITES.items() if name.startswith(start))
        if point is Point.RESULT_WRITE:
            kill = partial(self.points.kill_at, point, FaultAction.KILL_WITHIN)
            content = cast(BinaryIO, _Dying(content, kill))
        return self.points.around(
            point, lambda: self.inner.write(name, content, **named), Unreachable
        )


class _Dying(io.RawIOBase):
    """A file that calls `kill` once more than half of it has been read."""

    def __init__(self, file: BinaryIO, kill: Callable[[], None]) -> None:
        self._file, self._kill = file, kill
        self._half = file.seek(0, io.SEEK_END) // 2

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int = -1, /) -> bytes:
        part = self._file.read(size)
        if self._file.tell() > self._half:
            self._kill()
        return part


def inject_into_commits(points: CrashPoints) -> None:
    """Inject faults into all later commits of this process."""
    setattr(Wire, "commit", faulty_commit(Wire.commit, points))  # noqa: B010 - mypy


def faulty_commit(commit: Callable[..., T], points: CrashPoints) -> Callable[..., T]:
    """`commit` with faults, below our adapter's handling of failures."""

    def faulty(client: object, *rest: Any, **named: Any) -> T:
        point = points.context.committing

        def call() -> T:
            return commit(client, *rest, **named)

        return points.around(point, call, DeadlineExceeded) if point else call()

    return faulty

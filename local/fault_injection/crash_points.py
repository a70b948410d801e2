"""Faults inside a function's process: proxies around what the wiring builds."""

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

from local.fault_injection.journal import Journal, What
from local.fault_injection.plan import Act, Point, number_of
from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unreachable
from shared.domain.job import AttemptState, Job
from shared.domain.prompt_translation import Translation
from shared.domain.webhook import ReceiverAnswer
from shared.gcp.firestore_wire import Wire
from shared.ports.providers import Provider
from shared.ports.storage import StoredObject
from shared.ports.store import StepTask, Versioned, WebhookTask

T = TypeVar("T")
API = "api"


@dataclass  # without slots: all threads would share them
class _Here(threading.local):
    """What this thread is working on."""

    function: str = ""
    job_id: str = ""
    number: int | None = None
    committing: Point | None = None
    ends_job: bool = False


def die() -> NoReturn:
    """As an instance dies: with all that it was doing, and without a word."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it outlived SIGKILL")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoints:
    """Carries out the plan in one process. `marks`: a file for each injection done."""

    plan: Mapping[str, frozenset[int]]
    marks: Path
    journal: Journal
    die: Callable[[], NoReturn] = die
    here: _Here = field(default_factory=_Here)

    @contextmanager
    def serving(self, function: str) -> Iterator[None]:
        """One request; its job is known once it is read or created."""
        self.here.function = function
        try:
            yield
        finally:
            self.here.job_id, self.here.number = "", None

    def meet(self, job: Job) -> None:
        self.here.job_id = job.job_id
        self.here.number = number_of(job.request.prompt)

    def strikes(self, point: Point, act: Act) -> bool:
        """Whether it is this job's turn; once for each job, over all processes."""
        name, number = f"{act} {point}", self.here.number
        if number not in self.plan.get(name, ()):
            return False
        try:
            (self.marks / f"{name}.{number}").touch(exist_ok=False)
        except FileExistsError:
            return False
        self.journal.write(What.INJECTED, self.here.job_id, name)
        return True

    def kill_at(self, point: Point, act: Act) -> None:
        if self.strikes(point, act):
            self.die()

    def around(self, point: Point, call: Callable[[], T], lost: type[Exception]) -> T:
        """Make `call`, or let it fail; `lost` is what its caller then sees."""
        self.kill_at(point, Act.KILL_BEFORE)
        if self.strikes(point, Act.UNREACHABLE):
            raise lost("injected: nothing was done")
        result = call()
        if point is self.here.committing:
            final = "final" if self.here.ends_job else ""
            self.journal.write(What.COMMITTED, self.here.job_id, final)
        self.kill_at(point, Act.KILL_AFTER)
        if self.strikes(point, Act.RESENT):
            return call()
        if self.strikes(point, Act.ANSWER_LOST):
            raise lost("injected: it was done")
        return result

    @contextmanager
    def committing(self, point: Point, job: Job) -> Iterator[None]:
        """Firestore's next commits in this thread are this one."""
        self.meet(job)
        self.here.committing, self.here.ends_job = point, job.is_final
        try:
            yield
        finally:
            self.here.committing = None


def point_of(before: Job, after: Job) -> Point:
    """Which of the worker's commits it is."""
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


class _Around:
    """A proxy of `inner`: whatever it doesn't define goes on to that."""

    def __init__(self, inner: Any, points: CrashPoints) -> None:
        self.inner, self.points = inner, points

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class JobsProxy(_Around):
    def create(self, job: Job, *rest: Any, **named: Any) -> Any:
        with self.points.committing(Point.JOB_COMMIT, job):
            return self.inner.create(job, *rest, **named)

    def read(self, job_id: str) -> Versioned[Job] | None:
        found: Versioned[Job] | None = self.inner.read(job_id)
        if found is not None and self.points.here.function != API:
            self.points.meet(found.value)
            if self.points.strikes(Point.READ, Act.UNREACHABLE):
                raise Unreachable("injected")
        return found

    def commit(self, before: Versioned[Job], after: Job) -> Any:
        if self.points.here.function == API:
            return self.inner.commit(before, after)
        with self.points.committing(point_of(before.value, after), after):
            return self.inner.commit(before, after)


class QueueProxy(_Around):
    def enqueue(self, task: StepTask) -> None:
        is_api = self.points.here.function == API
        point = Point.API_ENQUEUE if is_api else Point.ENQUEUE
        self.points.around(point, lambda: self.inner.enqueue(task), Unreachable)

    def enqueue_webhook(self, task: WebhookTask) -> None:
        is_api = self.points.here.function == API
        point = Point.API_ENQUEUE if is_api else Point.WEBHOOK_ENQUEUE
        self.points.around(point, lambda: self.inner.enqueue_webhook(task), Unreachable)


class ReceiversProxy(_Around):
    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverAnswer:
        answer: ReceiverAnswer = self.points.around(
            Point.WEBHOOK_POST,
            lambda: self.inner.post(url, body, headers),
            Unreachable,
        )
        return answer


class ProviderProxy(_Around):
    POINTS: Mapping[str, Point] = {
        "start": Point.POST,
        "poll": Point.POLL,
        "fetch": Point.FETCH,
    }

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if name not in self.POINTS:
            return method
        around, point = self.points.around, self.POINTS[name]
        return lambda *given: around(point, lambda: method(*given), Unreachable)


class ProvidersProxy(_Around):
    def get(self, provider_id: ProviderId) -> Provider | None:
        provider = self.inner.get(provider_id)
        return ProviderProxy(provider, self.points) if provider else None


class TranslatorProxy(_Around):
    def translate(self, prompt: str, *, most_units: int) -> Translation:
        made: Translation = self.points.around(
            Point.TRANSLATE,
            lambda: self.inner.translate(prompt, most_units=most_units),
            Unreachable,
        )
        return made


WRITES: Mapping[str, Point] = {
    "images/": Point.IMAGE_WRITE,
    "incoming/": Point.RESULT_WRITE,
    "videos/": Point.POSTER_WRITE,
}


class BucketProxy(_Around):
    def write(self, name: str, content: BinaryIO, **named: Any) -> Any:
        point = next(p for start, p in WRITES.items() if name.startswith(start))
        if point is Point.RESULT_WRITE:
            kill = partial(self.points.kill_at, point, Act.KILL_WITHIN)
            content = cast(BinaryIO, _Dying(content, kill))
        return self.points.around(
            point, lambda: self.inner.write(name, content, **named), Unreachable
        )

    def copy_new(self, source: StoredObject, target: str) -> Any:
        return self.points.around(
            Point.COPY, lambda: self.inner.copy_new(source, target), Unreachable
        )


class _Dying(io.RawIOBase):
    """A file whose reader calls `kill` when half of it was read."""

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
    """Of this process, from here on."""
    setattr(Wire, "commit", faulty_commit(Wire.commit, points))  # noqa: B010 - mypy


def faulty_commit(commit: Callable[..., T], points: CrashPoints) -> Callable[..., T]:
    """The call to Firestore, below all that our adapter does about its failing."""

    def faulty(client: object, *rest: Any, **named: Any) -> T:
        point = points.here.committing

        def call() -> T:
            return commit(client, *rest, **named)

        return points.around(point, call, DeadlineExceeded) if point else call()

    return faulty

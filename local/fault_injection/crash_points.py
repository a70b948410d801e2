"""How a function's process comes to harm: proxies around what the wiring builds."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from google.api_core.exceptions import DeadlineExceeded

from local.fault_injection.journal import (
    Diary,
    Entry,
    What,
    now,
)
from local.fault_injection.plan import (
    Act,
    Injection,
    Point,
    number_of,
)
from shared.domain.errors import Unreachable
from shared.domain.job import AttemptState, Job
from shared.ports.providers import (
    GenerationRequest,
    Provider,
)
from shared.ports.store import (
    StepTask,
    Versioned,
)

T = TypeVar("T")
API = "api"


@dataclass  # without slots: all threads would share them
class _Here(threading.local):
    """What this thread is working on."""

    function: str = ""
    job_id: str = ""
    number: int | None = None
    committing: Point | None = None
    ends: bool = False


def die() -> NoReturn:
    """As an instance dies: with all that it was doing, and without a word."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it outlived SIGKILL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Saboteur:
    """Carries out the plan in one process. `marks`: a file for each act done."""

    plan: Mapping[Injection, frozenset[int]]
    marks: Path
    diary: Diary
    die: Callable[[], NoReturn] = die
    here: _Here = field(default_factory=_Here)

    @contextmanager
    def serving(self, function: str) -> Iterator[None]:
        """One request; its job is known once it is read or made."""
        self.here.function, self.here.job_id, self.here.number = function, "", None
        try:
            yield
        finally:
            if self.here.job_id:
                self.note(What.ENDED)
            self.here.job_id, self.here.number = "", None

    def meet(self, job: Job) -> None:
        if self.here.job_id == job.job_id:
            return
        self.here.job_id = job.job_id
        self.here.number = number_of(job.request.prompt)
        self.note(What.BEGAN)

    def note(self, what: What, detail: str = "") -> None:
        entry = Entry(
            at=now(),
            what=what,
            function=self.here.function,
            pid=os.getpid(),
            thread=threading.get_ident(),
            job_id=self.here.job_id,
            detail=detail,
        )
        self.diary.write(entry)

    def strikes(self, point: Point, act: Act) -> bool:
        """Whether it is this job's turn; once for each job, over all processes."""
        injection = Injection(point=point, act=act)
        number = self.here.number
        if number is None or number not in self.plan.get(injection, ()):
            return False
        try:
            (self.marks / f"{injection.name}.{number}").touch(exist_ok=False)
        except FileExistsError:
            return False
        self.note(What.STRUCK, injection.name)
        return True

    def kill_at(self, point: Point, act: Act) -> None:
        if self.strikes(point, act):
            self.die()

    def around(self, point: Point, call: Callable[[], T], lost: type[Exception]) -> T:
        """Do `call`, or let it come to harm; `lost` is what a caller then sees."""
        self.kill_at(point, Act.KILL_BEFORE)
        if self.strikes(point, Act.UNREACHABLE):
            raise lost("staged: nothing was done")
        result = call()
        self._note_commit(point)
        self.kill_at(point, Act.KILL_AFTER)
        if self.strikes(point, Act.RESENT):
            return call()
        if self.strikes(point, Act.ANSWER_LOST):
            raise lost("staged: it was done")
        return result

    def _note_commit(self, point: Point) -> None:
        if point is self.here.committing:
            self.note(What.COMMITTED, "final" if self.here.ends else "")

    @contextmanager
    def committing(self, point: Point, job: Job) -> Iterator[None]:
        """Firestore's next commits in this thread are this one."""
        self.meet(job)
        self.here.committing, self.here.ends = point, job.is_final
        try:
            yield
        finally:
            self.here.committing = None


def point_of(before: Job, after: Job) -> Point:
    """Which of the worker's commits it is."""
    starting, started = _starting(before), _starting(after)
    if after.is_final:
        return Point.FINISH_COMMIT
    if started - starting:
        return Point.INTENT_COMMIT
    if starting - started:
        return Point.ANSWER_COMMIT
    return Point.STEP_COMMIT


def _starting(job: Job) -> frozenset[str]:
    states = {a.attempt_id: a.state for a in job.attempts}
    return frozenset(i for i, s in states.items() if s is AttemptState.STARTING)


class Around:
    """A stand-in for `inner`: what it doesn't change goes on to that."""

    def __init__(self, inner: Any, saboteur: Saboteur) -> None:
        self.inner, self.saboteur = inner, saboteur

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class SabotagedJobs(Around):
    def create(self, job: Job, *rest: Any, **named: Any) -> Any:
        with self.saboteur.committing(Point.JOB_COMMIT, job):
            return self.inner.create(job, *rest, **named)

    def read(self, job_id: str) -> Versioned[Job] | None:
        snapshot: Versioned[Job] | None = self.inner.read(job_id)
        if snapshot is not None and self.saboteur.here.function != API:
            self.saboteur.meet(snapshot.value)
            if self.saboteur.strikes(Point.READ, Act.UNREACHABLE):
                raise Unreachable("staged")
        return snapshot

    def commit(
        self, before: Versioned[Job], after: Job, *rest: Any, **named: Any
    ) -> Any:
        if self.saboteur.here.function == API:
            return self.inner.commit(before, after, *rest, **named)
        with self.saboteur.committing(point_of(before.value, after), after):
            return self.inner.commit(before, after, *rest, **named)


class SabotagedQueue(Around):
    def enqueue(self, wake: StepTask) -> None:
        is_api = self.saboteur.here.function == API
        point = Point.API_ENQUEUE if is_api else Point.ENQUEUE
        self.saboteur.around(point, lambda: self.inner.enqueue(wake), Unreachable)


class SabotagedProvider(Around):
    def start(self, request: GenerationRequest) -> Any:
        return self._around(Point.POST, lambda: self.inner.start(request))

    def poll(self, task: Any) -> Any:
        return self._around(Point.POLL, lambda: self.inner.poll(task))

    def fetch(self, task: Any) -> Any:
        return self._around(Point.FETCH, lambda: self.inner.fetch(task))

    def _around(self, point: Point, call: Callable[[], T]) -> T:
        return self.saboteur.around(point, call, Unreachable)


class SabotagedProviders(Around):
    def get(self, provider_id: Any) -> Provider | None:
        provider = self.inner.get(provider_id)
        return SabotagedProvider(provider, self.saboteur) if provider else None


class SabotagedBucket(Around):
    def write(self, name: str, chunks: Iterator[bytes], **named: Any) -> Any:
        is_result = name.startswith("incoming/")
        point = Point.RESULT_WRITE if is_result else Point.IMAGE_WRITE
        sent = self._dying(chunks) if is_result else chunks
        return self.saboteur.around(
            point, lambda: self.inner.write(name, sent, **named), Unreachable
        )

    def copy_new(self, source: str, target: str) -> Any:
        return self.saboteur.around(
            Point.COPY, lambda: self.inner.copy_new(source, target), Unreachable
        )

    def _dying(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk[: len(chunk) // 2]
            self.saboteur.kill_at(Point.RESULT_WRITE, Act.KILL_WITHIN)
            yield chunk[len(chunk) // 2 :]


def sabotaged_commit(commit: Callable[..., T], saboteur: Saboteur) -> Callable[..., T]:
    """Firestore's own call, below all that our adapter does about its failing."""

    def harmed(client: object, *rest: Any, **named: Any) -> T:
        point = saboteur.here.committing

        def call() -> T:
            return commit(client, *rest, **named)

        if point is None:
            return call()
        return saboteur.around(point, call, DeadlineExceeded)

    return harmed

"""google.cloud.tasks.v2.CloudTasks as gRPC methods over queues kept in memory."""

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import grpc
from google.cloud import tasks_v2

from local.emulators.cloud_tasks import messages
from local.emulators.cloud_tasks.messages import TaskLimits
from local.emulators.cloud_tasks.queue import (
    Answer,
    Delivery,
    Refusal,
    TaskError,
    TaskQueue,
)
from local.emulators.cloud_tasks.rules import DeliveryFaults, Throttle, TokenBucket

_SERVICE = "google.cloud.tasks.v2.CloudTasks"
_LARGEST_PAGE = 1000


@dataclass(slots=True, kw_only=True)
class _Entry:
    """A queue as its owner sees it, and as it works."""

    message: Any
    queue: TaskQueue


@dataclass(slots=True, kw_only=True)
class TaskApi:
    """Every public method is safe to call from any thread.

    `blocked_for` is how long a used task name stays taken. `wake` is called after
    every change that may have made something due.
    """

    clock: Callable[[], datetime]
    wake: Callable[[], None] = lambda: None
    limits: TaskLimits = field(default_factory=TaskLimits)
    throttle: Throttle = field(default_factory=Throttle)
    blocked_for: timedelta = timedelta(hours=1)
    faults: DeliveryFaults = field(default_factory=DeliveryFaults)
    _queues: dict[str, _Entry] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # The courier's desk.

    def take(self) -> tuple[list[Delivery], timedelta | None]:
        with self._lock:
            now = self.clock()
            deliveries: list[Delivery] = []
            times = []
            for entry in self._queues.values():
                deliveries += entry.queue.dispatch(now=now)
                next_at = entry.queue.next_at(now=now)
                times += [next_at] if next_at else []
            # A pause of zero would be none at all.
            soonest = timedelta(microseconds=100)
            return deliveries, max(min(times) - now, soonest) if times else None

    def finish(self, delivery: Delivery, answer: Answer) -> None:
        with self._lock:
            entry = self._queues.get(delivery.task.name.rpartition("/tasks/")[0])
            if entry:
                entry.queue.finish(delivery, answer, now=self.clock())

    # The control.

    def set_faults(self, faults: DeliveryFaults) -> None:
        """For tasks created, and first attempts made, from now on."""
        with self._lock:
            self.faults = faults
            for entry in self._queues.values():
                entry.queue.faults = faults

    def report(self) -> dict[str, dict[str, object]]:
        """By full queue name: depth, running, whether paused, and all counts."""
        with self._lock:
            return {
                name: {
                    "depth": len(entry.queue.tasks),
                    "running": entry.queue.running,
                    "paused": entry.queue.is_paused,
                    **asdict(entry.queue.counts),
                }
                for name, entry in self._queues.items()
            }

    # Queues.

    def create_queue(self, request: Any) -> Any:
        name = request.queue.name
        messages.check_queue_name(name)
        if name.rpartition("/queues/")[0] != request.parent:
            raise TaskError(Refusal.INVALID_ARGUMENT, "The parent is not the queue's.")
        with self._lock:
            if name in self._queues:
                raise TaskError(Refusal.ALREADY_EXISTS, "Queue already exists")
            return self._new_entry(request.queue).message

    def get_queue(self, request: Any) -> Any:
        with self._lock:
            return self._entry(request.name).message

    def purge_queue(self, request: Any) -> Any:
        with self._lock:
            entry, now = self._entry(request.name), self.clock()
            entry.queue.purge(now=now)
            entry.message.purge_time = now
            return entry.message

    def pause_queue(self, request: Any) -> Any:
        return self._set_state(request.name, tasks_v2.Queue.State.PAUSED)

    def resume_queue(self, request: Any) -> Any:
        return self._set_state(request.name, tasks_v2.Queue.State.RUNNING)

    # Tasks.

    def create_task(self, request: Any) -> Any:
        with self._lock:
            entry, now = self._entry(request.parent), self.clock()
            task = messages.new_task(
                request.parent, request.task, limits=self.limits, now=now
            )
            entry.queue.add(task, now=now)
        self.wake()
        return messages.task_view(task, request.response_view)

    def get_task(self, request: Any) -> Any:
        with self._lock:
            task = self._queue_of(request.name).get(request.name)
        return messages.task_view(task, request.response_view)

    def list_tasks(self, request: Any) -> Any:
        """Pages in the order of names; a token is the last name of the page before."""
        size = min(request.page_size or _LARGEST_PAGE, _LARGEST_PAGE)
        with self._lock:
            tasks = self._entry(request.parent).queue.tasks
            names = sorted(name for name in tasks if name > request.page_token)
            page = [tasks[name] for name in names[:size]]
        return tasks_v2.ListTasksResponse(
            tasks=[messages.task_view(t, request.response_view) for t in page],
            next_page_token=page[-1].name if len(names) > size else "",
        )

    def delete_task(self, request: Any) -> None:
        with self._lock:
            queue = self._queue_of(request.name)
            queue.delete(request.name, now=self.clock())

    # The caller of these holds the lock.

    def _entry(self, name: str) -> _Entry:
        if name not in self._queues:
            raise TaskError(Refusal.NOT_FOUND, "Queue does not exist.")
        return self._queues[name]

    def _queue_of(self, task_name: str) -> TaskQueue:
        return self._entry(task_name.rpartition("/tasks/")[0]).queue

    def _new_entry(self, message: Any) -> _Entry:
        now = self.clock()
        message = messages.with_defaults(message)
        message.state = tasks_v2.Queue.State.RUNNING
        rates = messages.rate_rules(message)
        queue = TaskQueue(
            bucket=TokenBucket.full(rates, now=now),
            blocked_for=self.blocked_for,
            throttle=self.throttle,
            faults=self.faults,
        )
        entry = self._queues[message.name] = _Entry(message=message, queue=queue)
        _configure(entry)
        return entry

    def _set_state(self, name: str, state: Any) -> Any:
        with self._lock:
            entry = self._entry(name)
            entry.message.state = state
            _configure(entry)
        self.wake()
        return entry.message


def handler(api: TaskApi) -> Any:
    """What a `grpc.Server` takes as a generic handler."""
    queue, task, nothing = tasks_v2.Queue, tasks_v2.Task, None
    methods: list[tuple[Callable[[Any], Any], Any, Any]] = [
        (api.create_queue, tasks_v2.CreateQueueRequest, queue),
        (api.get_queue, tasks_v2.GetQueueRequest, queue),
        (api.purge_queue, tasks_v2.PurgeQueueRequest, queue),
        (api.pause_queue, tasks_v2.PauseQueueRequest, queue),
        (api.resume_queue, tasks_v2.ResumeQueueRequest, queue),
        (api.create_task, tasks_v2.CreateTaskRequest, task),
        (api.get_task, tasks_v2.GetTaskRequest, task),
        (api.list_tasks, tasks_v2.ListTasksRequest, tasks_v2.ListTasksResponse),
        (api.delete_task, tasks_v2.DeleteTaskRequest, nothing),
    ]
    table = {
        asked.__name__.removesuffix("Request"): grpc.unary_unary_rpc_method_handler(
            _answering(method),
            request_deserializer=asked.deserialize,
            response_serializer=answer.serialize if answer else _nothing,
        )
        for method, asked, answer in methods
    }
    return grpc.method_handlers_generic_handler(_SERVICE, table)


def _answering(method: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def answer(request: Any, context: Any) -> Any:
        try:
            said = method(request)
        except TaskError as error:
            return context.abort(grpc.StatusCode[error.refusal.name], str(error))
        # gRPC takes None for a fault of the server, and an empty message is falsy.
        return () if said is None else said

    return answer


def _nothing(_: object) -> bytes:
    """google.protobuf.Empty, serialized."""
    return b""


def _configure(entry: _Entry) -> None:
    entry.queue.rates = messages.rate_rules(entry.message)
    entry.queue.retry = messages.retry_rules(entry.message.retry_config)
    entry.queue.is_paused = entry.message.state == tasks_v2.Queue.State.PAUSED

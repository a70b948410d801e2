"""How a task reaches its target: the request that Cloud Tasks makes, and its answer."""

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, Self

import httpx

from local.emulators.cloud_tasks.queue import Delivery
from local.identity import LocalIdentity

_REPLACED = {"host", "content-length", "user-agent", "authorization"}
_REPLACED_PREFIXES = ("x-google-", "x-appengine-", "x-cloudtasks-")


def request_of(
    delivery: Delivery, identity: LocalIdentity, now: datetime
) -> httpx.Request:
    """The request of one attempt, as a Cloud Run target behind IAM would see it."""
    asked = delivery.task.content.http_request
    headers = {k: v for k, v in asked.headers.items() if not _is_replaced(k)}
    headers |= _task_headers(delivery)
    if "oidc_token" in asked:
        token = identity.id_token(
            email=asked.oidc_token.service_account_email,
            audience=asked.oidc_token.audience or asked.url,
            now=now,
        )
        headers["Authorization"] = f"Bearer {token}"
    return httpx.Request("POST", asked.url, headers=headers, content=asked.body)


def _is_replaced(header: str) -> bool:
    name = header.lower()
    return name in _REPLACED or name.startswith(_REPLACED_PREFIXES)


def _task_headers(delivery: Delivery) -> dict[str, str]:
    task = delivery.task
    queue, _, task_id = task.name.rpartition("/tasks/")
    headers = {
        "User-Agent": "Google-Cloud-Tasks",
        "X-CloudTasks-QueueName": queue.rpartition("/")[2],
        "X-CloudTasks-TaskName": task_id,
        "X-CloudTasks-TaskRetryCount": str(task.dispatched - 1),
        "X-CloudTasks-TaskExecutionCount": str(task.answered),
        "X-CloudTasks-TaskETA": f"{task.scheduled_at.timestamp():.6f}",
    }
    if task.previous_status is not None:
        headers["X-CloudTasks-TaskPreviousResponse"] = str(task.previous_status)
    return headers


class Desk(Protocol):
    """Where the courier gets what is due, and reports what became of it."""

    def take(self) -> tuple[list[Delivery], timedelta | None]:
        """What to send now, and how long until there may be more (None: unknown)."""
        ...

    def finish(self, delivery: Delivery, status: int | None) -> None: ...


class Courier:
    """Takes what is due from the desk and sends it, in a thread of its own.

    Leaving ends the thread and drops every attempt that is still under way.
    """

    def __init__(
        self, desk: Desk, request_for: Callable[[Delivery], httpx.Request]
    ) -> None:
        self._desk = desk
        self._request_for = request_for
        self._loop = asyncio.new_event_loop()
        self._woken = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="task-courier")

    def wake(self) -> None:
        """Something changed: look at the desk again. Callable from any thread."""
        self._loop.call_soon_threadsafe(self._woken.set)

    def __enter__(self) -> Self:
        self._run = self._loop.create_task(self._deliver_all())
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._run.cancel)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _work(self) -> None:
        try:
            self._loop.run_until_complete(self._run)
        except asyncio.CancelledError:
            return

    async def _deliver_all(self) -> None:
        # A fresh connection each time: a kept one may be of a worker that has died.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        client = httpx.AsyncClient(
            limits=limits,
            timeout=None,  # noqa: S113 - each attempt has its task's deadline
            trust_env=False,
        )
        async with client, asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                deliveries, pause = self._desk.take()
                for delivery in deliveries:
                    group.create_task(self._deliver(client, delivery))
                await self._rest(pause)

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        """Past its deadline the connection is dropped, whatever the target does."""
        deadline = delivery.task.content.dispatch_deadline
        status = None
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                response = await client.send(self._request_for(delivery))
                status = response.status_code
        except (TimeoutError, httpx.RequestError):
            pass  # no answer
        self._desk.finish(delivery, status)
        self._woken.set()

    async def _rest(self, pause: timedelta | None) -> None:
        try:
            async with asyncio.timeout(pause.total_seconds() if pause else None):
                await self._woken.wait()
        except TimeoutError:
            return

"""Delivers tasks to their targets by HTTP, as Cloud Tasks does."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Self

import httpx

from local.emulators.cloud_tasks.queue import Delivery
from local.identity import LocalIdentity

_REPLACED = {"host", "content-length", "user-agent", "authorization"}
_REPLACED_PREFIXES = ("x-google-", "x-appengine-", "x-cloudtasks-")


def request_of(delivery: Delivery, identity: LocalIdentity) -> httpx.Request:
    """An attempt's request, as a Cloud Run target behind IAM would see it."""
    target = delivery.task.content.http_request
    headers = {k: v for k, v in target.headers.items() if not _is_replaced(k)}
    headers |= _task_headers(delivery)
    if "oidc_token" in target:
        token = identity.id_token(
            email=target.oidc_token.service_account_email,
            audience=target.oidc_token.audience or target.url,
        )
        headers["Authorization"] = f"Bearer {token}"
    return httpx.Request("POST", target.url, headers=headers, content=target.body)


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


class Dispatcher:
    """Sends what is due, in a thread of its own.

    Leaving its `with` block ends the thread and drops all attempts under way. `take`
    returns what to send now, and the time until there may be more (None: unknown).
    `finish` gets each response's status, None if there was none.
    """

    def __init__(
        self,
        take: Callable[[], tuple[list[Delivery], timedelta | None]],
        request_for: Callable[[Delivery], httpx.Request],
        finish: Callable[[Delivery, int | None], None],
    ) -> None:
        self._take, self._request_for, self._finish = take, request_for, finish
        self._loop = asyncio.new_event_loop()
        self._woken = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="task-dispatcher")

    def wake(self) -> None:
        """Have it call `take` again, because something changed. Thread-safe."""
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
        # A new connection each time: a kept one may belong to a worker that has died.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        client = httpx.AsyncClient(
            limits=limits,
            timeout=None,  # noqa: S113 - each attempt has its task's deadline
            trust_env=False,
        )
        async with client, asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                deliveries, pause = self._take()
                for delivery in deliveries:
                    group.create_task(self._deliver(client, delivery))
                await self._rest(pause)

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        """Send an attempt; hang up at its deadline, whatever the target does."""
        deadline = delivery.task.content.dispatch_deadline
        status = None
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                response = await client.send(self._request_for(delivery))
                status = response.status_code
        except (TimeoutError, httpx.RequestError):
            pass  # no answer
        self._finish(delivery, status)
        self._woken.set()

    async def _rest(self, pause: timedelta | None) -> None:
        try:
            seconds = None if pause is None else pause.total_seconds()
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

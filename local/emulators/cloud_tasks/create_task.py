"""Validation of new tasks, as in Cloud Tasks.

Limits and defaults: the comments in google.cloud.tasks.v2 and
https://docs.cloud.google.com/tasks/docs/quotas.
"""

import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
from google.cloud import tasks_v2

from local.emulators.cloud_tasks.queue import QueuedTask

MIN_DEADLINE = timedelta(seconds=15)
_MAX_DEADLINE = timedelta(minutes=30)
_DEFAULT_DEADLINE = timedelta(minutes=10)
_MAX_DELAY = timedelta(days=30)
_MAX_TASK_BYTES = 100 * 1024
_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")


def new_task(request: Any, *, min_deadline: timedelta, now: datetime) -> QueuedTask:
    """The task to queue, with defaults filled in.

    Raises ValueError if Cloud Tasks would refuse it, or for anything but a POST with an
    OIDC token or without a token, which is all that is implemented here.
    """
    task = tasks_v2.Task(request.task)
    task.name = task.name or f"{request.parent}/tasks/{secrets.randbelow(10**20):020d}"
    if "dispatch_deadline" not in task:
        task.dispatch_deadline = _DEFAULT_DEADLINE
    scheduled_at = max(task.schedule_time, now) if "schedule_time" in task else now
    for problem in _problems(request.parent, task, scheduled_at - now):
        raise ValueError(problem)
    if not min_deadline <= task.dispatch_deadline <= _MAX_DEADLINE:
        raise ValueError("The dispatch deadline must be between 15s and 30m.")
    task.schedule_time = scheduled_at
    return QueuedTask(
        name=task.name, content=task, scheduled_at=scheduled_at, due_at=scheduled_at
    )


def _problems(parent: str, task: Any, wait: timedelta) -> Iterator[str]:
    queue, _, task_id = task.name.rpartition("/tasks/")
    request, post = task.http_request, tasks_v2.HttpMethod.POST
    if queue != parent:
        yield "The task's queue is not the request's parent."
    if not _TASK_ID.fullmatch(task_id):
        yield "A task ID has 1 to 500 letters, digits, hyphens, underscores."
    if not _is_address(request.url):
        yield "HttpRequest.url must be an http:// or https:// address."
    if "oauth_token" in request or request.http_method not in (0, post):
        yield "Only POST, with an OIDC token or without any, is served here."
    if len(tasks_v2.Task.serialize(task)) > _MAX_TASK_BYTES:
        yield "Task size too large."
    if wait > _MAX_DELAY:
        yield "The schedule time must be at most 30 days in the future."


def _is_address(url: str) -> bool:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return address.scheme in {"http", "https"} and bool(address.host)

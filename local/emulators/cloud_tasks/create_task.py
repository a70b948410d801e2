"""Validation of new tasks, as in Cloud Tasks.

Limits and defaults: the comments in google.cloud.tasks.v2 and
https://docs.cloud.google.com/tasks/docs/quotas.
"""

import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from google.cloud import tasks_v2

from local.emulators.cloud_tasks.queue import QueuedTask

MIN_DEADLINE = timedelta(seconds=15)
_MAX_DEADLINE = timedelta(minutes=30)
_DEFAULT_DEADLINE = timedelta(minutes=10)
_MAX_DELAY = timedelta(days=30)
_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")


def new_task(request: Any, *, min_deadline: timedelta, now: datetime) -> QueuedTask:
    """The task to queue, with defaults filled in.

    Raises ValueError if Cloud Tasks would refuse its name or its times.
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
    if queue != parent:
        yield "The task's queue is not the request's parent."
    if not _TASK_ID.fullmatch(task_id):
        yield "A task ID has 1 to 500 letters, digits, hyphens, underscores."
    if wait > _MAX_DELAY:
        yield "The schedule time must be at most 30 days in the future."

"""How google.cloud.tasks.v2 messages become our tasks and queues, and back.

Limits and defaults: the comments in google.cloud.tasks.v2 and
https://docs.cloud.google.com/tasks/docs/quotas.
"""

import math
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from google.cloud import tasks_v2

from local.emulators.cloud_tasks.queue import (
    Answer,
    Attempt,
    Failure,
    QueuedTask,
    Refusal,
    TaskError,
)
from local.emulators.cloud_tasks.rules import RateRules, RetryRules

_QUEUE_NAME = re.compile(
    r"projects/[\w:.-]+/locations/[\w-]+/queues/[A-Za-z0-9-]{1,100}"
)
_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")
_LONGEST_DEADLINE = timedelta(minutes=30)
_DEFAULT_DEADLINE = timedelta(minutes=10)
_FARTHEST_SCHEDULE = timedelta(days=30)
_LARGEST_TASK_BYTES = 100 * 1024
_WITH_BODY = {"POST", "PUT", "PATCH"}
_RPC_CODES = {  # google.rpc.Code
    400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 429: 8, 499: 1, 500: 13, 501: 12,
    503: 14, 504: 4, Failure.DEADLINE_EXCEEDED: 4, Failure.UNAVAILABLE: 14,
}  # fmt: skip
_UNKNOWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLimits:
    """The shortest dispatch deadline is 15 s in the cloud; a test may want less."""

    shortest_deadline: timedelta = timedelta(seconds=15)


def check_queue_name(name: str) -> None:
    if not _QUEUE_NAME.fullmatch(name):
        raise _invalid("The queue name is not valid.")


def with_defaults(queue: Any) -> Any:
    """A copy in which all that the caller left out has Cloud Tasks' default."""
    queue = tasks_v2.Queue(queue)
    rates, retry = RateRules(), RetryRules()
    limits, config = queue.rate_limits, queue.retry_config
    limits.max_dispatches_per_second = (
        limits.max_dispatches_per_second or rates.max_dispatches_per_second
    )
    limits.max_concurrent_dispatches = (
        limits.max_concurrent_dispatches or rates.max_concurrent_dispatches
    )
    limits.max_burst_size = burst_size(limits.max_dispatches_per_second)
    config.max_attempts = config.max_attempts or retry.max_attempts
    config.max_doublings = config.max_doublings or retry.max_doublings
    for field in ("max_retry_duration", "min_backoff", "max_backoff"):
        if field not in config:
            setattr(config, field, getattr(retry, field))
    _check_queue(queue)
    return queue


def burst_size(max_dispatches_per_second: float) -> int:
    """What queues of these rates were seen to get; Google promises no figure."""
    return max(10, min(100, math.ceil(max_dispatches_per_second)))


def rate_rules(queue: Any) -> RateRules:
    limits = queue.rate_limits
    return RateRules(
        max_dispatches_per_second=limits.max_dispatches_per_second,
        max_burst_size=limits.max_burst_size,
        max_concurrent_dispatches=limits.max_concurrent_dispatches,
    )


def retry_rules(config: Any) -> RetryRules:
    return RetryRules(
        max_attempts=config.max_attempts,
        max_retry_duration=config.max_retry_duration,
        min_backoff=config.min_backoff,
        max_backoff=config.max_backoff,
        max_doublings=config.max_doublings,
    )


def new_task(
    parent: str, message: Any, *, limits: TaskLimits, now: datetime
) -> QueuedTask:
    """Raises INVALID_ARGUMENT for what the real one refuses."""
    message = tasks_v2.Task(message)
    message.name = message.name or f"{parent}/tasks/{secrets.randbelow(10**20):020d}"
    if "dispatch_deadline" not in message:
        message.dispatch_deadline = _DEFAULT_DEADLINE
    method = tasks_v2.HttpMethod.POST
    message.http_request.http_method = message.http_request.http_method or method
    _check_name(parent, message.name)
    _check_request(message)
    _check_times(message, limits, now)
    asked = message.schedule_time if "schedule_time" in message else now
    scheduled_at = max(asked, now)
    return QueuedTask(
        name=message.name,
        content=message,
        created_at=now,
        scheduled_at=scheduled_at,
        due_at=scheduled_at,
    )


def task_view(task: QueuedTask, view: Any) -> Any:
    """BASIC, the default, leaves the body out."""
    message: Any = tasks_v2.Task(task.content)
    is_full = view == tasks_v2.Task.View.FULL
    message.view = tasks_v2.Task.View.FULL if is_full else tasks_v2.Task.View.BASIC
    if not is_full:
        message.http_request.body = b""
    message.schedule_time = task.scheduled_at
    message.create_time = task.created_at.replace(microsecond=0)
    message.dispatch_count = task.dispatched
    message.response_count = task.answered
    if task.first_attempt_at:
        message.first_attempt = {"dispatch_time": task.first_attempt_at}
    if task.last:
        message.last_attempt = _attempt_view(task.last)
    return message


def _attempt_view(attempt: Attempt) -> dict[str, object]:
    view: dict[str, object] = {
        "schedule_time": attempt.scheduled_at,
        "dispatch_time": attempt.dispatched_at,
    }
    if attempt.answer:
        view["response_time"] = attempt.answered_at
        view["response_status"] = _status(attempt.answer)
    return view


def _status(answer: Answer) -> dict[str, object]:
    what = answer.status
    text = what.value if isinstance(what, Failure) else f"HTTP status code {what}"
    code = 0 if answer.is_success else _RPC_CODES.get(what, _UNKNOWN)
    return {"code": code, "message": text}


def _check_queue(queue: Any) -> None:
    limits, config = queue.rate_limits, queue.retry_config
    if not 0 < limits.max_dispatches_per_second <= 500:
        raise _invalid("Queue.rate_limits.max_dispatches_per_second is over 500.")
    if not 0 < limits.max_concurrent_dispatches <= 5000:
        raise _invalid("Queue.rate_limits.max_concurrent_dispatches is over 5000.")
    if config.max_attempts < -1:
        raise _invalid("Queue.retry_config.max_attempts is under -1.")
    if not timedelta(0) <= config.min_backoff <= config.max_backoff:
        raise _invalid("Queue.retry_config.min_backoff is over max_backoff.")


def _check_name(parent: str, name: str) -> None:
    prefix, _, task_id = name.rpartition("/tasks/")
    if prefix != parent:
        raise _invalid("The task's queue is not the request's parent.")
    if not _TASK_ID.fullmatch(task_id):
        raise _invalid("A task ID has 1 to 500 letters, digits, hyphens, underscores.")


def _check_request(message: Any) -> None:
    request = message.http_request
    if "retry_config" in message:
        raise _invalid("Here a task has the retry_config of its queue alone.")
    if "app_engine_http_request" in message or "oauth_token" in request:
        raise _invalid("Only HTTP targets, with or without an OIDC token, are served.")
    if not _is_address(request.url):
        raise _invalid("HttpRequest.url must be an http:// or https:// address.")
    if not _are_headers(request.headers):
        raise _invalid("HttpRequest.headers must be ASCII.")
    if request.body and request.http_method.name not in _WITH_BODY:
        raise _invalid("HTTP body is only allowed with POST, PUT and PATCH.")
    if "oidc_token" in request and not request.oidc_token.service_account_email:
        raise _invalid("OidcToken.service_account_email is empty.")
    if len(tasks_v2.Task.serialize(message)) > _LARGEST_TASK_BYTES:
        raise _invalid("Task size too large.")


def _is_address(url: str) -> bool:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return (
        address.scheme in {"http", "https"} and bool(address.host) and len(url) <= 2083
    )


def _are_headers(headers: Any) -> bool:
    try:
        return bool(httpx.Headers(dict(headers))) or not headers
    except UnicodeEncodeError:
        return False


def _check_times(message: Any, limits: TaskLimits, now: datetime) -> None:
    deadline = message.dispatch_deadline
    if not limits.shortest_deadline <= deadline <= _LONGEST_DEADLINE:
        raise _invalid("The dispatch deadline must be between 15s and 30m.")
    if "schedule_time" in message and message.schedule_time > now + _FARTHEST_SCHEDULE:
        raise _invalid("The schedule time must be at most 30 days in the future.")


def _invalid(message: str) -> TaskError:
    return TaskError(Refusal.INVALID_ARGUMENT, message)

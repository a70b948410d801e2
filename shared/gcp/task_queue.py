"""Wakes jobs through Cloud Tasks: three queues, and task names that are used once."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import grpc
from google.api_core import exceptions as api_errors
from google.api_core import gapic_v1
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import (
    CloudTasksGrpcTransport,
)

from shared.domain.errors import Unreachable
from shared.gcp.translation import Table, translated
from shared.ports.store import StepTask, WebhookTask

# One try, then all of them together: a task's name makes a repetition harmless.
_TIMEOUT_SECONDS: Final = 3.0
_RETRY: Final = Retry(
    predicate=if_exception_type(
        api_errors.ServiceUnavailable, api_errors.DeadlineExceeded
    ),
    initial=0.2,
    maximum=2.0,
    timeout=10.0,
)

ERRORS: Final[Table] = (
    (api_errors.GoogleAPIError, Unreachable),
    (GoogleAuthError, Unreachable),
    (grpc.RpcError, Unreachable),
)


def client(emulator_address: str | None) -> tasks_v2.CloudTasksClient:
    """The real service, or the emulator at this address, unencrypted."""
    if emulator_address is None:
        return tasks_v2.CloudTasksClient()
    channel = grpc.insecure_channel(emulator_address)
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


def _utc_now() -> datetime:
    return datetime.now(UTC)


class CloudTasksQueue:
    """Each task POSTs {"job_id": …} to the worker with an OIDC token for `audience`.

    The queues are short names; `dispatch_deadline` is from 15 s to 30 min;
    `task_headers` are added to each task as it is made.
    """

    def __init__(
        self,
        *,
        client: tasks_v2.CloudTasksClient,
        project: str,
        location: str,
        starts_queue: str,
        steps_queue: str,
        webhooks_queue: str,
        worker_url: str,
        audience: str,
        invoker_email: str,
        dispatch_deadline: timedelta,
        task_headers: Callable[[], Mapping[str, str]] = dict,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._starts = client.queue_path(project, location, starts_queue)
        self._steps = client.queue_path(project, location, steps_queue)
        self._webhooks = client.queue_path(project, location, webhooks_queue)
        self._now, self._task_headers = now, task_headers
        self._create = _RETRY(_creating(client))
        # What is the same of every task, in protobuf's own message: building it in the
        # library's wrappers costs more than sending it.
        self._same: Final[Any] = tasks_v2.CreateTaskRequest.pb(
            tasks_v2.CreateTaskRequest(
                task=tasks_v2.Task(
                    http_request=tasks_v2.HttpRequest(
                        http_method=tasks_v2.HttpMethod.POST,
                        url=worker_url,
                        headers={"Content-Type": "application/json"},
                        oidc_token=tasks_v2.OidcToken(
                            service_account_email=invoker_email, audience=audience
                        ),
                    ),
                    dispatch_deadline=dispatch_deadline,
                )
            )
        )

    def enqueue(self, task: StepTask) -> None:
        self._enqueue(self._starts if task.is_start else self._steps, task)

    def enqueue_webhook(self, task: WebhookTask) -> None:
        self._enqueue(self._webhooks, task)

    def _enqueue(self, queue: str, task: StepTask | WebhookTask) -> None:
        with (
            translated(ERRORS, "Cloud Tasks"),
            suppress(api_errors.AlreadyExists),
        ):
            self._create(self._request(queue, task))

    def _request(self, queue: str, task: StepTask | WebhookTask) -> Any:
        request = type(self._same)(parent=queue)
        request.MergeFrom(self._same)
        request.task.name = f"{queue}/tasks/{task.name}"
        request.task.http_request.headers.update(self._task_headers())
        request.task.http_request.body = json.dumps({"job_id": task.job_id}).encode()
        if task.at > self._now():
            request.task.schedule_time.FromDatetime(task.at)
        return request


def _creating(client: tasks_v2.CloudTasksClient) -> Callable[[Any], None]:
    """One try, over the client's channel; raises google.api_core's errors."""
    transport: Any = client.transport
    # The answer repeats the task: it is left as it is.
    send = transport.grpc_channel.unary_unary(
        "/google.cloud.tasks.v2.CloudTasks/CreateTask",
        request_serializer=lambda request: request.SerializeToString(),
    )
    about = gapic_v1.client_info.ClientInfo().to_grpc_metadata()

    def create(request: Any) -> None:
        queue = (("parent", request.parent),)
        metadata = (gapic_v1.routing_header.to_grpc_metadata(queue), about)
        try:
            send(request, timeout=_TIMEOUT_SECONDS, metadata=metadata)
        except grpc.RpcError as error:
            raise api_errors.from_grpc_error(error) from error

    return create

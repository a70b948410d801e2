"""Enqueues tasks in Cloud Tasks: three queues, and task names that deduplicate."""

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
from msgspec import to_builtins

from shared.domain.errors import Unreachable
from shared.gcp.error_mapping import ErrorTable, map_errors
from shared.ports.store import Task, TaskQueue

# For one try, then for all of them. Retries are safe, because a task's name is unique.
_TIMEOUT_SECONDS: Final = 3.0
_RETRY: Final = Retry(
    predicate=if_exception_type(
        api_errors.ServiceUnavailable, api_errors.DeadlineExceeded
    ),
    initial=0.2,
    maximum=2.0,
    timeout=10.0,
)

ERRORS: Final[ErrorTable] = (
    (api_errors.GoogleAPIError, Unreachable),
    (GoogleAuthError, Unreachable),
)


def client(emulator_address: str | None) -> tasks_v2.CloudTasksClient:
    """A client of the real service, or of an emulator, without TLS."""
    if emulator_address is None:
        return tasks_v2.CloudTasksClient()
    channel = grpc.insecure_channel(emulator_address)
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


class CloudTasksQueue:
    """The port `Queue`. Each task POSTs {"job_id": …} to the worker, with an OIDC token
    for `audience`; a task with an answer adds {"answer": …}.

    `queues`: short names; `dispatch_deadline` is from 15 s to 30 min;
    `task_headers` is called for each task, and returns headers to add to it.
    """

    def __init__(
        self,
        *,
        client: tasks_v2.CloudTasksClient,
        project: str,
        location: str,
        queues: Mapping[TaskQueue, str],
        worker_url: str,
        audience: str,
        invoker_email: str,
        dispatch_deadline: timedelta,
        task_headers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._queues = {
            queue: client.queue_path(project, location, name)
            for queue, name in queues.items()
        }
        self._task_headers = task_headers
        self._create = _RETRY(_create_call(client))
        # What all tasks have in common, as a plain protobuf message: building it with
        # the library's wrappers costs more than sending it.
        self._template: Final[Any] = tasks_v2.CreateTaskRequest.pb(
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

    def enqueue(self, task: Task) -> None:
        with map_errors(ERRORS, "Cloud Tasks"), suppress(api_errors.AlreadyExists):
            self._create(self._request(task))

    def _request(self, task: Task) -> Any:
        queue = self._queues[task.queue]
        request = type(self._template)(parent=queue)
        request.MergeFrom(self._template)
        request.task.name = f"{queue}/tasks/{task.name}"
        request.task.http_request.headers.update(self._task_headers())
        body: dict[str, object] = {"job_id": task.job_id}
        if task.answer is not None:
            body["answer"] = to_builtins(task.answer)
        request.task.http_request.body = json.dumps(body).encode()
        if task.at > datetime.now(UTC):
            request.task.schedule_time.FromDatetime(task.at)
        return request


def _create_call(client: tasks_v2.CloudTasksClient) -> Callable[[Any], None]:
    """Makes one try, over the client's channel. Raises google.api_core's errors."""
    transport: Any = client.transport
    # No deserializer: the response only repeats the task.
    send = transport.grpc_channel.unary_unary(
        "/google.cloud.tasks.v2.CloudTasks/CreateTask",
        request_serializer=lambda request: request.SerializeToString(),
    )
    client_info = gapic_v1.client_info.ClientInfo().to_grpc_metadata()

    def create(request: Any) -> None:
        queue = (("parent", request.parent),)
        metadata = (gapic_v1.routing_header.to_grpc_metadata(queue), client_info)
        try:
            send(request, timeout=_TIMEOUT_SECONDS, metadata=metadata)
        except grpc.RpcError as error:
            raise api_errors.from_grpc_error(error) from error

    return create

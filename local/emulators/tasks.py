"""The local Cloud Tasks: CreateTask over gRPC, a dispatcher, and a control endpoint.

python -m local.emulators.tasks --key PEM --project P [--port N]
"""

import argparse
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import grpc
import httpx
from google.cloud import tasks_v2
from werkzeug import Request, Response

from local.emulators.cloud_tasks.create_task import MIN_DEADLINE, new_task
from local.emulators.cloud_tasks.delivery import Dispatcher, request_of
from local.emulators.cloud_tasks.queue import Delivery, NameTaken, TaskQueue
from local.emulators.cloud_tasks.rules import (
    DeliveryFaults,
    QueueRules,
    terraform_queues,
)
from local.functions import LOCATION
from local.http_server import HttpServer, as_json, routed, run_until_signal
from local.identity import LocalIdentity

_HANDLER_THREADS = 16
utc_now = partial(datetime.now, UTC)


@contextmanager
def create_task_server(
    create_task: Callable[[Any, Any], Any], *, port: int = 0
) -> Iterator[str]:
    """Serve `CreateTask` by gRPC until the block ends; yield host:port.

    `create_task(request, context)` returns the task. Raises RuntimeError if the port is
    taken; port 0 takes a free one.
    """
    method = grpc.unary_unary_rpc_method_handler(
        create_task,
        request_deserializer=tasks_v2.CreateTaskRequest.deserialize,
        response_serializer=tasks_v2.Task.serialize,
    )
    service, methods = "google.cloud.tasks.v2.CloudTasks", {"CreateTask": method}
    handler = grpc.method_handlers_generic_handler(service, methods)
    with ThreadPoolExecutor(_HANDLER_THREADS) as threads:
        # Otherwise two servers on one port would silently share the calls.
        server = grpc.server(threads, options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((handler,))
        taken = server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()
        try:
            yield f"127.0.0.1:{taken}"
        finally:
            server.stop(grace=0.5).wait()


class TasksServer:
    """Runs within its `with` block: `address` for gRPC, `control_url` for HTTP.

    The queues exist from the start, and everything is in memory. Raises RuntimeError
    or OSError if the port is taken; port 0 takes a free one.
    """

    def __init__(
        self,
        identity: LocalIdentity,
        queues: Mapping[str, QueueRules],
        *,
        port: int = 0,
        min_deadline: timedelta = MIN_DEADLINE,
    ) -> None:
        self._identity, self._port = identity, port
        self._min_deadline = min_deadline
        parent = f"projects/{identity.project}/locations/{LOCATION}/queues"
        self._queues = {
            f"{parent}/{name}": TaskQueue.empty(rules, now=utc_now())
            for name, rules in queues.items()
        }
        self._lock = threading.Lock()
        self._dispatcher = Dispatcher(self._take, self._request, self._finish)
        self._stack = ExitStack()
        self.address = ""
        self.control_url = ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._dispatcher)
            serving = create_task_server(self._create_task, port=self._port)
            self.address = stack.enter_context(serving)
            routes = {
                ("GET", "/queues"): lambda _: as_json(self.report()),
                ("POST", "/faults"): self._set_faults,
                ("POST", "/purge"): self._purge,
                ("POST", "/key"): self._set_key,
            }
            self.control_url = stack.enter_context(HttpServer(routed(routes))).url
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _create_task(self, request: Any, context: Any) -> Any:
        now, shortest = utc_now(), self._min_deadline
        try:
            task = new_task(request, min_deadline=shortest, now=now)
            with self._lock:
                self._queues[request.parent].add(task, now=now)
        except ValueError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except NameTaken as error:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, str(error))
        self._dispatcher.wake()
        return task.content

    # Called by the dispatcher.

    def _take(self) -> tuple[list[Delivery], timedelta | None]:
        with self._lock:
            now, queues = utc_now(), self._queues.values()
            deliveries = [d for queue in queues for d in queue.dispatch(now=now)]
            times = [at for queue in queues if (at := queue.next_at())]
        return deliveries, min(times) - now if times else None

    def _finish(self, delivery: Delivery, status: int | None) -> None:
        queue = delivery.task.name.rpartition("/tasks/")[0]
        with self._lock:
            self._queues[queue].finish(delivery, status, now=utc_now())

    def _request(self, delivery: Delivery) -> httpx.Request:
        return request_of(delivery, self._identity)

    # The control endpoint.

    def report(self) -> dict[str, dict[str, Any]]:
        """By full queue name: names of tasks, the number that run, and all counts."""
        with self._lock:
            return {
                name: {
                    "tasks": [task.rpartition("/")[2] for task in queue.tasks],
                    "running": queue.running,
                    **asdict(queue.counts),
                }
                for name, queue in self._queues.items()
            }

    def _set_faults(self, request: Request) -> Response:
        """Set the fields of `DeliveryFaults` for tasks that are created from now on."""
        faults = DeliveryFaults(**json.loads(request.get_data()))
        with self._lock:
            for queue in self._queues.values():
                queue.faults = faults
        return as_json(asdict(faults))

    def _purge(self, _: Request) -> Response:
        """Lose every waiting task."""
        with self._lock:
            for queue in self._queues.values():
                queue.purge(now=utc_now())
        return Response(status=204)

    def _set_key(self, request: Request) -> Response:
        """Sign with another key from now on; the body is the path of its PEM."""
        path, project = Path(request.get_data(as_text=True)), self._identity.project
        self._identity = LocalIdentity.load(path, project=project)
        return as_json({"key_id": self._identity.key_id})


def main() -> None:
    """Print {"ready": true, "tasks": …, "control": …} and serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="local.emulators.tasks", description=__doc__)
    parser.add_argument("--key", type=Path, required=True, help="PEM of the identity")
    parser.add_argument("--project", required=True)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    args = parser.parse_args()
    identity = LocalIdentity.load(args.key, project=args.project)
    with TasksServer(identity, terraform_queues(), port=args.port) as server:
        run_until_signal({"tasks": server.address, "control": server.control_url})


if __name__ == "__main__":
    main()

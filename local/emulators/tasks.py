"""Cloud Tasks on one machine: CreateTask over gRPC, its courier and its control.

python -m local.emulators.tasks --key PEM --project P [--port N]
"""

import argparse
import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import grpc
import httpx
from google.cloud import tasks_v2
from werkzeug import Request, Response

from local.emulators.cloud_tasks.create_task import SHORTEST_DEADLINE, new_task
from local.emulators.cloud_tasks.delivery import Courier, request_of
from local.emulators.cloud_tasks.queue import Delivery, NameTaken, TaskQueue
from local.emulators.cloud_tasks.rules import (
    DeliveryFaults,
    QueueRules,
    terraforms_queues,
)
from local.functions import LOCATION
from local.http_server import HttpServer, as_json, routed, run_until_signal
from local.identity import LocalIdentity

_HANDLER_THREADS = 16
# A pause of zero would be none at all.
_SHORTEST_REST = timedelta(microseconds=100)


def utc_now() -> datetime:
    return datetime.now(UTC)


class TasksServer:
    """Cloud Tasks while it is entered: `address` for gRPC, `control_url` for HTTP.

    The queues are there from the start, and everything is kept in memory. Raises
    RuntimeError or OSError when a port is taken; port 0 takes a free one.
    """

    def __init__(
        self,
        identity: LocalIdentity,
        queues: Mapping[str, QueueRules],
        *,
        port: int = 0,
        shortest_deadline: timedelta = SHORTEST_DEADLINE,
    ) -> None:
        self._identity, self._port = identity, port
        self._shortest_deadline = shortest_deadline
        parent = f"projects/{identity.project}/locations/{LOCATION}/queues"
        self._queues = {
            f"{parent}/{name}": TaskQueue.empty(rules, now=utc_now())
            for name, rules in queues.items()
        }
        self._lock = threading.Lock()
        self._courier = Courier(self, self._request)
        self._stack = ExitStack()
        self.address = ""
        self.control_url = ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._courier)
            self.address = self._serve(stack)
            routes = {
                ("GET", "/queues"): lambda _: as_json(self.report()),
                ("POST", "/faults"): self._take_faults,
                ("POST", "/purge"): self._purge,
                ("POST", "/key"): self._take_key,
            }
            self.control_url = stack.enter_context(HttpServer(routed(routes))).url
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _serve(self, stack: ExitStack) -> str:
        threads = stack.enter_context(ThreadPoolExecutor(_HANDLER_THREADS))
        # Two servers on one port would share the calls without a word.
        server = grpc.server(threads, options=[("grpc.so_reuseport", 0)])
        method = grpc.unary_unary_rpc_method_handler(
            self._create_task,
            request_deserializer=tasks_v2.CreateTaskRequest.deserialize,
            response_serializer=tasks_v2.Task.serialize,
        )
        service = "google.cloud.tasks.v2.CloudTasks"
        methods = {"CreateTask": method}
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, methods),)
        )
        port = server.add_insecure_port(f"127.0.0.1:{self._port}")
        server.start()
        stack.callback(lambda: server.stop(grace=0.5).wait())
        return f"127.0.0.1:{port}"

    def _create_task(self, request: Any, context: Any) -> Any:
        now, shortest = utc_now(), self._shortest_deadline
        try:
            task = new_task(request, shortest_deadline=shortest, now=now)
            with self._lock:
                self._queues[request.parent].add(task, now=now)
        except ValueError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except KeyError:
            context.abort(grpc.StatusCode.NOT_FOUND, "Queue does not exist.")
        except NameTaken as error:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, str(error))
        self._courier.wake()
        return task.content

    # The courier's desk.

    def take(self) -> tuple[list[Delivery], timedelta | None]:
        with self._lock:
            now, queues = utc_now(), self._queues.values()
            deliveries = [d for queue in queues for d in queue.dispatch(now=now)]
            times = [at for queue in queues if (at := queue.next_at())]
        return deliveries, max(min(times) - now, _SHORTEST_REST) if times else None

    def finish(self, delivery: Delivery, status: int | None) -> None:
        queue = delivery.task.name.rpartition("/tasks/")[0]
        with self._lock:
            self._queues[queue].finish(delivery, status, now=utc_now())

    def _request(self, delivery: Delivery) -> httpx.Request:
        return request_of(delivery, self._identity, utc_now())

    # The control.

    def report(self) -> dict[str, dict[str, Any]]:
        """By full queue name: the tasks' names, how many run, and all counts."""
        with self._lock:
            return {
                name: {
                    "tasks": [task.rpartition("/")[2] for task in queue.tasks],
                    "running": queue.running,
                    **asdict(queue.counts),
                }
                for name, queue in self._queues.items()
            }

    def _take_faults(self, request: Request) -> Response:
        """Fields of `DeliveryFaults`: for tasks that are created from now on."""
        faults = DeliveryFaults(**json.loads(request.get_data()))
        with self._lock:
            for queue in self._queues.values():
                queue.faults = faults
        return as_json(asdict(faults))

    def _purge(self, _: Request) -> Response:
        """Every task that waits is lost."""
        with self._lock:
            for queue in self._queues.values():
                queue.purge(now=utc_now())
        return Response(status=204)

    def _take_key(self, request: Request) -> Response:
        """The path of the PEM to sign with from now on."""
        path, project = Path(request.get_data(as_text=True)), self._identity.project
        self._identity = LocalIdentity.load(path, project=project)
        return as_json({"key_id": self._identity.key_id})


def main() -> None:
    """Says {"ready": true, "tasks": …, "control": …} and serves until SIGTERM."""
    parser = argparse.ArgumentParser(prog="local.emulators.tasks", description=__doc__)
    parser.add_argument("--key", type=Path, required=True, help="PEM of the identity")
    parser.add_argument("--project", required=True)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    asked = parser.parse_args()
    identity = LocalIdentity.load(asked.key, project=asked.project)
    with TasksServer(identity, terraforms_queues(), port=asked.port) as server:
        run_until_signal({"tasks": server.address, "control": server.control_url})


if __name__ == "__main__":
    main()

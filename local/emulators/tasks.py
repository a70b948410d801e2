"""Cloud Tasks on one machine: the gRPC server, its courier and its control.

python -m local.emulators.tasks --key PEM --project P [--port N]
"""

import argparse
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import grpc
import httpx
from werkzeug import Request, Response

from local.emulators.cloud_tasks.api import TaskApi, handler
from local.emulators.cloud_tasks.delivery import Courier, request_of
from local.emulators.cloud_tasks.messages import TaskLimits
from local.emulators.cloud_tasks.queue import Delivery
from local.emulators.cloud_tasks.rules import DeliveryFaults, Throttle
from local.http_server import HttpServer, Routes, as_json, routed, run_until_signal
from local.identity import LocalIdentity

_HANDLER_THREADS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksOptions:
    """Port 0 takes a free one. The defaults are what the cloud does.

    `name_blocked_for` is from 1 to 24 hours there. `throttle` says how a queue slows.
    """

    port: int = 0
    strip_signature: bool = False
    name_blocked_for: timedelta = timedelta(hours=1)
    limits: TaskLimits = field(default_factory=TaskLimits)
    throttle: Throttle = field(default_factory=Throttle)
    faults: DeliveryFaults = field(default_factory=DeliveryFaults)


def utc_now() -> datetime:
    return datetime.now(UTC)


class TasksServer:
    """Cloud Tasks while it is entered: `address` for gRPC, `control_url` for HTTP.

    It starts without queues and keeps everything in memory. Raises RuntimeError or
    OSError when a port is taken.
    """

    def __init__(
        self,
        identity: LocalIdentity,
        options: TasksOptions | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.identity = identity
        self._clock = clock
        self._options = options or TasksOptions()
        self._stack = ExitStack()
        self._api = TaskApi(
            clock=clock,
            limits=self._options.limits,
            throttle=self._options.throttle,
            blocked_for=self._options.name_blocked_for,
            faults=self._options.faults,
        )
        self.address = ""
        self.control_url = ""

    def set_faults(self, faults: DeliveryFaults) -> None:
        self._api.set_faults(faults)

    def report(self) -> dict[str, dict[str, object]]:
        """What GET /queues of the control answers."""
        return self._api.report()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            courier = stack.enter_context(Courier(self._api, self._request))
            self._api.wake = courier.wake
            self.address = self._serve(stack)
            control = HttpServer(routed(self._control_routes()))
            self.control_url = stack.enter_context(control).url
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _serve(self, stack: ExitStack) -> str:
        threads = stack.enter_context(ThreadPoolExecutor(_HANDLER_THREADS))
        # Two servers on one port would share the calls without a word.
        server = grpc.server(threads, options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((handler(self._api),))
        port = server.add_insecure_port(f"127.0.0.1:{self._options.port}")
        server.start()
        stack.callback(lambda: server.stop(grace=0.5).wait())
        return f"127.0.0.1:{port}"

    def _request(self, delivery: Delivery) -> httpx.Request:
        return request_of(
            delivery,
            self.identity,
            strip_signature=self._options.strip_signature,
            now=self._clock(),
        )

    def _control_routes(self) -> Routes:
        """GET /queues: the counts; POST /faults takes fields of `DeliveryFaults`;
        POST /key takes the path of the PEM to sign with from now on."""
        return {
            ("GET", "/queues"): lambda _: as_json(self.report()),
            ("POST", "/faults"): self._take_faults,
            ("POST", "/key"): self._take_key,
        }

    def _take_faults(self, request: Request) -> Response:
        try:
            faults = DeliveryFaults(**json.loads(request.get_data() or b"{}"))
        except (TypeError, ValueError) as error:
            return as_json({"error": str(error)}, status=400)
        self.set_faults(faults)
        return as_json(asdict(faults))

    def _take_key(self, request: Request) -> Response:
        path, project = Path(request.get_data(as_text=True)), self.identity.project
        self.identity = LocalIdentity.load(path, project=project)
        return as_json({"key_id": self.identity.key_id})


def main(arguments: list[str] | None = None) -> None:
    """Says {"ready": true, "tasks": …, "control": …} and serves until SIGTERM."""
    parser = argparse.ArgumentParser(prog="local.emulators.tasks", description=__doc__)
    parser.add_argument("--key", type=Path, required=True, help="PEM of the identity")
    parser.add_argument("--project", required=True)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    asked = parser.parse_args(arguments)
    identity = LocalIdentity.load(asked.key, project=asked.project)
    with TasksServer(identity, TasksOptions(port=asked.port)) as server:
        run_until_signal({"tasks": server.address, "control": server.control_url})


if __name__ == "__main__":
    main()

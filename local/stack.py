"""The whole of Reelay on one machine: its parts, in the order of their needs.

Everything binds 127.0.0.1. The functions run as in the cloud, by functions-framework,
and are started again when they die.
"""

import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
import requests
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import (
    CloudTasksGrpcTransport,
)

from local.emulators import firestore
from local.identity import LocalIdentity
from local.identity_server import IdentityServer
from local.processes import (
    Program,
    Running,
    answers,
    free_port,
    python,
    wait_until,
)
from local.vendors import ADDRESSES, Vendors, choose
from local.web import folder_server

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "demo-reelay"
BUCKET = "reelay-videos"
LOCATION = "us-central1"
LOOK_EVERY_SECONDS = 0.2
FUNCTIONS = ("api", "worker", "sweep", "budget_alert")
QUEUES = ROOT / "infra" / "queues.json"
RULES = ROOT / "infra" / "firestore.rules"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """Ports are free ones where they are not given (0).

    `source`: the deploy root. `scale`: of the pixels that simulators render.
    """

    environ: Mapping[str, str]
    ports: Mapping[str, int] = field(default_factory=dict)
    faults: str = ""
    seconds: float = 6.0
    scale: float = 1.0
    source: Path = ROOT / "main.py"
    sweep_every_seconds: float = 60.0
    firestore_memory: str = "256m"
    folder: Path | None = None
    say: Say = lambda _: None


class Stack:
    """Runs from `__enter__` to `__exit__`, which leaves no process behind."""

    def __init__(self, options: StackOptions) -> None:
        self._options = options
        self._closing = ExitStack()
        self._over = threading.Event()
        self._functions: list[Running] = []
        self._parts: dict[str, Running] = {}
        self.vendors: Vendors = choose(options.environ)
        self.project = options.environ.get("GOOGLE_CLOUD_PROJECT") or PROJECT
        self.addresses: dict[str, str] = {}
        self.tasks_control = ""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._over.set()
        self._closing.close()

    def kill(self, function: str) -> None:
        """End a function as a crash does; it is started again within a second."""
        self._functions[FUNCTIONS.index(function)].kill()

    def purge_queues(self) -> None:
        """Every task that waits is lost."""
        with _tasks_client(self.addresses["tasks"]) as client:
            for name in json.loads(QUEUES.read_text()):
                client.purge_queue(name=client.queue_path(self.project, LOCATION, name))

    def send_signal(self, part: str, number: signal.Signals) -> None:
        """To the processes of `part`, which is named as its log: SIGSTOP freezes it."""
        self._parts[part].send_signal(number)

    def invoker_token(self, function: str, account: str) -> str:
        """The OIDC token with which Google's services call a private function."""
        return self._identity.id_token(
            email=self._identity.email(account),
            audience=self.addresses[function],
            now=datetime.now(UTC),
        )

    @property
    def folder(self) -> Path:
        """Where every part of the stack keeps its log, as NAME.log."""
        return self._folder

    def announcement(self) -> dict[str, str]:
        """What `python -m local up` prints."""
        return self.addresses | {"project": self.project, "bucket": BUCKET}

    def _start(self) -> None:
        self._folder = self._options.folder or Path(
            self._closing.enter_context(tempfile.TemporaryDirectory(prefix="reelay-"))
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        self._identity = LocalIdentity.generate(self.project)
        self._identity_server = self._closing.enter_context(
            IdentityServer(self._identity)
        )
        self._keep_keys()
        self._start_emulators()
        self._start_vendors()
        self._start_functions()
        self._watch()

    def _keep_keys(self) -> None:
        self._pem, self._account = self._folder / "key.pem", self._folder / "key.json"
        self._identity.save(self._pem)
        self._identity.write_service_account_file(
            self._account,
            account="functions",
            token_uri=self._identity_server.token_uri,
        )

    def rotate_signing_key(self) -> None:
        """From now on Google's services sign with another key; both are published."""
        rotated = LocalIdentity.generate(self.project)
        pem = self._folder / f"key-{rotated.key_id}.pem"
        rotated.save(pem)
        self._identity_server.publish(rotated)
        url = f"{self.tasks_control}/key"
        requests.post(url, data=str(pem), timeout=10).raise_for_status()
        self._identity = rotated

    def _start_emulators(self) -> None:
        self._options.say("Firestore emulator, Cloud Storage, Cloud Tasks")
        server = folder_server(ROOT / "web", port=self._port("web"))
        web = self.addresses["web"] = self._closing.enter_context(server).url
        storage = self._server(
            "storage",
            "local.emulators.storage",
            *("--folder", str(self._folder / "objects"), "--key", str(self._account)),
            *("--bucket", BUCKET, "--origins", web),
        )
        tasks = self._server(
            "tasks",
            "local.emulators.tasks",
            *("--key", str(self._pem), "--project", self.project),
        )
        self.addresses["firestore"] = self._start_firestore()
        self.addresses["storage"] = storage.announcement()["address"]
        announced = tasks.announcement()
        self.addresses["tasks"] = announced["tasks"]
        self.tasks_control = announced["control"]
        create_queues(self.addresses["tasks"], self.project)

    def _start_firestore(self) -> str:
        """The emulator that the environment names, else one of our own."""
        if given := self._options.environ.get("FIRESTORE_EMULATOR_HOST"):
            return given
        port = self._port("firestore")
        command = firestore.find().command(
            port=port, rules=RULES, memory=self._options.firestore_memory
        )
        running = self._run("firestore", command, os.environ)
        wait_until(answers(f"http://127.0.0.1:{port}/"), running)
        return f"127.0.0.1:{port}"

    def _start_vendors(self) -> None:
        """Simulators for the vendors that are neither real nor somebody else's."""
        asked = self._options
        pace = ("--seconds", str(asked.seconds), "--scale", str(asked.scale))
        common = (*pace, "--cache", "--faults", asked.faults)
        simulated, environment = self.vendors.simulated, dict(self.vendors.environment)
        if simulated:
            self._options.say("simulators of Runway and Google")
        if "RUNWAYML_BASE_URL" in simulated:
            runway = self._server("runway", "local.simulators.runway", *common)
            environment["RUNWAYML_BASE_URL"] = runway.announcement()["address"]
        if simulated & {"GOOGLE_VERTEX_BASE_URL", "GOOGLE_GEMINI_BASE_URL"}:
            storage = ("--storage", self.addresses["storage"])
            google = self._server(
                "google", "local.simulators.google", *common, *storage
            )
            address = google.announcement()["address"]
            for name in simulated - {"RUNWAYML_BASE_URL"}:
                environment[name] = address
        self._vendor_environment = environment
        self.addresses["runway"] = environment.get("RUNWAYML_BASE_URL", "")
        self.addresses["google"] = environment.get(
            "GOOGLE_VERTEX_BASE_URL", environment.get("GOOGLE_GEMINI_BASE_URL", "")
        )

    def _start_functions(self) -> None:
        self._options.say("functions: " + ", ".join(FUNCTIONS))
        ports = {name: self._port(name) for name in FUNCTIONS}
        for name, port in ports.items():
            self.addresses[name] = f"http://127.0.0.1:{port}"
        environment = self._function_environment()
        for name, port in ports.items():
            command = function_command(name, port, self._options.source)
            self._functions.append(self._run(name, command, environment))
        for name, running in zip(FUNCTIONS, self._functions, strict=True):
            wait_until(answers(self.addresses[name] + "/health"), running)

    def _function_environment(self) -> dict[str, str]:
        """What Terraform sets in the cloud, and where the emulators are."""
        ours = {
            "GOOGLE_CLOUD_PROJECT": self.project,
            "BUCKET": BUCKET,
            "ALLOWED_ORIGINS": self.addresses["web"],
            "TASKS_LOCATION": LOCATION,
            "WORKER_URL": self.addresses["worker"],
            "WORKER_AUDIENCE": self.addresses["worker"],
            "SWEEP_AUDIENCE": self.addresses["sweep"],
            "BUDGET_ALERT_AUDIENCE": self.addresses["budget_alert"],
            "TASKS_INVOKER": self._identity.email("tasks-invoker"),
            "SCHEDULER_INVOKER": self._identity.email("scheduler-invoker"),
            "PUBSUB_INVOKER": self._identity.email("pubsub-invoker"),
            "FIRESTORE_EMULATOR_HOST": self.addresses["firestore"],
            "STORAGE_EMULATOR_HOST": self.addresses["storage"],
            "CLOUD_TASKS_EMULATOR_HOST": self.addresses["tasks"],
            "FIREBASE_AUTH_EMULATOR_HOST": self._identity_server.url,
            "SIGNING_CREDENTIALS_FILE": str(self._account),
            "OIDC_CERTS_URL": self._identity_server.certs_url,
            "THREADS": "16",
            "NO_PROXY": "127.0.0.1,localhost",
        }
        if not self.vendors.real:
            ours["GOOGLE_APPLICATION_CREDENTIALS"] = str(self._account)
        inherited = {
            name: value
            for name, value in self._options.environ.items()
            if name not in ADDRESSES and name != "K_SERVICE"
        }
        return inherited | self._vendor_environment | ours

    def _watch(self) -> None:
        """Starts functions again that died, and plays Cloud Scheduler to `sweep`."""
        for work in (self._revive, self._schedule):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._closing.callback(thread.join)
        self._closing.callback(self._over.set)

    def _revive(self) -> None:
        while not self._over.wait(LOOK_EVERY_SECONDS):
            for running in self._functions:
                if running.has_ended and not self._over.is_set():
                    running.restart()

    def _schedule(self) -> None:
        while not self._over.wait(self._options.sweep_every_seconds):
            token = self.invoker_token("sweep", "scheduler-invoker")
            headers = {"Authorization": f"Bearer {token}"}
            try:
                requests.post(self.addresses["sweep"], headers=headers, timeout=60)
            except requests.RequestException as error:
                self._options.say(f"sweep was not reached: {type(error).__name__}")

    def _port(self, name: str) -> int:
        return self._options.ports.get(name) or free_port()

    def _server(self, name: str, module: str, *arguments: str) -> Running:
        """A server of ours, which prints one JSON line when it is ready."""
        port = ("--port", str(self._port(name)))
        command = python(module, *port, *arguments)
        return self._run(name, command, os.environ, announces=True)

    def _run(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        *,
        announces: bool = False,
    ) -> Running:
        program = Program(
            name=name,
            command=command,
            environment=dict(environment) | {"PYTHONPATH": str(ROOT)},
            log=self._folder / f"{name}.log",
        )
        running = self._parts[name] = Running(program, announces=announces)
        self._closing.callback(running.end)
        return running


def function_command(target: str, port: int, root: Path) -> list[str]:
    """As the buildpack starts it, beside the Python that runs us."""
    framework = str(Path(sys.executable).with_name("functions-framework"))
    source = ("--source", str(root))
    where = ("--host", "127.0.0.1", "--port", str(port))
    return [framework, "--target", target, *source, *where]


@contextmanager
def _tasks_client(address: str) -> Iterator[Any]:
    with grpc.insecure_channel(address) as channel:
        transport = CloudTasksGrpcTransport(channel=channel)
        yield tasks_v2.CloudTasksClient(transport=transport)


def create_queues(address: str, project: str) -> None:
    """The queues as Terraform makes them, from the same file."""
    with _tasks_client(address) as client:
        parent = f"projects/{project}/locations/{LOCATION}"
        for name, asked in json.loads(QUEUES.read_text()).items():
            queue = _queue(f"{parent}/queues/{name}", asked)
            client.create_queue(parent=parent, queue=queue)


def _queue(name: str, asked: Mapping[str, Any]) -> tasks_v2.Queue:
    return tasks_v2.Queue(
        name=name,
        rate_limits=tasks_v2.RateLimits(
            max_dispatches_per_second=asked["max_dispatches_per_second"],
            max_concurrent_dispatches=asked["max_concurrent_dispatches"],
        ),
        retry_config=tasks_v2.RetryConfig(
            max_attempts=asked["max_attempts"],
            min_backoff=timedelta(seconds=asked["min_backoff_seconds"]),
            max_backoff=timedelta(seconds=asked["max_backoff_seconds"]),
            max_doublings=asked["max_doublings"],
        ),
    )

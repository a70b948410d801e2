"""The local stack: starts all parts of Reelay on one machine, dependencies first.

Everything binds 127.0.0.1. The functions run as in the cloud, by functions-framework,
and are restarted when they die.
"""

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

import requests

from local import functions
from local.blocked_ports import reserve_blocked_port
from local.emulators import firestore
from local.emulators.firestore_guard import firestore_guard
from local.functions import BUCKET, FUNCTIONS
from local.identity import LocalIdentity
from local.identity_server import IdentityServer
from local.money import EMULATOR, money_notice, spending_limits
from local.page import Page
from local.processes import (
    DidNotStart,
    RunningProcess,
    answers,
    free_port,
    python,
    require_distinct,
    require_free,
    uninterrupted,
    wait_until,
)
from local.upkeep import revive, schedule
from local.vendors import ADDRESSES, Vendors, addresses_of_vendors, choose
from local.wrong_settings import wrong_settings
from ops import npm
from ops.webhooks import SIGNING_SECRET

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "demo-reelay"
RULES = ROOT / "infra" / "firestore.rules"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """`ports`: by part; a free one for a part that is missing or 0.

    `source`: the deploy root. `frames_per_second`: of the simulators' videos. `folder`:
    state that an earlier run saved there is restored. `live_page`: whether the page
    is rebuilt as its sources change, instead of being served as built.
    """

    environ: Mapping[str, str]
    ports: Mapping[str, int] = field(default_factory=dict)
    faults: str = ""
    seconds: float = 6.0
    frames_per_second: int = 24
    source: Path = ROOT / "local" / "entry.py"
    sweep_every_seconds: float = 60.0
    firestore_memory: str = "256m"
    folder: Path | None = None
    live_page: bool = False
    say: Say = lambda _: None


class Stack:
    """Runs within its `with` block, which leaves no process behind.

    Each part logs to `folder`/NAME.log.
    """

    folder: Path

    def __init__(self, options: StackOptions) -> None:
        """Raises DidNotStart if a setting is wrong."""
        if wrong := wrong_settings(options.environ):
            raise DidNotStart(wrong)
        self._options = options
        self._closing = ExitStack()
        self._stopping = threading.Event()
        self._parts: dict[str, RunningProcess] = {}
        self.vendors: Vendors = choose(options.environ)
        self.project = options.environ.get("GOOGLE_CLOUD_PROJECT") or PROJECT
        self.addresses: dict[str, str] = {}
        self.tasks_control = ""
        self.firestore = ""  # the emulator itself; its address is the guard's

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        with uninterrupted():
            self._stopping.set()
            self._closing.close()

    def kill(self, function: str) -> None:
        """Kill a function as a crash would; it is restarted within a second."""
        self._parts[function].kill()

    def purge_queues(self) -> None:
        """Lose every waiting task."""
        url = f"{self.tasks_control}/purge"
        requests.post(url, timeout=10).raise_for_status()

    def send_signal(self, part: str, number: signal.Signals) -> None:
        """Signal the processes of `part`, named like its log; SIGSTOP freezes it."""
        self._parts[part].send_signal(number)

    def invoker_token(self, function: str, account: str) -> str:
        """The OIDC token with which Google's services call a private function."""
        return self._identity.id_token(
            email=self._identity.email(account), audience=self.addresses[function]
        )

    @property
    def money(self) -> str:
        """One line on whether real money is spent, and at most how much."""
        return money_notice(self._options.environ, self.vendors)

    def announcement(self) -> dict[str, str]:
        """What `python -m local up` prints: addresses by part, project and bucket."""
        return self.addresses | {"project": self.project, "bucket": BUCKET}

    def save(self) -> None:
        """Save what Firestore holds into `folder`, where the objects are anyway."""
        firestore.export(self.firestore, self.project, self.folder)

    def _start(self) -> None:
        require_distinct(self._options.ports)
        for name, port in self._options.ports.items():
            require_free(name, port)
        self.folder = self._options.folder or Path(
            self._closing.enter_context(tempfile.TemporaryDirectory(prefix="reelay-"))
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._identity = LocalIdentity.of_checkout(self.project)
        self._identity_server = self._closing.enter_context(
            IdentityServer(self._identity)
        )
        self._write_keys()
        self._start_emulators()
        self._start_vendors()
        self._end_together(self._parts)
        self._start_functions()
        self._end_together(FUNCTIONS)
        self._start_page()
        self._start_upkeep()

    def _end_together(self, names: Iterable[str]) -> None:
        """Ask these parts to end before waiting for any of them: ten take seconds."""
        for name in names:
            part = self._parts[name]
            self._closing.callback(part.send_signal, signal.SIGTERM)

    def _write_keys(self) -> None:
        self._pem, self._account = self.folder / "key.pem", self.folder / "key.json"
        self._identity.save(self._pem)
        self._identity.write_service_account_file(
            self._account,
            account="functions",
            token_uri=self._identity_server.token_uri,
        )

    def rotate_signing_key(self) -> None:
        """Have Google's services sign with a new key; both keys are published."""
        rotated = LocalIdentity.generate(self.project)
        pem = self.folder / f"key-{rotated.key_id}.pem"
        rotated.save(pem)
        self._identity_server.publish(rotated)
        url = f"{self.tasks_control}/key"
        requests.post(url, data=str(pem), timeout=10).raise_for_status()
        self._identity = rotated

    def _start_emulators(self) -> None:
        self._options.say("Firestore emulator, Cloud Storage, Cloud Tasks")
        web = self.addresses["web"] = f"http://127.0.0.1:{self._port('web')}"
        self._origins = functions.origins(web, self._options.environ)
        storage = self._server(
            "storage",
            "local.emulators.storage",
            *("--folder", str(self.folder / "objects"), "--key", str(self._account)),
            *("--origins", *self._origins),
        )
        tasks = self._server(
            "tasks",
            "local.emulators.tasks",
            *("--key", str(self._pem), "--project", self.project),
        )
        self._start_firestore()
        self.addresses["storage"] = storage.announcement()["address"]
        announced = tasks.announcement()
        self.addresses["tasks"] = announced["tasks"]
        self.tasks_control = announced["control"]

    def _start_firestore(self) -> None:
        """Start a guard before the emulator in the environment, or before our own.

        Web pages reach only the guard: our emulator uses ports that browsers block.
        """
        given = self._options.environ.get(EMULATOR)
        if given and not answers(f"http://{given}/", seconds=10)():
            raise DidNotStart(f"{EMULATOR}: no emulator answers at {given}.")
        self.firestore = given or self._run_firestore()
        port, origins = self._port("firestore"), self._origins
        guard = firestore_guard(self.firestore, origins=origins, port=port)
        guarded = self._closing.enter_context(guard)
        self.addresses["firestore"] = f"127.0.0.1:{guarded.port}"

    def _run_firestore(self) -> str:
        running = firestore.running(
            rules=RULES,
            memory=self._options.firestore_memory,
            log=self.folder / "firestore.log",
            saved=firestore.exported_to(self.folder),
            port=reserve_blocked_port(self._closing),
            channel_port=reserve_blocked_port(self._closing),
        )
        with uninterrupted():
            address, process = self._closing.enter_context(running)
        self._parts["firestore"] = process
        firestore.wait_until_ready(address, process)
        return address

    def _start_vendors(self) -> None:
        """Start simulators for vendors that are neither real nor at a given address."""
        options, vendors = self._options, self.vendors
        if vendors.simulated:
            options.say("simulators of Runway and Google")
        flags = ["--seconds", str(options.seconds), "--faults", options.faults]
        flags += ["--frames-per-second", str(options.frames_per_second)]
        where = dict(vendors.environment)
        for name, variables in vendors.simulators().items():
            storage = ["--storage", self.addresses["storage"]]
            more = storage if name == "google" else []
            server = self._server(name, "local.simulators", name, *flags, *more)
            address = server.announcement()["address"]
            where |= dict.fromkeys(variables, address)
        self._vendor_environment = where
        self.addresses |= addresses_of_vendors(where)

    def _start_functions(self) -> None:
        self._options.say("functions: " + ", ".join(FUNCTIONS))
        ports = {name: self._port(name) for name in FUNCTIONS}
        for name, port in ports.items():
            self.addresses[name] = f"http://127.0.0.1:{port}"
        environment = self._function_environment()
        for name, port in ports.items():
            command = functions.command(name, port, self._options.source)
            self._run(name, command, environment)
        for name in FUNCTIONS:
            wait_until(answers(self.addresses[name] + "/health"), self._parts[name])

    def _function_environment(self) -> dict[str, str]:
        ours = functions.environment(
            addresses=self.addresses,
            firestore=self.firestore,
            origins=self._origins,
            identity=self._identity,
            identity_server=self._identity_server,
            account=self._account,
        )
        environ = self._options.environ
        if not self.vendors.real:
            ours["GOOGLE_APPLICATION_CREDENTIALS"] = str(self._account)
        names = environ.keys() - {*ADDRESSES, "K_SERVICE"}
        inherited = {name: environ[name] for name in names}
        limits = spending_limits(environ, self.vendors)
        signing = {SIGNING_SECRET: self._identity.signing_secret}
        return signing | inherited | limits | self._vendor_environment | ours

    def _start_page(self) -> None:
        """Started last, as its configuration has the other parts' addresses."""
        page = Page(
            project=self.project,
            addresses=self.addresses,
            folder=npm.DIST,
            simulated=self.vendors.nothing_is_paid,
        )
        web = self.addresses["web"]
        port = int(web.rpartition(":")[2])
        if not self._options.live_page:
            self._closing.enter_context(page.server(port=port))
            return
        self._options.say("the web page")
        behind = self._closing.enter_context(page.server(origins=self._origins))
        environment = os.environ | {"REELAY_PAGE": behind.url}
        vite = self._run("vite", npm.live_command(port), environment)
        wait_until(answers(web), vite)

    def _start_upkeep(self) -> None:
        """Restart functions that died, and call `sweep` as Cloud Scheduler does."""
        sweeping = partial(
            schedule,
            self.addresses["sweep"],
            lambda: self.invoker_token("sweep", "scheduler-invoker"),
            every_seconds=self._options.sweep_every_seconds,
            stopping=self._stopping,
        )
        started = [self._parts[name] for name in FUNCTIONS]
        for work in (partial(revive, started, self._stopping), sweeping):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._closing.callback(thread.join)
        self._closing.callback(self._stopping.set)

    def _port(self, name: str) -> int:
        return self._options.ports.get(name) or free_port()

    def _server(self, name: str, module: str, *arguments: str) -> RunningProcess:
        """Start one of our servers, which announces itself with a JSON line.

        It finds a free port itself: one found here could be taken before it starts.
        """
        port = ("--port", str(self._options.ports.get(name, 0)))
        command = python(module, *port, *arguments)
        return self._run(name, command, os.environ, announces=True)

    def _run(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        *,
        announces: bool = False,
    ) -> RunningProcess:
        with uninterrupted():  # or the process would be left behind
            running = self._parts[name] = RunningProcess(
                command,
                environment=dict(environment) | {"PYTHONPATH": str(ROOT)},
                log=self.folder / f"{name}.log",
                announces=announces,
            )
            self._closing.callback(running.end)
        return running

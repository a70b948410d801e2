"""The test rig of the bench: emulators, and functions that run as in the cloud."""

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from local import functions
from local.emulators.firestore import running, wait_until_ready
from local.emulators.tasks import create_task_server
from local.identity import LocalIdentity
from local.identity_server import IdentityServer
from local.money import EMULATOR
from local.processes import RunningProcess, answers, free_port, wait_until
from local.stack import ROOT

OURS, BARE = ROOT / "main.py", ROOT / "local" / "bench" / "bare.py"
NO_LIMIT = "9999999"
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Function:
    """A function that answers at `address`."""

    address: str
    process: RunningProcess

    def connection(self) -> HTTPConnection:
        return HTTPConnection(urlsplit(self.address).netloc, timeout=60)

    def cpu_seconds(self) -> float:
        """CPU time of the server and its worker so far."""
        return sum(sum(each.cpu_times()[:2]) for each in self.processes())

    def resident_mb(self) -> float:
        """Resident memory of the process that handles the requests."""
        sizes = (each.memory_info().rss for each in self.processes())
        return max(sizes) / 1e6

    def processes(self) -> list[psutil.Process]:
        server = psutil.Process(self.process.pid)
        return [server, *server.children(recursive=True)]


class Rig:
    """Firestore's emulator, a queue that delivers nothing, and a signer of tokens."""

    def __init__(
        self, firestore: str, tasks: str, identity: IdentityServer, folder: Path
    ) -> None:
        self.firestore, self._tasks = firestore, tasks
        self._identity_server, self.folder = identity, folder
        self.python = deployed_python()
        self.project = f"bench-{uuid.uuid4().hex[:8]}"
        self._identity = LocalIdentity.of_checkout(self.project)
        self.key_file = self.folder / "key.json"
        self._identity.write_service_account_file(
            self.key_file, account="functions", token_uri=identity.token_uri
        )
        self.pem_file = self.folder / "key.pem"
        self._identity.save(self.pem_file)
        self.invoker = self._identity.email("tasks-invoker")

    def token(self, user: str) -> str:
        return self._identity.user_token(user)

    def invoker_token(self) -> str:
        """The OIDC token of a task for the worker."""
        return self._identity.id_token(email=self.invoker, audience=NOWHERE)

    @contextmanager
    def function(
        self,
        target: str,
        source: Path,
        environ: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        waits: bool = True,
    ) -> Iterator[Function]:
        """A function that runs until the block ends.

        `environ` is added to what Terraform would set. `waits`: until it answers.
        """
        port = port or free_port()
        with RunningProcess(
            functions.command(target, port, source, self.python),
            environment=self.environment() | dict(environ or {}),
            log=self.folder / f"{target}.{source.stem}.log",
        ) as process:
            function = Function(f"http://127.0.0.1:{port}", process)
            if waits:
                wait_until(answers(f"{function.address}/health"), process)
            yield function

    def environment(self) -> dict[str, str]:
        where = dict.fromkeys(("worker", "sweep", "budget_alert", "storage"), NOWHERE)
        limits = ("USER_MAX_JOBS", "USER_MAX_JOBS_PER_MINUTE")
        caps = ("DAILY_LIMIT_USD", "MONTHLY_LIMIT_USD")
        more = ("USER_REQUESTS_PER_SECOND", *(f"USER_{cap}" for cap in caps))
        return (
            {name: os.environ[name] for name in ("PATH", "HOME")}
            | {"PYTHONPATH": str(ROOT)}
            | dict.fromkeys((*limits, *caps, *more), NO_LIMIT)
            | {"GOOGLE_APPLICATION_CREDENTIALS": str(self.key_file)}
            | functions.environment(
                addresses=where | {"tasks": self._tasks},
                firestore=self.firestore,
                origins=(),
                identity=self._identity,
                identity_server=self._identity_server,
                account=self.key_file,
            )
        )


def deployed_python() -> Path:
    """The Python of an environment that has only what is deployed.

    Otherwise libraries load our tools if they find them: structlog, for example, all
    of rich.
    """
    place, uv = ROOT / ".local" / "deployed", (sys.executable, "-m", "uv")
    python, locked = place / "bin" / "python", ROOT / "requirements.txt"
    if not python.exists():
        make = ("venv", "--quiet", "--python", sys.executable, str(place))
        subprocess.run([*uv, *make], check=True)
    sync = ("pip", "sync", "--quiet", "--require-hashes", "--python", str(python))
    subprocess.run([*uv, *sync, str(locked)], check=True)
    return python


@contextmanager
def start_rig() -> Iterator[Rig]:
    with ExitStack() as stack:
        # It delivers none: what follows a request isn't measured.
        made = tempfile.TemporaryDirectory(prefix="reelay-bench-")
        folder = Path(stack.enter_context(made))
        tasks = stack.enter_context(create_task_server(lambda request, _: request.task))
        firestore = stack.enter_context(_emulator(folder / "firestore.log"))
        identity = LocalIdentity.of_checkout("bench")
        server = stack.enter_context(IdentityServer(identity))
        yield Rig(firestore, tasks, server, folder)


@contextmanager
def _emulator(log: Path) -> Iterator[str]:
    """host:port of the emulator that is set, else of one within the block."""
    if host := os.environ.get(EMULATOR):
        yield host
        return
    with running(memory="1g", log=log, lives_long=True) as (host, process):
        wait_until_ready(host, process)
        os.environ[EMULATOR] = host
        try:
            yield host
        finally:
            del os.environ[EMULATOR]

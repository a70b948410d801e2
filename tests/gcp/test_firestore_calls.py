"""Calls of Firestore: each ends in time, and says what may have happened."""

import ast
import importlib
import inspect
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from functions.http.router import CALL_SECONDS
from shared.domain.circuit import Circuit
from shared.domain.errors import CommitUncertain, LostRace, ReelayError, Unreachable
from shared.domain.kill_switch import Switch
from shared.domain.ledger import Caps, Limits
from shared.domain.observed_prices import ObservedPrices
from shared.domain.poll_plan import TaskTimes
from shared.gcp import firestore_calls
from shared.gcp.firestore_calls import CallLimits, Database
from shared.gcp.firestore_circuits import FirestoreCircuits
from shared.gcp.firestore_idempotency import FirestoreIdempotency
from shared.gcp.firestore_job_queries import FirestoreJobQueries
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_keys import FirestoreKeys
from shared.gcp.firestore_ledger import FirestoreLedger
from shared.gcp.firestore_prices import FirestorePrices
from shared.gcp.firestore_provider_reports import FirestoreProviderReports
from shared.gcp.firestore_quotas import FirestoreQuotas
from shared.gcp.firestore_reports import FirestoreUsage, LedgerAuditReader
from shared.gcp.firestore_switch import FirestoreSwitch
from shared.gcp.firestore_task_times import FirestoreTaskTimes
from shared.ports.store import IdempotencyRecord, Versioned
from shared.request_time import limited_to
from tests.domain.examples import NOON, a_job, a_new_job
from tests.gcp.test_firestore_keys import a_key

GCP = Path(firestore_calls.__file__).parent
SHORT = CallLimits(read_try=0.1, total=0.3)
# Long enough for more than one answer on a busy machine.
QUICK = CallLimits(read_try=5.0, total=1.0)
CAPPED = Limits(everybody=Caps(daily_usd=a_new_job().hold_usd))
SEEN: Versioned[Any] = Versioned(value=a_new_job(), token=NOON)
RECORD = IdempotencyRecord(name="k", job_id="a", body_sha256="x", expires_at=NOON)
# Every call of every adapter, by class and method.
CALLS: dict[type, dict[str, tuple[Any, ...]]] = {
    FirestoreJobs: {
        "create": (a_new_job(),),
        "read": ("job1",),
        "commit": (SEEN, a_job()),
        "abandon": ("job1", NOON),
        "delete": (SEEN,),
    },
    FirestoreJobQueries: {
        "overdue": (NOON,),
        "overdue_webhooks": (NOON,),
        "page": ("ann",),
        "is_image_of_others": ("ann", "up1", "job1"),
    },
    FirestoreIdempotency: {
        "get": ("k",),
        "mark_consumed": (Versioned(value=RECORD, token=NOON),),
    },
    FirestoreQuotas: {
        "check_room": (a_new_job(),),
        "count_upload": ("ann", NOON),
        "book_translation": ("ann", Decimal("0.01"), NOON, "request"),
        "release_translation": ("ann", Decimal("0.01"), NOON, "request"),
    },
    FirestoreCircuits: {
        "read": (["vendor.runway"],),
        "commit": (
            [(Versioned(value=Circuit(key="k"), token=None), Circuit(key="k"))],
        ),
    },
    FirestoreSwitch: {
        "read": (),
        "commit": (Versioned(value=Switch(), token=None), Switch()),
    },
    FirestoreKeys: {
        "find": ("a" * 64,),
        "with_id": ("a" * 12,),
        "add": (a_key("a"),),
        "all": (),
        "revoke": (a_key("a"), NOON),
    },
    FirestorePrices: {
        "read": (),
        "commit": (Versioned(value=ObservedPrices(), token=None), ObservedPrices()),
    },
    FirestoreTaskTimes: {
        "read": (),
        "commit": (Versioned(value=TaskTimes(), token=None), TaskTimes()),
    },
    FirestoreProviderReports: {"read": (), "write": (frozenset(),)},
    FirestoreUsage: {"usage": (["all.2026-11"],), "spend": (["all.2026-11"],)},
    LedgerAuditReader: {"read": (NOON, ["all.2026-11"])},
}
MADE_WITH: dict[type, tuple[Any, ...]] = {
    FirestoreQuotas: (CAPPED,),
    FirestoreUsage: (1,),
    LedgerAuditReader: (1,),
}
NAMED: dict[str, dict[str, Any]] = {
    "overdue": {"most": 1},
    "overdue_webhooks": {"most": 1},
    "page": {"status": None, "after": None, "most": 1},
}
# What only adds to a batch; its reads are those of `create`, `commit` and quotas.
SENDS_NOTHING = {
    (FirestoreIdempotency, "add"),
    *(
        (FirestoreLedger, name)
        for name in (
            *("turn", "knows", "added", "doubt"),
            "add",
            "add_new",
            "add_raw",
            "add_translation",
            "add_upload",
            "release",
        )
    ),
}
METHODS = [(kind, name) for kind, calls in CALLS.items() for name in calls]


@pytest.fixture(scope="module")
def silent() -> Iterator[firestore.Client]:
    """A client of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        with pytest.MonkeyPatch.context() as patch:
            port = listening.getsockname()[1]
            patch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
            client = firestore.Client(
                project="silent", credentials=AnonymousCredentials()
            )
        yield client
        client.close()  # Google's


def adapter(kind: type, database: Database) -> Any:
    return kind(database, *MADE_WITH.get(kind, ()))


@pytest.mark.parametrize(("kind", "name"), METHODS, ids=str)
def test_a_silent_firestore_ends_every_call(
    silent: firestore.Client, kind: type, name: str
) -> None:
    call = getattr(adapter(kind, Database(silent, SHORT)), name)

    with pytest.raises((Unreachable, CommitUncertain)):
        call(*CALLS[kind][name], **NAMED.get(name, {}))


def test_no_call_of_an_adapter_is_missing_here() -> None:
    adapters = {
        (kind, name)
        for file in GCP.glob("firestore_*.py")
        for _, kind in inspect.getmembers(
            importlib.import_module(f"shared.gcp.{file.stem}"), inspect.isclass
        )
        if "(self, database: " in str(inspect.signature(kind.__init__))
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }

    assert adapters - SENDS_NOTHING == set(METHODS)


def test_firestore_is_called_in_one_file_and_with_limits() -> None:
    """All other files ask `Database`, which passes them on."""
    remote = [
        (file.name, call)
        for file in GCP.glob("firestore_*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and is_remote(call)
    ]

    assert len(remote) == 4
    for name, call in remote:
        assert name == "firestore_calls.py", ast.unparse(call)
        given = {keyword.arg for keyword in call.keywords}
        is_ours = ast.unparse(call.func).startswith("self._wire.")
        assert {"timeout"} | (set() if is_ours else {"retry"}) <= given


def is_remote(call: ast.Call) -> bool:
    """Whether the library would send something: `get` with a name is a dict's."""
    if not isinstance(call.func, ast.Attribute):
        return False
    owner, name = ast.unparse(call.func.value), call.func.attr
    if owner == "self" or owner.endswith(("database", "batch")):
        return False
    if owner == "self._wire":
        return name != "name"
    is_read = name == "get" and not call.args
    writes = name in ("set", "create", "update", "delete")
    return is_read or writes or name in ("get_all", "stream", "commit")


READ_AGAIN = {exceptions.ServiceUnavailable, exceptions.DeadlineExceeded}
LOST = (
    exceptions.AlreadyExists,
    exceptions.FailedPrecondition,
    exceptions.NotFound,
    exceptions.Aborted,
)
REFUSED = (
    exceptions.PermissionDenied,
    exceptions.Unauthenticated,
    exceptions.InvalidArgument,
)
OPEN = (
    exceptions.ServiceUnavailable,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.Unknown,
    exceptions.Cancelled,
    exceptions.TooManyRequests,
)


@dataclass(slots=True)
class Failing:
    """A Firestore whose every answer is `error`; the first may be `first` instead."""

    error: type[exceptions.GoogleAPICallError] = exceptions.InternalServerError
    first: type[exceptions.GoogleAPICallError] | None = None
    remaining_seconds: list[float] = field(default_factory=list)

    @property
    def tries(self) -> int:
        return len(self.remaining_seconds)

    def answer(self, _request: bytes, context: Any) -> Any:
        error = self.first if self.first and not self.tries else self.error
        self.remaining_seconds.append(context.time_remaining())
        context.abort(error.grpc_status_code, "staged")


@pytest.fixture
def failing() -> Failing:
    return Failing()


@pytest.fixture
def client(
    failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> Iterator[firestore.Client]:
    one = grpc.unary_unary_rpc_method_handler(failing.answer)
    many = grpc.unary_stream_rpc_method_handler(failing.answer)
    methods = {"Commit": one, "BatchGetDocuments": many, "RunQuery": many}
    service = "google.firestore.v1.Firestore"
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        handler = grpc.method_handlers_generic_handler(service, methods)
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
        made = firestore.Client(project="failing", credentials=AnonymousCredentials())
        channel = made._firestore_api.transport.grpc_channel
        grpc.channel_ready_future(channel).result(timeout=30)
        yield made
        made.close()  # Google's
        server.stop(grace=None).wait()


@pytest.mark.parametrize(
    ("error", "expected"),
    [(e, LostRace) for e in LOST]
    + [(e, Unreachable) for e in REFUSED]
    + [(e, CommitUncertain) for e in OPEN],
)
def test_an_error_of_a_commit_says_what_may_have_happened(
    client: firestore.Client,
    failing: Failing,
    error: type[exceptions.GoogleAPICallError],
    expected: type[ReelayError],
) -> None:
    failing.error = error

    with pytest.raises(expected):
        Database(client, QUICK).batch().commit()

    # Resent only where the connection failed: never because time ran out.
    assert (failing.tries > 1) == (error is exceptions.ServiceUnavailable)


@pytest.mark.parametrize("error", [*LOST, *REFUSED, *OPEN])
def test_a_read_that_fails_is_unreachable_whatever_the_error(
    client: firestore.Client,
    failing: Failing,
    error: type[exceptions.GoogleAPICallError],
) -> None:
    failing.error = error
    database = Database(client, QUICK)
    cat = database.document("animals", "cat")

    for read in (
        lambda: database.get(cat),
        lambda: database.query(database.collection("animals")),
        lambda: database.overwrite(cat, {}),
    ):
        failing.remaining_seconds.clear()
        with pytest.raises(Unreachable):
            read()
        assert (failing.tries > 1) == (error in READ_AGAIN)


@pytest.mark.parametrize("error", LOST)
def test_a_commit_that_was_sent_twice_is_never_called_a_lost_race(
    client: firestore.Client,
    failing: Failing,
    error: type[exceptions.GoogleAPICallError],
) -> None:
    """Its first sending may hold: only its answer is known to be lost."""
    failing.first, failing.error = exceptions.ServiceUnavailable, error

    with pytest.raises(CommitUncertain):
        Database(client, QUICK).batch().commit()


def test_a_commit_that_could_hold_twice_is_sent_once(
    client: firestore.Client, failing: Failing
) -> None:
    quotas = FirestoreQuotas(Database(client, QUICK), Limits())
    failing.error = exceptions.ServiceUnavailable

    with pytest.raises(CommitUncertain):
        quotas.release_translation("ann", Decimal("0.01"), NOON, "request")

    assert failing.tries == 1


def test_nothing_is_sent_once_the_requests_time_is_up(
    client: firestore.Client, failing: Failing
) -> None:
    database = Database(client)
    cat = database.document("animals", "cat")

    with limited_to(0):
        for call in (lambda: database.get(cat), lambda: database.batch().commit()):
            with pytest.raises(Unreachable):
                call()

    assert failing.tries == 0


def test_a_commit_gets_no_more_than_what_is_left_of_its_request(
    client: firestore.Client, failing: Failing
) -> None:
    for seconds in (5, 60):
        with limited_to(seconds), pytest.raises(CommitUncertain):
            Database(client).batch().commit()

    short, long = failing.remaining_seconds
    assert short < 6 < long < CallLimits().total + 1


def test_a_silent_firestore_is_a_503_within_15_seconds() -> None:
    """Of a request, however many calls it makes: the last read may begin at its end."""
    assert CALL_SECONDS + CallLimits().read_try <= 15

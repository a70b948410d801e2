"""Calls to Firestore: each ends in time, and its error says what may have happened."""

import ast
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import grpc
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from functions.http.router import CALL_SECONDS
from shared.domain.errors import CommitUncertain, LostRace, ReelayError, Unreachable
from shared.domain.ledger import Limits
from shared.gcp import firestore_calls
from shared.gcp.firestore_calls import CallLimits, Database
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_quotas import FirestoreQuotas
from shared.request_time import limited_to
from tests.domain.examples import NOON

GCP = Path(firestore_calls.__file__).parent
SHORT = CallLimits(read_try=0.1, total=0.3)
PATIENT = CallLimits(read_try=60.0, total=60.0)
# All calls that adapters make; a test below shows that only `Database` sends anything.
CALLS: dict[str, Callable[[Database], object]] = {
    "get": lambda database: database.get(database.document("animals", "cat")),
    "get_all": lambda database: database.get_all([database.document("animals", "cat")]),
    "query": lambda database: database.query(database.collection("animals")),
    "overwrite": lambda database: database.overwrite(
        database.document("animals", "cat"), {}
    ),
    "commit": lambda database: database.batch().commit(),
}


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


@pytest.mark.parametrize("name", CALLS)
def test_a_silent_firestore_ends_every_call(
    silent: firestore.Client, name: str
) -> None:
    with pytest.raises((Unreachable, CommitUncertain)):
        CALLS[name](Database(silent, SHORT))


def test_firestore_is_called_in_only_one_file_and_with_limits() -> None:
    """All other files go through `Database`, which sets the limits."""
    remote = [
        (file.name, call)
        for file in GCP.glob("firestore_*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and is_remote(call)
    ]

    assert len(remote) == 5
    for name, call in remote:
        assert name == "firestore_calls.py", ast.unparse(call)
        given = {keyword.arg for keyword in call.keywords}
        is_ours = ast.unparse(call.func).startswith("self._wire.")
        assert {"timeout"} | (set() if is_ours else {"retry"}) <= given


def is_remote(call: ast.Call) -> bool:
    """Whether the call sends something; `get` with a name is a dict's."""
    if not isinstance(call.func, ast.Attribute):
        return False
    owner, name = ast.unparse(call.func.value), call.func.attr
    if owner in ("self", "wire") or owner.endswith(("database", "batch")):
        return False
    if owner == "self._wire":
        return name not in ("name", "new_commit")
    is_read = name == "get" and not call.args
    writes = name in ("set", "create", "update", "delete")
    lists = ("stream", "list_documents", "documents", "collections", "on_snapshot")
    return is_read or writes or name in ("get_all", "commit", *lists)


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
    """A Firestore that answers the first call with `error`, and others with `then`."""

    error: type[exceptions.GoogleAPICallError] = exceptions.InternalServerError
    then: type[exceptions.GoogleAPICallError] = exceptions.PermissionDenied
    remaining_seconds: list[float] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def tries(self) -> int:
        return len(self.remaining_seconds)

    def answer(self, _request: bytes, context: Any) -> Any:
        error = self.then if self.tries else self.error
        self.remaining_seconds.append(context.time_remaining())
        self.metadata = dict(context.invocation_metadata())
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
    methods = {"Commit": one, "GetDocument": one}
    methods |= {"BatchGetDocuments": many, "RunQuery": many}
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
        grpc.channel_ready_future(channel).result(timeout=100)
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
        Database(client, PATIENT).batch().commit()

    # Resent only if the connection failed, never because time ran out.
    assert failing.tries == (2 if error is exceptions.ServiceUnavailable else 1)


@pytest.mark.parametrize("error", [*LOST, *REFUSED, *OPEN])
def test_a_failed_read_is_unreachable_whatever_the_error(
    client: firestore.Client,
    failing: Failing,
    error: type[exceptions.GoogleAPICallError],
) -> None:
    failing.error = error
    # To `get`, a document that is not found is missing: see below.
    get = () if error is exceptions.NotFound else ("get",)

    for read in (*get, "get_all", "query", "overwrite"):
        failing.remaining_seconds.clear()
        with pytest.raises(Unreachable):
            CALLS[read](Database(client, PATIENT))
        assert failing.tries == (2 if error in READ_AGAIN else 1)


def test_a_document_that_is_not_found_is_missing_after_one_read(
    client: firestore.Client, failing: Failing
) -> None:
    failing.error = exceptions.NotFound
    database = Database(client, PATIENT)

    assert not database.get(database.document("animals", "cat")).exists
    assert failing.tries == 1


def test_a_job_is_not_taken_for_deleted_where_its_database_may_be_missing(
    client: firestore.Client, failing: Failing
) -> None:
    """Its paid task would be cancelled, and its objects would be deleted."""
    failing.error = exceptions.NotFound

    with pytest.raises(Unreachable):
        FirestoreJobs(Database(client, PATIENT)).read("job1")


@pytest.mark.parametrize("error", [*LOST, *REFUSED])
def test_a_commit_that_was_sent_twice_is_uncertain_whatever_the_second_answer(
    client: firestore.Client,
    failing: Failing,
    error: type[exceptions.GoogleAPICallError],
) -> None:
    """The first one may have taken effect: only its answer is known to be lost."""
    failing.error, failing.then = exceptions.ServiceUnavailable, error

    with pytest.raises(CommitUncertain):
        Database(client, PATIENT).batch().commit()


def test_a_closed_connection_is_an_outage(client: firestore.Client) -> None:
    """gRPC raises ValueError. An answer that is paid for must still be kept."""
    client._firestore_api.transport.grpc_channel.close()

    with pytest.raises(Unreachable):
        CALLS["get_all"](Database(client))
    with pytest.raises(CommitUncertain):
        CALLS["commit"](Database(client))


def test_a_commit_that_is_not_idempotent_is_sent_once(
    client: firestore.Client, failing: Failing
) -> None:
    quotas = FirestoreQuotas(Database(client, PATIENT), Limits())
    failing.error = exceptions.ServiceUnavailable

    with pytest.raises(CommitUncertain):
        quotas.release_translation("ann", Decimal("0.01"), NOON, "request")

    assert failing.tries == 1


DATABASE = "projects/failing/databases/(default)"


@pytest.mark.parametrize(
    ("name", "routing"),
    [
        ("get", f"name={DATABASE}/documents/animals/cat"),
        ("get_all", f"database={DATABASE}"),
        ("overwrite", f"database={DATABASE}"),
        ("commit", f"database={DATABASE}"),
    ],
)
def test_each_call_names_its_database_and_its_client(
    client: firestore.Client, failing: Failing, name: str, routing: str
) -> None:
    """Google uses the first for routing, the others for billing and support."""
    failing.error = exceptions.PermissionDenied

    with pytest.raises(Unreachable):
        CALLS[name](Database(client, PATIENT))

    assert failing.metadata["google-cloud-resource-prefix"] == DATABASE
    assert unquote(failing.metadata["x-goog-request-params"]) == routing
    assert "grpc/" in failing.metadata["x-goog-api-client"]


def test_writes_that_are_cut_are_neither_sent_nor_reported(database: Database) -> None:
    cat, dog = (database.document("animals", name) for name in ("cat", "dog"))
    batch = database.batch()
    batch.change(database.get(cat), {"lives": 9})
    batch.put(dog, {"lives": 1}, None)
    assert batch.size == 2

    batch.cut(1)
    batch.commit()

    assert batch.written == [database.get(cat)]
    assert not database.get(dog).exists


def test_nothing_is_sent_once_the_requests_time_is_up(
    client: firestore.Client, failing: Failing
) -> None:
    with limited_to(0):
        for call in CALLS.values():
            with pytest.raises(Unreachable):
                call(Database(client))

    assert failing.tries == 0


def test_a_commit_gets_only_the_time_that_its_request_has_left(
    client: firestore.Client, failing: Failing
) -> None:
    failing.then = failing.error
    for seconds in (100, 10_000):
        with limited_to(seconds), pytest.raises(CommitUncertain):
            Database(client, CallLimits(total=1000)).batch().commit()

    short, long = failing.remaining_seconds
    assert short < 200 < long < 1200  # gRPC rounds up


@pytest.mark.parametrize("name", ["get", "get_all", "query", "overwrite"])
def test_each_try_of_a_read_has_its_own_limit(
    client: firestore.Client, failing: Failing, name: str
) -> None:
    """Without one, a server that takes the call and never answers would hold it."""
    failing.error = exceptions.PermissionDenied

    with pytest.raises(Unreachable):
        CALLS[name](Database(client, CallLimits(read_try=100, total=10_000)))

    (seconds,) = failing.remaining_seconds
    assert seconds < 200  # gRPC rounds up


def test_a_silent_firestore_is_a_503_within_15_seconds() -> None:
    """However many calls a request makes: its last read may begin at its time's end."""
    assert CALL_SECONDS + CallLimits().read_try <= 15

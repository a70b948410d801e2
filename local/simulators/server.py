"""A vendor's API over HTTP: faults on request, a control, a record of paid orders."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Protocol, Self, cast

from werkzeug import Request, Response

from local.fault_kinds import Kind, Place, ProviderId
from local.faults import Fault, FaultPlan
from local.faults_control import faults_control
from local.http_server import (
    HttpServer,
    WsgiApp,
    as_json,
    connection_of,
    drop,
    has_hung_up,
)
from local.simulators.broken_answers import faulty
from local.simulators.submissions import SubmissionLog

CONTROL = "/_control/"
Answer = Callable[[Request, Fault | None], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`name` is the path as requests are counted. Without a place, no faults."""

    name: str
    answer: Answer
    provider: ProviderId | None = None
    place: Place | None = None


class Application(Protocol):
    """A vendor's API, apart from the wire."""

    def route(self, request: Request) -> Route:
        """Where this goes, by method, path and headers; the body isn't read yet."""
        ...

    def error(self, kind: Kind) -> Response:
        """How this vendor words that HTTP error."""
        ...

    def close(self) -> None:
        """Stops what is being rendered."""
        ...


class SimulatorServer:
    """Serves one vendor on 127.0.0.1 until closed; port 0 takes a free one."""

    def __init__(
        self, application: Application, plan: FaultPlan, log: SubmissionLog, port: int
    ) -> None:
        self.application = application
        self.faults = plan
        self.submissions = log
        self._http = HttpServer(
            cast(WsgiApp, Request.application(self._respond)), port=port
        )
        self.address = self._http.url

    def __enter__(self) -> Self:
        self._http.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.__exit__(*error)
        self.application.close()

    def _respond(self, request: Request) -> Response:
        if request.path.startswith(CONTROL):
            return self._control(request)
        route = self.application.route(request)
        self.submissions.count(request.method, route.name)
        fault = None
        if route.provider and route.place:
            fault = self.faults.take(route.place, route.provider)
        if fault and fault.kind is Kind.DROP_BEFORE:
            drop(connection_of(request))
        request.get_data()  # or what is left of it would hide that the client hung up
        response = self._answer(request, route, fault)
        if has_hung_up(connection_of(request)):
            raise ConnectionAbortedError
        return self._noted(response)

    def _answer(self, request: Request, route: Route, fault: Fault | None) -> Response:
        if fault is None:
            return route.answer(request, None)
        changes = route.place in (Place.START, Place.CANCEL)
        needs_an_answer = fault.kind in (Kind.NO_ID, Kind.LATE)
        if changes and not fault.is_billed and not needs_an_answer:
            response = Response()  # nothing is started or cancelled
        else:
            response = route.answer(request, fault)
        if response.status_code >= 400:
            return response
        return faulty(response, fault, request, self.application.error)

    def _noted(self, response: Response) -> Response:
        """Once all of it is written, the vendor knows that the client has the id."""
        if accepted := getattr(response, "accepted", None):
            body = response.get_data()

            def pieces() -> Iterable[bytes]:
                yield body
                self.submissions.mark_answered(accepted)

            response.response = pieces()
            response.content_length = len(body)
        return response

    def _control(self, request: Request) -> Response:
        """GET, POST, DELETE faults; GET, DELETE submissions."""
        match request.method, request.path.removeprefix(CONTROL):
            case _, "faults":
                return faults_control(self.faults, request)
            case "GET", "submissions":
                taken = [asdict(each) for each in self.submissions.all()]
                return as_json({"submissions": taken})
            case "DELETE", "submissions":
                self.submissions.reset()
            case _:
                return as_json({"error": "not_found"}, status=404)
        return Response(status=204)


def accepted(content: object, task_id: str) -> Response:
    """The answer that tells a client the id of its paid task."""
    response = as_json(content)
    response.accepted = task_id  # type: ignore[attr-defined]
    return response

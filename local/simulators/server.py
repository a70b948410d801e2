"""A vendor's API over HTTP: faults on request, a control, a record of paid orders."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Protocol, Self, cast

from werkzeug import Request, Response

from local.fault_kinds import MISANSWERED, Kind, Place, ProviderId
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
from local.simulators.studio import Pace, Studio
from local.simulators.submissions import SubmissionLog

CONTROL = "/_control/"
# Where a request that fails has done nothing, unless the fault is billed.
CHANGES = (Place.START, Place.CANCEL, Place.TRANSLATE)
# From the request, the groups in its path, and what shall go wrong with the answer.
View = Callable[..., Response]


class Api(Protocol):
    """A vendor's API, apart from the wire. `routes`: the method, a pattern of the path,
    where faults of it are, and the view."""

    @property
    def routes(self) -> Sequence[tuple[str, str, Place, View]]: ...

    def provider(self, request: Request) -> ProviderId:
        """Which of our providers asks."""
        ...

    def refusal(self, request: Request) -> Response | None:
        """What a request without a key is answered with."""
        ...

    def error(self, kind: Kind) -> Response:
        """How this vendor words that HTTP error."""
        ...


class SimulatorServer:
    """Serves a vendor's APIs on 127.0.0.1 while it is entered; port 0 takes a free one.

    `address` is their base URL.
    """

    def __init__(
        self,
        make_apis: Callable[[Studio], Sequence[Api]],
        pace: Pace,
        faults: Iterable[Fault],
        port: int,
    ) -> None:
        self.faults, self.submissions = FaultPlan(faults), SubmissionLog()
        self._studio = Studio(pace, self.faults, self.submissions)
        self._apis = make_apis(self._studio)
        self._http = HttpServer(
            cast(WsgiApp, Request.application(self._respond)), port=port
        )
        self.address = self._http.url

    def __enter__(self) -> Self:
        self._http.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.__exit__(*error)
        self._studio.close()

    def _respond(self, request: Request) -> Response:
        if request.path.startswith(CONTROL):
            return self._control(request)
        asked = "GET" if request.method == "HEAD" else request.method
        for api in self._apis:
            for method, pattern, place, view in api.routes:
                found = re.fullmatch(pattern, request.path)
                if found and method == asked:
                    work = partial(view, request, *found.groups())
                    return self._noted(self._serve(api, place, request, work))
        return self._apis[0].error(Kind.NOT_FOUND)

    def _serve(self, api: Api, place: Place, request: Request, work: View) -> Response:
        fault = self.faults.take(place, api.provider(request))
        if fault and fault.kind is Kind.DROP_BEFORE:
            drop(connection_of(request))
        request.get_data()  # or what is left of it would hide that the client hung up
        response = self._answer(api, request, fault, work)
        if has_hung_up(connection_of(request)):
            raise ConnectionAbortedError
        return response

    def _answer(
        self, api: Api, request: Request, fault: Fault | None, work: View
    ) -> Response:
        changes = fault and fault.place in CHANGES
        needs_an_answer = fault and fault.kind in {Kind.NO_ID, Kind.LATE, *MISANSWERED}
        if fault and changes and not fault.is_billed and not needs_an_answer:
            response = Response()  # nothing is started or cancelled
        else:
            response = api.refusal(request) or work(fault)
        if fault is None or response.status_code >= 400:
            return response
        return faulty(response, fault, request, api.error)

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
                made = [asdict(each) for each in self.submissions.translations()]
                return as_json({"submissions": taken, "translations": made})
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

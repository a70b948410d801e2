"""Serves a vendor's APIs over HTTP, with injected faults and a control endpoint."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Protocol, Self

from werkzeug import Request, Response

from local.fault_kinds import BAD_TRANSLATIONS, BILLED, Kind, Place, ProviderId
from local.faults import Fault, FaultPlan
from local.faults_control import faults_control
from local.http_server import HttpServer, application, as_json, connection_of, drop
from local.simulators.broken_responses import faulty
from local.simulators.vendor_backend import Pace, VendorBackend

CONTROL = "/_control/"
# Places where a request that fails has no effect, unless the fault is billed.
CHANGES = (Place.START, Place.CANCEL, Place.TRANSLATE)
# Called with the request, the groups of its path, and the fault to inject, if any.
View = Callable[..., Response]


class Api(Protocol):
    """A vendor's API. `routes`: method, pattern of the path, place of faults, view."""

    @property
    def routes(self) -> Sequence[tuple[str, str, Place, View]]: ...

    def provider(self, request: Request) -> ProviderId:
        """Which of our providers sent the request."""
        ...

    def refusal(self, request: Request) -> Response | None:
        """The response to a request without a key; None if it has one."""
        ...

    def error(self, kind: Kind) -> Response:
        """This vendor's HTTP error of that kind."""
        ...


class SimulatorServer:
    """Serves a vendor's APIs on 127.0.0.1 within its `with` block.

    Port 0 takes a free one. `address`: the base URL.
    """

    def __init__(
        self,
        make_apis: Callable[[VendorBackend], Sequence[Api]],
        pace: Pace,
        faults: Iterable[Fault],
        port: int,
    ) -> None:
        self.faults = FaultPlan(faults)
        self._backend = VendorBackend(pace, self.faults)
        self.submissions = self._backend.submissions
        self.translations = self._backend.translations
        self._apis = make_apis(self._backend)
        self._http = HttpServer(application(self._respond), port=port)
        self.address = self._http.url

    def __enter__(self) -> Self:
        self._http.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.__exit__(*error)
        self._backend.close()

    def _respond(self, request: Request) -> Response:
        if request.path.startswith(CONTROL):
            return self._control(request)
        wanted_method = "GET" if request.method == "HEAD" else request.method
        for api in self._apis:
            for method, pattern, place, view in api.routes:
                found = re.fullmatch(pattern, request.path)
                if found and method == wanted_method:
                    work = partial(view, request, *found.groups())
                    return self._serve(api, place, request, work)
        return self._apis[0].error(Kind.NOT_FOUND)

    def _serve(self, api: Api, place: Place, request: Request, work: View) -> Response:
        fault = self.faults.take(place, api.provider(request))
        if fault and fault.kind is Kind.DROP_BEFORE:
            drop(connection_of(request))
        request.get_data()  # unread data would hide that the client hung up
        if (
            fault
            and fault.place in CHANGES
            and fault.kind not in BILLED | BAD_TRANSLATIONS
        ):
            response = Response()  # nothing is started or cancelled
        else:
            response = api.refusal(request) or work(fault)
        if fault is None or response.status_code >= 400:
            return response
        return faulty(response, fault, request, api.error)

    def _control(self, request: Request) -> Response:
        """GET, POST, DELETE faults; GET submissions."""
        match request.method, request.path.removeprefix(CONTROL):
            case _, "faults":
                return faults_control(self.faults, request)
            case "GET", "submissions":
                submissions = [asdict(each) for each in self.submissions]
                translations = [asdict(each) for each in self.translations]
                return as_json(
                    {"submissions": submissions, "translations": translations}
                )
            case _:
                return as_json({"error": "not_found"}, status=404)

"""Google's two APIs at one address: the Agent Platform's Veo, the Gemini API's Omni."""

from collections.abc import Iterable

from werkzeug import Request, Response

from local.fault_kinds import Kind
from local.faults import Fault, FaultPlan
from local.simulators.google_errors import error_reply
from local.simulators.omni import Omni
from local.simulators.server import Route, SimulatorServer
from local.simulators.studio import Pace, Studio
from local.simulators.submissions import SubmissionLog
from local.simulators.veo import ObjectStore, Veo


class Google:
    """The two APIs without the wire; their paths never meet."""

    def __init__(self, studio: Studio, store: ObjectStore | None) -> None:
        self._studio = studio
        self._veo, self._omni = Veo(studio, store), Omni(studio)

    def route(self, request: Request) -> Route:
        found = self._veo.route(request) or self._omni.route(request)
        return found or Route(
            name=request.path, answer=lambda *_: error_reply(Kind.NOT_FOUND)
        )

    def error(self, kind: Kind) -> Response:
        return error_reply(kind)

    def close(self) -> None:
        self._studio.close()


def google_simulator(
    pace: Pace,
    *,
    store: ObjectStore | None = None,
    faults: Iterable[Fault] = (),
    port: int = 0,
) -> SimulatorServer:
    """Serves while it is entered. `.address` is its base URL. `store` None: every gs://
    address is missing."""
    plan, log = FaultPlan(faults), SubmissionLog()
    return SimulatorServer(Google(Studio(pace, plan, log), store), plan, log, port)

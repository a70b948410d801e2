"""Google's two APIs at one address: the Agent Platform's Veo, the Gemini API's Omni."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from werkzeug import Request, Response

from local.fault_kinds import Kind
from local.faults import Fault, FaultPlan
from local.simulators.google_errors import error_reply
from local.simulators.omni import Omni
from local.simulators.server import Route, SimulatorServer, command_line, pace_of, serve
from local.simulators.studio import Pace, Studio
from local.simulators.submissions import SubmissionLog
from local.simulators.veo import CloudStore, ObjectStore, Veo


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleOptions:
    """`store` None: every gs:// address is missing. `retired`: model ids that answer
    404 although they are known. `files_address`: where Omni says its files are, if not
    at this server: the SDK's files.download takes ids out of https:// addresses only.
    """

    pace: Pace = field(default_factory=Pace)
    store: ObjectStore | None = None
    retired: frozenset[str] = frozenset()
    files_address: str | None = None


class Google:
    """The two APIs without the wire; their paths never meet."""

    def __init__(
        self, options: GoogleOptions, plan: FaultPlan, log: SubmissionLog
    ) -> None:
        self._studio = Studio(options.pace, plan, log)
        self._veo = Veo(self._studio, options.store, options.retired)
        self._omni = Omni(self._studio, options.retired, options.files_address)

    def route(self, request: Request) -> Route:
        found = self._veo.route(request) or self._omni.route(request)
        return found or Route(name=request.path, answer=_nowhere)

    def error(self, kind: Kind) -> Response:
        return error_reply(kind)

    def close(self) -> None:
        self._studio.close()


def _nowhere(_: Request, __: Fault | None) -> Response:
    return error_reply(Kind.NOT_FOUND)


def google_simulator(
    options: GoogleOptions | None = None,
    *,
    faults: Iterable[Fault] = (),
    port: int = 0,
) -> SimulatorServer:
    """Serves while it is entered. `.address` is its base URL."""
    plan, log = FaultPlan(faults), SubmissionLog()
    application = Google(options or GoogleOptions(), plan, log)
    return SimulatorServer(application, plan, log, port)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = command_line("A simulator of Veo 3.1 and Gemini Omni.")
    parser.add_argument("--storage", help="where Cloud Storage is: http://HOST:PORT")
    asked = parser.parse_args(arguments)
    options = GoogleOptions(
        pace=pace_of(asked),
        store=CloudStore(asked.storage) if asked.storage else None,
    )
    serve(google_simulator(options, faults=asked.faults, port=asked.port))


if __name__ == "__main__":
    main()

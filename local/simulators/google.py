"""Knows Google's two surfaces: the Agent Platform's Veo, the Gemini API's Omni."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from local.simulators import google_words
from local.simulators.command import command_line, pace_of, serve
from local.simulators.fault_kinds import Kind
from local.simulators.faults import Fault, FaultPlan
from local.simulators.messages import Reply, Request, Route
from local.simulators.object_store import CloudStore, NoStore, ObjectStore
from local.simulators.omni import Omni
from local.simulators.server import SimulatorServer
from local.simulators.studio import Pace, Studio
from local.simulators.submissions import SubmissionLog
from local.simulators.veo import Veo


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleOptions:
    """`retired`: model ids that answer 404 although they are known.

    `files_address`: where Omni says its files are; None: at this server. The SDK's
    files.download takes the id out of an https:// address only.
    """

    pace: Pace = field(default_factory=Pace)
    store: ObjectStore = field(default_factory=NoStore)
    retired: frozenset[str] = frozenset()
    files_address: str | None = None


class Google:
    """The two APIs without the wire, under one address; their paths never meet."""

    def __init__(
        self, options: GoogleOptions, plan: FaultPlan, log: SubmissionLog
    ) -> None:
        self._studio = Studio(options.pace)
        self._veo = Veo(self._studio, options.store, options.retired, plan, log)
        self._omni = Omni(
            self._studio, options.retired, options.files_address, plan, log
        )

    def route(self, request: Request) -> Route:
        return (
            self._veo.route(request)
            or self._omni.route(request)
            or Route(name=request.path, provider=None, place=None, answer=_nowhere)
        )

    def error(self, kind: Kind) -> Reply:
        return google_words.error_reply(kind)

    def close(self) -> None:
        self._studio.close()


def _nowhere(_: Request, __: Fault | None) -> Reply:
    return google_words.error_reply(Kind.NOT_FOUND)


def google_simulator(
    options: GoogleOptions | None = None,
    *,
    faults: Iterable[Fault] = (),
    port: int = 0,
) -> SimulatorServer:
    """A running server; a context manager that ends it. `.address` is its base URL."""
    plan, log = FaultPlan(faults), SubmissionLog()
    application = Google(options or GoogleOptions(), plan, log)
    return SimulatorServer(application, plan, log, port)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = command_line("A simulator of Veo 3.1 and Gemini Omni.")
    parser.add_argument("--storage", help="where Cloud Storage is: http://HOST:PORT")
    parser.add_argument("--retired", nargs="*", default=[], help="model ids: 404")
    parser.add_argument("--files-address", help="in Omni's answers; else this server")
    asked = parser.parse_args(arguments)
    options = GoogleOptions(
        pace=pace_of(asked),
        store=CloudStore(asked.storage) if asked.storage else NoStore(),
        retired=frozenset(asked.retired),
        files_address=asked.files_address,
    )
    serve(google_simulator(options, faults=asked.faults, port=asked.port))


if __name__ == "__main__":
    main()

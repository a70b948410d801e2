"""Google's two APIs at one address: the Agent Platform's Veo, the Gemini API's Omni."""

from collections.abc import Iterable

from local.faults import Fault
from local.simulators.omni import Omni
from local.simulators.server import SimulatorServer
from local.simulators.studio import Pace
from local.simulators.veo import ObjectStore, Veo


def google_simulator(
    pace: Pace,
    *,
    store: ObjectStore | None = None,
    faults: Iterable[Fault] = (),
    port: int = 0,
) -> SimulatorServer:
    """`store` None: every gs:// address is missing."""
    return SimulatorServer(
        lambda studio: [Veo(studio, store), Omni(studio)], pace, faults, port
    )

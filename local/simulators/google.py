"""Google's APIs at one address: Veo and Gemini on the Agent Platform, and Omni."""

from collections.abc import Iterable

from local.faults import Fault
from local.simulators.omni import Omni
from local.simulators.server import SimulatorServer
from local.simulators.translator import Translator
from local.simulators.vendor_backend import Pace
from local.simulators.veo import ObjectStore, Veo


def google_simulator(
    pace: Pace, *, store: ObjectStore, faults: Iterable[Fault] = (), port: int = 0
) -> SimulatorServer:
    return SimulatorServer(
        lambda backend: [
            Veo(backend, store),
            Translator(backend.translations),
            Omni(backend),
        ],
        pace,
        faults,
        port,
    )

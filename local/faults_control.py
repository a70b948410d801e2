"""The endpoint /_control/faults, which reads, adds and clears faults at run time."""

from werkzeug import Request, Response

from local.faults import Fault, FaultError, FaultPlan
from local.http_server import as_json


def faults_control(plan: FaultPlan, request: Request) -> Response:
    """Answer GET, DELETE, or POST with a fault or a list of faults.

    A POST adds all of them or, with 400, none. The response lists the active faults.
    """
    match request.method:
        case "POST":
            try:
                value = request.get_json(force=True)
                faults = value if isinstance(value, list) else [value]
                plan.add([Fault.from_json(each) for each in faults])
            except (FaultError, TypeError) as error:
                return as_json({"error": str(error)}, status=400)
        case "DELETE":
            plan.clear()
    return as_json(plan.as_json())

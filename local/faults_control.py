"""How faults are read, added and cleared at run time, at /_control/faults."""

from werkzeug import Request, Response

from local.faults import Fault, FaultError, FaultPlan
from local.http_server import as_json


def faults_control(plan: FaultPlan, request: Request) -> Response:
    """GET and DELETE; POST takes a list of faults or one: all of them or, on 400, none.

    The faults in force are the answer.
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

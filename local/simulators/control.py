"""Knows the addresses under /_control/: set and clear faults, read what was ordered."""

import json

from local.simulators.faults import Fault, FaultError, FaultPlan
from local.simulators.messages import Reply, Request, json_reply
from local.simulators.submissions import SubmissionLog

PREFIX = "/_control/"


def control(request: Request, plan: FaultPlan, log: SubmissionLog) -> Reply:
    """GET, POST, DELETE faults; GET, DELETE submissions; GET health."""
    match request.method, request.path.removeprefix(PREFIX):
        case "GET", "health":
            return json_reply(200, {"ready": True})
        case "GET", "faults":
            return json_reply(200, plan.as_json())
        case "POST", "faults":
            return _add_faults(request, plan)
        case "DELETE", "faults":
            plan.clear()
            return Reply(status=204)
        case "GET", "submissions":
            return json_reply(200, log.as_json())
        case "DELETE", "submissions":
            log.reset()
            return Reply(status=204)
        case _:
            return json_reply(404, {"error": f"nothing to {request.method} here"})


def _add_faults(request: Request, plan: FaultPlan) -> Reply:
    """A list of faults or a single one; all of them or, on 400, none."""
    try:
        value = json.loads(request.body)
        faults = value if isinstance(value, list) else [value]
        plan.add([Fault.from_json(each) for each in faults])
    except (FaultError, TypeError, json.JSONDecodeError) as error:
        return json_reply(400, {"error": str(error)})
    return json_reply(200, plan.as_json())

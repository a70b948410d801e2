"""The function `worker`: advances the job of a Cloud Tasks task by one step."""

from flask import Request, Response

from functions.http.bodies import read_object
from functions.http.internal_auth import for_callers_of
from shared import wiring


@for_callers_of(wiring.worker_callers, seconds=wiring.STEP_SECONDS)
def worker(request: Request) -> Response:
    """2xx once the next step is committed and enqueued, 500 otherwise."""
    job_id = str(read_object(request).get("job_id", ""))
    queue = request.headers.get("X-CloudTasks-QueueName")
    is_start = queue == wiring.settings().starts_queue
    task = request.headers.get("X-CloudTasks-TaskName")
    wiring.advance()(job_id, from_starts_queue=is_start, task=task)
    return Response(status=204)

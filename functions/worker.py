"""The function `worker`: does what a Cloud Tasks task says, as its queue has it: one
step of a job, or one attempt to send its webhook."""

from flask import Request, Response

from functions.http.bodies import read_object
from functions.http.internal_auth import for_callers_of
from shared import wiring


@for_callers_of(wiring.worker_callers, seconds=wiring.STEP_SECONDS)
def worker(request: Request) -> Response:
    """2xx once the next step is committed and enqueued, 500 otherwise.

    What a webhook's receiver answers makes no difference: it gets a task of its own.
    """
    job_id = str(read_object(request).get("job_id", ""))
    queue = request.headers.get("X-CloudTasks-QueueName")
    if queue == wiring.settings().webhooks_queue:
        wiring.send_webhook()(job_id)
        return Response(status=204)
    is_start = queue == wiring.settings().starts_queue
    task = request.headers.get("X-CloudTasks-TaskName")
    wiring.advance()(job_id, from_starts_queue=is_start, task=task)
    return Response(status=204)

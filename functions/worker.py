"""The function `worker`: handles a task, whose queue says what it is for: one step of a
job, or one attempt to send its webhook."""

from flask import Request, Response

from functions.http.bodies import read_object
from functions.http.internal_auth import restricted_to
from shared.wiring import process, steps


@restricted_to(process.worker_callers, seconds=steps.STEP_SECONDS)
def worker(request: Request) -> Response:
    """2xx once the next step is committed and enqueued, 500 otherwise.

    A webhook's receiver has no influence on this status: after a failure, another
    task sends the webhook again.
    """
    job_id = str(read_object(request).get("job_id", ""))
    queue = request.headers.get("X-CloudTasks-QueueName")
    if queue == process.settings().webhooks_queue:
        steps.send_webhook()(job_id)
        return Response(status=204)
    is_start = queue == process.settings().starts_queue
    task = request.headers.get("X-CloudTasks-TaskName")
    steps.advance()(job_id, from_starts_queue=is_start, task=task)
    return Response(status=204)

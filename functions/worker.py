"""The function `worker`: handles a task. Its queue says what it is for: one step of a
job, or one attempt to send its webhook. Its body may have a vendor's answer to record,
or ask whether this worker can decode, as each deploy does.
"""

from flask import Request, Response
from msgspec import convert

from functions.http.bodies import read_object
from functions.http.internal_auth import restricted_to
from shared.ports.store import PendingAnswer
from shared.wiring import process, steps


@restricted_to(process.worker_callers, seconds=steps.STEP_SECONDS)
def worker(request: Request) -> Response:
    """2xx once the next step is committed and enqueued, 500 otherwise.

    A webhook's receiver has no influence on this status: after a failure, another
    task sends the webhook again.
    """
    body = read_object(request)
    if body.get("check") == "decoder":
        steps.decoder_check()()
        return Response(status=204)
    job_id = str(body.get("job_id", ""))
    queue = request.headers.get("X-CloudTasks-QueueName")
    if queue == process.settings().webhooks_queue:
        steps.send_webhook()(job_id)
        return Response(status=204)
    if "answer" in body:
        answer = convert(body["answer"], PendingAnswer)
        steps.advance().record_answer(job_id, answer)
        return Response(status=204)
    is_start = queue == process.settings().starts_queue
    task = request.headers.get("X-CloudTasks-TaskName")
    steps.advance()(job_id, from_starts_queue=is_start, task=task)
    return Response(status=204)

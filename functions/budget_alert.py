"""The function `budget_alert`: applies budget notifications to the kill switch."""

import structlog
from flask import Request, Response

from functions.http.bodies import read_object
from functions.http.internal_auth import restricted_to
from shared.domain.budget_notification import read_notification
from shared.domain.errors import ApiError
from shared.wiring import guards, process

log = structlog.get_logger()


@restricted_to(process.budget_callers, seconds=50)
def budget_alert(request: Request) -> Response:
    """2xx once the notification is applied, 500 if the switch could not be set, 4xx if
    the notification is malformed. Pub/Sub redelivers after any error, and eventually
    moves the message to the dead-letter topic.
    """
    try:
        notification = read_notification(read_object(request))
    except ApiError as refused:
        log.error("budget_notification_malformed", reason=str(refused))
        raise
    guards.kill_switch().on_budget_notification(notification)
    return Response(status=204)

"""The function `budget_alert`: a budget's Pub/Sub push sets the kill switch."""

import structlog
from flask import Request, Response

from functions.http.bodies import read_object
from functions.http.internal_auth import for_callers_of
from shared import wiring
from shared.domain.budget_notification import read_notification
from shared.domain.errors import ApiError

log = structlog.get_logger()


@for_callers_of(wiring.budget_callers, seconds=50)
def budget_alert(request: Request) -> Response:
    """2xx once the notification is applied; 500 if the switch could not be set, 4xx if
    it can't be read. Pub/Sub delivers again, and in the end to the dead letters.
    """
    try:
        notification = read_notification(read_object(request))
    except ApiError as refused:
        log.error("budget_notice_not_understood", reason=str(refused))
        raise
    wiring.kill_switch().on_budget_notification(notification)
    return Response(status=204)

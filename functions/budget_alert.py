"""The function `budget_alert`: Pub/Sub pushes what a budget says, the switch hears."""

import structlog
from flask import Request, Response

from functions.http.bodies import read_object
from functions.http.internal_auth import for_callers_of
from shared import wiring
from shared.domain.budget_notification import read_notification
from shared.domain.errors import ApiError

log = structlog.get_logger()


@for_callers_of(wiring.budget_callers)
def budget_alert(request: Request) -> Response:
    """2xx once it is heard. Else Pub/Sub delivers again, and at last to dead letters:
    500 where the switch could not be set, 4xx for what nobody can understand.
    """
    try:
        notification = read_notification(read_object(request))
    except ApiError as refused:
        log.error("budget_notice_not_understood", reason=str(refused))
        raise
    wiring.kill_switch().on_budget_notification(notification)
    return Response(status=204)

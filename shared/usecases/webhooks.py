"""Who may ask for a webhook: what is created says it, and so does an estimate."""

from shared.domain.errors import FieldError, InvalidRequest, Missing, NotOffered
from shared.domain.request import VideoRequest
from shared.domain.webhook import Webhook
from shared.ports.identity import Caller


def requested_webhook(
    caller: Caller, request: VideoRequest, *, signs_webhooks: bool
) -> Webhook | None:
    """InvalidRequest or NotOffered: one is asked for that can't be signed."""
    if request.webhook_url is None:
        return None
    if caller.key_id is None:
        wrong = FieldError(field="webhook_url", reason="needs_api_key")
        raise InvalidRequest((wrong,))
    if not signs_webhooks:
        raise NotOffered(reason=Missing.WEBHOOKS)
    return Webhook(key_id=caller.key_id)

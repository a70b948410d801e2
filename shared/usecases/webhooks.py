"""Checks a request's `webhook_url`, for creating a video and for estimating one."""

from shared.domain.errors import FieldError, InvalidRequest, MissingFeature, NotOffered
from shared.domain.request import VideoRequest
from shared.domain.webhook import Webhook
from shared.ports.identity import Caller


def requested_webhook(
    caller: Caller, request: VideoRequest, *, signs_webhooks: bool
) -> Webhook | None:
    """None if the request asks for none. InvalidRequest if it asks without an API key,
    NotOffered if no signing secret is configured.
    """
    if request.webhook_url is None:
        return None
    if caller.key_id is None:
        wrong = FieldError(field="webhook_url", reason="needs_api_key")
        raise InvalidRequest((wrong,))
    if not signs_webhooks:
        raise NotOffered(reason=MissingFeature.WEBHOOKS)
    return Webhook(key_id=caller.key_id)

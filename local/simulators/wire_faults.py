"""Knows how a fault turns a vendor's answer into what the client gets."""

import json
from dataclasses import replace

from local.simulators.fault_kinds import PROXY, RENDERED, Kind, Place
from local.simulators.faults import Fault
from local.simulators.messages import (
    Application,
    Delivery,
    Reply,
    Request,
    Route,
    html_reply,
    proxy_reply,
)

GARBAGE = bytes(range(256)) * 64
_NEED_AN_ANSWER = (Kind.NO_ID, Kind.LATE)
_HTML_STATUS = {
    Kind.HTML: 200,
    Kind.BAD_GATEWAY_HTML: 502,
    Kind.UNAVAILABLE_HTML: 503,
    Kind.GATEWAY_TIMEOUT_HTML: 504,
}


def faulty_reply(
    application: Application, route: Route, request: Request, fault: Fault
) -> Reply:
    """The answer under `fault`; only what is billed is really started or cancelled."""
    changes_something = route.place in (Place.START, Place.CANCEL)
    if changes_something and not fault.is_billed and fault.kind not in _NEED_AN_ANSWER:
        return _spoiled(application, Reply(status=200), fault)
    reply = route.answer(request, fault)
    if reply.status >= 400:
        return reply
    return _spoiled(application, reply, fault)


def _spoiled(application: Application, reply: Reply, fault: Fault) -> Reply:
    match fault.kind:
        case kind if kind in PROXY:
            return proxy_reply(int(kind[6:9]), is_html=kind.endswith("-html"))
        case Kind.READ_TIMEOUT | Kind.SILENT:
            return replace(reply, accepted=None, delivery=Delivery.NOTHING_HOLD)
        case Kind.DROP_AFTER:
            return replace(reply, accepted=None, delivery=Delivery.NOTHING_CLOSE)
        case Kind.LATE:
            return replace(reply, delay_seconds=fault.seconds)
        case Kind.NO_ID:
            return replace(reply, accepted=None, body=_without_id(reply.body))
        case kind if kind in _HTML_STATUS:
            return html_reply(_HTML_STATUS[kind])
        case kind if fault.place is Place.FETCH and not kind[:3].isdigit():
            return _spoiled_file(reply, kind)
        case kind:
            return application.error(kind)


def _without_id(body: bytes) -> bytes:
    value = json.loads(body)
    return json.dumps({k: value[k] for k in value if k not in ("id", "name")}).encode()


def _spoiled_file(reply: Reply, kind: Kind) -> Reply:
    match kind:
        case Kind.TRUNCATED:
            return replace(reply, delivery=Delivery.HALF_THEN_CLOSE)
        case Kind.STALLED:
            return replace(reply, delivery=Delivery.HALF_THEN_HOLD)
        case Kind.HALF_FILM:
            return replace(reply, body=reply.body[: len(reply.body) // 2])
        case Kind.WRONG_LENGTH:
            return replace(reply, declared_length=len(reply.body) // 2)
        case Kind.EMPTY:
            return replace(reply, body=b"")
        case Kind.GARBAGE:
            return replace(reply, body=GARBAGE)
        case _:
            return reply  # RENDERED: the application's work


def spoiled_object(video: bytes, kind: Kind) -> bytes | None:
    """What lies in a bucket, or inline in an answer, instead; None: nothing at all."""
    match kind:
        case Kind.TRUNCATED | Kind.STALLED | Kind.WRONG_LENGTH | Kind.HALF_FILM:
            return video[: len(video) // 2]
        case Kind.EMPTY:
            return b""
        case Kind.GARBAGE:
            return GARBAGE
        case Kind.HTML:
            return html_reply(200).body
        case kind if kind in RENDERED:
            return video
        case _:
            return None

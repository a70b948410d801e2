"""Knows the addresses of Runway's outputs: signed, and good for a while only."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import time

from local.simulators.messages import Request

_OUTPUT = re.compile(r"/outputs/([^/]+)/0\.mp4")


def task_of(request: Request) -> str | None:
    """Whose output is asked for; None if it isn't the address of one."""
    matched = _OUTPUT.fullmatch(request.path)
    return matched[1] if matched else None


class OutputAddresses:
    """Signs addresses that work for `seconds`; each call gives a fresh one."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._secret = secrets.token_bytes(16)

    def address(self, server: str, task_id: str) -> str:
        claims = {
            "key": task_id,
            "nonce": secrets.token_hex(4),
            "exp": time.time() + self._seconds,
        }
        header = _base64url(b'{"alg":"HS256"}')
        signed = f"{header}.{_base64url(json.dumps(claims).encode())}"
        token = f"{signed}.{self._signature(signed)}"
        return f"{server}/outputs/{task_id}/0.mp4?_jwt={token}"

    def allows(self, request: Request, task_id: str) -> bool:
        signed, _, signature = request.query.get("_jwt", "").rpartition(".")
        if not hmac.compare_digest(signature, self._signature(signed)):
            return False
        claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        return bool(claims["key"] == task_id and claims["exp"] > time.time())

    def _signature(self, signed: str) -> str:
        digest = hmac.new(self._secret, signed.encode(), hashlib.sha256).digest()
        return _base64url(digest)


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")

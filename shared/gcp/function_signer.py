"""Signs with the function's own identity through signBlob, without a key file."""

import threading
from collections.abc import Callable
from typing import Any, Final, cast

import google.auth.iam
from google.auth.credentials import Signing
from google.auth.transport.requests import Request

from shared.domain.errors import Unreachable

_TIMEOUT_SECONDS: Final = 10
# google-auth is typed in part only.
_iam: Any = google.auth.iam


class _TimedRequest(Request):
    """A subclass, not a `partial`: google-auth reads the session inside."""

    def __call__(self, url: str, *args: Any, **options: Any) -> Any:
        call: Any = super().__call__
        return call(url, *args, **{"timeout": _TIMEOUT_SECONDS, **options})


class FunctionSigner(Signing):
    """Signs without a key: each signature is an HTTPS call of signBlob.

    `credentials` are those of the function (google.auth.default). Its account needs
    roles/iam.serviceAccountTokenCreator on itself.
    https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob
    """

    def __init__(
        self, credentials: Any, request: Callable[..., Any] | None = None
    ) -> None:
        self._credentials = credentials
        self._request = request or _TimedRequest()
        self._lock = threading.Lock()

    @property
    def signer_email(self) -> str:
        """Refreshes first if needed: until then the e-mail reads `default`."""
        with self._lock:
            if not self._credentials.valid:
                self._credentials.refresh(self._request)
        return str(self._credentials.service_account_email)

    @property
    def signer(self) -> Any:
        return _iam.Signer(self._request, self._credentials, self.signer_email)

    def sign_bytes(self, message: bytes) -> bytes:
        try:
            return cast(bytes, self.signer.sign(message))
        except (KeyError, ValueError) as error:
            raise Unreachable("signBlob answered something else") from error

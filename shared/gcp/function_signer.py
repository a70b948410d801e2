"""Signs through signBlob, with the function's own identity and without a key file."""

import threading
from collections.abc import Callable
from typing import Any, Final, cast

from google.auth import iam
from google.auth.credentials import Signing
from google.auth.transport.requests import Request

from shared.domain.errors import Unreachable

_TIMEOUT_SECONDS: Final = 10


class _TimedRequest(Request):
    """Adds a timeout. Not a `partial`, because google-auth accesses its session."""

    def __call__(self, url: str, *args: Any, **options: Any) -> Any:
        call: Any = super().__call__
        return call(url, *args, **{"timeout": _TIMEOUT_SECONDS, **options})


class FunctionSigner(Signing):
    """Signs without a key: each signature is an HTTPS call to signBlob.

    `credentials` are those of the function (google.auth.default). Its account needs
    iam.serviceAccounts.signBlob on itself.
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
        """Refreshes the credentials if needed: before that, the e-mail is `default`."""
        with self._lock:
            if not self._credentials.valid:
                self._credentials.refresh(self._request)
        return str(self._credentials.service_account_email)

    @property
    def signer(self) -> Any:
        return iam.Signer(self._request, self._credentials, self.signer_email)

    def sign_bytes(self, message: bytes) -> bytes:
        try:
            return cast(bytes, self.signer.sign(message))
        except (KeyError, ValueError) as error:
            raise Unreachable("signBlob's answer is malformed") from error

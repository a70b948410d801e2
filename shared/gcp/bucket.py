"""How pictures and videos are kept in Cloud Storage, and how addresses are signed.

Every call has a time limit; every retry is of something that may be done twice.
"""

import base64
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.client import HTTPException
from typing import Any, BinaryIO, Final, cast

import google.auth.iam
import google_crc32c
from google.api_core import exceptions as api_errors
from google.auth.credentials import Signing
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.cloud.storage import Blob, Client
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.retry import DEFAULT_RETRY
from requests import RequestException
from urllib3.exceptions import HTTPError

from shared.domain.errors import BadContent, LostRace, ReelayError, Unreachable
from shared.ports import SignedUpload, StoredObject

# Connect and read, of one request; then all of its retries together.
_TIMEOUT_SECONDS: Final = (10, 60)
_RETRY: Final = DEFAULT_RETRY.with_timeout(120)
_SIGN_TIMEOUT_SECONDS: Final = 10
# A multiple of 256 KiB, as resumable uploads want it; one such part is in memory.
_UPLOAD_PART_BYTES: Final = 4 * 1024 * 1024
_READ_AHEAD_BYTES: Final = 1024 * 1024
# These are typed in part only.
_iam: Any = google.auth.iam
_new_checksum: Callable[[], Any] = google_crc32c.Checksum

# The first line that fits holds.
TRANSLATIONS: Final[Sequence[tuple[type[Exception], type[ReelayError]]]] = (
    (api_errors.PreconditionFailed, LostRace),
    (api_errors.GoogleAPIError, Unreachable),
    (InvalidResponse, Unreachable),
    (DataCorruption, Unreachable),
    (GoogleAuthError, Unreachable),
    (RequestException, Unreachable),
    (HTTPError, Unreachable),
    (HTTPException, Unreachable),
    (OSError, Unreachable),
)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Errors of the client libraries become ours; what is not listed is a bug."""
    try:
        yield
    except tuple(theirs for theirs, _ in TRANSLATIONS) as error:
        ours = next(ours for theirs, ours in TRANSLATIONS if isinstance(error, theirs))
        raise ours(f"Cloud Storage: {doing}: {type(error).__name__}") from error


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
        self._request = request or partial(Request(), timeout=_SIGN_TIMEOUT_SECONDS)
        self._lock = threading.Lock()

    @property
    def signer_email(self) -> str:
        """Refreshes first where needed: before that the e-mail reads `default`."""
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


class CloudBucket:
    """One bucket. `signer` is a service account's key, or a `FunctionSigner`.

    Signed addresses are at the endpoint that `client` uses.
    """

    def __init__(self, *, client: Client, bucket_name: str, signer: Signing) -> None:
        self._client = client
        self._bucket = client.bucket(bucket_name)
        self._signer = signer
        self._prefix = f"gs://{bucket_name}/"

    def uri(self, name: str) -> str:
        return self._prefix + name

    def name(self, gs_uri: str) -> str:
        name = gs_uri.removeprefix(self._prefix)
        if name in ("", gs_uri):
            raise BadContent("an object that is not of our bucket")
        return name

    def find(self, name: str) -> StoredObject | None:
        blob = self._get(name)
        return None if blob is None else _stored(blob)

    def list(self, prefix: str) -> Sequence[StoredObject]:
        with translated("list"):
            blobs = self._client.list_blobs(
                self._bucket, prefix=prefix, timeout=_TIMEOUT_SECONDS, retry=_RETRY
            )
            return [_stored(blob) for blob in blobs]

    def read(self, name: str, *, most_bytes: int) -> bytes | None:
        blob = self._get(name)
        if blob is None:
            return None
        if blob.size > most_bytes:
            raise BadContent(f"{blob.size} bytes are more than {most_bytes}")
        with translated("read"):
            return cast(
                bytes,
                blob.download_as_bytes(
                    checksum="crc32c", timeout=_TIMEOUT_SECONDS, retry=_RETRY
                ),
            )

    def write(
        self, name: str, chunks: Iterator[bytes], *, content_type: str
    ) -> StoredObject:
        """What an iterator that raises has sent so far never becomes an object.

        Unreachable, too, where the bucket stored something else; that is deleted.
        """
        blob = self._bucket.blob(name, chunk_size=_UPLOAD_PART_BYTES)
        source = _Source(chunks)
        with translated("write"):
            # Not Blob.open("wb"): when garbage collected, it finishes what it has.
            blob.upload_from_file(
                source,
                content_type=content_type,
                timeout=_TIMEOUT_SECONDS,
                checksum=None,
                retry=_RETRY,
            )
        if (blob.size, blob.crc32c) != (source.tell(), source.crc32c()):
            self._delete(blob)
            raise Unreachable("Cloud Storage: stored something else than was sent")
        return _stored(blob)

    def open(self, name: str) -> BinaryIO:
        """Reads the generation that is there now, also after an overwrite.

        Unreachable where there is no such object.
        """
        blob = self._get(name)
        if blob is None:
            raise Unreachable("Cloud Storage: open: no such object")
        return io.BufferedReader(_Ranges(blob), _READ_AHEAD_BYTES)

    def copy_new(self, source: str, target: str) -> StoredObject:
        """LostRace, too, where an answer got lost and it was this copy that won."""
        blob = self._bucket.blob(target)
        token = None
        with translated("copy"):
            while True:
                token, _, _ = blob.rewrite(
                    self._bucket.blob(source),
                    token=token,
                    if_generation_match=0,
                    timeout=_TIMEOUT_SECONDS,
                    retry=_RETRY,
                )
                if token is None:
                    return _stored(blob)

    def sign_download(self, name: str, *, lifetime: timedelta) -> str:
        return self._sign(name, method="GET", expiration=lifetime)

    def sign_upload(
        self, name: str, *, content_type: str, size_bytes: int, lifetime: timedelta
    ) -> SignedUpload:
        """Create-only and of exactly this size and type: all of it is signed."""
        headers = {
            "content-type": content_type,
            "x-goog-content-length-range": f"{size_bytes},{size_bytes}",
            "x-goog-if-generation-match": "0",
        }
        # The signature's time is the library's clock, cut to seconds.
        signed_at = datetime.now(UTC).replace(microsecond=0)
        url = self._sign(name, method="PUT", expiration=lifetime, headers=dict(headers))
        return SignedUpload(url=url, headers=headers, expires_at=signed_at + lifetime)

    def _get(self, name: str) -> Blob | None:
        with translated("find"):
            return self._bucket.get_blob(name, timeout=_TIMEOUT_SECONDS, retry=_RETRY)

    def _delete(self, blob: Blob) -> None:
        with translated("delete"):
            blob.delete(
                if_generation_match=blob.generation,
                timeout=_TIMEOUT_SECONDS,
                retry=_RETRY,
            )

    def _sign(self, name: str, **what: Any) -> str:
        with translated("sign"):
            return cast(
                str,
                self._bucket.blob(name).generate_signed_url(
                    version="v4",
                    api_access_endpoint=self._client.api_endpoint,
                    credentials=self._signer,
                    **what,
                ),
            )


class _Source(io.RawIOBase):
    """An iterator as the file that the library wants; counts and sums what it gave."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = bytearray()
        self._given_bytes = 0
        self._checksum = _new_checksum()

    def tell(self) -> int:
        return self._given_bytes

    def read(self, size: int = -1, /) -> bytes:
        """`size` bytes, and fewer only at the end: a short part ends the upload."""
        while (
            len(self._held) < size and (chunk := next(self._chunks, None)) is not None
        ):
            self._held += chunk
        part = bytes(self._held[:size])
        del self._held[:size]
        self._given_bytes += len(part)
        self._checksum.update(part)
        return part

    def crc32c(self) -> str:
        return base64.b64encode(self._checksum.digest()).decode()


class _Ranges(io.RawIOBase):
    """One generation of an object, read by ranges."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._size_bytes = int(blob.size)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._at,
            io.SEEK_END: self._size_bytes,
        }[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, target: Any, /) -> int:
        wanted = min(len(target), self._size_bytes - self._at)
        if wanted <= 0:
            return 0
        with translated("read"):
            part = self._blob.download_as_bytes(
                start=self._at,
                end=self._at + wanted - 1,
                checksum=None,
                timeout=_TIMEOUT_SECONDS,
                retry=_RETRY,
            )
        if len(part) != wanted:
            raise Unreachable("Cloud Storage: read: cut short")
        target[:wanted] = part
        self._at += wanted
        return wanted


def _stored(blob: Blob) -> StoredObject:
    return StoredObject(name=blob.name, size_bytes=int(blob.size), crc32c=blob.crc32c)

"""What is needed from outside, as protocols of a few verbs. Imports the domain alone.

Every verb may raise `Unreachable` where its dependency does not answer, unless its
docstring says otherwise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from shared.domain.api_key import ApiKey
from shared.domain.catalogue import AspectRatio, Link, Resolution
from shared.domain.circuit import Circuit
from shared.domain.job import Job
from shared.domain.kill_switch import Switch
from shared.domain.ledger import Account
from shared.domain.outcomes import Poll, Submission
from shared.domain.projection import Status
from shared.domain.usage import UsageMonth


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


class Ids(Protocol):
    def new(self) -> str:
        """A random id of letters and digits that nobody can guess or meet again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A job as it was read. `token` is what a commit is conditioned on."""

    job: Job
    token: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """A job whose next step is late; from raw fields, so that any record will do."""

    job_id: str
    version: int
    wake_at: datetime
    deadline_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What an idempotency key stands for. `name` is of the user and the key.

    It outlives its job: the key of a deleted job stays used until `expires_at`.
    `by_resend`: made for a client's second sending, and its first has yet to come.
    """

    name: str
    job_id: str
    body_sha256: str
    expires_at: datetime
    by_resend: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSnapshot:
    """A claim as it was read. `token` is what replacing it is conditioned on."""

    claim: Claim
    token: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a user's list of jobs, newest first: right after this job."""

    created_at: datetime
    job_id: str


class Jobs(Protocol):
    """The jobs, their projections and their money, each change one atomic commit."""

    def create(
        self,
        job: Job,
        claim: Claim | None = None,
        *,
        over: ClaimSnapshot | None = None,
    ) -> None:
        """Write the job, hold its money, count it as open, take the key: all or none.

        The claim is made anew, or replaces `over` where that is as it was read.
        LimitReached or TooManyJobs where it does not fit; LostRace where the job or
        the claim exists, or somebody booked in between; Unclear where the answer got
        lost.
        """
        ...

    def check_room(self, job: Job) -> None:
        """LimitReached or TooManyJobs where `create` would refuse it by now.

        It holds nothing: by the time of the `create` the room may be gone.
        """
        ...

    def count_upload(self, user_id: str, now: datetime) -> None:
        """One more upload let in; TooManyJobs where this minute has no more.

        LostRace where the user's counts changed in between; Unclear as in `commit`.
        """
        ...

    def claimed(self, name: str) -> ClaimSnapshot | None: ...

    def use_up(self, seen: ClaimSnapshot) -> None:
        """The claim is no longer `by_resend`; LostRace where it changed since.

        Unclear as in `commit`.
        """
        ...

    def read(self, job_id: str) -> Snapshot | None:
        """None where there is none; Unreadable where no code of ours can parse it."""
        ...

    def commit(self, before: Snapshot, after: Job) -> Snapshot:
        """Write `after` if nobody committed since `before`; else LostRace.

        What changes in its money is booked in the same commit: LimitReached where it
        holds more and a cap has no room; settled and released once, with its end.
        Unclear where it was sent and not answered: it may hold.
        """
        ...

    def abandon(self, job_id: str, now: datetime) -> None:
        """End a job from its raw fields, without parsing it; what it holds is spent.

        LostRace where somebody committed in between, or it has ended.
        """
        ...

    def overdue(self, now: datetime, *, most: int) -> Sequence[Overdue]:
        """Jobs whose `wake_at` lies before `now`, the longest overdue first."""
        ...

    def page(
        self,
        user_id: str,
        *,
        status: Status | None,
        after: Position | None,
        most: int,
    ) -> Sequence[Snapshot]:
        """A user's own jobs, newest first; those that no code can parse are left out.

        At most `most`; fewer than that only at the end of the list.
        """
        ...

    def delete(self, before: Snapshot) -> None:
        """Remove the job and its projection, if nobody committed since; else LostRace.

        What a key stands for, the ledger and the usage stay. Unclear as in `commit`.
        """
        ...

    def count_with_image(self, user_id: str, image: str) -> int:
        """How many of a user's jobs, at most two are counted, name this upload."""
        ...


class Queue(Protocol):
    """The tasks that wake jobs; starts and other steps lie in two queues."""

    def enqueue(self, wake: "Wake") -> None:
        """A name that exists already, or was used, is success."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """One task: "look at this job". `is_start`: it may lead to a paid POST."""

    job_id: str
    name: str
    at: datetime
    is_start: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a provider is asked to make. `jpeg` and `picture_uri` are the same picture.

    `output_uri` is a folder of ours (gs://…/) for vendors that write by themselves.
    """

    model_id: str
    prompt: str
    jpeg: bytes = field(repr=False)
    picture_uri: str
    duration_seconds: int
    resolution: Resolution
    aspect_ratio: AspectRatio
    audio: bool | None
    seed: int | None
    output_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFile:
    """A result at an address of the vendor's; `headers` may hold a key.

    `trusted_host`: a host that may be fetched from although it is not public (a
    vendor's address that the settings name); None where there is none.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    trusted_host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketFile:
    """A result that the vendor wrote into our bucket: gs://bucket/name."""

    gs_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineFile:
    """A result that came inside an answer."""

    content: bytes = field(repr=False)


Result = WebFile | BucketFile | InlineFile


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRef:
    """A vendor's task: its id, and where it said its file is, if it did."""

    task_id: str
    model_id: str
    gs_uri: str | None = None


class Provider(Protocol):
    """One link. No verb but `fetch` raises: what went wrong is in the outcome."""

    def start(self, order: Order) -> Submission:
        """Exactly one POST, on a fresh connection; never sent again, whatever comes."""
        ...

    def poll(self, task: TaskRef) -> Poll: ...

    def fetch(self, task: TaskRef) -> Result:
        """Where the result is now; addresses die. Unreachable or BadContent."""
        ...

    def cancel(self, task: TaskRef) -> bool:
        """True once there is nothing left to ask for (404, or no way to cancel)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is calling. `user_id` is at most 128 characters, without a slash.

    `key_id`: the API key that they came with; None for a Firebase ID token.
    """

    user_id: str
    is_admin: bool = False
    key_id: str | None = None


class Tokens(Protocol):
    def caller(self, authorization: str | None, *, spends: bool = False) -> Caller:
        """Whose token the Authorization header holds; Unauthenticated if nobody's.

        `spends`: the call may cost money, so whether the token was revoked, or its
        user disabled, is looked up as well. Forbidden for an anonymous user.
        """
        ...


class ApiKeys(Protocol):
    """The API keys, kept by the SHA-256 of their secret alone."""

    def find(self, sha256: str) -> ApiKey | None: ...

    def add(self, key: ApiKey) -> None:
        """LostRace where the hash is taken."""
        ...

    def all(self) -> Sequence[ApiKey]:
        """Every key, revoked ones too, the newest first."""
        ...

    def revoke(self, key: ApiKey, at: datetime) -> None:
        """Once and for all; repeated, the first time stays."""
        ...


class Callers(Protocol):
    def check(self, authorization: str | None) -> None:
        """Unauthenticated or Forbidden where the token isn't the invoker's own."""
        ...


class LinkReports(Protocol):
    """Which links the worker found not configured: the api holds no key to know."""

    def read(self) -> frozenset[Link]: ...

    def write(self, not_configured: frozenset[Link]) -> None: ...


class UsageBooks(Protocol):
    """What was made and spent, by account (`all.YYYY-MM`, `user.ID.YYYY-MM`)."""

    def usage(self, accounts: Sequence[str]) -> Mapping[str, UsageMonth]:
        """By account; empty months where nothing was written."""
        ...

    def spend(self, accounts: Sequence[str]) -> Mapping[str, Account]: ...


class Providers(Protocol):
    def get(self, link: Link) -> Provider | None:
        """None where the link is not configured."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object of our bucket; `crc32c` in base64."""

    name: str
    size_bytes: int
    crc32c: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUpload:
    """A PUT to `url` with exactly `headers` before `expires_at` makes the object."""

    url: str = field(repr=False)
    headers: Mapping[str, str]
    expires_at: datetime


class Bucket(Protocol):
    """Our bucket. Names are without gs:// and without the bucket's name."""

    def uri(self, name: str) -> str:
        """gs://bucket/name"""
        ...

    def name(self, gs_uri: str) -> str:
        """The name of an object of this bucket; BadContent where it is another's."""
        ...

    def find(self, name: str) -> StoredObject | None: ...

    def list(self, prefix: str) -> Sequence[StoredObject]: ...

    def read(self, name: str, *, most_bytes: int) -> bytes | None:
        """The whole object; None where there is none; BadContent where it is larger."""
        ...

    def write(
        self, name: str, chunks: Iterator[bytes], *, content_type: str
    ) -> StoredObject:
        """Stream into `name`, whatever was there; its checksum was compared."""
        ...

    def open(self, name: str) -> BinaryIO:
        """For reading, with seek, by ranges: never the whole object in memory."""
        ...

    def copy_new(self, source: str, target: str) -> StoredObject:
        """Copy within the bucket, create-only; LostRace where `target` exists."""
        ...

    def delete(self, name: str) -> None:
        """Gone afterwards, whether it was there or not."""
        ...

    def sign_download(
        self, name: str, *, lifetime: timedelta, save_as: str | None = None
    ) -> str:
        """A GET address of our own that dies after `lifetime`.

        `save_as`: browsers save it under this name instead of showing it.
        """
        ...

    def sign_upload(
        self, name: str, *, content_type: str, size_bytes: int, lifetime: timedelta
    ) -> SignedUpload: ...


class Web(Protocol):
    """The internet as seen from a function: public https addresses only."""

    def stream(self, file: WebFile, *, most_bytes: int) -> Iterator[bytes]:
        """The body in chunks. Unreachable: no answer, not 2xx, or cut short.

        BadContent: forbidden address, larger than `most_bytes`, empty, or HTML.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Jpeg:
    """A picture as every link takes it: at most 3.5 MB, aspect ratio 1:2 to 2:1."""

    content: bytes = field(repr=False)
    width: int
    height: int


class PictureCheck(Protocol):
    def to_jpeg(self, content: bytes) -> Jpeg:
        """What the bytes show; BadContent where that is no picture, or too large."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """What an MP4 holds, as its own boxes and packets say."""

    duration_seconds: float
    width: int
    height: int
    has_audio: bool


class VideoCheck(Protocol):
    def inspect(self, file: BinaryIO, *, size_bytes: int) -> VideoFacts:
        """Read all of it once; BadContent where it is no whole, playable MP4."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitSnapshot:
    """A circuit as it was read; `token` as in `Snapshot`, None: nothing is stored."""

    circuit: Circuit
    token: object


class Circuits(Protocol):
    def read(self, keys: Sequence[str]) -> Sequence[CircuitSnapshot]:
        """In the order of `keys`, closed where nothing is stored."""
        ...

    def commit(self, changes: Sequence[tuple[CircuitSnapshot, Circuit]]) -> None:
        """All of `changes` if nobody committed to any of them since; else LostRace.

        Unclear where it was sent and not answered: it may hold.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSnapshot:
    """The kill switch as it was read. `token`: None where nothing was ever set."""

    switch: Switch
    token: object


class SwitchStore(Protocol):
    """What is known of the kill switch, each change one atomic commit."""

    def read(self) -> SwitchSnapshot: ...

    def commit(self, before: SwitchSnapshot, after: Switch) -> None:
        """Write `after` if nobody committed since `before`; else LostRace.

        Unclear where it was sent and not answered: it may hold.
        """
        ...

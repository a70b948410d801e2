"""Limits on bodies: their size, how many at once; and on a user's requests."""

import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Event

import pytest
from flask import Flask, Request
from gunicorn.http.errors import ChunkMissingTerminator, InvalidChunkSize

from functions.http.forms import MAX_HEAD_BYTES, MAX_PREAMBLE_BYTES, read_form
from functions.http.receiving import (
    BODIES_PER_USER,
    DRAIN,
    DRAIN_FLOOD,
    DRAIN_STRANGER,
    DRAINS_PER_USER,
    LARGE_BODY_BYTES,
    SMALL_BODY_BYTES,
    WAITING_PER_USER,
    Receiver,
    drain,
)
from shared.domain.errors import (
    ApiError,
    InvalidRequest,
    Malformed,
    TooLarge,
    TooManyRequests,
    Unavailable,
)
from shared.rates import MAX_BUCKETS, RateLimit

SMALL, LARGE = SMALL_BODY_BYTES, SMALL_BODY_BYTES + 1
END = b"--B--\r\n"
# One for all threads: making one parses Python, and in Python 3.11 two threads that do
# so at once may raise SystemError.
APP = Flask(__name__)


def a_request(length: int | None = LARGE, body: bytes | None = None) -> Request:
    """A request that announces `length`, or if None sends its body in chunks."""
    stream = io.BytesIO(b" " * (length or 5) if body is None else body)
    environ: dict[str, object] = {"wsgi.input": stream}
    if length is None:
        chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
        environ |= chunked
    else:
        environ["CONTENT_LENGTH"] = str(length)
    with APP.test_request_context(environ_overrides=environ) as context:
        return context.request


def receiving(
    receiver: Receiver, user: str = "ann", length: int | None = LARGE
) -> ExitStack:
    stack = ExitStack()
    stack.enter_context(receiver.receive(a_request(length), user, LARGE_BODY_BYTES))
    return stack


@pytest.fixture
def receiver() -> Receiver:
    return Receiver(max_large_bodies=2, wait_seconds=0.01)


class Chunks(io.BytesIO):
    """A body in chunks, as gunicorn reads it: the second read meets a bad chunk."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.answers: list[bytes | Exception] = [b"{}", error]

    def read(self, size: int | None = -1, /) -> bytes:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


BAD_CHUNKS = pytest.mark.parametrize(
    "error", [ChunkMissingTerminator(b""), InvalidChunkSize(b"zz")], ids=repr
)


@BAD_CHUNKS
def test_a_malformed_chunk_is_a_malformed_body(
    receiver: Receiver, error: Exception
) -> None:
    request = a_request(None)
    request.stream = Chunks(error)

    with pytest.raises(Malformed), receiver.receive(request, "ann", LARGE_BODY_BYTES):
        pass


@BAD_CHUNKS
def test_a_malformed_chunk_ends_the_reading_of_a_refused_body(error: Exception) -> None:
    chunks = Chunks(error)

    drain(a_request(None).environ, chunks, DRAIN)

    assert not chunks.answers


def test_inside_the_block_the_whole_body_is_in_memory(receiver: Receiver) -> None:
    request = a_request(3, b"abcdef")

    with receiver.receive(request, "ann", 3):
        assert request.stream.read() == b"abc"


@pytest.mark.parametrize(
    ("request_", "refused"),
    [
        (a_request(SMALL + 1, b""), TooLarge),
        (a_request(None, b" " * (SMALL + 1)), TooLarge),
        (a_request(SMALL, b"cut"), Malformed),
    ],
    ids=["announced", "without a length", "cut off"],
)
def test_a_body_larger_than_its_route_allows_is_refused(
    receiver: Receiver, request_: Request, refused: type[ApiError]
) -> None:
    with pytest.raises(refused), receiver.receive(request_, "ann", SMALL):
        pass


def test_a_body_is_refused_by_us_before_cloud_run_refuses_it() -> None:
    """Its own limit is 32 MiB for a request, and its refusal gives no reason."""
    assert LARGE_BODY_BYTES < 32 * 2**20 - 2**20


@pytest.mark.parametrize("length", [LARGE, None], ids=["large", "of any length"])
def test_few_large_bodies_are_received_at_once_and_one_per_user(
    receiver: Receiver, length: int | None
) -> None:
    with receiving(receiver, "ann"):
        with pytest.raises(TooManyRequests):
            receiving(receiver, "ann", length)
        with receiving(receiver, "bob"), pytest.raises(Unavailable):
            receiving(receiver, "carol", length)
        receiving(receiver, "ann", SMALL).close()


def test_the_room_of_a_body_is_freed_after_an_error(receiver: Receiver) -> None:
    for _ in range(3):
        with pytest.raises(KeyError), receiving(receiver):
            raise KeyError


class HeldBody:
    """A body that arrives once `may_come` is set."""

    def __init__(self) -> None:
        self.is_read, self.may_come = Event(), Event()

    def read(self, size: int = -1) -> bytes:
        self.is_read.set()
        self.may_come.wait()
        return b" " * size


@contextmanager
def released(bodies: Iterable[HeldBody]) -> Iterator[None]:
    """Lets the bodies arrive after the block, also if it fails: their threads end."""
    try:
        yield
    finally:
        for body in bodies:
            body.may_come.set()


def test_a_user_sends_a_limited_number_of_bodies_at_once(receiver: Receiver) -> None:
    def send(body: HeldBody) -> None:
        request = a_request(1)
        request.environ["wsgi.input"] = body
        with receiver.receive(request, "ann", SMALL):
            pass

    held = [HeldBody() for _ in range(BODIES_PER_USER)]
    with ThreadPoolExecutor(len(held)) as pool:
        sending = [pool.submit(send, body) for body in held]
        with released(held):
            assert all(body.is_read.wait(100) for body in held)
            with pytest.raises(TooManyRequests):
                receiving(receiver, "ann", SMALL)
            receiving(receiver, "bob", SMALL).close()
        for sent in sending:
            sent.result()

    with ExitStack() as handled:
        for _ in range(BODIES_PER_USER + 1):
            handled.enter_context(receiving(receiver, "ann", SMALL))


@pytest.mark.parametrize(
    ("length", "at_once"),
    [(1, BODIES_PER_USER), (LARGE, 1)],
    ids=["small ones", "large ones"],
)
def test_a_limited_number_of_a_users_bodies_wait_for_their_turn(
    monkeypatch: pytest.MonkeyPatch, length: int, at_once: int
) -> None:
    """Each one that waits occupies a thread, and a process has few."""
    monkeypatch.setattr("functions.http.receiving.TURN_WAIT_SECONDS", 600.0)
    receiver = Receiver(wait_seconds=600)
    held = [HeldBody() for _ in range(at_once)]
    refused = [HeldBody() for _ in range(5)]
    waiting = [HeldBody() for _ in range(WAITING_PER_USER)]
    everything = [*held, *waiting, *refused]

    def send(body: HeldBody) -> bool:
        request = a_request(length, b"")
        request.environ["wsgi.input"] = body
        try:
            with receiver.receive(request, "ann", LARGE):
                return True
        except TooManyRequests:
            return False

    with ThreadPoolExecutor(len(everything)) as pool:
        sending = as_completed([pool.submit(send, body) for body in everything])
        with released(everything):
            first = [next(sending).result() for _ in refused]
            receiving(receiver, "bob", SMALL).close()
        rest = [sent.result() for sent in sending]

    assert not any(first)
    assert len(rest) == at_once + WAITING_PER_USER
    assert all(rest)
    # Nothing is left of them, nor of their user.
    assert not {**receiver._by_user, **receiver._large_by_user, **receiver._waiting}


def test_only_a_few_of_a_users_refused_bodies_are_read_to_the_end(
    receiver: Receiver,
) -> None:
    with ExitStack() as stack:
        for user_id, limit in ("ann", DRAIN), ("bob", DRAIN), (None, DRAIN_STRANGER):
            given = [
                stack.enter_context(receiver.drain_limit(user_id))
                for _ in range(DRAINS_PER_USER + 1)
            ]
            assert given == [*[limit] * DRAINS_PER_USER, DRAIN_FLOOD]

    with receiver.drain_limit("ann") as again:
        assert again is DRAIN


def test_what_has_ended_makes_room_for_no_more_than_itself() -> None:
    receiver = Receiver()
    with receiver.drain_limit("ann"), ExitStack() as stack:
        for _ in range(3):
            with receiver.drain_limit("ann"):
                pass

        limits = [
            stack.enter_context(receiver.drain_limit("ann"))
            for _ in range(DRAINS_PER_USER)
        ]

    assert limits == [*[DRAIN] * (DRAINS_PER_USER - 1), DRAIN_FLOOD]


class TestForms:
    def read(
        self, body: bytes, kind: str = "multipart/form-data; boundary=B"
    ) -> object:
        environ = {"CONTENT_TYPE": kind, "wsgi.input": io.BytesIO(body)}
        environ["CONTENT_LENGTH"] = str(len(body))
        with APP.test_request_context(environ_overrides=environ) as context:
            return read_form(context.request)

    def part(self, name: str, content: bytes, more: bytes = b"") -> bytes:
        head = b'--B\r\nContent-Disposition: form-data; name="' + name.encode() + b'"'
        return head + more + b"\r\n\r\n" + content + b"\r\n"

    def test_a_forms_texts_are_read_as_texts_and_its_files_as_bytes(self) -> None:
        text = self.part("prompt", "고양이".encode())
        file = self.part("image", b"\xff\r\n--\r" * 50_000, b'; filename="../a.jpg"')

        assert self.read(text + file + END) == {
            "prompt": "고양이",
            "image": b"\xff\r\n--\r" * 50_000,
        }

    @pytest.mark.parametrize(
        ("make", "refused"),
        [
            (lambda p: p("a", b"x", b"; a=b" * MAX_HEAD_BYTES), TooLarge),
            (
                lambda p: p("a", b"", b'; filename="' + b"x" * 2_000_000 + b'"'),
                TooLarge,
            ),
            (lambda p: p("a", b"x", b"\r\nX: a" * MAX_HEAD_BYTES), TooLarge),
            (lambda p: b" " * (MAX_PREAMBLE_BYTES + 1) + p("a", b"x"), TooLarge),
            (lambda p: b" " * 2_000_000, TooLarge),
            (lambda p: b"--B\r\nX: " + b"a" * 2_000_000, TooLarge),
            (lambda p: b"".join(p(f"a{n}", b"x") for n in range(51)), TooLarge),
            (lambda p: p("a", b"x") + p("a", b"y"), InvalidRequest),
            (lambda p: p("a", b"\xff"), Malformed),
            (lambda p: b"--B\r\n\r\nx\r\n", Malformed),
            (lambda p: p("a", b"x").replace(b'; name="a"', b"") + END, Malformed),
            (lambda p: p("a", b"x")[:-5], Malformed),
            (lambda p: b"", Malformed),
        ],
        ids=[
            *(
                "parameters",
                "file name",
                "head",
                "preamble",
                "no boundary",
                "no end",
                "parts",
            ),
            *("twice", "no text", "no head", "no name", "cut off", "empty"),
        ],
    )
    def test_a_malformed_form_is_refused(
        self, make: Callable[[Callable[..., bytes]], bytes], refused: type[ApiError]
    ) -> None:
        with pytest.raises(refused):
            self.read(make(self.part) + (b"" if refused is Malformed else END))

    @pytest.mark.parametrize(
        ("boundary", "kind"),
        [("", ""), ("", "; boundary="), ("b" * 201, "; boundary=" + "b" * 201)],
        ids=["none", "empty", "too long"],
    )
    def test_a_boundary_is_needed(self, boundary: str, kind: str) -> None:
        form = (self.part("a", b"x") + END).replace(b"--B", f"--{boundary}".encode())

        with pytest.raises(Malformed):
            self.read(form, f"multipart/form-data{kind}")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestRates:
    def taken(self, rate: RateLimit, names: Iterable[str], tokens: int = 1) -> int:
        taken = 0
        for name in names:
            try:
                rate.take(name, tokens)
            except TooManyRequests:
                continue
            taken += 1
        return taken

    @pytest.mark.parametrize(("tokens", "at_once"), [(1, 50), (5, 10)])
    def test_a_user_has_a_burst_and_then_a_rate(
        self, tokens: int, at_once: int
    ) -> None:
        clock = Clock()
        rate = RateLimit(10, clock)

        assert self.taken(rate, ["ann"] * 99, tokens) == at_once
        clock.now += 1
        assert self.taken(rate, ["ann"] * 99, tokens) == 10 // tokens
        clock.now += 3600
        assert self.taken(rate, ["ann"] * 99, tokens) == at_once

    def test_a_burst_may_be_larger_than_five_seconds_worth(self) -> None:
        clock = Clock()
        rate = RateLimit(0.5, clock, burst=10)

        assert self.taken(rate, ["ann"] * 99) == 10
        clock.now += 4
        assert self.taken(rate, ["ann"] * 99) == 2

    def test_a_request_above_the_burst_needs_a_full_bucket(self) -> None:
        clock = Clock()
        rate = RateLimit(1, clock)

        assert self.taken(rate, ["ann"] * 2, 20) == 1
        clock.now += 5
        assert self.taken(rate, ["ann"] * 2, 20) == 1

    def test_a_refused_request_says_when_to_retry(self) -> None:
        rate = RateLimit(2, Clock())
        self.taken(rate, ["ann"] * 10)

        with pytest.raises(TooManyRequests) as refused:
            rate.take("ann", 5)
        assert refused.value.retry_after == timedelta(seconds=2.5)

    def test_the_memory_for_rates_is_bounded_however_many_users(self) -> None:
        clock = Clock()
        rate = RateLimit(1, clock)
        for n in range(3 * MAX_BUCKETS):
            clock.now += 1
            rate.take(f"user{n}")

        assert len(rate._buckets) <= MAX_BUCKETS

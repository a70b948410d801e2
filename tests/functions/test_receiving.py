"""How many bodies are received at once, and how large; how many requests a user has."""

import io
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Event

import pytest
from flask import Flask, Request

from functions.http.forms import MOST_HEAD_BYTES, MOST_PREAMBLE_BYTES, read_form
from functions.http.receiving import (
    BODIES_PER_USER,
    LARGE_BODY_BYTES,
    SMALL_BODY_BYTES,
    Receiver,
)
from shared.domain.errors import (
    ApiError,
    InvalidRequest,
    Malformed,
    TooLarge,
    TooManyRequests,
    Unavailable,
)
from shared.rates import MOST_BUCKETS, RateLimit

SMALL, LARGE = SMALL_BODY_BYTES, SMALL_BODY_BYTES + 1


def a_request(length: int | None = LARGE, body: bytes | None = None) -> Request:
    """`length` is announced; None: as chunks, without a length."""
    stream = io.BytesIO(b" " * (length or 5) if body is None else body)
    environ: dict[str, object] = {"wsgi.input": stream}
    if length is None:
        chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
        environ |= chunked
    else:
        environ["CONTENT_LENGTH"] = str(length)
    with Flask(__name__).test_request_context(environ_overrides=environ) as context:
        return context.request


def receiving(
    receiver: Receiver, user: str = "ann", length: int | None = LARGE
) -> ExitStack:
    stack = ExitStack()
    stack.enter_context(receiver.receive(a_request(length), user, LARGE_BODY_BYTES))
    return stack


@pytest.fixture
def receiver() -> Receiver:
    return Receiver(large_at_once=2, wait_seconds=0.01)


def test_within_the_block_the_whole_body_is_in_memory(receiver: Receiver) -> None:
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
    ids=["says so", "without a length", "cut off"],
)
def test_a_body_is_as_large_as_its_route_allows(
    receiver: Receiver, request_: Request, refused: type[ApiError]
) -> None:
    with pytest.raises(refused), receiver.receive(request_, "ann", SMALL):
        pass


@pytest.mark.parametrize("length", [LARGE, None], ids=["large", "of any length"])
def test_large_bodies_have_so_much_room_and_each_user_one_of_it(
    receiver: Receiver, length: int | None
) -> None:
    with receiving(receiver, "ann"):
        with pytest.raises(TooManyRequests):
            receiving(receiver, "ann", length)
        with receiving(receiver, "bob"), pytest.raises(Unavailable):
            receiving(receiver, "carol", length)
        receiving(receiver, "ann", SMALL).close()


def test_the_room_is_free_again_however_it_ended(receiver: Receiver) -> None:
    for _ in range(3):
        with pytest.raises(KeyError), receiving(receiver):
            raise KeyError


class Held:
    """A body that comes when it is let go."""

    def __init__(self) -> None:
        self.is_read, self.may_come = Event(), Event()

    def read(self, size: int = -1) -> bytes:
        self.is_read.set()
        self.may_come.wait()
        return b" "


def test_a_user_sends_so_many_bodies_at_once(receiver: Receiver) -> None:
    def send(body: Held) -> None:
        request = a_request(1)
        request.environ["wsgi.input"] = body
        with receiver.receive(request, "ann", SMALL):
            pass

    held = [Held() for _ in range(BODIES_PER_USER)]
    with ThreadPoolExecutor(len(held)) as pool:
        sending = [pool.submit(send, body) for body in held]
        assert all(body.is_read.wait(10) for body in held)
        with pytest.raises(TooManyRequests):
            receiving(receiver, "ann", SMALL)
        receiving(receiver, "bob", SMALL).close()
        for body in held:
            body.may_come.set()
        for sent in sending:
            sent.result()

    receiving(receiver, "ann", SMALL).close()


class TestForms:
    def read(
        self, body: bytes, kind: str = "multipart/form-data; boundary=B"
    ) -> object:
        environ = {"CONTENT_TYPE": kind, "wsgi.input": io.BytesIO(body)}
        environ["CONTENT_LENGTH"] = str(len(body))
        with Flask(__name__).test_request_context(environ_overrides=environ) as context:
            return read_form(context.request)

    def part(self, name: str, content: bytes, more: bytes = b"") -> bytes:
        head = b'--B\r\nContent-Disposition: form-data; name="' + name.encode() + b'"'
        return head + more + b"\r\n\r\n" + content + b"\r\n"

    def test_texts_are_read_as_texts_and_files_as_bytes(self) -> None:
        text = self.part("prompt", "고양이".encode())
        file = self.part("image", b"\xff\r\n--\r" * 50_000, b'; filename="../a.jpg"')

        assert self.read(text + file + b"--B--\r\n") == {
            "prompt": "고양이",
            "image": b"\xff\r\n--\r" * 50_000,
        }

    @pytest.mark.parametrize(
        ("make", "refused"),
        [
            (lambda p: p("a", b"x", b"; a=b" * MOST_HEAD_BYTES), TooLarge),
            (
                lambda p: p("a", b"", b'; filename="' + b"x" * 2_000_000 + b'"'),
                TooLarge,
            ),
            (lambda p: p("a", b"x", b"\r\nX: a" * MOST_HEAD_BYTES), TooLarge),
            (lambda p: b" " * (MOST_PREAMBLE_BYTES + 1) + p("a", b"x"), TooLarge),
            (lambda p: b" " * 2_000_000, TooLarge),
            (lambda p: b"--B\r\nX: " + b"a" * 2_000_000, TooLarge),
            (lambda p: b"".join(p(f"a{n}", b"x") for n in range(51)), TooLarge),
            (lambda p: p("a", b"x") + p("a", b"y"), InvalidRequest),
            (lambda p: p("a", b"\xff"), Malformed),
            (lambda p: b"--B\r\n\r\nx\r\n", Malformed),
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
            *("twice", "no text", "no name", "cut off", "empty"),
        ],
    )
    def test_what_is_no_form_of_a_client_is_refused(
        self, make: Callable[[Callable[..., bytes]], bytes], refused: type[ApiError]
    ) -> None:
        with pytest.raises(refused):
            self.read(make(self.part) + (b"" if refused is Malformed else b"--B--\r\n"))

    @pytest.mark.parametrize("kind", ["", "; boundary=", "; boundary=" + "b" * 201])
    def test_a_boundary_is_needed(self, kind: str) -> None:
        with pytest.raises(Malformed):
            self.read(self.part("a", b"x") + b"--B--\r\n", f"multipart/form-data{kind}")


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

    def test_what_costs_more_than_a_bucket_holds_takes_a_full_one(self) -> None:
        clock = Clock()
        rate = RateLimit(1, clock)

        assert self.taken(rate, ["ann"] * 2, 20) == 1
        clock.now += 5
        assert self.taken(rate, ["ann"] * 2, 20) == 1

    def test_one_user_takes_nothing_of_another(self) -> None:
        rate = RateLimit(1, Clock())
        self.taken(rate, ["ann"] * 99)

        assert self.taken(rate, ["bob"]) == 1

    def test_it_says_when_a_retry_makes_sense(self) -> None:
        rate = RateLimit(2, Clock())
        self.taken(rate, ["ann"] * 10)

        with pytest.raises(TooManyRequests) as refused:
            rate.take("ann", 5)
        assert refused.value.retry_after == timedelta(seconds=2.5)

    def test_very_many_users_take_no_more_memory_than_so_much(self) -> None:
        clock = Clock()
        rate = RateLimit(1, clock)
        for n in range(3 * MOST_BUCKETS):
            clock.now += 1
            rate.take(f"user{n}")

        assert len(rate._buckets) <= MOST_BUCKETS

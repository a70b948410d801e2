"""What may be downloaded, and how a download goes wrong."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from shared.domain.errors import BadContent, NotPublic, Unreachable
from shared.domain.public_address import is_public
from shared.gcp.web_download import PublicWeb, resolve
from shared.ports.providers import WebFile
from tests.gcp.small_web import (
    CONTENT,
    HOST,
    MOST,
    PUBLIC,
    Internet,
    Site,
    Trust,
    answered,
    fetch,
    raw,
    redirect,
    serving,
)


@pytest.fixture
def plain_site() -> Iterator[Site]:
    """Over http."""
    made = Site()
    with serving(made, None):
        yield made


@pytest.fixture
def internet(site: Site) -> Internet:
    return Internet(port=site.port)


# What goes well


def test_a_file_is_fetched_from_the_address_that_was_checked(
    trust: Trust, site: Site, internet: Internet
) -> None:
    got = fetch(internet.web(trust), f"https://{HOST}/a%20b?c=d&e=%2F")

    assert got == CONTENT
    assert internet.dialled == [f"{PUBLIC}:443"]
    assert site.server_names == [HOST]
    path, headers = site.requests[0]
    assert path == "/a%20b?c=d&e=%2F"
    assert headers["Host"] == HOST
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        pytest.param(f"https://{HOST}:8443/x", f"{HOST}:8443", "/x", id="port"),
        pytest.param(f"https://{HOST}", HOST, "/", id="no path"),
        pytest.param(f"HTTPS://{HOST.upper()}/X", HOST, "/X", id="capitals"),
        pytest.param(f"https://{PUBLIC}/x", PUBLIC, "/x", id="IP address"),
        pytest.param(f"https://{HOST}/x#part", HOST, "/x", id="fragment"),
        pytest.param(
            "https://bücher.example/ü",
            "xn--bcher-kva.example",
            "/%C3%BC",
            id="international",
        ),
    ],
)
def test_an_address_is_asked_for_as_browsers_do(
    trust: Trust, site: Site, internet: Internet, url: str, host: str, path: str
) -> None:
    fetch(internet.web(trust), url)

    assert site.requests[0][0] == path
    assert site.requests[0][1]["Host"] == host


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            raw(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
            id="chunked",
        ),
        pytest.param(raw(b"abcde"), id="until the end of the connection"),
        pytest.param(answered(b"abcde", "Content-Encoding: identity"), id="identity"),
        pytest.param(answered(b"abcde", status="203 Fine"), id="another 2xx"),
    ],
)
def test_a_whole_answer_is_taken(
    trust: Trust, site: Site, internet: Internet, answer: bytes
) -> None:
    site.answer = lambda _: answer

    assert fetch(internet.web(trust), f"https://{HOST}/") == b"abcde"


def test_a_dead_address_is_passed_over(trust: Trust, internet: Internet) -> None:
    internet.names[HOST] = ["93.184.215.1", PUBLIC]
    internet.dead = {"93.184.215.1"}

    assert fetch(internet.web(trust), f"https://{HOST}/") == CONTENT


def test_not_every_address_of_many_is_tried(trust: Trust, internet: Internet) -> None:
    internet.names[HOST] = [f"93.184.215.{last}" for last in range(1, 9)]
    internet.dead = set(internet.names[HOST])

    with pytest.raises(Unreachable):
        fetch(internet.web(trust), f"https://{HOST}/")

    assert len(internet.dialled) == 3


def test_an_origin_that_is_trusted_may_be_plain_and_private(plain_site: Site) -> None:
    origin = f"http://127.0.0.1:{plain_site.port}"

    for named in (origin, f"{origin}/v1/"):
        assert fetch(PublicWeb(), f"{origin}/x", trusted_origin=named) == CONTENT


@pytest.mark.parametrize(
    "trusted",
    [
        "http://localhost:{port}",
        "http://127.0.0.2:{port}",
        "http://27.0.0.1:{port}",
        "http://127.0.0.1.example:{port}",
        "http://127.0.0.1:1",
        "http://127.0.0.1",
        "https://127.0.0.1:{port}",
        "127.0.0.1:{port}",
        "",
    ],
)
def test_only_exactly_the_trusted_origin_is_trusted(
    plain_site: Site, trusted: str
) -> None:
    url = f"http://127.0.0.1:{plain_site.port}/x"
    trusted = trusted.format(port=plain_site.port)

    with pytest.raises(NotPublic):
        fetch(PublicWeb(), url, trusted_origin=trusted)

    assert plain_site.requests == []


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


def test_the_resolver_of_the_system_knows_this_machine() -> None:
    assert "127.0.0.1" in resolve("localhost", 443)


@pytest.mark.parametrize("found", [[], None], ids=["no address", "no answer"])
def test_a_name_that_is_not_known_is_unreachable(
    trust: Trust, found: list[str] | None
) -> None:
    def resolver(host: str, port: int) -> Sequence[str]:
        if found is None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return found

    with pytest.raises(Unreachable):
        fetch(PublicWeb(tls=trust.client(), resolver=resolver), f"https://{HOST}/")


# Certificates


def test_a_certificate_of_another_name_is_refused(
    trust: Trust, internet: Internet
) -> None:
    with pytest.raises(Unreachable):
        fetch(internet.web(trust), "https://wrong.example/")


def test_a_certificate_that_nobody_vouches_for_is_refused(internet: Internet) -> None:
    web = PublicWeb(resolver=internet.resolve, dial=internet.dial)

    with pytest.raises(Unreachable):
        fetch(web, f"https://{HOST}/")


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(
    trust: Trust, site: Site, internet: Internet, status: int
) -> None:
    first = redirect("/b?c", f"{status} Moved")
    site.answer = lambda path: first if path == "/a" else answered(CONTENT)

    assert fetch(internet.web(trust), f"https://{HOST}/a") == CONTENT
    assert [path for path, _ in site.requests] == ["/a", "/b?c"]
    assert internet.resolved == [HOST, HOST]


@pytest.mark.parametrize(
    ("to", "is_kept"),
    [
        pytest.param(f"https://{HOST}/b", True, id="the same host"),
        pytest.param(f"https://{HOST}:443/b", True, id="the same, with its port"),
        pytest.param("https://other.example/b", False, id="another host"),
        pytest.param(f"https://{HOST}:8443/b", False, id="another port"),
    ],
)
def test_a_key_stays_with_its_host(
    trust: Trust, site: Site, internet: Internet, to: str, is_kept: bool
) -> None:
    site.answer = lambda path: redirect(to) if path == "/a" else answered(CONTENT)

    fetch(internet.web(trust), f"https://{HOST}/a", headers={"Authorization": "key"})

    assert ("Authorization" in site.requests[1][1]) is is_kept


def test_a_fourth_redirect_is_not_followed(
    trust: Trust, site: Site, internet: Internet
) -> None:
    site.answer = lambda path: redirect(path + "x")

    with pytest.raises(Unreachable, match="too many"):
        fetch(internet.web(trust), f"https://{HOST}/")

    assert len(site.requests) == 4


# Answers that are not taken


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        pytest.param(answered(b"x", status="404 Not"), Unreachable, id="404"),
        pytest.param(answered(b"x", status="410 Gone"), Unreachable, id="410"),
        pytest.param(answered(b"x", status="403 No"), Unreachable, id="403"),
        pytest.param(answered(b"x", status="500 Oh"), Unreachable, id="500"),
        pytest.param(answered(b"x", status="206 Part"), Unreachable, id="a part"),
        pytest.param(answered(b"x", status="304 Same"), Unreachable, id="304"),
        pytest.param(answered(b"", status="302 Found"), Unreachable, id="to nowhere"),
        pytest.param(b"", Unreachable, id="no answer"),
        pytest.param(b"garbage\r\n\r\n", Unreachable, id="no HTTP"),
        pytest.param(
            raw(b"abc", "Content-Length: 4"), Unreachable, id="shorter than promised"
        ),
        pytest.param(
            raw(b"3\r\nabc\r\n9\r\nde", "Transfer-Encoding: chunked"),
            Unreachable,
            id="cut within a chunk",
        ),
        pytest.param(
            raw(b"3\r\nabc\r\n", "Transfer-Encoding: chunked"),
            Unreachable,
            id="cut between chunks",
        ),
        pytest.param(answered(b""), BadContent, id="empty"),
        pytest.param(answered(b"x" * 2000), BadContent, id="announced too large"),
        pytest.param(raw(b"x" * 2000), BadContent, id="too large all the same"),
        pytest.param(
            answered(b"x", "Content-Encoding: gzip"), BadContent, id="compressed"
        ),
        pytest.param(
            raw(b"x", "Transfer-Encoding: gzip, chunked"),
            BadContent,
            id="compressed on its way",
        ),
        pytest.param(
            answered(b"x", "Content-Type: text/html; charset=x"), BadContent, id="HTML"
        ),
        pytest.param(answered(b"<!DOCTYPE html><p>"), BadContent, id="a web page"),
        pytest.param(
            answered(b"\xef\xbb\xbf \n<HTML>"), BadContent, id="a web page with a mark"
        ),
    ],
)
def test_a_bad_answer_is_refused(
    trust: Trust,
    site: Site,
    internet: Internet,
    answer: bytes,
    refusal: type[Exception],
) -> None:
    site.answer = lambda _: answer

    with pytest.raises(refusal):
        fetch(internet.web(trust), f"https://{HOST}/", most=1000)


def test_what_came_before_the_limit_was_handed_out(
    trust: Trust, site: Site, internet: Internet
) -> None:
    site.answer = lambda _: raw(b"x" * 2_000_000)
    web = internet.web(trust)
    chunks = web.stream(WebFile(url=f"https://{HOST}/"), most_bytes=1_000_000)

    came = b""
    with pytest.raises(BadContent):
        for chunk in chunks:
            came += chunk

    assert 0 < len(came) <= 1_000_000


def test_a_server_that_says_nothing_is_unreachable(
    trust: Trust, site: Site, internet: Internet
) -> None:
    site.answer, site.stalls = (lambda _: raw(b"", "Content-Length: 5")), True

    with pytest.raises(Unreachable):
        fetch(internet.web(trust, read_seconds=0.2), f"https://{HOST}/")


def test_a_server_that_does_not_greet_is_unreachable(trust: Trust) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        internet = Internet(port=silent.getsockname()[1])

        with pytest.raises(Unreachable):
            fetch(internet.web(trust, connect_seconds=0.2), f"https://{HOST}/")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="its head"),
        pytest.param(raw(b"", "Content-Length: 500000"), id="its body"),
    ],
)
def test_a_server_that_drips_is_ended_by_the_total_limit(
    trust: Trust, site: Site, internet: Internet, answer: bytes
) -> None:
    def start(_: str) -> bytes:
        return answer

    site.answer, site.drips = start, True
    started = time.monotonic()

    with pytest.raises(Unreachable):
        fetch(internet.web(trust, total_seconds=0.5), f"https://{HOST}/")

    # Without the limit it would drip until this test is ended.
    assert time.monotonic() - started < 30


def test_a_name_server_that_keeps_silent_is_ended_by_the_total_limit(
    trust: Trust, internet: Internet
) -> None:
    released, ended = threading.Event(), threading.Event()

    def resolver(host: str, port: int) -> Sequence[str]:
        released.wait(30)
        ended.set()
        return [PUBLIC]

    web = PublicWeb(
        tls=trust.client(), resolver=resolver, dial=internet.dial, total_seconds=0.2
    )
    with pytest.raises(Unreachable):
        fetch(web, f"https://{HOST}/")

    assert not ended.is_set()
    released.set()


def test_no_connection_is_awaited_beyond_the_total_limit(trust: Trust) -> None:
    waits = []

    def dial(address: tuple[str, int], seconds: float) -> socket.socket:
        waits.append(seconds)
        raise ConnectionRefusedError

    web = PublicWeb(
        tls=trust.client(), resolver=lambda *_: [PUBLIC] * 2, dial=dial, total_seconds=5
    )
    with pytest.raises(Unreachable):
        fetch(web, f"https://{HOST}/")

    assert [0 < seconds <= 5 for seconds in waits] == [True, True]


def test_a_slow_reader_is_within_the_total_limit(
    trust: Trust, site: Site, internet: Internet
) -> None:
    site.answer = lambda _: answered(b"x" * 900_000)
    web = internet.web(trust, total_seconds=0.3)
    chunks = web.stream(WebFile(url=f"https://{HOST}/"), most_bytes=MOST)
    next(chunks)

    threading.Event().wait(0.4)
    with pytest.raises(Unreachable):
        list(chunks)


def test_a_reader_that_leaves_closes_the_connection(
    trust: Trust, site: Site, internet: Internet
) -> None:
    site.answer = lambda _: answered(b"x" * 900_000)
    chunks = internet.web(trust).stream(
        WebFile(url=f"https://{HOST}/"), most_bytes=MOST
    )
    next(chunks)
    before = threading.active_count()

    chunks.close()  # type: ignore[attr-defined]  # it is a generator

    assert threading.active_count() <= before


def test_no_proxy_of_the_environment_is_asked(
    trust: Trust, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert fetch(internet.web(trust), f"https://{HOST}/") == CONTENT


def test_an_error_does_not_tell_the_address(trust: Trust, site: Site) -> None:
    internet = Internet(port=1)

    with pytest.raises(Unreachable) as caught:
        fetch(internet.web(trust), f"https://{HOST}/?signature=secret")

    assert "secret" not in str(caught.value)

"""Downloading files: what is accepted, and what is refused."""

import socket
import threading

import pytest

from shared.domain.errors import BadContent, Unreachable
from shared.domain.public_address import is_public
from shared.gcp.web_download import PublicWeb, resolve
from shared.ports.providers import WebFile
from tests.gcp.internet import Internet
from tests.gcp.small_web import (
    CONTENT,
    HOST,
    MAX_BYTES,
    PUBLIC,
    Site,
    answered,
    fetch,
    raw,
    redirect,
)

# A port on which nothing listens.
UNUSED_PORT = 1

# Successful downloads


def test_a_file_is_fetched_from_the_address_that_was_checked(
    web: PublicWeb, site: Site, internet: Internet
) -> None:
    got = fetch(web, f"https://{HOST}/a%20b?c=d&e=%2F")

    assert got == CONTENT
    assert internet.opened == [f"{PUBLIC}:443"]
    assert site.server_names == [HOST]
    assert site.paths == ["/a%20b?c=d&e=%2F"]
    headers = site.received[0].headers
    assert headers["host"] == HOST
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"] == "reelay"


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        pytest.param(f"https://{HOST}:8443/x", f"{HOST}:8443", "/x", id="port"),
        pytest.param(f"https://{HOST}", HOST, "/", id="no path"),
        pytest.param(f"HTTPS://{HOST.upper()}/X", HOST, "/X", id="capitals"),
        pytest.param(f"https://{PUBLIC}/x", PUBLIC, "/x", id="IP address"),
        pytest.param(f"https://{HOST}/x#part", HOST, "/x", id="fragment"),
        pytest.param(f"https://{HOST}./x", f"{HOST}.", "/x", id="dot last"),
        pytest.param(
            "https://bücher.example/ü",
            "xn--bcher-kva.example",
            "/%C3%BC",
            id="international",
        ),
    ],
)
def test_a_url_is_requested_as_browsers_do(
    web: PublicWeb, site: Site, url: str, host: str, path: str
) -> None:
    fetch(web, url)

    assert site.paths == [path]
    assert site.received[0].headers["host"] == host


CHUNKED = "Transfer-Encoding: chunked"
COMPLETE = {
    "chunked": raw(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", CHUNKED),
    "chunked, in capitals": raw(b"5\r\nabcde\r\n0\r\n\r\n", CHUNKED.title()),
    "until the end of the connection": raw(b"abcde"),
    "identity": answered(b"abcde", "Content-Encoding: Identity"),
    "another 2xx": answered(b"abcde", status="203 Fine"),
}


@pytest.mark.parametrize("answer", COMPLETE.values(), ids=COMPLETE)
def test_a_complete_answer_is_accepted(
    web: PublicWeb, site: Site, answer: bytes
) -> None:
    site.answer = lambda _: answer

    assert fetch(web, f"https://{HOST}/", max_bytes=5) == b"abcde"


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("answers_plainly", [False, True], ids=["dead", "without TLS"])
def test_an_address_that_does_not_connect_is_skipped(
    web: PublicWeb, internet: Internet, vendor: Site, answers_plainly: bool
) -> None:
    internet.zone[HOST] = [["93.184.215.1", PUBLIC]]
    port = vendor.server_port if answers_plainly else UNUSED_PORT
    internet.routes["93.184.215.1"] = port

    assert fetch(web, f"https://{HOST}/") == CONTENT


def test_only_three_addresses_are_tried(web: PublicWeb, internet: Internet) -> None:
    ips = [f"93.184.215.{last}" for last in range(1, 9)]
    internet.zone[HOST] = [ips]
    internet.routes = dict.fromkeys(ips, UNUSED_PORT)

    with pytest.raises(Unreachable):
        fetch(web, f"https://{HOST}/")

    assert len(internet.opened) == 3


def test_a_trusted_origin_may_be_private_http(web: PublicWeb, vendor: Site) -> None:
    origin = vendor.url

    for named in (origin, f"{origin}/v1/"):
        assert fetch(web, f"{origin}/x", trusted_origin=named) == CONTENT


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


def test_the_systems_resolver_is_used() -> None:
    assert "127.0.0.1" in resolve("localhost", 443)


def test_ipv4_addresses_come_first_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["2606:2800::1", PUBLIC, PUBLIC]
    answers = [(0, 0, 0, "", (address, 443)) for address in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)

    assert list(resolve(HOST, 443)) == [PUBLIC, "2606:2800::1"]


def test_an_unknown_name_is_unreachable(web: PublicWeb) -> None:
    with pytest.raises(Unreachable):
        fetch(web, "https://unknown.example/")


# Certificates


@pytest.mark.usefixtures("site")
def test_a_certificate_for_another_name_is_refused(web: PublicWeb) -> None:
    with pytest.raises(Unreachable):
        fetch(web, "https://wrong.example/")


@pytest.mark.usefixtures("site")
def test_an_untrusted_certificate_is_refused() -> None:
    with pytest.raises(Unreachable):
        fetch(PublicWeb(total_seconds=300), f"https://{HOST}/")


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(
    web: PublicWeb, site: Site, internet: Internet, status: int
) -> None:
    first = redirect("/b?c", f"{status} Moved")
    site.answer = lambda path: first if path == "/a" else answered(CONTENT)

    assert fetch(web, f"https://{HOST}/a") == CONTENT
    assert site.paths == ["/a", "/b?c"]
    assert internet.looked_up == [HOST, HOST]


@pytest.mark.parametrize(
    ("to", "is_kept"),
    [
        pytest.param(f"https://{HOST}/b", True, id="the same host"),
        pytest.param(f"https://{HOST}:443/b", True, id="the same, with its port"),
        pytest.param("https://other.example/b", False, id="another host"),
        pytest.param(f"https://{HOST}:8443/b", False, id="another port"),
    ],
)
def test_a_key_is_never_sent_to_another_host(
    web: PublicWeb, site: Site, to: str, is_kept: bool
) -> None:
    site.answer = lambda path: redirect(to) if path == "/a" else answered(CONTENT)

    fetch(web, f"https://{HOST}/a", headers={"Authorization": "key"})

    assert ("authorization" in site.received[1].headers) is is_kept


def test_a_fourth_redirect_is_not_followed(web: PublicWeb, site: Site) -> None:
    site.answer = lambda path: redirect(path + "x")

    with pytest.raises(Unreachable, match="too many"):
        fetch(web, f"https://{HOST}/")

    assert len(site.paths) == 4


# Refused answers


UNREACHABLE = {
    **{
        status: answered(b"x", status=status)
        for status in (
            *("404 Not", "410 Gone", "403 No", "500 Oh"),
            *("206 Part", "300 Choose", "304 Same"),
        )
    },
    "to nowhere": answered(b"", status="302 Found"),
    "no answer": b"",
    "no HTTP": b"garbage\r\n\r\n",
    "shorter than promised": raw(b"abc", "Content-Length: 4"),
    "cut within a chunk": raw(b"3\r\nabc\r\n9\r\nde", CHUNKED),
    "cut between chunks": raw(b"3\r\nabc\r\n", CHUNKED),
}
BAD = {
    "empty": answered(b""),
    "announced too large": raw(b"x", "Content-Length: 1001"),
    "too large all the same": raw(b"x" * 2000),
    "compressed": answered(b"x", "Content-Encoding: gzip"),
    "compressed on its way": raw(b"x", "Transfer-Encoding: gzip, chunked"),
    "HTML": answered(b"x", "Content-Type: text/html; charset=x"),
    "XHTML": answered(b"x", "Content-Type: application/xhtml+xml"),
    **{
        f"a web page: {start!r}": answered(start)
        for start in (b"<!DOCTYPE html>", b"<head>", b"<body>", b"<script>")
    },
    "a web page in pieces": raw(b"3\r\n<ht\r\n3\r\nml>\r\n0\r\n\r\n", CHUNKED),
    "a web page with a mark": answered(b"\xef\xbb\xbf \n<HTML>"),
}


@pytest.mark.parametrize("answer", UNREACHABLE.values(), ids=UNREACHABLE)
def test_failed_answers_are_unreachable(
    web: PublicWeb, site: Site, answer: bytes
) -> None:
    site.answer = lambda _: answer

    with pytest.raises(Unreachable):
        fetch(web, f"https://{HOST}/", max_bytes=1000)


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_a_bad_answer_is_refused(web: PublicWeb, site: Site, answer: bytes) -> None:
    site.answer = lambda _: answer

    with pytest.raises(BadContent):
        fetch(web, f"https://{HOST}/", max_bytes=1000)


def test_bytes_below_the_limit_are_passed_on_before_the_refusal(
    web: PublicWeb, site: Site
) -> None:
    site.answer = lambda _: raw(b"x" * 2_000_000)
    chunks = web.stream(WebFile(url=f"https://{HOST}/"), max_bytes=1_000_000)

    came = b""
    with pytest.raises(BadContent):
        for chunk in chunks:
            came += chunk

    assert 0 < len(came) <= 1_000_000


def test_closing_the_stream_closes_the_connection(web: PublicWeb, site: Site) -> None:
    site.answer = lambda _: answered(b"x" * 900_000)
    chunks = web.stream(WebFile(url=f"https://{HOST}/"), max_bytes=MAX_BYTES)
    next(chunks)
    before = threading.active_count()

    chunks.close()  # type: ignore[attr-defined]  # it is a generator

    assert threading.active_count() <= before


@pytest.mark.usefixtures("site")
def test_proxies_of_the_environment_are_ignored(
    web: PublicWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert fetch(web, f"https://{HOST}/") == CONTENT


def test_an_error_does_not_contain_the_url(web: PublicWeb, internet: Internet) -> None:
    internet.routes[PUBLIC] = UNUSED_PORT

    with pytest.raises(Unreachable) as caught:
        fetch(web, f"https://{HOST}/?signature=secret")

    assert "secret" not in str(caught.value)

"""What may be downloaded, from where, and how a download goes wrong."""

import contextlib
import datetime
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.domain.errors import BadContent, NotPublic, Unreachable
from shared.gcp.public_address import is_public
from shared.gcp.web_download import PublicWeb, resolve
from shared.ports import WebFile

PUBLIC = "93.184.215.14"
HOST = "files.example"
MOST = 1_000_000
CONTENT = bytes(range(256)) * 40


# A web of our own


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """A certificate for our names, for a server and for who trusts it."""

    pem: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)
        return context

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.pem))
        # As Python has it from 3.13 on.
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context


def certificate(path: Path, *names: x509.GeneralName) -> Trust:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(pem))
    return Trust(pem=path)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return certificate(
        tmp_path_factory.mktemp("tls") / "pem",
        x509.DNSName(HOST),
        x509.DNSName("other.example"),
        x509.DNSName("xn--bcher-kva.example"),
        x509.IPAddress(ip_address(PUBLIC)),
    )


@dataclass(slots=True)
class Site:
    """A server that sends `answer(path)` as it is, and keeps what it was asked."""

    answer: Callable[[str], bytes] = lambda _: answered(CONTENT)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    # Set: no more is sent after the answer, and the connection stays open.
    stalls: bool = False
    drips: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0


def answered(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    given = [*headers, f"Content-Length: {len(body)}"]
    return raw(body, *given, status=status)


def raw(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, "Connection: close", "", ""])
    return head.encode() + body


def redirect(to: str, status: str = "302 Found") -> bytes:
    return answered(b"", f"Location: {to}", status=status)


@contextlib.contextmanager
def serving(site: Site, context: ssl.SSLContext | None) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append((self.path, dict(self.headers)))
            content = site.answer(self.path)
            with contextlib.suppress(OSError):
                self._send(content)

        def _send(self, content: bytes) -> None:
            self.wfile.write(content)
            while site.drips and not site.released.wait(0.02):
                self.wfile.write(b"x")
            self.wfile.flush()
            if site.stalls:
                site.released.wait(30)
            self.close_connection = True

        def finish(self) -> None:
            with contextlib.suppress(OSError):
                super().finish()
                if isinstance(self.connection, ssl.SSLSocket):
                    # The goodbye of TLS, without waiting for the other's.
                    self.connection.settimeout(0.5)
                    self.connection.unwrap()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients go away here on purpose."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        context.sni_callback = lambda _, name, __: site.server_names.append(name)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        site.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site(trust: Trust) -> Iterator[Site]:
    """Over https."""
    made = Site()
    with serving(made, trust.server()):
        yield made


@pytest.fixture
def plain_site() -> Iterator[Site]:
    """Over http."""
    made = Site()
    with serving(made, None):
        yield made


@dataclass(slots=True)
class Internet:
    """Names and the way to public addresses, all of which lead to `port` here."""

    port: int = 0
    names: dict[str, Sequence[str]] = field(default_factory=dict)
    resolved: list[str] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)

    def resolve(self, host: str, port: int) -> Sequence[str]:
        self.resolved.append(host)
        return self.names.get(host, [PUBLIC])

    def dial(self, address: tuple[str, int], seconds: float) -> socket.socket:
        self.dialled.append(f"{address[0]}:{address[1]}")
        if address[0] in self.dead:
            raise ConnectionRefusedError
        return socket.create_connection(("127.0.0.1", self.port), seconds)

    def web(self, trust: Trust, **limits: float) -> PublicWeb:
        return PublicWeb(
            tls=trust.client(), resolver=self.resolve, dial=self.dial, **limits
        )


@pytest.fixture
def internet(site: Site) -> Internet:
    return Internet(port=site.port)


def fetch(web: PublicWeb, url: str, *, most: int = MOST, **what: Any) -> bytes:
    return b"".join(web.stream(WebFile(url=url, **what), most_bytes=most))


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


def test_headers_are_sent(trust: Trust, site: Site, internet: Internet) -> None:
    fetch(internet.web(trust), f"https://{HOST}/", headers={"x-goog-api-key": "key"})

    assert site.requests[0][1]["x-goog-api-key"] == "key"


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


def test_a_host_that_is_trusted_may_be_plain_and_private(plain_site: Site) -> None:
    url = f"http://127.0.0.1:{plain_site.port}/x"

    assert fetch(PublicWeb(), url, trusted_host="127.0.0.1") == CONTENT
    with_port = f"127.0.0.1:{plain_site.port}"
    assert fetch(PublicWeb(), url, trusted_host=with_port) == CONTENT


@pytest.mark.parametrize(
    "trusted_host",
    ["localhost", "127.0.0.2", "27.0.0.1", "127.0.0.1.example", "127.0.0.1:1", ""],
)
def test_only_exactly_the_trusted_host_is_trusted(
    plain_site: Site, trusted_host: str
) -> None:
    url = f"http://127.0.0.1:{plain_site.port}/x"

    with pytest.raises(NotPublic):
        fetch(PublicWeb(), url, trusted_host=trusted_host)

    assert plain_site.requests == []


# Addresses that are refused before a connection is opened

HOSTILE = [
    ("http://files.example/", "plain http"),
    ("ftp://files.example/", "ftp"),
    ("file:///etc/passwd", "file"),
    ("gopher://files.example/", "gopher"),
    ("//files.example/", "no scheme"),
    ("https:///x", "no host"),
    ("https://", "nothing"),
    ("", "empty"),
    ("https://user@files.example/", "user"),
    ("https://files.example@127.0.0.1/", "user that looks like a host"),
    ("https://files.example\\@127.0.0.1/", "backslash"),
    ("https://files.example/\r\nHost: x", "line break"),
    ("https://files.example/a b", "space"),
    ("https://files.example:0/", "port 0"),
    ("https://files.example:99999/", "port too large"),
    ("https://files.example:x/", "port in letters"),
    ("https://[::1/", "broken brackets"),
    ("https://" + "a" * 64 + ".example/", "label too long"),
    ("https://ü" + "ü" * 70 + ".example/", "label that is no name"),
    ("https://files.example/" + "x" * 9000, "very long"),
    ("https://localhost/", "localhost"),
    ("https://a.localhost/", "under localhost"),
    ("https://printer.local/", "local"),
    ("https://metadata/", "one label"),
    ("https://metadata.google.internal/", "metadata server"),
    ("https://METADATA.google.internal./", "metadata server with a dot"),
    ("https://169.254.169.254/", "metadata address"),
    ("https://127.0.0.1/", "loopback"),
    ("https://127.1/", "short loopback"),
    ("https://2130706433/", "loopback as a number"),
    ("https://0x7f000001/", "loopback in hex"),
    ("https://0x7f.0.0.0x1/", "loopback in parts of hex"),
    ("https://0177.0.0.1/", "loopback in octal"),
    ("https://１２７.0.0.1/", "loopback in wide digits"),
    ("https://0.0.0.0/", "unspecified"),
    ("https://10.0.0.1/", "private 10"),
    ("https://172.16.0.1/", "private 172"),
    ("https://192.168.0.1/", "private 192"),
    ("https://100.64.0.1/", "carrier-grade NAT"),
    ("https://198.18.0.1/", "benchmark"),
    ("https://224.0.0.1/", "multicast"),
    ("https://255.255.255.255/", "broadcast"),
    ("https://[::1]/", "loopback 6"),
    ("https://[::]/", "unspecified 6"),
    ("https://[::ffff:127.0.0.1]/", "mapped"),
    ("https://[::ffff:93.184.215.14]/", "mapped, of a public one"),
    ("https://[::127.0.0.1]/", "compatible"),
    ("https://[64:ff9b::7f00:1]/", "NAT64"),
    ("https://[64:ff9b:1::7f00:1]/", "local NAT64"),
    ("https://[2002:7f00:1::]/", "6to4"),
    ("https://[2001:0:7f00:1::]/", "Teredo"),
    ("https://[fe80::1]/", "link-local 6"),
    ("https://[fe80::1%25eth0]/", "link-local 6 with a zone"),
    ("https://[fc00::1]/", "unique local"),
    ("https://[ff02::1]/", "multicast 6"),
    ("https://[2001:db8::1]/", "documentation"),
    ("https://[2001:2::1]/", "benchmark 6"),
]


@pytest.mark.parametrize("url", [pytest.param(url, id=name) for url, name in HOSTILE])
def test_a_hostile_address_opens_no_connection(
    trust: Trust, site: Site, internet: Internet, url: str
) -> None:
    with pytest.raises(NotPublic):
        fetch(internet.web(trust), url)

    assert internet.dialled == []


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["127.0.0.1"], id="loopback"),
        pytest.param(["169.254.169.254"], id="metadata"),
        pytest.param([PUBLIC, "10.0.0.1"], id="one of two"),
        pytest.param([PUBLIC, "::ffff:10.0.0.1"], id="one of two, mapped"),
        pytest.param(["fe80::1%eth0"], id="link-local with a zone"),
        pytest.param(["100.127.255.255"], id="carrier-grade NAT"),
        pytest.param(["nonsense"], id="no address"),
    ],
)
def test_a_name_of_a_private_address_opens_no_connection(
    trust: Trust, internet: Internet, addresses: Sequence[str]
) -> None:
    internet.names[HOST] = addresses

    with pytest.raises(NotPublic):
        fetch(internet.web(trust), f"https://{HOST}/")

    assert internet.dialled == []


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


def test_a_name_is_looked_up_once_and_cannot_change_its_mind(
    trust: Trust, site: Site, internet: Internet
) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    web = PublicWeb(
        tls=trust.client(), resolver=lambda *_: next(answers), dial=internet.dial
    )

    assert fetch(web, f"https://{HOST}/") == CONTENT
    assert internet.dialled == [f"{PUBLIC}:443"]
    with pytest.raises(NotPublic):
        fetch(web, f"https://{HOST}/")
    assert internet.dialled == [f"{PUBLIC}:443"]


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


@pytest.mark.parametrize(
    "to",
    [
        "https://127.0.0.1/",
        "http://files.example/",
        "https://metadata.google.internal/",
        "https://private.example/",
        "file:///etc/passwd",
        "//[::1]/",
        "https://[::1/",
        "https://user@files.example/",
    ],
)
def test_a_redirect_to_where_nobody_may_go_is_refused(
    trust: Trust, site: Site, internet: Internet, to: str
) -> None:
    internet.names["private.example"] = ["192.168.0.1"]
    site.answer = lambda _: redirect(to)

    with pytest.raises(NotPublic):
        fetch(internet.web(trust), f"https://{HOST}/a")

    assert len(internet.dialled) == 1


def test_a_fourth_redirect_is_not_followed(
    trust: Trust, site: Site, internet: Internet
) -> None:
    site.answer = lambda path: redirect(path + "x")

    with pytest.raises(Unreachable, match="too many"):
        fetch(internet.web(trust), f"https://{HOST}/")

    assert len(site.requests) == 4


def test_a_redirect_to_nowhere_is_unreachable(
    trust: Trust, site: Site, internet: Internet
) -> None:
    site.answer = lambda _: answered(b"", status="302 Found")

    with pytest.raises(Unreachable):
        fetch(internet.web(trust), f"https://{HOST}/")


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


def test_a_bomb_is_not_unpacked(trust: Trust, site: Site, internet: Internet) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    site.answer = lambda _: answered(bomb, "Content-Encoding: gzip")

    with pytest.raises(BadContent, match="encoded"):
        fetch(internet.web(trust), f"https://{HOST}/")


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

"""A small web server for the simulated internet, and its certificate."""

import contextlib
import datetime
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.gcp.web_download import PublicWeb
from shared.ports.providers import WebFile

PUBLIC = "93.184.215.14"
HOST = "files.example"
MAX_BYTES = 1_000_000
CONTENT = bytes(range(256)) * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """A certificate, as TLS contexts for the server and for clients that trust it."""

    pem: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)
        return context

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.pem))
        # The default from Python 3.13 on.
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


def trusted(folder: Path) -> Trust:
    """A certificate for all names in the tests."""
    return certificate(
        folder / "pem",
        x509.DNSName(HOST),
        x509.DNSName("other.example"),
        x509.DNSName("xn--bcher-kva.example"),
        x509.IPAddress(ip_address(PUBLIC)),
    )


@dataclass(slots=True)
class Site:
    """A server that sends the bytes `answer(path)`, and records requests."""

    answer: Callable[[str], bytes] = lambda _: answered(CONTENT)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    # After the answer, keep the connection open without sending more.
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
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            site.bodies.append(self.rfile.read(length))
            self.do_GET()

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
                    # Close TLS without waiting for the client to.
                    self.connection.settimeout(0.5)
                    self.connection.unwrap()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients disconnect on purpose here."""

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


def fetch(
    web: PublicWeb, url: str, *, max_bytes: int = MAX_BYTES, **what: Any
) -> bytes:
    return b"".join(web.stream(WebFile(url=url, **what), max_bytes=max_bytes))

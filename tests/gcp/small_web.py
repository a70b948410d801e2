"""A small web server for the simulated internet, and its certificate."""

import datetime
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.gcp.web_download import PublicWeb
from shared.ports.providers import WebFile
from tests.fakes.raw_server import RawServer, Received

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


class Site(RawServer):
    """A server that sends the bytes `answer(path)`."""

    answer: Callable[[str], bytes] = staticmethod(lambda _: answered(CONTENT))
    # After the answer, keep the connection open without sending more.
    stalls = False
    drips = False

    def respond(self, request: Received) -> Iterator[bytes]:
        yield self.answer(request.path)
        while self.drips and not self.released.wait(0.02):
            yield b"x"
        if self.stalls:
            self.released.wait()


def answered(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    given = [*headers, f"Content-Length: {len(body)}"]
    return raw(body, *given, status=status)


def raw(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, "Connection: close", "", ""])
    return head.encode() + body


def redirect(to: str, status: str = "302 Found") -> bytes:
    return answered(b"", f"Location: {to}", status=status)


def fetch(
    web: PublicWeb, url: str, *, max_bytes: int = MAX_BYTES, **what: Any
) -> bytes:
    return b"".join(web.stream(WebFile(url=url, **what), max_bytes=max_bytes))

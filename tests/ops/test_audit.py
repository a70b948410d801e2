"""The audit of what ships, against a server that speaks OSV's protocol."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ops.audit import NOT_AUDITED, main

LOCK = "requests==2.0.0 --hash=sha256:" + "0" * 64 + "\n"
KNOWN = {"vulns": [{"id": "GHSA-1", "schema_version": "1.0.0", "affected": []}]}


class Osv(BaseHTTPRequestHandler):
    """Knows of one vulnerability, in requests."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = KNOWN if asked["package"]["name"] == "requests" else {}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(known).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def osv() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Osv) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


@pytest.fixture
def lock(tmp_path: Path) -> str:
    file = tmp_path / "requirements.txt"
    file.write_text(LOCK)
    return str(file)


def test_a_known_vulnerability_fails(osv: str, lock: str) -> None:
    assert main(["--requirements", lock, "--osv-url", osv]) == 1


@pytest.mark.parametrize(("asked", "code"), [([], 0), (["--required"], 1)])
def test_an_audit_that_did_not_run_says_so(
    lock: str, asked: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = "http://127.0.0.1:1/v1/query"

    assert main(["--requirements", lock, "--osv-url", nowhere, *asked]) == code
    assert NOT_AUDITED in capsys.readouterr().err

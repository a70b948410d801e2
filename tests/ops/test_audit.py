"""The audit of locked packages, against a server that speaks OSV's protocol."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug import Request, Response

from local.http_server import HttpServer, as_json, routed
from ops.audit import NOT_AUDITED, main

LOCK = "requests==2.0.0 --hash=sha256:" + "0" * 64 + "\n"
KNOWN = {"vulns": [{"id": "GHSA-1", "schema_version": "1.0.0", "affected": []}]}


def answer(request: Request) -> Response:
    """Answer that requests has one known vulnerability."""
    is_known = request.get_json(force=True)["package"]["name"] == "requests"
    return as_json(KNOWN if is_known else {})


@pytest.fixture
def osv() -> Iterator[str]:
    with HttpServer(routed({("POST", "/v1/query"): answer})) as server:
        yield f"{server.url}/v1/query"


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


@pytest.mark.parametrize(
    "wrong",
    ["requests==2.0.0\n", "requests>=2 --hash=sha256:" + "0" * 64, "===no", None],
)
def test_a_lock_that_cannot_be_audited_fails(
    wrong: str | None, lock: str, osv: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the lack of a network excuses skipping the audit."""
    file = Path(lock)
    if wrong is None:
        file.unlink()
    else:
        file.write_text(wrong)

    assert main(["--requirements", lock, "--osv-url", osv]) == 1
    assert NOT_AUDITED not in capsys.readouterr().err

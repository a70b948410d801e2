"""gRPC's own output on stderr: only errors, locally as in the cloud."""

import os
import subprocess
import sys

import pytest

from local.__main__ import main

VARIABLE = "GRPC_VERBOSITY"
# Servers that end under a client, as when a front end restarts. Whether gRPC reads a
# server's goodbye before its connection is closed is chance, hence several.
ENDS = """
import sys, grpc
from concurrent.futures import ThreadPoolExecutor
answer = grpc.unary_unary_rpc_method_handler(lambda request, context: b"")
service = grpc.method_handlers_generic_handler("a.Service", {"Call": answer})
for _ in range(20):
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    call = grpc.insecure_channel(f"127.0.0.1:{port}").unary_unary("/a.Service/Call")
    call(b"")
    server.stop(None).wait()
    try:
        call(b"")
    except grpc.RpcError:
        continue
    sys.exit("no error")
"""


@pytest.mark.parametrize(("chosen", "is_used"), [("", "ERROR"), ("DEBUG", "DEBUG")])
def test_grpc_prints_only_errors_unless_set_otherwise(
    chosen: str, is_used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An emulator that ends under a listener is no error, and needs no message."""
    monkeypatch.setenv(VARIABLE, chosen)
    if not chosen:
        monkeypatch.delenv(VARIABLE)

    assert main(["token", "me"]) == 0

    assert os.environ[VARIABLE] == is_used


@pytest.mark.parametrize(("verbosity", "says"), [("ERROR", ""), ("", "Got goaway")])
def test_a_closed_connection_raises_and_is_printed_only_by_default(
    verbosity: str, says: str
) -> None:
    environ = {n: v for n, v in os.environ.items() if n != VARIABLE}
    if verbosity:
        environ[VARIABLE] = verbosity
    ran = subprocess.run(
        [sys.executable, "-c", ENDS],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ran.returncode == 0
    assert bool(ran.stderr) == bool(says) and says in ran.stderr

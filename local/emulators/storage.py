"""The one machine's Cloud Storage: an HTTP server and its command line.

`STORAGE_EMULATOR_HOST=http://127.0.0.1:PORT` makes the real client library use it.
"""

import argparse
import json
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from local.emulators.cloud_storage.cors import (
    CORS_FILE,
    Cors,
)
from local.emulators.cloud_storage.downloads import object_resource
from local.emulators.cloud_storage.errors import (
    ConnectionCutError,
    Refusal,
    StorageRefusedError,
    error_json,
)
from local.emulators.cloud_storage.faults import (
    Fault,
    FaultPlan,
)
from local.emulators.cloud_storage.http import (
    Body,
    Reply,
    Request,
)
from local.emulators.cloud_storage.json import (
    JsonApi,
    json_reply,
)
from local.emulators.cloud_storage.objects import ObjectStore
from local.emulators.cloud_storage.signatures import (
    Signer,
    signer_from_key,
)
from local.emulators.cloud_storage.uploads import read_json
from local.emulators.cloud_storage.xml import XmlApi

_JSON_PATHS = ("/storage/v1/", "/upload/storage/v1/", "/download/storage/v1/")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """`origins` are those of the pages that may use the bucket, such as
    http://127.0.0.1:8080; `port` 0 takes a free one."""

    folder: Path
    signer: Signer
    origins: Sequence[str] = ()
    port: int = 0
    cors_file: Path = CORS_FILE
    now: Callable[[], datetime] = utc_now


class StorageServer(ThreadingMixIn, TCPServer):
    """A thread per connection, so a connection that says nothing stops nobody."""

    daemon_threads = False  # server_close then waits for the threads it ended
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, settings: StorageSettings) -> None:
        cors = Cors.load(settings.cors_file, settings.origins)
        self.store = ObjectStore(settings.folder, settings.now)
        self.faults = FaultPlan()
        self._json = JsonApi(store=self.store, faults=self.faults, cors=cors)
        self._xml = XmlApi(
            store=self.store,
            faults=self.faults,
            cors=cors,
            signer=settings.signer,
            now=settings.now,
        )
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", settings.port), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, request: Request) -> Reply:
        if request.path.startswith("/_control/"):
            return self._control(request)
        if request.path.startswith(_JSON_PATHS):
            return self._json.handle(request)
        return self._xml.handle(request)

    def server_close(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()
        self._json.close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error here; anything else is reported."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def _control(self, request: Request) -> Reply:
        match (request.method, request.path):
            case ("GET", "/_control/objects"):
                return json_reply({"objects": self._all_objects(request)})
            case ("GET", "/_control/faults"):
                return json_reply({"faults": self.faults.armed()})
            case ("POST", "/_control/faults"):
                return self._add_fault(request)
            case ("DELETE", "/_control/faults"):
                self.faults.clear()
                return Reply(status=204)
            case _:
                return _refused(Refusal.WRONG_METHOD, request.path)

    def _add_fault(self, request: Request) -> Reply:
        try:
            self.faults.add(Fault.from_json(read_json(request)))
        except (KeyError, ValueError, TypeError, StorageRefusedError) as error:
            return _refused(Refusal.INVALID, f"not a fault: {error}")
        return json_reply({"faults": self.faults.armed()})

    def _all_objects(self, request: Request) -> list[dict[str, Any]]:
        names = [bucket["name"] for bucket in self.store.buckets()]
        stored = [found for name in names for found in self.store.objects(name)]
        return [object_resource(found, request.base_url) for found in stored]


def _refused(refusal: Refusal, details: str) -> Reply:
    error = StorageRefusedError(refusal, details)
    return json_reply(error_json(error), status=error.status)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: StorageServer

    def _serve(self) -> None:
        try:
            request = self._request()
            self._send(request, self.server.answer(request))
        except ConnectionCutError:
            self.close_connection = True

    def _request(self) -> Request:
        path, _, query = self.path.partition("?")
        names = {name.lower() for name in self.headers}
        headers = {n: ",".join(self.headers.get_all(n, [])) for n in names}
        return Request(
            method=self.command,
            path=path,
            query_text=query,
            headers=headers,
            body=Body(self.rfile, _body_length(headers)),  # type: ignore[arg-type]
        )

    def _send(self, request: Request, reply: Reply) -> None:
        try:
            # What was not read would be taken for the next request.
            request.body.drain()
            self._send_head(reply)
            if self.command != "HEAD":
                self._send_content(reply)
        finally:
            reply.close()

    def _send_head(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status not in (204, 304):
            self.send_header("Content-Length", str(reply.length))
        if reply.status >= 500:
            # The client library never reads the body of a download that failed, so
            # it could not use this connection again, nor would it close it.
            self.send_header("Connection", "close")
        self.end_headers()

    def _send_content(self, reply: Reply) -> None:
        for piece in reply.pieces():
            self.wfile.write(piece)
        if reply.cut_after_bytes is not None:
            raise ConnectionCutError

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a signed address does not belong in a log."""

    # The names are http.server's.
    do_GET = do_HEAD = do_OPTIONS = _serve  # noqa: N815
    do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815


def _body_length(headers: dict[str, str]) -> int | None:
    if "chunked" in headers.get("transfer-encoding", ""):
        return None
    length = headers.get("content-length", "0")
    return int(length) if length.isdigit() else 0


@contextmanager
def running_storage(settings: StorageSettings) -> Iterator[StorageServer]:
    """Serve in this process until the block ends; connections end with it."""
    server = StorageServer(settings)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main(arguments: Sequence[str]) -> None:
    """`python -m local.emulators.storage`: one JSON line once it is up."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    options = _options(arguments)
    settings = StorageSettings(
        folder=options.folder,
        signer=signer_from_key(options.key.read_text(encoding="utf-8")),
        origins=options.origins,
        port=options.port,
    )
    with running_storage(settings) as server:
        for name in options.bucket:
            _ensure_bucket(server.store, name)
        print(json.dumps({"ready": True, "address": server.address}), flush=True)
        stop.wait()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.emulators.storage")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--folder", type=Path, required=True, help="objects on disk")
    parser.add_argument(
        "--key", type=Path, required=True, help="service account JSON, or public PEM"
    )
    parser.add_argument("--origins", nargs="*", default=[], help="for CORS, exact")
    parser.add_argument(
        "--bucket", action="append", default=[], help="made if not there"
    )
    return parser.parse_args(arguments)


def _ensure_bucket(store: ObjectStore, name: str) -> None:
    if name not in (bucket["name"] for bucket in store.buckets()):
        store.create_bucket(name, {})


if __name__ == "__main__":
    main(sys.argv[1:])
